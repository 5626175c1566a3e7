"""Presets of gateways, which pass questions on to others; see :mod:`.preset_row`."""

from __future__ import annotations

from functools import partial

from .preset_row import PresetRow

_gateway = partial(PresetRow, group="gateways")

# It answers when it is done, with text alone.
_WITHOUT_TOOLS_AND_STREAM = {
    "streams": False,
    "stop_is_list": True,
    "supports_tools": False,
    "options": frozenset(
        {"temperature", "top_p", "max_tokens", "stop", "seed", "extra_body", "extra_headers"}
    ),
}

GATEWAYS: tuple[PresetRow, ...] = (
    _gateway(
        "openrouter",
        "https://openrouter.ai/api/v1",
        "https://openrouter.ai",
        ("OPENROUTER_API_KEY", "OR_API_KEY"),
        ("OPENROUTER_API_BASE",),
        reasoning="reasoning.effort",
        limits="openrouter",
        has_responses=True,
        source="L D",
    ),
    _gateway(
        "vercel",
        "https://ai-gateway.vercel.sh/v1",
        "https://vercel.com/ai-gateway",
        ("AI_GATEWAY_API_KEY", "VERCEL_AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN"),
        reasoning="reasoning.effort",
        source="M Y",
    ),
    _gateway(
        "requesty",
        "https://router.requesty.ai/v1",
        "https://www.requesty.ai",
        ("REQUESTY_API_KEY",),
        source="M",
    ),
    _gateway(
        "poe",
        "https://api.poe.com/v1",
        "https://poe.com/api_key",
        ("POE_API_KEY",),
        reasoning="refused",
        source="M",
        note="it ignores reasoning_effort: write its own field into extra_body",
    ),
    _gateway(
        "helicone",
        "https://ai-gateway.helicone.ai/v1",
        "https://www.helicone.ai",
        ("HELICONE_API_KEY",),
        source="M",
    ),
    _gateway(
        "zenmux",
        "https://zenmux.ai/api/v1",
        "https://zenmux.ai",
        ("ZENMUX_API_KEY",),
        source="M",
    ),
    _gateway(
        "opencode",
        "https://opencode.ai/zen/v1",
        "https://opencode.ai/zen",
        ("OPENCODE_API_KEY",),
        source="M",
    ),
    _gateway(
        "pollinations",
        "https://gen.pollinations.ai/v1",
        "https://pollinations.ai",
        ("POLLINATIONS_API_KEY",),
        source="F D",
    ),
    _gateway(
        "kilo",
        "https://api.kilo.ai/api/gateway",
        "https://kilo.ai",
        ("KILO_API_KEY",),
        status="keyless",
        rate=(200, 3600),
        source="M F D",
        note="by address, models that end with :free; their prompts are kept for training",
    ),
    _gateway(
        "aihorde",
        "https://oai.aihorde.net/v1",
        "https://aihorde.net",
        ("AIHORDE_API_KEY",),
        status="keyless",
        source="F D",
        doubts=("key_variables",),
        note="volunteers' machines: a pilot, queued for up to minutes, max_tokens from 16",
        quirks={"guest_key": "0000000000", **_WITHOUT_TOOLS_AND_STREAM},
    ),
)

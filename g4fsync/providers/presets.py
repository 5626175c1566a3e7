"""Services and servers that speak OpenAI's protocol: data, no code of their own.

Base URLs and names of key variables are from pydantic-ai, aichat, mods, LiteLLM
and Portkey (2026) and the vendors' own clients.  Ports of local servers are
their defaults; llama.cpp's is moving from 8080 to 9931.  The key variables of
local servers, which need none, are a guess but for LiteLLM's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .openai import OpenAI


@dataclass(frozen=True, slots=True)
class Preset:
    """A service by name.

    ``base_url`` is empty where only the user can know it.  ``default_model`` is
    for servers that take any name, having one model.  ``quirks`` are attributes
    of :class:`OpenAI` that differ here.
    """

    name: str
    base_url: str
    url: str
    key_variables: tuple[str, ...]
    base_url_variables: tuple[str, ...] = ()
    is_local: bool = False
    default_model: str | None = None
    quirks: Mapping[str, Any] = field(default_factory=dict)

    def provider_class(self) -> type[OpenAI]:
        """A provider of this name."""
        about = self.url.removeprefix("https://")
        return type(
            self.name.capitalize(),
            (OpenAI,),
            {
                "__module__": __name__,
                "__doc__": f"Chat with {self.name} ({about}); settings as for :class:`OpenAI`.",
                "name": self.name,
                "base_url": self.base_url,
                "url": self.url,
                "key_variables": self.key_variables,
                "base_url_variables": self.base_url_variables,
                "needs_key": not self.is_local,
                "status": "local" if self.is_local else "active",
                "default_model": self.default_model,
                **self.quirks,
            },
        )


PRESETS = (
    Preset(
        "openrouter",
        "https://openrouter.ai/api/v1",
        "https://openrouter.ai",
        ("OPENROUTER_API_KEY", "OR_API_KEY"),
        ("OPENROUTER_API_BASE",),
    ),
    Preset(
        "groq",
        "https://api.groq.com/openai/v1",
        "https://console.groq.com",
        ("GROQ_API_KEY",),
        ("GROQ_BASE_URL",),
        # Groq's own variable names the host without the path of its API.
        quirks={"bare_path": "/openai/v1"},
    ),
    Preset(
        "deepseek",
        "https://api.deepseek.com",
        "https://platform.deepseek.com",
        ("DEEPSEEK_API_KEY",),
        quirks={"bare_path": ""},
    ),
    Preset(
        "mistral",
        "https://api.mistral.ai/v1",
        "https://console.mistral.ai",
        ("MISTRAL_API_KEY",),
        # It refuses fields it does not know, and tells usage unasked.
        quirks={"include_usage": False, "seed_field": "random_seed"},
    ),
    Preset(
        "together",
        "https://api.together.xyz/v1",
        "https://api.together.ai",
        ("TOGETHER_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_AI_TOKEN"),
    ),
    Preset(
        "fireworks",
        "https://api.fireworks.ai/inference/v1",
        "https://fireworks.ai",
        ("FIREWORKS_API_KEY",),
    ),
    Preset("xai", "https://api.x.ai/v1", "https://console.x.ai", ("XAI_API_KEY",)),
    Preset(
        "azure",
        "",
        "https://portal.azure.com",
        ("AZURE_OPENAI_API_KEY", "AZURE_API_KEY", "AZURE_OPENAI_KEY"),
        ("AZURE_OPENAI_ENDPOINT", "AZURE_API_BASE"),
        quirks={
            "bare_path": "/openai/v1",
            "key_header": "api-key",
            "max_tokens_field": "max_completion_tokens",
        },
    ),
    Preset(
        "vllm",
        "http://127.0.0.1:8000/v1",
        "https://docs.vllm.ai",
        ("VLLM_API_KEY",),
        ("HOSTED_VLLM_API_BASE",),
        is_local=True,
    ),
    Preset(
        "llamacpp",
        "http://127.0.0.1:8080/v1",
        "https://github.com/ggml-org/llama.cpp",
        ("LLAMA_API_KEY",),
        is_local=True,
        default_model="default",
    ),
    Preset(
        "lmstudio",
        "http://127.0.0.1:1234/v1",
        "https://lmstudio.ai",
        ("LMSTUDIO_API_KEY",),
        ("LMSTUDIO_API_URL",),
        is_local=True,
    ),
    Preset(
        "localai",
        "http://127.0.0.1:8080/v1",
        "https://localai.io",
        ("LOCALAI_API_KEY",),
        is_local=True,
    ),
    Preset(
        "litellm",
        "http://127.0.0.1:4000/v1",
        "https://docs.litellm.ai",
        ("LITELLM_PROXY_API_KEY", "LITELLM_API_KEY", "LITELLM_MASTER_KEY"),
        ("LITELLM_PROXY_API_BASE",),
        is_local=True,
    ),
    Preset(
        "g4f",
        "http://127.0.0.1:1337/v1",
        "https://github.com/xtekky/gpt4free",
        ("G4F_API_KEY",),
        is_local=True,
        default_model="default",
    ),
)

PROVIDERS: Mapping[str, type[OpenAI]] = {each.name: each.provider_class() for each in PRESETS}

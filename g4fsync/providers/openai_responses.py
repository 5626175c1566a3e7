"""OpenAI's Responses API: which requests go there, and what they say.

Facts, from openai-python 3.57 (``types/responses``, Nov 2026), runs of llama.cpp
b11549, and OpenAI's guides (reasoning, conversation state, function calling):

* ``POST {base}/responses``, answered as server-sent events; the answer's part stands
  in :mod:`.openai_responses_answers`, the conversation's in
  :mod:`.openai_responses_messages`.
* Nothing is kept at the server: ``store`` is false, and the conversation goes along
  each time.  Reasoning then comes encrypted, when ``include`` asks for it, and must
  be sent back with its tool calls.  Models that do not reason refuse that
  ``include``: "Encrypted content is not supported with this model".
* A function is strict unless it says otherwise, the other way round than in chat
  completions; here it is what it is there.
* There is no ``stop`` and no ``seed``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidRequest
from ..messages import ChatRequest
from . import chatapi, formats, tooldefs
from .openai_responses_messages import input_items, instructions

_ENCRYPTED = "reasoning.encrypted_content"
# OpenAI's models that reason, by their names; those for search have chat completions only.
_REASONS = re.compile(
    r"(ft:)?(o\d|gpt-([5-9]|\d\d)|codex|computer-use)(?!.*(-chat\b|search-api|search-preview))"
)
_DOES_NOT_REASON = re.compile(r"(?:[\w.-]+/)?(ft:)?(gpt-[34]|chatgpt-4|gpt-5(\.\d)?-chat)")
# Fields of chat completions that the Responses API has not, or elsewhere.
_CHAT_FIELDS = frozenset(
    {
        *("audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs"),
        *("max_completion_tokens", "messages", "modalities", "n", "prediction"),
        *("presence_penalty", "reasoning_effort", "response_format", "seed", "stop", "verbosity"),
        "web_search_options",
    }
)
_NAMES = {"temperature": "temperature", "top_p": "top_p", "max_tokens": "max_output_tokens"}
_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}


def is_reasoning_model(model: str) -> bool:
    """Whether *model*, by its name, is one of OpenAI's that reason."""
    return bool(_REASONS.match(model))


def can_say(request: ChatRequest, provider: str) -> bool:
    """Whether the Responses API has a place for all of *request*.

    ``extra_body`` counts as written for chat completions when it names one of their
    fields that the Responses API does not have.
    """
    if not _CHAT_FIELDS.isdisjoint(request.options.get("extra_body") or ()):
        return False
    try:
        body(request, provider)
    except InvalidRequest:
        return False
    return True


def body(request: ChatRequest, provider: str, *, summary: str | None = None) -> dict[str, Any]:
    """The request's JSON; *summary* asks for summaries of the reasoning."""
    options = request.options
    for name in ("stop", "seed"):
        if name in options:
            raise InvalidRequest(f"option {name}: the Responses API of {provider} has none")
    value: dict[str, Any] = {
        "model": request.model,
        "input": input_items(request.messages, provider),
        "stream": True,
        "store": False,
    }
    system = instructions(request.messages)
    if system:
        value["instructions"] = system
    if not _DOES_NOT_REASON.match(request.model):
        value["include"] = [_ENCRYPTED]
    value |= {own: options[name] for name, own in _NAMES.items() if name in options}
    reasoning = {"effort": options.get("reasoning_effort"), "summary": summary}
    value["reasoning"] = {name: each for name, each in reasoning.items() if each is not None}
    if "tools" in options:
        value["tools"] = [_tool(tool) for tool in tooldefs.openai_tools(options["tools"])]
    if "tool_choice" in options:
        value["tool_choice"] = _tool_choice(options["tool_choice"])
    if "response_format" in options:
        value["text"] = {
            "format": _flat(formats.answer_format(options["response_format"]).openai())
        }
    if not value["reasoning"]:
        del value["reasoning"]
    return chatapi.merged(value, options.get("extra_body") or {})


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    value = _flat(tool)
    if value["type"] == "function":
        value["strict"] = bool(value.get("strict"))
        value["parameters"] = value.get("parameters") or dict(_NO_PARAMETERS)
    return value


def _tool_choice(choice: str | Mapping[str, Any]) -> str | dict[str, Any]:
    if isinstance(choice, str):
        return choice
    value = _flat(choice)
    if value.get("type") == "allowed_tools" and isinstance(value.get("tools"), list | tuple):
        value["tools"] = [_flat(tool) for tool in value["tools"]]
    return value


def _flat(value: Mapping[str, Any]) -> dict[str, Any]:
    """*value* with the members that chat completions put below its type beside the type."""
    kind = value.get("type")
    inner = value.get(kind) if isinstance(kind, str) else None
    if not isinstance(inner, Mapping):
        return dict(value)
    return {**{name: each for name, each in value.items() if name != kind}, **inner, "type": kind}

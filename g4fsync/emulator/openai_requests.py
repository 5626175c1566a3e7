"""What OpenAI's chat completions accept: fields, messages, parts, tools.

Facts from openai-python's types (Aug 2026).  The real server takes many more
fields than a client of this package sends; an unknown one is refused here, as
the strict services do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .checks import Wrong, check_object
from .exchange import Exchange
from .model import decode_image
from .replies import Messages

FIELDS = {"model": "text", "messages": "array"}
OPTIONAL = {
    "stream": "boolean",
    "stream_options": "object or null",
    "temperature": "number or null",
    "top_p": "number or null",
    "max_tokens": "positive or null",
    "max_completion_tokens": "positive or null",
    "stop": "string or strings or null",
    "n": "positive or null",
    "seed": "integer or null",
    "logprobs": "boolean or null",
    "top_logprobs": "integer or null",
    "presence_penalty": "number or null",
    "frequency_penalty": "number or null",
    "logit_bias": "object or null",
    "tools": "array",
    "tool_choice": "string or object",
    "parallel_tool_calls": "boolean",
    "response_format": "object",
    "reasoning_effort": "string or null",
    "user": "string",
    "safety_identifier": "string",
    "prompt_cache_key": "string",
    "service_tier": "string",
    "metadata": "object",
    "store": "boolean",
    "verbosity": "string",
}
MEMBERS: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
    "system": ({"content": "string or array"}, {"name": "string"}),
    "developer": ({"content": "string or array"}, {"name": "string"}),
    "user": ({"content": "string or array"}, {"name": "string"}),
    "assistant": (
        {},
        {
            "content": "string or array or null",
            "name": "string",
            "refusal": "string or null",
            "tool_calls": "array",
        },
    ),
    "tool": ({"content": "string or array", "tool_call_id": "text"}, {}),
}


def read_messages(exchange: Exchange, messages: list[Any]) -> Messages:
    """The messages as role and text, or :class:`Wrong`."""
    if not messages:
        raise Wrong(400, "body.messages: empty")
    known_calls: set[str] = set()
    read: Messages = []
    for number, message in enumerate(messages):
        where = f"body.messages[{number}]"
        role = message.get("role") if isinstance(message, dict) else None
        if not isinstance(role, str) or role not in MEMBERS:
            raise Wrong(400, f"{where}.role: expected one of {', '.join(MEMBERS)}, got {role!r}")
        required, optional = MEMBERS[role]
        check_object(message, {"role": "text", **required}, optional, where=where)
        known_calls |= _read_calls(message.get("tool_calls", []), where)
        if role == "tool" and message["tool_call_id"] not in known_calls:
            raise Wrong(400, f"{where}.tool_call_id: no such call: {message['tool_call_id']!r}")
        if role == "assistant" and not message.get("content") and "tool_calls" not in message:
            raise Wrong(400, f"{where}.content: missing, and no tool_calls")
        text = _read_content(exchange, message.get("content"), where, images=role == "user")
        read.append({"role": role, "content": text})
    return read


def read_tools(tools: list[Any]) -> dict[str, Any]:
    """Names and schemas of the tools, or :class:`Wrong`."""
    read = {}
    for number, tool in enumerate(tools):
        where = f"body.tools[{number}]"
        check_object(tool, {"type": "text", "function": "object"}, where=where)
        optional = {"description": "string", "parameters": "object", "strict": "boolean or null"}
        where += ".function"
        function = check_object(tool["function"], {"name": "text"}, optional, where=where)
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", function["name"]):
            raise Wrong(400, f"{where}.name: not allowed: {function['name']!r}")
        read[function["name"]] = function.get("parameters", {})
    return read


def _read_calls(calls: list[Any], where: str) -> set[str]:
    ids = set()
    for number, call in enumerate(calls):
        place = f"{where}.tool_calls[{number}]"
        check_object(call, {"id": "text", "type": "text", "function": "object"}, where=place)
        wanted = {"name": "text", "arguments": "string"}
        check_object(call["function"], wanted, where=f"{place}.function")
        ids.add(call["id"])
    return ids


def _read_content(exchange: Exchange, content: Any, where: str, *, images: bool) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    texts = []
    for number, part in enumerate(content):
        place = f"{where}.content[{number}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text":
            check_object(part, {"type": "text", "text": "string"}, where=place)
            texts.append(part["text"])
        elif kind == "image_url" and images:
            check_object(part, {"type": "text", "image_url": "object"}, where=place)
            optional = {"detail": "string"}
            place += ".image_url"
            image = check_object(part["image_url"], {"url": "text"}, optional, where=place)
            _read_image(exchange, image["url"], place)
        else:
            raise Wrong(400, f"{place}.type: not allowed here: {kind!r}")
    return "".join(texts)


def _read_image(exchange: Exchange, url: str, where: str) -> None:
    if url.startswith(("http://", "https://")):
        return
    match = re.fullmatch(r"data:image/(png|jpeg|gif|webp);base64,(.*)", url, re.DOTALL)
    if match is None:
        raise Wrong(400, f"{where}.url: expected http(s) or a data URL, got {url[:40]!r}")
    decode_image(exchange, match[2], f"{where}.url")

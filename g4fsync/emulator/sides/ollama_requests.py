"""What Ollama's native API accepts: fields, messages, tools, options.

Facts from ollama/ollama (Aug 2026: ``api/types.go``) and ollama-python 0.6.3.  Go reads JSON
leniently: null means absent, a member that it does not know does not count, a message needs no
content, any content type will do.  An option that it does not know it only warns of in its log
(``invalid option provided``); one it knows, of the wrong type, it refuses.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ..checks import Wrong, check_object, kind_problem
from ..exchange import Exchange
from ..model import ANY_OBJECT, decode_image
from ..replies import Messages
from .openai_requests import FIELDS as COMPLETION, MEMBERS, OPTIONAL as COMPLETION_OPTIONAL

_log = logging.getLogger("g4fsync.emulator")

FIELDS = {"model": "text", "messages": "array"}
_SHARED = {
    "stream": "boolean",
    "think": "boolean or string",
    "format": "string or object",
    "options": "object",
    "keep_alive": "string or number",
    "logprobs": "boolean",
    "top_logprobs": "integer",
    "truncate": "boolean",
    "shift": "boolean",
}
OPTIONAL = {**_SHARED, "tools": "array"}
GENERATE = {
    **_SHARED,
    "prompt": "string",
    "suffix": "string",
    "system": "string",
    "template": "string",
    "context": "array",
    "raw": "boolean",
    "images": "strings",
    "width": "integer",
    "height": "integer",
    "steps": "integer",
}
EMBED = {
    "input": "string or strings",
    "truncate": "boolean",
    "dimensions": "positive",
    "options": "object",
    "keep_alive": "string or number",
}
OPTIONS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("temperature", "top_p", "min_p", "typical_p", "repeat_penalty"),
            *("presence_penalty", "frequency_penalty"),
        ),
        "number",
    ),
    **dict.fromkeys(
        (
            *("top_k", "seed", "num_predict", "num_ctx", "num_keep", "num_batch"),
            *("num_gpu", "main_gpu", "num_thread", "repeat_last_n"),
        ),
        "integer",
    ),
    "use_mmap": "boolean",
    "stop": "strings",
}
MESSAGE = {
    "content": "string",
    "images": "strings",
    "thinking": "string",
    "tool_calls": "array",
    "tool_name": "string",
    "tool_call_id": "string",
}


def go_object(
    value: Any, required: Mapping[str, str], optional: Mapping[str, str], *, where: str = "body"
) -> dict[str, Any]:
    """*value* as an object as Go reads one, or :class:`Wrong`: see the module."""
    if isinstance(value, dict):
        value = {name: each for name, each in value.items() if name in required or name in optional}
    return check_object(value, required, optional, where=where, nulls=True)


def go_completion(body: Any) -> Any:
    """*body* of a chat completion without what Go would not read of it."""
    if not isinstance(body, dict):
        return body
    body = {
        name: each for name, each in body.items() if name in {**COMPLETION, **COMPLETION_OPTIONAL}
    }
    if isinstance(body.get("messages"), list):
        body["messages"] = [_go_message(message) for message in body["messages"]]
    return body


def _go_message(message: Any) -> Any:
    role = message.get("role") if isinstance(message, dict) else None
    if not isinstance(role, str) or role not in MEMBERS:
        return message
    known = {"role", *MEMBERS[role][0], *MEMBERS[role][1]}
    return {name: each for name, each in message.items() if name in known}


def read_options(options: Any) -> dict[str, Any]:
    """The options that there are; :class:`Wrong` for one of the wrong type."""
    known = {}
    for name, value in (options or {}).items():
        if name not in OPTIONS:
            _log.warning("invalid option provided: %s", name)
        elif value is not None:
            if kind_problem(value, OPTIONS[name]):
                raise Wrong(400, f'option "{name}" must be of type {OPTIONS[name]}')
            known[name] = value
    return known


def read_format(value: Any) -> Any:
    """The schema for the answer, or :class:`Wrong`; ``None`` for prose."""
    if value in (None, ""):
        return None
    if isinstance(value, dict):
        return value
    if value != "json":
        raise Wrong(
            400, f'invalid format: "{value}"; expected "json" or a valid JSON Schema object'
        )
    return ANY_OBJECT


def read_messages(exchange: Exchange, messages: list[Any]) -> Messages:
    """The messages as role and text, or :class:`Wrong`."""
    read: Messages = []
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        message = go_object(message, {"role": "text"}, MESSAGE, where=where)
        if message["role"] not in ("system", "user", "assistant", "tool"):
            raise Wrong(400, f"{where}.role: not known: {message['role']!r}")
        for place, image in enumerate(message.get("images", [])):
            decode_image(exchange, image, f"{where}.images[{place}]")
        for place, call in enumerate(message.get("tool_calls", [])):
            _check_call(call, f"{where}.tool_calls[{place}]")
        read.append({"role": message["role"], "content": message.get("content", "")})
    return read


def read_tools(tools: list[Any]) -> dict[str, Any]:
    """Names and schemas of the tools, or :class:`Wrong`."""
    read = {}
    for number, tool in enumerate(tools):
        where = f"tools[{number}]"
        optional = {"type": "text", "items": "anything"}
        go_object(tool, {"function": "object"}, optional, where=where)
        optional = {"description": "string", "parameters": "object", "strict": "boolean"}
        function = go_object(
            tool["function"], {"name": "text"}, optional, where=f"{where}.function"
        )
        read[function["name"]] = function.get("parameters", {})
    return read


def _check_call(call: Any, where: str) -> None:
    optional = {"id": "string", "type": "string"}
    go_object(call, {"function": "object"}, optional, where=where)
    wanted = {"name": "text", "arguments": "object"}
    more = {"index": "integer", "description": "string"}
    go_object(call["function"], wanted, more, where=f"{where}.function")

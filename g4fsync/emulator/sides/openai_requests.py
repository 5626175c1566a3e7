"""What chat completions accept: fields, messages, parts, tools, formats.

Facts from openai-python's types (2.54.0 and 3.57.0, Aug and Nov 2026).  The real server
takes many more fields than a client of this package sends; an unknown one is refused
here, as the strict services do.  Null means absent where the SDK's types say
``Optional``, and in messages: the SDK sends back what it has read, nulls and all.
DeepSeek's ``thinking`` and ``reasoning_content``: its guide to thinking mode.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..checks import Wrong, check_object
from ..exchange import Exchange
from ..model import ANY_OBJECT, decode_image
from ..replies import Messages
from ..schema_checks import check_strict

FIELDS = {"model": "text", "messages": "array"}
OPTIONAL = {
    "stream": "boolean or null",
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
    "tools": "array or null",
    "tool_choice": "string or object or null",
    "parallel_tool_calls": "boolean or null",
    "response_format": "object or null",
    "reasoning_effort": "string or null",
    "thinking": "object or null",
    "user": "string or null",
    "safety_identifier": "string or null",
    "prompt_cache_key": "string or null",
    "prompt_cache_options": "object or null",
    "prompt_cache_retention": "string or null",
    "service_tier": "string or null",
    "metadata": "object or null",
    "store": "boolean or null",
    "verbosity": "string or null",
    "audio": "object or null",
    "modalities": "strings or null",
    "moderation": "object or null",
    "prediction": "object or null",
    "web_search_options": "object or null",
}
_TEXT = {"content": "string or array"}
MEMBERS: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
    "system": (_TEXT, {"name": "string"}),
    "developer": (_TEXT, {"name": "string"}),
    "user": (_TEXT, {"name": "string"}),
    "assistant": (
        {},
        {
            "content": "string or array or null",
            "name": "string",
            "refusal": "string or null",
            "tool_calls": "array",
            "function_call": "object",
            "audio": "object",
            "annotations": "array",
            "parsed": "anything",
            "reasoning": "string",
            "reasoning_content": "string",
            "reasoning_details": "array",
        },
    ),
    "tool": ({**_TEXT, "tool_call_id": "text"}, {"name": "string"}),
    "function": ({"name": "text"}, {"content": "string"}),
}
#: Beside what a part says, for caches.
_CACHE = {"cache_control": "object", "prompt_cache_breakpoint": "object"}
#: Kind of a part -> roles in which it may stand, and what it has.
PARTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "text": ("any", {"text": "string"}),
    "refusal": ("assistant", {"refusal": "string"}),
    "image_url": ("user", {"image_url": "object"}),
    "input_audio": ("user", {"input_audio": "object"}),
    "file": ("user", {"file": "object"}),
}
_NAME = r"[A-Za-z0-9_-]{1,64}"


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
        wanted = {"role": "text", **required}
        message = check_object(message, wanted, optional, where=where, nulls=True)
        known_calls |= _read_calls(message.get("tool_calls", []), where)
        if role == "tool" and message["tool_call_id"] not in known_calls:
            raise Wrong(400, f"{where}.tool_call_id: no such call: {message['tool_call_id']!r}")
        if role == "assistant" and not message.get("content") and not _says_else(message):
            raise Wrong(400, f"{where}.content: missing, and no tool_calls")
        text = _read_content(exchange, message.get("content"), where, role)
        read.append({"role": "tool" if role == "function" else role, "content": text})
    return read


def _says_else(message: Mapping[str, Any]) -> bool:
    members = ("tool_calls", "function_call", "refusal", "audio")
    return any(message.get(name) for name in members)


def check_reasoning(messages: list[Any]) -> None:
    """DeepSeek, thinking: the turns since the user's last word bring their reasoning along."""
    for number in reversed(range(len(messages))):
        message = messages[number]
        role = message.get("role") if isinstance(message, dict) else None
        if role == "user":
            return
        calls = role == "assistant" and message.get("tool_calls")
        if calls and not message.get("reasoning_content"):
            raise Wrong(
                400,
                "Missing `reasoning_content` field in the assistant message at message index "
                f"{number}. For more information, please refer to "
                "https://api-docs.deepseek.com/guides/thinking_mode#tool-calls",
            )


def read_tools(tools: list[Any]) -> dict[str, Any]:
    """Names and schemas of the functions, or :class:`Wrong`; custom tools are never called."""
    read = {}
    for number, tool in enumerate(tools):
        where = f"body.tools[{number}]"
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind == "custom":
            check_object(tool, {"type": "text", "custom": "object"}, where=where)
            continue
        more = {"cache_control": "object"}
        check_object(tool, {"type": "text", "function": "object"}, more, where=where, nulls=True)
        optional = {"description": "string", "parameters": "object", "strict": "boolean"}
        where += ".function"
        function = check_object(
            tool["function"], {"name": "text"}, optional, where=where, nulls=True
        )
        if not re.fullmatch(_NAME, function["name"]):
            raise Wrong(400, f"{where}.name: not allowed: {function['name']!r}")
        schema = function.get("parameters", {})
        if function.get("strict"):
            check_strict(schema, f"function '{function['name']}'")
        read[function["name"]] = schema
    return read


def chosen_tools(tools: dict[str, Any], body: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The tools that ``tool_choice`` leaves, and whether one has to be called."""
    choice = body.get("tool_choice", "auto")
    if choice in ("none", "auto", "required"):
        if choice != "auto" and not tools and not body.get("tools"):
            raise Wrong(400, "body.tool_choice: only allowed when tools are specified")
        return ({} if choice == "none" else tools), choice == "required"
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind == "function":
        where = "body.tool_choice"
        check_object(choice, {"type": "text", "function": "object"}, where=where)
        named = check_object(choice["function"], {"name": "text"}, where=f"{where}.function")
        return _named(tools, [named["name"]]), True
    if kind == "allowed_tools":
        where = "body.tool_choice.allowed_tools"
        allowed = choice.get("allowed_tools")
        allowed = check_object(allowed, {"mode": "text", "tools": "array"}, where=where)
        names = []
        for number, tool in enumerate(allowed["tools"]):
            place = f"{where}.tools[{number}]"
            more = dict.fromkeys(("custom", "function"), "object")
            check_object(tool, {"type": "text"}, more, where=place)
            if "function" in tool:
                names.append(str(tool["function"].get("name")))
        return _named(tools, names), allowed["mode"] == "required"
    if kind == "custom":
        return {}, False
    raise Wrong(400, f"body.tool_choice: not known: {choice!r}")


def _named(tools: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    for name in names:
        if name not in tools:
            raise Wrong(
                400, f"body.tool_choice: Tool choice '{name}' not found in 'tools' parameter."
            )
    return {name: tools[name] for name in names}


def read_format(value: Any) -> Any:
    """The schema for the answer, or :class:`Wrong`; ``None`` for prose."""
    if value is None or value.get("type") == "text":
        return None
    if value.get("type") == "json_object":
        return ANY_OBJECT
    where = "body.response_format"
    if value.get("type") != "json_schema":
        raise Wrong(400, f"{where}.type: not known: {value.get('type')!r}")
    check_object(value, {"type": "text", "json_schema": "object"}, where=where)
    optional = {"description": "string", "schema": "object", "strict": "boolean"}
    where += ".json_schema"
    wanted = check_object(value["json_schema"], {"name": "text"}, optional, where=where, nulls=True)
    if not re.fullmatch(_NAME, wanted["name"]):
        raise Wrong(400, f"{where}.name: not allowed: {wanted['name']!r}")
    schema = wanted.get("schema", ANY_OBJECT)
    if wanted.get("strict"):
        check_strict(schema, f"response_format '{wanted['name']}'")
    return schema


def _read_calls(calls: list[Any], where: str) -> set[str]:
    ids = set()
    for number, call in enumerate(calls):
        place = f"{where}.tool_calls[{number}]"
        kind = call.get("type") if isinstance(call, dict) else None
        body, argument = ("custom", "input") if kind == "custom" else ("function", "arguments")
        more = {"index": "integer", "extra_content": "object"}
        required = {"id": "text", "type": "text", body: "object"}
        check_object(call, required, more, where=place, nulls=True)
        wanted = {"name": "text", argument: "string"}
        more = {"parsed_arguments": "anything"}
        check_object(call[body], wanted, more, where=f"{place}.{body}", nulls=True)
        ids.add(call["id"])
    return ids


def _read_content(exchange: Exchange, content: Any, where: str, role: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    texts = []
    for number, part in enumerate(content):
        place = f"{where}.content[{number}]"
        kind = part.get("type") if isinstance(part, dict) else None
        roles, wanted = PARTS.get(kind, ("", {})) if isinstance(kind, str) else ("", {})
        if roles not in ("any", role):
            raise Wrong(400, f"{place}.type: not allowed here: {kind!r}")
        check_object(part, {"type": "text", **wanted}, _CACHE, where=place, nulls=True)
        if kind == "text":
            texts.append(part["text"])
        elif kind == "image_url":
            place += ".image_url"
            optional = {"detail": "string"}
            image = check_object(
                part["image_url"], {"url": "text"}, optional, where=place, nulls=True
            )
            _read_image(exchange, image["url"], place)
    return "".join(texts)


def _read_image(exchange: Exchange, url: str, where: str) -> None:
    if url.startswith(("http://", "https://")):
        return
    match = re.fullmatch(r"data:image/(png|jpeg|gif|webp);base64,(.*)", url, re.DOTALL)
    if match is None:
        raise Wrong(400, f"{where}.url: expected http(s) or a data URL, got {url[:40]!r}")
    decode_image(exchange, match[2], f"{where}.url")

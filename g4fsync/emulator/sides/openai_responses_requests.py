"""What the Responses API accepts: fields, input items, tools, formats.

Facts from openai-python's types (3.57.0, Nov 2026) and, for refusals, from public reports:
a reasoning item has to be followed by what it led to; a call with the id that it was given
has to follow its reasoning; what was not stored can't be named by its id alone; encrypted
reasoning comes back unchanged or not at all.

Stricter than the real server, which only answers worse: a call that followed encrypted
reasoning has to come back with it.
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

FIELDS = {"model": "text"}
OPTIONAL = {
    "input": "string or array",
    "instructions": "string or null",
    "stream": "boolean or null",
    "stream_options": "object or null",
    "store": "boolean or null",
    "include": "strings or null",
    "previous_response_id": "string or null",
    "max_output_tokens": "positive or null",
    "max_tool_calls": "positive or null",
    "temperature": "number or null",
    "top_p": "number or null",
    "top_logprobs": "integer or null",
    "tools": "array or null",
    "tool_choice": "string or object or null",
    "parallel_tool_calls": "boolean or null",
    "reasoning": "object or null",
    "text": "object or null",
    "truncation": "string or null",
    "metadata": "object or null",
    "service_tier": "string or null",
    "safety_identifier": "string or null",
    "prompt_cache_key": "string or null",
    "prompt_cache_options": "object or null",
    "prompt_cache_retention": "string or null",
    "user": "string or null",
    "background": "boolean or null",
    "moderation": "object or null",
}
ENCRYPTED = "reasoning.encrypted_content"
_INCLUDES = frozenset(
    {
        ENCRYPTED,
        "file_search_call.results",
        "web_search_call.results",
        "web_search_call.action.sources",
        "message.input_image.image_url",
        "computer_call_output.output.image_url",
        "code_interpreter_call.outputs",
        "message.output_text.logprobs",
    }
)
_ANYWHERE = {"type": "text", "id": "string", "status": "string"}
_ITEMS: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
    "message": ({"role": "text", "content": "string or array"}, {"phase": "string"}),
    "function_call": (
        {"call_id": "text", "name": "text", "arguments": "string"},
        {"namespace": "string", "caller": "object", "parsed_arguments": "anything"},
    ),
    "function_call_output": (
        {"call_id": "text", "output": "string or array"},
        {"caller": "object", "name": "string", "namespace": "string"},
    ),
    "custom_tool_call": ({"call_id": "text", "name": "text", "input": "string"}, {}),
    "custom_tool_call_output": ({"call_id": "text", "output": "string or array"}, {}),
    "reasoning": ({"summary": "array"}, {"content": "array", "encrypted_content": "string"}),
    "item_reference": ({"id": "text"}, {}),
}
#: Kind of a part -> roles in which it may stand, and what it has.
_PARTS: Mapping[str, tuple[str, Mapping[str, str], Mapping[str, str]]] = {
    "input_text": ("user system developer tool", {"text": "string"}, {}),
    "output_text": (
        "assistant",
        {"text": "string"},
        {"annotations": "array", "logprobs": "array", "parsed": "anything"},
    ),
    "refusal": ("assistant", {"refusal": "string"}, {}),
    "input_image": (
        "user system developer tool",
        {},
        {"image_url": "string", "file_id": "string", "detail": "string"},
    ),
    "input_file": (
        "user system developer tool",
        {},
        dict.fromkeys(("file_data", "file_id", "file_url", "filename", "detail"), "string"),
    ),
}
_NAME = r"[A-Za-z0-9_-]{1,64}"


class InputReader:
    """Reads the items of one request; *issued* maps encrypted reasoning to the calls after it."""

    def __init__(self, exchange: Exchange, issued: Mapping[str, frozenset[str]]) -> None:
        self._exchange = exchange
        self._issued = issued
        self._calls: set[str] = set()
        self._returned: set[str | None] = set()  # the same, and what else names them
        self._encrypted: set[str] = set()
        self.messages: Messages = []

    def read(self, items: list[Any]) -> Messages:
        """The conversation as role and text, or :class:`Wrong`."""
        for number, item in enumerate(items):
            self._read_item(item, f"body.input[{number}]", items[number + 1 :])
        if not self.messages:
            raise Wrong(400, "body.input: empty")
        self._check_reasoning()
        return self.messages

    def _read_item(self, item: Any, where: str, following: list[Any]) -> None:
        kind = item.get("type", "message") if isinstance(item, dict) else None
        if not isinstance(kind, str) or kind not in _ITEMS:
            raise Wrong(400, f"{where}.type: Invalid value: {kind!r}", code="invalid_value")
        required, optional = _ITEMS[kind]
        item = check_object(item, required, {**_ANYWHERE, **optional}, where=where, nulls=True)
        if kind == "message":
            self._read_message(item, where)
        elif kind == "reasoning":
            self._read_thoughts(item, where, following)
        elif kind.endswith("_output"):
            if item["call_id"] not in self._calls:
                reason = (
                    f"No tool call found for function call output with call_id {item['call_id']}."
                )
                raise Wrong(400, reason)
            self._say("tool", self._text(item["output"], f"{where}.output", "tool"))
        elif kind == "item_reference":
            raise Wrong(404, f"Item with id '{item['id']}' not found.")
        else:
            self._calls.add(item["call_id"])
            self._returned |= {item["call_id"], item.get("id")}
            self._say("assistant", "")

    def _read_message(self, item: Mapping[str, Any], where: str) -> None:
        role = item["role"]
        if role not in ("user", "assistant", "system", "developer"):
            raise Wrong(400, f"{where}.role: Invalid value: {role!r}", code="invalid_value")
        self._say(role, self._text(item["content"], f"{where}.content", role))

    def _read_thoughts(self, item: Mapping[str, Any], where: str, following: list[Any]) -> None:
        encrypted = item.get("encrypted_content")
        if encrypted is not None and encrypted not in self._issued:
            raise Wrong(
                400,
                f"{where}.encrypted_content: The encrypted content could not be verified.",
                code="invalid_encrypted_content",
            )
        if encrypted is None and not item.get("content"):
            raise Wrong(
                404,
                f"Item with id '{item.get('id')}' not found. Items are not persisted when `store` "
                "is set to false. Try again with `store` set to true, or remove this item from "
                "your input.",
            )
        kinds = ("message", "reasoning", "function_call", "custom_tool_call")
        after = following[0] if following else None
        if not isinstance(after, dict) or after.get("type", "message") not in kinds:
            raise Wrong(
                400,
                f"Item '{item.get('id')}' of type 'reasoning' was provided without its required "
                "following item.",
            )
        self._encrypted.add(encrypted or "")
        self._say("assistant", "")

    def _say(self, role: str, text: str) -> None:
        """One turn for all the items that the assistant gave at once."""
        if role == "assistant" and self.messages and self.messages[-1]["role"] == "assistant":
            self.messages[-1]["content"] += text
        else:
            self.messages.append({"role": role, "content": text})

    def _check_reasoning(self) -> None:
        for encrypted, calls in self._issued.items():
            for name in sorted(calls & self._returned):
                if encrypted not in self._encrypted:
                    reason = (
                        f"Item '{name}' of type 'function_call' was provided without its "
                        "required 'reasoning' item."
                    )
                    raise Wrong(400, reason)

    def _text(self, content: Any, where: str, role: str) -> str:
        if isinstance(content, str):
            return content
        texts = []
        for number, part in enumerate(content):
            place = f"{where}[{number}]"
            kind = part.get("type") if isinstance(part, dict) else None
            roles, required, optional = _PARTS.get(str(kind), ("", {}, {}))
            if role not in roles.split():
                raise Wrong(400, f"{place}.type: Invalid value: {kind!r}", code="invalid_value")
            part = check_object(
                part, {"type": "text", **required}, optional, where=place, nulls=True
            )
            texts.append(part.get("text", ""))
            if part.get("image_url"):
                self._read_image(part["image_url"], place)
        return "".join(texts)

    def _read_image(self, url: str, where: str) -> None:
        if url.startswith(("http://", "https://")):
            return
        match = re.fullmatch(r"data:image/(png|jpeg|gif|webp);base64,(.*)", url, re.DOTALL)
        if match is None:
            raise Wrong(400, f"{where}.image_url: expected http(s) or a data URL, got {url[:40]!r}")
        decode_image(self._exchange, match[2], f"{where}.image_url")


def read_tools(tools: list[Any]) -> dict[str, Any]:
    """Names and schemas of the functions, or :class:`Wrong`; other tools are never called."""
    read = {}
    for number, tool in enumerate(tools):
        where = f"body.tools[{number}]"
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind != "function":
            if not isinstance(kind, str) or not kind:
                raise Wrong(400, f"{where}.type: Missing required parameter")
            continue
        optional = {
            "description": "string",
            "parameters": "object",
            "strict": "boolean",
            "defer_loading": "boolean",
            "output_schema": "object",
        }
        wanted = {"type": "text", "name": "text"}
        tool = check_object(tool, wanted, optional, where=where, nulls=True)
        if not re.fullmatch(_NAME, tool["name"]):
            raise Wrong(400, f"{where}.name: not allowed: {tool['name']!r}")
        schema = tool.get("parameters", {})
        if tool.get("strict"):
            check_strict(schema, f"function '{tool['name']}'")
        read[tool["name"]] = schema
    return read


def chosen_tools(tools: dict[str, Any], choice: Any) -> tuple[dict[str, Any], bool]:
    """The tools that ``tool_choice`` leaves, and whether one has to be called."""
    if choice in (None, "none", "auto", "required"):
        return ({} if choice == "none" else tools), choice == "required"
    kind = choice.get("type") if isinstance(choice, dict) else None
    where = "body.tool_choice"
    if kind == "function":
        check_object(choice, {"type": "text", "name": "text"}, where=where)
        return _named(tools, [choice["name"]]), True
    if kind == "allowed_tools":
        check_object(choice, {"type": "text", "mode": "text", "tools": "array"}, where=where)
        names = [str(tool.get("name")) for tool in choice["tools"] if isinstance(tool, dict)]
        return _named(tools, names), choice["mode"] == "required"
    if isinstance(kind, str):
        return {}, False
    raise Wrong(400, f"{where}: Invalid value: {choice!r}", code="invalid_value")


def _named(tools: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    for name in names:
        if name not in tools:
            reason = f"body.tool_choice: Tool choice '{name}' not found in 'tools' parameter."
            raise Wrong(400, reason)
    return {name: tools[name] for name in names}


def read_format(text: Any) -> Any:
    """The schema for the answer, or :class:`Wrong`; ``None`` for prose."""
    optional = {"format": "object", "verbosity": "string"}
    text = check_object(text or {}, {}, optional, where="body.text", nulls=True)
    value = text.get("format") or {"type": "text"}
    if value.get("type") == "text":
        return None
    if value.get("type") == "json_object":
        return ANY_OBJECT
    where = "body.text.format"
    if value.get("type") != "json_schema":
        raise Wrong(
            400, f"{where}.type: Invalid value: {value.get('type')!r}", code="invalid_value"
        )
    required = {"type": "text", "name": "text", "schema": "object"}
    optional = {"description": "string", "strict": "boolean"}
    value = check_object(value, required, optional, where=where, nulls=True)
    if not re.fullmatch(_NAME, value["name"]):
        raise Wrong(400, f"{where}.name: not allowed: {value['name']!r}")
    if value.get("strict"):
        check_strict(value["schema"], f"response_format '{value['name']}'")
    return value["schema"]


def check_include(include: list[str], model: str, *, reasons: bool) -> bool:
    """Whether encrypted reasoning is wanted, or :class:`Wrong`."""
    for number, name in enumerate(include):
        if name not in _INCLUDES:
            raise Wrong(
                400, f"body.include[{number}]: Invalid value: {name!r}", code="invalid_value"
            )
    if ENCRYPTED in include and not reasons:
        raise Wrong(400, f"Encrypted content is not supported with this model: {model}")
    return ENCRYPTED in include

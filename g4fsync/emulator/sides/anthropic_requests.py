"""What Anthropic's Messages API accepts: fields, messages, blocks, tools.

Facts from anthropic-sdk-python's types (0.121.0, Aug 2026, and 2.14.0, Nov 2026); from
Anthropic's guide to extended thinking: with thinking on, the turn that called tools comes
back with its thinking blocks; from its migration guide of 2026-10-21: what that version refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..checks import Wrong, check_object
from ..exchange import Exchange
from ..model import decode_image
from ..replies import Messages
from ..schema_checks import check_closed

VERSIONS = ("2023-06-01", "2026-10-21")
#: What the pretend model signs its thoughts with.
SIGNATURE = "EmulatorSignature=="
_PROMPT = {
    "system": "string or array",
    "tools": "array",
    "tool_choice": "object",
    "thinking": "object",
    "output_config": "object",
    "output_format": "object or null",
    "cache_control": "object or null",
    "speed": "string or null",
    "context_management": "object or null",
    "mcp_servers": "array",
    "user_profile_id": "string",
    "workspace_id": "string",
}
FIELDS = {"model": "text", "max_tokens": "positive", "messages": "array"}
OPTIONAL = {
    **_PROMPT,
    "stream": "boolean",
    "temperature": "number",
    "top_p": "number",
    "top_k": "integer",
    "stop_sequences": "strings",
    "metadata": "object",
    "service_tier": "string",
    "container": "string or object or null",
    "diagnostics": "object or null",
    "inference_geo": "string or null",
    "thread": "object or null",
    "billing_policy": "object or null",
    "compaction": "object or null",
    "fallback_credit_token": "string or object or null",
    "fallbacks": "array or object or null",
}
COUNT_FIELDS = {"model": "text", "messages": "array"}
COUNT_OPTIONAL = _PROMPT
_CACHE = {"cache_control": "object or null"}
_CALL = {"caller": "object", "toolset_name": "string or null"}
BLOCKS: Mapping[str, tuple[str, Mapping[str, str], Mapping[str, str]]] = {
    "text": ("user or assistant or system", {"text": "text"}, {"citations": "array or null"}),
    "image": ("user", {"source": "object"}, {"transformations": "object or null"}),
    "document": (
        "user or assistant",
        {"source": "object"},
        {"citations": "object or null", "context": "string or null", "title": "string or null"},
    ),
    "search_result": (
        "user",
        {"source": "text", "title": "text", "content": "array"},
        {"citations": "object or null"},
    ),
    "tool_use": ("assistant", {"id": "text", "name": "text", "input": "object"}, _CALL),
    "tool_result": (
        "user",
        {"tool_use_id": "text"},
        {
            "content": "string or array",
            "is_error": "boolean or null",
            "toolset_name": "string or null",
        },
    ),
    "thinking": ("assistant", {"thinking": "string", "signature": "string"}, {}),
    "redacted_thinking": ("assistant", {"data": "text"}, {}),
}
_IN_RESULTS = ("text", "image", "document", "search_result")


def check_version(version: str, body: Mapping[str, Any]) -> None:
    """What the version of 2026-10-21 refuses, or :class:`Wrong`."""
    if version == VERSIONS[0]:
        return
    for name in ("temperature", "top_p", "top_k"):
        if name in body:
            raise Wrong(400, f"{name}: Extra inputs are not permitted")
    for number, message in enumerate(body["messages"]):
        content = message.get("content") if isinstance(message, dict) else None
        for place, block in enumerate(content if isinstance(content, list) else ()):
            where = f"messages.{number}.content.{place}"
            kind = block.get("type") if isinstance(block, dict) else None
            if kind == "document" and message.get("role") == "assistant":
                raise Wrong(400, f"{where}: document blocks are not permitted in assistant turns")
            if kind == "text" and message.get("role") == "user" and "citations" in block:
                raise Wrong(400, f"{where}.citations: Extra inputs are not permitted")


def read_messages(exchange: Exchange, messages: list[Any]) -> Messages:
    """The messages as role and text, or :class:`Wrong`; a tool's result has the role ``tool``."""
    if not messages:
        raise Wrong(400, "messages: at least one message is required")
    reader = _Reader(exchange)
    for number, message in enumerate(messages):
        where = f"messages.{number}"
        check_object(message, {"role": "text", "content": "string or array"}, where=where)
        # A system message may stand in the conversation, not before it.
        if message["role"] not in ("user", "assistant", "system" if number else "user"):
            raise Wrong(400, f'{where}.role: Input should be "user" or "assistant"')
        if number == 0 and message["role"] != "user":
            raise Wrong(400, "messages: first message must use the user role")
        reader.read(message, where)
    return reader.messages


def check_thoughts(messages: list[Any]) -> None:
    """Thinking is on: the last turn of the assistant, when it called tools, brings its thoughts."""
    number = max((n for n, m in enumerate(messages) if m["role"] == "assistant"), default=None)
    if number is None or isinstance(messages[number]["content"], str):
        return
    kinds = [block["type"] for block in messages[number]["content"]]
    if "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking"):
        raise Wrong(
            400,
            f"messages.{number}.content.0.type: Expected `thinking` or `redacted_thinking`, but "
            f"found `{kinds[0]}`. When `thinking` is enabled, a final `assistant` message must "
            "start with a thinking block (preceeding the lastmost set of `tool_use` and "
            "`tool_result` blocks).",
        )


def read_tools(tools: list[Any]) -> dict[str, Any]:
    """Names and schemas of the tools, or :class:`Wrong`; the service's own are never called."""
    read = {}
    for number, tool in enumerate(tools):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if isinstance(kind, str) and kind != "custom":
            check_object(tool, {"type": "text"}, dict.fromkeys(tool, "anything"))
            continue
        optional = {
            **_CACHE,
            "type": "string or null",
            "description": "string",
            "strict": "boolean or null",
            "eager_input_streaming": "boolean or null",
            "defer_loading": "boolean",
            "allowed_callers": "strings",
            "input_examples": "array",
        }
        wanted = {"name": "text", "input_schema": "object"}
        where = f"tools.{number}"
        check_object(tool, wanted, optional, where=where)
        if tool["input_schema"].get("type") != "object":
            raise Wrong(400, f"{where}.custom.input_schema.type: Field required")
        if tool.get("strict"):
            check_closed(tool["input_schema"], f"{where}.custom")
        read[tool["name"]] = tool["input_schema"]
    return read


def chosen_tools(tools: dict[str, Any], choice: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The tools that ``tool_choice`` leaves, and whether one has to be called."""
    kind = choice.get("type")
    wanted = {"type": "text", "name": "text"} if kind == "tool" else {"type": "text"}
    optional = {"disable_parallel_tool_use": "boolean"}
    check_object(choice, wanted, optional, where="tool_choice")
    if kind == "none":
        return {}, False
    if kind == "tool":
        name = choice["name"]
        if name not in tools:
            raise Wrong(400, f"Tool '{name}' not found in provided tools")
        return {name: tools[name]}, True
    if kind not in ("auto", "any"):
        raise Wrong(400, f"tool_choice.type: not known: {kind!r}")
    return tools, kind == "any"


def read_format(body: Mapping[str, Any]) -> Any:
    """The schema for the answer, or :class:`Wrong`; ``None`` for prose."""
    config = {"effort": "string or null", "format": "object or null", "task_budget": "object"}
    chosen = check_object(body.get("output_config") or {}, {}, config, where="output_config")
    where, wanted = "output_config.format", chosen.get("format")
    if wanted is None:
        where, wanted = "output_format", body.get("output_format")
    if wanted is None:
        return None
    check_object(wanted, {"type": "text", "schema": "object"}, where=where)
    if wanted["type"] != "json_schema":
        raise Wrong(400, f"{where}.type: Input should be 'json_schema'")
    return wanted["schema"]


def text_of_blocks(content: str | list[Any], where: str = "blocks") -> str:
    """The text of a string or of text blocks, or :class:`Wrong`."""
    if isinstance(content, str):
        return content
    for number, block in enumerate(content):
        wanted = {"type": "text", "text": "string"}
        optional = {**_CACHE, "citations": "array or null"}
        check_object(block, wanted, optional, where=f"{where}.{number}")
    return "".join(block["text"] for block in content)


class _Reader:
    """Collects messages, and remembers which tool calls there were."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._calls: set[str] = set()
        self.messages: Messages = []

    def read(self, message: Mapping[str, Any], where: str) -> None:
        role, content = message["role"], message["content"]
        if isinstance(content, str):
            if not content:
                raise Wrong(400, f"{where}.content: must not be empty")
            self.messages.append({"role": role, "content": content})
            return
        if not content:
            raise Wrong(400, f"{where}.content: must not be empty")
        texts = []
        results: Messages = []
        for number, block in enumerate(content):
            place = f"{where}.content.{number}"
            kind = self._check(block, role, place)
            if kind == "text":
                texts.append(block["text"])
            elif kind == "tool_result":
                results.append({"role": "tool", "content": self._result(block, place)})
        # The results of tools stand first in the turn that has them.
        self.messages += results
        if texts or not results:
            self.messages.append({"role": role, "content": "".join(texts)})

    def _check(self, block: Any, role: str, where: str) -> str:
        kind = block.get("type") if isinstance(block, dict) else None
        if not isinstance(kind, str) or kind not in BLOCKS:
            raise Wrong(400, f"{where}.type: not known: {kind!r}")
        roles, required, optional = BLOCKS[kind]
        if role not in roles.split(" or "):
            raise Wrong(400, f"{where}.type: {kind} is not allowed for {role}")
        cache = {} if "thinking" in kind else _CACHE
        check_object(block, {"type": "text", **required}, {**optional, **cache}, where=where)
        checks: Mapping[str, Callable[[Any, str], None]] = {
            "tool_use": self._note_call,
            "tool_result": self._check_result,
            "image": self._read_image,
            "document": self._read_document,
            "thinking": self._check_signature,
        }
        if kind in checks:
            checks[kind](block, where)
        return kind

    def _result(self, block: Mapping[str, Any], where: str) -> str:
        content = block.get("content", "")
        if isinstance(content, str):
            return content
        texts = []
        for number, part in enumerate(content):
            place = f"{where}.content.{number}"
            kind = part.get("type") if isinstance(part, dict) else None
            if kind not in _IN_RESULTS:
                raise Wrong(400, f"{place}.type: not known: {kind!r}")
            self._check(part, "user", place)
            texts.append(part["text"] if kind == "text" else "")
        return "".join(texts)

    def _note_call(self, block: Mapping[str, Any], where: str) -> None:
        self._calls.add(block["id"])

    def _check_result(self, block: Mapping[str, Any], where: str) -> None:
        if block["tool_use_id"] not in self._calls:
            raise Wrong(400, f"{where}.tool_use_id: no such tool_use: {block['tool_use_id']!r}")

    def _check_signature(self, block: Mapping[str, Any], where: str) -> None:
        if block["signature"] != SIGNATURE:
            raise Wrong(400, f"{where}: Invalid `signature` in `thinking` block")

    def _read_document(self, block: Mapping[str, Any], where: str) -> None:
        source = block["source"]
        wanted = {
            "base64": {"media_type": "text", "data": "text"},
            "text": {"media_type": "text", "data": "string"},
            "content": {"content": "string or array"},
            "url": {"url": "text"},
            "file": {"file_id": "text"},
        }.get(str(source.get("type")))
        if wanted is None:
            raise Wrong(400, f"{where}.source.type: not known: {source.get('type')!r}")
        check_object(source, {"type": "text", **wanted}, where=f"{where}.source")

    def _read_image(self, block: Mapping[str, Any], where: str) -> None:
        source = block["source"]
        if source.get("type") in ("url", "file"):
            name = "url" if source["type"] == "url" else "file_id"
            check_object(source, {"type": "text", name: "text"}, where=f"{where}.source")
            return
        wanted = {"type": "text", "media_type": "text", "data": "text"}
        check_object(source, wanted, where=f"{where}.source")
        if source["type"] != "base64":
            raise Wrong(400, f"{where}.source.type: not known: {source['type']!r}")
        if source["media_type"] not in ("image/jpeg", "image/png", "image/gif", "image/webp"):
            raise Wrong(400, f"{where}.source.media_type: not known: {source['media_type']!r}")
        decode_image(self._exchange, source["data"], f"{where}.source.data")

"""What Anthropic's Messages API accepts: fields, messages, blocks, tools.

Facts from anthropic-sdk-python's types (0.121.0, Aug 2026).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .checks import Wrong, check_object
from .exchange import Exchange
from .model import decode_image
from .replies import Messages

FIELDS = {"model": "text", "max_tokens": "positive", "messages": "array"}
OPTIONAL = {
    "system": "string or array",
    "stream": "boolean",
    "temperature": "number",
    "top_p": "number",
    "top_k": "integer",
    "stop_sequences": "strings",
    "tools": "array",
    "tool_choice": "object",
    "metadata": "object",
    "service_tier": "string",
    "thinking": "object",
    "output_config": "object",
}
BLOCKS: Mapping[str, tuple[str, Mapping[str, str], Mapping[str, str]]] = {
    "text": ("user or assistant", {"text": "text"}, {"cache_control": "object"}),
    "image": ("user", {"source": "object"}, {"cache_control": "object"}),
    "tool_use": ("assistant", {"id": "text", "name": "text", "input": "object"}, {}),
    "tool_result": (
        "user",
        {"tool_use_id": "text"},
        {"content": "string or array", "is_error": "boolean"},
    ),
    "thinking": ("assistant", {"thinking": "string", "signature": "string"}, {}),
}


def read_messages(exchange: Exchange, messages: list[Any]) -> Messages:
    """The messages as role and text, or :class:`Wrong`; a tool's result has the role ``tool``."""
    if not messages:
        raise Wrong(400, "messages: at least one message is required")
    reader = _Reader(exchange)
    for number, message in enumerate(messages):
        where = f"messages.{number}"
        check_object(message, {"role": "text", "content": "string or array"}, where=where)
        if message["role"] not in ("user", "assistant"):
            raise Wrong(400, f'{where}.role: Input should be "user" or "assistant"')
        if number == 0 and message["role"] != "user":
            raise Wrong(400, "messages: first message must use the user role")
        reader.read(message, where)
    return reader.messages


def read_tools(tools: list[Any]) -> dict[str, Any]:
    """Names and schemas of the tools, or :class:`Wrong`."""
    read = {}
    for number, tool in enumerate(tools):
        wanted = {"name": "text", "input_schema": "object"}
        check_object(tool, wanted, {"description": "string"}, where=f"tools.{number}")
        read[tool["name"]] = tool["input_schema"]
    return read


def text_of_blocks(content: str | list[Any]) -> str:
    """The text of a string or of text blocks, or :class:`Wrong`."""
    if isinstance(content, str):
        return content
    for number, block in enumerate(content):
        wanted = {"type": "text", "text": "string"}
        check_object(block, wanted, {"cache_control": "object"}, where=f"blocks.{number}")
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
                text = text_of_blocks(block.get("content", ""))
                results.append({"role": "tool", "content": text})
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
        check_object(block, {"type": "text", **required}, optional, where=where)
        checks: Mapping[str, Callable[[Any, str], None]] = {
            "tool_use": self._note_call,
            "tool_result": self._check_result,
            "image": self._read_image,
        }
        if kind in checks:
            checks[kind](block, where)
        return kind

    def _note_call(self, block: Mapping[str, Any], where: str) -> None:
        self._calls.add(block["id"])

    def _check_result(self, block: Mapping[str, Any], where: str) -> None:
        if block["tool_use_id"] not in self._calls:
            raise Wrong(400, f"{where}.tool_use_id: no such tool_use: {block['tool_use_id']!r}")

    def _read_image(self, block: Mapping[str, Any], where: str) -> None:
        source = block["source"]
        if source.get("type") == "url":
            check_object(source, {"type": "text", "url": "text"}, where=f"{where}.source")
            return
        wanted = {"type": "text", "media_type": "text", "data": "text"}
        check_object(source, wanted, where=f"{where}.source")
        if source["type"] != "base64":
            raise Wrong(400, f"{where}.source.type: not known: {source['type']!r}")
        if source["media_type"] not in ("image/jpeg", "image/png", "image/gif", "image/webp"):
            raise Wrong(400, f"{where}.source.media_type: not known: {source['media_type']!r}")
        decode_image(self._exchange, source["data"], f"{where}.source.data")

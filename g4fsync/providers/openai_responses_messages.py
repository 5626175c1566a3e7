"""A conversation as ``instructions`` and ``input`` items of OpenAI's Responses API.

System text at the beginning is the ``instructions``.  A turn is a message, and items
for the calls, results and thoughts in it, in their order.  Further members of a
message, and parts in the API's own shape (``input_file``, ``input_audio``), go out
as they are; a part of chat completions (``file``, ``input_audio``) is rewritten.
What the API has no place for is refused: the ``name`` of a speaker, ``audio``.

What goes back to the provider it came from, unchanged: reasoning items with their
``encrypted_content``, items of the server's own tools, the ``phase`` of a message.

Members are those of openai-python 3.57 (``types/responses``, Nov 2026).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import InvalidRequest
from ..events import ProviderData, ToolCall
from ..messages import Image, Message, Part
from . import chatapi, sending

_SYSTEM = ("system", "developer")
_PARTS = re.compile(r"input_\w+|output_text|refusal|summary_text|computer_screenshot")
_FILE = ("file_data", "file_id", "filename", "file_url")
_ENDS_A_MESSAGE = ("item", "phase")
_ADVICE = 'write {"type": "text"}, {"type": "image_url"} or {"type": "input_file"}'


def instructions(messages: tuple[Message, ...]) -> str | None:
    """The system text that begins the conversation; ``None`` without one."""
    texts = [message.content for message in messages[: _first_turn(messages)] if message.content]
    return "\n\n".join(texts) or None


def input_items(messages: tuple[Message, ...], provider: str) -> list[dict[str, Any]]:
    """The request's ``input``: all that stands behind the instructions."""
    start = _first_turn(messages)
    items = [
        item
        for i, message in enumerate(messages[start:], start)
        for item in _led_on(list(_items(f"messages[{i}]", message, messages[:i], provider)))
    ]
    if not items:
        raise InvalidRequest(f"{provider}: there must be a message besides the system's")
    return items


def _led_on(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """*items* of one turn without reasoning at their end: what led to nothing is refused."""
    end = len(items)
    while end and items[end - 1].get("type") == "reasoning":
        end -= 1
    return items[:end]


def _first_turn(messages: tuple[Message, ...]) -> int:
    """How many messages are the instructions: plain system text at the beginning."""
    for i, message in enumerate(messages):
        if message.role not in _SYSTEM or message.parts or message.extra or message.name:
            return i
    return len(messages)


def _items(
    where: str, message: Message, before: tuple[Message, ...], provider: str
) -> Iterator[dict[str, Any]]:
    if message.role == "tool":
        yield _result(where, message, before, provider)
        return
    extra = _extra(where, message, provider)
    parts: list[dict[str, Any]] = []  # of the message under way
    is_empty = True
    for piece in _pieces(message, provider):
        if not isinstance(piece, ToolCall | ProviderData):
            if piece != "":
                parts.append(_part(f"{where}.content[{len(parts)}]", piece, message, provider))
            continue
        if parts and (isinstance(piece, ToolCall) or piece.kind in _ENDS_A_MESSAGE):
            yield _message(message, parts, extra | _phase(piece))
            parts, is_empty = [], False
        if isinstance(piece, ToolCall):
            yield _call(piece, provider)
        elif piece.kind == "item":
            yield dict(piece.data)
    if parts:
        yield _message(message, parts, extra)
    elif extra and is_empty:
        raise sending.has_no(where, provider, next(iter(extra)))


def _pieces(message: Message, provider: str) -> Iterator[sending.Piece]:
    yield from sending.pieces(message, provider)
    refusal = message.extra.get("refusal")
    if refusal:
        yield Part("refusal", extra={"refusal": refusal})


def _extra(where: str, message: Message, provider: str) -> dict[str, Any]:
    """The further members of a message, without the refusal, which is a part of it."""
    extra = {name: each for name, each in message.extra.items() if name != "refusal"}
    for name in ("audio", "function_call"):
        if extra.get(name):
            raise sending.has_no(where, provider, name)
    if message.name:
        raise sending.has_no(where, provider, "name")
    return extra


def _phase(piece: ToolCall | ProviderData) -> dict[str, Any]:
    is_phase = isinstance(piece, ProviderData) and piece.kind == "phase"
    return dict(piece.data) if is_phase and isinstance(piece, ProviderData) else {}


def _message(
    message: Message, parts: list[dict[str, Any]], extra: Mapping[str, Any]
) -> dict[str, Any]:
    """A message; a lone text as it is, anything else as parts."""
    if message.role == "assistant":
        # llama.cpp knows the assistant's turns in this form only (b11549).
        return {"type": "message", "role": "assistant", "content": parts, **extra}
    only = parts[0] if len(parts) == 1 else {}
    plain = only.get("type") == "input_text" and only.keys() == {"type", "text"}
    return {"role": message.role, "content": only["text"] if plain else parts, **extra}


def _part(where: str, part: str | Image | Part, message: Message, provider: str) -> dict[str, Any]:
    text = "output_text" if message.role == "assistant" else "input_text"
    if isinstance(part, str):
        return {"type": text, "text": part}
    if isinstance(part, Image):
        return _image(where, part, provider)
    if part.type == "text":
        return {"type": text, "text": part.text, **part.extra}
    if part.type == "file" and isinstance(part.extra.get("file"), Mapping):
        inner = sending.known_members(f"{where}.file", part.extra["file"], _FILE, provider)
        extra = {name: value for name, value in part.extra.items() if name != "file"}
        return {"type": "input_file", **inner, **extra}
    if not _PARTS.fullmatch(part.type or ""):
        raise sending.has_no_part(where, provider, part, _ADVICE)
    return part.as_dict()


def _image(where: str, image: Image, provider: str) -> dict[str, Any]:
    extra = dict(image.extra)
    sending.known_members(f"{where}.image_url", extra.pop("image_url", {}), (), provider)
    url = image.url or f"data:{image.media_type};base64,{chatapi.encoded(image)}"
    detail = {} if image.detail is None else {"detail": image.detail}
    return {"type": "input_image", "image_url": url, **detail, **extra}


def _call(call: ToolCall, provider: str) -> dict[str, Any]:
    own = sending.own_data(call, provider, "function_call")
    kind = own.pop("type", "function_call")
    is_custom = kind == "custom_tool_call"
    given = {"input": call.arguments} if is_custom else {"arguments": call.arguments or "{}"}
    extra = {name: value for name, value in call.extra.items() if name not in ("index", "type")}
    value = {"type": kind, "call_id": call.id, "name": call.name, **given}
    return {**value, **own, **extra}


def _result(
    where: str, message: Message, before: tuple[Message, ...], provider: str
) -> dict[str, Any]:
    """A tool's result, as an answer to the kind of call that it names."""
    made = _called(before, message.tool_call_id)
    own = {} if made is None else sending.own_data(made, provider, "function_call")
    kind = own.get("type", "function_call")
    output: Any = message.content
    if message.parts:
        parts = [part for part in message.parts if part != ""]
        output = [
            _part(f"{where}.content[{i}]", part, message, provider) for i, part in enumerate(parts)
        ]
    value = {"type": f"{kind}_output", "call_id": message.tool_call_id or "", "output": output}
    caller = {"caller": own["caller"]} if "caller" in own else {}
    return {**value, **caller, **message.extra}


def _called(messages: tuple[Message, ...], id: str | None) -> ToolCall | None:
    for message in reversed(messages):
        for call in message.tool_calls:
            if call.id == id:
                return call
    return None

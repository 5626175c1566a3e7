"""A conversation as ``system`` and ``messages`` of Anthropic's Messages API.

Blocks in Anthropic's own shape go out as they are.  A text may have
``cache_control`` and ``citations``, an image ``cache_control`` and
``transformations``, a call ``cache_control``, ``caller`` and ``toolset_name``, a
tool's result ``cache_control``, ``is_error`` and ``toolset_name``; all else is
refused, named by its place.  ``cache_control`` of a message is put on its last
block.  A PDF in OpenAI's ``file`` part becomes a ``document``.  Blank text, which
other services' models put before their calls, is left out: the API refuses it.

An answer's thinking blocks, signed or encrypted, and the blocks of the server's
own tools are sent back to the provider they came from, unchanged and in order.

Members and block types are those of anthropic-sdk-python 2.14
(``types/*_block_param.py``, Nov 2026).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import InvalidRequest
from ..events import ProviderData, ToolCall
from ..messages import Image, Message, Part
from . import chatapi, sending

_TEXT = ("cache_control", "citations")
_IMAGE = ("cache_control", "transformations")
_CALL = ("cache_control", "caller", "toolset_name", "index")  # the order says the index
_RESULT = ("cache_control", "is_error", "toolset_name")
_BLOCKS = re.compile(
    "image|document|search_result|thinking|redacted_thinking|tool_use|container_upload"
    r"|tool_reference|\w+_tool_use|\w*tool_result"
)
_ADVICE = "write text, an Image, or a block in Anthropic's own shape"
_SYSTEM = ("system", "developer")
_ID = re.compile("[a-zA-Z0-9_-]+")  # the API refuses others


def system_json(messages: tuple[Message, ...], provider: str) -> Any:
    """The request's ``system``: a text, blocks when one has more to say, or ``None``."""
    blocks = [
        block
        for i, message in enumerate(messages)
        if message.role in _SYSTEM
        for block in _blocks(f"messages[{i}]", message, provider)
    ]
    if any(len(block) > 2 for block in blocks):  # more than type and text
        return blocks
    texts = [m.content for m in messages if m.role in _SYSTEM and m.content]
    return "\n\n".join(texts) or None


def turns(messages: tuple[Message, ...], provider: str) -> list[dict[str, Any]]:
    """The conversation without its system text, turns of one role put together."""
    merged: list[tuple[str, list[dict[str, Any]]]] = []
    for i, message in enumerate(messages):
        if message.role in _SYSTEM:
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = _blocks(f"messages[{i}]", message, provider)
        if merged and merged[-1][0] == role:
            merged[-1][1].extend(blocks)
        elif blocks:
            merged.append((role, blocks))
    if not merged:
        raise InvalidRequest(f"{provider}: there must be a message besides the system's")
    return [{"role": role, "content": _plain(blocks)} for role, blocks in merged]


def _plain(blocks: list[dict[str, Any]]) -> Any:
    """A lone text as it is, anything else as blocks."""
    return (
        blocks[0]["text"] if len(blocks) == 1 and blocks[0].keys() == {"type", "text"} else blocks
    )


def _blocks(where: str, message: Message, provider: str) -> list[dict[str, Any]]:
    parts = list(_parts(where, message, provider))
    if message.role == "tool":
        extra = sending.known_members(where, message.extra, _RESULT, provider)
        content = {"content": _plain(parts)} if parts else {}
        result = {"type": "tool_result", "tool_use_id": _own_id(message.tool_call_id or "")}
        return [{**result, **content, **extra}]
    if message.name:
        raise sending.has_no(where, provider, "name")
    extra = sending.known_members(where, message.extra, ("cache_control",), provider)
    if parts and extra:
        parts[-1] = {**extra, **parts[-1]}
    return parts


def _parts(where: str, message: Message, provider: str) -> Iterator[dict[str, Any]]:
    counts = {Part: 0, ToolCall: 0}
    for piece in _without_cut_thought(list(sending.pieces(message, provider))):
        match piece:
            case ProviderData():
                if piece.kind == "block":
                    yield dict(piece.data)
            case ToolCall():
                yield _call(f"{where}.tool_calls[{counts[ToolCall]}]", piece, provider)
                counts[ToolCall] += 1
            case _:
                place = f"{where}.content[{counts[Part]}]"
                counts[Part] += 1
                if message.role in _SYSTEM and not _is_text(piece):
                    raise InvalidRequest(f"{place}: {provider} takes only text as system text")
                if not isinstance(piece, str) or piece.strip():
                    yield _part(place, piece, provider)


def _without_cut_thought(pieces: list[sending.Piece]) -> list[sending.Piece]:
    """*pieces* without a thought at their end that was cut off before its signature came.

    The API refuses it; a server that signs nothing has text or a call after its thoughts.
    """
    last = pieces[-1] if pieces else None
    if isinstance(last, ProviderData) and last.data.get("type") == "thinking":
        return pieces if last.data.get("signature") else pieces[:-1]
    return pieces


def _is_text(part: str | Image | Part) -> bool:
    return isinstance(part, str) or (isinstance(part, Part) and part.type == "text")


def _part(where: str, part: str | Image | Part, provider: str) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if isinstance(part, Image):
        return _image(where, part, provider)
    if part.type == "text":
        extra = sending.known_members(where, part.extra, _TEXT, provider)
        return {"type": "text", "text": part.text, **extra}
    if part.type == "file":
        return _document(where, part, provider)
    if not _BLOCKS.fullmatch(part.type):
        raise sending.has_no_part(where, provider, part, _ADVICE)
    return part.as_dict()


def _image(where: str, image: Image, provider: str) -> dict[str, Any]:
    if image.detail is not None:
        raise sending.has_no(where, provider, "detail")
    extra = sending.known_members(where, image.extra, _IMAGE, provider)
    if image.url is not None:
        source = {"type": "url", "url": image.url}
    else:
        source = {
            "type": "base64",
            "media_type": image.media_type,
            "data": chatapi.encoded(image),
        }
    return {"type": "image", "source": source, **extra}


def _document(where: str, part: Part, provider: str) -> dict[str, Any]:
    """OpenAI's part for a file, when it holds a PDF."""
    file = part.extra.get("file")
    data = sending.from_data_url(file.get("file_data")) if isinstance(file, Mapping) else None
    if not isinstance(file, Mapping) or data is None or data[0] != "application/pdf":
        raise sending.has_no_part(where, provider, part, "give a PDF as file_data, or a 'document'")
    extra = {name: value for name, value in part.extra.items() if name != "file"}
    extra = sending.known_members(where, extra, _TEXT, provider)
    sending.known_members(f"{where}.file", file, ("file_data", "filename"), provider)
    title = {"title": file["filename"]} if file.get("filename") else {}
    source = {"type": "base64", "media_type": data[0], "data": data[1]}
    return {"type": "document", "source": source, **title, **extra}


def _own_id(id: str) -> str:
    return chatapi.call_id(id, _ID, 32)


def _call(where: str, call: ToolCall, provider: str) -> dict[str, Any]:
    extra = sending.known_members(where, call.extra, _CALL, provider)
    extra.pop("index", None)
    own = sending.own_data(call, provider, "call")
    given = chatapi.arguments(call)
    return {
        "type": "tool_use",
        "id": _own_id(call.id),
        "name": call.name,
        "input": given,
        **own,
        **extra,
    }

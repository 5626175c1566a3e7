"""A conversation as the messages of OpenAI's chat completions.

All members that a caller gives are sent as they are: the many hosts that speak
this protocol each know some of their own (``reasoning_content``, ``prefix``,
``cache_control``, ``image_url.detail``, ``extra_content``), and refuse what they
do not know.  Likewise parts of any type but those of Anthropic's and Gemini's
own shapes, which no host takes here.

What is sent back to the provider it came from, unchanged: DeepSeek's and
others' ``reasoning_content``, OpenRouter's ``reasoning_details``, Mistral's
thinking parts, the ``extra_content`` with signatures of Google's
OpenAI-compatible face.

Members are those of openai-python 3.57 (``types/chat``, Nov 2026).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..events import ProviderData, ToolCall
from ..messages import Image, Message, Part
from . import chatapi, sending

_FOREIGN = frozenset({"tool_use", "tool_result", "server_tool_use", "redacted_thinking"})
_ADVICE = 'write {"type": "text"}, {"type": "image_url"} or another of OpenAI\'s parts'
# Members that say what the assistant said, so that there need be no content.
_IN_PLACE_OF_CONTENT = ("audio", "function_call", "refusal")


def messages_json(
    messages: Iterable[Message], provider: str, *, developer: bool, id_chars: int | None = None
) -> list[dict[str, Any]]:
    """The request's ``messages``; without *developer* that role is called ``system``.

    *id_chars* is for services that take ids of calls of so many letters and digits only.
    """
    values = [
        _message(f"messages[{i}]", message, provider, developer=developer)
        for i, message in enumerate(messages)
    ]
    if id_chars is not None:
        allowed = re.compile(f"[a-zA-Z0-9]{{{id_chars}}}")
        for value in values:
            for holder, name in _ids(value):
                holder[name] = chatapi.call_id(holder[name], allowed, id_chars)
    return values


def _ids(message: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Where ids of calls stand in *message*."""
    if message.get("tool_call_id"):
        yield message, "tool_call_id"
    for call in message.get("tool_calls") or ():
        yield call, "id"


def _message(where: str, message: Message, provider: str, *, developer: bool) -> dict[str, Any]:
    is_named = message.role == "developer" and not developer
    value: dict[str, Any] = {"role": "system" if is_named else message.role}
    value["content"] = _content(where, message, provider)
    own = sending.own_data(message, provider, "message")
    calls = [_call(call, provider) for call in message.tool_calls]
    if not value["content"] and (
        calls or any(each in message.extra for each in _IN_PLACE_OF_CONTENT)
    ):
        value["content"] = None
    if calls:
        value["tool_calls"] = calls
    if message.role == "tool":
        value["tool_call_id"] = message.tool_call_id or ""
    if message.name:
        value["name"] = message.name
    return value | own | dict(message.extra)


def _content(where: str, message: Message, provider: str) -> str | list[dict[str, Any]]:
    kept = any(d.provider == provider and d.kind == "part" for d in message.provider_data)
    if not message.parts and not kept:
        return message.content
    parts = []
    for piece in sending.pieces(message, provider):
        if isinstance(piece, str):
            parts.append({"type": "text", "text": piece})
        elif isinstance(piece, Image):
            parts.append(_image(piece))
        elif isinstance(piece, Part):
            parts.append(_part(f"{where}.content[{message.parts.index(piece)}]", piece, provider))
        elif isinstance(piece, ProviderData) and piece.kind == "part":
            parts.append(dict(piece.data))
    return parts


def _image(image: Image) -> dict[str, Any]:
    extra = dict(image.extra)
    inner = extra.pop("image_url", {})
    url = image.url or f"data:{image.media_type};base64,{chatapi.encoded(image)}"
    detail = {} if image.detail is None else {"detail": image.detail}
    return {"type": "image_url", "image_url": {"url": url, **detail, **inner}, **extra}


def _part(where: str, part: Part, provider: str) -> dict[str, Any]:
    thinks = part.type == "thinking" and isinstance(part.extra.get("thinking"), str)
    is_block = part.type in ("image", "document") and isinstance(part.extra.get("source"), Mapping)
    if not part.type or part.type in _FOREIGN or thinks or is_block:
        raise sending.has_no_part(where, provider, part, _ADVICE)
    return part.as_dict()


def _call(call: ToolCall, provider: str) -> dict[str, Any]:
    extra = dict(call.extra)
    # Servers that read the arguments for their template (vLLM) fail at an empty text.
    arguments = call.arguments or "{}"
    function = {"name": call.name, "arguments": arguments, **extra.pop("function", {})}
    own = sending.own_data(call, provider, "call")
    return {"id": call.id, "type": "function", "function": function, **own, **extra}

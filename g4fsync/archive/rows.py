"""Messages as rows and back: what is hashed, what is JSON, and the shape that others read."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from hashlib import sha256
from typing import Any

from ..events import ProviderData, ToolCall
from ..messages import Image, Message, Part
from ..parts import AnyPart
from ..redaction import blotted

# Made once: json.dumps() makes one each time, which takes longer than to encode a few options.
_encoder = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=repr)


def as_json(value: Any) -> str:
    """*value* as JSON text that is always the same for the same value."""
    return _encoder.encode(value)


def message_row(message: Message, secrets: Sequence[str]) -> tuple[bytes, str, str, str | None]:
    """The hash, role, text and further JSON of *message*, with *secrets* blotted out."""
    text, more = message.content, further(message)
    if secrets:
        text = blotted(text, secrets)
        more = blotted(more, secrets) if more is not None else None
    hashed = sha256(f"{message.role}\0{more or ''}\0{text}".encode("utf-8", "surrogatepass"))
    return hashed.digest(), message.role, text, more


def further(message: Message) -> str | None:
    """All that a message has besides its role and plain text, as JSON; ``None`` for nothing."""
    plain = message.parts or message.tool_calls or message.extra or message.provider_data
    if not (plain or message.name is not None or message.tool_call_id is not None):
        return None
    value: dict[str, Any] = {
        "parts": [_part(part) for part in message.parts],
        "name": message.name,
        "tool_calls": [_tool_call(call) for call in message.tool_calls],
        "tool_call_id": message.tool_call_id,
        "extra": message.extra,
        "provider_data": [provider_data(data) for data in message.provider_data],
    }
    return as_json({name: each for name, each in value.items() if each})


# How each field of a message is set; what those behind role and content are when it is plain.
_set_role, _set_content, *_further = (getattr(Message, f.name).__set__ for f in fields(Message))
_PLAIN = Message("user", "")
_nothing_more = tuple(
    (set_field, getattr(_PLAIN, field.name))
    for set_field, field in zip(_further, fields(Message)[2:], strict=True)
)


def _plain_message(role: Any, text: str) -> Message:
    """``Message(role, text)`` in half the time: a long talk has thousands."""
    message = Message.__new__(Message)
    _set_role(message, role)
    _set_content(message, text)
    for set_field, value in _nothing_more:
        set_field(message, value)
    return message


def message_of(role: Any, text: str, more: str | None) -> Message:
    """The message that such a row holds."""
    if more is None:
        return _plain_message(role, text)
    value = json.loads(more)
    return Message(
        role,
        text,
        parts=tuple(_part_of(part) for part in value.get("parts", ())),
        name=value.get("name"),
        tool_calls=tuple(tool_call_of(call) for call in value.get("tool_calls", ())),
        tool_call_id=value.get("tool_call_id"),
        extra=value.get("extra", {}),
        provider_data=tuple(provider_data_of(data) for data in value.get("provider_data", ())),
    )


def _part(part: AnyPart) -> Any:
    if isinstance(part, str):
        return part
    if isinstance(part, Part):
        return {"type": part.type, "text": part.text, "extra": part.extra}
    content = b64encode(part.content).decode()
    return {
        "image": {"url": part.url, "content": content, "media_type": part.media_type},
        "detail": part.detail,
        "extra": part.extra,
    }


def _part_of(value: Any) -> AnyPart:
    if isinstance(value, str):
        return value
    if "image" in value:
        image = {**value["image"], "content": b64decode(value["image"]["content"])}
        return Image(**image, detail=value["detail"], extra=value["extra"])
    return Part(**value)


def _tool_call(call: ToolCall) -> dict[str, Any]:
    value: dict[str, Any] = {"id": call.id, "name": call.name, "arguments": call.arguments}
    if call.extra:
        value["extra"] = call.extra
    if call.provider_data:
        value["provider_data"] = [provider_data(data) for data in call.provider_data]
    return value


def tool_call_of(value: Mapping[str, Any]) -> ToolCall:
    """The call that such JSON says."""
    data = tuple(provider_data_of(each) for each in value.get("provider_data", ()))
    return ToolCall(
        value["id"], value["name"], value["arguments"], value.get("extra", {}), provider_data=data
    )


def provider_data(data: ProviderData) -> dict[str, Any]:
    """*data* as JSON."""
    return {
        "provider": data.provider,
        "kind": data.kind,
        "data": data.data,
        "text_length": data.text_length,
        "call_count": data.call_count,
    }


def provider_data_of(value: Mapping[str, Any]) -> ProviderData:
    """The data that such JSON says."""
    return ProviderData(**value)


def as_mappings(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """*messages* in the shape of OpenAI's chat completions, which ``chat()`` takes again.

    What one provider wanted back (``provider_data``) has no place in it.
    """
    return [_as_mapping(message) for message in messages]


def _as_mapping(message: Message) -> dict[str, Any]:
    value: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.parts:
        value["content"] = [_open_part(part) for part in message.parts]
    if message.name is not None:
        value["name"] = message.name
    if message.tool_calls:
        value["tool_calls"] = [_open_call(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        value["tool_call_id"] = message.tool_call_id
    return {**value, **message.extra}


def _open_part(part: AnyPart) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if isinstance(part, Part):
        return part.as_dict()
    url = part.url or f"data:{part.media_type};base64,{b64encode(part.content).decode()}"
    extra = dict(part.extra)
    target = {"url": url, **({"detail": part.detail} if part.detail else {})}
    target |= extra.pop("image_url", {})
    return {"type": "image_url", "image_url": target, **extra}


def _open_call(call: ToolCall) -> dict[str, Any]:
    extra = dict(call.extra)
    function = {"name": call.name, "arguments": call.arguments, **extra.pop("function", {})}
    return {"id": call.id, "type": "function", "function": function, **extra}

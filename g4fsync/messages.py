"""The conversation as values: what is asked, and what came back.

Input from the caller is checked here, once, and named by its index when it is
wrong; everything below this module can rely on it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from .errors import InvalidRequest
from .events import Attempt, ToolCall, Usage

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
ROLES: tuple[str, ...] = get_args(Role)

MAX_IMAGE_BYTES = 20 * 2**20  # hosted services draw the line between 5 and 20 MB

_MAGIC = {
    "image/png": rb"\x89PNG\r\n\x1a\n",
    "image/jpeg": rb"\xff\xd8\xff",
    "image/gif": rb"GIF8[79]a",
    "image/webp": rb"RIFF....WEBP",
}


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in a message: either ``url``, or ``content`` bytes with their ``media_type``."""

    url: str | None = field(default=None, repr=False)
    content: bytes = field(default=b"", repr=False)
    media_type: str = ""

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Image:
        """Read an image file; its kind is told by its first bytes.

        Raises :class:`InvalidRequest` for a file that can't be read, is larger
        than ``MAX_IMAGE_BYTES``, or is neither PNG, JPEG, GIF nor WebP.
        """
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - pathlib costs 6 ms to import
                content = file.read(MAX_IMAGE_BYTES + 1)
        except OSError as exc:
            raise InvalidRequest(f"image {path}: {exc.strerror or exc}") from exc
        if len(content) > MAX_IMAGE_BYTES:
            raise InvalidRequest(f"image {path}: larger than {MAX_IMAGE_BYTES} bytes")
        return cls.from_bytes(content)

    @classmethod
    def from_bytes(cls, content: bytes) -> Image:
        """An image given as its file's bytes: PNG, JPEG, GIF or WebP."""
        for media_type, magic in _MAGIC.items():
            if re.match(magic, content, re.DOTALL):
                return cls(content=content, media_type=media_type)
        raise InvalidRequest("an image must be a PNG, JPEG, GIF or WebP file")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    ``content`` is its whole text.  ``parts`` is empty unless there are images:
    then it holds texts and :class:`Image` objects in their order.
    ``tool_calls`` belongs to an assistant turn, ``tool_call_id`` and ``name``
    to a tool's answer.
    """

    role: Role
    content: str
    parts: tuple[str | Image, ...] = ()
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None

    @property
    def images(self) -> tuple[Image, ...]:
        """The images among the parts, in order."""
        return tuple(part for part in self.parts if isinstance(part, Image))


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A checked question for one provider; ``model`` is the name on the wire."""

    messages: tuple[Message, ...]
    model: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def last(self) -> Message:
        """The question: the newest message."""
        return self.messages[-1]

    def contents(self, *roles: Role) -> list[str]:
        """Texts of all messages with one of these roles, oldest first."""
        return [m.content for m in self.messages if m.role in roles]


@dataclass(frozen=True, slots=True)
class ChatResult:
    """A whole answer; ``str(result)`` is its text.

    Times are seconds; what a provider does not tell is ``None`` or empty.
    """

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    finish_reason: str | None = None
    provider: str | None = None
    model: str | None = None
    attempts: tuple[Attempt, ...] = ()
    first_token_seconds: float | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        return self.text


def as_messages(messages: object) -> tuple[Message, ...]:
    """Check what a caller passes as conversation: a ``str``, or a sequence of turns.

    A turn is a :class:`Message` or a mapping with ``role`` and ``content``;
    ``content`` is a ``str`` or, with images, a sequence of parts (a ``str``,
    an :class:`Image`, ``{"type": "text"}``, ``{"type": "image_url"}``).
    Raises :class:`InvalidRequest` naming the index and the fault.
    """
    if isinstance(messages, str):
        messages = [Message("user", messages)]
    elif isinstance(messages, Message | Mapping) or not isinstance(messages, Iterable):
        raise InvalidRequest(
            f"messages must be a str or a sequence of messages, got {type(messages).__name__}"
        )
    checked = tuple(_message(i, each) for i, each in enumerate(messages))
    if not checked:
        raise InvalidRequest("messages must not be empty")
    last = checked[-1]
    if not (last.content.strip() or last.parts or last.tool_calls or last.role == "tool"):
        raise InvalidRequest(f"messages[{len(checked) - 1}]: the last message has no content")
    return checked


def flatten(messages: Iterable[Message]) -> str:
    """The conversation as one text, for services that take a single prompt.

    One message is its content.  Several are ``Role: content`` lines with an
    open ``Assistant:`` at the end, as the web clients' ``format_prompt`` does.
    """
    turns = tuple(messages)
    if len(turns) == 1:
        return turns[0].content
    lines = [f"{turn.role.capitalize()}: {turn.content}" for turn in turns]
    return "\n".join([*lines, "Assistant:"])


def _message(index: int, value: object) -> Message:
    where = f"messages[{index}]"
    if isinstance(value, Message):
        value = {
            "role": value.role,
            "content": list(value.parts) or value.content,
            "name": value.name,
            "tool_calls": value.tool_calls,
            "tool_call_id": value.tool_call_id,
        }
    if not isinstance(value, Mapping):
        raise InvalidRequest(f"{where} must be a mapping or a Message, got {type(value).__name__}")
    role = value.get("role")
    if role not in ROLES:
        raise InvalidRequest(f"{where}: role must be one of {', '.join(ROLES)}, got {role!r}")
    calls = _tool_calls(where, value.get("tool_calls"))
    content = value.get("content")
    if content is None and (calls or role == "tool"):
        content = ""
    parts = () if isinstance(content, str) else _parts(where, content)
    text = content if isinstance(content, str) else "".join(p for p in parts if isinstance(p, str))
    _refuse_half_characters(where, text)
    has_image = any(isinstance(part, Image) for part in parts)
    return Message(
        role=role,
        content=text,
        parts=parts if has_image else (),
        name=_text_or_none(where, "name", value.get("name")),
        tool_calls=calls,
        tool_call_id=_text_or_none(where, "tool_call_id", value.get("tool_call_id")),
    )


def _refuse_half_characters(where: str, text: str) -> None:
    """Half a surrogate pair is no text: no signature and no byte form can be made of it."""
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        half = exc.object[exc.start]
        raise InvalidRequest(f"{where}: content holds half a character ({half!r})") from exc


def _text_or_none(where: str, key: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidRequest(f"{where}: {key} must be a str, got {type(value).__name__}")
    return value


def _parts(where: str, content: object) -> tuple[str | Image, ...]:
    if content is None:
        raise InvalidRequest(f"{where} has no content")
    if not isinstance(content, list | tuple):
        raise InvalidRequest(
            f"{where}: content must be a str or a list of parts, got {type(content).__name__}"
        )
    return tuple(_part(f"{where}.content[{i}]", part) for i, part in enumerate(content))


def _part(where: str, part: object) -> str | Image:
    if isinstance(part, str):
        return part
    if isinstance(part, Image):
        return _image(where, part)
    kind = part.get("type") if isinstance(part, Mapping) else None
    if isinstance(part, Mapping) and kind == "text" and isinstance(part.get("text"), str):
        text: str = part["text"]
        return text
    if isinstance(part, Mapping) and kind == "image_url":
        target = part.get("image_url")
        url = target.get("url") if isinstance(target, Mapping) else target
        if isinstance(url, str):
            return _image(where, Image(url=url))
    raise InvalidRequest(f"{where} must be text or an image, got {str(kind or type(part))!r}")


def _image(where: str, image: Image) -> Image:
    """Check *image*; a data URL becomes bytes, so that providers know two forms only."""
    if image.url is not None and str(image.url).startswith("data:"):
        from base64 import b64decode  # binascii.Error is a ValueError

        head, _, data = image.url[5:].partition(",")
        media_type, _, encoding = head.partition(";")
        try:
            if encoding != "base64":
                raise ValueError("not base64")
            image = Image(content=b64decode(data, validate=True), media_type=media_type)
        except ValueError as exc:
            raise InvalidRequest(f"{where}: the data URL is broken: {exc}") from exc
    if image.url is not None:
        if not str(image.url).startswith(("http://", "https://")):
            raise InvalidRequest(f"{where}: an image URL begins with http://, https:// or data:")
        return image
    is_bytes = isinstance(image.content, bytes) and image.content
    if not is_bytes or not str(image.media_type).startswith("image/"):
        raise InvalidRequest(f"{where}: an image needs a url, or content and an image/ media_type")
    if len(image.content) > MAX_IMAGE_BYTES:
        raise InvalidRequest(
            f"{where}: the image has {len(image.content)} bytes, "
            f"more than the {MAX_IMAGE_BYTES} allowed"
        )
    return image


def _tool_calls(where: str, value: object) -> tuple[ToolCall, ...]:
    if not isinstance(value, list | tuple | None):
        raise InvalidRequest(f"{where}: tool_calls must be a list, got {type(value).__name__}")
    return tuple(_tool_call(where, each) for each in value or ())


def _tool_call(where: str, value: object) -> ToolCall:
    """A ``ToolCall``, or the mapping OpenAI's history has for one."""
    if isinstance(value, ToolCall):
        return value
    if isinstance(value, Mapping) and isinstance(value.get("function"), Mapping):
        function = value["function"]
        texts = (value.get("id"), function.get("name"), function.get("arguments"))
        id, name, arguments = (text if isinstance(text, str) else None for text in texts)
        if id is not None and name is not None and arguments is not None:
            return ToolCall(id, name, arguments)
    raise InvalidRequest(f"{where}: tool_calls must hold ToolCall objects, got {value!r:.80}")

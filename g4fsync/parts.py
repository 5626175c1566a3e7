"""What a message is made of besides plain text: images, and parts kept as they were given."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from .errors import InvalidRequest
from .events import ToolCall
from .frozen import NOTHING, FrozenDict, frozen_object, json_text, nothing

MAX_IMAGE_BYTES = 20 * 2**20  # hosted services draw the line between 5 and 20 MB

_MAGIC = {
    "image/png": rb"\x89PNG\r\n\x1a\n",
    "image/jpeg": rb"\xff\xd8\xff",
    "image/gif": rb"GIF8[79]a",
    "image/webp": rb"RIFF....WEBP",
}


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in a message: either ``url``, or ``content`` bytes with their ``media_type``.

    ``detail`` is OpenAI's ``image_url.detail``; ``extra`` holds the part's other
    members as they were given, such as ``cache_control``.  A provider whose
    protocol has no such member refuses it.
    """

    url: str | None = field(default=None, repr=False)
    content: bytes = field(default=b"", repr=False)
    media_type: str = ""
    detail: str | None = field(default=None, repr=False)
    extra: Mapping[str, Any] = field(default_factory=nothing, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "extra", frozen_object(self.extra, "extra"))

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, detail: str | None = None) -> Image:
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
            raise InvalidRequest(f"image {path}: larger than {MAX_IMAGE_BYTES >> 20} MiB")
        try:
            return cls.from_bytes(content, detail=detail)
        except InvalidRequest as exc:
            raise InvalidRequest(f"image {path}: {exc}") from None

    @classmethod
    def from_bytes(cls, content: bytes, *, detail: str | None = None) -> Image:
        """An image given as its file's bytes: PNG, JPEG, GIF or WebP."""
        for media_type, magic in _MAGIC.items():
            if re.match(magic, content, re.DOTALL):
                return cls(content=content, media_type=media_type, detail=detail)
        raise InvalidRequest("an image must be a PNG, JPEG, GIF or WebP file")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message that is neither plain text nor an image, as it was given.

    ``type`` is its JSON member ``type``, ``""`` where it has none (Gemini's own
    parts); ``text`` is the text of a part of type ``text``, ``extra`` all its
    other members.  A provider sends it as it is when its protocol has such parts.
    """

    type: str
    text: str = ""
    extra: Mapping[str, Any] = field(default_factory=nothing)

    def __post_init__(self) -> None:
        object.__setattr__(self, "extra", frozen_object(self.extra, "extra"))

    def as_dict(self) -> dict[str, Any]:
        """Its JSON."""
        value = {"type": self.type} if self.type else {}
        return {**value, **({"text": self.text} if self.type == "text" else {}), **self.extra}


AnyPart: TypeAlias = str | Image | Part


def checked_parts(where: str, content: Iterable[object]) -> tuple[AnyPart, ...]:
    """The parts of a message's *content*; :class:`InvalidRequest` names what is none."""
    return tuple(_part(f"{where}.content[{i}]", part) for i, part in enumerate(content))


def text_of(parts: Iterable[AnyPart]) -> str:
    """All the text in *parts*."""
    return "".join(p if isinstance(p, str) else getattr(p, "text", "") for p in parts)


def members(value: Mapping[Any, Any], known: Iterable[str], where: str) -> FrozenDict:
    """The members of *value* that are not *known*; ``None`` is no member."""
    rest = {k: v for k, v in value.items() if v is not None and k not in known}
    return frozen_object(rest, where) if rest else NOTHING


def as_mapping(value: object) -> object:
    """The mapping that an object of another SDK stands for; anything else as it is."""
    dump = getattr(value, "model_dump", None)  # pydantic's, which most of them use
    if callable(dump) and not isinstance(value, type):
        return dump(exclude_none=True)
    return value


def _part(where: str, part: object) -> AnyPart:
    part = as_mapping(part)
    if isinstance(part, str | Part):
        return part
    if isinstance(part, bytes | bytearray | memoryview):
        part = _from_bytes(where, bytes(part))
    if isinstance(part, Image):
        return _image(where, part)
    if not isinstance(part, Mapping):
        raise InvalidRequest(f"{where} must be text or an image, got {str(type(part))!r}")
    kind = part.get("type")
    if kind == "text" and isinstance(part.get("text"), str):
        extra = members(part, ("type", "text"), where)
        return Part("text", part["text"], extra) if extra else str(part["text"])
    if kind == "image_url":
        return _image(where, _from_image_url(where, part))
    extra = members(part, ("type",), where)
    if kind == "text" or not isinstance(kind, str | None) or not (kind or extra):
        raise InvalidRequest(f"{where} must be text or an image, got {str(kind or type(part))!r}")
    return Part(kind or "", "", extra)


def _from_bytes(where: str, content: bytes) -> Image:
    try:
        return Image.from_bytes(content)
    except InvalidRequest as exc:
        raise InvalidRequest(f"{where}: {exc}") from exc


def _from_image_url(where: str, part: Mapping[str, Any]) -> Image:
    """OpenAI's part; members of its ``image_url`` besides those known stay below that name."""
    target = part.get("image_url")
    inner = NOTHING
    detail = None
    if isinstance(target, Mapping):
        inner = members(target, ("url", "detail"), f"{where}.image_url")
        detail = target.get("detail")
        target = target.get("url")
    if not isinstance(target, str):
        raise InvalidRequest(f"{where} must be text or an image, got 'image_url'")
    extra = members(part, ("type", "image_url"), where)
    if inner:
        extra = FrozenDict({**extra, "image_url": inner})
    return Image(url=target, detail=detail, extra=extra)


def _image(where: str, image: Image) -> Image:
    """Check *image*; a data URL becomes bytes, so that providers know two forms only."""
    if not isinstance(image.detail, str | None):
        raise InvalidRequest(f"{where}: detail must be a str, got {type(image.detail).__name__}")
    if image.url is not None and str(image.url).startswith("data:"):
        image = _from_data_url(where, image)
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


def _from_data_url(where: str, image: Image) -> Image:
    from base64 import b64decode  # binascii.Error is a ValueError

    head, _, data = str(image.url)[5:].partition(",")
    media_type, _, encoding = head.partition(";")
    try:
        if encoding != "base64":
            raise ValueError("not base64")
        content = b64decode(data, validate=True)
    except ValueError as exc:
        raise InvalidRequest(f"{where}: the data URL is broken: {exc}") from exc
    return replace(image, url=None, content=content, media_type=media_type)


def given_image(where: str, value: object) -> Image:
    """An image by what a caller has of it: a path, a URL, the bytes of a file."""
    if isinstance(value, Image):
        return value
    try:
        if isinstance(value, bytes | bytearray | memoryview):
            return Image.from_bytes(bytes(value))
        if isinstance(value, str) and value.startswith(("http://", "https://", "data:")):
            return Image(url=value)
        if isinstance(value, str | os.PathLike):
            return Image.open(value)
    except InvalidRequest as exc:
        raise InvalidRequest(f"{where}: {exc}") from exc
    raise InvalidRequest(
        f"{where} must be a path, bytes, a URL or an Image, got {type(value).__name__}"
    )


def text_or_none(where: str, key: str, value: object) -> str | None:
    """A member that is text or missing; :class:`InvalidRequest` for anything else."""
    if value is not None and not isinstance(value, str):
        raise InvalidRequest(f"{where}: {key} must be a str, got {type(value).__name__}")
    return value


def checked_calls(where: str, value: object) -> tuple[ToolCall, ...]:
    """The calls of a turn; :class:`InvalidRequest` names what is none."""
    if not isinstance(value, list | tuple | None):
        raise InvalidRequest(f"{where}: tool_calls must be a list, got {type(value).__name__}")
    calls = enumerate(value or ())
    return tuple(_tool_call(where, f"{where}.tool_calls[{i}]", each) for i, each in calls)


def _tool_call(where: str, place: str, value: object) -> ToolCall:
    """A ``ToolCall``, or the mapping OpenAI's history has for one.

    Ollama's has no id, and its arguments are an object.
    """
    value = as_mapping(value)
    if isinstance(value, ToolCall):
        return value
    function = value.get("function") if isinstance(value, Mapping) else None
    if isinstance(value, Mapping) and isinstance(function, Mapping):
        id, name, arguments = value.get("id"), function.get("name"), function.get("arguments")
        if isinstance(arguments, Mapping):
            arguments = json_text(arguments, f"{place}.function.arguments")
        if isinstance(id, str | None) and isinstance(name, str) and isinstance(arguments, str):
            return ToolCall(id or "", name, arguments, _call_extra(place, value, function))
    raise InvalidRequest(f"{where}: tool_calls must hold ToolCall objects, got {value!r:.80}")


def _call_extra(place: str, call: Mapping[str, Any], function: Mapping[str, Any]) -> FrozenDict:
    """A call's other members; those of its ``function`` stay below that name."""
    extra = members(call, ("id", "function", "type"), place)
    inner = members(function, ("name", "arguments"), f"{place}.function")
    kind = call.get("type")
    if inner or kind not in (None, "function"):
        more = {"type": kind} if kind not in (None, "function") else {}
        return FrozenDict({**extra, **more, **({"function": inner} if inner else {})})
    return extra

"""From ``g4f``'s arguments to a question of ours."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...access.names import folded
from ...errors import G4FSyncError, InvalidRequest
from ...messages import Image, Message, as_messages
from . import debug
from .errors import translated
from .Provider import NamedProvider

if TYPE_CHECKING:
    from ...call.stream import ChatStream
    from ...client import Client

# Names there for whatever server a base URL leads to.
_ANY_SERVER = frozenset({"custom", "openaitemplate"})
# What is heard only where it says what is done anyway.
_SAYS_NOTHING: Mapping[str, Any] = {
    "web_search": False,
    "ignore_stream": False,
    "ignore_working": False,
    "raw": False,
    "auth": None,
    "conversation": None,
    "image_name": None,
}


def ask(
    client: Client,
    messages: Any,
    model: Any,
    provider: Any,
    base_url: str | None,
    options: Mapping[str, Any],
) -> ChatStream:
    """The answer to *messages*; nothing is sent before it is iterated.  Raises g4f's errors."""
    try:
        given = {name: value for name, value in options.items() if value is not None}
        for name, nothing in _SAYS_NOTHING.items():
            if given.pop(name, nothing) not in (nothing, None):
                raise InvalidRequest(f"g4fsync.compat.g4f does not cover {name}=")
        turns = _with_images(as_messages(messages), given.pop("image", None), given)
        chosen = _provider(provider, base_url)
        named = getattr(model, "name", model) or None
        answer = client.chat(turns, model=named, provider=chosen, **given)
        if debug.logging:
            found, asked = client._resolve(named or (None if chosen else client.model), chosen)
            debug.log(f"Using {found.name} provider and {asked or found.default_model} model")
        return answer
    except G4FSyncError as exc:
        raise translated(exc) from exc


def _provider(provider: Any, base_url: str | None) -> Any:
    if isinstance(provider, NamedProvider):
        provider = provider.name
    if base_url is None:
        return provider
    if isinstance(provider, str) and folded(provider) in _ANY_SERVER:
        provider = None
    if isinstance(provider, str):
        from ...registry import provider_class

        provider = provider_class(provider)
    if provider is None:
        from ...providers.openai import OpenAI

        return OpenAI(base_url)
    return provider(base_url) if isinstance(provider, type) else provider.at(base_url)


def _with_images(
    turns: tuple[Message, ...], image: Any, given: dict[str, Any]
) -> tuple[Message, ...]:
    """The last turn with the images that stand beside the messages."""
    more: Sequence[Any] = given.pop("images", None) or given.pop("media", None) or ()
    images = [each for each in (image, *more) if each is not None]
    if not images:
        return turns
    last = turns[-1]
    parts = last.parts or ((last.content,) if last.content else ())
    return as_messages(
        [*turns[:-1], Message(last.role, last.content, (*parts, *map(_image, images)))]
    )


def _image(value: Any) -> Image:
    """An image as g4f takes one, with a name beside it or not: bytes, a file, a URL, a path."""
    if isinstance(value, tuple | list) and value:
        value = value[0]
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes):
        return Image.from_bytes(value)
    if isinstance(value, str) and value.startswith(("http://", "https://", "data:")):
        return Image(url=value)
    if isinstance(value, str | os.PathLike):
        return Image.open(value)
    raise InvalidRequest(f"an image must be bytes, a file, a URL or a path, got {value!r:.80}")

"""What every provider has: names, models, options, and one method to write."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn
from urllib.parse import urlsplit

from ..errors import ConfigurationError, G4FSyncError, InvalidRequest
from ..events import Event
from ..messages import ROLES, ChatRequest
from ..scope import Timeout
from ..stream import ChatStream
from ..transport.base import Transport

_NOTHING: Mapping[str, str] = MappingProxyType({})

# What gpt4free's classes call themselves; the sites may look at it.
FIREFOX = {
    "User-Agent": "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:122.0) Gecko/20100101 Firefox/122.0",
    "Accept-Encoding": "gzip, deflate",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "TE": "trailers",
}
MAC_CHROME = {
    "User-Agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/111.0.0.0 Safari/537.36",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
}


class Provider(ABC):
    """One chat service.  A subclass sets the attributes and writes :meth:`stream`.

    An object holds configuration only and may be shared by threads.

    ``name`` is what users type; ``url`` is the site for people, ``base_url``
    where requests go.  ``models`` maps names to names on the wire, and
    ``model_aliases`` further names to those; with ``open_models`` any other
    name is passed on as it is.  ``status`` is one honest word or two.
    ``options`` are the option names :meth:`stream` honours, ``roles`` the
    message roles; others are refused before anything is sent.
    ``has_end_mark``: an answer without a ``Finish`` event is an error.
    ``needs_cookies`` and ``needs_key``: a call without them is refused before
    the first byte.
    """

    name: ClassVar[str]
    url: ClassVar[str] = ""
    base_url: str
    default_model: str | None = None
    models: Mapping[str, str] = _NOTHING
    model_aliases: Mapping[str, str] = _NOTHING
    open_models: ClassVar[bool] = False
    status: str = "unknown"
    options: frozenset[str] = frozenset()
    supports_system_message: bool = True
    supports_message_history: bool = True
    roles: frozenset[str] = frozenset(ROLES)
    supports_images: bool = False
    supports_tools: bool = False
    needs_cookies: bool = False
    needs_key: bool = False
    key_variables: tuple[str, ...] = ()
    has_end_mark: bool = True
    headers: Mapping[str, str] = _NOTHING

    def __init__(self, base_url: str | None = None) -> None:
        self.base_url = checked_url(self.name, base_url or type(self).base_url)

    @abstractmethod
    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        """Ask, and yield the answer as it comes.

        A ``str`` is answer text, an event object anything else, ``""`` is
        progress without text.  A :class:`~g4fsync.events.Finish` says that the
        answer is whole; after it only ``Usage`` may follow.
        """

    def model_name(self, model: str | None) -> str:
        """The name *model* goes by; ``None`` or ``""`` is the default, aliases are resolved."""
        model = model or self.default_model
        if not model:
            raise ConfigurationError(
                f'no default model; say "{self.name}:MODEL"', provider=self.name
            )
        model = self.model_aliases.get(model, model)
        if model not in self.models and not self.open_models:
            raise InvalidRequest(
                f"unknown model {model!r}; it has {', '.join(self.models)}",
                provider=self.name,
                model=model,
            )
        return model

    def wire_model(self, model: str | None) -> str:
        """The name on the wire for *model*."""
        name = self.model_name(model)
        return self.models.get(name, name)

    def check(self, request: ChatRequest) -> None:
        """Raise ``InvalidRequest`` for messages this provider can't be sent."""
        for i, message in enumerate(request.messages):
            what = ""
            if message.role not in self.roles:
                what = f"role {message.role!r}"
            elif message.images and not self.supports_images:
                what = "images"
            elif message.tool_calls and not self.supports_tools:
                what = "tool calls"
            if what:
                raise InvalidRequest(
                    f"messages[{i}]: {self.name} does not take {what}", provider=self.name
                )

    def failure(self, error: G4FSyncError) -> G4FSyncError:
        """What an error answer means to this provider; unchanged unless it knows better."""
        return error

    def chat(
        self,
        messages: object,
        model: str | None = None,
        proxy: str | None = None,
        timeout: Timeout | float | None = None,
        **options: Any,
    ) -> ChatStream:
        """Ask without a ``Client`` of one's own: ``Client(proxy=proxy).chat(...)``."""
        return open_stream(self, messages, model, proxy, timeout, options)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"


def checked_url(name: str, url: str) -> str:
    """*url* without a trailing slash; ``ConfigurationError`` when it is no HTTP URL."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or any(ord(c) <= 32 or ord(c) == 127 for c in url) or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{name}: the base URL must look like http://host[:port][/path], got {url!r}",
            provider=name,
        )
    return url.rstrip("/")


def _no_client(*_: object) -> NoReturn:
    raise RuntimeError("import g4fsync before calling Provider.chat()")


# The client stands above the providers and sets this when it is imported, so
# that a provider can be used alone without importing upwards.
open_stream: Callable[..., ChatStream] = _no_client

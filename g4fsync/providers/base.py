"""What every provider has: names, models, options, and one method to write."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from copy import copy
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from ..access.homes import at_environment_url, withheld_key
from ..access.names import offer
from ..access.reach import Overrides, Reach
from ..call import engine
from ..call.asking import checked_call, conversation
from ..call.stream import ChatStream
from ..errors import AuthenticationError, ConfigurationError, G4FSyncError, InvalidRequest
from ..messages import ROLES, ChatRequest, Image, Message, Part
from ..scope import CancelScope
from ..settings import Rate, Retry, Timeout
from ..urls import normal_base_url, shown

if TYPE_CHECKING:
    from ..events import Event
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
    ``supports_extra``: :meth:`stream` sends, or refuses by itself, further
    members of messages (``extra``), their ``name``, and parts that are neither
    text nor image; without it they are refused here.
    ``native_schema`` is the flavour of JSON schemas that ``response_format`` takes:
    ``"strict"`` (OpenAI's), ``"closed"`` (closed objects, no bounds), ``"plain"`` (any), or
    ``""`` where the service takes none, and a schema goes into the system text.
    ``has_end_mark``: an answer without a ``Finish`` event is an error.
    ``needs_cookies`` and ``needs_key``: a call without them is refused before
    the first byte; no key is needed for a base URL of the caller's own.

    ``key_variables`` and ``base_url_variables`` are environment variables, the
    recommended one first; the client reads them when a call is made.  A key
    from there or from the key file goes to ``key_origins`` (the default base
    URL when empty) and to where a base-URL variable points, nowhere else.
    ``base_url`` may hold variables, ``{NAME}`` or ``{NAME|OTHER}``.
    ``rate_without_key`` is the documented limit of a service that answers without
    a key: calls without one keep to it unless ``Client(rate=...)`` says otherwise.
    ``ca`` is the path of a bundle of authorities to trust here, unless the
    caller names another.
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
    supports_extra: bool = False
    native_schema: str = ""
    needs_cookies: bool = False
    needs_key: bool = False
    key_variables: tuple[str, ...] = ()
    key_origins: tuple[str, ...] = ()
    base_url_variables: tuple[str, ...] = ()
    rate_without_key: Rate | None = None
    has_base_url_given: bool = False
    lists_models: bool = False
    ca: str | None = None
    has_end_mark: bool = True
    headers: Mapping[str, str] = _NOTHING

    def __init__(self, base_url: str | None = None) -> None:
        self.has_base_url_given = bool(base_url)
        url = base_url or type(self).base_url
        # Where only the user can know the base URL, the client asks for it.
        self.base_url = self.normal_url(url) if url else ""

    def normal_url(self, url: str) -> str:
        """*url* as a base URL, ``ConfigurationError`` when it can't be one."""
        return checked_url(self.name, url)

    def at(self, base_url: str) -> Provider:
        """A provider like this one at another base URL."""
        moved = copy(self)
        moved.base_url = self.normal_url(base_url)
        return moved

    @abstractmethod
    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        """Ask, and yield the answer as it comes.

        A ``str`` is answer text, an event object anything else, ``""`` is
        progress without text.  A :class:`~g4fsync.events.Finish` says that the
        answer is whole; after it only ``Usage`` may follow.
        """

    def list_models(self, transport: Transport) -> list[str]:
        """The model names the server tells; ``lists_models`` says whether it is asked."""
        return list(self.models)

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
                f"unknown model {model!r}; {offer(model, self.models, 'has')}",
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
            elif not self.supports_extra:
                what = _extra_of(message)
            if what:
                raise InvalidRequest(
                    f"messages[{i}]: {self.name} does not take {what}", provider=self.name
                )

    def failure(self, error: G4FSyncError) -> G4FSyncError:
        """What an error answer means to this provider; unchanged unless it knows better."""
        if isinstance(error, AuthenticationError) and error.status and self.key_variables:
            error.args = (f"{error.args[0]} ({self.key_advice})",)
        return error

    @property
    def key_withheld(self) -> str:
        """Why a key that is there was not sent, for a message; ``""`` when there is none."""
        return withheld_key(self)

    @property
    def key_advice(self) -> str:
        """How to give this provider its key, for a message."""
        given = f"Client(api_keys={{{self.name!r}: ...}})"
        if self.has_base_url_given or not self.key_variables:
            return f"give {given}"
        return f"set {self.key_variables[0]}, or give {given}"

    def chat(
        self,
        messages: object,
        model: str | None = None,
        proxy: str | None = None,
        timeout: Timeout | float | None = None,
        **options: Any,
    ) -> ChatStream:
        """Ask without a client, with the defaults of one; see :meth:`.Client.chat`."""
        reach = Reach(proxy=proxy)
        provider = at_environment_url(self)
        call = checked_call(
            provider,
            conversation(messages),
            model,
            options,
            reach.transport_factory(provider, Overrides()),
        )
        scope = CancelScope(Timeout.of(timeout, Timeout()))
        return ChatStream(partial(engine.answer, [call], Retry()), scope)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={shown(self.base_url)!r})"


def _extra_of(message: Message) -> str:
    """The first thing in *message* besides text, images and calls, for an error; or ``""``."""
    parts = [part for part in message.parts if not isinstance(part, str)]
    for part in parts:
        if isinstance(part, Part) and part.type != "text":
            return f"parts like {part.type or next(iter(part.extra))!r}"
        if isinstance(part, Image) and part.detail is not None:
            return "'detail'"
    for holder in (message, *parts, *message.tool_calls):
        for name, value in holder.extra.items():
            if value not in ("", [], {}):
                return repr(name)
    return "'name'" if message.name and message.role != "tool" else ""


def checked_url(name: str, url: str) -> str:
    """*url* without a slash at its end; ``ConfigurationError`` when it can be no base URL."""
    try:
        return normal_base_url(url)
    except ValueError:
        raise ConfigurationError(
            f"{name}: the base URL must look like http://host[:port][/path], got {shown(url)!r}",
            provider=name,
        ) from None

"""What a provider may ask of the outside world: small Protocols, no code.

A transport belongs to one attempt and one thread.  Everything that blocks
here obeys the call's clocks and its cancellation, and raises only
:class:`~g4fsync.errors.G4FSyncError`; a provider needs no ``try`` for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from ..codecs.socketio import SocketEvent
    from ..codecs.sse import ServerSentEvent


class Response(Protocol):
    """A 2xx answer; any other status was raised by the transport.

    ``headers`` is looked up without case; ``media_type`` is the content type
    in lower case without its parameters, ``""`` when none was sent.  The body
    can be read once, by one of the methods.
    """

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, looked up without case."""

    @property
    def media_type(self) -> str:
        """The content type in lower case without its parameters, ``""`` when none was sent."""

    @property
    def done(self) -> bool:
        """Whether :meth:`values` has met ``[DONE]``, or the end of a body of one JSON value."""

    def json(self) -> Any:
        """The whole body as one strict JSON value."""

    def events(self, *, empty_ok: bool = False) -> Iterator[ServerSentEvent]:
        """The body as server-sent events; no event at all is an error unless *empty_ok*."""

    def values(self) -> Iterator[Any]:
        """The JSON data of each event, up to ``[DONE]``; no event at all is an error.

        The first bytes decide what the body is, the content type is a hint only: lines
        of JSON, or one JSON value, are read as :meth:`records` would, and the reverse.
        An event with blank data says nothing.

        An event named ``error`` comes as ``{"error": ...}``; other names are not told.
        What is the same in all may be the same object: read the values, don't change them.
        """

    def records(self) -> Iterator[Any]:
        """The body as newline-delimited JSON values; no value at all is an error.

        What is the same in all may be the same object: read the values, don't change them.
        """

    def pieces(self) -> Iterator[bytes]:
        """The decoded body in pieces as they arrive, for a format of the provider's own."""


class SocketIO(Protocol):
    """One connected Socket.IO namespace; pings are answered below."""

    def emit(self, name: str, *args: Any) -> None:
        """Send one event."""

    def __iter__(self) -> Iterator[SocketEvent]:
        """Events of the namespace; ends when the far side disconnects."""


class Transport(Protocol):
    """Requests, Socket.IO, time and chance for one attempt.

    A path begins with ``/`` (or is ``""``) and is joined to the provider's base
    URL; another host is an ``InvalidRequest``: a provider that needs two is two
    providers, or takes the other's token as a key.  ``json=`` sends a JSON body,
    ``body=`` bytes as they are.  ``api_key`` is the user's key for this
    provider, or ``None``.
    """

    @property
    def random(self) -> random.Random:
        """The source of chance, for request ids and the like."""

    @property
    def api_key(self) -> str | None:
        """The user's key for this provider, or ``None``."""

    def now(self) -> float:
        """Seconds since the epoch, for signatures."""

    def sleep(self, seconds: float) -> None:
        """Wait; ends early with Cancelled or DeadlineExceeded."""

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a GET request, and wait for the head of its answer."""

    def post(
        self,
        path: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a POST request: *json* as a JSON body, or *body* as it is."""

    def delete(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a DELETE request, and wait for the head of its answer."""

    def socketio(
        self,
        path: str,
        *,
        namespace: str,
        auth: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> AbstractContextManager[SocketIO]:
        """Connect a Socket.IO namespace; leaving the block closes it."""

    def cleanup(self, seconds: float = 5.0) -> AbstractContextManager[None]:
        """Undo in here: with a few seconds of its own even after cancel, failures only logged."""


class AttemptTransport(Transport, Protocol):
    """A transport as the engine sees it: one attempt's, to be closed after it.

    ``sent`` is true when a request went out whole.  ``latest``: what the provider was given
    last, as evidence.  ``answer_headers`` are those of the newest answer, looked up without case.
    """

    @property
    def secrets(self) -> tuple[Sequence[str], Sequence[str]]:
        """What no error may tell: keys and cookies, and passwords of URLs."""

    @property
    def sent(self) -> object: ...
    @property
    def latest(self) -> object: ...
    @property
    def answer_headers(self) -> Mapping[str, str]: ...
    def close(self, *, graceful: bool = False) -> None: ...

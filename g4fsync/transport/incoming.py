"""The body of an answer, read as events, records or one JSON value.

Shared by the live transport and the scripted one, so that a provider's tests
meet the endings and refusals its users meet.  No I/O here: a subclass says
where the pieces come from.

Rules of this file:

* The body may be read once, by one method.  Each reads it to its end, or stops
  where the protocol stops (``[DONE]``); who leaves earlier has cut the answer.
* The content type is a hint, the first byte that is not blank decides.  Gateways
  label streams as JSON, errors as streams, and PHP calls all of it HTML.  So a
  body is looked at before it is refused for its label, and never the reverse.
* What came is handed out before the fault that ended it is raised, however the
  bytes were cut into pieces; else what a caller gets depended on timing.
* ``evidence.latest`` is set before a value is yielded: when a provider's look-up
  fails on it, that value is what the error must show.
* An event named ``error`` is a value like any other here, wrapped so that a
  provider finds it by ``value.get("error")`` whichever form the failure has.
* A body that is no answer is read in a hurry and cut (``excerpt_pieces``): its
  status tells enough, and nobody waits for a slow page that says no.
* A body that ended without one event is a ``StreamTruncated``, not an empty
  answer: connections that are closed early by a proxy look just so.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import Any, Protocol

from ..codecs import refusals, strict
from ..codecs.sse import ServerSentEvent, SSEDecoder
from ..codecs.values import DONE, EVENT_STARTS, JSON_STARTS, EventValues, RecordValues, first_byte
from ..errors import (
    AuthenticationError,
    ConnectionFailed,
    G4FSyncError,
    ProtocolError,
    ProviderError,
    StreamTruncated,
)
from ..settings import DEFAULT_LIMITS, Limits


class Evidence(Protocol):
    """Where it is noted what the provider was given last."""

    latest: object


class IncomingResponse(ABC):
    """An answer whose headers have come; see :class:`~.base.Response`."""

    __slots__ = ("_evidence", "_limits", "done")

    def __init__(self, evidence: Evidence, limits: Limits = DEFAULT_LIMITS) -> None:
        self._evidence = evidence
        self._limits = limits
        self.done = False  # see Response.done

    @property
    @abstractmethod
    def status(self) -> int: ...

    @property
    @abstractmethod
    def headers(self) -> Mapping[str, str]: ...

    @abstractmethod
    def pieces(self) -> Iterator[bytes]: ...

    @property
    def media_type(self) -> str:
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    def json(self) -> Any:
        if self.media_type == "text/html":
            raise self.refusal()
        value = self._evidence.latest = strict.parse(self._complete())
        return value

    def events(self, *, empty_ok: bool = False) -> Iterator[ServerSentEvent]:
        decoder = SSEDecoder(max_event_bytes=self._limits.event)
        empty = True
        start, pieces = self._stream()
        if "json" in self.media_type and start not in EVENT_STARTS:
            raise self._misplaced(pieces)
        for piece in pieces:
            for event in decoder.feed(piece):
                empty = False
                self._evidence.latest = event
                yield event
        for event in decoder.close():
            empty = False
            self._evidence.latest = event
            yield event
        if empty and not empty_ok:
            raise StreamTruncated("the answer is empty: no event in it")

    def values(self) -> Iterator[Any]:
        return self._values(EventValues)

    def records(self) -> Iterator[Any]:
        return self._values(RecordValues)

    def _values(self, usual: type[EventValues | RecordValues]) -> Iterator[Any]:
        """The values of a body in whichever form it has; *usual* when it begins like neither."""
        start, pieces = self._stream()
        reader = self._form(start, usual)(self._limits.event)
        empty = True
        # No generator around the reader: thousands of streams wait in each of theirs.
        for piece in chain(pieces, (None,)):
            for value in reader.close() if piece is None else reader.feed(piece):
                if value is DONE:
                    self.done = True
                    return
                empty = False
                self._evidence.latest = value
                yield value
        if empty:
            raise StreamTruncated(f"the answer is empty: no {reader.unit} in it")
        self.done = reader.is_one_value

    def _form(
        self, start: bytes, usual: type[EventValues | RecordValues]
    ) -> type[EventValues | RecordValues]:
        if start in EVENT_STARTS:
            return EventValues
        return RecordValues if start in JSON_STARTS or "json" in self.media_type else usual

    def refusal(self) -> G4FSyncError:
        """The error this answer is, with what its body tells; reads some of the body."""
        error = refusals.from_answer(self.status, self.headers, self._excerpt(self.pieces()))
        if isinstance(error, ProviderError | AuthenticationError):
            names = (name for name in self.headers if "cookie" not in name.lower())
            error.headers = {name.lower(): self.headers[name] for name in names}
        return error

    def _stream(self) -> tuple[bytes, Iterator[bytes]]:
        """The pieces of a body that may be a stream, and its first byte that is not blank.

        The content type is a hint: it may be missing, or another's.  Only what
        neither it nor the first byte makes a stream is an error.
        """
        if self.status in _NO_WHOLE_BODY:
            raise ProtocolError(f"HTTP {self.status} in place of a stream")
        media_type = self.media_type
        if not _MAY_BE_A_STREAM.match(media_type):
            raise self._misplaced(self.pieces())
        pieces = self.pieces()
        first = start = b""
        # A blank start says nothing yet: relays keep a connection alive with line ends.
        for piece in pieces:
            first = (first + piece).lstrip(b"\r\n")
            start = first_byte(first)
            if start or len(first) > self._limits.event:
                break
        pieces = chain((first,), pieces)
        if start == b"<" or (media_type == "text/html" and start not in _STARTS):
            raise self._page(self._excerpt(pieces))
        return start, pieces

    def _page(self, body: bytes) -> G4FSyncError:
        text = body.decode("utf-8", "replace")
        if refusals.is_page(self.headers, text):
            return refusals.from_page(self.status, self.headers, text)
        return strict.unexpected("a stream", body)

    def _misplaced(self, pieces: Iterator[bytes]) -> G4FSyncError:
        text = self._excerpt(pieces).decode("utf-8", "replace")
        if self.media_type.endswith("json") and '"error"' in text:
            return refusals.in_band(text, status=self.status)
        return ProtocolError(
            f"expected a stream, got content type {self.media_type!r}", evidence=text
        )

    def excerpt_pieces(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """*pieces* of a body that is not worth waiting for."""
        return pieces

    def _excerpt(self, pieces: Iterator[bytes]) -> bytes:
        """Some of a body that is no answer; its status tells enough, whatever goes wrong."""
        body = bytearray()
        with suppress(ConnectionFailed, ProtocolError):
            for piece in self.excerpt_pieces(pieces):
                body += piece
                if len(body) > self._limits.error_body:
                    break
        return bytes(body[: self._limits.error_body])

    def _complete(self) -> bytes:
        body = bytearray()
        for piece in self.pieces():
            body += piece
            if len(body) > self._limits.json:
                raise ProtocolError(f"the JSON answer is longer than {self._limits.json} bytes")
        return bytes(body)


# Any other status of success may have a stream: NestJS answers a POST with 201.
_NO_WHOLE_BODY = frozenset({204, 205, 206})
# text/html too: PHP calls whatever it sends so, unless it is told otherwise.
_MAY_BE_A_STREAM = re.compile(r"$|text/|application/octet-stream$|(?!.*problem).*json")
_STARTS = JSON_STARTS | EVENT_STARTS

"""The body of an answer, read as events, records or one JSON value.

Shared by the live transport and the scripted one, so that a provider's tests
meet the endings and refusals its users meet.  No I/O here: a subclass says
where the pieces come from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import Any, Protocol

from ..codecs import refusals
from ..codecs.bulk import BulkReader
from ..codecs.ndjson import RecordDecoder
from ..codecs.sse import ServerSentEvent, SSEDecoder
from ..codecs.strict import parse
from ..errors import ConnectionFailed, G4FSyncError, ProtocolError, StreamTruncated
from ..settings import DEFAULT_LIMITS, Limits

_STREAMS = ("text/event-stream", "text/plain", "application/octet-stream", "")
_RECORDS = (
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/json",
    "application/stream+json",
    "application/json-lines",
)


# A longer unfinished event goes to the decoder at once, which counts its bytes.
_REST_BYTES = 4096
_CR = b"\r"[0]  # a byte is found in bytes five times as fast as bytes are
DONE = object()  # the data ``[DONE]``


class Evidence(Protocol):
    """Where it is noted what the provider was given last."""

    latest: object


class IncomingResponse(ABC):
    """An answer whose headers have come; see :class:`~.base.Response`."""

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
        value = self._evidence.latest = parse(self._whole())
        return value

    def events(self, *, empty_ok: bool = False) -> Iterator[ServerSentEvent]:
        decoder = SSEDecoder(max_event_bytes=self._limits.event)
        empty = True
        for piece in self._stream(_STREAMS):
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
        decoder = SSEDecoder(max_event_bytes=self._limits.event)
        bulk, events = BulkReader(), _Whole(b"\n\n")
        empty, plain = True, True  # plain: the decoder is inside an event, or at the very start
        for piece in self._stream(_STREAMS):
            block = events.cut(piece)
            if not block:
                continue
            values = None if plain else bulk.events(block)
            if values is None:
                values, plain = _values(decoder.feed(block)), True
            for value in values:
                if value is DONE:
                    self.done = True
                    return
                empty = False
                self._evidence.latest = value
                yield value
            plain = plain and not decoder.idle
        for value in _values(_remaining(decoder, events.rest)):
            if value is DONE:
                self.done = True
                return
            empty = False
            self._evidence.latest = value
            yield value
        if empty:
            raise StreamTruncated("the answer is empty: no event in it")

    def records(self) -> Iterator[Any]:
        decoder = RecordDecoder(max_record_bytes=self._limits.event)
        bulk, lines = BulkReader(), _Whole(b"\n")
        empty, plain = True, True  # plain: the decoder is inside a line, or at the very start
        for piece in self._stream(_RECORDS + _STREAMS):
            block = lines.cut(piece)
            if not block:
                continue
            records = None if plain else bulk.records(block)
            if records is None:
                records, plain = decoder.feed(block), True
            for record in records:
                empty = False
                self._evidence.latest = record
                yield record
            plain = plain and not decoder.idle
        for record in _remaining(decoder, lines.rest):
            empty = False
            self._evidence.latest = record
            yield record
        if decoder.truncated:
            raise StreamTruncated("the answer ended inside a line")
        if empty:
            raise StreamTruncated("the answer is empty: no line in it")

    def refusal(self) -> G4FSyncError:
        """The error this answer is, with what its body tells; reads some of the body."""
        return refusals.from_answer(self.status, self.headers, self._excerpt())

    def _stream(self, media_types: tuple[str, ...]) -> Iterator[bytes]:
        """The pieces of a body that may be a stream; anything else is an error."""
        if self.status != 200:
            raise ProtocolError(f"HTTP {self.status} in place of a stream")
        if self.media_type == "text/html":
            raise self.refusal()
        if self.media_type not in media_types:
            raise self._misplaced()
        pieces = self.pieces()
        first = next(pieces, b"")
        if first.lstrip()[:1] == b"<" and refusals.is_page({}, first.decode("latin-1")):
            raise refusals.from_page(self.status, self.headers, first.decode("utf-8", "replace"))
        return chain((first,), pieces) if first else pieces

    def _misplaced(self) -> G4FSyncError:
        text = self._excerpt().decode("utf-8", "replace")
        if self.media_type.endswith("json") and '"error"' in text:
            return refusals.in_band(text, status=self.status)
        return ProtocolError(
            f"expected a stream, got content type {self.media_type!r}", evidence=text
        )

    def hurried_pieces(self) -> Iterator[bytes]:
        """:meth:`pieces`, for a body that is not worth waiting for."""
        return self.pieces()

    def _excerpt(self) -> bytes:
        """Some of a body that is no answer; its status tells enough, whatever goes wrong."""
        body = bytearray()
        with suppress(ConnectionFailed, ProtocolError):
            for piece in self.hurried_pieces():
                body += piece
                if len(body) > self._limits.error_body:
                    break
        return bytes(body[: self._limits.error_body])

    def _whole(self) -> bytes:
        body = bytearray()
        for piece in self.pieces():
            body += piece
            if len(body) > self._limits.json:
                raise ProtocolError(f"the JSON answer is longer than {self._limits.json} bytes")
        return bytes(body)


class _Whole:
    """Cuts pieces anew behind the last *end* of each: blocks of whole events, or whole lines."""

    def __init__(self, end: bytes) -> None:
        self.rest = b""
        self._end = end

    def cut(self, piece: bytes) -> bytes:
        block = self.rest + piece
        if block.endswith(self._end):
            self.rest = b""
            return block
        cut = block.rfind(self._end) + len(self._end)
        if cut < len(self._end):
            cut = 0
        # With CRs about, a blank line may look otherwise: hold nothing back.
        if _CR in block or len(block) - cut > _REST_BYTES:
            cut = len(block)
        self.rest = block[cut:]
        return block[:cut]


def _remaining(decoder: SSEDecoder | RecordDecoder, rest: bytes) -> Iterator[Any]:
    yield from decoder.feed(rest)
    yield from decoder.close()


def _values(events: Iterable[ServerSentEvent]) -> Iterator[Any]:
    """What *events* say, up to ``[DONE]``."""
    for event in events:
        if event.data == "[DONE]":
            yield DONE
            return
        value = event.json()
        if event.event == "error" and not (isinstance(value, Mapping) and value.get("error")):
            value = {"error": value}
        yield value

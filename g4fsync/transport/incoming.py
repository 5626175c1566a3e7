"""The body of an answer, read as events, records or one JSON value.

Shared by the live transport and the scripted one, so that a provider's tests
meet the endings and refusals its users meet.  No I/O here: a subclass says
where the pieces come from.
"""

from __future__ import annotations

import codecs
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import Any, ClassVar, Protocol

from ..codecs import refusals, strict
from ..codecs.bulk import BulkReader
from ..codecs.ndjson import RecordDecoder
from ..codecs.sse import ServerSentEvent, SSEDecoder
from ..errors import ConnectionFailed, G4FSyncError, ProtocolError, StreamTruncated
from ..settings import DEFAULT_LIMITS, Limits

# A longer unfinished event goes to the decoder at once, which counts its bytes.
_REST_BYTES = 4096
_CR = b"\r"[0]  # a byte is found in bytes five times as fast as bytes are
_JSON_STARTS = frozenset({b"{", b"["})
_EVENT_STARTS = frozenset({b":", b"d", b"e", b"i", b"r"})  # comment, data, event, id, retry
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
        value = self._evidence.latest = strict.parse(self._whole())
        return value

    def events(self, *, empty_ok: bool = False) -> Iterator[ServerSentEvent]:
        decoder = SSEDecoder(max_event_bytes=self._limits.event)
        empty = True
        start, pieces = self._stream()
        if "json" in self.media_type and start not in _EVENT_STARTS:
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
        return self._values(_Events)

    def records(self) -> Iterator[Any]:
        return self._values(_Records)

    def _values(self, usual: type[_Events | _Records]) -> Iterator[Any]:
        """The values of a body in whichever form it has; *usual* when it begins like neither."""
        start, pieces = self._stream()
        reader = self._form(start, usual)(self._limits.event)
        empty, plain = True, True  # plain: the decoder is inside a value, or at the very start
        for piece in pieces:
            block = reader.cut(piece)
            if not block:
                continue
            values = None if plain else reader.at_once(block)
            if values is None:
                values, plain = reader.one_by_one(block), True
            for value in values:
                if value is DONE:
                    self.done = True
                    return
                empty = False
                self._evidence.latest = value
                yield value
            plain = plain and not reader.idle
        for value in reader.remaining():
            if value is DONE:
                self.done = True
                return
            empty = False
            self._evidence.latest = value
            yield value
        if empty:
            raise StreamTruncated(f"the answer is empty: no {reader.unit} in it")
        self.done = reader.is_one_value

    def _form(self, start: bytes, usual: type[_Events | _Records]) -> type[_Events | _Records]:
        if start in _EVENT_STARTS:
            return _Events
        return _Records if start in _JSON_STARTS or "json" in self.media_type else usual

    def refusal(self) -> G4FSyncError:
        """The error this answer is, with what its body tells; reads some of the body."""
        return refusals.from_answer(self.status, self.headers, self._excerpt(self.pieces()))

    def _stream(self) -> tuple[bytes, Iterator[bytes]]:
        """The pieces of a body that may be a stream, and its first byte that is not blank.

        The content type is a hint: it may be missing, or another's.  Only what
        neither it nor the first byte makes a stream is an error.
        """
        if self.status != 200:
            raise ProtocolError(f"HTTP {self.status} in place of a stream")
        if not _MAY_BE_A_STREAM.match(self.media_type):
            raise self._misplaced(self.pieces())
        pieces = self.pieces()
        first = start = b""
        for piece in pieces:
            first = (first + piece).lstrip(b"\r\n")
            start = _start(first)
            if start or len(first) > self._limits.event:
                break
        pieces = chain((first,), pieces)
        if start == b"<" or (self.media_type == "text/html" and start not in _STARTS):
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

    def _whole(self) -> bytes:
        body = bytearray()
        for piece in self.pieces():
            body += piece
            if len(body) > self._limits.json:
                raise ProtocolError(f"the JSON answer is longer than {self._limits.json} bytes")
        return bytes(body)


# text/html too: PHP calls whatever it sends so, unless it is told otherwise.
_MAY_BE_A_STREAM = re.compile(r"$|text/|application/octet-stream$|(?!.*problem).*json")
_STARTS = _JSON_STARTS | _EVENT_STARTS


def _start(first: bytes) -> bytes:
    """The first byte of a body that is neither blank nor a byte order mark, if it has come."""
    text = first.lstrip()
    if codecs.BOM_UTF8.startswith(text):
        return b""
    return text.removeprefix(codecs.BOM_UTF8).lstrip()[:1]


class _Blocks(ABC):
    """Reads a body in blocks of complete events, or lines."""

    unit: ClassVar[str]
    _end: ClassVar[bytes]
    is_one_value = False  # the body was one JSON value, and nothing else

    def __init__(self) -> None:
        self._rest = b""
        self._bulk = BulkReader()

    def cut(self, piece: bytes) -> bytes:
        """The block that *piece* ends, ``b""`` when it ends none; the rest is kept."""
        block = self._rest + piece
        if block.endswith(self._end):
            self._rest = b""
            return block
        cut = block.rfind(self._end) + len(self._end)
        if cut < len(self._end):
            cut = 0
        # With CRs about, a blank line may look otherwise: hold nothing back.
        if _CR in block or len(block) - cut > _REST_BYTES:
            cut = len(block)
        self._rest = block[cut:]
        return block[:cut]

    @property
    @abstractmethod
    def idle(self) -> bool:
        """Whether the next byte begins an event, or a line, and is not the first."""

    @abstractmethod
    def at_once(self, block: bytes) -> Iterable[Any] | None:
        """The values of *block* in one parse, ``None`` where that can't be."""

    @abstractmethod
    def one_by_one(self, block: bytes) -> Iterator[Any]:
        """The values of *block*, those before a fault ahead of its error."""

    @abstractmethod
    def remaining(self) -> Iterator[Any]:
        """End of the body: what is left."""


class _Events(_Blocks):
    """Server-sent events: what their data says."""

    unit, _end = "event", b"\n\n"

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._decoder = SSEDecoder(max_event_bytes=limit)

    @property
    def idle(self) -> bool:
        return self._decoder.idle

    def at_once(self, block: bytes) -> Iterable[Any] | None:
        return self._bulk.events(block)

    def one_by_one(self, block: bytes) -> Iterator[Any]:
        return _said(self._decoder.feed(block))

    def remaining(self) -> Iterator[Any]:
        yield from self.one_by_one(self._rest)
        yield from _said(self._decoder.close())


class _Records(_Blocks):
    """Lines of JSON, or one JSON value of any shape."""

    unit, _end = "line", b"\n"

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._decoder = RecordDecoder(max_record_bytes=limit)
        self._are_many = False

    @property
    def idle(self) -> bool:
        return self._decoder.idle

    def at_once(self, block: bytes) -> Iterable[Any] | None:
        if not self._decoder.count:  # it may be the only value, over many lines
            return None
        values = self._bulk.records(block)
        self._are_many = self._are_many or values is not None
        return values

    def one_by_one(self, block: bytes) -> Iterator[Any]:
        return self._decoder.feed(block)

    def remaining(self) -> Iterator[Any]:
        yield from self.one_by_one(self._rest)
        yield from self._decoder.close()
        self.is_one_value = self._decoder.count == 1 and not self._are_many


def _said(events: Iterable[ServerSentEvent]) -> Iterator[Any]:
    """What *events* say, up to ``[DONE]``; one with blank data says nothing."""
    for event in events:
        if event.data.startswith("[DONE]"):
            yield DONE
            return
        if event.event == "error" and not event.data.strip():
            yield {"error": {"message": "an error without a word about it"}}
        elif not event.data or event.data.isspace():
            continue
        else:
            value = event.json()
            if event.event == "error" and not (isinstance(value, Mapping) and value.get("error")):
                value = {"error": value}
            yield value

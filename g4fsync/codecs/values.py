"""A body of many JSON values, read in blocks: server-sent events, or lines of JSON.

Where a block's events are alike, :mod:`.bulk` reads them in one parse; where it
can't, the plain decoders do, and both give the same values.  So:

* A reader is fed pieces of any size and cuts them anew behind the last complete
  event or line, since only a complete block can be read at once.
* The decoder's ``idle`` is asked only once all values of the block before were
  taken, since it decodes when they are: a block that begins in the middle of an
  event is the plain decoder's, however complete it looks.
* Values that stand before a fault in the same block come before its error.
"""

from __future__ import annotations

import codecs
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, ClassVar

from ..errors import ProtocolError
from . import strict
from .bulk import BulkReader
from .ndjson import RecordDecoder
from .sse import ServerSentEvent, SSEDecoder

DONE = object()  # the data ``[DONE]``, with which OpenAI's protocol ends a stream
JSON_STARTS = frozenset({b"{", b"["})
EVENT_STARTS = frozenset({b":", b"d", b"e", b"i", b"r"})  # comment, data, event, id, retry

_DONE_EVENT = b"data: [DONE]\n\n"
# A longer unfinished event goes to the decoder at once, which counts its bytes.
_REST_BYTES = 4096
_DATA = b"data: "
_LF, _CR = b"\n\r"  # as numbers: a byte is found in bytes five times as fast as bytes are


def first_byte(first: bytes) -> bytes:
    """The first byte of a body that is neither blank nor a byte order mark, if it has come."""
    text = first.lstrip()
    if codecs.BOM_UTF8.startswith(text):
        return b""
    return text.removeprefix(codecs.BOM_UTF8).lstrip()[:1]


class ValueReader(ABC):
    """Reads a body in blocks of complete events, or lines."""

    unit: ClassVar[str]
    _end: ClassVar[bytes]
    _decoder: SSEDecoder | RecordDecoder
    is_one_value = False  # the body was one JSON value, and nothing else

    def __init__(self, limit: int) -> None:
        self._limit = limit  # bytes of one event, or line
        self._rest = b""
        self._bulk = BulkReader()
        self._plain = True  # the decoder is inside a value, or at the very start

    def feed(self, piece: bytes) -> Iterable[Any]:
        """The values completed by *piece*; take them all before the next piece."""
        block = self._rest + piece
        if block.endswith(self._end):
            self._rest = b""
        else:
            block = self._cut(block)
            if not block:
                return ()
        self._plain = self._plain and not self._is_between(block)
        # No event of a block can be longer than the block; a longer block's are measured.
        is_bounded = len(block) <= self._limit
        values = self._at_once(block) if is_bounded and not self._plain else None
        if values is None:
            self._plain = True
            values = self._one_by_one(block)
        return values

    def close(self) -> Iterator[Any]:
        """End of the body: the values that were still to come; raises if one was cut off."""
        yield from self._one_by_one(self._rest)
        yield from self._last()

    def _cut(self, block: bytes) -> bytes:
        """What *block* holds up to its last end, ``b""`` without one; the rest is kept."""
        cut = block.rfind(self._end) + len(self._end)
        if cut < len(self._end):
            cut = 0
        # With CRs about, a blank line may look otherwise: hold nothing back.
        if _CR in block or len(block) - cut > _REST_BYTES:
            cut = len(block)
        self._rest = block[cut:]
        return block[:cut]

    def _is_between(self, block: bytes) -> bool:
        """Whether *block* begins an event, or a line, to the decoder's knowledge."""
        return self._decoder.idle

    @abstractmethod
    def _at_once(self, block: bytes) -> Iterable[Any] | None:
        """The values of *block* in one parse, ``None`` where that can't be."""

    @abstractmethod
    def _one_by_one(self, block: bytes) -> Iterator[Any]:
        """The values of *block*, those before a fault ahead of its error."""

    @abstractmethod
    def _last(self) -> Iterator[Any]:
        """What the decoder still has at the end."""


class EventValues(ValueReader):
    """Server-sent events: what their data says."""

    _decoder: SSEDecoder
    unit, _end = "event", b"\n\n"

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._decoder = SSEDecoder(max_event_bytes=limit, splits_objects=True)

    def _at_once(self, block: bytes) -> Iterable[Any] | None:
        if not block.endswith(_DONE_EVENT):
            # One alone, as on a paced stream; nothing around it needs a look, so it costs
            # no call of its own.
            if block.startswith(_DATA) and _LF not in (text := block[6:-2]) and _CR not in text:
                try:
                    return (strict.parse(text),)
                except ProtocolError:
                    return None
            return self._bulk.events(block)
        before = block[: -len(_DONE_EVENT)]
        values = self._bulk.events(before) if before else ()
        return None if values is None else chain(values, (DONE,))

    def _is_between(self, block: bytes) -> bool:
        # At the very start there may be a byte order mark, which the decoder takes off.
        return self._decoder.idle or self._decoder.skip_mark(block)

    def _one_by_one(self, block: bytes) -> Iterator[Any]:
        return _event_values(self._decoder.feed(block))

    def _last(self) -> Iterator[Any]:
        return _event_values(self._decoder.close())


class RecordValues(ValueReader):
    """Lines of JSON, or one JSON value of any shape."""

    _decoder: RecordDecoder
    unit, _end = "line", b"\n"

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._decoder = RecordDecoder(max_record_bytes=limit)
        self._are_many = False

    def _at_once(self, block: bytes) -> Iterable[Any] | None:
        if not self._decoder.count:  # it may be the only value, over many lines
            return None
        values = self._bulk.records(block)
        self._are_many = self._are_many or values is not None
        return values

    def _one_by_one(self, block: bytes) -> Iterator[Any]:
        return self._decoder.feed(block)

    def _last(self) -> Iterator[Any]:
        yield from self._decoder.close()
        self.is_one_value = self._decoder.count == 1 and not self._are_many


def _event_values(events: Iterable[ServerSentEvent]) -> Iterator[Any]:
    """What *events* say, up to ``[DONE]``; one with blank data says nothing."""
    for event in events:
        data = event.data.strip()
        is_error = event.event == "error"
        if data.startswith("{") and not is_error:
            yield strict.parse(data)
            continue
        while data.startswith("data:"):  # by servers whose framework writes the prefix too
            data = data[5:].lstrip()
        if data.startswith("[DONE]") or data.upper() in _DONES:
            yield DONE
            return
        if is_error or _ERROR.match(data):
            yield _error(data)
        elif data.startswith("{") or (data and not _SAYS_NOTHING.fullmatch(event.event)):
            yield strict.parse(data)


def _error(data: str) -> Any:
    """What an error event says, which may be JSON or mere words."""
    if not data:
        return {"error": {"message": "an error without a word about it"}}
    if data[0] not in _JSON_CHARS or _ERROR.match(data):
        return {"error": {"message": data}}
    value = strict.parse(data)
    return value if isinstance(value, Mapping) and value.get("error") else {"error": value}


_DONES = ("[DONE]", "DONE")
_JSON_CHARS = '{["'
# Events that keep a connection alive, or say that it ends, with data that is no JSON object.
_SAYS_NOTHING = re.compile("ping|heartbeat|keep[-_]?alive|done|end|close|complete", re.IGNORECASE)
_ERROR = re.compile(r"\[?error\b", re.IGNORECASE)

"""Server-sent events, by the rules of the WHATWG HTML standard, section 9.2.

https://html.spec.whatwg.org/multipage/server-sent-events.html

Deviations, each for a reason:

* Bytes that are not UTF-8 are a :class:`~g4fsync.errors.ProtocolError`; the
  standard puts U+FFFD in their place, which would pass as an answer.
* A body that ends inside an event raises
  :class:`~g4fsync.errors.StreamTruncated`; the standard drops the event in
  silence, and a cut answer would look whole.  The data ``[DONE]`` needs no blank
  line: many servers write none behind their last line.
* A field named ``error`` counts as ``event: error`` with that value as data:
  llama.cpp servers of 2024 report failures so.
* Lines from one that begins with ``{`` or ``[`` up to the blank line, known
  fields aside, are given as an event named :data:`RAW`: Gemini writes a failure
  into the running stream as bare JSON of many lines.  The standard ignores
  them as unknown fields.
* Where it is asked for (``splits_objects``), data that begins behind the ``}`` of the
  data before it and does not continue a JSON value begins another event: some
  servers forget the blank lines.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..errors import ProtocolError, StreamTruncated
from . import strict
from .lines import MAX_LINE_BYTES, LineDecoder

MAX_EVENT_BYTES = MAX_LINE_BYTES

RAW = "raw"
_DONE = "[DONE]"  # how OpenAI's protocol ends a stream

_FIRST_LETTERS = frozenset({b"d", b"e"})  # of "data" and "event"
_DATA_FIELD = b"data:"
_GOES_ON = frozenset({b",", b"}", b"]", b":", b""})  # behind an object in a JSON value
_MAX_RETRY_DIGITS = 15  # more than a human life of milliseconds, and cheap to read


# A named tuple, since a frozen dataclass costs twice as much to make, and one is made per token.
class ServerSentEvent(NamedTuple):
    """One event.

    ``id`` is the last one seen on the stream, ``""`` before the first;
    ``retry`` is the wait before reconnecting in milliseconds, when this event
    told one.
    """

    event: str = "message"
    data: str = ""
    id: str = ""
    retry: int | None = None

    def json(self) -> Any:
        """The data as strict JSON; :class:`ProtocolError` when it is none."""
        return strict.parse(self.data)


class SSEDecoder:
    """Cut a byte stream into server-sent events.

    A line, or the data lines of one event together, longer than
    *max_event_bytes*, raise :class:`ProtocolError`, and so does a line that is
    not UTF-8; the decoder is of no use after that.  *splits_objects* is for data
    that is JSON.
    """

    def __init__(
        self, *, max_event_bytes: int = MAX_EVENT_BYTES, splits_objects: bool = False
    ) -> None:
        self._splits_objects = splits_objects
        self._lines = LineDecoder(max_line_bytes=max_event_bytes)
        self._max_event_bytes = max_event_bytes
        self._at_start = True
        self._id = ""
        self._reset()

    def _reset(self) -> None:
        self._event = ""
        self._data: list[str] = []
        self._raw: list[str] = []
        self._retry: int | None = None
        self._event_bytes = 0  # of the lines kept in _data and _raw
        self._inside = False  # an event: a field came since the last blank line

    def feed(self, piece: bytes) -> Iterator[ServerSentEvent]:
        """The events completed by *piece*; take them all before the next piece."""
        lines = self._lines.feed(piece)
        if self._at_start and lines:
            self._at_start = False
            lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
        try:
            for line in lines:
                if line:
                    if self._data and self._begins_event(line):
                        yield from self._dispatch()
                    self._take(line)
                elif self._inside:
                    yield from self._dispatch()
        except UnicodeDecodeError as exc:
            raise strict.unexpected("UTF-8", exc.object) from exc

    def skip_mark(self, block: bytes) -> bool:
        """Whether *block*, which somebody else will read, begins the stream without a mark.

        Then a byte order mark further on is none: it belongs to what it stands in.
        """
        if self._at_start and block[:1] in _FIRST_LETTERS and not self._lines.pending:
            self._at_start = False
            return True
        return False

    @property
    def idle(self) -> bool:
        """Whether the next byte begins an event, and is not the stream's first."""
        return not (self._inside or self._at_start or self._lines.pending)

    def close(self) -> list[ServerSentEvent]:
        """End of the body: give what lacks only its blank line.

        That is a complete :data:`RAW` value, and the data ``[DONE]``: nothing can be
        missing from either, and servers write both so.  Raises :class:`StreamTruncated`
        when the body ended inside anything else.
        """
        rest = self._lines.close()
        if self._at_start:
            rest = rest.removeprefix(codecs.BOM_UTF8)
        events: list[ServerSentEvent] = []
        try:
            if rest:
                if self._data and self._begins_event(rest):
                    events = self._dispatch()
                self._take(rest)
            if self._raw and not self._data:
                strict.parse("\n".join(self._raw))
                return self._dispatch()
            if self._data == [_DONE] and not self._raw:
                return events + self._dispatch()
        except (ProtocolError, UnicodeDecodeError) as exc:  # half a value, half a character
            raise StreamTruncated("the event stream ended inside an event") from exc
        if rest or self._inside:
            raise StreamTruncated("the event stream ended inside an event")
        return []

    def _begins_event(self, line: bytes) -> bool:
        """Whether *line* begins another event, though no blank line stands before it."""
        if not (self._splits_objects and line.startswith(_DATA_FIELD)):
            return False
        # In no JSON value does this stand behind the end of an object and of a line.
        is_whole = self._data[0].startswith("{") and self._data[-1].endswith("}")
        return self._data == ["null"] or (is_whole and line[5:].lstrip()[:1] not in _GOES_ON)

    def _take(self, line: bytes) -> None:
        """Read one line that is not blank; ``UnicodeDecodeError`` when it is not UTF-8."""
        text = line.decode()
        name, _, value = text.partition(":")
        if not name:  # a comment
            return
        self._inside = True
        value = value.removeprefix(" ")
        if name == "data":
            self._keep(self._data, value, len(line))
        elif name == "event":
            self._event = value
        elif name == "error":
            self._event = name
            self._keep(self._data, value, len(line))
        elif name == "id":
            if "\0" not in value:
                self._id = value
        elif name == "retry":
            if value.isascii() and value.isdigit() and len(value) <= _MAX_RETRY_DIGITS:
                self._retry = int(value)
        elif self._raw or name.startswith(("{", "[")):
            self._keep(self._raw, text, len(line))

    def _keep(self, texts: list[str], text: str, line_bytes: int) -> None:
        self._event_bytes += line_bytes
        if self._event_bytes > self._max_event_bytes:
            raise ProtocolError(f"an event is longer than {self._max_event_bytes} bytes")
        texts.append(text)

    def _dispatch(self) -> list[ServerSentEvent]:
        """The events of the finished block: none, one, or bare JSON after a proper one."""
        events = []
        if self._data:
            name, data = self._event or "message", "\n".join(self._data)
            events.append(ServerSentEvent(name, data, self._id, self._retry))
        if self._raw:
            events.append(ServerSentEvent(RAW, "\n".join(self._raw), self._id, self._retry))
        self._reset()
        return events

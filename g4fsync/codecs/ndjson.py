"""Newline-delimited JSON: one strict JSON value per line, blank lines skipped.

Lines end with LF alone (a CR before it is white space to JSON); the format is
described at https://github.com/ndjson/ndjson-spec.  A byte order mark at the
very start is skipped, which the description does not ask for.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any

from ..errors import ProtocolError, StreamTruncated
from . import strict
from .lines import MAX_LINE_BYTES, NewlineDecoder

MAX_RECORD_BYTES = MAX_LINE_BYTES


class RecordDecoder:
    """Cut a byte stream into NDJSON values.

    A line that is not one JSON value, or longer than *max_record_bytes*,
    raises :class:`ProtocolError`; the decoder is of no use after that.

    ``truncated`` is set by :meth:`close` when the last value lacked its line
    end: whole as it looks, the body was cut.
    """

    def __init__(self, *, max_record_bytes: int = MAX_RECORD_BYTES) -> None:
        self.truncated = False
        self._lines = NewlineDecoder(max_line_bytes=max_record_bytes)
        self._at_start = True

    def feed(self, piece: bytes) -> Iterator[Any]:
        """The values completed by *piece*; take them all before the next piece."""
        for line in self._lines.feed(piece):
            record = self._strip(line)
            if record:
                yield strict.parse(record)

    @property
    def idle(self) -> bool:
        """Whether the next byte begins a line, and is not the stream's first."""
        return not (self._at_start or self._lines.pending)

    def close(self) -> list[Any]:
        """End of the body: the value that lacks its line end, if there is one.

        Sets ``truncated`` when it gives one, and raises :class:`StreamTruncated`
        when what is left is not a whole value.
        """
        rest = self._strip(self._lines.close())
        if not rest:
            return []
        self.truncated = True
        try:
            return [strict.parse(rest)]
        except ProtocolError as exc:
            raise StreamTruncated("the record stream ended inside a record") from exc

    def _strip(self, line: bytes) -> bytes:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(codecs.BOM_UTF8)
        return line.strip(b" \t\r")

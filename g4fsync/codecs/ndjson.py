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
_BEGUN = object()  # no value yet


class RecordDecoder:
    """Cut a byte stream into NDJSON values.

    A line that is not one JSON value, or longer than *max_record_bytes*,
    raises :class:`ProtocolError`; the decoder is of no use after that.  One value
    written over many lines, as people like to read it, may be the whole body.

    ``count`` is how many values were given.
    """

    def __init__(self, *, max_record_bytes: int = MAX_RECORD_BYTES) -> None:
        self.count = 0
        self._max_record_bytes = max_record_bytes
        self._begun: list[bytes] = []  # the lines of a value that goes over many
        self._begun_bytes = 0
        self._lines = NewlineDecoder(max_line_bytes=max_record_bytes)
        self._at_start = True

    def feed(self, piece: bytes) -> Iterator[Any]:
        """The values completed by *piece*; take them all before the next piece."""
        for line in self._lines.feed(piece):
            record = self._strip(line)
            if self._begun:
                self._keep(record)
            elif record and (value := self._value(record)) is not _BEGUN:
                yield value

    @property
    def idle(self) -> bool:
        """Whether the next byte begins a line, and is not the stream's first."""
        return not (self._at_start or self._begun or self._lines.pending)

    def close(self) -> list[Any]:
        """End of the body: the value that lacks its line end, if there is one.

        An object or an array is complete, for nothing can be missing from it.
        :class:`StreamTruncated` when anything else is left.
        """
        rest = b"\n".join([*self._begun, self._strip(self._lines.close())]).strip()
        if not rest:
            return []
        try:
            value = strict.parse(rest)
        except ProtocolError as exc:
            raise StreamTruncated("the record stream ended inside a record") from exc
        if not isinstance(value, dict | list):
            raise StreamTruncated("the record stream ended inside a record")
        self.count += 1
        return [value]

    def _value(self, record: bytes) -> Any:
        """What *record* says; ``_BEGUN`` when it is the first line of a value."""
        try:
            value = strict.parse(record)
        except ProtocolError as exc:
            if self.count or not strict.ends_early(exc):
                raise
            self._keep(record)
            return _BEGUN
        self.count += 1
        return value

    def _keep(self, line: bytes) -> None:
        self._begun_bytes += len(line)
        if self._begun_bytes > self._max_record_bytes:
            raise ProtocolError(f"a record is longer than {self._max_record_bytes} bytes")
        self._begun.append(line)

    def _strip(self, line: bytes) -> bytes:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(codecs.BOM_UTF8)
        return line.strip(b" \t\r")

"""Bytes cut into lines, each scanned once, whatever the pieces.

Lines are cut from bytes, never from text: ``str.splitlines`` also cuts at
U+0085 and U+2028, which may stand raw inside JSON.
"""

from __future__ import annotations

from itertools import takewhile

from ..errors import ProtocolError

MAX_LINE_BYTES = 4 * 1024 * 1024
_FAILED = -1  # the limit after a line that was too long


class LineDecoder:
    """Lines that end with LF, CR LF or CR, as in server-sent events.

    A line longer than *max_line_bytes* (its end not counted) raises
    :class:`ProtocolError`; the decoder is of no use after that.  Lines before
    it in the same piece are given first, then the next call raises.
    """

    def __init__(self, *, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_line_bytes = self._limit = max_line_bytes
        self._rest = bytearray()  # the unfinished line: grown, never searched
        self._after_cr = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines completed by *piece*, without their ends."""
        if not piece:
            return []
        # A CR ends its line at once, for what follows may be long in coming;
        # a LF that turns out to belong to it is dropped here.
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
        self._after_cr = piece.endswith(b"\r")
        lines = piece.splitlines()
        tail = b"" if piece.endswith((b"\n", b"\r")) or not lines else lines.pop()
        return self._join(lines, tail)

    @property
    def pending(self) -> bool:
        """Whether a line is unfinished, or a LF may still belong to the one before."""
        return bool(self._rest) or self._after_cr or self._limit == _FAILED

    def close(self) -> bytes:
        """What came after the last line end; ``b""`` when the last line is whole."""
        if self._limit == _FAILED:
            raise self._too_long()
        rest = bytes(self._rest)
        self._rest.clear()
        return rest

    def _join(self, lines: list[bytes], tail: bytes) -> list[bytes]:
        """Put the unfinished line before *lines*, and keep *tail* as the next one."""
        if lines and self._rest:
            self._rest += lines[0]
            lines[0] = self.close()
        self._rest += tail
        if max(map(len, lines), default=0) > self._limit or len(self._rest) > self._limit:
            lines = list(takewhile(lambda line: len(line) <= self._limit, lines))
            if not lines:
                raise self._too_long()
            self._limit = _FAILED  # which any line is over
            self._rest.clear()
        return lines

    def _too_long(self) -> ProtocolError:
        return ProtocolError(f"a line is longer than {self._max_line_bytes} bytes")


class NewlineDecoder(LineDecoder):
    """Lines that end with LF, as in NDJSON; one CR before it is taken off.

    That CR counts as a byte of the line.
    """

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines completed by *piece*, without their ends."""
        *lines, tail = piece.split(b"\n")
        return [line.removesuffix(b"\r") for line in self._join(lines, tail)]

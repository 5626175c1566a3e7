"""HTTP/1.1 chunked bodies (RFC 9112, section 7.1), de-framed a block at a time.

A streamed answer is thousands of small chunks, often one per token.  Taking
them out one by one costs more than reading them, so the whole chunks of a block
are taken out together, in a few C calls, when no payload holds a CR LF; sizes
that don't match what was cut out send the block the plain way.
"""

from __future__ import annotations

import re
from itertools import repeat

from ..errors import ProtocolError, StreamInterrupted

MAX_HEAD_BYTES = 4096  # a size line with its extensions, or one trailer line
MAX_TRAILER_BYTES = 65_536
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?")
_LAST_CHUNK = b"0\r\n\r\n"
_AT_LAST = b"\r\n" + _LAST_CHUNK
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]+")


class ChunkDecoder:
    """Take the framing off one body; ``ended`` once its last chunk has come.

    Framing that is none raises :class:`ProtocolError`, after which the decoder
    is of no use; ``before_fault`` is the payload that stood before it in the same
    block, so that how a body was cut decides nothing.
    """

    def __init__(self) -> None:
        self.ended = False
        self.before_fault = b""
        self._rest = b""  # framing that is not complete yet
        self._left = 0  # bytes of the current chunk still to come, its CR LF included
        self._trailer_bytes = -1  # counted from the last chunk on

    def feed(self, block: bytes) -> bytes:
        """The payload in *block*; ``b""`` when it holds framing only."""
        if not (self._rest or self._left or self._trailer_bytes >= 0):
            # Exactly one chunk, as on a paced stream, written as nearly everybody does: no
            # zeros before its size, and no extensions behind.
            head_end = block.find(b"\r\n", 0, 16)
            size = len(block) - head_end - 4
            if size > 0 and block.endswith(b"\r\n") and block[:head_end].lower() == b"%x" % size:
                return block[head_end + 2 : -2]
        data = self._rest + block
        pieces: list[bytes] = []
        try:
            if self._left:
                data = data[self._payload(data, 0, pieces) :]
            if not self._left and self._trailer_bytes < 0:
                # The last chunk in the usual form is set apart, or the others were not alike.
                end = _LAST_CHUNK if data.endswith(_AT_LAST) else b""
                payload, data = _complete_chunks(data[: len(data) - len(end)])
                data += end
                pieces.append(payload)
            self._one_by_one(data, pieces)
        except ProtocolError:
            self.before_fault = b"".join(pieces)
            raise
        return b"".join(pieces)

    @property
    def surplus(self) -> bytes:
        """What stood behind the end, in the block that held it."""
        return self._rest if self.ended else b""

    def close(self) -> None:
        """End of the connection; :class:`StreamInterrupted` when the body goes on."""
        if not self.ended:
            raise StreamInterrupted("the body ended before its last chunk")

    def _one_by_one(self, data: bytes, pieces: list[bytes]) -> None:
        at, end = 0, len(data)
        while at < end and not self.ended:
            if self._left:
                at = self._payload(data, at, pieces)
                continue
            line_end = data.find(b"\n", at, at + MAX_HEAD_BYTES)
            if line_end < 0:
                if end - at >= MAX_HEAD_BYTES:
                    raise ProtocolError(f"a chunk's head is longer than {MAX_HEAD_BYTES} bytes")
                break
            self._head(data[at:line_end].removesuffix(b"\r"))
            at = line_end + 1
        self._rest = data[at:]

    def _payload(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """Take what is there of the current chunk; where to go on."""
        stop = min(at + self._left, len(data))
        size = max(0, min(stop, at + self._left - 2) - at)
        if size:
            pieces.append(data[at : at + size])
        framing = data[at + size : stop]
        expected = b"\r\n"[2 - (self._left - size) :] if self._left - size <= 2 else b"\r\n"
        if framing and not expected.startswith(framing):
            raise ProtocolError("a chunk does not end with CR LF", evidence=repr(framing))
        self._left -= stop - at
        return stop

    def _head(self, line: bytes) -> None:
        """A chunk's size line, or a trailer line after the last chunk."""
        if self._trailer_bytes >= 0:
            self._trailer_bytes += len(line)
            if self._trailer_bytes > MAX_TRAILER_BYTES:
                raise ProtocolError(f"trailers are longer than {MAX_TRAILER_BYTES} bytes")
            self.ended = not line
            return
        found = _SIZE.fullmatch(line)
        if found is None:
            raise ProtocolError(
                f"expected a chunk's size, got {line[:80]!r}", evidence=repr(line[:80])
            )
        size = int(found[1], 16)
        if size:
            self._left = size + 2
        else:
            self._trailer_bytes = 0


def _complete_chunks(data: bytes) -> tuple[bytes, bytes]:
    """The payload of the whole chunks *data* begins with, and what stands behind them.

    Cut at CR LF, sizes and payloads take turns, unless a payload holds a CR LF
    itself.  Each size that equals the length of what follows proves its chunk;
    when one does not, nothing is taken here.
    """
    parts = data.split(b"\r\n")
    complete = (len(parts) - 1) // 2 * 2  # a size and a payload each, CR LF behind both
    sizes, payloads = parts[0:complete:2], parts[1:complete:2]
    lengths = list(map(len, payloads))
    if (
        not _HEXADECIMAL.fullmatch(b"".join(sizes))
        or b"" in sizes
        or 0 in lengths  # the last chunk, with what may follow it
        or list(map(int, sizes, repeat(16))) != lengths
    ):
        return b"", data
    return b"".join(payloads), b"\r\n".join(parts[complete:])

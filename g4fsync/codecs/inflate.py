"""Compressed bodies inflated as they arrive: gzip (RFC 1952) and deflate (RFC 9110, 8.4.1.2).

Nothing is held back: what a piece of input lets zlib say is given at once, in
pieces of bounded size.  A small body that swells without measure (a bomb) is
refused, for it would otherwise hide behind limits that count compressed bytes.

What stands before damage is given before the error, wherever the bytes were cut:
zlib throws away what a call put out before it failed, so a copy of its state is
taken now and then, and after a failure the input since is read again from there.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from ..errors import ProtocolError, StreamInterrupted

if TYPE_CHECKING:
    from zlib import _Decompress

PIECE_BYTES = 64 * 1024
MAX_RATIO = 200  # token streams shrink about 50 times, a bomb up to 1032 times
FREE_BYTES = 1024 * 1024  # the ratio of a body that stays below this does not matter
CHECKPOINT_BYTES = 4096  # of input between two copies of zlib's state, which cost 2 us each

_GZIP, _ZLIB, _BARE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


class Inflater:
    """Inflate one body.

    Bytes that are not *encoding*, or more output than *max_ratio* times the
    input, raise :class:`ProtocolError`; the inflater is of no use after that.
    How much of a bomb is given before depends on the pieces.  How much of damaged
    data is given does not: all of it, but for a last byte that ends within the
    same byte of input as the damage.
    """

    def __init__(self, encoding: Literal["gzip", "deflate"], *, max_ratio: int = MAX_RATIO) -> None:
        self._encoding = encoding
        self._max_ratio = max_ratio
        self._head: bytes | None = b"" if encoding == "deflate" else None  # None: kind is known
        self._bytes_in = 0
        self._bytes_out = 0
        self._begin(_GZIP if encoding == "gzip" else _ZLIB)

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """What *piece* inflates to; take it all before the next piece."""
        self._bytes_in += len(piece)
        if self._head is not None:
            piece = self._choose(self._head + piece)
        try:
            while piece:
                piece = yield from self._inflate(piece)
        except zlib.error as exc:
            yield from self._before_damage()
            raise ProtocolError(f"the body is not {self._encoding}: {exc}") from exc

    def close(self) -> None:
        """End of the body; :class:`StreamInterrupted` when the compressed stream goes on.

        A body without a single byte is taken as whole.
        """
        if self._bytes_in and not self._zlib.eof:
            raise StreamInterrupted(f"the {self._encoding} body ended before its end mark")

    def _begin(self, wbits: int) -> None:
        """Begin a compressed stream: the body, or the next gzip member in it."""
        self._zlib = zlib.decompressobj(wbits)
        self._take_checkpoint()

    def _take_checkpoint(self) -> None:
        """Copy zlib's state; all it has put out must have been given."""
        self._checkpoint = self._zlib.copy()
        self._since = bytearray()  # the input since then
        self._given_bytes = 0  # the output since then

    def _choose(self, head: bytes) -> bytes:
        """Tell zlib from bare deflate by two bytes: some servers leave the wrapper off."""
        if len(head) < 2:
            self._head = head
            return b""
        # RFC 1950, 2.2: method 8, a window of at most 32 KiB, a check on both bytes.
        if head[0] & 0x8F != 8 or int.from_bytes(head[:2], "big") % 31:
            self._begin(_BARE)
        self._head = None
        return head

    def _inflate(self, piece: bytes) -> Generator[bytes, None, bytes]:
        """Inflate up to the end of a gzip member, and return what stands after it."""
        if self._zlib.eof:
            if self._encoding != "gzip":
                raise ProtocolError(f"the body goes on after the end of its {self._encoding} data")
            self._begin(_GZIP)
        elif len(self._since) > CHECKPOINT_BYTES:
            self._take_checkpoint()
        self._since += piece
        full = True
        # A full piece may have left output inside zlib even when no input is left, but
        # not at the end: what is in unconsumed_tail then stands in unused_data as well.
        while full and not self._zlib.eof:
            inflated = self._zlib.decompress(piece, PIECE_BYTES)
            piece = self._zlib.unconsumed_tail
            full = len(inflated) == PIECE_BYTES
            self._bytes_out += len(inflated)
            if self._bytes_out > max(FREE_BYTES, self._max_ratio * self._bytes_in):
                raise ProtocolError(
                    f"the {self._encoding} body swells to over {self._max_ratio} times its size"
                )
            if inflated:
                self._given_bytes += len(inflated)
                yield inflated
        return self._zlib.unused_data

    def _before_damage(self) -> Iterator[bytes]:
        """What the input since the checkpoint gives up to the damage in it, and was not given yet.

        It is less than ``PIECE_BYTES``, or the call that failed had returned before.
        """
        skipped = self._given_bytes
        for inflated in _up_to_damage(self._checkpoint, bytes(self._since)):
            if len(inflated) > skipped:
                yield inflated[skipped:]
            skipped = max(0, skipped - len(inflated))


def _up_to_damage(state: _Decompress, data: bytes) -> Iterator[bytes]:
    """All that *data* gives before the byte in it at which zlib fails, and what that byte gives."""
    step = len(data)
    while step:
        before = state.copy()
        try:
            inflated = state.decompress(data[:step], PIECE_BYTES)
        except zlib.error:
            state, step = before, step // 2
        else:
            data = state.unconsumed_tail + data[step:]
            yield inflated
    # Nothing is left but the byte that holds the damage: its output comes byte by byte.
    byte = data[:1]
    with suppress(zlib.error):
        while inflated := state.decompress(byte, 1):
            byte = state.unconsumed_tail
            yield inflated

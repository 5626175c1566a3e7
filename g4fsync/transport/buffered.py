"""What websocket-client reads from: the socket, a large block at a time."""

from __future__ import annotations

import re
import socket
from contextlib import suppress

from ..errors import ProtocolError
from .connections import shut

_HEAD_END = re.compile(rb"\n\r?\n")


class Buffered:
    """The socket as websocket-client wants it, read in large blocks, its messages bounded.

    websocket-client asks for two bytes of a frame's head, then for its length,
    then for its payload, each a system call on a bare socket.
    """

    def __init__(self, sock: socket.socket, limit: int) -> None:
        self._socket = sock
        self._has_head = False  # the handshake's answer has come
        self._block = b""
        self._at = 0
        self.limit = limit  # bytes of one message
        self.taken = 0  # bytes of the message under way
        self.fileno = sock.fileno
        self.send = sock.send
        self.settimeout = sock.settimeout
        self.gettimeout = sock.gettimeout

    def recv(self, size: int) -> bytes:
        if self._at == len(self._block):
            # TLS inside TLS says 0, and not b"", at the end.
            self._block = (self._socket.recv(65_536) or b"") if self._has_head else self._head()
            self._at = 0
        piece = self._block[self._at : self._at + size]
        self._at += len(piece)
        self.taken += len(piece)
        if self.taken > self.limit:
            raise ProtocolError(f"a WebSocket message is longer than {self.limit} bytes")
        return piece

    def _head(self) -> bytes:
        """The handshake's answer, without its cookies.

        websocket-client would keep them for the whole process, and send them
        with every later handshake of anybody's at that host.
        """
        head, end = b"", None
        while end is None and len(head) <= self.limit:
            piece = self._socket.recv(65_536)
            if not piece:
                return b""  # a head that is cut is none
            head += piece
            end = _HEAD_END.search(head)
        self._has_head = True
        size = end.end() if end else len(head)
        lines = head[:size].splitlines(keepends=True)
        kept = [line for line in lines if not line.lower().startswith(b"set-cookie")]
        return b"".join(kept) + head[size:]

    def frame_at_hand(self, prefix: bytes) -> tuple[bytes, int] | None:
        """The next frame's text from the last byte of *prefix* on, and where the frame ends.

        Only for a complete text frame in the block, in one piece and unmasked;
        websocket-client reads any other, at five times the cost: with all read
        by it the bench row socketio says 8.0 x raw frames, with this 1.5 x, and
        the goal is 3.2 x.
        """
        block, at = self._block, self._at
        if len(block) - at < 4 or block[at] != 0x81:
            return None
        size, start = block[at + 1], at + 2
        if size == 126:
            size, start = int.from_bytes(block[at + 2 : at + 4], "big"), at + 4
        end = start + size
        if size > 0xFFFF or end > len(block) or not block.startswith(prefix, start, end):
            return None
        if block[at + 1] > 126:  # masked, or longer than a block
            return None
        return block[start + len(prefix) - 1 : end], end

    def skip_to(self, end: int) -> None:
        """The frame that ends there has been read."""
        self._at = end

    def shutdown(self, how: int) -> None:
        self._socket.shutdown(how)

    def close(self) -> None:
        with suppress(OSError):
            shut(self._socket)
        self._socket.close()

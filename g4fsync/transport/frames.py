"""WebSocket messages over websocket-client, on a socket that is ours.

What is done here in its place, and why:

* It reads a frame in three pieces, each a system call on a bare socket:
  :class:`Buffered` reads blocks, and bounds a message over all of its frames.
* It copies a whole message at each fragment: they are joined here, once.
* It keeps cookies for the whole process: they are taken out of the handshake.
* A burst of plain text frames is cut out of a block without it
  (:meth:`Buffered.frame_at_hand`), but only *between* its frames: what it has
  begun to read is its own until it is done.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import websocket
from requests.structures import CaseInsensitiveDict
from websocket import ABNF

from ..codecs import refusals
from ..errors import G4FSyncError, ProtocolError
from .connections import shut

MAX_FRAGMENTS = 10_000  # frames of one message
MAX_HANDSHAKE_BYTES = 65_536

_MALFORMED = (websocket.WebSocketProtocolException, websocket.WebSocketPayloadException)
_HEAD_END = re.compile(rb"\n\r?\n")


class MessageSocket:
    """One WebSocket: text frames out, messages in; the caller bounds how long it may block."""

    def __init__(self) -> None:
        self._ws: Any = websocket.WebSocket(skip_utf8_validation=True, fire_cont_frame=True)
        self._fragments: list[bytes] = []  # of the message under way
        self._opcode = ABNF.OPCODE_TEXT  # its kind
        self.stream: Buffered | None = None  # None before attach(), and once it was taken away
        self.send = self._ws.send
        self.send_close = self._ws.send_close

    def attach(self, sock: socket.socket) -> None:
        """Own *sock*, which is connected, from now on."""
        self.stream = Buffered(sock, MAX_HANDSHAKE_BYTES)

    def open(self, url: str, headers: Mapping[str, str], cookies: Mapping[str, str]) -> None:
        """Shake hands.

        Raises what the server said in place of 101, or websocket-client's exceptions.
        """
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        try:
            self._ws.connect(
                url.replace("http", "ws", 1),
                socket=self.stream,
                header=[f"{name}: {value}" for name, value in headers.items()],
                cookie=cookie or None,
                suppress_origin=True,
                redirect_limit=0,
            )
        except websocket.WebSocketException as exc:
            error = self._refusal(exc)
            if error is None:
                raise
            raise error from exc
        if self._ws.status != 101:  # a redirect, to websocket-client before 1.9.1
            raise self._redirected()

    def _refusal(self, exc: websocket.WebSocketException) -> G4FSyncError | None:
        """What the server said in place of 101, if it said anything."""
        if isinstance(exc, websocket.WebSocketBadStatusException):
            status, headers, body = exc.status_code, exc.resp_headers, exc.resp_body
            return refusals.from_answer(status, CaseInsensitiveDict(headers or {}), body or b"")
        if self._ws.handshake_response is not None:
            return self._redirected()
        if type(exc) is websocket.WebSocketException:
            return ProtocolError(f"the answer is no WebSocket handshake: {exc!s:.200}")
        return None

    def _redirected(self) -> G4FSyncError:
        answer = self._ws.handshake_response
        headers = CaseInsensitiveDict(answer.headers or {})
        return refusals.from_answer(answer.status, headers, b"")

    def receive(self) -> tuple[int, bytes]:
        """The kind and the content of the next message, or of the close frame."""
        while True:
            try:
                opcode, frame = self._ws.recv_data_frame()
            except _MALFORMED as exc:
                raise ProtocolError(f"a WebSocket frame is malformed: {exc!s:.200}") from exc
            if frame.mask_value:  # RFC 6455, 5.1: a client must not take it
                raise ProtocolError("a WebSocket frame is masked")
            if opcode == ABNF.OPCODE_CLOSE:
                return opcode, frame.data
            if opcode != ABNF.OPCODE_CONT:
                self._opcode = opcode
            self._fragments.append(frame.data)
            if frame.fin:
                break
            if len(self._fragments) > MAX_FRAGMENTS:
                raise ProtocolError(f"a WebSocket message is in more than {MAX_FRAGMENTS} frames")
        message = b"".join(self._fragments)
        self._fragments.clear()
        if self.stream is not None:
            self.stream.taken = 0
        return self._opcode, message

    @property
    def is_between_frames(self) -> bool:
        """Whether websocket-client has taken nothing of a frame or message yet."""
        try:
            frames = self._ws.frame_buffer
            is_clean = frames.header is None and not frames.recv_buffer
            return is_clean and not self._ws.cont_frame.recving_frames
        except AttributeError:  # it has changed inside; then it reads all frames itself
            return False


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

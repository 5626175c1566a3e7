"""One accepted connection, seen from the server: sends, waits, and how it ended.

Every wait of the emulator happens here, in a selector that watches two
sockets: the client's, so that a client that leaves is noticed at once also
while the server is silent, and the emulator's own bell (:class:`Bell`), so that
closing the emulator ends every wait.
"""

from __future__ import annotations

import selectors
import socket
import struct
import time

# poll() has no limit on file descriptor numbers and needs none of its own.
_Selector: type[selectors.BaseSelector] = getattr(
    selectors, "PollSelector", selectors.SelectSelector
)


class ClientGone(Exception):
    """The client closed or reset the connection before the answer was whole."""


class EmulatorClosed(Exception):
    """The emulator is closing; every connection ends with this."""


class CutShort(Exception):
    """A fault asks to end the connection now; ``reset`` by RST instead of FIN."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset


class Bell:
    """Rings once, for every waiter of one emulator: a socket that becomes readable."""

    def __init__(self) -> None:
        self.heard, self._rope = socket.socketpair()

    def ring(self) -> None:
        """Wake all waiters, those of the future too."""
        self._rope.close()

    def close(self) -> None:
        """Free the sockets; only when nobody waits any more."""
        self._rope.close()
        self.heard.close()


class ServerSocket:
    """The server's end of one connection."""

    def __init__(self, connection: socket.socket, bell: Bell) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self._bell = bell.heard
        self._selector = _Selector()
        self._selector.register(connection, selectors.EVENT_READ)
        self._selector.register(bell.heard, selectors.EVENT_READ)

    def send(self, piece: bytes) -> None:
        """Send all of *piece*; :class:`ClientGone` when nobody takes it."""
        try:
            self.socket.sendall(piece)
        except OSError as exc:
            self._check_bell()
            raise ClientGone(str(exc)) from exc

    def wait(self, seconds: float | None) -> None:
        """Let time pass (``None``: for ever), watching for the client's end.

        It raises :class:`ClientGone` or :class:`EmulatorClosed`.
        """
        until = None if seconds is None else time.monotonic() + seconds
        watched = True
        while self.ready(None if until is None else until - time.monotonic()):
            if self._peek():
                # The client talks while we wait (pipelining): its words keep,
                # but its end can no longer be seen, only felt when sending.
                self._selector.unregister(self.socket)
                watched = False
        if not watched:
            self._selector.register(self.socket, selectors.EVENT_READ)

    def ready(self, seconds: float | None) -> bool:
        """Whether the client sent something (or left) within *seconds*."""
        ready = self._selector.select(None if seconds is None else max(seconds, 0.0))
        if any(key.fileobj is self._bell for key, _ in ready):
            raise EmulatorClosed
        return bool(ready)

    def receive(self) -> bytes:
        """Bytes that have arrived; :class:`ClientGone` at their end."""
        try:
            piece = self.socket.recv(65536)
        except OSError as exc:
            self._check_bell()
            raise ClientGone(str(exc)) from exc
        if not piece:
            self._check_bell()
            raise ClientGone("end of stream")
        return piece

    def abort(self) -> None:
        """Make the coming close a reset (RST)."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self) -> None:
        """Close the connection; called by the thread that serves it."""
        self._selector.close()
        self.socket.close()

    def _check_bell(self) -> None:
        # A socket that our own close() shut looks like one the client left.
        with _Selector() as selector:
            selector.register(self._bell, selectors.EVENT_READ)
            if selector.select(0):
                raise EmulatorClosed

    def _peek(self) -> bytes:
        try:
            piece = self.socket.recv(1, socket.MSG_PEEK)
        except OSError as exc:
            raise ClientGone(str(exc)) from exc
        if not piece:
            raise ClientGone("end of stream")
        return piece

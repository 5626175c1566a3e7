"""Small raw servers on the loopback: a test writes each byte of the answer itself."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType

from tests.support.timing import PATIENCE, eventually


@dataclass(frozen=True)
class Request:
    """An HTTP request as it came."""

    line: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, server: Server) -> None:
        self.socket = sock
        self.server = server
        self.left = threading.Event()  # the client's end has been seen
        self._buffer = b""

    def receive(self) -> bytes:
        """The next bytes; empty when the client has left."""
        if self._buffer:
            piece, self._buffer = self._buffer, b""
            return piece
        try:
            piece = self.socket.recv(65_536)
        except OSError:
            piece = b""
        if not piece:
            self.left.set()
        return piece

    def receive_exactly(self, size: int) -> bytes:
        content = b""
        while len(content) < size:
            piece = self.receive()
            if not piece:
                return content
            content += piece
        content, self._buffer = content[:size], content[size:]
        return content

    def request(self) -> Request | None:
        """The next HTTP request with its body; ``None`` when the client has left."""
        content = b""
        while b"\r\n\r\n" not in content:
            piece = self.receive()
            if not piece:
                return None
            content += piece
        head, _, self._buffer = content.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        pairs = (field.split(": ", 1) for field in fields)
        headers = {name.lower(): value for name, value in pairs}
        body = self.receive_exactly(int(headers.get("content-length", "0")))
        request = Request(line, headers, body)
        self.server.requests.append(request)
        return request

    def send(self, piece: bytes) -> bool:
        """Send; false when the client has left."""
        try:
            self.socket.sendall(piece)
        except OSError:
            self.left.set()
            return False
        return True

    def head(self, *fields: str, status: str = "200 OK") -> bool:
        return self.send("\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode())

    def chunk(self, piece: bytes) -> bool:
        return self.send(b"%x\r\n%b\r\n" % (len(piece), piece))

    def answer(self, body: bytes, *fields: str, status: str = "200 OK") -> bool:
        """A whole answer with its length."""
        return self.head(f"Content-Length: {len(body)}", *fields, status=status) and self.send(body)

    def trickle(self, piece: bytes, pause: float) -> None:
        """Send *piece* again and again, slowly, until the client leaves."""
        while self.send(piece):
            readable, _, _ = select.select([self.socket], [], [], pause)
            if readable and not self.receive():
                return

    def hold(self) -> None:
        """Be silent until the client leaves; say that this point is reached."""
        self.server.reached.set()
        while self.receive():
            pass

    def reset(self) -> None:
        """Make the coming close a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Talk = Callable[[Peer], None]


class Server:
    """A listener; each connection is served by ``talk(peer)`` in a thread of its own.

    ``reached`` is set by :meth:`Peer.hold`; ``go`` is for the test to set.
    ``raw`` leaves the TLS handshake to ``talk``.
    """

    def __init__(
        self,
        talk: Talk,
        *,
        tls: ssl.SSLContext | None = None,
        raw: bool = False,
        receive_buffer: int | None = None,
    ) -> None:
        self._talk = talk
        self._tls = None if raw else tls
        self.scheme = "https" if tls else "http"
        self._listener = socket.socket()
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        self.port: int = self._listener.getsockname()[1]
        self.peers: list[Peer] = []
        self.requests: list[Request] = []
        self.noted: list[str] = []  # what a talk wants to tell the test
        self.reached = threading.Event()
        self.go = threading.Event()
        self.problems: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, name="test-server", daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def wait_left(self, count: int = 1) -> None:
        """Wait until *count* clients have come and all have left."""
        eventually(lambda: len(self.peers) >= count, "the client connects")
        for peer in self.peers:
            assert peer.left.wait(PATIENCE), "the client has not left"

    def wait_closed(self) -> None:
        """Wait until this side has closed every connection."""
        eventually(lambda: all(peer.socket.fileno() < 0 for peer in self.peers))

    def close(self) -> None:
        self.go.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(PATIENCE)
        for peer in self.peers:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(peer.socket, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        assert not self.problems, self.problems

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            peer = Peer(sock, self)
            self.peers.append(peer)
            thread = threading.Thread(
                target=self._serve, args=(peer,), name="test-server-peer", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: Peer) -> None:
        try:
            if self._tls is not None:
                try:
                    peer.socket = self._tls.wrap_socket(peer.socket, server_side=True)
                except OSError:
                    peer.left.set()
                    return
            self._talk(peer)
        except BaseException as exc:
            self.problems.append(exc)
        finally:
            peer.socket.close()


@contextlib.contextmanager
def full_listener() -> Iterator[int]:
    """The port of a listener whose backlog is full: connecting to it takes for ever."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
            _, writable, _ = select.select([], [filler], [], 0.05)
            if not writable:
                yield address[1]
                return
        raise AssertionError("the backlog does not fill up")

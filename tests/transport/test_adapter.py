"""Whoever is blocked, in whatever phase, is freed: by cancel, and by each clock."""

from __future__ import annotations

import errno
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from g4fsync.errors import Cancelled, ConnectionFailed, DeadlineExceeded
from g4fsync.scope import CancelScope
from g4fsync.settings import Timeout
from g4fsync.transport.adapter import Adapter
from g4fsync.transport.connections import SocketHandle, Wakeable, resolve
from g4fsync.transport.live import LiveTransport, Network
from tests.support.proxies import http_proxy
from tests.support.servers import Peer, Server, full_listener
from tests.support.timing import FREED, MS, PATIENCE, Worker, eventually

pytestmark = pytest.mark.usefixtures("no_leaks")

Open = Callable[..., LiveTransport]
BIG = b"x" * 16_000_000  # more than any socket's buffers
_REAL_GETADDRINFO = socket.getaddrinfo


@dataclass
class Scene:
    """A client's blocking call against a server that keeps it waiting."""

    base_url: str
    act: Callable[[LiveTransport], object]
    server: Server | None = None
    proxy: str | None = None
    released: threading.Event = field(default_factory=threading.Event)

    def wait_blocked(self, worker: Worker[Any]) -> None:
        if self.server is not None:
            assert self.server.reached.wait(PATIENCE), worker.error
        worker.blocks()


Scenery = Callable[[ExitStack, "Make"], Scene]


@dataclass(frozen=True)
class Make:
    """What a scene is made with."""

    tls: ssl.SSLContext | None
    monkeypatch: pytest.MonkeyPatch

    def server(self, stack: ExitStack, talk: Callable[[Peer], None], **options: Any) -> Server:
        return stack.enter_context(Server(talk, tls=self.tls, **options))


def post(transport: LiveTransport) -> object:
    return transport.post("/ask", json={"q": "x"})


def read(transport: LiveTransport) -> list[bytes]:
    pieces = []
    for piece in transport.post("/ask", json={"q": "x"}).pieces():
        transport.scope.progress()
        pieces.append(piece)
    return pieces


def tcp_connect(stack: ExitStack, make: Make) -> Scene:
    port = stack.enter_context(full_listener())
    return Scene(f"{'https' if make.tls else 'http'}://127.0.0.1:{port}", post)


def name_resolution(stack: ExitStack, make: Make) -> Scene:
    scene = Scene(f"{'https' if make.tls else 'http'}://name.test:9", post)
    stack.callback(lambda: eventually(lambda: "g4fsync-resolver" not in names()))
    stack.callback(scene.released.set)

    def names() -> list[str]:
        return [thread.name for thread in threading.enumerate()]

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if host == "name.test" and not options.get("flags"):
            assert scene.released.wait(PATIENCE)
            raise socket.gaierror(socket.EAI_AGAIN, "later")
        return _REAL_GETADDRINFO(host, *arguments, **options)

    make.monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return scene


def tls_silent(stack: ExitStack, make: Make) -> Scene:
    server = make.server(stack, Peer.hold, raw=True)
    return Scene(server.url, post, server)


def tls_trickled(stack: ExitStack, make: Make) -> Scene:
    def talk(peer: Peer) -> None:
        peer.receive()
        peer.send(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")  # a handshake record of 16 KiB
        peer.server.reached.set()
        peer.trickle(b"\x00", 5 * MS)

    server = make.server(stack, talk, raw=True)
    return Scene(server.url, post, server)


def sending(stack: ExitStack, make: Make) -> Scene:
    def talk(peer: Peer) -> None:
        peer.server.reached.set()
        assert peer.server.go.wait(PATIENCE)
        peer.hold()

    server = make.server(stack, talk, receive_buffer=4096)
    return Scene(server.url, lambda transport: transport.post("/ask", body=BIG), server)


def headers(stack: ExitStack, make: Make) -> Scene:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.hold()

    server = make.server(stack, talk)
    return Scene(server.url, post, server)


def headers_trickled(stack: ExitStack, make: Make) -> Scene:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        peer.server.reached.set()
        peer.trickle(b"s", 5 * MS)

    server = make.server(stack, talk)
    return Scene(server.url, post, server)


def _body(*fields: str, piece: bytes) -> Scenery:
    def scenery(stack: ExitStack, make: Make) -> Scene:
        def talk(peer: Peer) -> None:
            peer.request()
            peer.head(*fields)
            peer.send(piece)
            peer.hold()

        server = make.server(stack, talk)
        return Scene(server.url, read, server)

    return scenery


def gzipped(piece: bytes) -> bytes:
    coder = zlib.compressobj(wbits=31)
    return coder.compress(piece) + coder.flush(zlib.Z_SYNC_FLUSH)


body_chunked = _body("Transfer-Encoding: chunked", piece=b"5\r\nhello\r\n")
body_inside_a_chunk = _body("Transfer-Encoding: chunked", piece=b"50\r\nhello")
body_until_close = _body("Connection: close", piece=b"hello")
body_with_length = _body("Content-Length: 100", piece=b"hello")
body_gzip = _body("Content-Encoding: gzip", piece=gzipped(b"hello"))


def websocket_upgrade(stack: ExitStack, make: Make) -> Scene:
    scene = headers(stack, make)
    scene.act = enter_namespace
    return scene


def enter_namespace(transport: LiveTransport) -> None:
    with transport.socketio("/ws/", namespace="/chat") as socket:
        transport.scope.progress()
        for _ in socket:
            raise AssertionError("nothing was sent")


def proxy_connect(stack: ExitStack, make: Make) -> Scene:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.hold()

    proxy = stack.enter_context(Server(talk))
    act = post if make.tls else enter_namespace  # plain HTTP needs no CONNECT, a WebSocket does
    scheme = "https" if make.tls else "http"
    return Scene(f"{scheme}://name.test", act, proxy, proxy.url)


def socks_greeting(stack: ExitStack, make: Make) -> Scene:
    pytest.importorskip("socks")
    proxy = stack.enter_context(Server(Peer.hold))
    scheme = "https" if make.tls else "http"
    url = f"socks5h://127.0.0.1:{proxy.port}"
    return Scene(f"{scheme}://name.test", post, proxy, url)


def tls_inside_tls(stack: ExitStack, make: Make) -> Scene:
    """An https:// proxy: urllib3's object for TLS inside TLS is no socket."""
    assert make.tls
    proxy = stack.enter_context(Server(http_proxy, tls=make.tls))
    scene = body_chunked(stack, make)
    scene.proxy = proxy.url
    return scene


CONNECTING = [tcp_connect, name_resolution, proxy_connect, socks_greeting, sending]
TLS_ONLY = [tls_silent, tls_trickled]
WAITING = [headers, headers_trickled, websocket_upgrade]
READING = [
    body_chunked,
    body_inside_a_chunk,
    body_until_close,
    body_with_length,
    body_gzip,
    tls_inside_tls,
]
TLS_ONLY.append(tls_inside_tls)
_NAMES = {id(each): name for name, each in globals().items() if callable(each)}


def matrix(*sceneries: Scenery) -> list[Any]:
    """Each scene plain and under TLS."""
    return [
        pytest.param(each, tls, id=f"{_NAMES[id(each)]}-{'tls' if tls else 'plain'}")
        for each in sceneries
        for tls in (False, True)
        if tls or each not in TLS_ONLY
    ]


@pytest.fixture
def staged(
    connect: Open,
    certificates: tuple[str, ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Any]]:
    """Play a scene in a worker thread."""
    authority, context = certificates

    @contextmanager
    def play(
        scenery: Scenery, tls: bool, timeout: Timeout | None = None
    ) -> Iterator[tuple[Scene, LiveTransport, Worker[object]]]:
        with ExitStack() as stack:
            scene = scenery(stack, Make(context if tls else None, monkeypatch))
            transport = connect(
                scene.base_url,
                timeout=timeout,
                proxy=scene.proxy,
                verify=authority if tls else True,
            )

            def work() -> object:
                try:
                    return scene.act(transport)
                finally:
                    transport.close()

            yield scene, transport, Worker(work)

    return play  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("scenery", "tls"), matrix(*CONNECTING, tls_silent, tls_trickled, *WAITING, *READING)
)
def test_cancel_frees_whoever_is_blocked(
    scenery: Scenery, tls: bool, staged: Callable[..., Any]
) -> None:
    with staged(scenery, tls) as (scene, transport, worker):
        scene.wait_blocked(worker)
        cancelled_at = time.monotonic()
        transport.scope.cancel()
        error = worker.failure(Cancelled)
        assert worker.ended_at - cancelled_at < FREED
        assert str(error) == "cancelled by the caller"
        if scene.server is not None:
            scene.server.go.set()
            scene.server.wait_left()


CLOCKED = [
    *((each, tls, clock) for each, tls, clock in [
        (param.values[0], param.values[1], clock)
        for param in matrix(*CONNECTING, tls_silent, tls_trickled)
        for clock in ("connect", "first_token", "total")
    ]),
    *((param.values[0], param.values[1], clock)
      for param in matrix(*WAITING)
      for clock in ("first_token", "total")),
    *((param.values[0], param.values[1], clock)
      for param in matrix(*READING)
      for clock in ("idle", "total")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("scenery", "tls", "clock"),
    [
        pytest.param(
            *each,
            id=f"{_NAMES[id(each[0])]}-{'tls' if each[1] else 'plain'}-{each[2]}",
            # With TLS too where it makes a step of its own; elsewhere it only wraps the socket.
            marks=[pytest.mark.slow] if each[1] and (each[0], False, each[2]) in CLOCKED else [],
        )
        for each in CLOCKED
    ],
)
def test_each_clock_frees_whoever_is_blocked(
    scenery: Scenery, tls: bool, clock: str, staged: Callable[..., Any]
) -> None:
    seconds = 80 * MS
    others: dict[str, float | None] = {"connect": None, "first_token": None, "idle": None}
    timeout = Timeout(**{**others, "total": None, clock: seconds})
    started = time.monotonic()
    with staged(scenery, tls, timeout) as (scene, _, worker):
        error = worker.failure(DeadlineExceeded)
        assert error.clock == clock
        assert isinstance(error, TimeoutError)
        assert seconds <= worker.ended_at - started < seconds + 2 * FREED
        if scene.server is not None:
            scene.server.go.set()
            scene.server.wait_left()


def test_the_connect_clock_stops_when_the_request_is_sent(connect: Open) -> None:
    """The wait for headers, and each gap between tokens, may be longer than connecting."""
    connect_limit = 60 * MS

    def talk(peer: Peer) -> None:
        peer.request()
        assert not peer.left.wait(2 * connect_limit)
        peer.head("Content-Length: 10")
        peer.send(b"hello")
        assert not peer.left.wait(2 * connect_limit)
        peer.send(b"world")

    with Server(talk) as server:
        transport = connect(server.url, timeout=Timeout(connect_limit, 60, 60, 60))
        assert read(transport) == [b"hello", b"world"]


def test_the_next_request_stops_the_idle_clock_of_an_answer_that_failed(connect: Open) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.head("Content-Length: 10")
        peer.send(b"hello")

    with Server(talk) as server:
        transport = connect(server.url, timeout=Timeout(None, None, 50, None))
        with pytest.raises(ConnectionFailed):
            read(transport)
        transport.post("/ask")
        assert transport.scope.remaining() is None


def test_a_call_that_ended_while_its_headers_came_leaves_no_connection_behind(
    connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.answer(b"")
        peer.hold()

    with Server(talk) as server:
        transport = connect(server.url)
        # The end came too late for it.
        monkeypatch.setattr(SocketHandle, "_abort", lambda handle: None)
        stop_connect = CancelScope.stop_connect

        def cancel_when_sent(scope: CancelScope) -> None:
            stop_connect(scope)
            scope.cancel()

        monkeypatch.setattr(CancelScope, "stop_connect", cancel_when_sent)
        with pytest.raises(Cancelled) as kept:
            transport.post("/ask")
        transport.close()
        transport.network.adapter.close()
        server.wait_left()
        assert kept.value is not None


# -- handles --------------------------------------------------------------


def test_a_wire_that_was_dropped_touches_no_socket() -> None:
    scope = CancelScope()
    handle = SocketHandle(scope)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        handle.use(ours)
        handle.drop()
        handle.drop()
        scope.cancel()
        ours.sendall(b"still open")
        assert theirs.recv(100) == b"still open"


def test_a_wire_shuts_the_socket_it_uses() -> None:
    scope = CancelScope()
    handle = SocketHandle(scope)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        handle.use(ours)
        scope.cancel()
        assert theirs.recv(100) == b""
        handle.drop()


def test_a_wire_takes_no_socket_of_an_ended_call() -> None:
    scope = CancelScope()
    handle = SocketHandle(scope)
    scope.cancel()
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(Cancelled):
        handle.use(ours)
    handle.drop()


def test_a_call_that_has_ended_opens_no_connection(connect: Open) -> None:
    with Server(Peer.hold) as server:
        transport = connect(server.url)
        transport.scope.cancel()
        with pytest.raises(Cancelled):
            transport.post("/ask")
        assert server.peers == []


def test_a_late_cancel_does_not_hit_the_next_request_on_the_connection(connect: Open) -> None:
    def talk(peer: Peer) -> None:
        for _ in range(2):
            peer.request()
            peer.answer(b"hello")
        peer.hold()

    with Server(talk) as server:
        first = connect(server.url)
        assert read(first) == [b"hello"]
        second = connect(server.url, network=first.network)
        response = second.post("/ask")
        first.scope.cancel()
        assert b"".join(response.pieces()) == b"hello"
        assert len(server.peers) == 1


def test_an_abort_before_connect_began_still_ends_it(
    connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """shutdown() does nothing to a socket that is not connecting yet."""
    reach = Wakeable._reach

    def cancel_first(self: Any, sock: socket.socket, address: Any) -> None:
        transport.scope.cancel()
        reach(self, sock, address)

    monkeypatch.setattr(Wakeable, "_reach", cancel_first)
    with full_listener() as port:
        transport = connect(f"http://127.0.0.1:{port}")  # no clock at all
        worker = Worker(lambda: transport.post("/ask"))
        worker.failure(Cancelled)


# -- addresses ----------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "10.20.30.40", "::1", "2001:db8::8:800:200c:417a"])
def test_a_numeric_address_is_not_looked_up(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)

    def getaddrinfo(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("gevent's takes a thread for it")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert resolve(host, 80, CancelScope()) == expected


@pytest.mark.parametrize("host", ["127.1", "name.test", "1.2.3.4.5", "a\0b", "fe80::1%lo", "::1::"])
def test_what_is_no_plain_number_is_for_the_system_to_say(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def getaddrinfo(*arguments: Any, **options: Any) -> Any:
        asked.append(arguments[0])
        return ["found"]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    found: list[Any] = resolve(host, 80, CancelScope())
    assert found == ["found"]
    assert asked == [host]


def fake_names(monkeypatch: pytest.MonkeyPatch, answer: Callable[[int], Any]) -> None:
    def getaddrinfo(host: Any, port: int, *arguments: Any, **options: Any) -> Any:
        if host == "name.test" and not options.get("flags"):
            return answer(port)
        return _REAL_GETADDRINFO(host, port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_a_silent_address_leaves_time_for_the_others(
    connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As where IPv6 is set up and leads nowhere.
    def talk(peer: Peer) -> None:
        peer.request()
        peer.answer(b"{}")

    kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    with full_listener() as silent, Server(talk) as server:
        found = [(*kind, ("127.0.0.1", port)) for port in (silent, server.port)]
        fake_names(monkeypatch, lambda port: found)
        transport = connect("http://name.test", timeout=Timeout(1500 * MS, None, None, None))
        assert transport.get("/x").json() == {}


def test_an_unknown_name_says_so(connect: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(port: int) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    fake_names(monkeypatch, unknown)
    transport = connect("http://name.test:1234")
    with pytest.raises(ConnectionFailed) as caught:
        transport.post("/ask")
    assert str(caught.value) == "the name name.test:1234 can't be resolved"
    assert caught.value.retryable


def test_a_name_that_can_be_no_name_says_so(connect: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_long(port: int) -> Any:
        raise UnicodeError("label too long")

    fake_names(monkeypatch, too_long)
    transport = connect("http://name.test:1234")
    with pytest.raises(ConnectionFailed, match="can't be resolved"):
        transport.post("/ask")


def test_the_next_address_is_tried_when_one_refuses(
    connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.answer(b"hello")

    with Server(talk) as server, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))

        def both(port: int) -> Any:
            entry = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
            return [(*entry, closed.getsockname()), (*entry, ("127.0.0.1", port))]

        fake_names(monkeypatch, both)
        transport = connect(f"http://name.test:{server.port}")
        assert read(transport) == [b"hello"]


def test_a_name_without_an_address_says_so(connect: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_names(monkeypatch, lambda port: [])
    transport = connect("http://name.test:1234")
    with pytest.raises(ConnectionFailed) as caught:
        transport.post("/ask")
    assert str(caught.value) == "connection to name.test:1234 failed: no address"


def test_a_network_that_can_not_be_reached_is_no_deadline(
    connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """urllib3 calls it a ConnectTimeoutError."""

    def unreachable(self: Any, sock: socket.socket, address: Any) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(Wakeable, "_reach", unreachable)
    transport = connect("http://127.0.0.1:9")
    with pytest.raises(ConnectionFailed) as caught:
        transport.post("/ask")
    assert str(caught.value) == "connection to 127.0.0.1:9 failed: Network is unreachable"


def test_without_threads_a_name_is_looked_up_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_names(monkeypatch, lambda port: [("found", port)])

    class NoThread:
        def __init__(self, **_: object) -> None: ...

        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    scope = CancelScope()
    scope.sleep(0)  # the watchdog is there already
    monkeypatch.setattr(threading, "Thread", NoThread)
    assert resolve("name.test", 7, scope) == [("found", 7)]


def test_a_refused_connection_says_so(connect: Open) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{closed.getsockname()[1]}"
        transport = connect(f"http://{host}")
        with pytest.raises(ConnectionFailed) as caught:
            transport.post("/ask")
    assert str(caught.value) == f"connection to {host} refused: nothing listens there"


def test_connections_beyond_the_pool_are_closed_not_kept(connect: Open) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.answer(b"hello")
        peer.hold()

    with Server(talk) as server:
        network = Network(Adapter(connections=1))
        transports = [connect(server.url, network=network) for _ in range(2)]
        responses = [each.post("/ask") for each in transports]
        for response in responses:
            assert b"".join(response.pieces()) == b"hello"
        eventually(lambda: [peer.left.is_set() for peer in server.peers].count(True) == 1)

"""Socket.IO against python-socketio's own server, and against bytes no library would send."""

from __future__ import annotations

import contextlib
import logging
import socket as socket_module
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from g4fsync.errors import (
    Cancelled,
    DeadlineExceeded,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    StreamInterrupted,
)
from g4fsync.settings import Limits, Timeout
from g4fsync.transport import engineio
from g4fsync.transport.connections import Wakeable
from g4fsync.transport.live import LiveTransport
from tests.support.servers import Peer, Server
from tests.support.timing import FREED, MS, PATIENCE, Worker, end_soon, eventually
from tests.support.websockets import (
    BINARY,
    CLOSE,
    PING,
    accept,
    connect_namespace,
    frame,
    open_packet,
    receive,
)

socketio = pytest.importorskip("socketio")
serving = pytest.importorskip("werkzeug.serving")
pytest.importorskip("simple_websocket")

pytestmark = pytest.mark.usefixtures("no_leaks")

Open = Callable[..., LiveTransport]
Serve = Callable[..., Server]


# -- python-socketio ----------------------------------------------------


class Real:
    """A python-socketio server with the namespace ``/chat``."""

    def __init__(self, *, ping_interval: float = 25, ping_timeout: float = 20) -> None:
        self.io = socketio.Server(
            async_mode="threading",
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            max_http_buffer_size=10_000_000,
            monitor_clients=False,
            logger=False,
            engineio_logger=False,
        )
        self.auth: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.heard: list[tuple[Any, ...]] = []
        self.acked: list[Any] = []
        self.left = threading.Event()
        self.refusal: Exception | None = None
        self.io.on("connect", self._connect, namespace="/chat")
        self.io.on("disconnect", self._disconnect, namespace="/chat")
        self.io.on("say", self._say, namespace="/chat")
        application = socketio.WSGIApp(self.io, socketio_path="ws")
        self._http = serving.make_server("127.0.0.1", 0, application, threaded=True)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(
            target=lambda: self._http.serve_forever(0.02), name="test-werkzeug"
        )
        self._thread.start()

    def _connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        self.auth.append(auth)
        self.headers.append({k: v for k, v in environ.items() if isinstance(v, str)})
        if self.refusal is not None:
            raise self.refusal

    def _disconnect(self, sid: str, *reason: str) -> None:
        self.left.set()

    def _say(self, sid: str, *arguments: Any) -> None:
        self.heard.append(arguments)
        for event in arguments[0]:
            name, *rest = event
            if name == "please ack":
                self.io.emit(name, tuple(rest), "/chat" and sid, namespace="/chat",
                             callback=lambda *got: self.acked.append(got))  # fmt: skip
            elif name == "bytes":
                self.io.emit(name, b"\x00\x01", to=sid, namespace="/chat")
            elif name == "leave":
                self.io.disconnect(sid, namespace="/chat")
            else:
                self.io.emit(name, tuple(rest), to=sid, namespace="/chat")

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join(PATIENCE)
        self._http.server_close()


@pytest.fixture
def real() -> Iterator[Callable[..., Real]]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with contextlib.ExitStack() as stack:

        def start(**settings: Any) -> Real:
            server = Real(**settings)
            stack.callback(server.close)
            return server

        yield start


def events(socket: Any, count: int) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for event in socket:
        found.append((event.name, *event.args))
        if len(found) == count:
            break
    return found


def test_a_namespace_is_connected_with_its_auth(real: Callable[..., Real], connect: Open) -> None:
    server = real()
    transport = connect(server.url, cookies={"session": "abc", "two": "2"})
    auth = {"token": None, "visitorId": "é"}
    headers = {"X-Own": "1"}
    with transport.socketio("/ws/", namespace="/chat", auth=auth, headers=headers) as socket:
        assert socket.handshake.ping_interval == 25
        sent_before: bool = transport.sent
        socket.emit("say", [["hello", 1]])
        assert (sent_before, transport.sent) == (False, True)
        assert events(socket, 1) == [("hello", 1)]
    assert server.left.wait(PATIENCE)
    assert server.auth == [auth]
    (seen,) = server.headers
    assert seen["HTTP_COOKIE"] == "session=abc; two=2"
    assert seen["HTTP_USER_AGENT"] == "test"
    assert seen["HTTP_X_OWN"] == "1"
    assert "HTTP_ORIGIN" not in seen


def test_events_keep_all_arguments_and_every_character(
    real: Callable[..., Real], connect: Open
) -> None:
    text = "Привет 🙂 \u0085\u2028\n\"'\\ \x00"
    wanted: list[list[Any]] = [
        ["none"],
        ["one", {"text": text}],
        ["many", 1, None, [True], text, {"a": 1.5}],
    ]
    server = real()
    with connect(server.url).socketio("/ws/", namespace="/chat") as socket:
        socket.emit("say", wanted)
        assert events(socket, 3) == [tuple(event) for event in wanted]
    assert server.heard == [(wanted,)]


def test_a_big_message_comes_whole_and_goes_whole(real: Callable[..., Real], connect: Open) -> None:
    text = "Привет 🙂" * 50_000
    server = real()
    with connect(server.url).socketio("/ws/", namespace="/chat") as socket:
        socket.emit("say", [["big", text]])
        assert events(socket, 1) == [("big", text)]


def test_a_message_larger_than_the_server_takes_is_not_sent(
    real: Callable[..., Real], connect: Open
) -> None:
    server = real()
    with connect(server.url).socketio("/ws/", namespace="/chat") as socket:
        with pytest.raises(InvalidRequest, match="more than the 10000000 the server takes"):
            socket.emit("say", "x" * 10_000_001)
        with pytest.raises(InvalidRequest, match="can't be sent as JSON"):
            socket.emit("say", object())


def test_an_ack_the_server_asks_for_is_given(real: Callable[..., Real], connect: Open) -> None:
    server = real()
    with connect(server.url).socketio("/ws/", namespace="/chat") as socket:
        socket.emit("say", [["please ack", 1], ["next"]])
        assert events(socket, 2) == [("please ack", 1), ("next",)]
        eventually(lambda: server.acked == [()])


def test_binary_attachments_are_skipped(real: Callable[..., Real], connect: Open) -> None:
    server = real()
    with connect(server.url).socketio("/ws/", namespace="/chat") as socket:
        socket.emit("say", [["bytes"], ["next", "text"]])
        first, second = events(socket, 2)
    assert first[0] == "bytes"
    assert second == ("next", "text")


@pytest.mark.parametrize(
    ("arguments", "told", "body"),
    [
        (("go away",), "go away", "{'message': 'go away'}"),
        (("why", {"code": 7}), "why", "{'message': 'why', 'data': {'code': 7}}"),
        ((), "Connection rejected by server", "{'message': 'Connection rejected by server'}"),
    ],
)
def test_a_refused_namespace_tells_why(
    arguments: tuple[Any, ...], told: str, body: str, real: Callable[..., Real], connect: Open
) -> None:
    server = real()
    server.refusal = socketio.exceptions.ConnectionRefusedError(*arguments)
    transport = connect(server.url)
    with (
        pytest.raises(ProviderError) as caught,
        transport.socketio("/ws/", namespace="/chat"),
    ):
        pass
    error = caught.value
    assert (str(error), error.code, error.body) == (
        f"namespace /chat refused: {told}",
        "connect_error",
        body,
    )
    transport.close()


def test_an_unknown_namespace_is_refused(real: Callable[..., Real], connect: Open) -> None:
    server = real()
    with (
        pytest.raises(ProviderError, match="namespace /other refused: Unable to connect"),
        connect(server.url).socketio("/ws/", namespace="/other"),
    ):
        pass


def test_a_foreign_path_is_a_404(real: Callable[..., Real], connect: Open) -> None:
    server = real()
    with (
        pytest.raises(ProviderError) as caught,
        connect(server.url).socketio("/elsewhere/", namespace="/chat"),
    ):
        pass
    assert caught.value.status == 404


def test_a_server_that_does_not_speak_our_engine_io_says_so(
    real: Callable[..., Real], connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = real()
    url = LiveTransport.url
    monkeypatch.setattr(LiveTransport, "url", lambda self, path: url(self, path) + "?EIO=3&x=")
    with (
        pytest.raises(ProviderError) as caught,
        connect(server.url).socketio("/ws/", namespace="/chat"),
    ):
        pass
    assert caught.value.status == 400


def test_a_disconnect_by_the_server_ends_the_events(
    real: Callable[..., Real], connect: Open
) -> None:
    server = real()
    with connect(server.url).socketio("/ws/", namespace="/chat") as socket:
        socket.emit("say", [["one"], ["leave"]])
        assert [event.name for event in socket] == ["one"]


@pytest.mark.parametrize(
    "pause", [pytest.param("sleeping", marks=pytest.mark.slow), "between two events"]
)
def test_pings_are_answered_while_the_owner_is_busy_elsewhere(
    pause: str, real: Callable[..., Real], connect: Open
) -> None:
    """A client that did not would be dropped after ping_interval + ping_timeout."""
    interval, timeout = 1, 300 * MS  # the server counts intervals in whole seconds
    server = real(ping_interval=interval, ping_timeout=timeout)
    transport = connect(server.url)
    with transport.socketio("/ws/", namespace="/chat") as socket:
        if pause == "sleeping":
            transport.sleep(1.3 * (interval + timeout))
        socket.emit("say", [["one"], ["two"]])
        assert events(socket, 1) == [("one",)]
        if pause != "sleeping":
            assert not server.left.wait(1.3 * (interval + timeout))
        socket.emit("say", [["three"]])
        assert events(socket, 2) == [("two",), ("three",)]
    assert server.left.wait(PATIENCE)


def test_the_keeper_ends_with_the_last_connection(real: Callable[..., Real], connect: Open) -> None:
    server = real()
    transport = connect(server.url)
    with (
        transport.socketio("/ws/", namespace="/chat"),
        transport.socketio("/ws/", namespace="/chat"),
    ):
        keepers = [t for t in threading.enumerate() if t.name == "g4fsync-heartbeat"]
        assert len(keepers) == 1
    eventually(lambda: not keepers[0].is_alive())


# -- by hand ------------------------------------------------------------


def talking(*frames: bytes, hold: bool = True, **settings: float) -> Callable[[Peer], None]:
    """Connect the namespace, send these, and be silent or leave."""

    def talk(peer: Peer) -> None:
        if connect_namespace(peer, **settings) and peer.send(b"".join(frames)) and hold:
            peer.hold()

    return talk


EVENT = frame('42/chat,["token","hello"]')


def test_the_server_dying_is_an_interrupted_stream(serve: Serve, connect: Open) -> None:
    server = serve(talking(EVENT, hold=False))
    with connect(server.url).socketio("/ws/", namespace="/chat") as socket:
        found = iter(socket)
        assert next(found).args == ("hello",)
        with pytest.raises(StreamInterrupted, match="broke in the middle of the answer"):
            next(found)


def test_a_reset_is_an_interrupted_stream(serve: Serve, connect: Open) -> None:
    def talk(peer: Peer) -> None:
        connect_namespace(peer)
        peer.reset()

    server = serve(talk)
    with (
        pytest.raises(StreamInterrupted),
        connect(server.url).socketio("/ws/", namespace="/chat") as socket,
    ):
        list(socket)


@pytest.mark.parametrize("farewell", [frame("1"), frame(b"\x03\xe8", opcode=CLOSE)])
def test_a_farewell_ends_the_events(farewell: bytes, serve: Serve, connect: Open) -> None:
    server = serve(talking(EVENT, farewell))
    with connect(server.url).socketio("/ws/", namespace="/chat") as socket:
        assert events(socket, 2) == [("token", "hello")]


def test_a_message_in_fragments_with_a_ping_between_is_one(serve: Serve, connect: Open) -> None:
    whole = '42/chat,["token","Привет 🙂"]'.encode()
    pieces = [frame(whole[:15], fin=False), frame("", opcode=PING)]
    pieces += [frame(whole[15:20], opcode=0, fin=False), frame(whole[20:], opcode=0)]
    server = serve(talking(*pieces))
    with connect(server.url).socketio("/ws/", namespace="/chat") as socket:
        assert events(socket, 1) == [("token", "Привет 🙂")]


def test_what_is_for_others_is_skipped(serve: Serve, connect: Open) -> None:
    noise = [
        frame("6"),
        frame('42["token","root"]'),
        frame('42/other,["token","other"]'),
        frame("43/chat,7[]"),
        frame('451-/chat,["token",{"_placeholder":true,"num":0}]'),
        frame(b"\x00", opcode=BINARY),
    ]
    server = serve(talking(*noise, EVENT))
    with connect(server.url).socketio("/ws/", namespace="/chat") as socket:
        binary, text = events(socket, 2)
    assert binary == ("token", {"_placeholder": True, "num": 0})
    assert text == ("token", "hello")


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (frame("x"), "expected an Engine.IO packet, got 'x'"),
        (frame("4x"), "expected a Socket.IO packet, got 'x'"),
        (frame("42/chat,{}"), "expected a Socket.IO EVENT packet"),
        (frame("42/chat,[NaN]"), "expected JSON"),
        (frame(b"4\xff\xfe"), "a text frame is not UTF-8"),
    ],
)
def test_garbage_is_a_protocol_error(
    sent: bytes, message: str, serve: Serve, connect: Open
) -> None:
    server = serve(talking(sent))
    with (
        pytest.raises(ProtocolError) as caught,
        connect(server.url).socketio("/ws/", namespace="/chat") as socket,
    ):
        list(socket)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "first",
    [frame("3"), frame("0nonsense"), frame('0{"sid":"s"}'), frame(b"\x03\xe8", opcode=CLOSE)],
)
def test_a_session_that_does_not_begin_with_an_open_packet_is_a_protocol_error(
    first: bytes, serve: Serve, connect: Open
) -> None:
    def talk(peer: Peer) -> None:
        if accept(peer) and peer.send(first):
            peer.hold()

    server = serve(talk)
    with pytest.raises(ProtocolError), connect(server.url).socketio("/ws/", namespace="/chat"):
        pass


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (frame("41/chat,"), ProviderError, "the server closed namespace /chat at once"),
        (frame("1"), ProviderError, "the server closed namespace /chat at once"),
        (frame('44/chat,"no"'), ProviderError, "namespace /chat refused: no"),
        (frame('44/chat,{"message":"no"}'), ProviderError, "namespace /chat refused: no"),
        (frame('42/chat,["early"]'), ProtocolError, "expected the namespace to be connected"),
    ],
)
def test_other_answers_to_connecting_are_errors(
    answer: bytes, error: type[G4FSyncError], message: str, serve: Serve, connect: Open
) -> None:
    def talk(peer: Peer) -> None:
        if accept(peer) and peer.send(open_packet()) and receive(peer) and peer.send(answer):
            peer.hold()

    server = serve(talk)
    with (
        pytest.raises(G4FSyncError) as caught,
        connect(server.url).socketio("/ws/", namespace="/chat"),
    ):
        pass
    assert type(caught.value) is error
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("status", "key", "error"),
    [
        ("403 Forbidden", "sk-secret-key", "HTTP 403: no …"),
        ("502 Bad Gateway", None, "HTTP 502: no sk-secret-key"),
    ],
)
def test_a_refused_upgrade_is_told_like_any_refusal(
    status: str, key: str | None, error: str, serve: Serve, connect: Open
) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.answer(b'{"message": "no sk-secret-key"}', status=status)

    transport = connect(serve(talk).url, api_key=key)
    with pytest.raises(G4FSyncError) as caught, transport.socketio("/ws/", namespace="/chat"):
        pass
    assert str(caught.value) == error
    transport.close()  # nothing is left to fail on


def test_redirects_of_an_upgrade_are_not_followed(serve: Serve, connect: Open) -> None:
    other = serve(Peer.hold)

    def talk(peer: Peer) -> None:
        peer.request()
        peer.answer(b"", f"Location: {other.url}/x", status="302 Found")

    with (
        pytest.raises(ProviderError, match="HTTP 302: redirected"),
        connect(serve(talk).url).socketio("/ws/", namespace="/chat"),
    ):
        pass
    assert other.peers == []


def test_a_message_without_end_is_refused_before_memory_is_full(
    serve: Serve, connect: Open
) -> None:
    def talk(peer: Peer) -> None:
        connect_namespace(peer)
        peer.send(frame(b"4", fin=False))
        while peer.send(frame(b"x" * 10_000, opcode=0, fin=False)):
            pass

    transport = connect(serve(talk).url)
    transport.network = replace(transport.network, limits=Limits(message=100_000))
    with (
        pytest.raises(ProtocolError, match="a WebSocket message is longer than 100000 bytes"),
        transport.socketio("/ws/", namespace="/chat") as socket,
    ):
        list(socket)


def test_a_heartbeat_that_stops_is_an_interrupted_stream(serve: Serve, connect: Open) -> None:
    server = serve(talking(ping_interval=50 * MS, ping_timeout=50 * MS))
    started = time.monotonic()
    with (
        pytest.raises(StreamInterrupted, match="the server's heartbeat has stopped"),
        connect(server.url).socketio("/ws/", namespace="/chat") as socket,
    ):
        list(socket)
    assert 100 * MS <= time.monotonic() - started < 100 * MS + 2 * FREED


def test_a_client_that_only_reads_does_not_take_pings_for_progress(
    serve: Serve, connect: Open
) -> None:
    def talk(peer: Peer) -> None:
        connect_namespace(peer)
        peer.trickle(frame("2"), 10 * MS)

    transport = connect(serve(talk).url, timeout=Timeout(None, None, 80 * MS, None))
    with (
        pytest.raises(DeadlineExceeded) as caught,
        transport.socketio("/ws/", namespace="/chat") as socket,
    ):
        transport.scope.progress()
        list(socket)
    assert caught.value.clock == "idle"


# -- the keeper ---------------------------------------------------------


def pongs(peer: Peer) -> int:
    count = 0
    while (received := receive(peer)) is not None:
        count += received[1] == b"3"
        peer.server.noted.append(received[1].decode("latin-1"))
        if received[1] == b"3":
            peer.server.reached.set()
    return count


def test_what_comes_while_the_owner_is_away_is_kept_in_order(serve: Serve, connect: Open) -> None:
    def talk(peer: Peer) -> None:
        connect_namespace(peer, 25, 100 * MS)
        for i in range(5):
            peer.send(frame(f'42/chat,["token",{i}]'))
        peer.send(frame("2") + frame(b"\x03\xe8", opcode=CLOSE))
        pongs(peer)

    server = serve(talk)
    with connect(server.url).socketio("/ws/", namespace="/chat") as socket:
        assert server.reached.wait(PATIENCE)
        eventually(lambda: socket._failure is not None)
        assert events(socket, 6) == [("token", i) for i in range(5)]


def test_a_failure_while_the_owner_is_away_waits_for_it(serve: Serve, connect: Open) -> None:
    def talk(peer: Peer) -> None:
        connect_namespace(peer, 25, 100 * MS)
        peer.send(EVENT)

    with connect(serve(talk).url).socketio("/ws/", namespace="/chat") as socket:
        eventually(lambda: socket._failure is not None)
        found = iter(socket)
        assert next(found).args == ("hello",)
        with pytest.raises(StreamInterrupted):
            next(found)


def test_garbage_while_the_owner_is_away_waits_for_it(serve: Serve, connect: Open) -> None:
    server = serve(talking(EVENT, frame("x"), ping_interval=25, ping_timeout=100 * MS))
    with connect(server.url).socketio("/ws/", namespace="/chat") as socket:
        eventually(lambda: socket._failure is not None)
        found = iter(socket)
        assert next(found).args == ("hello",)
        with pytest.raises(ProtocolError, match=r"expected an Engine\.IO packet"):
            next(found)


def test_the_keeper_stops_reading_when_enough_is_waiting(
    serve: Serve, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory must not grow with what a paused owner is sent."""
    monkeypatch.setattr(engineio, "MAX_WAITING_BYTES", 10_000)
    count = 3000
    text = "x" * 1000

    def talk(peer: Peer) -> None:
        connect_namespace(peer, 25, 40 * MS)
        for i in range(count):
            peer.send(frame(f'42/chat,["token",{i},"{text}"]'))
        peer.hold()

    with connect(serve(talk).url).socketio("/ws/", namespace="/chat") as socket:
        eventually(lambda: socket._waiting_bytes >= 10_000)
        assert socket._waiting_bytes < 12_000
        assert [event[1] for event in events(socket, count)] == list(range(count))


def test_the_keeper_does_not_disturb_a_message_being_sent(
    serve: Serve, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It makes the socket non-blocking while it looks in: a long message would fail half-way."""
    text = "x" * 8_000_000  # more than the buffers hold, so that sending takes a while

    def talk(peer: Peer) -> None:
        connect_namespace(peer, 25, 4 * MS)  # a hasty heartbeat: the keeper looks in each MS
        peer.server.reached.set()
        assert peer.server.go.wait(PATIENCE)
        while (received := receive_size(peer)) is not None:
            peer.server.noted.append(str(received))

    server = serve(talk, receive_buffer=4096)
    with connect(server.url).socketio("/ws/", namespace="/chat") as socket:
        assert server.reached.wait(PATIENCE)
        sender = Worker(lambda: socket.emit("say", text))
        sender.blocks()
        server.go.set()
        sender.result()
    server.wait_left()
    assert int(server.noted[0]) > len(text)


def receive_size(peer: Peer) -> int | None:
    """How long the client's next frame is, its content thrown away."""
    head = peer.receive_exactly(2)
    if len(head) < 2:
        return None
    size = head[1] & 0x7F
    if size == 126:
        size = int.from_bytes(peer.receive_exactly(2), "big")
    elif size == 127:
        size = int.from_bytes(peer.receive_exactly(8), "big")
    left = size + 4
    while left:
        piece = peer.receive_exactly(min(left, 65_536))
        if not piece:
            return None
        left -= len(piece)
    return size


def test_a_forked_child_does_not_shut_the_connection_of_its_parent(
    serve: Serve, connect: Open
) -> None:
    server = serve(talking(EVENT))
    transport = connect(server.url)
    socket = transport.socketio("/ws/", namespace="/chat")
    with socket as opened:
        stream = opened._ws.stream
        assert stream is not None
        transport.scope.leave_to_parent()
        opened.close(graceful=True)
        assert not server.peers[0].left.is_set()
        stream.close()
    server.wait_left()


# -- waking -------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("phase", ["upgrade", "open packet", "namespace", "events", "sending"])
@pytest.mark.parametrize("ends", ["cancel", "total"])
def test_whoever_is_blocked_is_freed(
    ends: str,
    phase: str,
    tls: bool,
    serve: Serve,
    connect: Open,
    server_tls: ssl.SSLContext,
    authority: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def talk(peer: Peer) -> None:
        if phase == "upgrade":
            peer.request()
        elif phase == "open packet":
            accept(peer)
        elif phase == "namespace":
            accept(peer)
            peer.send(open_packet())
        else:
            connect_namespace(peer)
            if phase == "sending":
                peer.server.reached.set()
                assert peer.server.go.wait(PATIENCE)
        peer.hold()

    # Small buffers: a message that fills larger ones takes a moment just to be masked, and
    # whoever is at that is not blocked.
    monkeypatch.setattr(
        Wakeable,
        "default_socket_options",
        [*Wakeable.default_socket_options, (socket_module.SOL_SOCKET, socket_module.SO_SNDBUF, 1)],
    )
    server = serve(talk, tls=server_tls if tls else None, receive_buffer=4096)
    transport = connect(server.url, verify=authority)
    scope = transport.scope

    def work() -> None:
        try:
            with transport.socketio("/ws/", namespace="/chat") as socket:
                if phase == "sending":
                    socket.emit("say", "x" * 500_000)
                list(socket)
        finally:
            transport.close()

    worker = Worker(work)
    assert server.reached.wait(PATIENCE)
    worker.blocks()
    if ends == "cancel":
        ended_at = time.monotonic()
        scope.cancel()
        worker.failure(Cancelled)
    else:
        ended_at = end_soon(scope)
        error = worker.failure(DeadlineExceeded)
        assert SimpleNamespace(**vars(error)).clock == "total"
    assert worker.ended_at - ended_at < FREED
    server.go.set()
    server.wait_left()

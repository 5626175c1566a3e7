"""Cancelled from another thread in every phase, the reader is free at once."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from g4fsync import Client, Retry, Timeout
from g4fsync.call.stream import ChatStream
from g4fsync.errors import Cancelled
from tests.faults.cells import Cell
from tests.faults.farside import Far, HttpFar, SocketFar
from tests.faults.protocols import KOALA, MYSHELL, OPENAI, PROMPT, Protocol
from tests.support.leaks import Census
from tests.support.servers import Peer, Server, Talk, full_listener
from tests.support.timing import FREED, PATIENCE, Worker

TIMES = 5
NEVER = Timeout(PATIENCE, PATIENCE, PATIENCE, PATIENCE)


@dataclass(frozen=True)
class Phase:
    """Where the reader is blocked: how its server talks, and how the client is made."""

    name: str
    protocol: Protocol
    talk: Callable[[Cell], Talk]
    tls: bool = False
    prompt: str = PROMPT
    client: dict[str, Any] = field(default_factory=dict)
    proxy: str = ""
    settle: float = 0.0


def scripted(protocol: Protocol, script: Callable[[Any], None]) -> Callable[[Cell], Talk]:
    return lambda cell: cell.talk(protocol, script)


def plain(talk: Talk) -> Callable[[Cell], Talk]:
    return lambda cell: talk


def hold(peer: Peer) -> None:
    peer.hold()


def first_request(peer: Peer) -> None:
    peer.request()
    peer.hold()


def half_head(far: HttpFar) -> None:
    far.peer.send(b"HTTP/1.1 200 OK\r\nX-A: 1\r\n")
    far.peer.hold()


def before_token(far: HttpFar) -> None:
    far.open()
    far.peer.hold()


def after_token(far: Far) -> None:
    far.open()
    far.token(0)
    far.peer.hold()


def in_chunk(far: HttpFar) -> None:
    far.open()
    far.token(0)
    far.peer.send(b"ff\r\nabc")
    far.peer.hold()


def reads_nothing(peer: Peer) -> None:
    peer.server.reached.set()
    peer.server.go.wait(PATIENCE)


def refuse(far: Far) -> None:
    far.peer.server.reached.set()
    far.peer.answer(b"", "Connection: close", status="503 No")


def upgraded(far: SocketFar) -> None:
    far.upgrade()
    far.peer.hold()


def not_joined(far: SocketFar) -> None:
    far.upgrade()
    far.frame(b'0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}')
    far.received()
    far.peer.hold()


def joined(far: SocketFar) -> None:
    far.upgrade()
    far.frame(b'0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}')
    far.received()
    far.frame(b'40/chat,{"sid":"n"}')
    far.peer.hold()


LONG = "a" * (16 * 2**20)
PHASES = [
    Phase("TLS handshake", OPENAI, plain(hold), tls=True),
    Phase("proxy: CONNECT", MYSHELL, plain(first_request), proxy="http"),
    Phase("proxy: SOCKS greeting", KOALA, plain(hold), proxy="socks5h"),
    Phase("sending", KOALA, plain(reads_nothing), prompt=LONG),
    Phase("waiting for the head", KOALA, plain(first_request)),
    Phase("in the head", KOALA, scripted(KOALA, half_head)),
    Phase("before the first token", KOALA, scripted(KOALA, before_token)),
    Phase("between tokens", KOALA, scripted(KOALA, after_token)),
    Phase("in a chunk", OPENAI, scripted(OPENAI, in_chunk)),
    Phase("back-off", KOALA, scripted(KOALA, refuse), client={"retry": Retry(3, 9.0, 9.0)}),
    Phase("WebSocket upgrade", MYSHELL, plain(first_request)),
    Phase("Engine.IO open", MYSHELL, scripted(MYSHELL, upgraded)),
    Phase("namespace", MYSHELL, scripted(MYSHELL, not_joined)),
    Phase("settling", MYSHELL, scripted(MYSHELL, joined), settle=9.0),
    Phase("between messages", MYSHELL, scripted(MYSHELL, after_token)),
]


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_a_cancelled_reader_is_free_at_once_and_the_server_sees_the_end(
    phase: Phase,
    cell: Cell,
    server_tls: ssl.SSLContext,
    authority: str,
    record_property: Callable[[str, object], None],
) -> None:
    census = Census()
    latencies = []
    for _ in range(TIMES):
        tls = server_tls if phase.tls else None
        with Server(phase.talk(cell), tls=tls, raw=True, receive_buffer=4096) as server:
            given = {"timeout": NEVER, "retry": Retry(1), "verify": authority, **phase.client}
            url = server.url
            if phase.proxy:
                given["proxy"] = f"{phase.proxy}://127.0.0.1:{server.port}"
                url = "http://127.0.0.1:9"
            with Client(**given) as client:
                stream = client.chat(phase.prompt, **arguments(phase, url))
                latencies.append(freed(stream, server))
            if phase.name not in ("sending", "back-off"):  # there it does not look
                server.wait_left()
    record_property("latency", (phase.name, latencies))
    assert max(latencies) < FREED
    assert census.newcomers() == []


def arguments(phase: Phase, url: str) -> dict[str, Any]:
    given = phase.protocol.arguments(url)
    if phase.settle:
        given["provider"] = type(given["provider"])(url, settle=phase.settle)
    return given


def freed(stream: ChatStream, server: Server) -> float:
    """Seconds from ``cancel()`` until the blocked reader is free."""
    worker: Worker[list[str]] = Worker(lambda: list(stream))
    assert server.reached.wait(PATIENCE)
    worker.blocks()
    began = time.monotonic()
    stream.cancel()
    worker.failure(Cancelled)
    return worker.ended_at - began


@contextmanager
def silent_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A URL whose name is looked up for ever."""
    real, go = socket.getaddrinfo, threading.Event()

    def getaddrinfo(host: Any, *args: Any, **more: Any) -> Any:
        if host == "silent.test" and not more.get("flags"):
            go.wait(PATIENCE)
            raise socket.gaierror(socket.EAI_AGAIN, "at last")
        return real(host, *args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", getaddrinfo)
        yield "http://silent.test"
        go.set()


@contextmanager
def full() -> Iterator[str]:
    with full_listener() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("phase", ["name look-up", "TCP connect"])
@pytest.mark.parametrize("protocol", [KOALA, MYSHELL], ids=repr)
def test_a_reader_without_a_server_is_free_at_once(
    phase: str,
    protocol: Protocol,
    monkeypatch: pytest.MonkeyPatch,
    no_proxy_variables: None,
    record_property: Callable[[str, object], None],
) -> None:
    place: AbstractContextManager[str] = (
        full() if phase == "TCP connect" else silent_resolver(monkeypatch)
    )
    with place as url, Client(timeout=NEVER, retry=Retry(1)) as client:
        latencies = []
        for _ in range(TIMES):
            stream = client.chat(PROMPT, **protocol.arguments(url))
            worker: Worker[list[str]] = Worker(lambda stream=stream: list(stream))  # type: ignore[misc]
            worker.blocks()
            began = time.monotonic()
            stream.cancel()
            worker.failure(Cancelled)
            latencies.append(worker.ended_at - began)
    record_property("latency", (f"{phase} ({protocol.name})", latencies))
    assert max(latencies) < FREED

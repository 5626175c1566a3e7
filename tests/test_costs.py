"""What an answer costs, counted and never timed: reads, parses, imports, memory, connections.

How long all that takes is what ``python -m tests.bench`` measures.
"""

from __future__ import annotations

import gc
import json
import socket
import subprocess
import sys
import threading
import tracemalloc
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import g4fsync
from g4fsync import ChatStream, Client
from g4fsync.codecs import strict
from g4fsync.registry import provider_class
from tests.support.servers import Peer, Server
from tests.support.timing import PATIENCE

TOKENS = 600
BLOCK_BYTES = 65_536


@dataclass(frozen=True)
class Protocol:
    """How a provider's far side says a token."""

    provider: str
    media_type: str
    before: bytes
    token: Callable[[str], bytes]
    after: bytes
    model: str | None = None


def _sse(value: Any, name: str = "") -> bytes:
    line = f"event: {name}\n" if name else ""
    return f"{line}data: {json.dumps(value)}\n\n".encode()


def _openai(delta: dict[str, str], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return _sse({"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]})


def _anthropic(kind: str, **rest: Any) -> bytes:
    return _sse({"type": kind, **rest}, kind)


def _line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


KOALA = Protocol("koala", "text/event-stream", b"", _sse, b"")
PROTOCOLS = (
    Protocol(
        "openai",
        "text/event-stream",
        _openai({"role": "assistant", "content": ""}),
        lambda text: _openai({"content": text}),
        _openai({}, "stop") + b"data: [DONE]\n\n",
        model="m",
    ),
    Protocol(
        "anthropic",
        "text/event-stream",
        _anthropic("message_start", message={"usage": {"input_tokens": 1}})
        + _anthropic("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        lambda text: _anthropic(
            "content_block_delta", index=0, delta={"type": "text_delta", "text": text}
        ),
        _anthropic("content_block_stop", index=0)
        + _anthropic("message_delta", delta={"stop_reason": "end_turn"})
        + _anthropic("message_stop"),
        model="m",
    ),
    Protocol(
        "ollama",
        "application/x-ndjson",
        b"",
        lambda text: _line({"model": "m", "message": {"content": text}, "done": False}),
        _line({"model": "m", "done": True, "done_reason": "stop"}),
        model="m",
    ),
    KOALA,
    Protocol(
        "flowgpt",
        "application/json",
        b"",
        lambda text: _line({"event": "text", "data": text}),
        b"",
    ),
)
by_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda each: each.provider)


class Counted:
    """A function that counts how often the main thread calls it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.calls = 0

    def __get__(self, instance: object, owner: type) -> Any:
        return lambda *arguments: self(instance, *arguments)

    def __call__(self, *arguments: Any) -> Any:
        if threading.current_thread() is threading.main_thread():
            self.calls += 1
        return self._function(*arguments)


class Reads:
    """The reads from sockets, by the two ways an HTTP body is read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ways: list[Counted] = []
        for owner, name in ((socket.SocketIO, "readinto"), (socket.socket, "recv")):
            self._ways.append(Counted(getattr(owner, name)))
            monkeypatch.setattr(owner, name, self._ways[-1])

    @property
    def calls(self) -> int:
        return sum(way.calls for way in self._ways)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """The runs of the one JSON decoder."""
    counted = Counted(strict._decode)
    monkeypatch.setattr(strict, "_decode", counted)
    return counted


class Burst:
    """An answer whose tokens have arrived before they are read; its end comes when asked for."""

    def __init__(self, serve: Callable[..., Server], client: Client, protocol: Protocol) -> None:
        self.texts = [f" word{i % 7}" for i in range(TOKENS)]
        first, *rest = map(protocol.token, self.texts)
        self.size = sum(map(len, rest))
        self._arrived, self._goes_on = threading.Event(), threading.Event()

        def talk(peer: Peer) -> None:
            # So that all of it fits, and none of it waits for the reader.
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            begin(peer, protocol)
            peer.chunk(first)
            assert peer.server.go.wait(PATIENCE)
            peer.send(b"".join(map(framed, rest)))
            self._arrived.set()
            assert self._goes_on.wait(PATIENCE)
            peer.send(framed(protocol.after) + b"0\r\n\r\n")
            peer.hold()

        server = serve(talk)
        self._tokens = iter(ask(client, protocol, server))
        assert next(self._tokens) == self.texts[0]
        server.go.set()
        assert self._arrived.wait(PATIENCE)

    def read(self) -> None:
        """Take all tokens but the first, which has been."""
        assert list(islice(self._tokens, TOKENS - 1)) == self.texts[1:]

    def __enter__(self) -> Burst:
        return self

    def __exit__(self, *_: object) -> None:
        self._goes_on.set()
        assert list(self._tokens) == []


def begin(peer: Peer, protocol: Protocol) -> bool:
    """Take a request, if one comes, and begin its answer."""
    if peer.request() is None:
        return False
    peer.head("Transfer-Encoding: chunked", f"Content-Type: {protocol.media_type}")
    return peer.send(framed(protocol.before))


def framed(event: bytes) -> bytes:
    """*event* as a chunk of its own; nothing in place of an empty one, which would end the body."""
    return b"%x\r\n%b\r\n" % (len(event), event) if event else b""


def ask(client: Client, protocol: Protocol, server: Server) -> ChatStream:
    provider = provider_class(protocol.provider)(server.url)
    return client.chat("hi", provider=provider, model=protocol.model, api_key="k")


@by_protocol
def test_reads_are_counted_by_blocks_not_tokens(
    protocol: Protocol, serve: Callable[..., Server], reads: Reads
) -> None:
    with Client() as client, Burst(serve, client, protocol) as burst:
        before = reads.calls
        burst.read()
        # Twice, since a block may arrive in halves.
        assert reads.calls - before <= 2 * (burst.size // BLOCK_BYTES + 1)


@by_protocol
def test_json_is_parsed_by_blocks_not_tokens(
    protocol: Protocol, serve: Callable[..., Server], reads: Reads, parses: Counted
) -> None:
    with Client() as client, Burst(serve, client, protocol) as burst:
        before = parses.calls - reads.calls
        burst.read()
        # One for each block that was read, one for what its events have in common, and some
        # where a block's end cuts an event in two.
        assert parses.calls - reads.calls - before <= burst.size // BLOCK_BYTES + 2


@pytest.mark.parametrize(
    "protocol",
    [
        pytest.param(each, id=each.provider, marks=[] if each is KOALA else pytest.mark.slow)
        for each in PROTOCOLS
    ],
)
def test_memory_grows_with_the_text_alone(protocol: Protocol, serve: Callable[..., Server]) -> None:
    blocks, per_block = 200, 200
    piece = b"".join(framed(protocol.token("x")) for _ in range(per_block))

    def talk(peer: Peer) -> None:
        begin(peer, protocol)
        for _ in range(blocks):
            peer.send(piece)
        peer.send(framed(protocol.after) + b"0\r\n\r\n")
        peer.hold()

    levels = array("q", bytes(8 * blocks * per_block))  # not a list, which would grow too
    with Client() as client:
        tokens = ask(client, protocol, serve(talk))
        tracemalloc.start()
        try:
            for i, _ in enumerate(tokens):
                levels[i] = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
    # A block has 4096 tokens at most; the least of more is what is held between two blocks.
    early, late = min(levels[5000:10_000]), min(levels[-5000:])
    # Python has each one-letter text once, so keeping it costs a pointer.
    assert late - early <= 16 * (len(levels) - 10_000)


@by_protocol
def test_a_second_request_opens_no_new_connection(
    protocol: Protocol, serve: Callable[..., Server]
) -> None:
    def talk(peer: Peer) -> None:
        while begin(peer, protocol):
            peer.send(framed(protocol.token("x")) + framed(protocol.after) + b"0\r\n\r\n")

    server = serve(talk)
    with Client() as client:
        for _ in range(3):
            assert ask(client, protocol, server).result().text == "x"
    assert (len(server.requests), len(server.peers)) == (3, 1)


# The top-level modules of Python's own that the package may load at import; those with an
# underscore in front belong to them.  One more is a cost for each command and each worker.
ALLOWED = {
    *("abc", "collections", "contextlib", "copy", "copyreg", "enum", "functools", "itertools"),
    *("importlib", "keyword", "math", "operator", "os", "reprlib", "time", "types", "typing"),
    *("atexit", "threading", "warnings", "weakref"),
    *("dataclasses", "annotationlib", "ast", "dis", "inspect", "linecache", "opcode", "token"),
    *("tokenize",),  # the line above and this one come with dataclasses
    *("genericpath", "posixpath", "ntpath", "stat", "errno"),  # with os
    *("re", "sre_compile", "sre_constants", "sre_parse"),
    *("ipaddress", "urllib"),  # urllib.parse
}
IMPORTING = """
import sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
import g4fsync
assert set(sys.modules) - before <= {"__future__", "g4fsync"}
from g4fsync import Client
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def test_importing_loads_these_modules_and_no_other() -> None:
    root = str(Path(g4fsync.__file__).parent.parent)
    done = subprocess.run(
        # Without site, whose .pth files may have imported what should be seen here.
        [sys.executable, "-S", "-c", IMPORTING, root],
        capture_output=True,
        text=True,
        check=True,
    )
    public = {name for name in done.stdout.split() if not name.startswith("_")}
    assert public - ALLOWED == {"g4fsync"}


# -- opening ------------------------------------------------------------

OPENAI = PROTOCOLS[0]


def short_answers(peer: Peer) -> None:
    """One token to each request of the connection."""
    while begin(peer, OPENAI):
        peer.send(framed(OPENAI.token("x")) + framed(OPENAI.after) + b"0\r\n\r\n")


def test_a_warm_call_takes_one_send_and_sets_no_timeout(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, reads: Reads
) -> None:
    server = serve(short_answers)
    with Client() as client:
        assert ask(client, OPENAI, server).result().text == "x"
        counted = {}
        for name in ("sendall", "send", "settimeout", "connect"):
            counted[name] = Counted(getattr(socket.socket, name))
            monkeypatch.setattr(socket.socket, name, counted[name])
        before = reads.calls
        assert ask(client, OPENAI, server).result().text == "x"
    calls = {name: each.calls for name, each in counted.items()}
    assert calls == {"sendall": 1, "send": 0, "settimeout": 0, "connect": 0}
    # The head, the events and the rest may arrive apart.
    assert reads.calls - before <= 5


def test_a_warm_call_takes_so_many_python_calls(serve: Callable[..., Server]) -> None:
    """Through requests and urllib3 it takes some 1000, of requests alone some 1900."""
    server = serve(short_answers)
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    with Client() as client:
        for _ in range(3):
            assert ask(client, OPENAI, server).result().text == "x"
        counts = []
        for _ in range(5):
            count = 0
            sys.setprofile(note)
            try:
                ask(client, OPENAI, server).result()
            finally:
                sys.setprofile(None)
            counts.append(count)
    # The least, since what arrives in pieces takes more; other Pythons take some more or less.
    assert min(counts) <= 460


def test_an_open_stream_is_so_many_objects(serve: Callable[..., Server]) -> None:
    """Of those that the garbage collector looks at again and again."""

    def talk(peer: Peer) -> None:
        begin(peer, OPENAI)
        peer.send(framed(OPENAI.token("x")))
        peer.hold()

    server = serve(talk)
    with Client() as client:
        streams = [ask(client, OPENAI, server) for _ in range(5)]
        assert [next(each) for each in streams] == ["x"] * 5
        gc.collect()
        before = _ours()
        more = [ask(client, OPENAI, server) for _ in range(20)]
        assert [next(each) for each in more] == ["x"] * 20
        gc.collect()
        assert (_ours() - before) / 20 <= 30


def _ours() -> int:
    """Tracked objects of this package's and its libraries' classes, not the test server's."""
    return sum(
        str(type(each).__module__).partition(".")[0] in ("g4fsync", "urllib3", "requests", "http")
        for each in gc.get_objects()
    )

"""Myshell's transport against the real Socket.IO servers: npm's, and python-socketio's two.

``servers/`` has one talk in two languages; a question's text is a JSON array that says
what the server is to do.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from g4fsync import Client, Retry
from g4fsync.errors import (
    AuthenticationError,
    CaptchaRequired,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidRequest,
    ProviderError,
    StreamInterrupted,
    StreamTruncated,
)
from g4fsync.providers.myshell import Myshell
from tests.support.timing import MS, PATIENCE, Worker, eventually

from .conftest import Installed
from .processes import free_port, running, stop

SCRIPTS = Path(__file__).with_name("servers")
KINDS = ("npm", "threading", "asgi")
PIECES = ["Grüße", " 🦙", '42/chat,["text_stream"]', "\u2028", " the end"]
TEXT = "".join(PIECES)

pytestmark = pytest.mark.usefixtures("no_leaks", "no_proxy_variables")


@dataclass
class Served:
    """A server that runs, and what it was started with."""

    url: str
    process: subprocess.Popen[bytes]

    def state(self) -> dict[str, list[Any]]:
        """What the server has seen."""
        answer: dict[str, list[Any]] = requests.get(f"{self.url}/state", timeout=PATIENCE).json()
        return answer

    def chat(self, *question: object, settle: float = 0, timeout: float = PATIENCE) -> Any:
        """A stream; the server is to do what *question* says."""
        provider = Myshell(self.url, settle=settle)
        return provider.chat(json.dumps(question), timeout=timeout)

    def ask(self, *question: object, settle: float = 0, timeout: float = PATIENCE) -> str:
        text: str = self.chat(*question, settle=settle, timeout=timeout).result().text
        return text


Serve = Callable[..., Served]


@pytest.fixture(scope="module")
def serve_kind(
    installed_node: Installed, installed_python: Installed, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Served]]:
    """Start a server of a kind; one with the same settings is started once."""
    folder = tmp_path_factory.mktemp("socketio")
    started: dict[str, Served] = {}
    with contextlib.ExitStack() as stack:

        def start(
            kind: str, *, fresh: bool = False, port: int | None = None, **settings: Any
        ) -> Served:
            name = json.dumps([kind, settings])
            if fresh or name not in started:
                number = port or free_port()
                options = [str(number), json.dumps(settings)]
                if kind == "npm":
                    environment = installed_node("socketio")
                    (script,) = environment.scripts(SCRIPTS / "socketio_server.mjs")
                    command = [*environment.command, str(script), *options]
                else:
                    environment = installed_python("socketio")
                    script = SCRIPTS / "socketio_server.py"
                    command = [*environment.command, str(script), kind, *options]
                process = stack.enter_context(running(command, port=number, folder=folder))
                served = Served(f"http://127.0.0.1:{number}", process)
                if fresh:
                    return served
                started[name] = served
            return started[name]

        yield start


@pytest.fixture(params=KINDS)
def serve(request: pytest.FixtureRequest, serve_kind: Callable[..., Served]) -> Serve:
    """Start a server of each kind."""
    return lambda **settings: serve_kind(request.param, **settings)


def test_the_exact_text(serve: Serve) -> None:
    stream = serve().chat("say", PIECES)
    assert list(stream) == PIECES
    assert stream.finish_reason == "stop"


def test_what_the_server_is_sent(serve: Serve) -> None:
    server = serve(fresh=True)
    server.ask("say", ["Hi"])
    state = server.state()
    (auth,), (question,) = state["auth"], state["questions"]
    assert auth["token"] is None
    assert auth["visitorId"].count("-") == 4
    assert json.loads(question["text"]) == ["say", ["Hi"]]
    assert set(question) == {
        "reqId", "botUid", "sourceFrom", "text", "signature", "timestamp", "version",
    }  # fmt: skip


@pytest.mark.parametrize("deflate", [False, True])
def test_large_messages(serve: Serve, deflate: bool) -> None:
    """No extension is offered, so a server that would compress must not."""
    server = serve(deflate=deflate)
    assert server.ask("large", 100_000) == "ü🦙" * 200_000
    assert server.ask("say", ["ü" * 100_000, "!"]) == "ü" * 100_000 + "!"
    assert not any(server.state().get("extensions", []))


def test_many_small_events_with_and_without_deflate(serve: Serve) -> None:
    pieces = [f"{number} " for number in range(3000)]
    for deflate in (False, True):
        assert serve(deflate=deflate).ask("say", pieces) == "".join(pieces)


def test_a_question_too_long_for_the_server(serve: Serve) -> None:
    with pytest.raises(InvalidRequest, match="more than the 1000000 the server takes"):
        serve().ask("say", ["x" * 1_000_001])


def test_a_captcha(serve: Serve) -> None:
    with pytest.raises(CaptchaRequired) as caught:
        serve().ask("captcha")
    assert caught.value.code == "need_verify_captcha"


def test_a_reply_without_a_stream(serve: Serve) -> None:
    with pytest.raises(ProviderError) as caught:
        serve().ask("replied")
    assert caught.value.code == "message_replied"


@pytest.mark.parametrize("how", ["namespace", "connection", "socket"])
def test_a_kick_in_the_middle(serve: Serve, how: str) -> None:
    with pytest.raises((StreamTruncated, StreamInterrupted)) as caught:
        serve().ask("kick", how)
    assert caught.value.partial == "begun "


def test_events_with_bytes_are_passed_over(serve: Serve) -> None:
    assert serve().ask("bytes", PIECES) == TEXT


def test_a_demand_for_acknowledgement_is_met(serve: Serve) -> None:
    server = serve(fresh=True)
    assert server.ask("ack", PIECES) == TEXT
    assert server.state()["acks"] in ([[]], [None], [()])


# -- heartbeats ---------------------------------------------------------------


@pytest.mark.parametrize("interval", [500, 1000])
@pytest.mark.parametrize("deflate", [False, True])
def test_pings_while_the_client_settles(serve: Serve, interval: int, deflate: bool) -> None:
    server = serve(pingInterval=interval, pingTimeout=500, deflate=deflate)
    assert server.ask("say", PIECES, settle=2.2) == TEXT


@pytest.mark.parametrize("interval", [500, 1000, 1900])
def test_pings_while_the_server_is_slow(serve: Serve, interval: int) -> None:
    """python-socketio announces 1.9 seconds as 1, as if it pinged sooner."""
    server = serve(pingInterval=interval, pingTimeout=500)
    assert server.ask("say", ["one ", "two"], 2.5) == "one two"


@pytest.mark.parametrize("interval", [500, 1000])
def test_pings_while_the_caller_is_busy(serve: Serve, interval: int) -> None:
    stream = serve(pingInterval=interval, pingTimeout=500).chat("say", PIECES, 0.3)
    pieces = []
    for piece in stream:
        pieces.append(piece)
        if len(pieces) == 2:
            time.sleep(2.2)  # longer than the server waits for a pong
    assert pieces == PIECES


def test_pings_do_not_put_off_the_deadline(serve: Serve) -> None:
    server = serve(pingInterval=1000, pingTimeout=500)
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        server.ask("silence", timeout=1.5)
    assert time.monotonic() - began < 1.5 + 1000 * MS


def test_a_frozen_server_is_noticed_by_its_missing_pings(serve: Serve) -> None:
    server = serve(fresh=True, pingInterval=1000, pingTimeout=1000)
    stream = server.chat("say", ["one ", "two"], 0.5)
    assert next(stream) == "one "
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(StreamInterrupted, match="heartbeat has stopped"):
            list(stream)
        assert time.monotonic() - began < 3 + 1000 * MS
        assert stream.text == "one "
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


# -- opening and ending -------------------------------------------------------


def test_a_refused_namespace(serve: Serve) -> None:
    with pytest.raises(ProviderError) as caught:
        serve(refuse="no guests today").ask("say", PIECES)
    assert caught.value.code == "connect_error"
    assert "namespace /chat refused: no guests today" in str(caught.value)


def test_a_server_that_takes_polling_only(serve: Serve) -> None:
    # uvicorn knows no other refusal of a WebSocket than 403.
    with pytest.raises((ProviderError, AuthenticationError), match=r"HTTP 40[03]"):
        serve(transports=["polling"]).ask("say", PIECES)


def test_a_path_without_a_socket(serve: Serve) -> None:
    server = serve()
    provider = Myshell(f"{server.url}/elsewhere", settle=0)
    # npm's server hangs up without a word.
    with (
        Client(retry=Retry(attempts=1)) as client,
        pytest.raises((ProviderError, AuthenticationError, ConnectionFailed)),
    ):
        client.ask("Hi", provider=provider, timeout=PATIENCE)


@pytest.mark.parametrize("gently", [True, False])
def test_a_restart_of_the_server(
    request: pytest.FixtureRequest, serve: Serve, gently: bool
) -> None:
    """The stream is interrupted at once, and the next call finds the new server."""
    first = serve(fresh=True)
    stream = first.chat("say", ["one ", "two ", "three"], 2)
    assert next(stream) == "one "
    rest = Worker(lambda: list(stream))
    rest.blocks()
    stop(first.process, gently=gently)
    began = time.monotonic()
    rest.finish()
    assert isinstance(rest.error, StreamInterrupted | StreamTruncated)
    assert time.monotonic() - began < 1000 * MS
    with pytest.raises(ConnectionFailed):
        first.ask("say", PIECES)
    port = int(first.url.rpartition(":")[2])
    assert serve(fresh=True, port=port).ask("say", PIECES) == TEXT


def test_leaving_is_seen_by_the_server(serve: Serve) -> None:
    server = serve(fresh=True)
    with server.chat("say", ["one ", "two ", "three"], 1) as stream:
        next(stream)
    eventually(lambda: server.state()["left"], "the server sees it")


def test_cancel_from_another_thread(serve: Serve) -> None:
    stream = serve().chat("silence")
    worker = Worker(lambda: list(stream))
    worker.blocks()
    stream.cancel()
    worker.finish()
    assert type(worker.error).__name__ == "Cancelled"


def test_twenty_at_once(serve: Serve) -> None:
    server = serve(pingInterval=1000, pingTimeout=1000)
    with ThreadPoolExecutor(20) as pool:
        texts = list(pool.map(lambda _: server.ask("say", PIECES, 0.1), range(20)))
    assert texts == [TEXT] * 20

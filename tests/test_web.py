"""Answers for browsers: frames as the HTML standard has them, and a connection freed in time."""

from __future__ import annotations

import http.client
import io
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse
from typing import Any, TypeAlias
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from g4fsync import Client
from g4fsync.codecs.sse import SSEDecoder
from g4fsync.emulator import Cut, Emulator, HangBeforeHeaders, Stall, Status
from g4fsync.errors import InvalidRequest, RateLimited, StreamInterrupted
from g4fsync.events import Finish, Reasoning, ToolCall, Usage
from g4fsync.web import HEADERS, KEEP_ALIVE, frame, sse
from tests.fanout.lanes import Play
from tests.support.timing import FREED, MS, eventually

NEVER = 3600.0  # seconds; whoever waits them is ended early
SOON = 50 * MS
Event: TypeAlias = "tuple[str, Any]"

pytestmark = pytest.mark.usefixtures("no_leaks")


def received(body: Iterable[bytes]) -> list[Event]:
    """What a browser makes of *body*: each event's name and data."""
    decoder = SSEDecoder()
    return [
        (event.event, json.loads(event.data)) for piece in body for event in decoder.feed(piece)
    ]


# -- frames -------------------------------------------------------------


def test_an_answer_is_text_and_at_last_done() -> None:
    play = Play("Hel", Usage(3, 2, None), "lo", Finish("stop"))
    *texts, (name, done) = received(sse(play.stream))
    assert texts == [("message", {"text": "Hel"}), ("message", {"text": "lo"})]
    seconds = done.pop("seconds")
    assert 0 <= seconds < 10
    assert (name, done) == (
        "done",
        {
            "provider": "p",
            "model": "m",
            "finish_reason": "stop",
            "usage": {"input_tokens": 3, "output_tokens": 2},
        },
    )
    assert play.freed.is_set()


def test_each_piece_is_one_complete_event() -> None:
    for piece in sse(Play("a", "b", Finish("stop")).stream):
        assert piece.endswith(b"\n\n")
        assert piece.count(b"\n\n") == 1
    assert frame({"text": "Hi"}) == b'data: {"text":"Hi"}\n\n'
    assert frame({}, "done") == b"event: done\ndata: {}\n\n"


@pytest.mark.parametrize(
    "text",
    [
        "\n\n",
        "\r\n data: x\r\r",
        "event: error\ndata: {}\n\n",
        " leading and trailing ",
        "\x00\x1b\u2028\u2029\ufeff",
        "Здравствуй 你好 🙂",
        "half a \ud83d character",
    ],
)
def test_no_text_breaks_the_framing(text: str) -> None:
    assert received(sse(Play(text).stream))[:-1] == [("message", {"text": text})]


def test_thoughts_are_sent_to_who_asks_for_them_and_tool_calls_to_all() -> None:
    items = (Reasoning("Hm"), ToolCall("1", "look", '{"at":"sky"}'), Finish("tool_calls"))
    call = ("tool_call", {"id": "1", "name": "look", "arguments": '{"at":"sky"}'})
    assert received(sse(Play(*items).stream))[:-1] == [call]
    with_thoughts = received(sse(Play(*items).stream, reasoning=True))[:-1]
    assert with_thoughts == [("reasoning", {"text": "Hm"}), call]


def test_an_error_is_the_last_event_and_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "g4fsync.web"):
        events = received(sse(Play("a", RateLimited("slow down", status=429)).stream))
    assert events == [
        ("message", {"text": "a"}),
        ("error", {"type": "RateLimited", "message": "p: slow down", "retryable": True}),
    ]
    assert caplog.messages == ["the answer ended with RateLimited: p: slow down"]


def test_what_a_visitor_reads_of_an_error_is_the_application_s_choice() -> None:
    def sorry(error: Exception) -> str:
        return f"Sorry ({type(error).__name__})."

    (event,) = received(sse(Play(StreamInterrupted("secret")).stream, message=sorry))
    assert event[1]["message"] == "Sorry (StreamInterrupted)."


def test_what_is_no_error_of_ours_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(sse(Play(ZeroDivisionError()).stream))


def test_silence_is_a_comment_that_no_browser_shows() -> None:
    go_on = threading.Event()
    body = sse(Play(go_on, "a").stream, heartbeat=SOON)
    assert [next(body), next(body)] == [KEEP_ALIVE, KEEP_ALIVE]
    go_on.set()
    assert received([KEEP_ALIVE, *body])[0] == ("message", {"text": "a"})


def test_without_a_heartbeat_the_caller_s_thread_reads() -> None:
    play = Play("a")
    assert len(received(sse(play.stream, heartbeat=None))) == 2
    assert play.thread == threading.current_thread().name


@pytest.mark.parametrize("heartbeat", [0, -1, "15", float("inf") - float("inf")])
def test_a_wrong_heartbeat_is_refused_at_once(heartbeat: Any) -> None:
    with pytest.raises(InvalidRequest, match="heartbeat must be seconds above 0"):
        sse(Play("a").stream, heartbeat=heartbeat)


@pytest.mark.parametrize("heartbeat", [None, SOON])
def test_closing_the_response_frees_the_connection(heartbeat: float | None) -> None:
    play = Play("a", NEVER)
    body = sse(play.stream, heartbeat=heartbeat)
    assert received([next(body)]) in ([("message", {"text": "a"})], [])
    body.close()
    assert play.freed.is_set()


# -- behind a WSGI server -----------------------------------------------


@contextmanager
def serving(answer: Callable[[], Iterable[bytes]]) -> Iterator[int]:
    """The port of a WSGI server on this machine; each response is *answer*."""

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def get_stderr(self) -> Any:
            return io.StringIO()  # where it prints that the browser has left

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", list(HEADERS.items()))
        return answer()

    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def visiting(port: int) -> Iterator[HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/")
        with connection.getresponse() as response:  # which holds the socket too
            yield response
    finally:
        connection.close()


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    with Client("koala", base_urls=emulator.base_urls, retry=1) as client:
        yield client


def test_a_browser_gets_the_answer_as_it_comes(client: Client) -> None:
    with serving(lambda: sse(client.chat("Hi there"))) as port, visiting(port) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        events = received([response.read()])
    assert "".join(data["text"] for name, data in events[:-1]) == "You said: Hi there"
    assert (events[-1][0], events[-1][1]["provider"]) == ("done", "koala")


@pytest.mark.parametrize(
    ("fault", "kind"), [(Status(500), "ServerError"), (Cut(after_bytes=40), "StreamInterrupted")]
)
def test_a_browser_is_told_of_a_failure(
    client: Client, emulator: Emulator, fault: Any, kind: str
) -> None:
    emulator.koala.fault = fault
    with serving(lambda: sse(client.chat("Hi"))) as port, visiting(port) as response:
        *_, (name, data) = received([response.read()])
    assert (name, data["type"]) == ("error", kind)


@pytest.mark.parametrize(
    "fault", [HangBeforeHeaders(), Stall(after_bytes=40)], ids=["before", "amid"]
)
def test_a_browser_that_leaves_a_silent_answer_frees_the_provider_s_connection(
    client: Client, emulator: Emulator, fault: Any
) -> None:
    emulator.koala.fault = fault
    with ExitStack() as stack:
        port = stack.enter_context(serving(lambda: sse(client.chat("Hi"), heartbeat=SOON)))
        with visiting(port) as response:
            response.read(1)
            eventually(lambda: emulator.koala.requests)
            left = time.monotonic()
        # The first write after it may still succeed, the kernel has not been told yet.
        (request,) = emulator.koala.wait_ended()
        assert request.ended == "client gone"
        assert (request.ended_at or left) - left < 4 * SOON + FREED

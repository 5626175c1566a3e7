"""Answers byte by byte: complete, cut, stopped, in pieces, of several choices."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

import g4fsync
from g4fsync.compat import openai
from g4fsync.compat.openai import OpenAI
from tests.conftest import Serve
from tests.support.servers import Peer, Server, Talk
from tests.support.timing import MS, PATIENCE, Worker

HELLO = [{"role": "user", "content": "Hello"}]


def chunk(delta: dict[str, Any], reason: str | None = None, index: int = 0) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": reason}
    value = {"object": "chat.completion.chunk", "choices": [choice]}
    return b"data: %b\n\n" % json.dumps(value).encode()


def piece(arguments: str) -> bytes:
    function = {"name": "f", "arguments": arguments}
    call = {"index": 0, "id": "call_1", "type": "function", "function": function}
    return chunk({"tool_calls": [call]})


HI, STOP, DONE = chunk({"content": "Hi"}), chunk({}, "stop"), b"data: [DONE]\n\n"


def says(*pieces: bytes, length: int | None = None) -> Talk:
    """A stream of *pieces*; with a *length* it was to be longer."""

    def talk(peer: Peer) -> None:
        while peer.request():
            body = b"".join(pieces)
            size = len(body) if length is None else length
            peer.head("Content-Type: text/event-stream", f"Content-Length: {size}")
            peer.send(body)
            if length is not None:
                return

    return talk


def client_of(server: Server, **settings: Any) -> OpenAI:
    return OpenAI(**{"api_key": "k", "base_url": server.url, "max_retries": 0, **settings})


def streamed(client: OpenAI, **options: Any) -> Any:
    return client.chat.completions.create(model="m", messages=HELLO, stream=True, **options)


def texts(chunks: Any) -> list[str | None]:
    return [each.choices[0].delta.content for each in chunks]


@pytest.mark.parametrize("pieces", [(HI,), (HI, DONE), (HI, HI[:20])])
def test_an_answer_without_its_end_is_an_error(serve: Serve, pieces: tuple[bytes, ...]) -> None:
    came: list[str | None] = []
    with client_of(serve(says(*pieces))) as client:
        stream = streamed(client)
        with pytest.raises(openai.APIConnectionError) as caught:
            came.extend(each.choices[0].delta.content for each in stream)
        with pytest.raises(openai.APIConnectionError):
            next(stream)
    assert came == ["Hi"]
    assert isinstance(caught.value, g4fsync.StreamTruncated)
    assert caught.value.partial == "Hi"


def test_without_strict_it_ends_as_there(serve: Serve) -> None:
    with client_of(serve(says(HI, DONE)), strict=False) as client:
        assert texts(streamed(client)) == ["Hi"]
        assert texts(streamed(client.with_options(timeout=5))) == ["Hi"]


def test_a_reason_that_tells_of_a_failure_is_an_error(serve: Serve) -> None:
    server = serve(says(HI, chunk({}, "error"), DONE))
    with client_of(server) as client:
        stream = streamed(client)
        assert texts([next(stream), next(stream)]) == ["Hi", None]
        with pytest.raises(openai.APIError, match=r"the answer ended with 'error'$") as caught:
            next(stream)
    assert isinstance(caught.value, g4fsync.ServerError)
    with client_of(server, strict=False) as client:
        assert texts(streamed(client)) == ["Hi", None]


def test_a_connection_that_breaks_is_an_error_also_without_strict(serve: Serve) -> None:
    with client_of(serve(says(HI, length=1000)), strict=False) as client:
        stream = streamed(client)
        assert texts([next(stream)]) == ["Hi"]
        with pytest.raises(openai.APIConnectionError, match=r"^Connection error\.$") as caught:
            next(stream)
    assert isinstance(caught.value, g4fsync.StreamInterrupted)


def test_each_answer_asked_for_needs_its_end(serve: Serve) -> None:
    first = [HI, chunk({"content": "Ho"}, index=1), STOP]
    with client_of(serve(says(*first, DONE))) as client:
        stream = streamed(client, n=2)
        assert texts([next(stream), next(stream), next(stream)]) == ["Hi", "Ho", None]
        with pytest.raises(openai.APIConnectionError) as caught:
            next(stream)
    assert isinstance(caught.value, g4fsync.StreamTruncated)
    with client_of(serve(says(*first, chunk({}, "length", 1), DONE))) as client:
        chunks = list(streamed(client, n=2))
    assert [each.choices[0].finish_reason for each in chunks] == [None, None, "stop", "length"]


def test_pieces_of_a_call_are_there_as_they_come(serve: Serve) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.head("Content-Type: text/event-stream", "Connection: close")
        for each in (piece(""), piece('{"a"')):
            peer.send(each)
        peer.server.go.wait(PATIENCE)
        peer.send(piece(": 1}") + chunk({}, "tool_calls") + DONE)

    server = serve(talk)
    with client_of(server) as client:
        stream = streamed(client)
        for expected in ("", '{"a"'):
            call = next(stream).choices[0].delta.tool_calls[0]
            assert call.function.arguments == expected
        server.go.set()
        assert len(list(stream)) == 2


def test_calls_that_can_not_be_read_are_the_callers(serve: Serve) -> None:
    nameless = chunk({"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]})
    with client_of(serve(says(HI, nameless, chunk({}, "tool_calls"), DONE))) as client:
        chunks = list(streamed(client))
    assert chunks[1].choices[0].delta.tool_calls[0].function.arguments == "}"
    assert chunks[2].choices[0].finish_reason == "tool_calls"
    client = client_of(serve(says(HI, nameless, DONE)))
    with client, pytest.raises(openai.APIConnectionError):
        list(streamed(client))


def test_an_answer_is_stopped_from_another_thread(serve: Serve) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.head("Content-Type: text/event-stream", "Connection: close")
        peer.send(HI)
        peer.hold()

    server = serve(talk)
    with client_of(server) as client:
        stream = streamed(client)
        assert texts([next(stream)]) == ["Hi"]
        reading = Worker(lambda: next(stream))
        assert server.reached.wait(PATIENCE)
        stream.cancel()
        with pytest.raises(openai.OpenAIError) as caught:
            reading.result()
    assert isinstance(caught.value, g4fsync.Cancelled)
    assert openai.APIError not in type(caught.value).__mro__


def test_leaving_the_block_frees_the_connection(serve: Serve) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.head("Content-Type: text/event-stream", "Connection: close")
        peer.send(HI)
        peer.hold()

    server = serve(talk)
    with client_of(server) as client:
        with streamed(client) as stream:
            next(stream)
        server.wait_left()


@pytest.mark.parametrize("timeout", [200 * MS, openai.Timeout(5.0, read=200 * MS)])
def test_a_timeout_is_for_each_wait(serve: Serve, timeout: Any) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.head("Content-Type: text/event-stream", "Connection: close")
        peer.trickle(b": ping\n\n", 50 * MS)

    with client_of(serve(talk), timeout=timeout) as client:
        stream = streamed(client)  # the head of the answer has come
        with pytest.raises(openai.APITimeoutError, match=r"^Request timed out\.$") as caught:
            next(stream)
    assert isinstance(caught.value, g4fsync.DeadlineExceeded)
    assert isinstance(caught.value, TimeoutError)


def test_a_second_try_begins_anew(serve: Serve) -> None:
    tries = iter([chunk({"role": "assistant"}), chunk({"role": "assistant"}) + HI + STOP + DONE])

    def talk(peer: Peer) -> None:
        peer.request()
        body = next(tries)
        size = len(body) if b"stop" in body else 1000
        peer.head("Content-Type: text/event-stream", f"Content-Length: {size}")
        peer.send(body)

    with client_of(serve(talk), max_retries=1) as client:
        assert texts(streamed(client)) == [None, "Hi", None]


def test_a_complete_answer_in_place_of_a_stream_is_one_chunk(serve: Serve) -> None:
    function = {"name": "f", "arguments": "{}"}
    call = {"id": "call_1", "type": "function", "function": function}
    message = {"role": "assistant", "content": "Hi", "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    body = json.dumps({"object": "chat.completion", "choices": [choice]}).encode()

    def talk(peer: Peer) -> None:
        peer.request()
        peer.answer(body, "Content-Type: application/json", "Connection: close")

    with client_of(serve(talk)) as client:
        (only,) = streamed(client)
    assert only.object == "chat.completion.chunk"
    assert only.choices[0].delta.content == "Hi"
    assert only.choices[0].delta.tool_calls[0].index == 0
    assert only.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("body", [b'{"error": {"message": "No", "code": 7}}', b"[]", b"{"])
def test_what_is_no_answer_is_an_error(serve: Serve, body: bytes) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.answer(body, "Content-Type: application/json", "Connection: close")

    with client_of(serve(talk)) as client, pytest.raises(openai.APIError) as caught:
        client.chat.completions.create(model="m", messages=HELLO)
    if b"error" in body:
        assert (str(caught.value), caught.value.code) == ("No", "7")
    else:
        assert isinstance(caught.value, openai.APIResponseValidationError)


def test_threads_share_a_client(serve: Serve) -> None:
    with client_of(serve(says(HI, STOP, DONE))) as client:
        workers = [Worker(lambda: texts(streamed(client))) for _ in range(8)]
        assert [each.result() for each in workers] == [["Hi", None]] * 8
    assert threading.active_count() >= 1


EVENTS: list[dict[str, Any]] = [
    {"type": "response.created", "response": {"id": "r", "status": "in_progress", "output": []}},
    {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "delta": "Hi"},
]
COMPLETED = {
    "type": "response.completed",
    "response": {
        "id": "r",
        "status": "completed",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}],
    },
}


def told(*events: dict[str, Any]) -> Talk:
    return says(*(b"data: %b\n\n" % json.dumps(each).encode() for each in events))


def test_a_response_as_events(serve: Serve) -> None:
    with client_of(serve(told(*EVENTS, COMPLETED))) as client:
        events = list(client.responses.create(model="m", input="Hello", stream=True))
    assert [each.type for each in events] == [
        "response.created",
        "response.output_text.delta",
        "response.completed",
    ]
    assert events[1].delta == "Hi"
    assert events[2].response.output_text == "Hi"
    assert type(events[1]).__name__ == "ResponseTextDeltaEvent"


def test_a_response_without_its_final_event_is_an_error(serve: Serve) -> None:
    server = serve(told(*EVENTS))
    with client_of(server) as client:
        stream = client.responses.create(model="m", input="Hello", stream=True)
        assert [next(stream).type, next(stream).type][1] == "response.output_text.delta"
        with pytest.raises(openai.APIConnectionError) as caught:
            next(stream)
    assert isinstance(caught.value, g4fsync.StreamTruncated)
    with client_of(server, strict=False) as client:
        events = client.responses.create(model="m", input="Hello", stream=True)
        assert len(list(events)) == 2


def test_a_failed_response_is_handed_out_and_an_error(serve: Serve) -> None:
    failed = {
        "type": "response.failed",
        "response": {
            "id": "r",
            "status": "failed",
            "output": [],
            "error": {"code": "server_error", "message": "Sorry"},
        },
    }
    with client_of(serve(told(*EVENTS, failed))) as client:
        stream = client.responses.create(model="m", input="Hello", stream=True)
        events = [next(stream) for _ in range(3)]
        assert events[2].response.error.message == "Sorry"
        with pytest.raises(openai.APIError, match="Sorry") as caught:
            next(stream)
    assert isinstance(caught.value, g4fsync.ServerError)


def test_responses_are_for_the_server_at_base_url() -> None:
    with OpenAI() as client, pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="koala", input="Hello")
    assert str(caught.value) == (
        "'koala' does not speak the Responses API here; use chat.completions.create"
    )

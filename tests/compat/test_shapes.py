"""OpenAI's JSON to our values and back: each way undoes the other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from g4fsync import errors
from g4fsync.compat import chunks as chunk_shapes, shapes
from g4fsync.compat.chunks import Chunks
from g4fsync.compat.shapes import Question
from g4fsync.events import Event, Finish, Reasoning, Text, ToolCall, Usage
from g4fsync.messages import ChatResult, Image, Message, as_messages

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
counts = st.none() | st.integers(0, 10**9)
calls = st.builds(ToolCall, texts, texts, st.sampled_from(["{}", '{"city": "Oslo"}', "no JSON"]))
usages = st.builds(
    Usage,
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    cached_tokens=counts,
    reasoning_tokens=counts,
)
images = st.builds(Image, url=st.just("https://example.com/a.png")) | st.builds(
    Image,
    content=st.just(b"\x89PNG\r\n\x1a\n"),
    media_type=st.just("image/png"),
    detail=st.sampled_from([None, "low"]),
)
turns = st.one_of(
    st.builds(Message, st.just("system"), texts),
    st.builds(Message, st.just("user"), texts, name=st.none() | texts),
    st.tuples(texts, images).map(lambda both: Message("user", both[0], parts=both)),
    st.builds(Message, st.just("assistant"), texts, tool_calls=st.tuples(calls)),
    st.builds(Message, st.just("assistant"), texts, extra=st.just({"reasoning_content": "hm"})),
    st.builds(Message, st.just("tool"), texts, tool_call_id=texts),
)
option_values = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "max_tokens": st.integers(1, 10**6),
        "stop": texts | st.lists(texts, min_size=1, max_size=3),
        "seed": st.integers(),
        "tools": st.just([{"type": "function", "function": {"name": "f"}}]),
        "tool_choice": st.sampled_from(["auto", "none"]),
        "response_format": st.just({"type": "json_object"}),
        "reasoning_effort": st.sampled_from(["low", "high"]),
    },
)


def as_sent(value: Any) -> Any:
    return json.loads(json.dumps(value))


@given(
    st.lists(turns, min_size=1, max_size=4).map(lambda ms: (*ms, Message("user", "?"))),
    texts,
    option_values,
    st.booleans(),
    st.booleans(),
)
def test_a_question_comes_back_from_its_body(
    messages: tuple[Message, ...], model: str, options: dict[str, Any], stream: bool, usage: bool
) -> None:
    asked = Question(as_messages(messages), model, options, stream, usage)
    assert shapes.question(as_sent(shapes.body(asked))) == asked


@given(texts | st.just(""), texts | st.just(""), st.lists(calls, max_size=3), st.none() | usages)
def test_a_result_comes_back_from_its_completion(
    text: str, reasoning: str, called: list[ToolCall], usage: Usage | None
) -> None:
    result = ChatResult(text, reasoning, tuple(called), usage, "stop", model="m")
    value = as_sent(shapes.completion(result, id="chatcmpl-1", created=17))
    assert shapes.result(value) == result
    assert (value["id"], value["created"], value["object"]) == ("chatcmpl-1", 17, "chat.completion")


pieces = st.one_of(
    texts.map(Text), texts.map(Reasoning), calls.filter(lambda call: bool(call.arguments))
)


@given(st.lists(pieces, max_size=8), st.none() | usages, st.sampled_from(["stop", "length"]))
def test_events_come_back_from_their_chunks(
    told: list[Event], usage: Usage | None, reason: str
) -> None:
    chunks = Chunks(id="chatcmpl-1", created=17, model="m", include_usage=True)
    ends: list[Event] = [Finish(reason, reason), *([usage] if usage else [])]
    sent = [chunk for event in [*told, *ends] for chunk in chunks.of(event)] + chunks.end()
    back = list(chunk_shapes.events(as_sent(sent)))
    # Calls are complete only at the end.
    said = [each for each in told if not isinstance(each, ToolCall)]
    called = [each for each in told if isinstance(each, ToolCall)]
    expected = [each.text if isinstance(each, Text) else each for each in said]
    assert back == [*expected, *([usage] if usage else []), *called, Finish(reason, reason)]


def test_the_chunks_of_an_answer() -> None:
    chunks = Chunks(id="chatcmpl-1", created=17, model="koala")
    sent = [*chunks.of("Hi"), *chunks.of(Finish("", None)), *chunks.end()]
    frame = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 17,
        "model": "koala",
    }

    def choice(delta: dict[str, Any], reason: str | None) -> dict[str, Any]:
        return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}

    assert sent == [
        {**frame, "choices": [choice({"role": "assistant", "content": ""}, None)]},
        {**frame, "choices": [choice({"content": "Hi"}, None)]},
        {**frame, "choices": [choice({}, "stop")]},
    ]


def test_chunks_without_a_reason_are_a_cut_answer() -> None:
    chunks = Chunks(id="chatcmpl-1", created=17, model="m")
    events = chunk_shapes.events(chunks.of("Hi"))
    assert next(events) == "Hi"
    with pytest.raises(errors.StreamTruncated, match=r"^the chunks end without a finish reason$"):
        next(events)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"n": 2}, "n=2 can't be asked of this provider"),
        ({"logit_bias": {"1": 2}}, "logit_bias={'1': 2} can't be asked of this provider"),
        ({"store": True}, "store=True can't be asked of this provider"),
        ({"stream_options": {"x": 1}}, "stream_options has no 'x'"),
        ({"model": ""}, "model must be a str, got ''"),
        (
            {"max_tokens": 1, "max_completion_tokens": 2},
            "max_tokens and max_completion_tokens differ",
        ),
    ],
)
def test_what_no_option_stands_for_is_refused(more: dict[str, Any], message: str) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **more}
    with pytest.raises(errors.InvalidRequest) as caught:
        shapes.question(body)
    assert str(caught.value) == message


def test_what_says_nothing_more_is_no_option() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "n": 1, "store": False}
    assert shapes.question({**body, "user": None}).options == {}


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (errors.InvalidRequest("no"), 400, "invalid_request_error"),
        (errors.AuthenticationError("no", status=401), 401, "authentication_error"),
        (errors.RateLimited("no", status=429), 429, "rate_limit_error"),
        (errors.ServerError("no", status=503), 503, "upstream_error"),
        (errors.ServerError("no", status=200), 502, "upstream_error"),
        (errors.DeadlineExceeded("no"), 504, "timeout"),
        (errors.StreamTruncated("no"), 502, "upstream_error"),
    ],
)
def test_an_error_has_a_status_and_a_body(
    error: errors.G4FSyncError, status: int, kind: str
) -> None:
    body = {"error": {"message": "no", "type": kind, "param": None, "code": None}}
    assert shapes.error(error) == (status, body)


def test_what_is_no_completion_is_a_protocol_error() -> None:
    with pytest.raises(errors.ProtocolError, match=r"^expected a chat completion$"):
        shapes.result({"choices": []})
    with pytest.raises(errors.ProtocolError, match=r"^expected a chunk of an answer$"):
        list(chunk_shapes.events([{"choices": [{"delta": {"tool_calls": [{}]}}]}]))

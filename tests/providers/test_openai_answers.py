"""Answers as servers write them that are not OpenAI's own, in the fast path and the plain one."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from g4fsync.errors import (
    DeadlineExceeded,
    G4FSyncError,
    ServerError,
    StreamInterrupted,
    StreamTruncated,
)
from g4fsync.events import Event, Finish, ProviderData, Reasoning, Text, ToolCall, Usage
from g4fsync.providers.openai import OpenAI
from g4fsync.providers.openai_answers import plain_text
from g4fsync.providers.openai_usage import usage
from g4fsync.settings import Timeout
from g4fsync.testing import ScriptedTransport, chat
from tests.support.wire import JSON, Wire, joined

ASK = "POST /chat/completions"
LOCAL = "http://h/v1"
WIRE = Wire(OpenAI(LOCAL), ASK, "text/event-stream")
STOP = Finish("stop", "stop")
COUNTED = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
USAGE = Usage(5, 2, 7)
DONE = b"data: [DONE]\n\n"


def delta(finish: Any = None, **members: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": members, "finish_reason": finish}]}


def text(content: Any, finish: Any = None) -> dict[str, Any]:
    return delta(finish, content=content)


def call(index: int, id: str, arguments: str, finish: Any = None) -> dict[str, Any]:
    function = {"name": f"f{index}", "arguments": arguments}
    return delta(finish, tool_calls=[{"index": index, "id": id, "function": function}])


def more(index: int, arguments: str, finish: Any = None) -> dict[str, Any]:
    return delta(finish, tool_calls=[{"index": index, "function": {"arguments": arguments}}])


def message(finish: Any = "stop", **members: Any) -> dict[str, Any]:
    choice = {"finish_reason": finish, "message": {"role": "assistant", **members}}
    return {"object": "chat.completion", "choices": [choice]}


def sse(*values: object, done: bool = True) -> bytes:
    body = b"".join(b"data: %b\n\n" % json.dumps(value).encode() for value in values)
    return body + DONE if done else body


def read(answer: bytes) -> list[Event]:
    """The events of *answer*, which are the same for any cutting; texts put together."""
    events = joined(WIRE.events(answer))
    for size in (1, 7):
        pieces: list[bytes | BaseException] = [
            answer[i : i + size] for i in range(0, len(answer), size)
        ]
        assert joined(list(stream(*pieces).events())) == events
    return [event for event in events if not isinstance(event, ProviderData)]


def stream(*pieces: bytes | BaseException, timeout: Timeout | None = None) -> Any:
    transport = ScriptedTransport({ASK: list(pieces)})
    return chat(OpenAI(LOCAL), "Hi", transport, model="m", timeout=timeout)


CALL_0, CALL_1 = ToolCall("a", "f0", '{"x": 1}'), ToolCall("b", "f1", "{}")
CALLED = Finish("tool_calls", "tool_calls")

ANSWERS: dict[str, tuple[bytes, list[Event]]] = {
    "a finish in every chunk": (
        sse(text("I am", "stop"), text(" a large", "stop"), text(" model.", "stop")),
        [Text("I am a large model."), STOP],
    ),
    "a finish in every chunk, no DONE": (
        sse(text("The", "stop"), text(" lighthouse", "stop"), done=False),
        [Text("The lighthouse"), STOP],
    ),
    "text behind a finish that came alone": (
        sse(text("I am"), delta("stop"), text(" a model"), done=False),
        [Text("I am a model"), STOP],
    ),
    "the last reason counts": (
        sse(text("I am", "stop"), text(" a", "length")),
        [Text("I am a"), Finish("length", "length")],
    ),
    "a finish before the text, with a thought": (
        sse(delta("stop", reasoning="Hm"), text("Hi")),
        [Reasoning("Hm"), Text("Hi"), STOP],
    ),
    "the reasons null and an empty one are none": (
        sse(text("I", "null"), text(" am", ""), delta("stop"), delta("null"), delta("")),
        [Text("I am"), STOP],
    ),
    "an empty reason and then usage": (
        sse(text("Hi", ""), {"choices": [], "usage": COUNTED}),
        [Text("Hi"), USAGE, Finish("")],
    ),
    "no reason, then usage": (
        sse(text("Hi"), {"choices": [], "usage": COUNTED}),
        [Text("Hi"), USAGE, Finish("")],
    ),
    "no reason, usage beside the last text": (
        sse(text("Hi") | {"usage": COUNTED}),
        [Text("Hi"), USAGE, Finish("")],
    ),
    "calls without a reason, then usage in a chunk with an empty text": (
        sse(call(0, "a", '{"x": 1}'), text("") | {"usage": COUNTED}),
        [CALL_0, USAGE, Finish("")],
    ),
    "an audio answer": (
        sse(
            delta(content=None, audio={"id": "x", "transcript": "Hello"}),
            {"object": "chat.completion.chunk", "usage": None},
            {"choices": [], "usage": COUNTED},
            {"choices": [{"index": 0, "delta": {"audio": {"expires_at": 1}}}], "usage": None},
        ),
        [USAGE, Finish("")],
    ),
    "a call and a finish in each chunk": (
        sse(call(0, "a", '{"x": 1}', "tool_calls"), call(1, "b", "{}", "tool_calls")),
        [CALL_0, CALL_1, CALLED],
    ),
    "a finish with each piece of a call": (
        sse(call(0, "a", "", "tool_calls"), more(0, '{"x"', "tool_calls"), more(0, ": 1}", "stop")),
        [CALL_0, Finish("tool_calls", "stop")],
    ),
    "a call behind a finish that came alone": (
        sse(call(0, "a", '{"x": 1}'), delta("tool_calls"), call(1, "b", "{}"), delta("tool_calls")),
        [CALL_0, CALL_1, CALLED],
    ),
    "text behind a call's finish": (
        sse(call(0, "a", '{"x": 1}', "tool_calls"), text("Hi", "stop")),
        [CALL_0, Text("Hi"), Finish("tool_calls", "stop")],
    ),
    "the older way to call a function": (
        sse(
            delta(function_call={"name": "f", "arguments": ""}),
            delta(function_call={"arguments": '{"x"'}),
            delta(function_call={"arguments": ": 1}"}),
            delta("function_call"),
        ),
        [ToolCall("call_0", "f", '{"x": 1}'), Finish("tool_calls", "function_call")],
    ),
    "a function call that is empty": (
        sse(delta(content="Hi", function_call={"name": "", "arguments": ""}), delta("stop")),
        [Text("Hi"), STOP],
    ),
    "a closing message repeats": (
        sse(text("Hello"), text(" there"), message(content="Hello there")),
        [Text("Hello there"), STOP],
    ),
    "a closing message repeats thoughts and calls": (
        sse(
            delta(reasoning_content="Hm"),
            call(0, "a", '{"x": 1}'),
            message(
                "tool_calls",
                content="",
                reasoning_content="Hm",
                tool_calls=[{"id": "z", "function": {"name": "f0", "arguments": '{"x": 1}'}}],
            ),
        ),
        [Reasoning("Hm"), CALL_0, CALLED],
    ),
    "a closing message says what no delta did": (
        sse(delta(reasoning_content="Hm"), message(content="Hi", reasoning_content="Hm")),
        [Reasoning("Hm"), Text("Hi"), STOP],
    ),
    "messages in place of deltas": (
        sse(
            {"choices": [{"message": {"content": "Hel"}}]},
            {"choices": [{"message": {"content": "lo"}}]},
            delta("stop"),
        ),
        [Text("Hello"), STOP],
    ),
    "a token that is a digit, as a number": (
        sse(text("about "), text(0), text(" K, see ["), text(1), text("]. "), text(1.5), done=False)
        + sse(text(None), delta("stop")),
        [Text("about 0 K, see [1]. 1.5"), STOP],
    ),
    "a token that is a word of JSON": (
        sse(text(True), text(" or "), text(False), delta("stop")),
        [Text("true or false"), STOP],
    ),
    "an object as text": (sse(text({"a": 1}), delta("stop")), [Text('{"a": 1}'), STOP]),
    "an array as text": (
        sse(text([1, {"é": [2]}]), delta("stop")),
        [Text('[1, {"é": [2]}]'), STOP],
    ),
    "two text parts, and one without a type": (
        sse(
            text([{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]),
            text([{"text": " there"}, " you", {"type": "image_url"}]),
            delta("stop"),
        ),
        [Text("Hello there you"), STOP],
    ),
    "blank data between chunks, and a ping": (
        b"data:\n\n" + sse(text("Hi"), done=False) + b"data: \n\nevent: ping\ndata: \n\n"
        b'event: ping\ndata: {"type": "ping"}\n\n' + sse(delta("stop")),
        [Text("Hi"), STOP],
    ),
    "reasoning details": (
        sse(
            delta(content="", reasoning_details=[{"type": "reasoning.text", "text": "h"}]),
            delta(reasoning_details=[{"type": "reasoning.summary", "summary": "m"}]),
            delta(reasoning_details=[{"type": "reasoning.encrypted", "data": "xyz"}]),
            delta(reasoning_details=[{"type": "reasoning.text", "text": None, "signature": "s"}]),
            text("Hi", "stop"),
        ),
        [Reasoning("hm"), Text("Hi"), STOP],
    ),
    "reasoning details beside reasoning": (
        sse(
            delta(
                reasoning="hm",
                reasoning_content="hm",
                reasoning_details=[{"type": "reasoning.text", "text": "hm"}],
            ),
            text("Hi", "stop"),
        ),
        [Reasoning("hm"), Text("Hi"), STOP],
    ),
    "reasoning in a shape of its own, details beside it": (
        sse(
            delta(reasoning={"effort": "low"}, reasoning_details=[{"text": "hm"}, 5]),
            text("Hi", "stop"),
        ),
        [Reasoning("hm"), Text("Hi"), STOP],
    ),
    "side fields in any shape": (
        sse(
            delta(content="H", reasoning={"a": 1}, reasoning_details={"b": 2}, annotations=[{}]),
            delta(content="i", reasoning_content=False, audio=5, logprobs="x", tool_calls=None),
            {"choices": [{"delta": {}, "finish_reason": "stop", "logprobs": [1], "usage": "much"}]},
            {"choices": None, "usage": [1], "x_groq": "y"},
            {"choices": [None], "usage": {"prompt_tokens": "5", "prompt_tokens_details": [1]}},
        ),
        [Text("Hi"), Usage(), STOP],
    ),
    "usage inside the choice": (
        sse(text("Hi"), {"choices": [{"delta": {}, "finish_reason": "stop", "usage": COUNTED}]}),
        [Text("Hi"), USAGE, STOP],
    ),
    "usage behind a finish with text": (
        sse(text("Hi", "stop"), {"choices": [], "usage": COUNTED}, done=False),
        [Text("Hi"), USAGE, STOP],
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_of_other_servers(name: str) -> None:
    answer, events = ANSWERS[name]
    assert read(answer) == events


@pytest.mark.parametrize(
    "answer",
    [
        sse(text("Hi")),
        sse(text("Hi"), {"choices": [], "usage": None}),
        sse(text("Hi"), {"choices": [], "usage": COUNTED}, done=False),
        sse({"choices": [], "usage": COUNTED}, text("Hi")),
        sse(delta(role="assistant", content=""), {"choices": [], "usage": COUNTED}),
        sse(text("Hi") | {"usage": COUNTED}, text("Ho") | {"usage": COUNTED}),
        sse(call(0, "a", '{"x"', "")),
    ],
)
def test_without_a_reason_only_usage_at_the_end_and_done_are_an_end(answer: bytes) -> None:
    error = WIRE.error(answer)
    assert type(error) is StreamTruncated


@pytest.mark.parametrize(
    "media_type", ["", "text/event-stream", "application/json", "text/plain", "text/html"]
)
def test_the_content_type_does_not_matter(media_type: str) -> None:
    headers = {"content-type": media_type}
    whole = message(content="Hi") | {"usage": COUNTED}
    for answer in (sse(whole), json.dumps(whole).encode(), json.dumps(whole, indent=2).encode()):
        assert WIRE.events(answer, headers=headers) == [Text("Hi"), USAGE, STOP]


def test_a_plain_json_answer_without_a_reason_is_complete_with_its_usage() -> None:
    answer = message("", content="Hi") | {"usage": COUNTED}
    assert WIRE.events(json.dumps(answer).encode(), headers=JSON) == [Text("Hi"), USAGE, Finish("")]


@pytest.mark.parametrize("reason", ["network_error", "user_cancelled", "engine_timeout", "FAILED"])
def test_a_reason_that_tells_of_a_failure_is_an_error_with_the_text(reason: str) -> None:
    with pytest.raises(ServerError, match=f"ended with '{reason}'") as caught:
        stream(sse(text("The first three steps are"), text("", reason))).result()
    assert (caught.value.partial, caught.value.code) == ("The first three steps are", reason)


@pytest.mark.parametrize(
    "before",
    [
        [text("I am", "stop")],
        [text("I am"), delta("stop"), text(" a model")],
        [text("I am", "stop"), text(" a model", "stop")],
        [call(0, "a", "{}", "tool_calls")],
        [call(0, "a", "{}"), delta("tool_calls"), call(1, "b", "")],
        [delta("stop"), text("I am")],
    ],
)
def test_a_body_that_breaks_where_more_may_follow_is_cut(before: list[Any]) -> None:
    with pytest.raises(StreamInterrupted):
        stream(sse(*before, done=False), StreamInterrupted("cut")).result()


@pytest.mark.parametrize(
    ("before", "events"),
    [
        ([text("Hi"), delta("stop")], [Text("Hi"), STOP]),
        ([text("Hi"), text("", "stop")], [Text("Hi"), STOP]),
        ([call(0, "a", '{"x": 1}'), delta("tool_calls")], [CALL_0, CALLED]),
        ([text("I am", "stop"), text("!"), delta("stop")], [Text("I am!"), STOP]),
    ],
)
def test_a_body_that_breaks_after_a_finish_alone_is_complete(
    before: list[Any], events: list[Event]
) -> None:
    found = list(stream(sse(*before, done=False), StreamInterrupted("cut")).events())
    assert joined(found) == events


IDLE = DeadlineExceeded("late", clock="idle")


def test_silence_after_a_finish_with_a_complete_call_ends_the_answer() -> None:
    answer = sse(call(0, "a", '{"x": 1}', "tool_calls"), done=False)
    assert list(stream(answer, IDLE).events()) == [CALL_0, CALLED]


@pytest.mark.parametrize(
    "last", [call(0, "a", '{"x"', "tool_calls"), call(0, "a", "", "tool_calls")]
)
def test_silence_after_a_finish_with_half_a_call_does_not(last: dict[str, Any]) -> None:
    with pytest.raises(G4FSyncError) as caught:
        stream(sse(last, done=False), IDLE).result()
    assert caught.value is IDLE


def test_a_tag_that_may_have_begun_is_not_lost_with_a_finish() -> None:
    wire = Wire(OpenAI(LOCAL, think_tags=True), ASK, "text/event-stream")
    answer = sse(text("<th", "stop"), text("ink>Hm</think>Hi <", "stop"))
    assert joined(wire.events(answer)) == [Reasoning("Hm"), Text("Hi <"), STOP]


def test_more_for_a_call_that_was_given_is_an_error() -> None:
    given = sse(call(0, "a", "{}"), delta("tool_calls"), more(0, '{"x": 1}'))
    assert "more arguments for a complete tool call" in str(WIRE.error(given))


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        ({"num_cached_tokens": 3}, Usage(cached_tokens=3)),
        ({"cached_tokens": 0}, Usage(cached_tokens=0)),
        ({"prompt_cache_hit_tokens": 3}, Usage(cached_tokens=3)),
        (
            {"prompt_tokens_details": {"cached_tokens": 2}, "cached_tokens": 3},
            Usage(cached_tokens=2),
        ),
        (
            {"prompt_tokens": 291, "completion_tokens": 26, "total_tokens": 506}
            | {"completion_tokens_details": {"reasoning_tokens": 189}},
            Usage(291, 215, 506, None, 189),
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 9, "total_tokens": 19}
            | {"completion_tokens_details": {"reasoning_tokens": 5}},
            Usage(10, 9, 19, None, 5),
        ),
        ({"completion_tokens_details": "none", "total_tokens": True}, Usage()),
    ],
)
def test_usage(counted: dict[str, Any], expected: Usage) -> None:
    assert usage(counted) == expected


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        (text("Hi"), "Hi"),
        (text("Hi") | {"usage": None}, "Hi"),
        (text("Hi") | {"usage": COUNTED}, ""),
        (text("Hi") | {"error": None}, ""),
        (text("Hi") | {"x_groq": {}}, ""),
        (text("Hi", "stop"), ""),
        (text(0), ""),
        (delta(content="Hi", role="assistant", reasoning=None, refusal=""), "Hi"),
        (delta(content="Hi", reasoning="Hm"), ""),
        (delta(content="Hi", audio={"id": "x"}), ""),
        ({"choices": [text("Hi")["choices"][0]] * 2}, ""),
        ({"choices": [{"index": 1, "delta": {"content": "Hi"}}]}, ""),
        ({"choices": [{"delta": None}]}, ""),
        ({"choices": [None]}, ""),
        ({"choices": []}, ""),
        ({}, ""),
    ],
)
def test_only_a_chunk_of_text_and_nothing_else_takes_the_short_way(
    chunk: dict[str, Any], expected: str
) -> None:
    assert plain_text(chunk) == expected


def test_what_is_left_out_is_told_at_debug_level(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "g4fsync.providers"):
        WIRE.events(sse(delta("stop", content="Hi", reasoning={"secret": 1})))
    assert [record.message for record in caplog.records if record.name == "g4fsync.providers"] == [
        "left out: reasoning of type dict"
    ]

"""Answers of the Responses API: every event, the end, the errors, what repeats."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from g4fsync.errors import (
    AuthenticationError,
    ContentFiltered,
    G4FSyncError,
    ProtocolError,
    ProviderError,
    RateLimited,
    ServerError,
    StreamTruncated,
)
from g4fsync.events import Event, Finish, ProviderData, Reasoning, Text, ToolCall, Usage
from g4fsync.messages import ChatResult
from g4fsync.providers.openai import OpenAI
from g4fsync.providers.openai_responses_answers import ResponseReader
from g4fsync.testing import Reply, ScriptedTransport, chat
from tests.support import responses as r
from tests.support.wire import JSON, Wire, joined

ASK = "POST /responses"
PROVIDER = OpenAI("http://127.0.0.1:8080", api="responses")
WIRE = Wire(PROVIDER, ASK, "text/event-stream")

STOP = Finish("stop", "completed")
CALLS = Finish("tool_calls", "completed")


def events(*values: Any, named: bool = True) -> list[Event]:
    return WIRE.events(r.stream(*values, named=named))


def result(*values: Any) -> ChatResult:
    transport = ScriptedTransport({ASK: Reply([r.stream(*values)], headers=WIRE.headers)})
    return chat(PROVIDER, "Hi", transport, model="m").result()


GREETING = r.numbered(
    r.created(),
    {**r.created(), "type": "response.in_progress"},
    r.added(r.message("", content=[], status="in_progress")),
    {"type": "response.content_part.added", "part": {"type": "output_text", "text": ""}},
    r.text("Grüß", obfuscation="x7", logprobs=[]),
    r.text(" Gott 🦙", obfuscation="k"),
    {"type": "response.output_text.done", "text": "Grüß Gott 🦙"},
    {"type": "response.content_part.done", "part": {"type": "output_text", "text": "Grüß Gott 🦙"}},
    r.done(r.message("Grüß Gott 🦙")),
    r.final(r.message("Grüß Gott 🦙"), usage=r.usage(9, 4, 3, 2)),
)
GREETED: list[Event] = [Text("Grüß"), Text(" Gott 🦙"), Usage(9, 4, 13, 3, 2), STOP]


def test_text_usage_and_the_end() -> None:
    assert events(*GREETING) == GREETED


def test_names_of_events_and_a_done_at_the_end_make_no_difference() -> None:
    assert events(*GREETING, named=False) == GREETED
    assert WIRE.events(r.stream(*GREETING) + b"data: [DONE]\n\n") == GREETED


# Of each kind of event one, and nothing that makes the tests below slow.
SHORT = r.stream(
    {"type": "response.created", "response": {"error": None}},
    {"type": "response.reasoning_summary_text.delta", "delta": "hm"},
    r.text("Grüß"),
    {"type": "response.output_text.delta", "delta": " 🦙"},
    r.done({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}),
    {"type": "response.completed", "response": {"usage": {"input_tokens": 1}}},
)
SHORT_EVENTS: list[Event] = [
    Reasoning("hm"),
    Text("Grüß 🦙"),
    ToolCall("c", "f", "{}"),
    Usage(1, None, None, None, None),
    CALLS,
]


def test_cut_in_two_at_every_byte_it_is_the_same() -> None:
    for each in WIRE.in_two_pieces(SHORT):
        assert joined(each) == SHORT_EVENTS


def test_cut_off_at_every_byte_it_is_never_complete() -> None:
    body = SHORT
    for length, outcome in WIRE.cut_off(body):
        # The last blank line apart, there is nothing that could be missing.
        assert isinstance(outcome, StreamTruncated), (length, outcome)


def test_without_numbers_and_indexes_as_llama_cpp_sends_it() -> None:
    assert events(
        {"type": "response.created", "response": {"id": "r", "object": "response"}},
        {"type": "response.output_item.added", "item": {"type": "message", "id": "m"}},
        {"type": "response.output_text.delta", "item_id": "m", "delta": "Hi"},
        {"type": "response.output_text.done", "item_id": "m", "text": "Hi"},
        {"type": "response.output_item.done", "item": r.message("Hi")},
        {**r.final(r.message("Hi")), "timings": {"predicted_n": 1}},
    ) == [Text("Hi"), STOP]


# -- what repeats -----------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        [{"type": "response.output_text.done", "text": "Hi"}, r.final()],
        [r.done(r.message("Hi")), r.final(r.message("Hi"))],
        [r.final(r.message("Hi"))],
        [r.text("Hi"), r.final(r.message("Hi"))],
        [{"type": "response.output_text.done", "text": "Hi"}, r.done(r.message("Hi")), r.final()],
    ],
)
def test_text_that_came_by_any_one_event_counts_once(values: list[Any]) -> None:
    assert events(*values) == [Text("Hi"), STOP]


def test_several_parts_and_messages_each_once() -> None:
    assert events(
        r.text("A"),
        {"type": "response.output_text.done", "text": "A"},
        {"type": "response.output_text.done", "text": "B"},
        r.done(r.message("AB")),
        r.done(r.message("C")),
        r.final(r.message("AB"), r.message("C")),
    ) == [Text("A"), Text("B"), Text("C"), STOP]


def test_messages_of_which_only_pieces_came_are_not_repeated_at_the_end() -> None:
    values = r.text("A"), r.text("B"), r.final(r.message("A"), r.message("B"))
    assert events(*values) == [Text("A"), Text("B"), STOP]


def test_a_refusal_is_text() -> None:
    item = r.message("", content=[{"type": "refusal", "refusal": "No, sorry"}])
    assert events(
        {"type": "response.refusal.delta", "delta": "No, "},
        {"type": "response.refusal.delta", "delta": "sorry"},
        {"type": "response.refusal.done", "refusal": "No, sorry"},
        r.done(item),
        r.final(item),
    ) == [Text("No, "), Text("sorry"), STOP]
    assert events(r.final(item)) == [Text("No, sorry"), STOP]


@pytest.mark.parametrize(
    "kind",
    ["reasoning_summary_text", "reasoning_text", "reasoning", "reasoning_summary"],
)
def test_reasoning_by_each_of_its_events(kind: str) -> None:
    assert events(
        {"type": f"response.{kind}.delta", "delta": "hm"},
        {"type": f"response.{kind}.delta", "delta": " so"},
        {"type": f"response.{kind}.done", "text": "hm so"},
        r.done(r.reasoning(None, "hm so")),
        r.text("Hi"),
        r.final(),
    ) == [Reasoning("hm"), Reasoning(" so"), Text("Hi"), STOP]


def test_reasoning_that_came_only_complete() -> None:
    summed = r.reasoning(None, "one", "two")
    open_model = r.reasoning(None, content=[{"type": "reasoning_text", "text": "three"}])
    assert events(r.done(summed), r.done(open_model), r.final(summed, open_model)) == [
        Reasoning("one"),
        Reasoning("two"),
        Reasoning("three"),
        STOP,
    ]


# -- calls ------------------------------------------------------------------


def pieces(*texts: str, **place: Any) -> list[dict[str, Any]]:
    kind = "response.function_call_arguments"
    return [
        *({"type": f"{kind}.delta", "delta": text, **place} for text in texts),
        {"type": f"{kind}.done", "arguments": "".join(texts), **place},
    ]


def test_calls_whose_arguments_come_in_pieces_each_at_its_item() -> None:
    first, second = r.call(), r.call("g", '{"b": 2}', id="fc_2", call_id="call_2")
    assert events(
        r.added(first | {"arguments": ""}, 0),
        r.added(second | {"arguments": ""}, 1),
        *pieces('{"a"', ": 1}", output_index=0, item_id="fc_1"),
        *pieces('{"b": ', "2}", output_index=1, item_id="fc_2"),
        r.done(first, 0),
        r.done(second, 1),
        r.final(first, second),
    ) == [ToolCall("call_1", "f", '{"a": 1}'), ToolCall("call_2", "g", '{"b": 2}'), CALLS]


@pytest.mark.parametrize(
    "place",
    [{}, {"output_index": 0}, {"item_id": "fc_1"}, {"output_index": 0, "item_id": "changed"}],
)
def test_pieces_find_their_call_by_whatever_names_it(place: dict[str, Any]) -> None:
    begun = r.added(r.call(arguments=""))
    assert events(begun, *pieces('{"a"', ": 1}", **place), r.final()) == [
        ToolCall("call_1", "f", '{"a": 1}'),
        CALLS,
    ]


def test_ids_of_items_that_change_from_event_to_event() -> None:
    assert events(
        r.added(r.call(arguments="", id="a")),
        *pieces('{"a": 1}', output_index=0, item_id="b"),
        r.done(r.call(id="c")),
        r.final(r.call(id="d")),
    ) == [ToolCall("call_1", "f", '{"a": 1}'), CALLS]


def test_items_that_are_all_numbered_0() -> None:
    first, second = r.call(id="a"), r.call("g", id="b", call_id="call_2")
    assert events(r.added(first), r.done(first), r.added(second), r.done(second), r.final()) == [
        ToolCall("call_1", "f", '{"a": 1}'),
        ToolCall("call_2", "g", '{"a": 1}'),
        CALLS,
    ]


def test_a_call_that_only_the_end_tells() -> None:
    assert events(r.text("Hi"), r.final(r.message("Hi"), r.call())) == [
        Text("Hi"),
        ToolCall("call_1", "f", '{"a": 1}'),
        CALLS,
    ]


def test_arguments_that_come_as_an_object() -> None:
    call = r.call(arguments={"ä": 1})  # type: ignore[arg-type]  # as gateways send it
    assert events(r.done(call), r.final()) == [ToolCall("call_1", "f", '{"ä": 1}'), CALLS]


def test_a_call_without_a_call_id_has_that_of_its_item() -> None:
    call = r.call()
    del call["call_id"]
    assert events(r.done(call), r.final()) == [ToolCall("fc_1", "f", '{"a": 1}'), CALLS]


def test_a_call_of_a_custom_tool_has_its_input_for_arguments() -> None:
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "sql"}
    answer = result(
        r.added(item | {"input": ""}),
        {"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "SELECT"},
        {"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": " 1"},
        {"type": "response.custom_tool_call_input.done", "output_index": 0, "input": "SELECT 1"},
        r.done(item | {"input": "SELECT 1"}),
        r.final(),
    )
    [call] = answer.tool_calls
    assert call == ToolCall("call_1", "sql", "SELECT 1")
    assert call.provider_data == (
        ProviderData("openai", "function_call", {"type": "custom_tool_call"}),
    )


def test_a_call_without_a_name_is_an_error() -> None:
    error = WIRE.error(r.stream(*pieces('{"a": 1}'), r.final()))
    assert type(error) is ProtocolError
    assert "a tool call without a name" in str(error)


# -- what goes back ---------------------------------------------------------


def test_what_the_provider_wants_back_in_its_order() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": None}
    answer = result(
        r.added(r.reasoning("half")),
        r.done(r.reasoning("first", status=None)),
        r.done(search),
        r.text("Wait"),
        r.done(r.message("Wait", phase="commentary")),
        r.done(r.reasoning("second", "hm", id="rs_2")),
        r.done(r.call(namespace="files", caller=None)),
        r.final(r.reasoning("first"), search, r.message("Wait"), r.call()),
    )
    assert answer.provider_data == (
        ProviderData("openai", "item", r.reasoning("first"), 0, 0),
        ProviderData(
            "openai", "item", {"type": "web_search_call", "id": "ws_1", "status": "completed"}, 0, 0
        ),
        ProviderData("openai", "phase", {"phase": "commentary"}, 4, 0),
        ProviderData("openai", "item", r.reasoning("second", "hm", id="rs_2"), 4, 0),
    )
    assert (answer.text, answer.reasoning) == ("Wait", "hm")
    assert answer.tool_calls[0].provider_data == (
        ProviderData("openai", "function_call", {"namespace": "files"}),
    )


def test_reasoning_that_is_encrypted_in_the_final_event_only_comes_before_what_it_led_to() -> None:
    answer = result(
        r.done(r.reasoning(None)),
        r.text("A"),
        r.done(r.message("A")),
        r.done(r.call()),
        r.final(r.reasoning("enc"), r.message("A"), r.call()),
    )
    assert answer.provider_data == (ProviderData("openai", "item", r.reasoning("enc"), 0, 0),)


def test_a_reasoning_item_that_is_only_an_id_does_not_go_back() -> None:
    assert result(r.done(r.reasoning(None, "hm")), r.text("x"), r.final()).provider_data == ()


# -- the end ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("details", "finish"),
    [
        ({"reason": "max_output_tokens"}, Finish("length", "max_output_tokens")),
        ({"reason": "content_filter"}, Finish("content_filter", "content_filter")),
        ({"reason": "brand_new"}, Finish("brand_new", "brand_new")),
        (None, Finish("incomplete", "incomplete")),
        ("odd", Finish("incomplete", "incomplete")),
    ],
)
def test_incomplete_with_its_reason(details: Any, finish: Finish) -> None:
    values = r.text("A"), r.final(status="incomplete", incomplete_details=details)
    assert events(*values) == [Text("A"), finish]


def test_an_end_by_another_name_says_its_status() -> None:
    end = r.final(usage=r.usage(1, 1))
    assert events(r.text("A"), {**end, "type": "response.done"}) == [
        Text("A"),
        Usage(1, 1, 2, 0, 0),
        STOP,
    ]


def test_a_call_that_was_cut_by_the_limit_is_given_with_its_reason() -> None:
    details = {"reason": "max_output_tokens"}
    values = r.added(r.call(arguments="")), *pieces('{"a": ')[:1]
    assert events(*values, r.final(status="incomplete", incomplete_details=details)) == [
        ToolCall("call_1", "f", '{"a": '),
        Finish("length", "max_output_tokens"),
    ]


@pytest.mark.parametrize("body", [r.stream(*GREETING[:-1]), r.stream(*GREETING[:5])])
def test_without_a_final_event_it_is_cut_and_done_is_no_end(body: bytes) -> None:
    for tail in (b"", b"data: [DONE]\n\n"):
        error = WIRE.error(body + tail)
        assert type(error) is StreamTruncated
        assert error.partial == "Grüß Gott 🦙"[: len(error.partial)] != ""


def test_usage_of_another_shape_does_not_cost_the_answer() -> None:
    assert events(r.text("A"), r.final(usage=[1])) == [Text("A"), STOP]
    strange = {"input_tokens": "9", "output_tokens": 4, "output_tokens_details": None}
    assert events(r.text("A"), r.final(usage=strange)) == [
        Text("A"),
        Usage(None, 4, None, None, None),
        STOP,
    ]


def test_unknown_events_are_left_out_with_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG, "g4fsync.providers"):
        values = {"type": "response.audio.delta", "delta": "secret"}, r.text("A"), r.final()
        assert events({"type": "keepalive"}, *values) == [Text("A"), STOP]
    assert [record.getMessage() for record in caplog.records if record.name.endswith("rs")] == [
        "left out: event 'response.audio.delta'"
    ]


@pytest.mark.parametrize(
    ("kind", "is_progress"),
    [
        ("response.web_search_call.searching", True),
        ("response.code_interpreter_call_code.delta", True),
        ("response.mcp_list_tools.in_progress", True),
        ("response.image_generation_call.partial_image", True),
        ("response.in_progress", False),
        ("response.brand_new", False),
        ("keepalive", False),
    ],
)
def test_a_tool_of_the_servers_own_at_work_is_progress_once_something_has_come(
    kind: str, *, is_progress: bool
) -> None:
    reader = ResponseReader("openai")
    assert list(reader.events({"type": kind})) == []
    assert list(reader.events(r.text("A"))) == ["A"]
    assert list(reader.events({"type": kind})) == ([""] if is_progress else [])


# -- one JSON value in place of a stream ------------------------------------


def test_a_plain_json_answer() -> None:
    items = r.reasoning("enc", "hm"), r.message("Hi"), r.call()
    value = r.final(*items, usage=r.usage(1, 2))["response"]
    body = json.dumps(value, indent=1).encode()
    expected = [
        Reasoning("hm"),
        Text("Hi"),
        ToolCall("call_1", "f", '{"a": 1}'),
        Usage(1, 2, 3, 0, 0),
        CALLS,
    ]
    assert WIRE.events(body, headers=JSON) == expected
    assert WIRE.events(body) == expected


def test_a_plain_json_answer_that_is_not_complete_yet() -> None:
    body = json.dumps(r.final(status="in_progress")["response"]).encode()
    assert type(WIRE.error(body, headers=JSON)) is StreamTruncated


def test_a_plain_json_answer_that_failed() -> None:
    failed = r.final(status="failed", error={"code": "server_error", "message": "down"})
    error = WIRE.error(json.dumps(failed["response"]).encode(), headers=JSON)
    assert (type(error), str(error)) == (ServerError, "openai: down")


# -- errors -----------------------------------------------------------------

LIMIT = {
    "type": "tokens",
    "code": "rate_limit_exceeded",
    "message": "Rate limit reached for gpt-x",
    "param": None,
    "headers": {"x-ratelimit-reset-tokens": "50.529s", "x-ratelimit-reset-requests": "1m2s"},
}


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("event", "kind", "code", "message"),
    [
        (
            {"type": "error", "code": "server_error", "message": "down", "param": None},
            ServerError,
            "server_error",
            "openai: down",
        ),
        (
            {"type": "error", "code": None, "message": "odd", "param": None},
            ProviderError,
            None,
            "openai: odd",
        ),
        (
            {"type": "error", "error": LIMIT},
            RateLimited,
            "rate_limit_exceeded",
            "openai: Rate limit reached for gpt-x",
        ),
        (
            {"type": "error", "error": {"type": "invalid_request_error", "code": None,
                                        "message": "no such tool", "param": "tools"}},
            ProviderError,
            "invalid_request_error",
            "openai: no such tool",
        ),
        (
            r.final(status="failed", error={"code": "invalid_prompt", "message": "bad"}),
            ProviderError,
            "invalid_prompt",
            "openai: bad",
        ),
        (
            r.final(
                status="failed",
                error={"code": "image_content_policy_violation", "message": "not that one"},
            ),
            ContentFiltered,
            "image_content_policy_violation",
            "openai: not that one",
        ),
        (
            r.final(status="failed"),
            ServerError,
            "failed",
            "openai: the answer ended with 'failed'",
        ),
        (
            r.final(status="cancelled"),
            ServerError,
            "cancelled",
            "openai: the answer ended with 'cancelled'",
        ),
        (
            {"error": {"message": "Incorrect API key", "code": "401"}},
            AuthenticationError,
            "401",
            "openai: Incorrect API key (give Client(api_keys={'openai': ...}))",
        ),
    ],
)  # fmt: skip
def test_each_shape_of_an_error(
    event: dict[str, Any], kind: type[G4FSyncError], code: str | None, message: str, *, named: bool
) -> None:
    for before, partial in ((), ""), ((r.created(), r.text("Hal")), "Hal"):
        error = WIRE.error(r.stream(*before, event, named=named))
        assert (type(error), str(error), error.partial) == (kind, message, partial)
        assert getattr(error, "code", None) == code


def test_the_wait_that_a_limit_inside_the_stream_asks_for() -> None:
    error = WIRE.error(r.stream({"type": "error", "error": LIMIT}))
    assert isinstance(error, RateLimited)
    assert error.retry_after == pytest.approx(50.529)
    requests = LIMIT | {"type": "requests"}
    error = WIRE.error(r.stream({"type": "error", "error": requests}))
    assert isinstance(error, RateLimited)
    assert error.retry_after == pytest.approx(62)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.output_text.delta"},
        {"type": "response.output_item.done"},
        {"type": "response.completed"},
        {"type": "response.output_item.added", "item": []},
        [],
        "x",
    ],
)
def test_events_of_another_shape_are_a_protocol_error(event: Any) -> None:
    body = b"data: " + json.dumps(event).encode() + b"\n\n"
    assert type(WIRE.error(body)) is ProtocolError

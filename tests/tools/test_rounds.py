"""Ask, call, ask again; answers of a type, asked for again."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pydantic
import pytest

from g4fsync import (
    Attempt,
    Cancelled,
    Client,
    ContentFiltered,
    DeadlineExceeded,
    Finish,
    InvalidRequest,
    Message,
    ProviderData,
    Reasoning,
    Retry,
    RoundsExceeded,
    StreamTruncated,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Unparsable,
    Usage,
)
from g4fsync.access.reach import Overrides
from g4fsync.scope import CancelScope
from g4fsync.tools import wishes_in
from tests.support.scripted_provider import ScriptedProvider, call, calling
from tests.support.timing import FREED, MS, eventually


@dataclass
class Person:
    name: str
    age: int


ANN = '{"name": "Ann", "age": 3}'


def add(a: int, b: int = 1) -> int:
    """Add two numbers.

    Args:
        a: The first.
        b: The second.
    """
    return a + b


def test_a_tool_is_called_and_the_model_asked_again() -> None:
    provider = ScriptedProvider(
        ["Let me see. ", call("add", a=2, b=3), Usage(1, 2, 3), Finish("tool_calls")],
        ["It is 5.", Usage(10, 20, 30), Finish("stop", id="answer-2")],
    )
    result = Client().ask("2 + 3?", provider=provider, tools=[add])
    assert result.text == "Let me see. It is 5."
    assert (result.tool_calls, result.finish_reason) == ((), "stop")
    assert result.usage == Usage(11, 22, 33)
    assert result.id == "answer-2"
    assert result.message == Message("assistant", "It is 5.")
    assert result.messages == (
        Message("user", "2 + 3?"),
        Message("assistant", "Let me see. ", tool_calls=(call("add", a=2, b=3),)),
        Message("tool", "5", name="add", tool_call_id="c1"),
        Message("assistant", "It is 5."),
    )
    assert [attempt.error for attempt in result.attempts] == [None, None]
    assert provider.requests[1].messages == result.messages[:3]
    assert provider.requests[0].options["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "add",
                "description": "Add two numbers.",
                "parameters": {
                    "type": "object",
                    "properties": {
                        "a": {"type": "integer", "description": "The first."},
                        "b": {"type": "integer", "description": "The second.", "default": 1},
                    },
                    "required": ["a"],
                },
            },
        }
    ]


def test_events_tell_of_calls_and_results_and_of_one_finish() -> None:
    provider = ScriptedProvider(
        [Reasoning("hm"), call("add", "x", a=1), call("add", "y", a=5), Finish("tool_calls")],
        "Done.",
    )
    stream = Client().chat("?", provider=provider, tools=[add])
    assert list(stream.events()) == [
        Reasoning("hm"),
        call("add", "x", a=1),
        call("add", "y", a=5),
        ToolResult(call("add", "x", a=1), "2"),
        ToolResult(call("add", "y", a=5), "6"),
        Text("Done."),
        Finish("stop"),
    ]
    assert stream.text == "Done."


def test_what_the_provider_wants_back_goes_back_with_its_place_in_its_own_round() -> None:
    signed = ProviderData("scripted", "block", {"signature": "s"})
    provider = ScriptedProvider(
        ["First. ", call("add", a=1), Finish("tool_calls")],
        ["Second. ", signed, call("add", "c2", a=2), Finish("tool_calls")],
        "End.",
    )
    result = Client().ask("?", provider=provider, tools=[add])
    turn = provider.requests[2].messages[3]
    assert turn.content == "Second. "
    assert turn.provider_data == (ProviderData("scripted", "block", {"signature": "s"}, 8, 0),)
    assert result.text == "First. Second. End."
    assert result.provider_data == ()


def test_results_go_back_in_the_order_of_the_calls_though_they_run_side_by_side() -> None:
    meeting = threading.Barrier(3, timeout=10)

    def meet(n: int) -> str:
        meeting.wait()
        time.sleep(0.02 if n == 0 else 0)
        return f"{n} in {threading.current_thread().name}"

    calls = [call("meet", f"c{n}", n=n) for n in range(3)]
    provider = ScriptedProvider(calling(*calls), "ok")
    result = Client().ask("?", provider=provider, tools=[meet])
    assert [turn.content for turn in result.messages[2:5]] == [
        f"{n} in g4fsync-tool-meet" for n in range(3)
    ]
    assert [turn.tool_call_id for turn in result.messages[2:5]] == ["c0", "c1", "c2"]


@pytest.mark.parametrize("parallel_tools", [None, 0, False])
def test_without_threads_tools_run_in_the_caller_s_own(parallel_tools: Any) -> None:
    seen = []

    def where() -> None:
        seen.append(threading.get_ident())

    provider = ScriptedProvider(calling(call("where"), call("where", "c2")), "ok")
    Client().ask("?", provider=provider, tools=[where], parallel_tools=parallel_tools)
    assert seen == [threading.get_ident()] * 2


def test_no_more_tools_run_at_once_than_are_allowed() -> None:
    running: list[int] = []
    most = []

    def count(n: int) -> None:
        running.append(n)
        most.append(len(running))
        time.sleep(0.01)
        running.remove(n)

    calls = [call("count", f"c{n}", n=n) for n in range(7)]
    provider = ScriptedProvider(calling(*calls), "ok")
    Client().ask("?", provider=provider, tools=[count], parallel_tools=2)
    assert max(most) == 2


def tool_texts(*calls: ToolCall, tools: Any, **options: Any) -> list[str]:
    """What the model is told of *calls*."""
    provider = ScriptedProvider(calling(*calls), "ok")
    result = Client().ask("?", provider=provider, tools=tools, **options)
    return [turn.content for turn in result.messages if turn.role == "tool"]


def test_a_tool_that_raises_is_told_to_the_model_by_class_and_message() -> None:
    def fail(text: str) -> None:
        raise KeyError(text)

    assert tool_texts(call("fail", text="x"), tools=[fail]) == ["Error: KeyError: 'x'"]
    (long,) = tool_texts(call("fail", text="y" * 500), tools=[fail])
    assert long == "Error: KeyError: " + ("'" + "y" * 500)[:200]


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError("nothing to say")


def broken(how: str) -> Any:
    def breaks_off() -> Any:
        yield 1
        raise KeyError("x")

    async def late() -> None:
        pass

    if how == "mute":
        raise Mute
    if how == "empty":
        raise KeyError
    return late() if how == "late" else breaks_off()


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("mute", "Error: Mute"),
        ("empty", "Error: KeyError"),
        ("breaks off", "Error: KeyError: 'x'"),
        ("late", "Error: TypeError: tool broken is asynchronous, and can't be called here"),
    ],
)
def test_so_is_one_that_breaks_after_it_was_called(how: str, text: str) -> None:
    assert tool_texts(call("broken", how=how), tools=[broken]) == [text]


def test_a_generator_runs_where_its_tool_runs() -> None:
    def numbers() -> Any:
        yield threading.current_thread().name
        yield 2

    results: list[ToolResult] = []
    provider = ScriptedProvider(calling(call("numbers")), "done")
    Client().ask("?", provider=provider, tools=[numbers], on_tool=results.append)
    assert results[0].value == ["g4fsync-tool-numbers", 2]
    assert results[0].text == '["g4fsync-tool-numbers", 2]'


class Place(pydantic.BaseModel):
    """A place."""

    city: str
    days: int = 1


class Spot(msgspec.Struct):
    city: str


@functools.lru_cache
def remembered(city: str) -> str:
    """Remember."""
    return city


@pytest.mark.parametrize(
    ("function", "description"), [(Place, "A place."), (Spot, ""), (remembered, "Remember.")]
)
def test_what_wraps_or_makes_something_has_its_annotations_too(
    function: Any, description: str
) -> None:
    tool = Tool(function)
    assert tool.parameters is not None
    assert tool.parameters["properties"]["city"] == {"type": "string"}
    assert tool.parameters["required"] == ["city"]
    assert tool.description == description


def test_a_method_without_its_object_is_no_tool() -> None:
    class Weather:
        def of(self, city: str) -> str:
            return city

    with pytest.raises(InvalidRequest, match=r"^tool of, parameter self: give the method of an"):
        Tool(Weather.of)
    assert Tool(Weather().of).name == "of"


def test_a_function_and_a_mapping_can_not_have_one_name() -> None:
    other = {"type": "function", "function": {"name": "add", "parameters": {}}}
    with pytest.raises(InvalidRequest, match=r"^tools: two of them are called 'add'$"):
        Client().ask("?", provider=ScriptedProvider("x"), tools=[add, other])


def test_a_tool_that_raises_can_stop_it_all() -> None:
    def fail() -> None:
        raise KeyError("x")

    provider = ScriptedProvider(calling(call("fail")), "never")
    with pytest.raises(KeyError, match="x"):
        Client().ask("?", provider=provider, tools=[fail], tool_errors="raise")
    assert len(provider.requests) == 1


def test_arguments_that_do_not_fit_are_told_to_the_model_and_not_to_the_function() -> None:
    def never(who: Person) -> None:
        raise AssertionError

    calls = (
        call("never", who={"name": "a", "age": "old"}),
        call("never"),
        ToolCall("c3", "never", '{"who": '),
        ToolCall("c4", "never", "[1]"),
        call("nowhere"),
    )
    assert tool_texts(*calls, tools=[never], tool_errors="raise") == [
        'Error: the arguments do not fit: who.age: expected an integer, got "old"',
        "Error: the arguments do not fit: who: expected an object, got nothing",
        'Error: the arguments are no JSON object: {"who": ',
        "Error: the arguments are no JSON object: [1]",
        "Error: there is no tool 'nowhere'; there are: never",
    ]


def test_broken_arguments_go_back_as_an_empty_object() -> None:
    provider = ScriptedProvider(calling(ToolCall("c1", "add", '{"a": ')), "ok")
    Client().ask("?", provider=provider, tools=[add])
    assert provider.requests[1].messages[1].tool_calls == (ToolCall("c1", "add", "{}"),)


def test_arguments_come_as_the_annotated_types_and_results_go_as_json() -> None:
    def meet(who: Person, *, often: int | None = None) -> dict[str, Any]:
        assert isinstance(who, Person)
        return {"met": who, "often": often, "bytes": b"ab"}

    assert tool_texts(call("meet", who={"name": "a", "age": 1}, often=None), tools=[meet]) == [
        '{"met": {"name": "a", "age": 1}, "often": null, "bytes": "YWI="}'
    ]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (True, "4"),
        (False, "Error: the call was not approved"),
        ("not today", "Error: the call was not approved: not today"),
    ],
)
def test_each_call_is_approved_first(answer: bool | str, expected: str) -> None:
    asked: list[tuple[ToolCall, int]] = []

    def approve(call: ToolCall) -> bool | str:
        asked.append((call, threading.get_ident()))
        return answer

    assert tool_texts(call("add", a=3), tools=[add], approve=approve) == [expected]
    assert asked == [(call("add", a=3), threading.get_ident())]


def test_on_tool_is_told_of_each_result_in_the_caller_s_thread() -> None:
    seen: list[tuple[ToolResult, int]] = []

    def on_tool(result: ToolResult) -> None:
        seen.append((result, threading.get_ident()))

    tool_texts(call("add", a=3), call("no"), tools=[add], on_tool=on_tool)
    assert [(each.text, each.value, each.is_error) for each, _ in seen] == [
        ("4", 4, False),
        ("Error: there is no tool 'no'; there are: add", None, True),
    ]
    assert {thread for _, thread in seen} == {threading.get_ident()}


def test_mappings_among_the_tools_are_only_reported() -> None:
    other = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    calls = (call("look", "c1"), call("add", "c2", a=1))
    provider = ScriptedProvider(["I call. ", *calls, Finish("tool_calls")])
    result = Client().ask("?", provider=provider, tools=[other, add])
    assert result.tool_calls == (call("look", "c1"),)
    assert (result.text, result.finish_reason) == ("I call. ", "tool_calls")
    assert result.message.tool_calls == calls
    assert result.messages[1:] == (
        Message("assistant", "I call. ", tool_calls=calls),
        Message("tool", "2", name="add", tool_call_id="c2"),
    )
    assert [tool["function"]["name"] for tool in provider.requests[0].options["tools"]] == [
        "look",
        "add",
    ]


def test_only_mappings_are_no_rounds_at_all() -> None:
    other = {"type": "function", "function": {"name": "look"}}
    provider = ScriptedProvider(calling(call("look")))
    result = Client().ask("?", provider=provider, tools=[other])
    assert result.tool_calls == (call("look"),)
    assert result.messages == (Message("user", "?"), result.message)


def test_rounds_end_and_go_on_from_the_messages_of_the_error() -> None:
    provider = ScriptedProvider(*(calling(call("add", f"c{n}", a=n)) for n in range(3)), "At last.")
    client = Client()
    with pytest.raises(RoundsExceeded) as caught:
        client.ask("?", provider=provider, tools=[add], max_rounds=3)
    error = caught.value
    assert str(error) == (
        "scripted: the model still calls tools after 3 rounds; "
        "ask again with the error's messages, or raise max_rounds"
    )
    assert [turn.role for turn in error.messages] == ["user", *["assistant", "tool"] * 3]
    assert (len(provider.requests), len(error.attempts)) == (3, 3)
    result = client.ask(error.messages, provider=provider, tools=[add])
    assert result.text == "At last."
    assert result.messages == (*error.messages, result.message)


def test_a_tool_that_must_be_called_must_be_called_first_only() -> None:
    provider = ScriptedProvider(calling(call("add", a=1)), "ok")
    Client().ask("?", provider=provider, tools=[add], tool_choice="required")
    assert provider.requests[0].options["tool_choice"] == "required"
    assert "tool_choice" not in provider.requests[1].options


def test_the_model_that_answered_is_asked_again_and_no_other() -> None:
    failing = ScriptedProvider([])
    provider = ScriptedProvider(calling(call("add", a=1)), "ok")
    client = Client(fallback=["x"])
    calls = client._calls((Message("user", "?"),), ["m"], failing, *_no_overrides())
    calls += client._calls((Message("user", "?"),), ["m"], provider, *_no_overrides())
    wishes, _ = wishes_in({"tools": [add]})

    stream = client._stream(calls, CancelScope(), Retry(attempts=1), wishes, ())
    assert stream.result().text == "ok"
    assert (len(failing.requests), len(provider.requests)) == (1, 2)


def _no_overrides() -> tuple[Any, dict[str, Any]]:
    return Overrides(), {}


# -- ending -------------------------------------------------------------------


def blocked_tool() -> tuple[Callable[[], None], threading.Event, threading.Event]:
    begun, release = threading.Event(), threading.Event()

    def block() -> None:
        begun.set()
        release.wait(20)

    return block, begun, release


def test_cancel_frees_the_caller_from_a_tool_that_blocks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    block, begun, release = blocked_tool()
    provider = ScriptedProvider(calling(call("block")), "never")
    stream = Client().chat("?", provider=provider, tools=[block])
    ended: list[tuple[float, BaseException]] = []

    def read() -> None:
        try:
            stream.result()
        except Cancelled as error:
            ended.append((time.monotonic(), error))

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(10)
    with caplog.at_level(logging.WARNING, "g4fsync.tools"):
        cancelled = time.monotonic()
        stream.cancel()
        reader.join(10)
    try:
        assert ended[0][0] - cancelled < FREED
        left = [each for each in threading.enumerate() if each.name == "g4fsync-tool-block"]
        assert [each.daemon for each in left] == [True]
        assert caplog.messages == [
            "tool block still runs; its thread g4fsync-tool-block is left to itself"
        ]
    finally:
        release.set()
    eventually(lambda: not left[0].is_alive())


def test_the_time_in_all_runs_out_in_a_tool() -> None:
    block, _, release = blocked_tool()
    provider = ScriptedProvider(calling(call("block")), "never")
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded, match="not finished within") as caught:
        Client().ask("?", provider=provider, tools=[block], timeout=100 * MS)
    assert caught.value.clock == "total"
    assert time.monotonic() - started < 100 * MS + FREED
    release.set()


def test_leaving_the_loop_while_a_tool_runs_ends_it_all() -> None:
    block, _begun, release = blocked_tool()
    provider = ScriptedProvider(calling(call("add", a=1), call("block", "c2")), "never")
    with Client().chat("?", provider=provider, tools=[add, block]) as stream:
        for event in stream.events():
            if isinstance(event, ToolResult):
                break
    release.set()
    with pytest.raises(Cancelled):
        stream.result()
    assert len(provider.requests) == 1


def test_an_interrupt_in_a_tool_is_not_told_to_the_model() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    provider = ScriptedProvider(calling(call("interrupt")), "never")
    with pytest.raises(KeyboardInterrupt):
        Client().ask("?", provider=provider, tools=[interrupt])


# -- types --------------------------------------------------------------------


def test_a_type_is_asked_for_in_the_provider_s_own_words() -> None:
    provider = ScriptedProvider(ANN)
    result = Client().ask("Who?", provider=provider, returns=Person)
    assert result.value == Person("Ann", 3)
    assert (result.mode, result.text) == ("native", ANN)
    assert provider.requests[0].messages == (Message("user", "Who?"),)
    assert provider.requests[0].options["response_format"] == {
        "type": "json_schema",
        "json_schema": {
            "name": "Person",
            "schema": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
                "required": ["name", "age"],
                "additionalProperties": False,
            },
            "strict": True,
        },
    }


def test_or_by_system_text_and_never_both() -> None:
    provider = ScriptedProvider(f"Here:\n```json\n{ANN}\n```", native_schema="")
    result = Client().ask("Who?", provider=provider, returns=Person, system="Be brief.")
    assert (result.value, result.mode) == (Person("Ann", 3), "system")
    assert "response_format" not in provider.requests[0].options
    system, question = provider.requests[0].messages
    assert system.content.startswith("Be brief.\n\nAnswer with one JSON value that fits")
    assert '"required": ["name", "age"]' in system.content
    assert question == Message("user", "Who?")
    assert [turn.content for turn in result.messages[:2]] == ["Be brief.", "Who?"]


def test_what_can_not_be_said_strictly_is_said_as_far_as_can_be() -> None:
    provider = ScriptedProvider('{"a": 1}')
    result = Client().ask("?", provider=provider, returns=dict[str, int])
    wanted = provider.requests[0].options["response_format"]["json_schema"]
    assert (result.value, wanted["strict"]) == ({"a": 1}, False)
    closed = ScriptedProvider('{"a": 1}', native_schema="closed")
    assert Client().ask("?", provider=closed, returns=dict[str, int]).mode == "system"


def test_an_answer_that_does_not_fit_is_sent_back_with_the_reason() -> None:
    provider = ScriptedProvider(
        ['{"name": "Ann", "age": "old"}', Usage(1, 1, 2), Finish("stop")],
        [ANN, Usage(2, 2, 4), Finish("stop")],
    )
    result = Client().ask("Who?", provider=provider, returns=Person)
    assert (result.value, result.text) == (Person("Ann", 3), ANN)
    first, second = result.attempts
    assert str(first.error) == (
        'scripted: the answer does not fit: age: expected an integer, got "old"'
    )
    assert second.error is None
    assert provider.requests[1].messages == (
        Message("user", "Who?"),
        Message("assistant", '{"name": "Ann", "age": "old"}'),
        Message(
            "user",
            'the answer does not fit: age: expected an integer, got "old". Answer again with '
            "JSON that fits the schema, and with nothing else.",
        ),
    )
    assert result.usage == Usage(3, 3, 6)
    assert result.messages == (Message("user", "Who?"), Message("assistant", ANN))


@pytest.mark.parametrize("reask", [0, 1, 3])
def test_then_it_is_unparsable(reask: int) -> None:
    bad = '[{"name": "A", "age": 1}, {"name": "B"}]'
    provider = ScriptedProvider(*[bad] * 9)
    with pytest.raises(Unparsable) as caught:
        Client().ask("?", provider=provider, returns=list[Person], reask=reask)
    error = caught.value
    assert len(provider.requests) == reask + 1
    assert (error.text, error.path, error.expected) == (bad, "[1].age", "an integer")
    assert error.partial == bad
    assert [isinstance(each.error, Unparsable) for each in error.attempts] == [True] * (reask + 1)
    assert (error.provider, error.model) == ("scripted", "m")


@pytest.mark.parametrize("text", ["I won't.", "", '{"name": ', "null", "[1, 2"])
def test_what_is_no_json_is_asked_for_again(text: str) -> None:
    provider = ScriptedProvider(["", Reasoning("."), text, Finish("stop")], ANN)
    assert Client().ask("?", provider=provider, returns=Person).value == Person("Ann", 3)


def test_json_cut_by_a_length_limit_is_truncated_and_not_asked_for_again() -> None:
    provider = ScriptedProvider(['{"name": "An', Finish("length")], ANN)
    with pytest.raises(StreamTruncated, match="cut off by a length limit") as caught:
        Client().ask("?", provider=provider, returns=Person)
    assert caught.value.partial == '{"name": "An'
    filtered = ScriptedProvider(['{"name": "An', Finish("content_filter")])
    with pytest.raises(ContentFiltered):
        Client().ask("?", provider=filtered, returns=Person)


def test_no_call_is_made_of_an_answer_that_was_cut_inside_one() -> None:
    """As agents did, again and again up to the same limit (earendil-works/pi#6285)."""
    made: list[int] = []
    whole, cut = ToolCall("a", "note", '{"a": 1}'), ToolCall("b", "note", '{"a": ')

    def note(a: int) -> None:
        made.append(a)

    provider = ScriptedProvider(["Well.", whole, cut, Finish("length")], "Done.")
    with pytest.raises(StreamTruncated, match="inside the arguments of 'note'") as caught:
        Client().ask("?", provider=provider, tools=[note])
    assert (caught.value.partial, made, len(provider.requests)) == ("Well.", [], 1)


def test_complete_calls_at_the_length_limit_are_made() -> None:
    whole = ToolCall("a", "add", '{"a": 1}')
    provider = ScriptedProvider([whole, Finish("length")], "2")
    assert Client().ask("?", provider=provider, tools=[add]).text == "2"


def test_a_complete_answer_at_the_length_limit_counts() -> None:
    provider = ScriptedProvider([ANN, Finish("length")])
    assert Client().ask("?", provider=provider, returns=Person).value == Person("Ann", 3)


def test_events_show_where_an_answer_was_asked_for_again() -> None:
    provider = ScriptedProvider("no", ANN)
    stream = Client().chat("?", provider=provider, returns=Person)
    events = list(stream.events())
    assert [type(event) for event in events] == [Text, Attempt, Text, Finish]
    assert isinstance(events[1], Attempt)
    assert isinstance(events[1].error, Unparsable)
    assert (stream.text, stream.result().value) == (ANN, Person("Ann", 3))


def test_text_that_was_handed_out_is_not_asked_for_again() -> None:
    provider = ScriptedProvider(["no", " no", Finish("stop")], ANN)
    stream = Client().chat("?", provider=provider, returns=Person)
    pieces = []
    with pytest.raises(Unparsable):
        for piece in stream:
            pieces.append(piece)
    assert pieces == ["no", " no"]
    assert len(provider.requests) == 1


def test_total_bounds_all_tries() -> None:
    def slow() -> Any:
        for _ in range(10):
            time.sleep(15 * MS)
            yield "no "
        yield Finish("stop")

    provider = ScriptedProvider(slow(), slow(), slow(), slow())
    with pytest.raises(DeadlineExceeded):
        Client().ask("?", provider=provider, returns=Person, timeout=250 * MS, reask=3)
    assert len(provider.requests) == 2


def test_values_come_as_soon_as_each_is_closed() -> None:
    pieces = ['[{"name": "A", ', '"age": 1}', ', {"name": "B", "age": 2}', "]"]
    read = []

    def answer() -> Any:
        for piece in pieces:
            read.append(piece)
            yield piece
        yield Finish("stop")

    provider = ScriptedProvider(answer(), native_schema="plain")
    stream = Client().chat("?", provider=provider, returns=list[Person])
    seen = [(value, len(read)) for value in stream.values()]
    assert seen == [(Person("A", 1), 2), (Person("B", 2), 3)]
    assert stream.result().value == [Person("A", 1), Person("B", 2)]


def test_values_are_asked_for_again_until_one_was_given() -> None:
    provider = ScriptedProvider('[{"name": 1}]', '[{"name": "A", "age": 1}]')
    stream = Client().chat("?", provider=provider, returns=list[Person])
    assert list(stream.values()) == [Person("A", 1)]
    broken = ScriptedProvider('[{"name": "A", "age": 1}, {"name": 2}]', "never")
    stream = Client().chat("?", provider=broken, returns=list[Person])
    values = stream.values()
    assert next(values) == Person("A", 1)
    with pytest.raises(Unparsable) as caught:
        next(values)
    assert caught.value.path == "[1].name"
    with pytest.raises(Unparsable):
        stream.result()
    assert len(broken.requests) == 1


def test_values_of_another_type_are_the_one_value() -> None:
    provider = ScriptedProvider(ANN)
    assert list(Client().chat("?", provider=provider, returns=Person).values()) == [
        Person("Ann", 3)
    ]
    fenced = ScriptedProvider('Two "words" [see]:\n[1, 2]', native_schema="")
    assert list(Client().chat("?", provider=fenced, returns=list[int]).values()) == [1, 2]


def test_a_cut_list_gives_its_elements_and_then_says_that_it_is_cut() -> None:
    provider = ScriptedProvider(['[{"name": "A", "age": 1}, {"na', Finish("length")])
    values = Client().chat("?", provider=provider, returns=list[Person]).values()
    assert next(values) == Person("A", 1)
    with pytest.raises(StreamTruncated):
        next(values)


def test_values_want_a_type_and_a_stream_that_was_not_read() -> None:
    stream = Client().chat("?", provider=ScriptedProvider("a"))
    with pytest.raises(InvalidRequest, match="needs returns="):
        stream.values()
    stream = Client().chat("?", provider=ScriptedProvider("[1]"), returns=list[int])
    next(stream)
    with pytest.raises(InvalidRequest, match="before the stream is read"):
        stream.values()


def test_a_type_after_tools_is_that_of_the_last_answer() -> None:
    provider = ScriptedProvider(["I look. ", call("add", a=1), Finish("tool_calls")], "oops", ANN)
    result = Client().ask("?", provider=provider, returns=Person, tools=[add])
    assert result.value == Person("Ann", 3)
    assert result.text == f"I look. {ANN}"
    assert [turn.role for turn in result.messages] == ["user", "assistant", "tool", "assistant"]
    stream = Client().chat(
        "?",
        provider=ScriptedProvider(calling(call("add", a=1)), "[1, 2]"),
        returns=list[int],
        tools=[add],
    )
    assert list(stream.values()) == [1, 2]


@pytest.mark.parametrize(
    ("last", "given", "error"),
    [
        ("[1, 2, 3]", [1, 2, 3], None),
        ("[1]", [1], None),
        ("[2, 3]", [1], "[0]: expected what was given before, 1, got 2"),
        ("[true]", [1], "[0]: expected an integer, got true"),
        ("[]", [1], "[0]: expected what was given before, 1, got nothing"),
        ("none", [1], "expected JSON"),
    ],
)
def test_elements_of_an_answer_that_then_calls_tools_are_those_of_the_last(
    last: str, given: list[int], error: str | None
) -> None:
    first: list[Any] = ["So far: [1", "]", call("add", a=1), Finish("tool_calls")]
    provider = ScriptedProvider(first, last)
    stream = Client().chat("?", provider=provider, returns=list[int], tools=[add], reask=1)
    seen = []
    if error is None:
        assert list(stream.values()) == stream.result().value == given
        return
    values = stream.values()
    with pytest.raises(Unparsable) as caught:
        for each in values:
            seen.append(each)
    assert seen == given
    assert error in str(caught.value)
    assert len(provider.requests) == 2


def test_compare_race_and_map_take_a_type() -> None:
    good, late = ScriptedProvider(ANN), ScriptedProvider("no", ANN)
    bad = ScriptedProvider("no", "no")
    client = Client()
    with client.compare("?", [good, late, bad], returns=Person, reask=1) as comparison:
        results = comparison.results
    assert [getattr(each, "value", type(each)) for each in results] == [
        Person("Ann", 3),
        Person("Ann", 3),
        Unparsable,
    ]
    race = client.race("?", [ScriptedProvider(ANN)], returns=Person)
    result = race.result()
    assert (result.value, result.mode, result.message.content) == (Person("Ann", 3), "native", ANN)
    race = client.race("?", [ScriptedProvider("[1, 2]")], returns=list[int], until="complete")
    assert list(race.values()) == [1, 2]
    mapped = list(client.map(["?"], provider=ScriptedProvider(ANN), returns=Person))
    assert [getattr(each, "value", None) for each in mapped] == [Person("Ann", 3)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"returns": Person, "response_format": "json"}, "returns and response_format both say"),
        ({"returns": Person, "reask": -1}, "reask must be a whole number from 0, got -1"),
        ({"reask": 1}, "reask says something about returns=, and there is none"),
        ({"approve": print}, "approve says something about functions among the tools"),
        ({"tools": [add], "max_rounds": 0}, "max_rounds must be 1 or more, got 0"),
        ({"tools": [add], "parallel_tools": -1}, "parallel_tools must be a number of threads"),
        ({"tools": [add], "approve": True}, "approve must be a function, got True"),
        ({"tools": [add], "tool_errors": "x"}, "tool_errors must be 'tell' or 'raise', got 'x'"),
        ({"tools": [add, add]}, "tools: two of them are called 'add'"),
        ({"returns": complex}, "complex: complex can't be said as a JSON schema"),
        ({"tools": [lambda x: x]}, "a tool's name has 1 to 64 letters"),
    ],
)
def test_wrong_wishes_are_refused_before_anything_is_sent(
    options: dict[str, Any], message: str
) -> None:
    provider = ScriptedProvider("never")
    with pytest.raises(InvalidRequest) as caught:
        Client().chat("?", provider=provider, **options)
    assert message in str(caught.value)
    assert provider.requests == []


def test_compare_and_race_call_no_tools() -> None:
    with pytest.raises(InvalidRequest, match="call no tools: give add to chat"):
        Client().compare("?", [ScriptedProvider()], tools=[add])


def test_a_provider_without_tools_refuses_them_by_name() -> None:
    with pytest.raises(InvalidRequest, match="koala has no option 'tools'; it takes none"):
        Client("koala").chat("?", tools=[add])


def test_a_tool_may_have_another_name_and_a_schema_of_its_own() -> None:
    tool = Tool(
        lambda **given: sorted(given.items()),
        name="sort",
        description="Sort.",
        parameters={"type": "object", "properties": {"a": {"type": "integer"}}},
    )
    assert tool_texts(call("sort", a=1, b=[2]), call("sort", a="x"), tools=[tool]) == [
        '[["a", 1], ["b", [2]]]',
        'Error: the arguments do not fit: a: expected an integer, got "x"',
    ]

from __future__ import annotations

import dataclasses
import pickle
from typing import get_args

import pytest

from g4fsync.errors import ProtocolError
from g4fsync.events import (
    Attempt,
    Event,
    Finish,
    ProviderData,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)

ONE_OF_EACH: list[Event] = [
    Text("a"),
    Reasoning("a"),
    ToolCall("1", "f", "{}"),
    ToolResult(ToolCall("1", "f", "{}"), "3"),
    Usage(),
    ProviderData("p", "block", {"type": "thinking", "signature": "s"}),
    Finish("stop"),
    Attempt(1, "p", "m", "connect", 0.0),
]


def test_there_is_one_of_each() -> None:
    assert {type(event) for event in ONE_OF_EACH} == set(get_args(Event))


@pytest.mark.parametrize("event", ONE_OF_EACH)
def test_events_are_frozen_slotted_values(event: Event) -> None:
    name = dataclasses.fields(event)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(event, name, "b")
    assert not hasattr(event, "__dict__")
    assert pickle.loads(pickle.dumps(event)) == event


def test_what_was_not_told_is_none() -> None:
    assert dataclasses.astuple(Usage()) == (None,) * 5
    assert Finish("stop").raw is None
    assert Attempt(1, "p", "m", "stream", 0.0).error is None


@pytest.mark.parametrize(
    ("arguments", "value"), [('{"a": [1]}', {"a": [1]}), ("", {}), (" {} ", {})]
)
def test_arguments_of_a_tool_call_are_an_object(arguments: str, value: object) -> None:
    assert ToolCall("1", "f", arguments).json() == value


@pytest.mark.parametrize("arguments", ['{"a": ', "hello", "{} {}"])
def test_broken_arguments_of_a_tool_call_are_a_protocol_error(arguments: str) -> None:
    with pytest.raises(ProtocolError, match=r"^arguments of tool call 'f' are not JSON") as caught:
        ToolCall("1", "f", arguments).json()
    assert caught.value.evidence == arguments


@pytest.mark.parametrize("arguments", ["[1]", "1", '"a"', "null"])
def test_arguments_that_are_no_object_are_a_protocol_error(arguments: str) -> None:
    with pytest.raises(ProtocolError, match=r"^arguments of tool call 'f' are not a JSON object$"):
        ToolCall("1", "f", arguments).json()


@pytest.mark.parametrize(
    "arguments", ['{"a": NaN}', '{"a": -Infinity}', "[" * 100_000, '{"a": ' + "9" * 5000 + "}"]
)
def test_arguments_are_strict_json(arguments: str) -> None:
    with pytest.raises(ProtocolError):
        ToolCall("1", "f", arguments).json()


def test_what_a_provider_wants_back_may_hold_characters_that_were_cut_in_two() -> None:
    data = ProviderData("p", "message", {"a": ["\ud83d\ude00", "\ud83d", 1, None]}).data
    assert data == {"a": ["\U0001f600", "\ufffd", 1, None]}


def test_the_opaque_things_stay_out_of_the_repr() -> None:
    assert repr(ProviderData("p", "block", {"signature": "secret"})) == (
        "ProviderData(provider='p', kind='block', text_length=None, call_count=None)"
    )

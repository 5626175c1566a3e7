from __future__ import annotations

from typing import Any

import pytest

from g4fsync.events import ToolCall
from g4fsync.providers.toolcalls import ToolCalls


def piece(
    index: int | None = None, id: str | None = None, name: str | None = None, arguments: Any = None
) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    value: dict[str, Any] = {
        "function": {key: each for key, each in function.items() if each is not None}
    }
    if index is not None:
        value["index"] = index
    if id is not None:
        value["id"] = id
    return value


def put_together(*deltas: list[dict[str, Any]]) -> list[ToolCall]:
    calls = ToolCalls()
    for delta in deltas:
        calls.add(delta)
    return list(calls.remaining())


def test_pieces_of_one_index_are_one_call() -> None:
    assert put_together(
        [piece(0, "call_1", "f", "")],
        [piece(0, arguments='{"city":')],
        [piece(0, arguments='"Paris"}')],
    ) == [ToolCall("call_1", "f", '{"city":"Paris"}')]


def test_two_calls_may_be_told_in_turns() -> None:
    assert put_together(
        [piece(0, "a", "f", "1"), piece(1, "b", "g", "2")],
        [piece(1, arguments="3")],
        [piece(0, arguments="4")],
    ) == [ToolCall("a", "f", "14"), ToolCall("b", "g", "23")]


def test_without_an_index_the_position_counts() -> None:
    assert put_together(
        [piece(None, "a", "f", "1"), piece(None, "b", "g", "2")],
        [piece(), piece(None, None, None, "3")],
    ) == [ToolCall("a", "f", "1"), ToolCall("b", "g", "23")]


@pytest.mark.parametrize("ids", [("a", "b"), (None, None)])
def test_whole_calls_one_after_the_other_without_an_index(ids: tuple[str | None, ...]) -> None:
    found = put_together([piece(None, ids[0], "f", "1")], [piece(None, ids[1], "f", "2")])
    assert [(call.name, call.arguments) for call in found] == [("f", "1"), ("f", "2")]


def test_a_gateway_that_numbers_all_calls_zero() -> None:
    assert put_together([piece(0, "a", "f", "{}")], [piece(0, "b", "g", "{}")]) == [
        ToolCall("a", "f", "{}"),
        ToolCall("b", "g", "{}"),
    ]


def test_id_and_name_repeated_in_each_piece_are_one_call() -> None:
    assert put_together([piece(0, "a", "f", "1")], [piece(0, "a", "f", "2")]) == [
        ToolCall("a", "f", "12")
    ]


def test_an_id_that_changes_without_a_name_is_the_same_call() -> None:
    assert put_together([piece(0, "a", "f", "1")], [piece(0, "b", "", "2")]) == [
        ToolCall("a", "f", "12")
    ]


def test_arguments_given_as_an_object_become_text() -> None:
    assert put_together([piece(0, "a", "f", {"x": "é"})]) == [ToolCall("a", "f", '{"x": "é"}')]


def test_a_call_without_an_id_gets_one_by_its_place() -> None:
    assert put_together([piece(0, name="f"), piece(1, name="g")]) == [
        ToolCall("call_0", "f", ""),
        ToolCall("call_1", "g", ""),
    ]


def test_a_call_with_nothing_in_it_is_none() -> None:
    assert put_together([{"index": 0, "function": None}]) == []


def test_arguments_without_a_name_are_an_error() -> None:
    with pytest.raises(ValueError, match="a tool call without a name, its arguments '1'"):
        put_together([piece(0, arguments="1")])

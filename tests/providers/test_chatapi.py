from __future__ import annotations

from typing import Any

import pytest

from g4fsync.errors import InvalidRequest, RateLimited, ServerError
from g4fsync.events import ToolCall
from g4fsync.messages import Message
from g4fsync.providers import chatapi


def test_arguments_of_a_past_call() -> None:
    assert chatapi.arguments(ToolCall("a", "f", '{"x": 1}')) == {"x": 1}
    assert chatapi.arguments(ToolCall("a", "f", "")) == {}


@pytest.mark.parametrize("text", ["{", "[]", "1"])
def test_arguments_that_are_no_object(text: str) -> None:
    with pytest.raises(InvalidRequest, match="the arguments of tool call 'f' are no JSON object"):
        chatapi.arguments(ToolCall("a", "f", text))


def test_the_name_of_a_tool_is_found_by_the_call() -> None:
    call = Message("assistant", "", tool_calls=(ToolCall("a", "f", ""), ToolCall("b", "g", "")))
    assert chatapi.tool_name([call], Message("tool", "1", tool_call_id="b")) == "g"
    assert chatapi.tool_name([call], Message("tool", "1", tool_call_id="b", name="h")) == "h"
    with pytest.raises(InvalidRequest, match="no tool call 'c' comes before its result"):
        chatapi.tool_name([call], Message("tool", "1", tool_call_id="c"))


def test_extra_is_put_into_the_body_and_wins() -> None:
    body = {"a": 1, "b": {"c": 2, "d": 3}, "e": {"f": 4}}
    assert chatapi.merged(body, {"a": 5, "b": {"d": 6, "g": 7}, "e": 8, "h": {}}) == {
        "a": 5,
        "b": {"c": 2, "d": 6, "g": 7},
        "e": 8,
        "h": {},
    }


@pytest.mark.parametrize(
    ("value", "names"),
    [
        pytest.param({"object": "list", "data": [{"id": "a"}, {"id": "b"}]}, ["a", "b"], id="id"),
        pytest.param({"object": "list", "data": None}, [], id="Ollama /v1 without models"),
        pytest.param({"models": [{"name": "a"}], "data": [{"id": "b"}]}, ["b"], id="llama.cpp"),
        pytest.param({"models": [{"name": "a:latest", "model": "b"}]}, ["a:latest"], id="Ollama"),
        pytest.param({"models": [{"model": "b"}]}, ["b"], id="model"),
        pytest.param([{"id": "a"}, "b"], ["a", "b"], id="bare list"),
        pytest.param(None, [], id="null"),
    ],
)
def test_a_list_of_models_in_any_shape(value: Any, names: list[str]) -> None:
    assert chatapi.model_names(value) == names


def test_an_error_in_place_of_the_models() -> None:
    with pytest.raises(RateLimited, match="slow down"):
        chatapi.model_names({"error": {"code": 429, "message": "slow down"}})


@pytest.mark.parametrize("value", [None, "1", True, 1.5])
def test_what_is_no_number_counts_as_not_told(value: Any) -> None:
    assert chatapi.count({"a": value, "b": 3}, "a") is None
    assert chatapi.count({"a": value, "b": 3}, "a", "b") == 3


@pytest.mark.parametrize(
    "reason",
    [
        "error",
        "abort",
        "insufficient_system_resource",
        "network_error",
        "internalError",
        "FAILED",
        "cancelled",
        "user_canceled",
        "interrupted",
        "timeout",
        "timed_out",
        "TIME-OUT",
    ],
)
def test_a_reason_that_tells_of_a_failure_is_an_error(reason: str) -> None:
    with pytest.raises(ServerError, match=f"^the answer ended with '{reason}'$") as caught:
        chatapi.raise_for_reason(reason)
    assert (caught.value.code, caught.value.status, caught.value.retryable) == (reason, 200, True)


@pytest.mark.parametrize(
    "reason",
    ["", "stop", "length", "tool_calls", "content_filter", "end_turn", "MAX_TOKENS", "default"],
)
def test_other_reasons_are_none(reason: str) -> None:
    chatapi.raise_for_reason(reason)


@pytest.mark.parametrize(
    ("value", "counted"),
    [
        (0, 0),
        (12, 12),
        (12.0, 12),
        (2**53, 2**53),
        *((value, None) for value in (-1, 1.5, "12", True, None, float("inf"), 10**30)),
    ],
)
def test_a_count_is_a_whole_number_that_can_be_counted(value: object, counted: int | None) -> None:
    assert chatapi.count({"n": value}, "n") == counted
    assert chatapi.count({"n": value, "other": 5}, "n", "other") == (
        5 if counted is None else counted
    )

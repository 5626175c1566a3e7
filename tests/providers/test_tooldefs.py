from __future__ import annotations

from typing import Any

import pytest

from g4fsync.errors import InvalidRequest
from g4fsync.providers import tooldefs

FUNCTION = {"type": "function", "function": {"name": "f"}}
KNOWN = ("name", "description", "parameters", "cache_control")
CACHE = {"type": "ephemeral"}


def test_fields_of_the_function_and_beside_it_are_put_together() -> None:
    tool = {"type": "function", "cache_control": CACHE, "function": {"name": "f", "parameters": {}}}
    assert tooldefs.function_fields(tool, "tools[0]", KNOWN, "p") == {
        "name": "f",
        "parameters": {},
        "cache_control": CACHE,
    }


@pytest.mark.parametrize(
    "tool",
    [
        {},
        {"function": "f"},
        {"function": {"name": 1}},
        {"type": "custom", "function": {"name": "f"}},
    ],
)
def test_what_is_no_function_is_named_by_its_index(tool: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        tooldefs.function_fields(tool, "tools[1]", KNOWN, "p")
    assert str(caught.value) == (
        f'tools[1] must be {{"type": "function", "function": {{"name": ...}}}}, got {tool!r}'
    )


@pytest.mark.parametrize(
    ("tool", "reason"),
    [
        ({"function": {"name": "f", "strict": True}}, "tools[0].function: p has no 'strict'"),
        ({"function": {"name": "f"}, "defer_loading": True}, "tools[0]: p has no 'defer_loading'"),
    ],
)
def test_a_field_that_the_protocol_does_not_have_is_named(tool: Any, reason: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        tooldefs.function_fields(tool, "tools[0]", KNOWN, "p")
    assert str(caught.value) == (
        f"{reason}; a tool takes cache_control, description, name, parameters"
    )


def test_null_and_strict_turned_off_say_nothing_where_the_field_is_unknown() -> None:
    tool = {"function": {"name": "f", "strict": False, "description": None}, "x": None}
    assert tooldefs.function_fields(tool, "tools[0]", KNOWN, "p") == {"name": "f"}
    assert tooldefs.function_fields(tool, "tools[0]", (*KNOWN, "strict"), "p") == {
        "name": "f",
        "strict": False,
    }


def test_one_field_at_two_places_must_have_one_value() -> None:
    tool = {"function": {"name": "f", "cache_control": CACHE}, "cache_control": CACHE}
    assert tooldefs.function_fields(tool, "t", KNOWN, "p") == {"name": "f", "cache_control": CACHE}
    with pytest.raises(InvalidRequest, match=r"^t\.cache_control is given twice"):
        tooldefs.function_fields({**tool, "cache_control": {"type": "x"}}, "t", KNOWN, "p")


def test_openai_takes_functions_with_all_their_fields_and_tools_of_any_type() -> None:
    custom = {"type": "custom", "custom": {"name": "g", "format": {"type": "text"}}}
    strict = {"function": {"name": "f", "strict": True, "x": 1}, "cache_control": CACHE}
    assert tooldefs.openai_tools([strict, custom, {"type": "web_search"}]) == [
        {"type": "function", **strict},
        custom,
        {"type": "web_search"},
    ]
    with pytest.raises(InvalidRequest, match=r"^tools\[1\] must be"):
        tooldefs.openai_tools([FUNCTION, {"name": "f", "input_schema": {}}])


@pytest.mark.parametrize("mode", ["auto", "none", "required"])
def test_tool_choice_as_a_word(mode: str) -> None:
    assert tooldefs.tool_choice(mode, "p") == (mode, ())


def test_tool_choice_of_one_function() -> None:
    assert tooldefs.tool_choice(FUNCTION, "p") == ("required", ("f",))


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_tool_choice_of_some_functions(mode: str) -> None:
    tools = [FUNCTION, {"type": "function", "function": {"name": "g"}}]
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}
    assert tooldefs.tool_choice(choice, "p") == (mode, ("f", "g"))


@pytest.mark.parametrize(
    "value",
    [
        "any",
        {},
        {"function": {}},
        {"type": "custom", "custom": {"name": "f"}},
        {"type": "function", "function": {"name": "f"}, "x": 1},
    ],
)
def test_a_wrong_tool_choice(value: Any) -> None:
    with pytest.raises(InvalidRequest, match="tool_choice must be 'auto', 'none', 'required' or"):
        tooldefs.tool_choice(value, "p")


@pytest.mark.parametrize(
    "allowed", [None, {}, {"mode": "none", "tools": [FUNCTION]}, {"mode": "auto", "tools": []}]
)
def test_a_wrong_choice_of_some_functions(allowed: Any) -> None:
    with pytest.raises(InvalidRequest, match="tool_choice: allowed_tools must be"):
        tooldefs.tool_choice({"type": "allowed_tools", "allowed_tools": allowed}, "p")


def test_a_chosen_function_has_only_a_name() -> None:
    tool = {"function": {"name": "f", "description": "d"}}
    with pytest.raises(InvalidRequest, match=r"tools\[0\]\.function: p has no 'description'"):
        tooldefs.tool_choice(
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [tool]}}, "p"
        )

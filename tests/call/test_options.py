from __future__ import annotations

from typing import Any

import pytest

from g4fsync.call import options
from g4fsync.errors import InvalidRequest

ALL = {*options._TYPES, "typical_p"}


@pytest.mark.parametrize(
    "given",
    [
        {"temperature": 0},
        {"temperature": 1.5},
        {"temperature": 10**400},
        {"top_p": 0},
        {"top_p": 1},
        {"max_tokens": 1},
        {"seed": -5},
        {"stop": "a"},
        {"stop": ["a", "b"]},
        {"stop": ("a",)},
        {"tools": [{"type": "function"}]},
        {"tool_choice": "auto"},
        {"tool_choice": {"type": "function"}},
        {"response_format": "json"},
        {"response_format": {"type": "json_object"}},
        {"reasoning_effort": "low"},
        {"extra_body": {"a": 1}},
        {"extra_headers": {"X-A": "1"}},
        {"typical_p": object},
    ],
)
def test_good_values_pass_unchanged(given: dict[str, Any]) -> None:
    assert options.checked(given, ALL, "koala") == given


@pytest.mark.parametrize(
    ("name", "value", "want"),
    [
        ("temperature", -0.1, "a number from 0"),
        ("temperature", True, "a number from 0"),
        ("temperature", "1", "a number from 0"),
        ("temperature", float("nan"), "a number from 0"),
        ("temperature", float("inf"), "a number from 0"),
        ("top_p", 1.1, "a number from 0 to 1"),
        ("max_tokens", 0, "a whole number above 0"),
        ("max_tokens", 1.0, "a whole number above 0"),
        ("max_tokens", True, "a whole number above 0"),
        ("seed", "1", "a whole number"),
        ("stop", 5, "a str or a list of str"),
        ("stop", ["a", 5], "a str or a list of str"),
        ("stop", {"a"}, "a str or a list of str"),
        ("tools", {}, "a list of mappings"),
        ("tools", [5], "a list of mappings"),
        ("tool_choice", 5, "a str or a mapping"),
        ("response_format", 5, "a mapping, 'json' or 'text'"),
        ("reasoning_effort", 5, "a str"),
        ("extra_body", [], "a mapping"),
        ("extra_headers", {"X-A": 1}, "a mapping of str to str"),
        ("extra_headers", [], "a mapping of str to str"),
    ],
)
def test_a_wrong_value_is_refused(name: str, value: object, want: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        options.checked({name: value}, ALL, "koala")
    assert str(caught.value) == f"koala: option {name} must be {want}, got {value!r}"


def test_a_long_value_is_shown_in_part() -> None:
    with pytest.raises(InvalidRequest) as caught:
        options.checked({"seed": "x" * 1000}, ALL, "koala")
    assert len(str(caught.value)) < 200


def test_none_is_an_option_not_given() -> None:
    assert options.checked({"temperature": None, "unknown": None}, (), "koala") == {}


@pytest.mark.parametrize(
    ("name", "allowed", "message"),
    [
        ("temprature", ALL, "koala has no option 'temprature'; did you mean 'temperature'?"),
        ("zzz", {"seed", "max_tokens"}, "koala has no option 'zzz'; it takes max_tokens, seed"),
        ("seed", (), "koala has no option 'seed'; it takes none"),
    ],
)
def test_an_option_a_provider_lacks_is_never_dropped(
    name: str, allowed: set[str], message: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        options.checked({name: 1}, allowed, "koala")
    assert str(caught.value) == message


def test_what_is_wrong_is_found_in_order() -> None:
    with pytest.raises(InvalidRequest, match="'a'"):
        options.checked({"seed": 1, "a": 1, "b": 1}, {"seed"}, "koala")

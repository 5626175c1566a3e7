from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, strategies as st

from g4fsync.errors import InvalidRequest
from g4fsync.frozen import MAX_DEPTH, NOTHING, FrozenDict, frozen_answer, frozen_object, json_text

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.text(), JSON, max_size=3))
def test_any_json_is_kept_as_it_is(value: dict[str, Any]) -> None:
    for frozen in (frozen_object(value, "a"), frozen_answer(value)):
        assert frozen == value
        assert json.dumps(frozen) == json.dumps(value)
        assert hash(frozen) == hash(frozen_object(value, "a"))


def test_other_mappings_and_tuples_are_json_too() -> None:
    assert frozen_object(MappingProxyType({"a": (1, {"b": ()})}), "a") == {"a": [1, {"b": []}]}


def test_what_is_frozen_is_not_copied_again() -> None:
    frozen = FrozenDict({"a": 1})
    assert frozen_object(frozen, "a") is frozen
    assert frozen_answer(frozen) is frozen
    assert frozen_object(NOTHING, "a") is NOTHING


def test_the_callers_value_is_not_held() -> None:
    value = {"a": {"b": [1]}}
    frozen = frozen_object(value, "a")
    value["a"]["b"].append(2)
    assert frozen == {"a": {"b": [1]}}


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({"a": float("nan")}, "extra.a: nan is not JSON"),
        ({"a": [float("-inf")]}, "extra.a[0]: -inf is not JSON"),
        ({"a": {"b": {1}}}, "extra.a.b: must be JSON, got set"),
        ({"a": b"bytes"}, "extra.a: must be JSON, got bytes"),
        ({5: "a"}, "extra: a key must be a str, got 5"),
        ({"a": [{None: "b"}]}, "extra.a[0]: a key must be a str, got None"),
        ({"a": "b\ud83d"}, r"extra.a: holds half a character ('\ud83d')"),
    ],
)
def test_what_is_no_json_is_refused_by_its_place(value: dict[Any, Any], fault: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        frozen_object(value, "extra")
    assert str(caught.value) == fault


def test_nesting_has_an_end() -> None:
    assert frozen_object(nested(MAX_DEPTH), "a") == nested(MAX_DEPTH)
    with pytest.raises(InvalidRequest, match=f"nested deeper than {MAX_DEPTH}$"):
        frozen_object(nested(MAX_DEPTH + 1), "a")


def test_json_text() -> None:
    assert json_text({"a": "ü", "b": (1,)}, "a") == '{"a": "ü", "b": [1]}'

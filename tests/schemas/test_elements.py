"""Elements of an array while its text comes in pieces."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.schemas.elements import Elements

PEOPLE = [
    {"name": 'Ann "the} [first', "age": 3, "pets": [{"name": "a}"}, {"name": "b{"}]},
    {"name": "back\\slash\\", "age": -1.5e3, "pets": []},
    {"name": "é\u2028😀", "age": None, "pets": [{"name": "c", "tags": [[], {}, [1]]}]},
]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def fed(pieces: list[str], wrapper: str | None = "items") -> tuple[list[Any], bool]:
    elements = Elements(wrapper)
    found = [each for piece in pieces for each in elements.feed(piece)]
    assert found == elements.values
    return found, elements.closed


def cut(text: str, *places: int) -> list[str]:
    edges = [0, *sorted(places), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "around", ["{}", "Here:\n```json\n{}\n```", '{{"items": {}}}', ' {{ "items" :\n{} }}']
)
def test_each_cut_in_two_gives_the_same_elements(around: str, indent: int | None) -> None:
    text = around.format(json.dumps(PEOPLE, ensure_ascii=False, indent=indent))
    for place in range(len(text) + 1):
        assert fed(cut(text, place)) == (PEOPLE, True), place


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
def test_pieces_of_one_size_give_the_same_elements(size: int) -> None:
    text = json.dumps(PEOPLE * 40)
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    assert fed(pieces) == (PEOPLE * 40, True)


@settings(deadline=None)
@given(st.lists(json_values, max_size=8), st.lists(st.integers(0, 400), max_size=9), st.booleans())
def test_any_array_in_any_cutting(values: list[Any], places: list[int], pretty: bool) -> None:
    text = json.dumps(values, indent=1 if pretty else None, ensure_ascii=pretty)
    assert fed(cut(text, *(min(place, len(text)) for place in places))) == (values, True)


@settings(deadline=None)
@given(st.lists(json_values, min_size=1, max_size=5), st.integers(0, 300))
def test_what_is_cut_off_gives_its_complete_elements(values: list[Any], end: int) -> None:
    text = json.dumps(values)
    found, closed = fed(list(text[:end]))
    assert found == values[: len(found)]
    assert closed is (end >= len(text))


def test_an_element_comes_with_the_piece_that_closes_it() -> None:
    elements = Elements(None)
    pieces = ["[", '{"a": [', "1]", "}", ", ", "2", "3", ",", '"x', '"', ",[]", "]"]
    assert [elements.feed(piece) for piece in pieces] == [
        *([], [], [], [{"a": [1]}], [], [], []),
        *([23], [], ["x"], [[]], []),
    ]
    assert elements.closed


@pytest.mark.parametrize(
    "text",
    [
        *("", "no JSON", '{"people": [1, 2]}', '{"a": {"items": [1]}}', "[see] [1]", "[,1]"),
        *('"[1]"', "[NaN]", "[1e999]", "[}", "[oops", "[1}"),
    ],
)
def test_what_is_no_array_gives_nothing(text: str) -> None:
    assert fed(list(text)) == ([], False)
    assert fed([text]) == ([], False)


@pytest.mark.parametrize("text", ["[1,]", "[1 2]", "[1, oops", '[1, "a\nb"]', "[1, {]}]"])
def test_a_broken_array_gives_what_came_before(text: str) -> None:
    assert fed(list(text)) == ([1], False)
    assert fed([text]) == ([1], False)


def test_a_large_element_in_small_pieces_costs_no_more_than_in_proportion() -> None:
    from time import thread_time

    def seconds(count: int) -> float:
        text = json.dumps([{"rows": [{"n": i, "t": "}"} for i in range(count)]}])
        pieces = [text[i : i + 8] for i in range(0, len(text), 8)]
        best = min(_timed(pieces, thread_time) for _ in range(3))
        return best / len(pieces)

    assert seconds(8000) < 10 * seconds(400)  # twenty times, if each piece cost all before it


def _timed(pieces: list[str], clock: Any) -> float:
    started = clock()
    assert len(fed(pieces)[0]) == 1
    return float(clock() - started)

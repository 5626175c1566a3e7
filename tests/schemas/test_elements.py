"""Elements of an array while its text comes in pieces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from time import thread_time
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.schemas.elements import Elements

PEOPLE = [
    {"name": 'Ann "the} [first', "age": 3, "pets": [{"name": "a}"}, {"name": "b{"}]},
    {"name": "back\\slash\\", "age": -1.5e3, "pets": []},
    {"name": "é\u2028😀", "age": None, "pets": [{"name": "c", "tags": [[], {}, [1]]}]},
]

ALIKE: list[Any] = [
    {"name": "Ann", "pets": []},
    {"name": "Bob", "pets": [{"name": "a"}, {"name": "b"}]},
    {"name": '"}, {"name": "', "pets": [{"name": "{"}]},
    {"name": "back\\", "n": [1, 2]},
    *("a, b", '", "', "", 1, -2.5, None, [[1], [2]], {}),
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
    found = [each for closed in elements.read(pieces) for each in closed]
    return found, elements.closed


def by_piece(pieces: list[str]) -> list[list[Any]]:
    """What each piece closes."""
    found: list[list[Any]] = []

    def given() -> Iterator[str]:
        for piece in pieces:
            found.append([])
            yield piece

    for closed in Elements("items").read(given()):
        assert not found[-1]
        found[-1] = closed
    return found


def cut(text: str, *places: int) -> list[str]:
    edges = [0, *sorted(places), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "around",
    [
        *("{}", "Here:\n```json\n{}\n```", '{{"items": {}}}', ' {{ "items" :\n{} }}'),
        " <think>Is it [1], <i>or\n</think >?</think>\n\n{}",
        "<p>{}</p>",
    ],
)
def test_each_cut_in_two_gives_the_same_elements(around: str, indent: int | None) -> None:
    text = around.format(json.dumps(PEOPLE, ensure_ascii=False, indent=indent))
    for place in range(len(text) + 1):
        assert fed(cut(text, place)) == (PEOPLE, True), place


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
def test_pieces_of_one_size_give_the_same_elements(size: int) -> None:
    for thoughts in ("", "<think>" + "[1] hm " * 50 + "</think>"):
        text = thoughts + json.dumps(PEOPLE * 40)
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
    pieces = ["[", '{"a": [', "1]", "}", ", ", "2", "3", ",", '"x', '"', ",[]", "]"]
    assert by_piece(pieces) == [
        *([], [], [], [{"a": [1]}], [], [], []),
        *([23], [], ["x"], [[]], []),
    ]


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


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(ALIKE), min_size=1, max_size=60) | st.lists(json_values, max_size=12),
    st.sampled_from(["{}", '{{"items": {}}}', '{}, [{{"name": 1}}, {{"name": 2}}]']),
    st.integers(2, 900),
    st.integers(0, 899),
    st.none() | st.integers(0, 3000),
)
def test_each_element_comes_with_the_piece_that_closes_it_however_the_text_is_cut(
    values: list[Any], around: str, size: int, first: int, broken_at: int | None
) -> None:
    text = around.format(json.dumps(values))
    if broken_at is not None:
        text = text[:broken_at] + text[broken_at + 1 :]
    by_character, pieces = by_piece([*text]), cut(text, *range(first, len(text), size))
    end = 0
    for piece, found in zip(pieces, by_piece(pieces), strict=False):
        start, end = end, end + len(piece)
        assert found == [each for closed in by_character[start:end] for each in closed]
    assert fed(pieces) == fed([*text])


def test_an_array_that_looks_like_the_first_is_not_read_on_into() -> None:
    rows = [{"name": "x" * 50, "n": n} for n in range(20)]
    text = f'{{"items": {json.dumps(rows)}, "more": {json.dumps(rows)}}}'
    for size in (1, 450, 1000, len(text)):
        assert fed([text[i : i + size] for i in range(0, len(text), size)]) == (rows, True)


@pytest.mark.parametrize(
    ("beginning", "repeated"),
    [
        *(('{"items"', " "), ("[", "["), ('[{"a": [', '{"n": "}"}, ')),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in (
                *(("[", "1"), ("[1", " "), ("", "words "), ('["', '\\"'), ('[{"a": "', "}")),
                *(("[", "x"), ('[{"a": 1}', ", "), ('["a", "', "\\\\"), ("[{}, {", '"a": {}, ')),
            )
        ),
    ],
)
def test_small_pieces_of_a_text_that_does_not_end_cost_no_more_than_in_proportion(
    beginning: str, repeated: str
) -> None:
    def seconds_a_piece(characters: int) -> float:
        text = beginning + repeated * (characters // len(repeated))
        pieces = [text[i : i + 4] for i in range(0, len(text), 4)]
        return min(_timed(pieces) for _ in range(3)) / len(pieces)

    # Twenty times, if each piece cost all before it.
    assert seconds_a_piece(400_000) < 10 * seconds_a_piece(20_000)


def _timed(pieces: list[str]) -> float:
    started = thread_time()
    fed(pieces)
    return thread_time() - started

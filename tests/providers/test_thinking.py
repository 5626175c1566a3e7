from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from g4fsync.events import Reasoning
from g4fsync.providers.thinking import ThinkTags


def split(pieces: Sequence[str]) -> list[str | Reasoning]:
    """What comes out, neighbours of one kind put together."""
    tags = ThinkTags()
    items = [item for piece in pieces for item in tags.feed(piece)]
    items += tags.close()
    result: list[str | Reasoning] = []
    for item in items:
        last = result[-1] if result else None
        if isinstance(item, str) and isinstance(last, str):
            result[-1] = last + item
        elif isinstance(item, Reasoning) and isinstance(last, Reasoning):
            result[-1] = Reasoning(last.text + item.text)
        else:
            result.append(item)
    return result


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", []),
        ("a", ["a"]),
        ("<think>a</think>b", [Reasoning("a"), "b"]),
        ("a<think>b</think>c<think>d</think>", ["a", Reasoning("b"), "c", Reasoning("d")]),
        ("<think></think>a", ["a"]),
        ("<think>a", [Reasoning("a")]),
        ("<think>a</thin", [Reasoning("a</thin")]),
        ("a<thin", ["a<thin"]),
        ("a</think>b", ["a</think>b"]),
        ("<<think>a<</think>b", ["<", Reasoning("a<"), "b"]),
        ("<think>a<think>b</think>", [Reasoning("a<think>b")]),
        ("a < b, a <t> b", ["a < b, a <t> b"]),
    ],
)
def test_what_is_answer_and_what_is_reasoning(text: str, items: list[str | Reasoning]) -> None:
    assert split([text]) == items
    assert split(list(text)) == items


def test_text_that_can_be_no_tag_is_not_held_back() -> None:
    tags = ThinkTags()
    assert list(tags.feed("a < b <th")) == ["a < b "]
    assert list(tags.feed("e")) == ["<the"]


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "/", "think", "t", ">", "a", "🙂"])))
def test_any_cutting_gives_the_same(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert split(pieces) == split([text]) == split(list(text))

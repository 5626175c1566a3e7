from __future__ import annotations

from typing import Any

import pytest

from g4fsync.providers import fields


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ("", ""),
        (None, ""),
        (0, "0"),
        (1.5, "1.5"),
        (True, "true"),
        ({}, "{}"),
        ({"a": "é"}, '{"a": "é"}'),
        ({"type": "text", "text": "a"}, "a"),
        ({"type": "text", "text": 1}, "1"),
        # In JSON mode an answer may have such a member of its own.
        ({"type": "person", "text": "a"}, '{"type": "person", "text": "a"}'),
        ([], ""),
        (["a", "b"], "ab"),
        (["a", {"type": "text", "text": "b"}, {"text": "c"}, {"type": "image"}], "abc"),
        ([7], "[7]"),
        (["a", 1], '["a", 1]'),
        ([["a"]], '[["a"]]'),
    ],
)
def test_text_in_every_shape(value: Any, text: str) -> None:
    assert fields.text(value) == text


@pytest.mark.parametrize(
    ("value", "thought"),
    [("a", "a"), (0, "0"), (["a", {"type": "text", "text": "b"}], "ab"), (None, "")]
    + [(other, "") for other in (True, {}, {"a": 1}, [{"a": 1}], [1])],
)
def test_thoughts_of_an_unknown_shape_are_left_out(value: Any, thought: str) -> None:
    assert fields.thought(value, "thinking") == thought


def test_the_log_names_what_was_left_out_and_never_its_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG", "g4fsync.providers")
    assert fields.mapping("secret", "usage") == {}
    assert fields.mapping(None, "usage") == {}
    assert fields.mapping({"a": 1}, "usage") == {"a": 1}
    assert list(fields.mappings([{"a": 1}, "secret"], "calls")) == [{"a": 1}]
    assert list(fields.mappings({"a": 1}, "calls")) == [{"a": 1}]
    assert list(fields.mappings("secret", "calls")) == []
    assert list(fields.mappings(None, "calls")) == []
    assert fields.text([{"type": "image"}]) == ""
    assert [record.getMessage() for record in caplog.records] == [
        "left out: usage of type str",
        "left out: calls of type str",
        "left out: calls of type str",
        "left out: part 'image' of type dict",
    ]


@pytest.mark.parametrize(
    ("value", "word"), [("stop", "stop"), ("null", ""), ("", ""), (None, ""), (1, ""), ([], "")]
)
def test_words(value: Any, word: str) -> None:
    assert fields.word(value, "finish_reason") == word


def test_a_total_is_known_when_all_its_parts_are() -> None:
    assert (fields.total(1, 2), fields.total(0, 0), fields.total(1, None)) == (3, 0, None)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "{}"), ({}, "{}"), ({"a": "é"}, '{"a": "é"}'), ('{"a":1}', '{"a":1}')],
)
def test_arguments_as_text(value: Any, text: str) -> None:
    assert fields.object_text(value) == text

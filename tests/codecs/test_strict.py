from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.codecs import strict
from g4fsync.errors import BODY_BYTES, ProtocolError

many = settings(deadline=None)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"Hel"', "Hel"),
        (' \t\r\n{"a": [1, -2.5, true, null]} \n', {"a": [1, -2.5, True, None]}),
        ('{"a":1,"a":2}', {"a": 2}),
        ('"\\ud83d\\ude42"', "🙂"),
        ('"\\ud83d"', "\ud83d"),
        ('"\u2028\x85"', "\u2028\x85"),
        ("1e-999", 0.0),
    ],
)
def test_one_json_value_is_read(text: str, value: Any) -> None:
    assert strict.parse(text) == value


def test_bytes_are_utf_8() -> None:
    assert strict.parse('"Привет"'.encode()) == "Привет"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "hello",
        "NaN",
        "[Infinity]",
        '{"a":-Infinity}',
        "1e999",
        "[-1e999]",
        "9" * 5000,
        '{"a":1} {"b":2}',
        '"a"x',
        '"a\n"',
        '{"a":',
        "{'a':1}",
        "\ufeff1",
        "\x0c1",
        "\u00a01",
        "01",
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_what_is_not_one_json_value_is_a_protocol_error(text: str) -> None:
    with pytest.raises(ProtocolError):
        strict.parse(text)
    with pytest.raises(ProtocolError):
        strict.parse(text.encode())


@pytest.mark.parametrize("octets", [b'"\xff"', b'"\xd0', b"\xed\xa0\xbd", b'"\xc0\x80"'])
def test_bytes_that_are_not_utf_8_are_a_protocol_error(octets: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"^expected JSON, got b'"):
        strict.parse(octets)


def test_an_error_shows_a_cut_and_keeps_evidence() -> None:
    with pytest.raises(ProtocolError) as caught:
        strict.parse("<" * 5000)
    assert str(caught.value) == "expected JSON, got '" + "<" * 80 + "'"
    assert caught.value.evidence == "<" * BODY_BYTES


def test_evidence_of_bytes_that_are_no_text_is_text() -> None:
    with pytest.raises(ProtocolError) as caught:
        strict.parse(b"a\xff")
    assert str(caught.value) == "expected JSON, got b'a\\xff'"
    assert caught.value.evidence == "a\\xff"


def test_garbage_after_a_value_is_named_so() -> None:
    with pytest.raises(ProtocolError, match=r"^expected one JSON value, got '1 2'$"):
        strict.parse("1 2")


@given(values)
@many
def test_what_json_writes_is_read_back(value: Any) -> None:
    assert strict.parse(json.dumps(value)) == value
    assert strict.parse(json.dumps(value).encode()) == value


@given(st.text() | st.binary())
@many
def test_garbage_gives_a_value_or_a_protocol_error(text: str | bytes) -> None:
    try:
        strict.parse(text)
    except ProtocolError:
        pass

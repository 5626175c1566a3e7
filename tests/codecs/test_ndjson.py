from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.codecs.ndjson import RecordDecoder
from g4fsync.errors import G4FSyncError, ProtocolError, StreamTruncated

many = settings(deadline=None)

LINES = [
    b'{"a":1}',
    b"[1,",
    b"2]",
    '"Привет\u2028"'.encode(),
    b"",
    b" ",
    b"\xef\xbb\xbf",
    b"{",
    b"NaN",
    b"\xff",
]
bodies = st.lists(
    st.tuples(st.sampled_from(LINES), st.sampled_from([b"\n", b"\r\n", b"\r", b""])).map(b"".join)
).map(b"".join)


def outcome(pieces: list[bytes]) -> tuple[list[Any], type[G4FSyncError] | None]:
    """All values up to the end or the error, and the error."""
    decoder, values = RecordDecoder(), []
    try:
        for piece in pieces:
            for value in decoder.feed(piece):  # keeps those before an error
                values.append(value)
        values += decoder.close()
    except G4FSyncError as error:
        return values, type(error)
    return values, None


def test_one_value_a_line() -> None:
    assert outcome([b'{"a":1}\n[2]\r\n"x"\n']) == ([{"a": 1}, [2], "x"], None)


def test_blank_lines_are_skipped() -> None:
    assert outcome([b"\n\r\n 1\n \t\n2 \n\n  "]) == ([1, 2], None)


def test_only_lf_ends_a_line() -> None:
    text = "a\u2028b\x85c"
    assert outcome([b"[1,\r2]\n", f'"{text}"\n'.encode()]) == ([[1, 2], text], None)


@pytest.mark.parametrize("cut", range(6))
def test_one_bom_at_the_start_is_skipped(cut: int) -> None:
    body = b"\xef\xbb\xbf1\n"
    assert outcome([body[:cut], body[cut:]]) == ([1], None)


def test_a_later_bom_is_a_protocol_error() -> None:
    assert outcome([b"1\n\xef\xbb\xbf2\n"]) == ([1], ProtocolError)


@pytest.mark.parametrize("body", [b"", b"\xef\xbb\xbf", b"\xef\xbb\xbf \r", b" "])
def test_a_body_without_values_is_empty(body: bytes) -> None:
    assert outcome([body]) == ([], None)


@pytest.mark.parametrize("text", [b'{"a":1}', b"[1]", b"{}", b" [] "])
def test_a_last_object_or_array_needs_no_line_end(text: bytes) -> None:
    for body in (b"\xef\xbb\xbf" + text, b"1\n" + text):
        assert outcome([body]) == outcome([body + b"\n"])


@pytest.mark.parametrize(
    "rest", [b'{"a":', b'"\xd0', b"\xef\xbb", b"{} {", b"1", b'"a"', b"null", b"true"]
)
def test_half_a_value_at_the_end_is_truncated(rest: bytes) -> None:
    decoder = RecordDecoder()
    assert list(decoder.feed(b"1\n" + rest)) == [1]
    with pytest.raises(StreamTruncated, match=r"^the record stream ended inside a record$"):
        decoder.close()


PRETTY = b'{\n  "a": [\n    1,\n    2\n  ]\n}\n'


@pytest.mark.parametrize("body", [PRETTY, PRETTY[:-1], b"\n\xef\xbb\xbf"[1:] + PRETTY + b"\n\n"])
def test_one_value_may_go_over_many_lines(body: bytes) -> None:
    assert outcome([body]) == ([{"a": [1, 2]}], None)
    assert outcome([body[i : i + 1] for i in range(len(body))]) == ([{"a": [1, 2]}], None)


@pytest.mark.parametrize("length", range(1, len(PRETTY) - 1))
def test_one_value_over_many_lines_is_cut_anywhere_before_its_end(length: int) -> None:
    assert outcome([PRETTY[:length]]) == ([], StreamTruncated)


def test_only_the_first_value_may_go_over_many_lines() -> None:
    assert outcome([b"1\n" + PRETTY]) == ([1], ProtocolError)


def test_a_value_over_many_lines_has_the_limit_of_a_line() -> None:
    decoder = RecordDecoder(max_record_bytes=4)
    with pytest.raises(ProtocolError, match=r"^a record is longer than 4 bytes$"):
        list(decoder.feed(b"[\n1,\n2,\n3"))


def test_values_before_a_broken_line_are_given() -> None:
    values = RecordDecoder().feed(b"1\nhello\n2\n")
    assert next(values) == 1
    with pytest.raises(ProtocolError, match=r"^expected JSON, got 'hello'$"):
        next(values)


def test_a_record_over_the_limit_is_refused() -> None:
    decoder = RecordDecoder(max_record_bytes=4)
    assert list(decoder.feed(b"1234\n")) == [1234]
    with pytest.raises(ProtocolError, match=r"^a line is longer than 4 bytes$"):
        list(decoder.feed(b"12345"))


@given(bodies, st.lists(st.integers(min_value=0)))
@many
def test_any_cutting_gives_the_same_values(body: bytes, cuts: list[int]) -> None:
    edges = sorted(cut % (len(body) + 1) for cut in cuts)
    pieces = [body[a:b] for a, b in zip([0, *edges], [*edges, len(body)], strict=True)]
    single = [body[i : i + 1] for i in range(len(body))]
    assert outcome(pieces) == outcome([body]) == outcome(single)


@given(st.lists(st.binary()))
@many
def test_garbage_gives_our_errors_or_nothing(pieces: list[bytes]) -> None:
    assert outcome(pieces)[1] in (None, ProtocolError, StreamTruncated)


@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text())))
@many
def test_any_records_come_through(records: list[dict[str, Any]]) -> None:
    body = "".join(json.dumps(record) + "\n" for record in records).encode()
    assert outcome([body]) == (records, None)

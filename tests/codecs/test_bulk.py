"""The fast path gives exactly the plain decoder's values, or none at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from g4fsync.codecs import bulk
from g4fsync.codecs.ndjson import RecordDecoder
from g4fsync.codecs.sse import SSEDecoder
from g4fsync.errors import ProtocolError

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
# Pieces that put together look like regular blocks, and like traps for the shortcut.
fragments = st.sampled_from(
    [b"data: ", b"data:", b"\n\n", b"\n", b"event: x\n", b"event: error\n", b": c\n", b"\r"]
    + [b'{"a":1}', b'{"a":[', b"1", b"2", b"]}", b"[", b"]", b",", b"{", b"}", b" ", b"[DONE]"]
    + [b'"t"', b'"', b"\xd0", b"NaN", b"\xef\xbb\xbf", b"id: 1\n", b"\x00"]
)


def plain_events(block: bytes) -> list[Any]:
    decoder = SSEDecoder()
    values = [event.json() for event in decoder.feed(b":\n\n" + block)]
    decoder.close()
    return values


def plain_records(block: bytes) -> list[Any]:
    decoder = RecordDecoder()
    return list(decoder.feed(b"\n" + block))


def same(a: Any, b: Any) -> bool:
    return json.dumps(a) == json.dumps(b)  # tells 1 from 1.0 and from True


@settings(deadline=None, max_examples=500)
@given(st.lists(fragments, max_size=14).map(b"".join))
@example(b"data: [1\n\ndata: 2]\n\n")
@example(b"data: [1\n\ndata: 2],3\n\n")
@example(b'data: {"a":[{"b":1}\n\ndata: {"c":2}],"d":3},{"e":4}\n\n')
@example(b"data: 1\n\n,2\n\n")
@example(b"data: 1,2\n\n")
def test_events_taken_together_are_what_the_decoder_gives(block: bytes) -> None:
    values = bulk.event_values(block)
    if values is not None:
        assert same(values, plain_events(block))


@settings(deadline=None, max_examples=500)
@given(st.lists(fragments, max_size=14).map(b"".join))
@example(b"[1\n2]\n")
@example(b"[1\n2],3\n")
@example(b"1,2\n")
@example(b"\n")
@example(b"1\n\n2\n")
def test_records_taken_together_are_what_the_decoder_gives(block: bytes) -> None:
    block += b"\n"
    values = bulk.record_values(block)
    if values is not None:
        assert same(values, plain_records(block))


@settings(deadline=None)
@given(st.lists(json_values, min_size=1, max_size=6), st.booleans())
def test_regular_blocks_do_take_the_fast_path(values: list[Any], ascii_only: bool) -> None:
    lines = [
        json.dumps(value, ensure_ascii=ascii_only).encode(errors="replace") for value in values
    ]
    events = b"".join(b"data: %b\n\n" % line for line in lines)
    named = b"".join(b"event: delta\ndata: %b\n\n" % line for line in lines)
    records = b"".join(b"%b\n" % line for line in lines)
    expected = [json.loads(line) for line in lines]
    assert same(bulk.event_values(events), expected)
    assert same(bulk.event_values(named), expected)
    assert same(bulk.record_values(records), expected)


@pytest.mark.parametrize(
    "block",
    [b"", b"\n\n", b"data: 1", b"data: 1\n", b"data:1\n\n", b"event: error\ndata: 1\n\n"]
    + [b"data: 1\r\n\r\n", b"data: 1\n\n: ping\n\n", b"data: [DONE]\n\n", b"data: \n\n"]
    + [b"event: a\ndata: 1\n\nevent: b\ndata: 2\n\n", b"data: NaN\n\n", b"data: \xff\n\n"],
)
def test_anything_unusual_is_left_to_the_decoder(block: bytes) -> None:
    assert bulk.event_values(block) is None


def test_values_that_swallow_a_separator_are_noticed_though_they_parse_together() -> None:
    block = b'data: {"a":[{"b":1}\n\ndata: {"c":2}],"d":3}\n\n'
    assert bulk.event_values(block) is None
    with pytest.raises(ProtocolError):
        plain_events(block)

"""A body is read by what its first bytes say, whatever its content type."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.codecs.bulk import BulkReader
from g4fsync.errors import G4FSyncError, ProtocolError, ProviderError, StreamTruncated
from g4fsync.testing import Reply, ScriptedTransport

VALUES = [{"a": 1}, {"b": [2, "\u2028"]}, {"c": None}]
EVENTS = b"".join(b"data: %b\n\n" % json.dumps(value).encode() for value in VALUES)
LINES = b"".join(b"%b\n" % json.dumps(value).encode() for value in VALUES)
TYPES = ["", "text/event-stream", "text/plain", "application/json", "application/x-ndjson"]
TYPES += ["text/html; charset=utf-8", "application/octet-stream", "application/stream+json"]


def read(how: str, pieces: list[bytes], media_type: str = "") -> tuple[list[Any], Any, bool]:
    """The values read, the class of the error, and whether the body said that it was done."""
    headers = {"Content-Type": media_type} if media_type else {}
    response = ScriptedTransport({"GET /": Reply(pieces, headers=headers)}).get("/")
    values = []
    try:
        for value in getattr(response, how)():
            values.append(value)
    except G4FSyncError as error:
        return values, type(error), response.done
    return values, None, response.done


def single(body: bytes) -> list[bytes]:
    return [body[i : i + 1] for i in range(len(body))]


@pytest.mark.parametrize("media_type", TYPES)
@pytest.mark.parametrize("start", [b"", b"\n\r\n", b"\xef\xbb\xbf", b"\n\n\n"])
@pytest.mark.parametrize("how", ["values", "records"])
@pytest.mark.parametrize("body", [EVENTS, LINES, b": ping\n\n" + EVENTS, b"event: x\n" + EVENTS])
def test_the_first_bytes_tell_events_from_lines(
    how: str, body: bytes, start: bytes, media_type: str
) -> None:
    assert read(how, [start + body], media_type) == (VALUES, None, False)
    assert read(how, single(start + body), media_type) == (VALUES, None, False)


@pytest.mark.parametrize("media_type", TYPES)
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("end", ["", "\n", "\r\n\r\n"])
@pytest.mark.parametrize("value", [{"a": [1, {"b": 2}]}, [{"a": 1}, {"a": 2}]])
def test_one_json_value_of_any_shape_is_done_at_its_end(
    value: Any, end: str, indent: int | None, media_type: str
) -> None:
    body = (" \n" + json.dumps(value, indent=indent) + end).encode()
    assert read("values", [body], media_type) == ([value], None, True)
    assert read("values", single(body), media_type) == ([value], None, True)


@pytest.mark.parametrize("media_type", TYPES)
def test_half_a_json_value_is_cut(media_type: str) -> None:
    body = json.dumps({"a": [1, {"b": 2}]}, indent=1).encode()
    for length in range(1, len(body)):
        assert read("values", [body[:length]], media_type) == ([], StreamTruncated, False)


def test_events_labelled_json_are_read_as_events() -> None:
    values, error, _ = read("events", [EVENTS], "application/json")
    assert ([event.json() for event in values], error) == (VALUES, None)


def test_done_says_that_it_came() -> None:
    for done in (b"data: [DONE]\n\n", b"data:[DONE]\r\n\r\n", b"event: x\ndata: [DONE] \n\n"):
        assert read("values", [EVENTS + done + b"data: hello\n\n"]) == (VALUES, None, True)
    assert read("values", [b"data: [DONE]\n\n"]) == ([], None, True)
    assert read("values", [EVENTS]) == (VALUES, None, False)


@pytest.mark.parametrize("blank", [b"data:\n\n", b"data: \n\n", b"event: ping\ndata:  \n\n"])
def test_an_event_with_blank_data_says_nothing(blank: bytes) -> None:
    first, rest = EVENTS[:16], EVENTS[16:]
    assert first.endswith(b"\n\n")
    body = blank + first + blank + blank + rest + blank
    assert read("values", [body]) == (VALUES, None, False)
    assert read("values", single(body)) == (VALUES, None, False)
    assert read("values", [blank]) == ([], StreamTruncated, False)


def test_an_error_with_blank_data_is_an_error() -> None:
    values, _, _ = read("values", [EVENTS + b"event: error\ndata:\n\n"])
    assert values == [*VALUES, {"error": {"message": "an error without a word about it"}}]


@pytest.mark.parametrize("media_type", TYPES)
@pytest.mark.parametrize("how", ["values", "records", "events"])
def test_a_page_is_one_however_it_is_cut_or_labelled(how: str, media_type: str) -> None:
    page = b"\n <!DOCTYPE html><title>no</title>"
    for pieces in ([page], single(page)):
        assert read(how, pieces, media_type) == ([], ProviderError, False)


def test_what_begins_like_no_stream_is_a_protocol_error() -> None:
    assert read("values", [b"<?xml version='1.0'?><Error/>"]) == ([], ProtocolError, False)
    assert read("values", [b"hello\n"], "application/json") == ([], ProtocolError, False)
    assert read("values", [b"hello"]) == ([], StreamTruncated, False)
    assert read("records", [b"hello\n"]) == ([], ProtocolError, False)


# -- the fast path and the plain one -----------------------------------------

TOKENS = [{"choices": [{"delta": {"content": word}}]} for word in ("one", "two", "three", "four")]
FAULTS = [b"{", b"{]", b"NaN", b'"\xff"', b"1 2", b"1" * 5000, b"[" * 100_000]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("how", ["values", "records"])
@pytest.mark.parametrize("before", [0, 1, 4, 8])
def test_what_came_before_a_fault_in_one_block_is_given_first(
    how: str, fault: bytes, before: int
) -> None:
    form = b"data: %b\n\n" if how == "values" else b"%b\n"
    tokens = [*TOKENS, *TOKENS][:before]
    good = [form % json.dumps(value).encode() for value in tokens]
    first = form % b"{}"
    block = b"".join([*good, form % fault, *good])
    for pieces in ([first + block], [first, block], single(first + block[:2000]) + [block[2000:]]):
        values, error, _ = read(how, pieces)
        assert values == [{}, *tokens]
        assert error is ProtocolError


contents = st.sampled_from(["word", "", " ", "\u2028", "\n", 0, 1.5, None, ["x"], {"a": 1}])
chunks = st.fixed_dictionaries(
    {"content": contents},
    optional={"reasoning": st.sampled_from(["hm", {"text": "hm"}]), "role": st.just("assistant")},
).map(lambda delta: json.dumps({"choices": [{"delta": delta, "finish_reason": None}]}).encode())
events = st.one_of(
    chunks.map(lambda data: b"data: " + data),
    chunks.map(lambda data: b"event: message\ndata:" + data),
    chunks.map(lambda data: b"data: data: " + data),
    st.sampled_from(
        [b"data:", b"data: ", b"event: ping\ndata: ", b": ping", b"data: null", b"data: [DONE]"]
        + [b"event: error\ndata: {}", b"error: {}", b"data: {", b'{"error": 1}', b"id: 1"]
        + [b'data: {"choices": [], "usage": {"total_tokens": 1}}', b"retry: 5\ndata: 0"]
        + [b"event: ping\ndata: 2024-04-07", b"event: end\ndata: bye", b"data: error: x"]
        + [b"event: error\ndata: gone", b"data: [done]", b'data: {"a":\ndata: 1}', b"data: {}"]
    ),
)
lines = chunks | st.sampled_from([b"", b" ", b"0", b"null", b"{", b"[1,", b"2]", b"[DONE]"])


@settings(deadline=None)
@given(
    st.lists(events, min_size=1, max_size=12),
    st.sampled_from([b"\n\n", b"\r\n\r\n", b"\n\n\n", b"\n"]),
    st.lists(st.integers(0), max_size=3),
)
def test_any_cutting_of_events_gives_the_same_values(
    body: list[bytes], end: bytes, cuts: list[int]
) -> None:
    same_for_any_cutting("values", b": start\n\n" + b"".join(each + end for each in body), cuts)


@settings(deadline=None)
@given(st.lists(lines, min_size=1, max_size=12), st.lists(st.integers(0), max_size=3))
def test_any_cutting_of_lines_gives_the_same_values(body: list[bytes], cuts: list[int]) -> None:
    same_for_any_cutting("records", b"\n".join(body), cuts)


def same_for_any_cutting(how: str, body: bytes, cuts: list[int]) -> None:
    edges = sorted(cut % (len(body) + 1) for cut in cuts)
    pieces = [body[a:b] for a, b in zip([0, *edges], [*edges, len(body)], strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BulkReader, "events", lambda *_: None)
        patch.setattr(BulkReader, "records", lambda *_: None)
        plain = json.dumps(read(how, [body])[0]), *read(how, [body])[1:]
    for cutting in ([body], pieces, single(body)):
        values, error, done = read(how, cutting)
        assert (json.dumps(values), error, done) == plain  # the text tells 1 from 1.0 and True

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.codecs.sse import MAX_EVENT_BYTES, RAW, ServerSentEvent, SSEDecoder
from g4fsync.errors import G4FSyncError, ProtocolError, StreamTruncated

many = settings(deadline=None)

LINES = [
    b'data: {"a":1}',
    b"data",
    b"data:",
    "data: Привет".encode(),
    b"event: e",
    b"error: x",
    b"id: 1",
    b"id",
    b"id: \0",
    b"retry: 10",
    b": ping",
    b"unknown: x",
    b'{"error": {',
    b"}}",
    b"[1]",
    b"\xef\xbb\xbf",
    b"data: \xff",
    b"",
    b"",
]
bodies = st.lists(
    st.tuples(st.sampled_from(LINES), st.sampled_from([b"\n", b"\r\n", b"\r", b""])).map(b"".join)
).map(b"".join)

Outcome = tuple[list[ServerSentEvent], type[G4FSyncError] | None]


def decode(*pieces: bytes, max_event_bytes: int = MAX_EVENT_BYTES) -> list[ServerSentEvent]:
    decoder = SSEDecoder(max_event_bytes=max_event_bytes)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def outcome(pieces: list[bytes]) -> Outcome:
    """All events up to the end or the error, and the error."""
    decoder, events = SSEDecoder(), []
    try:
        for piece in pieces:
            for event in decoder.feed(piece):  # keeps those before an error
                events.append(event)
        events += decoder.close()
    except G4FSyncError as error:
        return events, type(error)
    return events, None


def one_by_one(body: bytes) -> list[bytes]:
    return [body[i : i + 1] for i in range(len(body))]


# The examples of the standard, section 9.2.6.


def test_spec_example_stock_ticker() -> None:
    assert decode(b"data: YHOO\ndata: +2\ndata: 10\n\n") == [ServerSentEvent(data="YHOO\n+2\n10")]


def test_spec_example_comment_id_reset_and_one_space() -> None:
    body = (
        b": test stream\n\ndata: first event\nid: 1\n\n"
        b"data:second event\nid\n\ndata:  third event\n\n"
    )
    assert decode(body) == [
        ServerSentEvent(data="first event", id="1"),
        ServerSentEvent(data="second event"),
        ServerSentEvent(data=" third event"),
    ]


def test_spec_example_empty_data() -> None:
    decoder = SSEDecoder()
    assert list(decoder.feed(b"data\n\ndata\ndata\n\ndata:")) == [
        ServerSentEvent(data=""),
        ServerSentEvent(data="\n"),
    ]
    with pytest.raises(StreamTruncated):
        decoder.close()


def test_spec_example_space_after_the_colon_is_optional() -> None:
    assert decode(b"data:test\n\ndata: test\n\n") == [ServerSentEvent(data="test")] * 2


# The rules.


def test_defaults_are_those_of_the_standard() -> None:
    assert ServerSentEvent() == ServerSentEvent("message", "", "", None)


def test_line_ends_may_be_mixed() -> None:
    assert decode(b"data: a\r\n\r\ndata: b\r\rdata: c\n\n") == [
        ServerSentEvent(data=text) for text in "abc"
    ]


def test_event_is_given_at_its_last_cr() -> None:
    decoder = SSEDecoder()
    assert list(decoder.feed(b"data: a\r\n\r")) == [ServerSentEvent(data="a")]
    assert list(decoder.feed(b"\n")) == []
    assert decoder.close() == []


@pytest.mark.parametrize("cut", range(12))
def test_one_bom_at_the_start_is_skipped(cut: int) -> None:
    body = b"\xef\xbb\xbfdata: a\n\n"
    assert decode(body[:cut], body[cut:]) == [ServerSentEvent(data="a")]


def test_a_second_bom_is_part_of_the_field_name() -> None:
    assert decode(b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n") == []


def test_a_body_of_a_bom_alone_is_empty() -> None:
    assert decode(b"\xef\xbb\xbf") == []


def test_event_name_lasts_for_one_event() -> None:
    assert decode(b"event: e\ndata: a\n\ndata: b\n\n") == [
        ServerSentEvent("e", "a"),
        ServerSentEvent("message", "b"),
    ]


def test_event_name_without_data_is_forgotten() -> None:
    assert decode(b"event: e\n\ndata: a\n\n") == [ServerSentEvent(data="a")]


def test_an_empty_event_name_is_message() -> None:
    assert decode(b"event: e\nevent\ndata: a\n\n") == [ServerSentEvent(data="a")]


def test_id_lasts_until_the_next_also_from_a_block_without_data() -> None:
    assert decode(b"id: 1\n\ndata: a\n\ndata: b\n\n") == [
        ServerSentEvent(data="a", id="1"),
        ServerSentEvent(data="b", id="1"),
    ]


def test_id_with_nul_is_ignored() -> None:
    assert decode(b"id: 1\nid: 2\x003\ndata: a\n\n") == [ServerSentEvent(data="a", id="1")]


@pytest.mark.parametrize(
    ("value", "retry"),
    [
        (b"1500", 1500),
        (b"007", 7),
        (b"", None),
        (b"1.5", None),
        (b"-1", None),
        (b" 1", None),
        ("٣".encode(), None),
        ("²".encode(), None),
        (b"9" * 16, None),
        (b"9" * 5000, None),
    ],
)
def test_retry_is_ascii_digits_only(value: bytes, retry: int | None) -> None:
    assert decode(b"retry: " + value + b"\ndata: a\n\ndata: b\n\n") == [
        ServerSentEvent(data="a", retry=retry),
        ServerSentEvent(data="b"),
    ]


def test_field_names_are_told_by_case_and_to_the_letter() -> None:
    assert decode(b"Data: a\n data: b\ndata : c\ndatax: d\n\n") == []


def test_a_value_keeps_its_colons_and_all_but_one_space() -> None:
    assert decode(b"data:  a: b:c \n\n") == [ServerSentEvent(data=" a: b:c ")]


def test_comments_do_not_end_or_begin_an_event() -> None:
    assert decode(b": x\ndata: a\n: ping\ndata: b\n\n: ping\n") == [ServerSentEvent(data="a\nb")]


def test_separators_of_str_splitlines_do_not_cut() -> None:
    text = "a\u2028b\x85c\x0bd\x1ee"
    assert decode(f"data: {text}\n\n".encode()) == [ServerSentEvent(data=text)]


def test_json_is_strict() -> None:
    assert ServerSentEvent(data='{"a":1}').json() == {"a": 1}
    with pytest.raises(ProtocolError):
        ServerSentEvent(data="[NaN]").json()


# Where we leave the standard.


@pytest.mark.parametrize(
    "line", [b"data: \xff", b": \xff", b"unknown: \xd0", b"data: \xed\xa0\x80"]
)
def test_a_line_that_is_not_utf_8_is_a_protocol_error(line: bytes) -> None:
    decoder = SSEDecoder()
    events = decoder.feed(b"data: a\n\n" + line + b"\n\n")
    assert next(events) == ServerSentEvent(data="a")
    with pytest.raises(ProtocolError, match=r"^expected UTF-8, got b'") as caught:
        next(events)
    assert caught.value.evidence == line.decode(errors="backslashreplace")


@pytest.mark.parametrize(
    "end",
    [
        b"data: b",
        b"data: b\n",
        b"data: b\r\n",
        b"data: \xd0",
        b"d",
        b"id: 1\n",
        b"retry: 1\n",
        b"event: e\n",
        b"unknown: x\n",
        b": pi",
        b"\xef\xbb",
        b"data: b\n: ping\n",
    ],
)
def test_a_body_that_ends_inside_an_event_is_truncated(end: bytes) -> None:
    decoder = SSEDecoder()
    assert list(decoder.feed(b"data: a\n\n" + end)) == [ServerSentEvent(data="a")]
    with pytest.raises(StreamTruncated, match=r"^the event stream ended inside an event$"):
        decoder.close()


@pytest.mark.parametrize("end", [b"", b"\n", b": ping\n", b": ping\n\n", b"\r\n: ping\r"])
def test_a_body_that_ends_between_events_is_whole(end: bytes) -> None:
    assert decode(b"data: a\n\n" + end) == [ServerSentEvent(data="a")]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n"])
def test_done_needs_no_blank_line(end: bytes) -> None:
    events = [ServerSentEvent(data="a"), ServerSentEvent(data="[DONE]")]
    assert decode(b"data: a\n\ndata: [DONE]" + end) == events
    assert decode(b"data: a\n\ndata:[DONE]" + end) == events


def objects(body: bytes, *, cut: int = 0) -> list[str]:
    decoder = SSEDecoder(splits_objects=True)
    data = [event.data for event in decoder.feed(body[:cut])]
    data += [event.data for event in decoder.feed(body[cut:])]
    return data + [event.data for event in decoder.close()]


def test_objects_without_blank_lines_between_them_are_events_of_their_own() -> None:
    body = b'data: {"a":{}}\ndata: null\ndata:{"b":1}\nid: 1\ndata: {"c":2}\ndata: [DONE]'
    expected = ['{"a":{}}', "null", '{"b":1}', '{"c":2}', "[DONE]"]
    for cut in range(1, len(body)):
        assert objects(body, cut=cut) == expected
        with pytest.raises(StreamTruncated):
            objects(body[:cut])


@pytest.mark.parametrize("indent", [None, 0, 1, "\t"])
def test_one_value_over_many_lines_is_one_event(indent: Any) -> None:
    value: Any = {"a": [{"b": {}}, {"c": [{}, {"d": "}"}]}], "e": {"f": {}}, "g": None}
    text = json.dumps(value, indent=indent)
    body = "".join(f"data: {line}\n" for line in text.split("\n"))
    assert objects(f"{body}\n".encode()) == [text]


def test_text_over_many_lines_is_not_split() -> None:
    assert decode(b"data: {a}\ndata: {b}\n\n") == [ServerSentEvent(data="{a}\n{b}")]


@pytest.mark.parametrize("end", [b"data: [DONE", b"data: [DONE]\ndata: a", b"data: [DONE] \n"])
def test_what_only_begins_like_done_is_truncated(end: bytes) -> None:
    with pytest.raises(StreamTruncated, match=r"^the event stream ended inside an event$"):
        decode(b"data: a\n\n" + end)


def test_a_field_named_error_is_an_error_event() -> None:
    assert decode(b'error: {"code":500}\n\ndata: [DONE]\n\n') == [
        ServerSentEvent("error", '{"code":500}'),
        ServerSentEvent(data="[DONE]"),
    ]


RAW_ERROR = '{\n  "error": {\n    "code": 503,\n    "message": "Перегрузка"\n  }\n}'


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_bare_json_is_a_raw_event_at_a_blank_line_or_at_the_end(end: str) -> None:
    events = decode(b"data: a\r\n\r\n", (RAW_ERROR.replace("\n", "\r\n") + end).encode())
    assert events == [ServerSentEvent(data="a"), ServerSentEvent(RAW, RAW_ERROR)]
    assert events[1].json()["error"]["code"] == 503


def test_a_body_that_is_one_json_list_is_a_raw_event() -> None:
    assert decode(b'[{"a":1},\n{"a":2}]') == [ServerSentEvent(RAW, '[{"a":1},\n{"a":2}]')]


def test_a_json_body_behind_a_bom_is_a_raw_event() -> None:
    assert decode(b'\xef\xbb\xbf{"a":1}') == [ServerSentEvent(RAW, '{"a":1}')]


def test_bare_json_in_a_block_with_data_is_an_event_of_its_own() -> None:
    assert decode(b'data: a\n{"b":1}\n\n') == [
        ServerSentEvent(data="a"),
        ServerSentEvent(RAW, '{"b":1}'),
    ]


def test_other_unknown_lines_are_ignored() -> None:
    assert decode(b'<html>\n  {"a":1}\n}\n\ndata: a\n\n') == [ServerSentEvent(data="a")]


@pytest.mark.parametrize(
    "end",
    [
        b'{"error": {',
        b'{"error": {\n',
        b'{"error": "\xd0',
        b'{"a":1}\ndata: b',
        b'data: b\n{"a":1}\n',
    ],
)
def test_half_a_bare_value_is_truncated(end: bytes) -> None:
    with pytest.raises(StreamTruncated, match=r"^the event stream ended inside an event$"):
        decode(end)


# Limits.


@pytest.mark.parametrize("line", [b"data: 45678\n", b"error: 5678\n", b"{ 234567890\n"])
def test_an_event_over_the_limit_is_refused(line: bytes) -> None:
    assert len(decode(line * 3 + b"\n", max_event_bytes=33)) == 1
    with pytest.raises(ProtocolError, match=r"^an event is longer than 32 bytes$"):
        decode(line * 3 + b"\n", max_event_bytes=32)


def test_a_line_over_the_limit_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r"^a line is longer than 16 bytes$"):
        decode(b": 3456789012345678", max_event_bytes=16)


def test_comments_and_other_events_do_not_count_for_the_limit() -> None:
    body = b"data: a\n" + b": keep alive\n" * 100 + b"\n" + b"data: b\n\n" * 100
    assert len(decode(body, max_event_bytes=16)) == 101


# The laws.


@given(bodies, st.lists(st.integers(min_value=0)))
@many
def test_any_cutting_gives_the_same_events(body: bytes, cuts: list[int]) -> None:
    edges = sorted(cut % (len(body) + 1) for cut in cuts)
    pieces = [body[a:b] for a, b in zip([0, *edges], [*edges, len(body)], strict=True)]
    assert outcome(pieces) == outcome([body]) == outcome(one_by_one(body))


@given(st.lists(st.binary() | st.sampled_from(LINES)))
@many
def test_garbage_gives_our_errors_or_nothing(pieces: list[bytes]) -> None:
    assert outcome(pieces)[1] in (None, ProtocolError, StreamTruncated)


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))))
@many
def test_any_text_comes_through(texts: list[str]) -> None:
    body = "".join(f"data: {text}\n\n" for text in texts).encode()
    assert [event.data for event in decode(*one_by_one(body))] == texts

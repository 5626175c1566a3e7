"""The fast path gives exactly the plain decoder's values, or none at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from g4fsync.codecs import strict
from g4fsync.codecs.bulk import BulkReader
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


def same(a: Iterable[Any] | None, b: Iterable[Any]) -> bool:
    assert a is not None
    return json.dumps(list(a)) == json.dumps(list(b))  # tells 1 from 1.0 and from True


@settings(deadline=None)
@given(st.lists(fragments, max_size=14).map(b"".join))
@example(b"data: [1\n\ndata: 2]\n\n")
@example(b"data: [1\n\ndata: 2],3\n\n")
@example(b'data: {"a":[{"b":1}\n\ndata: {"c":2}],"d":3},{"e":4}\n\n')
@example(b"data: 1\n\n,2\n\n")
@example(b"data: 1,2\n\n")
def test_events_taken_together_are_what_the_decoder_gives(block: bytes) -> None:
    values = BulkReader().events(block)
    if values is not None:
        assert same(values, plain_events(block))


@settings(deadline=None)
@given(st.lists(fragments, max_size=14).map(b"".join))
@example(b"[1\n2]\n")
@example(b"[1\n2],3\n")
@example(b"1,2\n")
@example(b"\n")
@example(b"1\n\n2\n")
def test_records_taken_together_are_what_the_decoder_gives(block: bytes) -> None:
    block += b"\n"
    values = BulkReader().records(block)
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
    assert same(BulkReader().events(events), expected)
    assert same(BulkReader().events(named), expected)
    assert same(BulkReader().records(records), expected)


# Events that differ in some strings and numbers, as a model's tokens do, and then in other
# ways too.
HOLES = ("%0", "%1", "%2", "%3")
shapes = st.recursive(
    st.sampled_from(HOLES) | st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=2) | st.sampled_from([",", '"', *HOLES]), inner)
    ),
    max_leaves=8,
)
tokens = st.text(max_size=6) | st.sampled_from(
    [
        "",
        " a",
        '"',
        "\\",
        ",",
        '","',
        '":"',
        "\n",
        "\n\ndata: ",
        "}",
        "é",
        "\ud800",
        '","b":"',
        "%1",
    ]
)
numbers: st.SearchStrategy[Any] = st.integers() | st.sampled_from(
    [0, -1, 9, 10**18, 1.5, -0.0, 1e300, True, None, "7", []]
)
damages = st.tuples(
    st.integers(0, 400),  # where, from either end
    st.integers(0, 9),  # how many bytes are gone
    st.sampled_from([b"", b'"', b",", b":", b"}", b"]", b"\\", b"\n", b"\n\n", b"\r", b"1", b'",'])
    | st.sampled_from([b'"x","y"', b'"x"],["y"', b" ", b"data: ", b"[DONE]", b"\xff", b"null"])
    | st.sampled_from([b"-", b".", b"e5", b"0", b"1,2", b"1],[2", b" 7 ", b'"7"', b"\t"]),
)


def filled(shape: Any, texts: tuple[Any, ...]) -> Any:
    if isinstance(shape, str) and shape in HOLES:
        return texts[HOLES.index(shape)]
    if isinstance(shape, dict):
        return {key: filled(inner, texts) for key, inner in shape.items()}
    if isinstance(shape, list):
        return [filled(inner, texts) for inner in shape]
    return shape


@st.composite
def answers(draw: st.DrawFn) -> list[list[bytes]]:
    """The blocks of an answer, each the JSON of some events."""
    shape, spaced, ascii_only = draw(shapes), draw(st.booleans()), draw(st.booleans())

    def event() -> bytes:
        value = filled(shape, draw(st.tuples(tokens, tokens, st.integers(), numbers)))
        separators = (", ", ": ") if spaced else (",", ":")
        text = json.dumps(value, separators=separators, ensure_ascii=ascii_only)
        return text.encode(errors="replace")

    blocks = [[event() for _ in range(draw(st.integers(1, 7)))] for _ in range(2)]
    if draw(st.booleans()):
        block = draw(st.sampled_from(blocks))
        i = draw(st.integers(0, len(block) - 1))
        where, gone, put = draw(damages)
        at = where % (len(block[i]) + 1)
        block[i] = block[i][:at] + put + block[i][at + gone :]
    return blocks


@settings(deadline=None)
@given(answers())
def test_events_of_one_shape_are_what_the_decoder_gives(blocks: list[list[bytes]]) -> None:
    events, named, records = BulkReader(), BulkReader(), BulkReader()
    for block in blocks:
        for reader, before, after in (
            (events, b"data: ", b"\n\n"),
            (named, b"event: delta\ndata: ", b"\n\n"),
        ):
            text = b"".join(before + each + after for each in block)
            values = reader.events(text)
            if values is not None:
                assert same(values, plain_events(text))
        text = b"".join(each + b"\n" for each in block)
        values = records.records(text)
        if values is not None:
            assert same(values, plain_records(text))


def response_event(number: int, delta: str, obfuscation: str) -> bytes:
    value = {
        "type": "response.output_text.delta",
        "sequence_number": number,
        "item_id": "msg_1",
        "output_index": 0,
        "content_index": 0,
        "delta": delta,
        "logprobs": [],
        "obfuscation": obfuscation,
    }
    return b"event: response.output_text.delta\ndata: " + json.dumps(value).encode() + b"\n\n"


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(), tokens, st.text(max_size=16)), min_size=4, max_size=12))
def test_deltas_of_the_responses_api_are_what_the_decoder_gives(
    deltas: list[tuple[int, str, str]],
) -> None:
    block = b"".join(response_event(*each) for each in deltas)
    reader = BulkReader()
    assert same(reader.events(block), plain_events(block))
    assert same(reader.events(block), plain_events(block))


@pytest.mark.parametrize("odd", [b"1.5", b"true", b"null", b'"7"', b"1e2", b"007", b"[1]", b"1,2"])
def test_a_number_of_any_kind_is_read_as_it_is(odd: bytes) -> None:
    reader = BulkReader()
    regular = b"".join(response_event(i, f"t{i}", "") for i in range(6))
    assert same(reader.events(regular), plain_events(regular))
    block = regular.replace(b'"sequence_number": 3', b'"sequence_number": ' + odd)
    values = reader.events(block)
    if odd in (b"007", b"1,2"):
        assert values is None
    else:
        assert same(values, plain_events(block))


def chunk(content: str, noise: str = "", **rest: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": None}
    value = {"id": "chatcmpl-1", "choices": [choice], "noise": noise, **rest}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


@pytest.mark.parametrize("noise", ["", "%d"], ids=["one hole", "two holes"])
def test_of_events_that_differ_in_a_few_strings_only_these_are_parsed(
    noise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = strict.parse
    parsed: list[bytes] = []

    def counted(text: bytes) -> Any:
        parsed.append(text)
        return parse(text)

    monkeypatch.setattr(strict, "parse", counted)
    reader = BulkReader()
    for block in range(3):
        texts = [f' "word" {block}.{i}' for i in range(100)]
        events = [chunk(text, noise and noise % i) for i, text in enumerate(texts)]
        values = list(reader.events(b"".join(events)) or ())
        assert [value["choices"][0]["delta"]["content"] for value in values] == texts
    *first, second, third = parsed
    assert len(first) == 2  # one to know the shape
    assert len(second) < 100 * 80 < len(b"".join(events)) / 1.5
    assert len(third) == len(second)


def test_values_of_one_shape_do_not_share_what_differs() -> None:
    first, second, *_ = BulkReader().events(b"".join(map(chunk, "abcdef"))) or ()
    assert first["choices"][0]["delta"] == {"content": "a"}
    assert second["choices"][0]["delta"] == {"content": "b"}


@pytest.mark.parametrize(
    "last",
    [
        chunk("f", index=1),
        chunk("f").replace(b'"f"', b"null"),
        chunk("f").replace(b'"f"', b'"f","content":"g"'),
        chunk("f").replace(b'"f"', b'"f"},{"content":"g"'),
        chunk("f").replace(b"null", b'"stop"'),
    ],
)
def test_an_event_of_another_shape_is_not_taken_for_one_of_this(last: bytes) -> None:
    reader = BulkReader()
    regular = b"".join(map(chunk, "abcde"))
    assert same(reader.events(regular), plain_events(regular))
    values = reader.events(regular + last)
    assert values is None or same(values, plain_events(regular + last))
    assert same(reader.events(regular), plain_events(regular))


def test_fields_that_change_places_keep_their_names() -> None:
    def line(order: str) -> bytes:
        return json.dumps({name: name + order for name in order}).encode() + b"\n"

    reader = BulkReader()
    before = b"".join(b'{"a":"%d","b":"%d","c":"%d"}\n' % (i, i, i) for i in range(5))
    assert same(reader.records(before), plain_records(before))
    after = b"".join(map(line, ("abc", "acb", "abc", "bac", "abc")))
    assert same(reader.records(after), plain_records(after))


def test_a_comma_in_a_text_is_not_taken_for_one_between_two() -> None:
    reader = BulkReader()
    for texts in ([["a", "b"], ["c", "d"]] * 3, [["a,b", "c"], ["d", "e,f"]] * 3):
        block = b"".join(json.dumps(each, separators=(",", ":")).encode() + b"\n" for each in texts)
        assert same(reader.records(block), texts)


@pytest.mark.parametrize(
    "block",
    [b"", b"\n\n", b"data: 1", b"data: 1\n", b"data:1\n\n", b"event: error\ndata: 1\n\n"]
    + [b"data: 1\r\n\r\n", b"data: 1\n\n: ping\n\n", b"data: [DONE]\n\n", b"data: \n\n"]
    + [b"event: a\ndata: 1\n\nevent: b\ndata: 2\n\n", b"data: NaN\n\n", b"data: \xff\n\n"],
)
def test_anything_unusual_is_left_to_the_decoder(block: bytes) -> None:
    assert BulkReader().events(block) is None


def test_values_that_swallow_a_separator_are_noticed_though_they_parse_together() -> None:
    block = b'data: {"a":[{"b":1}\n\ndata: {"c":2}],"d":3}\n\n'
    assert BulkReader().events(block) is None
    with pytest.raises(ProtocolError):
        plain_events(block)

"""The chunk decoder: any cutting gives the same payload, bad framing is told."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.codecs import chunked
from g4fsync.codecs.chunked import ChunkDecoder
from g4fsync.errors import ProtocolError, StreamInterrupted

payloads = st.lists(st.text("a0\r\n;", min_size=1, max_size=30).map(str.encode), max_size=12)
heads = st.sampled_from([b"%x", b"%X", b"00%x", b"%x;name=value", b"%x ;a"])


def framed(chunks: list[bytes], head: bytes = b"%x", trailers: bytes = b"") -> bytes:
    body = b"".join(b"%b\r\n%b\r\n" % (head % len(chunk), chunk) for chunk in chunks)
    return body + b"0\r\n" + trailers + b"\r\n"


def decoded(wire: bytes, cuts: list[int]) -> tuple[bytes, bool]:
    decoder = ChunkDecoder()
    edges = sorted({min(cut, len(wire)) for cut in cuts} | {0, len(wire)})
    payload = b"".join(decoder.feed(wire[a:b]) for a, b in itertools.pairwise(edges))
    return payload, decoder.ended


@settings(deadline=None)
@given(payloads, heads, st.sampled_from([b"", b"A: b\r\n"]), st.lists(st.integers(0, 400)))
def test_any_cutting_gives_the_same_payload(
    chunks: list[bytes], head: bytes, trailers: bytes, cuts: list[int]
) -> None:
    assert decoded(framed(chunks, head, trailers), cuts) == (b"".join(chunks), True)


@settings(deadline=None)
@given(payloads, st.lists(st.integers(0, 400)))
def test_complete_chunks_taken_together_are_what_one_by_one_gives(
    chunks: list[bytes], cuts: list[int]
) -> None:
    wire = framed(chunks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunked, "_complete_chunks", lambda data: (b"", data))
        plain = decoded(wire, cuts)
    assert decoded(wire, cuts) == plain


@settings(deadline=None)
@given(st.binary(max_size=80), st.lists(st.integers(0, 80)))
def test_garbage_gives_a_protocol_error_or_nothing(wire: bytes, cuts: list[int]) -> None:
    try:
        decoded(wire, cuts)
    except ProtocolError:
        pass


def outcome(wire: bytes, cuts: list[int]) -> tuple[bytes, bool, str]:
    """The payload up to the end or the fault, whether it ended, and the fault."""
    decoder, payload = ChunkDecoder(), b""
    edges = sorted({min(cut, len(wire)) for cut in cuts} | {0, len(wire)})
    try:
        for a, b in itertools.pairwise(edges):
            payload += decoder.feed(wire[a:b])
    except ProtocolError as fault:
        return payload + decoder.before_fault, False, str(fault)
    return payload, decoder.ended, ""


@settings(deadline=None)
@given(
    payloads,
    st.lists(st.integers(0, 400)),
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from(b"0a;\r\nX")), max_size=4),
)
def test_any_cutting_gives_the_same_payload_before_the_same_fault(
    chunks: list[bytes], cuts: list[int], changes: list[tuple[int, int]]
) -> None:
    wire = bytearray(framed(chunks))
    for place, value in changes:
        wire[place % len(wire)] = value
    whole = outcome(bytes(wire), [])
    assert outcome(bytes(wire), [*range(len(wire))])[:2] == whole[:2]
    assert outcome(bytes(wire), cuts)[:2] == whole[:2]


@pytest.mark.parametrize(
    "wire",
    [b"zz\r\n", b"-1\r\n", b"+1\r\n", b"1_0\r\n", b"0x1\r\n", b"\r\n", b"5\r\nabcdeX\r\n"]
    + [b"5\r\nabcde\rX", b"1 1\r\n", b"2\r\nab\r\n+1\r\na\r\n0\r\n\r\n"],
)
def test_framing_that_is_none_is_a_protocol_error(wire: bytes) -> None:
    with pytest.raises(ProtocolError):
        decoded(wire, [])


def test_a_body_without_its_last_chunk_is_interrupted() -> None:
    decoder = ChunkDecoder()
    assert decoder.feed(b"2\r\nab\r\n") == b"ab"
    with pytest.raises(StreamInterrupted, match="before its last chunk"):
        decoder.close()


def test_a_whole_body_closes_in_silence() -> None:
    decoder = ChunkDecoder()
    assert decoder.feed(b"2\r\nab\r\n0\r\n\r\nnext") == b"ab"
    decoder.close()


def test_a_chunk_is_delivered_as_far_as_it_has_come() -> None:
    decoder = ChunkDecoder()
    assert [decoder.feed(piece) for piece in (b"5\r", b"\nab", b"cd", b"e", b"\r", b"\n")] == [
        *(b"", b"ab", b"cd", b"e"),
        *(b"", b""),
    ]


def test_an_endless_chunk_head_is_refused_at_its_limit() -> None:
    decoder = ChunkDecoder()
    with pytest.raises(ProtocolError, match="longer than 4096 bytes"):
        for _ in range(chunked.MAX_HEAD_BYTES + 1):
            decoder.feed(b"1")


def test_endless_trailers_are_refused_at_their_limit() -> None:
    decoder = ChunkDecoder()
    decoder.feed(b"0\r\n")
    with pytest.raises(ProtocolError, match="trailers are longer"):
        for _ in range(100):
            decoder.feed(b"A: %b\r\n" % (b"x" * 1000))

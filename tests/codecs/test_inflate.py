from __future__ import annotations

import gzip
import random
import zlib
from typing import Literal

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.codecs.inflate import FREE_BYTES, MAX_RATIO, PIECE_BYTES, Inflater
from g4fsync.errors import G4FSyncError, ProtocolError, StreamInterrupted

many = settings(deadline=None)

Encoding = Literal["gzip", "deflate"]

NOISE = random.Random(1).randbytes(PIECE_BYTES)


def bare(text: bytes) -> bytes:
    """Deflate without the zlib wrapper."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(text) + compressor.flush()


KINDS: list[tuple[Encoding, bytes]] = [
    ("gzip", gzip.compress(b"Hello")),
    ("gzip", gzip.compress(b"Hel") + gzip.compress(b"") + gzip.compress(b"lo")),
    ("deflate", zlib.compress(b"Hello", 1)),
    ("deflate", zlib.compress(b"Hello", 9)),
    ("deflate", bare(b"Hello")),
]
kinds = pytest.mark.parametrize(("encoding", "body"), KINDS)


def inflate(inflater: Inflater, *pieces: bytes) -> bytes:
    return b"".join(out for piece in pieces for out in inflater.feed(piece))


def outcome(encoding: Encoding, pieces: list[bytes]) -> tuple[bytes, type[G4FSyncError] | None]:
    """All bytes up to the end or the error, and the error."""
    inflater, text = Inflater(encoding), b""
    try:
        for piece in pieces:
            for out in inflater.feed(piece):
                text += out
        inflater.close()
    except G4FSyncError as error:
        return text, type(error)
    return text, None


def cut(body: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted(place % (len(body) + 1) for place in cuts)
    return [body[a:b] for a, b in zip([0, *edges], [*edges, len(body)], strict=True)]


@kinds
def test_a_whole_body(encoding: Encoding, body: bytes) -> None:
    assert outcome(encoding, [body]) == (b"Hello", None)


@kinds
def test_a_body_byte_by_byte(encoding: Encoding, body: bytes) -> None:
    assert outcome(encoding, [body[i : i + 1] for i in range(len(body))]) == (b"Hello", None)


@kinds
def test_a_cut_body_is_interrupted(encoding: Encoding, body: bytes) -> None:
    last_member = body.rfind(b"\x1f\x8b") if encoding == "gzip" else 0
    for length in range(last_member + 1, len(body)):
        assert outcome(encoding, [body[:length]])[1] is StreamInterrupted


def test_the_error_of_a_cut_body_names_the_encoding() -> None:
    inflater = Inflater("gzip")
    inflate(inflater, b"\x1f")
    with pytest.raises(StreamInterrupted, match=r"^the gzip body ended before its end mark$"):
        inflater.close()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_without_bytes_is_whole(encoding: Encoding) -> None:
    assert outcome(encoding, []) == outcome(encoding, [b""]) == (b"", None)


@pytest.mark.parametrize("wbits", [31, 15, -15])
def test_what_the_server_flushed_is_given_at_once(wbits: int) -> None:
    compressor = zlib.compressobj(wbits=wbits)
    inflater = Inflater("gzip" if wbits == 31 else "deflate")
    for token in (b'data: "Hel"\n\n', b'data: "lo"\n\n'):
        piece = compressor.compress(token) + compressor.flush(zlib.Z_SYNC_FLUSH)
        assert inflate(inflater, piece) == token


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_bytes_that_are_not_compressed_are_a_protocol_error(encoding: Encoding) -> None:
    with pytest.raises(ProtocolError, match=f"^the body is not {encoding}: "):
        inflate(Inflater(encoding), b'data: "Hello"\n\n')


def test_a_wrong_check_sum_is_a_protocol_error() -> None:
    body = gzip.compress(b"Hello")
    assert outcome("gzip", [body[:-5] + b"\xff" + body[-4:]]) == (b"Hello", ProtocolError)


def test_bytes_behind_gzip_that_are_no_member_are_a_protocol_error() -> None:
    assert outcome("gzip", [gzip.compress(b"Hello") + b"!"]) == (b"Hello", StreamInterrupted)
    assert outcome("gzip", [gzip.compress(b"Hello") + b"!?"]) == (b"Hello", ProtocolError)


@pytest.mark.parametrize("body", [zlib.compress(b"Hello"), bare(b"Hello")])
def test_bytes_behind_deflate_are_a_protocol_error(body: bytes) -> None:
    assert outcome("deflate", [body + b"!"]) == (b"Hello", ProtocolError)
    inflater = Inflater("deflate")
    inflate(inflater, body)
    with pytest.raises(ProtocolError, match=r"^the body goes on after the end of its deflate data"):
        inflate(inflater, b"!")


@pytest.mark.parametrize("size", [PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
@pytest.mark.parametrize("filling", [b"\0", NOISE])
def test_output_comes_in_pieces_of_bounded_size(size: int, filling: bytes) -> None:
    text = (filling * (size // len(filling) + 1))[:size]
    inflater = Inflater("gzip")
    pieces = list(inflater.feed(gzip.compress(text) + gzip.compress(b"end")))
    inflater.close()
    assert b"".join(pieces) == text + b"end"
    assert max(map(len, pieces)) <= PIECE_BYTES


@pytest.mark.parametrize(("encoding", "wbits"), [("gzip", 31), ("deflate", 15), ("deflate", -15)])
def test_a_bomb_is_refused(encoding: Encoding, wbits: int) -> None:
    compressor = zlib.compressobj(wbits=wbits)
    bomb = compressor.compress(bytes(32 * FREE_BYTES)) + compressor.flush()
    given_bytes = 0
    with pytest.raises(ProtocolError, match=f"swells to over {MAX_RATIO} times its size$"):
        for piece in Inflater(encoding).feed(bomb):
            given_bytes += len(piece)
    assert given_bytes <= MAX_RATIO * len(bomb)


def test_a_bomb_of_many_members_is_refused() -> None:
    member = gzip.compress(bytes(FREE_BYTES))
    assert outcome("gzip", [member] * 3)[1] is ProtocolError


def test_a_small_body_may_swell_as_it_likes() -> None:
    body = gzip.compress(bytes(FREE_BYTES))
    assert FREE_BYTES / len(body) > MAX_RATIO
    assert outcome("gzip", [body]) == (bytes(FREE_BYTES), None)
    assert outcome("gzip", [gzip.compress(bytes(FREE_BYTES + 1))])[1] is ProtocolError


def test_the_ratio_can_be_chosen() -> None:
    body = gzip.compress(bytes(2 * FREE_BYTES))
    assert len(inflate(Inflater("gzip", max_ratio=1100), body)) == 2 * FREE_BYTES
    with pytest.raises(ProtocolError, match=r"over 10 times"):
        inflate(Inflater("gzip", max_ratio=10), body)


@given(st.lists(st.binary()), st.sampled_from([31, 15, -15]), st.lists(st.integers(min_value=0)))
@many
def test_any_cutting_gives_the_same_bytes(parts: list[bytes], wbits: int, cuts: list[int]) -> None:
    compressor = zlib.compressobj(wbits=wbits)
    body = b"".join(compressor.compress(part) for part in parts) + compressor.flush()
    encoding: Encoding = "gzip" if wbits == 31 else "deflate"
    assert outcome(encoding, cut(body, cuts)) == (b"".join(parts), None)


@given(
    st.sampled_from(KINDS),
    st.lists(st.tuples(st.integers(min_value=0), st.integers(0, 255))),
    st.binary(),
    st.lists(st.integers(min_value=0)),
)
@many
def test_any_cutting_of_garbage_gives_the_same_bytes_before_the_same_error(
    kind: tuple[Encoding, bytes],
    changes: list[tuple[int, int]],
    tail: bytes,
    cuts: list[int],
) -> None:
    encoding, body = kind
    garbage = bytearray(body + tail)
    for place, value in changes:
        garbage[place % len(garbage)] = value
    found = outcome(encoding, [bytes([value]) for value in garbage])
    assert found[1] in (None, ProtocolError, StreamInterrupted)
    assert outcome(encoding, [bytes(garbage)]) == found
    assert outcome(encoding, cut(bytes(garbage), cuts)) == found


def tokens(count: int) -> list[bytes]:
    chance = random.Random(count)
    return [b'data: "token %d"\n\n' % chance.randrange(10**9) for _ in range(count)]


@pytest.mark.parametrize("count", [1, 4, 300, 3000])
@pytest.mark.parametrize(("encoding", "wbits"), [("gzip", 31), ("deflate", 15), ("deflate", -15)])
def test_what_was_flushed_before_damage_is_given_however_it_is_cut(
    encoding: Encoding, wbits: int, count: int
) -> None:
    compressor = zlib.compressobj(wbits=wbits)
    pieces = [
        compressor.compress(token) + compressor.flush(zlib.Z_SYNC_FLUSH) for token in tokens(count)
    ]
    # So haproxy 2.6 ends a body whose origin is cut: with a piece that is not compressed.
    pieces.append(b'data: "in the clear"\n\n')
    body = b"".join(pieces)
    expected = b"".join(tokens(count)), ProtocolError
    assert outcome(encoding, pieces) == expected
    assert outcome(encoding, [body]) == expected
    for size in (1, 7, 5000):
        assert outcome(encoding, [body[i : i + size] for i in range(0, len(body), size)]) == (
            expected
        )


@given(st.integers(min_value=0), st.integers(1, 255), st.lists(st.integers(min_value=0)))
@many
def test_damage_in_a_long_body_costs_nothing_that_stands_before_it(
    place: int, change: int, cuts: list[int]
) -> None:
    text = b"".join(tokens(2000)) + bytes(2 * PIECE_BYTES)
    body = bytearray(gzip.compress(text, mtime=0))
    body[place % len(body)] ^= change
    whole, error = outcome("gzip", [bytes(body)])
    assert outcome("gzip", cut(bytes(body), cuts)) == (whole, error)

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.codecs.lines import MAX_LINE_BYTES, LineDecoder, NewlineDecoder
from g4fsync.errors import ProtocolError

many = settings(deadline=None)
decoders = pytest.mark.parametrize("decoder_class", [LineDecoder, NewlineDecoder])

texts = st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\r\n", b"\xe2\x80\xa8", b"\x0b"])).map(
    b"".join
)


def pieces_of(text: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted(cut % (len(text) + 1) for cut in cuts)
    return [text[a:b] for a, b in zip([0, *edges], [*edges, len(text)], strict=True)]


def decode(decoder: LineDecoder, pieces: list[bytes]) -> tuple[list[bytes], bytes]:
    lines = [line for piece in pieces for line in decoder.feed(piece)]
    return lines, decoder.close()


def test_lf_crlf_and_cr_end_a_line() -> None:
    assert decode(LineDecoder(), [b"a\nb\r\nc\rd"]) == ([b"a", b"b", b"c"], b"d")


def test_blank_lines_are_lines() -> None:
    assert decode(LineDecoder(), [b"\n\r\n\r\r\n"]) == ([b"", b"", b"", b""], b"")


def test_line_is_given_at_its_cr() -> None:
    decoder = LineDecoder()
    assert decoder.feed(b"a\r") == [b"a"]
    assert decoder.feed(b"b\n") == [b"b"]


def test_cr_at_piece_edge_is_one_line_end() -> None:
    decoder = LineDecoder()
    assert decoder.feed(b"a\r") == [b"a"]
    assert decoder.feed(b"") == []
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"\nb\n") == [b"", b"b"]


def test_only_the_bytes_of_line_ends_cut() -> None:
    text = "a\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029b".encode()
    assert decode(LineDecoder(), [text + b"\n"]) == ([text], b"")
    assert decode(NewlineDecoder(), [text + b"\n"]) == ([text], b"")


def test_newline_decoder_cuts_at_lf_and_takes_one_cr_off() -> None:
    assert decode(NewlineDecoder(), [b"a\rb\r\nc\r\r", b"\nd\r"]) == ([b"a\rb", b"c\r"], b"d\r")


def test_close_gives_the_rest_once() -> None:
    decoder = LineDecoder()
    decoder.feed(b"a\nb")
    assert decoder.close() == b"b"
    assert decoder.close() == b""


@decoders
def test_a_line_of_the_limit_passes(decoder_class: type[LineDecoder]) -> None:
    assert decode(decoder_class(max_line_bytes=4), [b"ab", b"cd", b"\nabcd\n"])[0] == [b"abcd"] * 2


@decoders
@pytest.mark.parametrize("pieces", [[b"abcde\n"], [b"abcde"], [b"x\nabcde"], [b"abc", b"de"]])
def test_a_line_over_the_limit_is_refused(
    decoder_class: type[LineDecoder], pieces: list[bytes]
) -> None:
    with pytest.raises(ProtocolError, match=r"^a line is longer than 4 bytes$"):
        decode(decoder_class(max_line_bytes=4), pieces)


class Counted(bytes):
    """A piece that counts how many bytes its searches look at."""

    seen = 0

    def splitlines(self, keepends: bool = False) -> list[bytes]:
        Counted.seen += len(self)
        return super().splitlines(keepends)

    def split(self, sep: bytes | None = None, maxsplit: int = -1) -> list[bytes]:  # type: ignore[override]  # the stub takes any buffer
        Counted.seen += len(self)
        return super().split(sep, maxsplit)


@decoders
def test_an_endless_line_is_scanned_once_and_refused_at_the_limit(
    decoder_class: type[LineDecoder],
) -> None:
    decoder = decoder_class()
    piece = Counted(b"x" * 1024)
    Counted.seen = 0
    with pytest.raises(ProtocolError, match=f"longer than {MAX_LINE_BYTES} bytes"):
        for _ in range(64 * 1024):  # 64 MiB
            decoder.feed(piece)
    assert Counted.seen == MAX_LINE_BYTES + len(piece)


@given(texts, st.lists(st.integers(min_value=0)))
@many
def test_any_cutting_gives_the_same_lines(text: bytes, cuts: list[int]) -> None:
    for decoder_class in (LineDecoder, NewlineDecoder):
        whole = decode(decoder_class(), [text])
        assert decode(decoder_class(), pieces_of(text, cuts)) == whole
        assert decode(decoder_class(), [text[i : i + 1] for i in range(len(text))]) == whole


@given(texts)
@many
def test_lines_are_those_of_the_standard_library(text: bytes) -> None:
    lines, rest = decode(LineDecoder(), [text])
    assert [*lines, *([rest] if rest else [])] == text.splitlines()


@pytest.mark.parametrize("decoder_class", [LineDecoder, NewlineDecoder])
@pytest.mark.parametrize("long", [b"12345", b"12345\n", b"12345\nc\n"])
def test_lines_before_one_over_the_limit_are_given_first(
    decoder_class: type[LineDecoder], long: bytes
) -> None:
    for rest in (b"x", b"\n", None):
        decoder = decoder_class(max_line_bytes=4)
        assert decoder.feed(b"a\n\n1234\n" + long) == [b"a", b"", b"1234"]
        assert decoder.pending
        with pytest.raises(ProtocolError, match=r"^a line is longer than 4 bytes$"):
            decoder.close() if rest is None else decoder.feed(rest)

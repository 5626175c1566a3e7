"""Faults inside an answer: its framing, its encoding, its events, and what never ends."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest

from g4fsync.errors import (
    DeadlineExceeded,
    ProtocolError,
    ProviderError,
    StreamInterrupted,
    StreamTruncated,
)
from tests.faults.cells import AFTER_FINISH, Cell, Fault, Outcome, params
from tests.faults.farside import Far, HttpFar, frame
from tests.faults.protocols import (
    ANTHROPIC,
    EVERY,
    FLOWGPT,
    GEMINI,
    HTTP,
    MYSHELL,
    OLLAMA,
    OPENAI,
    OPENASSISTANT,
    RESPONSES,
    TEXT,
    TOKENS,
    Protocol,
)
from tests.support.timing import MS

LINES = (FLOWGPT, OLLAMA)
SSE = tuple(each for each in HTTP if each not in LINES)
ONE = Outcome(ProtocolError, tokens=1)


def idle(protocol: Protocol) -> Outcome:
    return Outcome(DeadlineExceeded, tokens=1, clock="idle")


def first_token(protocol: Protocol) -> Outcome:
    return Outcome(DeadlineExceeded, tokens=0, clock="first_token")


def nothing(protocol: Protocol) -> Outcome:
    """An answer without an event."""
    if protocol is OPENASSISTANT:  # it may have been ready before; it is asked for
        return Outcome(ProviderError, tokens=0, says="in_progress")
    return Outcome(StreamTruncated, tokens=0)


# -- framing ------------------------------------------------------------


def after_one(content: bytes, far: HttpFar, *, framing: str = "chunked") -> None:
    far.open(framing=framing)
    far.token(0)
    far.peer.send(content)


def after_one_for_ever(content: bytes, far: HttpFar, *, first: bytes = b"") -> None:
    after_one(first, far)
    while far.peer.send(content):
        pass


def whole_with(*fields: str, far: HttpFar, framing: str = "closed") -> None:
    """A right answer below a head that says something odd about it."""
    far.head(*fields, framing=framing)
    far.peer.send(far.protocol.answer)


def by_length(change: int, far: HttpFar) -> None:
    content = far.protocol.answer
    far.head(f"Content-Length: {len(content) + change}", framing="closed")
    far.peer.send(content)


def too_long(protocol: Protocol) -> Outcome:
    return Outcome() if protocol.has_end_mark else Outcome(StreamInterrupted)


def too_short(protocol: Protocol) -> Outcome:
    """The last bytes are cut off: of the end mark, of what follows it, or of the last token."""
    if protocol is OPENAI:
        return Outcome()
    return Outcome(StreamTruncated, tokens=3 if protocol.has_end_mark else 2)


def chunk_fault(name: str, content: bytes, expected: Outcome = ONE) -> Fault:
    return Fault(f"chunk: {name}", partial(after_one, content), expected, HTTP)


INTERRUPTED = Outcome(StreamInterrupted, tokens=1)
REFUSED = Outcome(ProtocolError, tokens=0)

FRAMING = [
    chunk_fault("a size that is none", b"xyz\r\n"),
    chunk_fault("a negative size", b"-5\r\nhello\r\n"),
    chunk_fault("a size of 17 digits", b"f" * 17 + b"\r\n"),
    chunk_fault("a size with 0x", b"0x5\r\nhello\r\n"),
    chunk_fault("no CR LF behind it", b"5\r\nhelloworld"),
    chunk_fault("an empty size line", b"\r\n\r\n"),
    chunk_fault("FIN inside its size", b"1", INTERRUPTED),
    chunk_fault("FIN inside it", b"ff\r\nhel", INTERRUPTED),
    chunk_fault("FIN instead of the last one", b"", INTERRUPTED),
    Fault(
        "chunk: an endless extension", partial(after_one_for_ever, b"5;" + b"a" * 9999), ONE, HTTP
    ),
    Fault(
        "chunk: endless trailers",
        partial(after_one_for_ever, b"X-A: 1\r\n", first=b"0\r\n"),
        ONE,
        HTTP,
    ),
    Fault("length: too long", partial(by_length, 7), too_long, HTTP),
    Fault("length: too short", partial(by_length, -3), too_short, HTTP),
    Fault(
        "length: two that differ",
        lambda far: whole_with("Content-Length: 5", "Content-Length: 6", far=far),
        REFUSED,
        HTTP,
    ),
    Fault(
        "length: no number", lambda far: whole_with("Content-Length: ten", far=far), REFUSED, HTTP
    ),
    Fault("length: negative", lambda far: whole_with("Content-Length: -1", far=far), REFUSED, HTTP),
    Fault("length: 0", lambda far: whole_with("Content-Length: 0", far=far), nothing, HTTP),
    Fault(
        "coding: not asked for",
        lambda far: whole_with("Transfer-Encoding: gzip, chunked", far=far),
        REFUSED,
        HTTP,
    ),
    Fault(
        "coding: unknown",
        lambda far: whole_with("Transfer-Encoding: xchunked", far=far),
        REFUSED,
        HTTP,
    ),
    Fault(
        "coding: chunked twice",
        lambda far: whole_with("Transfer-Encoding: chunked", far=far, framing="chunked"),
        REFUSED,
        HTTP,
    ),
]


@pytest.mark.parametrize(("fault", "protocol"), params(FRAMING))
def test_broken_framing_is_no_answer(cell: Cell, fault: Fault, protocol: Protocol) -> None:
    cell.run(fault, protocol)


# -- compression --------------------------------------------------------


class _Packed:
    """Events compressed as they go, each to be read at once."""

    def __init__(self, far: HttpFar, encoding: str, window: int) -> None:
        self._zlib = zlib.compressobj(6, zlib.DEFLATED, window)
        self._far = far
        far.head(f"Content-Encoding: {encoding}")

    def say(self, event: bytes) -> bool:
        return self._far.send(self._zlib.compress(event) + self._zlib.flush(zlib.Z_SYNC_FLUSH))

    def tokens(self, count: int = len(TOKENS)) -> None:
        if self._far.protocol.start:
            self.say(self._far.protocol.start)
        for index in range(count):
            self.say(self._far.protocol.event(TOKENS[index]))
            self._far._reader.wait(index + 1)

    def end(self, cut: int | None = None) -> None:
        self._far.send(self._zlib.flush()[:cut] or b" ")
        self._far.peer.send(b"0\r\n\r\n")


def packed(encoding: str, window: int, far: HttpFar) -> None:
    answer = _Packed(far, encoding, window)
    answer.tokens()
    if far.protocol.end:
        answer.say(far.protocol.end)
    answer.end()


def packed_cut(far: HttpFar) -> None:
    """The framing is whole, what is compressed is not."""
    answer = _Packed(far, "gzip", 31)
    answer.tokens(1)
    far.peer.send(b"0\r\n\r\n")


def packed_then(content: bytes, far: HttpFar) -> None:
    answer = _Packed(far, "gzip", 31)
    answer.tokens(1)
    far.send(content)


BOMB_BYTES = 64 * 2**20


def bomb(far: HttpFar) -> None:
    """64 MiB of what the protocol skips, in 64 kB."""
    answer = _Packed(far, "gzip", 31)
    answer.tokens(1)
    block = b" " * 2**16 if far.protocol in LINES else b"\n" * 2**16
    for _ in range(BOMB_BYTES >> 16):
        if not answer.say(block):
            return


@cache
def bomb_bytes() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    blocks = [packer.compress(b" " * 2**20) for _ in range(BOMB_BYTES >> 20)]
    return b"".join(blocks) + packer.flush()


def bomb_in_an_error(far: HttpFar) -> None:
    far.peer.answer(bomb_bytes(), "Connection: close", "Content-Encoding: gzip", status="400 No")


COMPRESSION = [
    Fault("gzip, streamed", partial(packed, "gzip", 31), Outcome(), HTTP),
    Fault("x-gzip in capitals", partial(packed, "X-GZIP", 31), Outcome(), HTTP),
    Fault("deflate, streamed", partial(packed, "deflate", 15), Outcome(), HTTP),
    Fault("deflate without its wrapper", partial(packed, "deflate", -15), Outcome(), HTTP),
    Fault("gzip: cut in a whole framing", packed_cut, INTERRUPTED, HTTP),
    Fault("gzip: damaged", partial(packed_then, b"\xff" * 99), ONE, HTTP),
    Fault(
        "gzip: said, but not done",
        lambda far: whole_with("Content-Encoding: gzip", far=far),
        REFUSED,
        HTTP,
    ),
    Fault("gzip: a bomb of 64 MiB", bomb, ONE, HTTP),
    Fault("gzip: a bomb in an error", bomb_in_an_error, Outcome(ProviderError, tokens=0), HTTP),
    Fault("encoding br", lambda far: whole_with("Content-Encoding: br", far=far), REFUSED, HTTP),
    Fault(
        "encoding gzip, gzip",
        lambda far: whole_with("Content-Encoding: gzip, gzip", far=far),
        REFUSED,
        HTTP,
    ),
]


@pytest.mark.parametrize(("fault", "protocol"), params(COMPRESSION))
def test_a_compressed_answer_streams_or_is_refused(
    cell: Cell, fault: Fault, protocol: Protocol
) -> None:
    cell.run(fault, protocol)


# -- what an event holds ------------------------------------------------


def event_of(protocol: Protocol, value: bytes) -> bytes:
    """An event with *value*, raw, in the place of a token's JSON string."""
    return protocol.event("@").replace(b'"@"', value)


def one_more(value: bytes, far: Far) -> None:
    """A token, an event with *value*, and the rest of a right answer."""
    far.open()
    far.token(0)
    far.send(event_of(far.protocol, value))
    for token in TOKENS[1:]:
        far.send(far.protocol.event(token))
    far.mark()


def text_fault(name: str, text: str) -> Fault:
    """A token that must come through as it is."""
    whole = Outcome(text=TOKENS[0] + text + "".join(TOKENS[1:]))

    def script(far: Far) -> None:
        far.open()
        far.token(0)
        far.send(far.protocol.event(text))
        for token in TOKENS[1:]:
            far.send(far.protocol.event(token))
        far.mark()

    return Fault(f"text: {name}", script, whole)


CHAT_APIS = (OPENAI, RESPONSES, ANTHROPIC, GEMINI, OLLAMA)


def json_text(text: str) -> Callable[[Protocol], Outcome]:
    """What is no text, but its JSON is one to those who read texts in any shape."""
    right = Outcome(text=TOKENS[0] + text + "".join(TOKENS[1:]))
    return lambda protocol: right if protocol in CHAT_APIS else ONE


def value_fault(name: str, value: bytes, expected: Any = ONE) -> Fault:
    return Fault(f"value: {name}", partial(one_more, value), expected)


def raw_event(content: bytes, far: Far) -> None:
    far.open()
    far.token(0)
    far.send(content)
    far.tokens()
    far.mark()


def whole_event(value: bytes, far: Far) -> None:
    """An event whose whole value is *value*."""
    form = {"text/event-stream": b"data: %b\n\n", "": b"%b"}
    raw_event(form.get(far.protocol.media_type, b"%b\n") % value, far)


VALUES = [
    text_fault("NUL, escaped", "a\0b"),
    text_fault("U+0085 U+2028 U+2029", "a\x85b\u2028c\u2029d"),
    text_fault("CR LF, escaped", "a\r\nb\rc"),
    text_fault("looks like an event", "\n\ndata: [DONE]\n\n"),
    text_fault("a BOM", "\ufeff"),
    text_fault("an escape sequence", "\x1b[31m"),
    text_fault("an emoji with a joiner", "\U0001f469\u200d\U0001f4bb"),
    text_fault("300 kB of it", "ä" * 150_000),
    value_fault(
        "half an emoji", b'"\\ud83d"', Outcome(text=TOKENS[0] + "\ufffd" + TOKENS[1] + "!")
    ),
    value_fault("invalid UTF-8", b'"a\xff\xfeb"'),
    value_fault("half a character", b'"\xe4\xb8"'),
    value_fault("UTF-8 of a surrogate", b'"\xed\xa0\x80"'),
    value_fault("NUL, raw", b'"a\0b"'),
    value_fault("a number", b"7", json_text("7")),
    value_fault("zero", b"0", json_text("0")),
    value_fault("a list", b"[7]", json_text("[7]")),
    value_fault("true", b"true", json_text("true")),
    value_fault("null", b"null", json_text("")),
    value_fault("NaN", b"NaN"),
    value_fault("-Infinity", b"-Infinity"),
    value_fault("1e999", b"1e999"),
    value_fault("a number of 5000 digits", b"7" * 5000),
    value_fault("100 000 levels deep", b"[" * 100_000 + b"]" * 100_000),
    value_fault("900 levels deep", b"[" * 900 + b"]" * 900, json_text("[" * 900 + "]" * 900)),
    value_fault("5 MiB of it", b'"%b"' % (b"a" * (5 * 2**20))),
    value_fault("a string that does not end", b'"abc'),
    value_fault("two values", b'"a" "b"'),
    Fault(
        "event: a number",
        partial(whole_event, b"7"),
        ONE,
        tuple(e for e in EVERY if e is not MYSHELL),
    ),
    Fault("event: half a JSON value", partial(whole_event, b'{"a":'), ONE, HTTP),
    Fault("event: lone garbage", partial(whole_event, b"garbage"), ONE, EVERY),
    Fault(
        "event: unknown, skipped",
        lambda far: (
            far.open(),
            far.token(0),
            far.send(far.protocol.empty),
            far.token(1),
            far.token(2),
            far.mark(),
        )[0],
        Outcome(),
        tuple(e for e in EVERY if e.empty),
    ),
    Fault(
        "event: a failure in the stream",
        lambda far: raw_event(far.protocol.error, far),
        Outcome(ProviderError, tokens=1),
    ),
    Fault(
        "event: a failure before the first token",
        lambda far: (far.open(), far.send(far.protocol.error), far.finish())[0],
        Outcome(ProviderError, tokens=0),
    ),
]


@pytest.mark.parametrize(("fault", "protocol"), params(VALUES))
def test_a_value_is_told_exactly_or_refused(cell: Cell, fault: Fault, protocol: Protocol) -> None:
    cell.run(fault, protocol)


# -- the shape of the stream --------------------------------------------


def rewritten(change: Callable[[bytes], bytes], far: HttpFar) -> None:
    """A right answer, its bytes changed."""
    far.head()
    far.send(change(far.protocol.answer))
    far.peer.send(b"0\r\n\r\n")


def byte_by_byte(far: Far) -> None:
    far.open()
    if isinstance(far, HttpFar):
        for byte in b"".join(map(far.protocol.event, TOKENS)):
            far.peer.send(b"1\r\n%c\r\n" % byte)
    else:
        for token in TOKENS:
            far.send(far.protocol.event(token))
    far.mark()


def after_the_end(content: bytes, far: HttpFar) -> None:
    far.open()
    far.tokens()
    if far.protocol.end:
        far.send(far.protocol.end)
    far.send(content)
    far.finish()


def open_and_finish(far: Far) -> None:
    if isinstance(far, HttpFar):
        far.head()
    else:
        far.open()
    far.finish()


def ended_after_keepalives(far: Far) -> None:
    far.open()
    for _ in range(3):
        far.keepalive()
    far.finish()
    if far.protocol.is_socket:
        far.hold()  # or its pongs would meet a closed connection


def garbage_after(protocol: Protocol) -> Outcome:
    return Outcome() if protocol.has_end_mark else Outcome(ProtocolError)


def more_after(protocol: Protocol) -> Outcome:
    """A reason is no end in itself: what comes before the end of the body is the answer's."""
    return Outcome(text=TEXT + "more") if protocol in (OPENAI, GEMINI, OLLAMA) else Outcome()


SHAPES = [
    Fault(
        "shape: CR LF line ends",
        partial(rewritten, lambda b: b.replace(b"\n", b"\r\n")),
        Outcome(),
        HTTP,
    ),
    Fault(
        "shape: CR line ends", partial(rewritten, lambda b: b.replace(b"\n", b"\r")), Outcome(), SSE
    ),
    Fault(
        "shape: a BOM before it", partial(rewritten, lambda b: b"\xef\xbb\xbf" + b), Outcome(), HTTP
    ),
    Fault(
        "shape: two BOMs before it",
        partial(rewritten, lambda b: b"\xef\xbb\xbf\xef\xbb\xbf" + b),
        REFUSED,
        LINES,
    ),
    Fault("shape: byte by byte", byte_by_byte, Outcome()),
    Fault(
        "empty: no byte",
        open_and_finish,
        lambda p: Outcome(StreamTruncated, tokens=0) if p.is_socket else nothing(p),
    ),
    Fault("empty: keep-alives only", ended_after_keepalives, Outcome(StreamTruncated, tokens=0)),
    Fault(
        "after the end: garbage", partial(after_the_end, b"data: gar{bage\n\n"), garbage_after, HTTP
    ),
    Fault(
        "after the end: more tokens",
        lambda far: after_the_end(far.protocol.event("more"), far),
        more_after,
        tuple(e for e in HTTP if e.has_end_mark),
    ),
]


@pytest.mark.parametrize(("fault", "protocol"), params(SHAPES))
def test_the_shape_of_a_stream_does_not_matter_but_its_end_does(
    cell: Cell, fault: Fault, protocol: Protocol
) -> None:
    cell.run(fault, protocol)


# -- what never ends ----------------------------------------------------


def for_ever(say: Callable[[Far], bool], count: int, pause: float, far: Far) -> None:
    """*count* tokens, then only *say* until the client leaves."""
    far.open()
    far.tokens(count)
    while say(far) and not far.peer.left.wait(pause):
        pass


def trickle(count: int, far: Far) -> None:
    """An event that never ends, byte by byte, so that no read ever times out."""
    far.open()
    far.tokens(count)
    event = far.protocol.event("a" * 9999)
    if isinstance(far, HttpFar):
        far.send(event, upto=len(event) // 2)
        far.peer.trickle(b"1\r\na\r\n", 5 * MS)
    else:
        far.send(event, upto=len(event) // 2)
        far.peer.trickle(b"a", 5 * MS)


def nothing_known(far: Far) -> bool:
    return far.send(far.protocol.empty)


def ended_but_open(far: Far) -> None:
    far.open()
    far.tokens()
    far.send(far.protocol.end)
    far.hold()


def ended_but_talking(far: Far) -> None:
    far.open()
    far.tokens()
    far.send(far.protocol.end)
    while far.keepalive() and not far.peer.left.wait(5 * MS):
        pass


def endless(content: bytes, far: Far) -> None:
    far.open()
    far.token(0)
    if isinstance(far, HttpFar):
        while far.send(content):
            pass
    else:
        far.peer.send(b"\x81\x7f" + (2**40).to_bytes(8, "big"))
        while far.peer.send(content):
            pass


MARKED = tuple(each for each in EVERY if each.has_end_mark)
UNKNOWN = tuple(each for each in EVERY if each.empty)


def keepalive(far: Far) -> bool:
    return far.keepalive()


def flood(far: Far) -> bool:
    if isinstance(far, HttpFar):
        return far.send(far.protocol.keepalive * 2000)
    return far.peer.send(frame(b"2") * 2000)


ENDLESS = [
    Fault(
        "for ever: keep-alives before the first token",
        partial(for_ever, keepalive, 0, 5 * MS),
        first_token,
    ),
    Fault("for ever: keep-alives between tokens", partial(for_ever, keepalive, 1, 5 * MS), idle),
    Fault(
        "for ever: a flood of keep-alives before the first token",
        partial(for_ever, flood, 0, 0),
        first_token,
    ),
    Fault("for ever: a flood of keep-alives between tokens", partial(for_ever, flood, 1, 0), idle),
    Fault(
        "for ever: unknown events before the first token",
        partial(for_ever, nothing_known, 0, 5 * MS),
        first_token,
        UNKNOWN,
    ),
    Fault(
        "for ever: unknown events between tokens",
        partial(for_ever, nothing_known, 1, 5 * MS),
        idle,
        UNKNOWN,
    ),
    Fault("for ever: a trickle before the first token", partial(trickle, 0), first_token),
    Fault("for ever: a trickle between tokens", partial(trickle, 1), idle),
    Fault(
        "for ever: silence after the end mark", ended_but_open, Outcome(within=AFTER_FINISH), MARKED
    ),
    Fault(
        "for ever: keep-alives after the end mark",
        ended_but_talking,
        Outcome(within=AFTER_FINISH),
        MARKED,
    ),
    Fault("for ever: a line", partial(endless, b"a" * 65_536), ONE),
    Fault(
        "for ever: an event of many lines", partial(endless, b"data: 1\n" * 9999), ONE, SSE, True
    ),
]


@pytest.mark.parametrize(("fault", "protocol"), params(ENDLESS))
def test_what_never_ends_is_ended(cell: Cell, fault: Fault, protocol: Protocol) -> None:
    cell.run(fault, protocol)

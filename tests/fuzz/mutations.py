"""Inputs changed a little at a time, and which of them reach new lines."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

# What the formats are made of, and what has broken parsers before.
WORDS: tuple[bytes, ...] = (
    b"\n", b"\r", b"\r\n", b"\n\n", b"\0", b" ", b":", b",", b'"', b"\\", b"{", b"}", b"[", b"]",
    b"data: ", b"event: ", b"event: error\n", b"error: ", b"id: ", b"retry: 1\n", b": ping\n\n",
    b"data: [DONE]\n\n", b"[DONE]", b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-0",
    b"9" * 5000, b'"error"', b'"type"', b'"text"', b'"choices"', b'"delta"', b'"content"',
    b'"index"', b'"usage"', b'"finish_reason"', b'"candidates"', b'"parts"', b'"functionCall"',
    b'"tool_calls"', b'"done"', b'"message"', b'"event_type"', b'"state"', b'"isFinal"', b'"id"',
    b'"name"', b'"arguments"', b"\xef\xbb\xbf", b"\xff", b"\xc3", b"\xed\xa0\x80",
    b"\xe2\x80\xa8", b"\xc2\x85", b"\\ud83d", b"\\ude00", b"\\u0000", b"<html>", b"<think>",
    b"</think>", b"[" * 900, b'{"a":' * 300, b"{}", b"[]", b"0\r\n\r\n", b"ffffffffffffffff\r\n",
    b"1;a=b\r\n", b"HTTP/1.1 200 OK\r\n", b"Content-Length: ", b"Transfer-Encoding: chunked\r\n",
    b"Retry-After: ", b"/chat,", b"\t", b"#HttpOnly_", b"\x1f\x8b",
)  # fmt: skip


def mutated(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """*content* with one to four changes."""
    made = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        chance.choice(_CHANGES)(made, others, chance)
    return bytes(made[:65_536])


def _put(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    at = chance.randint(0, len(made))
    made[at:at] = chance.choice(WORDS)


def _replace(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    at = chance.randint(0, len(made))
    made[at : at + chance.randint(1, 8)] = chance.choice(WORDS)


def _flip(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    if made:
        made[chance.randrange(len(made))] = chance.randrange(256)


def _cut(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    at = chance.randint(0, len(made))
    del made[at : at + chance.randint(1, 40)]


def _end(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    del made[chance.randint(0, len(made)) :]


def _repeat(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    at = chance.randint(0, len(made))
    made[at:at] = made[at : at + chance.randint(1, 60)] * chance.randint(1, 5)


def _join(made: bytearray, others: list[bytes], chance: random.Random) -> None:
    other = chance.choice(others)
    at = chance.randint(0, len(other))
    made[chance.randint(0, len(made)) :] = other[at:]


_CHANGES: tuple[Callable[[bytearray, list[bytes], random.Random], None], ...] = (
    _put, _put, _replace, _replace, _flip, _cut, _end, _repeat, _join,
)  # fmt: skip


class Coverage:
    """The steps from line to line seen so far in the package; costs a factor of ten."""

    def __init__(self) -> None:
        self.steps: set[tuple[str, int, int]] = set()
        self._new = False

    def reaches_new(self, run: Callable[[], object]) -> bool:
        """Whether *run* takes a step that was never taken before."""
        self._new = False
        sys.settrace(self._call)
        try:
            run()
        finally:
            sys.settrace(None)
        return self._new

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        if "g4fsync" not in name:
            return None
        last = 0

        def line(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal last
            step = (name, last, frame.f_lineno)
            last = frame.f_lineno
            if step not in self.steps:
                self.steps.add(step)
                self._new = True
            return line

        return line

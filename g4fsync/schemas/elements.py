"""The elements of a JSON array while its text comes in pieces.

Law: any cutting of the same text gives the same elements, each with the piece that closes it.

How it is cheap: an element is parsed once, by the C scanner of ``json``, when a
piece came that may close it.  An attempt too early costs the element's text so
far; when such attempts have cost as much as the element itself, its brackets are
counted in place of trying.
"""

from __future__ import annotations

import re
from typing import Any

from .found import decoder

_scan = decoder.scan_once  # type: ignore[attr-defined]  # as raw_decode() uses it
_BLANKS = re.compile(r"[ \t\n\r]*")
_COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")
_OPENING = re.compile(r"[\[{]")
# Complete strings, and what else is no bracket.
_UP_TO_BRACKET = re.compile(r'(?:[^"{}\[\]]+|"[^"\\]*(?:\\.[^"\\]*)*")*', re.DOTALL)
_AFTER_SCALAR = (" ", "\t", "\n", "\r", ",", "]")
_CLOSERS = {"{": "}", "[": "]", '"': '"'}
_MANY_CHARS = 400  # of text, from which on more than one element is read at a time
_BOUNDARY_CHARS = 200
_FREE_CHARS = 200  # that may be parsed in vain for an element


class Elements:
    """Feed it text; it gives the elements of its array, or none when it has no such.

    The array is the text's first JSON value, or the only member of an object, under
    *wrapper*.  ``values`` holds all elements so far; ``closed``: the array has ended.
    """

    def __init__(self, wrapper: str | None) -> None:
        name = re.escape(f'"{wrapper}"')
        self._head = re.compile(rf"(\{{[ \t\n\r]*{name}[ \t\n\r]*:[ \t\n\r]*)?\[[ \t\n\r]*")
        self._compact_head = f'{{"{wrapper}":['
        self.values: list[Any] = []
        self.closed = False
        self._given_up = False  # the text is no such array, or a broken one
        self._pieces: list[str] = []  # of text that was not read yet
        self._is_begun = False  # the array is
        self._awaits_comma = False
        self._closer = ""  # what the element under way ends with; "" when any text may end it
        self._wasted = 0  # characters that were parsed in vain for it
        self._brackets: _Brackets | None = None
        self._are_nested = False  # what closes an element is found within them too
        self._look_alike = True  # nothing within an element looks like the boundary of two

    def feed(self, piece: str) -> list[Any]:
        """Take the next piece of text; the elements it closes."""
        if self._closer and not self._may_close(piece):
            self._pieces.append(piece)
            return []
        if self.closed or self._given_up:
            return []
        self._pieces.append(piece)
        text = self._pieces[0] if len(self._pieces) == 1 else "".join(self._pieces)
        first = len(self.values)
        at = self._read(text, 0) if self._is_begun else self._start(text)
        self._pieces = [text[at:]] if at < len(text) else []
        return self.values[first:]

    def _may_close(self, piece: str) -> bool:
        """Whether the element under way may be complete with *piece*."""
        return self._closer in piece if self._brackets is None else self._brackets.feed(piece)

    def _start(self, text: str) -> int:
        """Look for the array; the place from which text is still to be read."""
        opening = _OPENING.search(text)
        if text.lstrip().startswith('"'):  # a JSON string, whatever stands in it
            self._given_up = True
        if opening is None or self._given_up:
            return 0
        head = self._head.match(text, opening.start())
        if head is None:
            begun = "".join(text[opening.start() :].split())
            self._given_up = not self._compact_head.startswith(begun)
            return opening.start()
        self._is_begun = True
        return self._read(text, head.end())

    def _read(self, text: str, at: int) -> int:
        """Read elements from *at* on; the place that was not read."""
        size, append, comma_at = len(text), self.values.append, _COMMA.match
        while True:
            if self._awaits_comma:
                comma = comma_at(text, at)
                if comma is None:
                    return self._end_or_wait(text, at)
                before, at, self._awaits_comma = at, comma.end(), False
                at = self._read_many(text, at, before) if self._look_alike else at
            if at < size and text[at] in " \t\n\r":
                at = _blanks_end(text, at)
            if at == size:
                return at
            closer = _CLOSERS.get(text[at], "")
            if closer and size - at < _MANY_CHARS and self._is_open(text, at, closer):
                self._closer = closer
                return at
            try:
                value, end = _scan(text, at)
            except (StopIteration, ValueError, RecursionError):
                return self._not_yet(text, at)
            if not closer and text[end : end + 1] not in _AFTER_SCALAR:
                return self._not_yet(text, at)  # a number may go on
            append(value)
            at, self._awaits_comma = end, True
            if self._closer or self._wasted or self._brackets:
                self._closer, self._brackets, self._wasted = "", None, 0

    def _is_open(self, text: str, at: int, closer: str) -> bool:
        """Whether the element at *at*, of which there is little text, can't be complete."""
        if text.find(closer, at + 1) < 0:
            return True
        if self._are_nested and closer != '"' and self._brackets is None:
            self._brackets = _Brackets()
            return not self._brackets.feed(text[at:])
        return False

    def _read_many(self, text: str, at: int, before: int) -> int:
        """Read elements that look alike in one step; the place that was not read.

        A boundary between two of them is what stands at *before*, up to the name of a
        first member.  Where that is met inside of an element, nothing is read.
        """
        if not before or len(text) - at < _MANY_CHARS:
            return at
        name_end = text.find('"', text.find('"', at) + 1) + 1
        boundary = text[before - 1 : name_end]
        if not 0 < len(boundary) < _BOUNDARY_CHARS:
            return at
        last = text.rfind(boundary, at)
        if last < at:
            return at
        try:
            found, _ = _scan(f"[{text[at : last + 1]}]", 0)
        except (StopIteration, ValueError, RecursionError):
            self._look_alike = False
            return at
        self.values += found
        return last + at - before + 1

    def _end_or_wait(self, text: str, at: int) -> int:
        at = _blanks_end(text, at)
        if at < len(text):
            self.closed = text[at] == "]"
            self._given_up = not self.closed
        return at

    def _not_yet(self, text: str, at: int) -> int:
        """The element at *at* is not complete, or there is none."""
        if text[at] == "]":
            self.closed = not self.values
            self._given_up = bool(self.values)  # a comma before the end
            return at
        self._closer = _CLOSERS.get(text[at], "")
        self._wasted += len(text) - at
        self._are_nested = True
        if self._brackets is not None:
            self._given_up = True  # its brackets are closed, and it is no JSON
        elif self._closer and self._wasted > len(text) - at + _FREE_CHARS:
            self._brackets = _Brackets()
            self._given_up = self._brackets.feed(text[at:])
        return at


def _blanks_end(text: str, at: int) -> int:
    blanks = _BLANKS.match(text, at)
    return blanks.end() if blanks else at


class _Brackets:
    """Counts brackets outside of strings."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False  # the next character is

    def feed(self, piece: str) -> bool:
        """Take more text; whether the last bracket was closed in it."""
        at = 0
        if self._in_string:
            at = self._string_end(piece, 0)
            if self._in_string:
                return False
        size = len(piece)
        while True:
            at = _UP_TO_BRACKET.match(piece, at).end()  # type: ignore[union-attr]  # it always does
            if at == size:
                return False
            found = piece[at]
            at += 1
            if found in "{[":
                self._depth += 1
            elif found in "}]":
                self._depth -= 1
                if self._depth <= 0:
                    return True
            elif found == '"':
                self._in_string = True
                self._string_end(piece, at)  # it has none, or the string would not stand here
                return False

    def _string_end(self, piece: str, at: int) -> int:
        """Go to the end of a string; the end of *piece* when it has none."""
        if self._escaped and piece:
            at, self._escaped = at + 1, False
        while True:
            quote, escape = piece.find('"', at), piece.find("\\", at)
            if escape >= 0 and (escape < quote or quote < 0):
                at = escape + 2
                if at > len(piece):
                    self._escaped = True
                    return len(piece)
            elif quote >= 0:
                self._in_string = False
                return quote + 1
            else:
                return len(piece)

"""A short text that a regular expression matches, for the usual expressions.

Literals, classes, escapes, groups, alternatives and repetitions are understood; assertions
are passed over and back references are not known, so the caller checks what comes out.
"""

from __future__ import annotations

import re
from itertools import chain

#: What an escaped letter stands for, as one character.
_ESCAPES = {"d": "0", "D": "a", "w": "a", "W": "-", "s": " ", "S": "a", "n": "\n", "t": "\t"}
_ASSERTIONS = frozenset("bBAZzG")
#: Tried in turn for a class that says what is not in it.
_CANDIDATES = "a0A-_ .é"


def matching_text(pattern: str, min_length: int = 0, max_length: int | None = None) -> str | None:
    """A text with a match of *pattern*, of a length in bounds; ``None``: none was found."""
    try:
        expression = re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return None
    for extra in range(min(min_length, 256) + 1):
        text = _Generator(pattern, extra).alternatives()
        long_enough = len(text) >= min_length
        if long_enough and (max_length is None or len(text) <= max_length):
            if expression.search(text):
                return text
            return None
    return None


class _Generator:
    """Reads an expression once and takes the first way through it.

    A repetition without an upper limit is repeated *extra* times more than it must be.
    """

    def __init__(self, pattern: str, extra: int) -> None:
        self._pattern = pattern
        self._at = 0
        self._extra = extra

    def alternatives(self) -> str:
        """The text for ``a|b|c`` up to a closing bracket: that of the first."""
        texts = [self._sequence()]
        while self._take("|"):
            texts.append(self._sequence())
        return texts[0]

    def _sequence(self) -> str:
        texts = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            atom = self._atom()
            texts.append(atom * self._repetitions())
        return "".join(texts)

    def _atom(self) -> str:
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if char == ".":
            return "a"
        return "" if char in "^$" else char

    def _group(self) -> str:
        kind = re.compile(r"\?(?:P?<\w+>|:|(=|!|<=|<!))").match(self._pattern, self._at)
        if kind:
            self._at = kind.end()
        text = self.alternatives()
        self._take(")")
        return "" if kind and kind[1] else text

    def _escape(self) -> str:
        char = self._next()
        if char in _ASSERTIONS:
            return ""
        if char in "ux":
            digits = self._pattern[self._at : self._at + (4 if char == "u" else 2)]
            self._at += len(digits)
            return chr(int(digits, 16))
        return _ESCAPES.get(char, char)

    def _class(self) -> str:
        begin = self._at - 1
        self._take("^")
        first = ""
        # A closing bracket that stands first is a member.
        while self._at < len(self._pattern) and (self._pattern[self._at] != "]" or not first):
            char = self._next()
            member = self._escape() if char == "\\" else char
            first = first or member
        self._take("]")
        expression = re.compile(self._pattern[begin : self._at])
        for candidate in chain([first], _CANDIDATES, map(chr, range(32, 127))):
            if expression.fullmatch(candidate):
                return candidate
        return first

    def _repetitions(self) -> int:
        match = re.compile(r"([*+?])|\{(\d*)(,?)(\d*)\}").match(self._pattern, self._at)
        if match is None:
            return 1
        self._at = match.end()
        if self._at < len(self._pattern) and self._pattern[self._at] in "?+":
            self._at += 1  # lazy or possessive
        if match[1]:
            return {"*": self._extra, "+": 1 + self._extra, "?": min(self._extra, 1)}[match[1]]
        least = int(match[2] or 0)
        if not match[3]:
            return least
        return min(least + self._extra, int(match[4])) if match[4] else least + self._extra

    def _next(self) -> str:
        char = self._pattern[self._at : self._at + 1]
        self._at += 1
        return char

    def _take(self, char: str) -> bool:
        taken = self._pattern.startswith(char, self._at)
        self._at += taken
        return taken

"""Where a JSON string, object or array ends whose text comes in pieces.

Each character is looked at once, by the C loops of ``str``: escapes are taken out, and
what stands between quotes is left out by splitting at them.
"""

from __future__ import annotations

_BLOCK_CHARS = 250  # looked at in one step; what stands behind the end is looked at for nothing


class StringEnd:
    """Finds the quote that ends a string."""

    def __init__(self) -> None:
        self._quotes = 0
        self._escape = ""  # a backslash whose other half is still to come

    def is_in(self, text: str) -> bool:
        """Take more text, at first from the opening quote on; whether the string ends in it."""
        if self._escape or "\\" in text:
            text = self._without_escapes(text)
        self._quotes += text.count('"')
        return self._quotes > 1

    def _without_escapes(self, text: str) -> str:
        """*text* without the quotes that are escaped."""
        text = (self._escape + text).replace("\\\\", "").replace('\\"', "")
        self._escape = "\\" if text.endswith("\\") else ""
        return text


class Nesting(StringEnd):
    """Finds the bracket that ends an object or an array.

    Brackets of the other kind are not looked at: in JSON they are closed by then.
    """

    def __init__(self, opener: str, closer: str) -> None:
        super().__init__()
        self._opener = opener
        self._closer = closer
        self._depth = 0

    def is_in(self, text: str) -> bool:
        """Take more text, at first from the bracket on; whether the last one is closed in it."""
        if len(text) > _BLOCK_CHARS:
            blocks = range(0, len(text), _BLOCK_CHARS)
            return any(self.is_in(text[at : at + _BLOCK_CHARS]) for at in blocks)
        if self._escape or "\\" in text:
            text = self._without_escapes(text)
        parts = text.split('"')
        outside = "".join(parts[self._quotes & 1 :: 2])
        self._quotes += len(parts) - 1
        closings = outside.count(self._closer)
        before, self._depth = self._depth, self._depth + outside.count(self._opener) - closings
        if not closings or closings < before:
            return False
        return self._depth <= 0 or self._touches_zero(outside, before)

    def _touches_zero(self, outside: str, depth: int) -> bool:
        """Whether *depth* comes to zero on the way, though brackets are open at the end."""
        for each in outside:
            if each == self._opener:
                depth += 1
            elif each == self._closer:
                depth -= 1
                if depth == 0:
                    return True
        return False

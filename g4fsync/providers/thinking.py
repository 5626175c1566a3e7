"""``<think>`` tags in an answer, as models write them whose server has no parser for them."""

from __future__ import annotations

from collections.abc import Iterator

from ..events import Reasoning

OPEN, CLOSE = "<think>", "</think>"


class ThinkTags:
    """Split text into answer and reasoning at the tags, wherever they stand.

    Any cutting of the same text gives the same answer and the same reasoning.
    What may be the beginning of a tag is held back until it is known; reasoning
    that is never closed stays reasoning.
    """

    def __init__(self) -> None:
        self._held = ""
        self._inside = False

    def feed(self, text: str) -> Iterator[str | Reasoning]:
        """What is known with *text*; take it all before the next text."""
        text = self._held + text
        while True:
            tag = CLOSE if self._inside else OPEN
            before, found, rest = text.partition(tag)
            if not found:
                break
            yield from self._pieces(before)
            self._inside = not self._inside
            text = rest
        keep = _overlap(text, tag)
        self._held = text[len(text) - keep :]
        yield from self._pieces(text[: len(text) - keep])

    @property
    def held(self) -> bool:
        """Whether something is held back that may be the beginning of a tag."""
        return bool(self._held)

    def close(self) -> Iterator[str | Reasoning]:
        """End of the answer: what was held back is no tag."""
        yield from self._pieces(self._held)
        self._held = ""

    def _pieces(self, text: str) -> Iterator[str | Reasoning]:
        if text:
            yield Reasoning(text) if self._inside else text


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of *text* may be the beginning of *tag*."""
    longest = min(len(text), len(tag) - 1)
    return next((n for n in range(longest, 0, -1) if tag.startswith(text[-n:])), 0)

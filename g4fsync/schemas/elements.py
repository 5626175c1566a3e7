"""The elements of a JSON array while its text comes in pieces.

Law: any cutting of the same text gives the same elements, each with the piece that closes it.

How it is cheap.  A piece that can't close the element under way is put aside, which takes
one look for a character.  One that may close it lets the C scanner of ``json`` try.  Should
the bracket have been one within the element, its brackets are counted from then on, and
those of the elements after it.  So nothing is parsed more than twice, and nothing is joined
again and again.  When much text comes at once, all elements up to the last place that
looks like the boundary of two are parsed in one step.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from .found import ANSWER, THOUGHTS, decoder
from .nesting import Nesting, StringEnd

_scan = decoder.scan_once  # type: ignore[attr-defined]  # as raw_decode() uses it
_NO_JSON = (StopIteration, ValueError, RecursionError)
_BLANKS = re.compile(r"[ \t\n\r]*")
_LAST_BLANKS = re.compile(r"[ \t\n\r]+\Z")
_COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")
_COMMA_AND_BLANKS = ", \n\t\r"
_OPENING = re.compile(r"[\[{]")
_AFTER_SCALAR = re.compile(r"[ \t\n\r,\]]")
_UNSURE = ("", '"', "]")  # an element that begins so may not be one, or not end at its closer
_CLOSERS = {"{": "}", "[": "]", '"': '"'}
_MANY_CHARS = 400  # of text, from which on more than one element is read at a time
_BOUNDARY_CHARS = 200


def _thoughts(text: str) -> tuple[bool, str]:
    """Whether *text* is thoughts as far as it goes, and what to keep of it, or is behind them."""
    if not text.startswith(THOUGHTS):
        return THOUGHTS.startswith(text), text
    end = text.find(ANSWER)
    if end >= 0:
        return False, text[end + len(ANSWER) :].lstrip()
    return True, THOUGHTS + text[len(THOUGHTS) :][1 - len(ANSWER) :]


class Elements:
    """Reads the elements of the array in a text, or none when the text has no such.

    The array is the text's first JSON value, or the only member of an object, under
    *wrapper*.  ``closed``: it has ended, and all of it was well.
    """

    def __init__(self, wrapper: str | None) -> None:
        name = re.escape(f'"{wrapper}"')
        self._head = re.compile(rf"(\{{[ \t\n\r]*{name}[ \t\n\r]*:[ \t\n\r]*)?\[[ \t\n\r]*")
        self._compact_head = f'{{"{wrapper}":['
        self.closed = False
        self._is_over = False  # the array has ended, or what follows is none
        self._has_begun = False  # there was an element
        self._awaits_comma = False
        self._rest = ""  # of the text that was read: what there is of the element under way
        self._opener = ""  # what that begins with; "" before it
        self._end: StringEnd | None = None  # looks for where it ends, if that is not its closer
        self._is_looked_at = False  # the rest was, by it
        self._are_nested = False  # what closes an element is found within them too
        self._boundary: tuple[str, str, str] | None = None
        self._look_alike = True  # nothing within an element looks like the boundary of two

    def read(self, pieces: Iterable[str]) -> Iterator[list[Any]]:
        """The elements that a piece closes, for each of *pieces* that closes any.

        It stops when the array has ended; what is left of *pieces* is not touched.
        """
        pieces = iter(pieces)
        text = self._start(pieces)
        while text is not None:
            found = self._complete(text)
            if found:
                yield found
            text = None if self._is_over else self._more(pieces)

    def _start(self, pieces: Iterator[str]) -> str | None:
        """Look for the array; what stands behind its bracket, ``None`` when there is none."""
        text = ""
        for piece in pieces:
            text = (text + piece).lstrip()
            if text.startswith("<"):
                thoughts, text = _thoughts(text)
                if thoughts:
                    continue
            if text.startswith('"'):  # a JSON string, whatever stands in it
                return None
            opening = _OPENING.search(text)
            if opening is None:
                text = text[:1]
                continue
            head = self._head.match(text, opening.start())
            if head is not None:
                return text[head.end() :]
            text = _LAST_BLANKS.sub(" ", text[opening.start() :])
            if not self._compact_head.startswith("".join(_BLANKS.split(text))):
                return None
        return None

    # -- waiting ------------------------------------------------------------

    def _more(self, pieces: Iterator[str]) -> str | None:
        """Wait until the element under way may be complete; the text from its beginning on.

        A comma and blanks may stand before it.
        """
        kept = [self._rest]
        if not self._opener:
            begun = ""
            for piece in pieces:
                kept.append(piece)
                begun = piece.lstrip(_COMMA_AND_BLANKS)
                if begun:
                    break
            else:
                return None
            self._opener = opener = begun[0]
            closer = _CLOSERS.get(opener)
            if _AFTER_SCALAR.search(begun) if closer is None else closer in begun[1:]:
                return "".join(kept)
            if self._are_nested and opener != '"' and closer is not None:
                self._end, self._is_looked_at = Nesting(opener, closer), False
        return "".join(kept) if self._ends(pieces, kept) else None

    def _ends(self, pieces: Iterator[str], kept: list[str]) -> bool:
        """Put *pieces* into *kept* up to the one with which the element may be complete."""
        closer, keep = _CLOSERS.get(self._opener), kept.append
        if closer is None:
            has_end = _AFTER_SCALAR.search
            for piece in pieces:
                keep(piece)
                if has_end(piece):
                    return True
        elif self._end is not None:
            return self._is_ended(pieces, kept, closer, self._end)
        else:
            for piece in pieces:
                keep(piece)
                if closer in piece:
                    return True
        return False

    def _is_ended(
        self, pieces: Iterator[str], kept: list[str], closer: str, end: StringEnd
    ) -> bool:
        """The same, for an element whose *end* is looked for."""
        new = 1 if self._is_looked_at else 0
        for piece in pieces:
            kept.append(piece)
            if closer in piece:
                if len(piece) >= _MANY_CHARS and self._has_boundary(piece):
                    self._end = None
                    return True
                kept[new:] = ("".join(kept[new:]),)
                if end.is_in(kept[new]):
                    return True
                new += 1
        return False

    def _has_boundary(self, piece: str) -> bool:
        boundary = self._boundary if self._look_alike else None
        return boundary is not None and "".join(boundary) in piece

    # -- reading ------------------------------------------------------------

    def _complete(self, text: str) -> list[Any]:
        """The elements that are complete in *text*; what is left of it is set aside."""
        found: list[Any] = []
        at, size = 0, len(text)
        is_ended, self._end = self._end is not None, None  # the first element
        # What has its closer by now was waited for.
        is_tried = is_ended or not (self._opener in _UNSURE or self._are_nested)
        if self._awaits_comma or not is_tried or text[0] != self._opener or size >= _MANY_CHARS:
            at = self._next(text, 0, found)
            is_tried = is_tried and not found
        while at >= 0 and (is_tried or not self._is_open(text, at)):
            try:
                value, end = _scan(text, at)
            except _NO_JSON:
                self._wait_or_give_up(text, at, is_ended and not found)
                break
            if text[at] not in _CLOSERS and text[end] not in " \t\n\r,]":
                self._is_over = True
                break
            found.append(value)
            is_tried, self._has_begun, self._awaits_comma = False, True, True
            if end == size:
                self._rest = self._opener = ""
                break
            at = self._next(text, end, found)
        return found

    def _next(self, text: str, at: int, found: list[Any]) -> int:
        """Where an element begins behind *at*, and behind a comma where there must be one.

        It is -1 when nothing is left to read.  What is read at a time goes into *found*.
        """
        size = len(text)
        if self._awaits_comma:
            comma = _COMMA.match(text, at)
            if comma is None:
                at = _blanks_end(text, at)
                self._is_over, self.closed = at < size, text[at : at + 1] == "]"
                self._rest = self._opener = ""
                return -1
            before, at, self._awaits_comma = at, comma.end(), False
            if before and size - at >= _MANY_CHARS:
                self._boundary = _boundary(text, before, at)
        if self._look_alike and size - at >= _MANY_CHARS:
            at = self._many(text, at, found)
        if at < size and text[at] in " \t\n\r":
            at = _blanks_end(text, at)
        if at < size:
            return at
        self._rest = self._opener = ""
        return -1

    def _many(self, text: str, at: int, found: list[Any]) -> int:
        """Parse elements that look alike in one step; the place that was not read."""
        if self._boundary is None:
            return at
        left, comma, right = self._boundary
        last = text.rfind(left + comma + right, at)
        if last < at:
            return at
        end = last + len(left)
        between = f"[{text[at:end]}]"
        try:
            values, size = _scan(between, 0)
        except _NO_JSON:
            size = 0
        if size < len(between):  # it is within an element, or behind the array
            self._look_alike = False
            return at
        found += values
        return end + len(comma)

    def _is_open(self, text: str, at: int) -> bool:
        """Whether the element at *at* is surely not complete; then it is set aside."""
        opener = text[at]
        closer = _CLOSERS.get(opener)
        if closer is None:
            end = _AFTER_SCALAR.search(text, at)
            if end is not None and end.start() > at:
                return False
            if end is not None:
                self._is_over = True
                self.closed = opener == "]" and not self._has_begun
            self._rest, self._opener = text[at:], opener
            return True
        closing = text.find(closer, at + 1)
        if closing < 0:
            self._rest, self._opener = text[at:], opener
            if self._are_nested and closer != '"':
                self._end, self._is_looked_at = Nesting(opener, closer), False
            return True
        is_unsure = text[closing - 1] == "\\" if closer == '"' else self._are_nested
        return is_unsure and len(text) - at < _MANY_CHARS and self._look_for_end(text[at:])

    def _look_for_end(self, rest: str) -> bool:
        """Whether the element that begins with *rest* does not end in it; then it is set aside."""
        opener = rest[0]
        end = StringEnd() if opener == '"' else Nesting(opener, _CLOSERS[opener])
        if end.is_in(rest):
            return False
        self._rest, self._opener, self._end, self._is_looked_at = rest, opener, end, True
        return True

    def _wait_or_give_up(self, text: str, at: int, is_complete: bool) -> None:
        """What begins at *at* is no JSON, at least not yet."""
        opener = text[at]
        if is_complete or opener not in _CLOSERS or not self._look_for_end(text[at:]):
            self._is_over = True
        elif opener != '"':
            self._are_nested = True


def _may_end(begun: str) -> bool:
    """Whether an element may be complete that has *begun*; it may also be none at all."""
    closer = _CLOSERS.get(begun[:1])
    return bool(_AFTER_SCALAR.search(begun)) if closer is None else closer in begun[1:]


def _blanks_end(text: str, at: int) -> int:
    return _BLANKS.match(text, at).end()  # type: ignore[union-attr]  # it always matches


def _boundary(text: str, before: int, at: int) -> tuple[str, str, str] | None:
    """What two elements have between them, in *text* from *before* to *at* and around it.

    It is the end of the one, the comma, and the beginning of the other: of an object up to
    the name of its first member.
    """
    opener = text[at]
    if opener not in _CLOSERS:
        return "", text[before:at], ""
    name_end = text.find('"', text.find('"', at) + 1) + 1 if opener == "{" else at + 1
    if not 0 < name_end - at < _BOUNDARY_CHARS:
        return None
    up_to_it = text[max(0, before - _BOUNDARY_CHARS) : before]
    left = up_to_it[len(up_to_it.rstrip("]} \t\n\r")) :] or up_to_it[-1]
    return left, text[before:at], text[at:name_end]

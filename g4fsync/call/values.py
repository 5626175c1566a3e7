"""The value of an answer while it comes: the elements of a list, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import InvalidRequest, Unparsable
from ..events import Attempt, ToolResult
from ..schemas import AnswerType, Misfit, path_text
from ..schemas.elements import Elements
from ..schemas.jsontypes import same
from ..schemas.misfit import MISSING, shown

if TYPE_CHECKING:
    from ..events import Event
    from .journal import Journal


class ElementReader:
    """Reads the elements of one answer after the other; ``values`` are those of the latest."""

    def __init__(self, wanted: AnswerType) -> None:
        self._wanted = wanted
        self._given: list[Any] = []  # as JSON, of all answers: they can't be taken back
        self.values: list[Any] = []
        self.are_complete = False
        """Whether the list has ended, and all of it has been given."""

    def read(self, pieces: Iterator[str]) -> Iterator[Any]:
        """The elements of the answer that comes in *pieces*, but for those given before.

        Raises :class:`Misfit` for an element that does not fit, and where the answer says
        something else than an earlier one whose elements were given.
        """
        self.values, self.are_complete = [], False
        elements = Elements(self._wanted.wrapper)
        for closed in elements.read(pieces):
            for each in closed:
                at = len(self.values)
                value = self._wanted.element(each, at)
                self.values.append(value)
                if at == len(self._given):
                    self._given.append(each)
                    yield value
                elif not same(self._given[at], each):
                    raise Misfit((at,), f"what was given before, {shown(self._given[at])}", each)
        self.are_complete = elements.closed
        missing = self._given[len(self.values) :]
        if elements.closed and missing:
            expected = f"what was given before, {shown(missing[0])}"
            raise Misfit((len(self.values),), expected, MISSING)

    @property
    def given(self) -> int:
        """How many elements were given."""
        return len(self._given)


def check(journal: Journal) -> None:
    """Raise ``InvalidRequest`` when a stream can't be read by its values."""
    if journal.wanted is None:
        raise InvalidRequest("values() needs returns=, the type of the answer")
    if journal.pieces:
        raise InvalidRequest("values() must be asked for before the stream is read")


def values(items: Iterator[str | Event], journal: Journal) -> Iterator[Any]:
    """The elements of a list as soon as each is closed, or the one value of another type.

    An element that does not fit raises ``Unparsable`` when others were given before it:
    they can't be taken back.  Else the complete answer is judged, and may be asked for again.
    Those of an answer that then calls tools stand, too: the last one has to begin with them.
    """
    wanted = journal.wanted
    assert wanted is not None  # check() has looked
    if not wanted.is_list:
        for _ in items:
            pass
        yield journal.value
        return
    reader = journal.elements = ElementReader(wanted)
    answers = _Answers(items)
    while not answers.are_over:
        pieces = answers.next_pieces()
        try:
            for value in reader.read(pieces):
                journal.is_delivered = True
                yield value
        except Misfit as misfit:
            if journal.is_delivered:
                error = unparsable(misfit, journal.turn().content)
                journal.fail(error)
                raise error from misfit
        for _ in pieces:
            pass
    if not reader.are_complete and journal.value is not None:
        yield from list(journal.value)[reader.given :]


class _Answers:
    """The items of a stream as the answers that they are of: of each round and each try one."""

    def __init__(self, items: Iterator[str | Event]) -> None:
        self._items = items
        self.are_over = False

    def next_pieces(self) -> Iterator[str]:
        """The text of the next answer, piece by piece; to be read to its end."""
        for item in self._items:
            if item.__class__ is str:
                yield item
            elif isinstance(item, ToolResult | Attempt):
                return
        self.are_over = True


def unparsable(misfit: Misfit, text: str) -> Unparsable:
    """The error that says how the answer *text* does not fit."""
    error = Unparsable(f"the answer does not fit: {misfit}", evidence=text)
    error.text, error.path, error.expected = text, path_text(misfit.path), misfit.expected
    return error

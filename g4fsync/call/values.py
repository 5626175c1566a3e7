"""The value of an answer while it comes: the elements of a list, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import InvalidRequest, Unparsable
from ..events import Attempt, ToolResult
from ..schemas import AnswerType, Misfit, path_text
from ..schemas.elements import Elements

if TYPE_CHECKING:
    from ..events import Event
    from .journal import Journal


class ElementReader:
    """Reads the elements of one answer; ``values`` are those that it has given."""

    def __init__(self, wanted: AnswerType) -> None:
        self._wanted = wanted
        self.restart()

    def restart(self) -> None:
        """Another answer follows."""
        self._elements = Elements(self._wanted.wrapper)
        self.values: list[Any] = []

    @property
    def are_complete(self) -> bool:
        """Whether the list has ended, and all of it has been given."""
        return self._elements.closed and len(self.values) == len(self._elements.values)

    def feed(self, piece: str) -> Iterator[Any]:
        """Take the next piece of text; :class:`Misfit` for an element that does not fit."""
        found = self._elements.feed(piece)
        before = len(self._elements.values) - len(found)
        if before != len(self.values):
            return  # one of those before did not fit
        for index, each in enumerate(found, before):
            value = self._wanted.element(each, index)
            self.values.append(value)
            yield value


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
    """
    wanted = journal.wanted
    assert wanted is not None  # check() has looked
    reader = ElementReader(wanted)
    if wanted.is_list:
        journal.elements = reader
    for item in items:
        if isinstance(item, str):
            yield from _elements(reader, item, journal) if wanted.is_list else ()
        elif isinstance(item, ToolResult | Attempt):
            reader.restart()
    if not wanted.is_list:
        yield journal.value
    elif not reader.are_complete and journal.value is not None:
        yield from list(journal.value)[len(reader.values) :]


def _elements(reader: ElementReader, piece: str, journal: Journal) -> Iterator[Any]:
    try:
        for value in reader.feed(piece):
            journal.is_delivered = True
            yield value
    except Misfit as misfit:
        if journal.is_delivered:
            error = unparsable(misfit, journal.turn().content)
            journal.fail(error)
            raise error from misfit


def unparsable(misfit: Misfit, text: str) -> Unparsable:
    """The error that says how the answer *text* does not fit."""
    error = Unparsable(f"the answer does not fit: {misfit}", evidence=text)
    error.text, error.path, error.expected = text, path_text(misfit.path), misfit.expected
    return error

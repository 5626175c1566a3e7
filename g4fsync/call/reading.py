"""What holds around each way to read a stream: who reads, how it ends, what is raised."""

from __future__ import annotations

from typing import Protocol

from ..errors import InvalidRequest
from .journal import Journal


class Readable(Protocol):
    """A stream, as it is known here."""

    @property
    def journal(self) -> Journal: ...
    def close(self) -> None: ...


_BUSY = "generator already executing"  # what Python says to a second thread in a generator


def is_busy(exc: object) -> bool:
    """Whether *exc* says that another thread is inside of the generator that was to go on.

    There is no better way to learn it: a look before may be out of date at once.
    """
    return isinstance(exc, ValueError) and str(exc) == _BUSY


class Reading:
    """Around reading: raise what the answer failed with; *leaving* the block closes."""

    __slots__ = ("_leaving", "_stream")

    def __init__(self, stream: Readable, *, leaving: bool = False) -> None:
        self._stream = stream
        self._leaving = leaving

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, exc: BaseException | None, traceback: object) -> None:
        busy = is_busy(exc)
        if self._leaving and not busy:  # else it is for the other thread to clean up
            self._stream.close()
        if exc is not None and not busy:
            return
        error = self._stream.journal.error
        if error is not None:
            raise error
        if busy:
            raise InvalidRequest("another thread is reading this stream") from exc

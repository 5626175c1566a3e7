"""What the emulator was asked, as frozen values for tests to look at."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

Ended: TypeAlias = Literal["complete", "cut", "client gone", "emulator closed"]


@dataclass(frozen=True, slots=True)
class Received:
    """One request, or one WebSocket connection.

    ``call`` names what was asked for (``"chat"``, ``"models"``, ...).  ``headers`` has
    lower-case names; ``raw_headers`` has them as sent, in order.  ``body`` is the
    parsed JSON, or the bytes when it is none (Myshell: the question's object,
    and in ``packets`` every text packet received).  ``images`` are the bytes of
    pictures in the question.

    ``problem`` says what was wrong with it, ``None`` when nothing was.  ``failure`` is the
    exception of the emulator, or of a reply, that spoiled the answer.  ``ended`` is
    ``None`` while the answer is under way.  Times are ``time.monotonic()``
    seconds; ``ended_at`` is when the server saw the end.
    """

    number: int
    call: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw_headers: tuple[tuple[str, str], ...]
    body: Any
    started_at: float
    packets: tuple[str, ...] = ()
    images: tuple[bytes, ...] = ()
    problem: str | None = None
    failure: Exception | None = None
    ended: Ended | None = None
    ended_at: float | None = None


class RequestLog:
    """The records of one far side, in the order in which the requests came."""

    def __init__(self) -> None:
        self._changed = threading.Condition()  # guards _records and _count
        self._records: dict[int, Received] = {}
        self._count = 0

    def open(self, **fields: Any) -> int:
        """Begin a record, and return its number (from 1)."""
        with self._changed:
            self._count += 1
            number = self._count
            self._records[number] = Received(number=number, started_at=time.monotonic(), **fields)
            return number

    def note(self, number: int, **fields: Any) -> None:
        """Write into a record; one that was cleared away is left alone."""
        with self._changed:
            if number in self._records:
                self._records[number] = replace(self._records[number], **fields)
                self._changed.notify_all()

    def end(self, number: int, ended: Ended) -> None:
        """Write how a request ended, now."""
        self.note(number, ended=ended, ended_at=time.monotonic())

    def all(self) -> list[Received]:
        """A copy of the records."""
        with self._changed:
            return list(self._records.values())

    def wait_ended(self, count: int, seconds: float) -> list[Received]:
        """The records once *count* have ended and none is under way, or ``TimeoutError``."""

        def done() -> bool:
            records = self._records.values()
            return len(records) >= count and all(record.ended for record in records)

        with self._changed:
            if not self._changed.wait_for(done, seconds):
                raise TimeoutError(
                    f"of {count} requests these came: {list(self._records.values())}"
                )
            return list(self._records.values())

    def clear(self) -> None:
        """Forget all records."""
        with self._changed:
            self._records.clear()
            self._changed.notify_all()

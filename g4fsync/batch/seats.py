"""Rows that wait for their turn, by whom they are for: a provider with a key is a seat.

Seats pace apart: one that has to wait does not hold up the rows of another.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from time import monotonic

from ..scope.pace import Pace, Turn
from .job import Row


@dataclass(slots=True, eq=False)
class Item:
    """A row on its way: what has been tried, and its call while one is under way."""

    row: Row
    seat: Seat
    followers: list[Row] = field(default_factory=list)  # the same row again, later in the input
    calls: int = 0
    cuts: int = 0  # answers that began, and did not end
    failures: int = 0  # calls that did not begin to be answered
    refusals: int = 0
    started: float = 0.0
    seconds: float = 0.0
    slot: int = 0
    turn: Turn | None = None


@dataclass(slots=True, eq=False)
class Seat:
    """A model of a provider, asked with one key."""

    identity: str
    pace: Pace
    price: tuple[float, float] | None
    waiting: deque[Item] = field(default_factory=deque)


class Seats:
    """All rows that wait; one thread uses it."""

    def __init__(self, max_tokens: int | None) -> None:
        self._max_tokens = max_tokens
        self._seats: deque[Seat] = deque()  # the next to be served first
        self._later: list[tuple[float, int, Item]] = []  # a heap
        self._count = 0
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting + len(self._later)

    def add(self, seat: Seat) -> None:
        """Serve *seat* too."""
        self._seats.append(seat)

    def put(self, item: Item) -> None:
        """*item* waits, behind those of its seat."""
        item.seat.waiting.append(item)
        self._waiting += 1

    def put_later(self, item: Item, seconds: float) -> None:
        """*item* is to be asked again, before others, but not for some seconds."""
        self._count += 1
        heapq.heappush(self._later, (monotonic() + seconds, self._count, item))

    def next_ready(self) -> tuple[Item | None, float | None]:
        """Who may start now, left where it is; else the seconds until someone may, if known."""
        soonest = float("inf")
        if self._later:
            now = monotonic()
            while self._later and self._later[0][0] <= now:
                item = heapq.heappop(self._later)[2]
                item.seat.waiting.appendleft(item)
                self._waiting += 1
            if self._later:
                soonest = self._later[0][0] - now
        for _ in range(len(self._seats)):
            seat = self._seats[0]
            if seat.waiting:
                item = seat.waiting[0]
                pause = seat.pace.delay(item.row.characters, self._max_tokens)
                if pause <= 0:
                    return item, None
                soonest = min(soonest, pause)
            self._seats.rotate(-1)
        return None, None if soonest == float("inf") else soonest

    def take(self, item: Item) -> None:
        """*item*, which is ready, starts; the next seat has its turn."""
        item.seat.waiting.popleft()
        self._waiting -= 1
        item.turn = item.seat.pace.start(item.row.characters, self._max_tokens)
        self._seats.rotate(-1)

    @property
    def paused_for(self) -> float:
        """Seconds that every seat with rows must pause, as their servers asked for."""
        pauses = [seat.pace.paused_for for seat in self._seats if seat.waiting]
        return min(pauses, default=0.0)

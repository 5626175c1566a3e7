"""A server with a rate limit, and the calls that reach it, on a clock that jumps."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable

from g4fsync.ratelimits import RateLimit, RateLimits
from g4fsync.scope.pace import Pace, Turn

ON_THE_WAY_SECONDS = 0.01  # at most, so calls overtake each other
REFUSING_SECONDS = 0.005


class Clock:
    """Time that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class SimulatedServer:
    """Allows *limit* calls in *per* seconds: the last ones (it *slides*), or those of its clock.

    It answers after about *latency* seconds, at the end of an answer whose head came at
    once, and *tells* what is left in it.
    """

    def __init__(
        self, clock: Clock, limit: int, per: float, latency: float, *, slides: bool, tells: bool
    ) -> None:
        self.clock = clock
        self.limit = limit
        self.per = per
        self.latency = latency
        self.slides = slides
        self.tells = tells
        self.began = clock.now
        self.allowed: list[float] = []
        self.refused: list[float] = []
        self._used: list[float] = []
        self._random = random.Random(1)
        self._share_of_others = 0.0

    def others_use(self, share: float) -> None:
        """From now on others use this *share* of the limit."""
        self._share_of_others = share

    def ask(self, pace: Pace, workers: int, seconds: float) -> None:
        """*workers* ask as soon as *pace* lets them, for some seconds."""
        clock, end = self.clock, self.clock.now + seconds
        coming: list[tuple[float, int, Callable[[], None]]] = []
        count, busy = itertools.count(), 0

        def later(delay: float, what: Callable[[], None]) -> None:
            heapq.heappush(coming, (clock.now + delay, next(count), what))

        def arrive(turn: Turn) -> None:
            fits, limits = self._take()
            spread = self._random.uniform(0.85, 1.15)
            delay = self.latency * spread if fits else REFUSING_SECONDS
            later(delay, lambda: end_of(turn, fits, limits, delay))

        def end_of(turn: Turn, fits: bool, limits: RateLimits | None, age: float) -> None:
            nonlocal busy
            busy -= 1
            if fits:
                pace.heard(turn, limits, age)
            else:
                pace.refused(turn, None, limits)

        while clock.now < end:
            delay = pace.delay(10) if busy < workers else float("inf")
            if delay <= 0:
                turn = pace.start(10)
                busy += 1
                way = self._random.uniform(0, ON_THE_WAY_SECONDS)
                later(way, lambda turn=turn: arrive(turn))  # type: ignore[misc]
                continue
            due = coming[0][0] if coming else float("inf")
            clock.now = min(max(due, clock.now), clock.now + delay) + 1e-6
            while coming and coming[0][0] <= clock.now:
                heapq.heappop(coming)[2]()

    def _take(self) -> tuple[bool, RateLimits | None]:
        now, per = self.clock.now, self.per
        oldest = now - per if self.slides else now // per * per
        self._used = [when for when in self._used if when >= oldest]
        limit = int(self.limit * (1 - self._share_of_others))
        fits = len(self._used) < limit
        if fits:
            self._used.append(now)
        (self.allowed if fits else self.refused).append(now)
        if not self.tells:
            return fits, None
        reset = (self._used[-1] if self.slides else oldest) + per - now
        return fits, RateLimits(RateLimit(self.limit, limit - len(self._used), reset))

"""What holds a start back: an even spread, what a server says is left, a rate found by trial.

Values for :mod:`.pace`, whose lock guards them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..ratelimits import RateLimit

SHARE = 0.97  # of a rate that is used: arrivals jitter, and clocks differ
EARLY = 0.005  # of a window that a start may be ahead of its time, to make up for a late one
RESET_MARGIN_SECONDS = 0.02
USED_UP = 2  # times, before a limit is spread; after each refusal twice as many
FIRST_CUT, CUT = 0.9, 0.95  # of what was answered before a refusal, for a rate found by trial
FIRST_RAISE, RAISE, STEP_GROWTH = 0.001, 0.0002, 0.01  # of that rate, by each answer
SHORTEST_WINDOW = 1.0  # seconds that such a rate is counted over


class Ceiling:
    """Evenly spread starts (the generic cell rate algorithm), *per_second* of something."""

    def __init__(self, per_second: float = float("inf")) -> None:
        self.per_second = per_second
        self._early = 0.0  # seconds
        self._next = 0.0  # when the next start is due

    def spread(self, limit: float, per: float) -> None:
        """Spread a little less than *limit* over *per* seconds."""
        self.per_second, self._early = SHARE * limit / per, EARLY * per

    def ready_at(self) -> float:
        return self._next - self._early

    def take(self, amount: float, now: float) -> None:
        self._next = max(self._next, now) + amount / self.per_second

    def correct(self, amount: float) -> None:
        self._next += amount / self.per_second


class Window:
    """What the server says is left until its reset.

    It may be used in one go.  When it has been used up a few times, starts are spread evenly
    over it instead: a server that looks at the last minute, not at the minute of its clock,
    tells when that will be empty, and to wait for it each time would leave much unused.
    """

    def __init__(self) -> None:
        self.remaining = float("inf")
        self.reset_at = 0.0
        self._limit = float("inf")
        self._reported = 0
        self._began = 0.0  # when what was left last rose
        self._longest = 0.0  # seconds until a reset: the window, when it was seen from its begin
        self._times_used_up = 0
        self._spread_after = USED_UP
        self._ceiling: Ceiling | None = None  # when starts are spread

    def note(
        self, limit: RateLimit, uncounted: float, *, when: float, now: float, is_newest: bool
    ) -> None:
        """Take over what an answer said *when*; *uncounted* the server may not have seen by then.

        It *is_newest* when no call that started later has told of its limits.
        """
        if limit.limit:  # a call was answered: a limit of none is not kept
            self._limit = float(limit.limit)
        if limit.remaining is None:
            return
        if limit.remaining > self._reported or not self._began:
            self._began = when
        self._reported = limit.remaining
        self._longest = max(self._longest, limit.reset or limit.per or 0.0)
        reset_at = self._began + (limit.per or 0.0)
        if limit.reset is not None:
            reset_at = when + limit.reset + RESET_MARGIN_SECONDS
            if reset_at <= now:
                return  # of a window that is over
        if is_newest:
            self.reset_at = reset_at
            self.remaining = limit.remaining - uncounted
        else:
            self.reset_at = max(self.reset_at, reset_at)
        if self._ceiling is not None:
            self._ceiling.spread(self._limit, self._longest)

    def take(self, amount: float, now: float) -> None:
        self.remaining -= amount
        if self._ceiling is not None:
            self._ceiling.take(amount, now)

    def correct(self, amount: float) -> None:
        if self._ceiling is not None:
            self._ceiling.correct(amount)

    def ready_at(self, amount: float, now: float, newer: float) -> float:
        """When *amount* may start; *newer* started after what the reset is known from."""
        if self._ceiling is not None:
            return self._ceiling.ready_at()
        # What is more than a full window must not wait for ever.
        least = min(amount, self._limit)
        if self.remaining >= least:
            return 0.0
        if now < self.reset_at:
            return self.reset_at
        self.remaining = max(self._limit - newer, least)
        self.reset_at = now + self._longest  # as far as can be known before the next answer
        self._times_used_up += 1
        if self._times_used_up >= self._spread_after and self._longest:
            self._ceiling = Ceiling()
            self._ceiling.spread(self._limit, self._longest)
            self._ceiling.take(newer, now)
            return self._ceiling.ready_at()
        return 0.0

    def refused(self) -> None:
        """A call came too early: somebody else may use this limit too, so what is left counts.

        It may also have been another limit, or a busy server: later it is spread again.
        """
        if self._ceiling is not None:
            self._ceiling = None
            self._times_used_up = 0
            self._spread_after *= 2

    def is_used_up(self, now: float) -> bool:
        return self.remaining < 1 and now < self.reset_at


class Trial:
    """A rate of requests found by trial."""

    def __init__(self, now: float) -> None:
        self.ceiling = Ceiling()
        self._began = self._since = now  # the latter: when starts went on after a refusal
        self._answers = self._recent = 0
        self._step = 0.0

    def take(self, now: float) -> None:
        self.ceiling.take(1.0, now)

    def cut(self, now: float, until: float) -> None:
        """A refusal, nothing starts before *until*: a little less than what was answered."""
        known = self.ceiling.per_second
        if self._recent and known != float("inf"):
            elapsed = now - self._since
            answered = self._recent / elapsed if elapsed >= SHORTEST_WINDOW else known
            rate = CUT * min(answered, known)
        else:  # not found yet: the window may be longer than all of this
            answered = max(1, self._answers) / max(now - self._began, SHORTEST_WINDOW)
            rate = FIRST_CUT * min(answered, known)
        is_found = self._recent and known != float("inf")
        self.ceiling = Ceiling(rate)
        self._step = (RAISE if is_found else FIRST_RAISE) * rate
        self._since, self._recent = until, 0

    def grow(self) -> None:
        """An answer; the longer there are only answers, the more it is raised."""
        self._answers += 1
        self._recent += 1
        self.ceiling.per_second += self._step
        self._step *= 1 + STEP_GROWTH

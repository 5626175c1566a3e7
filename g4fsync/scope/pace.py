"""How fast calls may start at one provider with one key: :class:`Pace`.

Four things hold a start back, and each is known at another time:

* the ``Rate`` the user gave: starts are spread evenly, a little below it, so that no
  window of that length holds more, wherever the server lets its windows begin;
* what the server says is left, in the headers of each answer: when it is used up,
  nothing starts before the reset.  Calls that started after the one that was
  answered are taken off, since the server had not counted them yet;
* a refusal (429): nothing starts before the time it asks for, or a growing pause;
* where there is neither rate nor headers, a rate found by trial: cut at each
  refusal, raised a little by each answer (additive increase, multiplicative decrease).

Tokens are not known before the answer, so they are estimated from the text's
length and from earlier answers, and corrected when the answer's usage is there.
Nothing here waits but :meth:`Pace.admit`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from .gate import Gate

if TYPE_CHECKING:
    from ..ratelimits import RateLimit, RateLimits
    from ..settings import Rate
    from .cancel import CancelScope

SHARE = 0.97  # of a rate that is used: arrivals jitter, and clocks differ
EARLY = 0.005  # of a window that a start may be ahead of its time, to make up for a late one
RESET_MARGIN_SECONDS = 0.02
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds after a refusal that asks for no time
CUT, RAISE, STEP_GROWTH = 0.9, 0.001, 0.01  # of a rate found by trial
SHORTEST_WINDOW, TRIAL_SECONDS = 1.0, 10.0  # what such a rate is counted over
TOKENS_PER_CHARACTER, OUTPUT_TOKENS = 0.3, 256.0  # before there are answers to learn from
LEARNING = 0.1  # the weight of the newest answer in an average

KINDS = ("requests", "tokens", "input_tokens", "output_tokens")
Cost = dict[str, float]  # by kind


@dataclass(slots=True)
class Turn:
    """A call that was allowed to start: what it was expected to cost."""

    cost: Cost
    characters: int
    totals: Cost = field(repr=False)  # of all calls that had started by then, by kind


class Pace:
    """When calls may start; shared by all threads that ask one provider with one key.

    *rate* may be set anew at any time.
    """

    def __init__(self, rate: Rate | None = None) -> None:
        self._lock = threading.RLock()  # guards all below
        self._turnstile = Gate(1)  # who waits is served in order, and one at a time has a timer
        self._ceilings: dict[str, _Ceiling] = {}
        self._windows = {kind: _Window() for kind in KINDS}
        self._totals: Cost = dict.fromkeys(KINDS, 0.0)
        self._paused_until = 0.0
        self._refusals = 0  # without an answer between them
        self._trial: _Trial | None = None
        self._tokens_per_character = TOKENS_PER_CHARACTER
        self._output_tokens: float | None = None
        self._rate: Rate | None = None
        self._is_free = True  # nothing has ever held a start back
        self.rate = rate

    @property
    def rate(self) -> Rate | None:
        """The rate the user gave."""
        return self._rate

    @rate.setter
    def rate(self, rate: Rate | None) -> None:
        with self._lock:
            if rate == self._rate:
                return
            self._rate, self._ceilings, self._is_free = rate, {}, False
            for kind in ("requests", "tokens"):
                limit = getattr(rate, kind, None)
                if rate is not None and limit is not None:
                    self._ceilings[kind] = _Ceiling(SHARE * limit / rate.per, EARLY * rate.per)

    @property
    def paused_for(self) -> float:
        """Seconds until a pause that the server asked for is over, 0 without one."""
        return max(0.0, self._paused_until - monotonic())

    def cost(self, characters: int, max_tokens: int | None) -> Cost:
        """What a call with so many characters of text is expected to cost."""
        sent = characters * self._tokens_per_character
        received = self._output_tokens
        if received is None:
            received = OUTPUT_TOKENS if max_tokens is None else float(max_tokens)
        elif max_tokens is not None:
            received = min(received, max_tokens)
        return {
            "requests": 1.0,
            "tokens": sent + received,
            "input_tokens": sent,
            "output_tokens": received,
        }

    def delay(self, characters: int = 0, max_tokens: int | None = None) -> float:
        """Seconds until such a call may start, 0 when it may start now."""
        if self._is_free:
            return 0.0
        with self._lock:
            now = monotonic()
            cost = self.cost(characters, max_tokens)
            until = self._paused_until
            for ceiling in self._ceilings.values():
                until = max(until, ceiling.ready_at())
            for kind, window in self._windows.items():
                until = max(until, window.ready_at(cost[kind], now))
            if self._trial is not None:
                until = max(until, self._trial.ceiling.ready_at())
            return max(0.0, until - now)

    def start(self, characters: int = 0, max_tokens: int | None = None) -> Turn:
        """A call starts now, whether its time has come or not."""
        with self._lock:
            now = monotonic()
            cost = self.cost(characters, max_tokens)
            for kind, ceiling in self._ceilings.items():
                ceiling.take(cost[kind], now)
            for kind, window in self._windows.items():
                window.remaining -= cost[kind]
                self._totals[kind] += cost[kind]
            if self._trial is None and self._rate is None:
                self._trial = _Trial(now)
            if self._trial is not None:
                self._trial.take(now)
            return Turn(cost, characters, dict(self._totals))

    def admit(self, scope: CancelScope, characters: int, max_tokens: int | None) -> Turn:
        """Wait until the call may start; raises when *scope* ends first."""
        with self._turnstile.slot(scope):
            while (pause := self.delay(characters, max_tokens)) > 0:
                scope.sleep(pause)
            return self.start(characters, max_tokens)

    def heard(self, turn: Turn, limits: RateLimits | None) -> None:
        """The call of *turn* was answered, and its headers tell *limits*."""
        with self._lock:
            self._refusals = 0
            if self._trial is not None:
                self._trial.grow()
            self._note(turn, limits)

    def refused(self, turn: Turn, retry_after: float | None, limits: RateLimits | None) -> None:
        """The call of *turn* came too early: nobody starts for a while."""
        with self._lock:
            now = monotonic()
            self._is_free = False
            self._note(turn, limits)
            if now >= self._paused_until:  # those under way at that time are refused too
                self._refusals += 1
                if self._trial is not None:
                    self._trial.cut(now)
            if retry_after is None:
                waited = [w.reset_at - now for w in self._windows.values() if w.is_used_up(now)]
                growing = min(FIRST_PAUSE * 2.0 ** (self._refusals - 1), LONGEST_PAUSE)
                retry_after = max(waited, default=growing)
            self._paused_until = max(self._paused_until, now + retry_after)

    def settle(self, turn: Turn, sent: int | None, received: int | None) -> None:
        """The call of *turn* has cost so many tokens, ``None`` where nobody has counted."""
        if sent is None and received is None:
            return
        with self._lock:
            if sent is not None and turn.characters:
                newest = sent / turn.characters
                self._tokens_per_character += LEARNING * (newest - self._tokens_per_character)
            if received is not None:
                known = received if self._output_tokens is None else self._output_tokens
                self._output_tokens = known + LEARNING * (received - known)
            if ceiling := self._ceilings.get("tokens"):
                counted = turn.cost["input_tokens"] if sent is None else sent
                counted += turn.cost["output_tokens"] if received is None else received
                ceiling.correct(counted - turn.cost["tokens"])

    def _note(self, turn: Turn, limits: RateLimits | None) -> None:
        if limits is None:
            return
        self._is_free = False
        now = monotonic()
        for kind, window in self._windows.items():
            limit: RateLimit | None = getattr(limits, kind)
            if limit is not None:
                window.note(limit, self._totals[kind] - turn.totals[kind], now)
        if self._trial is not None and limits.requests is not None:
            self._trial.ceiling = _Ceiling()  # the server itself says when


class _Ceiling:
    """Evenly spread starts (the generic cell rate algorithm), *per_second* of something."""

    def __init__(self, per_second: float = float("inf"), early: float = 0.0) -> None:
        self.per_second = per_second
        self._early = early  # seconds
        self._next = 0.0  # when the next start is due

    def ready_at(self) -> float:
        return self._next - self._early

    def take(self, amount: float, now: float) -> None:
        self._next = max(self._next, now) + amount / self.per_second

    def correct(self, amount: float) -> None:
        self._next += amount / self.per_second


class _Window:
    """What the server says is left until its reset."""

    def __init__(self) -> None:
        self.remaining = float("inf")
        self.reset_at = 0.0
        self._limit = float("inf")
        self._reported = 0
        self._began = 0.0  # when what was left last rose

    def note(self, limit: RateLimit, newer: float, now: float) -> None:
        """Take over what an answer says; *newer* has been spent since its call started."""
        if limit.limit is not None:
            self._limit = float(limit.limit)
        if limit.remaining is None:
            return
        if limit.remaining > self._reported or not self._began:
            self._began = now
        self._reported = limit.remaining
        if limit.reset is not None:
            self.reset_at = now + limit.reset + RESET_MARGIN_SECONDS
        elif limit.per is not None:
            self.reset_at = self._began + limit.per
        self.remaining = limit.remaining - newer

    def ready_at(self, amount: float, now: float) -> float:
        # What is more than a full window must not wait for ever.
        if self.remaining >= min(amount, self._limit):
            return 0.0
        if now < self.reset_at:
            return self.reset_at
        self.remaining = self._limit
        return 0.0

    def is_used_up(self, now: float) -> bool:
        return self.remaining < 1 and now < self.reset_at


class _Trial:
    """A rate of requests found by trial."""

    def __init__(self, now: float) -> None:
        self.ceiling = _Ceiling()
        self._since = now
        self._answers = 0
        self._step = 0.0

    def take(self, now: float) -> None:
        self.ceiling.take(1.0, now)

    def cut(self, now: float) -> None:
        """A refusal: a little less than what was answered of late."""
        elapsed = now - self._since
        answered = max(1, self._answers) / max(elapsed, SHORTEST_WINDOW)
        self.ceiling = _Ceiling(CUT * min(answered, self.ceiling.per_second))
        self._step = RAISE * self.ceiling.per_second
        if elapsed > TRIAL_SECONDS:
            self._since, self._answers = now, 0

    def grow(self) -> None:
        """An answer; the longer there are only answers, the more it is raised."""
        self._answers += 1
        self.ceiling.per_second += self._step
        self._step *= 1 + STEP_GROWTH

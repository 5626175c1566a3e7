"""How fast calls may start at one provider with one key: :class:`Pace`.

Four things hold a start back, and each is known at another time:

* the ``Rate`` the user gave: starts are spread evenly, a little below it, so that no
  window of that length holds more, wherever the server lets its windows begin;
* what the server says is left, in the headers of each answer: when it is used up,
  nothing starts before the reset.  Calls that started after the one that was
  answered, or little before it, are taken off: the server may not have counted
  them yet.  A limit that was used up more than once is spread evenly from then on;
* a refusal (429): nothing starts before the time it asks for, or a growing pause;
* where there is neither rate nor headers, a rate found by trial: cut at each
  refusal, raised a little by each answer (additive increase, multiplicative decrease).

Tokens are not known before the answer, so they are estimated from the text's
length and from earlier answers, and corrected when the answer's usage is there.
Nothing here waits but :meth:`Pace.admit`.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from itertools import takewhile
from time import monotonic
from typing import TYPE_CHECKING

from .gate import Gate
from .windows import Ceiling, Trial, Window

if TYPE_CHECKING:
    from ..ratelimits import RateLimit, RateLimits
    from ..settings import Rate
    from .cancel import CancelScope

JITTER_SECONDS = 0.1  # between two calls that may reach the server in another order
MOST_RECENT = 1000  # calls that are remembered
LONGEST_SLEEP = 0.1  # seconds
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds after a refusal that asks for no time
STARTS_MISSED = 4.0  # at most, by the first pause at a rate that is known
TOKENS_PER_CHARACTER, OUTPUT_TOKENS = 0.3, 256.0  # before there are answers to learn from
LEARNING = 0.1  # the weight of the newest answer in an average

KINDS = ("requests", "tokens", "input_tokens", "output_tokens")
Cost = dict[str, float]  # by kind


@dataclass(slots=True)
class Turn:
    """A call that was allowed to start: what it was expected to cost."""

    started: float
    cost: Cost
    characters: int
    totals: Cost = field(repr=False)  # of all calls that had started by then, by kind
    ended: float | None = None


class Pace:
    """When calls may start; shared by all threads that ask one provider with one key.

    *rate* may be set anew at any time.
    """

    def __init__(self, rate: Rate | None = None) -> None:
        self._lock = threading.RLock()  # guards all below
        self._recent: deque[Turn] = deque(maxlen=MOST_RECENT)  # the last that have started
        self._newest: Turn | None = None  # of those that told limits
        self._turnstile = Gate(1)  # who waits is served in order, and one at a time has a timer
        self._ceilings: dict[str, Ceiling] = {}
        self._windows = {kind: Window() for kind in KINDS}
        self._totals: Cost = dict.fromkeys(KINDS, 0.0)  # of all that has started
        self._paused_until = 0.0
        self._refusals = 0  # without an answer between them
        self._trial: Trial | None = None
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
                    self._ceilings[kind] = ceiling = Ceiling()
                    ceiling.spread(limit, rate.per)

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
                until = max(until, window.ready_at(cost[kind], now, self._newer_than_known(kind)))
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
                window.take(cost[kind], now)
                self._totals[kind] += cost[kind]
            if self._trial is None and self._rate is None:
                self._trial = Trial(now)
            if self._trial is not None:
                self._trial.take(now)
            turn = Turn(now, cost, characters, dict(self._totals))
            self._recent.append(turn)
            return turn

    def admit(self, scope: CancelScope, characters: int, max_tokens: int | None) -> Turn:
        """Wait until the call may start; raises when *scope* ends first."""
        with self._turnstile.slot(scope):
            while (pause := self.delay(characters, max_tokens)) > 0:
                scope.sleep(min(pause, LONGEST_SLEEP))  # answers may tell that there is more
            return self.start(characters, max_tokens)

    def heard(self, turn: Turn, limits: RateLimits | None, age: float = 0.0) -> None:
        """The call of *turn* was answered; its headers came *age* seconds ago and tell *limits*."""
        with self._lock:
            self._refusals = 0
            if self._trial is not None:
                self._trial.grow()
            self._note(turn, limits, monotonic() - age)

    def failed(self, turn: Turn) -> None:
        """The call of *turn* has ended in another way."""
        turn.ended = monotonic()

    def refused(self, turn: Turn, retry_after: float | None, limits: RateLimits | None) -> None:
        """The call of *turn* came too early: nobody starts for a while."""
        with self._lock:
            now = monotonic()
            self._is_free = False
            self._note(turn, limits, now)
            for window in self._windows.values():
                window.refused()
            is_news = now >= self._paused_until  # those under way at that time are refused too
            first = FIRST_PAUSE
            if is_news and self._trial is not None:
                first = min(first, STARTS_MISSED / self._trial.ceiling.per_second or first)
            if is_news:
                self._refusals += 1
            if retry_after is None:
                waited = [w.reset_at - now for w in self._windows.values() if w.is_used_up(now)]
                growing = min(first * 2.0 ** (self._refusals - 1), LONGEST_PAUSE)
                retry_after = max(waited, default=growing)
            self._paused_until = max(self._paused_until, now + retry_after)
            if is_news and self._trial is not None:
                self._trial.cut(now, self._paused_until)

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
            more_sent = 0.0 if sent is None else sent - turn.cost["input_tokens"]
            more_received = 0.0 if received is None else received - turn.cost["output_tokens"]
            if ceiling := self._ceilings.get("tokens"):
                ceiling.correct(more_sent + more_received)
            self._windows["tokens"].correct(more_sent + more_received)
            self._windows["input_tokens"].correct(more_sent)
            self._windows["output_tokens"].correct(more_received)

    def _note(self, turn: Turn, limits: RateLimits | None, when: float) -> None:
        turn.ended = now = monotonic()
        if limits is None:
            return
        self._is_free = False
        if is_newest := self._newest is None or turn.started >= self._newest.started:
            self._newest = turn
        overtaken = self._overtaken(turn) if is_newest else ()
        for kind, window in self._windows.items():
            limit: RateLimit | None = getattr(limits, kind)
            if limit is not None:
                uncounted = self._totals[kind] - turn.totals[kind]
                uncounted += sum(each.cost[kind] for each in overtaken)
                window.note(limit, uncounted, when=when, now=now, is_newest=is_newest)
        if self._trial is not None and limits.requests is not None:
            self._trial.ceiling = Ceiling()  # the server itself says when

    def _overtaken(self, turn: Turn) -> list[Turn]:
        """Calls the server may have seen after that of *turn*, though they started before."""
        recent, since = self._recent, turn.started - JITTER_SECONDS
        while recent and recent[0].started < since:
            recent.popleft()
        older = takewhile(lambda each: each is not turn, recent)
        return [each for each in older if each.ended is None or each.ended > turn.started]

    def _newer_than_known(self, kind: str) -> float:
        """What has started after the newest call that told of limits."""
        return self._totals[kind] - (self._newest.totals[kind] if self._newest else 0.0)

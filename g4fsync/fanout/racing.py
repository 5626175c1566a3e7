"""Several models, one answer: the winner's.

All start at once, or with ``hedge_after`` the next one only when those before
have been silent that long (or have failed).  The losers' sockets are shut the
moment the winner is known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor
from time import monotonic
from typing import Literal, TypeAlias

from ..call.journal import Journal
from ..call.stream import ChatStream
from ..errors import AllFailed, G4FSyncError, InvalidRequest, ProviderError
from ..events import Attempt, Event, ProviderData
from ..messages import ChatResult
from ..scope import CancelScope
from ..settings import Timeout, is_number
from .workers import Ended, Item, Lane, Workers, check_executor, lanes_of, start_total

Until: TypeAlias = 'Literal["first_token", "complete"] | Callable[[ChatResult], object]'


def race(
    streams: Sequence[tuple[str, ChatStream]],
    *,
    total: float | None,
    until: Until = "first_token",
    hedge_after: float | None = None,
    executor: Executor | None = None,
) -> ChatStream:
    """A stream that runs the race when it is iterated, and gives the winner's items.

    *until* decides who has won: the first with a token, the first with a
    complete answer, or the first whose complete answer a predicate accepts.
    All failed (or refused by the predicate) is an ``AllFailed``.
    """
    if until not in ("first_token", "complete") and not callable(until):
        raise InvalidRequest(
            f'until is "first_token", "complete" or a predicate on the result, got {until!r:.80}'
        )
    if hedge_after is not None and not (is_number(hedge_after) and hedge_after >= 0):
        raise InvalidRequest(f"hedge_after must be seconds from 0, got {hedge_after!r:.80}")
    check_executor(executor)
    lanes = lanes_of(streams)

    def run(scope: CancelScope, journal: Journal) -> Generator[str | Event, None, None]:
        return _Race(lanes, until, hedge_after, scope, journal).items(executor)

    journal = Journal(wanted=streams[0][1].journal.wanted if streams else None)
    return ChatStream(run, CancelScope(Timeout(None, None, None, total)), journal)


class _Race:
    def __init__(
        self,
        lanes: list[Lane],
        until: Until,
        hedge_after: float | None,
        scope: CancelScope,
        journal: Journal,
    ) -> None:
        self._lanes = lanes
        self._until = until
        self._hedge_after = hedge_after
        self._scope = scope
        self._journal = journal
        self._waiting = deque(lanes)  # not started yet
        self._start_next_at = 0.0
        self._held: dict[Lane, list[str | Event]] = {lane: [] for lane in lanes}
        self._refused: dict[Lane, G4FSyncError] = {}

    def items(self, executor: Executor | None) -> Generator[str | Event, None, None]:
        """The winner's items; fails when nobody wins."""
        self._scope.start()
        start_total(self._lanes)
        with Workers(self._lanes, executor=executor) as workers, self._scope.aborting(workers.wake):
            incoming = self._incoming(workers)
            winner = self._winner(incoming)
            self._settle(winner)
            yield from self._held[winner]
            while winner.result is None or self._until == "first_token":
                lane, item = next(incoming)
                if lane is winner:
                    if isinstance(item, Ended):
                        break
                    yield item
            if isinstance(winner.result, G4FSyncError):
                raise winner.result
            self._journal.take_over(winner.stream.journal)

    def _incoming(self, workers: Workers) -> Iterator[tuple[Lane, Item]]:
        """What the lanes say; starts those whose time has come."""
        items = workers.items(self._timeout)
        while True:
            while self._waiting and monotonic() >= self._start_next_at:
                self._start(workers, self._waiting.popleft())
                self._start_next_at = monotonic() + (self._hedge_after or 0.0)
            found = next(items)
            self._scope.check()
            if found is not None:
                yield found

    def _start(self, workers: Workers, lane: Lane) -> None:
        if self._hedge_after is not None and lane is not self._lanes[0]:
            from ..call import logs

            logs.hedging(lane, self._scope.elapsed())
        workers.start(lane)

    def _timeout(self) -> float | None:
        pauses = [self._scope.remaining()]
        if self._waiting:
            pauses.append(max(0.0, self._start_next_at - monotonic()))
        return min((pause for pause in pauses if pause is not None), default=None)

    def _winner(self, incoming: Iterator[tuple[Lane, Item]]) -> Lane:
        while len(self._refused) < len(self._lanes):
            lane, item = next(incoming)
            if not isinstance(item, Ended):
                self._held[lane].append(item)
                # A failed attempt is an event too, but no token.
                if self._until == "first_token" and not isinstance(item, Attempt | ProviderData):
                    return lane
            elif isinstance(lane.result, ChatResult) and self._accepts(lane.result):
                return lane
            else:
                self._refused[lane] = _why(lane)
                self._start_next_at = 0.0  # no use in waiting for this one
        errors = [self._refused[lane] for lane in self._lanes]
        raise AllFailed(f"none of {len(errors)} models won", errors=errors)

    def _accepts(self, result: ChatResult) -> bool:
        return not callable(self._until) or bool(self._until(result))

    def _settle(self, winner: Lane) -> None:
        """Shut the losers down at once, and speak for the winner from now on."""
        losers = [lane.stream for lane in self._lanes if lane is not winner]
        for stream in losers:
            stream.cancel()
        self._journal.losers = losers
        self._journal.provider = winner.stream.provider
        self._journal.model = winner.stream.model
        self._journal.attempts += winner.stream.attempts
        self._journal.first_token_seconds = self._scope.elapsed()


def _why(lane: Lane) -> G4FSyncError:
    if isinstance(lane.result, G4FSyncError):
        return lane.result
    error = ProviderError("its answer was not accepted", provider=lane.stream.provider)
    error.model = lane.stream.model
    error.partial = lane.stream.text
    return error

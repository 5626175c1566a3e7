"""The calls of a batch: which row may be asked next, and what becomes of its outcome.

All threads of a batch use it.  A worker that has written its row goes on with the next
that waits and may start, so that a thousand rows a second do not need the caller's
thread for each.
"""

from __future__ import annotations

import threading
from concurrent.futures import Executor, Future
from functools import partial
from queue import SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..errors import Cancelled, G4FSyncError, RateLimited
from ..fanout.mapping import Asker
from ..messages import ChatResult
from .again import Again, is_not_the_rows
from .job import Row
from .ledger import Ledger
from .lines import line_of
from .seats import Item, Seat, Seats
from .spending import Worst

if TYPE_CHECKING:
    from .batch import Settings

Outcome = ChatResult | G4FSyncError

LOOK_AHEAD = 1000  # rows that may wait, so that one slow seat does not hold up the others


class Calls:
    """``finished`` are the rows that have ended, ``None`` whenever there may be other news.

    ``failure`` ends the batch: nothing starts any more.  ``is_at_budget``: nothing runs,
    and the next call would not fit.
    """

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._settings = settings
        self._ledger = ledger
        self._spending = settings.spending
        self._asker = Asker(settings.client, is_paced=True)
        self._again = Again(settings.retry, settings.row_attempts)
        self._by_model: dict[str | None, Seat] = {}
        self._lock = threading.Lock()  # guards the spending, the slots of calls and the next two
        self._seats = Seats(settings.max_tokens)
        self._busy = 0  # workers
        self._futures: set[Future[Outcome]] = set()  # of an executor that the user gave
        self._is_ending = False
        self.finished: SimpleQueue[tuple[Item, Outcome] | None] = SimpleQueue()
        self.failure: BaseException | None = None
        self.is_at_budget = False

    def __len__(self) -> int:
        """How many rows wait."""
        return len(self._seats)

    @property
    def are_running(self) -> bool:
        """Whether a worker is busy; when none is, all that has ended is in ``finished``."""
        return self._busy > 0

    @property
    def paused_for(self) -> float:
        """Seconds that every seat with rows must pause, as their servers asked for."""
        with self._lock:
            return self._seats.paused_for

    # -- for the caller's thread ----------------------------------------

    def put(self, row: Row) -> Item:
        """*row* waits; raises when there is nobody to ask."""
        seat = self._by_model.get(row.model)
        is_new = seat is None
        if seat is None:
            identity, url, pace = self._settings.seat(row.model)
            seat = Seat(identity, pace, self._spending.price(identity, url))
            self._by_model[row.model] = seat
        item = Item(row, seat)
        with self._lock:
            if is_new:
                self._seats.add(seat)
            self._seats.put(item)
        return item

    def want_rows(self, ahead: int) -> bool:
        """Whether more should wait: fewer than *ahead* do, or a worker has nothing to do."""
        with self._lock:
            waiting = len(self._seats)
            if waiting < ahead:
                return True
            if waiting >= LOOK_AHEAD or self._busy >= self._settings.max_workers:
                return False
            return not waiting or self._seats.next_ready()[0] is None

    def start(self, pool: Executor) -> float | None:
        """Give all workers something to do.

        Returns the seconds until the next call may start, ``None`` when only an outcome
        can tell.
        """
        while self._busy < self._settings.max_workers:
            item, pause = self._next()
            if item is None:
                return pause
            with self._lock:
                self._busy += 1
            if self._settings.executor is None:
                pool.submit(self._work, item)
            else:
                future = pool.submit(self._asker, self._task(item))
                self._futures.add(future)
                future.add_done_callback(partial(self._came_back, item))
        return None

    # -- for any thread -------------------------------------------------

    def fail(self, failure: BaseException) -> None:
        """Start nothing more, and end the batch with the first *failure*."""
        self.failure = self.failure or failure
        self.finished.put(None)

    def stop(self) -> None:
        """Start nothing more, and end what runs."""
        self._is_ending = True
        self._asker.stop()
        for future in tuple(self._futures):
            future.cancel()

    # -- in a worker's thread -------------------------------------------

    def _work(self, item: Item | None) -> None:
        """Ask for *item*, then for whoever may start."""
        try:
            while item is not None:
                self._note(item, self._asker(self._task(item)))
                item = self._next()[0]
        except BaseException as exc:  # noqa: BLE001 - the caller's thread raises it
            self.fail(exc)
        finally:
            self._rest()

    def _came_back(self, item: Item, future: Future[Outcome]) -> None:
        """What an executor that the user gave has done."""
        self._futures.discard(future)
        try:
            self._note(item, future.result())
        except BaseException as exc:  # noqa: BLE001 - the caller's thread raises it
            self.fail(exc)
        finally:
            self._rest()

    def _rest(self) -> None:
        with self._lock:
            self._busy -= 1
        self.finished.put(None)

    def _task(self, item: Item) -> tuple[object, str | None, dict[str, Any]]:
        row, settings = item.row, self._settings
        arguments = dict(settings.arguments)
        if row.system is not None:
            arguments["system"] = row.system
        return row.messages, row.model or settings.model, arguments

    def _next(self) -> tuple[Item | None, float | None]:
        """Who starts now; else the seconds until someone may, if known."""
        with self._lock:
            if self._is_ending or self.failure is not None:
                return None, None
            item, pause = self._seats.next_ready()
            if item is None:
                return None, pause
            worst = self._worst(item)
            if not self._spending.has_room(worst):
                self.is_at_budget = not self._busy
                return None, None
            self._seats.take(item)
            self._spending.reserve(id(item), worst)
            item.slot = self._ledger.calls.take(item.row.hash, item.row.key)
            item.started = item.started or monotonic()
            return item, None

    def _worst(self, item: Item) -> Worst:
        settings = self._settings
        received = None if settings.max_tokens is None else settings.models * settings.max_tokens
        sent = settings.models * item.row.most_tokens
        return Worst(settings.models, sent, received, item.seat.price)

    def _note(self, item: Item, outcome: Outcome) -> None:
        """Write what is final, and tell the caller's thread; else the row waits again."""
        item.calls += len(outcome.attempts) or 1
        item.seconds = monotonic() - item.started
        pause = None if self._is_ending else self._again.pause(item, outcome)
        is_the_rows = not is_not_the_rows(outcome)
        if pause is None and is_the_rows:
            line = line_of(item.row, outcome, item.calls, item.seconds)
            self._ledger.append(item.row.digest, item.row.number, line)
        with self._lock:
            if not isinstance(outcome, Cancelled):  # else it may be paid for, and is lost
                self._ledger.calls.release(item.slot)
            self._settle(item, outcome)
            if pause is not None:
                self._seats.put_later(item, pause)
        if pause is not None:
            return
        if isinstance(outcome, G4FSyncError) and (
            not is_the_rows or self._settings.on_error == "stop"
        ):
            self.fail(outcome)
        if is_the_rows:
            self.finished.put((item, outcome))

    def _settle(self, item: Item, outcome: Outcome) -> None:
        sent = sum(each.phase != "connect" for each in outcome.attempts)
        usage = outcome.usage if isinstance(outcome, ChatResult) else None
        self._spending.settle(id(item), sent, usage)
        pace, turn = item.seat.pace, item.turn
        assert turn is not None
        if isinstance(outcome, ChatResult):
            began = outcome.first_token_seconds
            pace.heard(turn, outcome.limits, 0.0 if began is None else outcome.seconds - began)
            if usage is not None:
                pace.settle(turn, usage.input_tokens, usage.output_tokens)
        elif isinstance(outcome, RateLimited) and outcome.retryable:
            pace.refused(turn, outcome.retry_after, outcome.limits)
        else:
            pace.failed(turn)

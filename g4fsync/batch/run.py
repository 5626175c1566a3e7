"""A batch under way: rows in, calls out, each finished row on disk before anyone sees it.

One thread, the caller's, reads rows, decides who starts, and hands out what is
finished; workers only ask.  What has come back is written by the thread it came back
in, so that a slow reader of the rows delays starts but never the file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..errors import Cancelled, G4FSyncError, RateLimited
from ..fanout.mapping import Asker, ended_at_exit
from ..messages import ChatResult
from .again import Again, is_not_the_rows
from .intake import Intake
from .job import Row
from .ledger import Ledger
from .lines import BatchRow, line_of
from .seats import Item, Seat, Seats
from .spending import Worst
from .summary import Stopped, Summary

if TYPE_CHECKING:
    from .batch import Settings

Finished = tuple[Item, "ChatResult | G4FSyncError | None", "float | BaseException | None"]

KNOWN_AT_ONCE = 64  # rows that need no call, before calls are looked after again
LOOK_AHEAD = 1000  # rows that may wait, so that one slow seat does not hold up the others


class Run:
    """The one run of a batch; :meth:`rows` is its loop."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._settings = settings
        self._ledger = ledger
        self._spending = settings.spending
        self._seats = Seats(settings.max_tokens)
        self._by_model: dict[str | None, Seat] = {}
        self._asked: dict[str, Item] = {}  # by key: those that wait or run
        self._finished: SimpleQueue[Finished | None] = SimpleQueue()
        self._ready: deque[BatchRow] = deque()  # for the reader
        self._running = 0
        self._intake = Intake(settings, ledger)
        self._failure: BaseException | None = None
        self._asker = Asker(settings.client, is_paced=True)
        self._again = Again(settings.retry, settings.row_attempts)
        self._ending = False
        self._started = monotonic()
        self._complete = self._failed = self._reused = 0
        self._ended_with = Summary(repeated=ledger.calls.lost)

    # -- for other threads ----------------------------------------------

    def cancel(self) -> None:
        """Start nothing more, and end what runs."""
        self._failure = self._failure or Cancelled("the batch was cancelled")
        self._ending = True
        self._asker.stop()
        self._finished.put(None)

    @property
    def summary(self) -> Summary:
        """How it stands."""
        spent = self._spending
        return replace(
            self._ended_with,
            rows=self._complete + self._failed,
            complete=self._complete,
            failed=self._failed,
            reused=self._reused,
            calls=spent.calls,
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            usd=spent.usd,
            seconds=self._ended_with.seconds or monotonic() - self._started,
        )

    @property
    def paused_for(self) -> float:
        """Seconds until anything may start again, when servers asked for a pause."""
        return self._seats.paused_for

    # -- the loop -------------------------------------------------------

    def rows(self) -> Iterator[BatchRow]:
        """Finished rows, those in the file first met as they are read."""
        settings = self._settings
        pool = settings.executor or ThreadPoolExecutor(
            settings.max_workers, thread_name_prefix="g4fsync-batch"
        )
        is_complete = False
        try:
            with ended_at_exit(self._asker.stop):
                self._intake.begin()
                self._ledger.calls.open(settings.max_workers)
                while self._is_going_on():
                    self._take_back()
                    pause = self._fill(pool)
                    if self._ready:
                        yield self._ready.popleft()
                        # A reader that is slow must not keep workers waiting.
                        while self._ready and self._finished.empty():
                            yield self._ready.popleft()
                    elif self._running or pause is not None:
                        self._wait(pause)
                if self._failure is not None:
                    raise self._failure
                is_complete = self._ended_with.stopped is None
        except BaseException as exc:
            stopped: Stopped = (
                "cancelled" if isinstance(exc, Cancelled | GeneratorExit) else "error"
            )
            self._ended_with = replace(self._ended_with, stopped=stopped)
            raise
        finally:
            self._ending = True
            self._asker.stop()
            if settings.executor is None:
                pool.shutdown(cancel_futures=True)
            self._ended_with = replace(self._ended_with, seconds=monotonic() - self._started)
            self._ledger.close(complete=is_complete)

    def _is_going_on(self) -> bool:
        if self._running or self._ready:
            return True
        if self._failure is not None or self._ended_with.stopped:
            return False
        return not self._intake.is_at_end or len(self._seats) > 0

    # -- rows in --------------------------------------------------------

    def _fill(self, pool: Any) -> float | None:
        """Read rows and start calls until all workers are busy, or some rows need no call.

        Returns the seconds until the next call may start, ``None`` when only an answer
        can tell.
        """
        while self._wants_rows():
            try:
                row = self._intake.read(self._asked)
                if isinstance(row, Row):
                    self._put(row)
            except Exception as exc:  # noqa: BLE001 - whatever the caller's own iterable raises
                # What was asked before it has been paid for: it comes first.
                self._failure = self._failure or exc
                break
            if isinstance(row, BatchRow):
                self._count(row)
                if len(self._ready) >= KNOWN_AT_ONCE:
                    break
            else:
                self._start_calls(pool)
        return self._start_calls(pool)

    def _wants_rows(self) -> bool:
        if self._intake.is_at_end or self._failure is not None or self._ended_with.stopped:
            return False
        if self._running >= self._settings.max_workers or len(self._seats) >= LOOK_AHEAD:
            return False
        return not len(self._seats) or self._seats.next_ready()[0] is None

    def _put(self, row: Row) -> None:
        if (item := self._asked.get(row.key)) is not None:
            item.followers.append(row)
            return
        seat = self._by_model.get(row.model)
        if seat is None:
            identity, pace = self._settings.seat(row.model)
            seat = Seat(identity, pace, self._spending.price(identity))
            self._by_model[row.model] = seat
            self._seats.add(seat)
        item = self._asked[row.key] = Item(row, seat)
        self._seats.put(item)

    # -- calls out ------------------------------------------------------

    def _start_calls(self, pool: Any) -> float | None:
        """Start what may; the seconds until the next may, ``None`` when only an answer can tell."""
        if self._failure is not None:
            return None
        while self._running < self._settings.max_workers:
            item, pause = self._seats.next_ready()
            if item is None:
                return pause
            worst = self._worst(item)
            if not self._spending.has_room(worst):
                if not self._running:
                    self._ended_with = replace(self._ended_with, stopped="budget")
                return None
            self._start(item, worst, pool)
        return None

    def _worst(self, item: Item) -> Worst:
        settings = self._settings
        received = None if settings.max_tokens is None else settings.models * settings.max_tokens
        sent = settings.models * item.row.most_tokens
        return Worst(settings.models, sent, received, item.seat.price)

    def _start(self, item: Item, worst: Worst, pool: Any) -> None:
        row, settings = item.row, self._settings
        item.slot = self._ledger.calls.take(row.hash, row.key)
        self._seats.take(item)
        self._spending.reserve(id(item), worst)
        item.started = item.started or monotonic()
        arguments = settings.arguments
        if row.system is not None:
            arguments = {**arguments, "system": row.system}
        self._running += 1
        future = pool.submit(self._asker, (row.messages, row.model or settings.model, arguments))
        future.add_done_callback(partial(self._ended, item))

    # -- answers back ---------------------------------------------------

    def _ended(self, item: Item, future: Future[ChatResult | G4FSyncError]) -> None:
        """In a worker's thread: write what is final, and tell the loop."""
        try:
            outcome = future.result()
            item.calls += len(outcome.attempts) or 1
            item.seconds = monotonic() - item.started
            pause = None if self._ending else self._again.pause(item, outcome)
            if pause is None and not is_not_the_rows(outcome):
                line = line_of(item.row, outcome, item.calls, item.seconds)
                self._ledger.append(item.row.key, item.row.number, line)
        except BaseException as exc:  # noqa: BLE001 - the loop raises it
            self._finished.put((item, None, exc))
        else:
            self._finished.put((item, outcome, pause))

    def _wait(self, pause: float | None) -> None:
        """Wait for a call that ends, *pause* seconds at most."""
        with suppress(Empty):
            self._note(self._finished.get(timeout=pause))

    def _take_back(self) -> None:
        """Note all calls that have ended."""
        while not self._finished.empty():
            self._note(self._finished.get())

    def _note(self, finished: Finished | None) -> None:
        """A call has ended: its row is ready, or waits to be asked again."""
        if finished is None:  # cancel() wakes us
            return
        item, outcome, result = finished
        self._running -= 1
        self._ledger.calls.release(item.slot)
        if outcome is None:
            assert isinstance(result, BaseException)
            self._failure = self._failure or result
            return
        self._settle(item, outcome)
        if isinstance(result, float):
            self._seats.put_later(item, result)
            return
        del self._asked[item.row.key]
        if is_not_the_rows(outcome):
            assert isinstance(outcome, G4FSyncError)
            self._failure = self._failure or outcome
            return
        failed = isinstance(outcome, G4FSyncError)
        if failed and self._settings.on_error == "stop":
            self._failure = self._failure or outcome  # type: ignore[assignment]  # as failed says
        for row in (item.row, *item.followers):
            is_other = row is not item.row
            self._count(
                BatchRow(
                    row.key,
                    row.input,
                    outcome,
                    failed=failed,
                    attempts=item.calls,
                    seconds=item.seconds,
                    reused=is_other,
                )
            )

    def _settle(self, item: Item, outcome: ChatResult | G4FSyncError) -> None:
        sent = sum(each.phase != "connect" for each in outcome.attempts)
        usage = outcome.usage if isinstance(outcome, ChatResult) else None
        self._spending.settle(id(item), sent, usage)
        pace, turn = item.seat.pace, item.turn
        assert turn is not None
        if isinstance(outcome, ChatResult):
            pace.heard(turn, outcome.limits)
            if usage is not None:
                pace.settle(turn, usage.input_tokens, usage.output_tokens)
        elif isinstance(outcome, RateLimited) and outcome.retryable:
            pace.refused(turn, outcome.retry_after, outcome.limits)

    def _count(self, row: BatchRow) -> None:
        """*row* is ready for the reader."""
        self._ready.append(row)
        if row.failed:
            self._failed += 1
        else:
            self._complete += 1
        self._reused += row.reused

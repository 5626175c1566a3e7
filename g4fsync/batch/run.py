"""A batch under way: rows in, calls out, each finished row on disk before anyone sees it.

One thread, the caller's, reads rows, starts workers, and hands out what is finished.
What has come back is written by the thread it came back in, so that a slow reader of
the rows delays starts but never the file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from queue import Empty
from time import monotonic, sleep
from typing import TYPE_CHECKING

from ..errors import Cancelled, G4FSyncError
from ..fanout.mapping import ended_at_exit
from ..scope.watchdog import longest_wait
from .calls import LOOK_AHEAD, Calls, Outcome
from .intake import Intake
from .job import Row
from .ledger import Ledger
from .lines import BatchRow
from .seats import Item
from .summary import Stopped, Summary

if TYPE_CHECKING:
    from .batch import Settings

KNOWN_AT_ONCE = 64  # rows that need no call, before calls are looked after again
# Between two looks at what has ended: to wake up for each of a thousand rows a second
# costs more than the rows do.
REST_SECONDS = 0.001


class Run:
    """The one run of a batch; :meth:`rows` is its loop."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._settings = settings
        self._ledger = ledger
        self._calls = Calls(settings, ledger)
        self._intake = Intake(settings, ledger)
        self._asked: dict[str, Item] = {}  # by key: those that wait or run, or are not taken back
        self._ready: deque[BatchRow] = deque()  # for the reader
        self._taken_back = 0  # rows, since calls were looked after
        self._handed_out = 0.0  # when
        self._started = monotonic()
        self._complete = self._failed = self._reused = 0
        self._ended_with = Summary(repeated=ledger.calls.lost)

    # -- for other threads ----------------------------------------------

    def cancel(self) -> None:
        """Start nothing more, and end what runs."""
        self._calls.fail(Cancelled("the batch was cancelled"))
        self._calls.stop()

    @property
    def summary(self) -> Summary:
        """How it stands."""
        spent = self._settings.spending
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
        return self._calls.paused_for

    # -- the loop -------------------------------------------------------

    def rows(self) -> Iterator[BatchRow]:
        """Finished rows, those in the file first met as they are read."""
        settings, calls = self._settings, self._calls
        pool = settings.executor or ThreadPoolExecutor(
            settings.max_workers, thread_name_prefix="g4fsync-batch"
        )
        stopped: Stopped | None = None
        try:
            with ended_at_exit(self.cancel):
                self._intake.begin()
                self._ledger.calls.open(settings.max_workers)
                yield from self._loop(pool)
            if calls.failure is not None:
                raise calls.failure
            stopped = "budget" if calls.is_at_budget else None
        except BaseException as exc:
            stopped = "cancelled" if isinstance(exc, Cancelled | GeneratorExit) else "error"
            raise
        finally:
            seconds = monotonic() - self._started
            self._ended_with = replace(self._ended_with, stopped=stopped, seconds=seconds)
            try:
                calls.stop()
                if settings.executor is None:
                    pool.shutdown(cancel_futures=True)
            finally:  # a second Ctrl-C must not leave the file locked
                self._ledger.close(complete=stopped is None)

    def _loop(self, pool: Executor) -> Iterator[BatchRow]:
        while self._is_going_on():
            if self._ledger.closed:
                raise Cancelled("this batch belongs to the parent process")
            self._take_back()
            pause = self._fill(pool)
            if not self._ready:
                if self._calls.are_running or pause is not None:
                    self._wait(pause)
                continue
            looked = monotonic()
            while self._ready:
                yield self._ready.popleft()
                self._handed_out = monotonic()
                if self._handed_out - looked > REST_SECONDS:
                    break  # a reader that is slow must not keep workers waiting

    def _is_going_on(self) -> bool:
        calls = self._calls
        if calls.are_running or self._ready or not calls.finished.empty():
            return True
        if calls.failure is not None or calls.is_at_budget:
            return False
        return not self._intake.is_at_end or len(calls) > 0

    # -- rows in --------------------------------------------------------

    def _fill(self, pool: Executor) -> float | None:
        """Read rows and start calls until all workers are busy, or some rows need no call.

        As many rows wait then as workers may need before the next look.  Returns the
        seconds until the next call may start, ``None`` when only an outcome can tell.
        """
        calls = self._calls
        ahead, self._taken_back = min(2 * self._taken_back, LOOK_AHEAD), 0
        while self._may_read() and calls.want_rows(ahead):
            try:
                if not self._read():
                    break
            except Exception as exc:  # noqa: BLE001 - whatever the caller's own iterable raises
                # What was asked before it has been paid for: it comes first.
                calls.fail(exc)
                break
            calls.start(pool)
        return calls.start(pool)

    def _may_read(self) -> bool:
        calls = self._calls
        return not (self._intake.is_at_end or calls.failure is not None or calls.is_at_budget)

    def _read(self) -> bool:
        """Read up to a row that is to be asked; false when there is enough for the reader."""
        while isinstance(row := self._intake.read(self._asked), BatchRow):
            self._count(row)
            if len(self._ready) >= KNOWN_AT_ONCE:
                return False
        if isinstance(row, Row):
            if (item := self._asked.get(row.key)) is not None:
                item.followers.append(row)
            else:
                self._asked[row.key] = self._calls.put(row)
        return True

    # -- answers back ---------------------------------------------------

    def _wait(self, pause: float | None) -> None:
        """Wait for a call that ends, *pause* seconds at most, and not for long."""
        if monotonic() - self._handed_out < REST_SECONDS:
            sleep(REST_SECONDS if pause is None else min(pause, REST_SECONDS))
            return
        with suppress(Empty):
            if (ended := self._calls.finished.get(timeout=longest_wait(pause))) is not None:
                self._hand_out(*ended)

    def _take_back(self) -> None:
        """All rows that have ended are for the reader."""
        finished = self._calls.finished
        while not finished.empty():
            if (ended := finished.get()) is not None:
                self._hand_out(*ended)

    def _hand_out(self, item: Item, outcome: Outcome) -> None:
        self._taken_back += 1
        del self._asked[item.row.key]
        failed = isinstance(outcome, G4FSyncError)
        for row in (item.row, *item.followers):
            self._count(
                BatchRow(
                    row.key,
                    row.input,
                    outcome,
                    failed=failed,
                    attempts=item.calls,
                    seconds=item.seconds,
                    reused=row is not item.row,
                )
            )

    def _count(self, row: BatchRow) -> None:
        """*row* is ready for the reader."""
        self._ready.append(row)
        if row.failed:
            self._failed += 1
        else:
            self._complete += 1
        self._reused += row.reused

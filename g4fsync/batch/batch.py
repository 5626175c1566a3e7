"""A batch as its user holds it: :class:`Batch`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InvalidRequest
from ..fanout.mapping import Asking
from ..settings import Budget, Retry, is_count
from .job import Job
from .ledger import Ledger
from .lines import BatchRow
from .plan import Plan, planned
from .run import Run
from .source import Source
from .spending import Spending
from .summary import Summary

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ..scope.pace import Pace


@dataclass(slots=True)
class Settings:
    """All that was asked for, checked."""

    client: Asking
    source: Source
    job: Job
    model: str | None
    seat: Callable[[str | None], tuple[str, str, Pace]]  # identity, URL, pace, by a row's model
    arguments: Mapping[str, Any]  # of each chat()
    models: int  # that a call may ask in turn, the fallback's too
    max_tokens: int | None
    max_workers: int
    row_attempts: int
    retry: Retry
    retry_errors: bool
    on_error: Literal["keep", "stop"]
    spending: Spending
    value_of: Callable[[Any], Any] | None  # what returns= asks for, from its JSON
    executor: Executor | None

    def check(self) -> None:
        """Raise for what can be known to be wrong before anything is read."""
        for name in ("max_workers", "row_attempts"):
            if not is_count(getattr(self, name)):
                raise InvalidRequest(f"{name} must be 1 or more, got {getattr(self, name)!r:.80}")
        if self.on_error not in ("keep", "stop"):
            raise InvalidRequest(f"on_error must be 'keep' or 'stop', got {self.on_error!r:.80}")
        budget = self.spending.budget
        if budget is not None and not isinstance(budget, Budget):
            raise InvalidRequest(f"budget must be a Budget, got {type(budget).__name__}")
        if budget and budget.strict and (budget.tokens or budget.usd) and self.max_tokens is None:
            raise InvalidRequest("a strict budget of tokens or usd needs max_tokens")


class Batch:
    """Rows of a batch as they are finished: iterate over it, once.

    Nothing is read, opened or asked before; leaving the loop ends the calls that are
    under way, and the same batch made again goes on behind the rows that are in the
    file.  Iterating raises ``InvalidRequest`` and ``ConfigurationError`` for rows or a
    file that are wrong, errors that concern no row (refused credentials, a quota that
    is used up, a full disk), and ``Cancelled`` after :meth:`cancel`.
    At a budget's end it just ends: see ``summary.stopped``.
    """

    def __init__(self, settings: Settings, out: str | os.PathLike[str]) -> None:
        settings.check()
        if not isinstance(out, str | os.PathLike):
            raise InvalidRequest(f"out must be a path, got {type(out).__name__}")
        self._settings = settings
        self._out = out
        self._lock = threading.Lock()  # guards both below
        self._run: Run | None = None
        self._was_cancelled = False
        self._rows: Iterator[BatchRow] | None = None

    def __iter__(self) -> Iterator[BatchRow]:
        if self._rows is None:
            self._rows = self._begin()
        return self._rows

    def __next__(self) -> BatchRow:
        return next(iter(self))

    def _begin(self) -> Iterator[BatchRow]:
        run = Run(self._settings, Ledger(self._out))
        with self._lock:
            self._run = run
        if self._was_cancelled:
            run.cancel()
        yield from run.rows()

    def run(self) -> Summary:
        """Do all of it, and return the summary."""
        for _ in self:
            pass
        return self.summary

    def cancel(self) -> None:
        """End it, from any thread: finished rows are in the file, calls under way are ended."""
        with self._lock:
            self._was_cancelled = True
            run = self._run
        if run is not None:
            run.cancel()

    def close(self) -> None:
        """End it like leaving the loop; nothing happens when it has ended."""
        if self._rows is not None:
            self._rows.close()  # type: ignore[attr-defined]  # a generator

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def summary(self) -> Summary:
        """How it stands, or how it ended; a new value each time."""
        return Summary() if self._run is None else self._run.summary

    @property
    def paused_for(self) -> float:
        """Seconds until anything may start again, when the providers asked for a pause."""
        return 0.0 if self._run is None else self._run.paused_for

    def plan(self) -> Plan:
        """What would be asked, without asking or writing anything; raises what iterating would."""
        return planned(self._settings, self._out)

    def count(self) -> int | None:
        """How many rows there are, where that can be known before: a file, a list."""
        return self._settings.source.count()

"""Functions called for a model: in threads that can be left, or in the caller's own.

A thread can't be stopped from outside.  When the call is cancelled, or its time is up, the
caller is free at once; the thread goes on until the function returns, named after the tool
and told in the log, and nobody waits for what it gives.  Such threads are daemons: a
process that ends does not wait for them either.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from ..scope import CancelScope
from ..scope.watchdog import Flag

log = logging.getLogger("g4fsync.tools")


@dataclass(eq=False)
class Job:
    """One call of a function; ``value`` or ``error`` is there when ``done`` is set."""

    name: str
    run: Callable[[], Any]
    value: Any = None
    error: BaseException | None = None
    seconds: float = 0.0
    is_running: bool = False
    done: Flag = field(default_factory=Flag)

    def work(self) -> None:
        """Call the function, and keep what comes of it."""
        started = monotonic()
        self.is_running = True
        try:
            self.value = self.run()
        except BaseException as exc:  # noqa: BLE001 - its failure is put in the job
            self.error = exc
        finally:
            self.seconds = monotonic() - started
            self.is_running = False
            self.done.set()


def in_this_thread(jobs: Sequence[Job], scope: CancelScope) -> Iterator[Job]:
    """Each of *jobs*, done one after the other in the caller's thread.

    A cancel, or the end of the time, is seen between two of them.
    """
    for job in jobs:
        scope.check()
        job.work()
        scope.check()
        yield job


def in_threads(jobs: Sequence[Job], scope: CancelScope, limit: int) -> Iterator[Job]:
    """Each of *jobs* in order when it is done; *limit* of them run at a time."""
    crew = _Crew(jobs)
    try:
        crew.start(min(limit, len(jobs)))
        for job in jobs:
            scope.wait(job.done)
            yield job
    finally:
        crew.leave()


class _Crew:
    """Threads that work off jobs."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._waiting = list(reversed(jobs))
        self._jobs = jobs
        self._lock = threading.Lock()  # guards _waiting

    def start(self, count: int) -> None:
        for _ in range(count):
            # What the caller has in context variables, a tool sees too; a context for each.
            context = contextvars.copy_context()
            thread = threading.Thread(
                target=context.run, args=(self._work,), name="g4fsync-tool", daemon=True
            )
            thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    return
                job = self._waiting.pop()
            threading.current_thread().name = f"g4fsync-tool-{job.name}"
            job.work()

    def leave(self) -> None:
        """Start no more; say which tools are left to themselves."""
        with self._lock:
            self._waiting.clear()
        for job in self._jobs:
            if job.is_running:
                log.warning(
                    "tool %s still runs; its thread g4fsync-tool-%s is left to itself",
                    job.name,
                    job.name,
                )

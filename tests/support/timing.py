"""One unit for time, and waiting for things to happen."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import pytest

from g4fsync.scope import CancelScope
from g4fsync.scope.watchdog import watchdog

T = TypeVar("T")

SLOWNESS = float(os.environ.get("G4FSYNC_TEST_SLOWNESS", "1"))
MS = 0.001 * SLOWNESS  # a millisecond, longer on slow machines
PATIENCE = 10.0 * SLOWNESS  # seconds until a test gives up waiting
# How soon a cancelled thread must be free. It takes a millisecond (the matrix of tests/faults
# prints it); the rest is for a machine that has other things to do. One that is not woken
# stays for seconds.
FREED = 500 * MS
# For tests that use SIGALRM themselves: pytest-timeout must find another way to end them.
OWN_ALARM = pytest.mark.timeout(method="thread")


def end_soon(scope: CancelScope) -> float:
    """Set its ``total`` clock to the next moment; when that is, by :func:`time.monotonic`.

    In place of a short clock from the start, which a busy machine lets run out too early.
    """
    scope.total = time.monotonic() + 20 * MS
    watchdog.expect(scope.total)
    return scope.total


def eventually(holds: Callable[[], object], what: str = "") -> None:
    """Wait until *holds* is true."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, f"it did not come true: {what or holds}"
        time.sleep(0.002)


class Worker(threading.Thread, Generic[T]):
    """A thread that does one thing; its result, error and time of ending can be asked for."""

    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__(name="test-worker", daemon=True)
        self._work = work
        self._results: list[T] = []
        self.error: BaseException | None = None
        self.ended_at = 0.0
        self.start()

    def run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as exc:
            self.error = exc
        self.ended_at = time.monotonic()

    def finish(self) -> None:
        """Wait for the end."""
        self.join(PATIENCE)
        assert not self.is_alive(), "the thread is blocked"

    def result(self) -> T:
        """What it returned; raises what it raised."""
        self.finish()
        if self.error is not None:
            raise self.error
        return self._results[0]

    def failure(self, kind: type[BaseException]) -> BaseException:
        """What it raised, which must be of this kind."""
        self.finish()
        assert type(self.error) is kind, f"expected {kind.__name__}, got {self.error!r}"
        return self.error

    def blocks(self) -> None:
        """Wait until the thread stands still: it is blocked somewhere."""
        seen: list[tuple[object, int]] = []

        def stands_still() -> bool:
            assert self.is_alive(), f"it ended with {self.error!r}"
            # A collection within it can deadlock with a thread that starts (CPython 3.11).
            gc.disable()
            try:
                frame = sys._current_frames().get(self.ident or 0)
            finally:
                gc.enable()
            seen.append((frame and frame.f_code, frame.f_lasti if frame else 0))
            return len(seen) > 6 and len(set(seen[-6:])) == 1

        eventually(stands_still, "the thread blocks")

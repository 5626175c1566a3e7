"""The one thread that ends blocked scopes when their time is up, and what to wait for.

There is one watchdog for the whole process, started on first use, anew after
``fork``.  It looks only at scopes that are blocked.
"""

from __future__ import annotations

import math
import threading
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cancel import CancelScope

LONGEST_WAIT = 86_400.0  # seconds; some platforms refuse much longer ones
SIGNALS_SECONDS = 1.0  # between two looks at signals


def longest_wait(seconds: float | None) -> float:
    """How much of *seconds* (``None``: for ever) this thread may wait before it looks around.

    Python looks for signals before a wait and when one interrupts it.  One that comes in
    the instant between is handled when the wait ends, so the main thread, which handles
    them all, never waits for long.
    """
    is_main = threading.current_thread() is threading.main_thread()
    limit = SIGNALS_SECONDS if is_main else LONGEST_WAIT
    return limit if seconds is None else min(seconds, limit)


class Flag:
    """An event for one waiting thread, which its own signal handlers may set too.

    They would wait for ever to set a :class:`threading.Event` whose inner lock
    the thread they interrupt is holding.
    """

    def __init__(self) -> None:
        self._gate = threading.Lock()  # guards nothing: free once the flag is set
        self._gate.acquire()
        self._set = False

    def set(self) -> None:
        self._set = True
        with suppress(RuntimeError):  # it was free already
            self._gate.release()

    def is_set(self) -> bool:
        return self._set

    def wait(self, seconds: float) -> bool:
        self._gate.acquire(timeout=seconds)
        return self._set


class Watchdog:
    """Ends scopes whose deadline has passed, and so wakes the threads blocked in them."""

    def __init__(self) -> None:
        self._scopes: set[CancelScope] = set()
        self.renew()

    def renew(self) -> tuple[CancelScope, ...]:
        """In a forked child: begin anew, and return the scopes that were watched.

        The thread is gone, and its lock may be held for ever.
        """
        watched = tuple(self._scopes)
        self._lock = threading.RLock()  # guards all below
        self._changed = threading.Condition(self._lock)
        self._scopes = set()
        self.wake_at = math.inf  # also read without the lock: it is asked again with it
        self._thread: threading.Thread | None = None
        return watched

    # The lock itself, not the condition: these run for each call, and a condition's "with"
    # is four Python calls.

    def watch(self, scope: CancelScope) -> None:
        with self._lock:
            self._scopes.add(scope)
            if self._thread is None:
                self._start()
        self.expect(scope.next_deadline())

    def forget(self, scope: CancelScope) -> None:
        with self._lock:
            self._scopes.discard(scope)

    def is_running(self) -> bool:
        return self._thread is not None

    def expect(self, deadline: float) -> None:
        """Be awake at *deadline*; a later one than known costs nothing."""
        if deadline < self.wake_at:
            with self._changed:
                self.wake_at = min(self.wake_at, deadline)
                self._changed.notify()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="g4fsync-watchdog", daemon=True)
        # A process that is shutting down starts no threads; socket timeouts
        # then are what still bounds a call.
        with suppress(RuntimeError):
            thread.start()
            self._thread = thread

    def _run(self) -> None:
        while True:
            with self._changed:
                pause = self.wake_at - monotonic()
                if pause > 0:
                    self._changed.wait(min(pause, LONGEST_WAIT))
                    continue
                scopes = tuple(self._scopes)
                self.wake_at = math.inf
            for scope in scopes:
                scope.expire()
                if scope.ended is not None:
                    self.forget(scope)
                else:
                    self.expect(scope.next_deadline())


watchdog = Watchdog()

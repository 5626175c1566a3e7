"""One call's clocks, its cancellation, and how to wake whoever is blocked.

Rules of this file:

The four clocks, each a deadline that is infinite while its clock stands still:

=============== ============================ ====================================
clock           is started by                is stopped by
=============== ============================ ====================================
``total``       :meth:`~CancelScope.start`   nothing; it is the call's last word
``first_token`` ``start_first_token()``      the first :meth:`~CancelScope.progress`
``connect``     ``start_connect()``          ``stop_connect()``: the request is out
``idle``        ``start_idle()``, when the   ``progress()``, and ``start_connect()``
                owner waits for the provider of another request
=============== ============================ ====================================

* One :class:`CancelScope` per call.  Its owner is the thread that iterates;
  any thread may :meth:`~CancelScope.cancel`.
* Who is about to block registers how to be woken (:meth:`~CancelScope.aborting`),
  usually "shut this socket down".  ``cancel()`` and the watchdog run that, under
  the scope's lock; once ``aborting`` is left it is never run again, so it can't
  hit a socket that has gone on to serve somebody else.
* A woken reader may see a clean end of data.  Ask :meth:`~CancelScope.check`
  after every end and every failure: it raises what really happened.
* A signal handler or a finalizer may cancel between any two steps of its own
  thread.  So locks are re-entrant, what wakes is registered before the end is
  asked for, and who waits for another thread waits for a :class:`~.watchdog.Flag`.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic

from ..errors import Cancelled, DeadlineExceeded, G4FSyncError
from ..settings import Timeout
from . import process
from .watchdog import LONGEST_WAIT, Flag, longest_wait, watchdog

_NEVER = math.inf
_NO_LIMITS = Timeout(None, None, None, None)


class CancelScope:
    """Deadline and cancellation of one call.

    ``deadline`` is an upper bound on ``total`` shared with other calls, as a
    :func:`time.monotonic` time.  The clocks stand still until they are started.
    """

    __slots__ = (
        *("__weakref__", "_aborts", "_connect", "_first_token", "_flowing", "_idle"),
        *("_idle_limit", "_last_key", "_lock", "ended", "forked", "started", "timeout"),
        *("total", "waiting"),
    )

    def __init__(self, timeout: Timeout | float | None = None, *, deadline: float = _NEVER) -> None:
        self.timeout = Timeout.of(timeout, _NO_LIMITS)
        self.started: float | None = None
        self.ended: Callable[[], G4FSyncError] | None = None  # makes the error; set once
        # The four deadlines. Only the owner writes them, the watchdog reads.
        self.total = deadline
        self._first_token = self._connect = self._idle = _NEVER
        self._idle_limit = _seconds(self.timeout.idle)
        self._flowing = False  # the first token has come
        self.waiting = True  # a clock runs that progress() stops
        self._lock = threading.RLock()  # guards _aborts and ended; held while aborts run
        self._aborts: dict[int, Callable[[], None]] = {}
        self._last_key = 0
        self.forked = False  # by fork: the call goes on in the parent process

    # -- clocks ---------------------------------------------------------

    def start(self) -> None:
        """Start ``total``; a second time nothing happens."""
        if self.started is None:
            self.started = monotonic()
            self.total = min(self.total, self.started + _seconds(self.timeout.total))
            self._expect(self.total)

    def start_first_token(self) -> None:
        """Start ``first_token``: a model is about to be asked."""
        self._first_token = monotonic() + _seconds(self.timeout.first_token)

    def child(self) -> CancelScope:
        """A scope with clocks of its own, but the same start and bound on ``total``."""
        child = CancelScope(self.timeout, deadline=self.total)
        child.started = self.started
        return child

    def elapsed(self) -> float:
        """Seconds since :meth:`start`; 0 before it."""
        return 0.0 if self.started is None else monotonic() - self.started

    def start_connect(self) -> None:
        """Start the ``connect`` clock; ``idle`` belonged to an answer that is over."""
        self._idle = _NEVER
        self._connect = monotonic() + _seconds(self.timeout.connect)
        self._expect(self._connect)

    def stop_connect(self) -> None:
        """Stop the ``connect`` clock: the request is out."""
        self._connect = _NEVER

    def progress(self) -> None:
        """Something that counts has come: ``first_token`` is over, ``idle`` stops.

        Raises what the call has ended with.
        """
        if self.ended is not None:
            raise self.ended()
        self.waiting = False
        self._idle = _NEVER
        if not self._flowing:
            self._flowing = True
            self._first_token = _NEVER

    def limit_idle(self, seconds: float | None) -> None:
        """From now on wait *seconds* at most for the provider's next sign.

        Never longer than the ``idle`` clock allows; ``None`` is that clock alone.
        """
        self._flowing = True
        self._idle_limit = min(_seconds(self.timeout.idle), _seconds(seconds))

    def start_idle(self) -> None:
        """The owner is about to wait for the provider: ``idle`` runs, until :meth:`progress`.

        So it also runs while keep-alives are read, however fast they come.
        Raises what the call has ended with: the connection may be somebody else's.
        """
        if self.ended is not None:
            raise self.ended()
        if self._idle is _NEVER and self._flowing and self._idle_limit is not _NEVER:
            self.waiting = True
            self._idle = monotonic() + self._idle_limit
            if self._idle < watchdog.wake_at:  # seldom; this runs once per token
                self._expect(self._idle)

    def next_deadline(self) -> float:
        """The next deadline as a :func:`time.monotonic` time; infinity without one."""
        return min(self.total, self._first_token, self._connect, self._idle)

    def remaining(self) -> float | None:
        """Seconds left before the next deadline, never below 0; ``None`` without one.

        It does not raise: ask :meth:`check` for that.
        """
        deadline = self.next_deadline()
        return None if deadline == _NEVER else max(0.0, deadline - monotonic())

    def socket_timeout(self, *, overall: bool = False) -> float:
        """A socket's timeout: until the next deadline, or until ``total`` only; never 0 or None.

        It is the second line of defence, for a process that can't start a watchdog.
        """
        deadline = self.total if overall else self.next_deadline()
        return min(max(deadline - monotonic(), 0.001), LONGEST_WAIT)

    def is_watched(self) -> bool:
        """Whether the watchdog will wake the owner, so that no wait needs a limit of its own."""
        return bool(self._aborts) and watchdog.is_running()

    def _expect(self, deadline: float) -> None:
        if self._aborts:
            watchdog.expect(deadline)

    # -- ending ---------------------------------------------------------

    def check(self) -> None:
        """Raise ``Cancelled`` or ``DeadlineExceeded`` when the call has ended."""
        if self.ended is None and self.next_deadline() <= monotonic():
            self.expire()
        if self.ended is not None:
            raise self.ended()

    def cancel(self, why: str = "cancelled by the caller") -> None:
        """End the call from any thread, at once; later calls do nothing."""
        self._end(lambda: Cancelled(why))

    def expire(self) -> None:
        """End the call if its next deadline has passed."""
        deadline, clock = min(
            (self.total, "total"),
            (self._first_token, "first_token"),
            (self._connect, "connect"),
            (self._idle, "idle"),
        )
        if deadline <= monotonic():
            message = _LATE[clock].format(_in_seconds(getattr(self.timeout, clock)))
            self._end(lambda: DeadlineExceeded(message, clock=clock))

    def _end(self, error: Callable[[], G4FSyncError]) -> None:
        with self._lock:
            if self.ended is not None:
                return
            self.ended = error
            for abort in tuple(self._aborts.values()):
                # Too late is fine: the socket is gone, nobody is blocked in it.
                with suppress(OSError, RuntimeError, ValueError):
                    abort()

    @contextmanager
    def aborting(self, abort: Callable[[], None]) -> Iterator[None]:
        """Run *abort* when the call ends while this block is being executed."""
        key = self.register(abort)
        try:
            yield
        finally:
            self.unregister(key)

    def register(self, abort: Callable[[], None]) -> int:
        """:meth:`aborting` without the block; give the key to :meth:`unregister`."""
        with self._lock:
            self._last_key += 1
            key = self._last_key
            self._aborts[key] = abort
        try:
            self.check()
            watchdog.watch(self)
        except BaseException:
            self.unregister(key)
            raise
        return key

    def unregister(self, key: int) -> None:
        """*abort* is not run any more once this returns."""
        with self._lock:
            self._aborts.pop(key, None)
            if not self._aborts:
                watchdog.forget(self)

    def leave_to_parent(self) -> None:
        """In a forked child: leave the parent's call alone, its sockets are shared with it."""
        self._lock = threading.RLock()  # a thread that is gone may have held the old one
        self._aborts = {}
        self.forked = True
        self.ended = lambda: Cancelled("this call belongs to the parent process")

    # -- waiting --------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        """Wait; ends early with ``Cancelled`` or ``DeadlineExceeded``."""
        self.wait(Flag(), seconds)

    def wait(self, event: Flag | threading.Event, seconds: float | None = None) -> bool:
        """Wait for *event*, *seconds* at most; true when it was set.

        Raises ``Cancelled`` or ``DeadlineExceeded`` when the call ends first.
        """
        until = _NEVER if seconds is None else monotonic() + seconds
        with self.aborting(event.set):
            while not event.is_set():
                pause = min(until, self.next_deadline()) - monotonic()
                if pause <= 0:
                    break
                event.wait(longest_wait(pause))
        self.check()
        return event.is_set()


_LATE = {
    "connect": "no connection within {}",
    "first_token": "no token within {}",
    "idle": "nothing new from the provider for {}",
    "total": "not finished within {}",
}


def _seconds(limit: float | None) -> float:
    return _NEVER if limit is None else limit


def _in_seconds(limit: float | None) -> str:
    return "the time given" if limit is None else f"{limit:g} s"


def _leave_calls_to_parent() -> None:
    """In a forked child: the watchdog's thread is gone, its scopes are the parent's calls."""
    for scope in watchdog.renew():
        scope.leave_to_parent()


process.after_fork(_leave_calls_to_parent)

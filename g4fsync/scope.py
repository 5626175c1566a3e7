"""One call's clocks, its cancellation, and how to wake whoever is blocked.

Rules of this file:

* One :class:`CancelScope` per call.  Its owner is the thread that iterates;
  any thread may :meth:`~CancelScope.cancel`.
* Who is about to block registers how to be woken (:meth:`~CancelScope.aborting`),
  usually "shut this socket down".  ``cancel()`` and the watchdog run that, under
  the scope's lock; once ``aborting`` is left it is never run again, so it can't
  hit a socket that has gone on to serve somebody else.
* A woken reader may see a clean end of data.  Ask :meth:`~CancelScope.check`
  after every end and every failure: it raises what really happened.
* One watchdog thread for the whole process, started on first use, anew after
  ``fork``.  It looks only at scopes that are blocked.
* A signal handler or a finalizer may cancel between any two steps of its own
  thread.  So locks are re-entrant, what wakes is registered before the end is
  asked for, and who waits for another thread waits for a :class:`Flag`.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from time import monotonic

from .errors import Cancelled, DeadlineExceeded, G4FSyncError, InvalidRequest

_NEVER = math.inf
_LONGEST_WAIT = 86_400.0  # seconds; some platforms refuse much longer ones


@dataclass(frozen=True, slots=True)
class Timeout:
    """Limits of one call in seconds; ``None`` means no limit.

    ``connect``: until a request is sent (name, TCP, proxy, TLS, sending).
    ``first_token``: from the start to the first token.
    ``idle``: between parsed events that mean progress; keep-alives do not
    count, and it runs only while the stream waits for the provider.
    ``total``: everything, retries, back-off, fallback and the caller's own
    pauses included.
    """

    connect: float | None = 10.0
    first_token: float | None = 120.0
    idle: float | None = 60.0
    total: float | None = 600.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None and not _is_duration(value):
                raise InvalidRequest(
                    f"timeout {each.name} must be a number of seconds above 0 or None, "
                    f"got {value!r}"
                )

    @classmethod
    def of(cls, value: Timeout | float | None, default: Timeout) -> Timeout:
        """*value* as a ``Timeout``: ``None`` is *default*, a number replaces its ``total``."""
        if value is None:
            return default
        if isinstance(value, Timeout):
            return value
        return cls(default.connect, default.first_token, default.idle, value)


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


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


class CancelScope:
    """Deadline and cancellation of one call.

    ``deadline`` is an upper bound on ``total`` shared with other calls, as a
    :func:`time.monotonic` time.  The clocks stand still until they are started.
    """

    def __init__(self, timeout: Timeout | float | None = None, *, deadline: float = _NEVER) -> None:
        self.timeout = Timeout.of(timeout, Timeout(None, None, None, None))
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
        self.inherited = False  # by fork: the call goes on in the parent process

    # -- clocks ---------------------------------------------------------

    def start(self) -> None:
        """Start ``total``; a second time nothing happens."""
        if self.started is None:
            self.started = monotonic()
            self.total = min(self.total, self.started + _seconds(self.timeout.total))
            self._expect(self.total)

    def asking(self) -> None:
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

    def connecting(self) -> None:
        """Start the ``connect`` clock; ``idle`` belonged to an answer that is over."""
        self._idle = _NEVER
        self._connect = monotonic() + _seconds(self.timeout.connect)
        self._expect(self._connect)

    def sent(self) -> None:
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

    def limit_idle(self, seconds: float) -> None:
        """From now on wait *seconds* at most for the provider's next sign."""
        self._flowing = True
        self._idle_limit = min(self._idle_limit, seconds)

    def wait_begins(self) -> None:
        """The owner is about to wait for the provider: ``idle`` runs, until :meth:`progress`.

        So it also runs while keep-alives are read, however fast they come.
        Raises what the call has ended with: the connection may be somebody else's.
        """
        if self.ended is not None:
            raise self.ended()
        if self._idle is _NEVER and self._flowing and self._idle_limit is not _NEVER:
            self.waiting = True
            self._idle = monotonic() + self._idle_limit
            if self._idle < _watchdog.wake_at:  # seldom; this runs once per token
                self._expect(self._idle)

    def expiry(self) -> float:
        """The next deadline as a :func:`time.monotonic` time; infinity without one."""
        return min(self.total, self._first_token, self._connect, self._idle)

    def remaining(self) -> float | None:
        """Seconds left before the next deadline, never below 0; ``None`` without one.

        It does not raise: ask :meth:`check` for that.
        """
        deadline = self.expiry()
        return None if deadline == _NEVER else max(0.0, deadline - monotonic())

    def patience(self, *, overall: bool = False) -> float:
        """A socket's timeout: until the next deadline, or until ``total`` only; never 0 or None.

        It is the second line of defence, for a process that can't start a watchdog.
        """
        deadline = self.total if overall else self.expiry()
        return min(max(deadline - monotonic(), 0.001), _LONGEST_WAIT)

    def is_watched(self) -> bool:
        """Whether the watchdog will wake the owner, so that no wait needs a limit of its own."""
        return bool(self._aborts) and _watchdog.is_running()

    def _expect(self, deadline: float) -> None:
        if self._aborts:
            _watchdog.expect(deadline)

    # -- ending ---------------------------------------------------------

    def check(self) -> None:
        """Raise ``Cancelled`` or ``DeadlineExceeded`` when the call has ended."""
        if self.ended is None:
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
            _watchdog.watch(self)
        except BaseException:
            self.unregister(key)
            raise
        return key

    def unregister(self, key: int) -> None:
        """*abort* is not run any more once this returns."""
        with self._lock:
            self._aborts.pop(key, None)
            if not self._aborts:
                _watchdog.forget(self)

    def disown(self) -> None:
        """In a forked child: leave the parent's call alone, its sockets are shared with it."""
        self._lock = threading.RLock()  # a thread that is gone may have held the old one
        self._aborts = {}
        self.inherited = True
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
                pause = min(until, self.expiry()) - monotonic()
                if pause <= 0:
                    break
                event.wait(min(pause, _LONGEST_WAIT))
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


class _Watchdog:
    """The one thread that ends blocked scopes when their time is up."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())  # guards all below
        self._scopes: set[CancelScope] = set()
        self.wake_at = _NEVER  # also read without the lock: it is asked again with it
        self._thread: threading.Thread | None = None

    def watch(self, scope: CancelScope) -> None:
        with self._changed:
            self._scopes.add(scope)
            if self._thread is None:
                self._start()
        self.expect(scope.expiry())

    def forget(self, scope: CancelScope) -> None:
        with self._changed:
            self._scopes.discard(scope)

    def is_running(self) -> bool:
        return self._thread is not None

    def scopes(self) -> tuple[CancelScope, ...]:
        """For a forked child, which can't count on the lock."""
        return tuple(self._scopes)

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
                    self._changed.wait(min(pause, _LONGEST_WAIT))
                    continue
                scopes = tuple(self._scopes)
                self.wake_at = _NEVER
            for scope in scopes:
                scope.expire()
                if scope.ended is not None:
                    self.forget(scope)
                else:
                    self.expect(scope.expiry())


_watchdog = _Watchdog()


def _renew_watchdog() -> None:
    """In a forked child: the thread is gone and its lock may be held for ever."""
    global _watchdog
    inherited, _watchdog = _watchdog.scopes(), _Watchdog()
    for scope in inherited:
        scope.disown()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_renew_watchdog)

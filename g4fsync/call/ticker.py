"""The one thread that looks at calls under way, and has observers keep what they heard.

It knows calls and observers as Protocols only; what they are stands in :mod:`.observing`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from ..scope import process

if TYPE_CHECKING:
    from collections.abc import Sequence
    from queue import SimpleQueue

# What was read is known to observers 250 ms later at most; the rest is for writing it.
INTERVAL_SECONDS = 0.2


class Flushing(Protocol):
    """An observer, as it is known here."""

    def flush(self) -> None: ...


class Watchable(Protocol):
    """A call that is under way."""

    @property
    def id(self) -> str: ...
    @property
    def observers(self) -> Sequence[Flushing]: ...
    def notice(self, now: float) -> None: ...


class Ticker:
    """The thread that says "text came", and has observers keep what they heard."""

    def __init__(self) -> None:
        self._at_exit: list[Callable[[], None]] = []
        self.renew()

    def renew(self) -> None:
        """At first, and in a forked child, which has neither the thread nor the calls."""
        self._starting = threading.Lock()  # guards _thread
        self._flushing = threading.RLock()  # at exit it waits for what is under way
        self._thread: threading.Thread | None = None
        self._kicks: SimpleQueue[None] | None = None
        # Changed by one step each, from any thread, also by the garbage collector.
        self._calls: dict[str, Watchable] = {}
        self._to_flush: dict[int, Flushing] = {}

    def watch(self, call: Watchable) -> None:
        self._calls[call.id] = call
        if self._thread is None:
            self._start()

    def forget(self, call: Watchable) -> None:
        self._calls.pop(call.id, None)
        self._to_flush |= {id(observer): observer for observer in call.observers}

    def kick(self) -> None:
        """Have a look now, and not only when it is time."""
        if self._kicks is not None:
            self._kicks.put(None)  # may be called again inside of itself, so it needs no lock

    def flush(self) -> None:
        """Have observers keep what they heard so far.

        A process of ``multiprocessing`` calls no functions of ``atexit``, so this is
        also done when threads are about to be joined, which it does.
        """
        with self._flushing:
            now = monotonic()
            flushing, self._to_flush = self._to_flush, {}
            for call in tuple(self._calls.values()):
                call.notice(now)
                flushing |= {id(observer): observer for observer in call.observers}
            for observer in flushing.values():
                safely(observer.flush)

    def finish(self) -> None:
        """At exit: all is flushed, then what observers have asked for is called."""
        self.flush()
        for function in tuple(self._at_exit):
            function()

    def at_exit(self, function: Callable[[], None]) -> None:
        self._at_exit.append(function)

    def _start(self) -> None:
        from queue import SimpleQueue  # here, since most clients have no observer

        with self._starting:
            if self._thread is not None:
                return
            self._kicks = SimpleQueue()
            thread = threading.Thread(target=self._run, name="g4fsync-observer", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # a process that is shutting down starts no threads
                return
            self._thread = thread

    def _run(self) -> None:
        from queue import Empty

        kicks = self._kicks
        assert kicks is not None
        while kicks is self._kicks:
            try:
                kicks.get(timeout=INTERVAL_SECONDS if self._calls else None)
                while True:
                    kicks.get_nowait()
            except Empty:
                self.flush()


def safely(function: Callable[..., None], *arguments: object) -> None:
    """Call *function*; what goes wrong in it is for the log."""
    try:
        function(*arguments)
    except Exception:  # an observer is not part of the call it hears of
        import logging

        logging.getLogger("g4fsync.observers").warning("an observer has failed", exc_info=True)


ticker = Ticker()

process.before_threads_join(ticker.flush)
process.at_exit_last(ticker.finish)
process.after_fork(ticker.renew)

"""The one thread that looks after Socket.IO connections whose owner is busy elsewhere.

It never blocks, and it ends with the last connection.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Protocol

from ..codecs.engineio import Handshake
from ..scope import process

HEARTBEAT_SECONDS = 1.0  # how often the heartbeat looks in, sooner for a hasty heartbeat


class Serviced(Protocol):
    """A connection that wants looking after."""

    handshake: Handshake

    def service(self) -> None:
        """Do what is due, without blocking."""


class Heartbeat:
    """The thread that tends connections whose owner is busy elsewhere."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())  # guards all below
        self._connections: set[Serviced] = set()
        self._thread: threading.Thread | None = None

    def add(self, connection: Serviced) -> None:
        with self._changed:
            self._connections.add(connection)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="g4fsync-heartbeat", daemon=True)
                # A process that is shutting down starts no threads.
                with suppress(RuntimeError):
                    thread.start()
                    self._thread = thread
            self._changed.notify()

    def remove(self, connection: Serviced) -> None:
        with self._changed:
            self._connections.discard(connection)
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._connections:
                    self._thread = None
                    return
                timeouts = [c.handshake.ping_timeout for c in self._connections]
                self._changed.wait(min(HEARTBEAT_SECONDS, min(timeouts) / 4))
                connections = tuple(self._connections)
            for connection in connections:
                connection.service()


_heartbeat = Heartbeat()


def add(connection: Serviced) -> None:
    """Tend *connection* from now on."""
    _heartbeat.add(connection)


def remove(connection: Serviced) -> None:
    """Tend *connection* no more."""
    _heartbeat.remove(connection)


def _renew_heartbeat() -> None:
    """In a forked child: the thread is gone and its lock may be held for ever."""
    global _heartbeat
    _heartbeat = Heartbeat()


process.after_fork(_renew_heartbeat)

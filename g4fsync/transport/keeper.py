"""The one thread that looks after Socket.IO connections whose owner is busy elsewhere.

It never blocks, and it ends with the last connection.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Protocol

from ..codecs.engineio import Handshake
from ..scope import process

KEEPER_SECONDS = 1.0  # how often the keeper looks in, sooner for a hasty heartbeat


class Tended(Protocol):
    """A connection that wants looking after."""

    handshake: Handshake

    def tend(self) -> None:
        """Do what is due, without blocking."""


class Keeper:
    """The thread that tends connections whose owner is busy elsewhere."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())  # guards all below
        self._connections: set[Tended] = set()
        self._thread: threading.Thread | None = None

    def add(self, connection: Tended) -> None:
        with self._changed:
            self._connections.add(connection)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="g4fsync-keeper", daemon=True)
                # A process that is shutting down starts no threads.
                with suppress(RuntimeError):
                    thread.start()
                    self._thread = thread
            self._changed.notify()

    def remove(self, connection: Tended) -> None:
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
                self._changed.wait(min(KEEPER_SECONDS, min(timeouts) / 4))
                connections = tuple(self._connections)
            for connection in connections:
                connection.tend()


_keeper = Keeper()


def add(connection: Tended) -> None:
    """Tend *connection* from now on."""
    _keeper.add(connection)


def remove(connection: Tended) -> None:
    """Tend *connection* no more."""
    _keeper.remove(connection)


def _renew_keeper() -> None:
    """In a forked child: the thread is gone and its lock may be held for ever."""
    global _keeper
    _keeper = Keeper()


process.after_fork(_renew_keeper)

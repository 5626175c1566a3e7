"""A limit on how many calls do something at the same time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from .cancel import CancelScope
from .watchdog import Flag


class Gate:
    """At most *limit* holders at a time; who waits is served in order, within its clocks."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: deque[Flag] = deque()
        self._lock = threading.RLock()  # guards both

    @contextmanager
    def slot(self, scope: CancelScope) -> Iterator[None]:
        """Hold a slot in the block; raises when *scope* ends before there is one."""
        self._enter(scope)
        try:
            yield
        finally:
            self._leave()

    def _enter(self, scope: CancelScope) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = Flag()
            self._waiting.append(turn)
        try:
            scope.wait(turn)
        except BaseException:
            with self._lock:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                else:  # our turn came together with our end
                    self._leave()
            raise

    def _leave(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1

"""Streams whose every step a test decides, in place of the engine."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import TypeAlias

from g4fsync.call.journal import Journal
from g4fsync.call.stream import ChatStream
from g4fsync.events import Event
from g4fsync.scope import CancelScope
from g4fsync.settings import Timeout

Step: TypeAlias = "str | Event | float | threading.Event | BaseException"


class Play:
    """Yields text and events, sleeps seconds, waits for events, raises errors.

    ``begun`` and ``freed`` are set at its start and its end, however it ends.
    """

    def __init__(self, *steps: Step, name: str = "p", timeout: float | None = None) -> None:
        self._steps = steps
        self._name = name
        self.begun = threading.Event()
        self.freed = threading.Event()
        self.thread = ""
        self.yielded = 0
        self.scope = CancelScope(Timeout(None, None, None, timeout))
        self.stream = ChatStream(self._run, self.scope)

    def _run(self, scope: CancelScope, journal: Journal) -> Generator[str | Event, None, None]:
        scope.start()
        journal.provider, journal.model = self._name, "m"
        self.thread = threading.current_thread().name
        self.begun.set()
        try:
            for step in self._steps:
                scope.check()
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, threading.Event):
                    scope.wait(step)
                elif isinstance(step, float):
                    scope.sleep(step)
                else:
                    if journal.first_token_seconds is None:
                        journal.first_token_seconds = scope.elapsed()
                    yield step
                    self.yielded += 1
        finally:
            self.freed.set()

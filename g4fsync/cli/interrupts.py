"""Ctrl-C ends the program within half a second, whatever it is doing.

The signal raises ``KeyboardInterrupt`` in the main thread as ever.  On its way
out that thread may still tell a server good-bye; if this takes too long, a
thread says the last words in its place and ends the process.  So does a second
Ctrl-C, at once.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from .exits import INTERRUPTED
from .terminal import OutputFailed

PATIENCE_SECONDS = 0.3
WORDS_SECONDS = 0.1  # standard output may be a full pipe that nobody reads


class LastWords:
    """What is left to say when the user interrupts; said once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _words: two threads want to say them
        self._words: list[Callable[[], None]] = []

    def add(self, words: Callable[[], None]) -> None:
        """Say *words* too, before those added earlier."""
        with self._lock:
            self._words.insert(0, words)

    def say(self) -> None:
        """Say them, unless it has been done; nobody may be listening any more."""
        with self._lock:
            while self._words:
                words = self._words.pop(0)
                with suppress(OSError, OutputFailed):
                    words()


@contextmanager
def bounded(last_words: LastWords) -> Iterator[None]:
    """Within the block Ctrl-C raises ``KeyboardInterrupt``, and is obeyed in time."""
    over = threading.Event()
    watchers: list[threading.Thread] = []

    def watch() -> None:
        if not over.wait(PATIENCE_SECONDS):
            speaker = threading.Thread(target=last_words.say, daemon=True)
            speaker.start()
            speaker.join(WORDS_SECONDS)
            os._exit(INTERRUPTED)

    def interrupted(number: int, frame: FrameType | None) -> None:
        if watchers:
            os._exit(INTERRUPTED)
        watchers.append(threading.Thread(target=watch, name="g4fsync-ctrl-c", daemon=True))
        watchers[0].start()
        raise KeyboardInterrupt

    # Elsewhere than in the main thread no handler can be set, and none is needed;
    # and who runs us with the signal ignored (nohup, &) wants it ignored.
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        over.set()
        signal.signal(signal.SIGINT, before)

"""Ctrl-C ends the program within half a second, whatever it is doing.

The signal raises ``KeyboardInterrupt`` in the main thread as ever.  On its way
out that thread may still say good-bye to a server; if this takes too long, a
thread writes the last notes in its place and ends the process.  So does a second
Ctrl-C, at once.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .exits import INTERRUPTED
from .terminal import ExitNotes

GRACE_SECONDS = 0.3
NOTES_SECONDS = 0.1  # standard output may be a full pipe that nobody reads


@contextmanager
def bounded(notes: ExitNotes) -> Iterator[None]:
    """Within the block Ctrl-C raises ``KeyboardInterrupt``, and is obeyed in time."""
    over = threading.Event()
    watchers: list[threading.Thread] = []

    def watch() -> None:
        if not over.wait(GRACE_SECONDS):
            writer = threading.Thread(target=notes.write, daemon=True)
            writer.start()
            writer.join(NOTES_SECONDS)
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

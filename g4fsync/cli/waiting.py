"""A line on the terminal while an answer is awaited, gone when its text comes."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..call.stream import ChatStream
from .terminal import Terminal, is_terminal

AFTER_SECONDS = 0.5  # a quick answer needs no such line
EVERY_SECONDS = 0.1


@contextmanager
def waiting(stream: ChatStream, terminal: Terminal) -> Iterator[None]:
    """Within the block, show what *stream* waits for, where there is a person to see it."""
    if not is_terminal(sys.stderr) or os.environ.get("TERM") in ("dumb", None):
        yield
        return
    line = _Line(stream, terminal)
    log = logging.getLogger("g4fsync.call")
    before = log.level
    log.addHandler(line)
    if not log.isEnabledFor(logging.INFO):
        log.setLevel(logging.INFO)
    line.thread.start()
    try:
        yield
    finally:
        line.over.set()
        line.thread.join()
        terminal.status("")
        log.removeHandler(line)
        log.setLevel(before)


class _Line(logging.Handler):
    """Learns of retries from the log, and draws the line in a thread of its own."""

    def __init__(self, stream: ChatStream, terminal: Terminal) -> None:
        super().__init__(logging.INFO)
        self._stream = stream
        self._terminal = terminal
        self._retry: tuple[str, float] | None = None  # why, and when
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, name="g4fsync-waiting", daemon=True)

    def emit(self, record: logging.LogRecord) -> None:
        seconds = getattr(record, "seconds", None)
        if isinstance(seconds, float):
            # "openai:m: attempt 1 of 3: HTTP 429: slow down; again in 2.0 s"
            message = record.getMessage().rpartition("; again in ")[0]
            self._retry = message.split(": ", 2)[-1], time.monotonic() + seconds

    def _run(self) -> None:
        pause = AFTER_SECONDS
        while not self.over.wait(pause):
            pause = EVERY_SECONDS
            if self._terminal.has_answered:
                return
            self._terminal.status(self._text())

    def _text(self) -> str:
        stream = self._stream
        name = f"{stream.provider}:{stream.model}"
        if stream.first_token_seconds is not None:
            return f"{name}: {len(stream.text)} characters, {stream.seconds:.1f} s"
        if self._retry is not None:
            reason, at = self._retry
            left = at - time.monotonic()
            if left > 0:
                return f"{name}: again in {left:.0f} s: {reason}"
        return f"{name}: waiting, {stream.seconds:.1f} s"

"""Processes that heed Ctrl-C, also when whoever runs the tests ignores it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heeding_interrupts() -> Iterator[None]:
    """A process started in the block has SIGINT as a shell in the foreground would give it.

    A suite that is run by ``nohup``, or behind ``&`` in a script, has inherited that the
    signal is ignored, and would pass this on: a handler is put back to the default by
    ``exec``, "ignored" is not.  The suite itself goes on ignoring it after the block.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if before is signal.SIG_IGN:
            signal.signal(signal.SIGINT, before)

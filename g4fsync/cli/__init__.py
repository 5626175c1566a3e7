"""The command line: ``g4fsync`` and ``python -m g4fsync``.

Here is as little as can be, since until :func:`main` has begun nobody can see to it
that Ctrl-C ends in one line: the command itself stands in ``program``.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; *argv* is what follows the program's name.  Returns the exit code."""
    # Modules take a tenth of a second to load, and an exception in the middle of one may
    # come out as another; there is nothing to clean up yet, so the process just ends.
    takes_over = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    try:
        if takes_over:
            signal.signal(signal.SIGINT, _leave)
    except ValueError:  # not in the main thread, which no signal interrupts
        takes_over = False
    try:
        from .program import run
    finally:
        if takes_over:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    return run(argv)


def _leave(number: int, frame: FrameType | None) -> None:
    # A terminal has echoed ^C; standard error may be closed.
    text = b"\ng4fsync: interrupted\n" if os.isatty(2) else b"g4fsync: interrupted\n"
    try:
        os.write(2, text)
    finally:
        os._exit(130)  # exits.INTERRUPTED; nothing may be loaded now

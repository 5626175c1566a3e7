"""Where the command line writes: answers to standard output, all else to standard error.

What a provider sends is data, never instructions to a terminal: control
characters, escape sequences and marks that reorder text are shown as ``\\x1b``
or ``\\u202e``, everywhere, since a pipe may end at a terminal too.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from ..report.visible import JSON_ESCAPES, visible as visible

BOLD, DIM = "1", "2"
_TO_LINE_END = "\x1b[K"  # erases it; ECMA-48, 8.3.41


class OutputFailed(Exception):
    """Standard output can't be written; not used for a closed pipe."""


class ExitNotes:
    """What is left to write when the user interrupts; written once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _notes: two threads may write them
        self._notes: list[Callable[[], None]] = []

    def add(self, note: Callable[[], None]) -> None:
        """Call *note* too, before those added earlier."""
        with self._lock:
            self._notes.insert(0, note)

    def write(self) -> None:
        """Call them, unless it has been done; nobody may be reading any more."""
        with self._lock:
            while self._notes:
                note = self._notes.pop(0)
                with suppress(OSError, OutputFailed):
                    note()


class Terminal:
    """Standard output and standard error as they are now."""

    def __init__(self) -> None:
        self.exit_notes = ExitNotes()
        self._at_line_start = True
        self._held = ""  # a carriage return that may be half of a line end
        self._lock = threading.RLock()  # guards _has_status, and keeps pieces in one piece
        self._has_status = False
        self.has_answered = False  # something of the answer is to be seen
        for stream in (sys.stdout, sys.stderr):
            # A character the terminal has no code for must not end the program.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")

    def status(self, text: str) -> None:
        """Show *text* on a line that goes away when anything else is shown; ``""`` takes it away.

        For standard error on a terminal only.
        """
        with self._lock:
            if text and not self.has_answered:
                columns = os.get_terminal_size(sys.stderr.fileno()).columns - 1
                line = styled(visible(text)[:columns], DIM, sys.stderr)
                self._print_error(f"\r{line}{_TO_LINE_END}")
                self._has_status = True
            else:
                self._clear_status()

    def _clear_status(self) -> None:
        if self._has_status:
            self._has_status = False
            self._print_error(f"\r{_TO_LINE_END}")

    def write(self, piece: str) -> None:
        """Show a piece of an answer at once."""
        piece = self._held + piece
        self._held = "\r" if piece.endswith("\r") else ""
        self._out(visible(piece.removesuffix("\r")))

    def end_line(self) -> None:
        """Whatever comes next begins a line of its own."""
        if self._held:
            self._held = ""
            self._out(visible("\r"))
        if not self._at_line_start:
            self._out("\n")

    def interrupted(self) -> None:
        """Say so, on a line of its own: the terminal has echoed ``^C``."""
        echoed = self._at_line_start and is_terminal(sys.stderr)
        self.end_line()
        self._err("\n" if echoed else "")
        self.note("g4fsync: interrupted")

    def line(self, text: str = "") -> None:
        """One line, or several, of standard output."""
        self._out(f"{visible(text)}\n")

    def json(self, value: object) -> None:
        """*value* as one line of JSON, which is exact: its control characters are escaped."""
        encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
        text = json.dumps(value, ensure_ascii=encoding != "utf8")
        self._out(f"{text.translate(JSON_ESCAPES)}\n")

    def note(self, text: str, style: str = "") -> None:
        """A line for people, on standard error; of its own, where that is where answers are."""
        if not self._at_line_start and is_terminal(sys.stdout) and is_terminal(sys.stderr):
            self.end_line()
        lines = "\n".join(wrapped(line) for line in visible(text).split("\n"))
        self._err(f"{styled(lines, style, sys.stderr)}\n")

    def aside(self, piece: str) -> None:
        """A piece of what the model thinks aloud; shown to a person only."""
        if is_terminal(sys.stderr):
            with self._lock:
                self.has_answered = True
                self._err(styled(visible(piece), DIM, sys.stderr))

    def flush(self) -> None:
        """See to it that what was written elsewhere (a help text) has arrived."""
        if sys.stdout is not None:
            self._out("")

    def _out(self, text: str) -> None:
        if sys.stdout is None:
            raise OutputFailed("standard output is closed")
        with self._lock:
            self.has_answered = self.has_answered or bool(text)
            self._clear_status()
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as exc:
            raise OutputFailed(exc.strerror or str(exc)) from exc
        if text:
            self._at_line_start = text.endswith("\n")

    def _err(self, text: str) -> None:
        with self._lock:
            self._clear_status()
            self._print_error(text)

    def _print_error(self, text: str) -> None:
        if sys.stderr is None:
            return
        with suppress(OSError):  # there is nowhere left to say it
            sys.stderr.write(text)
            sys.stderr.flush()


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person looks at *stream*."""
    return stream is not None and stream.isatty()


def styled(text: str, style: str, stream: TextIO | None) -> str:
    """*text* in bold or dim where the stream is a terminal that wants it."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if not style or plain or not is_terminal(stream):
        return text
    return f"\x1b[{style}m{text}\x1b[0m"


def wrapped(line: str) -> str:
    """*line* cut between words where it is too long for the terminal."""
    if len(line) <= width():
        return line
    cut = textwrap.wrap(line, width(), break_long_words=False, break_on_hyphens=False)
    return "\n".join(cut)


def width() -> int:
    """Columns to fill: the terminal's, or ``COLUMNS``; a pipe has no end."""
    import shutil  # --version does without

    return shutil.get_terminal_size((10_000, 24)).columns


def discard_output() -> None:
    """Point standard output at nothing, so that the interpreter's last flush can't fail."""
    with suppress(OSError, ValueError, AttributeError):  # no stream, or not a real file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)

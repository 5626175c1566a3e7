"""The command line: ``g4fsync`` and ``python -m g4fsync``."""

from __future__ import annotations

import argparse
import logging
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..errors import G4FSyncError
from . import arguments as typed
from .exits import INTERRUPTED, PIPE_CLOSED, PROVIDER, exit_code, hint
from .interrupts import LastWords, bounded
from .terminal import OutputFailed, Terminal, discard_output
from .wording import at_prompt

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; *argv* is what follows the program's name.  Returns the exit code."""
    terminal = Terminal()
    last_words = LastWords()
    last_words.add(terminal.interrupted)
    with bounded(last_words):
        try:
            code = _run(sys.argv[1:] if argv is None else argv, terminal, last_words)
            terminal.flush()
        except KeyboardInterrupt:
            last_words.say()
            code = INTERRUPTED
        except BrokenPipeError:
            discard_output()
            code = PIPE_CLOSED
        except OutputFailed as error:
            discard_output()
            terminal.note(f"g4fsync: the output can't be written: {error}")
            code = PROVIDER
    return code


def _run(argv: Sequence[str], terminal: Terminal, last_words: LastWords) -> int:
    try:
        arguments = typed.parse(argv)
    except SystemExit as exc:  # --help, --version, bad usage
        return exc.code if isinstance(exc.code, int) else 0
    try:
        with _logging_to(terminal, debug=arguments.debug):
            return _command(arguments, terminal, last_words)
    except (BrokenPipeError, OutputFailed):
        raise
    except Exception as error:  # noqa: BLE001 - no traceback ever reaches a user
        if arguments.debug:
            terminal.note("".join(traceback.format_exception(error)).rstrip())
        return _told(error, arguments, terminal)


def _told(error: Exception, arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Say what went wrong; the exit code for it."""
    if not isinstance(error, G4FSyncError):
        told = f"{type(error).__name__}: {error}"
        terminal.note(f"g4fsync: this is a mistake in g4fsync: {told} (--debug shows more)")
        return PROVIDER
    terminal.note(f"g4fsync: {at_prompt(str(error))}")
    if advice := hint(error, arguments):
        terminal.note(f"g4fsync: {advice}")
    return exit_code(error)


def _command(arguments: argparse.Namespace, terminal: Terminal, last_words: LastWords) -> int:
    # Each is imported when it is run: --help and --version cost nothing.
    if arguments.verb == "ask":
        from .ask import ask

        return ask(arguments, terminal, last_words)
    if arguments.verb == "compare":
        from .compare import compare

        return compare(arguments, terminal, last_words)
    if arguments.verb in ("providers", "models"):
        from . import listings

        show = listings.providers if arguments.verb == "providers" else listings.models
        return show(arguments, terminal)
    if arguments.verb == "keys":
        from .keys import keys

        return keys(arguments, terminal)
    if arguments.verb == "doctor":
        from .doctor import doctor

        return doctor(arguments, terminal)
    from . import local

    if arguments.verb == "demo":
        return local.demo(arguments, terminal, last_words)
    return local.emulate(arguments, terminal)


class _Log(logging.Handler):
    """The package's log on standard error, where nothing of a provider's may act."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self._terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        self._terminal.note(f"{record.name}: {self.format(record)}")


@contextmanager
def _logging_to(terminal: Terminal, *, debug: bool) -> Iterator[None]:
    log = logging.getLogger("g4fsync")
    before = log.handlers, log.level, log.propagate
    log.handlers, log.propagate = [_Log(terminal)], False
    log.setLevel(logging.DEBUG if debug else logging.WARNING)
    try:
        yield
    finally:
        log.handlers, level, log.propagate = before
        log.setLevel(level)

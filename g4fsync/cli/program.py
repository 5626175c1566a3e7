"""One command from its words to its exit code: parsed, run, and its failure said."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..errors import G4FSyncError
from . import verbs
from .exits import INTERRUPTED, PIPE_CLOSED, PROVIDER, exit_code, hint
from .interrupts import bounded
from .terminal import OutputFailed, Terminal, discard_output
from .wording import at_prompt


def run(argv: Sequence[str] | None) -> int:
    """Run one command; *argv* is what follows the program's name, ``None``: as it was started."""
    if "_ARGCOMPLETE" in os.environ:  # a shell asks, by the script that completion prints
        from .completion import complete

        complete()
    terminal = Terminal()
    terminal.exit_notes.add(terminal.interrupted)
    with bounded(terminal.exit_notes):
        try:
            code = _run(sys.argv[1:] if argv is None else argv, terminal)
            terminal.flush()
        except KeyboardInterrupt:
            terminal.exit_notes.write()
            code = INTERRUPTED
        except BrokenPipeError:
            discard_output()
            code = PIPE_CLOSED
        except OutputFailed as error:
            discard_output()
            terminal.note(f"g4fsync: the output can't be written: {error}")
            code = PROVIDER
        except Exception as error:
            if not _is_interrupt(error):
                raise
            terminal.exit_notes.write()
            code = INTERRUPTED
    return code


def _run(argv: Sequence[str], terminal: Terminal) -> int:
    try:
        arguments = verbs.parse(argv)
    except SystemExit as exc:  # --help, --version, bad usage
        return exc.code if isinstance(exc.code, int) else 0
    except BrokenPipeError:
        raise
    except OSError as exc:  # from printing the help: argparse keeps it to itself since 3.11
        raise OutputFailed(exc.strerror) from exc
    try:
        with _logging_to(terminal, debug=arguments.debug):
            return verbs.module(arguments.verb).run(arguments, terminal)
    except (BrokenPipeError, OutputFailed):
        raise
    except Exception as error:  # no traceback ever reaches a user
        if _is_interrupt(error):
            raise
        if arguments.debug:
            import traceback

            terminal.note("".join(traceback.format_exception(error)).rstrip())
        return _reported(error, arguments, terminal)


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether it was Ctrl-C: within a class being made, Python 3.11 says ``RuntimeError``."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _reported(error: Exception, arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Say what went wrong; the exit code for it."""
    if not isinstance(error, G4FSyncError):
        message = f"{type(error).__name__}: {error}"
        terminal.note(f"g4fsync: this is a mistake in g4fsync: {message} (--debug shows more)")
        return PROVIDER
    terminal.note(f"g4fsync: {at_prompt(str(error))}")
    if advice := hint(error, arguments):
        terminal.note(f"g4fsync: {advice}")
    return exit_code(error)


class _Log(logging.Handler):
    """The package's log on standard error, where nothing of a provider's may act."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self._terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        name = "g4fsync" if record.levelno >= logging.WARNING else record.name
        self._terminal.note(f"{name}: {at_prompt(self.format(record))}")


@contextmanager
def _logging_to(terminal: Terminal, *, debug: bool) -> Iterator[None]:
    log = logging.getLogger("g4fsync")
    before = log.handlers, log.level, log.propagate
    handler = _Log(terminal)
    log.handlers, log.propagate = [handler], False
    for each in (log, handler):
        each.setLevel(logging.DEBUG if debug else logging.WARNING)
    try:
        yield
    finally:
        log.handlers, level, log.propagate = before
        log.setLevel(level)

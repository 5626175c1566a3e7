"""``g4fsync chat``: a talk of many turns at the terminal."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .. import registry
from ..errors import G4FSyncError
from . import kept, options
from .commands import COMMANDS, Talk
from .editor import Editor
from .exits import CUT_SHORT, exit_code
from .input import model_from, system_from
from .output import PrintedAnswer
from .terminal import Terminal, is_terminal
from .wording import at_prompt

if TYPE_CHECKING:
    from ..call.stream import ChatStream

EPILOG = "\n".join(
    [
        "while talking:",
        *(f"  {usage:16} {what}" for usage, what in COMMANDS.values()),
        "",
        "Ctrl-C stops an answer, not the program; what came of it stays, and /retry asks",
        "again. Several lines can be pasted at once; a line that ends in a backslash goes",
        "on in the next.",
        "",
        "exit status: 0; where lines are piped in, that of the last one that failed",
    ]
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    options.add_model(parser)
    options.add_request(parser)
    options.add_timeout(parser, "for each complete answer")
    options.add_network(parser)
    options.add_cookies(parser)
    options.add_base_url(parser)
    kept.add_continue(parser)
    kept.add_log(parser)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Talk until the user leaves."""
    from ..client import Client

    found = kept.earlier(arguments)
    model = arguments.model or (found.model if found is not None else None)
    model = model_from(model)
    provider, name = registry.split(model)
    names = [provider.name]
    base_urls = options.by_provider("--base-url", arguments.base_urls, names, others_later=True)
    provider(base_urls.get(provider.name)).model_name(name)  # raises for a model there is none of
    archive = kept.log_of(arguments)
    client = Client(
        model,
        proxy=arguments.proxy,
        verify=arguments.ca or True,
        retry=options.retry_from(arguments.retries),
        base_urls=base_urls,
        cookies=options.by_provider("--cookies", arguments.cookies, names, others_later=True),
        archive=archive,
        cache=kept.cache_of(arguments),
    )
    talk = Talk(
        kept.conversation(client, found, system_from(arguments.system)),
        model,
        terminal,
    )
    talk.now.options.update(options.options_from(arguments.options))
    talk.now.options.update(timeout=arguments.timeout)
    with client, _own_interrupts():
        _greet(talk, terminal)
        code = _turns(talk, Editor(keeps_history=archive is not None), terminal)
    return 0 if is_terminal(sys.stdin) else code


def _greet(talk: Talk, terminal: Terminal) -> None:
    if not is_terminal(sys.stdin):
        return
    known = f", {len(talk.now.messages)} messages" if talk.now.messages else ""
    terminal.note(f"{talk.model}{known}; /help shows what can be typed, Ctrl-D leaves")
    if talk.now.pending is not None:
        terminal.note(f"not answered yet: {talk.now.pending.question}\n/retry asks it again")


def _turns(talk: Talk, editor: Editor, terminal: Terminal) -> int:
    """Take lines until there are no more; the exit code of the last one that failed."""
    code = 0
    with editor:
        while True:
            try:
                text = editor.read()
                if text is None:
                    return code
                stream = talk.obey(text)
                if stream is not None:
                    code = _answer(stream, terminal) or code
                if talk.is_over:
                    return code
            except KeyboardInterrupt:
                terminal.end_line()
                terminal.note("(Ctrl-D or /quit leaves)")
            except G4FSyncError as error:  # what was typed is wrong
                terminal.note(f"g4fsync: {at_prompt(str(error))}")
                code = exit_code(error)


def _answer(stream: ChatStream, terminal: Terminal) -> int:
    """Show one answer; Ctrl-C ends it and nothing else.  The exit code for it."""
    answer = PrintedAnswer(terminal)
    try:
        with stream:
            for event in stream.events():
                answer.event(event)
        answer.completed(stream)
    except KeyboardInterrupt:
        terminal.end_line()
        terminal.note("g4fsync: stopped; /retry asks again")
    except G4FSyncError as error:
        answer.failed(stream, error)
        terminal.note(f"g4fsync: {at_prompt(str(error))}\ng4fsync: /retry asks again")
        return exit_code(error)
    return CUT_SHORT if stream.finish_reason == "length" else 0


@contextmanager
def _own_interrupts() -> Iterator[None]:
    """Ctrl-C raises ``KeyboardInterrupt`` as often as it is pressed, and ends nothing else."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    ):
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

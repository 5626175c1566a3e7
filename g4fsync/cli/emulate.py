"""``g4fsync emulate``: local stand-ins of the providers."""

from __future__ import annotations

import argparse
import shlex
import threading
from collections.abc import Callable, Iterable
from contextlib import closing

from .. import emulator as rooms, registry
from ..emulator import Emulator, Fault, Messages, words
from ..errors import InvalidRequest
from . import options
from .emulated import WITHOUT_WEBSOCKETS, cookies
from .terminal import Terminal

EPILOG = """\
Lines to paste into another shell go to standard output, all else to standard
error. Any model's name will do.

what may go wrong:
  429, 503 or any status      the server says no; 429:2 says when to come again
  cut[:BYTES]                 the connection breaks in the middle
  stall[:BYTES]               nothing more comes
  hang                        no answer begins
  garbage                     bytes that the protocol does not allow
  error                       an error in the middle of the answer
  truncate                    a clean end without the protocol's end mark
  trickle                     a byte at a time
"""
_MAX_STATUS = 599


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    options.add_rate(parser, None, "as fast as can be")
    parser.add_argument(
        "--port", type=options.count, default=0, metavar="N", help="default: a free one"
    )
    parser.add_argument(
        "--fault",
        dest="faults",
        type=fault,
        action="append",
        default=[],
        metavar="FAULT",
        help="what goes wrong; repeated: with each answer the next, then none",
    )
    parser.add_argument(
        "--latency", type=float, default=0.0, metavar="SECONDS", help="before the first token"
    )
    parser.add_argument(
        "--reply", metavar="TEXT", help="what is answered; default: the question, repeated"
    )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Serve until interrupted."""
    if not 0 <= arguments.latency < threading.TIMEOUT_MAX:
        raise InvalidRequest("--latency must be seconds from 0")
    running = Emulator(
        _reply(arguments.reply),
        tokens_per_second=arguments.tokens_per_second,
        port=arguments.port,
        any_model=True,
    )
    try:
        running.start()
    except (OSError, OverflowError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise InvalidRequest(f"--port {arguments.port}: {reason}") from exc
    with closing(running) as emulator:
        for side in emulator.far_sides.values():
            side.latency = arguments.latency
            if len(arguments.faults) == 1:
                side.fault = arguments.faults[0]
            else:
                side.faults = list(arguments.faults)
        _tell(emulator, terminal)
        threading.Event().wait()
    return 0


def _tell(emulator: Emulator, terminal: Terminal) -> None:
    for name, url in emulator.base_urls.items():
        provider = registry.provider_class(name)
        if not provider.base_url_variables:
            terminal.note(f"{name:14}{url}")
    if "myshell" not in emulator.base_urls:
        terminal.note(f"{'myshell':14}{WITHOUT_WEBSOCKETS}")
    for name, wanted in cookies(emulator).items():
        for cookie, value in wanted.items():
            terminal.note(f"{name} wants the cookie {cookie}={value}")
    terminal.note("")
    for name, url in emulator.base_urls.items():
        provider = registry.provider_class(name)
        for variable in provider.base_url_variables[:1]:
            terminal.line(f"export {variable}={shlex.quote(url)}")
        if provider.base_url_variables and provider.needs_key:
            terminal.line(f"export {provider.key_variables[0]}={shlex.quote(emulator.api_key)}")
    url = emulator.base_urls["koala"]
    terminal.note('\nPaste these, then: g4fsync -m openai:any "Hello"')
    terminal.note(f'Or: g4fsync -m koala --base-url {url} "Hello"')
    terminal.note("Ctrl-C ends it.")


def _reply(text: str | None) -> Callable[[Messages], Iterable[str]] | None:
    return None if text is None else lambda messages: words(text)


def fault(text: str) -> Fault:
    """What ``--fault`` names."""
    name, _, rest = text.partition(":")
    number = float(rest) if rest.replace(".", "", 1).isdigit() and rest.isascii() else None
    if name.isdigit() and 400 <= int(name) <= _MAX_STATUS and (number is not None or not rest):
        return rooms.Status(int(name), retry_after=number)
    after = int(number) if number is not None else 60
    made: dict[str, Fault] = {
        "cut": rooms.Cut(after_bytes=after),
        "stall": rooms.Stall(after_bytes=after),
        "hang": rooms.HangBeforeHeaders(),
        "garbage": rooms.Garbage(),
        "error": rooms.InBandError(),
        "truncate": rooms.NoEndMark(),
        "trickle": rooms.Trickle(),
    }
    takes_number = name in ("cut", "stall")
    if name not in made or (rest and (number is None or not takes_number)):
        raise argparse.ArgumentTypeError(
            f"must be a status, {', '.join(made)}; cut and stall may have :BYTES, got {text!r}"
        )
    return made[name]

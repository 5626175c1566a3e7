"""``g4fsync compare``: one prompt, several models, their answers side by side."""

from __future__ import annotations

import argparse
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .. import registry
from ..call.stream import ChatStream
from ..client import Client
from ..errors import G4FSyncError, InvalidRequest
from ..fanout.comparison import Comparison
from . import kept, options
from .exits import PROVIDER, SOME_FAILED
from .input import check_model, no_model, question, system_from
from .output import EventLines, OneObject, PrintedAnswer, plain, show
from .terminal import Terminal, is_terminal
from .views import Blocks, Lines, Object, View

EPILOG = """\
On a terminal the answers fill side by side (with rich: pip install
"g4fsync[cli]"), elsewhere they follow one another under headings.

exit status:
  0 all answered       5 some failed        1 all failed
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    options.add_prompt(parser)
    options.add_models(parser)
    options.add_request(parser)
    options.add_timeout(parser, "for all together")
    options.add_network(parser)
    options.add_cookies(parser)
    options.add_base_url(parser)
    kept.add_log(parser)
    parser.add_argument("--race", action="store_true", help="only the answer that begins first")
    parser.add_argument(
        "--save",
        metavar="FILE",
        help="write all answers, as the name ends: .html (a page), .md, .json, .jsonl, .csv",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object at the end")
    form.add_argument("--jsonl", action="store_true", help="print each event as a line of JSON")


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Ask all of them, and print the answers in the form that was chosen."""
    prompt = question(arguments)
    if not arguments.models:
        raise no_model("no models: give -m PROVIDER:MODEL, once for each")
    if arguments.save and arguments.race:
        raise InvalidRequest("--save is for all answers, --race for one")
    given: dict[str, Any] = {
        "system": system_from(arguments.system),
        "timeout": arguments.timeout,
        **options.options_from(arguments.options),
    }
    for each in arguments.models:
        check_model(each)
    names = [registry.split(each)[0].name for each in arguments.models]
    client = Client(
        retry=options.retry_from(arguments.retries),
        proxy=arguments.proxy,
        verify=arguments.ca or True,
        base_urls=options.by_provider("--base-url", arguments.base_urls, names),
        cookies=options.by_provider("--cookies", arguments.cookies, names),
        archive=kept.log_of(arguments),
        cache=kept.cache_of(arguments),
    )
    with client:
        if arguments.race:
            stream = client.race(prompt, arguments.models, **given)
            show(stream, _race_form(arguments)(terminal))
            return 0
        path = None if arguments.save is None else _writable(arguments.save)
        comparison = client.compare(prompt, arguments.models, **given)
        side_by_side(comparison, _form(arguments, terminal, comparison), terminal)
    if path is not None:
        comparison.save(path)
        terminal.note(f"saved as {path}")
    return code(comparison)


def _writable(name: str) -> Path:
    """The file to write, which must be of a known form and writable before anything is asked."""
    from ..fanout.report import checked_path

    path = checked_path(name)
    is_new = not path.exists()
    try:
        path.open("a").close()
        if is_new:
            path.unlink()
    except OSError as exc:
        raise InvalidRequest(f"{name}: {exc.strerror or exc}") from exc
    return path


def code(comparison: Comparison) -> int:
    """The exit code for how the lanes ended."""
    failed = [isinstance(result, G4FSyncError) for result in comparison.results]
    if all(failed):
        return PROVIDER
    return SOME_FAILED if any(failed) else 0


def side_by_side(comparison: Comparison, view: View, terminal: Terminal) -> None:
    """Run *comparison* before the user's eyes."""
    terminal.exit_notes.add(view.interrupted)
    view.open()
    try:
        with comparison:
            for lane, item in comparison.events():
                view.take(lane, item)
    except Exception:
        view.close()  # a terminal must not be left without its cursor
        raise
    view.close()


def _form(arguments: argparse.Namespace, terminal: Terminal, comparison: Comparison) -> View:
    if arguments.json:
        return Object(terminal, comparison)
    if arguments.jsonl:
        return Lines(terminal, comparison)
    return for_people(terminal, comparison)


def for_people(terminal: Terminal, comparison: Comparison, remark: str = "") -> View:
    """Columns that fill, where there is a terminal and rich to draw them; else blocks."""
    dumb = os.environ.get("TERM") in ("dumb", None)
    if is_terminal(sys.stdout) and not dumb and find_spec("rich") is not None:
        from .columns import Columns

        return Columns(terminal, comparison, remark)
    return Blocks(terminal, comparison)


class Winner(PrintedAnswer):
    """The answer that began first, and whom it has beaten."""

    def completed(self, stream: ChatStream) -> None:
        super().completed(stream)
        others = ", ".join(dict.fromkeys(f"{each.provider}:{each.model}" for each in stream.losers))
        self.terminal.note(
            f"{stream.provider}:{stream.model} began first, "
            f"after {stream.first_token_seconds or 0:.2f} s; asked too: {others or 'nobody'}"
        )


class WinnerObject(OneObject):
    """The same as one JSON object."""

    def completed(self, stream: ChatStream) -> None:
        self.terminal.json({**plain(stream.result()), "losers": plain(stream.losers)})


def _race_form(arguments: argparse.Namespace) -> type[PrintedAnswer]:
    if arguments.json:
        return WinnerObject
    return EventLines if arguments.jsonl else Winner

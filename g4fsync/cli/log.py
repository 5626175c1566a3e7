"""``g4fsync log``: what was asked and answered, once the user has said ``log on``."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, InvalidRequest
from . import kept
from .options import add_action, add_actions
from .tables import table
from .terminal import OutputFailed, Terminal, width

if TYPE_CHECKING:
    from ..archive.records import ArchivedCall, Cost
    from ..archive.store import Archive

EPILOG = """\
The log is off until g4fsync log on. Then it has every word that came, also of
answers that were interrupted; no key, cookie or password. g4fsync -c "..."
goes on with the newest conversation, --cid ID with any.

for those who come from llm:
  llm chat, -c, --cid         g4fsync chat, -c, --cid
  llm logs, logs on           g4fsync log, log on
  llm -t NAME, --save NAME    g4fsync --template NAME, a file in templates/
  llm aliases set NAME MODEL  g4fsync config set alias.NAME MODEL
"""
ACTIONS = {
    "list": "list the newest calls (the default)",
    "show": "show a call, the newest of a conversation, or all that were asked together",
    "search": "find calls by words in question or answer",
    "cost": "count calls and tokens, by model or by day",
    "export": "print all calls as lines of JSON",
    "prune": "delete what is older than so many days",
    "path": "print where the log is",
    "on": "keep a log from now on",
    "off": "keep none any more; what is there stays",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    actions = add_actions(parser)
    actions.required = False
    parser.set_defaults(action="list", limit=20, model=None, since=None, parent=None, json=False)
    for name, what in ACTIONS.items():
        action = add_action(actions, name, what)
        if name == "show":
            action.add_argument("id", nargs="?", metavar="ID", help="default: the newest")
        if name == "search":
            action.add_argument("words", nargs="+", metavar="WORD")
        _add_choice(name, action)
        if name == "cost":
            action.add_argument("--by", choices=("model", "day"), default="model")
        if name in ("list", "search", "show", "cost"):
            action.add_argument("--json", action="store_true", help="print lines of JSON")
        if name == "prune":
            action.add_argument("--days", type=_days, required=True, metavar="N")


def _add_choice(name: str, action: argparse.ArgumentParser) -> None:
    """Which calls the action *name* is about."""
    if name in ("list", "search"):
        action.add_argument(
            "-n", "--limit", type=_count, default=20, metavar="N", help="default: 20"
        )
        action.add_argument(
            "--parent", metavar="ID", help="only those asked together, as show tells it"
        )
    if name in ("list", "search", "export"):
        action.add_argument("-m", "--model", metavar="MODEL", help="only of this one")
    if name in ("list", "search", "export", "cost"):
        action.add_argument(
            "--since", type=_since, metavar="WHEN", help="a date, or 7d, 12h for so long ago"
        )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Run one of the actions."""
    if arguments.action == "path":
        terminal.line(str(kept.log_path()))
        return 0
    if arguments.action in ("on", "off"):
        _switch(arguments.action == "on", terminal)
        return 0
    if not kept.log_path().exists():
        state = "it is empty so far" if kept.is_on() else "g4fsync log on keeps one"
        terminal.note(f"g4fsync: no log: {state}")
        return 0
    return _RUN[arguments.action](arguments, terminal)


def _switch(on: bool, terminal: Terminal) -> None:
    path = kept.switch_path()
    try:
        if on:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        else:
            with suppress(FileNotFoundError):
                path.unlink()
    except OSError as exc:
        raise ConfigurationError(f"{path}: {exc.strerror}") from exc
    state = "on" if on else "off"
    terminal.note(f"g4fsync: the log is {state}: {kept.log_path()}")


def _list(arguments: argparse.Namespace, terminal: Terminal) -> int:
    words = " ".join(getattr(arguments, "words", ()))
    calls = kept.log().search(
        words,
        model=arguments.model,
        since=arguments.since,
        parent=arguments.parent and arguments.parent.upper(),
        limit=arguments.limit,
    )
    if arguments.json:
        for call in calls:
            terminal.json(_fields(call))
        return 0
    if not calls:
        terminal.note("g4fsync: nothing found")
        return 1 if words else 0
    rows = [
        (call.id, _moment(call.started), f"{call.provider}:{call.model}", _short(call))
        for call in calls
    ]
    terminal.line(table(("ID", "WHEN", "MODEL", "QUESTION"), rows, width()))
    return 0


def _short(call: ArchivedCall) -> str:
    question = " ".join(call.question.split())
    question = question if len(question) <= 60 else f"{question[:59]}…"
    return question if call.state == "complete" else f"[{call.state}] {question}"


def _show(arguments: argparse.Namespace, terminal: Terminal) -> int:
    calls = _meant(kept.log(), arguments.id)
    if not calls:
        terminal.note("g4fsync: the log is empty")
        return 1
    for number, call in enumerate(calls):
        if arguments.json:
            terminal.json(_fields(call))
            continue
        if number:
            terminal.line("")
        _tell(call, terminal)
    return 0


def _meant(archive: Archive, id: str | None) -> list[ArchivedCall]:
    """The calls that *id* stands for, the oldest first; without one the newest call."""
    if id is None:
        return archive.calls(limit=1)
    together = archive.calls(parent=id.upper(), limit=None)
    if together:
        return together[::-1]
    try:
        return [archive.call(id)]
    except InvalidRequest:
        # Perhaps it is a conversation; then its newest call.
        try:
            found = archive.conversation(id)
        except InvalidRequest:
            raise InvalidRequest(f"the log has no call or conversation {id!r:.80}") from None
        return [c for c in archive.calls(limit=None) if c.conversation == found.id][:1]


def _tell(call: ArchivedCall, terminal: Terminal) -> None:
    terminal.line(f"{call.id}  {_moment(call.started)}  {call.provider}:{call.model}")
    facts = [call.state if call.error is None else f"{call.state}: {call.error}"]
    if call.cached:
        facts.append("from the cache")
    if call.seconds is not None:
        facts.append(f"{call.seconds:.1f} s")
    if call.usage is not None:
        counts = call.usage.input_tokens, call.usage.output_tokens
        facts.append("{} tokens in, {} out".format(*("?" if n is None else n for n in counts)))
    if call.conversation != call.id:
        facts.append(f"conversation {call.conversation}")
    if call.parent is not None:
        facts.append(f"asked together as {call.parent}")
    terminal.line(", ".join(facts))
    for heading, text in (("question", call.question), ("answer", call.text)):
        terminal.line(f"\n{heading}:\n{text}")


def _cost(arguments: argparse.Namespace, terminal: Terminal) -> int:
    costs = kept.log().cost(arguments.by, since=arguments.since)
    if arguments.json:
        for cost in costs:
            terminal.json({name: getattr(cost, name) for name in cost.__dataclass_fields__})
        return 0
    headings = (arguments.by.upper(), "CALLS", "COUNTED", "IN", "OUT", "SECONDS")
    terminal.line(table(headings, [_cost_row(cost) for cost in costs], width()))
    return 0


def _cost_row(cost: Cost) -> tuple[str, ...]:
    numbers = cost.calls, cost.counted, cost.input_tokens, cost.output_tokens
    return cost.key, *map(str, numbers), f"{cost.seconds:.1f}"


def _export(arguments: argparse.Namespace, terminal: Terminal) -> int:
    try:
        kept.log().export(sys.stdout, model=arguments.model, since=arguments.since)
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise OutputFailed(exc.strerror or str(exc)) from exc
    terminal.flush()
    return 0


def _prune(arguments: argparse.Namespace, terminal: Terminal) -> int:
    count = kept.log().prune(arguments.days)
    terminal.note(f"g4fsync: {count} calls deleted")
    return 0


_RUN = {
    "list": _list,
    "search": _list,
    "show": _show,
    "cost": _cost,
    "export": _export,
    "prune": _prune,
}


def _fields(call: ArchivedCall) -> dict[str, Any]:
    fields = {name: getattr(call, name) for name in call.__dataclass_fields__}
    usage = call.usage
    fields["usage"] = usage and {n: getattr(usage, n) for n in usage.__dataclass_fields__}
    return fields


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def _since(text: str) -> datetime:
    units = {"d": "days", "h": "hours", "m": "minutes"}
    try:
        if text[-1:] in units:
            ago = timedelta(**{units[text[-1]]: float(text[:-1])})
            return datetime.now().astimezone() - ago
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"must be a date like 2026-11-25, or 7d, 12h, got {text!r}"
        ) from None


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = -1.0
    if not days >= 0:
        raise argparse.ArgumentTypeError(f"must be a number from 0, got {text!r}")
    return days


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, got {text!r}")
    return int(text)

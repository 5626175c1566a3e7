"""``g4fsync compare``: one prompt, several models, their answers side by side."""

from __future__ import annotations

import argparse
import os
import sys
from collections import deque
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from .. import registry
from ..client import Client
from ..errors import Cancelled, ConfigurationError, G4FSyncError, InvalidRequest
from ..events import Event, Text
from ..fanout.comparison import HEADINGS, Comparison, row
from ..fanout.crew import Lane
from ..messages import ChatResult
from ..stream import ChatStream
from .ask import (
    Answer,
    EventLines,
    OneObject,
    encodable,
    options_from,
    plain,
    prompt_from,
    show,
    told_event,
    told_failure,
)
from .exits import PROVIDER, SOME_FAILED
from .interrupts import LastWords
from .tables import table
from .terminal import BOLD, Terminal, is_terminal, width


def compare(arguments: argparse.Namespace, terminal: Terminal, last_words: LastWords) -> int:
    """Ask all of them, and print the answers in the form that was chosen."""
    prompt = prompt_from(arguments.prompt)
    if not arguments.models:
        raise ConfigurationError(
            "no models: give -m PROVIDER or -m PROVIDER:MODEL, once for each; "
            f"there are {', '.join(registry.provider_names())}"
        )
    if arguments.save and arguments.race:
        raise InvalidRequest("--save is for all answers, --race for one")
    given: dict[str, Any] = {
        "system": encodable("the system text", arguments.system),
        "timeout": arguments.timeout,
        **options_from(arguments.options),
    }
    client = Client(
        proxy=arguments.proxy,
        base_urls=dict(arguments.base_url),
        cookies=dict(arguments.cookies),
    )
    with client:
        if arguments.race:
            stream = client.race(prompt, arguments.models, **given)
            show(stream, _race_form(arguments)(terminal), last_words)
            return 0
        page = None if arguments.save is None else _page(arguments.save)
        comparison = client.compare(prompt, arguments.models, **given)
        arrivals = side_by_side(comparison, _form(arguments, terminal, comparison), last_words)
    if page is not None:
        from .report import report

        page.write_text(report(prompt, comparison.lanes, arrivals), encoding="utf-8")
        terminal.note(f"saved as {page}")
    return code(comparison)


def _page(name: str) -> Path:
    """The file to write, which must be writable before anything is asked."""
    page = Path(name)
    try:
        page.open("a").close()
    except OSError as exc:
        raise InvalidRequest(f"{name}: {exc.strerror or exc}") from exc
    return page


def code(comparison: Comparison) -> int:
    """The exit code for how the lanes ended."""
    failed = [isinstance(result, G4FSyncError) for result in comparison.results]
    if all(failed):
        return PROVIDER
    return SOME_FAILED if any(failed) else 0


Arrivals = dict[Lane, list[tuple[float, int]]]  # seconds, and characters so far


def side_by_side(comparison: Comparison, view: View, last_words: LastWords) -> Arrivals:
    """Run *comparison* before the user's eyes; when which of its text came."""
    arrivals: Arrivals = {lane: [] for lane in comparison.lanes}
    last_words.add(view.close)
    view.open()
    with comparison:
        for lane, item in comparison.events():
            if isinstance(item, Text):
                before = arrivals[lane][-1][1] if arrivals[lane] else 0
                arrivals[lane].append((lane.stream.seconds, before + len(item.text)))
            view.take(lane, item)
    view.close()
    return arrivals


class View(Protocol):
    """How several answers are shown."""

    def open(self) -> None:
        """They are about to come."""

    def take(self, lane: Lane, item: Event | ChatResult | G4FSyncError) -> None:
        """Something has come, at last the lane's result."""

    def close(self) -> None:
        """Nothing more will come, perhaps because of Ctrl-C; called again it does nothing."""


class Blocks:
    """One answer below the other, the first unfinished one as it comes."""

    def __init__(self, terminal: Terminal, comparison: Comparison) -> None:
        self._terminal = terminal
        self._lanes = comparison.lanes
        self._waiting = deque(comparison.lanes)
        self._shown = 0  # characters of the first of them
        self._headed = self._closed = False

    def open(self) -> None:
        pass

    def take(self, lane: Lane, item: Event | ChatResult | G4FSyncError) -> None:
        if self._waiting and lane is self._waiting[0]:
            self._catch_up()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._catch_up()
        for lane in tuple(self._waiting):  # interrupted
            self._show(lane)
            self._end()
        summary(self._terminal, self._lanes)

    def _catch_up(self) -> None:
        while self._waiting:
            ended = self._waiting[0].result is not None  # asked first: then the text is whole
            self._show(self._waiting[0])
            if not ended:
                return
            self._end()

    def _show(self, lane: Lane) -> None:
        text = lane.stream.text[self._shown :]
        if not self._headed and (text or lane.result is not None):
            self._headed = True
            blank = "" if lane.position == 0 else "\n"
            self._terminal.line(f"{blank}== {lane} ==")
        self._terminal.write(text)
        self._shown += len(text)

    def _end(self) -> None:
        self._terminal.end_line()
        self._waiting.popleft()
        self._shown, self._headed = 0, False


class Object:
    """All results as one JSON object, in the order asked."""

    def __init__(self, terminal: Terminal, comparison: Comparison) -> None:
        self.terminal = terminal
        self.lanes = comparison.lanes
        self._closed = False

    def open(self) -> None:
        pass

    def take(self, lane: Lane, item: Event | ChatResult | G4FSyncError) -> None:
        pass

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.terminal.json({"lanes": [_told(lane) for lane in self.lanes]})


class Lines:
    """Each event of a lane as a line of JSON; the last tells the result or the error."""

    def __init__(self, terminal: Terminal, comparison: Comparison) -> None:
        self._terminal = terminal
        self._unended = dict.fromkeys(comparison.lanes)

    def open(self) -> None:
        pass

    def take(self, lane: Lane, item: Event | ChatResult | G4FSyncError) -> None:
        if isinstance(item, ChatResult | G4FSyncError):
            self._end(lane)
        else:
            self._terminal.json({"lane": lane, **told_event(item)})

    def close(self) -> None:
        for lane in tuple(self._unended):
            self._end(lane)

    def _end(self, lane: Lane) -> None:
        if lane in self._unended:
            del self._unended[lane]
            event = "result" if isinstance(lane.result, ChatResult) else "error"
            self._terminal.json({"event": event, **_told(lane)})


def _told(lane: Lane) -> dict[str, Any]:
    if isinstance(lane.result, ChatResult):
        return {"lane": lane, **plain(lane.result)}
    error = lane.result or Cancelled("interrupted")
    return {"lane": lane, **told_failure(lane.stream, error)}


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


def summary(terminal: Terminal, lanes: tuple[Lane, ...]) -> None:
    """A table of all lanes, and what went wrong, on standard error."""
    for lane in lanes:
        if isinstance(lane.result, G4FSyncError):
            error = lane.result
            terminal.note(f"g4fsync: {lane}: {type(error).__name__}: {error}")
    headings = [heading.upper() for heading in HEADINGS]
    head, *lines = table(headings, [row(lane) for lane in lanes], width()).splitlines()
    terminal.note(f"\n{head}", BOLD)
    for line in lines:
        terminal.note(line)


class Winner(Answer):
    """The answer that began first, and whom it has beaten."""

    def whole(self, stream: ChatStream) -> None:
        super().whole(stream)
        others = ", ".join(dict.fromkeys(attempt.provider for attempt in stream.losers))
        self.terminal.note(
            f"{stream.provider}:{stream.model} began first, "
            f"after {stream.first_token_seconds or 0:.2f} s; asked too: {others or 'nobody'}"
        )


class WinnerObject(OneObject):
    """The same as one JSON object."""

    def whole(self, stream: ChatStream) -> None:
        self.terminal.json({**plain(stream.result()), "losers": plain(stream.losers)})


def _race_form(arguments: argparse.Namespace) -> type[Answer]:
    if arguments.json:
        return WinnerObject
    return EventLines if arguments.jsonl else Winner

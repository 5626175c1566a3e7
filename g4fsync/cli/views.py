"""How several answers are shown as text or as JSON; in columns: :mod:`.columns`."""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from ..errors import Cancelled, G4FSyncError, unlabelled
from ..events import Event
from ..fanout.comparison import Comparison
from ..fanout.progress import HEADINGS, row
from ..fanout.workers import Lane
from ..messages import ChatResult
from .output import event_fields, failure_fields, plain
from .tables import table
from .terminal import BOLD, Terminal, width
from .wording import at_prompt


class View(Protocol):
    """How several answers are shown."""

    def open(self) -> None:
        """They are about to come."""

    def take(self, lane: Lane, item: Event | ChatResult | G4FSyncError) -> None:
        """Something has come, at last the lane's result."""

    def close(self) -> None:
        """Nothing more will come; called again it does nothing."""

    def interrupted(self) -> None:
        """The same because of Ctrl-C, perhaps from another thread."""


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

    def interrupted(self) -> None:
        self.close()

    def _catch_up(self) -> None:
        while self._waiting:
            ended = self._waiting[0].result is not None  # asked first: then the text is complete
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
            self.terminal.json({"lanes": [_lane_fields(lane) for lane in self.lanes]})

    def interrupted(self) -> None:
        self.close()


class Lines:
    """Each event of a lane as a line of JSON; the last has the result or the error."""

    def __init__(self, terminal: Terminal, comparison: Comparison) -> None:
        self._terminal = terminal
        self._unended = dict.fromkeys(comparison.lanes)

    def open(self) -> None:
        pass

    def take(self, lane: Lane, item: Event | ChatResult | G4FSyncError) -> None:
        if isinstance(item, ChatResult | G4FSyncError):
            self._end(lane)
        else:
            self._terminal.json({"lane": lane, **event_fields(item)})

    def close(self) -> None:
        for lane in tuple(self._unended):
            self._end(lane)

    def interrupted(self) -> None:
        self.close()

    def _end(self, lane: Lane) -> None:
        if lane in self._unended:
            del self._unended[lane]
            event = "result" if isinstance(lane.result, ChatResult) else "error"
            self._terminal.json({"event": event, **_lane_fields(lane)})


def _lane_fields(lane: Lane) -> dict[str, Any]:
    if isinstance(lane.result, ChatResult):
        return {"lane": lane, **plain(lane.result)}
    error = lane.result or Cancelled("interrupted")
    return {"lane": lane, **failure_fields(lane.stream, error)}


def summary(terminal: Terminal, lanes: tuple[Lane, ...]) -> None:
    """A table of all lanes, and what went wrong, on standard error."""
    for lane in lanes:
        if isinstance(lane.result, G4FSyncError):
            error = lane.result
            why = at_prompt(unlabelled(error))
            terminal.note(f"g4fsync: {lane}: {type(error).__name__}: {why}")
    headings = [heading.upper() for heading in HEADINGS]
    head, *lines = table(headings, [row(lane) for lane in lanes], width()).splitlines()
    terminal.note(f"\n{head}", BOLD)
    for line in lines:
        terminal.note(line)

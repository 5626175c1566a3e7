"""Answers side by side in a terminal, filling as they come; drawn by rich."""

from __future__ import annotations

import os
import sys
import threading
from math import ceil

from rich.console import Console, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ..errors import Cancelled, G4FSyncError, unlabelled
from ..events import Event
from ..fanout.comparison import Comparison
from ..fanout.workers import Lane
from ..messages import ChatResult
from .terminal import Terminal, visible
from .views import summary
from .wording import at_prompt

NARROWEST = 24  # columns of a panel; with less, panels are stacked
FRAME = 4  # columns that a panel's border and padding take
# Columns left free at the right: a terminal echoes ^C where the cursor stands, and when
# that begins a line of its own, the frame that is to be replaced is no longer where it was.
MARGIN = 2
PER_SECOND = 12  # frames


class Columns:
    """A panel for each answer; while they come each shows its end, at last all of it."""

    def __init__(self, terminal: Terminal, comparison: Comparison, remark: str = "") -> None:
        self._terminal = terminal
        self._lanes = comparison.lanes
        self._remark = remark  # behind each title
        self._console = Console(
            file=sys.stdout,
            highlight=False,
            emoji=False,
            # Without colour rich would still write in bold.
            color_system=None if os.environ.get("NO_COLOR") else "auto",
        )
        self._live = Live(
            console=self._console,
            get_renderable=lambda: live_frame(self._console, self._lanes, self._remark),
            refresh_per_second=PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._lock = threading.Lock()  # guards _closed: Ctrl-C may close from another thread
        self._closed = False

    def open(self) -> None:
        self._live.start()

    def take(self, lane: Lane, item: Event | ChatResult | G4FSyncError) -> None:
        pass  # the frames are drawn in their own time

    def close(self) -> None:
        if self._draw_last_frame():
            summary(self._terminal, self._lanes)

    def interrupted(self) -> None:
        self._draw_last_frame()  # it says all of it: no table, and no line for each lane

    def _draw_last_frame(self) -> bool:
        """Whether it had still to be drawn."""
        with self._lock:
            if self._closed:
                return False
            self._closed = True
        self._live.stop()
        self._console.print(complete_frame(self._console, self._lanes, self._remark))
        return True


def complete_frame(console: Console, lanes: tuple[Lane, ...], remark: str = "") -> RenderableType:
    """All answers in full."""
    panels = [_panel(lane, remark, _text(lane)) for lane in lanes]
    return _grid(console, panels, *_shape(console, lanes))


def live_frame(console: Console, lanes: tuple[Lane, ...], remark: str = "") -> RenderableType:
    """What fits into the window: the end of each answer."""
    across, down = _shape(console, lanes)
    columns = max(1, (console.width - MARGIN) // across - FRAME)
    most = max(1, (console.height - 1) // down - 2)
    # Of a long answer only what can be seen is worth wrapping.
    bodies = [_text(lane, 4 * columns * most).wrap(console, columns) for lane in lanes]
    height = min(most, max(map(len, bodies)))
    panels = [
        _panel(lane, remark, Text("\n").join(lines[-height:]), height + 2)
        for lane, lines in zip(lanes, bodies, strict=True)
    ]
    return _grid(console, panels, across, down)


def _shape(console: Console, lanes: tuple[Lane, ...]) -> tuple[int, int]:
    """How many panels stand side by side, and in how many rows."""
    down = ceil(len(lanes) / max(1, console.width // NARROWEST))
    return ceil(len(lanes) / down), down


def _grid(console: Console, panels: list[Panel], across: int, down: int) -> Constrain:
    grid = Table.grid(expand=True)
    for _ in range(across):
        grid.add_column(ratio=1)
    for first in range(0, across * down, across):
        grid.add_row(*panels[first : first + across])
    return Constrain(grid, max(1, console.width - MARGIN))


def _panel(lane: Lane, remark: str, body: Text, height: int | None = None) -> Panel:
    state, style = _state(lane)
    title = Text(f"{visible(lane)}{remark}", style="bold")
    return Panel(body, title=title, subtitle=Text(state, style), border_style=style, height=height)


def _text(lane: Lane, last: int = 0) -> Text:
    """The answer so far, or its *last* characters, as what may be shown; then what failed."""
    text = Text(visible(lane.stream.text[-last:]).expandtabs(8), overflow="fold")
    # Who pressed Ctrl-C knows why; the line below the panel says it in a word.
    if isinstance(lane.result, G4FSyncError) and not isinstance(lane.result, Cancelled):
        error = visible(f"{type(lane.result).__name__}: {at_prompt(unlabelled(lane.result))}")
        text.append(f"\n{error}" if text else error, style="red")
    return text


def _state(lane: Lane) -> tuple[str, str]:
    """A few words below the panel, and their style."""
    stream, result = lane.stream, lane.result
    if isinstance(result, Cancelled):
        return f"Cancelled, {stream.seconds:.1f} s", "dim"
    if isinstance(result, G4FSyncError):
        return f"failed, {stream.seconds:.1f} s", "red"
    if stream.scope.started is None:
        return "waiting", "dim"
    first, pace = stream.first_token_seconds, stream.tokens_per_second
    if first is None and result is None:
        return f"waiting {stream.seconds:.1f} s", "dim"
    pace_text = f"{first or stream.seconds:.2f} s, {pace or 0:.0f}/s"
    return (pace_text, "cyan") if result is None else (f"done: {pace_text}", "green")

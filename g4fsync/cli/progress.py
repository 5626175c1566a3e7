"""How a batch goes on, on standard error: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import os
import sys
import threading
from importlib.util import find_spec
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from ..batch.batch import Batch
from ..batch.summary import Summary
from .terminal import Terminal, is_terminal

if TYPE_CHECKING:
    from rich.console import RenderableType

LINE_SECONDS = 5.0  # between lines where there is no terminal
PER_SECOND = 5  # frames of the bar
MARGIN = 2  # columns left free at the right, for an echoed ^C


class Progress(Protocol):
    """Something that shows how a batch goes on; closing it twice does nothing."""

    def open(self) -> None: ...
    def close(self) -> None: ...


def progress(batch: Batch, terminal: Terminal) -> Progress:
    """A bar where there is a terminal and rich to draw it, else lines."""
    total = batch.count()
    dumb = os.environ.get("TERM") in ("dumb", None)
    if is_terminal(sys.stderr) and not dumb and find_spec("rich") is not None:
        return Bar(batch, total)
    return Lines(batch, total, terminal)


def spent(summary: Summary) -> list[str]:
    """What was spent, as far as it was told."""
    parts = []
    if tokens := summary.input_tokens + summary.output_tokens:
        parts.append(f"{short(tokens)} tokens")
    if summary.usd is not None:
        parts.append(f"{summary.usd:.2f} usd")
    return parts


def short(number: float) -> str:
    """*number* in few characters: ``1234``, ``45.6k``, ``1.2M``."""
    for unit, size in (("M", 1e6), ("k", 1e4)):
        if number >= size:
            return f"{number / (1e6 if unit == 'M' else 1e3):.1f}{unit}"
    return f"{number:.0f}"


def parts_of(summary: Summary, total: int | None, paused_for: float) -> list[str]:
    """How it goes on, in a few words each."""
    asked = summary.rows - summary.reused
    rate = asked / summary.seconds if summary.seconds > 0 else 0.0
    rows = f"{summary.rows}" if total is None else f"{summary.rows}/{total}"
    parts = [f"{rows} rows", f"{rate:.1f}/s"]
    if summary.failed:
        parts.append(f"{summary.failed} failed")
    parts += spent(summary)
    if paused_for > 1:
        parts.append(f"paused for {paused_for:.0f} s, as the provider asks")
    elif total is not None and rate > 0 and total > summary.rows:
        parts.append(f"{_clock((total - summary.rows) / rate)} left")
    return parts


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Lines:
    """A line every few seconds."""

    def __init__(self, batch: Batch, total: int | None, terminal: Terminal) -> None:
        self._batch = batch
        self._total = total
        self._terminal = terminal
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="g4fsync-progress", daemon=True)

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._over.set()

    def _run(self) -> None:
        while not self._over.wait(LINE_SECONDS):
            batch = self._batch
            parts = parts_of(batch.summary, self._total, batch.paused_for)
            self._terminal.note(", ".join(parts))


class Bar:
    """A bar, and under it how it goes on; drawn by rich, a few times a second."""

    def __init__(self, batch: Batch, total: int | None) -> None:
        from rich.console import Console
        from rich.live import Live

        self._batch = batch
        self._total = total
        self._started = monotonic()
        self._lock = threading.Lock()  # guards _closed: Ctrl-C may close from another thread
        self._closed = False
        self._console = Console(
            file=sys.stderr,
            highlight=False,
            emoji=False,
            color_system=None if os.environ.get("NO_COLOR") else "auto",
        )
        self._live = Live(
            console=self._console,
            get_renderable=self._frame,
            refresh_per_second=PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def open(self) -> None:
        self._live.start()

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._live.stop()

    def _frame(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        summary = self._batch.summary
        width = max(10, self._console.width - MARGIN)
        bar = ProgressBar(
            total=None if self._total is None else max(1, self._total),
            completed=summary.rows,
            width=width,
            animation_time=monotonic() - self._started,
        )
        lines = [""]
        for part in parts_of(summary, self._total, self._batch.paused_for):
            if lines[-1] and len(lines[-1]) + 2 + len(part) > width:
                lines.append("")
            lines[-1] += f"  {part}" if lines[-1] else part
        # A bar by itself ends no line.
        frame = Table.grid()
        frame.add_row(bar)
        for line in lines:
            frame.add_row(Text(line, no_wrap=True, overflow="ellipsis"))
        return frame

"""One prompt, many models, side by side: :class:`Comparison`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from time import time
from typing import TYPE_CHECKING, Any

from ..call.stream import ChatStream
from ..errors import G4FSyncError
from ..events import Event, ProviderData, Text
from ..messages import ChatResult, Message
from .progress import HEADINGS, Progress, row
from .workers import Ended, Item, Lane, Workers, lanes_of, start_total

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from .report import Report


class Comparison:
    """Answers of several models under way: iterate for ``(lane, chunk)`` as they come.

    Lanes start with the first item asked for (or on entering the ``with``
    block).  The order within a lane is kept.  A lane that fails is a value in
    :attr:`results`, never an exception here.  Leaving the loop or the block
    ends what still runs.

    ``messages`` and ``options`` are what was asked, for :meth:`save` to tell.
    """

    def __init__(
        self,
        streams: Sequence[tuple[str, ChatStream]],
        *,
        max_workers: int | None = None,
        executor: Executor | None = None,
        messages: Sequence[Message] = (),
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.lanes: tuple[Lane, ...] = tuple(lanes_of(streams))
        self._messages = tuple(messages)
        self._options = dict(options or {})
        self._date = time()  # seconds since 1970
        self._progress = {lane: Progress() for lane in self.lanes}
        self._workers = Workers(self.lanes, max_workers=max_workers, executor=executor)
        self._unread = len(self.lanes)  # lanes whose end has not been read
        self._started = self._closed = False

    def __iter__(self) -> Iterator[tuple[Lane, str]]:
        for lane, item in self._items():
            if isinstance(item, str):
                yield lane, item

    def interleaved(self) -> Iterator[tuple[Lane, str]]:
        """The same as iterating."""
        return iter(self)

    def as_completed(self) -> Iterator[tuple[Lane, ChatResult | G4FSyncError]]:
        """Each lane with its result, in the order in which they end."""
        for lane, item in self._items():
            if isinstance(item, Ended) and lane.result is not None:
                yield lane, lane.result

    def events(self) -> Iterator[tuple[Lane, Event | ChatResult | G4FSyncError]]:
        """Everything that comes, text as :class:`Text`; a lane's last is its result."""
        for lane, item in self._items():
            if isinstance(item, str):
                yield lane, Text(item)
            elif not isinstance(item, Ended | ProviderData):
                yield lane, item
            elif isinstance(item, Ended) and lane.result is not None:
                yield lane, lane.result

    @property
    def results(self) -> tuple[ChatResult | G4FSyncError, ...]:
        """A ``ChatResult`` or the error for each lane, in the order asked; waits for all."""
        for _ in self._items():
            pass
        return tuple(lane.result for lane in self.lanes if lane.result is not None)

    def close(self) -> None:
        """End what still runs; partial answers stay in the lanes' errors."""
        self._closed = True
        self._workers.close()

    def table(self) -> str:
        """The state of all lanes as text: a line each."""
        rows = [HEADINGS, *map(row, self.lanes)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, each, widths)).rstrip() for each in rows]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """What was asked and what came, as JSON has it; waits for all.

        ``date``, ``messages``, ``options`` (of ``extra_headers`` the names only) and
        ``lanes``: each with ``lane``, ``state``, and the fields of its result, or ``error``
        and what came before it.
        """
        from .report import as_dict

        return as_dict(self._report(wait=True))

    def to_markdown(self) -> str:
        """The same as text for an issue or a notebook; waits for all."""
        from .report import as_markdown

        return as_markdown(self._report(wait=True))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a file in the form that its ending says; waits for all, and returns the path.

        ``.html`` is a page that needs no network, on which nothing of an answer can act;
        ``.md``, ``.json``, ``.jsonl`` (a line for each lane) and ``.csv`` (a row).  A file
        that exists is replaced.  Raises ``InvalidRequest`` for another ending, at once, and
        ``OSError`` when the file can't be written.
        """
        from .report import checked_path, save

        checked = checked_path(path)
        save(self._report(wait=True), checked)
        return checked

    def __enter__(self) -> Comparison:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        running = sum(lane.stream.scope.started is not None for lane in self.lanes)
        running -= sum(lane.result is not None for lane in self.lanes)
        return f"<Comparison of {len(self.lanes)}, {max(0, running)} running>\n{self.table()}"

    def _repr_html_(self) -> str:
        """What a notebook shows: the state of all lanes, and their answers so far."""
        from ..report.page import fragment
        from .report import document

        return fragment(document(self._report()))

    def _repr_markdown_(self) -> str:
        """The same for a notebook's export."""
        from .report import as_markdown

        return as_markdown(self._report())

    def _report(self, *, wait: bool = False) -> Report:
        from .report import Report

        if wait:
            _ = self.results
        points = {lane: tuple(each.points) for lane, each in self._progress.items()}
        return Report(self._messages, self._options, self._date, self.lanes, points)

    def _start(self) -> bool:
        """Start the lanes if they have not been; false once all was closed."""
        if self._started or self._closed:
            return not self._closed
        self._started = True
        self._date = time()
        start_total(self.lanes)
        try:
            for lane in self.lanes:
                self._workers.start(lane)
        except BaseException:  # an executor that takes no more, or Ctrl-C
            self.close()
            raise
        return True

    def _items(self) -> Iterator[tuple[Lane, Item]]:
        if not self._start():
            return
        items = self._workers.items()
        try:
            while self._unread:
                found = next(items)
                if found is None:
                    if self._closed:
                        break
                    continue
                lane, item = found
                if isinstance(item, Ended):
                    self._unread -= 1
                elif isinstance(item, str):
                    self._progress[lane].note(lane.stream, item)
                # Who waits here while another thread closes is still told what has come.
                was_closed = self._closed
                yield lane, item
                if self._closed and not was_closed:
                    break
        finally:
            self.close()

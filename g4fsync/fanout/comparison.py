"""One prompt, many models, side by side: :class:`Comparison`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor

from ..call.stream import ChatStream
from ..errors import G4FSyncError
from ..events import Event, ProviderData, Text
from ..messages import ChatResult
from .workers import Ended, Item, Lane, Workers, lanes_of, start_total


class Comparison:
    """Answers of several models under way: iterate for ``(lane, chunk)`` as they come.

    Lanes start with the first item asked for (or on entering the ``with``
    block).  The order within a lane is kept.  A lane that fails is a value in
    :attr:`results`, never an exception here.  Leaving the loop or the block
    ends what still runs.
    """

    def __init__(
        self,
        streams: Sequence[tuple[str, ChatStream]],
        *,
        max_workers: int | None = None,
        executor: Executor | None = None,
    ) -> None:
        self.lanes: tuple[Lane, ...] = tuple(lanes_of(streams))
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
        """What a notebook shows."""
        from html import escape

        head = "".join(f"<th>{escape(cell)}</th>" for cell in HEADINGS)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row(lane)) + "</tr>"
            for lane in self.lanes
        )
        return f"<table><tr>{head}</tr>{rows}</table>"

    def _start(self) -> None:
        if self._started:
            return
        self._started = True
        start_total(self.lanes)
        try:
            for lane in self.lanes:
                self._workers.start(lane)
        except BaseException:  # an executor that takes no more, or Ctrl-C
            self.close()
            raise

    def _items(self) -> Iterator[tuple[Lane, Item]]:
        self._start()
        items = self._workers.items()
        try:
            while self._unread and not self._closed:
                found = next(items)
                if found is None:
                    continue
                lane, item = found
                if isinstance(item, Ended):
                    self._unread -= 1
                yield lane, item
        finally:
            self.close()


HEADINGS = ("model", "state", "first token", "seconds", "tokens/s", "characters")


def row(lane: Lane) -> tuple[str, ...]:
    """What is known about *lane*, under :data:`HEADINGS`."""
    stream, result = lane.stream, lane.result
    state = "running" if result is None else "complete"
    if isinstance(result, G4FSyncError):
        state = type(result).__name__
    first, pace = stream.first_token_seconds, stream.tokens_per_second
    return (
        lane,
        state,
        "" if first is None else f"{first:.2f} s",
        f"{stream.seconds:.2f} s",
        "" if pace is None else f"{pace:.0f}",
        str(len(stream.text)),
    )

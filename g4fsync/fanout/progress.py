"""What is known about a lane while it runs: a row of a table, and when its text came."""

from __future__ import annotations

from ..call.stream import ChatStream
from ..errors import G4FSyncError
from .workers import Lane

HEADINGS = ("model", "state", "first token", "seconds", "tokens/s", "tokens", "characters")
MOST_POINTS = 256  # of one curve; then every other one is dropped


def row(lane: Lane) -> tuple[str, ...]:
    """What is known about *lane*, under :data:`HEADINGS`.

    Tokens are those of the answer as its provider counted them; without its count there
    is none, and their pace is that of the pieces in which the text came.
    """
    stream = lane.stream
    first, pace, usage = stream.first_token_seconds, stream.tokens_per_second, stream.usage
    has_begun = stream.scope.started is not None
    return (
        lane,
        state(lane),
        "" if first is None else f"{first:.2f} s",
        f"{stream.seconds:.2f} s" if has_begun else "",
        "" if pace is None else f"{pace:.0f}",
        "" if usage is None or usage.output_tokens is None else str(usage.output_tokens),
        str(len(stream.text)) if has_begun else "",
    )


def state(lane: Lane) -> str:
    """``waiting`` until it is asked, ``running``, then ``complete`` or the error's name."""
    if isinstance(lane.result, G4FSyncError):
        return type(lane.result).__name__
    if lane.result is not None:
        return "complete"
    return "waiting" if lane.stream.scope.started is None else "running"


class Progress:
    """When a lane's text came: seconds, and characters so far, few enough to be drawn."""

    __slots__ = ("_characters", "_skipped", "_step", "points")

    def __init__(self) -> None:
        self.points: list[tuple[float, int]] = []
        self._characters = self._skipped = 0
        self._step = 1  # of so many pieces one is kept

    def note(self, stream: ChatStream, piece: str) -> None:
        """A *piece* of text has come."""
        self._characters += len(piece)
        self._skipped += 1
        if self._skipped < self._step:
            return
        self._skipped = 0
        self.points.append((stream.seconds, self._characters))
        if len(self.points) == 2 * MOST_POINTS:
            del self.points[::2]
            self._step *= 2

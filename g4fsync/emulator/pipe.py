"""Where faults meet bytes: the last stage before the socket, for HTTP and WebSocket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from .faults import Cut, Fault, Garbage, Split, Stall, Trickle
from .serversocket import CutShort

Mark = Cut | Stall | Garbage


class Outlet(Protocol):
    """What the pipe flows into."""

    def emit(self, piece: bytes) -> None:
        """Send *piece* as one write."""

    def emit_garbage(self, piece: bytes) -> None:
        """Send *piece* where the protocol would not have it."""

    def hold(self, seconds: float | None, *, keepalive: bool) -> None:
        """Let time pass; ``keepalive``: go on with the protocol's keep-alives."""


class FaultPipe:
    """Counts the bytes of one answer and does what is planned at each place."""

    def __init__(
        self, faults: Sequence[Fault], outlet: Outlet, *, garbage_between_events: bool = False
    ) -> None:
        marks = [fault for fault in faults if isinstance(fault, Cut | Stall | Garbage)]
        self._marks: list[Mark] = sorted(marks, key=lambda mark: mark.after_bytes)
        self._split = next((f.bytes_per_write for f in faults if isinstance(f, Split)), None)
        self._trickle = next((f.seconds_per_byte for f in faults if isinstance(f, Trickle)), None)
        self._outlet = outlet
        self._garbage_between_events = garbage_between_events
        self._sent = 0

    def write(self, piece: bytes) -> None:
        """Send one event, with whatever is planned before, in and right after it."""
        while self._marks and self._sent + len(piece) >= self._marks[0].after_bytes:
            mark = self._marks.pop(0)
            place = max(mark.after_bytes - self._sent, 0)
            if self._stands_between_events(mark):
                place = len(piece)
            self._send(piece[:place])
            piece = piece[place:]
            self._do(mark)
        self._send(piece)

    def _stands_between_events(self, mark: Mark) -> bool:
        if isinstance(mark, Stall):
            return mark.keepalive
        return isinstance(mark, Garbage) and self._garbage_between_events

    def _do(self, mark: Mark) -> None:
        if isinstance(mark, Cut):
            raise CutShort(reset=mark.reset)
        if isinstance(mark, Stall):
            self._outlet.hold(mark.seconds, keepalive=mark.keepalive)
        else:
            self._outlet.emit_garbage(mark.content)

    def _send(self, piece: bytes) -> None:
        self._sent += len(piece)
        if not piece:
            return
        step = 1 if self._trickle is not None else self._split or len(piece)
        send: Callable[[bytes], None] = self._outlet.emit
        for start in range(0, len(piece), step):
            send(piece[start : start + step])
            if self._trickle is not None:
                self._outlet.hold(self._trickle, keepalive=False)

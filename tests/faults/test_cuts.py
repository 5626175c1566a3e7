"""The connection ends, resets or falls silent at every boundary of an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from g4fsync.errors import DeadlineExceeded, ProviderError, StreamInterrupted, StreamTruncated
from tests.faults.cells import AFTER_FINISH, Cell, Fault, Outcome, params
from tests.faults.farside import Far
from tests.faults.protocols import EVERY, HTTP, TOKENS, Protocol


@dataclass(frozen=True)
class Place:
    """A boundary: ``whole`` tokens have gone, then perhaps a part of something."""

    name: str
    whole: int
    inside: bool = False  # an event
    marked: bool = False  # the end mark has gone

    def reach(self, far: Far) -> None:
        protocol = far.protocol
        far.tokens(self.whole)
        if self.marked:
            far.send(protocol.end)
        elif self.inside and self.whole == len(TOKENS):
            far.send(protocol.end, upto=len(protocol.end) - 6)
        elif self.inside:
            event = protocol.event(TOKENS[self.whole])
            far.send(event, upto=self._within(event))

    def _within(self, event: bytes) -> int:
        if "character" in self.name:
            return event.index("世".encode()) + 1
        return len(event) - 8


PLACES = (
    Place("before the first token", 0),
    Place("inside the first event", 0, inside=True),
    Place("between tokens", 1),
    Place("inside an event", 1, inside=True),
    Place("inside a character", 1, inside=True),
    Place("before the end mark", len(TOKENS)),
    Place("inside the end mark", len(TOKENS), inside=True),
    Place("after the end mark", len(TOKENS), marked=True),
)


def protocols_at(place: Place, framing: str) -> tuple[Protocol, ...]:
    """Those that have this place; a WebSocket has one framing only, its own."""
    wanted = EVERY if framing == "chunked" else HTTP
    if place.marked or (place.inside and place.whole == len(TOKENS)):
        return tuple(each for each in wanted if each.has_end_mark)
    return wanted


def after_fin(place: Place, framing: str, protocol: Protocol) -> Outcome:
    if place.marked:
        return Outcome()
    if framing == "closed":
        # Nothing in such a framing tells this end from a good one.
        if place.whole and not place.inside and not protocol.has_end_mark:
            return Outcome(tokens=place.whole)
        if place.whole == 0 and not place.inside and protocol.name == "openassistant":
            # An empty stream may mean that the answer was ready before; it is asked for.
            return Outcome(ProviderError, tokens=0, says="the answer is in_progress")
        return Outcome(StreamTruncated, tokens=place.whole)
    if framing == "length" and place.whole == len(TOKENS) and not protocol.has_end_mark:
        return Outcome()
    return Outcome(StreamInterrupted, tokens=place.whole, asks=1 if place.whole else 2)


def after_reset(place: Place, framing: str, protocol: Protocol) -> Outcome:
    if place.marked or (
        framing == "length" and place.whole == len(TOKENS) and not protocol.has_end_mark
    ):
        return Outcome()
    return Outcome(StreamInterrupted, tokens=place.whole, asks=1 if place.whole else 2)


def after_stall(place: Place, framing: str, protocol: Protocol) -> Outcome:
    if place.marked:
        return Outcome(within=AFTER_FINISH)
    if framing == "length" and place.whole == len(TOKENS) and not protocol.has_end_mark:
        return Outcome()
    clock = "idle" if place.whole else "first_token"
    return Outcome(DeadlineExceeded, tokens=place.whole, clock=clock)


WAYS: dict[str, tuple[Callable[[Far], None], Callable[[Place, str, Protocol], Outcome]]] = {
    "FIN": (Far.fin, after_fin),
    "RST": (Far.reset, after_reset),
    "stall": (Far.hold, after_stall),
}


def cut(place: Place, framing: str, end: Callable[[Far], None], far: Far) -> None:
    far.open(framing=framing)
    place.reach(far)
    end(far)


CUTS = [
    Fault(
        f"{way} {place.name} ({framing})",
        partial(cut, place, framing, end),
        partial(expected, place, framing),
        protocols_at(place, framing),
        slow=way == "stall" and framing != "chunked",  # a silence is much the same in any framing
    )
    for place in PLACES
    for way, (end, expected) in WAYS.items()
    for framing in ("chunked", "length", "closed")
]


@pytest.mark.parametrize(("fault", "protocol"), params(CUTS))
def test_a_cut_answer_never_looks_complete(cell: Cell, fault: Fault, protocol: Protocol) -> None:
    cell.run(fault, protocol)

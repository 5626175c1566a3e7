"""What all far sides share: settings, faults to come, records, paced tokens."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Protocol, TypeVar

from .encoding import INVALID
from .faults import At, Fault, Framing, InBandError, InvalidUTF8, Plan
from .records import Received, RequestLog
from .replies import Messages, Reply

FaultKind = TypeVar("FaultKind", bound=Fault)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast answers come: tokens per second (``None``: at once) and their unevenness.

    ``jitter`` 0.3 makes each gap up to 30 % shorter or longer, drawn from ``seed``.
    """

    tokens_per_second: float | None = None
    jitter: float = 0.0
    seed: int = 0


class Turn(Protocol):
    """The request being answered, as far as tokens are concerned."""

    number: int

    def wait(self, seconds: float) -> None:
        """Let time pass; raises when there is nobody left to wait for."""

    def find(self, kind: type[FaultKind]) -> FaultKind | None:
        """The fault of this kind that was planned for this request."""


class FarSide:
    """One provider's server: what it says, how fast, and what goes wrong.

    Settings may be changed at any time; the next request sees them.

    ``reply``, ``pace``
        what it answers, and how fast.
    ``latency``
        seconds before the first token.
    ``fault``, ``faults``
        a fault for every request, and a queue of faults for one request each
        (see :mod:`g4fsync.emulator.faults`).  The queue goes first.
    ``framing``
        how streamed HTTP bodies are delimited.
    ``noise``
        send, between the tokens, what the protocol allows and a client must skip.
    ``keepalive_seconds``
        interval of the protocol's keep-alives; ``None``: none are sent.
    """

    name: ClassVar[str]
    #: The call that carries the answer, which faults meet unless told otherwise.
    answering: ClassVar[str] = "chat"

    def __init__(self, reply: Reply, pace: Pace) -> None:
        self.reply = reply
        self.pace = pace
        self.latency = 0.0
        self.fault: Plan = None
        self.faults: list[Plan] = []
        self.framing = Framing()
        self.noise = False
        self.keepalive_seconds: float | None = None
        self.journal = RequestLog()
        self._lock = threading.Lock()  # guards taking from faults, and a subclass's tables

    @property
    def requests(self) -> list[Received]:
        """What came so far, a copy."""
        return self.journal.all()

    def wait_ended(self, count: int = 1, seconds: float = 5.0) -> list[Received]:
        """Wait until *count* requests have ended and none is under way; ``TimeoutError``.

        A client can hold the whole answer a moment before the server has
        written down how it ended: ask here, not :attr:`requests`, for that.
        """
        return self.journal.wait_ended(count, seconds)

    def cookies(self) -> Mapping[str, str]:
        """Cookies it accepts; empty when it asks for none."""
        return MappingProxyType({})

    def clear(self) -> None:
        """Forget records, faults and conversations; settings stay."""
        with self._lock:
            self.fault = None
            self.faults = []
        self.journal.clear()

    def take_faults(self, call: str) -> tuple[Fault, ...]:
        """The faults for one request of this kind, out of the queue or ``fault``."""
        with self._lock:
            if self.faults:
                meant = self._meant(self.faults[0], call)
                # None in the queue lets a request through; one that is meant
                # for another call waits.
                if meant or (self.faults[0] is None and call == self.answering):
                    del self.faults[0]
                return meant
            return self._meant(self.fault, call)

    def tokens(self, turn: Turn, messages: Messages, reply: Reply | None = None) -> Iterator[str]:
        """The reply's tokens in their time, until an :class:`InBandError` is due.

        ``reply`` stands in for the far side's own.
        """
        error = turn.find(InBandError)
        broken = turn.find(InvalidUTF8)
        if self.latency:
            turn.wait(self.latency)
        gaps = self._gaps(turn.number)
        due = time.monotonic()
        for number, token in enumerate((reply or self.reply)(messages)):
            if error and number >= error.after_tokens:
                return
            if self.pace.tokens_per_second:
                due += next(gaps)
                turn.wait(due - time.monotonic())
            yield f"{token}{INVALID}" if broken and number == broken.token else token

    def _gaps(self, number: int) -> Iterator[float]:
        pace = self.pace
        drawn = random.Random(f"{pace.seed}/{self.name}/{number}")
        while True:
            unevenness = 1.0 + drawn.uniform(-pace.jitter, pace.jitter)
            yield unevenness / (pace.tokens_per_second or 1.0)

    def _meant(self, plan: Plan, call: str) -> tuple[Fault, ...]:
        faults = _as_tuple(plan)
        return tuple(
            fault.fault if isinstance(fault, At) else fault
            for fault in faults
            if call == (fault.call if isinstance(fault, At) else self.answering)
        )


def _as_tuple(plan: Plan) -> Sequence[Fault]:
    if plan is None:
        return ()
    return (plan,) if isinstance(plan, Fault) else tuple(plan)


def find(faults: Sequence[Fault], kind: type[FaultKind]) -> FaultKind | None:
    """The first of *faults* that is of this kind."""
    return next((fault for fault in faults if isinstance(fault, kind)), None)

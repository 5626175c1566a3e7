"""One cell of the matrix: a fault, a protocol, what is expected, and a look at what came.

Every cell is checked for the error's class, the tokens and ``.partial``, the
clock and how soon the caller is back, the number of questions asked, threads
and sockets left behind, and secrets in messages, tracebacks and the log.
"""

from __future__ import annotations

import logging
import ssl
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from g4fsync import Client, Retry, Timeout
from g4fsync.errors import G4FSyncError
from tests.faults.farside import Reader, Script, talk
from tests.faults.protocols import EVERY, PROMPT, SECRETS, TEXT, TOKENS, Protocol
from tests.support.leaks import sockets, threads
from tests.support.servers import Server, Talk
from tests.support.timing import MS, PATIENCE, eventually

CLOCK = 120 * MS  # seconds on the clock that a cell expects to run out
SLACK = 250 * MS  # how much later the caller may be back
# The engine's patience once the end mark has come, and with a body that is no
# answer: a second each for users, less in here.
AFTER_FINISH = 300 * MS
ERROR_BODY = 300 * MS


@dataclass(frozen=True)
class Outcome:
    """What a cell expects: the error's class, how many of the tokens, how many questions asked."""

    error: type[G4FSyncError] | None = None  # None: the answer is whole
    tokens: int = len(TOKENS)
    asks: int = 1
    clock: str = ""  # the one that runs out
    says: str = ""  # is part of the message
    within: float = PATIENCE / 4  # seconds until the caller is back, where no clock runs out
    text: str | None = None  # in place of what the tokens say

    @property
    def mark(self) -> str:
        """For the table."""
        name = "whole" if self.error is None else self.error.__name__
        return f"{name} {self.clock}".strip()

    @property
    def partial(self) -> str:
        return "".join(TOKENS[: self.tokens]) if self.text is None else self.text


Expected = Callable[[Protocol], Outcome] | Outcome


@dataclass(frozen=True)
class Fault:
    """A row of the matrix; *script* is said at the question."""

    name: str
    script: Script
    expected: Expected
    protocols: tuple[Protocol, ...] = EVERY
    slow: bool = False  # left to the slow run

    def outcome(self, protocol: Protocol) -> Outcome:
        return self.expected if isinstance(self.expected, Outcome) else self.expected(protocol)


@dataclass
class Seen:
    """What came of one call."""

    tokens: list[str] = field(default_factory=list)
    error: G4FSyncError | None = None
    seconds: float = 0.0
    text: str = ""
    asks: int = 0
    log: list[str] = field(default_factory=list)


def a_fifth(row: int, column: int, columns: int = len(EVERY)) -> list[pytest.MarkDecorator]:
    """The marks of a cell: one of five runs by default, the others with ``slow``.

    Each row begins with another protocol, so that five rows meet them all.
    """
    return [pytest.mark.slow] if (row + column) % min(5, columns) else []


def params(faults: list[Fault]) -> list[Any]:
    """For ``parametrize(("fault", "protocol"), ...)``."""
    return [
        pytest.param(
            fault,
            protocol,
            id=f"{fault.name}-{protocol.name}",
            marks=[pytest.mark.slow] if fault.slow else a_fifth(row, column, len(fault.protocols)),
        )
        for row, fault in enumerate(faults)
        for column, protocol in enumerate(fault.protocols)
    ]


def crossed(whats: Iterable[str], row: int = 0) -> list[Any]:
    """For ``parametrize(("what", "protocol"), ...)``: each thing that goes wrong, for each."""
    return [
        pytest.param(
            what, protocol, id=f"{what}-{protocol.name}", marks=a_fifth(row + place, column)
        )
        for place, what in enumerate(whats)
        for column, protocol in enumerate(EVERY)
    ]


def in_turn(row: int, among: tuple[Protocol, ...] = EVERY) -> list[Any]:
    """For ``parametrize("protocol", ...)`` of a test that takes its time."""
    return [
        pytest.param(protocol, id=protocol.name, marks=a_fifth(row, column, len(among)))
        for column, protocol in enumerate(among)
    ]


def limits(clock: str) -> Timeout:
    """A short time on *clock*, long ones on the others."""
    long = {"connect": PATIENCE, "first_token": PATIENCE, "idle": PATIENCE, "total": 2 * PATIENCE}
    return Timeout(**(long | ({clock: CLOCK} if clock else {})))


def ask(
    protocol: Protocol,
    base_url: str,
    outcome: Outcome,
    reader: Reader | None = None,
    prompt: str = PROMPT,
    **client: Any,
) -> Seen:
    """Ask once, with one retry at hand."""
    seen = Seen()
    listener = _Listener(seen.log)
    given: dict[str, Any] = {"timeout": limits(outcome.clock), "retry": Retry(2, 0.0, 0.0)}
    with listener, Client(**given | client) as asker:
        stream = asker.chat(prompt, **protocol.arguments(base_url))
        started = time.monotonic()
        try:
            for token in stream:
                seen.tokens.append(token)
                if reader is not None:
                    reader.has(len(seen.tokens))
        except G4FSyncError as error:
            seen.error = error
        seen.seconds = time.monotonic() - started
        if reader is not None:
            reader.left()
        seen.text = stream.text
    return seen


class Cell:
    """Runs one cell; *note* is told what was expected, for the table."""

    def __init__(self, note: Callable[[str, str, str], None]) -> None:
        self._note = note

    def run(
        self,
        fault: Fault,
        protocol: Protocol,
        *,
        tls: ssl.SSLContext | None = None,
        raw: Talk | None = None,
        **client: Any,
    ) -> Seen:
        """*raw* is said from the first byte of a connection on, in place of the script."""

        def once(outcome: Outcome) -> Seen:
            reader = Reader()
            served = raw or talk(protocol, fault.script, reader)
            with Server(served, tls=tls, raw=raw is not None) as server:
                seen = ask(protocol, server.url, outcome, reader, **client)
                seen.asks = sum(map(protocol.is_ask, server.requests))
                return seen

        return self.check(fault.name, protocol, fault.outcome(protocol), once)

    def talk(self, protocol: Protocol, script: Script) -> Talk:
        """For a test that looks at the outcome itself; *script* waits for no reader."""
        reader = Reader()
        reader.left()
        return talk(protocol, script, reader)

    def ask(
        self, fault: str, protocol: Protocol, server: Server, outcome: Outcome, **more: Any
    ) -> Seen:
        """Enter the cell in the table, and ask; the test looks at the outcome itself."""
        self._note(fault, protocol.name, outcome.mark)
        seen = ask(protocol, server.url, outcome, **more)
        _keeps_secrets(seen)
        return seen

    def check(
        self, fault: str, protocol: Protocol, outcome: Outcome, once: Callable[[Outcome], Seen]
    ) -> Seen:
        """Let *once* ask, and look at everything that is promised of any cell."""
        self._note(fault, protocol.name, outcome.mark)
        before = threads(), sockets()
        seen = once(outcome)
        if seen.seconds > _latest(outcome):  # other work on the machine may be to blame, once
            seen = once(outcome)
        _compare(seen, outcome)
        assert seen.seconds <= _latest(outcome), f"back after {seen.seconds:.3f} s"
        _keeps_secrets(seen)
        eventually(lambda: _left(before) == [], f"nothing is left behind: {_left(before)}")
        return seen


def _compare(seen: Seen, outcome: Outcome) -> None:
    error = seen.error
    told = "".join(traceback.format_exception(error)) if error else ""
    assert (type(error) if error else None) is outcome.error, f"{seen.tokens}\n{told}"
    assert seen.text == "".join(seen.tokens) == outcome.partial, told
    if outcome.text is None:
        assert seen.tokens == list(TOKENS[: outcome.tokens])
    if error is not None:
        assert error.partial == seen.text
        assert error.provider
        assert outcome.says in str(error), told
        assert getattr(error, "clock", "") == outcome.clock, told
    assert seen.asks == outcome.asks, f"asked {seen.asks} times\n{told}"


def _latest(outcome: Outcome) -> float:
    return (CLOCK if outcome.clock else outcome.within) + SLACK


def _left(before: tuple[frozenset[Any], frozenset[str]]) -> list[str]:
    """Without a collection: what is freed only by chance is a leak."""
    return [*map(repr, threads() - before[0]), *(sockets() - before[1])]


def _keeps_secrets(seen: Seen) -> None:
    told = list(seen.log)
    if seen.error is not None:
        told += [*traceback.format_exception(seen.error), repr(seen.error), str(seen.error)]
        told += map(str, vars(seen.error).values())
        told += [str(vars(seen.error)), repr(seen.error.attempts)]
    for secret in SECRETS:
        for each in told:
            assert secret not in each, each


class _Listener(logging.Handler):
    """Notes down every log record of every library, as text."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))

    def __enter__(self) -> None:
        root = logging.getLogger()
        self._level = root.level
        root.setLevel(logging.DEBUG)
        root.addHandler(self)

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.removeHandler(self)
        root.setLevel(self._level)


assert Outcome().partial == TEXT

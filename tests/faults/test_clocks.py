"""Each clock against a server that no read timeout would ever catch."""

from __future__ import annotations

from functools import partial

import pytest

from g4fsync import Client, Retry
from g4fsync.errors import DeadlineExceeded, RateLimited
from tests.faults.cells import CLOCK, SLACK, Cell, Fault, Outcome, in_turn, limits, params
from tests.faults.farside import Far
from tests.faults.protocols import HTTP, OPENASSISTANT, PROMPT, TOKENS, Protocol
from tests.support.servers import Peer, Server
from tests.support.timing import MS, PATIENCE, Worker


def tokens_for_ever(far: Far) -> None:
    """Progress without end: every clock but ``total`` is content."""
    far.open()
    while far.send(far.protocol.event("a")) and not far.peer.left.wait(5 * MS):
        pass


@pytest.mark.parametrize("protocol", in_turn(0))
def test_total_ends_an_answer_that_goes_on_for_ever(cell: Cell, protocol: Protocol) -> None:
    outcome = Outcome(DeadlineExceeded, clock="total")
    with Server(cell.talk(protocol, tokens_for_ever)) as server:
        seen = cell.ask("clock: total, tokens for ever", protocol, server, outcome)
    assert isinstance(seen.error, DeadlineExceeded)
    assert seen.error.clock == "total"
    assert seen.error.partial == "a" * len(seen.tokens) != ""
    assert CLOCK <= seen.seconds <= CLOCK + SLACK


def late_tokens(far: Far) -> None:
    """Each token comes after a pause just below ``idle``, and nothing of it is a keep-alive."""
    far.open()
    for index in range(len(TOKENS)):
        far.token(index)
        far.peer.left.wait(CLOCK / 3)
    far.mark()


SLOW_BUT_ALIVE = Fault("clock: idle, slow but alive", late_tokens, Outcome())


@pytest.mark.parametrize(("fault", "protocol"), params([SLOW_BUT_ALIVE]))
def test_idle_begins_anew_with_each_token(cell: Cell, fault: Fault, protocol: Protocol) -> None:
    cell.run(fault, protocol, timeout=limits("idle"))


# Open-Assistant's first request is short, and a socket has room for it.
LONG_ASKS = tuple(each for each in HTTP if each is not OPENASSISTANT)


def reads_nothing(peer: Peer) -> None:
    peer.server.go.wait(PATIENCE)


@pytest.mark.parametrize("protocol", in_turn(0, LONG_ASKS))
def test_connect_ends_a_request_that_nobody_reads(cell: Cell, protocol: Protocol) -> None:
    outcome = Outcome(DeadlineExceeded, tokens=0, asks=0, clock="connect")
    long = PROMPT + "a" * (8 * 2**20)  # more than two sockets hold
    with Server(reads_nothing, receive_buffer=4096) as server:
        seen = cell.ask("clock: connect, request not read", protocol, server, outcome, prompt=long)
        server.go.set()
    assert isinstance(seen.error, DeadlineExceeded)
    assert seen.error.clock == "connect"
    assert seen.seconds <= CLOCK + SLACK


def refused(peer: Peer) -> None:
    while peer.request() is not None:
        peer.answer(b"no", "Connection: close", status="429 No")
        return


@pytest.mark.parametrize("protocol", in_turn(1))
def test_total_ends_the_back_off(cell: Cell, protocol: Protocol) -> None:
    outcome = Outcome(RateLimited, tokens=0, asks=2)
    with Server(refused) as server:
        retry = Retry(9, CLOCK * 0.8, CLOCK * 0.8)
        seen = cell.ask(
            "clock: total, in the back-off",
            protocol,
            server,
            outcome,
            retry=retry,
            timeout=limits("total"),
        )
    assert isinstance(seen.error, RateLimited)  # no more than what the clock leaves is slept
    assert seen.seconds <= CLOCK + SLACK


@pytest.mark.parametrize("protocol", in_turn(2))
def test_a_caller_may_be_busy_for_longer_than_idle(protocol: Protocol, cell: Cell) -> None:
    def script(far: Far) -> None:
        far.open()
        for token in TOKENS:
            far.send(far.protocol.event(token))
        far.mark()
        far.hold()

    with (
        Server(cell.talk(protocol, script)) as server,
        Client(timeout=limits("idle"), retry=Retry(1)) as client,
    ):
        stream = client.chat(PROMPT, **protocol.arguments(server.url))
        tokens = []
        for token in stream:
            tokens.append(token)
            Worker(partial(server.go.wait, CLOCK * 1.5)).finish()
    assert tokens == list(TOKENS)

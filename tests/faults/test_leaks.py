"""Ten thousand streams that end badly leave no thread, no descriptor and no memory behind."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from g4fsync import Client, Retry, Timeout
from g4fsync.errors import Cancelled, G4FSyncError
from tests.faults.farside import Far, Reader, talk
from tests.faults.protocols import KOALA, MYSHELL, PROMPT, TOKENS, Protocol
from tests.faults.test_bounds import resident_bytes
from tests.support.leaks import threads
from tests.support.servers import Server
from tests.support.timing import PATIENCE, eventually

MAX_GROWTH_BYTES = 8 * 2**20
WARM_UP = 200  # streams until everything is built and the allocator has settled


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class _Forgetful(Server):
    """A server that does not keep what it has served."""

    def forget(self) -> None:
        self.peers.clear()
        self.requests.clear()
        self._threads[:] = [each for each in self._threads if each.is_alive()]


def stall(far: Far) -> None:
    far.open()
    far.send(far.protocol.event(TOKENS[0]))
    far.hold()


def cut(far: Far) -> None:
    far.open()
    far.send(far.protocol.event(TOKENS[0]))


def refuse(far: Far) -> None:
    far.peer.answer(b"no", "Connection: close", status="400 No")


def cancelled(client: Client, given: dict[str, Any]) -> None:
    """Cancelled in the middle."""
    stream = client.chat(PROMPT, **given)
    assert next(stream) == TOKENS[0]
    stream.cancel()
    with pytest.raises(Cancelled):
        next(stream)


def left(client: Client, given: dict[str, Any]) -> None:
    """Dropped in the middle, with nobody to say so."""
    assert next(client.chat(PROMPT, **given)) == TOKENS[0]


def failed(client: Client, given: dict[str, Any]) -> None:
    with pytest.raises(G4FSyncError):
        client.ask(PROMPT, **given)


WAYS: list[tuple[str, Callable[[Client, dict[str, Any]], None], Callable[[Far], None]]] = [
    ("cancelled", cancelled, stall),
    ("left", left, stall),
    ("cut", failed, cut),
    ("refused", failed, refuse),
]


def growth(
    protocol: Protocol,
    way: Callable[[Client, dict[str, Any]], None],
    script: Callable[[Far], None],
    count: int,
) -> tuple[int, int, int]:
    """How many threads, descriptors and bytes more there are after *count* streams."""
    reader = Reader()
    reader.left()
    timeout = Timeout(PATIENCE, PATIENCE, PATIENCE, PATIENCE)
    server = _Forgetful(talk(protocol, script, reader))
    with (
        server,
        Client(timeout=timeout, retry=Retry(1)) as client,
    ):

        def run(times: int) -> tuple[int, int, int]:
            for i in range(times):
                way(client, protocol.arguments(server.url))
                if i % 50 == 0:
                    server.forget()
            eventually(lambda: not any(t.name == "test-server-peer" for t in threads()))
            server.forget()
            gc.collect()
            return threading.active_count(), descriptors(), resident_bytes()

        before, after = run(WARM_UP), run(count)
    return after[0] - before[0], after[1] - before[1], after[2] - before[2]


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors and memory are read from /proc")
@pytest.mark.parametrize(
    "protocol", [KOALA, pytest.param(MYSHELL, marks=pytest.mark.slow)], ids=repr
)
@pytest.mark.parametrize(("name", "way", "script"), WAYS, ids=[way[0] for way in WAYS])
def test_a_hundred_streams_leave_nothing(
    protocol: Protocol, name: str, way: Any, script: Any, no_proxy_variables: None
) -> None:
    reader = Reader()
    reader.left()
    server = _Forgetful(talk(protocol, script, reader))
    with (
        server,
        Client(timeout=PATIENCE, retry=Retry(1)) as client,
    ):
        before = descriptors()
        for _ in range(100):
            way(client, protocol.arguments(server.url))
        eventually(lambda: not any(t.name == "test-server-peer" for t in threads()))
        assert descriptors() <= before


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform != "linux", reason="descriptors and memory are read from /proc")
@pytest.mark.parametrize("protocol", [KOALA, MYSHELL], ids=repr)
@pytest.mark.parametrize(("name", "way", "script"), WAYS, ids=[way[0] for way in WAYS])
def test_ten_thousand_streams_leave_nothing(
    protocol: Protocol, name: str, way: Any, script: Any, no_proxy_variables: None
) -> None:
    more_threads, more_descriptors, more_bytes = growth(protocol, way, script, 10_000)
    assert more_threads <= 0
    assert more_descriptors <= 0
    assert more_bytes < MAX_GROWTH_BYTES

"""A caller that pauses between tokens: HTTP holds the server back, heartbeats go on."""

from __future__ import annotations

import threading

import pytest

from g4fsync import Client, Retry
from tests.faults.cells import Cell, in_turn
from tests.faults.farside import Far, SocketFar, frame
from tests.faults.protocols import HTTP, MYSHELL, PROMPT, TOKENS, Protocol
from tests.support.servers import Server
from tests.support.timing import MS, PATIENCE, eventually

TOKEN = "a" * 10_000
MANY = 3000  # 30 MB, far more than all buffers on the way hold


@pytest.mark.parametrize("protocol", in_turn(0, HTTP))
def test_a_pause_of_the_caller_holds_the_server_back(
    protocol: Protocol, cell: Cell, no_proxy_variables: None
) -> None:
    sent = [0]

    def script(far: Far) -> None:
        far.open()
        for _ in range(MANY):
            far.send(far.protocol.event(TOKEN))
            sent[0] += 1
        far.mark()

    with (
        Server(cell.talk(protocol, script), receive_buffer=65_536) as server,
        Client(retry=Retry(1), timeout=PATIENCE) as client,
    ):
        stream = client.chat(PROMPT, **protocol.arguments(server.url))
        assert next(stream) == TOKEN
        pauses: list[int] = [-1]

        def stands_still() -> bool:
            threading.Event().wait(50 * MS)
            pauses.append(sent[0])
            return pauses[-1] == pauses[-2]

        eventually(stands_still, "the server is held back")
        assert sent[0] < MANY * 0.7
        assert sum(map(len, stream)) == (MANY - 1) * len(TOKEN)


def test_a_heartbeat_goes_on_while_the_caller_pauses(cell: Cell, no_proxy_variables: None) -> None:
    """The server drops whoever does not answer a ping within 100 ms."""
    interval = 100 * MS
    answered: list[bytes] = []

    def script(far: SocketFar) -> None:
        far.open(heartbeat=(int(interval * 1000), int(interval * 1000)))
        far.token(0)
        far.peer.socket.settimeout(4 * interval)
        for _ in range(6):
            far.peer.send(frame(b"2"))
            head = far.peer.receive_exactly(2)
            body = far.peer.receive_exactly(4 + (head[1] & 0x7F)) if len(head) == 2 else b""
            if not body:
                return  # no pong came
            answered.append(bytes(b ^ body[i % 4] for i, b in enumerate(body[4:])))
            far.peer.left.wait(interval)
        far.tokens_from(1)
        far.mark()
        server.reached.set()

    with (
        Server(cell.talk(MYSHELL, script)) as server,
        Client(retry=Retry(1), timeout=PATIENCE) as client,
    ):
        stream = client.chat(PROMPT, **MYSHELL.arguments(server.url))
        assert next(stream) == TOKENS[0]
        assert server.reached.wait(PATIENCE)
        assert list(stream) == list(TOKENS[1:])
    assert answered == [b"3"] * 6

"""The server's end of Engine.IO 4 over one WebSocket: packets, pings, and faults below them.

WebSocket frames are made and read by ``websockets``: its I/O-free
``ServerProtocol``, so that faults can stand between its bytes and the socket, and
one thread does all the work of a connection.  Packets are put together by hand.

Facts recorded from python-engineio 4.15: the server pings every pingInterval
and closes with code 1000 when no pong has come within pingTimeout; a client's
own ping is not answered; a packet without a type digit ends the connection
without a close frame.
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Sequence

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from .faults import Fault
from .pipe import FaultPipe
from .serversocket import ClientGone, ServerSocket

_log = logging.getLogger("g4fsync.emulator.websocket")

MAX_PAYLOAD = 1_000_000


class ProtocolProblem(Exception):
    """The client did what the protocol does not allow; the connection ends."""


class EngineIO:
    """One connection: received messages go to an inbox, pings keep their own time."""

    def __init__(self, wire: ServerSocket, ping_interval: float, ping_timeout: float) -> None:
        self._wire = wire
        self._protocol = ServerProtocol(max_size=MAX_PAYLOAD, logger=_log)
        self._interval, self._timeout = ping_interval, ping_timeout
        self._next_ping = float("inf")
        self._pong_due = float("inf")
        self._pipe: FaultPipe | None = None
        self._fragments = b""
        self._inbox: deque[str] = deque()
        self._end: Exception | None = None  # what ends the connection once the inbox is empty
        self.packets: list[str] = []  # every text packet received

    def read_request(self) -> Request | None:
        """The opening request; ``None`` when it is no HTTP, which is then refused."""
        while True:
            self._protocol.receive_data(self._receive())
            for event in self._protocol.events_received():
                if isinstance(event, Request):
                    return event
            if self._protocol.handshake_exc:
                self._flush()
                return None

    def accept(self, request: Request, session: str) -> bool:
        """Answer 101 and the open packet; ``False`` when ``websockets`` refuses the request."""
        self._protocol.send_response(self._protocol.accept(request))
        self._flush()
        if self._protocol.state is not State.OPEN:
            return False
        opening = {
            "sid": session,
            "upgrades": [],
            "pingTimeout": round(self._timeout * 1000),
            "pingInterval": round(self._interval * 1000),
            "maxPayload": MAX_PAYLOAD,
        }
        self.send(b"0" + json.dumps(opening, separators=(",", ":")).encode())
        self._next_ping = time.monotonic() + self._interval
        return True

    def begin_answer(self, faults: Sequence[Fault]) -> None:
        """From here on messages go through the faults."""
        self._pipe = FaultPipe(faults, self, garbage_between_events=True)
        self._pipe.write(b"")

    def end_answer(self) -> None:
        """From here on messages do not go through the faults."""
        self._pipe = None

    def send(self, packet: bytes, *, fragments: int = 1) -> None:
        """Send a text packet, cut into so many WebSocket frames."""
        if self._end:
            raise self._end
        step = -(-len(packet) // fragments)
        pieces = [packet[start : start + step] for start in range(0, len(packet), step)]
        self._protocol.send_text(pieces[0], fin=len(pieces) == 1)
        for piece in pieces[1:]:
            self._protocol.send_continuation(piece, fin=piece is pieces[-1])
        self._flush(self._pipe)

    def send_binary(self, content: bytes) -> None:
        """Send a binary frame."""
        if self._end:
            raise self._end
        self._protocol.send_binary(content)
        self._flush(self._pipe)

    def receive(self) -> str:
        """The next Engine.IO message, without its type digit; pings go on meanwhile."""
        while not self._inbox:
            self.wait(None, until_message=True)
        return self._inbox.popleft()

    def wait(
        self, seconds: float | None, *, until_message: bool = False, quiet: bool = False
    ) -> None:
        """Let time pass: read what comes, and send pings (not when *quiet*)."""
        until = float("inf") if seconds is None else time.monotonic() + seconds
        while not (until_message and self._inbox):
            if self._end:
                raise self._end
            due = until if quiet else min(until, self._next_ping, self._pong_due)
            ready = self._wire.ready(None if due == float("inf") else due - time.monotonic())
            if ready:
                self._read(quiet=quiet)
            now = time.monotonic()
            if now >= until:
                return
            if not (quiet or self._end):  # a client that has closed takes no ping
                self._heartbeat(now)

    def close(self) -> None:
        """Close with code 1000, and wait a second for the client to do so too."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(1000)
            self._flush()
        until = time.monotonic() + 1.0
        try:
            while self._protocol.close_rcvd is None and self._wire.ready(until - time.monotonic()):
                self._read(quiet=False)
        except ClientGone:
            pass

    def emit(self, piece: bytes) -> None:
        """Send bytes of frames; for the faults."""
        self._wire.send(piece)

    def emit_garbage(self, piece: bytes) -> None:
        """Send *piece* as the text of a frame; for the faults."""
        self._protocol.send_text(piece)
        self._flush()

    def hold(self, seconds: float | None, *, keepalive: bool) -> None:
        """Let time pass; for the faults.  Within a frame nothing else may be sent."""
        self.wait(seconds, quiet=not keepalive)

    def _heartbeat(self, now: float) -> None:
        if now >= self._pong_due:
            self.close()
            raise ProtocolProblem(f"no pong within {self._timeout:g} s after a ping")
        if now >= self._next_ping:
            self._protocol.send_text(b"2")
            self._flush()
            self._next_ping += self._interval
            self._pong_due = min(self._pong_due, now + self._timeout)

    def _receive(self) -> bytes:
        self._wire.ready(None)
        return self._wire.receive()

    def _read(self, *, quiet: bool) -> None:
        self._protocol.receive_data(self._wire.receive())
        for frame in self._protocol.events_received():
            if isinstance(frame, Frame) and self._end is None:
                self._take(frame)
        if not quiet:
            self._flush()
        if self._end is None and self._protocol.state is not State.OPEN:
            self._end = ClientGone(f"closed with code {self._protocol.close_code}")

    def _take(self, frame: Frame) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.CONT):
            return
        self._fragments += bytes(frame.data)
        if not frame.fin:
            return
        packet, self._fragments = self._fragments.decode("utf-8", "replace"), b""
        self.packets.append(packet)
        kind = packet[:1]
        if kind == "3":
            self._pong_due = float("inf")
        elif kind == "4":
            self._inbox.append(packet[1:])
        elif kind == "1":
            self._end = ClientGone("closed by an Engine.IO packet")
        elif kind == "2":
            self._end = ProtocolProblem("the client sent a ping: in Engine.IO 4 the server does")
        else:
            self._end = ProtocolProblem(f"a packet without a known type digit: {packet[:80]!r}")

    def _flush(self, pipe: FaultPipe | None = None) -> None:
        content = b"".join(self._protocol.data_to_send())
        if content:
            (pipe.write if pipe else self._wire.send)(content)

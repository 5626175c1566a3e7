"""Faults that only a WebSocket, Engine.IO or Socket.IO has."""

from __future__ import annotations

from functools import partial

import pytest

from g4fsync.errors import (
    DeadlineExceeded,
    G4FSyncError,
    ProtocolError,
    ProviderError,
    StreamInterrupted,
    StreamTruncated,
)
from tests.faults.cells import Cell, Fault, Outcome, params
from tests.faults.farside import SocketFar, frame
from tests.faults.protocols import MYSHELL, TOKENS, Protocol
from tests.support.timing import MS

REFUSED = Outcome(ProtocolError, tokens=0)
ONE = Outcome(ProtocolError, tokens=1)
HANDSHAKE = b'0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}'
LATE = Outcome(DeadlineExceeded, tokens=0, clock="connect")


def row(name: str, script: object, expected: Outcome) -> Fault:
    return Fault(f"socket: {name}", script, expected, (MYSHELL,))  # type: ignore[arg-type]


# -- opening ------------------------------------------------------------


def upgrade(*fields: str, far: SocketFar, status: str = "101 Switching Protocols") -> None:
    far.peer.head(*fields, status=status)


def upgraded(*frames: bytes, far: SocketFar) -> None:
    """These frames after a right upgrade, then silence."""
    far.upgrade()
    for each in frames:
        far.peer.send(each)
    far.hold()


def joined(*packets: bytes, far: SocketFar) -> None:
    """These packets as the answer to the request to join the namespace, then silence."""
    far.upgrade()
    far.frame(HANDSHAKE)
    far.received()
    for packet in packets:
        far.frame(packet)
    far.hold()


OPENING = [
    row(
        "upgrade without an accept key",
        lambda far: upgrade("Upgrade: websocket", "Connection: Upgrade", far=far),
        REFUSED,
    ),
    row(
        "upgrade with a wrong accept key",
        lambda far: upgrade(
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Accept: bm9uc2Vuc2U=",
            far=far,
        ),
        REFUSED,
    ),
    row(
        "upgrade to something else",
        lambda far: upgrade("Upgrade: h2c", "Connection: Upgrade", far=far),
        REFUSED,
    ),
    row("upgraded, then silent", lambda far: upgraded(far=far), LATE),
    row(
        "upgraded, then FIN",
        lambda far: far.upgrade(),
        Outcome(StreamInterrupted, tokens=0, asks=2),
    ),
    row("no open packet", lambda far: upgraded(frame(b"40"), far=far), REFUSED),
    row("an open packet that is no JSON", lambda far: upgraded(frame(b"0{"), far=far), REFUSED),
    row(
        "an open packet without heartbeat",
        lambda far: upgraded(frame(b'0{"sid":"s"}'), far=far),
        REFUSED,
    ),
    row(
        "an open packet with a heartbeat below 0",
        lambda far: upgraded(frame(HANDSHAKE.replace(b"25000", b"-1")), far=far),
        REFUSED,
    ),
    row(
        "an open packet with a heartbeat of 1e308",
        lambda far: upgraded(frame(HANDSHAKE.replace(b"25000", b"1e308")), far=far),
        REFUSED,
    ),
    row("namespace never joined", lambda far: joined(far=far), LATE),
    row("another namespace joined", lambda far: joined(b'40/other,{"sid":"n"}', far=far), LATE),
    row(
        "namespace refused",
        lambda far: joined(b'44/chat,{"message":"Not allowed"}', far=far),
        Outcome(ProviderError, tokens=0, says="Not allowed"),
    ),
    row(
        "namespace refused without a word",
        lambda far: joined(b"44/chat,", far=far),
        Outcome(ProviderError, tokens=0),
    ),
    row(
        "namespace closed at once",
        lambda far: joined(b"41/chat,", far=far),
        Outcome(ProviderError, tokens=0),
    ),
    row("an event in place of joining", lambda far: joined(b'42/chat,["a"]', far=far), REFUSED),
    row("pings in place of joining", lambda far: joined(*[b"2"] * 50, far=far), LATE),
]


@pytest.mark.parametrize(("fault", "protocol"), params(OPENING))
def test_a_socket_that_does_not_open_is_told(cell: Cell, fault: Fault, protocol: Protocol) -> None:
    cell.run(fault, protocol)


# -- frames -------------------------------------------------------------


def between(content: bytes, far: SocketFar) -> None:
    """Raw bytes between two tokens of a right answer."""
    far.open()
    far.token(0)
    far.peer.send(content)
    far.tokens_from(1)
    far.mark()


def between_and_leave(content: bytes, far: SocketFar) -> None:
    far.open()
    far.token(0)
    far.peer.send(content)


def fragments(count: int, far: SocketFar, *, between: bytes = b"") -> None:
    """The second token in *count* frames."""
    far.open()
    far.token(0)
    packet = MYSHELL.event(TOKENS[1])
    size = len(packet) // count + 1
    pieces = [packet[at : at + size] for at in range(0, len(packet), size)]
    for i, piece in enumerate(pieces):
        opcode = 0 if i else 1
        far.peer.send(frame(piece, opcode=opcode, fin=i == len(pieces) - 1) + between)
    far.token(2)
    far.mark()


def endless_fragments(far: SocketFar) -> None:
    far.open()
    far.token(0)
    far.peer.send(frame(b"4", fin=False))
    while far.peer.send(frame(b"a" * 60_000, opcode=0, fin=False)):
        pass


def tiny_fragments(far: SocketFar) -> None:
    far.open()
    far.token(0)
    far.peer.send(frame(b"4", fin=False))
    block = frame(b"a", opcode=0, fin=False) * 20_000
    while far.peer.send(block):
        pass


def closed(code: int | None, far: SocketFar) -> None:
    far.open()
    far.token(0)
    far.peer.send(frame(b"" if code is None else code.to_bytes(2, "big") + b"why", opcode=8))


def pings(far: SocketFar) -> None:
    far.open()
    far.token(0)
    block = frame(b"2") * 5000
    while far.peer.send(block):
        pass


def unread_pings(far: SocketFar) -> None:
    """Frames of the WebSocket's own kind of ping, whose answers nobody reads."""
    far.open()
    far.token(0)
    block = frame(b"are you there?", opcode=9) * 500
    while far.peer.send(block):
        pass


def missing_ping(far: SocketFar) -> None:
    far.open(heartbeat=(int(100 * MS * 1000), int(50 * MS * 1000)))
    far.token(0)
    far.hold()


def mark_and_ping(far: SocketFar) -> None:
    """All is said before the client's pongs find the connection gone."""
    far.open()
    far.token(0)
    far.peer.send(
        frame(b"2") * 3
        + b"".join(frame(MYSHELL.event(token)) for token in TOKENS[1:])
        + frame(b"2") * 3
        + frame(MYSHELL.end)
    )
    far.fin()


TRUNCATED = Outcome(StreamTruncated, tokens=1)


def close_fault(code: int | None, error: type[G4FSyncError] = StreamTruncated) -> Fault:
    return row(f"close code {code}", partial(closed, code), Outcome(error, tokens=1))


FRAMES = [
    row("a token in 2 frames", partial(fragments, 2), Outcome()),
    row("a token in a frame a byte", partial(fragments, 9999), Outcome()),
    row(
        "a ping between fragments", partial(fragments, 3, between=frame(b"p", opcode=9)), Outcome()
    ),
    row("pongs unasked", partial(between, frame(b"p", opcode=10)), Outcome()),
    row("a binary message", partial(between, frame(b"\0\1", opcode=2)), Outcome()),
    row(
        "another namespace's event",
        partial(between, frame(b'42/other,["text_stream",{}]')),
        Outcome(),
    ),
    row("an event that wants an ack", partial(between, frame(b'42/chat,7["a",{}]')), Outcome()),
    row("a noop packet", partial(between, frame(b"6")), Outcome()),
    row("endless fragments", endless_fragments, ONE),
    row("endless fragments of a byte", tiny_fragments, ONE),
    row(
        "a frame of 2^63 bytes",
        partial(between_and_leave, b"\x81\x7f" + b"\xff" * 8),
        Outcome(StreamInterrupted, tokens=1),
    ),
    row("a masked frame", partial(between, frame(MYSHELL.event("x"), mask=b"abcd")), ONE),
    row("reserved bits", partial(between, frame(b"2", rsv=4)), ONE),
    row("a reserved opcode", partial(between, frame(b"2", opcode=3)), ONE),
    row("a ping in fragments", partial(between, frame(b"2", opcode=9, fin=False)), ONE),
    row("a ping of 200 bytes", partial(between, frame(b"p" * 200, opcode=9)), ONE),
    row("a continuation of nothing", partial(between, frame(b"2", opcode=0)), ONE),
    row(
        "a new message inside one",
        partial(between, frame(b"4", fin=False) + frame(b"4", fin=True)),
        ONE,
    ),
    row("text that is not UTF-8", partial(between, frame(b"42\xff")), ONE),
    row("an empty message", partial(between, frame(b"")), ONE),
    row("an unknown Engine.IO packet", partial(between, frame(b"9")), ONE),
    row("an unknown Socket.IO packet", partial(between, frame(b"49")), ONE),
    row("an event that is no array", partial(between, frame(b'42/chat,{"a":1}')), ONE),
    row("an event without a name", partial(between, frame(b"42/chat,[7]")), ONE),
    row("65 attachments", partial(between, frame(b'4565-/chat,["a"]')), ONE),
    row("Engine.IO close", partial(between_and_leave, frame(b"1")), TRUNCATED),
    row("Socket.IO disconnect", partial(between_and_leave, frame(b"41/chat,")), TRUNCATED),
    *(close_fault(code) for code in (1000, 1001, 1008, 1011, 1012, 1013, 3000, 4999)),
    close_fault(None),
    *(close_fault(code, ProtocolError) for code in (999, 1005, 1006, 5000)),
    row("a close frame of one byte", partial(between_and_leave, frame(b"\3", opcode=8)), ONE),
    row("a ping flood", pings, Outcome(DeadlineExceeded, tokens=1, clock="idle")),
    row(
        "a ping flood of the WebSocket's own",
        unread_pings,
        Outcome(DeadlineExceeded, tokens=1, clock="idle"),
    ),
    row("a missing ping", missing_ping, Outcome(StreamInterrupted, tokens=1, within=150 * MS)),
    row("all said before it left", mark_and_ping, Outcome()),
]


@pytest.mark.parametrize(("fault", "protocol"), params(FRAMES))
def test_a_frame_is_read_to_the_letter(cell: Cell, fault: Fault, protocol: Protocol) -> None:
    cell.run(fault, protocol)

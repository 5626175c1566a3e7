"""Engine.IO 4 packets, one per WebSocket text frame: a type digit and a payload.

https://socket.io/docs/v4/engine-io-protocol/; checked against python-engineio
4.15.  The server pings and the client answers, the other way round than in
protocol 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from . import strict

MAX_PING_SECONDS = 86_400.0  # a longer heartbeat would never show that a connection is dead


class PacketType(Enum):
    """What a packet is; the value is its digit."""

    OPEN = "0"
    CLOSE = "1"
    PING = "2"
    PONG = "3"
    MESSAGE = "4"
    UPGRADE = "5"
    NOOP = "6"


_TYPES = {packet_type.value: packet_type for packet_type in PacketType}


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet; a message's payload is a Socket.IO packet."""

    type: PacketType
    payload: str = ""


def decode(frame: str) -> Packet:
    """The packet in a text frame; :class:`ProtocolError` when it is none."""
    packet_type = _TYPES.get(frame[:1])
    if packet_type is None:
        raise strict.unexpected("an Engine.IO packet", frame)
    return Packet(packet_type, frame[1:])


def encode(packet: Packet) -> str:
    """The text frame for *packet*."""
    return packet.type.value + packet.payload


@dataclass(frozen=True, slots=True)
class Handshake:
    """What the server's open packet tells.

    ``ping_interval`` and ``ping_timeout`` are seconds; an interval of 0 is one below a
    second that the server has cut down.  ``max_payload`` is bytes, ``None`` from servers
    that do not tell.
    """

    sid: str
    ping_interval: float
    ping_timeout: float
    max_payload: int | None = None

    @property
    def max_silence(self) -> float:
        """Seconds without a single packet after which the connection is dead.

        The interval and the time-out together.  python-engineio (4.15 and before) cuts the
        interval that it announces down to seconds and pings as it was set, so that one of
        full seconds may be longer by up to a second.
        """
        cut_off = 1.0 if self.ping_interval % 1 == 0 else 0.0
        return self.ping_interval + cut_off + self.ping_timeout

    @classmethod
    def parse(cls, payload: str) -> Handshake:
        """The handshake in an open packet's payload; :class:`ProtocolError` when it is none."""
        value = strict.parse(payload)
        if not isinstance(value, dict):
            raise strict.unexpected("an Engine.IO handshake", payload)
        sid, max_payload = value.get("sid"), value.get("maxPayload")
        interval, timeout = _seconds(value.get("pingInterval")), _seconds(value.get("pingTimeout"))
        if not isinstance(sid, str) or not sid or interval is None or not timeout:
            raise strict.unexpected("an Engine.IO handshake", payload)
        if max_payload is not None and (type(max_payload) is not int or max_payload <= 0):
            raise strict.unexpected("an Engine.IO handshake with a maxPayload in bytes", payload)
        return cls(sid, interval, timeout, max_payload)


def _seconds(milliseconds: Any) -> float | None:
    """Seconds of a sane number of milliseconds, not below zero, else ``None``."""
    # type() and not isinstance(): true is an int to Python, but not to JSON.
    if type(milliseconds) not in (int, float) or not 0 <= milliseconds <= MAX_PING_SECONDS * 1000:
        return None
    return float(milliseconds / 1000)

"""Socket.IO 5 packets, as carried by Engine.IO messages.

https://socket.io/docs/v4/socket-io-protocol/; checked against python-socketio
5.18.  The general form is ``TYPE [N "-"] [NAMESPACE ","] [ACK-ID] [JSON]``: N
is the number of binary frames that follow, the root namespace is left out, and
there is no blank between the parts.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

from . import strict

MAX_ATTACHMENTS = 64  # binary frames one packet may announce
MAX_ACK_DIGITS = 15


class PacketType(Enum):
    """What a packet is; the value is its digit."""

    CONNECT = "0"
    DISCONNECT = "1"
    EVENT = "2"
    ACK = "3"
    CONNECT_ERROR = "4"
    BINARY_EVENT = "5"
    BINARY_ACK = "6"


@dataclass(frozen=True, slots=True)
class SocketEvent:
    """One event: its name, its arguments, however many, and the ack it wants, if any."""

    name: str
    args: tuple[Any, ...] = ()
    ack_id: int | None = None


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet.

    ``data`` is the JSON value behind the head, ``None`` without one: a list
    that begins with the name for events, a list for acks, an object for
    connect, an object with ``message`` or a bare string for connect error.
    ``attachments`` binary frames follow the packet.
    """

    type: PacketType
    namespace: str = "/"
    data: Any = None
    ack_id: int | None = None
    attachments: int = 0

    def event(self) -> SocketEvent:
        """The event in a packet that is one; placeholders of attachments stay as they are."""
        name, *args = self.data
        return SocketEvent(name, tuple(args), self.ack_id)


_BINARY = (PacketType.BINARY_EVENT, PacketType.BINARY_ACK)

# Type, attachments, namespace, ack id; digits beyond the limits fall to the JSON
# part and fail there.  A namespace may carry a query (/chat?x=1,), no part of its name.
_HEAD = re.compile(
    rf"([0-6])(?:([0-9]{{1,2}})-)?(?:(/[^,?]*)[^,]*,?)?([0-9]{{0,{MAX_ACK_DIGITS}}})"
)

# Escaped to ASCII, as Python servers do: a lone surrogate could not be sent raw.
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def decode(payload: str) -> Packet:
    """The packet in an Engine.IO message; :class:`ProtocolError` when it is none."""
    head = _HEAD.match(payload)
    if head is None:
        raise strict.unexpected("a Socket.IO packet", payload)
    digit, attachments, namespace, ack_id = head.groups()
    rest = payload[head.end() :]
    packet = Packet(
        PacketType(digit),
        namespace or "/",
        strict.parse(rest) if rest else None,
        int(ack_id) if ack_id else None,
        int(attachments or 0),
    )
    announces = attachments is not None
    if announces is not (packet.type in _BINARY) or not _has_its_shape(packet):
        raise strict.unexpected(f"a Socket.IO {packet.type.name} packet", payload)
    return packet


def encode(packet: Packet) -> str:
    """The Engine.IO message payload for *packet*; ``ValueError`` or ``TypeError`` if not JSON."""
    attachments = f"{packet.attachments}-" if packet.type in _BINARY else ""
    namespace = "" if packet.namespace == "/" else f"{packet.namespace},"
    ack_id = "" if packet.ack_id is None else str(packet.ack_id)
    text = "" if packet.data is None else _encode(packet.data)
    return f"{packet.type.value}{attachments}{namespace}{ack_id}{text}"


def _has_its_shape(packet: Packet) -> bool:
    """Whether the parts are those its type has."""
    match packet:
        case (
            Packet(PacketType.EVENT | PacketType.BINARY_EVENT, data=[str(), *_])
            | Packet(PacketType.ACK | PacketType.BINARY_ACK, data=[*_], ack_id=int())
            | Packet(PacketType.CONNECT, data=None | {}, ack_id=None)
            | Packet(PacketType.CONNECT_ERROR, data=None | {} | str(), ack_id=None)
            | Packet(PacketType.DISCONNECT, data=None, ack_id=None)
        ):
            return packet.attachments <= MAX_ATTACHMENTS
        case _:
            return False


def name_and_arguments(text: bytes) -> list[Any]:
    """What a plain event's array holds, its name first."""
    values = strict.parse(text)
    if not (isinstance(values, list) and values and isinstance(values[0], str)):
        raise strict.unexpected("a Socket.IO event", text)
    return values

"""The server's end of a WebSocket written by hand, to send what no library would."""

from __future__ import annotations

import base64
import hashlib
import json
import struct

from tests.support.servers import Peer

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


def accept(peer: Peer) -> bool:
    """Answer the upgrade."""
    request = peer.request()
    if request is None:
        return False
    key = request.headers["sec-websocket-key"].encode()
    digest = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()
    return peer.head(
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {digest}",
        status="101 Switching Protocols",
    )


def frame(payload: str | bytes, *, opcode: int = TEXT, fin: bool = True) -> bytes:
    """One unmasked frame."""
    content = payload.encode() if isinstance(payload, str) else payload
    first = opcode | (0x80 if fin else 0)
    if len(content) < 126:
        head = struct.pack("!BB", first, len(content))
    elif len(content) < 65_536:
        head = struct.pack("!BBH", first, 126, len(content))
    else:
        head = struct.pack("!BBQ", first, 127, len(content))
    return head + content


def receive(peer: Peer) -> tuple[int, bytes] | None:
    """Opcode and payload of the client's next frame; ``None`` when it has left."""
    head = peer.receive_exactly(2)
    if len(head) < 2:
        return None
    size = head[1] & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", peer.receive_exactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", peer.receive_exactly(8))
    mask = peer.receive_exactly(4)
    content = peer.receive_exactly(size)
    if len(content) < size:
        return None
    return head[0] & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(content))


def open_packet(ping_interval: float = 25.0, ping_timeout: float = 20.0) -> bytes:
    """Engine.IO's first packet; seconds."""
    opening = {
        "sid": "s",
        "upgrades": [],
        "pingInterval": round(ping_interval * 1000),
        "pingTimeout": round(ping_timeout * 1000),
    }
    return frame("0" + json.dumps(opening))


def connect_namespace(peer: Peer, ping_interval: float = 25.0, ping_timeout: float = 20.0) -> bool:
    """Everything up to the connected namespace ``/chat``."""
    if not accept(peer) or not peer.send(open_packet(ping_interval, ping_timeout)):
        return False
    if receive(peer) is None:
        return False
    return peer.send(frame('40/chat,{"sid":"n"}'))

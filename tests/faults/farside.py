"""The misbehaving far side: what a fault's script says over one connection."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from tests.faults.protocols import TOKENS, Protocol, prepare
from tests.support.servers import Peer, Request
from tests.support.timing import PATIENCE

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_HANDSHAKE = b'0{"sid":"s","upgrades":[],"pingInterval":%d,"pingTimeout":%d,"maxPayload":1000000}'


class Reader:
    """How far the caller has read; the far side waits for it, so that a cut is exact."""

    def __init__(self) -> None:
        self._changed = threading.Condition()  # guards _count
        self._count = 0
        self._over = False

    def left(self) -> None:
        """The call is over; nobody needs to wait any more."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def has(self, count: int) -> None:
        with self._changed:
            self._count = count
            self._changed.notify_all()

    def wait(self, count: int) -> None:
        """Until the caller has that many tokens, or has given up."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._count >= count, PATIENCE)


class Far(ABC):
    """One answer under way; ``request`` is the one that asks, already read."""

    def __init__(self, peer: Peer, protocol: Protocol, request: Request, reader: Reader) -> None:
        self.peer = peer
        self.protocol = protocol
        self.request = request
        self._reader = reader

    @abstractmethod
    def open(self, *fields: str, framing: str = "chunked") -> None:
        """All that comes before the first token, in right form."""

    @abstractmethod
    def send(self, event: bytes, *, upto: int | None = None) -> bool:
        """Send one event in its framing, or only the first *upto* bytes of it."""

    @abstractmethod
    def finish(self) -> None:
        """End the answer in right form."""

    @abstractmethod
    def keepalive(self) -> bool:
        """Say nothing, but say it; false when the client has left."""

    def token(self, index: int) -> None:
        """Send a token, and wait until the caller has it."""
        self.send(self.protocol.event(TOKENS[index]))
        self._reader.wait(index + 1)

    def tokens(self, count: int = len(TOKENS)) -> None:
        for index in range(count):
            self.token(index)

    def tokens_from(self, first: int) -> None:
        for index in range(first, len(TOKENS)):
            self.token(index)

    def whole(self) -> None:
        """The rest of a right answer, from its first token on."""
        self.tokens()
        self.mark()

    def mark(self) -> None:
        """The end mark and what follows it, in right form."""
        if self.protocol.end:
            self.send(self.protocol.end)
        self.finish()

    def fin(self) -> None:
        """End the connection; the server closes it when the script ends."""
        self.peer.server.noted.append("FIN")

    def reset(self) -> None:
        self.peer.reset()

    def hold(self) -> None:
        """Be silent until the client leaves, but for answers to further requests."""
        while (request := self.peer.request()) is not None:
            prepare(self.peer, request)


class HttpFar(Far):
    """An HTTP answer; its framing is ``chunked``, ``length`` or ``closed``."""

    framing = "chunked"

    def open(self, *fields: str, framing: str = "chunked") -> None:
        self.head(*fields, framing=framing)
        if self.protocol.start:
            self.send(self.protocol.start)

    def head(self, *fields: str, framing: str = "chunked", media_type: str | None = None) -> None:
        self.framing = framing
        kind = self.protocol.media_type if media_type is None else media_type
        mine = [f"Content-Type: {kind}"] if kind else []
        if framing == "chunked":
            mine.append("Transfer-Encoding: chunked")
        elif framing == "length":
            mine.append(f"Content-Length: {len(self.protocol.answer)}")
        else:
            mine.append("Connection: close")
        self.peer.head(*mine, *fields)

    def send(self, event: bytes, *, upto: int | None = None) -> bool:
        content = event if upto is None else event[:upto]
        return self.peer.chunk(content) if self.framing == "chunked" else self.peer.send(content)

    def finish(self) -> None:
        if self.protocol.after:
            self.send(self.protocol.after)
        if self.framing == "chunked":
            self.peer.send(b"0\r\n\r\n")

    def keepalive(self) -> bool:
        return self.send(self.protocol.keepalive)


class SocketFar(Far):
    """A Socket.IO namespace over a WebSocket, frames by hand."""

    def open(self, *fields: str, framing: str = "", heartbeat: tuple[int, int] = (25000, 20000)):  # type: ignore[no-untyped-def]
        """Up to the question; *heartbeat* is interval and timeout in milliseconds."""
        self.upgrade(*fields)
        self.frame(_HANDSHAKE % heartbeat)
        self.received()  # 40/chat,{...}
        self.frame(b'40/chat,{"sid":"n"}')
        self.received()  # 42/chat,["text_chat",{...}]

    def upgrade(self, *fields: str, status: str = "101 Switching Protocols") -> None:
        key = self.request.headers["sec-websocket-key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + _MAGIC).digest()).decode()
        self.peer.head(
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept}",
            *fields,
            status=status,
        )

    def send(self, event: bytes, *, upto: int | None = None) -> bool:
        content = frame(event)
        if upto is not None:  # a cut of the payload
            content = content[: len(content) - len(event) + upto]
        return self.peer.send(content)

    def frame(self, payload: bytes, **how: Any) -> bool:
        return self.peer.send(frame(payload, **how))

    def received(self) -> bytes:
        """The next text message of the client's; pongs and the like are skipped."""
        while True:
            head = self.peer.receive_exactly(2)
            if len(head) < 2:
                return b""
            size = head[1] & 0x7F
            if size > 125:
                size = int.from_bytes(self.peer.receive_exactly(2 if size == 126 else 8), "big")
            mask = self.peer.receive_exactly(4)
            masked = self.peer.receive_exactly(size)
            payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked))
            if head[0] & 0x0F == 1 and not re.fullmatch(rb"3.*", payload):
                return payload

    def finish(self) -> None:
        self.frame((1000).to_bytes(2, "big"), opcode=8)

    def keepalive(self) -> bool:
        return self.frame(b"2")

    def hold(self) -> None:
        self.peer.hold()


def frame(
    payload: bytes, *, opcode: int = 1, fin: bool = True, mask: bytes = b"", rsv: int = 0
) -> bytes:
    """One WebSocket frame, as RFC 6455 draws it."""
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    flag = 0x80 if mask else 0
    if size < 126:
        head += bytes([flag | size])
    elif size < 65536:
        head += bytes([flag | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([flag | 127]) + size.to_bytes(8, "big")
    if mask:
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return head + mask + payload


Script = Callable[[Any], None]  # takes the kind of Far its protocols have


def talk(protocol: Protocol, script: Script, reader: Reader) -> Callable[[Peer], None]:
    """What a server does with a connection: all in right form, but *script* at the question."""
    kind = SocketFar if protocol.is_socket else HttpFar

    def serve(peer: Peer) -> None:
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (request := peer.request()) is not None:
            if protocol.is_ask(request):
                script(kind(peer, protocol, request, reader))
                return
            prepare(peer, request)

    return serve

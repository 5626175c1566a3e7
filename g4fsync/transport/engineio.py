"""Engine.IO 4 over websocket-client: one session on one WebSocket.

Facts, from the protocol's specification (https://socket.io/docs/v4/engine-io-protocol/)
unless another source is named:

* A session may begin as a WebSocket, without the polling most clients begin with:
  ``GET PATH?EIO=4&transport=websocket`` and the usual upgrade.
* Its first packet is an ``open`` with the handshake: ping interval, ping timeout
  and the largest payload the server takes (:class:`.codecs.engineio.Handshake`).
* Each text frame is one packet.  A binary frame has no type digit: it is an
  attachment of a message that has come before.
* The server pings, and drops whoever does not answer within its ping timeout; the
  other way round than in protocol 3.  A server that is silent for longer than
  interval and timeout together is gone.

So a session must answer also while the caller sleeps or thinks between two tokens.
When its owner is not reading it, the *heartbeat* (:mod:`.heartbeat`), one thread for
the process, looks in every now and then: it takes what has arrived, answers the
pings, and leaves the rest for the owner.  It never blocks, and it ends with the last
connection.

Rules of this file, and what breaks without them:

* ``_busy`` is held by whoever reads or sends.  The heartbeat makes the socket
  non-blocking while it looks in, and half of a long message would fail on that.
* A packet is waiting or still on the socket, never both; what is waiting comes
  first, and a failure the heartbeat met comes after it, so that the owner sees the
  order in which the server sent.
* What waits is bounded: beyond ``MAX_WAITING_BYTES`` nothing is read, pings
  included, and TCP holds the server back.
* An end of data may be our own: the scope is asked before it is believed.
"""

from __future__ import annotations

import ssl
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import websocket
from websocket import ABNF

from ..codecs import engineio
from ..codecs.engineio import Handshake
from ..errors import G4FSyncError, InvalidRequest, ProtocolError, StreamInterrupted
from . import failures, heartbeat
from .connections import SocketHandle
from .frames import MessageSocket
from .outgoing import checked_headers

if TYPE_CHECKING:
    from .live import LiveTransport

MAX_WAITING_BYTES = 2**20  # arrived, not yet asked for; beyond it reading stops
MAX_VISIT_MESSAGES = 1000  # taken by the heartbeat in one go; there may be others to look after

_FOREIGN: tuple[type[Exception], ...] = (websocket.WebSocketException,)
_ALL_FOREIGN = failures.FOREIGN + _FOREIGN
_TROUBLE: tuple[type[Exception], ...] = (*_ALL_FOREIGN, G4FSyncError)
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_OPEN = engineio.PacketType.OPEN
_PING, _PONG = engineio.PacketType.PING, engineio.PacketType.PONG
MESSAGE, CLOSE = engineio.PacketType.MESSAGE, engineio.PacketType.CLOSE


class EngineIOSession:
    """One Engine.IO session of an attempt; it connects in :meth:`_open_session`."""

    def __init__(self, transport: LiveTransport, path: str, headers: Mapping[str, str]) -> None:
        self._transport = transport
        self._path = path
        self._headers = checked_headers({**transport.destination.headers, **headers})
        self._handle: SocketHandle | None = None
        self._ws = MessageSocket()
        # Guards the socket's timeout, which the heartbeat changes, and with it all
        # reading and sending; also _waiting and _failure. Re-entrant: the heartbeat's
        # thread may happen to collect the stream this belongs to.
        self._busy = threading.RLock()
        self._waiting: deque[engineio.Packet] = deque()
        self._waiting_bytes = 0
        self._failure: Exception | None = None
        self.handshake = Handshake("", 25.0, 20.0)

    def close(self, *, graceful: bool = False) -> None:
        """Leave; never waits for the far side."""
        heartbeat.remove(self)
        if self._handle is None:
            return
        self._handle.drop()
        inherited, self._handle = self._handle.scope.forked, None
        if inherited:  # by fork: the parent goes on using the connection
            return
        # The heartbeat may be looking in just now; it never takes long.
        with self._busy:
            stream, self._ws.stream = self._ws.stream, None
        if stream is not None:
            with suppress(*_ALL_FOREIGN):  # websocket-client may have closed it
                stream.settimeout(0)
                if graceful:
                    self._ws.send_close()
            stream.close()

    # -- opening --------------------------------------------------------

    def _open_session(self) -> None:
        self._open_websocket()
        opened = self._take()
        if opened is None or opened.type is not _OPEN:
            raise ProtocolError(f"expected an Engine.IO open packet, got {opened!r:.100}")
        self.handshake = Handshake.parse(opened.payload)
        if self._ws.stream is not None:
            # A read that lasts longer means that the server is gone: it would have pinged.
            self._ws.stream.settimeout(self.handshake.max_silence)

    def _open_websocket(self) -> None:
        transport = self._transport
        url = transport.url(self._path) + "?EIO=4&transport=websocket"
        network, scope = transport.network, transport.scope
        self._handle = SocketHandle(scope)
        with failures.MappedFailures(scope, transport.host, also=_FOREIGN):
            proxies = network.proxies(url)
            sock = network.adapter.open_socket(
                self._handle, url, proxies=proxies, verify=network.trusted(url, proxies)
            )
            self._ws.attach(sock)
            self._handle.use(sock)
            try:
                self._ws.open(url, self._headers, transport.destination.cookies)
            except G4FSyncError as error:
                raise transport.without_secrets(error) from error.__cause__
        if self._ws.stream is not None:
            self._ws.stream.limit = transport.network.limits.message

    # -- sending --------------------------------------------------------

    def _send_message(self, payload: str) -> None:
        """Send *payload* as one message; it blocks while the server reads nothing."""
        frame = engineio.encode(engineio.Packet(MESSAGE, payload))
        limit = self.handshake.max_payload
        # A server closes the connection on what is longer.
        if limit is not None and len(frame) > limit:
            raise InvalidRequest(
                f"the message has {len(frame)} bytes, more than the {limit} the server takes"
            )
        with (
            self._busy,
            failures.MappedFailures(
                self._transport.scope, self._transport.host, reading=True, also=_FOREIGN
            ),
        ):
            self._ws.send(frame)

    # -- receiving ------------------------------------------------------

    def _take(self) -> engineio.Packet | None:
        """The next packet that is no ping; blocks.  ``None`` when the far side closed."""
        scope = self._transport.scope
        with (
            self._busy,
            failures.MappedFailures(scope, self._transport.host, reading=True, also=_FOREIGN),
        ):
            if self._waiting:
                packet = self._waiting.popleft()
                self._waiting_bytes -= _weight(packet)
                return packet
            if self._failure is not None:
                raise self._failure
            while True:
                scope.start_idle()
                try:
                    opcode, data = self._ws.receive()
                except websocket.WebSocketTimeoutException as exc:
                    scope.check()
                    raise StreamInterrupted("the server's heartbeat has stopped") from exc
                if opcode == ABNF.OPCODE_CLOSE:
                    # Our own shutdown may look like the server's farewell.
                    scope.check()
                    return None
                found = self._packet(opcode, data)
                if found is not None:
                    return found
                if scope.ended is not None:  # much may have arrived before the socket was shut
                    scope.check()

    def _packet(self, opcode: int, data: bytes) -> engineio.Packet | None:
        """The packet in a WebSocket message; pings are answered and give none."""
        if opcode == ABNF.OPCODE_BINARY:
            return None  # an attachment; the event it belongs to has been handed out
        try:
            packet = engineio.decode(data.decode())
        except UnicodeDecodeError as exc:
            raise ProtocolError("a text frame is not UTF-8", evidence=repr(data[:80])) from exc
        if packet.type is _PING:
            self._answer(packet)
            return None
        return packet

    def _answer(self, ping: engineio.Packet) -> None:
        try:
            self._ws.send(engineio.encode(engineio.Packet(_PONG, ping.payload)))
        except _WOULD_BLOCK as exc:  # half a frame may have gone: nothing can be sent any more
            raise StreamInterrupted("the server does not read what it is sent") from exc
        except ConnectionError:
            pass  # what has arrived still counts; reading on will tell how it ended

    # -- for the heartbeat ----------------------------------------------

    def service(self) -> None:
        """Answer pings and store the rest, unless the owner is reading; never blocks."""
        if not self._busy.acquire(blocking=False):
            return
        stream = self._ws.stream
        try:
            if stream is None:
                return
            before = stream.gettimeout()
            stream.settimeout(0)
            try:
                for _ in range(MAX_VISIT_MESSAGES):
                    if self._failure is not None or self._waiting_bytes >= MAX_WAITING_BYTES:
                        break
                    self._store(*self._ws.receive())
            except _WOULD_BLOCK:
                pass  # nothing more for now
            finally:
                stream.settimeout(before)
        except _TROUBLE as exc:
            self._failure = exc  # the owner's to raise
        finally:
            self._busy.release()

    def _store(self, opcode: int, data: bytes) -> None:
        if opcode == ABNF.OPCODE_CLOSE:
            packet: engineio.Packet | None = engineio.Packet(CLOSE)
            self._failure = StreamInterrupted("the server closed the connection")
        else:
            packet = self._packet(opcode, data)
        if packet is not None:
            self._waiting.append(packet)
            self._waiting_bytes += _weight(packet)


def _weight(packet: engineio.Packet) -> int:
    """About how many bytes a waiting packet takes, those without a payload included."""
    return len(packet.payload) + 100

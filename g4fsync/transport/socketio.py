"""Socket.IO over websocket-client: one namespace on one WebSocket.

The server pings and drops whoever does not answer in time (Engine.IO 4), also
while the caller sleeps or thinks between two tokens.  So when the owner of a
connection is not reading it, the *heartbeat*, one thread for the process, looks
in every now and then: it takes what has arrived, answers the pings, and leaves
the rest for the owner.  It never blocks, and it ends with the last connection.

``_busy`` is held by whoever reads or sends.  A packet is waiting or still on the
socket, never both; what is waiting comes first, and a failure the heartbeat met
comes after it, so the owner sees the order in which the server sent.
"""

from __future__ import annotations

import ssl
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import websocket
from websocket import ABNF

from ..codecs import engineio, socketio
from ..codecs.engineio import Handshake
from ..codecs.socketio import SocketEvent
from ..errors import G4FSyncError, InvalidRequest, ProtocolError, ProviderError, StreamInterrupted
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
_MESSAGE, _CLOSE = engineio.PacketType.MESSAGE, engineio.PacketType.CLOSE
_Type = socketio.PacketType


class SocketIOConnection:
    """One connected namespace; :class:`~.base.SocketIO` tells what it promises.

    Use it as a context manager: entering connects.
    """

    def __init__(
        self,
        transport: LiveTransport,
        path: str,
        namespace: str,
        auth: Any,
        headers: Mapping[str, str],
    ) -> None:
        self._transport = transport
        self._path = path
        self._namespace = namespace
        self._auth = auth
        self._event_prefix = f"42{namespace},[".encode()  # of a plain event in our namespace
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

    def __enter__(self) -> SocketIOConnection:
        scope = self._transport.scope
        scope.check()
        scope.start_connect()
        try:
            self._open_websocket()
            self._connect_namespace()
        finally:
            scope.stop_connect()
        heartbeat.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.close(graceful=True)

    def emit(self, name: str, *args: Any) -> None:
        self._send(socketio.Packet(_Type.EVENT, self._namespace, [name, *args]))
        self._transport.sent = True

    def __iter__(self) -> Iterator[SocketEvent]:
        while True:
            yield from self._events_at_hand()
            packet = self._next()
            if packet is None or packet.type is _Type.DISCONNECT:
                return
            if packet.type in (_Type.EVENT, _Type.BINARY_EVENT):
                if packet.ack_id is not None:
                    self._send(socketio.Packet(_Type.ACK, self._namespace, [], packet.ack_id))
                yield packet.event()

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

    def _connect_namespace(self) -> None:
        opened = self._take()
        if opened is None or opened.type is not _OPEN:
            raise ProtocolError(f"expected an Engine.IO open packet, got {opened!r:.100}")
        self.handshake = Handshake.parse(opened.payload)
        if self._ws.stream is not None:
            self._ws.stream.settimeout(self.handshake.max_silence)
        self._send(socketio.Packet(_Type.CONNECT, self._namespace, self._auth))
        answer = self._next()
        if answer is None or answer.type is _Type.DISCONNECT:
            raise ProviderError(f"the server closed namespace {self._namespace} at once")
        if answer.type is _Type.CONNECT_ERROR:
            message = answer.data.get("message") if isinstance(answer.data, dict) else answer.data
            raise ProviderError(
                f"namespace {self._namespace} refused: {message}",
                code="connect_error",
                body=str(answer.data),
            )
        if answer.type is not _Type.CONNECT:
            raise ProtocolError(f"expected the namespace to be connected, got {answer!r:.100}")

    # -- sending --------------------------------------------------------

    def _send(self, packet: socketio.Packet) -> None:
        try:
            frame = engineio.encode(engineio.Packet(_MESSAGE, socketio.encode(packet)))
        except (TypeError, ValueError) as exc:
            raise InvalidRequest(f"a message or option can't be sent as JSON: {exc}") from exc
        limit = self.handshake.max_payload
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

    def _next(self) -> socketio.Packet | None:
        """The next Socket.IO packet of our namespace; ``None`` when the far side closed."""
        while True:
            packet = self._take()
            if packet is None or packet.type is _CLOSE:
                return None
            if packet.type is not _MESSAGE:
                continue
            message = socketio.decode(packet.payload)
            if message.namespace == self._namespace:
                return message

    def _events_at_hand(self) -> list[SocketEvent]:
        """The plain events that have arrived whole, up to the first of anything else."""
        events: list[SocketEvent] = []
        with self._busy:
            stream = self._ws.stream
            if self._waiting or self._failure is not None or stream is None:
                return events
            if not self._ws.is_between_frames:
                return events
            while (frame := stream.frame_at_hand(self._event_prefix)) is not None:
                text, end = frame
                try:
                    name, *args = socketio.name_and_arguments(text)
                except ProtocolError:
                    break  # which the plain way will find too, after these events
                stream.skip_to(end)
                events.append(SocketEvent(name, tuple(args)))
        return events

    def _take(self) -> engineio.Packet | None:
        """The next Engine.IO packet that is no ping; blocks."""
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
            return None  # an attachment; the event it belongs to has been told
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

    def service(self) -> None:
        """For the heartbeat: answer pings and store the rest, unless the owner is reading."""
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
            packet: engineio.Packet | None = engineio.Packet(_CLOSE)
            self._failure = StreamInterrupted("the server closed the connection")
        else:
            packet = self._packet(opcode, data)
        if packet is not None:
            self._waiting.append(packet)
            self._waiting_bytes += _weight(packet)


def _weight(packet: engineio.Packet) -> int:
    """About how many bytes a waiting packet takes, those without a payload included."""
    return len(packet.payload) + 100

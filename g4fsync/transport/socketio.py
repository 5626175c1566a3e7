"""Socket.IO 5: one namespace on an Engine.IO session (:mod:`.engineio`) of its own.

Facts, from the protocol's specification (https://socket.io/docs/v4/socket-io-protocol/);
how a packet is written stands in :mod:`..codecs.socketio`:

* A namespace is connected by a packet of its own, with the auth data, the root
  namespace too: the server does not connect anybody unasked as it did in protocol 4.
* It answers ``connect``, or ``connect error`` with a message.  The session stands in
  both cases, and other namespaces on it are other conversations: what belongs to
  them is skipped.
* An event with an ack id wants an ``ack`` of the same id.  The provider has nothing to
  say in it, but python-socketio's ``call()`` waits for it.
* A binary event names its attachments, which follow in binary frames.  No chat
  provider sends text that way, so they are not put together.
* ``disconnect`` ends the namespace, Engine.IO's ``close`` and a WebSocket's close frame
  the session: to whoever reads events all of them are the end.  Whether the answer
  was complete is for the provider to know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..codecs import socketio
from ..codecs.socketio import SocketEvent
from ..errors import InvalidRequest, ProtocolError, ProviderError
from . import heartbeat
from .engineio import CLOSE, MESSAGE, EngineIOSession

if TYPE_CHECKING:
    from .live import LiveTransport

_Type = socketio.PacketType


class SocketIOConnection(EngineIOSession):
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
        super().__init__(transport, path, headers)
        self._namespace = namespace
        self._auth = auth
        self._event_prefix = f"42{namespace},[".encode()  # of a plain event in our namespace

    def __enter__(self) -> SocketIOConnection:
        scope = self._transport.scope
        scope.check()
        scope.start_connect()
        try:
            self._open_session()
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

    def _connect_namespace(self) -> None:
        self._send(socketio.Packet(_Type.CONNECT, self._namespace, self._auth))
        answer = self._next()
        if answer is None or answer.type is _Type.DISCONNECT:
            raise ProviderError(f"the server closed namespace {self._namespace} at once")
        if answer.type is _Type.CONNECT_ERROR:
            # An object since protocol 5, a bare string before it.
            message = answer.data.get("message") if isinstance(answer.data, dict) else answer.data
            raise ProviderError(
                f"namespace {self._namespace} refused: {message}",
                code="connect_error",
                body=str(answer.data),
            )
        if answer.type is not _Type.CONNECT:
            raise ProtocolError(f"expected the namespace to be connected, got {answer!r:.100}")

    def _send(self, packet: socketio.Packet) -> None:
        try:
            payload = socketio.encode(packet)
        except (TypeError, ValueError) as exc:
            raise InvalidRequest(f"a message or option can't be sent as JSON: {exc}") from exc
        self._send_message(payload)

    def _next(self) -> socketio.Packet | None:
        """The next packet of our namespace; ``None`` when the far side closed."""
        while True:
            packet = self._take()
            if packet is None or packet.type is CLOSE:
                return None
            if packet.type is not MESSAGE:
                continue
            message = socketio.decode(packet.payload)
            if message.namespace == self._namespace:
                return message

    def _events_at_hand(self) -> list[SocketEvent]:
        """The plain events that have arrived whole, up to the first of anything else.

        A shortcut through a burst, one lock and one check for a block of events.  What it
        does not know is left where it is, for :meth:`_next`: an ack id, another namespace,
        a ping, a fragment, garbage.  So it can't change what is read, only how fast.
        """
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

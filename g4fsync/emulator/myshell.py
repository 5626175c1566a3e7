"""The far side of Myshell (myshell.ai): Socket.IO 5 over one WebSocket, namespace ``/chat``.

Facts, as seen on the wire of the reference client (g4f 0.1.5 to 0.4.9) and of
python-socketio 5.18: path ``/ws/`` with ``EIO=4&transport=websocket``; auth data
``token`` null and ``visitorId``; one event ``text_chat`` with seven signed members;
the answer is events ``text_stream`` whose ``data`` has ``text`` and ``isFinal``; the final
one is the end.  A question too soon after connecting draws
``need_verify_captcha``; ``message_replied`` comes instead of a stream when the service
refuses.  A namespace that is not served is answered with a JSON string.

Guesses: the arguments of ``need_verify_captcha`` and ``message_replied``
(``{"message": ...}``), and that a wrong signature draws the captcha.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from websockets.http11 import Request

from .checks import Wrong, check_browser
from .encoding import compact
from .engineio import EngineIO, ProtocolProblem
from .exchange import Answered, Exchange, PlannedRefusal
from .farside import FarSide, FaultKind, Pace
from .faults import (
    Captcha,
    Disconnect,
    InBandError,
    MessageReplied,
    NoEndMark,
    RefuseNamespace,
    Silence,
)
from .http import outcome
from .listener import Listener
from .replies import Reply, unflatten
from .visitor import question_problem, visitor_problem
from .wire import ClientGone, CutShort, Wire

UNSUPPORTED = "The client is using an unsupported version of the Socket.IO or Engine.IO protocols"


class Myshell(FarSide):
    """Myshell's server.

    ``ping_interval``, ``ping_timeout``
        seconds between Engine.IO pings, and for a pong to come.
    ``settle_seconds``
        a question sooner than that after connecting draws a captcha.
    ``final_has_text``
        send the last token in the final frame instead of an empty text.
    ``now``
        the server's clock.
    """

    name = "myshell"

    def __init__(self, reply: Reply, pace: Pace) -> None:
        super().__init__(reply, pace)
        self.ping_interval = 25.0
        self.ping_timeout = 20.0
        self.settle_seconds = 0.0
        self.final_has_text = False
        self.now: Callable[[], float] = time.time

    def serve(self, wire: Wire, listener: Listener) -> None:
        """Serve one connection until it ends."""
        engine = EngineIO(wire, self.ping_interval, self.ping_timeout)
        try:
            request = engine.read_request()
        except ClientGone:
            return
        if request is None:
            return
        path, _, query = request.path.partition("?")
        exchange = Exchange(
            wire,
            method="GET",
            path=path,
            query=MappingProxyType(dict(parse_qsl(query, keep_blank_values=True))),
            headers=MappingProxyType({k.lower(): v for k, v in request.headers.raw_items()}),
            content=b"",
        )
        exchange.closes = True
        exchange.captcha_page = False
        exchange.call = "chat"
        exchange.faults = self.take_faults("chat")
        exchange.number = self.journal.open(
            call="chat",
            method="GET",
            path=path,
            query=exchange.query,
            headers=exchange.headers,
            raw_headers=tuple(request.headers.raw_items()),
            body=None,
        )

        outcome(self, exchange, lambda: self._converse(exchange, engine, request))

    def _converse(self, exchange: Exchange, engine: EngineIO, request: Request) -> None:
        try:
            exchange.before()
            self._check_opening(exchange)
            exchange.accepted()
            if engine.accept(request, secrets.token_urlsafe(15)):
                Conversation(self, exchange, engine).run()
            else:
                self.journal.note(exchange.number, problem="websockets refused the request")
        except Wrong as wrong:
            headers = dict(exchange.error_headers)
            if not isinstance(wrong, PlannedRefusal):
                self.journal.note(exchange.number, problem=wrong.reason)
                headers["X-Emulator-Problem"] = wrong.reason
            exchange.planned = False
            exchange.send(wrong.status, compact(wrong.reason), "text/plain", headers)
        except Answered:
            pass  # by its fault
        except ProtocolProblem as problem:
            self.journal.note(exchange.number, problem=str(problem))
            raise CutShort from problem
        finally:
            self.journal.note(exchange.number, packets=tuple(engine.packets))

    def _check_opening(self, exchange: Exchange) -> None:
        if exchange.path != "/ws/":
            raise Wrong(404, f"no such path: {exchange.path}")
        if exchange.query.get("EIO") != "4":
            raise Wrong(400, UNSUPPORTED)
        if exchange.query.get("transport") != "websocket":
            raise Wrong(400, "Invalid transport")
        if "sid" in exchange.query:
            raise Wrong(400, f"Invalid session {exchange.query['sid']}")
        origin = exchange.headers.get("origin")
        if origin not in (None, f"http://{exchange.headers.get('host')}"):
            raise Wrong(400, f"{origin} is not an accepted origin.")
        check_browser(exchange.headers)


class Conversation:
    """What is said in one connection, above Engine.IO."""

    def __init__(self, far_side: Myshell, exchange: Exchange, engine: EngineIO) -> None:
        self._far_side = far_side
        self._exchange = exchange
        self._engine = engine
        self.number = exchange.number
        self._connected_at: float | None = None
        self._answered = False

    def find(self, kind: type[FaultKind]) -> FaultKind | None:
        """The fault of this kind that was planned for this connection."""
        return self._exchange.find(kind)

    def wait(self, seconds: float) -> None:
        """Let time pass; pings go on."""
        self._engine.wait(seconds)

    def run(self) -> None:
        """Take packets until the client leaves, which is right once it has its answer."""
        try:
            while True:
                self._take(self._engine.receive())
        except ClientGone:
            if not self._answered:
                raise

    def _take(self, packet: str) -> None:
        match = re.fullmatch(r"([0-6])(?:(/[^,]*),?)?([0-9]*)(.*)", packet, re.DOTALL)
        if match is None:
            raise ProtocolProblem(f"no Socket.IO packet: {packet[:80]!r}")
        kind, namespace, _, content = match.groups()
        if kind == "0":
            self._connect(namespace or "", content)
        elif kind == "1" and namespace == "/chat":
            self._connected_at = None
        elif kind == "2":
            self._event(namespace or "", content)
        elif kind != "3":
            self._problem(f"a client does not send Socket.IO packets of type {kind}")

    def _connect(self, namespace: str, content: str) -> None:
        if namespace != "/chat":
            self._problem(f"namespace {namespace or '/'!r} is not served")
            comma = "," if namespace else ""
            self._engine.send(f'44{namespace}{comma}"Unable to connect"'.encode())
            return
        problem = self._auth_problem(content)
        refused = self.find(RefuseNamespace)
        if problem:
            self._problem(problem)
            self._emit_packet("44", {"message": problem})
        elif refused:
            self._answered = True
            self._emit_packet(
                "44", refused.message if refused.bare else {"message": refused.message}
            )
        else:
            self._connected_at = time.monotonic()
            self._emit_packet("40", {"sid": secrets.token_urlsafe(15)})

    def _auth_problem(self, content: str) -> str | None:
        auth = _parse(content)
        if not isinstance(auth, dict) or sorted(auth) != ["token", "visitorId"]:
            return f"auth: expected token and visitorId, got {content[:80]!r}"
        if auth["token"] is not None:
            return f"auth.token: expected null, got {auth['token']!r}"
        agent = self._exchange.headers.get("user-agent", "")
        return visitor_problem(auth["visitorId"], agent, self._far_side.now())

    def _event(self, namespace: str, content: str) -> None:
        if namespace != "/chat" or self._connected_at is None:
            self._problem(f"an event for namespace {namespace or '/'!r}, which is not connected")
            return
        event = _parse(content)
        if not isinstance(event, list) or len(event) != 2 or event[0] != "text_chat":
            self._problem(f"expected text_chat with one argument, got {content[:80]!r}")
            return
        if not isinstance(event[1], dict):
            self._problem(f"text_chat: expected an object, got {content[:80]!r}")
            return
        self._question(event[1], time.monotonic() - self._connected_at)

    def _question(self, question: dict[str, Any], settled: float) -> None:
        self._far_side.journal.note(self.number, body=question)
        problem = question_problem(question, self._far_side.now())
        if problem is None and settled < self._far_side.settle_seconds:
            problem = f"asked {settled:.3f} s after connecting, before the connection settled"
        if problem:
            self._problem(problem)
            self._emit("need_verify_captcha", {"message": problem})
        elif self.find(Captcha):
            self._answered = True
            self._emit("need_verify_captcha", {"message": "verify that you are human"})
        elif self.find(MessageReplied):
            self._answered = True
            self._emit("message_replied", {"message": "the message has been replied to"})
        elif not self.find(Silence):
            self._engine.begin_answer(self._exchange.faults)
            self._answer(question)
            self._engine.end_answer()
            self._answered = True

    def _answer(self, question: dict[str, Any]) -> None:
        held: str | None = None
        disconnect = self.find(Disconnect)
        for number, token in enumerate(self._far_side.tokens(self, unflatten(question["text"]))):
            if disconnect and number >= disconnect.after_tokens:
                break
            if self._far_side.noise:
                self._noise(number)
            if held is not None:
                self._text(question, held)
            if self._far_side.final_has_text:
                held = token
            else:
                self._text(question, token)
        self._finish(question, held or "")

    def _finish(self, question: dict[str, Any], text: str) -> None:
        if self.find(Disconnect):
            self._engine.send(b"41/chat,")
        elif error := self.find(InBandError):
            self._emit("message_replied", {"message": error.message})
        elif self.find(NoEndMark):
            if text:
                self._text(question, text)
            self._answered = True
            self._engine.close()
            raise ClientGone("closed by us")
        else:
            self._text(question, text, final=True)

    def _text(self, question: dict[str, Any], text: str, *, final: bool = False) -> None:
        frame = {"reqId": question["reqId"], "data": {"text": text, "isFinal": final}}
        # A server may cut a message into several WebSocket frames.
        self._emit("text_stream", frame, fragments=3 if self._far_side.noise else 1)

    def _noise(self, number: int) -> None:
        stray = compact({"data": {"text": "not for you", "isFinal": True}})
        packets = (
            b'42/chat,["no_arguments"]',
            b'42/chat,["many_arguments",1,null,{"text":"no"}]',
            b'42/other,["text_stream",' + stray + b"]",
            b'42["text_stream",' + stray + b"]",
            b"43/chat,1[]",
            b'42/chat,7["wants_an_ack",{}]',
            b"6",
        )
        self._engine.send(packets[number % len(packets)])
        if number == 0:
            self._engine.send(b'451-/chat,["binary",{"_placeholder":true,"num":0}]')
            self._engine.send_binary(b"\x01\x02")

    def _emit(self, name: str, argument: Any, *, fragments: int = 1) -> None:
        packet = b"42/chat,%b" % compact([name, argument])
        self._engine.send(packet, fragments=fragments)

    def _emit_packet(self, kind: str, value: Any) -> None:
        self._engine.send(b"%b/chat,%b" % (kind.encode(), compact(value)))

    def _problem(self, problem: str) -> None:
        self._answered = True
        self._far_side.journal.note(self.number, problem=problem)


def _parse(content: str) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None

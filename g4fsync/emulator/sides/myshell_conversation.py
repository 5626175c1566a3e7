"""What Myshell's server and a client say to each other, above Engine.IO.

Facts and guesses: see :mod:`g4fsync.emulator.sides.myshell`.  As python-socketio does,
events before the connect, unknown events and broken JSON get no answer; they
are put into the record.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from typing import TYPE_CHECKING, Any

from ..encoding import compact
from ..engineio import EngineIO, ProtocolProblem
from ..exchange import Exchange
from ..farside import FaultKind
from ..faults import (
    Captcha,
    Disconnect,
    InBandError,
    MessageReplied,
    NoEndMark,
    RefuseNamespace,
    Silence,
)
from ..replies import unflatten
from ..serversocket import ClientGone
from .myshell_visitors import question_problem, visitor_problem

if TYPE_CHECKING:
    from .myshell import MyshellSide


class Conversation:
    """What is said in one connection, above Engine.IO."""

    def __init__(self, far_side: MyshellSide, exchange: Exchange, engine: EngineIO) -> None:
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

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

import secrets
import time
from collections.abc import Callable
from types import MappingProxyType
from urllib.parse import parse_qsl

from websockets.http11 import Request

from ..checks import Wrong, check_browser
from ..encoding import compact
from ..engineio import EngineIO, ProtocolProblem
from ..exchange import Answered, Exchange, PlannedRefusal
from ..farside import FarSide, Pace
from ..http import outcome
from ..listener import Listener
from ..replies import Reply
from ..serversocket import ClientGone, CutShort, ServerSocket
from .myshell_conversation import Conversation

UNSUPPORTED = "The client is using an unsupported version of the Socket.IO or Engine.IO protocols"


class MyshellSide(FarSide):
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

    def serve(self, wire: ServerSocket, listener: Listener) -> None:
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

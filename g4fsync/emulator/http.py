"""The HTTP face of the emulator: parses requests and finds the far side they are for.

The first segment of the path names the far side (``/koala/api/gpt/``); what
follows it is the provider's own path, verbatim.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from types import MappingProxyType
from urllib.parse import parse_qsl

from .checks import Wrong
from .encoding import compact
from .exchange import Answered, Exchange, PlannedRefusal
from .farside import FarSide
from .faults import Framing
from .listener import Listener
from .records import Ended
from .serversocket import ClientGone, CutShort, EmulatorClosed, ServerSocket

_log = logging.getLogger("g4fsync.emulator")

MAX_BODY_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Route:
    """Which method and path (a whole regular expression) mean which call."""

    method: str
    path: str
    call: str
    answer: Callable[[Exchange], None]


class HTTPFarSide(FarSide):
    """A far side that is asked by HTTP."""

    #: What the base URL of the provider ends in, below the far side's own prefix.
    base_path = ""

    def routes(self) -> Sequence[Route]:
        """What it answers."""
        raise NotImplementedError

    def refusal(self, exchange: Exchange, wrong: Wrong) -> tuple[bytes, str | None]:
        """Body and content type of an error, in the provider's shape."""
        return compact({"message": wrong.detail}), "application/json"

    def status_of(self, exchange: Exchange, wrong: Wrong) -> int:
        """The status under which the provider tells of an error."""
        return wrong.status

    def find_route(self, exchange: Exchange) -> Route:
        """The route for a request, or :class:`Wrong` 404 or 405."""
        methods = []
        for route in self.routes():
            if match := re.fullmatch(route.path, exchange.path):
                if route.method == exchange.method:
                    exchange.groups = match.groupdict()
                    return route
                methods.append(route.method)
        if methods:
            raise Wrong(405, f"{exchange.method} {exchange.path}: only {', '.join(methods)}")
        raise Wrong(404, f"no such path: {exchange.path}")


class RequestReader(BaseHTTPRequestHandler):
    """Reads the requests of one connection and has each answered."""

    protocol_version = "HTTP/1.1"

    def __init__(
        self, wire: ServerSocket, listener: Listener, far_sides: Mapping[str, HTTPFarSide]
    ) -> None:
        self._wire = wire
        self._far_sides = far_sides
        self._body = b""
        super().__init__(wire.socket, ("127.0.0.1", 0), listener)

    def handle(self) -> None:
        """Answer requests until the connection ends."""
        try:
            super().handle()
        except (OSError, ClientGone):
            pass  # the client left between two requests, or did not wait for a refusal

    def log_message(self, format: str, *args: object) -> None:
        """Log what the standard library has to say, quietly."""
        _log.debug(format, *args)

    def _serve(self) -> None:
        prefix, path, query = self._target()
        exchange = Exchange(
            self._wire,
            method=self.command,
            path=path,
            query=query,
            headers=MappingProxyType({k.lower(): v for k, v in self.headers.items()}),
            content=b"",
        )
        far_side = self._far_sides.get(prefix)
        try:
            exchange.content = self._read_body()
        except Wrong as wrong:
            self.close_connection = True
            exchange.closes = True
            exchange.json(wrong.status, {"message": wrong.reason})
            return
        if far_side is None:
            exchange.json(404, {"message": f"the emulator has no far side {prefix!r}"})
            return
        ended = answer(far_side, exchange, tuple(self.headers.items()))
        if ended == "emulator closed":
            raise EmulatorClosed
        if ended in ("cut", "client gone") or exchange.closes:
            self.close_connection = True

    do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = do_OPTIONS = _serve  # noqa: N815

    def _target(self) -> tuple[str, str, Mapping[str, str]]:
        target, _, query = self.path.partition("?")
        _, prefix, *rest = target.split("/", 2) if "/" in target else ("", target)
        pairs = dict(parse_qsl(query, keep_blank_values=True))
        return prefix, "/" + "".join(rest), MappingProxyType(pairs)

    def _read_body(self) -> bytes:
        if "transfer-encoding" in self.headers:
            raise Wrong(411, "header content-length: wanted, chunked requests are not taken")
        sent = self.headers.get("content-length", "0")
        if not sent.isdecimal() or int(sent) > MAX_BODY_BYTES:
            raise Wrong(413, f"header content-length: {sent!r}, at most {MAX_BODY_BYTES} are taken")
        return self.rfile.read(int(sent))


def answer(
    far_side: HTTPFarSide, exchange: Exchange, raw_headers: tuple[tuple[str, str], ...]
) -> Ended:
    """Have one request answered, and keep its record."""
    exchange.number = far_side.journal.open(
        call="",
        method=exchange.method,
        path=exchange.path,
        query=exchange.query,
        headers=exchange.headers,
        raw_headers=raw_headers,
        body=exchange.parsed(),
    )
    return outcome(far_side, exchange, lambda: _answer(far_side, exchange))


def outcome(far_side: FarSide, exchange: Exchange, work: Callable[[], None]) -> Ended:
    """Do the work of answering, and put into the record how it ended."""
    try:
        work()
        ended: Ended = "complete"
    except CutShort as cut:
        if cut.reset:
            exchange.wire.abort()
        ended = "cut"
    except ClientGone:
        ended = "client gone"
    except EmulatorClosed:
        ended = "emulator closed"
    except Exception as exc:  # noqa: BLE001 - the failure of a reply is put into its record
        note_failure(far_side, exchange, exc)
        ended = "cut"
    far_side.journal.end(exchange.number, ended)
    return ended


def note_failure(far_side: FarSide, exchange: Exchange, failure: Exception) -> None:
    """Keep a mistake of the emulator or of a reply where a test can see it."""
    _log.error("%s: the answer failed", far_side.name, exc_info=failure)
    problem = f"the emulator failed: {failure!r}"
    far_side.journal.note(exchange.number, problem=problem, failure=failure)


def _answer(far_side: HTTPFarSide, exchange: Exchange) -> None:
    """Answer by the route, by a refusal, or, when that fails, with a 500 that says so."""
    try:
        _answer_by_route(far_side, exchange)
    except (CutShort, ClientGone, EmulatorClosed):
        raise
    except Exception as exc:
        if exchange.begun:
            raise  # all that can be done is to cut
        note_failure(far_side, exchange, exc)
        _refuse(far_side, exchange, Wrong(500, f"the emulator failed: {exc!r}"))


def _answer_by_route(far_side: HTTPFarSide, exchange: Exchange) -> None:
    try:
        route = far_side.find_route(exchange)
        exchange.call = route.call
        far_side.journal.note(exchange.number, call=route.call)
        exchange.faults = far_side.take_faults(route.call)
        exchange.framing = exchange.find(Framing) or far_side.framing
        exchange.keepalive_seconds = far_side.keepalive_seconds
        exchange.before()
        route.answer(exchange)
    except Wrong as wrong:
        if not isinstance(wrong, PlannedRefusal):
            far_side.journal.note(exchange.number, problem=wrong.reason)
        _refuse(far_side, exchange, wrong)
    except Answered:
        pass  # by its fault


def _refuse(far_side: HTTPFarSide, exchange: Exchange, wrong: Wrong) -> None:
    content, content_type = far_side.refusal(exchange, wrong)
    headers = dict(exchange.error_headers)
    if not isinstance(wrong, PlannedRefusal):
        headers["X-Emulator-Problem"] = " ".join(wrong.reason.splitlines())
    exchange.planned = False
    exchange.send(far_side.status_of(exchange, wrong), content, content_type, headers)

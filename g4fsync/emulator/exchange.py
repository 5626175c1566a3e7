"""One HTTP request and the means to answer it, faults included.

A far side looks at the request, raises :class:`Wrong` when it is, and calls one
of :meth:`Exchange.json`, :meth:`Exchange.send` and :meth:`Exchange.stream`.
Before it changes anything of its own it calls :meth:`Exchange.accepted`, where
a planned refusal takes its place.
"""

from __future__ import annotations

import contextlib
import json
import time
import zlib
from collections.abc import Generator, Mapping, Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from .checks import Wrong
from .encoding import compact
from .farside import FaultKind, find
from .faults import Captcha, Challenge, Fault, Framing, HangBeforeHeaders, Refuse, Status
from .pipe import FaultPipe
from .serversocket import CutShort, ServerSocket

CHALLENGE_PAGE = """<!DOCTYPE html>
<html lang="en-US"><head><title>Just a moment...</title>
<meta name="robots" content="noindex,nofollow"></head>
<body><div id="cf-please-wait">Checking your browser before accessing the site.</div>
<noscript>Enable JavaScript and cookies to continue</noscript></body></html>
"""
CHALLENGE_HEADERS = {
    "cf-mitigated": "challenge",
    "cf-ray": "8f0e1d2c3b4a5968-FRA",
    "Server": "cloudflare",
}


class Answered(Exception):
    """A fault has answered in the far side's place."""


class PlannedRefusal(Wrong):
    """A fault wants a refusal in the provider's own shape; the request was right."""


class Exchange:
    """One request being answered; an :class:`~g4fsync.emulator.farside.Turn`."""

    def __init__(
        self,
        wire: ServerSocket,
        *,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        content: bytes,
    ) -> None:
        self.wire = wire
        self.method, self.path, self.query, self.headers = method, path, query, headers
        self.content = content
        self.number = 0
        self.call = ""
        self.faults: tuple[Fault, ...] = ()
        self.groups: Mapping[str, str] = {}  # named parts of the path
        self.framing = Framing()
        self.images: list[bytes] = []
        self.error_headers: Mapping[str, str] = {}
        self.keepalive: bytes | None = None  # what to send every keepalive_seconds
        self.keepalive_seconds: float | None = None
        self.closes = headers.get("connection", "").lower() == "close"
        self._body: _Body | None = None
        self.captcha_page = True  # whether Captcha means a challenge page
        self.planned = True  # whether a planned refusal is still to come
        self.begun = False  # whether a byte of the answer was sent
        self._next_keepalive = 0.0

    def find(self, kind: type[FaultKind]) -> FaultKind | None:
        """The fault of this kind that was planned for this request."""
        return find(self.faults, kind)

    def parsed(self) -> Any:
        """The body: a JSON value, ``None`` when empty, bytes when it is no JSON."""
        try:
            return json.loads(self.content) if self.content else None
        except (ValueError, RecursionError):
            return self.content

    def body(self, *, content_type: str = "application/json") -> Any:
        """The body as a JSON value, or :class:`Wrong`; the content type has to be the very one."""
        sent = self.headers.get("content-type", "")
        if sent != content_type:
            raise Wrong(415, f"header content-type: expected {content_type!r}, got {sent!r}")
        return self.json_body(None)

    def json_body(self, media_type: str | None = "application/json") -> Any:
        """The body as a JSON value, or :class:`Wrong`.

        The content type may have parameters; with ``None`` nobody asks for it.
        """
        sent = self.headers.get("content-type", "")
        if media_type is not None and sent.partition(";")[0].strip().lower() != media_type:
            raise Wrong(415, f"header content-type: expected {media_type!r}, got {sent!r}")
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as exc:
            raise Wrong(400, f"body: no JSON: {exc}") from exc

    def before(self) -> None:
        """Do what is planned before the request is looked at."""
        if hang := self.find(HangBeforeHeaders):
            self.wire.wait(hang.seconds)
        if refuse := self.find(Refuse):
            raise CutShort(reset=refuse.reset)

    def accepted(self) -> None:
        """Nothing is wrong with the request: now a planned refusal may answer it."""
        if not self.planned:
            return
        self.planned = False
        challenge = self.find(Challenge)
        if self.captcha_page and self.find(Captcha):
            challenge = Challenge()
        if challenge:
            page = CHALLENGE_PAGE.encode()
            self.send(challenge.code, page, "text/html; charset=UTF-8", CHALLENGE_HEADERS)
            raise Answered
        if status := self.find(Status):
            headers = dict(status.headers)
            if status.retry_after is not None:
                headers["Retry-After"] = str(status.retry_after)
            if status.body is None:
                self.error_headers = headers
                raise PlannedRefusal(
                    status.code, status.message, code=status.error_code, kind=status.kind
                )
            body = status.body.encode() if isinstance(status.body, str) else status.body
            self.send(status.code, body, status.content_type, headers)
            raise Answered

    def json(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        """Answer with one JSON value."""
        self.send(status, compact(value), "application/json", headers)

    def send(
        self,
        status: int,
        content: bytes = b"",
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer with one whole body."""
        self.accepted()
        fields = dict(headers or {})
        if content_type is not None:
            fields["Content-Type"] = content_type
        if status != HTTPStatus.NO_CONTENT:
            fields["Content-Length"] = str(len(content))
        self.begun = True
        self.wire.send(self.head(status, fields) + (b"" if self.method == "HEAD" else content))

    def stream(
        self,
        events: Generator[bytes, None, None],
        content_type: str | None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer 200 with these events, each sent as soon as it is there."""
        self.accepted()
        fields = dict(headers or {})
        if content_type is not None:
            fields["Content-Type"] = content_type
        with contextlib.closing(events):
            pieces: Generator[bytes, None, None] | Sequence[bytes] = events
            zipped = self.framing.gzip and "gzip" in self.headers.get("accept-encoding", "")
            body = _Body(self, gzip=zipped)
            if self.framing.kind == "length":
                pieces = [body.code(event) for event in events] + [body.code_end()]
                fields["Content-Length"] = str(sum(map(len, pieces)))
                body.start(fields)
                for piece in pieces:
                    body.pipe.write(piece)
                return
            self._body = body
            self._next_keepalive = time.monotonic() + (self.keepalive_seconds or 0.0)
            body.start(fields)
            for event in events:
                body.write(event)
            self._body = None
            body.end()

    def wait(self, seconds: float | None) -> None:
        """Let time pass, with keep-alives at their times once the body has begun."""
        until = float("inf") if seconds is None else time.monotonic() + seconds
        while self._body and self.keepalive and self.keepalive_seconds:
            if self._next_keepalive >= until:
                break
            self.wire.wait(max(self._next_keepalive - time.monotonic(), 0.0))
            self._next_keepalive += self.keepalive_seconds
            self._body.write(self.keepalive)
        self.wire.wait(None if seconds is None else max(until - time.monotonic(), 0.0))

    def head(self, status: int, fields: Mapping[str, str]) -> bytes:
        """Status line and headers as bytes."""
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = "Unknown"
        lines = [f"HTTP/1.1 {status} {phrase}", f"Date: {formatdate(usegmt=True)}"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        if self.closes:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "backslashreplace")


class _Body:
    """A streamed body: content coding, then faults, then framing."""

    def __init__(self, exchange: Exchange, *, gzip: bool) -> None:
        self._exchange = exchange
        self._chunked = exchange.framing.kind == "chunked"
        self._coder = zlib.compressobj(wbits=31) if gzip else None
        self.pipe = FaultPipe(exchange.faults, self)

    def start(self, fields: dict[str, str]) -> None:
        if self._coder:
            fields["Content-Encoding"] = "gzip"
        if self._chunked:
            fields["Transfer-Encoding"] = "chunked"
        if self._exchange.framing.kind == "close":
            self._exchange.closes = True
        self._exchange.begun = True
        self._exchange.wire.send(self._exchange.head(200, fields))
        self.pipe.write(b"")  # a fault planned at byte 0 comes right after the headers

    def code(self, event: bytes) -> bytes:
        if self._coder is None:
            return event
        return self._coder.compress(event) + self._coder.flush(zlib.Z_SYNC_FLUSH)

    def code_end(self) -> bytes:
        return self._coder.flush() if self._coder else b""

    def write(self, event: bytes) -> None:
        self.pipe.write(self.code(event))

    def end(self) -> None:
        self.pipe.write(self.code_end())
        if self._chunked:
            self._exchange.wire.send(b"0\r\n\r\n")

    def emit(self, piece: bytes) -> None:
        if self._chunked:
            piece = b"%x\r\n%b\r\n" % (len(piece), piece)
        self._exchange.wire.send(piece)

    def emit_garbage(self, piece: bytes) -> None:
        self.emit(piece)

    def hold(self, seconds: float | None, *, keepalive: bool) -> None:
        (self._exchange.wait if keepalive else self._exchange.wire.wait)(seconds)

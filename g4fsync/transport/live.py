"""The real transport: ``requests`` for HTTP, :mod:`.socketio` for Socket.IO.

One :class:`LiveTransport` serves one attempt: a fresh ``Session`` with its own
cookie jar, over the connection pool its client shares (:class:`.Adapter`).
"""

from __future__ import annotations

import json as jsonlib
import logging
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies

from ..codecs import refusals
from ..codecs.inflate import Inflater
from ..codecs.ndjson import RecordDecoder
from ..codecs.sse import ServerSentEvent, SSEDecoder
from ..codecs.strict import parse
from ..errors import (
    ConnectionFailed,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    StreamTruncated,
)
from ..scope import CancelScope, Timeout
from . import failures
from .adapter import Adapter, Wire, using

if TYPE_CHECKING:
    from .socketio import SocketIOConnection

log = logging.getLogger("g4fsync.transport")

BLOCK_BYTES = 65_536
MAX_JSON_BYTES = 16 * 2**20  # a whole answer in one JSON value
MAX_ERROR_BYTES = 65_536  # what is read of a refusal, to find its message
DRAIN_SECONDS = 0.02  # to see the end of a body whose answer is already whole

_LOOPBACK = ("localhost", "127.", "[::1]", "::1")
_STREAMS = ("text/event-stream", "text/plain", "application/octet-stream", "")
_RECORDS = (
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/json",
    "application/stream+json",
    "application/json-lines",
)


@dataclass(frozen=True, slots=True)
class Network:
    """How a client reaches the world; shared by its calls.

    ``proxy`` is for HTTP and WebSocket alike; without one the usual
    environment variables are honoured, loopback addresses aside.
    """

    adapter: Adapter = field(default_factory=Adapter)
    proxy: str | None = None
    verify: bool | str = True

    def proxies(self, url: str) -> dict[str, str]:
        """The proxies for *url*, as ``requests`` wants them."""
        if self.proxy is not None:
            return {"http": self.proxy, "https": self.proxy}
        if (urlsplit(url).hostname or "").startswith(_LOOPBACK):
            return {}
        return dict(get_environ_proxies(url))


@dataclass(frozen=True, slots=True)
class Target:
    """Whom an attempt talks to, and as whom."""

    provider: str
    base_url: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    api_key: str | None = field(default=None, repr=False)


class LiveTransport:
    """The outside world for one attempt; close it to free whatever it opened."""

    def __init__(self, target: Target, network: Network, scope: CancelScope) -> None:
        self.target = target
        self.network = network
        self.scope = scope
        self.sent = False  # some request of this attempt went out whole
        self.latest: object = None  # what the provider was given last, as evidence
        self.random: random.Random = random.SystemRandom()
        self.host = urlsplit(target.base_url).netloc.rpartition("@")[2]
        self._open: list[LiveResponse | SocketIOConnection] = []

    @property
    def api_key(self) -> str | None:
        return self.target.api_key

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        self.scope.sleep(seconds)

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> LiveResponse:
        return self._send("GET", path, None, params, headers)

    def delete(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> LiveResponse:
        return self._send("DELETE", path, None, params, headers)

    def post(
        self,
        path: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> LiveResponse:
        headers = dict(headers or ())
        if json is not None:
            try:
                body = jsonlib.dumps(json, allow_nan=False).encode()
            except (TypeError, ValueError) as exc:
                raise InvalidRequest(f"a message or option can't be sent as JSON: {exc}") from exc
            headers.setdefault("Content-Type", "application/json")
        return self._send("POST", path, body, params, headers)

    def socketio(
        self,
        path: str,
        *,
        namespace: str,
        auth: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> AbstractContextManager[SocketIOConnection]:
        # Only here, since websocket-client costs 40 ms to import.
        from .socketio import SocketIOConnection

        connection = SocketIOConnection(self, path, namespace, auth, headers or {})
        self._open.append(connection)
        return connection

    @contextmanager
    def cleanup(self, seconds: float = 5.0) -> Iterator[None]:
        before = self.scope
        self.scope = CancelScope(Timeout(None, None, None, seconds))
        self.scope.start()
        try:
            yield
        except G4FSyncError as error:
            log.warning("%s: clean-up failed: %s", self.target.provider, error)
        finally:
            self.scope = before

    def close(self, *, graceful: bool = False) -> None:
        """Free all connections; a *graceful* end may keep a finished one for reuse."""
        while self._open:
            self._open.pop().close(graceful=graceful)

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False  # .netrc would replace the Authorization header
        session.mount("http://", self.network.adapter)
        session.mount("https://", self.network.adapter)
        session.headers.clear()
        session.headers.update(self.target.headers)
        session.cookies.update(self.target.cookies)
        return session

    def checked_headers(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        """*headers*; ``InvalidRequest`` for what would break out of a header line."""
        for name, value in (headers or {}).items():
            if any(ord(c) < 32 or ord(c) == 127 or ord(c) > 255 for c in name + value):
                raise InvalidRequest(f"header {name!r}: its value can't be sent in a header")
        return dict(headers or ())

    def url(self, path: str) -> str:
        """*path* below the base URL; ``InvalidRequest`` for what would break out of a path."""
        if any(ord(c) <= 32 or ord(c) >= 127 or c in "#?\\" for c in path):
            raise InvalidRequest(f"the path {path!r} can't be requested")
        return self.target.base_url + path

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> LiveResponse:
        url = self.url(path)
        request = requests.Request(
            method, url, params=params, data=body, headers=self.checked_headers(headers)
        )
        log.debug("%s: %s %s", self.target.provider, method, url)
        scope = self.scope
        scope.check()
        scope.connecting()
        wire = Wire(scope)
        try:
            with failures.translated(scope, self.host), using(wire):
                answer = self._session.send(
                    self._session.prepare_request(request),
                    stream=True,
                    timeout=scope.remaining(),
                    allow_redirects=False,
                    proxies=self.network.proxies(url),
                    verify=self.network.verify,
                )
            scope.check()
        except BaseException:
            wire.drop()
            raise
        finally:
            self.sent = self.sent or wire.sent
            scope.sent()
        response = LiveResponse(self, answer, wire)
        self._open.append(response)
        log.debug("%s: HTTP %s", self.target.provider, answer.status_code)
        if not 200 <= answer.status_code < 300:
            raise response.refusal()
        return response


class LiveResponse:
    """An answer whose headers have come."""

    def __init__(self, transport: LiveTransport, answer: requests.Response, wire: Wire) -> None:
        self._transport = transport
        self._answer = answer
        self._raw: Any = answer.raw
        self._wire = wire
        self._ended = False

    @property
    def status(self) -> int:
        return self._answer.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def media_type(self) -> str:
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    def json(self) -> Any:
        if self.media_type == "text/html":
            raise self.refusal()
        value = self._transport.latest = parse(self._read(MAX_JSON_BYTES, "the JSON answer"))
        return value

    def events(self, *, empty_ok: bool = False) -> Iterator[ServerSentEvent]:
        decoder = SSEDecoder()
        empty = True
        for piece in self._stream(_STREAMS):
            for event in decoder.feed(piece):
                empty = False
                self._transport.latest = event
                yield event
        for event in decoder.close():
            empty = False
            yield event
        if empty and not empty_ok:
            raise StreamTruncated("the answer is empty: no event in it")

    def records(self) -> Iterator[Any]:
        decoder = RecordDecoder()
        empty = True
        for piece in self._stream(_RECORDS + _STREAMS):
            for record in decoder.feed(piece):
                empty = False
                self._transport.latest = record
                yield record
        yield from decoder.close()
        if decoder.truncated:
            raise StreamTruncated("the answer ended inside a line")
        if empty:
            raise StreamTruncated("the answer is empty: no line in it")

    def pieces(self) -> Iterator[bytes]:
        scope, read = self._transport.scope, self._raw.read1
        inflater = self._inflater()
        with failures.translated(scope, self._transport.host, reading=True):
            while True:
                scope.wait_begins()
                piece = read(BLOCK_BYTES, decode_content=False)
                scope.wait_ends()
                if not piece:
                    break
                if inflater is None:
                    yield piece
                else:
                    yield from inflater.feed(piece)
            # A connection-closed body ends like a finished one when we shut the
            # socket ourselves, so ask the scope who ended it.
            scope.check()
        if inflater is not None:
            inflater.close()
        self._ended = True

    def refusal(self) -> G4FSyncError:
        """The error this answer is, with what its body tells; reads some of the body."""
        body = b""
        with suppress(ConnectionFailed, ProtocolError):
            body = self._read(MAX_ERROR_BYTES, None)
        error = refusals.from_answer(self.status, self.headers, body)
        return failures.without(error, self._transport.target.api_key)

    def close(self, *, graceful: bool = False) -> None:
        """Free the connection: back to the pool if the body has ended, else shut."""
        if graceful and not self._ended:
            self._drain()
        self._wire.drop()
        self._answer.close()

    def _drain(self) -> None:
        """See the end of a body whose answer is whole, so that the connection can be reused."""
        with suppress(*failures.FOREIGN, ValueError):
            self._wire.limit(DRAIN_SECONDS)
            self._ended = not self._raw.read1(BLOCK_BYTES, decode_content=False)

    def _inflater(self) -> Inflater | None:
        encoding = self.headers.get("content-encoding", "").strip().lower()
        if encoding in ("", "identity"):
            return None
        if encoding in ("gzip", "x-gzip"):
            return Inflater("gzip")
        if encoding == "deflate":
            return Inflater("deflate")
        raise ProtocolError(f"the answer is encoded with {encoding!r}, which was not asked for")

    def _stream(self, media_types: tuple[str, ...]) -> Iterator[bytes]:
        """The pieces of a body that may be a stream; anything else is an error."""
        if self.status != 200:
            raise ProtocolError(f"HTTP {self.status} in place of a stream")
        if self.media_type == "text/html":
            raise self.refusal()
        if self.media_type not in media_types:
            raise self._misplaced()
        pieces = self.pieces()
        first = next(pieces, b"")
        if first.lstrip()[:1] == b"<" and refusals.is_page({}, first.decode("latin-1")):
            raise refusals.from_page(self.status, self.headers, first.decode("utf-8", "replace"))
        if first:
            yield first
        yield from pieces

    def _misplaced(self) -> G4FSyncError:
        body = self._read(MAX_ERROR_BYTES, None)
        text = body.decode("utf-8", "replace")
        if self.media_type.endswith("json") and '"error"' in text:
            return refusals.in_band(text, status=self.status)
        return ProtocolError(
            f"expected a stream, got content type {self.media_type!r}", evidence=text
        )

    def _read(self, limit: int, what: str | None) -> bytes:
        """The whole body; beyond *limit* bytes an error about *what*, or cut without one."""
        body = bytearray()
        for piece in self.pieces():
            body += piece
            if len(body) > limit:
                if what is None:
                    break
                raise ProtocolError(f"{what} is longer than {limit} bytes")
        return bytes(body[:limit])

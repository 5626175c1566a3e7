"""The real transport: ``requests`` for HTTP, :mod:`.socketio` for Socket.IO.

One :class:`LiveTransport` serves one attempt: a cookie jar of its own, over the
connection pool its client shares (:class:`.Adapter`).
"""

from __future__ import annotations

import http.client
import io
import logging
import random
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import requests
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict

from ..codecs.chunked import ChunkDecoder
from ..codecs.inflate import Inflater
from ..errors import G4FSyncError, ProtocolError, without
from ..scope import CancelScope
from ..settings import Limits, Timeout
from ..urls import is_loopback, parsed, passwords as url_passwords
from . import failures
from .adapter import Adapter
from .connections import SocketHandle, using
from .incoming import IncomingResponse
from .outgoing import Sender, checked_headers, checked_path, json_body
from .proxies import environment_proxy, proxy_variables
from .trust import TrustStore, trusted

if TYPE_CHECKING:
    from .socketio import SocketIOConnection

# Of headers, by their names: "Authorization", "x-api-key", "X-Auth-Token", "Cookie".
_SECRET_HEADER = re.compile("auth|key|token|secret|cookie|password", re.IGNORECASE)

log = logging.getLogger("g4fsync.transport")

BLOCK_BYTES = 65_536
ERROR_BODY_SECONDS = 1.0  # what a body that is no answer may take
DRAIN_SECONDS = 0.02  # to see the end of a body whose answer is already whole


@dataclass(frozen=True, slots=True)
class Network:
    """How a client reaches the world; shared by its calls.

    ``proxy`` is for HTTP and WebSocket alike; without one the usual
    environment variables are honoured, loopback addresses aside.
    """

    adapter: Adapter = field(default_factory=Adapter)
    proxy: str | None = None
    verify: bool | str = True  # as for a Client; with True the environment counts, see trust
    limits: Limits = field(default_factory=Limits)

    def proxies(self, url: str) -> dict[str, str]:
        """The proxies for *url*, as ``requests`` wants them."""
        if self.proxy is not None:
            return {"http": self.proxy, "https": self.proxy}
        found = self.environment_proxy(url)
        return {} if found is None else {parsed(url).scheme: found[0]}

    def environment_proxy(self, url: str) -> tuple[str, str] | None:
        """The proxy for *url* that a variable names, and the variable."""
        return None if is_loopback(parsed(url).host) else environment_proxy(url)

    def trusted(self, url: str, proxies: Mapping[str, str]) -> bool | TrustStore:
        """Whom a request to *url* trusts; what is not asked for is not looked up."""
        if url.startswith("https:") or any(each.startswith("https:") for each in proxies.values()):
            return trusted(self.verify)
        return self.verify is not False


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom an attempt talks to, and as whom."""

    provider: str
    base_url: str = field(repr=False)  # it may hold a password
    headers: Mapping[str, str]
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    api_key: str | None = field(default=None, repr=False)


class LiveTransport(Sender["LiveResponse"]):
    """The outside world for one attempt; close it to free whatever it opened."""

    random: random.Random = random.SystemRandom()

    def __init__(self, destination: Destination, network: Network, scope: CancelScope) -> None:
        self.destination = destination
        self.network = network
        self.scope = scope
        self.sent = False  # some request of this attempt went out whole
        self.latest: object = None  # what the provider was given last, as evidence
        self.answer_headers: Mapping[str, str] = {}  # of the newest answer
        self.host = parsed(destination.base_url).place
        self._cookies: RequestsCookieJar | None = None
        self._keep_cookies(destination.cookies)
        self._sent_headers: list[Mapping[str, str]] = []
        self._open: list[LiveResponse | SocketIOConnection] = []

    @property
    def api_key(self) -> str | None:
        return self.destination.api_key

    @property
    def secrets(self) -> tuple[list[str], list[str]]:
        """What no error may tell: keys and cookies, and passwords of URLs."""
        secrets = list(self.destination.cookies.values())
        for headers in self._sent_headers:
            for name, value in headers.items():
                if _SECRET_HEADER.search(name):
                    secrets += [value, value.rpartition(" ")[2]]
        if self.destination.api_key:
            secrets.append(self.destination.api_key)
        passwords = url_passwords(self.destination.base_url)
        if self.network.proxy is not None:
            passwords += url_passwords(self.network.proxy)
        else:
            for url in proxy_variables().values():
                passwords += url_passwords(url)
        return secrets, passwords

    def without_secrets(self, error: G4FSyncError) -> G4FSyncError:
        """*error* as it may be shown."""
        secrets, passwords = self.secrets
        return without(error, *secrets, passwords=passwords)

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        self.scope.sleep(seconds)

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
            body = json_body(json)
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
        if before.forked:  # by fork: what is to be undone is the parent's
            self.scope.leave_to_parent()
        try:
            yield
        except G4FSyncError as error:
            self.without_secrets(error)
            log.warning("%s: clean-up failed: %s", self.destination.provider, error)
        finally:
            self.scope = before

    def close(self, *, graceful: bool = False) -> None:
        """Free all connections; a *graceful* end may keep a finished one for reuse."""
        while self._open:
            self._open.pop().close(graceful=graceful)

    def _keep_cookies(self, cookies: Any) -> None:
        if cookies:
            self._cookies = self._cookies or RequestsCookieJar()
            self._cookies.update(cookies)

    def _request(
        self,
        method: str,
        url: str,
        body: bytes | None,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> requests.PreparedRequest:
        """What a ``Session`` would prepare, at a third of its cost.

        There is no ``.netrc`` (which would replace the Authorization header)
        and no default header but the provider's.
        """
        request = requests.PreparedRequest()
        request.method = method
        request.url = _normal_url(url) + (f"?{urlencode(params)}" if params else "")
        request.headers = CaseInsensitiveDict(
            {**self.destination.headers, **checked_headers(headers)}
        )
        request.body = body
        if body is not None or method == "POST":
            request.headers["Content-Length"] = str(len(body or b""))
        request.hooks = {}
        if self._cookies:
            request.prepare_cookies(self._cookies)
        if "@" in self.destination.base_url:
            request.prepare_auth(None)
        return request

    def url(self, path: str) -> str:
        """*path* below the base URL; ``InvalidRequest`` for what would break out of a path."""
        return self.destination.base_url + checked_path(path)

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> LiveResponse:
        url = self.url(path)
        if headers:
            self._sent_headers.append(headers)
        log.debug("%s: %s %s%s", self.destination.provider, method, self.host, path)
        scope = self.scope
        scope.check()
        scope.start_connect()
        handle = SocketHandle(scope, head_bytes=self.network.limits.head)
        try:
            with failures.MappedFailures(scope, self.host), using(handle):
                proxies = self.network.proxies(url)
                answer = self.network.adapter.send(
                    self._request(method, url, body, params, headers),
                    stream=True,
                    # The connect clock does not run while the answer is read.
                    timeout=(scope.socket_timeout(), scope.socket_timeout(overall=True)),
                    proxies=proxies,
                    verify=self.network.trusted(url, proxies),
                )
                response = LiveResponse(self, answer, handle)
                self._open.append(response)
            self._keep_cookies(answer.cookies)
            scope.check()
        except BaseException:
            handle.drop()
            raise
        finally:
            self.sent = self.sent or handle.sent
            scope.stop_connect()
        log.debug("%s: HTTP %s", self.destination.provider, answer.status_code)
        if not 200 <= answer.status_code < 300:
            raise response.refusal()
        self.answer_headers = answer.headers
        if scope.is_watched():
            handle.limit(None)
        return response


@lru_cache(maxsize=256)
def _normal_url(url: str) -> str:
    """*url* as ``requests`` sends it: international names and odd characters encoded."""
    request = requests.PreparedRequest()
    request.prepare_url(url, None)
    return str(request.url)


class LiveResponse(IncomingResponse):
    """An answer whose headers have come."""

    def __init__(
        self, transport: LiveTransport, answer: requests.Response, handle: SocketHandle
    ) -> None:
        super().__init__(transport, transport.network.limits)
        self._transport = transport
        # Not the answer itself: with it would live its request, its cookies and much else.
        self._status = answer.status_code
        self._headers = answer.headers
        self._raw: Any = answer.raw
        self._raw.headers = answer.headers  # in place of its own, a list for each line of the head
        self._handle = handle
        self._ended = False
        self._translated = failures.MappedFailures(transport.scope, transport.host, reading=True)
        # What reads the next block of the body as it arrives, b"" at its end.
        chunks = _Chunks.below(self._raw, handle)
        plain = partial(self._raw.read1, BLOCK_BYTES, decode_content=False)
        self._read: Callable[[], bytes] = plain if chunks is None else chunks.read

    @property
    def status(self) -> int:
        return self._status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._headers

    def pieces(self) -> Iterator[bytes]:
        # No generator: thousands of streams wait in each of theirs.
        blocks = iter(self._block, b"")
        inflater = self._inflater()
        return blocks if inflater is None else _inflated(blocks, inflater)

    def _block(self) -> bytes:
        """The next of the body as it arrives, ``b""`` at its end."""
        scope = self._transport.scope
        scope.start_idle()
        with self._translated:
            block = self._read()
        if not block:
            # A connection-closed body ends like a finished one when we shut the
            # socket ourselves, so ask the scope who ended it.
            scope.check()
            self._ended = True
        return block

    def excerpt_pieces(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """*pieces* for ``ERROR_BODY_SECONDS``, without a word about the rest."""
        until = time.monotonic() + ERROR_BODY_SECONDS
        while (left := until - time.monotonic()) > 0:
            self._handle.limit(left)
            piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    def refusal(self) -> G4FSyncError:
        """As its base has it, the key blotted out: some servers echo what they refuse."""
        return self._transport.without_secrets(super().refusal())

    def close(self, *, graceful: bool = False) -> None:
        """Free the connection: back to the pool if the body has ended, else shut."""
        if graceful and not self._ended:
            self._drain()
        self._handle.drop()
        self._raw.close()
        self._raw.release_conn()

    def _drain(self) -> None:
        """See the end of a body whose answer is whole, so that the connection can be reused."""
        with suppress(*failures.FOREIGN, G4FSyncError, ValueError):
            self._handle.limit(DRAIN_SECONDS)
            self._ended = not self._read()

    def _inflater(self) -> Inflater | None:
        encoding = self.headers.get("content-encoding", "").strip().lower()
        if encoding in ("", "identity"):
            return None
        if encoding in ("gzip", "x-gzip"):
            return Inflater("gzip", max_ratio=self._limits.ratio)
        if encoding == "deflate":
            return Inflater("deflate", max_ratio=self._limits.ratio)
        raise ProtocolError(f"the answer is encoded with {encoding!r}, which was not asked for")


def _inflated(blocks: Iterator[bytes], inflater: Inflater) -> Iterator[bytes]:
    for block in blocks:
        yield from inflater.feed(block)
    inflater.close()


class _Chunks:
    """A chunked body read below urllib3, which takes chunks out one by one.

    It stands on ``http.client``'s own response, which urllib3 keeps; where that
    is not what it was, ``raw.read1()`` reads the body, only slower.
    """

    def __init__(
        self,
        raw: Any,
        response: http.client.HTTPResponse,
        sock: socket.socket,
        scope: CancelScope,
    ) -> None:
        self._raw = raw
        self._response = response
        self._socket = sock
        self._scope = scope
        self._is_first = True
        self._decoder = ChunkDecoder()
        self._fault: ProtocolError | None = None

    @classmethod
    def below(cls, raw: Any, handle: SocketHandle) -> _Chunks | None:
        """A reader for *raw*'s body, which comes by *handle*, when it is chunked and untouched."""
        response = getattr(raw, "_original_response", None)
        if (
            handle.socket is not None
            and isinstance(response, http.client.HTTPResponse)
            and response.chunked is True
            and response.chunk_left is None
            and isinstance(response.fp, io.BufferedReader)
        ):
            return cls(raw, response, handle.socket, handle.scope)
        return None

    def read(self) -> bytes:
        while not self._decoder.ended:
            if self._fault is not None:
                raise self._fault
            block = self._block()
            if not block:
                self._scope.check()
                self._decoder.close()
            try:
                payload = self._decoder.feed(block)
            except ProtocolError as fault:
                self._fault = fault
                payload = self._decoder.before_fault
            if payload:
                return payload
        # What reading to the end through urllib3 would have done.
        self._response.close()
        self._raw.release_conn()
        return b""

    def _block(self) -> bytes:
        if self._is_first:
            # What came with the head stands in the response's buffer; this empties it.
            self._is_first = False
            first: bytes = self._response.fp.read1(BLOCK_BYTES)
            return first
        return self._socket.recv(BLOCK_BYTES)

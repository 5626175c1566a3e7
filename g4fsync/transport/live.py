"""The real transport: ``requests`` for HTTP, :mod:`.socketio` for Socket.IO.

One :class:`LiveTransport` serves one attempt: a cookie jar of its own, over the
connection pool its client shares (:class:`.Adapter`).

Rules of this file, and what breaks without them:

* A request is under its scope from before the first look-up until its connection
  is dropped: :class:`.SocketHandle` knows the socket at each moment.  A step
  outside of ``using(handle)`` is one that ``cancel()`` can't end.
* The handle is dropped on every way out.  One that were not would shut, on a
  late cancel, a connection that has gone back to the pool and serves another call.
* ``sent`` is asked after each failure and must be true only when a request went
  out whole: it decides whether an answer can be blamed, and what a retry means.
* What is opened stands in ``_open`` before anything else can fail, so that
  ``close()`` finds it; its end frees connections, and nothing else does.
* The credentials of this attempt are known here only (``secrets``): whatever
  leaves as an error goes through ``without_secrets`` or ``translated()``.
* Cookies that an answer sets are for later requests of this attempt alone, and
  are parsed only if there is one: most attempts send a single request.
* During ``cleanup()`` the attempt has another scope with a few seconds of its
  own, since what is to be undone must be undone after a cancel, too.
* No redirect is followed.  It would carry the key's header to another origin.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from requests.cookies import RequestsCookieJar

from ..errors import G4FSyncError, without
from ..scope import CancelScope
from ..settings import Limits, Timeout
from ..urls import is_loopback, parsed, passwords as url_passwords
from . import failures
from .adapter import Adapter
from .connections import SocketHandle, using
from .outgoing import Sender, checked_headers, checked_path, json_body
from .proxies import environment_proxy, proxy_variables
from .request import Request
from .response import LiveResponse
from .trust import TrustStore, trusted

if TYPE_CHECKING:
    from .socketio import SocketIOConnection

# Of headers, by their names: "Authorization", "x-api-key", "X-Auth-Token", "Cookie".
_SECRET_HEADER = re.compile("auth|key|token|secret|cookie|password", re.IGNORECASE)

log = logging.getLogger("g4fsync.transport")


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
        return None if _is_on_this_machine(url) else environment_proxy(url)

    def trusted(self, url: str, proxies: Mapping[str, str]) -> bool | TrustStore:
        """Whom a request to *url* trusts; what is not asked for is not looked up."""
        if url.startswith("https:") or (
            proxies and any(each.startswith("https:") for each in proxies.values())
        ):
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
        # Of answers; put into the jar only when there is another request.
        self._set_cookies: list[tuple[Request, Sequence[str]]] = []
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
    ) -> Request:
        headers = {**self.destination.headers, **checked_headers(headers)}
        request = Request(method, url, headers, params=params, body=body)
        for earlier, values in self._set_cookies:
            self._keep_cookies(earlier.cookies_set(values))
        self._set_cookies.clear()
        request.authorize(self._cookies)
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
        # Before the clock is started: an ended call must not open a connection.
        scope.check()
        scope.start_connect()
        handle = SocketHandle(scope, head_bytes=self.network.limits.head)
        try:
            with failures.MappedFailures(scope, self.host), using(handle):
                request = self._request(method, url, body, params, headers)
                proxies = self.network.proxies(url)
                verify = self.network.trusted(url, proxies)
                answer = self.network.adapter.open(request, handle, proxies=proxies, verify=verify)
                response = LiveResponse(self, answer, handle)
                self._open.append(response)
            scope.check()
        except BaseException:
            handle.close()  # a Ctrl-C may come between the head and its owner
            raise
        finally:
            self.sent = self.sent or handle.sent
            scope.stop_connect()
        if answer.cookies:
            self._set_cookies.append((request, answer.cookies))
        log.debug("%s: HTTP %s", self.destination.provider, answer.status)
        if not 200 <= answer.status < 300:
            raise response.refusal()
        self.answer_headers = answer.headers
        # The watchdog wakes a blocked read, so a timeout of the socket's own would only
        # cost a poll() before each recv().
        if scope.is_watched():
            handle.limit(None)
        return response


@lru_cache(maxsize=256)
def _is_on_this_machine(url: str) -> bool:
    return is_loopback(parsed(url).host)

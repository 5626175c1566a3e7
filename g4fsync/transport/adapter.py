"""The adapter of ``requests`` over connections that can be woken, and the short way past it.

A server may close an idle connection in the very moment in which the next
request goes out on it.  urllib3 sees an end that has come, not one that is on
its way; then the request dies without a byte of answer.  Such a request is sent
once more, on a new connection, when its method is idempotent: only then does it
not matter whether the server has acted on the first (RFC 9110, 9.2.2; RFC 9112,
9.3.1, which also says not to repeat the repetition).  So a clean-up arrives, and
``Retry(attempts=1)`` does not show that a connection was an old one.  A ``POST``
is not sent again here, since nothing tells whether it was acted on; the engine
tries the whole attempt again, as often as the caller's ``Retry`` allows.
"""

from __future__ import annotations

from typing import Any

import requests.adapters
from urllib3.exceptions import HTTPError, ProxyError

from ..errors import ConfigurationError
from ..urls import parsed
from . import direct, failures
from .connections import SocketHandle, current_wire, using
from .pools import Pool, PoolTLS
from .request import Address, Request
from .response import ArrivedAnswer, RequestsAnswer
from .trust import TrustStore

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})  # RFC 9110, 9.2.2
_POOLS = {"http": Pool, "https": PoolTLS}
_POOLS_KNOWN = 256


class Adapter(requests.adapters.HTTPAdapter):
    """``HTTPAdapter`` over wakeable connections; it repeats what an idle connection lost."""

    def __init__(self, hosts: int = 32, connections: int = 64) -> None:
        super().__init__(pool_connections=hosts, pool_maxsize=connections, max_retries=0)
        self.poolmanager.pool_classes_by_scheme = _POOLS
        # By origin and trust; urllib3's manager forgets those that it has used least.
        self._pools: dict[tuple[str, object], Any] = {}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().send(request, *args, **kwargs)
        except requests.exceptions.ConnectionError:
            handle = current_wire()
            is_lost = handle.is_reused and not handle.is_answered
            if not is_lost or request.method not in _IDEMPOTENT:
                raise
        # Not in the block above: what happens now is not to tell of the old connection.
        handle.renew()
        return super().send(request, *args, **kwargs)

    def open(
        self,
        request: Request,
        handle: SocketHandle,
        *,
        proxies: dict[str, str],
        verify: bool | TrustStore,
    ) -> ArrivedAnswer:
        """Send *request*; return when the head of its answer has come.

        To be called in ``using(handle)``.  Raises what those below raise: sockets,
        ``http.client``, urllib3, ``requests``.
        """
        if not direct.is_possible(request, proxies):
            scope = handle.scope
            answer = self.send(
                request.prepared(),
                stream=True,
                # The connect clock does not run while the answer is read.
                timeout=(scope.socket_timeout(), scope.socket_timeout(overall=True)),
                proxies=proxies,
                verify=verify,
            )
            return RequestsAnswer(answer, handle)
        pool = self._pool(request.address, verify)
        try:
            return direct.exchange(pool, request, handle)
        except failures.FOREIGN as exc:
            is_lost = handle.is_reused and not handle.is_answered
            if not is_lost or isinstance(exc, TimeoutError) or request.method not in _IDEMPOTENT:
                raise
        handle.renew()  # as in send()
        return direct.exchange(pool, request, handle)

    def _pool(self, address: Address, verify: bool | TrustStore) -> Any:
        """The pool for *address*, as ``requests`` finds it for each request anew."""
        key = (address.origin, verify)
        pool = self._pools.get(key)
        if pool is None:
            if len(self._pools) >= _POOLS_KNOWN:
                self._pools.clear()
            request = requests.Request("GET", address.url).prepare()
            pool = self.get_connection_with_tls_context(request, verify, proxies={})
            self.cert_verify(pool, address.url, verify, None)
            self._pools[key] = pool
        return pool

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().get_connection_with_tls_context(*args, **kwargs)
        except TypeError as exc:  # requests before 2.32.4 at a proxy URL that is none
            raise requests.exceptions.InvalidProxyURL("the proxy's URL is malformed") from exc

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        try:
            manager = super().proxy_manager_for(proxy, **kwargs)
        except requests.exceptions.InvalidSchema as exc:
            raise ConfigurationError(
                'a SOCKS proxy needs PySocks: pip install "g4fsync[socks]"'
            ) from exc
        if proxy.lower().startswith("socks"):
            from .socks import SOCKS_POOLS

            manager.pool_classes_by_scheme = SOCKS_POOLS
        else:
            manager.pool_classes_by_scheme = _POOLS
        return manager

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """As requests has it, and for two places of certificates at once."""
        if not isinstance(verify, TrustStore):
            return super().build_connection_pool_key_attributes(request, verify, cert)
        host, settings = super().build_connection_pool_key_attributes(request, True, cert)
        return host, {**settings, "ca_certs": verify.file, "ca_cert_dir": verify.directory}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        # requests goes by the URL, but it may be the proxy that speaks TLS.
        url = "https:" if conn.scheme == "https" else url
        if isinstance(verify, TrustStore) and url.startswith("https:"):
            conn.cert_reqs = "CERT_REQUIRED"
            conn.ca_certs, conn.ca_cert_dir = verify
            return
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Close idle connections."""
        # urllib3 leaves that to the garbage collector, and an error that somebody
        # keeps holds on to its pool by the traceback.
        while self._pools:
            self._pools.popitem()[1].close()
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - it can't be iterated
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
        super().close()

    def open_socket(
        self,
        handle: SocketHandle,
        url: str,
        *,
        proxies: dict[str, str],
        verify: bool | str | TrustStore,
    ) -> Any:
        """A connected socket to *url*'s host, through proxy and TLS, for a WebSocket.

        The caller owns it.  It is opened as the HTTP connections are, so all
        clocks, proxies and certificate settings apply alike.
        """
        request = requests.Request("GET", url).prepare()
        pool: Any = self.get_connection_with_tls_context(request, verify, proxies=proxies)
        self.cert_verify(pool, url, verify, None)
        connection = pool._new_conn()
        if pool.proxy is not None:
            # A WebSocket needs a tunnel in any case, also an unencrypted one.
            target = parsed(url)
            if target.scheme != pool.scheme:  # urllib3 would speak TLS in the tunnel too
                raise ConfigurationError("an https:// proxy takes no WebSocket without TLS")
            connection.set_tunnel(
                target.host, target.port, headers=pool.proxy_headers, scheme=pool.proxy.scheme
            )
        with using(handle):
            try:
                connection.connect()
            except BaseException as exc:
                reached = connection.has_connected_to_proxy
                connection.close()
                if pool.proxy is None or reached or not isinstance(exc, (OSError, HTTPError)):
                    raise
                failure = ProxyError("no way through the proxy", exc)
                failure.pool = pool  # type: ignore[attr-defined]  # as urllib3's others have it
                raise failure from exc
        return connection.sock

"""SOCKS proxies: the wakeable connections, reached through PySocks (extra ``socks``)."""

from __future__ import annotations

import socket
from typing import Any

import socks
from urllib3.exceptions import NameResolutionError, NewConnectionError, ProxyError

from .connections import Wakeable, WakeableTLS
from .pools import Pool, PoolTLS


class ProxyFailed(ProxyError):
    """There is no way through the SOCKS proxy at *address*."""

    def __init__(self, address: tuple[str, int], exc: NewConnectionError) -> None:
        super().__init__("no way through the proxy", exc)
        self.address = address


class _Socks(Wakeable):
    def __init__(self, _socks_options: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._options = _socks_options

    _target_failure: NameResolutionError | None = None

    def _new_conn(self) -> socket.socket:
        try:
            return super()._new_conn()
        except NewConnectionError as exc:
            if exc is self._target_failure:
                raise
            raise ProxyFailed(self._peer(), exc) from exc

    def _peer(self) -> tuple[str, int]:
        return self._options["proxy_host"], int(self._options["proxy_port"] or 1080)

    def _make_socket(self, family: int, kind: int, proto: int) -> socket.socket:
        sock: socket.socket = socks.socksocket(family, kind, proto)
        return sock

    def _reach(self, sock: Any, address: Any) -> None:
        sock.set_proxy(
            self._options["socks_version"],
            address[0],
            address[1],
            rdns=self._options["rdns"],
            username=self._options["username"],
            password=self._options["password"],
        )
        host = self._dns_host
        if not self._options["rdns"]:  # PySocks would ask the resolver where nothing wakes it
            try:
                host = self._resolve(host, self.port)[0][4][0]
            except NameResolutionError as exc:
                self._target_failure = exc
                raise
        sock.connect((host, self.port))


class _SocksTLS(_Socks, WakeableTLS):
    pass


class _SocksPool(Pool):
    ConnectionCls = _Socks  # type: ignore[assignment]  # it takes one argument more


class _SocksPoolTLS(PoolTLS):
    ConnectionCls = _SocksTLS  # type: ignore[assignment]  # it takes one argument more


SOCKS_POOLS = {"http": _SocksPool, "https": _SocksPoolTLS}

"""Which way a request takes: straight to the provider, or through which proxy."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from ..transport.live import Network
from ..transport.proxies import proxy_variables

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080, "socks4": 1080}


@dataclass(frozen=True, slots=True)
class Way:
    """How to get to ``url``: ``host`` and ``port`` are what is connected to first.

    ``proxy_source`` is the option or the variable that names the proxy, ``""``
    without one; ``proxies`` are as ``requests`` wants them.
    """

    url: str
    host: str
    port: int
    told: str
    proxy_source: str = ""
    proxies: dict[str, str] = field(default_factory=dict, repr=False)


def way_to(base_url: str, network: Network, given: str | None) -> Way:
    """The way to *base_url*; ``ConfigurationError`` for a proxy that is none.

    *given* is the proxy that was asked for, if one was.
    """
    # As it goes out: international names encoded.
    url = str(requests.Request("GET", base_url).prepare().url)
    found = network.environment_proxy(url) if given is None else (network.proxy, "--proxy")
    proxy, source = found or ("", "")
    if not proxy:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        return Way(url, host, port, _told_without(url))
    parts = urlsplit(proxy)
    if parts.scheme.startswith("socks"):
        network.adapter.proxy_manager_for(proxy)  # raises without PySocks
    return Way(
        url,
        host=parts.hostname or "",
        port=parts.port or _PORTS.get(parts.scheme, 80),
        told=f"{without_password(proxy)} ({source})",
        proxy_source=source,
        proxies=network.proxies(url),
    )


def without_password(url: str) -> str:
    """*url* without a user and a password in it."""
    scheme, mark, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}{mark}{place.rpartition('@')[2]}{slash}{path}"


def _told_without(url: str) -> str:
    if not proxy_variables():
        return "none"
    return (
        f"none for {urlsplit(url).hostname}, though {' and '.join(sorted(proxy_variables()))} set"
    )

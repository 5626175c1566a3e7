"""Which way a request takes: straight to the provider, or through which proxy."""

from __future__ import annotations

from dataclasses import dataclass, field

import requests

from ..transport.live import Network
from ..transport.proxies import proxy_variables
from ..urls import parsed, without_password


@dataclass(frozen=True, slots=True)
class Route:
    """How to get to ``url``: ``host`` and ``port`` are what is connected to first.

    ``proxy_source`` is the option or the variable that names the proxy, ``""``
    without one; ``proxies`` are as ``requests`` wants them.
    """

    url: str
    host: str
    port: int
    description: str
    proxy_source: str = ""
    proxies: dict[str, str] = field(default_factory=dict, repr=False)


def route_to(base_url: str, network: Network, given: str | None) -> Route:
    """The way to *base_url*; ``ConfigurationError`` for a proxy that is none.

    *given* is the proxy that was asked for, if one was.
    """
    # As it goes out: international names encoded.
    url = str(requests.Request("GET", base_url).prepare().url)
    found = network.environment_proxy(url) if given is None else (network.proxy, "--proxy")
    proxy, source = found or ("", "")
    if not proxy:
        parts = parsed(url)
        return Route(url, parts.host, parts.port or 0, _without_proxy(url))
    parts = parsed(proxy)
    if parts.scheme.startswith("socks"):
        network.adapter.proxy_manager_for(proxy)  # raises without PySocks
    return Route(
        url,
        host=parts.host,
        port=parts.port or 80,
        description=f"{without_password(proxy)} ({source})",
        proxy_source=source,
        proxies=network.proxies(url),
    )


def _without_proxy(url: str) -> str:
    if not proxy_variables():
        return "none"
    return f"none for {parsed(url).host}, though {' and '.join(sorted(proxy_variables()))} set"

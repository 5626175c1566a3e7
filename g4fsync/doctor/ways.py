"""Which way a request takes: straight to the provider, or through which proxy."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
from requests.utils import prepend_scheme_if_needed, select_proxy
from urllib3.exceptions import LocationParseError

from ..errors import ConfigurationError
from ..transport.live import Network

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
    proxies = network.proxies(url)
    proxy = select_proxy(url, proxies)
    if not proxy:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        return Way(url, host, port, _told_without(url))
    source = "--proxy" if given is not None else _variable_with(proxy)
    parts = urlsplit(_whole(proxy, source))
    scheme = parts.scheme.lower()
    if scheme.startswith("socks"):
        network.adapter.proxy_manager_for(_whole(proxy, source))  # raises without PySocks
    return Way(
        url,
        host=parts.hostname or "",
        port=parts.port or _PORTS.get(scheme, 80),
        told=f"{without_password(_whole(proxy, source))} ({source})",
        proxy_source=source,
        proxies=proxies,
    )


def without_password(url: str) -> str:
    """*url* without a user and a password in it."""
    scheme, mark, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}{mark}{place.rpartition('@')[2]}{slash}{path}"


def _whole(proxy: str, source: str) -> str:
    """*proxy* with its scheme, which variables may leave out."""
    try:
        url = str(prepend_scheme_if_needed(proxy, "http"))  # type: ignore[no-untyped-call]  # untyped there
        parts = urlsplit(url)
        good = bool(parts.hostname) and parts.port != 0
    except (ValueError, LocationParseError):
        good = False
    if not good:  # not quoted: it may hold a password
        raise ConfigurationError(f"what {source} holds is no URL of a proxy")
    return url


def _variables() -> dict[str, str]:
    """The proxy variables that are set."""
    names = ("http_proxy", "https_proxy", "all_proxy")
    return {
        name: value for name, value in os.environ.items() if name.lower() in names and value.strip()
    }


def _variable_with(proxy: str) -> str:
    for name, value in _variables().items():
        if value == proxy:
            return name
    return "the system's settings"


def _told_without(url: str) -> str:
    if not _variables():
        return "none"
    return f"none for {urlsplit(url).hostname}, though {' and '.join(sorted(_variables()))} set"

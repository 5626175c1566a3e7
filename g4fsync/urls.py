"""What a URL says, and whether it may be a base URL or a proxy's.

Nothing else in the package parses URLs: "is it this machine" and "is it the same
origin" decide where a key is sent, and must have one answer.  Only user and
password are ever taken out of a URL here; what is shown to a user is a ``place``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

_PORTS = {
    "http": 80,
    "https": 443,
    "socks4": 1080,
    "socks4a": 1080,
    "socks5": 1080,
    "socks5h": 1080,
}
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h", "socks4", "socks4a")
_PROXY_NAMES = {"socks": "socks5h"}  # GNOME's and GLib's spelling; names resolved by the proxy
_VARIABLE = re.compile(r"\{([A-Z0-9_|]+)\}")


class URL(NamedTuple):
    """The parts of a URL; ``""`` and ``None`` for what it does not say.

    ``scheme`` and ``host`` are in lower case; ``place`` is ``host[:port]`` as
    written, without user and password; ``port`` is the scheme's own when none
    is written.
    """

    scheme: str
    host: str
    port: int | None
    place: str
    path: str
    query: str
    fragment: str


@lru_cache(maxsize=512)
def parsed(url: str) -> URL:
    """The parts of *url*; ``ValueError`` for a port that is none or a broken bracket."""
    parts = urlsplit(url)
    port = parts.port
    return URL(
        parts.scheme,
        parts.hostname or "",
        _PORTS.get(parts.scheme) if port is None else port,
        parts.netloc.rpartition("@")[2],
        parts.path,
        parts.query,
        parts.fragment,
    )


@lru_cache(maxsize=512)
def is_loopback(host: str) -> bool:
    """Whether *host* is this machine: ``localhost``, a name below it, or a loopback address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    from ipaddress import ip_address  # only here: it takes a tenth of importing Client

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port, for comparing; all of this machine's servers are one origin."""
    parts = parsed(url)
    if is_loopback(parts.host):
        return "", "this machine", None
    return parts.scheme, parts.host, parts.port


def without_password(url: str) -> str:
    """*url* without a user and a password in it, whatever else it is."""
    scheme, mark, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}{mark}{place.rpartition('@')[2]}{slash}{path}"


def shown(url: str) -> str:
    """*url*, which may be anything, without what may be a secret in it."""
    scheme, mark, rest = url.rpartition("://")
    place = rest.rpartition("@")[2]
    path, query, _ = place.partition("?")
    return f"{scheme}{mark}{path}{query and '?…'}"


def passwords(url: str) -> list[str]:
    """The password in *url*, as it stands there and decoded, also with its user before it."""
    user, mark, _ = url.rpartition("://")[2].rpartition("@")
    if not mark:
        return []
    name, _, password = user.partition(":")
    plain = unquote(password)
    if not password:  # then the user is a token
        return [user, unquote(user)]
    # With both, that is what Basic encodes.
    return [password, plain, user, f"{unquote(name)}:{plain}"]


def filled(url: str, environment: Mapping[str, str]) -> str:
    """*url* with its variables, ``{NAME}`` or ``{NAME|OTHER}``, as *environment* has them.

    A value that is a URL, as hosts are often told, counts without its scheme.
    ``LookupError`` names the variable that is not set, ``ValueError`` the one that holds
    more than a part of a host or path.
    """

    def value(match: re.Match[str]) -> str:
        names = match[1].split("|")
        name = next((each for each in names if environment.get(each, "").strip()), None)
        if name is None:
            raise LookupError(names[0])
        text = environment[name].strip().rpartition("://")[2].rstrip("/")
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*(:\d+)?", text, re.ASCII):
            raise ValueError(name)
        return text

    return _VARIABLE.sub(value, url)


@lru_cache(maxsize=256)
def normal_base_url(url: str) -> str:
    """*url* without a slash at its end; ``ValueError`` when it can be no base URL."""
    parts = parsed(url)
    good = parts.scheme in ("http", "https") and parts.host and parts.port != 0
    if not good or any(ord(c) <= 32 or ord(c) == 127 for c in url) or parts.query or parts.fragment:
        raise ValueError("a base URL must look like http://host[:port][/path]")
    return url.rstrip("/")


@lru_cache(maxsize=256)
def normal_proxy(proxy: str) -> str:
    """*proxy* as a URL of a kind known here; ``ValueError``, which does not quote it.

    Variables hold ``host:port`` without a scheme, which ``requests`` takes as ``http://``.
    """
    # Here, since a Client that is given a proxy is to be cheap, too.
    from urllib3.exceptions import HTTPError
    from urllib3.util import parse_url

    scheme, mark, rest = proxy.strip().partition("://")
    if not mark:
        scheme, rest = "http", scheme.lstrip("/")
    scheme = _PROXY_NAMES.get(scheme.lower(), scheme.lower())
    url = f"{scheme}://{rest}"
    try:
        parts, strict = parsed(url), parse_url(url)
        good = scheme in _PROXY_SCHEMES and parts.host and strict.host and parts.port != 0
        # A slash or the like in a password would make its first half the host.
        good = good and "@" not in f"{parts.path}{parts.query}{parts.fragment}"
    except (ValueError, HTTPError):
        good = False
    if not good or not url.isprintable():
        # Outside of the block, or the reason, which quotes the URL, would be the context.
        raise ValueError("no URL of a proxy")
    return url

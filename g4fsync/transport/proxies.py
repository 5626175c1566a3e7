"""Which proxy is on the way to a URL, in the forms that people write.

Variables hold ``host:port`` without a scheme (``requests`` takes that as
``http://``), and ``socks://host:port/``, GNOME's and GLib's spelling of SOCKS 5
with names resolved by the proxy.  No message repeats a malformed one: it may
hold a password at any place.
"""

from __future__ import annotations

import os
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from ..errors import ConfigurationError

_SCHEMES = ("http", "https", "socks5", "socks5h", "socks4", "socks4a")
_OTHER_NAMES = {"socks": "socks5h"}


@lru_cache(maxsize=256)
def normal_proxy(proxy: str) -> str:
    """*proxy* as a URL of a kind known here; ``ValueError``, which does not quote it."""
    # Here, since a Client that is given a proxy is to be cheap, too.
    from urllib3.exceptions import HTTPError
    from urllib3.util import parse_url

    scheme, mark, rest = proxy.strip().partition("://")
    if not mark:
        scheme, rest = "http", scheme.lstrip("/")
    scheme = _OTHER_NAMES.get(scheme.lower(), scheme.lower())
    url = f"{scheme}://{rest}"
    try:
        parts, strict = urlsplit(url), parse_url(url)
        good = scheme in _SCHEMES and parts.hostname and strict.host and parts.port != 0
    except (ValueError, HTTPError):
        good = False
    # A slash or the like in a password would make its first half the host.
    if not good or "@" in f"{parts.path}{parts.query}{parts.fragment}" or not url.isprintable():
        raise ValueError("no URL of a proxy") from None
    return url


def environment_proxy(url: str) -> tuple[str, str] | None:
    """The proxy for *url* that the environment or the system names, and what names it.

    ``ConfigurationError``, which does not quote it, when that is no proxy's URL.
    """
    from requests.utils import get_environ_proxies, select_proxy

    proxies = get_environ_proxies(url)
    proxy = select_proxy(url, proxies) if proxies else None
    if not proxy:
        return None
    source = _variable_with(proxy)
    try:
        return normal_proxy(proxy), source
    except ValueError:
        raise ConfigurationError(f"what {source} holds is no URL of a proxy") from None


def proxy_variables() -> dict[str, str]:
    """The proxy variables that are set."""
    names = ("http_proxy", "https_proxy", "all_proxy")
    return {
        name: value for name, value in os.environ.items() if name.lower() in names and value.strip()
    }


def _variable_with(proxy: str) -> str:
    for name, value in proxy_variables().items():
        if value == proxy:
            return name
    return "the system's settings"


def passwords_of(url: str) -> list[str]:
    """The password in *url*, as it stands there and decoded, also with its user before it."""
    user, mark, _ = url.rpartition("://")[2].rpartition("@")
    if not mark:
        return []
    name, _, password = user.partition(":")
    plain = unquote(password)
    # Without a password the user is a token; with both, that is what Basic encodes.
    return (
        [password, plain, user, f"{unquote(name)}:{plain}"] if password else [user, unquote(user)]
    )

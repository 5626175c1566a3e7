"""Which proxy is on the way to a URL, in the forms that people write.

Variables hold ``host:port`` without a scheme (``requests`` takes that as
``http://``), and ``socks://host:port/``, GNOME's and GLib's spelling of SOCKS 5
with names resolved by the proxy.  No message repeats a malformed one: it may
hold a password at any place.
"""

from __future__ import annotations

import os

from ..errors import ConfigurationError
from ..urls import normal_proxy


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

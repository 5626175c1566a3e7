"""How a client's calls reach their providers: URLs, cookies, keys, proxy, connections.

Rules of this file:

* Credentials are looked for when an attempt opens its transport, not before: a
  program may set a variable late, and a key file may change between two calls.
* What a call gives wins over the client's, the client's over the environment's,
  that over the file's.  ``""`` as a key means none on purpose, and ends the search.
* A key from the environment or the file goes to the provider's own origins only
  (:mod:`.homes`).  A base URL of the caller's own may be anybody's, and then only
  a key that was given with it is sent there.
* One network (pool of connections) serves all calls of a client, in one process:
  sockets are shared with the parent after a fork, so a child makes its own, and
  gates and paces are kept by process for the same reason.
* Pickled, a client has no key, cookie or password in it.  What was left out is
  remembered by the provider's name, so that the other process can say which
  variable it wants, and does not ask without a key.  ``copy()`` keeps them: it
  stays in this process.
* Nothing here opens a connection or a file at the time a client is made, and
  ``transport`` is imported when the first attempt needs it: a client is cheap.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import AuthenticationError, ConfigurationError, InvalidRequest
from ..scope import CancelScope
from ..scope.gate import Gate
from ..settings import Limits, Rate, is_count
from ..urls import normal_proxy, parsed, without_password
from . import checks
from .homes import Service, is_at_home
from .names import folded

if TYPE_CHECKING:
    from ..scope.pace import Pace
    from ..transport.live import LiveTransport, Network


Cookies: TypeAlias = "Mapping[str, str] | str | os.PathLike[str]"


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a single call says in place of its client: proxy, cookies, key."""

    proxy: str | None = None
    cookies: Cookies | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "proxy", checked_proxy(self.proxy))
        checks.checked_cookies(self.cookies)
        checks.checked_text("api_key", self.api_key)


class Reach:
    """How one client reaches providers, and with which credentials.  Pickled, it keeps no secret.

    The mappings are by a provider's name, matched as names are.
    """

    def __init__(
        self,
        *,
        proxy: str | None = None,
        verify: bool | str | os.PathLike[str] = True,
        cookies: Mapping[str, Cookies] | None = None,
        api_keys: Mapping[str, str] | None = None,
        base_urls: Mapping[str, str] | None = None,
        max_concurrent: Mapping[str, int] | None = None,
        limits: Limits | None = None,
        rate: Rate | Mapping[str, Rate] | None = None,
    ) -> None:
        if limits is not None and not isinstance(limits, Limits):
            raise InvalidRequest(f"limits must be Limits, got {type(limits).__name__}")
        self._limits = limits or Limits()
        self._proxy = checked_proxy(proxy)
        self._verify = checks.checked_verify(verify)
        of = checks.by_provider
        self._cookies = of("cookies", cookies, checks.is_cookies, "a mapping or a file's path")
        self._api_keys = of("api_keys", api_keys, checks.is_text, "a str")
        self.base_urls = of("base_urls", base_urls, checks.is_text, "a str")
        self._max_concurrent = of("max_concurrent", max_concurrent, lambda limit: True, "")
        for limit in self._max_concurrent.values():
            if not is_count(limit):
                raise InvalidRequest(f"max_concurrent must be 1 or more, got {limit!r:.80}")
        self._keys_left_out: frozenset[str] = frozenset()  # by pickling: whose they were
        self._rates = checks.checked_rates(rate)
        self._setup()

    def _setup(self) -> None:
        """What is not configuration, and made anew in each process."""
        self._lock = threading.RLock()  # guards all below
        # By process and base URL: slots taken in a fork's parent are not given back here.
        self._gates: dict[tuple[int, str], Gate] = {}
        self._paces: dict[tuple[int, str, str | None], Pace] = {}  # the same, and by key
        self._network: Network | None = None
        self._process = 0  # whose network it is: sockets are not shared across a fork

    def after_fork(self) -> None:
        """In the child: a thread that is gone may have held the lock for ever."""
        self._lock = threading.RLock()

    def copy(self) -> Reach:
        """The same ways and credentials, with connections of their overrides."""
        twin = object.__new__(type(self))
        given = {name: dict(v) if isinstance(v, dict) else v for name, v in vars(self).items()}
        vars(twin).update(given)
        twin._setup()
        return twin

    def __getstate__(self) -> dict[str, Any]:
        # Without its password a proxy says no; without the proxy we would go another way.
        return {
            "_proxy": None if self._proxy is None else without_password(self._proxy),
            "_verify": self._verify,
            "_cookies": {},
            "_api_keys": {},
            "_keys_left_out": self._keys_left_out.union(
                n for n, key in self._api_keys.items() if key
            ),
            "base_urls": {n: without_password(url) for n, url in self.base_urls.items()},
            "_max_concurrent": self._max_concurrent,
            "_limits": self._limits,
            "_rates": self._rates,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._setup()

    def gate(self, provider: Service) -> Gate | None:
        """What limits the calls under way at *provider*'s base URL; ``None`` without a limit."""
        limit = self._max_concurrent.get(folded(provider.name))
        if limit is None:
            return None
        with self._lock:
            return self._gates.setdefault((os.getpid(), provider.base_url), Gate(limit))

    def pace(self, provider: Service, overrides: Overrides) -> Pace | None:
        """The pace of calls to *provider*; ``None`` when nothing limits it."""
        rate = self.rate_of(provider, overrides)
        return None if rate is None else self.pace_at(provider, overrides, rate)

    def rate_of(
        self,
        provider: Service,
        overrides: Overrides,
        given: Rate | Mapping[str, Rate] | None = None,
    ) -> Rate | None:
        """The rate for *provider*, as *given*, else the client's, else what it allows anyone."""
        rates = self._rates if given is None else checks.checked_rates(given)
        name = folded(provider.name)
        rate = rates.get(name) if isinstance(rates, Mapping) else rates
        if rate is None and provider.rate_without_key is not None:
            explicit = overrides.api_key or self._api_keys.get(name)
            if not self._found_key(provider, explicit):
                rate = provider.rate_without_key
        return rate

    def pace_at(self, provider: Service, overrides: Overrides, rate: Rate | None) -> Pace:
        """The pace of all calls to *provider* with this key; a *rate* holds from now on."""
        from ..scope.pace import Pace

        key = overrides.api_key or self._api_keys.get(folded(provider.name))
        with self._lock:
            pace = self._paces.setdefault((os.getpid(), provider.base_url, key), Pace())
        if rate is not None:
            pace.rate = rate
        return pace

    def transport_factory(
        self, provider: Service, overrides: Overrides
    ) -> Callable[[CancelScope], LiveTransport]:
        """What makes the transport of each attempt, with the credentials found at that time."""

        def open_transport(scope: CancelScope) -> LiveTransport:
            from ..transport.live import Destination, LiveTransport

            network = self._shared_network()
            if overrides.proxy is not None:
                network = replace(network, proxy=overrides.proxy)
            if provider.ca is not None and network.verify is True:
                network = replace(network, verify=provider.ca)
            name = folded(provider.name)
            key = self._found_key(provider, overrides.api_key or self._api_keys.get(name))
            cookies = self._found_cookies(provider, overrides.cookies or self._cookies.get(name))
            if provider.needs_cookies and not (cookies or key):
                raise AuthenticationError(_no_cookies(provider), provider=provider.name)
            destination = Destination(
                provider=provider.name,
                base_url=provider.base_url,
                headers=provider.headers,
                cookies=cookies,
                api_key=key,
            )
            return LiveTransport(destination, network, scope)

        return open_transport

    def _shared_network(self) -> Network:
        with self._lock:
            if self._network is None or self._process != os.getpid():
                from ..transport.live import Network
                from ..transport.trust import trusted

                if self._verify is not True:  # a path that is none is told before anything is sent
                    trusted(self._verify)
                self._network = Network(proxy=self._proxy, verify=self._verify, limits=self._limits)
                self._process = os.getpid()
            return self._network

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            network, self._network = self._network, None
        if network is not None and self._process == os.getpid():
            network.adapter.close()

    def _found_cookies(self, provider: Service, source: Cookies | None) -> dict[str, str]:
        if source is None and not provider.needs_cookies:
            return {}
        from . import cookies

        url = parsed(provider.base_url)
        host, secure, path = url.host, url.scheme == "https", url.path or "/"
        if source is None:
            return cookies.find(provider.name, host, secure=secure, path=path)
        return cookies.load(source, provider=provider.name, host=host, secure=secure, path=path)

    def _found_key(self, provider: Service, explicit: str | None) -> str | None:
        """The key to send, if any.

        One from the environment or the key file is sent only where it belongs:
        a base URL of the caller's own may be anybody's.
        """
        key = None
        if explicit is not None or (provider.key_variables and is_at_home(provider)):
            from . import keys

            key = keys.resolve(provider.name, explicit, provider.key_variables)
        if not key and explicit is None and folded(provider.name) in self._keys_left_out:
            raise ConfigurationError(_key_left_out(provider), provider=provider.name)
        if not key and provider.needs_key and is_at_home(provider):
            raise ConfigurationError(f"no API key; {provider.key_advice}", provider=provider.name)
        return key


def _key_left_out(provider: Service) -> str:
    """Where the key of a client that was pickled must be, in the process it came to."""
    variables = provider.key_variables[:1]
    # At another base URL no variable is looked at, unless one says that this URL is its own.
    if not is_at_home(provider):
        urls = provider.base_url_variables[:1]
        variables = (*variables, *(f"{each}={provider.base_url}" for each in urls)) if urls else ()
    wanted = f"set {' and '.join(variables)} here, or " if variables else ""
    return f"a pickled client has no API key in it; {wanted}give api_key= with the call"


def _no_cookies(provider: Service) -> str:
    from . import cookies

    return (
        f"no cookies for {parsed(provider.base_url).host}; "
        f"give Client(cookies={{{provider.name!r}: ...}}) a mapping or a file, "
        f"or put {provider.name}.txt into {cookies.cookies_dir()}"
    )


def checked_proxy(proxy: str | None) -> str | None:
    """*proxy*; ``InvalidRequest`` when it is no URL of a known kind, without repeating it."""
    if proxy is None:
        return None
    if isinstance(proxy, str) and "://" in proxy:
        with suppress(ValueError):
            return normal_proxy(proxy)
    # Not repeated: it may hold a password.
    raise InvalidRequest("proxy must be a URL like http://host:port or socks5h://host:port")

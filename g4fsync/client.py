"""The face: :class:`Client`, from what a caller says to what the engine does."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import engine, options, registry
from .engine import Call, Retry
from .errors import AuthenticationError, ConfigurationError, InvalidRequest
from .messages import ChatRequest, ChatResult, Message, as_messages
from .providers import base
from .providers.base import Provider
from .registry import ProviderSpec
from .scope import CancelScope, Timeout
from .stream import ChatStream

if TYPE_CHECKING:
    from .transport.live import LiveTransport, Network

Cookies = Mapping[str, str] | str | os.PathLike[str]
_SCHEMES = ("http", "https", "socks5", "socks5h", "socks4", "socks4a")


class Client:
    """Asks chat providers; cheap to make, safe to share between threads, usable after fork.

    ``model`` is ``"provider"``, ``"provider:model"`` or an alias, the default
    for each call; ``fallback`` holds further models, asked in order while no
    token has been delivered.  ``timeout`` is a :class:`Timeout` or a number of
    seconds in total.  ``proxy`` is one URL for HTTP and WebSocket
    (``http://``, ``https://``, ``socks5h://``); without it the environment's
    proxy variables hold.  ``verify`` is ``False`` or a CA bundle's path, as for
    ``requests``.  ``cookies``, ``api_keys`` and ``base_urls`` are mappings from
    a provider's name.

    Nothing is opened before an answer is iterated.  :meth:`close` (or leaving
    the ``with`` block) cancels what is still running and closes idle
    connections.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        fallback: Sequence[str] = (),
        timeout: Timeout | float | None = None,
        retry: Retry | None = None,
        proxy: str | None = None,
        verify: bool | str = True,
        cookies: Mapping[str, Cookies] | None = None,
        api_keys: Mapping[str, str] | None = None,
        base_urls: Mapping[str, str] | None = None,
    ) -> None:
        self.model = model
        self.fallback = (fallback,) if isinstance(fallback, str) else tuple(fallback)
        self.timeout = Timeout.of(timeout, Timeout())
        self.retry = retry or Retry()
        self._proxy = checked_proxy(proxy)
        self._verify = verify
        self._cookies = _by_provider("cookies", cookies)
        self._api_keys = _by_provider("api_keys", api_keys)
        self._base_urls = _by_provider("base_urls", base_urls)
        self._lock = threading.Lock()  # guards the making of _network
        self._network: Network | None = None
        self._process = 0  # whose network it is: sockets are not shared across a fork
        self._streams: weakref.WeakSet[ChatStream] = weakref.WeakSet()
        self._closed = False

    def chat(
        self,
        messages: object,
        *,
        model: str | None = None,
        provider: ProviderSpec | None = None,
        system: str | None = None,
        timeout: Timeout | float | None = None,
        retry: Retry | None = None,
        proxy: str | None = None,
        cookies: Cookies | None = None,
        **options: Any,
    ) -> ChatStream:
        """Ask, and get the answer as a :class:`ChatStream` of ``str``.

        ``messages`` is a ``str`` or a sequence of ``{"role", "content"}``
        mappings or :class:`Message`; ``system`` is put before them.
        ``cookies`` are for this call's provider.  ``options`` are
        ``temperature``, ``max_tokens``, ``top_p``, ``stop``, ``seed``, ... :
        one that the provider can't honour is an ``InvalidRequest``.

        Raises ``InvalidRequest`` and ``ConfigurationError`` at once, before
        anything is sent; all else comes while iterating.
        """
        turns = as_messages(messages)
        if system is not None:
            turns = as_messages([Message("system", system), *turns])
        proxy = checked_proxy(proxy)
        models = [model] if provider is not None or model is not None else [self.model]
        if provider is None and model is None:
            models += self.fallback
        calls = [
            self._call(turns, each, provider, options, proxy=proxy, cookies=cookies)
            for each in models
        ]
        limits = Timeout.of(timeout, self.timeout)
        run = partial(engine.answer, calls, retry or self.retry)
        stream = ChatStream(run, CancelScope(limits))
        with self._lock:
            if self._closed:
                raise ConfigurationError("the client is closed")
            self._streams.add(stream)
        return stream

    def ask(self, messages: object, **arguments: Any) -> ChatResult:
        """Ask and wait for the whole answer; the same arguments as :meth:`chat`."""
        with self.chat(messages, **arguments) as stream:
            return stream.result()

    def close(self) -> None:
        """Cancel what is still running, and close idle connections."""
        with self._lock:
            self._closed = True
            streams, network = list(self._streams), self._network
            self._network = None
        for stream in streams:
            stream.close()
        if network is not None and self._process == os.getpid():
            network.adapter.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.model!r})"

    # -- inside ---------------------------------------------------------

    def _call(
        self,
        turns: tuple[Message, ...],
        model: str | None,
        provider: ProviderSpec | None,
        given: Mapping[str, Any],
        *,
        proxy: str | None,
        cookies: Cookies | None,
    ) -> Call:
        chosen, model = self._resolve(model, provider)
        request = ChatRequest(
            messages=turns,
            model=chosen.wire_model(model),
            options=options.checked(given, chosen.options, chosen.name),
        )
        chosen.check(request)
        return Call(chosen, chosen.model_name(model), request, self._opener(chosen, proxy, cookies))

    def _resolve(
        self, model: str | None, provider: ProviderSpec | None
    ) -> tuple[Provider, str | None]:
        """The provider object and the model's name, which may be ``None`` for its default."""
        if isinstance(provider, Provider):
            return provider, model
        if isinstance(provider, str):
            provider = registry.provider_class(provider)
        elif provider is None:
            if model is None:
                raise ConfigurationError(
                    'no model: say Client("koala") or chat(..., model="koala"); '
                    f"there are {', '.join(registry.provider_names())}"
                )
            if not isinstance(model, str):
                raise InvalidRequest(f"model must be a str, got {type(model).__name__}")
            provider, model = registry.split(model)
        elif not (isinstance(provider, type) and issubclass(provider, Provider)):
            raise InvalidRequest(
                f"provider must be a name, a Provider class or object, got {provider!r:.80}"
            )
        return provider(self._base_urls.get(registry.folded(provider.name))), model

    def _opener(
        self, provider: Provider, proxy: str | None, cookies: Cookies | None
    ) -> Callable[[CancelScope], LiveTransport]:
        def open_transport(scope: CancelScope) -> LiveTransport:
            from .transport.live import LiveTransport, Target

            network = self._shared_network()
            if proxy is not None:
                network = replace(network, proxy=proxy)
            name = registry.folded(provider.name)
            target = Target(
                provider=provider.name,
                base_url=provider.base_url,
                headers=provider.headers,
                cookies=self._found_cookies(provider, cookies or self._cookies.get(name)),
                api_key=self._found_key(provider, self._api_keys.get(name)),
            )
            return LiveTransport(target, network, scope)

        return open_transport

    def _shared_network(self) -> Network:
        with self._lock:
            if self._network is None or self._process != os.getpid():
                from .transport.live import Network

                self._network = Network(proxy=self._proxy, verify=self._verify)
                self._process = os.getpid()
            return self._network

    def _found_cookies(self, provider: Provider, source: Cookies | None) -> dict[str, str]:
        if source is None and not provider.needs_cookies:
            return {}
        from .transport import cookies

        url = urlsplit(provider.base_url)
        host, secure = url.hostname or "", url.scheme == "https"
        path = url.path or "/"
        if source is None:
            found = cookies.find(provider.name, host, secure=secure, path=path)
        else:
            found = cookies.load(
                source, provider=provider.name, host=host, secure=secure, path=path
            )
        if provider.needs_cookies and not found:
            raise AuthenticationError(
                f"no cookies for {host}; give Client(cookies={{{provider.name!r}: ...}}) a mapping "
                f"or a file, or put {provider.name}.txt into {cookies.cookies_dir()}",
                provider=provider.name,
            )
        return found

    def _found_key(self, provider: Provider, explicit: str | None) -> str | None:
        if explicit is None and not provider.key_variables:
            return None
        from .transport import keys

        key = keys.resolve(provider.name, explicit, provider.key_variables)
        if provider.needs_key and not key:
            raise ConfigurationError(
                f"no API key; set {provider.key_variables[0]}, "
                f"or give Client(api_keys={{{provider.name!r}: ...}})",
                provider=provider.name,
            )
        return key


def checked_proxy(proxy: str | None) -> str | None:
    """*proxy*; ``InvalidRequest`` when it is no URL of a known kind, without repeating it."""
    if proxy is None:
        return None
    try:
        parts = urlsplit(proxy)
        good = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except (ValueError, AttributeError, TypeError):
        good = False
    if not good:  # it may hold a password
        raise InvalidRequest("proxy must be a URL like http://host:port or socks5h://host:port")
    return proxy


def _by_provider(what: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidRequest(f"{what} must be a mapping from a provider's name")
    return {registry.folded(name): value for name, value in given.items()}


def _chat_alone(
    provider: Provider,
    messages: object,
    model: str | None,
    proxy: str | None,
    timeout: Timeout | float | None,
    given: Mapping[str, Any],
) -> ChatStream:
    return Client(proxy=proxy).chat(
        messages, provider=provider, model=model, timeout=timeout, **given
    )


base.open_stream = _chat_alone

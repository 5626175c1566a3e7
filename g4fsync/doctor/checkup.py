"""One provider, from its URL to its first token: how far does a call get?

Each step has its own clock and uses what a call uses: the same resolver,
sockets, proxies, certificates, credentials.  The first that fails is the last.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from time import monotonic
from typing import Any

from .. import registry
from ..access import keys
from ..access.checks import checked_verify
from ..access.reach import Overrides, Reach, checked_proxy
from ..call.listing import list_models
from ..client import Client
from ..errors import (
    ConfigurationError,
    DeadlineExceeded,
    G4FSyncError,
    InvalidRequest,
    ProviderError,
)
from ..events import Finish, Reasoning, Text, ToolCall
from ..providers.base import Provider
from ..scope import CancelScope
from ..settings import Retry, Timeout
from ..transport.connections import SocketHandle, resolve
from ..transport.failures import CA_ADVICE, MappedFailures
from ..transport.live import Network
from ..urls import parsed, without_password
from .advice import Probe, advice
from .choosing import cheapest
from .routes import Route, route_to

STEP_SECONDS = 5.0
TOKEN_SECONDS = 15.0
MAX_TOKENS = 16  # fewer are refused by some models that think first
_DAY_SECONDS = 86_400
# What servers without a list of models say to the question; a gateway also 400, without a model.
_NO_LIST = frozenset({400, 404, 405, 501})


@dataclass(frozen=True, slots=True)
class Step:
    """One thing looked at; ``told`` is what was found, or why it failed.

    ``advice`` is what to do about a failure.
    """

    name: str
    ok: bool
    seconds: float
    message: str
    advice: str = ""


class Checkup:
    """The steps to one provider; iterate :meth:`steps` once.

    ``model`` is ``"provider"`` or ``"provider:model"``; without a model the
    provider's default is asked, or one of those its server lists.  ``seconds``
    is each step's limit, in place of 5 (15 for the token).  Raises
    ``InvalidRequest`` and ``ConfigurationError`` for arguments that can't be.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        proxy: str | None = None,
        verify: bool | str | os.PathLike[str] = True,
        api_key: str | None = None,
        seconds: float | None = None,
    ) -> None:
        found, self._model = registry.split(model)
        self._step_seconds = seconds or STEP_SECONDS
        self._limits = Timeout(None, None, None, self._step_seconds)
        self._token_limits = Timeout(None, None, None, seconds or TOKEN_SECONDS)
        if seconds is not None:
            Timeout(total=seconds)  # 0 is to be refused, too
        if base_url is not None:
            found(base_url)
        self.name = found.name
        self._spec = found
        self._base_url = base_url
        self._proxy = proxy
        self._overrides = Overrides(api_key=api_key)
        self._reach = Reach(
            proxy=proxy,
            verify=verify,
            cookies=None,
            api_keys=None,
            base_urls=None if base_url is None else {found.name: base_url},
            max_concurrent=None,
        )
        self._client = Client(proxy=proxy, verify=verify, retry=Retry(attempts=1))
        trusted = found.ca if verify is True and found.ca is not None else checked_verify(verify)
        self._network = Network(proxy=checked_proxy(proxy), verify=trusted)
        self._probe = Probe(found)
        self._listed: list[str] = []

    # Known once their steps have been made.
    _provider: Provider
    _route: Route
    _addresses: list[str]

    def steps(self) -> Iterator[Step]:
        """Each step once it is made; the first that fails is the last."""
        try:
            for name, work in self._plan():
                started = monotonic()
                try:
                    message = work()
                except G4FSyncError as error:
                    why = self._reason(error, monotonic() - started)
                    words = advice(name, error, self._probe)
                    yield Step(name, False, monotonic() - started, why, words)
                    return
                yield Step(name, True, monotonic() - started, message)
        finally:
            self._client.close()
            self._reach.close()
            self._network.adapter.close()

    def _plan(self) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "URL", self._find_url
        yield "proxy", self._find_proxy
        yield "DNS", self._look_up
        yield "TCP", self._connect
        if parsed(self._provider.base_url).scheme == "https":
            yield "TLS", self._greet
        yield "cookies" if self._provider.needs_cookies else "key", self._find_key
        yield "models", self._list_models
        yield "token", self._take_token

    def _reason(self, error: G4FSyncError, seconds: float) -> str:
        if isinstance(error, DeadlineExceeded):
            return f"no answer within {seconds:.1f} s"
        message = str(error).removeprefix(f"{self.name}: ")
        # What to do stands on a line of its own, in the words of the command line.
        advices = self._probe.key_advice
        withheld = self._probe.key_withheld
        for words in (f"; {withheld}", f"; {advices}", f" ({advices})", f"; {CA_ADVICE}"):
            message = message.removesuffix(words)
        return "no base URL" if message.startswith("no base URL;") else message

    def _scope(self, parts: int = 1) -> CancelScope:
        """Of one step, or of one of its *parts*."""
        scope = CancelScope(Timeout(None, None, None, self._step_seconds / parts))
        scope.start()
        return scope

    # -- the way --------------------------------------------------------

    def _find_url(self) -> str:
        self._provider, _ = registry.resolve(None, self._spec, self._reach.base_urls)
        self._probe.provider = self._provider
        return without_password(self._provider.base_url)

    def _find_proxy(self) -> str:
        self._route = route_to(self._provider.base_url, self._network, self._proxy)
        self._probe.proxy_source = self._route.proxy_source
        return self._route.description

    def _look_up(self) -> str:
        way, scope = self._route, self._scope()
        with MappedFailures(scope, way.host, also=(UnicodeError,)):
            found = resolve(way.host, way.port, scope)
        self._addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        first, *others = self._addresses
        if first == way.host:
            return f"{first} needs no look-up"
        more = f" and {len(others)} more" if others else ""
        return f"{way.host} is {first}{more}"

    def _connect(self) -> str:
        failure: G4FSyncError = ConfigurationError("no address")
        for address in self._addresses:
            host = f"[{address.replace('%', '%25')}]" if ":" in address else address
            place = f"{host}:{self._route.port}"
            try:
                self._open(f"http://{place}", {}, place, len(self._addresses)).close()
            except G4FSyncError as error:
                failure = error
            else:
                return place
        raise failure

    def _greet(self) -> str:
        url = self._provider.base_url
        sock = self._open(self._route.url, self._route.proxies, parsed(url).place)
        with closing(sock):
            certificate = sock.getpeercert()
            return f"{sock.version()}, {_validity(certificate)}"

    def _open(self, url: str, proxies: dict[str, str], host: str, parts: int = 1) -> Any:
        scope = self._scope(parts)
        handle = SocketHandle(scope)
        try:
            with MappedFailures(scope, host):
                return self._network.adapter.open_socket(
                    handle, url, proxies=proxies, verify=self._network.trusted(url, proxies)
                )
        finally:
            handle.drop()

    # -- the credentials ------------------------------------------------

    def _find_key(self) -> str:
        provider, given = self._provider, self._overrides.api_key
        found = None
        if provider.key_variables or given is not None:
            found = keys.find(provider.name, given, provider.key_variables)
        self._probe.key_source = found[1] if found else ""
        self._probe.key_searched = True
        with closing(
            self._reach.transport_factory(provider, self._overrides)(self._scope())
        ) as transport:
            sent, cookies = transport.api_key, transport.destination.cookies
        self._probe.key_sent = bool(sent)
        if provider.needs_cookies:
            return f"{len(cookies)} found"
        if sent and found:
            return f"{keys.masked(sent)} from {found[1]}"
        if found and found[0]:
            return f"not sent: the one from {found[1]} belongs elsewhere"
        return "none" if provider.key_variables else "it takes none"

    # -- the service ----------------------------------------------------

    def _list_models(self) -> str:
        provider = self._provider
        if not provider.lists_models:
            known = len(provider.models)
            return f"the server tells none; {known} known here"
        open_transport = self._reach.transport_factory(provider, self._overrides)
        try:
            self._listed = list_models(provider, open_transport, CancelScope(self._limits))
        except ProviderError as error:
            if self._model is None or error.status not in _NO_LIST:
                raise
            self._probe.lists_none = True
            return (
                f"this server lists none (HTTP {error.status}); {self._model!r:.80} will be asked"
            )
        count = len(self._listed)
        message = "1 model" if count == 1 else f"{count} models"
        wanted = self._model
        if wanted and wanted not in self._listed:
            message += f", {wanted!r:.80} not among them"
        return message

    def _take_token(self) -> str:
        provider = self._provider
        model = self._model or provider.default_model or cheapest(self._listed)
        if model is None:
            raise InvalidRequest("the server has no model to ask")
        options: dict[str, Any] = (
            {"max_tokens": MAX_TOKENS} if "max_tokens" in provider.options else {}
        )
        with self._client.chat(
            "Hi",
            provider=provider,
            model=model,
            timeout=self._token_limits,
            api_key=self._overrides.api_key,
            **options,
        ) as stream:
            for event in stream.events():
                if isinstance(event, Text | Reasoning):
                    return f"{event.text[:40]!r} from {model}"
                if isinstance(event, ToolCall | Finish):
                    break
            return f"{model} answered without text"


def _validity(certificate: dict[str, Any] | None) -> str:
    """How long a certificate holds; it is empty when none was asked for."""
    if not certificate:
        return "certificate not verified"
    until = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    date = datetime.fromtimestamp(until, timezone.utc).date()
    days = int((until - time.time()) // _DAY_SECONDS)
    return f"certificate valid until {date} ({days} day{'' if days == 1 else 's'})"

"""The face: :class:`Client`, from what a caller says to what the engine does."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from . import registry
from .access.checks import checked_iterator, checked_list, checked_models, checked_text, is_text
from .access.reach import Cookies, Overrides, Reach
from .call import engine
from .call.asking import checked_call, conversation
from .call.attempt import Call
from .call.listing import list_models
from .call.stream import ChatStream
from .errors import ConfigurationError, G4FSyncError
from .messages import ChatResult, Message
from .providers.base import Provider
from .registry import ProviderSpec
from .scope import CancelScope, process
from .settings import Limits, Retry, Timeout

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from os import PathLike

    from .fanout.comparison import Comparison
    from .fanout.racing import Until


Outcome: TypeAlias = "ChatResult | G4FSyncError"


class Client:
    """Asks chat providers; cheap to make, safe to share between threads, usable after fork.

    ``model`` is ``"provider"`` or ``"provider:model"``, the default for each
    call; a model's name alone is known for registered providers only.
    ``fallback`` holds further models, asked in order while no token has been
    delivered, unless a call names its ``provider``.
    ``timeout`` is a :class:`Timeout` or a number of seconds in total,
    ``retry`` a :class:`Retry` or a number of attempts, the first one included.
    ``proxy`` is one URL for HTTP and WebSocket (``http://``, ``https://``,
    ``socks5h://``, ``socks://`` for the same); without it the environment's
    proxy variables hold.
    ``verify`` is ``False`` (nothing is verified) or the path of a CA bundle or
    of a directory of certificates; with ``True`` the environment's hold, as for
    ``requests`` (``REQUESTS_CA_BUNDLE``, ``CURL_CA_BUNDLE``) and OpenSSL
    (``SSL_CERT_FILE``, ``SSL_CERT_DIR``), else certifi's.
    ``cookies``, ``api_keys`` and ``base_urls`` are mappings from a provider's
    name.  ``max_concurrent`` limits how many calls are under way at a
    provider's base URL at a time, ``{"llamacpp": 1}`` for a server that can't
    do two.  ``limits`` bounds what a provider may send.

    An argument of a wrong type is an ``InvalidRequest`` that names it, at once.
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
        retry: Retry | int | None = None,
        proxy: str | None = None,
        verify: bool | str | PathLike[str] = True,
        cookies: Mapping[str, Cookies] | None = None,
        api_keys: Mapping[str, str] | None = None,
        base_urls: Mapping[str, str] | None = None,
        max_concurrent: Mapping[str, int] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.model = checked_text("model", model)
        listed = [fallback] if isinstance(fallback, str) else fallback
        models = checked_list("fallback", listed, "models")
        self.fallback = tuple(checked_text("a model of fallback", each) for each in models)
        self.timeout = Timeout.of(timeout, Timeout())
        self.retry = Retry.of(retry, Retry())
        self._reach = Reach(
            proxy=proxy,
            verify=verify,
            cookies=cookies,
            api_keys=api_keys,
            base_urls=base_urls,
            max_concurrent=max_concurrent,
            limits=limits,
        )
        self._setup()

    def _setup(self) -> None:
        """What is not configuration, and made anew in each process."""
        self._closed = False
        self._begin()
        _living.add(self)

    def _begin(self) -> None:
        self._lock = threading.RLock()  # guards all below, and _closed
        self._streams: weakref.WeakSet[ChatStream] = weakref.WeakSet()

    def chat(
        self,
        messages: object,
        *,
        model: str | None = None,
        provider: ProviderSpec | None = None,
        system: str | None = None,
        timeout: Timeout | float | None = None,
        retry: Retry | int | None = None,
        proxy: str | None = None,
        cookies: Cookies | None = None,
        api_key: str | None = None,
        **options: Any,
    ) -> ChatStream:
        """Ask, and get the answer as a :class:`ChatStream` of ``str``.

        ``messages`` is a ``str`` or a sequence of ``{"role", "content"}``
        mappings or :class:`Message`; ``system`` is put before them.
        ``cookies`` and ``api_key`` are for this call's provider.  ``options`` are
        ``temperature``, ``max_tokens``, ``top_p``, ``stop``, ``seed``, ... :
        one that the provider can't honour is an ``InvalidRequest``.

        Raises ``InvalidRequest`` and ``ConfigurationError`` at once, before
        anything is sent; all else comes while iterating.
        """
        turns, overrides = conversation(messages, system), Overrides(proxy, cookies, api_key)
        patience = Retry.of(retry, self.retry)
        first = self.model if model is None and provider is None else model
        calls = self._calls(turns, [first], provider, overrides, options)
        if provider is None:
            # The credentials are for the model named here, not for the others.
            calls += self._calls(turns, self.fallback, None, Overrides(proxy), options)
        return self._stream(calls, CancelScope(Timeout.of(timeout, self.timeout)), patience)

    def ask(self, messages: object, **arguments: Any) -> ChatResult:
        """Ask and wait for the whole answer; the same arguments as :meth:`chat`."""
        with self.chat(messages, **arguments) as stream:
            return stream.result()

    def compare(
        self,
        messages: object,
        models: Sequence[ProviderSpec],
        *,
        timeout: Timeout | float | None = None,
        max_workers: int | None = None,
        executor: Executor | None = None,
        system: str | None = None,
        retry: Retry | int | None = None,
        **options: Any,
    ) -> Comparison:
        """Ask several models at once; iterate over the :class:`Comparison` for their tokens.

        ``models`` are as for :meth:`chat`, or provider objects.  ``timeout`` is
        for all together; ``max_workers`` lanes run at a time, by default all.
        ``executor`` is any :class:`concurrent.futures.Executor` of threads to
        use in place of a pool of the comparison's overrides.
        """
        from .fanout.comparison import Comparison

        streams = self._lanes(messages, models, timeout, system, retry, options)
        return Comparison(streams, max_workers=max_workers, executor=executor)

    def race(
        self,
        messages: object,
        models: Sequence[ProviderSpec],
        *,
        until: Until = "first_token",
        hedge_after: float | None = None,
        timeout: Timeout | float | None = None,
        executor: Executor | None = None,
        system: str | None = None,
        retry: Retry | int | None = None,
        **options: Any,
    ) -> ChatStream:
        """Ask several models at once, and get the fastest's answer; the others are shut down.

        ``until`` says who has won: ``"first_token"``, ``"complete"``, or a
        predicate on the :class:`ChatResult`.  With ``hedge_after`` seconds the
        next model starts only when those before were silent that long, or
        failed.  When all fail, iterating raises ``AllFailed``.
        """
        from .fanout.racing import race

        streams = self._lanes(messages, models, timeout, system, retry, options)
        total = Timeout.of(timeout, self.timeout).total
        return race(streams, total=total, until=until, hedge_after=hedge_after, executor=executor)

    @overload
    def map(
        self,
        prompts: Iterable[object],
        models: Sequence[str] | str | None = None,
        *,
        max_workers: int = ...,
        timeout: Timeout | float | None = ...,
        rate: float | None = ...,
        ordered: Literal[True] = ...,
        executor: Executor | None = ...,
        **options: Any,
    ) -> Iterator[Outcome]: ...
    @overload
    def map(
        self,
        prompts: Iterable[object],
        models: Sequence[str] | str | None = None,
        *,
        max_workers: int = ...,
        timeout: Timeout | float | None = ...,
        rate: float | None = ...,
        ordered: Literal[False],
        executor: Executor | None = ...,
        **options: Any,
    ) -> Iterator[tuple[int, Outcome]]: ...
    def map(
        self,
        prompts: Iterable[object],
        models: Sequence[str] | str | None = None,
        *,
        max_workers: int = 8,
        timeout: Timeout | float | None = None,
        rate: float | None = None,
        ordered: bool = True,
        executor: Executor | None = None,
        **options: Any,
    ) -> Iterator[Any]:
        """Ask each prompt; iterate for its ``ChatResult``, or the error it ended with.

        Prompts are taken as they are needed, so there may be no end to them.  When
        taking one fails, what was asked before is delivered, then that error raised.
        With several ``models`` each prompt is asked of each, in turn.  Results
        come in the order asked, or, not ``ordered``, as ``(index, result)`` when
        they are there.  ``timeout`` is for each prompt; ``rate`` is how many are
        started per second at most.

        ``executor`` is any :class:`concurrent.futures.Executor`.  For one of
        other processes the client is pickled without ``api_keys``, ``cookies``
        and passwords in URLs: a worker finds keys in its overrides environment, or pass
        ``api_key=`` here.
        """
        from .fanout.mapping import outcomes

        if models is not None and not isinstance(models, str):
            wanted = checked_models(models, is_text)
        else:
            wanted = [models]
        prompts = checked_iterator("prompts", prompts, "an iterable of prompts")
        Timeout.of(timeout, self.timeout)
        Retry.of(options.get("retry"), self.retry)
        arguments = {"timeout": timeout, **options}
        tasks = ((prompt, model, arguments) for prompt in prompts for model in wanted)
        asker = _Asker(self)
        found = outcomes(
            asker,
            tasks,
            max_workers=max_workers,
            ordered=ordered,
            rate=rate,
            executor=executor,
            stop=asker.stop,
        )
        return (outcome for _, outcome in found) if ordered else found

    def models(
        self,
        provider: ProviderSpec | None = None,
        *,
        timeout: Timeout | float | None = None,
        proxy: str | None = None,
        cookies: Cookies | None = None,
        api_key: str | None = None,
    ) -> list[str]:
        """The names of a provider's models, by default of the client's overrides provider.

        The server is asked where it can tell them; of the others the names
        known to this package are given.  Tried once; raises what asking raises.
        """
        chosen, _ = self._resolve(None if provider is not None else self.model, provider)
        overrides = Overrides(proxy, cookies, api_key)
        scope = CancelScope(Timeout.of(timeout, self.timeout))
        return list_models(chosen, self._reach.transport_factory(chosen, overrides), scope)

    def close(self) -> None:
        """Cancel what is still running, and close idle connections."""
        with self._lock:
            self._closed = True
            streams = tuple(self._streams)
        for stream in streams:
            stream.close()
        self._reach.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.model!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Configuration without secrets, for another process."""
        names = ("model", "fallback", "timeout", "retry", "_reach")
        return {name: vars(self)[name] for name in names}

    def __copy__(self) -> Client:
        """A client of its overrides connections, with the same settings and credentials."""
        twin = object.__new__(type(self))
        vars(twin).update(vars(self), _reach=self._reach.copy())
        twin._setup()
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Client:
        # Not as pickle has it: a copy stays in this process, so it may keep the secrets.
        twin = memo[id(self)] = self.__copy__()
        return twin

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._setup()

    # -- inside ---------------------------------------------------------

    def _after_fork(self) -> None:
        """In the child: streams are the parent's, a thread that is gone may hold a lock."""
        self._begin()
        self._reach.after_fork()

    def _leave(self) -> None:
        """Close what stands still half-way; a thread that is inside a call would complain."""
        for stream in tuple(self._streams):
            if not getattr(stream._items, "gi_running", False):
                stream.close()

    def _stream(self, calls: Sequence[Call], scope: CancelScope, retry: Retry) -> ChatStream:
        stream = ChatStream(partial(engine.answer, calls, retry), scope)
        with self._lock:
            if self._closed:
                raise ConfigurationError("the client is closed")
            self._streams.add(stream)
        return stream

    def _lanes(
        self,
        messages: object,
        models: Sequence[ProviderSpec],
        timeout: Timeout | float | None,
        system: str | None,
        retry: Retry | int | None,
        given: Mapping[str, Any],
    ) -> list[tuple[str, ChatStream]]:
        """A label and a stream for each model."""
        wanted = checked_models(models)
        turns, limits = conversation(messages, system), Timeout.of(timeout, self.timeout)
        patience = Retry.of(retry, self.retry)
        lanes = []
        for each in wanted:
            model, provider = (each, None) if isinstance(each, str) else (None, each)
            calls = self._calls(turns, [model], provider, Overrides(), given)
            label = each if isinstance(each, str) else calls[0].provider.name
            lanes.append((label, self._stream(calls, CancelScope(limits), patience)))
        return lanes

    def _resolve(
        self, model: str | None, provider: ProviderSpec | None
    ) -> tuple[Provider, str | None]:
        return registry.resolve(model, provider, self._reach.base_urls)

    def _calls(
        self,
        turns: tuple[Message, ...],
        models: Sequence[str | None],
        provider: ProviderSpec | None,
        overrides: Overrides,
        given: Mapping[str, Any],
    ) -> list[Call]:
        """Everything checked that can be before anything is sent."""
        calls = []
        for each in models:
            chosen, model = self._resolve(each, provider)
            open_transport = self._reach.transport_factory(chosen, overrides)
            gate = self._reach.gate(chosen)
            calls.append(checked_call(chosen, turns, model, given, open_transport, gate))
        return calls


class _Asker:
    """What :meth:`Client.map` sends to a worker: ask one prompt, never raise ours."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._running: weakref.WeakSet[ChatStream] = weakref.WeakSet()
        self._stopped = False

    def __call__(self, task: tuple[object, str | None, Mapping[str, Any]]) -> Outcome:
        prompt, model, arguments = task
        if self._client._closed:  # else an endless map would fail without end
            raise ConfigurationError("the client is closed")
        try:
            with self._client.chat(prompt, model=model, **arguments) as stream:
                self._running.add(stream)
                if self._stopped:
                    stream.cancel()
                return stream.result()
        except G4FSyncError as error:
            return error

    def stop(self) -> None:
        """End what runs in this process."""
        self._stopped = True
        for stream in tuple(self._running):
            stream.cancel()

    def __reduce__(self) -> tuple[type[_Asker], tuple[Client]]:
        return _Asker, (self._client,)


_living: weakref.WeakSet[Client] = weakref.WeakSet()


def _leave_all() -> None:
    """At the interpreter's end, while modules still work, so that clean-ups can run."""
    for client in tuple(_living):
        client._leave()


def _after_fork() -> None:
    for client in tuple(_living):
        client._after_fork()


process.at_exit(_leave_all)
process.after_fork(_after_fork)

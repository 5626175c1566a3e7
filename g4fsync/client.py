"""The methods users call: :class:`Client`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .access.reach import Cookies, Overrides
from .call.asking import conversation
from .call.listing import list_models
from .call.options import AskOptions, ChatOptions, TypedOptions
from .call.stream import ChatStream
from .client_many import ManyPrompts, Outcome as Outcome
from .messages import ChatResult
from .registry import ProviderSpec
from .scope import CancelScope
from .settings import Retry, Timeout
from .tools import wishes_in

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from typing_extensions import Unpack  # in typing from Python 3.11 on

    from .archive.conversation import Conversation
    from .fanout.comparison import Comparison
    from .fanout.racing import Until


Wanted = TypeVar("Wanted")


class Client(ManyPrompts):
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
    do two.  ``limits`` bounds what a provider may send.  ``rate`` is how fast calls
    may start, a :class:`Rate` for each provider and key, or a mapping of them by
    provider; all threads that use this client share it, and wait within their clocks.
    ``observers`` hear of each call, see :class:`Observer`; ``archive``, an
    :class:`Archive` or a file's path, is one that keeps every word.  ``cache``:
    ``"on"`` has answers kept there, and gives them again to exactly the same question;
    ``"read"`` only gives.  Kept are complete answers that end with ``stop`` and call no tool.

    An argument of a wrong type is an ``InvalidRequest`` that names it, at once.
    Nothing is opened before an answer is iterated.  :meth:`close` (or leaving
    the ``with`` block) cancels what is still running and closes idle
    connections.
    """

    @overload
    def chat(
        self, messages: object, *, returns: type[Wanted], **options: Unpack[AskOptions]
    ) -> ChatStream[Wanted]: ...
    @overload
    def chat(
        self, messages: object, *, returns: object = None, **options: Unpack[AskOptions]
    ) -> ChatStream[Any]: ...
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
        images: Sequence[object] | None = None,
        returns: Any = None,
        **options: Unpack[ChatOptions],
    ) -> ChatStream[Any]:
        """Ask, and get the answer as a :class:`ChatStream` of ``str``.

        ``messages`` is a ``str`` or a sequence of ``{"role", "content"}``
        mappings or :class:`Message`; ``system`` is put before them.
        ``images`` (paths, URLs, bytes, :class:`Image`) go with the last message.  ``options``
        are ``temperature``, ``max_tokens``, ...: what the provider can't honour is refused.

        ``returns`` is the type of the answer, or a JSON schema; what does not fit is asked
        for again, ``reask`` times (2) at most.  Functions among the ``tools`` are called and
        the model asked again, ``max_rounds`` (8) at most; how they are called say
        ``parallel_tools`` (4 threads), ``approve``, ``on_tool``, ``tool_errors``: see README.

        Raises ``InvalidRequest`` and ``ConfigurationError`` at once, before
        anything is sent; all else comes while iterating.
        """
        turns = conversation(messages, system, images)
        wishes, given = wishes_in(options, returns)
        overrides, patience = Overrides(proxy, cookies, api_key), Retry.of(retry, self.retry)
        first = self.model if model is None and provider is None else model
        calls = self._calls(turns, [first], provider, overrides, given, wishes)
        if provider is None:
            # The credentials are for the model named here, not for the others.
            calls += self._calls(turns, self.fallback, None, Overrides(proxy), given, wishes)
        scope = CancelScope(Timeout.of(timeout, self.timeout))
        return self._stream(calls, scope, patience, wishes, turns)

    @overload
    def ask(
        self, messages: object, *, returns: type[Wanted], **options: Unpack[AskOptions]
    ) -> ChatResult[Wanted]: ...
    @overload
    def ask(
        self, messages: object, *, returns: object = None, **options: Unpack[AskOptions]
    ) -> ChatResult[Any]: ...
    def ask(
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
        images: Sequence[object] | None = None,
        returns: Any = None,
        **options: Unpack[ChatOptions],
    ) -> ChatResult[Any]:
        """Ask and wait for the complete answer; the same arguments as :meth:`chat`."""
        stream = self.chat(
            messages,
            model=model,
            provider=provider,
            system=system,
            timeout=timeout,
            retry=retry,
            proxy=proxy,
            cookies=cookies,
            api_key=api_key,
            images=images,
            returns=returns,
            **options,
        )
        with stream:
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
        **options: Unpack[TypedOptions],
    ) -> Comparison:
        """Ask several models at once; iterate over the :class:`Comparison` for their tokens.

        ``models`` are as for :meth:`chat`, or provider objects.  ``timeout`` is
        for all together; ``max_workers`` lanes run at a time, by default all.
        ``executor`` is any :class:`concurrent.futures.Executor` of threads to
        use in place of a pool of the comparison's own.
        """
        from .fanout.comparison import Comparison

        turns = conversation(messages, system)
        streams = self._lanes(turns, models, timeout, None, retry, options)
        return Comparison(
            streams,
            max_workers=max_workers,
            executor=executor,
            messages=turns,
            options={"timeout": timeout, **options},
        )

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
        **options: Unpack[TypedOptions],
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

    def conversation(
        self,
        *,
        system: str | None = None,
        id: str | None = None,
        trim: int | None = None,
        messages: object = (),
        model: str | None = None,
        provider: ProviderSpec | None = None,
        **options: Unpack[ChatOptions],
    ) -> Conversation:
        """A talk of several turns, whose history is kept: :class:`Conversation`.

        ``model``, ``provider`` and ``options`` hold for each turn that does not say otherwise,
        ``trim`` is how many tokens of history are sent at most.  ``id`` is any name; with an
        archive that knows it, the talk goes on where it was, interrupted turn and all.
        ``messages``, as :meth:`chat` takes them, are a talk from elsewhere to go on with, such
        as a line of ``archive.export()``; a question at its end is pending.
        """
        from .archive.conversation import opened

        given = {"model": model, "provider": provider, **options}
        defaults = {name: value for name, value in given.items() if value is not None}
        return opened(
            self,
            self.archive,
            system=system,
            id=id,
            trim=trim,
            messages=messages,
            options=defaults,
        )

    def models(
        self,
        provider: ProviderSpec | None = None,
        *,
        timeout: Timeout | float | None = None,
        proxy: str | None = None,
        cookies: Cookies | None = None,
        api_key: str | None = None,
    ) -> list[str]:
        """The names of a provider's models, by default of the client's own provider.

        Of a server that can't tell them the names that this package knows.  Tried once.
        """
        chosen, _ = self._resolve(None if provider is not None else self.model, provider)
        overrides = Overrides(proxy, cookies, api_key)
        scope = CancelScope(Timeout.of(timeout, self.timeout))
        return list_models(chosen, self._reach.transport_factory(chosen, overrides), scope)

"""What every client has: settings, shared connections, and the streams that are under way.

Streams are known weakly: a client that is closed, a process that ends or forks
must find them, and none of them may live for that.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from . import registry
from .access.checks import checked_list, checked_models, checked_text
from .access.reach import Cookies, Overrides, Reach
from .call import engine
from .call.asking import checked_call, conversation, new_parent, together
from .call.attempt import Call
from .call.journal import Journal
from .call.stream import ChatStream, Run
from .errors import ConfigurationError, InvalidRequest
from .messages import Message
from .providers.base import Provider
from .registry import ProviderSpec
from .scope import CancelScope, process
from .settings import Limits, Rate, Retry, Timeout
from .tools import wishes_in

if TYPE_CHECKING:
    from os import PathLike

    from .archive.cache import AnswerCache
    from .archive.store import Archive
    from .call.observing import Observer
    from .scope.pace import Pace
    from .tools.wishes import Wishes

_Self = TypeVar("_Self", bound="ClientBase")


class ClientBase:
    """Settings and connections of a client; :class:`~.client.Client` asks with them."""

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
        rate: Rate | Mapping[str, Rate] | None = None,
        observers: Sequence[Observer] = (),
        archive: Archive | str | PathLike[str] | None = None,
        cache: Literal["off", "read", "on"] = "off",
    ) -> None:
        self.model = checked_text("model", model)
        listed = [fallback] if isinstance(fallback, str) else fallback
        models = checked_list("fallback", listed, "models")
        self.fallback = tuple(checked_text("a model of fallback", each) for each in models)
        self.timeout = Timeout.of(timeout, Timeout())
        self.retry = Retry.of(retry, Retry())
        self.archive = opened_archive(archive)
        self._cache = opened_cache(self.archive, cache)
        self.observers = checked_observers(observers)
        if self.archive is not None:
            self.observers = (self.archive, *self.observers)
        self._reach = Reach(
            proxy=proxy,
            verify=verify,
            cookies=cookies,
            api_keys=api_keys,
            base_urls=base_urls,
            max_concurrent=max_concurrent,
            limits=limits,
            rate=rate,
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

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called; then nothing can be asked any more."""
        return self._closed

    def close(self) -> None:
        """Cancel what is still running, and close idle connections."""
        with self._lock:
            self._closed = True
            streams = tuple(self._streams)
        for stream in streams:
            stream.close()
        self._reach.close()
        if self.archive is not None:
            self.archive.close()  # it opens by itself for whoever else uses it

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Configuration without secrets, for another process."""
        names = ("model", "fallback", "timeout", "retry", "archive", "_cache", "_reach")
        observers = tuple(each for each in self.observers if each.travels)
        return {**{name: vars(self)[name] for name in names}, "observers": observers}

    def __copy__(self: _Self) -> _Self:
        """A client of its own connections, with the same settings and credentials."""
        twin = object.__new__(type(self))
        vars(twin).update(vars(self), _reach=self._reach.copy())
        twin._setup()
        return twin

    def __deepcopy__(self: _Self, memo: dict[int, Any]) -> _Self:
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
            if not stream.is_running:
                stream.close()

    def _stream(
        self,
        calls: Sequence[Call],
        scope: CancelScope,
        retry: Retry,
        wishes: Wishes | None = None,
        turns: tuple[Message, ...] = (),
    ) -> ChatStream:
        """The answer to *calls*; *wishes* may need several, *turns* are what the caller gave."""
        journal = Journal()
        run: Run = partial(engine.answer, calls, retry)
        if wishes is not None:
            from .tools.rounds import Rounds

            journal.wanted = wishes.wanted
            run = Rounds(calls, turns, retry, wishes).run
        if self.observers:
            from .call.observing import Observation

            journal.watch = Observation(calls, self.observers)
        stream = ChatStream(run, scope, journal)
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
        wishes, given = wishes_in(given, calls_tools=False)
        turns, limits = conversation(messages, system), Timeout.of(timeout, self.timeout)
        patience = Retry.of(retry, self.retry)
        lanes = []
        with together(new_parent(self.observers)):
            for each in wanted:
                model, provider = (each, None) if isinstance(each, str) else (None, each)
                calls = self._calls(turns, [model], provider, Overrides(), given, wishes)
                label = each if isinstance(each, str) else calls[0].provider.name
                stream = self._stream(calls, CancelScope(limits), patience, wishes, turns)
                lanes.append((label, stream))
        return lanes

    def _resolve(
        self, model: str | None, provider: ProviderSpec | None
    ) -> tuple[Provider, str | None]:
        return registry.resolve(model, provider, self._reach.base_urls)

    def seat(
        self,
        turns: tuple[Message, ...],
        model: str | None,
        rate: Rate | Mapping[str, Rate] | None,
        arguments: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> tuple[str, str, Pace]:
        """The full name of a model, its base URL, and the pace of all calls to it; for a batch.

        *arguments* are of ``chat()``, *options* the provider's: raises what asking
        with them would raise before sending.
        """
        given = {name: arguments.get(name) for name in ("proxy", "cookies", "api_key")}
        provider, overrides = arguments.get("provider"), Overrides(**given)
        if model is None and provider is None:
            model = self.model
        wishes, options = wishes_in(options)
        [call] = self._calls(turns, [model], provider, overrides, options, wishes)
        chosen, _ = self._resolve(model, provider)
        pace = self._reach.pace_at(chosen, overrides, self._reach.rate_of(chosen, overrides, rate))
        return f"{chosen.name}:{call.model}", chosen.base_url, pace

    def _calls(
        self,
        turns: tuple[Message, ...],
        models: Sequence[str | None],
        provider: ProviderSpec | None,
        overrides: Overrides,
        given: Mapping[str, Any],
        wishes: Wishes | None = None,
    ) -> list[Call]:
        """Everything checked that can be before anything is sent."""
        calls = []
        for each in models:
            chosen, model = self._resolve(each, provider)
            mode, asked, options = None, turns, given
            if wishes is not None and wishes.wanted is not None:
                from .tools import typed

                asked, options, mode = typed.asked(wishes.wanted, chosen, turns, given)
            open_transport = self._reach.transport_factory(chosen, overrides)
            gate, pace = self._reach.gate(chosen), self._reach.pace(chosen, overrides)
            call = checked_call(chosen, asked, model, options, open_transport, gate, pace)
            if self._cache is not None or mode is not None:
                call = replace(call, cache=self._cache, mode=mode)
            calls.append(call)
        return calls


def opened_archive(given: Archive | str | PathLike[str] | None) -> Archive | None:
    """*given*, a path as an :class:`Archive`; raises for what can be none."""
    if given is None:
        return None
    from .archive.store import Archive

    return given if isinstance(given, Archive) else Archive(given)


def opened_cache(archive: Archive | None, mode: str) -> AnswerCache | None:
    """What ``cache=`` asks for; it is kept in the archive."""
    if mode not in ("off", "read", "on"):
        raise InvalidRequest(f'cache must be "off", "read" or "on", got {mode!r:.80}')
    if mode == "off":
        return None
    if archive is None or not archive.content:
        raise ConfigurationError("the cache is kept in the archive: give archive=, with content")
    from .archive.cache import AnswerCache

    return AnswerCache(archive, stores=mode == "on")


def checked_observers(given: Sequence[Observer]) -> tuple[Observer, ...]:
    """*given* as a tuple; ``InvalidRequest`` for what can't observe."""
    observers = tuple(checked_list("observers", given, "observers")) if given else ()
    if observers:
        from .call.observing import Observer

        for each in observers:
            if not isinstance(each, Observer):
                raise InvalidRequest(
                    f"observers must be Observer objects, got {type(each).__name__}"
                )
    return observers


_living: weakref.WeakSet[ClientBase] = weakref.WeakSet()


def _leave_all() -> None:
    """At the interpreter's end, while modules still work, so that clean-ups can run."""
    for client in tuple(_living):
        client._leave()


def _after_fork() -> None:
    for client in tuple(_living):
        client._after_fork()


process.at_exit(_leave_all)
process.after_fork(_after_fork)

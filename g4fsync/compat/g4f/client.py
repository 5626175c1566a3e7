"""``g4f.client``: ``Client`` with ``chat.completions``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NoReturn, overload

from ...errors import InvalidRequest

if TYPE_CHECKING:
    from .answers import (
        ChatCompletion as ChatCompletion,
        ChatCompletionChunk as ChatCompletionChunk,
    )
else:

    def __getattr__(name: str) -> Any:
        if name in ("ChatCompletion", "ChatCompletionChunk"):
            from . import answers

            return getattr(answers, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Client:
    """Asks the providers of g4fsync as g4f's client asks its own.

    ``provider`` is a name, ``Provider.Koala``, or a provider class or object of g4fsync;
    without one a model is ``"provider:model"``.  ``api_key`` is for whichever provider is
    asked, ``base_url`` where it is, by itself for one that speaks like OpenAI.
    ``proxies`` is a URL, or a mapping with ``"all"`` or ``"https"``.  ``client`` is a
    :class:`~g4fsync.client.Client` to ask with, in place of one of its own.
    """

    def __init__(
        self,
        provider: Any = None,
        media_provider: Any = None,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        proxies: str | Mapping[str, str] | None = None,
        client: Any = None,
        **refused: Any,
    ) -> None:
        for name in refused:
            raise TypeError(f"Client.__init__() got an unexpected keyword argument {name!r}")
        if media_provider is not None:
            raise InvalidRequest("g4fsync.compat.g4f does not cover Client(media_provider=...)")
        self.provider = provider
        self.api_key = api_key
        self.base_url = base_url
        self.proxies = proxies
        self.proxy = _proxy(proxies)
        self._client = client

    @cached_property
    def client(self) -> Any:
        """The client of ours that asks."""
        if self._client is not None:
            return self._client
        from ...client import Client as Asking

        return Asking()

    @cached_property
    def chat(self) -> Chat:
        """``chat.completions``."""
        return Chat(self)

    def close(self) -> None:
        """Cancel what is still running, and close idle connections."""
        self.client.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> NoReturn:
        if name in ("images", "media", "models", "responses", "audio"):
            raise NotImplementedError(
                f"g4fsync.compat.g4f does not cover Client.{name}; it has chat.completions"
            )
        raise AttributeError(f"'Client' object has no attribute {name!r}")


class Chat:
    """``client.chat``."""

    def __init__(self, client: Client) -> None:
        self.completions = Completions(client)


class Completions:
    """``client.chat.completions``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @overload
    def create(
        self,
        messages: Any,
        model: Any = ...,
        provider: Any = ...,
        stream: Literal[False] | None = ...,
        proxy: str | None = ...,
        **options: Any,
    ) -> ChatCompletion: ...
    @overload
    def create(
        self,
        messages: Any,
        model: Any = ...,
        provider: Any = ...,
        *,
        stream: Literal[True],
        proxy: str | None = ...,
        **options: Any,
    ) -> Iterator[ChatCompletionChunk]: ...
    @overload
    def create(
        self,
        messages: Any,
        model: Any,
        provider: Any,
        stream: Literal[True],
        proxy: str | None = ...,
        **options: Any,
    ) -> Iterator[ChatCompletionChunk]: ...
    def create(
        self,
        messages: Any,
        model: Any = "",
        provider: Any = None,
        stream: bool | None = False,
        proxy: str | None = None,
        **options: Any,
    ) -> Any:
        """Ask: a :class:`ChatCompletion`, or with ``stream`` an iterator of its chunks.

        *messages* is a text or a list of turns; ``image`` and ``images`` go into the last
        one.  *options* are those of the provider: one that it does not have is a
        ``BadRequestError``.  An answer that was cut short is a ``ResponseError``.
        """
        from .answers import chunks, completion
        from .asking import ask

        owner = self._client
        given = {"api_key": owner.api_key, **options, "proxy": proxy or owner.proxy}
        chosen = owner.provider if provider is None else provider
        answer = ask(owner.client, messages, model, chosen, owner.base_url, given)
        return chunks(answer) if stream else completion(answer)

    def stream(
        self, messages: Any, model: Any = "", **options: Any
    ) -> Iterator[ChatCompletionChunk]:
        """:meth:`create` with ``stream=True``."""
        found: Iterator[ChatCompletionChunk] = self.create(messages, model, stream=True, **options)
        return found


def _proxy(proxies: Any) -> str | None:
    if proxies is None:
        return os.environ.get("G4F_PROXY") or None
    if isinstance(proxies, Mapping):
        return proxies.get("all") or proxies.get("https")
    found: str = proxies
    return found


class AsyncClient:
    """Not covered: use ``Client``."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError(
            "g4fsync.compat.g4f has no AsyncClient: nothing here needs an event loop; "
            "use Client, in threads where several calls are to be under way"
        )

"""``g4f.ChatCompletion``: the older way, which gives text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Literal, NoReturn, overload

from ...errors import G4FSyncError
from .asking import ask
from .errors import translated


class ChatCompletion:
    """``ChatCompletion.create(...)``: an answer as a ``str``, or an iterator of its pieces."""

    @overload
    @staticmethod
    def create(
        model: Any,
        messages: Any,
        provider: Any = ...,
        stream: Literal[False] = ...,
        **options: Any,
    ) -> str: ...
    @overload
    @staticmethod
    def create(
        model: Any, messages: Any, provider: Any = ..., *, stream: Literal[True], **options: Any
    ) -> Iterator[str]: ...
    @overload
    @staticmethod
    def create(
        model: Any, messages: Any, provider: Any, stream: Literal[True], **options: Any
    ) -> Iterator[str]: ...
    @staticmethod
    def create(
        model: Any, messages: Any, provider: Any = None, stream: bool = False, **options: Any
    ) -> Any:
        """Ask; see :meth:`.client.Completions.create` for the arguments.

        ``proxy`` has ``G4F_PROXY`` in its place.
        """
        options["proxy"] = options.get("proxy") or os.environ.get("G4F_PROXY") or None
        from ...client import Client

        base_url = options.pop("base_url", None)
        answer = ask(Client(), messages, model, provider, base_url, options)
        return _pieces(answer) if stream else "".join(_pieces(answer))

    @staticmethod
    def create_async(*_: Any, **__: Any) -> NoReturn:
        """Not covered: use :meth:`create`."""
        raise NotImplementedError(
            "g4fsync.compat.g4f has no ChatCompletion.create_async: nothing here needs an event "
            "loop; use ChatCompletion.create"
        )


def _pieces(answer: Any) -> Iterator[str]:
    try:
        with answer:
            yield from answer
    except G4FSyncError as exc:
        raise translated(exc) from exc

"""The names of openai's asynchronous half: they can be imported, and not be used."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn


class _Asynchronous:
    in_its_place: ClassVar[str]

    def __init__(self, *_: Any, **__: Any) -> None:
        _refuse(type(self).__name__, self.in_its_place)


def _refuse(name: str, other: str) -> NoReturn:
    raise NotImplementedError(
        f"g4fsync.compat.openai has no {name}: nothing here needs an event loop; "
        f"use {other}, in threads where several calls are to be under way"
    )


class AsyncOpenAI(_Asynchronous):
    """Not covered: use ``OpenAI``."""

    in_its_place = "OpenAI"


class AsyncClient(_Asynchronous):
    """Not covered: use ``Client``."""

    in_its_place = "Client"


class AsyncAzureOpenAI(_Asynchronous):
    """Not covered: use ``AzureOpenAI``."""

    in_its_place = "AzureOpenAI"


class AsyncStream(_Asynchronous):
    """Not covered: use ``Stream``."""

    in_its_place = "Stream"

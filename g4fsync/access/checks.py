"""What a caller gives has the right type, or is refused at once, by the argument's name.

A value is shown only where it can be no secret.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from ..errors import InvalidRequest
from ..settings import Rate
from .names import folded


def checked_text(name: str, value: Any) -> Any:
    """*value*, a ``str`` or ``None``."""
    if value is None or isinstance(value, str):
        return value
    raise InvalidRequest(f"{name} must be a str, got {type(value).__name__}")


def checked_list(name: str, value: Any, of: str) -> list[Any]:
    """The items of *value*, an iterable that is no text and no mapping; *of* says of what."""
    return list(checked_iterator(name, value, f"a list of {of}"))


def checked_iterator(name: str, value: Any, wanted: str) -> Iterator[Any]:
    """What iterates over *value*, which is *wanted*; a text or a mapping is no list of anything."""
    if not isinstance(value, str | bytes | bytearray | Mapping):
        with suppress(TypeError):
            return iter(value)
    raise InvalidRequest(f"{name} must be {wanted}, got {type(value).__name__}")


def checked_models(value: Any, is_good: Callable[[object], bool] = lambda model: True) -> list[Any]:
    """A list of one model or more, each of them *is_good*, a ``str``."""
    models = checked_list("models", value, "one model or more")
    if not models:
        raise InvalidRequest("models must be a list of one model or more")
    for each in models:
        if not is_good(each):
            raise InvalidRequest(f"models must be a list of str, got {each!r:.80} in it")
    return models


def checked_verify(value: Any) -> bool | str:
    """What says whom to trust: a ``bool`` or the path of a CA bundle."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    raise InvalidRequest(
        f"verify must be True, False or the path of a CA bundle, got {value!r:.80}"
    )


def is_cookies(value: object) -> bool:
    """Whether *value* can be cookies: a mapping or a file's path."""
    return isinstance(value, Mapping | str | os.PathLike)


def checked_cookies(value: Any) -> Any:
    """*value*, a mapping, the path of a file, or ``None``."""
    if value is None or is_cookies(value):
        return value
    raise InvalidRequest(
        f"cookies must be a mapping or the path of a file, got {type(value).__name__}"
    )


def by_provider(
    what: str,
    given: Any,
    is_good: Callable[[object], bool],
    wanted: str,
) -> dict[str, Any]:
    """The mapping *given* for *what*, by names as they are compared; without what is ``None``."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidRequest(f"{what} must be a mapping from a provider's name")
    found = {}
    for name, value in given.items():
        if not isinstance(name, str):
            raise InvalidRequest(
                f"{what} must be a mapping from a provider's name, not {name!r:.80}"
            )
        if value is None:
            continue
        if not is_good(value):
            raise InvalidRequest(f"{what}[{name!r}] must be {wanted}, got {type(value).__name__}")
        found[folded(name)] = value
    return found


def checked_rates(rate: Rate | Mapping[str, Rate] | None) -> Rate | Mapping[str, Rate] | None:
    """*rate* for all providers, or by their names; ``InvalidRequest`` for anything else."""
    if rate is None or isinstance(rate, Rate):
        return rate
    return by_provider("rate", rate, lambda each: isinstance(each, Rate), "a Rate")


def is_text(value: object) -> bool:
    """Whether *value* is a ``str``."""
    return isinstance(value, str)

"""JSON values that nobody can change: what a value of ours carries without looking into it.

They are ``dict`` and ``list`` to whoever reads or serialises them, compare equal to
plain ones, and can be pickled and copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from .errors import InvalidRequest
from .surrogates import paired

MAX_DEPTH = 100  # of objects and arrays in each other; a request's body is no deeper in practice


class FrozenDict(dict[str, Any]):
    """A JSON object that can't be changed; ``dict(it)`` is one that can."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("this mapping can't be changed: make another with dict()")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]  # dict has none, since it can change
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type[FrozenDict], tuple[dict[str, Any]]]:
        return FrozenDict, (dict(self),)


class FrozenList(list[Any]):
    """A JSON array that can't be changed; ``list(it)`` is one that can."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("this list can't be changed: make another with list()")

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __hash__(self) -> int:  # type: ignore[override]  # list has none, since it can change
        return hash(tuple(self))

    def __reduce__(self) -> tuple[type[FrozenList], tuple[list[Any]]]:
        return FrozenList, (list(self),)


NOTHING = FrozenDict()


def nothing() -> FrozenDict:
    """:data:`NOTHING`, for fields: before Python 3.11 no ``dict`` may be a default as it is."""
    return NOTHING


def frozen_object(value: Mapping[Any, Any], where: str) -> FrozenDict:
    """A copy of *value* that can't be changed, at any depth.

    Raises :class:`InvalidRequest`, with the place after *where*, for what is no
    JSON: other types, ``NaN`` and infinities, keys that are no ``str``, half a
    character, nesting deeper than ``MAX_DEPTH``.
    """
    if isinstance(value, FrozenDict):
        return value
    return _object(value, where, 0)


def frozen_answer(value: Mapping[str, Any]) -> FrozenDict:
    """The same for a part of an answer: it is JSON, but for characters cut in two."""
    if isinstance(value, FrozenDict):
        return value
    return FrozenDict((key, _answer(each)) for key, each in value.items())


def _object(value: Mapping[Any, Any], where: str, depth: int) -> FrozenDict:
    for key in value:
        if not isinstance(key, str):
            raise InvalidRequest(f"{where}: a key must be a str, got {key!r:.80}")
    return FrozenDict((k, _frozen(v, f"{where}.{k}", depth + 1)) for k, v in value.items())


def _frozen(value: Any, where: str, depth: int) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, float):
        if value - value != 0:  # NaN, or an infinity
            raise InvalidRequest(f"{where}: {value} is not JSON")
        return value
    if depth > MAX_DEPTH:
        raise InvalidRequest(f"{where:.80}...: nested deeper than {MAX_DEPTH}")
    if isinstance(value, Mapping):
        return _object(value, where, depth)
    if isinstance(value, list | tuple):
        return FrozenList(_frozen(v, f"{where}[{i}]", depth + 1) for i, v in enumerate(value))
    raise InvalidRequest(f"{where}: must be JSON, got {type(value).__name__}")


def _text(value: str, where: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        half = exc.object[exc.start]
        raise InvalidRequest(f"{where}: holds half a character ({half!r})") from exc
    return value


def _answer(value: Any) -> Any:
    if isinstance(value, Mapping):
        return frozen_answer(value)
    if isinstance(value, list | tuple):
        return FrozenList(map(_answer, value))
    if isinstance(value, str):
        # Pieces put together may hold both halves of a character, or one that was cut.
        return paired(value)
    return value


def json_text(value: Mapping[Any, Any], where: str) -> str:
    """*value* as JSON text; raises as :func:`frozen_object` does."""
    import json  # here, since importing this package needs none of it

    return json.dumps(frozen_object(value, where), ensure_ascii=False)

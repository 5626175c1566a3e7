"""Kinds made of others: arrays, tuples, maps, unions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .kinds import NO_FIT, Definitions, Kind
from .misfit import Misfit, Path, deepest


class Array(Kind):
    """Lists, sets and tuples of any length."""

    def __init__(
        self, item: Kind, make: Callable[[list[Any]], Any], *, unique: bool = False
    ) -> None:
        self.item = item
        self.make = make
        self._unique = unique

    def schema(self, defs: Definitions) -> dict[str, Any]:
        unique = {"uniqueItems": True} if self._unique else {}
        return {"type": "array", "items": self.item.schema(defs), **unique}

    def read(self, value: Any, path: Path) -> Any:
        if not isinstance(value, list):
            raise Misfit(path, "an array", value)
        read = self.item.read
        values = [read(each, (*path, i)) for i, each in enumerate(value)]
        try:
            return self.make(values)
        except TypeError as exc:  # what is read can't be in a set
            raise Misfit(path, f"values that can be in a set ({exc})", value) from exc

    def rank(self, value: Any) -> int:
        return 0 if isinstance(value, list) else NO_FIT

    def inner(self) -> Iterable[Kind]:
        return (self.item,)


class Tuple(Kind):
    """A tuple with a type for each place."""

    def __init__(self, items: Sequence[Kind]) -> None:
        self._items = items

    def schema(self, defs: Definitions) -> dict[str, Any]:
        count = len(self._items)
        bounds = {"minItems": count, "maxItems": count}
        if not self._items:
            return {"type": "array", **bounds}
        return {"type": "array", "prefixItems": [i.schema(defs) for i in self._items], **bounds}

    def read(self, value: Any, path: Path) -> Any:
        if not isinstance(value, list) or len(value) != len(self._items):
            raise Misfit(path, f"an array of {len(self._items)}", value)
        each = enumerate(zip(self._items, value, strict=True))
        return tuple(kind.read(item, (*path, i)) for i, (kind, item) in each)

    def rank(self, value: Any) -> int:
        is_good = isinstance(value, list) and len(value) == len(self._items)
        return 0 if is_good else NO_FIT

    def inner(self) -> Iterable[Kind]:
        return self._items


class Map(Kind):
    """A ``dict`` with keys of one type: strings, or what is written as one."""

    def __init__(self, key: Kind, value: Kind, make: Callable[[dict[Any, Any]], Any]) -> None:
        self._key = key
        self._value = value
        self._make = make

    def schema(self, defs: Definitions) -> dict[str, Any]:
        names = self._key.schema(defs)
        values = self._value.schema(defs)
        schema: dict[str, Any] = {"type": "object"}
        if "enum" in names:
            # Strict modes and grammars know "properties", few know "propertyNames".
            members = dict.fromkeys(names["enum"], values)
            return {**schema, "properties": members, "additionalProperties": False}
        if names != {"type": "string"}:
            schema["propertyNames"] = names
        return {**schema, "additionalProperties": values} if values else schema

    def read(self, value: Any, path: Path) -> Any:
        if not isinstance(value, dict):
            raise Misfit(path, "an object", value)
        read: dict[Any, Any] = {}
        for name, each in value.items():
            try:
                key = self._key.read(name, ())
            except Misfit as misfit:
                raise Misfit((*path, name), f"as its name {misfit.expected}", name) from misfit
            read[key] = self._value.read(each, (*path, name))
        return self._make(read)

    def rank(self, value: Any) -> int:
        return 3 if isinstance(value, dict) else NO_FIT

    def inner(self) -> Iterable[Kind]:
        return (self._key, self._value)


class OneOf(Kind):
    """A union; the alternative is taken that goes with a value best, the first of equals."""

    def __init__(self, alternatives: Sequence[Kind]) -> None:
        self._alternatives = alternatives

    def schema(self, defs: Definitions) -> dict[str, Any]:
        schemas: list[dict[str, Any]] = []
        for each in self._alternatives:
            schema = each.schema(defs)
            if schema not in schemas:
                schemas.append(schema)
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def read(self, value: Any, path: Path) -> Any:
        misfits = []
        for kind in sorted(self._alternatives, key=lambda kind: kind.rank(value)):
            try:
                return kind.read(value, path)
            except Misfit as misfit:
                misfits.append(misfit)
        raise deepest(misfits, path, value)

    def rank(self, value: Any) -> int:
        return min(kind.rank(value) for kind in self._alternatives)

    def inner(self) -> Iterable[Kind]:
        return self._alternatives

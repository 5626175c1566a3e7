"""What a Python type is as JSON: its schema, and how a value of it is read.

A :class:`Kind` stands for one annotation.  :mod:`.annotations` makes them, and
:mod:`.records` has those with named fields.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import enum
import re
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from . import keywords
from .jsontypes import TYPE_WORDS, is_type, same
from .misfit import Misfit, Path, shown

NO_FIT = 1_000_000  # a rank: the value can't be read as this kind


class Definitions:
    """The ``$defs`` of the schema of *root*: what is named more than once, or by itself."""

    def __init__(self, root: Kind) -> None:
        self.found: dict[str, Any] = {}
        self._names: dict[object, str] = {}
        self._shared: set[Kind] = set()
        seen: set[Kind] = set()
        waiting = [root]
        while waiting:
            kind = waiting.pop()
            if kind in seen:
                self._shared.add(kind)
            else:
                seen.add(kind)
                waiting += kind.inner()

    def is_shared(self, kind: Kind) -> bool:
        return kind in self._shared

    def name(self, key: object, wanted: str) -> str:
        """The name for *key*: the one *wanted*, with a number when another has it."""
        if key not in self._names:
            wanted = re.sub(r"\W+", "_", wanted).strip("_") or "Value"
            taken, number, name = set(self._names.values()), 2, wanted
            while name in taken:
                name, number = f"{wanted}{number}", number + 1
            self._names[key] = name
        return self._names[key]


class Kind(ABC):
    """One annotation."""

    description = ""

    @abstractmethod
    def schema(self, defs: Definitions) -> dict[str, Any]:
        """Its JSON schema; what is referred to is put into *defs*."""

    @abstractmethod
    def read(self, value: Any, path: Path) -> Any:
        """The Python value for the JSON *value*; :class:`Misfit` when there is none."""

    @abstractmethod
    def rank(self, value: Any) -> int:
        """How well *value* goes with it at first sight: 0 is best, ``NO_FIT`` not at all."""

    def inner(self) -> Iterable[Kind]:
        """The kinds it is made of."""
        return ()


class Anything(Kind):
    """``Any`` and ``object``."""

    def schema(self, defs: Definitions) -> dict[str, Any]:
        return {}

    def read(self, value: Any, path: Path) -> Any:
        return value

    def rank(self, value: Any) -> int:
        return 5


class Scalar(Kind):
    """``None``, ``bool``, ``int``, ``float`` and ``str``, by the name of the JSON type."""

    def __init__(self, type_name: str, make: Callable[[Any], Any] | None = None) -> None:
        self.type_name = type_name
        self._make = make

    def schema(self, defs: Definitions) -> dict[str, Any]:
        return {"type": self.type_name}

    def read(self, value: Any, path: Path) -> Any:
        if not is_type(value, self.type_name):
            raise Misfit(path, TYPE_WORDS[self.type_name], value)
        if self.type_name == "integer":
            value = int(value)
        elif self.type_name == "number":
            try:
                value = float(value)
            except OverflowError as exc:
                raise Misfit(path, "a number that a float can hold", value) from exc
        return value if self._make is None else self._make(value)

    def rank(self, value: Any) -> int:
        if not is_type(value, self.type_name):
            return NO_FIT
        expected = {"integer": int, "number": float}.get(self.type_name, type(value))
        return 0 if isinstance(value, expected) else 1


class Text(Kind):
    """A type that is written as a string: a date, a UUID, bytes."""

    def __init__(self, words: str, keys: Mapping[str, Any], make: Callable[[str], Any]) -> None:
        self._words = words
        self._keys = keys
        self._make = make

    def schema(self, defs: Definitions) -> dict[str, Any]:
        return {"type": "string", **self._keys}

    def read(self, value: Any, path: Path) -> Any:
        try:
            if isinstance(value, str):
                return self._make(value)
        except (ValueError, ArithmeticError) as exc:
            raise Misfit(path, self._words, value) from exc
        raise Misfit(path, self._words, value)

    def rank(self, value: Any) -> int:
        return 0 if isinstance(value, str) else NO_FIT


class Number(Text):
    """``Decimal``: written as a string, since a JSON number would lose digits; read as both."""

    def read(self, value: Any, path: Path) -> Any:
        if is_type(value, "number"):
            value = repr(value)
        made = super().read(value, path)
        if not made.is_finite():
            raise Misfit(path, self._words, value)
        return made

    def rank(self, value: Any) -> int:
        return 1 if is_type(value, "number") else super().rank(value)


def _moment(text: str) -> datetime.datetime:
    # Python 3.10 does not know the Z that RFC 3339 has.
    return datetime.datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in "Zz" else text)


def _time(text: str) -> datetime.time:
    return datetime.time.fromisoformat(text[:-1] + "+00:00" if text[-1:] in "Zz" else text)


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


_BASE64 = {"contentEncoding": "base64"}
_DECIMAL = {"pattern": r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"}

PLAIN: Mapping[Any, Callable[[], Kind]] = {
    type(None): lambda: Scalar("null"),
    None: lambda: Scalar("null"),
    bool: lambda: Scalar("boolean"),
    int: lambda: Scalar("integer"),
    float: lambda: Scalar("number"),
    str: lambda: Scalar("string"),
    object: Anything,
    Any: Anything,
    bytes: lambda: Text("base64 text", _BASE64, _bytes),
    bytearray: lambda: Text("base64 text", _BASE64, lambda text: bytearray(_bytes(text))),
    datetime.datetime: lambda: Text(
        "a date and time like 2026-11-25T18:30:00Z", {"format": "date-time"}, _moment
    ),
    datetime.date: lambda: Text(
        "a date like 2026-11-25", {"format": "date"}, datetime.date.fromisoformat
    ),
    datetime.time: lambda: Text("a time like 18:30:00", {"format": "time"}, _time),
    uuid.UUID: lambda: Text("a UUID", {"format": "uuid"}, uuid.UUID),
    decimal.Decimal: lambda: Number("a decimal number", _DECIMAL, decimal.Decimal),
    FilePath: lambda: Text("a path", {}, FilePath),
}


class Choice(Kind):
    """``Literal`` and ``Enum``: one of some JSON values, each standing for a Python value."""

    def __init__(self, choices: Sequence[tuple[Any, Any]]) -> None:
        self._choices = choices

    def schema(self, defs: Definitions) -> dict[str, Any]:
        values = [written for written, _ in self._choices]
        names = dict.fromkeys(map(_type_name, values))
        kind: Any = next(iter(names)) if len(names) == 1 else list(names)
        return {"type": kind, "enum": values}

    def read(self, value: Any, path: Path) -> Any:
        for written, meant in self._choices:
            if same(written, value):
                return meant
        words = ", ".join(shown(written) for written, _ in self._choices)
        raise Misfit(path, f"one of {words}" if len(self._choices) > 1 else words, value)

    def rank(self, value: Any) -> int:
        return 0 if any(same(written, value) for written, _ in self._choices) else NO_FIT


def _type_name(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return "null" if value is None else names[type(value)]


def enum_choices(members: Iterable[enum.Enum]) -> list[tuple[Any, Any]]:
    """Members by their values, or by their names when a value is no JSON scalar."""
    members = list(members)
    is_plain = all(_is_scalar(member.value) for member in members)
    return [(member.value if is_plain else member.name, member) for member in members]


def _is_scalar(value: Any) -> bool:
    if type(value) is float:
        return value - value == 0  # neither NaN nor an infinity
    return type(value) in (str, int, bool, type(None))


class Constrained(Kind):
    """A kind with further keywords of JSON schema, such as bounds, and a description."""

    def __init__(self, kind: Kind, keys: Mapping[str, Any], description: str = "") -> None:
        self.kind = kind
        self._keys = keys
        self.description = description or kind.description

    def schema(self, defs: Definitions) -> dict[str, Any]:
        return with_keys(self.kind.schema(defs), self._keys)

    def read(self, value: Any, path: Path) -> Any:
        read = self.kind.read(value, path)
        keywords.check(value, self._keys, {}, path)
        return read

    def rank(self, value: Any) -> int:
        return self.kind.rank(value)

    def inner(self) -> Iterable[Kind]:
        return (self.kind,)


def with_keys(schema: dict[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    """*schema* with *keys* beside it; services allow none beside a ``$ref``."""
    if not keys:
        return schema
    if "$ref" in schema or keys.keys() & schema.keys():
        return {"allOf": [schema], **keys}
    return {**schema, **keys}

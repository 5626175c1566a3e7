"""Kinds with a name of their own: records, which have named fields, and aliases."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .jsontypes import TYPE_WORDS
from .kinds import NO_FIT, Definitions, Kind, with_keys
from .misfit import MISSING, Misfit, Path

__all__ = ["Alias", "Field", "Foreign", "Named", "Record"]


class Named(Kind):
    """A kind that may stand in ``$defs``; its parts are set after it was made."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def body(self, defs: Definitions) -> dict[str, Any]:
        """The schema itself, in place of a reference to it."""

    def schema(self, defs: Definitions) -> dict[str, Any]:
        if not defs.is_shared(self):
            return self.body(defs)
        name = defs.name(self, self.name)
        if name not in defs.found:
            defs.found[name] = {}  # while it is made, for those in it
            defs.found[name] = self.body(defs)
        return {"$ref": f"#/$defs/{name}"}


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a record; ``default`` is for the schema, :data:`MISSING` when there is none."""

    name: str
    kind: Kind
    is_required: bool = True
    description: str = ""
    default: Any = MISSING

    def schema(self, defs: Definitions) -> dict[str, Any]:
        keys: dict[str, Any] = {}
        if self.description or self.kind.description:
            keys["description"] = self.description or self.kind.description
        if _is_plain(self.default):
            keys["default"] = self.default
        schema = self.kind.schema(defs)
        if "description" in schema and "description" in keys:
            schema = {name: each for name, each in schema.items() if name != "description"}
        return with_keys(schema, keys)


def _is_plain(value: object) -> bool:
    if isinstance(value, float):
        return value - value == 0
    return value is None or type(value) in (str, int, bool)


class Record(Named):
    """A dataclass, a ``TypedDict``, a ``NamedTuple``, or the parameters of a function.

    Members of an object that are no fields are passed over.  ``null`` for a field
    that need not be there, and can't be ``None``, counts as missing.
    """

    def __init__(self, name: str, description: str = "") -> None:
        super().__init__(name)
        self.description = description
        self.fields: Sequence[Field] = ()
        self.make: Callable[[dict[str, Any]], Any] = dict

    def body(self, defs: Definitions) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "object"}
        if self.description:
            schema["description"] = self.description
        schema["properties"] = {field.name: field.schema(defs) for field in self.fields}
        required = [field.name for field in self.fields if field.is_required]
        return {**schema, "required": required} if required else schema

    def read(self, value: Any, path: Path) -> Any:
        if not isinstance(value, dict):
            raise Misfit(path, TYPE_WORDS["object"], value)
        read: dict[str, Any] = {}
        for field in self.fields:
            given = value.get(field.name, MISSING)
            if given is None and not field.is_required and field.kind.rank(None) == NO_FIT:
                continue
            if given is not MISSING:
                read[field.name] = field.kind.read(given, (*path, field.name))
            elif field.is_required:
                raise Misfit((*path, field.name), words_for(field.kind), MISSING)
        try:
            return self.make(read)
        except Misfit:
            raise
        except (ValueError, TypeError, AssertionError) as exc:  # its own checks
            raise Misfit(path, f"a valid {self.name} ({exc})", value) from exc

    def rank(self, value: Any) -> int:
        if not isinstance(value, dict):
            return NO_FIT
        names = {field.name for field in self.fields}
        return len(names ^ value.keys())

    def inner(self) -> Iterable[Kind]:
        return tuple(field.kind for field in self.fields)


def words_for(kind: Kind) -> str:
    """What *kind* wants, as it says itself about a value that is never right."""
    try:
        kind.read(MISSING, ())
    except Misfit as misfit:
        return misfit.expected
    return "a value"


class Alias(Named):
    """A ``type`` alias, which may name itself."""

    kind: Kind

    def body(self, defs: Definitions) -> dict[str, Any]:
        return self.kind.schema(defs)

    def read(self, value: Any, path: Path) -> Any:
        return self.kind.read(value, path)

    def rank(self, value: Any) -> int:
        return self.kind.rank(value)

    def inner(self) -> Iterable[Kind]:
        return (self.kind,)


class Foreign(Kind):
    """A type of pydantic's or msgspec's: they say its schema, and read its values."""

    def __init__(
        self, name: str, schema: Mapping[str, Any], read: Callable[[Any, Path], Any]
    ) -> None:
        self.name = name
        self.own_schema = schema
        self._read = read

    def schema(self, defs: Definitions) -> dict[str, Any]:
        schema = dict(self.own_schema)
        inner: Mapping[str, Any] = schema.pop("$defs", {})
        # Another type may have a definition of the same name that says something else.
        names = {name: defs.name((name, repr(inner[name])), name) for name in inner}
        for name, each in inner.items():
            defs.found[names[name]] = _renamed(each, names)
        renamed: dict[str, Any] = _renamed(schema, names)
        return renamed

    def read(self, value: Any, path: Path) -> Any:
        if value is MISSING:
            raise Misfit(path, f"a {self.name}", value)
        return self._read(value, path)

    def rank(self, value: Any) -> int:
        return 2


def _renamed(schema: Any, names: Mapping[str, str]) -> Any:
    """*schema* with its references to ``$defs`` under their new *names*."""
    if isinstance(schema, list):
        return [_renamed(each, names) for each in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {name: _renamed(each, names) for name, each in schema.items()}
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/$defs/"):
        old = reference.removeprefix("#/$defs/")
        changed["$ref"] = f"#/$defs/{names.get(old, old)}"
    return changed

"""A type that an answer is to have: its schemas for services, and an answer as its value."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..errors import InvalidRequest
from . import flavours, keywords
from .annotations import Reader
from .composed import Array
from .found import json_in
from .jsontypes import described, references, resolved
from .kinds import Constrained, Definitions, Kind
from .misfit import MISSING, Misfit, Path
from .records import Named

# Where services want an object and the answer is none, it stands in one under these names.
_LIST_NAME, _VALUE_NAME = "items", "value"


@dataclass(frozen=True)
class AnswerType:
    """What an answer shall be: a Python type, or a JSON schema.

    ``schema`` is its JSON schema (Draft 2020-12).  ``wrapper`` is the name under which
    the value stands in an object, in flavours that want one at the root: ``None`` when the
    value is an object itself.
    """

    name: str
    schema: Mapping[str, Any]
    kind: Kind | None = None  # without one the value is the JSON itself

    @classmethod
    def of(cls, returns: Any) -> AnswerType:
        """The type that a caller names; ``InvalidRequest`` for what can't be said as JSON."""
        if isinstance(returns, Mapping):
            _check_schema(returns)
            title = returns.get("title")
            return cls(title if isinstance(title, str) else "answer", _at_root(returns))
        kind = Reader().kind(returns, _name_of(returns))
        return cls(_name_of(returns), _at_root(schema_of(kind)), kind)

    @cached_property
    def wrapper(self) -> str | None:
        if self.schema.get("type") == "object" or (
            "properties" in self.schema and "type" not in self.schema
        ):
            return None
        return _LIST_NAME if self.is_list else _VALUE_NAME

    @cached_property
    def is_list(self) -> bool:
        """Whether the value is an array whose elements may be read one by one."""
        if self._array is not None:
            return True
        is_array = self.kind is None and self.schema.get("type") == "array"
        return is_array and "prefixItems" not in self.schema

    @cached_property
    def _array(self) -> Array | None:
        kind = self.kind
        while isinstance(kind, Constrained):
            kind = kind.kind
        return kind if isinstance(kind, Array) else None

    def strict(self) -> dict[str, Any] | None:
        """For OpenAI's strict mode; ``None`` when it can't be said there."""
        wrapped = self.wrapped()
        return None if wrapped is None else flavours.strict(wrapped)

    def closed(self) -> dict[str, Any] | None:
        """For Anthropic; ``None`` when it can't be said there."""
        wrapped = self.wrapped()
        return None if wrapped is None else flavours.closed(wrapped)

    def wrapped(self) -> dict[str, Any] | None:
        """The schema, in an object when it is for something else.

        ``None`` when its references would lead elsewhere then.
        """
        if self.wrapper is None:
            return dict(self.schema)
        if any(not each.startswith("#/$defs/") for each in references(self.schema)):
            return None
        inner = {name: each for name, each in self.schema.items() if name != "$defs"}
        definitions = {"$defs": self.schema["$defs"]} if "$defs" in self.schema else {}
        return {
            "type": "object",
            "properties": {self.wrapper: inner},
            "required": [self.wrapper],
            **definitions,
        }

    def parse(self, text: str) -> Any:
        """The value in the answer *text*; :class:`Misfit` when there is none that fits.

        JSON may stand between other words or in a fenced block: what begins like it and
        fits is taken.
        """
        misfits = []
        for value in json_in(text):
            try:
                return self.read(value)
            except Misfit as misfit:
                misfits.append(misfit)
        if misfits:
            raise misfits[0]
        words = "JSON" if text.strip() else self.words
        raise Misfit((), words, text if text.strip() else MISSING)

    def read(self, value: Any) -> Any:
        """The value that the JSON *value* stands for."""
        inner = self.unwrapped(value)
        try:
            return self._read(inner, self.schema, self.kind, ())
        except Misfit:
            if inner is value:
                raise
            try:  # the value itself may have one member, of that name
                return self._read(value, self.schema, self.kind, ())
            except Misfit:
                pass
            raise

    def unwrapped(self, value: Any) -> Any:
        """*value* without the object around it."""
        is_wrapped = self.wrapper is not None and isinstance(value, dict)
        return value[self.wrapper] if is_wrapped and [*value] == [self.wrapper] else value

    def element(self, value: Any, index: int) -> Any:
        """The element of a list that *value* stands for."""
        if self._array is not None:
            kind, items = self._array.item, self.schema.get("items")
        else:
            kind, items = None, self.schema.get("items", True)
        return self._read(value, items, kind, (index,))

    def of_elements(self, values: Sequence[Any]) -> Any:
        """The list of elements that were read one by one."""
        return list(values) if self._array is None else self._array.make(list(values))

    def _read(self, value: Any, schema: Any, kind: Kind | None, path: Path) -> Any:
        if schema:
            value = flavours.without_nulls(value, schema, self.schema)
        if kind is not None:
            return kind.read(value, path)
        keywords.check(value, schema, self.schema, path)
        return value

    @cached_property
    def words(self) -> str:
        """What is wanted, in a few words."""
        return described(self.schema, self.schema)

    def instructions(self) -> str:
        """The system text for a service that takes no schema."""
        text = json.dumps(self.schema, ensure_ascii=False)
        return (
            "Answer with one JSON value that fits the JSON schema below, and with nothing "
            f"else: no explanation, no Markdown.\n\nJSON schema:\n{text}"
        )


def schema_of(kind: Kind) -> dict[str, Any]:
    """The complete schema of *kind*, its definitions included."""
    defs = Definitions(kind)
    # A record that names itself stands in the definitions too: services want its own words here.
    schema = kind.body(defs) if isinstance(kind, Named) else kind.schema(defs)
    if defs.is_shared(kind):
        kind.schema(defs)
    return {**schema, "$defs": defs.found} if defs.found else schema


def _at_root(schema: Mapping[str, Any]) -> dict[str, Any]:
    """*schema* with the words that a reference at its root leads to: services want them there."""
    said = resolved(schema, schema)
    if said is schema or not isinstance(said, Mapping):
        return dict(schema)
    return {**{name: each for name, each in schema.items() if name != "$ref"}, **said}


def _check_schema(schema: Mapping[str, Any]) -> None:
    words = {"type", "properties", "$ref", "anyOf", "oneOf", "allOf", "enum", "const", "items"}
    if not words & schema.keys():
        raise InvalidRequest(f"returns: a mapping must be a JSON schema, got {dict(schema)!r:.80}")


def _name_of(returns: Any) -> str:
    name = getattr(returns, "__name__", None) if isinstance(returns, type) else None
    return name if isinstance(name, str) and not hasattr(returns, "__origin__") else "returns"

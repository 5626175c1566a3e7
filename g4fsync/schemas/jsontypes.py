"""JSON's types, equality and references, as JSON Schema has them (Draft 2020-12)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from ..errors import InvalidRequest
from .misfit import shown

Schema: TypeAlias = Mapping[str, Any]

_MAX_REFS = 100  # that lead to one another without a value in between


def resolved(schema: Any, root: Schema) -> Any:
    """What *schema* stands for when it is a ``$ref`` into *root*."""
    for _ in range(_MAX_REFS):
        if not isinstance(schema, Mapping) or not isinstance(schema.get("$ref"), str):
            return schema
        schema = target(schema["$ref"], root)
    raise InvalidRequest("returns: the schema's $ref lead to one another")


def target(reference: str, root: Schema) -> Any:
    """The part of *root* that *reference* (``#/$defs/Name``) points to."""
    found: Any = root
    if not reference.startswith("#"):
        raise InvalidRequest(f"returns: $ref {reference!r} leads out of the schema")
    for step in filter(None, reference[1:].split("/")):
        name = _unescaped(step)
        if isinstance(found, Mapping) and name in found:
            found = found[name]
        elif isinstance(found, Sequence) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            raise InvalidRequest(f"returns: $ref {reference!r} is not in the schema")
    return found


def references(schema: Any) -> Iterator[str]:
    """All that is referred to in *schema*."""
    if isinstance(schema, Mapping):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for each in schema:
            yield from references(each)


def _unescaped(step: str) -> str:
    """A step of a JSON pointer in a URI fragment (RFC 6901)."""
    step = re.sub("%([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), step)
    return step.replace("~1", "/").replace("~0", "~")


def is_type(value: Any, name: str) -> bool:
    """Whether *value* is of this JSON type; ``3.0`` is an integer too (Core, 6.1.1)."""
    match name:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return (isinstance(value, int) and not isinstance(value, bool)) or (
                isinstance(value, float) and value.is_integer()
            )
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "array":
            return isinstance(value, list)
    return isinstance(value, dict)


TYPE_WORDS = {
    "null": "null",
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "array": "an array",
    "object": "an object",
}


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; ``true`` is not ``1``."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return bool(one == other)


def described(schema: Any, root: Schema) -> str:
    """What *schema* wants, in a few words."""
    schema = resolved(schema, root)
    if isinstance(schema, Mapping):
        if "enum" in schema:
            return f"one of {', '.join(map(shown, schema['enum']))}"
        names = schema.get("type")
        if names:
            each = [names] if isinstance(names, str) else names
            return " or ".join(TYPE_WORDS.get(name, str(name)) for name in each)
    return "a value"

"""Which JSON schemas the services refuse, in their own words.

Facts: OpenAI's and Anthropic's guides to structured output; the messages of all three as users
quote them in public reports.  Gemini's ``parameters`` and ``responseSchema`` are the message
``Schema`` of its API, whose fields are those of python-genai's ``types.Schema`` (3.6.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .checks import Wrong, kind_problem

_NAMED = ("properties", "$defs", "defs", "definitions")
_INNER = ("items", "prefixItems", "anyOf", "allOf", "oneOf", "additionalProperties")
#: The fields of Gemini's ``Schema``.
GEMINI_FIELDS = frozenset(
    (
        "anyOf",
        "default",
        "description",
        "enum",
        "example",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "nullable",
        "pattern",
        "properties",
        "propertyOrdering",
        "required",
        "title",
        "type",
    )
)
GEMINI_TYPES = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")


_KEYWORDS = {
    **dict.fromkeys(_NAMED, "object"),
    **dict.fromkeys(("anyOf", "allOf", "oneOf", "prefixItems", "enum"), "array"),
    **dict.fromkeys(("minimum", "maximum"), "number"),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), "number or boolean"),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        "count",
    ),
    "multipleOf": "number",
    "required": "strings",
    "type": "string or strings",
    "$ref": "string",
    "pattern": "string",
    "format": "string",
}


def check_schema(schema: Any, what: str) -> None:
    """:class:`Wrong` for what is no JSON schema at all."""
    for path, part in subschemas(schema):
        place = "".join(f".{name}" for name in path)
        for name, kind in _KEYWORDS.items():
            problem = part.get(name) is not None and kind_problem(part[name], kind)
            if problem:
                raise Wrong(
                    400, f"Invalid schema for {what}: {place.lstrip('.')}.{name}: {problem}"
                )


def subschemas(
    schema: Any, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """A schema and all schemas in it, each with the way to it."""
    if isinstance(schema, list):
        for number, item in enumerate(schema):
            yield from subschemas(item, (*path, str(number)))
    if not isinstance(schema, dict):
        return
    yield path, schema
    for word, item in schema.items():
        if word in _NAMED and isinstance(item, dict):
            for name, member in item.items():
                yield from subschemas(member, (*path, word, name))
        elif word in _INNER:
            yield from subschemas(item, (*path, word))


def check_strict(schema: Any, what: str) -> None:
    """OpenAI's strict mode: objects are closed, and all their members are required."""
    for path, part in subschemas(schema):
        names = part.get("properties") or {}
        if not _is_object(part):
            continue
        if part.get("additionalProperties") is not False:
            problem = "'additionalProperties' is required to be supplied and to be false."
        elif missing := [name for name in names if name not in (part.get("required") or ())]:
            problem = (
                "'required' is required to be supplied and to be an array including every key "
                f"in properties. Missing '{missing[0]}'."
            )
        else:
            continue
        raise Wrong(400, f"Invalid schema for {what}: In context={path}, {problem}")


def check_closed(schema: Any, where: str) -> None:
    """Anthropic's strict tools: objects are closed."""
    for _, part in subschemas(schema):
        if _is_object(part) and part.get("additionalProperties") is not False:
            problem = "For 'object' type, 'additionalProperties' must be explicitly set to false"
            raise Wrong(400, f"{where}: {problem}")


def check_gemini(schema: Any, where: str) -> None:
    """Gemini's ``Schema``: no other fields of JSON Schema, and one type."""
    for path, part in subschemas(schema):
        place = "".join(f"[{name}]" if name.isdecimal() else f".{name}" for name in path)
        for name, value in part.items():
            if name not in GEMINI_FIELDS:
                raise Wrong(
                    400,
                    f'Invalid JSON payload received. Unknown name "{name}" at '
                    f"'{where}{place}': Cannot find field.",
                )
            if name == "type" and (not isinstance(value, str) or value.upper() not in GEMINI_TYPES):
                raise Wrong(400, f"Invalid value at '{where}{place}.type' (Type), {value!r}")


def _is_object(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "object" or isinstance(schema.get("properties"), dict)

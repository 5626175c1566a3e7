"""JSON that fits a JSON schema: what the pretend model answers and calls tools with.

JSON Schema 2020-12 as far as the services take it in tools and structured output, with
the spellings of draft 4 (boolean ``exclusiveMinimum``, ``definitions``) and of Gemini
(types in capitals, ``defs``, ``ref``, ``nullable``).  Not looked at: ``not``, ``if``,
``dependent...``, ``patternProperties``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .patterns import matching_text

FORMATS = {
    "date-time": "2026-01-01T10:00:00Z",
    "date": "2026-01-01",
    "time": "10:00:00Z",
    "duration": "PT1H",
    "email": "user@example.com",
    "idn-email": "user@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uri-reference": "/",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
    "byte": "QUJD",
    "binary": "QUJD",
    "json-pointer": "/a",
    "regex": "a",
}
#: Keywords that say of which type a value is when ``type`` does not.
_TYPED_BY = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "minItems": "array",
    "minimum": "number",
    "maximum": "number",
    "multipleOf": "number",
}


class _Endless(Exception):
    """A schema refers to itself, and the value would too."""


def sample_value(schema: Any, text: str) -> Any:
    """A value that fits the schema; strings are *text* where they may be.

    Optional members are given too, but where the schema refers to itself.
    """
    try:
        return _Sampler(schema, text).value(schema, (), 0)
    except _Endless:
        return None


class _Sampler:
    def __init__(self, root: Any, text: str) -> None:
        self._root = root
        self._text = text

    def value(self, schema: Any, open_references: tuple[str, ...], number: int) -> Any:
        """The *number*-th of several different values."""
        if not isinstance(schema, Mapping):
            return self._text
        reference = schema.get("$ref", schema.get("ref"))
        if isinstance(reference, str):
            if reference in open_references:
                raise _Endless
            rest = {name: item for name, item in schema.items() if name not in ("$ref", "ref")}
            merged = _merged(self._resolve(reference), rest)
            return self.value(merged, (*open_references, reference), number)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][number % len(schema["enum"])]
        for part in schema.get("allOf") or ():
            rest = {name: item for name, item in schema.items() if name != "allOf"}
            others = [other for other in schema["allOf"] if other is not part]
            merged = _merged(self._inlined(part, open_references), rest)
            return self.value({**merged, "allOf": others} if others else merged, open_references, 0)
        for word in ("anyOf", "oneOf", "any_of"):
            if schema.get(word):
                return self._one_of(schema, word, open_references, number)
        return self._typed(schema, open_references, number)

    def _inlined(self, part: Any, open_references: tuple[str, ...]) -> Any:
        reference = part.get("$ref") if isinstance(part, Mapping) else None
        if not isinstance(reference, str):
            return part
        if reference in open_references:
            raise _Endless
        return self._resolve(reference)

    def _one_of(
        self, schema: Mapping[str, Any], word: str, open_references: tuple[str, ...], number: int
    ) -> Any:
        rest = {name: item for name, item in schema.items() if name != word}
        # What is not null first.
        branches = sorted(schema[word], key=lambda branch: branch == {"type": "null"})
        for branch in branches:
            try:
                return self.value(_merged(branch, rest), open_references, number)
            except _Endless:
                pass  # another branch may have an end
        raise _Endless

    def _typed(
        self, schema: Mapping[str, Any], open_references: tuple[str, ...], number: int
    ) -> Any:
        kind = _type_of(schema)
        if kind == "object":
            return self._object(schema, open_references)
        if kind == "array":
            return self._array(schema, open_references)
        if kind in ("integer", "number"):
            return _number(schema, 1 + number if kind == "integer" else 1.5 + number)
        if kind == "boolean":
            return True
        return None if kind == "null" else self._string(schema, number)

    def _object(
        self, schema: Mapping[str, Any], open_references: tuple[str, ...]
    ) -> dict[str, Any]:
        value = {}
        properties = schema.get("properties") or {}
        required = schema.get("required") or ()
        for name, member in properties.items():
            try:
                value[name] = self.value(member, open_references, 0)
            except _Endless:
                if name in required:
                    raise
        more = schema.get("additionalProperties", True)
        for name in required:
            if name not in value:
                value[name] = self.value(more, open_references, 0)
        for number in range(int(schema.get("minProperties") or 0) - len(value)):
            value[f"key{number + 1}"] = self.value(more, open_references, number)
        return value

    def _array(self, schema: Mapping[str, Any], open_references: tuple[str, ...]) -> list[Any]:
        items = schema.get("items")
        least = int(schema.get("minItems") or 0)
        values = [self.value(item, open_references, 0) for item in schema.get("prefixItems") or ()]
        count = max(least, 0 if items in (None, False) else len(values) + 1)
        if schema.get("maxItems") is not None:
            count = min(count, int(schema["maxItems"]))
        if values and not isinstance(items, Mapping):
            count = len(values)
        try:
            for number in range(len(values), count):
                values.append(self.value(items, open_references, number))
        except _Endless:
            if least > len(values):
                raise
        return values

    def _string(self, schema: Mapping[str, Any], number: int) -> str:
        text = self._text + (f" {number + 1}" if number else "")
        least, most = int(schema.get("minLength") or 0), schema.get("maxLength")
        if isinstance(pattern := schema.get("pattern"), str):
            return matching_text(pattern, least, most) or text
        text = FORMATS.get(str(schema.get("format")), text)
        return text.ljust(least, ".")[: None if most is None else int(most)]

    def _resolve(self, reference: str) -> Any:
        value = self._root
        for name in reference.removeprefix("#").split("/")[1:]:
            name = name.replace("~1", "/").replace("~0", "~")
            if isinstance(value, Sequence) and name.isdecimal() and int(name) < len(value):
                value = value[int(name)]
            elif isinstance(value, Mapping):
                value = value.get(name)
        return value


def _merged(schema: Any, more: Mapping[str, Any]) -> Any:
    """Both schemas at once: the members of objects together, of other keywords the second's."""
    if not isinstance(schema, Mapping):
        return dict(more)
    merged = {**schema, **more}
    if "properties" in schema and "properties" in more:
        merged["properties"] = {**schema["properties"], **more["properties"]}
    if "required" in schema and "required" in more:
        merged["required"] = [*schema["required"], *more["required"]]
    return merged


def _type_of(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if isinstance(kind, str):
        return kind.lower()
    return next((kind for word, kind in _TYPED_BY.items() if word in schema), "string")


def _number(schema: Mapping[str, Any], value: float) -> float:
    complete = _type_of(schema) == "integer"
    step = schema.get("multipleOf") or (1 if complete else 0)
    gap = step or 0.5
    low, high = schema.get("minimum"), schema.get("maximum")
    below, above = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    # Draft 4: true makes the limit beside it an exclusive one.
    below = low if below is True else below
    above = high if above is True else above
    if low is not None:
        value = max(value, low)
    if isinstance(below, int | float) and value <= below:
        value = below + gap
    if high is not None:
        value = min(value, high)
    if isinstance(above, int | float) and value >= above:
        value = above - gap
        if isinstance(below, int | float) and value <= below:
            value = (below + above) / 2
    if step:
        fitted = math.ceil(value / step) * step
        over = (high is not None and fitted > high) or (
            isinstance(above, int | float) and fitted >= above
        )
        value = fitted - step if over else fitted
    return int(value) if complete else value

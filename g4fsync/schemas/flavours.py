"""A JSON schema in the flavours that services take.

Facts, from OpenAI's and Anthropic's guides to structured outputs (2026):

* OpenAI's strict mode: objects are closed and all their members required, the root is
  an object; ``anyOf``, ``$defs``, ``$ref`` (alone), recursion, ``enum`` and ``const``; of
  the bounds those of numbers and arrays and ``pattern``; nine formats.
* Anthropic's: objects are closed; no recursion, no bounds of numbers and strings.

A keyword that only narrows is left out where it is not taken: the value is checked
against all of them when it has come.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .jsontypes import is_type, resolved

_KEPT = frozenset(
    {"type", "description", "title", "enum", "const", "properties", "required", "items"}
)
_BOUNDS = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    | {"minItems", "maxItems", "pattern"}
)
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)
# Without these the rest of the schema says less, or nothing.
_NARROWING = frozenset(
    {"minLength", "maxLength", "minProperties", "maxProperties", "uniqueItems", "contains"}
    | {"minContains", "maxContains", "propertyNames", "default", "examples", "format"}
    | {"contentEncoding", "contentMediaType", "discriminator", "deprecated", "readOnly"}
    | {"writeOnly", "$schema", "$id", "$comment", "x-order"}
)


class Unsayable(Exception):
    """The schema can't be said in this flavour."""


def strict(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """*schema* for OpenAI's strict mode; ``None`` when it can't be said there.

    A member that need not be there may be ``null`` instead.
    """
    return _Flavour(schema, _KEPT | _BOUNDS, all_required=True).root()


def closed(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """*schema* for Anthropic: closed objects, no bounds; ``None`` when it can't be said there."""
    return None if _is_recursive(schema) else _Flavour(schema, _KEPT, all_required=False).root()


class _Flavour:
    def __init__(self, root: Mapping[str, Any], kept: Collection[str], *, all_required: bool):
        self._root = root
        self._kept = kept
        self._all_required = all_required

    def root(self) -> dict[str, Any] | None:
        try:
            said = self._said(self._root)
            definitions = self._root.get("$defs", {})
            if definitions:
                said["$defs"] = {name: self._said(each) for name, each in definitions.items()}
        except Unsayable:
            return None
        return said

    def _said(self, schema: Any) -> dict[str, Any]:
        if not isinstance(schema, Mapping) or not schema:
            raise Unsayable
        if isinstance(schema.get("$ref"), str) and schema["$ref"].startswith("#/$defs/"):
            return {"$ref": schema["$ref"]}
        alternatives = schema.get("anyOf") or schema.get("oneOf")
        if alternatives:
            return {**self._plain(schema), "anyOf": [self._said(each) for each in alternatives]}
        if len(schema.get("allOf", ())) == 1:
            inner = self._said(schema["allOf"][0])
            return inner if "$ref" in inner else {**inner, **self._plain(schema)}
        if not schema.keys() & {"type", "enum", "const", "properties"}:
            raise Unsayable
        said = self._plain(schema)
        names = schema.get("type")
        if names == "object" or (isinstance(names, list) and "object" in names):
            said |= self._object(schema)
        if names == "array" or (isinstance(names, list) and "array" in names):
            said |= self._array(schema)
        return said

    def _plain(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The keywords that hold no schemas."""
        said: dict[str, Any] = {}
        for name, value in schema.items():
            if name in ("properties", "required", "items", "prefixItems", "additionalProperties"):
                continue
            if name in self._kept or (name == "format" and value in _FORMATS):
                said[name] = value
            elif name not in _NARROWING | _BOUNDS and name not in _SEEN:
                raise Unsayable
        return said

    def _object(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        members = schema.get("properties")
        if members is None or schema.get("additionalProperties", False) not in (False, {}):
            raise Unsayable
        required = schema.get("required", ())
        said = {}
        for name, member in members.items():
            each = self._said(member)
            if self._all_required and name not in required:
                each = nullable(each, member, self._root)
            said[name] = each
        names = list(members) if self._all_required else [n for n in members if n in required]
        return {"properties": said, "required": names, "additionalProperties": False}

    def _array(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        places = schema.get("prefixItems")
        if not places:
            return {"items": self._said(schema.get("items"))}
        kinds: list[dict[str, Any]] = []
        for place in places:
            said = self._said(place)
            if said not in kinds:
                kinds.append(said)
        if len(kinds) > 1:  # which of them is where can't be said
            raise Unsayable
        return {"items": kinds[0]}


_SEEN = frozenset({"$defs", "$ref", "anyOf", "oneOf", "allOf"})


def nullable(said: dict[str, Any], schema: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    """*said*, or ``null``; *schema* is what it was made of."""
    if accepts_null(schema, root):
        return said
    if "anyOf" in said:
        return {**said, "anyOf": [*said["anyOf"], {"type": "null"}]}
    is_scalar = isinstance(said.get("type"), str) and said["type"] not in ("object", "array")
    if is_scalar and not said.keys() & {"enum", "const"}:
        return {**said, "type": [said["type"], "null"]}
    return {"anyOf": [said, {"type": "null"}]}


def accepts_null(schema: Any, root: Mapping[str, Any]) -> bool:
    """Whether ``null`` fits *schema*, by its types."""
    schema = resolved(schema, root)
    if not isinstance(schema, Mapping):
        return bool(schema)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return any(accepts_null(each, root) for each in schema[word])
    if "allOf" in schema:
        return all(accepts_null(each, root) for each in schema["allOf"])
    if "enum" in schema:
        return None in schema["enum"]
    if "const" in schema:
        return schema["const"] is None
    names = schema.get("type", "null")
    return is_null(names)


def is_null(names: Any) -> bool:
    return names == "null" or (isinstance(names, list) and "null" in names)


def without_nulls(value: Any, schema: Any, root: Mapping[str, Any]) -> Any:
    """*value* without members that are ``null``, need not be there and can't be ``null``.

    It undoes what :func:`strict` has let in.
    """
    schema = resolved(schema, root)
    if not isinstance(schema, Mapping):
        return value
    for word in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(word, ()):
            if is_type(value, "object") or is_type(value, "array"):
                value = without_nulls(value, each, root)
    if isinstance(value, dict):
        return _without_nulls(value, schema, root)
    if isinstance(value, list):
        places = schema.get("prefixItems", ())
        rest = schema.get("items", True)
        kinds = [places[i] if i < len(places) else rest for i in range(len(value))]
        return [without_nulls(v, k, root) for v, k in zip(value, kinds, strict=True)]
    return value


def _without_nulls(
    value: dict[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any]
) -> dict[str, Any]:
    members, required = schema.get("properties", {}), schema.get("required", ())
    kept = {}
    for name, each in value.items():
        member = members.get(name, schema.get("additionalProperties", True))
        is_left_out = each is None and name in members and name not in required
        if not (is_left_out and not accepts_null(member, root)):
            kept[name] = without_nulls(each, member, root)
    return kept


def _is_recursive(schema: Mapping[str, Any]) -> bool:
    definitions = schema.get("$defs", {})

    def leads_back(part: Any, above: tuple[str, ...]) -> bool:
        if isinstance(part, list):
            return any(leads_back(each, above) for each in part)
        if not isinstance(part, Mapping):
            return False
        reference = part.get("$ref")
        if isinstance(reference, str):
            name = reference.removeprefix("#/$defs/")
            if name in above or reference == "#":
                return True
            if leads_back(definitions.get(name), (*above, name)):
                return True
        return any(leads_back(each, above) for key, each in part.items() if key != "$defs")

    return leads_back(schema, ())

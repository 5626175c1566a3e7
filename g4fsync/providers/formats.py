"""What form an answer must have, as OpenAI's ``response_format`` says it; one rule for all.

Allowed are ``"text"``, ``"json"`` and ``"json_object"`` (also as ``{"type": ...}``), OpenAI's
``{"type": "json_schema", "json_schema": {"name": ..., "schema": {...}}}``, and a bare
JSON schema, which gets a name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidRequest

_JSON_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
# A schema need not have a type: each of these says as well that it is one.
_SCHEMA_WORDS = frozenset(
    {"properties", "$ref", "anyOf", "oneOf", "allOf", "enum", "const", "items", "$schema", "$defs"}
)
_MAX_NAME_CHARS = 64  # OpenAI's limit


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """The form asked for: ``kind`` is ``text``, ``json_object`` or ``json_schema``.

    ``fields`` are those of OpenAI's ``json_schema`` (``name``, ``schema``, ``strict``,
    ``description``, and what else the caller gave), ``beside`` those next to the type.
    """

    kind: str
    fields: Mapping[str, Any] | None = None
    beside: Mapping[str, Any] | None = None

    def schema(self, provider: str) -> dict[str, Any] | None:
        """The schema for a *provider* whose protocol takes nothing else; ``None`` without one.

        The description of the format goes into the schema.  Its name is a label
        only, and following the schema strictly is what these protocols do anyway.
        ``InvalidRequest`` names a field that has no place.
        """
        for name in self.beside or ():
            raise InvalidRequest(f"option response_format: {provider} has no {name!r}")
        if self.fields is None:
            return None
        schema = dict(self.fields["schema"])
        for name, value in self.fields.items():
            if name not in ("name", "schema", "strict", "description") and value is not None:
                raise InvalidRequest(
                    f"option response_format.json_schema: {provider} has no {name!r}"
                )
        description = self.fields.get("description")
        if description:
            own = schema.get("description")
            schema["description"] = f"{description}\n\n{own}" if own else description
        return schema

    def openai(self) -> dict[str, Any]:
        """The same in OpenAI's own shape."""
        value: dict[str, Any] = {"type": self.kind}
        if self.fields is not None:
            value["json_schema"] = dict(self.fields)
        return value | dict(self.beside or ())


def answer_format(value: str | Mapping[str, Any]) -> AnswerFormat:
    """The format that *value* asks for; ``InvalidRequest`` says what is allowed."""
    fields: Mapping[str, Any] = {"type": value} if isinstance(value, str) else value
    kind = fields.get("type")
    beside = {name: each for name, each in fields.items() if name != "type"}
    if kind == "text":
        return AnswerFormat("text", beside=beside)
    if kind in ("json", "json_object"):
        return AnswerFormat("json_object", beside=beside)
    if kind == "json_schema":
        wrapper = beside.pop("json_schema", None)
        if isinstance(wrapper, Mapping) and isinstance(wrapper.get("schema"), Mapping):
            name = wrapper.get("name") or _name(wrapper["schema"])
            return AnswerFormat("json_schema", {**wrapper, "name": name}, beside)
    elif not isinstance(value, str) and _is_schema(value):
        return AnswerFormat("json_schema", {"name": _name(value), "schema": value})
    raise InvalidRequest(
        "option response_format must be 'text', 'json', {\"type\": \"json_object\"}, "
        '{"type": "json_schema", "json_schema": {"name": ..., "schema": {...}}} '
        f"or a JSON schema, got {value!r:.80}"
    )


def _is_schema(value: Mapping[str, Any]) -> bool:
    if "type" not in value:
        return not _SCHEMA_WORDS.isdisjoint(value)
    types = [value["type"]] if isinstance(value["type"], str) else value["type"]
    return (
        isinstance(types, list | tuple)
        and bool(types)
        and all(isinstance(each, str) and each in _JSON_TYPES for each in types)
    )


def _name(schema: Mapping[str, Any]) -> str:
    """A name as OpenAI allows it, from the schema's title when it has one."""
    title = schema.get("title")
    name = re.sub(r"[^a-zA-Z0-9_-]+", "_", title) if isinstance(title, str) else ""
    return name.strip("_")[:_MAX_NAME_CHARS] or "answer"

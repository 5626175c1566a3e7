"""JSON that fits a schema."""

from __future__ import annotations

import re
from typing import Any

import pytest

from g4fsync.emulator.patterns import matching_text
from g4fsync.emulator.samples import sample_value

NODE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
        "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
        "parent": {"$ref": "#/$defs/Node"},
    },
    "required": ["name", "next", "children"],
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "Hi"),
        ({"type": "integer"}, 1),
        ({"type": "number"}, 1.5),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": "array"}, []),
        ({"type": "object"}, {}),
        ({}, "Hi"),
        (True, "Hi"),
        ({"type": ["string", "null"]}, "Hi"),
        ({"type": ["null", "integer"]}, 1),
        ({"type": ["null"]}, None),
        ({"type": "STRING", "nullable": True}, "Hi"),
        ({"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}}, {"a": 1}),
        ({"const": 7}, 7),
        ({"enum": ["C", "F"]}, "C"),
        ({"type": "string", "minLength": 4}, "Hi.."),
        ({"type": "string", "maxLength": 1}, "H"),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "integer", "minimum": 5, "exclusiveMinimum": True}, 6),
        ({"type": "integer", "exclusiveMaximum": 1}, 0),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5}, 0.25),
        ({"type": "integer", "multipleOf": 5}, 5),
        ({"type": "integer", "minimum": 11, "maximum": 19, "multipleOf": 5}, 15),
        ({"type": "array", "items": {"type": "integer"}}, [1]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 3}, [1, 2, 3]),
        ({"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2}, ["a", "b"]),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 0}, []),
        ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}, [1, "Hi"]),
        ({"properties": {"a": {"type": "string"}}}, {"a": "Hi"}),
        ({"type": "object", "required": ["a"]}, {"a": "Hi"}),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
            {"key1": 1},
        ),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 1),
        ({"oneOf": [{"const": "a"}, {"const": "b"}]}, "a"),
        (
            {
                "allOf": [
                    {"type": "object", "properties": {"a": {"type": "integer"}}},
                    {"properties": {"b": {"type": "boolean"}}},
                ]
            },
            {"a": 1, "b": True},
        ),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"type": "integer"}}}, 1),
        ({"$ref": "#/definitions/a~1b", "definitions": {"a/b": {"const": 2}}}, 2),
        ({"ref": "#/defs/A", "defs": {"A": {"type": "INTEGER"}}}, 1),
        (
            {"$ref": "#/$defs/Node", "$defs": {"Node": NODE}},
            {"name": "Hi", "next": None, "children": []},
        ),
    ],
)
def test_a_value_fits(schema: Any, value: Any) -> None:
    assert sample_value(schema, "Hi") == value


def test_a_schema_without_an_end_has_no_value() -> None:
    endless = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    assert sample_value(endless, "Hi") is None


@pytest.mark.parametrize(
    "pattern",
    [
        "^[A-Z]{2}-\\d{4}$",
        "^(foo|bar)+$",
        "^[^aA]x?$",
        r"^\+?[1-9]\d{1,14}$",
        "^[a-z0-9]+(?:-[a-z0-9]+)*$",
        r"^(?P<year>\d{4})/\d\d$",
        "^[]]$",
        r"^\u0041\x42$",
        "a|b",
        r"^\w+@\w+\.com$",
        "^.{3,5}$",
        "",
    ],
)
def test_a_text_for_a_pattern(pattern: str) -> None:
    text = matching_text(pattern)
    assert text is not None
    assert re.search(pattern, text)


def test_a_text_for_a_pattern_keeps_its_bounds() -> None:
    assert matching_text("^a+$", min_length=4) == "aaaa"
    assert matching_text("^a{3}$", max_length=2) is None
    assert matching_text("(unclosed") is None
    assert matching_text("^(a)\\1$") is None

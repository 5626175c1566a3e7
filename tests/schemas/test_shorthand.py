"""A JSON schema in few words."""

from __future__ import annotations

from typing import Any

import pytest

from g4fsync import InvalidRequest
from g4fsync.schemas.shorthand import schema_from

NAME, AGE = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        ("name, age int", {"name": NAME, "age": AGE}),
        ("name", {"name": NAME}),
        (" name str ,age int,", {"name": NAME, "age": AGE}),
        ("name\nage int\n", {"name": NAME, "age": AGE}),
        ("ok bool, x float", {"ok": {"type": "boolean"}, "x": {"type": "number"}}),
        (
            "name: the full name, as on the passport\nage int: in years",
            {
                "name": {**NAME, "description": "the full name, as on the passport"},
                "age": {**AGE, "description": "in years"},
            },
        ),
        ("first-name", {"first-name": NAME}),
    ],
)
def test_names_types_and_descriptions(text: str, properties: dict[str, Any]) -> None:
    assert schema_from(text) == {
        "type": "object",
        "properties": properties,
        "required": [*properties],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name number", "expected a name and a type (str, int, float, bool), got 'name number'"),
        ("a b c", "got 'a b c'"),
        ("$", "got '$'"),
        (" , ", "expected names of fields, such as 'name, age int'"),
    ],
)
def test_what_is_no_list_of_names_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        schema_from(text)
    assert message in str(caught.value)

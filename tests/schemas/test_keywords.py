"""JSON Schema's keywords; a validator that others wrote says what is right."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings, strategies as st

from g4fsync import InvalidRequest
from g4fsync.schemas.keywords import check, fits
from g4fsync.schemas.misfit import Misfit

values: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 2, 1.0, 1.5, -3, "", "a", "ab", "b", "1"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)
TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
leaves: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([True, False, {}]),
    st.sampled_from(TYPES).map(lambda name: {"type": name}),
    st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True).map(
        lambda names: {"type": names}
    ),
    st.lists(values, min_size=1, max_size=3).map(lambda each: {"enum": each}),
    values.map(lambda value: {"const": value}),
    st.tuples(
        st.sampled_from(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]),
        st.integers(-2, 2),
    ).map(lambda pair: dict([pair])),
    st.sampled_from([1, 2, 0.5]).map(lambda number: {"multipleOf": number}),
    st.tuples(
        st.sampled_from(
            ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"]
        ),
        st.integers(0, 2),
    ).map(lambda pair: dict([pair])),
    st.sampled_from(["a", "^a", "b$", "^[0-9]+$"]).map(lambda pattern: {"pattern": pattern}),
    st.just({"uniqueItems": True}),
    st.lists(st.sampled_from("abc"), max_size=2, unique=True).map(lambda each: {"required": each}),
    st.just({"$ref": "#/$defs/it"}),
    st.just({"dependentRequired": {"a": ["b"]}}),
)
schemas: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("abc"), inner, max_size=2).map(
            lambda each: {"properties": each}
        ),
        st.tuples(st.dictionaries(st.sampled_from("ab"), inner, max_size=1), inner).map(
            lambda pair: {"properties": pair[0], "additionalProperties": pair[1]}
        ),
        inner.map(lambda each: {"patternProperties": {"^a": each}, "additionalProperties": False}),
        inner.map(lambda each: {"propertyNames": each}),
        inner.map(lambda each: {"items": each}),
        st.tuples(st.lists(inner, min_size=1, max_size=2), inner).map(
            lambda pair: {"prefixItems": pair[0], "items": pair[1]}
        ),
        inner.map(lambda each: {"contains": each, "maxContains": 2}),
        st.tuples(
            st.sampled_from(["anyOf", "oneOf", "allOf"]), st.lists(inner, min_size=1, max_size=3)
        ).map(lambda pair: dict([pair])),
        inner.map(lambda each: {"not": each}),
        st.tuples(inner, inner, inner).map(
            lambda three: {"if": three[0], "then": three[1], "else": three[2]}
        ),
    ),
    max_leaves=5,
)


@settings(deadline=None)
@given(schemas, values, leaves.filter(lambda each: each != {"$ref": "#/$defs/it"}))
def test_a_value_fits_where_another_validator_says_so(schema: Any, value: Any, it: Any) -> None:
    root = {"allOf": [schema], "$defs": {"it": it}}
    assert fits(value, root, root) == jsonschema.Draft202012Validator(root).is_valid(value)


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"type": ["integer", "null"]}, "a", 'expected an integer or null, got "a"'),
        ({"enum": ["a", 1]}, True, 'expected one of "a", 1, got true'),
        ({"const": {"a": 1}}, {}, 'expected {"a": 1}, got {}'),
        (
            {"properties": {"a": {"items": {"minimum": 3}}}},
            {"a": [3, 2]},
            "a[1]: expected a number from 3, got 2",
        ),
        (
            {"required": ["a"], "properties": {"a": {"enum": ["x"]}}},
            {},
            'a: expected one of "x", got nothing',
        ),
        ({"additionalProperties": False}, {"b": 1}, "b: expected nothing here, got 1"),
        (
            {"uniqueItems": True},
            [1, 1.0],
            "[1]: expected a value that is not there already, got 1.0",
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
            ["a", 1],
            "[1]: expected a string, got 1",
        ),
        ({"oneOf": [{}, True]}, 1, "expected what fits one of several schemas only, got 1"),
        ({"not": {"type": "null"}}, None, "expected something else than null, got null"),
        (
            {"contains": {"type": "null"}},
            [],
            "expected an array with 1 or more fitting values, got",
        ),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "b: expected a value, since there is 'a'"),
    ],
)
def test_the_first_misfit_is_told(schema: Any, value: Any, message: str) -> None:
    with pytest.raises(Misfit) as caught:
        check(value, schema, schema)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "reference", ["#/$defs/no", "other.json", "#/$defs/a/0", "#/$defs/loop", "#/$defs/a~1b"]
)
def test_a_reference_that_leads_nowhere_is_the_caller_s_mistake(reference: str) -> None:
    root = {"$ref": reference, "$defs": {"a": True, "loop": {"$ref": "#/$defs/loop"}}}
    with pytest.raises(InvalidRequest):
        check(1, root, root)


def test_references_may_have_escaped_names() -> None:
    root = {"$ref": "#/$defs/a~1b%20c", "$defs": {"a/b c": {"type": "integer"}}}
    assert fits(1, root, root)
    assert not fits("a", root, root)

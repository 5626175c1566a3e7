"""Types as JSON schemas, and answers as their values."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import json
import typing
import uuid
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Iterable, Mapping, MutableMapping, Sequence, Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    Optional,
    TypedDict,
    TypeVar,
    Union,
)

import annotated_types
import attrs
import jsonschema
import msgspec
import pydantic
import pytest
from hypothesis import given, settings, strategies as st
from typing_extensions import NotRequired, ReadOnly, Required, TypeAliasType

from g4fsync import InvalidRequest
from g4fsync.schemas import AnswerType, Misfit
from g4fsync.schemas.dumping import as_json
from g4fsync.schemas.found import is_cut

T = TypeVar("T")
UserId = NewType("UserId", int)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Corner(enum.Enum):
    ORIGIN = (0, 0)
    FAR = (1, 1)


class Grade(str, enum.Enum):
    A = "a"
    B = "b"


@dataclass
class Pet:
    name: str
    legs: int = 4


@dataclass(frozen=True)
class Point:
    x: float
    y: float


@dataclass
class Person:
    """Somebody in a text.

    And more about it.
    """

    name: str
    age: int
    pets: list[Pet] = field(default_factory=list)
    colour: Colour | None = None


@dataclass
class Tree:
    value: int
    children: list[Tree] = field(default_factory=list)


@dataclass
class Box(Generic[T]):
    content: T


@dataclass
class IntBox(Box[int]):
    label: str


@dataclass(kw_only=True, slots=True)
class Keyed:
    a: int
    b: str = "b"
    c: typing.ClassVar[int] = 3
    d: int = field(init=False, default=1)


@dataclass
class Even:
    number: int

    def __post_init__(self) -> None:
        if self.number % 2:
            raise ValueError("it is odd")


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Loose(TypedDict, total=False):
    title: Required[str]
    tags: ReadOnly[list[str]]


class Spot(NamedTuple):
    x: int
    y: int = 0


Plain = namedtuple("Plain", ["a", "b"])


class Model(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(ge=0)
    born: dt.date | None = None
    friends: list[Model] = []


class Struct(msgspec.Struct):
    name: str
    size: int = 0
    parts: list[Struct] = []


class Cat(msgspec.Struct, tag=True):
    meows: int


class Dog(msgspec.Struct, tag=True):
    barks: int


@attrs.define
class Car:
    wheels: int
    _owner: str = "me"


class Text(str):
    pass


Tags = TypeAliasType("Tags", "list[str]")
Nested = TypeAliasType("Nested", "int | list[Nested]")
NOON = dt.datetime(2026, 11, 25, 12, 0, tzinfo=dt.timezone.utc)
UUID = uuid.UUID(int=5)

# A type, JSON that fits it, and the value that JSON stands for.
SHAPES: list[tuple[Any, Any, Any]] = [
    (str, "a", "a"),
    (int, 3, 3),
    (int, 3.0, 3),
    (float, 3, 3.0),
    (float, 1.5, 1.5),
    (bool, True, True),
    (None, None, None),
    (type(None), None, None),
    (Any, {"a": [1]}, {"a": [1]}),
    (object, [1], [1]),
    (bytes, "YWI=", b"ab"),
    (bytearray, "YWI=", bytearray(b"ab")),
    (dt.date, "2026-11-25", dt.date(2026, 11, 25)),
    (dt.datetime, "2026-11-25T12:00:00Z", NOON),
    (dt.datetime, "2026-11-25T12:00:00+00:00", NOON),
    (dt.time, "12:30:00", dt.time(12, 30)),
    (uuid.UUID, str(UUID), UUID),
    (decimal.Decimal, "1.50", decimal.Decimal("1.50")),
    (decimal.Decimal, "3", decimal.Decimal(3)),
    (Path, "a/b", Path("a/b")),
    (UserId, 3, 3),
    (Text, "a", Text("a")),
    (getattr(typing, "LiteralString", str), "a", "a"),
    (Literal["a"], "a", "a"),
    (Literal["a", "b"], "b", "b"),
    (Literal[1, "a", None, True], None, None),
    (Literal[1, True], True, True),
    (Literal[Colour.RED], "red", Colour.RED),
    (Colour, "blue", Colour.BLUE),
    (Level, 2, Level.HIGH),
    (Corner, "FAR", Corner.FAR),
    (Grade, "b", Grade.B),
    (Optional[int], None, None),  # noqa: UP045 - as older code has it
    (Optional[int], 3, 3),  # noqa: UP045
    (int | None, 3, 3),
    (Union[int, str], "a", "a"),  # noqa: UP007
    (int | str | None, None, None),
    (float | int, 3, 3),
    (int | float, 3.5, 3.5),
    (bool | int, 1, 1),
    (str | list[str], ["a"], ["a"]),
    (dt.date | str, "soon", "soon"),
    (list, [1, "a"], [1, "a"]),
    (list[int], [1, 2], [1, 2]),
    (list[int], [], []),
    (list[list[str]], [["a"], []], [["a"], []]),
    (list[int | None], [1, None], [1, None]),
    (list[Any], [1, {}], [1, {}]),
    (typing.List[int], [1], [1]),  # noqa: UP006 - as older code has it
    (Sequence[int], [1], [1]),
    (Iterable[str], ["a"], ["a"]),
    (set[int], [1, 2], {1, 2}),
    (set, [1], {1}),
    (frozenset[str], ["a"], frozenset("a")),
    (AbstractSet[int], [1], frozenset({1})),
    (set[Point], [{"x": 1, "y": 2}], {Point(1, 2)}),
    (deque[int], [1], deque([1])),
    (tuple, [1, "a"], (1, "a")),
    (tuple[int, ...], [1, 2], (1, 2)),
    (tuple[int, str], [1, "a"], (1, "a")),
    (tuple[()], [], ()),
    (tuple[tuple[int, int], str], [[1, 2], "a"], ((1, 2), "a")),
    (list[tuple[str, int]], [["a", 1]], [("a", 1)]),
    (dict, {"a": 1}, {"a": 1}),
    (dict[str, int], {"a": 1}, {"a": 1}),
    (dict[str, Any], {"a": None}, {"a": None}),
    (dict[int, str], {"1": "a", "-2": "b"}, {1: "a", -2: "b"}),
    (dict[Colour, int], {"red": 1}, {Colour.RED: 1}),
    (dict[Literal["a", "b"], int], {"a": 1}, {"a": 1}),
    (dict[str, list[Pet]], {"a": [{"name": "x"}]}, {"a": [Pet("x")]}),
    (Mapping[str, int], {"a": 1}, {"a": 1}),
    (MutableMapping[str, int], {"a": 1}, {"a": 1}),
    (OrderedDict[str, int], {"a": 1}, OrderedDict(a=1)),
    (defaultdict[str, int], {"a": 1}, {"a": 1}),
    (Pet, {"name": "a", "legs": 3}, Pet("a", 3)),
    (Pet, {"name": "a"}, Pet("a")),
    (Pet, {"name": "a", "legs": None, "more": 1}, Pet("a")),
    (Person, {"name": "A", "age": 3}, Person("A", 3)),
    (
        Person,
        {"name": "A", "age": 3, "pets": [{"name": "p"}], "colour": "red"},
        Person("A", 3, [Pet("p")], Colour.RED),
    ),
    (list[Person], [{"name": "A", "age": 3}], [Person("A", 3)]),
    (Person | None, None, None),
    (Pet | Point, {"x": 1, "y": 2}, Point(1, 2)),
    (list[Pet | Point], [{"name": "a"}, {"x": 1, "y": 2}], [Pet("a"), Point(1, 2)]),
    (Tree, {"value": 1, "children": [{"value": 2}]}, Tree(1, [Tree(2)])),
    (list[Tree], [{"value": 1}], [Tree(1)]),
    (Tree | None, {"value": 1}, Tree(1)),
    ("list[Pet]", [{"name": "a"}], [Pet("a")]),
    (list["Pet"], [{"name": "a"}], [Pet("a")]),
    (Box[int], {"content": 3}, Box(3)),
    (Box[list[Pet]], {"content": [{"name": "a"}]}, Box([Pet("a")])),
    (Box[Box[str]], {"content": {"content": "a"}}, Box(Box("a"))),
    (Box, {"content": "a"}, Box("a")),
    (IntBox, {"content": 3, "label": "l"}, IntBox(3, "l")),
    (Keyed, {"a": 1}, Keyed(a=1)),
    (Even, {"number": 2}, Even(2)),
    (Movie, {"title": "a"}, {"title": "a"}),
    (Movie, {"title": "a", "year": 1999, "more": 1}, {"title": "a", "year": 1999}),
    (Loose, {"title": "a", "tags": ["x"]}, {"title": "a", "tags": ["x"]}),
    (list[Movie], [{"title": "a"}], [{"title": "a"}]),
    (Spot, {"x": 1}, Spot(1)),
    (Spot, {"x": 1, "y": 2}, Spot(1, 2)),
    (Plain, {"a": 1, "b": [2]}, Plain(1, [2])),
    (Car, {"wheels": 4, "owner": "you"}, Car(4, "you")),
    (Tags, ["a"], ["a"]),
    (Nested, [1, [2, [3]]], [1, [2, [3]]]),
    (dict[str, Nested], {"a": [1]}, {"a": [1]}),
    (Annotated[int, "the age"], 3, 3),
    (Annotated[int, annotated_types.Gt(0)], 3, 3),
    (Annotated[int, annotated_types.Interval(ge=1, le=9)], 9, 9),
    (Annotated[float, annotated_types.MultipleOf(0.5)], 1.5, 1.5),
    (Annotated[str, annotated_types.Len(1, 3)], "abc", "abc"),
    (Annotated[list[int], annotated_types.MinLen(1)], [1], [1]),
    (Annotated[dict[str, int], annotated_types.MaxLen(2)], {"a": 1}, {"a": 1}),
    (Annotated[int, pydantic.Field(ge=1, description="d")], 1, 1),
    (Annotated[str, msgspec.Meta(pattern="^a+$")], "aa", "aa"),
    (list[Annotated[int, annotated_types.Ge(0)]], [0], [0]),
    (Model, {"name": "a", "age": 1}, Model(name="a", age=1)),
    (
        Model,
        {"name": "a", "age": 1, "born": "2026-01-01", "friends": [{"name": "b", "age": 2}]},
        Model(name="a", age=1, born=dt.date(2026, 1, 1), friends=[Model(name="b", age=2)]),
    ),
    (list[Model], [{"name": "a", "age": 1}], [Model(name="a", age=1)]),
    (Model | None, None, None),
    (Box[Model], {"content": {"name": "a", "age": 1}}, Box(Model(name="a", age=1))),
    (pydantic.RootModel[list[int]], [1], pydantic.RootModel[list[int]]([1])),
    (Struct, {"name": "a"}, Struct("a")),
    (Struct, {"name": "a", "parts": [{"name": "b"}]}, Struct("a", 0, [Struct("b")])),
    (list[Struct], [{"name": "a", "size": 2}], [Struct("a", 2)]),
    (Cat | Dog, {"type": "Dog", "barks": 2}, Dog(2)),
    (dict[str, Struct], {"s": {"name": "a"}}, {"s": Struct("a")}),
]


@pytest.mark.parametrize(("shape", "written", "value"), SHAPES, ids=lambda each: str(each)[:50])
def test_each_shape_has_a_schema_that_others_accept_and_reads_its_values(
    shape: Any, written: Any, value: Any
) -> None:
    wanted = AnswerType.of(shape)
    for schema in wanted.schema, wanted.strict(), wanted.closed():
        if schema is not None:
            jsonschema.Draft202012Validator.check_schema(schema)
            json.dumps(schema)
    assert wanted.parse(json.dumps(written)) == value
    assert type(wanted.parse(json.dumps(written))) is type(value) or shape is defaultdict[str, int]
    if wanted.wrapper is not None:
        assert wanted.parse(json.dumps({wanted.wrapper: written})) == value
    jsonschema.validate(as_json(value), dict(wanted.schema))
    assert wanted.parse(json.dumps(as_json(value))) == value


@pytest.mark.parametrize(("shape", "written", "value"), SHAPES, ids=lambda each: str(each)[:50])
def test_what_a_strict_service_may_write_is_read(shape: Any, written: Any, value: Any) -> None:
    wanted = AnswerType.of(shape)
    strict = wanted.strict()
    if strict is None:
        return
    complete = _filled(as_json(value), wanted.schema, wanted.schema)
    if wanted.wrapper is not None:
        complete = {wanted.wrapper: complete}
    jsonschema.validate(complete, strict)
    assert wanted.parse(json.dumps(complete)) == value
    for part in _parts(strict):
        if "properties" in part:
            assert part["required"] == list(part["properties"])
            assert part["additionalProperties"] is False
    assert strict["type"] == "object"


def _filled(value: Any, schema: Any, root: Any) -> Any:
    """*value* with ``null`` for all members that it does not have."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    for each in schema.get("anyOf", ()):
        resolved = root["$defs"][each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        if jsonschema.Draft202012Validator({**resolved, "$defs": root.get("$defs", {})}).is_valid(
            value
        ):
            return _filled(value, each, root)
    if isinstance(value, dict) and "properties" in schema:
        return {
            name: _filled(value[name], member, root) if name in value else None
            for name, member in schema["properties"].items()
        }
    if isinstance(value, list) and "items" in schema:
        return [_filled(each, schema["items"], root) for each in value]
    return value


def _parts(schema: Any) -> Iterable[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for each in schema.values():
            yield from _parts(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from _parts(each)


def test_a_dict_with_known_keys_has_them_as_properties() -> None:
    integer = {"type": "integer"}
    wanted = AnswerType.of(dict[Literal["a", "b"], int])
    assert wanted.schema == {
        "type": "object",
        "properties": {"a": integer, "b": integer},
        "additionalProperties": False,
    }
    strict = wanted.strict()
    assert strict is not None
    assert strict["required"] == ["a", "b"]
    assert wanted.read({"a": 1, "b": None}) == {"a": 1}  # as strict mode says "not there"


class Unknown:
    pass


@dataclass
class Bad:
    fine: int
    wrong: list[Unknown]


class Flags(enum.Flag):
    A = 1


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (Unknown, "Unknown: Unknown can't be said as a JSON schema"),
        (Bad, "Bad.wrong[]: Unknown can't be said as a JSON schema"),
        (list[Bad], "returns[].wrong[]: Unknown can't be said as a JSON schema"),
        (complex, "complex: complex can't be said as a JSON schema"),
        (Flags, "Flags: Flags can't be said as a JSON schema"),
        (dict[float, int], "returns: the keys of a JSON object are strings, not <class 'float'>"),
        (Literal[b"a"], "returns: b'a' in a Literal can't be said in JSON"),
        ("Nobody", "returns: its annotations name 'Nobody', unknown"),
        (list["Nobody"], "returns[]: its annotations name 'Nobody', unknown"),  # type: ignore[name-defined]  # noqa: F821
        (typing.Callable[[], int], "returns: Callable can't be said as"),
        ({"name": "str"}, "returns: a mapping must be a JSON schema, got {'name': 'str'}"),
        (3, "returns: 3 can't be said as a JSON schema"),
    ],
)
def test_what_cannot_be_said_is_refused_by_the_name_of_its_field(shape: Any, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        AnswerType.of(shape)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("shape", "text", "message"),
    [
        (int, '"3"', 'expected an integer, got "3"'),
        (int, "true", "expected an integer, got true"),
        (bool, "1", "expected true or false, got 1"),
        (int, "", "expected an integer, got nothing"),
        (int, "I do not know", 'expected JSON, got "I do not know"'),
        (list[Person], '[{"name": "a", "age": "old"}]', '[0].age: expected an integer, got "old"'),
        (
            dict[str, list[Person]],
            '{"people": [{"name": "a", "age": 1}, {"name": "b"}]}',
            "people[1].age: expected an integer, got nothing",
        ),
        (dict[str, int], '{"a b": null}', '["a b"]: expected an integer, got null'),
        (dict[int, int], '{"x": 1}', 'x: expected as its name an integer, got "x"'),
        (Colour, '"green"', 'expected one of "red", "blue", got "green"'),
        (int | None, '"a"', 'expected an integer or null, got "a"'),
        (Person | None, '{"name": "a", "age": []}', "age: expected an integer, got []"),
        (tuple[int, str], "[1]", "expected an array of 2, got [1]"),
        (tuple[int, str], "[1, 2]", "[1]: expected a string, got 2"),
        (dt.date, '"soon"', 'expected a date like 2026-11-25, got "soon"'),
        (bytes, '"é"', 'expected base64 text, got "é"'),
        (float, "1" + "0" * 400, "expected a number that a float can hold, got 1000000"),
        (Even, '{"number": 3}', 'expected a valid Even (it is odd), got {"number": 3}'),
        (Annotated[int, annotated_types.Gt(0)], "0", "expected a number above 0, got 0"),
        (Annotated[str, annotated_types.MinLen(2)], '"a"', "expected a string of at least 2 ch"),
        (
            Annotated[list[int], annotated_types.MaxLen(1)],
            "[1, 2]",
            "expected an array of at most 1",
        ),
        (set[Any], "[[1]]", "expected values that can be in a set (unhashable type: 'list')"),
        (Struct, '{"name": "a", "size": "b"}', 'size: expected an integer, got "b"'),
        (Struct, '{"parts": []}', "name: expected a value, got nothing"),
        (list[Struct], '[{"name": "a", "parts": [{"name": 1}]}]', "[0].parts[0].name: expected a "),
        (Model, '{"name": "a", "age": -1}', "age: expected what pydantic takes (Input should be "),
        (Model, '{"name": "a"}', "age: expected what pydantic takes (Field required), got nothing"),
        (
            list[Model],
            '[{"name": "a", "age": 1, "friends": [{}]}]',
            "[0].friends[0].name: expected",
        ),
        (list[int], '{"items": [1, "a"]}', '[1]: expected an integer, got "a"'),
        (float, "NaN", 'expected JSON, got "NaN"'),
        (list[float], "[Infinity]", 'expected JSON, got "[Infinity]"'),
        ({"type": "object", "required": ["a"]}, "{}", "a: expected a value, got nothing"),
    ],
)
def test_a_misfit_says_where_and_what(shape: Any, text: str, message: str) -> None:
    with pytest.raises(Misfit) as caught:
        AnswerType.of(shape).parse(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "a"}',
        ' \n{"name": "a"}\n',
        '```json\n{"name": "a"}\n```',
        'Sure [as asked]:\n```\n{"name": "a"}\n```\nAnything else?',
        'Here it is: {"name": "a"} - good?',
        'First {"no": 1}, then {"name": "a"}',
        '\ufeff{"name": "a"}',
    ],
)
def test_json_is_found_between_other_words(text: str) -> None:
    assert AnswerType.of(Pet).parse(text) == Pet("a")


@pytest.mark.parametrize(
    "text",
    [
        '[{"name": "a"}, {"na',
        '{"pet": {"name": "a"}, oops}',
        '{"pet": {"name": "a"}, "more": tru',
        '```json\n[{"name": "a"},\n```',
    ],
)
def test_a_value_inside_a_broken_one_does_not_pass_for_the_answer(text: str) -> None:
    with pytest.raises(Misfit):
        AnswerType.of(Pet).parse(text)


def test_a_value_in_thoughts_is_not_the_answer() -> None:
    wanted = AnswerType.of(list[int])
    assert wanted.parse(" <think>Perhaps [1]?\n</think>\n\n[2]") == [2]
    assert wanted.parse("[2]<think>[1]</think>") == [2]
    for text in ("<think>[1]", "<think>[1]</think>", "<think>\n[1]</thin"):
        with pytest.raises(Misfit):
            wanted.parse(text)
        assert is_cut(text)


def test_classes_of_a_function_may_name_each_other() -> None:
    @dataclass
    class Leaf:
        n: int

    @dataclass
    class Branch:
        leaves: list[Leaf]
        again: Branch | None = None

    assert AnswerType.of(Branch).parse('{"leaves": [{"n": 1}]}') == Branch([Leaf(1)])


Json = Union[None, bool, int, str, list["Json"], dict[str, "Json"]]  # noqa: UP007 - of strings


@dataclass
class Note:
    said: Json
    more: "list[Note] | None" = None  # noqa: UP037 - the annotation is a string in a string


def test_a_union_may_name_itself() -> None:
    value: Any = {"a": [1, None, {"b": ["x", True]}]}
    for shape, written, wrong in (
        (Json, value, {"a": [1.5]}),
        (Note, {"said": value, "more": [{"said": 1}]}, {"said": [[1.5]]}),
        (list[Optional["Json"]], [None, value], [[1.5]]),
    ):
        wanted = AnswerType.of(shape)
        jsonschema.Draft202012Validator.check_schema(wanted.schema)
        jsonschema.validate(written, wanted.schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, wanted.schema)
        with pytest.raises(Misfit):
            wanted.read(wrong)
    assert AnswerType.of(Json).read(value) == value
    assert AnswerType.of(Note).read({"said": value}) == Note(value)


def test_descriptions_come_from_docstrings_notes_and_metadata() -> None:
    @dataclass
    class Person:
        """Somebody.

        Attributes:
            name: As on the passport.
        """

        name: str
        age: Annotated[int, "In years"]
        town: str = field(default="", metadata={"description": "Where they live"})

    schema = AnswerType.of(Person).schema
    assert schema["description"] == "Somebody."
    assert {name: each["description"] for name, each in schema["properties"].items()} == {
        "name": "As on the passport.",
        "age": "In years",
        "town": "Where they live",
    }


scalars: st.SearchStrategy[Any] = st.sampled_from(
    [bool, int, str, float, type(None), dt.date, uuid.UUID, Colour, Level]
)
records: st.SearchStrategy[Any] = st.sampled_from([Pet, Person, Tree, Spot, Movie, Point])
types_of_any_shape: st.SearchStrategy[Any] = st.recursive(
    scalars | records,
    lambda inner: st.one_of(
        inner.map(lambda each: list[each]),  # type: ignore[valid-type]
        inner.map(lambda each: dict[str, each]),  # type: ignore[valid-type]
        inner.map(lambda each: each | None if each is not type(None) else int | None),
        st.lists(inner, min_size=1, max_size=3).map(lambda each: tuple[tuple(each)]),  # type: ignore[misc]
    ),
    max_leaves=4,
)


def resolve(shape: Any) -> st.SearchStrategy[Any]:
    """Values of *shape*, only finite numbers among them."""
    return st.from_type(shape)


@settings(deadline=None)
@given(st.data())
def test_values_of_any_shape_make_the_round_trip(data: st.DataObject) -> None:
    shape = data.draw(types_of_any_shape)
    st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
    value = data.draw(resolve(shape))
    wanted = AnswerType.of(shape)
    written = as_json(value)
    jsonschema.validate(written, dict(wanted.schema))
    assert wanted.parse(json.dumps(written)) == value


def test_the_caller_s_own_schema_gives_plain_json() -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}, "note": {"type": "string"}},
        "required": ["n"],
    }
    wanted = AnswerType.of(schema)
    assert wanted.parse('{"n": 1, "note": null}') == {"n": 1}
    assert wanted.schema == schema
    assert AnswerType.of({"$ref": "#/$defs/a", "$defs": {"a": schema}}).schema["type"] == "object"
    assert dataclasses.is_dataclass(wanted)

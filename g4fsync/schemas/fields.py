"""The fields of classes that are records: dataclasses, attrs', named tuples, typed dictionaries."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
import typing
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, get_args, get_origin

from ..errors import InvalidRequest
from .docstrings import parameters
from .kinds import Kind, Text
from .misfit import MISSING
from .records import Field, Record

if TYPE_CHECKING:
    from types import FrameType

_PACKAGE = __name__.partition(".")[0]

Names: TypeAlias = Mapping[Any, Any]


class _Kinds(Protocol):
    def kind(self, annotation: Any, where: str, names: Names | None = None) -> Kind: ...


ReadFields: TypeAlias = Callable[[_Kinds, Record, Any, Names, str], None]


def reader_of(kind: type) -> ReadFields | None:
    """What reads the fields of *kind*; ``None`` when it is no record."""
    if dataclasses.is_dataclass(kind):
        return _dataclass
    if hasattr(kind, "__attrs_attrs__"):
        return _attrs
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return _named_tuple
    if hasattr(kind, "__required_keys__"):
        return _typed_dict
    return None


def description_of(kind: type) -> str:
    """The first paragraph of the docstring, unless it is a made one."""
    text = vars(kind).get("__doc__") or ""
    if text.startswith(f"{kind.__name__}("):
        return ""
    return " ".join(inspect.cleandoc(text).split("\n\n")[0].split())


def integer_key() -> Kind:
    """A key of an object that is an integer in Python."""
    return Text("an integer", {"pattern": "^-?[0-9]+$"}, _integer)


def _integer(text: str) -> int:
    if not re.fullmatch("-?[0-9]+", text):
        raise ValueError("no integer")
    return int(text)


def _dataclass(kinds: _Kinds, record: Record, kind: Any, names: Names, where: str) -> None:
    hints = hints_of(kind, where)
    notes = parameters(kind.__doc__)
    found = []
    for field in kind.__dataclass_fields__.values():
        hint = hints.get(field.name, Any)
        if isinstance(hint, dataclasses.InitVar):
            hint = hint.type
        if not field.init or get_origin(hint) is typing.ClassVar or hint is typing.ClassVar:
            continue
        no_default = field.default is dataclasses.MISSING
        description = field.metadata.get("description") or notes.get(field.name, "")
        found.append(
            Field(
                field.name,
                kinds.kind(hint, f"{where}.{field.name}", names),
                no_default and field.default_factory is dataclasses.MISSING,
                description if isinstance(description, str) else "",
                MISSING if no_default else field.default,
            )
        )
    record.fields = found
    record.make = lambda values: kind(**values)


def _attrs(kinds: _Kinds, record: Record, kind: Any, names: Names, where: str) -> None:
    hints, notes = hints_of(kind, where), parameters(kind.__doc__)
    nothing = sys.modules["attr"].NOTHING
    found = []
    for field in kind.__attrs_attrs__:
        if field.init:
            name = getattr(field, "alias", None) or field.name.lstrip("_")
            inner = kinds.kind(hints.get(field.name, Any), f"{where}.{name}", names)
            is_required = field.default is nothing
            found.append(Field(name, inner, is_required, notes.get(name, "")))
    record.fields = found
    record.make = lambda values: kind(**values)


def _named_tuple(kinds: _Kinds, record: Record, kind: Any, names: Names, where: str) -> None:
    hints, notes = hints_of(kind, where), parameters(kind.__doc__)
    record.fields = [
        Field(
            name,
            kinds.kind(hints.get(name, Any), f"{where}.{name}", names),
            name not in kind._field_defaults,
            notes.get(name, ""),
            kind._field_defaults.get(name, MISSING),
        )
        for name in kind._fields
    ]
    record.make = lambda values: kind(**values)


def _typed_dict(kinds: _Kinds, record: Record, kind: Any, names: Names, where: str) -> None:
    notes = parameters(kind.__doc__)
    record.fields = [
        Field(
            name,
            kinds.kind(hint, f"{where}.{name}", names),
            _is_required(hint, name in kind.__required_keys__),
            notes.get(name, ""),
        )
        for name, hint in hints_of(kind, where).items()
    ]


def _is_required(hint: Any, by_class: bool) -> bool:
    """What is written at the field counts; the class may not have seen it in a string."""
    while (origin := get_origin(hint)) is not None:
        name = getattr(origin, "_name", None) or getattr(origin, "__name__", "")
        if name in ("Required", "NotRequired"):
            return bool(name == "Required")
        if name not in ("ReadOnly", "Annotated") and origin is not typing.Annotated:
            break
        hint = get_args(hint)[0]
    return by_class


def with_bases(kind: type, names: Names) -> dict[Any, Any]:
    """*names* and what the type variables of the bases of *kind* stand for."""
    found = dict(names)
    for base in getattr(kind, "__orig_bases__", ()):
        origin = get_origin(base)
        if origin is None or origin is typing.Generic or not isinstance(origin, type):
            continue
        given = [found.get(each, each) for each in get_args(base)]
        inner = dict(zip(getattr(origin, "__parameters__", ()), given, strict=False))
        found |= with_bases(origin, {n: v for n, v in inner.items() if n is not v})
    return found


def hints_of(kind: Any, where: str) -> dict[str, Any]:
    """The annotations of a class or function as types.

    A name that its module does not know is looked for in the functions that led
    here: a class in a function may name another one there.
    """
    local = {kind.__name__: kind} if isinstance(kind, type) else {}
    known = vars(sys.modules[kind.__module__]) if isinstance(kind, SimpleNamespace) else None
    while True:
        try:
            return typing.get_type_hints(kind, known, local, include_extras=True)
        except NameError as exc:
            name = exc.name or ""
            found = None if name in local else _in_frames(name)
            if found is None:
                raise InvalidRequest(f"{where}: its annotations name {name!r}, unknown") from exc
            local[name] = found
        except TypeError as exc:
            raise InvalidRequest(f"{where}: its annotations can't be read: {exc}") from exc


def evaluated(text: Any, module: str, where: str) -> Any:
    """The type that a string in *module* names."""
    holder = SimpleNamespace(__annotations__={"it": text}, __module__=module)
    return hints_of(holder, where)["it"]


def _in_frames(name: str) -> Any:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not frame.f_globals.get("__name__", "").startswith(_PACKAGE):
            for names in frame.f_locals, frame.f_globals:
                if name in names:
                    return names[name]
        frame = frame.f_back
    return None

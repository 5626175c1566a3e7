"""From annotations to kinds: what Python's type hints mean as JSON."""

from __future__ import annotations

import collections
import collections.abc as abc
import enum
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Union, get_args, get_origin

from ..errors import InvalidRequest
from . import fields
from .composed import Array, Map, OneOf, Tuple
from .constraints import keys_of
from .foreign import foreign_kind
from .kinds import (
    PLAIN,
    Anything,
    Choice,
    Constrained,
    Definitions,
    Kind,
    Scalar,
    enum_choices,
)
from .records import Alias, Record

_ARRAYS: Mapping[Any, Callable[[list[Any]], Any]] = {
    list: list,
    set: set,
    frozenset: frozenset,
    collections.deque: collections.deque,
    abc.Iterable: list,
    abc.Collection: list,
    abc.Sequence: list,
    abc.MutableSequence: list,
    abc.Reversible: list,
    abc.Container: list,
    abc.Set: frozenset,
    abc.MutableSet: set,
}
_SETS = (set, frozenset, abc.Set, abc.MutableSet)
_MAPS: Mapping[Any, Callable[[dict[Any, Any]], Any]] = {
    dict: dict,
    collections.OrderedDict: collections.OrderedDict,
    abc.Mapping: dict,
    abc.MutableMapping: dict,
}
# What says something about a variable and not about its type; typing_extensions has twins.
_QUALIFIERS = ("Final", "Required", "NotRequired", "ReadOnly", "ClassVar")

_MODULE = "builtins"  # where a name is looked for first that no module is known for

Names = Mapping[Any, Any]  # type variables by what they stand for


class Reader:
    """Makes kinds; one for each type that is asked for, since types may name themselves."""

    def __init__(self) -> None:
        self._named: dict[Any, Kind] = {}
        self._module = _MODULE  # of the class whose fields are read
        self._open: set[Any] = set()  # names in strings that are being read

    def kind(self, annotation: Any, where: str, names: Names | None = None) -> Kind:
        """The kind of *annotation*; ``InvalidRequest`` with *where* for what can't be said."""
        names = names or {}
        if isinstance(annotation, typing.TypeVar):
            return self._variable(annotation, where, names)
        if isinstance(annotation, str | typing.ForwardRef):
            return self._forward(annotation, where, names)
        plain = PLAIN.get(annotation) if _is_hashable(annotation) else None
        if plain is not None:
            return plain()
        foreign = foreign_kind(annotation, where)
        if foreign is not None:
            return foreign
        origin = get_origin(annotation)
        if origin is None:
            return self._bare(annotation, where, names)
        return self._generic(origin, get_args(annotation), annotation, where, names)

    def _variable(self, variable: Any, where: str, names: Names) -> Kind:
        if variable in names:
            return self.kind(names[variable], where)
        if variable.__constraints__:
            return OneOf([self.kind(each, where, names) for each in variable.__constraints__])
        return self.kind(variable.__bound__ or Any, where, names)

    def _forward(self, annotation: Any, where: str, names: Names) -> Kind:
        """What a name in a string stands for; a union may name itself so."""
        name = annotation if isinstance(annotation, str) else annotation.__forward_arg__
        key = (name, self._module)
        if key in self._open:
            return self._named.setdefault(key, Alias(name))
        if key in self._named:
            return self._named[key]
        self._open.add(key)
        kind = self.kind(fields.evaluated(annotation, self._module, where), where, names)
        self._open.discard(key)
        named = self._named.get(key)
        if not isinstance(named, Alias):  # it does not name itself
            return kind
        named.kind = kind
        return named

    def _bare(self, annotation: Any, where: str, names: Names) -> Kind:
        if hasattr(annotation, "__supertype__"):  # NewType
            return self.kind(annotation.__supertype__, where, names)
        if type(annotation).__name__ == "TypeAliasType":
            return self._alias(annotation, annotation, {}, where)
        if annotation in _named_in("LiteralString", "AnyStr"):
            return Scalar("string")
        if not isinstance(annotation, type):
            raise _unsayable(where, annotation)
        if annotation is tuple or annotation in _ARRAYS:
            make = _ARRAYS.get(annotation, tuple)
            return Array(Anything(), make, unique=annotation in _SETS)
        if annotation in _MAPS:
            return Map(Scalar("string"), Anything(), _MAPS[annotation])
        return self._class(annotation, {}, where)

    def _class(self, kind: type, names: Names, where: str) -> Kind:
        if issubclass(kind, enum.Enum):
            if issubclass(kind, enum.Flag) or not len(kind):
                raise _unsayable(where, kind)
            return Choice(enum_choices(kind))
        key = (kind, tuple(names.items()))
        if key in self._named:
            return self._named[key]
        read = fields.reader_of(kind)
        if read is not None:
            label = "_".join([kind.__name__, *(getattr(n, "__name__", "") for n in names.values())])
            record = self._named[key] = Record(label, fields.description_of(kind))
            outer, self._module = self._module, kind.__module__
            read(self, record, kind, fields.with_bases(kind, names), where)
            self._module = outer
            return record
        for base in (bool, int, float, str):
            if issubclass(kind, base):
                return Scalar(PLAIN[base]().schema(None)["type"], kind)  # type: ignore[arg-type]
        raise _unsayable(where, kind)

    def _alias(self, alias: Any, key: Any, names: Names, where: str) -> Kind:
        if key in self._named:
            return self._named[key]
        named = self._named[key] = Alias(alias.__name__)
        value = alias.__value__
        if isinstance(value, str):
            value = fields.evaluated(value, alias.__module__, where)
        named.kind = self.kind(value, where, names)
        return named

    def _generic(
        self, origin: Any, args: tuple[Any, ...], annotation: Any, where: str, names: Names
    ) -> Kind:
        if origin in (Union, types.UnionType):
            return OneOf([self.kind(each, where, names) for each in args])
        if origin in _named_in("Literal"):
            return Choice(_literals(args, where))
        if origin in _named_in("Annotated"):
            return self._annotated(args[0], args[1:], where, names)
        if origin in _named_in(*_QUALIFIERS):
            return self.kind(args[0], where, names)
        if origin is tuple:
            return self._tuple(args, where, names)
        if origin in _ARRAYS:
            item = self.kind(args[0], f"{where}[]", names)
            return Array(item, _ARRAYS[origin], unique=origin in _SETS)
        if origin in _MAPS or origin is collections.defaultdict:
            return self._map(args, _MAPS.get(origin, dict), where, names)
        given = [names.get(each, each) if _is_hashable(each) else each for each in args]
        if type(origin).__name__ == "TypeAliasType":
            inner = dict(zip(origin.__type_params__, given, strict=False))
            return self._alias(origin, annotation, inner, where)
        if isinstance(origin, type):
            parameters = getattr(origin, "__parameters__", ())
            return self._class(origin, dict(zip(parameters, given, strict=False)), where)
        raise _unsayable(where, annotation)

    def _annotated(self, inner: Any, notes: Sequence[Any], where: str, names: Names) -> Kind:
        kind = self.kind(inner, where, names)
        keys, description = keys_of(notes, kind)
        return Constrained(kind, keys, description) if keys or description else kind

    def _tuple(self, args: tuple[Any, ...], where: str, names: Names) -> Kind:
        if len(args) == 2 and args[1] is Ellipsis:
            return Array(self.kind(args[0], f"{where}[]", names), tuple)
        if args == ((),):  # how Python 3.10 writes tuple[()]
            args = ()
        return Tuple([self.kind(each, f"{where}[{i}]", names) for i, each in enumerate(args)])

    def _map(
        self, args: tuple[Any, ...], make: Callable[[dict[Any, Any]], Any], where: str, names: Names
    ) -> Kind:
        key = self.kind(args[0], f"{where}: its keys", names)
        if isinstance(key, Scalar) and key.type_name == "integer":
            key = fields.integer_key()
        elif key.schema(Definitions(key)).get("type") != "string":
            raise InvalidRequest(f"{where}: the keys of a JSON object are strings, not {args[0]}")
        return Map(key, self.kind(args[1], f"{where}.*", names), make)


def _literals(args: tuple[Any, ...], where: str) -> list[tuple[Any, Any]]:
    choices: list[tuple[Any, Any]] = []
    for each in args:
        if isinstance(each, enum.Enum):
            choices += [(w, m) for w, m in enum_choices(type(each)) if m is each]
        elif each is None or isinstance(each, str | int):
            choices.append((each, each))
        else:
            raise InvalidRequest(f"{where}: {each!r} in a Literal can't be said in JSON")
    return choices


def _named_in(*names: str) -> list[Any]:
    """What typing, and typing_extensions where it is loaded, call so."""
    modules = [typing, sys.modules.get("typing_extensions")]
    found = [getattr(module, name, None) for module in modules for name in names]
    return [each for each in found if each is not None]


def _is_hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _unsayable(where: str, annotation: Any) -> InvalidRequest:
    name = getattr(annotation, "__qualname__", None) or str(annotation)
    return InvalidRequest(f"{where}: {name} can't be said as a JSON schema")

"""Objects of an answer as typed SDKs have them, over the JSON they came as.

A :class:`Record` answers attributes and items, and dumps itself as pydantic's models do
(``model_dump``, ``model_dump_json``, ``to_dict``, ``to_json``), without pydantic.  It reads
what the server sent and converts nested objects when they are asked for; nothing is
validated, as openai-python does not either.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from inspect import get_annotations
from typing import Any, ClassVar, TypeAlias, TypeVar

_R = TypeVar("_R", bound="Record")
Reader: TypeAlias = Callable[[Any], Any]
Readers: TypeAlias = Mapping[str, Reader]
JSON: TypeAlias = dict[str, Any]  # in the class below ``dict`` is a method

_INSIDE = frozenset({"_data", "_request_id"})
# Keywords of pydantic's dumps that change nothing about plain JSON.
_WITHOUT_EFFECT = frozenset(
    {
        *("by_alias", "context", "fallback", "polymorphic_serialization", "round_trip"),
        *("serialize_as_any", "use_api_names", "warnings"),
    }
)
_OF_THE_TYPE = _INSIDE | {"readers", "members", "unsent"}


def object_of(kind: type[Record]) -> Reader:
    """A reader for a member that is an object of *kind*; anything else stays as it is."""

    def read(value: Any) -> Any:
        return kind.of(value) if isinstance(value, Mapping) else value

    return read


def list_of(kind: type[Record] | Reader) -> Reader:
    """The same for a member that is a list of such objects."""
    reader = object_of(kind) if isinstance(kind, type) else kind

    def read(value: Any) -> Any:
        return [reader(each) for each in value] if isinstance(value, list) else value

    return read


def decimal(value: Any) -> Any:
    """A member that is a ``float``, also where JSON has a whole number."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class _Attributes:
    """Has the ``__dict__`` in which a record keeps what it keeps."""


_attributes: Callable[[Any], dict[str, Any]] = vars(_Attributes)["__dict__"].__get__


class Record(_Attributes):
    """An object of an answer.

    A subclass annotates its members, in their order; ``readers`` says which of them hold
    objects.  A member that the server did not send is ``None``; further ones that it sent
    are there by their names, as plain JSON.
    """

    readers: ClassVar[Readers] = {}
    members: ClassVar[tuple[str, ...]] = ()
    unsent: ClassVar[tuple[str, ...]] = ()  # members that do not go back in a request

    _data: Mapping[str, Any]
    _request_id: str | None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = [name for name in get_annotations(cls) if name not in _OF_THE_TYPE]
        cls.members = tuple(dict.fromkeys((*cls.members, *own)))

    def __init__(self, **members: Any) -> None:
        object.__setattr__(self, "_data", members)

    @classmethod
    def of(cls: type[_R], data: Mapping[str, Any]) -> _R:
        """The record that *data*, a JSON object, is."""
        record = cls.__new__(cls)
        object.__setattr__(record, "_data", data)
        return record

    # -- reading --------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # members never do; so that copying finds nothing odd
            if name == "_request_id":
                return None
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        data = self._data
        if name in data:
            value = data[name]
            reader = self.readers.get(name)
            if reader is not None and value is not None:
                # Kept, so that the same object is there every time.
                value = _attributes(self)[name] = reader(value)
            return value
        if name in self.members:
            return None
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __getitem__(self, name: str) -> Any:
        if name in self:
            return getattr(self, name)
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        """The member *name*, or *default* where there is none."""
        return getattr(self, name) if name in self else default

    def __contains__(self, name: object) -> bool:
        return name in self.members or name in self._sent()

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return ((name, getattr(self, name)) for name in self._names())

    @property
    def model_fields_set(self) -> set[str]:
        """The members this type declares that the server sent, or that were set since."""
        return {name for name in self._sent() if name in self.members}

    def _sent(self) -> set[str]:
        return {*self._data, *(name for name in _attributes(self) if name not in _INSIDE)}

    @property
    def __dict__(self) -> JSON:  # type: ignore[override]
        """The members this type declares, for programs that take ``vars()`` for a dump."""
        return {name: getattr(self, name) for name in self.members}

    def __delattr__(self, name: str) -> None:
        """Take a member away: it is not sent any more, and reads as ``None``."""
        if name not in self:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        _attributes(self).pop(name, None)
        data = {key: each for key, each in self._data.items() if key != name}
        object.__setattr__(self, "_data", data)

    @property
    def model_extra(self) -> JSON:
        """The members that this type does not declare."""
        return {name: getattr(self, name) for name in self._names() if name not in self.members}

    def _names(self) -> list[str]:
        more = [name for name in (*self._data, *_attributes(self)) if name not in _INSIDE]
        return list(dict.fromkeys((*self.members, *more)))

    # -- dumping --------------------------------------------------------

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Any = None,
        exclude: Any = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        **without_effect: Any,
    ) -> JSON:
        """The record as plain ``dict``, ``list`` and scalars.

        ``exclude_unset`` leaves out what the server did not send, ``exclude_none`` and
        ``exclude_defaults`` all that is ``None``.  ``include`` and ``exclude`` are names of
        members, or trees of them: ``{"choices": {0: {"message"}}}``, with ``"__all__"`` for
        every entry of a list.  pydantic's other keywords change nothing here.
        """
        unknown = without_effect.keys() - _WITHOUT_EFFECT
        if unknown:
            raise TypeError(f"model_dump() got an unexpected keyword argument {min(unknown)!r}")
        sent = self._sent()
        dumped = {}
        for name in self._names():
            value = getattr(self, name)
            unset = exclude_unset and name not in sent
            if unset or (value is None and (exclude_none or exclude_defaults)):
                continue
            dumped[name] = _dumped(value, mode, exclude_unset, exclude_none, exclude_defaults)
        if include is not None or exclude:
            return _pruned(dumped, include, exclude)  # type: ignore[no-any-return]
        return dumped

    def model_dump_json(
        self, *, indent: int | None = None, ensure_ascii: bool = False, **how: Any
    ) -> str:
        """The same as JSON text, compact unless *indent* says otherwise."""
        separators = (",", ":") if indent is None else (",", ": ")
        dumped = self.model_dump(mode="json", **how)
        return json.dumps(dumped, ensure_ascii=ensure_ascii, separators=separators, indent=indent)

    def to_dict(
        self,
        *,
        exclude_unset: bool = True,
        **how: Any,
    ) -> JSON:
        """What the server sent, as plain ``dict``, ``list`` and scalars."""
        return self.model_dump(exclude_unset=exclude_unset, **how)

    def to_json(
        self,
        *,
        indent: int | None = 2,
        exclude_unset: bool = True,
        **how: Any,
    ) -> str:
        """The same as JSON text."""
        return self.model_dump_json(indent=indent, exclude_unset=exclude_unset, **how)

    def dict(self, **how: Any) -> JSON:
        """:meth:`model_dump`, by the name it had before pydantic 2."""
        return self.model_dump(**how)

    def json(self, **how: Any) -> str:
        """:meth:`model_dump_json`, by the name it had before pydantic 2."""
        return self.model_dump_json(**how)

    @classmethod
    def model_validate(cls: type[_R], value: Any) -> _R:
        """The record that *value* is: a mapping, or a record of this type."""
        return value if isinstance(value, cls) else cls.of(dict(value))

    parse_obj = model_validate

    @classmethod
    def model_validate_json(cls: type[_R], text: str | bytes) -> _R:
        """The record that a JSON *text* is."""
        return cls.model_validate(json.loads(text))

    @classmethod
    def model_construct(cls: type[_R], **members: Any) -> _R:
        """A record of these members."""
        return cls(**members)

    construct = model_construct

    def model_copy(self: _R, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> _R:
        """Another record that says the same, but for *update*."""
        data = self.model_dump(exclude_unset=True) if deep else self._own()
        return type(self).of({**data, **(update or {})})

    copy = model_copy  # its name before pydantic 2

    def __copy__(self: _R) -> _R:
        return self.model_copy()

    def __getstate__(self) -> JSON:  # ``__dict__`` says less
        return {**_attributes(self)}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        _attributes(self).update(state)

    def sendable(self) -> JSON:
        """What of it goes back in a request; its values are as they are here."""
        return {name: each for name, each in self._own().items() if name not in self.unsent}

    def _own(self) -> JSON:
        return {name: getattr(self, name) for name in self._names() if name in self._sent()}

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Record):
            return NotImplemented
        return self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]  # it can change, as pydantic's models can

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._names())
        return f"{type(self).__name__}({inside})"


def _dumped(value: Any, mode: str, unset: bool, none: bool, defaults: bool) -> Any:
    if isinstance(value, Record):
        return value.model_dump(
            mode=mode, exclude_unset=unset, exclude_none=none, exclude_defaults=defaults
        )
    if isinstance(value, list | tuple):
        return [_dumped(each, mode, unset, none, defaults) for each in value]
    if isinstance(value, Mapping):
        return {
            name: _dumped(each, mode, unset, none, defaults)
            for name, each in value.items()
            if not (none and each is None)
        }
    dump = getattr(value, "model_dump", None)  # a model of the caller's own, as in ``parsed``
    if not callable(dump):
        return value
    return dump(mode=mode, exclude_unset=unset, exclude_none=none, exclude_defaults=defaults)


def _pruned(value: Any, include: Any, exclude: Any) -> Any:
    """What *include* names of a dump, without what *exclude* names."""
    if not isinstance(value, dict | list):
        return value
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    kept = []
    for key, each in entries:
        wanted = True if include is None else _branch(include, key)
        unwanted = _branch(exclude, key)
        if wanted is not None and unwanted is not True:
            kept.append((key, _pruned(each, None if wanted is True else wanted, unwanted)))
    return dict(kept) if isinstance(value, dict) else [each for _, each in kept]


def _branch(tree: Any, key: Any) -> Any:
    """What *tree* says of *key*: ``None`` for nothing, ``True`` for all of it, or a tree."""
    for name in (key, "__all__"):
        if tree and name in tree:
            found = tree[name] if isinstance(tree, Mapping) else True
            return True if found is ... else found or None
    return None

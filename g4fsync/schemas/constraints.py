"""What ``Annotated`` adds to a type: bounds in annotated-types', pydantic's and msgspec's words.

Nothing of theirs is imported: a note is known by its attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .composed import Array, Map, Tuple
from .kinds import Constrained, Kind, Scalar, Text

_NUMBERS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}


def keys_of(notes: Iterable[Any], kind: Kind) -> tuple[dict[str, Any], str]:
    """The keywords and the description that *notes* on a *kind* stand for; others mean nothing.

    A plain ``str`` is a description.
    """
    keys: dict[str, Any] = {}
    descriptions = []
    size = _size_word(kind)
    for note in _all(notes):
        if isinstance(note, str):
            descriptions.append(note)
            continue
        for attribute, keyword in _NUMBERS.items():
            value = getattr(note, attribute, None)
            if isinstance(value, int | float) and not isinstance(value, bool):
                keys[keyword] = value
        for attribute, prefix in (("min_length", "min"), ("max_length", "max")):
            value = getattr(note, attribute, None)
            if size and isinstance(value, int) and not (prefix == "min" and value == 0):
                keys[prefix + size] = value
        pattern = getattr(note, "pattern", None)
        if isinstance(pattern, str):
            keys["pattern"] = pattern
        for attribute in ("description", "documentation"):
            value = getattr(note, attribute, None)
            if isinstance(value, str):
                descriptions.append(value)
    return keys, " ".join(descriptions)


def _all(notes: Iterable[Any]) -> Iterator[Any]:
    """Each note, and those that a field of pydantic's keeps."""
    for note in notes:
        yield note
        inner = getattr(note, "metadata", None)
        if isinstance(inner, list | tuple):
            yield from _all(inner)


def _size_word(kind: Kind) -> str:
    """What the size of such a value is called in a keyword; ``""`` when it has none."""
    if isinstance(kind, Constrained):
        return _size_word(kind.kind)
    if isinstance(kind, Array | Tuple):
        return "Items"
    if isinstance(kind, Map):
        return "Properties"
    is_text = isinstance(kind, Text) or (isinstance(kind, Scalar) and kind.type_name == "string")
    return "Length" if is_text else ""

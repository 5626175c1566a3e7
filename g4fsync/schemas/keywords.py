"""Whether a JSON value fits a JSON schema: Draft 2020-12, as far as answers need it.

Known are the keywords for types, numbers, strings, arrays, objects, ``enum``,
``const``, ``$ref`` within the schema, ``anyOf``, ``oneOf``, ``allOf``, ``not``
and ``if``.  ``format`` is a remark only, as the specification has it by default
(Validation, 7.2.1); other keywords are passed over.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from .jsontypes import TYPE_WORDS, Schema, described, is_type, resolved, same
from .misfit import MISSING, Misfit, Path, deepest, shown

Checker: TypeAlias = Callable[[Any, Any, "_Check", Schema, Path], None]


def check(value: Any, schema: Any, root: Schema, path: Path = ()) -> None:
    """Raise :class:`Misfit` for the first place where *value* does not fit *schema*.

    ``$ref`` is looked up in *root*; one that leads nowhere is an ``InvalidRequest``.
    """
    _Check(root).check(value, schema, path)


def fits(value: Any, schema: Any, root: Schema) -> bool:
    """Whether *value* fits *schema*."""
    try:
        check(value, schema, root)
    except Misfit:
        return False
    return True


class _Check:
    def __init__(self, root: Schema) -> None:
        self.root = root

    def check(self, value: Any, schema: Any, path: Path) -> None:
        if schema is True:
            return
        if schema is False:
            raise Misfit(path, "nothing here", value)
        for name, wanted in schema.items():
            checker = _CHECKERS.get(name)
            if checker is not None:
                checker(value, wanted, self, schema, path)

    def fits(self, value: Any, schema: Any) -> bool:
        try:
            self.check(value, schema, ())
        except Misfit:
            return False
        return True


def _type(value: Any, wanted: Any, _: _Check, schema: Schema, path: Path) -> None:
    names = [wanted] if isinstance(wanted, str) else wanted
    if not any(is_type(value, name) for name in names):
        raise Misfit(path, " or ".join(TYPE_WORDS.get(each, str(each)) for each in names), value)


def _enum(value: Any, wanted: Any, _: _Check, schema: Schema, path: Path) -> None:
    if not any(same(value, each) for each in wanted):
        raise Misfit(path, f"one of {', '.join(map(shown, wanted))}", value)


def _const(value: Any, wanted: Any, _: _Check, schema: Schema, path: Path) -> None:
    if not same(value, wanted):
        raise Misfit(path, shown(wanted), value)


def _ref(value: Any, wanted: Any, checking: _Check, schema: Schema, path: Path) -> None:
    checking.check(value, resolved(schema, checking.root), path)


def _properties(value: Any, wanted: Any, checking: _Check, schema: Schema, path: Path) -> None:
    if isinstance(value, dict):
        for name, each in wanted.items():
            if name in value:
                checking.check(value[name], each, (*path, name))


def _required(value: Any, wanted: Any, checking: _Check, schema: Schema, path: Path) -> None:
    for name in wanted if isinstance(value, dict) else ():
        if name not in value:
            what = schema.get("properties", {}).get(name)
            raise Misfit((*path, name), described(what, checking.root), MISSING)


def _additional(value: Any, wanted: Any, checking: _Check, schema: Schema, path: Path) -> None:
    if not isinstance(value, dict):
        return
    patterns = [re.compile(each) for each in schema.get("patternProperties", ())]
    for name, each in value.items():
        if name in schema.get("properties", ()) or any(p.search(name) for p in patterns):
            continue
        checking.check(each, wanted, (*path, name))


def _patterns(value: Any, wanted: Any, checking: _Check, schema: Schema, path: Path) -> None:
    for pattern, each in wanted.items() if isinstance(value, dict) else ():
        for name, inner in value.items():
            if re.search(pattern, name):
                checking.check(inner, each, (*path, name))


def _names(value: Any, wanted: Any, checking: _Check, schema: Schema, path: Path) -> None:
    for name in value if isinstance(value, dict) else ():
        try:
            checking.check(name, wanted, ())
        except Misfit as misfit:
            raise Misfit((*path, name), f"as its name {misfit.expected}", name) from misfit


def _dependent(value: Any, wanted: Any, checking: _Check, schema: Schema, path: Path) -> None:
    for name, others in wanted.items() if isinstance(value, dict) else ():
        for other in others if name in value else ():
            if other not in value:
                raise Misfit((*path, other), f"a value, since there is {name!r}", MISSING)


def _items(value: Any, wanted: Any, checking: _Check, schema: Schema, path: Path) -> None:
    first = len(schema.get("prefixItems", ()))
    for i, each in enumerate(value[first:] if isinstance(value, list) else (), first):
        checking.check(each, wanted, (*path, i))


def _prefix(value: Any, wanted: Any, checking: _Check, schema: Schema, path: Path) -> None:
    for i, (each, inner) in enumerate(
        zip(value if isinstance(value, list) else (), wanted, strict=False)
    ):
        checking.check(each, inner, (*path, i))


def _unique(value: Any, wanted: Any, _: _Check, schema: Schema, path: Path) -> None:
    if wanted and isinstance(value, list):
        for i, each in enumerate(value):
            if any(same(each, other) for other in value[:i]):
                raise Misfit((*path, i), "a value that is not there already", each)


def _contains(value: Any, wanted: Any, checking: _Check, schema: Schema, path: Path) -> None:
    if isinstance(value, list):
        found = sum(checking.fits(each, wanted) for each in value)
        low, high = schema.get("minContains", 1), schema.get("maxContains", math.inf)
        if not low <= found <= high:
            raise Misfit(path, f"an array with {low} or more fitting values", value)


def _any_of(value: Any, wanted: Any, checking: _Check, schema: Schema, path: Path) -> None:
    misfits = []
    for each in wanted:
        try:
            checking.check(value, each, path)
        except Misfit as misfit:
            misfits.append(misfit)
        else:
            return
    raise deepest(misfits, path, value)


def _one_of(value: Any, wanted: Any, checking: _Check, schema: Schema, path: Path) -> None:
    _any_of(value, wanted, checking, schema, path)
    if sum(checking.fits(value, each) for each in wanted) > 1:
        raise Misfit(path, "what fits one of several schemas only", value)


def _all_of(value: Any, wanted: Any, checking: _Check, schema: Schema, path: Path) -> None:
    for each in wanted:
        checking.check(value, each, path)


def _not(value: Any, wanted: Any, checking: _Check, schema: Schema, path: Path) -> None:
    if checking.fits(value, wanted):
        raise Misfit(path, f"something else than {described(wanted, checking.root)}", value)


def _if(value: Any, wanted: Any, checking: _Check, schema: Schema, path: Path) -> None:
    branch = "then" if checking.fits(value, wanted) else "else"
    checking.check(value, schema.get(branch, True), path)


def _limit(
    type_name: str, measure: Callable[[Any], Any], good: Callable[[Any, Any], bool], words: str
) -> Checker:
    """A checker for a bound on what *measure* gives, for values of one JSON type."""

    def checker(value: Any, wanted: Any, _: _Check, schema: Schema, path: Path) -> None:
        if is_type(value, type_name) and not good(measure(value), wanted):
            raise Misfit(path, words.format(shown(wanted)), value)

    return checker


def _is_multiple(value: float, of: float) -> bool:
    quotient = value / of
    return math.isclose(quotient, round(quotient), rel_tol=1e-12, abs_tol=1e-12)


def _itself(value: Any) -> Any:
    return value


def _at_least(value: Any, wanted: Any) -> bool:
    return bool(value >= wanted)


def _at_most(value: Any, wanted: Any) -> bool:
    return bool(value <= wanted)


def _bounds() -> Iterator[tuple[str, Checker]]:
    for keyword, kind, words in (
        ("Length", "string", "a string of at {} {{}} characters"),
        ("Items", "array", "an array of at {} {{}} values"),
        ("Properties", "object", "an object of at {} {{}} members"),
    ):
        yield f"min{keyword}", _limit(kind, len, _at_least, words.format("least"))
        yield f"max{keyword}", _limit(kind, len, _at_most, words.format("most"))


_CHECKERS: Mapping[str, Checker] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "$ref": _ref,
    "required": _required,
    "properties": _properties,
    "patternProperties": _patterns,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "dependentRequired": _dependent,
    "prefixItems": _prefix,
    "items": _items,
    "uniqueItems": _unique,
    "contains": _contains,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "allOf": _all_of,
    "not": _not,
    "if": _if,
    "minimum": _limit("number", _itself, _at_least, "a number from {}"),
    "maximum": _limit("number", _itself, _at_most, "a number up to {}"),
    "exclusiveMinimum": _limit("number", _itself, lambda v, w: v > w, "a number above {}"),
    "exclusiveMaximum": _limit("number", _itself, lambda v, w: v < w, "a number below {}"),
    "multipleOf": _limit("number", _itself, _is_multiple, "a multiple of {}"),
    "pattern": _limit(
        "string", _itself, lambda v, w: bool(re.search(w, v)), "a string that matches {}"
    ),
    **dict(_bounds()),
}

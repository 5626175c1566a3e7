"""The beginning of a JSON text as a value: what is complete in it."""

from __future__ import annotations

import json
from typing import Any

_BLANK = " \t\r\n"
_scan = json.JSONDecoder().raw_decode


class _Ended(Exception):
    """The text ends inside a value, which is left out."""


def partial(text: str) -> Any:
    """The value that *text* begins: members and elements that are complete, in any depth.

    Raises ``ValueError`` when that would be nothing, as in half a string.
    """
    start = _skip(text, 0)
    try:
        return _value(text, start)[0]
    except _Ended:
        raise ValueError(f"no JSON value begins at {text[start : start + 20]!r}") from None


def _value(text: str, at: int) -> tuple[Any, int]:
    """The value at *at* and where it ends; a container that is not closed ends with the text."""
    opening = text[at : at + 1]
    if opening == "{":
        return _object(text, at + 1)
    if opening == "[":
        return _array(text, at + 1)
    try:
        value, end = _scan(text, at)
    except (ValueError, RecursionError):
        raise _Ended from None
    if text[end : end + 1] not in ("", ",", ":", "]", "}", *_BLANK):
        raise _Ended  # a number goes on
    return value, end


def _array(text: str, at: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while True:
        at = _skip(text, at)
        if text[at : at + 1] == "]":
            return found, at + 1
        try:
            value, at = _value(text, at)
        except _Ended:
            return found, len(text)
        found.append(value)
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at += 1
        elif text[at : at + 1] != "]":
            return found, len(text)


def _object(text: str, at: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while True:
        at = _skip(text, at)
        if text[at : at + 1] == "}":
            return found, at + 1
        try:
            name, at = _value(text, at)
            at = _skip(text, at)
            if not isinstance(name, str) or text[at : at + 1] != ":":
                return found, len(text)
            found[name], at = _value(text, _skip(text, at + 1))
        except _Ended:
            return found, len(text)
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at += 1
        elif text[at : at + 1] != "}":
            return found, len(text)


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _BLANK:
        at += 1
    return at

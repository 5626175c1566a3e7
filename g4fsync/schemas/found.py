"""JSON in the text of an answer: alone, in a fenced block, or between other words."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

_FENCE = re.compile(r"```[^\n`]*\n(.*?)(?:```|\Z)", re.DOTALL)
_START = re.compile(r"[\[{]")
_BLANKS = " \t\n\r\ufeff"
_LITERALS = ("true", "false", "null")
# A model whose server does not tell its thoughts from its answer begins with these tags.
THOUGHTS, ANSWER = "<think>", "</think>"


def json_in(text: str) -> Iterator[Any]:
    """The JSON values in *text* that may be the answer, the likeliest first.

    A value inside one that is broken or cut off is none of them: it would pass for
    the complete answer; nor is one in the thoughts before it.
    """
    text = _answer(text)
    value, end = _value(text, 0)
    if text and end == len(text):
        yield value
        return
    for block in _FENCE.findall(text):
        block = block.strip(_BLANKS)
        value, end = _value(block, 0)
        if end == len(block) and block:
            yield value
    at = 0
    while start := _START.search(text, at):
        value, end = _value(text, start.start())
        if end > 0:
            yield value
        at = abs(end)


def is_cut(text: str) -> bool:
    """Whether *text* has a JSON value that is not complete when it ends, or none at all."""
    text = _answer(text)
    at = 0
    while start := _START.search(text, at):
        _, end = _value(text, start.start())
        if end <= -len(text):
            return True
        at = abs(end)
    return at == 0


def _answer(text: str) -> str:
    """*text* without the thoughts that it begins with."""
    text = text.strip(_BLANKS)
    return text.partition(ANSWER)[2].strip(_BLANKS) if text.startswith(THOUGHTS) else text


def _value(text: str, start: int) -> tuple[Any, int]:
    """The JSON value that begins at *start*, and its end.

    For what is none the end is below 0: how far it could be read.
    """
    try:
        return decode(text, start)
    except json.JSONDecodeError as exc:
        is_open = exc.msg.startswith("Unterminated string") or (
            exc.pos < len(text) and any(each.startswith(text[exc.pos :]) for each in _LITERALS)
        )
        return None, -len(text) if is_open else -max(exc.pos, start + 1)
    except (ValueError, RecursionError):
        return None, -len(text)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("the number is too large")
    return number


decoder = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
decode = decoder.raw_decode

"""JSON to the letter of RFC 8259, for bytes that come from strangers.

What Python's ``json`` lets through and this does not: ``NaN``, ``Infinity``,
numbers that overflow to them, and bytes that are not UTF-8.  Where ``json``
fails with ``RecursionError`` or a bare ``ValueError`` (an integer of thousands
of digits), this fails with :class:`~g4fsync.errors.ProtocolError` as well.
Repeated names (the last one counts) and lone surrogate escapes are allowed, as
the RFC leaves them open.
"""

from __future__ import annotations

import json
import math
from typing import Any

from ..errors import BODY_BYTES, ProtocolError

EXCERPT_CHARS = 80  # how much of foreign text an error message shows

_BLANKS = " \t\n\r"  # str.strip() alone would also take what JSON does not call white space


def unexpected(expected: str, got: str | bytes) -> ProtocolError:
    """The error to raise when *got* came where *expected* should have."""
    evidence = got[:BODY_BYTES]
    if isinstance(evidence, bytes):
        evidence = evidence.decode(errors="backslashreplace")
    return ProtocolError(f"expected {expected}, got {got[:EXCERPT_CHARS]!r}", evidence=evidence)


def parse(text: str | bytes) -> Any:
    """The one JSON value in *text*; :class:`ProtocolError` for anything else."""
    try:
        if isinstance(text, bytes):
            text = text.decode()
        text = text.strip(_BLANKS)
        value, end = _decode(text, 0)
    except StopIteration as exc:  # as raw_decode() has it
        raise unexpected("JSON", text) from json.JSONDecodeError(
            "Expecting value", str(text), exc.value
        )
    except (ValueError, RecursionError) as exc:
        raise unexpected("JSON", text) from exc
    if end != len(text):
        raise unexpected("one JSON value", text)
    return value


def ends_early(error: ProtocolError) -> bool:
    """Whether :func:`parse` failed with *error* at the end of a text that begins a value."""
    cause = error.__cause__
    return isinstance(cause, json.JSONDecodeError) and 0 < cause.pos >= len(cause.doc)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("the number is too large")
    return number


# One decoder for all calls: json.loads() with arguments would build one each time.  Not
# its raw_decode(), which is this and a Python call around it for each token.
_decoder: Any = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
_decode = _decoder.scan_once

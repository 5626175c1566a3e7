"""The fast path: the JSON values of a whole block of events or lines in one parse.

A token's event is some 200 bytes of JSON of which the parser's start costs as
much as its work.  When a block is regular (all events alike but for their
value, nothing else between them), the text between two values is the same
everywhere, so one ``replace`` makes the block a JSON array.

The plain decoders decide what a block means; these functions give exactly their
values or ``None``, and ``None`` is always right.  Three things make that sure:

* No line end may be left after the replacement, so each line belonged to the
  pattern.
* Between the values stands a number nobody else knows.  A value that swallowed
  a separator (``[1`` and ``2]`` in two events) swallows the number too, and the
  count at the top level shows it.
* Anything else unusual does not parse, and then it is the plain decoder's turn.
"""

from __future__ import annotations

import secrets
from typing import Any

from ..errors import ProtocolError
from . import strict

_SECRET = secrets.randbits(62)
_BETWEEN = b",%d," % _SECRET
_MAX_PREFIX_BYTES = 100


def event_values(block: bytes) -> list[Any] | None:
    """The JSON data of each event in *block*, whole events all of one name, or ``None``."""
    start = block.find(b"data: ", 0, _MAX_PREFIX_BYTES) + len(b"data: ")
    prefix = block[:start]
    if not _is_prefix(prefix) or not block.endswith(b"\n\n"):
        return None
    return _parsed(block[start:-2], b"\n\n" + prefix)


def record_values(block: bytes) -> list[Any] | None:
    """The JSON value of each line in *block*, whole lines, or ``None``."""
    return _parsed(block[:-1], b"\n")


def _is_prefix(prefix: bytes) -> bool:
    """Whether these are the lines before the data of a plain event."""
    if prefix == b"data: ":
        return True
    name, separator, data = prefix.partition(b"\n")
    # An error must reach the plain decoder, which tells it by its name.
    return (
        data == b"data: "
        and bool(separator)
        and name.startswith(b"event: ")
        and name != b"event: error"
        and name.isascii()
        and b"\r" not in name
    )


def _parsed(values: bytes, separator: bytes) -> list[Any] | None:
    """The JSON values that *separator* stands between, or ``None``."""
    if b"\r" in values:
        return None
    try:
        if b"\n" not in values:  # one alone, as on a paced stream
            return [strict.parse(values)]
        joined = values.replace(separator, _BETWEEN)
        if b"\n" in joined:
            return None
        parsed: list[Any] = strict.parse(b"[%b]" % joined)
    except ProtocolError:
        return None
    between = parsed[1::2]
    if between != [_SECRET] * (joined.count(_BETWEEN)) or len(parsed) != 2 * len(between) + 1:
        return None
    return parsed[::2]

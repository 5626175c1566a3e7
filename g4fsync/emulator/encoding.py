"""JSON as the far sides write it, kept apart from everything the client uses."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Generator
from typing import Any

#: Stands in a token for the bytes FF FE.  Two lone surrogates: no text has them.
INVALID = "\udcff\udcfe"


def compact(value: Any) -> bytes:
    """JSON as JavaScript's ``JSON.stringify`` writes it: no blanks, raw UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass  # half a surrogate pair, or our mark
    text = text.replace(INVALID, "\0")  # JSON has no raw NUL
    text = re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)
    return text.encode().replace(b"\0", b"\xff\xfe")


def spaced(value: Any) -> bytes:
    r"""JSON as Python writes it: ``", "`` and ``": "``, ``\\u`` escapes."""
    text = json.dumps(value).encode("ascii")
    return text.replace(rb"\udcff\udcfe", b"\xff\xfe")


def clipped(events: Generator[bytes, None, None], end: bytes) -> Generator[bytes, None, None]:
    """The same events, the last one without its *end*; each comes when the next is there."""
    with contextlib.closing(events):
        held = b""
        for event in events:
            if held:
                yield held
            held = event
        yield held.removesuffix(end)

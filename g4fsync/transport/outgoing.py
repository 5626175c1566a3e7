"""What may go out: JSON bodies, headers and paths, checked before anything is sent.

Shared by the live transport and the scripted one; no I/O.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidRequest

_UNFIT_FOR_HEADER = re.compile(r"[^\x20-\x7e\x80-\xff]")
_UNFIT_FOR_PATH = re.compile(r"[^\x21-\x7e]|[#?\\]")


def json_body(value: Any) -> bytes:
    """*value* as JSON, escaped to ASCII; ``InvalidRequest`` when it is none."""
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError) as exc:
        raise InvalidRequest(f"a message or option can't be sent as JSON: {exc}") from exc


def checked_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """*headers*; ``InvalidRequest`` for what would break out of a header line."""
    for name, value in (headers or {}).items():
        if _UNFIT_FOR_HEADER.search(name + value):
            raise InvalidRequest(f"header {name!r}: its value can't be sent in a header")
    return dict(headers or ())


def checked_path(path: str) -> str:
    """*path*; ``InvalidRequest`` for what would break out of a path."""
    if _UNFIT_FOR_PATH.search(path):
        raise InvalidRequest(f"the path {path!r} can't be requested")
    return path

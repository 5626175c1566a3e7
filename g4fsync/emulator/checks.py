"""What is wrong with a request, said so that its author can mend it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any


class Wrong(Exception):
    """A request the far side refuses: the status, and why.

    ``detail`` replaces the reason where the provider's shape has a place for
    more than text; ``body`` replaces the whole body.  ``code`` and ``kind`` fill the
    members ``code`` and ``type`` (or their like) where the shape has them.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        *,
        detail: Any = None,
        body: bytes | None = None,
        code: str | None = None,
        kind: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.detail = reason if detail is None else detail
        self.body = body
        self.code = code
        self.kind = kind


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number (``true`` is none)."""
    return isinstance(value, int | float) and not isinstance(value, bool)


KINDS: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "text": lambda value: isinstance(value, str) and bool(value),
    "boolean": lambda value: isinstance(value, bool),
    "number": is_number,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "positive": lambda value: isinstance(value, int) and not isinstance(value, bool) and value > 0,
    # Proto JSON writes 64-bit numbers as strings.
    "count": lambda value: isinstance(value, int) or (isinstance(value, str) and value.isdecimal()),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "empty array": lambda value: value == [],
    "strings": lambda value: isinstance(value, list) and all(isinstance(v, str) for v in value),
    "anything": lambda value: True,
    "null": lambda value: value is None,
}


def kind_problem(value: Any, kind: str) -> str | None:
    """Why *value* is none of the kinds in *kind* (``"integer or null"``)."""
    if any(KINDS[name](value) for name in kind.split(" or ")):
        return None
    return f"expected {kind}, got {json.dumps(value, ensure_ascii=False)[:80]}"


def check_object(
    value: Any,
    required: Mapping[str, str],
    optional: Mapping[str, str] | None = None,
    *,
    where: str = "body",
    status: int = 400,
    nulls: bool = False,
) -> dict[str, Any]:
    """*value* as an object with exactly these members, or :class:`Wrong`.

    The mappings give the kind of each member, as in :data:`KINDS`.  With *nulls* an
    optional member may be null, which means that it is absent, and is left out.
    """
    if not isinstance(value, dict):
        raise Wrong(status, f"{where}: {kind_problem(value, 'object')}")
    known = {**required, **(optional or {})}
    for name in required:
        if name not in value:
            raise Wrong(status, f"{where}.{name}: missing")
    for name, member in value.items():
        if name not in known:
            raise Wrong(status, f"{where}.{name}: unknown")
        if nulls and member is None and name not in required:
            continue
        if problem := kind_problem(member, known[name]):
            raise Wrong(status, f"{where}.{name}: {problem}")
    if not nulls:
        return value
    return {name: member for name, member in value.items() if member is not None}


def query_number(query: Mapping[str, str], name: str, default: int) -> int:
    """A whole number out of the query, or :class:`Wrong`."""
    sent = query.get(name)
    if not sent:
        return default
    if not sent.isdecimal():
        raise Wrong(400, f"query.{name}: expected a number, got {sent!r}")
    return int(sent)


def check_headers(
    headers: Mapping[str, str], wanted: Mapping[str, str], *, status: int = 400
) -> None:
    """Demand these headers (lower-case names) with exactly these values."""
    for name, value in wanted.items():
        if name not in headers:
            raise Wrong(status, f"header {name}: missing")
        if headers[name] != value:
            raise Wrong(status, f"header {name}: expected {value!r}, got {headers[name]!r}")


def check_browser(headers: Mapping[str, str]) -> None:
    """Demand a browser's User-Agent."""
    agent = headers.get("user-agent", "")
    if not agent.startswith("Mozilla/5.0 ("):
        raise Wrong(403, f"header user-agent: expected a browser's, got {agent!r}")

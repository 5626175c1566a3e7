"""Values of this package as JSON has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias

from ..errors import G4FSyncError

# What one provider wants back, and what passes between provider and engine: nothing
# that a reader could use.  A result's messages repeat its question and its text.
_OPAQUE = frozenset({"provider_data", "may_continue", "messages"})

MessageOf: TypeAlias = Callable[[G4FSyncError], str]


def plain(value: Any, message: MessageOf = str) -> Any:
    """*value* as JSON has it: data classes and errors become objects, *message* their text.

    What JSON has nothing for becomes a text: a function its name, ``bytes`` how many.
    """
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, G4FSyncError):
        return _error(value, message)
    if is_dataclass(value) and not isinstance(value, type):
        names = [each.name for each in fields(value) if each.name not in _OPAQUE]
        return {name: plain(getattr(value, name), message) for name in names}
    if isinstance(value, Mapping):
        return {str(key): plain(each, message) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each, message) for each in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} bytes"
    name = getattr(value, "__qualname__", None)
    return name if isinstance(name, str) else str(value)


def _error(error: G4FSyncError, message: MessageOf) -> dict[str, Any]:
    shown = {
        "error": type(error).__name__,
        "message": message(error),
        "retryable": error.retryable,
    }
    for name in ("status", "code", "clock", "retry_after"):
        if getattr(error, name, None) is not None:
            shown[name] = getattr(error, name)
    return shown

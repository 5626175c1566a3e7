"""What a caller gives, as JSON and settings: bodies, headers, time limits.

``NOT_GIVEN`` and ``omit`` stand for an argument that is not there; ``None`` is sent as
``null``, as openai-python does.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import date
from enum import Enum
from typing import Any, Literal

from ...errors import InvalidRequest
from ...settings import Timeout
from ..records import Record

DEFAULT_MAX_RETRIES = 2
DEFAULT_READ_SECONDS = 600.0  # as there
DEFAULT_CONNECT_SECONDS = 10.0  # to send all of a request, too; there it is 5 without that


class NotGiven:
    """The type of ``NOT_GIVEN``."""

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "NOT_GIVEN"


class Omit:
    """The type of ``omit``; as a header's value it takes a default header away."""

    def __bool__(self) -> Literal[False]:
        return False


NOT_GIVEN = not_given = NotGiven()
omit = Omit()


def is_given(value: object) -> bool:
    """Whether an argument is there."""
    return not isinstance(value, NotGiven | Omit)


def given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The *arguments* that are there, as JSON values."""
    return {name: plain(value) for name, value in arguments.items() if is_given(value)}


def plain(value: Any) -> Any:
    """*value* as JSON has it: models as what was set of them, any iterable as a list."""
    if value is None or isinstance(value, str | int | float):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Record):
        return plain(value.sendable())
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items() if is_given(each)}
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return dump(exclude_unset=True, mode="json", by_alias=True)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Iterable) and not isinstance(value, type):
        return [plain(each) for each in value]
    return value  # what is no JSON is refused by name when it is sent


def seconds(value: Any, default: Timeout) -> Timeout:
    """A time limit as openai takes it, as ours.

    A number is a limit on connecting and on each wait for the server; an object like
    ``httpx.Timeout`` has ``connect`` and ``read``; ``None`` is no limit.  A
    :class:`~g4fsync.settings.Timeout` is taken as it is.  There a wait ends with any byte
    of the server's, here with an event of the answer: pings do not count.
    """
    if not is_given(value):
        return default
    if value is None:
        return Timeout(None, None, None, None)
    if isinstance(value, Timeout):
        return value
    if isinstance(value, tuple):  # httpx: connect, read, write, pool
        value = _Parts(*value)
    if hasattr(value, "read") and hasattr(value, "connect"):
        return Timeout(value.connect, value.read, value.read, None)
    return Timeout(value, value, value, None)


class _Parts:
    def __init__(self, connect: Any, read: Any = None, write: Any = None, pool: Any = None) -> None:
        self.connect, self.read = connect, read


class HTTPTimeout:
    """Limits in seconds as ``httpx.Timeout`` has them; ``write`` and ``pool`` are for it alone."""

    def __init__(self, timeout: Any = NOT_GIVEN, **parts: float | None) -> None:
        unknown = set(parts) - {"connect", "read", "write", "pool"}
        if unknown:
            raise TypeError(f"Timeout() got an unexpected keyword argument {min(unknown)!r}")
        default = None if not is_given(timeout) else timeout
        self.connect = parts.get("connect", default)
        self.read = parts.get("read", default)
        self.write = parts.get("write", default)
        self.pool = parts.get("pool", default)

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}={value}" for name, value in vars(self).items())
        return f"Timeout({parts})"


DEFAULT_TIMEOUT = Timeout(DEFAULT_CONNECT_SECONDS, DEFAULT_READ_SECONDS, DEFAULT_READ_SECONDS, None)


def headers(*layers: Mapping[str, Any] | None) -> dict[str, str]:
    """Headers of all *layers*, the later ones over the earlier; ``omit`` takes one away.

    ``TypeError`` for a value that is no text.
    """
    found: dict[str, tuple[str, Any]] = {}
    for layer in layers:
        for name, value in (layer or {}).items():
            if is_given(value) and not isinstance(value, str):
                raise TypeError(f"Header value must be str, not {type(value)}")
            found[name.lower()] = (name, value)
    return {name: value for name, value in found.values() if is_given(value)}


def take_away(name: str, *layers: Mapping[str, Any] | None) -> bool:
    """Whether the last of *layers* that has the header *name* takes it away."""
    values = [v for layer in layers for key, v in (layer or {}).items() if key.lower() == name]
    return bool(values) and not is_given(values[-1])


def params(*layers: Mapping[str, Any] | None) -> dict[str, str]:
    """The same for what goes after the ``?`` of a URL."""
    found: dict[str, str] = {}
    for layer in layers:
        for name, value in (layer or {}).items():
            if isinstance(value, bool):
                found[name] = "true" if value else "false"
            elif isinstance(value, str | int | float):
                found[name] = str(value)
            elif is_given(value) and value is not None:
                raise InvalidRequest(f"extra_query {name!r}: must be text or a number")
    return found


def required(method: str, arguments: Mapping[str, Any], *names: str) -> None:
    """``TypeError`` when one of the *names* is not among the *arguments* given."""
    missing = [name for name in names if not is_given(arguments[name])]
    if missing:
        what = " and ".join(f"{name!r}" for name in missing)
        raise TypeError(f"{method}() is missing {what}")


def unknown(method: str, arguments: Mapping[str, Any], known: Iterable[str]) -> None:
    """``TypeError`` when one of the *arguments* is not *known*."""
    names = set(known)
    for name in arguments:
        if name not in names:
            raise TypeError(
                f"{method}() got an unexpected keyword argument {name!r}; "
                "what this API does not know goes into extra_body"
            )


def plain_tools(tools: Any) -> Any:
    """*tools* as a list, since it is read more than once."""
    return list(tools) if is_given(tools) and tools is not None else tools

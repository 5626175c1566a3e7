"""A finished row as a line of JSON, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from .. import errors
from ..errors import G4FSyncError, InvalidRequest
from ..events import ToolCall, Usage
from ..messages import ChatResult
from .job import Row, jsonable
from .reading import parsed

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=jsonable).encode
_DEEPEST = 100  # levels of a row's columns that are written
_ERROR_FIELDS = ("status", "code", "clock", "retry_after", "path", "expected")
_USAGE = ("input_tokens", "output_tokens", "total_tokens", "cached_tokens", "reasoning_tokens")


class BatchRow:
    """A finished row of a batch: its ``result``, or the ``error`` it ended with.

    ``input`` is the row's columns (``{"prompt": ...}`` of a plain text).  ``attempts``
    counts the calls that were made for it, ``seconds`` are from the first one's start
    to the end of the last.  ``reused``: it was in the file, or asked for another row.
    ``failed``: there is an error in place of a result.
    """

    __slots__ = (
        "_attempts",
        "_outcome",
        "_seconds",
        "_value_of",
        "failed",
        "input",
        "key",
        "reused",
    )

    def __init__(
        self,
        key: str,
        input: Mapping[str, Any],
        outcome: ChatResult | G4FSyncError | bytes,
        *,
        failed: bool,
        attempts: int = 0,
        seconds: float = 0.0,
        reused: bool = False,
        value_of: Callable[[Any], Any] | None = None,
    ) -> None:
        self.key = key
        self.input = input
        self.reused = reused
        self.failed = failed
        self._attempts = attempts
        self._value_of = value_of
        self._seconds = seconds
        self._outcome = outcome  # a line of the file is parsed when it is asked for: most never are

    @property
    def result(self) -> ChatResult | None:
        """The answer, ``None`` of a failed row."""
        outcome = self._read()
        return None if isinstance(outcome, G4FSyncError) else outcome

    @property
    def error(self) -> G4FSyncError | None:
        """What a failed row ended with, else ``None``."""
        outcome = self._read()
        return outcome if isinstance(outcome, G4FSyncError) else None

    @property
    def text(self) -> str:
        """The answer's text, of a failed row the part that came."""
        outcome = self._read()
        return outcome.partial if isinstance(outcome, G4FSyncError) else outcome.text

    @property
    def attempts(self) -> int:
        """The calls that were made for it, in whichever run."""
        self._read()
        return self._attempts

    @property
    def seconds(self) -> float:
        """From the start of its first call to the end of its last."""
        self._read()
        return self._seconds

    def _read(self) -> ChatResult | G4FSyncError:
        line = self._outcome
        if not isinstance(line, bytes):
            return line
        fields = parsed(line)
        try:
            self._outcome = outcome = outcome_of(fields, self._value_of)
        except (AttributeError, TypeError) as exc:
            raise InvalidRequest(f"the line of row {self.key!r:.80} is none of ours") from exc
        self._attempts = fields.get("attempts") or 0
        self._seconds = fields.get("seconds") or 0.0
        return outcome

    def __repr__(self) -> str:
        what = "failed" if self.failed else "complete"
        return f"<BatchRow {self.key!r}: {what}{', reused' if self.reused else ''}>"


def line_of(row: Row, outcome: ChatResult | G4FSyncError, attempts: int, seconds: float) -> bytes:
    """The line for *outcome*, with its line end."""
    fields: dict[str, Any] = {"key": row.key, "hash": row.hash}
    if isinstance(outcome, ChatResult):
        fields["text"] = outcome.text
        if outcome.mode is not None:
            from ..schemas.dumping import as_json

            fields |= {"value": as_json(outcome.value), "mode": outcome.mode}
        if outcome.reasoning:
            fields["reasoning"] = outcome.reasoning
        if outcome.tool_calls:
            calls = outcome.tool_calls
            fields["tool_calls"] = [[each.id, each.name, each.arguments] for each in calls]
        fields["finish_reason"] = outcome.finish_reason
    else:
        fields["error"] = _error(outcome)
        if outcome.partial:
            fields["partial"] = outcome.partial
    fields["usage"] = _usage(getattr(outcome, "usage", None))
    fields |= {"provider": outcome.provider, "model": outcome.model}
    fields |= {"seconds": round(seconds, 3), "attempts": attempts, "input": row.input}
    # Half a character that a server sent would make the whole file unreadable.
    return _text(fields).encode("utf-8", "replace") + b"\n"


def _text(fields: Mapping[str, Any]) -> str:
    try:
        return _encode(fields)
    except (TypeError, ValueError, RecursionError):  # the answer is paid for: never lose it
        return _encode(_plain(fields, 0))


def _plain(value: Any, depth: int) -> Any:
    """*value* as JSON can say it: numbers that are none are null, keys are text."""
    if depth > _DEEPEST or (isinstance(value, float) and not isfinite(value)):
        return None
    if isinstance(value, Mapping):
        return {str(name): _plain(each, depth + 1) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, depth + 1) for each in value]
    return jsonable(value)


def outcome_of(
    fields: Mapping[str, Any], value_of: Callable[[Any], Any] | None = None
) -> ChatResult | G4FSyncError:
    """The answer, or the error, that a line tells; its value as *value_of* makes it of JSON."""
    provider, model = fields.get("provider"), fields.get("model")
    if (error := fields.get("error")) is not None:
        found = _made_again(error)
        found.provider, found.model = provider, model
        found.partial = fields.get("partial") or ""
        return found
    usage, value = fields.get("usage"), fields.get("value")
    if value_of is not None and "value" in fields:
        value = value_of(value)
    return ChatResult(
        text=fields.get("text") or "",
        reasoning=fields.get("reasoning") or "",
        tool_calls=tuple(ToolCall(*each) for each in fields.get("tool_calls") or ()),
        usage=Usage(*map(usage.get, _USAGE)) if usage else None,
        finish_reason=fields.get("finish_reason"),
        provider=provider,
        model=model,
        seconds=fields.get("seconds") or 0.0,
        mode=fields.get("mode"),
        value=value,
    )


def _usage(usage: Usage | None) -> dict[str, int] | None:
    if usage is None:
        return None
    counted = {name: getattr(usage, name) for name in _USAGE}
    return {name: each for name, each in counted.items() if each is not None}


def _error(error: G4FSyncError) -> dict[str, Any]:
    message = str(error.args[0]) if error.args else ""
    fields: dict[str, Any] = {"type": type(error).__name__, "message": message}
    for name in _ERROR_FIELDS:
        if (value := getattr(error, name, None)) is not None:
            fields[name] = jsonable(value)
    return fields


def _made_again(fields: Mapping[str, Any]) -> G4FSyncError:
    kind = getattr(errors, str(fields.get("type")), None)
    if not (isinstance(kind, type) and issubclass(kind, G4FSyncError)):
        kind = G4FSyncError
    error: G4FSyncError = kind(str(fields.get("message", "")))
    for name in _ERROR_FIELDS:
        if name in fields:
            setattr(error, name, fields[name])
    return error

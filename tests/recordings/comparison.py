"""What differs between an answer as it was read and as the index says it should be.

Where the contract knows better than the index (``contract``), its value counts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from g4fsync.errors import G4FSyncError, StreamTruncated
from g4fsync.events import Finish, ToolCall, Usage
from tests.recordings import contract
from tests.recordings.recording import Recording
from tests.recordings.replay import Outcome

_USAGE_FIELDS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "total": "total_tokens",
    "cached": "cached_tokens",
    "reasoning": "reasoning_tokens",
}
# The finish reason that a caller sees for each of the services' words.
_NORMAL = {
    "stop": r"stop|completed|eos|eos_token|end_turn|stop_sequence|COMPLETE|STOP",
    "length": r"length|max_tokens|max_output_tokens|model_length|model_context_window_exceeded"
    r"|MAX_TOKENS|CONTINUATION",
    "tool_calls": r"tool_calls|tool_use|function_call",
    "content_filter": r"content_filter|safety|refusal|(IMAGE_)?SAFETY|(IMAGE_)?RECITATION|BLOCKLIST"
    r"|(IMAGE_)?PROHIBITED_CONTENT|SPII|MODEL_ARMOR|ESCALATION|PUP_LIMITED_DISABLED",
}


def differences(recording: Recording, outcome: Outcome) -> list[str]:
    """One line for each thing that differs; empty when the answer was read exactly."""
    if recording.form == "err":
        return list(_refusal(recording, outcome.error))
    return [*_content(recording.expect, outcome), *_end(recording, outcome)]


def _refusal(recording: Recording, error: G4FSyncError | None) -> Iterator[str]:
    expect = recording.expect
    if error is None:
        yield f"error: expected {expect['class']}, got an answer"
        return
    yield from _differ("class", expect["class"], type(error).__name__)
    yield from _differ("status", expect["status"], getattr(error, "status", None))
    yield from _differ("code", expect["code"], getattr(error, "code", None))
    yield from _message(contract.upstream_reason(recording) or expect["message"], error)
    wait = recording.headers.get("retry-after", "")
    if expect["class"] == "RateLimited" and wait.isdigit():
        milliseconds = recording.headers.get("retry-after-ms")
        seconds = float(wait) if milliseconds is None else float(milliseconds) / 1000
        yield from _differ("retry_after", seconds, getattr(error, "retry_after", None))


def _message(message: str | None, error: G4FSyncError) -> Iterator[str]:
    if message and " ".join(message.split()) not in " ".join(str(error).split()):
        yield f"message: expected {message!r} in {str(error)!r}"


def _content(expect: Mapping[str, Any], outcome: Outcome) -> Iterator[str]:
    for name, text in (("text", outcome.text), ("reasoning", outcome.reasoning)):
        digest = hashlib.sha256(text.encode()).hexdigest()
        if (expect[f"{name}_chars"], expect[f"{name}_sha256"]) != (len(text), digest[:16]):
            yield f"{name}: expected {expect[f'{name}_chars']} characters, got {len(text)}: " + (
                repr(text if len(text) < 200 else f"{text[:100]} ... {text[-80:]}")
            )
    calls = expect["tool_calls"]
    yield from _differ("number of tool calls", len(calls), len(outcome.tool_calls))
    for (id, name, arguments), call in zip(calls, outcome.tool_calls, strict=False):
        if not call.id or (id and call.id != id):
            yield f"tool call id: expected {id!r}, got {call.id!r}"
        yield from _differ("tool call name", name, call.name)
        yield from _differ("arguments", arguments, _arguments(call, arguments))


def _arguments(call: ToolCall, expected: object) -> Any:
    """The arguments as a value, or as they came when the index has them as text."""
    if isinstance(expected, str):
        return call.arguments
    try:
        return json.loads(call.arguments or "{}")
    except ValueError:
        return call.arguments


def _end(recording: Recording, outcome: Outcome) -> Iterator[str]:
    expect, error = recording.expect, outcome.error
    reason = expect["finish_reason"]
    if expect["error"]:
        yield from _error_inside(expect["error"], error)
        return
    counts = {
        "total": contract.total_tokens(recording),
        "output": contract.output_tokens(recording),
    }
    known = {name: count for name, count in counts.items() if count is not None}
    yield from _usage({**expect["usage"], **known}, outcome.usage)
    if contract.has_failed(recording):
        yield from _differ("code of the error", reason, getattr(error, "code", None))
        yield from _differ("finish events", 0, len(outcome.finishes))
        return
    if contract.has_no_reason(recording) and not contract.is_complete(recording):
        yield from _differ("error", StreamTruncated.__name__, type(error).__name__)
        return
    if error is not None:
        yield f"error: expected none, got {type(error).__name__}: {error}"
        return
    yield from _differ("finish events", 1, len(outcome.finishes))
    for finish in outcome.finishes:
        yield from _finish(reason, finish, outcome)


def _error_inside(expected: Mapping[str, Any], error: G4FSyncError | None) -> Iterator[str]:
    if error is None:
        yield f"error: expected {expected}, got a complete answer"
        return
    code = expected.get("code") or expected.get("blocked")
    if code is not None:
        yield from _differ("code", str(code), getattr(error, "code", None))
    yield from _message(expected.get("message"), error)


def _finish(raw: str | None, finish: Finish, outcome: Outcome) -> Iterator[str]:
    yield from _differ("finish reason on the wire", raw, finish.raw or None)
    normal = (name for name, words in _NORMAL.items() if re.fullmatch(words, raw or ""))
    expected = next(normal, raw)
    if expected == "stop" and outcome.tool_calls:
        expected = "tool_calls"
    yield from _differ("finish reason", expected, finish.reason or None)


def _usage(expected: Mapping[str, int], usage: Usage | None) -> Iterator[str]:
    counts = usage or Usage()
    for name, field in _USAGE_FIELDS.items():
        yield from _differ(f"usage.{field}", expected.get(name), getattr(counts, field))


def _differ(what: str, expected: object, got: object) -> Iterator[str]:
    if expected != got:
        yield f"{what}: expected {expected!r}, got {got!r}"

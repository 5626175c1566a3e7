"""Where the contract knows better than an index: the rules, and what each asserts instead.

They are rules, not rows, since other folders have other rows of the same kinds; the
sums name the rows that each applied to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.recordings.recording import Recording

# Finish reasons that say that the answer failed.
_FAILED = re.compile(
    r".*(error|fail|abort|cancel|interrupt|time.?out|timed.?out).*|insufficient_system_resource"
    r"|OTHER|LANGUAGE|MALFORMED_FUNCTION_CALL|MALFORMED_RESPONSE|UNEXPECTED_TOOL_CALL"
    r"|TOO_MANY_TOOL_CALLS|MISSING_THOUGHT_SIGNATURE|NO_IMAGE|IMAGE_OTHER",
    re.IGNORECASE,
)


def has_failed(recording: Recording) -> bool:
    """An answer that ended for a failure is an error: ``code`` is the reason on the wire."""
    return bool(_FAILED.fullmatch(recording.expect.get("finish_reason") or ""))


def has_no_reason(recording: Recording) -> bool:
    """Usage and then ``[DONE]`` is an end mark, and so is the end of one JSON value.

    Anything else without a finish reason is a ``StreamTruncated``.
    """
    expect = recording.expect
    return "finish_reason" in expect and not expect["finish_reason"] and not expect["error"]


def is_complete(recording: Recording) -> bool:
    """Whether an answer without a finish reason says by other means that it ended."""
    if recording.form == "json":
        return True
    return bool(recording.expect["usage"]) and recording.body.rstrip().endswith(b"data: [DONE]")


def upstream_reason(recording: Recording) -> str | None:
    """The message is what the upstream said, which a router wraps in ``error.metadata.raw``."""
    if recording.form != "err":
        return None
    try:
        raw = json.loads(recording.body)["error"]["metadata"]["raw"]
    except (ValueError, LookupError, TypeError):
        return None
    try:
        value = json.loads(raw)
    except (ValueError, TypeError):
        return str(raw)
    error = value.get("error", value) if isinstance(value, dict) else value
    message = error.get("message") if isinstance(error, dict) else error
    return str(message or raw)


def total_tokens(recording: Recording) -> int | None:
    """A total that was not sent is the sum of the two parts, when both were sent."""
    counts: Mapping[str, Any] = recording.expect.get("usage") or {}
    if "total" in counts or "input" not in counts or "output" not in counts:
        return None
    return int(counts["input"]) + int(counts["output"])


def output_tokens(recording: Recording) -> int | None:
    """The output holds the reasoning, so that input and output are the total (xAI counts apart)."""
    counts: Mapping[str, Any] = recording.expect.get("usage") or {}
    if not {"input", "output", "total", "reasoning"} <= counts.keys() or not counts["reasoning"]:
        return None
    output = int(counts["output"]) + int(counts["reasoning"])
    return output if int(counts["input"]) + output == counts["total"] else None


def has_calls_without_id(recording: Recording) -> bool:
    """A call without an id on the wire gets one, since its result must name it."""
    return any(not call[0] for call in recording.expect.get("tool_calls") or ())


RULES: tuple[Callable[[Recording], object], ...] = (
    has_failed,
    has_no_reason,
    upstream_reason,
    total_tokens,
    output_tokens,
    has_calls_without_id,
)


def rows(recordings: list[Recording]) -> dict[str, list[str]]:
    """For each rule, by the first line of what it says, the files that it applies to."""
    found = {}
    for rule in RULES:
        values = ((each.file, rule(each)) for each in recordings)
        files = [file for file, value in values if value is not None and value is not False]
        found[(rule.__doc__ or "").partition("\n")[0]] = files
    return found

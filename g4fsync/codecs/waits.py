"""How long a server asks to wait: in headers, in a body, in words.

The forms: ``retry-after-ms`` (OpenAI, Azure), ``retry-after`` in seconds or as a
date (RFC 9110), Gemini's ``retryDelay``, the headers an upstream sent inside
OpenRouter's ``error.metadata.headers``, OpenAI's ``error.headers`` (of the Responses
API, whose status was 200 already), and sentences ("Please try again in
1m2.3s", "Please retry after 20 seconds") of OpenAI, Groq, Gemini and Azure.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

_DELAY = re.compile(r'"retryDelay":\s*"([0-9.]{1,20})s"')  # Gemini's Retry-After
# Hugging Face tells so when a model will be loaded.
_FIELD = re.compile(
    r'"(?:retry_?after(_seconds|_ms)?|estimated_time)":\s*"?([0-9.]{1,20})"?\s*[,}\]]', re.I
)
_SENTENCE = re.compile(
    r"(?:try again|retry|wait)(?: again| your request)?(?: in| after| for| at least)?(?: about)? "
    r"((?:[0-9]{1,9}(?:\.[0-9]{1,12})? ?(?:milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m"
    r"|hours?|hrs?|h|days?|d)(?![a-z])(?:,? and |,? )?)+)",
    re.IGNORECASE,
)
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|milli|s|m|h|d)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "milli": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_OF_UPSTREAM = "llm_provider-"  # LiteLLM hands on the fields of its upstream under such names
EPOCH_MS = 1e12  # a reset time in milliseconds since 1970 is above, one in seconds below


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as ``retry-after-ms`` or ``retry-after`` (seconds or a date) ask for.

    Those of whom the server has asked count where it says nothing itself.
    """
    for prefix in ("", _OF_UPSTREAM):
        wait = _retry_after(headers, prefix)
        if wait is not None:
            return wait
    return None


def _retry_after(headers: Mapping[str, str], prefix: str) -> float | None:
    milliseconds = _number(headers.get(f"{prefix}retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get(f"{prefix}retry-after", "")
    seconds = _number(value)
    if seconds is not None:
        return from_now(seconds, headers)
    until = date_of(value)
    if until is None:
        return None
    return max(0.0, (until - now_of(headers)).total_seconds())


def in_body(text: str, message: str, headers: Mapping[str, str] | None = None) -> float | None:
    """Seconds to wait as the error body *text* and its *message* ask for.

    *headers* are those the body came with: their ``date`` is the server's clock.
    """
    if delay := _DELAY.search(text):
        return _number(delay[1])
    if '"headers"' in text and (wait := _of_upstream(text, headers or {})) is not None:
        return wait
    if field := _FIELD.search(text):
        seconds = _number(field[2])
        return seconds / 1000 if seconds is not None and field[1] == "_ms" else seconds
    sentence = _SENTENCE.search(message)
    return _duration(sentence[1]) if sentence else None


def _duration(text: str) -> float | None:
    """The seconds in a *text* such as ``1m2.5s``; ``None`` without any."""
    parts = _PART.findall(text)
    return float(sum(float(n) * _SECONDS[unit.lower()] for n, unit in parts)) if parts else None


def _of_upstream(text: str, headers: Mapping[str, str]) -> float | None:
    try:
        error = json.loads(text)["error"]
        found = (error.get("metadata") or error)["headers"]
        inner = {str(name).lower(): str(value) for name, value in found.items()}
        limited = str(error.get("type"))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    wait = retry_after(inner | ({"date": headers["date"]} if headers.get("date") else {}))
    if wait is None and (reset := _number(inner.get("x-ratelimit-reset", ""))):
        return from_now(reset, headers)
    if wait is None:  # by what was used up: "tokens" or "requests"
        wait = _duration(inner.get(f"x-ratelimit-reset-{limited}", ""))
    return wait


def from_now(number: float, headers: Mapping[str, str]) -> float:
    """Seconds until what *number* says: so many, or a time since 1970, perhaps in milliseconds."""
    if number < EPOCH_MS / 1000:
        return number
    until = number / 1000 if number >= EPOCH_MS else number
    return max(0.0, until - now_of(headers).timestamp())


def now_of(headers: Mapping[str, str]) -> datetime:
    """The time by the server's own clock when it tells it: ours need not agree."""
    return date_of(headers.get("date", "")) or datetime.now(timezone.utc)


def date_of(text: str) -> datetime | None:
    """The time that an HTTP date says, ``None`` when *text* is none."""
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)


def _number(text: Any) -> float | None:
    try:
        number = float(text)
    except (ValueError, TypeError):
        return None
    return number if math.isfinite(number) and number >= 0 else None

"""What a server says when it refuses: statuses, error bodies, challenge pages.

Which statuses are worth a retry is what the vendors' own SDKs do (openai 3.3,
anthropic 0.121, groq; August 2026).  The shapes of error bodies were seen on
llama.cpp, llama-cpp-python, LiteLLM and g4f, and read in the sources of vLLM,
Ollama, LocalAI and the SDKs.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from ..errors import (
    AuthenticationError,
    CaptchaRequired,
    ConnectionFailed,
    ContentFiltered,
    G4FSyncError,
    ProviderError,
    RateLimited,
    ServerError,
)

_RETRIED = frozenset({408, 429, 500, 502, 503, 504, *range(520, 525), 529})
_CHALLENGE = re.compile(
    r"<title>Just a moment|cf-please-wait|challenge-platform|cf-challenge|cf_chl_"
    r"|Attention Required! \| Cloudflare|captcha|ddos-guard",
    re.IGNORECASE,
)
# As codes and quota ids spell them: the texts of passing limits speak of billing too.
_NO_USE = re.compile(
    r"insufficient_quota|credit_balance|billing_|spend_limit|quota_exceeded|PerDay", re.IGNORECASE
)
# However it is said, and whatever else the code is: each vendor has words of its own.
_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size|ContextWindowExceeded"
    r"|maximum context length|prompt is too long|too large for model with"
    r"|input token count .{0,30}exceeds|exceeds? the (available |model's )?context",
    re.IGNORECASE,
)
TOO_LONG = "context_length_exceeded"
_KEY_REFUSED = re.compile(
    "authentication_error|permission_error|invalid_api_key|UNAUTHENTICATED|PERMISSION_DENIED"
)
_THEIR_FAULT = re.compile("overloaded|server_error|api_error|timeout_error|unavailable", re.I)
_DELAY = re.compile(r'"retryDelay":\s*"([0-9.]{1,20})s"')  # Gemini's Retry-After


def from_answer(status: int, headers: Mapping[str, str], body: bytes) -> G4FSyncError:
    """Our error for an answer that is not the one asked for.

    *headers* must be looked up without case; *body* may be cut.
    """
    if status == 407:  # no server but a proxy has this status
        return ConnectionFailed("the proxy refused: HTTP 407", retryable=False)
    text = body.decode("utf-8", "replace").strip()
    if is_page(headers, text) and (status < 400 or status in (401, 403)):
        return from_page(status, headers, text)
    code, message, _ = _told(text)
    told: dict[str, Any] = {"status": status, "code": code, "body": text}
    if 300 <= status < 400:
        origin = _origin(headers.get("location", ""))
        return ProviderError(f"HTTP {status}: redirected to {origin}, not followed", **told)
    message = f"HTTP {status}: {message}" if message else f"HTTP {status}"
    if _is_filtered(code, text):
        return ContentFiltered(message, **told)
    if status in (401, 403):
        return AuthenticationError(message, **told)
    if code == TOO_LONG:
        return ProviderError(message, **told)
    told["retry_after"] = retry_after(headers)
    if told["retry_after"] is None and (delay := _DELAY.search(text)):
        told["retry_after"] = _number(delay[1])
    told["retryable"] = _is_retryable(status, headers, f"{code} {text}")
    if status == 429:
        return RateLimited(message, **told)
    return (ServerError if status >= 500 else ProviderError)(message, **told)


def is_page(headers: Mapping[str, str], text: str) -> bool:
    """Whether an answer is an HTML page."""
    head = text[:200].lstrip().lower()
    return "text/html" in headers.get("content-type", "").lower() or head.startswith(
        ("<!doctype html", "<html", "<head", "<title")
    )


def from_page(status: int, headers: Mapping[str, str], text: str) -> ProviderError:
    """Our error for an HTML page that came in place of an answer."""
    if headers.get("cf-mitigated", "").lower() == "challenge" or _CHALLENGE.search(text):
        return CaptchaRequired(
            f"HTTP {status}: a page that checks for a human; open the site in a browser",
            status=status,
            body=text,
        )
    return ProviderError(
        f"HTTP {status}: an HTML page in place of an answer", status=status, body=text
    )


def in_band(value: Any, *, status: int = 200) -> ProviderError | AuthenticationError:
    """Our error for an error value found inside an answer, in any of its known shapes."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    code, message, number = _told(text)
    message = message or text[:300]
    told: dict[str, Any] = {"status": status, "code": code, "body": text}
    if _is_filtered(code, text):
        return ContentFiltered(message, **told)
    if number in (401, 403) or _KEY_REFUSED.search(code or ""):
        return AuthenticationError(message, **told)
    if number == 429 or re.search(r"rate.?limit|RESOURCE_EXHAUSTED", code or ""):
        return RateLimited(message, retryable=not _NO_USE.search(text), **told)
    if code != TOO_LONG and (number >= 500 or _THEIR_FAULT.search(code or "")):
        return ServerError(message, **told)
    return ProviderError(message, **told)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as ``retry-after-ms`` or ``retry-after`` (seconds or a date) ask for."""
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after", "")
    seconds = _number(value)
    if seconds is not None:
        return seconds
    until = _date(value)
    if until is None:
        return None
    # By the server's own clock when it tells it: ours need not agree.
    now = _date(headers.get("date", "")) or datetime.now(timezone.utc)
    return max(0.0, (until - now).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _is_retryable(status: int, headers: Mapping[str, str], told: str) -> bool:
    wish = headers.get("x-should-retry", "").lower()
    if wish in ("true", "false"):
        return wish == "true"
    return status in _RETRIED and not (status == 429 and _NO_USE.search(told))


def _is_filtered(code: str | None, text: str) -> bool:
    filters = ("content_filter", "content_policy_violation", "moderation")
    return code in filters or '"flagged_input"' in text  # OpenRouter's, with a 403


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "what is no URL"
    return f"{parts.scheme}://{parts.hostname}" if parts.hostname else "another path"


def _told(text: str) -> tuple[str | None, str, int]:
    """Code, message and status number (0 without one) of an error body, whatever its shape."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None, "" if text.startswith("<") else text[:300], 0
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return None, str(value)[:300], 0
    error = value.get("error")
    inner = error if isinstance(error, dict) else value
    message = inner.get("message") or (error if isinstance(error, str) else None)
    message = message or value.get("message") or value.get("detail") or text
    code = inner.get("code")
    number = int(str(code)) if re.fullmatch("[0-9]{3}", str(code)) else 0
    if code is None or (isinstance(code, int) and inner.get("type", inner.get("status"))):
        code = inner.get("type") or inner.get("status")
    if not isinstance(message, str):
        message = json.dumps(message, ensure_ascii=False)
    if number not in (401, 403, 429) and _TOO_LONG.search(f"{code} {message}"):
        code = TOO_LONG
    return None if code is None else str(code), message[:300], number

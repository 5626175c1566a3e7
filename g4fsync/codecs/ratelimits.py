"""Rate limits in the headers of an answer, in whichever dialect.

The names that are understood (vendors' documentation and SDKs, 2024 to 2026):

* ``x-ratelimit-{limit,remaining,reset}-{requests,tokens}`` of OpenAI, Azure, Groq,
  Together and xAI, the reset as ``6m0s`` or ``120ms``; Cerebras puts ``-minute`` or
  ``-day`` behind, and has plain seconds; Fireworks tells prompt and generated
  tokens apart;
* ``anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}``,
  the reset as an RFC 3339 time;
* ``x-ratelimit-{limit,remaining,reset}`` of OpenRouter, the reset in milliseconds since 1970;
* ``x-ratelimit-{limit,remaining}-{req,tokens}-minute`` of Mistral, without a reset;
* ``ratelimitbysize-{limit,remaining,reset}``, with or without ``x-`` and ``-minute``, of
  Mistral too, for tokens; ``x-tokenlimit-...`` of Together;
* ``ratelimit-{limit,remaining,reset}`` and ``ratelimit: "name";r=1;t=2`` of the IETF's drafts.

A header that is none of these, or whose value is no number or time, says nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from ..frozen import NOTHING, FrozenDict
from ..ratelimits import RateLimit, RateLimits
from .waits import date_of, from_now, now_of

_PREFIX = re.compile(r"(?:anthropic-|x-)?(ratelimit|ratelimitbysize|tokenlimit)(?:-|$)")
_ABOUT_LIMITS = ("x-ratelimit", "anthropic-ratelimit", "ratelimit", "x-tokenlimit")
_IDS = frozenset(
    {
        *("x-request-id", "request-id", "apim-request-id", "x-ms-request-id", "x-amzn-requestid"),
        *("x-amzn-trace-id", "cf-ray", "x-dashscope-request-id", "x-siliconcloud-trace-id"),
        *("x-groq-request-id", "x-fireworks-request-id", "x-generation-id", "retry-after"),
        "openai-processing-ms",
    }
)
_WHAT = {"limit", "remaining", "reset"}
_KINDS = {
    **dict.fromkeys(("requests", "request", "req"), "requests"),
    **dict.fromkeys(("tokens", "token"), "tokens"),
    **dict.fromkeys(("input", "prompt"), "input_tokens"),
    **dict.fromkeys(("output", "generated"), "output_tokens"),
}
_WINDOWS = {
    "second": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86_400.0,
    "week": 7 * 86_400.0,
    "month": 30 * 86_400.0,
}
_DURATION = re.compile(
    r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?"
    r"(?:(\d{1,9}(?:\.\d{1,12})?)s)?(?:(\d{1,12}(?:\.\d{1,12})?)ms)?"
)
_UNITS = (86_400.0, 3600.0, 60.0, 1.0, 0.001)
_ITEM = re.compile(r'^"?[^";]*"?((?:;\s*[a-z]+=\d{1,15})+)')  # RFC 9651, as far as it is used here
_PARAMETER = re.compile(r";\s*([a-z]+)=(\d+)")
_COUNT = re.compile(r"-?\d{1,18}(?![\d.]*[a-z])", re.IGNORECASE)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3}){1,5}")
_WINDOW = re.compile(r";\s*w=(\d{1,9})")
_MAX_VALUE = 256  # characters of a header's value that are kept


def named(headers: Mapping[str, str]) -> FrozenDict:
    """Of *headers* those a caller may want, in lower case: ids of the request, and limits."""
    found = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower in _IDS or lower.startswith(_ABOUT_LIMITS):
            found[lower] = str(value)[:_MAX_VALUE]
    return FrozenDict(found) if found else NOTHING


def read(headers: Mapping[str, str], some: Mapping[str, str] | None = None) -> RateLimits | None:
    """The limits that *headers* tell of, ``None`` when they tell of none.

    *headers* must be looked up without case; their ``date`` is the server's clock,
    to which its times are compared.  *some* is what :func:`named` gave of them, to spare
    looking at all others once more.
    """
    fields: dict[tuple[str, float | None], dict[str, Any]] = {}
    for name, value in (headers if some is None else some).items():
        lower = name.lower()
        if not lower.startswith(_ABOUT_LIMITS):
            continue
        value = str(value).strip()
        if lower == "ratelimit":
            _read_item(value, headers, fields)
        elif place := _place(lower):
            what, kind, per = place
            _note(fields.setdefault((kind, per), {}), what, value, headers)
    limits: dict[str, RateLimit] = {}
    for (kind, per), found in fields.items():
        if found.get("limit", 0) < 0:  # how some say that there is none
            del found["limit"]
            found.pop("remaining", None)
        if not _WHAT.isdisjoint(found):
            found.setdefault("per", per)
            if "remaining" in found:
                found["remaining"] = max(0, found["remaining"])
            limit = RateLimit(**found)
            limits[kind] = _tighter(limits[kind], limit) if kind in limits else limit
    return RateLimits(**limits) if limits else None


def in_body(text: str) -> RateLimits | None:
    """The limits in the headers that an error body quotes, ``None`` without any.

    OpenRouter quotes them in ``error.metadata.headers``, the Responses API in
    ``error.headers``.
    """
    if "atelimit" not in text.lower():
        return None
    try:
        error = json.loads(text)
        error = error.get("error", error)
        quoted = error.get("headers") or error.get("metadata", {}).get("headers")
        headers = {str(name).lower(): str(value) for name, value in quoted.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return read(headers)


@lru_cache(maxsize=256)
def _place(name: str) -> tuple[str, str, float | None] | None:
    """What a header's *name* says: limit, remaining or reset, of what, in which window."""
    match = _PREFIX.match(name)
    if match is None:
        return None
    what, per = "", None
    kinds = set() if match[1] == "ratelimit" else {"tokens"}
    for word in name[match.end() :].split("-"):
        if word in _WHAT and not what:
            what = word
        elif word in _KINDS:
            kinds.add(_KINDS[word])
        elif word in _WINDOWS and per is None:
            per = _WINDOWS[word]
        else:
            return None
    return (what, _kind(kinds), per) if what else None


def _kind(kinds: set[str]) -> str:
    """Of the words in one name the narrowest: ``input-tokens`` are not all tokens."""
    for each in ("input_tokens", "output_tokens", "tokens"):
        if each in kinds:
            return each
    return "requests"


def _note(found: dict[str, Any], what: str, value: str, headers: Mapping[str, str]) -> None:
    if what == "reset":
        if (seconds := _reset(value, headers)) is not None:
            found["reset"] = seconds
    elif match := _COUNT.match(value):
        found[what] = int(value.replace(",", "") if _THOUSANDS.fullmatch(value) else match[0])
        if ";" in value and (
            window := _WINDOW.search(value)
        ):  # "100, 100;w=60", as early drafts had it
            found["per"] = float(window[1])


def _read_item(value: str, headers: Mapping[str, str], fields: dict[Any, dict[str, Any]]) -> None:
    """``"name";r=50;t=30``, its quota and window in ``ratelimit-policy``."""
    found = fields.setdefault(("requests", None), {})
    policy = _parameters(headers.get("ratelimit-policy", ""))
    for names, source in (
        ((("r", "remaining"), ("t", "reset")), _parameters(value)),
        (
            (("q", "limit"), ("w", "per")),
            policy,
        ),
    ):
        for short, name in names:
            if short in source:
                number = source[short]
                found[name] = float(number) if name in ("reset", "per") else number


def _parameters(item: str) -> dict[str, int]:
    match = _ITEM.match(item)
    return {name: int(n) for name, n in _PARAMETER.findall(match[1])} if match else {}


def _reset(value: str, headers: Mapping[str, str]) -> float | None:
    """Seconds until the reset that *value* tells as a duration, a time or a number."""
    match = _DURATION.fullmatch(value)
    if match and value:
        return sum(float(n) * unit for n, unit in zip(match.groups(), _UNITS, strict=True) if n)
    try:
        number = float(value)
    except ValueError:
        until = _time(value)
    else:
        return from_now(number, headers) if 0 <= number < 1e15 else None
    return None if until is None else max(0.0, until - now_of(headers).timestamp())


def _time(value: str) -> float | None:
    """Seconds since 1970 of an RFC 3339 time or an HTTP date."""
    # Python 3.10 takes no "Z", and three or six digits behind the point only.
    text = re.sub(r"\.(\d+)", lambda m: f".{m[1][:6]:0<6}", value)
    text = re.sub(r"[Zz]$", "+00:00", text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        date = date_of(value)
        return None if date is None else date.timestamp()
    return time.timestamp() if time.tzinfo else None


def _tighter(one: RateLimit, other: RateLimit) -> RateLimit:
    """Of two windows for the same thing the one that is used up first."""

    def left(limit: RateLimit) -> Iterable[float]:
        counted = limit.limit if limit.remaining is None else limit.remaining
        return (float("inf") if counted is None else counted, -(limit.per or 0))

    return other if tuple(left(other)) < tuple(left(one)) else one

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.codecs.waits import in_body, retry_after

NOW = datetime(2026, 10, 21, 7, 28, tzinfo=timezone.utc)


def date(seconds: float) -> str:
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "0.5"}, 0.5),
        # LiteLLM's proxy hands on its upstream's wait under this name only.
        ({"llm_provider-retry-after": "12"}, 12.0),
        ({"llm_provider-retry-after-ms": "1500"}, 1.5),
        ({"llm_provider-retry-after": "12", "retry-after": "3"}, 3.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1.5", "retry-after": "12"}, 0.0015),
        ({"retry-after-ms": "soon", "retry-after": "12"}, 12.0),
        ({"retry-after": date(30), "date": date(0)}, 30.0),
        ({"retry-after": date(-30), "date": date(0)}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 -0000", "date": date(0)}, 30.0),
        ({"retry-after": "1792567710", "date": date(0)}, 30.0),
        ({"retry-after": "1792567710000", "date": date(0)}, 30.0),
        ({"retry-after": "1792567000", "date": date(0)}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Wed, 99 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 99999999999999999999 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 +9999999999999999999999"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_as_a_date_without_the_servers_clock_uses_ours() -> None:
    in_an_hour = datetime.now(timezone.utc) + timedelta(hours=1)
    wait = retry_after({"retry-after": format_datetime(in_an_hour, usegmt=True)})
    assert wait is not None
    assert 3590 < wait <= 3600


@given(st.text() | st.from_regex(r"\w{3}, [0-9]{1,4} \w{3} [0-9]{1,8} [0-9:]{1,8} [+-]?\w{1,8}"))
@settings(deadline=None)
def test_any_retry_after_gives_seconds_or_nothing(value: str) -> None:
    seconds = retry_after({"retry-after": value, "date": value})
    assert seconds is None or seconds >= 0


# -- in bodies ----------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit reached. Please try again in 5.289s. See https://h/limits.", 5.289),
        ("Please try again in 1m2.3s.", 62.3),
        ("Please try again in 120ms", 0.12),
        ("Please try again in 1h2m3s", 3723.0),
        ("Please try again in 7m12s. Visit", 432.0),
        ("Please retry in 48.5s.", 48.5),
        ("Please retry after 20 seconds.", 20.0),
        ("Try again after 1 minute, please", 60.0),
        ("Please wait 2 minutes and 30 seconds", 150.0),
        ("Please wait for 2 days", 172_800.0),
        ("Retry your request after 6 secs", 6.0),
        ("try again in 3 hours", 10_800.0),
        ("Please try again later.", None),
        ("Please try again in 5 attempts", None),
        ("limit: 30s", None),
        ("try again in 5 million years", None),
    ],
)
def test_sentences_tell_the_wait(message: str, seconds: float | None) -> None:
    assert in_body(json.dumps({"error": message}), message) == (
        None if seconds is None else pytest.approx(seconds)
    )


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"error": {"details": [{"retryDelay": "21s"}]}}, 21.0),
        ({"error": {"details": [{"retryDelay": "0.5s"}]}}, 0.5),
        ({"error": "loading", "estimated_time": 20.5}, 20.5),
        ({"retry_after": 3}, 3.0),
        ({"error": {"retry_after_ms": 1500}}, 1.5),
        ({"error": {"metadata": {"retryAfter": "7"}}}, 7.0),
        ({"retry_after": None}, None),
        ({"retry_after_ms": "1.2.3"}, None),
        ({"message": "m"}, None),
    ],
)
def test_fields_tell_the_wait(body: dict[str, Any], seconds: float | None) -> None:
    assert in_body(json.dumps(body), "") == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "9"}, 9.0),
        ({"retry-after": 9}, 9.0),
        ({"X-RateLimit-Reset": str(int((NOW.timestamp() + 30) * 1000))}, 30.0),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) + 30)}, 30.0),
        ({"X-RateLimit-Reset": str(int((NOW.timestamp() - 30) * 1000))}, 0.0),
        ({"X-RateLimit-Reset": "12"}, 12.0),
        ({"Retry-After": "4", "X-RateLimit-Reset": "12"}, 4.0),
        ({"Retry-After": date(5)}, 5.0),
        ({"X-RateLimit-Limit": "1"}, None),
        ([], None),
    ],
)
def test_the_headers_a_router_hands_on_tell_the_wait(
    headers: object, seconds: float | None
) -> None:
    body = {"error": {"code": 429, "message": "m", "metadata": {"headers": headers}}}
    assert in_body(json.dumps(body), "m", {"date": date(0)}) == seconds


@pytest.mark.parametrize(
    ("limited", "headers", "seconds"),
    [
        ("tokens", {"x-ratelimit-reset-tokens": "50.529s", "retry-after": "9"}, 9.0),
        ("tokens", {"X-RateLimit-Reset-Tokens": "1m2.5s"}, 62.5),
        (
            "requests",
            {"x-ratelimit-reset-tokens": "1s", "x-ratelimit-reset-requests": "20ms"},
            0.02,
        ),
        ("requests", {"x-ratelimit-reset-tokens": "1s"}, None),
        (None, {"x-ratelimit-reset-tokens": "1s"}, None),
        ("tokens", {"x-ratelimit-reset-tokens": "soon"}, None),
    ],
)
def test_the_headers_inside_an_error_of_a_stream_tell_the_wait(
    limited: str | None, headers: object, seconds: float | None
) -> None:
    body = {"type": "error", "error": {"type": limited, "message": "m", "headers": headers}}
    assert in_body(json.dumps(body), "m") == seconds


def test_the_routers_headers_count_from_our_clock_without_its_own() -> None:
    reset = int((datetime.now(timezone.utc) + timedelta(seconds=100)).timestamp() * 1000)
    body = {"error": {"metadata": {"headers": {"X-RateLimit-Reset": str(reset)}}}}
    wait = in_body(json.dumps(body), "")
    assert wait is not None
    assert 80 < wait <= 100


@given(st.text() | st.from_regex(r'(try again in|\{"retryDelay": ")[0-9.smh ]{0,40}'))
@settings(deadline=None)
def test_any_body_tells_seconds_or_nothing(text: str) -> None:
    seconds = in_body(text, text)
    assert seconds is None or seconds >= 0

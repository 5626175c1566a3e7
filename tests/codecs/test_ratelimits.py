from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.codecs import ratelimits
from g4fsync.ratelimits import RateLimit, RateLimits

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("headers", "limits"),
    [
        pytest.param(
            {
                "x-ratelimit-limit-requests": "500",
                "x-ratelimit-remaining-requests": "499",
                "x-ratelimit-reset-requests": "120ms",
                "x-ratelimit-limit-tokens": "200000",
                "x-ratelimit-remaining-tokens": "199000",
                "x-ratelimit-reset-tokens": "6m0s",
            },
            RateLimits(RateLimit(500, 499, 0.12), RateLimit(200_000, 199_000, 360.0)),
            id="openai",
        ),
        pytest.param(
            {
                "x-ratelimit-limit-requests": "14400",
                "x-ratelimit-remaining-requests": "14370",
                "x-ratelimit-reset-requests": "2m59.56s",
                "x-ratelimit-reset-tokens": "7.66s",
            },
            RateLimits(RateLimit(14_400, 14_370, 179.56), RateLimit(None, None, 7.66)),
            id="groq",
        ),
        pytest.param(
            {
                "x-ratelimit-limit-requests-day": "1000",
                "x-ratelimit-remaining-requests-day": "990",
                "x-ratelimit-limit-tokens-minute": "60000",
                "x-ratelimit-remaining-tokens-minute": "58000",
                "x-ratelimit-reset-tokens-minute": "33.01",
            },
            RateLimits(
                RateLimit(1000, 990, None, 86_400.0), RateLimit(60_000, 58_000, 33.01, 60.0)
            ),
            id="cerebras",
        ),
        pytest.param(
            {
                "date": DATE,
                "anthropic-ratelimit-requests-limit": "50",
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-10-21T07:28:31Z",
                "anthropic-ratelimit-input-tokens-limit": "30000",
                "anthropic-ratelimit-input-tokens-remaining": "29000",
                "anthropic-ratelimit-input-tokens-reset": "2026-10-21T07:28:02.5+00:00",
                "anthropic-ratelimit-output-tokens-remaining": "8000",
                "anthropic-ratelimit-tokens-limit": "38000",
            },
            RateLimits(
                RateLimit(50, 0, 31.0),
                RateLimit(38_000),
                RateLimit(30_000, 29_000, 2.5),
                RateLimit(None, 8000),
            ),
            id="anthropic",
        ),
        pytest.param(
            {
                "date": DATE,
                "x-ratelimit-limit": "20",
                "x-ratelimit-remaining": "3",
                "x-ratelimit-reset": "1792567740000",
            },
            RateLimits(RateLimit(20, 3, 60.0)),
            id="openrouter",
        ),
        pytest.param(
            {
                "x-ratelimit-limit-req-minute": "60",
                "x-ratelimit-remaining-req-minute": "59",
                "x-ratelimit-limit-tokens-minute": "500000",
                "x-ratelimit-remaining-tokens-minute": "499000",
                "x-ratelimit-tokens-query-cost": "12",
            },
            RateLimits(RateLimit(60, 59, None, 60.0), RateLimit(500_000, 499_000, None, 60.0)),
            id="mistral",
        ),
        pytest.param(
            {
                "ratelimitbysize-limit": "500000",
                "ratelimitbysize-remaining": "499900",
                "ratelimitbysize-reset": "12",
                "ratelimitbysize-query-cost": "100",
            },
            RateLimits(tokens=RateLimit(500_000, 499_900, 12.0)),
            id="mistral by size",
        ),
        pytest.param(
            {
                "x-ratelimitbysize-limit-minute": "500000",
                "x-ratelimitbysize-remaining-minute": "0",
                "x-ratelimitbysize-remaining-month": "900000",
            },
            RateLimits(tokens=RateLimit(500_000, 0, None, 60.0)),
            id="of two windows the tighter one",
        ),
        pytest.param(
            {
                "x-ratelimit-limit-tokens-prompt": "100",
                "x-ratelimit-remaining-tokens-generated": "5",
            },
            RateLimits(input_tokens=RateLimit(100), output_tokens=RateLimit(None, 5)),
            id="fireworks",
        ),
        pytest.param(
            {
                "ratelimit-limit": "100, 100;w=60",
                "ratelimit-remaining": "-1",
                "ratelimit-reset": "9",
            },
            RateLimits(RateLimit(100, 0, 9.0, 60.0)),
            id="early draft",
        ),
        pytest.param(
            {"ratelimit": '"default";r=50;t=30', "ratelimit-policy": '"default";q=100;w=60'},
            RateLimits(RateLimit(100, 50, 30.0, 60.0)),
            id="draft",
        ),
        pytest.param(
            {
                "x-ratelimit-limit-tokens": "-1",
                "x-ratelimit-remaining-tokens": "-1",
                "x-ratelimit-limit-requests": "1,200",
                "x-ratelimit-remaining-requests": "1,100",
            },
            RateLimits(requests=RateLimit(1200, 1100)),
            id="none, and thousands",
        ),
        pytest.param({"x-ratelimit-limit-requests": "1E3"}, None, id="no whole number"),
        pytest.param({"x-ratelimit-limit-requests": "many"}, None, id="no number"),
        pytest.param({"x-ratelimit-limit-requests": "60s"}, None, id="a duration is no count"),
        pytest.param({"x-ratelimit-reset-requests": "-3"}, None, id="negative reset"),
        pytest.param({"x-ratelimit-reset-requests": ""}, None, id="empty reset"),
        pytest.param({"x-ratelimit-limit-images": "5"}, None, id="of something else"),
        pytest.param({"content-type": "text/event-stream"}, None, id="none"),
    ],
)
def test_the_limits_of_each_dialect(headers: dict[str, str], limits: RateLimits | None) -> None:
    assert ratelimits.read(headers) == limits


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1.0), ("6m0s", 360.0), ("1h2m3s", 3723.0), ("1d", 86_400.0), ("50.529s", 50.529)]
    + [("0", 0.0), ("1.5", 1.5), ("1m30.5s", 90.5), ("1m120ms", 60.12), ("1000000ms", 1000.0)]
    + [("1792567710", 30.0), ("1792567710000", 30.0), ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0)]
    + [("2026-10-21T07:27:00Z", 0.0), ("2026-10-21T09:28:30.1234567+02:00", 30.123456)],
)
def test_the_forms_of_a_reset(text: str, seconds: float) -> None:
    limits = ratelimits.read({"date": DATE, "x-ratelimit-reset-requests": text})
    assert limits is not None
    assert limits.requests is not None
    assert limits.requests.reset == pytest.approx(seconds, abs=1e-6)


def test_a_time_without_the_servers_clock_is_compared_to_ours() -> None:
    in_a_minute = datetime.now(timezone.utc) + timedelta(minutes=1)
    limits = ratelimits.read({"anthropic-ratelimit-requests-reset": in_a_minute.isoformat()})
    assert limits is not None
    assert limits.requests is not None
    assert 50 < (limits.requests.reset or 0) <= 60


@given(st.text(), st.sampled_from(["limit", "remaining", "reset"]))
@settings(deadline=None)
def test_any_value_is_read_or_left_out(value: str, what: str) -> None:
    headers = {f"x-ratelimit-{what}": value, "ratelimit": value, "date": value}
    limits = ratelimits.read(headers)
    assert limits is None or limits.requests is not None


def test_a_few_headers_are_named_in_lower_case_and_cut() -> None:
    headers = {
        "X-Request-Id": "req_1",
        "X-RateLimit-Limit": "20",
        "Set-Cookie": "secret=1",
        "openai-organization": "acme",
        "CF-Ray": "r" * 1000,
    }
    assert ratelimits.named(headers) == {
        "x-request-id": "req_1",
        "x-ratelimit-limit": "20",
        "cf-ray": "r" * 256,
    }


@pytest.mark.parametrize(
    ("body", "limits"),
    [
        (
            {"error": {"metadata": {"headers": {"X-RateLimit-Limit": "1"}}}},
            RateLimits(RateLimit(1)),
        ),
        (
            {"error": {"headers": {"x-ratelimit-remaining-tokens": "0"}}},
            RateLimits(tokens=RateLimit(None, 0)),
        ),
        ({"error": "x-ratelimit"}, None),
        ({"error": {"headers": ["x-ratelimit"]}}, None),
        ({"error": {"message": "slow down"}}, None),
    ],
)
def test_limits_that_an_error_body_quotes(body: object, limits: RateLimits | None) -> None:
    assert ratelimits.in_body(json.dumps(body)) == limits


def test_a_body_that_is_no_json_quotes_nothing() -> None:
    assert ratelimits.in_body("x-ratelimit-limit: 5") is None

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.codecs import refusals
from g4fsync.errors import (
    AuthenticationError,
    CaptchaRequired,
    ContentFiltered,
    G4FSyncError,
    ProviderError,
    RateLimited,
    ServerError,
)

HTML = {"content-type": "text/html; charset=utf-8"}


def refused(
    status: int, body: object = b"", headers: dict[str, str] | None = None
) -> ProviderError | AuthenticationError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    error = refusals.from_answer(status, headers or {}, raw)
    assert isinstance(error, ProviderError | AuthenticationError)
    assert error.status == status
    return error


# -- what a status means ----------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (307, ProviderError, False),
        (400, ProviderError, False),
        (401, AuthenticationError, False),
        (402, ProviderError, False),
        (403, AuthenticationError, False),
        (404, ProviderError, False),
        (405, ProviderError, False),
        (408, ProviderError, True),
        (409, ProviderError, False),
        (413, ProviderError, False),
        (415, ProviderError, False),
        (422, ProviderError, False),
        (429, RateLimited, True),
        (500, ServerError, True),
        (501, ServerError, False),
        (502, ServerError, True),
        (503, ServerError, True),
        (504, ServerError, True),
        (505, ServerError, False),
        (520, ServerError, True),
        (524, ServerError, True),
        (525, ServerError, False),
        (529, ServerError, True),
    ],
)
def test_the_status_tells_kind_and_worth_of_a_retry(
    status: int, kind: type[G4FSyncError], retryable: bool
) -> None:
    error = refused(status)
    assert type(error) is kind
    assert error.retryable is retryable


@pytest.mark.parametrize(
    ("status", "wish", "retryable"),
    [(409, "true", True), (400, "true", True), (500, "false", False), (500, "perhaps", True)],
)
def test_x_should_retry_overrides_the_status(status: int, wish: str, retryable: bool) -> None:
    assert refused(status, headers={"x-should-retry": wish}).retryable is retryable


@pytest.mark.parametrize(
    "error",
    [
        {"message": "You exceeded your current quota", "code": "insufficient_quota"},
        {"message": "m", "type": "insufficient_quota", "code": None},
        {"message": "m", "code": "credit_balance_exhausted"},
        {"message": "m", "code": "billing_hard_limit_reached"},
        {"message": "m", "type": "enforced_spend_limit_reached"},
        {
            "message": "m",
            "details": [{"violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}],
        },
    ],
)
def test_a_429_for_quota_or_billing_is_not_worth_a_retry(error: dict[str, Any]) -> None:
    failure = refused(429, {"error": error})
    assert type(failure) is RateLimited
    assert not failure.retryable


@pytest.mark.parametrize(
    "message",
    [
        "Rate limit reached. Please try again in 5.289s. Upgrade at https://h/settings/billing",
        "You exceeded your current quota, please check your plan and billing details.",
    ],
)
def test_a_429_that_merely_speaks_of_billing_is_worth_a_retry(message: str) -> None:
    error = {"message": message, "type": "tokens", "code": "rate_limit_exceeded"}
    assert refused(429, {"error": error}).retryable


@pytest.mark.parametrize("code", ["content_filter", "content_policy_violation", "moderation"])
def test_a_code_for_content_is_content_filtered(code: str) -> None:
    assert type(refused(400, {"error": {"message": "m", "code": code}})) is ContentFiltered


# -- what a body tells (the shapes of the servers, by name) ------------------


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        pytest.param(
            400,
            {
                "error": {
                    "message": "m",
                    "type": "invalid_request_error",
                    "param": None,
                    "code": "c",
                }
            },
            "c",
            "m",
            id="OpenAI",
        ),
        pytest.param(
            400,
            {
                "error": {
                    "code": 400,
                    "message": "m",
                    "type": "exceed_context_size_error",
                    "n_ctx": 1,
                }
            },
            "context_length_exceeded",
            "m",
            id="llama.cpp",
        ),
        pytest.param(
            400,
            {"error": {"message": "m", "type": "t", "code": "context_length_exceeded"}},
            "context_length_exceeded",
            "m",
            id="llama-cpp-python",
        ),
        pytest.param(
            401, {"detail": "Invalid API key"}, None, "Invalid API key", id="llama-cpp-python key"
        ),
        pytest.param(
            429,
            {"error": {"message": "m", "type": "throttling_error", "param": None, "code": "429"}},
            "429",
            "m",
            id="LiteLLM",
        ),
        pytest.param(
            500,
            {"error": {"message": "m", "type": None, "code": "500"}},
            "500",
            "m",
            id="LiteLLM null",
        ),
        pytest.param(
            500, {"error": {"message": "m"}, "model": "x", "provider": "y"}, None, "m", id="g4f"
        ),
        pytest.param(
            422,
            {"detail": [{"loc": ["body"], "msg": "m"}]},
            None,
            '[{"loc": ["body"], "msg": "m"}]',
            id="g4f 422",
        ),
        pytest.param(
            400,
            {
                "object": "error",
                "message": "m",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            },
            "BadRequestError",
            "m",
            id="vLLM flat",
        ),
        pytest.param(
            404,
            {"error": {"message": "m", "type": "not_found_error", "param": None, "code": None}},
            "not_found_error",
            "m",
            id="Ollama /v1",
        ),
        pytest.param(
            404, {"error": "model 'x' not found"}, None, "model 'x' not found", id="Ollama"
        ),
        pytest.param(
            402,
            {"error": {"code": 402, "message": "m", "metadata": {}}},
            "402",
            "m",
            id="OpenRouter",
        ),
        pytest.param(
            500,
            {"error": {"code": "server_error", "message": "m", "type": "server_error"}},
            "server_error",
            "m",
            id="LocalAI",
        ),
        pytest.param(400, {"code": "c", "error": "m"}, "c", "m", id="xAI"),
        pytest.param(
            400,
            [{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}],
            "INVALID_ARGUMENT",
            "m",
            id="Gemini",
        ),
        pytest.param(
            400,
            {"type": "error", "error": {"type": "invalid_request_error", "message": "m"}},
            "invalid_request_error",
            "m",
            id="Anthropic",
        ),
        pytest.param(400, {"message": "m"}, None, "m", id="Open-Assistant"),
        pytest.param(
            400, {"error": {"message": {"a": 1}}}, None, '{"a": 1}', id="message of another type"
        ),
        pytest.param(400, {"error": {}}, None, '{"error": {}}', id="empty error"),
        pytest.param(400, {"error": {"code": True, "message": "m"}}, "True", "m", id="odd code"),
        pytest.param(400, ["a", "b"], None, "['a', 'b']", id="list"),
        pytest.param(400, "text", None, "text", id="JSON string"),
        pytest.param(500, b"Internal Server Error", None, "Internal Server Error", id="plain text"),
        pytest.param(400, b"\xff\xfe", None, "\ufffd\ufffd", id="not UTF-8"),
    ],
)
def test_code_and_message_are_found(
    status: int, body: object, code: str | None, message: str
) -> None:
    error = refused(status, body)
    assert (error.code, str(error)) == (code, f"HTTP {status}: {message}")


@pytest.mark.parametrize("body", [b"", b" \n", b"<xml/>"])
def test_without_words_the_status_is_the_message(body: bytes) -> None:
    assert str(refused(500, body)) == "HTTP 500"


def test_a_long_text_is_shown_in_part_and_kept_a_little_longer() -> None:
    error = refused(500, b"x" * 5000)
    assert str(error) == "HTTP 500: " + "x" * 300
    assert error.body == "x" * 2048


def test_deep_json_is_no_trap() -> None:
    assert type(refused(400, b"[" * 100_000)) is ProviderError


@pytest.mark.parametrize(
    ("location", "where"),
    [
        ("https://evil.test/path?key=1", "https://evil.test"),
        ("/login", "another path"),
        ("", "another path"),
        ("http://[::1", "what is no URL"),
    ],
)
def test_a_redirect_is_told_without_its_path_and_not_followed(location: str, where: str) -> None:
    error = refused(307, b"", {"location": location})
    assert str(error) == f"HTTP 307: redirected to {where}, not followed"


# -- pages ------------------------------------------------------------------


@pytest.mark.parametrize(
    "page",
    [
        "<html><title>Just a moment...</title>",
        '<div id="cf-please-wait">',
        '<script src="/cdn-cgi/challenge-platform/x">',
        "<title>Attention Required! | Cloudflare</title>",
        "please solve the CAPTCHA",
        "ddos-guard",
    ],
)
@pytest.mark.parametrize("status", [200, 401, 403])
def test_a_challenge_page_wants_a_human(status: int, page: str) -> None:
    error = refused(status, page.encode(), HTML)
    assert type(error) is CaptchaRequired
    assert (
        str(error) == f"HTTP {status}: a page that checks for a human; open the site in a browser"
    )
    assert error.body == page


def test_a_challenge_is_told_by_its_header_too() -> None:
    headers = HTML | {"cf-mitigated": "challenge"}
    assert type(refused(403, b"<html>", headers)) is CaptchaRequired


@pytest.mark.parametrize("status", [200, 401, 403])
def test_any_other_page_is_a_provider_error(status: int) -> None:
    error = refused(status, b"<html>hello", HTML)
    assert type(error) is ProviderError
    assert str(error) == f"HTTP {status}: an HTML page in place of an answer"


@pytest.mark.parametrize(
    ("status", "kind"), [(502, ServerError), (429, RateLimited), (404, ProviderError)]
)
def test_a_page_with_another_status_is_what_its_status_says(
    status: int, kind: type[G4FSyncError]
) -> None:
    error = refused(status, b"<title>Just a moment", HTML)
    assert (type(error), str(error)) == (kind, f"HTTP {status}")


@pytest.mark.parametrize(
    "text", ["<!DOCTYPE html>", "\n <html lang=en>", "<head>", "<title>a</title>"]
)
def test_a_page_is_told_by_its_text_too(text: str) -> None:
    assert refusals.is_page({}, text)
    assert not refusals.is_page({}, f"{{}} {text}")


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 8192 tokens. However, you requested 9000.",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "Prompt contains 9000 tokens, too large for model with 8192 maximum context length",
        "the request exceeds the available context size, try increasing it",
    ],
)
@pytest.mark.parametrize("status", [400, 413, 500])
def test_a_too_long_prompt_has_one_code_in_whatever_words(status: int, message: str) -> None:
    body = {"error": {"message": message, "type": "invalid_request_error", "code": status}}
    for error in (refused(status, body), refusals.in_band(body)):
        assert type(error) is ProviderError
        assert (error.code, error.retryable) == ("context_length_exceeded", False)
        assert "invalid_request_error" in error.body


def test_a_body_may_tell_the_wait_as_gemini_does() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "21s"}]
    body = {"error": {"code": 429, "message": "m", "details": details}}
    error = refused(429, body)
    assert isinstance(error, RateLimited)
    assert error.retry_after == 21.0
    told = refused(429, body, {"retry-after": "3"})
    assert isinstance(told, RateLimited)
    assert told.retry_after == 3.0


def test_a_403_for_flagged_input_is_content_filtered() -> None:
    metadata = {"reasons": ["violence"], "flagged_input": "...", "provider_name": "p"}
    body = {"error": {"code": 403, "message": "m", "metadata": metadata}}
    assert type(refused(403, body)) is ContentFiltered


# -- errors inside an answer ------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "code", "message"),
    [
        pytest.param(
            {"error": {"message": "m", "type": None, "code": "500"}},
            ServerError,
            "500",
            "m",
            id="LiteLLM",
        ),
        pytest.param({"error": {"message": "m"}, "model": "x"}, ProviderError, None, "m", id="g4f"),
        pytest.param(
            {"error": {"code": 502, "message": "m"}, "choices": []},
            ServerError,
            "502",
            "m",
            id="OpenRouter",
        ),
        pytest.param(
            {"error": {"code": 429, "message": "m"}}, RateLimited, "429", "m", id="rate by number"
        ),
        pytest.param(
            {"error": {"type": "rate_limit_error", "message": "m"}},
            RateLimited,
            "rate_limit_error",
            "m",
            id="Anthropic rate",
        ),
        pytest.param(
            {"error": {"type": "overloaded_error", "message": "m"}},
            ServerError,
            "overloaded_error",
            "m",
            id="Anthropic overloaded",
        ),
        pytest.param(
            {"error": {"status": "RESOURCE_EXHAUSTED", "code": 429, "message": "m"}},
            RateLimited,
            "RESOURCE_EXHAUSTED",
            "m",
            id="Gemini rate",
        ),
        pytest.param(
            {"error": {"status": "UNAVAILABLE", "code": 503, "message": "m"}},
            ServerError,
            "UNAVAILABLE",
            "m",
            id="Gemini busy",
        ),
        pytest.param(
            {"error": {"type": "server_error", "code": "server_error", "message": "m"}},
            ServerError,
            "server_error",
            "m",
            id="LocalAI",
        ),
        pytest.param(
            {"error": {"code": "content_filter", "message": "m"}},
            ContentFiltered,
            "content_filter",
            "m",
            id="filter",
        ),
        pytest.param({"error": "m"}, ProviderError, None, "m", id="plain"),
        pytest.param(
            {"error": {"code": "²", "message": "m"}},
            ProviderError,
            "²",
            "m",
            id="a digit that is no number",
        ),
        pytest.param(
            {"error": {"code": "9" * 5000, "message": "m"}},
            ProviderError,
            "9" * 5000,
            "m",
            id="a very long number",
        ),
        pytest.param({"odd": 1}, ProviderError, None, '{"odd": 1}', id="unknown shape"),
        pytest.param('{"error": "m"}', ProviderError, None, "m", id="as text"),
        pytest.param("boom", ProviderError, None, "boom", id="no JSON"),
        pytest.param("<b>boom</b>", ProviderError, None, "<b>boom</b>", id="markup"),
    ],
)
def test_an_error_inside_an_answer(
    value: object, kind: type[G4FSyncError], code: str | None, message: str
) -> None:
    error = refusals.in_band(value)
    assert (type(error), error.code, str(error), error.status) == (kind, code, message, 200)
    assert error.retryable is (kind in (RateLimited, ServerError))


@pytest.mark.parametrize(
    "error",
    [
        {"code": 401, "message": "m"},
        {"code": "403", "message": "m"},
        {"type": "authentication_error", "message": "m"},
        {"code": 403, "status": "PERMISSION_DENIED", "message": "m"},
    ],
)
def test_a_refused_key_inside_an_answer_is_an_authentication_error(error: dict[str, Any]) -> None:
    failure = refusals.in_band({"error": error})
    assert type(failure) is AuthenticationError
    assert (failure.status, str(failure)) == (200, "m")


@pytest.mark.parametrize(
    "error",
    [
        {"code": 503, "type": "unavailable_error", "message": "Loading model"},
        {"code": 500, "status": "INTERNAL", "message": "m"},
        {"type": "timeout_error", "message": "m"},
    ],
)
def test_a_failure_of_theirs_inside_an_answer_is_a_server_error(error: dict[str, Any]) -> None:
    assert type(refusals.in_band({"error": error})) is ServerError


def test_a_daily_quota_inside_an_answer_is_not_worth_a_retry() -> None:
    value = {"error": {"code": 429, "message": "m", "details": [{"quotaId": "RequestsPerDay"}]}}
    error = refusals.in_band(value)
    assert type(error) is RateLimited
    assert not error.retryable


# -- Retry-After ------------------------------------------------------------

NOW = datetime(2026, 10, 21, 7, 28, tzinfo=timezone.utc)


def date(seconds: float) -> str:
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1.5", "retry-after": "12"}, 0.0015),
        ({"retry-after-ms": "soon", "retry-after": "12"}, 12.0),
        ({"retry-after": date(30), "date": date(0)}, 30.0),
        ({"retry-after": date(-30), "date": date(0)}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 -0000", "date": date(0)}, 30.0),
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
    assert refusals.retry_after(headers) == seconds


def test_retry_after_as_a_date_without_the_servers_clock_uses_ours() -> None:
    in_an_hour = datetime.now(timezone.utc) + timedelta(hours=1)
    wait = refusals.retry_after({"retry-after": format_datetime(in_an_hour, usegmt=True)})
    assert wait is not None
    assert 3590 < wait <= 3600


@given(st.text() | st.from_regex(r"\w{3}, [0-9]{1,4} \w{3} [0-9]{1,8} [0-9:]{1,8} [+-]?\w{1,8}"))
@settings(deadline=None, max_examples=200)
def test_any_retry_after_gives_seconds_or_nothing(value: str) -> None:
    seconds = refusals.retry_after({"retry-after": value, "date": value})
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize("status", [429, 503, 400])
def test_the_wait_asked_for_is_told(status: int) -> None:
    error = refused(status, headers={"retry-after": "7"})
    assert isinstance(error, ProviderError)
    assert error.retry_after == 7.0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "type", "detail", "status"]), inner
        )
    ),
)


@given(json_values, st.sampled_from([200, 400, 429, 500]))
@settings(deadline=None, max_examples=200)
def test_any_body_gives_an_error(value: Any, status: int) -> None:
    assert isinstance(refused(status, value), ProviderError)
    assert isinstance(refusals.in_band(value), ProviderError | AuthenticationError)

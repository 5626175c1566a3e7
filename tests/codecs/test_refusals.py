from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.codecs import refusals
from g4fsync.errors import (
    AuthenticationError,
    CaptchaRequired,
    ConnectionFailed,
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


@pytest.mark.parametrize(
    "code",
    [
        *("content_filter", "content_policy_violation", "moderation"),
        *("image_content_policy_violation", "bio_policy"),
    ],
)
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
            "body: m",
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
            None,
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
        pytest.param(400, ["a", "b"], None, "a; b", id="list"),
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


def test_a_redirect_with_a_page_is_one() -> None:
    # What nginx sends from http to https: the commonest mistake in a base URL.
    page = (
        b"<html>\r\n<head><title>301 Moved Permanently</title></head>\r\n<body>\r\n</body></html>"
    )
    fields = {"content-type": "text/html", "location": "https://llm.test/v1/chat/completions"}
    error = refused(301, page, fields)
    assert str(error) == "HTTP 301: redirected to https://llm.test, not followed"
    assert error.body.startswith("<html>")


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


# -- whose fault it is, in the vendors' own words -----------------------------


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "prompt too long; exceeded max context length by 12 tokens (ref: 1)"),
        (400, {"message": "The messages are long.", "type": "too_many_prompt_tokens", "code": 400}),
        (400, "input length and `max_tokens` exceed context limit: 199211 + 20000 > 200000"),
        (400, "prompt is too long: 210000 tokens > 200000 maximum"),
        (400, "The input token count (1250074) exceeds the maximum number of tokens allowed (9)."),
        (400, "Please reduce the length of the messages or completion."),
        (400, "Prompt contains 9000 tokens, too large for model with 8192 maximum context length"),
        (400, "request (9000 tokens) exceeds the available context size (4096 tokens)"),
        (400, "The decoder prompt (length 100) is longer than the maximum model length of 50."),
        (400, "The number of tokens to keep from the initial prompt is greater than the context"),
        (400, "Trying to keep the first 9 tokens when context the overflows."),
        (400, "too many tokens: total number of tokens in the prompt cannot exceed 4081"),
        (400, "Input is too long for requested model."),
        (400, "Too many input tokens. Max input tokens: 8192"),
        (400, "This model's maximum prompt length is 131072 but the request contains 537812."),
        (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193."),
        (413, {"message": "too large", "code": "tokens_limit_reached"}),
        (413, "Request body too large for gpt-4o model. Max size: 8000 tokens."),
        (400, "Your input exceeds the context window of this model."),
        (400, "Invalid request: Your request exceeded model token limit: 8192"),
        (400, "invalid params, context window exceeds limit"),
        (400, "The input (9000 tokens) is longer than the model's context length (4096 tokens)."),
        (400, "prompt token count of 130000 exceeds the limit of 128000"),
        (400, "Malformed input request: expected maxLength: 51200, actual: 65535"),
        (500, "the input length exceeds the context length"),
        (400, "Your request's input length is too long."),
    ],
)
def test_each_vendors_words_for_a_too_long_prompt_are_known(status: int, error: object) -> None:
    failure = refused(status, {"error": error})
    assert type(failure) is ProviderError
    assert failure.code == "context_length_exceeded"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "Invalid 'max_tokens': must be at most 4096"),
        (400, "max_tokens is too large: 9000. This model supports at most 4096 completion tokens"),
        (413, "Request too large for model `x` on tokens per minute (TPM): Limit 6, Requested 7"),
        (429, "This model's maximum context length is 8192 tokens."),
        (400, "stop sequences: at most 4"),
    ],
)
def test_other_limits_are_not_the_context(status: int, error: str) -> None:
    assert refused(status, {"error": error}).code != "context_length_exceeded"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"message": "Incorrect API key provided: xx***. See console.", "code": 1}}),
        (400, {"code": "Client specified an invalid argument", "error": "Incorrect API key: a"}),
        (
            400,
            {"error": {"message": "No connected db.", "type": "no_db_connection", "code": "400"}},
        ),
        (400, {"error": {"message": "API key not valid. Please pass a valid API key."}}),
        (400, {"error": {"message": "API key expired. Please renew the API key."}}),
        (400, {"error": {"message": "m", "details": [{"reason": "API_KEY_INVALID"}]}}),
        (400, {"error": {"message": "m", "type": "authentication_error"}}),
        (500, {"error": {"message": "Authentication Error, No api key passed in."}}),
        (500, {"error": {"message": "litellm.AuthenticationError: Invalid API key"}}),
        (403, {"error": {"message": "Your API key was reported as leaked."}}),
        (403, {"message": "The security token included in the request is invalid."}),
        (400, {"message": "m", "__type": "com.amazon.coral.service#UnrecognizedClientException"}),
        (400, {"error": {"code": "401", "message": "m"}}),
        (404, {"detail": "Not authenticated"}),
        (403, {"error": "Forbidden"}),
        (400, {"error": "Invalid API key format"}),
        (403, {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "m"}}),
        (401, {"error": {"message": "not in your country", "code": "unsupported_country"}}),
    ],
)
def test_a_wrong_key_is_an_authentication_error_whatever_the_status(
    status: int, body: dict[str, Any]
) -> None:
    error = refused(status, body)
    assert type(error) is AuthenticationError
    assert not error.retryable


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (
            {
                "error": {
                    "code": "unsupported_country_region_territory",
                    "message": "Country, region, or territory not supported",
                }
            },
            ProviderError,
        ),
        ({"error": "User location is not supported for the API use."}, ProviderError),
        ({"error": "This service is not available in your region."}, ProviderError),
        ({"error": {"message": "m", "code": "model_not_found"}}, ProviderError),
        ({"error": "Project `p` does not have access to model `gpt-9`"}, ProviderError),
        ({"error": "The model `m` is blocked at the project level."}, ProviderError),
        ({"error": "You are not allowed to sample from this model"}, ProviderError),
        ({"error": "Your API key does not have permission to access model m"}, ProviderError),
        ({"error": {"message": "m", "type": "key_model_access_denied"}}, ProviderError),
        ({"code": 30001, "message": "Sorry, your account balance is insufficient"}, ProviderError),
        ({"error": "Content violates usage guidelines."}, ContentFiltered),
        ({"error": {"message": "m", "code": "content_filter"}}, ContentFiltered),
    ],
)
def test_a_403_for_content_region_model_or_credits_is_not_the_keys_fault(
    body: dict[str, Any], kind: type[G4FSyncError]
) -> None:
    error = refused(403, body)
    assert type(error) is kind
    assert not error.retryable


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (429, "Rate limit reached for API key sk-...; requests: invalid until tomorrow"),
        (400, "parameters of tool get_key: 'api_key' is a required property"),
        (404, "The model `m` does not exist"),
        (400, "Invalid token in the stop list"),
    ],
)
def test_words_about_keys_and_tokens_are_not_always_about_the_callers(
    status: int, message: str
) -> None:
    assert not isinstance(refused(status, {"error": message}), AuthenticationError)


def test_azures_content_filter_is_told_by_its_inner_error() -> None:
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {}}
    error = {"message": "m", "type": None, "code": None, "innererror": inner}
    assert type(refused(400, {"error": error})) is ContentFiltered


def test_a_number_that_repeats_the_status_is_no_code() -> None:
    assert refused(404, {"error": {"message": "m", "code": 404}}).code is None
    assert refused(404, {"error": {"message": "m", "code": "404"}}).code == "404"
    assert refused(404, {"error": {"message": "m", "code": 1211}}).code == "1211"


def test_a_pages_title_is_told() -> None:
    page = b"<html><head><title>502 Bad Gateway</title></head>nginx"
    assert str(refused(502, page, HTML)) == "HTTP 502: Bad Gateway"


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        (
            {"x-squid-error": "ERR_DNS_FAIL 0", "server": "squid/5.7"},
            "HTTP 503 of a proxy on the way (squid): ERR_DNS_FAIL",
        ),
        ({"x-squid-error": "ERR_X 0"}, "HTTP 503 of a proxy on the way (squid): ERR_X"),
        ({"server": "tinyproxy/1.11"}, "HTTP 503 of a proxy on the way (tinyproxy)"),
        ({"server": "nginx"}, "HTTP 503"),
    ],
)
def test_a_proxy_that_answers_for_the_service_is_named(
    headers: dict[str, str], message: str
) -> None:
    assert str(refused(503, b"<html>", HTML | headers)) == message


def test_a_407_is_told_as_what_it_asks_for() -> None:
    error = refusals.from_answer(407, {}, b"")
    assert type(error) is ConnectionFailed
    assert not error.retryable
    assert str(error) == ("the proxy wants a user and password, or refuses those it got: HTTP 407")


def test_an_error_inside_an_answer_may_tell_the_wait() -> None:
    for code, kind in ((429, RateLimited), (503, ServerError)):
        error = refusals.in_band({"error": {"code": code, "message": "Try again in 120ms."}})
        assert type(error) is kind
        assert error.retry_after == 0.12


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
@settings(deadline=None)
def test_any_body_gives_an_error(value: Any, status: int) -> None:
    assert isinstance(refused(status, value), ProviderError)
    assert isinstance(refusals.in_band(value), ProviderError | AuthenticationError)

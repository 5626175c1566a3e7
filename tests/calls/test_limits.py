"""What a server says about its rate limits reaches the caller, of answers and of refusals."""

from __future__ import annotations

import pickle

import pytest

from g4fsync.errors import RateLimited
from g4fsync.providers.openai import OpenAI
from g4fsync.ratelimits import RateLimit, RateLimits
from g4fsync.testing import Reply, ScriptedTransport, chat

ANSWER = b'data: {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\n'
HEADERS = {
    "Content-Type": "text/event-stream",
    "X-Request-Id": "req_1",
    "X-RateLimit-Limit-Requests": "10",
    "x-ratelimit-remaining-requests": "9",
    "Set-Cookie": "a=b",
}


def scripted(*replies: Reply) -> ScriptedTransport:
    return ScriptedTransport({"POST /chat/completions": replies}, api_key="key")


def test_an_answer_has_its_limits_and_a_few_headers() -> None:
    stream = chat(
        OpenAI("http://h.test"), "Hi", scripted(Reply(ANSWER, headers=HEADERS)), model="m"
    )
    assert (stream.headers, stream.limits) == ({}, None)
    assert next(stream) == "Hi"
    assert stream.limits == RateLimits(RateLimit(10, 9))
    result = stream.result()
    assert result.limits == RateLimits(RateLimit(10, 9))
    assert result.headers == {
        "x-request-id": "req_1",
        "x-ratelimit-limit-requests": "10",
        "x-ratelimit-remaining-requests": "9",
    }
    assert pickle.loads(pickle.dumps(result)) == result


def test_an_answer_without_them_has_none() -> None:
    result = chat(OpenAI("http://h.test"), "Hi", scripted(Reply(ANSWER)), model="m").result()
    assert (result.headers, result.limits) == ({}, None)


def test_a_429_has_them_too() -> None:
    refused = Reply({"error": {"message": "slow down"}}, 429, {**HEADERS, "Retry-After": "3"})
    stream = chat(OpenAI("http://h.test"), "Hi", scripted(refused), model="m")
    with pytest.raises(RateLimited) as caught:
        stream.result()
    assert caught.value.retry_after == 3.0
    assert caught.value.limits == RateLimits(RateLimit(10, 9))
    assert pickle.loads(pickle.dumps(caught.value)).limits == caught.value.limits


def test_one_without_headers_has_no_limits() -> None:
    stream = chat(OpenAI("http://h.test"), "Hi", scripted(Reply(b"", 429)), model="m")
    with pytest.raises(RateLimited) as caught:
        stream.result()
    assert caught.value.limits is None

"""``g4fsync.compat.openai`` against the emulator."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest

import g4fsync
from g4fsync import Client
from g4fsync.compat import openai
from g4fsync.compat.openai import OpenAI
from g4fsync.emulator import Emulator, Status

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def client(emulator: Emulator) -> Iterator[OpenAI]:
    url = emulator.base_urls["openai"]
    with OpenAI(api_key=emulator.api_key, base_url=url, max_retries=0) as made:
        yield made


def test_an_answer(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert answer.choices[0].message.content == "You said: Hello"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 5
    assert answer["choices"][0]["message"]["content"] == "You said: Hello"
    assert answer.to_dict()["object"] == "chat.completion"
    assert str(answer._request_id).startswith("req_")


def test_a_streamed_answer(client: OpenAI) -> None:
    stream = client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
    contents = [chunk.choices[0].delta.content for chunk in stream]
    assert contents == ["", "You", " said:", " Hello", None]


def test_an_answer_is_a_turn_of_the_next_question(client: OpenAI) -> None:
    first = client.chat.completions.create(model="gpt-4o", messages=HELLO)
    messages: list[Any] = [*HELLO, first.choices[0].message, {"role": "user", "content": "More"}]
    second = client.chat.completions.create(model="gpt-4o", messages=messages)
    text = second.choices[0].message.content
    assert text == "You said: More\n(message 3 of our conversation)"


def test_the_module_is_a_client_too(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "api_key", emulator.api_key)
    monkeypatch.setattr(openai, "base_url", emulator.base_urls["openai"])
    answer = openai.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert answer.choices[0].message.content == "You said: Hello"


def test_any_provider_answers_in_the_same_shape(emulator: Emulator) -> None:
    other = Client(base_urls=emulator.base_urls, api_keys={"anthropic": emulator.api_key})
    with other, OpenAI(client=other) as client:
        model = "anthropic:claude-sonnet-4-5"
        answer = client.chat.completions.create(model=model, messages=HELLO)
        assert answer.choices[0].message.content == "You said: Hello"
        assert (answer.model, answer.object) == (model, "chat.completion")
        stream = client.chat.completions.create(model="koala", messages=HELLO, stream=True)
        chunks = list(stream)
    text = "".join(each.choices[0].delta.content or "" for each in chunks)
    assert text == "You said: Hello"
    assert [each.choices[0].finish_reason for each in chunks][-1] == "stop"


def test_a_client_given_keeps_its_own_limits(emulator: Emulator) -> None:
    other = Client(base_urls=emulator.base_urls, retry=1, timeout=g4fsync.Timeout(total=7.0))
    emulator.koala.faults = [Status(503)]
    with other, OpenAI(client=other) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model="koala", messages=HELLO)
        assert len(caught.value.attempts) == 1
        again = client.with_options(max_retries=1, timeout=3)
        emulator.koala.faults = [Status(503)]
        stream = again.chat.completions.create(model="koala", messages=HELLO, stream=True)
        assert len(stream.answer.attempts) == 2
        assert stream.answer.scope.timeout.first_token == 3
        stream.close()
        plain = client.chat.completions.create(model="koala", messages=HELLO, stream=True)
        assert plain.answer.scope.timeout.total == 7.0
        plain.close()


def test_what_a_provider_has_no_option_for_is_refused_before_it_is_asked() -> None:
    with OpenAI() as client, pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="koala", messages=HELLO, logit_bias={"1": 2})
    assert str(caught.value) == "logit_bias={'1': 2} can't be asked of this provider"
    assert isinstance(caught.value, g4fsync.InvalidRequest)


def test_a_refusal_is_of_both_families(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="nope", messages=HELLO, stream=True)
    error = caught.value
    assert isinstance(error, g4fsync.ProviderError)
    assert type(error).__name__ == "NotFoundError"
    assert str(error) == "Error code: 404 - The model `nope` does not exist"
    assert (error.status_code, error.code, error.type) == (
        404,
        "model_not_found",
        "invalid_request_error",
    )
    assert error.response.json()["error"] == error.body
    assert error.attempts[0].phase == "first_token"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.body) == (str(error), error.body)


def test_a_wrong_key(emulator: Emulator) -> None:
    client = OpenAI(api_key="sk-wrong-12345678", base_url=emulator.base_urls["openai"])
    with client, pytest.raises(openai.AuthenticationError) as caught:
        client.models.list()
    assert isinstance(caught.value, g4fsync.AuthenticationError)
    assert caught.value.status_code == 401
    assert "sk-wrong" not in repr(vars(caught.value))


def test_no_key_is_an_error_when_something_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(openai.OpenAIError, match=r"^openai: Missing credentials"):
        OpenAI().chat.completions.create(model="gpt-4o", messages=HELLO)


@pytest.mark.parametrize("name", ["AsyncOpenAI", "AsyncAzureOpenAI", "AsyncClient"])
def test_an_asynchronous_name_says_what_to_use(name: str) -> None:
    made = getattr(openai, name)
    with pytest.raises(NotImplementedError) as caught:
        made(api_key="x")
    assert f"use {name.removeprefix('Async')}," in str(caught.value)


def test_what_is_not_covered_is_refused(client: OpenAI) -> None:
    with pytest.raises(NotImplementedError, match="does not cover 'embeddings'"):
        client.embeddings  # noqa: B018
    with pytest.raises(NotImplementedError, match="does not cover 'audio'"):
        openai.audio  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        openai.nonsense  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(TypeError, match="unexpected keyword argument 'temprature'"):
        client.chat.completions.create(model="m", messages=HELLO, temprature=1)  # type: ignore[call-overload]
    with pytest.raises(
        g4fsync.InvalidRequest, match=r"does not cover OpenAI\(http_client=\.\.\.\)"
    ):
        OpenAI(http_client=object())
    with pytest.raises(TypeError, match="unexpected keyword argument 'keys'"):
        OpenAI(keys=1)

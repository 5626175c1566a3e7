"""``g4fsync.compat.openai`` against the emulator."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from typing import Any

import pydantic
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


def asked_by_the_module(monkeypatch: pytest.MonkeyPatch, **variables: Any) -> Any:
    """The module's client with these variables."""
    for name in [name for name in os.environ if name.startswith(("OPENAI_", "AZURE_"))]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setattr(openai, name, value, raising=False)
    return openai.models._client


def test_the_module_is_a_client_of_azure_when_its_variables_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    azure = {"azure_endpoint": "https://a.example.com", "api_version": "2026-01-01"}
    for variables in ({"api_type": "azure", **azure}, azure):
        client = asked_by_the_module(monkeypatch, api_key="az-1", **variables)
        assert isinstance(client, openai.AzureOpenAI)
        assert client.base_url == "https://a.example.com/openai"
        assert client.auth_headers == {"api-key": "az-1"}
    client = asked_by_the_module(monkeypatch, api_type="openai")
    assert type(client) is OpenAI
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setattr(openai, "api_type", None)
    with pytest.raises(openai.OpenAIError, match=r"Ambiguous use of module client"):
        openai.models  # noqa: B018


@pytest.mark.parametrize(
    ("name", "value"),
    [("api_base", "http://127.0.0.1:1/v1"), ("http_client", object()), ("proxy", "http://p")],
)
def test_a_variable_of_the_module_that_is_not_heard_is_refused(
    name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(g4fsync.InvalidRequest, match=rf"does not hear openai\.{name}: "):
        asked_by_the_module(monkeypatch, **{name: value})


def test_beta_is_another_name(client: OpenAI) -> None:
    answer = client.beta.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert answer.choices[0].message.content == "You said: Hello"
    with pytest.raises(NotImplementedError, match=r"does not cover beta\.threads; beta has chat"):
        client.beta.threads  # noqa: B018


class Said(pydantic.BaseModel):
    said: str


def test_responses_are_read_into_a_type(client: OpenAI) -> None:
    typed = client.responses.parse(model="gpt-5", input="Hello", text_format=Said)
    assert typed.output_parsed == Said.model_validate_json(typed.output_text)
    plain: Any = client.responses.parse(model="gpt-5", input="Hello")
    assert (plain.output_text, plain.output_parsed) == ("You said: Hello", None)
    manager: Any = client.responses.stream(model="gpt-5", input="Hello")
    with manager as stream:
        texts = [each.snapshot for each in stream if each.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert texts[-1] == final.output_text == "You said: Hello"
    assert len(texts) > 1
    with pytest.raises(TypeError, match=r"^Cannot mix and match"):
        client.responses.parse(
            model="gpt-5", input="x", text_format=Said, text={"format": {"type": "text"}}
        )


def test_headers_of_an_answer_that_is_parsed(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.parse(model="gpt-4o", messages=HELLO)
    assert raw.status_code == 200
    assert raw.parse().choices[0].message.parsed is None
    assert raw.parse() is raw.parse()
    found = client.models.with_raw_response.retrieve("gpt-4o")
    assert (found.status_code, found.parse().id) == (200, "gpt-4o")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("_types", "NOT_GIVEN"),
        ("_exceptions", "RateLimitError"),
        ("_streaming", "Stream"),
        ("_client", "OpenAI"),
        ("_models", "BaseModel"),
        ("_constants", "DEFAULT_MAX_RETRIES"),
        ("lib.azure", "AzureOpenAI"),
        ("lib._pydantic", "to_strict_json_schema"),
        ("lib._parsing", "type_to_response_format_param"),
        ("lib.streaming.chat", "ChatCompletionStreamState"),
        ("types", "ChatModel"),
        ("types.chat_model", "ChatModel"),
        ("types.shared_params", "FunctionDefinition"),
        ("types.shared_params.reasoning", "Reasoning"),
        ("types.shared.response_format_json_schema", "ResponseFormatJSONSchema"),
        ("types.chat.chat_completion_tool_param", "ChatCompletionToolParam"),
        ("types.chat.completion_create_params", "ResponseFormat"),
        ("types.chat", "ChatCompletionAllowedToolChoiceParam"),
        ("types.chat.chat_completion", "ChatCompletion"),
        ("types.responses.response_function_tool_call", "ResponseFunctionToolCall"),
        ("types.responses.response_text_delta_event", "ResponseTextDeltaEvent"),
        ("types.responses.response_input_item_param", "FunctionCallOutput"),
        ("types.responses", "WebSearchToolParam"),
    ],
)
def test_names_where_programs_import_them_from(module: str, name: str) -> None:
    namespace: dict[str, Any] = {}
    exec(f"from g4fsync.compat.openai.{module} import {name}", namespace)
    assert name in namespace


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
    with OpenAI() as client, pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="koala", messages=HELLO, extra_query={"a": 1})
    assert str(caught.value) == "'a' in a query can't be asked of this provider"


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


def test_the_key_s_header_may_be_taken_away(client: OpenAI) -> None:
    for headers in ({"Authorization": openai.omit}, {"authorization": openai.NOT_GIVEN}):
        with pytest.raises(openai.AuthenticationError):  # it was asked, without a key
            client.chat.completions.create(model="m", messages=HELLO, extra_headers=headers)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [5, None, b"x"])
def test_a_header_that_is_no_text_is_refused(client: OpenAI, value: Any) -> None:
    with pytest.raises(TypeError, match=r"^Header value must be str, not <class "):
        client.chat.completions.create(model="m", messages=HELLO, extra_headers={"X-A": value})


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

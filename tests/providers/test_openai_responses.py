"""Which requests go to the Responses API, and what they say there."""

from __future__ import annotations

from typing import Any

import pytest

from g4fsync.errors import InvalidRequest
from g4fsync.providers.openai import OpenAI
from g4fsync.providers.openai_responses import body
from g4fsync.testing import ScriptedTransport, request
from tests.support import responses as r

LOCAL = "http://127.0.0.1:8080"
CHAT, RESPONSES = "/chat/completions", "/responses"
CHAT_ANSWER = b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n'


def asked(provider: OpenAI, messages: Any = "Hi", model: str = "m", **options: Any) -> Any:
    """The request that *provider* sends."""
    answers = {f"POST {CHAT}": CHAT_ANSWER, f"POST {RESPONSES}": r.stream(r.text("A"), r.final())}
    transport = ScriptedTransport(answers, api_key="sk-1")
    asked = request(provider, messages, model=model, **options)
    provider.check(asked)
    list(provider.stream(asked, transport))
    [sent] = transport.requests
    return sent


def said(messages: Any = "Hi", model: str = "gpt-5", **options: Any) -> dict[str, Any]:
    return body(request(OpenAI(), messages, model=model, **options), "openai")


def test_the_request_exactly() -> None:
    sent = asked(OpenAI(LOCAL, api="responses"))
    assert (sent.method, sent.path, sent.params) == ("POST", "/responses", {})
    assert sent.headers == {"Accept": "text/event-stream", "Authorization": "Bearer sk-1"}
    assert sent.body == {
        "model": "m",
        "input": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }


@pytest.mark.parametrize(
    "model",
    [
        *("o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "gpt-5-mini", "gpt-5.2-pro"),
        *("gpt-6", "gpt-5.3-codex", "codex-mini-latest", "computer-use-preview"),
        *("o3-deep-research", "ft:o4-mini-2025-04-16:me::1"),
    ],
)
def test_models_that_reason_are_asked_there_by_themselves(model: str) -> None:
    assert asked(OpenAI(), model=model).path == RESPONSES
    assert asked(OpenAI(LOCAL), model=model).path == CHAT
    assert asked(OpenAI(api="chat"), model=model).path == CHAT


@pytest.mark.parametrize(
    "model",
    [
        *("gpt-4o", "gpt-4.1-mini", "gpt-3.5-turbo", "chatgpt-4o-latest", "gpt-5-chat-latest"),
        *("gpt-4o-search-preview", "gpt-5-search-api", "ft:gpt-4o-mini:me::1", "omni"),
    ],
)
def test_others_are_asked_there_when_it_is_said_and_without_encrypted_reasoning(
    model: str,
) -> None:
    assert asked(OpenAI(), model=model).path == CHAT
    sent = asked(OpenAI(api="responses"), model=model)
    assert sent.path == RESPONSES
    assert sent.body.get("include") == (
        ["reasoning.encrypted_content"] if model in ("omni", "gpt-5-search-api") else None
    )


@pytest.mark.parametrize(
    ("messages", "options"),
    [
        ("Hi", {"stop": "x"}),
        ("Hi", {"seed": 1}),
        ("Hi", {"extra_body": {"max_completion_tokens": 5}}),
        ("Hi", {"extra_body": {"verbosity": "low"}}),
        ([{"role": "user", "content": "Hi", "name": "ann"}], {}),
        ([{"role": "user", "content": [{"type": "brand_new", "x": 1}]}], {}),
    ],
)
def test_what_only_chat_completions_have_a_place_for_goes_there(
    messages: Any, options: dict[str, Any]
) -> None:
    assert asked(OpenAI(), messages, model="gpt-5", **options).path == CHAT


@pytest.mark.parametrize(
    ("messages", "options", "words"),
    [
        ("Hi", {"stop": "x"}, "option stop: the Responses API of openai has none"),
        ("Hi", {"seed": 1}, "option seed: the Responses API of openai has none"),
        (
            [{"role": "user", "content": "Hi", "name": "ann"}],
            {},
            r"messages\[0\]: openai has no 'name'",
        ),
        ([{"role": "system", "content": "S"}], {}, "there must be a message besides the system's"),
    ],
)
def test_or_is_refused_where_the_responses_api_is_asked_for(
    messages: Any, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words):
        asked(OpenAI(api="responses"), messages, **options)


def test_settings_that_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="api must be one of chat, responses, auto, got 'x'"):
        OpenAI(api="x")  # type: ignore[arg-type]  # on purpose
    with pytest.raises(InvalidRequest, match="think_tags is for chat completions"):
        OpenAI(api="responses", think_tags=True)


def test_a_base_url_may_name_the_path() -> None:
    assert OpenAI("https://h/v1/responses").base_url == "https://h/v1"


def test_options() -> None:
    value = said(temperature=0.5, top_p=0.9, max_tokens=7, reasoning_effort="low")
    assert value["reasoning"] == {"effort": "low"}
    assert (value["temperature"], value["top_p"], value["max_output_tokens"]) == (0.5, 0.9, 7)
    assert "max_tokens" not in value


def test_summaries_of_the_reasoning_are_asked_for_by_a_setting() -> None:
    provider = OpenAI(LOCAL, api="responses", reasoning_summary="auto")
    assert asked(provider).body["reasoning"] == {"summary": "auto"}
    both = asked(provider, reasoning_effort="high").body["reasoning"]
    assert both == {"effort": "high", "summary": "auto"}


def test_tools_and_choices_in_its_own_shape() -> None:
    parameters = {"type": "object", "properties": {"a": {"type": "string"}}}
    function = {"name": "f", "description": "d", "parameters": parameters, "strict": True}
    tools = [
        {"type": "function", "function": function},
        {"type": "function", "function": {"name": "g"}},
        {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}},
        {"type": "web_search", "search_context_size": "low"},
    ]
    assert said(tools=tools)["tools"] == [
        {"type": "function", **function},
        {
            "type": "function",
            "name": "g",
            "strict": False,
            "parameters": {"type": "object", "properties": {}},
        },
        {"type": "custom", "name": "c", "format": {"type": "text"}},
        {"type": "web_search", "search_context_size": "low"},
    ]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("required", "required"),
        (
            {"type": "function", "function": {"name": "f"}},
            {"type": "function", "name": "f"},
        ),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [{"type": "function", "function": {"name": "f"}}],
                },
            },
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "f"}],
            },
        ),
        ({"type": "web_search"}, {"type": "web_search"}),
    ],
)
def test_the_choice_of_a_tool(choice: Any, sent: Any) -> None:
    assert said(tool_choice=choice)["tool_choice"] == sent


def test_the_form_of_the_answer() -> None:
    schema = {"type": "object", "properties": {}}
    wrapped = {"name": "n", "schema": schema, "strict": True, "description": "d"}
    form = {"type": "json_schema", "json_schema": wrapped}
    assert said(response_format=form)["text"] == {"format": {"type": "json_schema", **wrapped}}
    assert said(response_format="json")["text"] == {"format": {"type": "json_object"}}
    assert said(response_format=schema)["text"] == {
        "format": {"type": "json_schema", "name": "answer", "schema": schema}
    }


def test_extra_body_goes_into_its_objects() -> None:
    value = said(
        reasoning_effort="low",
        response_format="json",
        extra_body={
            "reasoning": {"summary": "auto"},
            "text": {"verbosity": "low"},
            "include": [],
            "previous_response_id": "resp_1",
        },
    )
    assert value["reasoning"] == {"effort": "low", "summary": "auto"}
    assert value["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}
    assert (value["include"], value["previous_response_id"]) == ([], "resp_1")


def test_extra_headers() -> None:
    sent = asked(OpenAI(LOCAL, api="responses"), extra_headers={"X-Title": "t"})
    assert sent.headers["X-Title"] == "t"

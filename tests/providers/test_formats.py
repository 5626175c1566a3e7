from __future__ import annotations

from typing import Any

import pytest

from g4fsync.errors import InvalidRequest
from g4fsync.providers.anthropic import Anthropic
from g4fsync.providers.base import Provider
from g4fsync.providers.formats import AnswerFormat, answer_format
from g4fsync.providers.gemini import Gemini
from g4fsync.providers.ollama import Ollama
from g4fsync.providers.openai import OpenAI
from g4fsync.testing import ScriptedTransport, chat

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


@pytest.mark.parametrize("value", ["text", {"type": "text"}])
def test_text(value: Any) -> None:
    assert answer_format(value) == AnswerFormat("text", beside={})
    assert answer_format(value).openai() == {"type": "text"}


@pytest.mark.parametrize(
    "value", ["json", "json_object", {"type": "json_object"}, {"type": "json"}]
)
def test_any_json_object(value: Any) -> None:
    assert answer_format(value).openai() == {"type": "json_object"}
    assert answer_format(value).schema("p") is None


def test_a_schema_with_all_its_fields() -> None:
    wrapper = {"name": "n", "schema": SCHEMA, "strict": True, "description": "d"}
    wanted = {"type": "json_schema", "json_schema": wrapper}
    assert answer_format(wanted).openai() == wanted
    assert answer_format(wanted).schema("p") == {**SCHEMA, "description": "d"}


def test_the_format_s_description_stands_before_the_schema_s_own() -> None:
    schema = {**SCHEMA, "description": "own"}
    wanted = {"type": "json_schema", "json_schema": {"schema": schema, "description": "d"}}
    assert answer_format(wanted).schema("p") == {**SCHEMA, "description": "d\n\nown"}
    assert schema["description"] == "own"


@pytest.mark.parametrize(
    "schema",
    [
        SCHEMA,
        {"type": "object"},
        {"type": ["object", "null"]},
        {"type": "array", "items": SCHEMA},
        {"properties": {"type": {"const": "json_schema"}}},
        {"$ref": "#/$defs/A", "$defs": {"A": SCHEMA}},
        {"anyOf": [SCHEMA, {"type": "null"}]},
        {"enum": ["a", "b"]},
    ],
)
def test_a_bare_schema_gets_a_name(schema: Any) -> None:
    assert answer_format(schema).openai() == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": schema},
    }
    assert answer_format(schema).schema("p") == schema


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Person", "Person"),
        ("A list[Person]!", "A_list_Person"),
        ("ответ", "answer"),
        ("x" * 100, "x" * 64),
        (5, "answer"),
    ],
)
def test_the_name_of_a_schema_is_made_of_its_title(title: Any, name: str) -> None:
    titled = {**SCHEMA, "title": title}
    wrapped = {"type": "json_schema", "json_schema": {"schema": titled}}
    for value in (titled, wrapped):
        assert answer_format(value).openai()["json_schema"]["name"] == name


@pytest.mark.parametrize(
    "value",
    [
        "xml",
        {},
        {"type": "xml"},
        {"type": []},
        {"type": ["object", "xml"]},
        {"type": [{}]},
        {"name": "n", "schema": SCHEMA},
        {"type": "json_schema"},
        {"type": "json_schema", "schema": SCHEMA},
        {"type": "json_schema", "json_schema": {}},
        {"type": "json_schema", "json_schema": {"schema": "a"}},
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(value: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        answer_format(value)
    assert str(caught.value) == (
        "option response_format must be 'text', 'json', {\"type\": \"json_object\"}, "
        '{"type": "json_schema", "json_schema": {"name": ..., "schema": {...}}} '
        f"or a JSON schema, got {value!r:.80}"
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"type": "json_object", "schema": SCHEMA}, r"format: p has no 'schema'"),
        (
            {"type": "json_schema", "json_schema": {"schema": SCHEMA}, "x": 1},
            r"format: p has no 'x'",
        ),
        (
            {"type": "json_schema", "json_schema": {"schema": SCHEMA, "x": 1}},
            r"format\.json_schema: p has no 'x'",
        ),
    ],
)
def test_a_field_of_some_server_goes_to_openai_and_is_named_elsewhere(
    value: Any, reason: str
) -> None:
    sent = answer_format(value).openai()
    sent.get("json_schema", {}).pop("name", None)
    assert sent == value
    with pytest.raises(InvalidRequest, match=f"{reason}$"):
        answer_format(value).schema("p")


LOCAL = "http://127.0.0.1:9"
ALL = [
    pytest.param(OpenAI(LOCAL), "/chat/completions", id="openai"),
    pytest.param(Anthropic(LOCAL), "/v1/messages", id="anthropic"),
    pytest.param(Gemini(LOCAL), "/models/m:streamGenerateContent", id="gemini"),
    pytest.param(Ollama(LOCAL), "/api/chat", id="ollama"),
]


def sent_format(provider: Provider, path: str, value: Any) -> Any:
    """What of the body says the form of the answer."""
    transport = ScriptedTransport({f"POST {path}": b""})
    stream = chat(provider, "Hi", transport, model="m", response_format=value)
    with pytest.raises(Exception, match="empty"):
        stream.result()
    body = transport.requests[0].body
    return {
        name: body[name]
        for name in ("response_format", "output_config", "generationConfig", "format")
        if name in body
    }


@pytest.mark.parametrize(("provider", "path"), ALL)
@pytest.mark.parametrize(
    "value",
    [SCHEMA, {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}],
)
def test_a_schema_bare_or_wrapped_is_sent_alike(provider: Provider, path: str, value: Any) -> None:
    expected: dict[str, Any] = {
        "openai": {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": SCHEMA},
            }
        },
        "anthropic": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        "gemini": {
            "generationConfig": {
                "responseMimeType": "application/json",
                "responseJsonSchema": SCHEMA,
            }
        },
        "ollama": {"format": SCHEMA},
    }
    assert sent_format(provider, path, value) == expected[provider.name]


@pytest.mark.parametrize(("provider", "path"), ALL)
@pytest.mark.parametrize("value", ["json", "json_object", {"type": "json_object"}])
def test_any_json_object_is_asked_for_alike(provider: Provider, path: str, value: Any) -> None:
    expected: dict[str, Any] = {
        "openai": {"response_format": {"type": "json_object"}},
        "gemini": {"generationConfig": {"responseMimeType": "application/json"}},
        "ollama": {"format": "json"},
    }
    if provider.name == "anthropic":
        with pytest.raises(InvalidRequest, match="option response_format needs a JSON schema"):
            sent_format(provider, path, value)
    else:
        assert sent_format(provider, path, value) == expected[provider.name]


@pytest.mark.parametrize(("provider", "path"), ALL)
@pytest.mark.parametrize("value", ["yaml", {"type": "xml"}, {"schema": SCHEMA}])
def test_a_wrong_format_is_refused_by_all(provider: Provider, path: str, value: Any) -> None:
    with pytest.raises(InvalidRequest, match="option response_format must be 'text', 'json'"):
        sent_format(provider, path, value)

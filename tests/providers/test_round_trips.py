"""Tools, images and formats through a whole client, to servers that check what they are sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from g4fsync import Client
from g4fsync.emulator import Emulator
from g4fsync.errors import AuthenticationError, ProviderError
from g4fsync.messages import Image

MODELS = ("openai:gpt-5", "anthropic:claude-opus-4-1", "gemini:gemini-2.5-pro", "ollama:llama3.2")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(16))
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
TOOL = {
    "type": "function",
    "function": {"name": "weather", "description": "Tell it.", "parameters": PARAMETERS},
}


@pytest.fixture
def client(emulator: Emulator, no_proxy_variables: None) -> Iterator[Client]:
    keys = dict.fromkeys(("openai", "anthropic", "gemini", "ollama"), emulator.api_key)
    with Client(base_urls=emulator.base_urls, api_keys=keys) as client:
        yield client


@pytest.mark.parametrize("model", MODELS)
def test_a_tool_is_called_and_its_result_read(client: Client, model: str) -> None:
    asked: list[Any] = [{"role": "user", "content": "Berlin"}]
    first = client.ask(asked, model=model, tools=[TOOL], system="Be brief.")
    assert first.finish_reason == "tool_calls"
    [call] = first.tool_calls
    assert (call.name, call.json()) == ("weather", {"city": "Berlin"})
    asked += [
        {"role": "assistant", "content": first.text, "tool_calls": first.tool_calls},
        {"role": "tool", "content": "sunny", "tool_call_id": call.id},
    ]
    second = client.ask(asked, model=model, tools=[TOOL])
    assert "sunny" in second.text
    assert (second.finish_reason, second.tool_calls) == ("stop", ())


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_with_thoughts_and_a_call_is_a_turn_of_the_history(
    client: Client, model: str
) -> None:
    history: list[Any] = [{"role": "user", "content": "Berlin"}]
    first = client.ask(history, model=model, tools=[TOOL], reasoning_effort="low")
    [call] = first.tool_calls
    history += [first, {"role": "tool", "content": "sunny", "tool_call_id": call.id}]
    stream = client.chat(history, model=model, tools=[TOOL], reasoning_effort="low")
    assert "sunny" in "".join(stream)
    history += [stream, {"role": "user", "content": "Thanks"}]
    assert client.ask(history, model=model).text.startswith("You said: Thanks")


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_of_one_provider_is_a_turn_for_all_others(client: Client, model: str) -> None:
    history: list[Any] = [{"role": "user", "content": "Berlin"}]
    first = client.ask(history, model=model, tools=[TOOL], reasoning_effort="low")
    [call] = first.tool_calls
    history += [first, {"role": "tool", "content": "sunny", "tool_call_id": call.id}]
    for other in MODELS:
        assert "sunny" in client.ask(history, model=other, tools=[TOOL]).text


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("anthropic:claude-opus-4-1", {"reasoning_effort": "low", "max_tokens": 5000}),
        ("gemini:gemini-3-pro-preview", {}),
        ("openai:deepseek-reasoner", {}),
    ],
)
def test_thoughts_of_a_turn_with_calls_go_back(
    client: Client, model: str, options: dict[str, Any]
) -> None:
    """Each of these servers refuses the turn without its thoughts or signatures."""
    asked: list[Any] = [{"role": "user", "content": "Berlin"}]
    first = client.ask(asked, model=model, tools=[TOOL], **options)
    asked += [
        first.message,
        {"role": "tool", "content": "sunny", "tool_call_id": first.tool_calls[0].id},
    ]
    assert "sunny" in client.ask(asked, model=model, tools=[TOOL], **options).text


@pytest.mark.parametrize("model", MODELS)
def test_an_image_is_sent(client: Client, model: str) -> None:
    content = ["What is this?", Image.from_bytes(PNG)]
    result = client.ask([{"role": "user", "content": content}], model=model)
    assert "What is this?" in result.text


@pytest.mark.parametrize("model", MODELS)
def test_what_an_answer_tells_besides_text(client: Client, model: str) -> None:
    result = client.ask(
        "Hello", model=model, temperature=0.5, top_p=0.9, stop=["END"], reasoning_effort="low"
    )
    assert result.text.startswith("You said: Hello")
    assert result.reasoning
    assert result.finish_reason == "stop"
    assert result.usage is not None
    assert result.usage.input_tokens
    assert result.usage.output_tokens


@pytest.mark.parametrize("model", MODELS)
def test_a_schema_is_taken(client: Client, model: str) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "place", "schema": PARAMETERS}}
    assert client.ask("Hello", model=model, response_format=wanted).finish_reason == "stop"


@pytest.mark.parametrize("model", MODELS)
def test_a_wrong_key(client: Client, emulator: Emulator, model: str) -> None:
    name = model.partition(":")[0]
    if name == "ollama":
        pytest.skip("it wants none")
    with pytest.raises(AuthenticationError) as caught:
        client.ask("Hello", model=model, api_key="wrong-key")
    assert f"Client(api_keys={{{name!r}: ...}})" in str(caught.value)


@pytest.mark.parametrize("model", MODELS)
def test_a_wrong_model(client: Client, model: str) -> None:
    with pytest.raises(ProviderError) as caught:
        client.ask("Hello", model=f"{model.partition(':')[0]}:no-such-model")
    assert caught.value.status == 404
    assert "no-such-model" in str(caught.value)


@pytest.mark.parametrize("model", MODELS)
def test_the_models(client: Client, model: str) -> None:
    name, _, known = model.partition(":")
    assert known in {each.removesuffix(":latest") for each in client.models(name)}

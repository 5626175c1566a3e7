"""Types and tools through the four protocols, against far sides that are strict about history."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from g4fsync import Cancelled, Client, RoundsExceeded, Unparsable
from g4fsync.emulator import Emulator, words
from g4fsync.providers.openai import OpenAI
from tests.support.timing import FREED, MS, Worker

PROTOCOLS = ("openai", "anthropic", "gemini", "ollama")
# Of those that sign their calls, and refuse a history without the signatures.
SIGNING = {"gemini": "gemini-3-pro-preview"}
THINKING: dict[str, dict[str, Any]] = {
    "openai": {},
    "anthropic": {"reasoning_effort": "high"},
    "gemini": {"reasoning_effort": "high"},
    "ollama": {"reasoning_effort": "high"},
}


@dataclass
class Person:
    name: str
    age: int


def weather(city: str) -> dict[str, Any]:
    """The weather."""
    return {"city": city, "rain": True}


def clock(zone: str = "UTC") -> str:
    """The time."""
    return f"noon in {zone}"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    keys = dict.fromkeys(PROTOCOLS, emulator.api_key)
    with Client(base_urls=emulator.base_urls, api_keys=keys) as client:
        yield client


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_parallel_calls_and_a_second_round(
    client: Client, emulator: Emulator, protocol: str
) -> None:
    result = client.ask(
        "weather and clock, then weather",
        model=f"{protocol}:emulator",
        tools=[weather, clock],
        **THINKING[protocol],
    )
    roles = [message.role for message in result.messages]
    assert roles == ["user", "assistant", "tool", "tool", "assistant", "tool", "assistant"]
    assert [call.name for call in result.messages[1].tool_calls] == ["weather", "clock"]
    assert [message.name for message in result.messages[2:4]] == ["weather", "clock"]
    assert result.text.startswith("The tool said: ")
    assert result.finish_reason == "stop"
    assert len(emulator.far_sides[protocol].wait_ended()) == 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_thoughts_and_signatures_go_back_in_each_round(
    client: Client, emulator: Emulator, protocol: str
) -> None:
    result = client.ask(
        "weather then clock",
        model=f"{protocol}:{SIGNING.get(protocol, 'emulator')}",
        tools=[weather, clock],
        **THINKING[protocol],
    )
    bodies = [request.body for request in emulator.far_sides[protocol].wait_ended()]
    for turn in result.messages[1:]:
        for data in (*turn.provider_data, *(d for c in turn.tool_calls for d in c.provider_data)):
            for value in _strings(data.data):
                assert turn is result.message or value in json.dumps(bodies[-1])
    if protocol in ("anthropic", "gemini"):
        assert any(
            turn.provider_data or turn.tool_calls[0].provider_data
            for turn in result.messages
            if turn.tool_calls
        )


def test_reasoning_content_goes_back_where_it_is_wanted(client: Client, emulator: Emulator) -> None:
    result = client.ask(
        "weather then clock", model="openai:deepseek-reasoner", tools=[weather, clock]
    )
    body = emulator.openai.wait_ended()[-1].body
    thoughts = [turn["reasoning_content"] for turn in body["messages"] if turn.get("tool_calls")]
    assert len(thoughts) == 2
    assert "".join(thoughts) in result.reasoning
    assert result.text.startswith("The tool said: ")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, str):
        yield json.dumps(value)[1:-1]


def test_the_responses_api_gets_its_encrypted_reasoning_back(
    client: Client, emulator: Emulator
) -> None:
    provider = OpenAI(emulator.base_urls["openai"], api="responses")
    result = client.ask(
        "weather then clock",
        provider=provider,
        model="gpt-5-mini",
        api_key=emulator.api_key,
        tools=[weather, clock],
        reasoning_effort="high",
    )
    assert [m.role for m in result.messages] == [
        *("user", "assistant", "tool", "assistant", "tool", "assistant")
    ]
    assert result.id
    value = client.ask(
        "Ann", provider=provider, model="gpt-5-mini", api_key=emulator.api_key, returns=Person
    ).value
    assert value == Person("Ann", 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_type_is_asked_for_natively(client: Client, emulator: Emulator, protocol: str) -> None:
    model = f"{protocol}:emulator"
    result = client.ask("Ann", model=model, returns=Person)
    assert (result.value, result.mode) == (Person("Ann", 1), "native")
    values = client.chat("Ann", model=model, returns=list[Person]).values()
    assert list(values) == [Person("Ann", 1)]
    (body, _) = [request.body for request in emulator.far_sides[protocol].wait_ended()]
    assert "Answer with one JSON value" not in json.dumps(body)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_answer_is_asked_for_again(protocol: str) -> None:
    answers = ['{"name": "A"}', '{"name": "A", "age": []}', '{"name": "A", "age": 1}']

    def reply(messages: list[dict[str, str]]) -> list[str]:
        return words(answers[len(messages) // 2])

    with Emulator(reply) as emulator:
        client = Client(
            f"{protocol}:emulator",
            base_urls=emulator.base_urls,
            api_keys={protocol: emulator.api_key},
        )
        result = client.ask("?", returns=Person)
        assert result.value == Person("A", 1)
        errors = [attempt.error for attempt in result.attempts]
        assert [type(error) for error in errors] == [Unparsable, Unparsable, type(None)]
        with pytest.raises(Unparsable):
            client.ask("?", returns=Person, reask=1)


@pytest.mark.parametrize("provider", ["koala", "flowgpt"])
def test_the_seed_providers_are_told_by_text(provider: str) -> None:
    with Emulator(lambda messages: words('Sure: {"name": "A", "age": 1}')) as emulator:
        result = Client(provider, base_urls=emulator.base_urls).ask("?", returns=Person)
    assert (result.value, result.mode) == (Person("A", 1), "system")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_rounds_are_bounded_and_go_on(client: Client, protocol: str) -> None:
    model = f"{protocol}:emulator"
    with pytest.raises(RoundsExceeded) as caught:
        client.ask("clock then clock then clock", model=model, tools=[clock], max_rounds=2)
    result = client.ask(caught.value.messages, model=model, tools=[clock])
    assert [m.role for m in result.messages[5:]] == ["assistant", "tool", "assistant"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_cancel_in_a_later_round_frees_the_caller(
    client: Client, emulator: Emulator, protocol: str
) -> None:
    called = threading.Event()

    def slow(text: str) -> str:
        for side in emulator.far_sides.values():
            side.pace = type(side.pace)(tokens_per_second=1)
        called.set()
        return "x"

    stream = client.chat("slow", model=f"{protocol}:emulator", tools=[slow])
    reader = Worker(stream.result)
    assert called.wait(10)
    time.sleep(30 * MS)
    started = time.monotonic()
    stream.cancel()
    with pytest.raises(Cancelled):
        reader.result()
    assert time.monotonic() - started < FREED


def test_a_conversation_keeps_the_rounds(client: Client) -> None:
    talk = client.conversation(model="openai:emulator")
    talk.ask("clock then weather", tools=[clock, weather])
    assert talk.ask("Ann", returns=Person).value == Person("Ann", 1)
    assert [message.role for message in talk.messages] == [
        *("user", "assistant", "tool", "assistant", "tool", "assistant"),
        *("user", "assistant"),
    ]


def test_a_cached_answer_that_does_not_fit_is_asked_for_again(tmp_path: Path) -> None:
    def reply(messages: list[dict[str, str]]) -> list[str]:
        return words('{"name": "A"}' if len(messages) == 1 else '{"name": "A", "age": 1}')

    with Emulator(reply) as emulator:
        client = Client(
            "ollama:emulator",
            base_urls=emulator.base_urls,
            archive=tmp_path / "a.db",
            cache="on",
        )
        with client:
            for _ in range(2):
                result = client.ask("?", returns=Person)
                assert result.value == Person("A", 1)
                assert isinstance(result.attempts[0].error, Unparsable)
        assert len(emulator.ollama.wait_ended()) == 2

"""Answers of a type from a real server, whose grammar makes a tiny model write what fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import pytest

from g4fsync import Client, StreamTruncated

Llama = Callable[..., str]
MODELS = ("llamacpp", "openai:tiny")
# What the model writes is chance, and its grammar lets it put 20 blanks at each place: enough
# for the longest answer that fits one of the types here, and less than the context holds.
ENOUGH = 400


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Light:
    on: bool
    colour: Colour
    level: Literal[1, 2, 3] | None = None


@pytest.fixture
def client(llama: Llama) -> Iterator[Client]:
    urls = dict.fromkeys(("llamacpp", "openai"), llama())
    with Client(base_urls=urls, timeout=60) as client:
        yield client


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "returns",
    [Light, bool, Literal["yes", "no"], tuple[bool, Literal["a"]], dict[Literal["a"], bool] | None],
)
def test_the_grammar_makes_the_answer_fit(client: Client, model: str, returns: Any) -> None:
    result = client.ask("hi", model=model, returns=returns, reask=0, max_tokens=ENOUGH)
    assert result.mode == "native"
    assert result.value is not None or returns is not Light


@pytest.mark.parametrize("model", MODELS)
def test_a_dataclass_comes_back(client: Client, model: str) -> None:
    light = client.ask("hi", model=model, returns=Light, reask=0, max_tokens=ENOUGH).value
    assert isinstance(light, Light)
    assert isinstance(light.colour, Colour)
    assert light.level in (None, 1, 2, 3)


def test_a_list_comes_element_by_element_until_it_is_cut(client: Client) -> None:
    stream = client.chat("hi", model="llamacpp", returns=list[Light], max_tokens=ENOUGH)
    seen = []
    try:
        for light in stream.values():
            assert isinstance(light, Light)
            seen.append(light)
    except StreamTruncated:
        assert stream.finish_reason == "length"
    else:
        assert stream.result().value == seen


def test_a_string_without_end_is_cut_and_not_broken(client: Client) -> None:
    @dataclass
    class Essay:
        text: str

    stream = client.chat("hi", model="llamacpp", returns=Essay, max_tokens=20, reask=0)
    try:
        value = stream.result().value
    except StreamTruncated:
        assert stream.finish_reason == "length"
    else:
        assert isinstance(value, Essay)
    assert stream.text.startswith("{")

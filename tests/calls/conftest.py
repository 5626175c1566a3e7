"""Whole calls: the four providers through a client against the emulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from g4fsync import Client, Retry
from g4fsync.emulator import Emulator, words
from g4fsync.providers.base import Provider
from g4fsync.providers.flowgpt import FlowGpt
from g4fsync.providers.koala import Koala
from g4fsync.providers.myshell import Myshell
from g4fsync.providers.openassistant import OpenAssistant
from tests.support.reading import WAYS, read_by


@pytest.fixture(
    params=[WAYS[0], *(pytest.param(each, marks=pytest.mark.slow) for each in WAYS[1:])]
)
def reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way to ask and to read; those that are seldom taken with ``slow``."""
    read_by(request.param, monkeypatch)


@pytest.fixture
def emulator(no_proxy_variables: None) -> Iterator[Emulator]:
    def repeat(messages: list[dict[str, str]]) -> list[str]:
        return words(f"You said: {messages[-1]['content']}")

    with Emulator(repeat) as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    """Tries once; knows the emulator's cookies."""
    cookies = {"openassistant": emulator.cookies("openassistant")}
    with Client(base_urls=emulator.base_urls, cookies=cookies, retry=Retry(attempts=1)) as client:
        yield client


@pytest.fixture
def at(emulator: Emulator) -> Callable[..., Provider]:
    """A provider by its name, at the emulator or elsewhere; Myshell without its settling wait."""

    def make(name: str, base_url: str | None = None) -> Provider:
        url = base_url or emulator.base_urls[name]
        if name == "myshell":
            return Myshell(url, settle=0)
        others: dict[str, type[Provider]] = {
            "koala": Koala,
            "flowgpt": FlowGpt,
            "openassistant": OpenAssistant,
        }
        return others[name](url)

    return make

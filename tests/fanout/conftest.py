"""A client whose every provider is emulated; warm, so that no import is timed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from g4fsync import Client, Retry
from g4fsync.emulator import Emulator, Messages, words

ONCE = Retry(attempts=1)


def said(messages: Messages) -> list[str]:
    """What the others answer, also where the provider puts a system text of its own before."""
    return words(f"You said: {messages[-1]['content']}")


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    emulator.flowgpt.reply = said
    with Client(base_urls=emulator.base_urls, retry=ONCE) as client:
        for name in ("koala", "flowgpt"):
            client.ask("Hello", model=name)
        emulator.clear()
        yield client

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from g4fsync import Archive, Client
from g4fsync.emulator import Emulator


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chats.db"


@pytest.fixture
def archive(path: Path) -> Iterator[Archive]:
    with Archive(path) as archive:
        yield archive


@pytest.fixture
def client_of(emulator: Emulator) -> Iterator[Callable[..., Client]]:
    """Makes clients of the emulator's OpenAI; they are closed after the test."""
    clients: list[Client] = []

    def make(archive: object = None, **settings: Any) -> Client:
        settings.setdefault("api_keys", {"openai": emulator.api_key})
        client = Client(
            "openai:gpt-4o-mini",
            base_urls=emulator.base_urls,
            archive=archive,  # type: ignore[arg-type]
            **settings,
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()

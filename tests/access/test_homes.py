"""Which key goes where, and what is said about one that did not go."""

from __future__ import annotations

from pathlib import Path

import pytest

from g4fsync import AuthenticationError, Client
from g4fsync.access import keys
from g4fsync.emulator import Emulator
from g4fsync.providers.openai import OpenAI

KEY = "sk-0123456789abcdef"


@pytest.fixture(autouse=True)
def no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("G4FSYNC_CONFIG", str(tmp_path))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(name, raising=False)


def refusal(emulator: Emulator, **given: str) -> str:
    client = Client("openai:gpt-4o", base_urls=emulator.base_urls, api_keys=given)
    with client, pytest.raises(AuthenticationError) as caught:
        client.ask("Hi")
    return str(caught.value)


def test_an_error_says_which_key_was_withheld_and_why(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    message = refusal(emulator)
    assert message.endswith(
        " (give Client(api_keys={'openai': ...})); "
        "the key from OPENAI_API_KEY was not sent: it belongs to api.openai.com"
    )
    assert KEY not in message
    monkeypatch.delenv("OPENAI_API_KEY")
    keys.set_key("openai", KEY)
    path = str(keys.keys_path())
    assert f"the key from the key file {path!r} was not sent: it belongs to" in refusal(emulator)


def test_nothing_is_said_of_it_when_there_is_none_or_another_was_sent(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "was not sent" not in refusal(emulator)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert "was not sent" not in refusal(emulator, openai="sk-another-0123456789")


def test_at_home_no_key_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert OpenAI().key_withheld == ""
    assert OpenAI("http://llm.test/v1").key_withheld != ""

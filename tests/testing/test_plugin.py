from __future__ import annotations

import subprocess
import sys

import pytest

from g4fsync import Client
from g4fsync.emulator import Emulator
from g4fsync.testing import ScriptedTransport

HEAVY = ("requests", "urllib3", "websocket", "websockets", "tenacity", "g4fsync.emulator")


def test_scripted_makes_a_transport(scripted: type[ScriptedTransport]) -> None:
    transport = scripted({"GET /": b"1"}, now=5.0)
    assert (transport.get("/").json(), transport.now()) == (1, 5.0)


def test_the_emulator_answers(emulator: Emulator) -> None:
    with Client("koala", base_urls=emulator.base_urls) as client:
        assert "Hello" in client.ask("Hello").text


def test_each_test_has_an_emulator_of_its_own(emulator: Emulator) -> None:
    assert len(emulator.koala.requests) == 0


def test_without_its_extra_the_test_is_skipped_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setitem(sys.modules, "websockets", None)
    with pytest.raises(pytest.skip.Exception, match=r'pip install "g4fsync\[emulator\]"'):
        request.getfixturevalue("emulator")


def test_loading_the_plug_in_imports_nothing_heavy() -> None:
    code = f"import sys, g4fsync.testing.plugin; print([m for m in {HEAVY} if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"

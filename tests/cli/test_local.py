"""``g4fsync demo`` and ``g4fsync emulate``."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from g4fsync import Client
from g4fsync.emulator import Emulator

if TYPE_CHECKING:
    from .conftest import Run, Terminal

Start = Callable[..., "Terminal"]


NAMES = ["openai:emulator", "anthropic:emulator", "gemini:emulator", "ollama:emulator"]
RETIRED = ["koala", "flowgpt", "myshell", "openassistant"]


def headings(out: str) -> list[str]:
    return [line[3:-3] for line in out.splitlines() if line.startswith("== ")]


def test_the_demo_streams_the_protocols_of_today_and_says_that_they_are_emulated(here: Run) -> None:
    done = here("demo", "Что?", "--tokens-per-second", "200")
    assert done.code == 0
    assert done.out.count("You asked: Что?\nThis is an emulated answer") == 4
    assert done.err.startswith("Emulated answers: ")
    assert headings(done.out) == NAMES


def test_the_demo_streams_the_retired_providers_too(here: Run) -> None:
    done = here("demo", "Что?", "--tokens-per-second", "200", "--all")
    assert done.code == 0
    assert done.out.count("You asked: Что?\nThis is an emulated answer") == 8
    assert "\nmyshell waits 1 s before asking, 5 s at its site.\n" in done.err
    assert headings(done.out) == NAMES + RETIRED


def test_the_demo_leaves_out_what_cannot_be_emulated(
    here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("g4fsync.emulator.server._make_myshell", lambda *_: None)
    done = here("demo", "--tokens-per-second", "200", "--all")
    assert done.code == 0
    assert done.out.count("This is an emulated answer") == 7
    assert 'myshell is left out: its emulator needs pip install "g4fsync[emulator]"' in done.err


@pytest.mark.slow
def test_the_demo_tells_when_some_failed(here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Emulator, "cookies", lambda self, name: {})
    done = here("demo", "--tokens-per-second", "200", "--all")
    assert done.code == 5
    assert done.out.count("This is an emulated answer") == 7


@pytest.mark.parametrize(
    ("columns", "rows"), [(100, 1), pytest.param(40, 4, marks=pytest.mark.slow)]
)
def test_the_demo_fills_four_panels_side_by_side_or_stacked(
    terminal: Start, columns: int, rows: int
) -> None:
    running = terminal("demo", columns=columns)
    running.read_until("CHARACTERS" if columns == 100 else "characters", 30.0)
    assert running.wait() == 0
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", running.screen)
    assert shown.startswith("Emulated answers: a server on this")
    tops = [
        line for line in shown[shown.rindex("openai:emulator (e") :].splitlines() if "╮" in line
    ]
    assert len(tops) == rows
    assert shown.count("waiting") > 1, "panels are drawn before the first token"
    done = shown[shown.rindex("openai:emulator (e") :]
    assert done.count("─ done: ") == 4


def test_emulate_serves_until_it_is_ended() -> None:
    from .conftest import COMMAND, environment

    with subprocess.Popen(
        [*COMMAND, "emulate"], stdout=subprocess.PIPE, text=True, env=environment({})
    ) as process:
        assert process.stdout
        variable, url = process.stdout.readline().strip().split("=")
        try:
            assert variable == "export OPENAI_BASE_URL"
            key = {"openai": process.stdout.readline().strip().split("=")[1]}
            with Client("openai:any", base_urls={"openai": url}, api_keys=key) as client:
                assert str(client.ask("Hi")) == "You said: Hi"
        finally:
            process.terminate()

"""``g4fsync demo`` and ``g4fsync emulate``."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from g4fsync import Client
from g4fsync.emulator import Emulator

if TYPE_CHECKING:
    from .conftest import Run


def test_the_demo_streams_all_four_and_says_that_they_are_emulated(here: Run) -> None:
    done = here("demo", "Что?", "--tokens-per-second", "200")
    assert done.code == 0
    assert done.out.count("You asked: Что?\nThis is an emulated answer") == 4
    assert done.err.startswith("Emulated answers: ")
    assert [line for line in done.err.splitlines() if "(emulated" in line] == [
        "koala (emulated)",
        "flowgpt (emulated)",
        "myshell (emulated; waits 1 s before asking, 5 s at the site)",
        "openassistant (emulated)",
    ]


def test_the_demo_leaves_out_what_cannot_be_emulated(
    here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("g4fsync.emulator.server._make_myshell", lambda *_: None)
    done = here("demo", "--tokens-per-second", "200")
    assert done.code == 0
    assert done.out.count("This is an emulated answer") == 3
    assert (
        'myshell (emulated) left out: its emulator needs pip install "g4fsync[emulator]"'
        in done.err
    )


def test_the_demo_tells_when_some_failed(here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Emulator, "cookies", lambda self, name: {})
    done = here("demo", "--tokens-per-second", "200")
    assert done.code == 5
    assert done.out.count("This is an emulated answer") == 3


def test_emulate_serves_until_it_is_ended() -> None:
    from .conftest import COMMAND, environment

    with subprocess.Popen(
        [*COMMAND, "emulate"], stdout=subprocess.PIPE, text=True, env=environment({})
    ) as process:
        assert process.stdout
        name, url = process.stdout.readline().split()
        try:
            assert name == "koala"
            assert str(Client("koala", base_urls={"koala": url}).ask("Hi")) == "You said: Hi"
        finally:
            process.terminate()

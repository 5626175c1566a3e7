"""Ways to run the command line: in this process, as a process, in a terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from select import select
from typing import Any

import pytest

from g4fsync.cli import main
from g4fsync.emulator import Emulator
from tests.support.signals import heeding_interrupts
from tests.support.timing import PATIENCE

COMMAND = [sys.executable, "-W", "error", "-m", "g4fsync"]


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


def environment(changes: Mapping[str, str]) -> dict[str, str]:
    """This process's, without what would change the command line's behaviour."""
    ours = ("G4FSYNC", "NO_COLOR", "COLUMNS", "LINES", "PYTHON", "FORCE_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "TERM": "xterm", "G4FSYNC_CONFIG": "/nowhere", **changes}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``main()`` in this process, with nothing on standard input."""
    for name in ("G4FSYNC_MODEL", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)

    def run(*argv: str, **variables: str) -> Outcome:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with open(os.devnull) as nothing:
            monkeypatch.setattr(sys, "stdin", nothing)
            code = main(argv)
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def process() -> Run:
    """Run the command line as a process of its own, to its end."""

    def run(*argv: str, stdin: bytes = b"", **variables: str) -> Outcome:
        done = subprocess.run(
            [*COMMAND, *argv],
            input=stdin,
            capture_output=True,
            env=environment(variables),
            check=False,
        )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


class Terminal:
    """A process in a terminal of its own: what it prints, and a keyboard."""

    def __init__(self, argv: Sequence[str], columns: int, variables: Mapping[str, str]) -> None:
        self._keyboard, slave = pty.openpty()
        name = os.ttyname(slave)
        # A session's leader that opens a terminal gets it as its own: Ctrl-C then works.
        script = f'stty cols {columns} -echo; exec "$@"'
        redirected = f"exec <{name} >{name} 2>&1; {script}"
        with heeding_interrupts():
            self.process = subprocess.Popen(
                ["sh", "-c", redirected, "sh", *COMMAND, *argv],
                start_new_session=True,
                env=environment(variables),
            )
        # Kept open until the process has ended, else reading fails before it has begun.
        self._slave = slave
        self.screen = ""
        self._bytes = b""

    def read_until(self, text: str, seconds: float = PATIENCE) -> None:
        """Wait until *text* has been printed."""
        until = time.monotonic() + seconds
        while text not in self.screen:
            left = until - time.monotonic()
            assert left > 0, f"{text!r} did not come; the screen shows {self.screen!r}"
            self._read(left)

    @property
    def left(self) -> str:
        """What is left on the screen: without lines that were taken away again."""
        return re.sub(r"\r[^\r\n]*\x1b\[K", "", self.screen)

    def press(self, key: bytes) -> None:
        os.write(self._keyboard, key)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for the end; the exit code."""
        until = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < until, f"still running; the screen shows {self.screen!r}"
            self._read(0.005)
        while self._read(0):
            pass
        return self.process.returncode

    def _read(self, seconds: float) -> bool:
        if not select([self._keyboard], [], [], seconds)[0]:
            return False
        # A read may end within a character, or within a line end.
        self._bytes += os.read(self._keyboard, 65536)
        self.screen = self._bytes.decode(errors="ignore").replace("\r\n", "\n")
        return True

    def close(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        os.close(self._slave)
        os.close(self._keyboard)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Start the command line in a terminal."""
    opened: list[Terminal] = []

    def start(*argv: str, columns: int = 80, **variables: str) -> Terminal:
        opened.append(Terminal(argv, columns, variables))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def slow(emulator: Emulator) -> Emulator:
    """The emulator at ten tokens a second."""
    for side in emulator.far_sides.values():
        side.pace = type(side.pace)(tokens_per_second=10)
    return emulator


@pytest.fixture
def koala(emulator: Emulator) -> list[str]:
    """Arguments that ask the emulator's Koala."""
    return ["-m", "koala", "--base-url", emulator.base_urls["koala"]]


@pytest.fixture
def replying(emulator: Emulator) -> Callable[..., None]:
    """Set the tokens that Koala answers."""

    def reply(*tokens: str) -> None:
        def answer(messages: Any) -> Sequence[str]:
            return tokens

        emulator.koala.reply = answer

    return reply

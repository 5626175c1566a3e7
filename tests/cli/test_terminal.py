"""Ctrl-C, closed pipes, colours: what only a process in a terminal shows."""

from __future__ import annotations

import fcntl
import json
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from math import ceil
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

import pytest

from g4fsync.emulator import At, Emulator, HangBeforeHeaders, Stall
from g4fsync.emulator.faults import Fault
from tests.support.signals import heeding_interrupts
from tests.support.timing import FREED, MS, PATIENCE, SLOWNESS, eventually

if TYPE_CHECKING:
    from .conftest import Run, Terminal

Start = Callable[..., "Terminal"]

LIMIT_SECONDS = 500 * MS + FREED  # half a second is promised
LONG = "one two three four five six seven eight nine ten eleven twelve thirteen"


def interrupted(terminal: Terminal) -> float:
    """Press Ctrl-C; the seconds until the process has ended with 130."""
    pressed = time.monotonic()
    terminal.press(b"\x03")
    assert terminal.wait() == 130
    return time.monotonic() - pressed


def test_ctrl_c_keeps_the_partial_text(terminal: Start, slow: Emulator, koala: list[str]) -> None:
    running = terminal(*koala, LONG)
    running.read_until("You said: one two")
    assert interrupted(running) < LIMIT_SECONDS
    assert running.left.startswith("You said: one two")
    assert "thirteen" not in running.screen
    assert running.left.endswith("\ng4fsync: interrupted\n")
    assert "Traceback" not in running.screen


def test_a_note_in_the_middle_of_an_answer_has_a_line_of_its_own(
    terminal: Start, emulator: Emulator, koala: list[str]
) -> None:
    running = terminal(*koala, "--debug", "Hi", columns=200)
    assert running.wait() == 0
    assert "You said: Hi\ng4fsync.call: koala:gpt-4o-mini: " in running.left


@pytest.mark.parametrize("fault", [HangBeforeHeaders(), Stall(after_bytes=0)], ids=repr)
def test_ctrl_c_ends_a_wait_for_the_provider(
    terminal: Start, emulator: Emulator, koala: list[str], fault: Fault
) -> None:
    emulator.koala.fault = fault
    running = terminal(*koala, LONG)
    eventually(lambda: emulator.koala.requests)
    assert interrupted(running) < LIMIT_SECONDS
    assert running.left.replace("^C", "") == "\ng4fsync: interrupted\n"


def test_ctrl_c_does_not_wait_for_a_clean_up_that_hangs(
    terminal: Start, slow: Emulator, tmp_path: Path
) -> None:
    slow.openassistant.fault = At("delete", HangBeforeHeaders())
    file = tmp_path / "cookies.json"
    file.write_text(json.dumps(dict(slow.cookies("openassistant"))))
    url = slow.base_urls["openassistant"]
    argv = ["-m", "openassistant", "--base-url", url, "--cookies", str(file), "--events", LONG]
    running = terminal(*argv)
    running.read_until('" one"')
    assert interrupted(running) < LIMIT_SECONDS
    *_, last, note = filter(None, running.screen.splitlines())
    assert json.loads(last)["error"] == "Cancelled"
    assert note == "g4fsync: interrupted"


def test_ctrl_c_with_json_prints_the_part(
    terminal: Start, slow: Emulator, koala: list[str]
) -> None:
    running = terminal(*koala, "--json", " ".join([LONG] * ceil(2 * SLOWNESS)), columns=1000)
    eventually(lambda: slow.koala.requests)
    time.sleep(500 * MS)  # some tokens; nothing shows that they have come
    assert interrupted(running) < LIMIT_SECONDS
    told = json.loads(running.left.splitlines()[0])
    assert told["error"]["error"] == "Cancelled"
    assert told["partial"].startswith("You said:")


def unread(pipe: Any) -> int:
    """How many bytes are in the pipe."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_ctrl_c_ends_the_reading_of_a_prompt(koala: list[str]) -> None:
    from .conftest import COMMAND

    with heeding_interrupts():
        process = subprocess.Popen([*COMMAND, *koala], stdin=PIPE, stdout=PIPE, stderr=PIPE)
    with process:
        assert process.stdin
        process.stdin.write(b"Hello")
        process.stdin.flush()
        eventually(lambda: unread(process.stdin) == 0, "it reads")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=5)
    assert (process.returncode, out, err) == (130, b"", b"g4fsync: interrupted\n")


@pytest.fixture
def ignoring() -> Iterator[None]:
    """This process ignores SIGINT, as one started by ``nohup`` does."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("module", ["g4fsync.cli.verbs", "g4fsync.client", "ipaddress"])
def test_ctrl_c_while_modules_are_loaded_is_one_line(module: str) -> None:
    code = (
        "import os, signal, sys\n"
        "class Presser:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == sys.argv[1]:\n"
        "            sys.meta_path.remove(self)\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.modules.pop('ipaddress', None)\n"
        "sys.meta_path.insert(0, Presser())\n"
        "from g4fsync.cli import main\n"
        "sys.exit(main(['-m', 'koala', '--base-url', 'http://127.0.0.1:9', 'Hi']))"
    )
    with heeding_interrupts():
        done = subprocess.run(
            [sys.executable, "-c", code, module], stdin=subprocess.DEVNULL, capture_output=True
        )
    assert (done.returncode, done.stdout) == (130, b"")
    assert done.stderr == b"g4fsync: interrupted\n"


@pytest.mark.parametrize("place", ["verbs.verb_parser", "ask.run"])
def test_ctrl_c_that_comes_out_as_another_error_is_ctrl_c(
    here: Run, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def loaded(*_: object) -> None:  # as Python 3.11 has it, within a class being made
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as exc:
            raise RuntimeError("Error calling __set_name__") from exc

    monkeypatch.setattr(f"g4fsync.cli.{place}", loaded)
    done = here("ask", "Hi")
    assert (done.code, done.err) == (130, "g4fsync: interrupted\n")


@pytest.mark.usefixtures("ignoring")
def test_ctrl_c_is_heeded_though_the_suite_ignores_it(
    terminal: Start, slow: Emulator, koala: list[str]
) -> None:
    running = terminal(*koala, LONG)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    running.read_until("You said: one two")
    assert interrupted(running) < LIMIT_SECONDS


@pytest.mark.usefixtures("ignoring")
def test_who_starts_it_with_the_signal_ignored_gets_the_whole_answer(
    slow: Emulator, koala: list[str]
) -> None:
    """``nohup g4fsync ... &``: what was ignored stays so, as POSIX has it for any command."""
    from .conftest import COMMAND

    asked = [*COMMAND, *koala, "one two three four five"]
    with subprocess.Popen(asked, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdout
        first = process.stdout.read(3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, first + out, err) == (
        0,
        b"You said: one two three four five\n",
        b"",
    )


def test_ctrl_c_ends_the_emulator(terminal: Start) -> None:
    running = terminal("emulate")
    running.read_until("Ctrl-C ends it.")
    assert interrupted(running) < LIMIT_SECONDS


def test_ctrl_c_ends_the_demo(terminal: Start) -> None:
    running = terminal("demo")
    running.read_until("You asked:")
    assert interrupted(running) < LIMIT_SECONDS
    assert "Traceback" not in running.screen


def test_a_closed_pipe_is_quiet(slow: Emulator, koala: list[str]) -> None:
    from .conftest import COMMAND, environment

    with subprocess.Popen(
        [*COMMAND, *koala, LONG],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment({}),
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.read(3) == b"You"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("argv", [["providers"], ["--help"]])
def test_a_full_disk_is_told(argv: list[str]) -> None:
    from .conftest import COMMAND

    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, *argv], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr == b"g4fsync: the output can't be written: No space left on device\n"


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        pytest.param({"TERM": "dumb"}, False, marks=pytest.mark.slow),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    terminal: Start, variables: dict[str, str], coloured: bool
) -> None:
    running = terminal("demo", "--tokens-per-second", "100", **variables)
    running.read_until("ollama")
    assert running.wait() == 0
    assert ("\x1b[1m" in running.screen) is coloured


def test_there_is_no_colour_off_a_terminal(process: Run) -> None:
    done = process("demo", "--tokens-per-second", "100")
    assert done.code == 0
    assert "\x1b" not in done.out + done.err


def test_tokens_are_shown_as_they_come(
    terminal: Start, emulator: Emulator, koala: list[str]
) -> None:
    emulator.koala.fault = Stall(after_bytes=40)
    running = terminal(*koala, "one two three")
    running.read_until("You said:")
    assert running.process.poll() is None

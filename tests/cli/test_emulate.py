"""``g4fsync emulate``: lines to paste, faults, latency, replies, a port of one's own."""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from g4fsync.cli.emulate import fault
from g4fsync.emulator import Cut, HangBeforeHeaders, Stall, Status

if TYPE_CHECKING:
    from .conftest import Run

Started = Callable[..., dict[str, str]]


@pytest.fixture
def started() -> Iterator[Started]:
    """Start it; the variables it tells to export."""
    from .conftest import COMMAND, environment

    processes: list[subprocess.Popen[str]] = []

    def start(*argv: str) -> dict[str, str]:
        process = subprocess.Popen(
            [*COMMAND, "emulate", *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment({}),
        )
        processes.append(process)
        assert process.stderr
        assert process.stdout
        for line in process.stderr:
            if line == "Ctrl-C ends it.\n":
                break
        process.terminate()
        lines = process.stdout.read().splitlines()
        assert all(line.startswith("export ") for line in lines)
        return dict(line.removeprefix("export ").split("=", 1) for line in lines)

    yield start
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stderr.close()


def test_what_it_tells_to_export_is_enough_to_ask(started: Started) -> None:
    exported = started()
    assert {"OPENAI_BASE_URL", "OPENAI_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"} <= {
        *exported
    }
    assert exported["OPENAI_BASE_URL"].endswith("/openai/v1")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("429", Status(429)),
        ("429:2", Status(429, retry_after=2.0)),
        ("cut", Cut(after_bytes=60)),
        ("cut:10", Cut(after_bytes=10)),
        ("stall:0", Stall(after_bytes=0)),
        ("hang", HangBeforeHeaders()),
    ],
)
def test_a_fault_by_its_name(text: str, meant: object) -> None:
    assert fault(text) == meant


@pytest.mark.parametrize("text", ["200", "nonsense", "cut:x", "hang:3", "429:x", ""])
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be a status, cut, stall, "):
        fault(text)


def test_a_port_that_is_taken_is_said(here: Run) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = here("emulate", "--port", port)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"g4fsync: --port {port}: Address already in use\n"
    assert here("emulate", "--port", "99999").code == 2


def test_it_answers_with_its_reply_latency_and_faults() -> None:
    from .conftest import COMMAND, environment

    argv = ["--reply", "so it is", "--latency", "0.1", "--fault", "429:0", "--fault", "cut:300"]
    with subprocess.Popen(
        [*COMMAND, "emulate", *argv], stdout=subprocess.PIPE, text=True, env=environment({})
    ) as process:
        assert process.stdout
        exported = {}
        while "OPENAI_API_KEY" not in exported:
            name, value = process.stdout.readline().removeprefix("export ").split("=", 1)
            exported[name] = value.strip()
        try:
            ask = [*COMMAND, "-m", "openai:any", "Hi", "--events"]
            done = subprocess.run(
                ask, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                env=environment(exported), check=False,
            )  # fmt: skip
        finally:
            process.terminate()
    assert '"error": "RateLimited"' in done.stdout
    assert '"error": "StreamInterrupted"' in done.stdout

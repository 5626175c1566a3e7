"""A real llama.cpp server, when ``G4FSYNC_LIVE_PYTHON`` names an interpreter that has one.

It needs the packages ``xllamacpp`` and ``gguf``; the model is made on the spot.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.timing import PATIENCE

TOOLS = Path(__file__).parent.parent / "tools"
PYTHON = os.environ.get("G4FSYNC_LIVE_PYTHON", "")

Llama = Callable[..., str]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.live_llama)
            if not PYTHON:
                item.add_marker(pytest.mark.skip(reason="G4FSYNC_LIVE_PYTHON is not set"))


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    """The URL of a server; one is started for each kind asked for."""
    folder = tmp_path_factory.mktemp("llama")
    running: dict[tuple[str, ...], str] = {}
    with contextlib.ExitStack() as stack:

        def url(*options: str, loop: bool = False) -> str:
            kind = ("--loop", *options) if loop else options
            if kind not in running:
                model = folder / ("loop.gguf" if loop else "tiny.gguf")
                if not model.exists():
                    make = [PYTHON, str(TOOLS / "make_tiny_gguf.py"), str(model)]
                    subprocess.run(make + ["--loop"] * loop, check=True, timeout=10 * PATIENCE)
                running[kind] = stack.enter_context(server(model, options))
            return running[kind]

        yield url


@contextlib.contextmanager
def server(model: Path, options: tuple[str, ...]) -> Iterator[str]:
    """Run a server as long as the block; its URL."""
    command = [PYTHON, str(TOOLS / "run_llama_server.py"), str(model), *options]
    log = model.with_suffix(f".{len(options)}.log")
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        # A server that hangs would make the reading below hang.
        alarm = threading.Timer(10 * PATIENCE, process.kill)
        alarm.start()
        for line in process.stdout:
            if line.startswith("listening "):
                break
        else:
            raise AssertionError(f"the server did not start: {log.read_text()[-2000:]}")
        alarm.cancel()
        try:
            yield line.split()[1]
        finally:
            process.stdin.close()
            process.wait(PATIENCE)

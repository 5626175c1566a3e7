"""Servers as processes: started on a free port, watched, and ended by their process id."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.support.timing import PATIENCE

#: Of a server that does not end when it is asked to.
KILL_AFTER_SECONDS = 5.0


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    command: Sequence[str], *, port: int, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command* in *folder* as long as the block, from when it listens on *port*.

    What it prints goes to a file in *folder*; an ``AssertionError`` shows its end when the
    server does not come up.
    """
    log = folder / f"{Path(command[0]).name}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
    try:
        _wait_until_listening(process, port, log)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes], *, gently: bool = True) -> None:
    """End *process* and wait for it; ``gently=False`` by SIGKILL."""
    if process.poll() is None:
        process.terminate() if gently else process.kill()
    try:
        process.wait(KILL_AFTER_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(PATIENCE)


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 2 * PATIENCE
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        ended = process.poll()
        assert ended is None, f"the server ended with {ended}: {log.read_text()[-2000:]}"
        assert time.monotonic() < until, f"the server is silent: {log.read_text()[-2000:]}"
        time.sleep(0.02)

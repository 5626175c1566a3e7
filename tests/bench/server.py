"""The load server: ``loadserver.c``, compiled anew for each run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).with_name("loadserver.c")


class NoCompiler(Exception):
    """There is no C compiler to make the server with."""


@contextmanager
def load_server() -> Iterator[str]:
    """Its URL; it runs until the block is left."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise NoCompiler("the load server is written in C: install gcc")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "loadserver"
        subprocess.run([compiler, "-O2", "-o", program, SOURCE], check=True)
        with subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().split()[1]}"
            process.communicate()  # closes its standard input, which ends it


@contextmanager
def tls_relay(server: str) -> Iterator[str]:
    """The URL of the same with TLS; its authority is put where clients look for them."""
    command = [sys.executable, "-m", "tests.bench.relay", server.rpartition(":")[2]]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port, bundle = process.stdout.readline().split()
        os.environ.update(REQUESTS_CA_BUNDLE=bundle, SSL_CERT_FILE=bundle)
        yield f"https://127.0.0.1:{port}"
        process.communicate()


def base_url(server: str, tokens: int, us: int = 0) -> str:
    """Where each answer has *tokens* tokens, one every *us* microseconds (0: a burst)."""
    return f"{server}/n={tokens};us={us}"

"""Batches against a server that enforces limits and writes down what it was asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from g4fsync import Client

from .parrot import Parrot

SERVER = Path(__file__).with_name("limited_server.py")


@dataclass(frozen=True)
class Limited:
    """A running server: its base URL, and its log."""

    url: str
    log: Path

    def calls(self) -> list[dict[str, Any]]:
        """What it was asked so far."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def answered(self) -> list[str]:
        """The texts it has answered."""
        return [each["text"] for each in self.calls() if each["status"] in (200, 599)]


Start = Callable[..., Limited]


@pytest.fixture
def parrot() -> Parrot:
    return Parrot()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.fixture
def limited(tmp_path: Path, no_proxy_variables: None) -> Iterator[Start]:
    """Start a server with the options of its command line; stopped after the test."""
    with ExitStack() as stack:
        started = 0

        def start(**options: object) -> Limited:
            nonlocal started
            started += 1
            log = tmp_path / f"server-{started}.log"
            argv = [sys.executable, str(SERVER), "--log", str(log)]
            for name, value in options.items():
                if value is False:
                    continue
                argv += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
            process = stack.enter_context(
                subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            assert process.stdin is not None
            assert process.stdout is not None
            stack.callback(process.kill)
            stack.callback(process.stdin.close)
            return Limited(f"http://127.0.0.1:{int(process.stdout.readline())}", log)

        yield start


@pytest.fixture
def client_of(no_proxy_variables: None) -> Iterator[Callable[..., Client]]:
    """A client of a server, its model ``openai:m``; closed after the test."""
    with ExitStack() as stack:

        def make(server: Limited, **settings: Any) -> Client:
            keys, urls = {"openai": "key"}, {"openai": server.url}
            client = Client("openai:m", **{"api_keys": keys, "base_urls": urls, **settings})
            return stack.enter_context(client)

        yield make

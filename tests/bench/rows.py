"""What is measured, with whom, and the goals.

A row is measured in rounds, in each of which every client has its turn, so that
what disturbs the machine disturbs all of them.  A value is the median over the
rounds; a ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
OURS = "g4fsync"


@dataclass(frozen=True, slots=True)
class Goal:
    """The most that *metric* may be, in *unit*, or as often as *against* has it."""

    metric: str
    limit: float
    unit: str
    against: str | None = None
    what: str = ""  # when the row has several


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement; ``task`` and ``quick`` are arguments of a function in :mod:`.child`."""

    name: str
    what: str
    task: Mapping[str, Any]
    goals: tuple[Goal, ...]
    peers: tuple[str, ...] = ()  # beside g4fsync and those the goals name
    rounds: tuple[int, int] = (5, 3)  # in all, and when it must be quick
    quick: Mapping[str, Any] = field(default_factory=dict)
    quick_peers: bool = True

    def clients(self, *, quick: bool) -> list[str]:
        named = [goal.against for goal in self.goals if goal.against]
        return list(
            dict.fromkeys([*named, OURS, *(self.peers if self.quick_peers or not quick else ())])
        )


def _burst(name: str, what: str, protocol: str, limit: float, *peers: str) -> Row:
    return Row(
        name,
        f"burst of {what}",
        {"task": "stream", "protocol": protocol, "tokens": 200_000},
        (Goal("cpu_us", limit, "us", "floor"),),
        peers=peers,
        rounds=(5, 2),
        quick={"tokens": 60_000},
    )


def _opening(name: str, what: str, **how: bool) -> Row:
    return Row(
        name,
        what,
        {"task": "requests", "times": 200, **how},
        (Goal("cpu_us", 0.8, "us", "requests"),),
        quick={"times": 100},
    )


def _values(name: str, what: str, kind: str, count: int) -> Row:
    sizes = (4, 20, 1000, 16_000)
    return Row(
        name,
        f"elements of a list of {what}, as each is closed",
        {"task": "values", "kind": kind, "count": count, "rounds": 40},
        tuple(
            Goal(f"times_{size}", 1.3, "x json.loads", None, f"pieces of {size} characters")
            for size in sizes
        ),
        rounds=(3, 1),
        quick={"rounds": 15},
    )


_PACE = {"task": "crowd", "us": 50_000, "tokens": 100}

ROWS = (
    _burst("openai", "OpenAI SSE", "openai", 0.5, "requests", "httpx", "openai"),
    _burst("responses", "Responses SSE", "responses", 0.8, "requests", "openai"),
    _burst("anthropic", "Anthropic SSE", "anthropic", 0.8, "requests", "anthropic"),
    _burst("ollama", "Ollama NDJSON", "ollama", 0.8, "requests", "ollama"),
    _burst("koala", "Koala SSE", "koala", 0.8, "requests"),
    _burst("flowgpt", "FlowGpt NDJSON", "flowgpt", 0.8, "requests"),
    Row(
        "socketio",
        "burst of Socket.IO messages",
        {"task": "stream", "protocol": "myshell", "tokens": 20_000},
        (Goal("cpu_us", 3.2, "us", "floor"),),
        peers=("websocket-client",),
    ),
    Row(
        "paced",
        "500 tokens/s, a wake-up each",
        {"task": "stream", "protocol": "openai", "tokens": 2500, "us": 2000},
        (Goal("cpu_us", 1.1, "us", "floor"),),
        peers=("requests", "httpx", "openai"),
        quick={"tokens": 1000},
        quick_peers=False,
    ),
    _values("values", "rows", "rows", 1500),
    _values("values-nested", "rows with rows in them", "orders", 1500),
    _values("values-texts", "texts", "texts", 1500),
    _values("values-numbers", "numbers", "numbers", 12_000),
    Row(
        "cancel-tool",
        "cancel while a tool blocks: until the caller is free",
        {"task": "cancelling", "times": 500},
        (
            Goal("blocked_p99_ms", 50, "ms", None, "a tool that sleeps, p99"),
            Goal("busy_p99_ms", 50, "ms", None, "a tool that computes, p99"),
        ),
        rounds=(1, 1),
        quick={"times": 100},
    ),
    Row(
        "archived",
        "the same, each word kept in an archive",
        {"task": "archived", "tokens": 500, "us": 2000, "rounds": 9},
        (Goal("added_percent", 3, "%", None, "CPU added, of a core"),),
        rounds=(1, 1),
        quick={"rounds": 3},
    ),
    Row(
        "request",
        "one token, warm connection",
        {"task": "requests", "times": 1000},
        (Goal("cpu_us", 0.55, "us", "requests"), Goal("cpu_us", 1.3, "us", "aiohttp")),
        peers=("httpx", "openai"),
        quick={"times": 300},
        quick_peers=False,
    ),
    _opening("request-tls", "one token, warm connection, TLS", tls=True),
    _opening("request-cold", "one token, a new client each", cold=True),
    _opening("request-cold-tls", "one token, a new client each, TLS", cold=True, tls=True),
    Row(
        "calls",
        "10 000 one-token calls, 64 at a time: time of a call",
        {"task": "calls", "times": 10_000, "workers": 64},
        (
            Goal("wall_us", 1 / 1.3, "us", "requests"),
            Goal("wall_us", 1 / 0.8, "us", "aiohttp"),
        ),
        rounds=(3, 1),
        quick={"times": 2000},
    ),
    Row(
        "batch",
        "a batch of 1 M rows that are answered at once",
        {"task": "batch", "rows": 1_000_000},
        (
            Goal("own_us", 150, "us", None, "CPU a row over a bare pool's"),
            Goal("added_us", 150, "us", None, "CPU a row over calls one after another"),
            Goal("grown_mb", 30, "MB", None, "memory grown"),
            Goal("skip_s", 1.5, "s", None, "100 k done rows skipped"),
        ),
        rounds=(1, 1),
        quick={"rows": 20_000},
    ),
    Row(
        "batch-http",
        "a batch over HTTP, 16 at a time: CPU a row",
        {"task": "batch_http", "rows": 5000, "workers": 16},
        (Goal("cpu_us", 1.2, "us", "requests"),),
        rounds=(3, 1),
        quick={"rows": 1000},
    ),
    Row(
        "compare-8",
        "compare with 8 lanes, 200 tokens/s each",
        {"task": "lanes", "streams": 8, "tokens": 400, "us": 5000},
        (Goal("cpu_us", 1.1, "us", "g4fsync-threads"),),
        rounds=(5, 2),
    ),
    Row(
        "threads-100",
        "100 streams, 20 tokens/s, threads",
        _PACE | {"streams": 100},
        (
            Goal("p99_ms", 2.0, "ms", "requests", "p99 lateness"),
            Goal("cpu_s", 0.95, "s", "requests", "CPU"),
        ),
        peers=("httpx", "openai"),
        rounds=(3, 1),
        quick={"tokens": 40},
        quick_peers=False,
    ),
    Row(
        "threads-500",
        "500 streams, 20 tokens/s, threads",
        _PACE | {"streams": 500},
        (
            Goal("unfinished", 0, "", None, "unfinished"),
            Goal("wall", 1.0, "x ideal", "requests", "wall"),
            Goal("p99_ms", 1.0, "ms", "requests", "p99 lateness"),
            Goal("cpu_s", 1.0, "s", "requests", "CPU"),
        ),
        peers=("openai",),
        rounds=(3, 1),
        quick={"tokens": 40},
        quick_peers=False,
    ),
    Row(
        "archived-500",
        "the same, each word kept in an archive",
        _PACE | {"task": "archived_crowd", "streams": 500},
        (Goal("p99_ms", 1.5, "ms", "no archive", "p99 lateness"),),
        rounds=(3, 1),
        quick={"tokens": 40},
        quick_peers=False,
    ),
    Row(
        "gevent-1000",
        "1000 streams, 20 tokens/s, gevent",
        _PACE | {"streams": 1000, "gevent": True},
        (
            Goal("unfinished", 0, "", None, "unfinished"),
            Goal("wall", 1.05, "x ideal", "aiohttp", "wall"),
            Goal("p99_ms", 1.0, "ms", "aiohttp", "p99 lateness"),
            Goal("cpu_s", 0.9, "s", "aiohttp", "CPU"),
        ),
        peers=("requests",),
        rounds=(3, 1),
        quick={"tokens": 60},
        quick_peers=False,
    ),
    Row(
        "import",
        "import, over python -c pass",
        {"task": "start"},
        (Goal("over_ms", 25, "ms"),),
        peers=("requests", "httpx", "ollama", "anthropic", "openai"),
        rounds=(15, 5),
        quick_peers=False,
    ),
    Row(
        "client",
        "import of its Client, over python -c pass",
        {"task": "start", "module": "g4fsync.client"},
        (Goal("over_ms", 0.5, "ms", "requests"),),
        rounds=(15, 5),
    ),
    Row(
        "compat",
        "import of compat.openai's OpenAI, over python -c pass",
        {"task": "start", "module": "g4fsync.compat.openai.client"},
        (Goal("over_ms", 0.5, "ms", "requests"),),
        rounds=(15, 5),
    ),
    Row(
        "version",
        "g4fsync --version in all",
        {"task": "start", "arguments": ["-m", "g4fsync", "--version"]},
        (Goal("ms", 60, "ms"),),
        rounds=(15, 5),
    ),
    Row(
        "memory-import",
        "resident memory with it imported",
        {"task": "imported", "module": "g4fsync.client"},
        (Goal("mb", 20, "MB"),),
        peers=("requests", "httpx", "ollama", "anthropic", "openai"),
        rounds=(3, 1),
        quick_peers=False,
    ),
    Row(
        "memory-stream",
        "resident memory of a live stream",
        {"task": "live", "streams": 200},
        (Goal("kb", 100, "kB"),),
        peers=("requests", "httpx", "openai"),
        rounds=(3, 1),
        quick_peers=False,
    ),
    Row(
        "long",
        "one stream of 1 M tokens",
        {"task": "long", "tokens": 1_000_000},
        (
            Goal("bytes", 16, "B", None, "memory per token, text included"),
            Goal("slowing", 1.2, "x", None, "its last fifth over its second"),
        ),
        peers=("floor",),
        rounds=(3, 1),
        quick={"tokens": 300_000},
    ),
)


def measure(task: Mapping[str, Any], client: str, server: str) -> dict[str, float]:
    """One client's turn."""
    arguments = dict(task)
    if arguments["task"] in ("start", "imported"):
        # Of g4fsync the row may name a module: what it offers is loaded when first asked for.
        arguments["module"] = arguments.get("module", client) if client == OURS else client
    if arguments["task"] == "start":
        return _start(arguments)
    if arguments["task"] != "imported":
        arguments |= {"client": client, "server": server}
    command = [sys.executable, "-m", "tests.bench.child", json.dumps(arguments)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _start(arguments: Mapping[str, Any]) -> dict[str, float]:
    """How much CPU an interpreter takes from its start to its end, in milliseconds.

    What it imports has been compiled before, as an installed package is.  It runs without
    ``site``: the ``.pth`` files of development tools take longer than what is measured, and
    hide what it imports by importing it themselves.
    """
    command = arguments.get("arguments") or ["-c", f"import {arguments['module']}"]
    plain, whole = _milliseconds("-c", "pass"), _milliseconds(*command)
    return {"ms": whole, "over_ms": whole - plain}


def _milliseconds(*arguments: str) -> float:
    paths = (str(ROOT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run(
        [sys.executable, "-S", *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000

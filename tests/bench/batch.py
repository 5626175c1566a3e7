"""What a batch costs: of its own, in memory, and to skip what is done.

The far side answers at once: a provider in this process for the own cost (CPU a row
of a batch, less that of the same calls in a bare pool of as many threads, and of calls
one after another), the load server beside ``concurrent.futures`` and ``requests`` written
by hand.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from g4fsync import ChatRequest, Client, Event, Finish, Provider, Transport

WORKERS = 16


class Instant(Provider):
    """Answers at once."""

    name = "instant"
    base_url = "http://127.0.0.1:9"
    default_model = "m"
    open_models = True

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        yield "yes"
        yield Finish("stop")


class Rows:
    """So many rows, made as they are read."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return ({"key": i, "text": f"row number {i}"} for i in range(self._count))


def own_cost(client: str, server: str, rows: int) -> dict[str, float]:
    """A batch of *rows* that are answered at once, then the same again, all of it done."""
    with tempfile.TemporaryDirectory() as folder, Client() as asking:
        settings: dict[str, Any] = {"provider": Instant(), "prompt": "Say {text}"}
        settings["max_workers"] = WORKERS
        asking.batch(Rows(1000), out=Path(folder, "warm"), **settings).run()
        began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        out = Path(folder, "out.jsonl")
        batch_us = _cpu_us(lambda: asking.batch(Rows(rows), out=out, **settings).run(), rows)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - began
        before = time.perf_counter()
        assert asking.batch(Rows(rows), out=out, **settings).run().reused == rows
        skipped = time.perf_counter() - before
        few = min(rows, 20_000)

        def call(i: int) -> None:
            asking.ask(f"row number {i}", provider=settings["provider"])

        with ThreadPoolExecutor(WORKERS) as pool:
            pooled_us = _cpu_us(lambda: deque(pool.map(call, range(few)), 0), few)
        return {
            "own_us": batch_us - pooled_us,
            "added_us": batch_us - _cpu_us(lambda: deque(map(call, range(few)), 0), few),
            "grown_mb": grown / 1024,
            "skip_s": skipped / rows * 100_000,
        }


def over_http(client: str, server: str, rows: int, workers: int) -> dict[str, float]:
    """Rows of one token each over HTTP: a batch, or what one writes by hand."""
    from .server import base_url

    url = base_url(server, 1)
    run = _by_batch if client == "g4fsync" else _by_hand
    run(url, 200, workers)
    return {"cpu_us": _cpu_us(lambda: run(url, rows, workers), rows)}


def _by_batch(url: str, rows: int, workers: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        keys, urls = {"openai": "k"}, {"openai": url}
        with Client("openai:m", api_keys=keys, base_urls=urls) as client:
            out = Path(folder, "out.jsonl")
            batch = client.batch(Rows(rows), out=out, prompt="{text}", max_workers=workers)
            assert batch.run().complete == rows


def _by_hand(url: str, rows: int, workers: int) -> None:
    """A pool of threads, a session in each, a line for each answer."""
    import threading

    import requests

    local = threading.local()

    def ask(row: dict[str, Any]) -> tuple[Any, str]:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        body = {"model": "m", "messages": [{"role": "user", "content": row["text"]}]}
        answer = local.session.post(
            f"{url}/chat/completions", json={**body, "stream": True}, timeout=30
        )
        text = ""
        for line in answer.text.splitlines():
            if line.startswith("data: {"):
                choices = json.loads(line[6:])["choices"]
                text += choices[0]["delta"].get("content") or "" if choices else ""
        return row["key"], text

    with tempfile.TemporaryFile("w") as file, ThreadPoolExecutor(workers) as pool:
        for key, text in pool.map(ask, Rows(rows)):
            file.write(json.dumps({"key": key, "text": text}) + "\n")
            file.flush()


def _cpu_us(work: Any, times: int) -> float:
    cpu = time.process_time()
    work()
    return (time.process_time() - cpu) / times * 1e6

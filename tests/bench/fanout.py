"""Many paced answers in one process: ``python -m tests.bench.fanout [--streams 10,100]``.

Each token carries the time at which it was sent; how late it is seen is what a
user feels; it is told of the time in which all are open.  ``compare`` is this
package's fan-out, read by one thread; ``threads`` a thread for each stream of this
package; ``requests`` and ``openai`` a thread for each stream of theirs.  Each is
measured in a process of its own, in the same run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any

from .child import resident_bytes
from .clients import CLIENTS, is_installed
from .server import NoCompiler, base_url, load_server

ROOT = Path(__file__).parents[2]
HOW = ("compare", "threads", "requests", "openai")
PER_SECOND = 20
HEAD = ("streams", "how", "CPU us/token", "late p50 ms", "late p99 ms", "MB", "threads", "opened s")

Late = list[int]  # nanoseconds by which each token was seen after it was sent
Seen = Callable[[int, str], None]  # which stream, and its token


def compare(url: str, streams: int, seen: Seen) -> None:
    """One reader; ``Client.compare`` has the threads."""
    from g4fsync import Client
    from g4fsync.providers.openai import OpenAI

    class Paced(OpenAI):
        default_model = "m"

    with Client() as client, client.compare("hi", [Paced(url)] * streams) as comparison:
        for lane, chunk in comparison:
            seen(lane.position, chunk)


def in_threads(name: str) -> Callable[[str, int, Seen], None]:
    """A thread for each stream, as users of that client have to do."""

    def run(url: str, streams: int, seen: Seen) -> None:
        ask = CLIENTS[name](url, "openai")

        def read(number: int) -> None:
            for text in ask():
                seen(number, text)

        threads = [threading.Thread(target=read, args=(n,)) for n in range(streams)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return run


def measured(how: str, server: str, streams: int, tokens: int) -> dict[str, float]:
    """In this process: what *streams* answers of *tokens* tokens each cost."""
    run = compare if how == "compare" else in_threads("g4fsync" if how == "threads" else how)
    run(base_url(server, 5, 1000), 1, lambda number, text: None)  # imports are not what is measured
    late: Late = []
    begun_ones: set[int] = set()
    opened: list[float] = []
    most = {"threads": 0, "bytes": 0}

    def seen(number: int, text: str) -> None:
        if opened:
            late.append(time.monotonic_ns() - int(text))
            if len(late) % 500 == 1:
                most["threads"] = max(most["threads"], threading.active_count())
                most["bytes"] = max(most["bytes"], resident_bytes())
        else:
            begun_ones.add(number)
            if len(begun_ones) == streams:
                opened.append(time.monotonic() - begun)

    before, cpu, begun = resident_bytes(), time.process_time(), time.monotonic()
    run(base_url(server, tokens, 1_000_000 // PER_SECOND), streams, seen)
    cpu = time.process_time() - cpu
    cuts = quantiles(late, n=100)
    return {
        "cpu_us": cpu / (streams * tokens) * 1e6,
        "p50_ms": cuts[49] / 1e6,
        "p99_ms": cuts[98] / 1e6,
        "mb": (most["bytes"] - before) / 1e6,
        "threads": most["threads"],
        "opened_s": opened[0],
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m tests.bench.fanout", description=__doc__)
    parser.add_argument("--streams", default="10,100,500", help="default: 10,100,500")
    parser.add_argument("--tokens", type=int, default=100, help="of each stream, 20 a second")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.child:
        print(json.dumps(measured(**json.loads(arguments.child))))
        return 0
    try:
        with load_server() as server:
            rows = [
                {"how": how, "streams": streams, **found}
                for streams in map(int, arguments.streams.split(","))
                for how in HOW
                for found in _found(how, server, streams, arguments.tokens)
            ]
    except NoCompiler as reason:
        print(f"skipped: {reason}")
        return 0
    lines = [HEAD, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(map(str.rjust, line, widths)))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def _found(how: str, server: str, streams: int, tokens: int) -> list[dict[str, float]]:
    """One measurement in a process of its own; none where the client is not installed."""
    if how not in ("compare", "threads") and not is_installed(how):
        print(f"{how}: not installed, left out", file=sys.stderr)
        return []
    task = {"how": how, "server": server, "streams": streams, "tokens": tokens}
    command = [sys.executable, "-m", "tests.bench.fanout", "--child", json.dumps(task)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return [found]


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    numbers = (row["cpu_us"], row["p50_ms"], row["p99_ms"], row["mb"])
    told = [f"{number:.1f}" for number in numbers]
    return str(row["streams"]), row["how"], *told, str(row["threads"]), f"{row['opened_s']:.2f}"


if __name__ == "__main__":
    sys.exit(main())

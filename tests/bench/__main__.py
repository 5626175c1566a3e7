"""``python -m tests.bench [--quick] [--json FILE] [names ...]``: run the rows, print the table."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from . import table
from .clients import is_installed
from .rows import OURS, ROWS, Row, measure
from .server import NoCompiler, load_server


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m tests.bench", description=__doc__)
    names = [row.name for row in ROWS]
    parser.add_argument("names", nargs="*", metavar="name", help=f"rows: {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="in under two minutes, less exact")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    arguments = parser.parse_args(argv)
    if unknown := set(arguments.names) - set(names):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    rows = [row for row in ROWS if not arguments.names or row.name in arguments.names]
    begin = time.monotonic()
    try:
        with load_server() as server:
            measured = {row.name: run(row, server, quick=arguments.quick) for row in rows}
    except NoCompiler as reason:
        print(f"skipped: {reason}")
        return 0
    told = table.circumstances()
    lines = [
        table.line(row, goal, measured[row.name])
        for row in rows
        if measured[row.name]
        for goal in row.goals
    ]
    print(f"\n{table.heading(told)}\n\n{table.text(lines)}")
    _say(f"{time.monotonic() - begin:.0f} s")
    if arguments.json:
        content = {**told, "quick": arguments.quick, "lines": lines, "measured": measured}
        arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def run(row: Row, server: str, *, quick: bool) -> dict[str, list[dict[str, float]]]:
    """What each round found, by client; nothing when g4fsync itself can't be measured."""
    task = {**row.task, **row.quick} if quick else row.task
    clients = row.clients(quick=quick)
    needed = ["gevent"] if row.task.get("gevent") else []
    missing = [each for each in (*clients, *needed) if not is_installed(each)]
    _say(f"{row.name} ..." + (f" not installed: {', '.join(missing)}" if missing else ""))
    if set(needed) & set(missing):
        return {}
    found: dict[str, list[dict[str, float]]] = {each: [] for each in clients if each not in missing}
    for _ in range(row.rounds[quick]):
        for client in tuple(found):
            try:
                found[client].append(measure(task, client, server))
            except subprocess.CalledProcessError:
                _say(f"{row.name}: {client} failed")
                del found[client]
    return found if OURS in found else {}


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

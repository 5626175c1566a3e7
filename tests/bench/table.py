"""The rows as one table and as JSON."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any

from .rows import OURS, Goal, Row

Rounds = Mapping[str, Sequence[Mapping[str, float]]]  # by client

PACKAGES = (
    ("g4fsync", "requests", "urllib3", "websocket-client", "gevent")  # ours and below
    + ("httpx", "openai", "anthropic", "ollama", "aiohttp")
)
HEADINGS = ("row", "what", "goal", "", "g4fsync", "", "reference", "peers")


def value(goal: Goal, rounds: Rounds, client: str) -> float:
    return median(found[goal.metric] for found in rounds[client])


def compared(goal: Goal, rounds: Rounds, client: str) -> float | None:
    """What is held against the limit; ``None`` when the reference is not installed."""
    if goal.against is None:
        return value(goal, rounds, client)
    if goal.against not in rounds:
        return None
    pairs = zip(rounds[client], rounds[goal.against], strict=True)
    return median(ours[goal.metric] / theirs[goal.metric] for ours, theirs in pairs)


def line(row: Row, goal: Goal, rounds: Rounds) -> dict[str, Any]:
    """One goal and how it was met."""
    found = compared(goal, rounds, OURS)
    peers = {
        client: compared(goal, rounds, client)
        for client in rounds
        if client not in (OURS, goal.against)
    }
    return {
        "row": row.name,
        "what": f"{row.what}: {goal.what}" if goal.what else row.what,
        "goal": asdict(goal),
        "value": value(goal, rounds, OURS),
        "reference": goal.against and goal.against in rounds and value(goal, rounds, goal.against),
        "compared": found,
        "met": None if found is None else found <= goal.limit,
        "peers": peers,
    }


def text(lines: Sequence[Mapping[str, Any]]) -> str:
    """All lines under each other, in columns."""
    cells = [HEADINGS, *map(_cells, lines)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(each, widths, strict=True)).rstrip()
        for each in cells
    )


def _cells(line: Mapping[str, Any]) -> tuple[str, ...]:
    goal = line["goal"]
    against, unit = goal["against"], goal["unit"]
    reference = "" if against is None else f"{against} {_short(line['reference'])} {unit}"
    ratio = "" if against is None else f"{_short(line['compared'])} x"
    return (
        line["row"],
        line["what"],
        f"<= {goal['limit']:g} {f'x {against}' if against else unit}".rstrip(),
        {True: "ok", False: "MISSED", None: "?"}[line["met"]],
        f"{_short(line['value'])} {unit}".rstrip(),
        ratio,
        reference,
        ", ".join(f"{peer} {_short(found)}" for peer, found in line["peers"].items()),
    )


def _short(number: float | None) -> str:
    if number is None or number is False:
        return "?"
    return (
        f"{number:.0f}"
        if abs(number) >= 100
        else f"{number:.2f}"
        if abs(number) < 10
        else f"{number:.1f}"
    )


def circumstances() -> dict[str, Any]:
    """When, and with what versions."""
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }


def heading(told: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in told["versions"].items())
    return f"{told['date']}, {told['python']}, {told['system']}\n{versions}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

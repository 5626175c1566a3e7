"""What stands in a batch's file, in figures: for ``status`` and for the page."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .reading import read_lines, target

MOST_SECONDS = 200_000  # measurements that are kept; of more only every second, fourth ...
EXAMPLES = 5  # keys shown of each kind of error
_MESSAGE_CHARACTERS = 200


@dataclass(slots=True)
class ErrorGroup:
    """Rows that ended with the same error."""

    name: str
    message: str
    count: int = 0
    keys: list[str] = field(default_factory=list)  # of the first ones


@dataclass(slots=True)
class FileDigest:
    """The rows of a file: how many, their errors grouped, times, tokens."""

    path: str
    complete: int = 0
    failed: int = 0
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    lost: int = 0  # calls that were under way when runs were ended
    models: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    errors: list[ErrorGroup] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # of complete rows, sorted

    @property
    def rows(self) -> int:
        return self.complete + self.failed

    def quantile(self, share: float) -> float | None:
        """The seconds that *share* of the rows did not exceed."""
        last = len(self.seconds) - 1
        return self.seconds[round(share * last)] if last >= 0 else None


def digest_file(path: str | os.PathLike[str]) -> FileDigest:
    """Read the file at *path*, which a batch may be writing; raises ``InvalidRequest``."""
    found = FileDigest(os.fspath(path))
    groups: dict[tuple[str, str], ErrorGroup] = {}
    every, number = 1, 0
    for line in read_lines(path):
        found.calls += line.get("attempts") or 0
        usage = line.get("usage") or {}
        found.input_tokens += usage.get("input_tokens") or 0
        found.output_tokens += usage.get("output_tokens") or 0
        found.models[f"{line.get('provider')}:{line.get('model')}"] += 1
        if (error := line.get("error")) is not None:
            found.failed += 1
            _group(groups, error, str(line["key"]))
            continue
        found.complete += 1
        found.reasons[line.get("finish_reason") or "none told"] += 1
        number += 1
        if number % every == 0:
            found.seconds.append(line.get("seconds") or 0.0)
            if len(found.seconds) >= MOST_SECONDS:
                found.seconds, every = found.seconds[::2], 2 * every
    found.seconds.sort()
    found.errors = sorted(groups.values(), key=lambda group: -group.count)
    found.lost = _lost(f"{target(path)}.calls")
    return found


def _group(groups: dict[tuple[str, str], ErrorGroup], error: Mapping[str, Any], key: str) -> None:
    name, message = str(error.get("type")), str(error.get("message"))[:_MESSAGE_CHARACTERS]
    group = groups.setdefault((name, message), ErrorGroup(name, message))
    group.count += 1
    if len(group.keys) < EXAMPLES:
        group.keys.append(key)


def _lost(path: str) -> int:
    """Calls under way now, or when the last run was ended, and those of runs before it."""
    try:
        first, *slots = Path(path).read_bytes().split(b"\n")
    except OSError:
        return 0
    before = int(first) if first.strip().isdigit() else 0
    return before + sum(len(slot.strip()) > 0 for slot in slots)

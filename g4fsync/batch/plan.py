"""What a batch would ask: :class:`Plan`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidRequest
from .index import digest
from .reading import read_lines

if TYPE_CHECKING:
    from .batch import Settings
    from .prices import Price


@dataclass(frozen=True, slots=True)
class Plan:
    """Rows, those that are in the file, those to be asked, and the most these may cost.

    A prompt has no more tokens than bytes; what answers can have is known with
    ``max_tokens`` only, and ``most_usd`` with prices too.
    """

    rows: int
    reused: int
    to_ask: int
    most_input_tokens: int
    most_output_tokens: int | None
    most_usd: float | None


def planned(settings: Settings, out: str | os.PathLike[str]) -> Plan:
    """The plan of a batch whose rows can be read more than once."""
    if not settings.source.is_repeatable:
        raise InvalidRequest("rows that can be read only once have no plan; give a file or a list")
    done: dict[int, tuple[str, bool]] = {}
    if Path(out).exists():
        for line in read_lines(out):
            done[digest(line["key"].encode("utf-8", "replace"))] = line["hash"], "error" in line
    is_begun = bool(done)
    rows = reused = sent = 0
    usd: float | None = 0.0
    prices: dict[str | None, Price | None] = {}  # by a row's own model
    for number, value in settings.source.values():
        row = settings.job.row(number, value)
        rows += 1
        hash, failed = done.get(row.digest, ("", False))
        if hash == row.hash and not (failed and settings.retry_errors):
            reused += 1
            continue
        done[row.digest] = row.hash, False  # asked once, however often it stands there
        sent += row.most_tokens
        if row.model not in prices:
            prices[row.model] = settings.spending.price(*settings.seat(row.model)[:2])
        price = prices[row.model]
        if price is None or settings.max_tokens is None or usd is None:
            usd = None
        else:
            usd += row.most_tokens * price[0] + settings.max_tokens * price[1]
    if rows and is_begun and not reused and not settings.retry_errors:
        raise InvalidRequest(f"{os.fspath(out)} belongs to another job; give another file")
    to_ask = rows - reused
    received = None if settings.max_tokens is None else to_ask * settings.max_tokens
    return Plan(rows, reused, to_ask, sent, received, usd)

"""What it costs to read a list's elements while its text comes, against reading it at once.

Two things stand beside it: one ``json.loads`` of the complete text, which is the unit, and
the floor, which is that behind a loop that only collects the pieces in a list.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from g4fsync.schemas.elements import Elements

SIZES = (4, 20, 1000, 16_000)  # of a piece, in characters; those up to 20 are a mean
_WORDS = (
    *("amber", "birch", "cedar", "delta", "ember"),
    *("fjord", "grove", "harbor", "inlet", "jasmine"),
)


def cost(kind: str, count: int, rounds: int) -> dict[str, float]:
    """The ratios for pieces of each size, and for the smallest nanoseconds a piece.

    CPU of this thread, the least of *rounds* in which all have their turn.
    """
    chance = random.Random(1)
    text = json.dumps([_KINDS[kind](chance) for _ in range(count)])
    assert _by_element([text]) == json.loads(text)
    found: dict[str, float] = {}
    for size in SIZES:
        pieces = _cut(text, size, chance)
        at_once, collected, streamed = _least(
            rounds,
            partial(json.loads, text),
            partial(_collected, pieces),
            partial(_by_element, pieces),
        )
        found[f"times_{size}"] = streamed / at_once
        found[f"floor_{size}"] = collected / at_once
        found[f"piece_ns_{size}"] = streamed / len(pieces) * 1e9
    return found


def _cut(text: str, size: int, chance: random.Random) -> list[str]:
    pieces, at = [], 0
    while at < len(text):
        length = chance.randint(1, 2 * size - 1) if size <= 20 else size
        pieces.append(text[at : at + length])
        at += length
    return pieces


def _by_element(pieces: Iterable[str]) -> list[Any]:
    found: list[Any] = []
    for closed in Elements("items").read(pieces):
        found += closed
    return found


def _collected(pieces: Iterable[str]) -> Any:
    kept: list[str] = []
    keep = kept.append
    for piece in pieces:
        keep(piece)
    return json.loads("".join(kept))


def _least(rounds: int, *works: Callable[[], object]) -> list[float]:
    least = [float("inf")] * len(works)
    for _ in range(rounds):
        for number, work in enumerate(works):
            begin = time.thread_time()
            work()
            least[number] = min(least[number], time.thread_time() - begin)
    return least


def _row(chance: random.Random) -> dict[str, Any]:
    name, note = (" ".join(chance.choices(_WORDS, k=k)) for k in (3, 8))
    return {"name": name, "city": chance.choice(_WORDS), "age": chance.randrange(90), "note": note}


def _order(chance: random.Random) -> dict[str, Any]:
    address = {"street": " ".join(chance.choices(_WORDS, k=2)), "zip": "12345"}
    lines = [{"name": chance.choice(_WORDS), "count": chance.randrange(9)} for _ in range(2)]
    return {"name": chance.choice(_WORDS), "address": address, "lines": lines}


def _text(chance: random.Random) -> str:
    return " ".join(chance.choices(_WORDS, k=8))


_KINDS: dict[str, Callable[[random.Random], Any]] = {
    "rows": _row,
    "orders": _order,
    "texts": _text,
    "numbers": lambda chance: chance.randrange(10**6),
}

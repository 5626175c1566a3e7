"""What is raised when a JSON value is not what was asked for, and how its place is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

MISSING = object()  # in place of a value that is not there
_SHOWN_CHARS = 60  # of a value that does not fit


class Misfit(ValueError):
    """A value that does not fit; ``path`` leads to it, ``expected`` says what should be there.

    ``got`` is the value, :data:`MISSING` when there is none.
    """

    def __init__(self, path: Path, expected: str, got: object = MISSING) -> None:
        self.path = path
        self.expected = expected
        self.got = got
        super().__init__(path, expected, got)

    def __str__(self) -> str:
        where = f"{path_text(self.path)}: " if self.path else ""
        return f"{where}expected {self.expected}, got {shown(self.got)}"


def path_text(path: Path) -> str:
    """*path* as people write it: ``people[3].age``; a name that is no word as ``["a b"]``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.isidentifier():
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text


def shown(value: object) -> str:
    """The beginning of *value* as JSON, for a message."""
    if value is MISSING:
        return "nothing"
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."


def deepest(misfits: Sequence[Misfit], path: Path, value: object) -> Misfit:
    """Of the reasons why *value* fits none of several schemas the one that says most."""
    furthest = max(misfits, key=lambda misfit: len(misfit.path))
    if len(furthest.path) > len(path):
        return furthest
    words = dict.fromkeys(misfit.expected for misfit in misfits)
    return Misfit(path, " or ".join(words), value)

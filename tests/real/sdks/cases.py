"""Runs a script's cases and prints one JSON line for each: its name, and what was seen.

A script is called with the base URL and the key of an emulator.  It runs in an environment of
its own, where nothing of this package is installed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

#: A picture of one red dot.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


def run(cases: Mapping[str, Callable[[], Any]]) -> None:
    """Run the cases one after the other; an exception is what was seen, too."""
    for name, case in cases.items():
        try:
            line = {"case": name, "seen": case()}
        except Exception as exc:
            line = {"case": name, "failed": f"{type(exc).__module__}.{type(exc).__name__}: {exc}"}
        print(json.dumps(line, default=str), flush=True)


def error_of(call: Callable[[], Any]) -> str:
    """The class of the error that a call raises."""
    try:
        call()
    except Exception as exc:
        return type(exc).__name__
    return "none"


def arguments() -> tuple[str, str]:
    """The emulator's base URL for this SDK, and its key."""
    return sys.argv[1], sys.argv[2]

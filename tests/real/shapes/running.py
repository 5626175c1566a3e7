"""A script run with a library, or with the shape this package has of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .openai_responses import RESPONSE_STREAMS, RESPONSES
from .openai_server import ShapesServer
from .openai_streams import COMPLETIONS, REFUSALS, STREAMS, TOLD

SCRIPT = Path(__file__).with_name("openai_script.py")
ROOT = Path(__file__).parents[3]
SECONDS = 180.0
CASES = {
    "stream": list(STREAMS),
    "told": list(TOLD),
    "completion": list(COMPLETIONS),
    "refusal": list(REFUSALS),
    "response": list(RESPONSES),
    "response stream": list(RESPONSE_STREAMS),
}


@dataclass(frozen=True)
class Outcome:
    """What the server was asked, and what the cases gave, by their names."""

    asked: Mapping[str, Any]
    seen: Mapping[str, Any]


def outcome(python: str, module: str) -> Outcome:
    """Run the script with *python*, its calls through *module*."""
    with ShapesServer() as server:
        done = subprocess.run(
            [python, str(SCRIPT), module, server.url],
            capture_output=True,
            encoding="utf-8",
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            env=_surroundings(),
        )
        asked = {name: each for name, each in server.recorded.asked.items() if "sent/" in name}
    if done.returncode:
        raise AssertionError(f"{module}: exit {done.returncode}: {done.stderr[-2000:]}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    seen = {
        line["case"]: line["seen"] if "seen" in line else f"failed: {line['failed']}"
        for line in lines
    }
    return Outcome(_at(asked, server.url), _at(seen, server.url))


def _at(value: Any, url: str) -> Any:
    """*value* without the port, which is another one each time."""
    found: Any = json.loads(json.dumps(value).replace(url, "http://server"))
    return found


def _surroundings() -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "CASES": json.dumps(CASES),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(ROOT),
    }

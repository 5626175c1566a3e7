"""The official SDKs against the emulator: which scripts there are, and what they saw.

A script prints one JSON line per case: ``{"case": name, "seen": value}``, or ``failed`` in place of
``seen``.  What it should see stands in ``expected.json``.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from g4fsync.emulator import Emulator

from .environments import Environment

FOLDER = Path(__file__).with_name("sdks")
EXPECTED_FILE = Path(__file__).with_name("expected.json")
SECONDS = 120.0  # for one script

Cases = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Script:
    """One SDK's cases.

    ``name`` is the file's, ``far_side`` the one it talks to (``None``: to all of them), ``group``
    the one of ``pins.json`` it runs in.
    """

    name: str
    far_side: str | None
    group: str = "sdks"

    @property
    def is_python(self) -> bool:
        """Whether it runs in the virtual environment, not in the npm folder."""
        return self.name.endswith(".py")

    @property
    def needs(self) -> tuple[str, str]:
        """The group, and the registry it comes from."""
        return self.group, "pypi" if self.is_python else "npm"


SCRIPTS = (
    Script("openai_python.py", "openai"),
    Script("anthropic_python.py", "anthropic"),
    Script("google_python.py", "gemini"),
    Script("ollama_python.py", "ollama"),
    Script("openai_npm.mjs", "openai"),
    Script("anthropic_npm.mjs", "anthropic"),
    Script("google_npm.mjs", "gemini"),
    Script("ollama_npm.mjs", "ollama"),
    Script("vercel_npm.mjs", None),
    Script("frameworks_python.py", None, "frameworks"),
)


def expected(script: Script) -> Cases:
    """What a script's cases have to see."""
    table: Mapping[str, Cases] = json.loads(EXPECTED_FILE.read_text(encoding="utf-8"))
    return table[script.name]


def cases_seen(script: Script, environment: Environment) -> tuple[Cases, list[Exception]]:
    """Run a script: what its cases saw, and the failures of the emulator meanwhile.

    A case that failed has its error as text, after ``"failed: "``.
    """
    helpers = sorted(FOLDER.glob(f"cases{Path(script.name).suffix}"))
    path, *_ = environment.scripts(FOLDER / script.name, *helpers)
    with Emulator() as emulator:
        urls = emulator.base_urls
        url = json.dumps(urls) if script.far_side is None else urls[script.far_side]
        done = subprocess.run(
            [*environment.command, str(path), url, emulator.api_key],
            capture_output=True,
            encoding="utf-8",
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            cwd=environment.folder,
            env=_surroundings(),
        )
        records = [record for side in emulator.far_sides.values() for record in side.requests]
    if done.returncode:
        raise AssertionError(f"{script.name}: exit {done.returncode}: {done.stderr[-2000:]}")
    failures = [record.failure for record in records if record.failure]
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"case"')]
    cases = {
        line["case"]: line["seen"] if "seen" in line else f"failed: {line['failed']}"
        for line in lines
    }
    return cases, failures


def _surroundings() -> dict[str, str]:
    # Neither the machine's keys and base URLs nor its proxies are to decide a case.
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PYTHONIOENCODING": "utf-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }

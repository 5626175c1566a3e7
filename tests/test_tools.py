"""The tools that read the code: format, lint, types."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.timeout(300)  # mypy's first run has no cache
@pytest.mark.parametrize(
    "command",
    ["ruff format --check", "ruff check", pytest.param("mypy", marks=pytest.mark.slow)],
)
def test_tool_is_content(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"


def test_the_top_level_holds_what_was_asked_for() -> None:
    allowed = {"setup.cfg", "setup.py", "g4fsync", "tests", "examples", "README.md", "LICENSE"}
    allowed |= {"MANIFEST.in", "build", "dist", "g4fsync.egg-info"}  # the last three are made
    found = {each.name for each in ROOT.iterdir() if not each.name.startswith(".")}
    assert found - allowed == set()

"""Completion as the shells ask for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from g4fsync.cli.verbs import VERBS

if TYPE_CHECKING:
    from .conftest import Run


def completions(line: str, folder: Path) -> list[str]:
    """What a shell is offered at the end of *line*, by argcomplete's protocol."""
    from .conftest import environment

    answer = folder / "completions"
    variables = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_COMP_WORDBREAKS": " \t\n",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line.encode())),
        "COMP_TYPE": "9",
    }
    subprocess.run(
        [sys.executable, "-m", "g4fsync"],
        env=environment(variables),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return [each.strip() for each in answer.read_text().split("\n")]


def test_commands_are_completed(tmp_path: Path) -> None:
    assert {each for each in completions("g4fsync ", tmp_path) if each[0] != "-"} >= {*VERBS}
    assert completions("g4fsync mod", tmp_path) == ["models"]
    assert completions("g4fsync keys r", tmp_path) == ["remove"]


@pytest.mark.slow
def test_options_and_models_are_completed(tmp_path: Path) -> None:
    assert "--hide-reasoning" in completions("g4fsync ask --hi", tmp_path)
    assert completions("g4fsync --vers", tmp_path) == ["--version"]
    assert "--fallback" in completions("g4fsync --fal", tmp_path)
    assert "koala" in completions("g4fsync -m ko", tmp_path)
    assert completions("g4fsync doctor openass", tmp_path) == ["openassistant"]
    assert completions("g4fsync keys set openass", tmp_path) == ["openassistant"]
    assert completions("g4fsync models openass", tmp_path) == ["openassistant"]
    assert completions("g4fsync config get mo", tmp_path) == ["model"]
    assert "koala:gpt-4o" in completions("g4fsync compare -m koala:gpt-4", tmp_path)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_given_its_script(here: Run, shell: str) -> None:
    done = here("completion", shell)
    assert (done.code, done.err) == (0, "")
    assert "g4fsync" in done.out
    assert "_ARGCOMPLETE" in done.out or "argcomplete" in done.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_good_for_its_shell(here: Run, shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    script = tmp_path / "script"
    script.write_text(here("completion", shell).out)
    subprocess.run([shell, "-n", str(script)], check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_with_it(here: Run, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(here("completion", "bash").out)
    ask = (
        f"source {script}; COMP_LINE='g4fsync mod'; COMP_POINT=11; COMP_WORDS=(g4fsync mod);"
        'COMP_CWORD=1; COMP_TYPE=9; _python_argcomplete g4fsync mod g4fsync; echo "${COMPREPLY[@]}"'
    )
    (tmp_path / "g4fsync").write_text(f'#!/bin/sh\nexec {sys.executable} -m g4fsync "$@"\n')
    (tmp_path / "g4fsync").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", ask], env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert done.stdout.split() == ["models"], done.stderr

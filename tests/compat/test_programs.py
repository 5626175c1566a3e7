"""Programs written for ``openai`` and ``g4f`` print the same with one import line changed.

What they printed with the libraries themselves stands beside them; ``tests/real`` runs them
so anew.
"""

from __future__ import annotations

import sys

import pytest

from g4fsync.compat.checking import check

from .running import FOLDER, PROGRAMS, changed, printed_there, run, source


@pytest.mark.timeout(90)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_the_same_after_its_import_is_changed(name: str) -> None:
    assert run(sys.executable, changed(source(name))) == printed_there(name)


@pytest.mark.parametrize("name", PROGRAMS)
def test_only_lines_that_import_are_changed(name: str) -> None:
    before, after = source(name).splitlines(), changed(source(name)).splitlines()
    differing = [old for old, new in zip(before, after, strict=True) if old != new]
    assert differing
    assert all(line.startswith(("import ", "from ")) for line in differing)


@pytest.mark.parametrize("name", PROGRAMS)
def test_compat_check_knows_that_it_is_covered(name: str) -> None:
    uses = check(FOLDER / f"{name}.py")
    assert uses
    missing = [use.name for use in uses if not use.is_covered]
    # One of the errors that it provokes.
    mistake = ["openai.OpenAI().chat.completions.create(message=)"]
    assert missing == (mistake if name == "openai_errors" else [])

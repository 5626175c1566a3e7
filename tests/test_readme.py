"""The READMEs tell the truth: their code runs, their tables are those of the code.

Each Python block, of the README of the project and of those in its folders, is
run in a namespace of its own, in an empty folder with a ``cookies.txt``, with the
providers' base URLs at an emulator.  Invisible comments above a block say more:
``<!-- before: ... -->`` and ``<!-- after: ... -->`` are code, ``<!-- prints: ... -->``
is part of what the block must print.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import g4fsync.emulator
from g4fsync import errors, registry
from g4fsync.cli import arguments, exits
from g4fsync.emulator import Emulator

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
DOCUMENTS = [
    README,
    *(path for top in ("g4fsync", "tests", "examples") for path in (ROOT / top).rglob("README.md")),
]


@dataclass(frozen=True, slots=True)
class Block:
    path: Path
    language: str
    code: str
    line: int
    comments: dict[str, str]

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def blocks(language: str, path: Path = README) -> list[Block]:
    found = []
    text = path.read_text(encoding="utf-8")
    pattern = r"((?:<!--.*?-->\n)*)```(\w+)\n(.*?)^```$"
    for match in re.finditer(pattern, text, re.DOTALL | re.MULTILINE):
        if match[2] == language:
            comments = dict(re.findall(r"<!-- (\w+): (.*?) -->", match[1]))
            line = text[: match.start(3)].count("\n")
            found.append(Block(path, language, match[3], line, comments))
    return found


PYTHON = [block for path in DOCUMENTS for block in blocks("python", path)]


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Emulator]:
    """An emulator that the providers take for their sites."""
    with Emulator(tokens_per_second=20) as emulator:
        for name, url in emulator.base_urls.items():
            if name in registry.provider_names():
                monkeypatch.setattr(registry.provider_class(name), "base_url", url)
        monkeypatch.setenv("OPENAI_API_KEY", emulator.api_key)
        monkeypatch.chdir(tmp_path)
        cookies = emulator.cookies("openassistant").items()
        lines = [f"127.0.0.1\tFALSE\t/\tFALSE\t0\t{name}\t{value}\n" for name, value in cookies]
        Path("cookies.txt").write_text("".join(["# Netscape HTTP Cookie File\n", *lines]))
        yield emulator


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_block_runs(
    block: Block, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    around = {**vars(g4fsync.emulator), "emulator": emulator}
    exec(block.comments.get("before", ""), around)
    namespace: dict[str, Any] = {"__name__": "readme"}
    # Line numbers in a traceback are those of the README.
    exec(compile("\n" * block.line + block.code, str(block.path), "exec"), namespace)
    exec(block.comments.get("after", ""), namespace)
    assert block.comments.get("prints", "") in capsys.readouterr().out


def test_each_python_block_is_proved_by_what_it_prints_or_asserts() -> None:
    assert len(blocks("python")) >= 6
    assert [str(each) for each in PYTHON if not each.comments.keys() & {"prints", "after"}] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_link_to_a_file_leads_to_one(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_a_provider_of_ones_own_takes_less_than_40_lines() -> None:
    (block,) = [each for each in blocks("python") if "class Parrot" in each.code]
    assert len(block.code.splitlines()) < 40


def test_one_line_runs_the_demo_and_one_the_tests() -> None:
    demo, tests = (block.code.strip() for block in blocks("sh")[:2])
    assert demo.endswith("g4fsync demo")
    assert tests.endswith("pytest")
    assert "\n" not in demo + tests


@pytest.mark.parametrize(
    "line", [line for block in blocks("sh")[2:] for line in block.code.splitlines()]
)
def test_command_line_is_understood(line: str) -> None:
    words = shlex.split(line.partition(" <")[0], comments=True)
    assert words[0] == "g4fsync"
    arguments.parse(words[1:])


def table(heading: str) -> list[list[str]]:
    """The rows of the table whose first heading is *heading*, without back-ticks."""
    after = TEXT.partition(f"| {heading} |")[2].split("\n\n")[0]
    return [[cell.strip(" `") for cell in line[1:-1].split("|")] for line in after.split("\n")[2:]]


def test_the_table_of_providers_is_honest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("G4FSYNC_PLUGINS", "0")
    monkeypatch.setattr(registry, "_registered", {})
    told = {row[0]: (row[1], row[2]) for row in table("name")}
    known = {
        name: (made.status, made.default_model or "")
        for name in registry.provider_names()
        for made in [registry.provider_class(name)()]
    }
    assert told == known


def test_the_table_of_exit_codes_is_complete() -> None:
    known = {value for name, value in vars(exits).items() if name.isupper() and name[0] != "_"}
    assert {int(row[0]) for row in table("exit code")} == {0, *known}


def test_the_tree_of_errors_is_the_one_in_the_code() -> None:
    tree = blocks("text")[0]
    drawn = (errors.__doc__ or "").replace("\n    ", "\n")
    assert tree.code in drawn


def test_extras_are_those_of_the_package() -> None:
    told = set(
        re.findall(r"\w+", " ".join(row[0] for row in table('`pip install "g4fsync[...]"`')))
    )
    assert told == {"socks", "emulator", "cli", "cluster", "test", "dev"}

"""The READMEs tell the truth: their code runs, their tables are those of the code.

Each Python block, of the README of the project and of those in its folders, is
run in a namespace of its own, in an empty folder with a ``cookies.txt``, with the
providers' base URLs at an emulator.  Invisible comments above a block say more:
``<!-- before: ... -->`` and ``<!-- after: ... -->`` are code, ``<!-- prints: ... -->``
is part of what the block must print.
"""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import g4fsync.emulator
from g4fsync import errors, registry
from g4fsync.cli import exits, verbs
from g4fsync.emulator import Emulator
from g4fsync.providers.preset_row import PresetRow
from g4fsync.providers.preset_rows import PRESET_ROWS

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
EVERYDAY = ROOT / "examples" / "README.md"
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


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A page may show how logging is set up: that is for its own block only."""
    loggers = [logging.getLogger(), logging.getLogger("g4fsync")]
    before = [(each, each.level, each.handlers[:]) for each in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Emulator]:
    """An emulator that the providers take for their sites."""
    with Emulator(tokens_per_second=100) as emulator:
        for name, url in emulator.base_urls.items():
            if name in registry.provider_names():
                made = registry.provider_class(name)
                monkeypatch.setattr(made, "base_url", url)
                for variable in made.key_variables[:1]:
                    monkeypatch.setenv(variable, emulator.api_key)
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
    exec(
        compile("\n" * block.line + block.code, str(block.path), "exec", dont_inherit=True),
        namespace,
    )
    exec(block.comments.get("after", ""), namespace)
    assert block.comments.get("prints", "") in capsys.readouterr().out


def test_each_python_block_is_proved_by_what_it_prints_or_asserts() -> None:
    assert len(blocks("python")) >= 4
    assert [str(each) for each in PYTHON if not each.comments.keys() & {"prints", "after"}] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_link_to_a_file_leads_to_one(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_it_is_short_enough_to_be_read() -> None:
    assert len(TEXT.splitlines()) < 300


def test_one_line_runs_the_demo_and_one_the_tests() -> None:
    demo, tests = (code for block in blocks("sh") if (code := block.code).startswith("python3 -m"))
    assert demo.strip().endswith("g4fsync demo")
    assert tests.strip().endswith("pytest")
    assert (demo + tests).count("\n") == 2


def test_it_begins_with_how_to_install() -> None:
    assert blocks("sh")[0].code == "pip install g4fsync\n"


COMMANDS = [
    line for path in DOCUMENTS for block in blocks("sh", path) for line in block.code.splitlines()
]
COMMANDS += re.findall(r"`(g4fsync [^`]* -m [^`]*)`", TEXT)


@pytest.mark.parametrize("line", [each for each in COMMANDS if each.startswith("g4fsync ")])
def test_command_line_is_understood(line: str) -> None:
    words = shlex.split(line.partition(" <")[0], comments=True)
    assert words[0] == "g4fsync"
    arguments = verbs.parse(words[1:])
    for model in (getattr(arguments, "model", None), *getattr(arguments, "models", ())):
        if model is not None:
            provider, name = registry.split(model)
            provider().model_name(name)  # raises where the model must be said


def table(heading: str, path: Path = README) -> list[list[str]]:
    """The rows of the table whose first heading is *heading*, without back-ticks."""
    after = path.read_text(encoding="utf-8").partition(f"| {heading} |")[2].split("\n\n")[0]
    return [[cell.strip(" `") for cell in line[1:-1].split("|")] for line in after.split("\n")[2:]]


def test_the_table_of_providers_is_honest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("G4FSYNC_PLUGINS", "0")
    monkeypatch.setattr(registry, "_registered", {})
    listed: dict[str, set[str]] = {}
    for status, names, _ in table("status"):
        found = re.findall(r"`?([\w-]+)`", f"{names}`")
        listed.setdefault(status.partition(",")[0], set()).update(found)
    known: dict[str, set[str]] = {}
    for name in registry.provider_names():
        known.setdefault(registry.provider_class(name)().status, set()).add(name)
    assert listed == known


def test_the_table_of_presets_is_that_of_the_rows() -> None:
    for group in dict.fromkeys(row.group for row in PRESET_ROWS if row.status == "active"):
        rows = [row for row in PRESET_ROWS if (row.group, row.status) == (group, "active")]
        assert f"| active, {group} | {_names(rows)} | a key |\n" in TEXT
    for status, before in (("keyless", ""), ("local", "`ollama`, ")):
        rows = [row for row in PRESET_ROWS if row.status == status]
        assert f"| {status} | {before}{_names(rows)} | " in TEXT


def _names(rows: list[PresetRow]) -> str:
    names = []
    for row in rows:
        rate = "" if row.rate is None else f" ({row.rate[0]} requests in {row.rate[1]} s)"
        names.append(f"`{row.name}`{'†' if row.doubts else ''}{rate}")
    return ", ".join(names)


def test_the_list_of_exit_codes_is_complete() -> None:
    known = {value for name, value in vars(exits).items() if name.isupper() and name[0] != "_"}
    listed = TEXT.partition("Exit codes: ")[2].partition("\n\n")[0]
    assert {int(each) for each in re.findall(r"\d+", listed)} == {0, *known}


def test_the_tree_of_errors_is_the_one_in_the_code() -> None:
    tree = blocks("text")[0]
    drawn = (errors.__doc__ or "").replace("\n    ", "\n")
    assert tree.code in drawn


def test_extras_are_those_of_the_package() -> None:
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = TEXT.partition("Extras, `pip install")[2].partition("\n\n")[0]
    # What stands in brackets says what an extra is for, not what it is called.
    names = re.findall(r"`(\w+)`", re.sub(r"\([^()]*(\([^()]*\))?[^()]*\)", "", listed))
    assert set(names) == set(settings["options.extras_require"])


def test_the_variables_are_those_that_are_read() -> None:
    listed = set(
        re.findall(r"G4FSYNC_\w+", " ".join(row[0] for row in table("variable", EVERYDAY)))
    )
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "g4fsync").rglob("*.py"))
    # What ends in "_" is the beginning of names.
    read = {name for text in sources for name in re.findall(r"\bG4FSYNC_[A-Z_]*[A-Z]\b", text)}
    assert listed == read


def test_this_version_is_in_the_list_of_changes() -> None:
    text = (ROOT / "g4fsync" / "CHANGES.md").read_text(encoding="utf-8")
    assert g4fsync.__version__ in re.findall(r"^## (\S+)$", text, re.MULTILINE)

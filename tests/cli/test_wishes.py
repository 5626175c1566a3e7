"""``g4fsync ask`` with ``--schema``, ``--tool`` and ``--approve``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from g4fsync.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Run, Terminal

TOOLS = """
def add(a: int, b: int = 1) -> int:
    "Add two numbers."
    return a + b

class Box:
    @staticmethod
    def look() -> str:
        return "nothing\\x1b[2J in it"

number = 3
"""


@pytest.fixture
def openai(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("OPENAI_API_KEY", emulator.api_key)
    monkeypatch.setenv("OPENAI_BASE_URL", emulator.base_urls["openai"])
    return ["-m", "openai:emulator"]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module with tools, in the folder that is the current one."""
    name = f"tools_of_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(TOOLS)
    monkeypatch.chdir(tmp_path)
    return name


def test_a_schema_in_few_words_gives_json(here: Run, openai: list[str], emulator: Emulator) -> None:
    done = here("Ann, 3", *openai, "--schema", "name, age int")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {"name": "Ann, 3", "age": 1}
    told = emulator.openai.wait_ended()[-1].body["response_format"]["json_schema"]
    assert (told["strict"], told["schema"]["required"]) == (True, ["name", "age"])


def test_a_schema_may_be_a_file_or_json_itself(
    here: Run, openai: list[str], tmp_path: Path
) -> None:
    schema = json.dumps({"type": "array", "items": {"type": "integer"}})
    file = tmp_path / "schema.json"
    file.write_text(schema)
    assert json.loads(here("Hi", *openai, "--schema", str(file)).out) == [1]
    wrapped = json.dumps({"type": "object", "properties": {"a": {"type": "boolean"}}})
    assert set(json.loads(here("Hi", *openai, "--schema", wrapped).out)) <= {"a"}


def test_json_has_the_value_too(here: Run, openai: list[str]) -> None:
    told = json.loads(here("Ann", *openai, "--schema", "name", "--json").out)
    assert (told["value"], told["mode"], told["text"]) == (
        {"name": "Ann"},
        "native",
        '{"name": "Ann"}',
    )


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("name numbr", "schema: expected a name and a type"),
        ("missing.json", "--schema missing.json: can't be read: No such file or directory"),
        ("{", "--schema: no JSON: "),
        ('{"a": 1}', "returns: a mapping must be a JSON schema"),
    ],
)
def test_a_wrong_schema_is_a_usage_error(
    here: Run, openai: list[str], schema: str, message: str
) -> None:
    done = here("Hi", *openai, "--schema", schema)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_an_answer_that_does_not_fit_is_exit_code_1(
    here: Run, koala: list[str], emulator: Emulator
) -> None:
    done = here("Hi", *koala, "--schema", "name, age int")
    assert done.code == 1
    assert "the answer does not fit: name: expected a string, got nothing" in done.err
    assert len(emulator.koala.wait_ended()) == 3


def test_a_tool_is_called_and_told_on_standard_error(
    here: Run, openai: list[str], module: str
) -> None:
    done = here("add", *openai, "--tool", f"{module}:add", "--tool", f"{module}:Box.look")
    assert (done.code, done.out.splitlines()[0]) == (0, "The tool said: 2")
    assert done.err == 'g4fsync: add({"a": 1, "b": 1}): 2\n'


def test_what_a_tool_says_is_no_escape_sequence(here: Run, openai: list[str], module: str) -> None:
    done = here("look", *openai, "--tool", f"{module}:Box.look", "--events")
    assert "\x1b" not in done.out + done.err
    events = [json.loads(line) for line in done.out.splitlines()]
    (result,) = [event for event in events if event["event"] == "tool_result"]
    assert result.pop("seconds") >= 0
    assert result == {
        "event": "tool_result",
        "call": {"id": result["call"]["id"], "name": "look", "arguments": "{}", "extra": {}},
        "text": "nothing\x1b[2J in it",
        "is_error": False,
    }


def test_without_a_person_to_ask_nothing_is_approved(
    process: Run, openai: list[str], module: str
) -> None:
    done = process(*openai, "add", "--tool", f"{module}:add", "--approve")
    refusal = "Error: the call was not approved: there is nobody to ask"
    assert done.out.startswith(f"The tool said: {refusal}\n")
    assert refusal in done.err


def test_a_person_is_asked_before_each_call(
    terminal: Callable[..., Terminal], openai: list[str], module: str
) -> None:
    argv = [*openai, "add then add", "--tool", f"{module}:add", "--approve"]
    shown = terminal(*argv, columns=100, TERM="dumb")
    question = 'call add({"a": 1, "b": 1})? [y/N] '
    shown.read_until(question)
    shown.press(b"y\n")
    shown.read_until(f'g4fsync: add({{"a": 1, "b": 1}}): 2\n{question}')
    shown.press(b"n\n")
    assert shown.wait() == 0
    assert "The tool said: Error: the call was not approved" in shown.screen


@pytest.mark.parametrize(
    ("tool", "message"),
    [
        ("tools", "--tool must look like MODULE:FUNCTION, got 'tools'"),
        ("no_such_module:f", "--tool no_such_module:f: No module named 'no_such_module'"),
        ("json:nothing", "--tool json:nothing: json has no 'nothing'"),
        ("math:pi", "--tool math:pi: not a function"),
    ],
)
def test_a_wrong_tool_is_a_usage_error(
    here: Run, openai: list[str], tool: str, message: str
) -> None:
    done = here("Hi", *openai, "--tool", tool)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import os; os.nothing", "AttributeError: module 'os' has no attribute 'nothing'"),
    ],
)
def test_a_tools_module_that_fails_is_the_users(
    here: Run,
    openai: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    reason: str,
) -> None:
    name = f"fails{abs(hash(code))}"
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    done = here(*openai, "--tool", f"{name}:f", "Hi")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"g4fsync: --tool {name}:f: {name} can't be loaded: {reason}\n"


def test_approve_alone_is_a_usage_error(here: Run, openai: list[str]) -> None:
    done = here("Hi", *openai, "--approve")
    assert (done.code, "--approve is about --tool" in done.err) == (2, True)

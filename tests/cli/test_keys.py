"""``g4fsync keys``: what is stored, shown and said, and that no key is ever shown."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from g4fsync import registry
from g4fsync.cli import main

if TYPE_CHECKING:
    from .conftest import Outcome, Run, Terminal

SECRET = "sk-test-sEcReT-0123456789-9f3a"  # its mask is sk-…9f3a
OTHER = "zz-test-oThEr-0123456789-77aa"


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the key file will be; no key in the environment."""
    monkeypatch.setenv("G4FSYNC_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("G4FSYNC_PLUGINS", "0")
    for name in registry.provider_names():
        for variable in registry.provider_class(name).key_variables:
            monkeypatch.delenv(variable, raising=False)
    return tmp_path / "config" / "keys.json"


@pytest.fixture
def piped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Outcome]:
    """Run ``main()`` with these bytes on standard input."""
    from .conftest import Outcome

    def run(stdin: bytes, *argv: str) -> Outcome:
        content = tmp_path / "stdin"
        content.write_bytes(stdin)
        with content.open(encoding="utf-8") as stream:
            monkeypatch.setattr("sys.stdin", stream)
            code = main(argv)
        return Outcome(code, *capsys.readouterr())

    return run


def stored(file: Path) -> dict[str, str]:
    entries = json.loads(file.read_text())
    return {name: key for name, key in entries.items() if not name.startswith("//")}


# -- set ----------------------------------------------------------------


@pytest.mark.parametrize("stdin", [SECRET, f"{SECRET}\n", f"\ufeff {SECRET} \r\n"])
def test_a_piped_key_is_stored_and_shown_masked(
    piped: Callable[..., Outcome], file: Path, stdin: str
) -> None:
    done = piped(stdin.encode(), "keys", "set", "OpenAI")
    assert (done.code, done.out) == (0, "")
    assert done.err == f"g4fsync: openai: sk-…9f3a stored in {file}\n"
    assert stored(file) == {"openai": SECRET}


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_only_the_owner_may_read_the_file(piped: Callable[..., Outcome], file: Path) -> None:
    before = os.umask(0)
    try:
        piped(SECRET.encode(), "keys", "set", "openai")
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_variable_that_wins_over_the_file_is_named(
    piped: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", OTHER)
    done = piped(SECRET.encode(), "keys", "set", "groq")
    assert done.code == 0
    assert "g4fsync: GROQ_API_KEY is set and wins over the file; unset it" in done.err
    assert OTHER not in done.err


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (b"", "openai: no key was given"),
        (b" \n", "openai: no key was given"),
        (b"sk-one\nsk-two\n", "openai: the key given holds white space or a control character"),
        ("ключ".encode(), "openai: the key given holds a character outside Latin-1"),
        (b"\xff\xfe", "standard input holds no text"),
        (b"x" * 20_000, "standard input is too long for a key"),
    ],
    ids=["empty", "blank", "two lines", "Cyrillic", "no text", "long"],
)
def test_what_is_no_key_is_a_usage_error(
    piped: Callable[..., Outcome], file: Path, stdin: bytes, message: str
) -> None:
    done = piped(stdin, "keys", "set", "openai")
    assert (done.code, done.out, done.err) == (2, "", f"g4fsync: {message}\n")
    assert not file.exists()


def test_a_key_as_an_argument_is_refused_and_not_repeated(here: Run, file: Path) -> None:
    done = here("keys", "set", "openai", SECRET)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("g4fsync: a key is not taken from the command line")
    assert SECRET not in done.err
    assert not file.exists()


@pytest.mark.parametrize("action", ["set", "remove"])
def test_an_unknown_provider_is_offered_a_near_one(here: Run, action: str) -> None:
    done = here("keys", action, "opnai")
    assert (done.code, done.out) == (2, "")
    assert done.err == "g4fsync: unknown provider 'opnai'; did you mean 'openai'?\n"


def test_a_provider_without_keys_is_a_usage_error(here: Run) -> None:
    done = here("keys", "set", "koala")
    assert (done.code, done.err) == (2, "g4fsync: koala takes no key\n")


def test_a_broken_file_is_told_and_left_alone(piped: Callable[..., Outcome], file: Path) -> None:
    file.parent.mkdir()
    file.write_text(f'{{"openai": "{OTHER}"')
    file.chmod(0o600)
    done = piped(SECRET.encode(), "keys", "set", "openai")
    assert done.code == 2
    assert f"key file '{file}': it is not JSON" in done.err
    assert OTHER not in done.err
    assert file.read_text() == f'{{"openai": "{OTHER}"'


def test_a_typed_key_is_not_echoed(terminal: Callable[..., Terminal], file: Path) -> None:
    running = terminal("keys", "set", "openai", columns=200, G4FSYNC_CONFIG=str(file.parent))
    running.read_until("API key of openai (it is not shown): ")
    running.press(SECRET.encode() + b"\n")
    assert running.wait() == 0
    assert "sk-…9f3a stored in" in running.screen
    assert SECRET not in running.screen
    assert stored(file) == {"openai": SECRET}


@pytest.mark.parametrize(
    ("key", "code", "told"),
    [(b"\x03", 130, "interrupted"), (b"\x04", 2, "no key was given"), (b"\n", 2, "no key")],
    ids=["Ctrl-C", "Ctrl-D", "Enter"],
)
def test_leaving_the_prompt_stores_nothing(
    terminal: Callable[..., Terminal], file: Path, key: bytes, code: int, told: str
) -> None:
    running = terminal("keys", "set", "openai", G4FSYNC_CONFIG=str(file.parent))
    running.read_until("(it is not shown): ")
    pressed = time.monotonic()
    running.press(key)
    assert running.wait() == code
    assert time.monotonic() - pressed < 2
    assert told in running.screen
    assert "Traceback" not in running.screen
    assert not file.exists()


# -- list, path, remove -------------------------------------------------


def test_no_keys_is_said(here: Run) -> None:
    done = here("keys", "list")
    assert (done.code, done.out) == (0, "")
    assert done.err == "g4fsync: no keys yet; g4fsync keys set PROVIDER stores one\n"


def test_keys_are_listed_masked_with_where_they_are(
    here: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.parent.mkdir()
    file.write_text(json.dumps({"openai": SECRET, "Groq": SECRET, "go\x1bne": SECRET}))
    file.chmod(0o600)
    monkeypatch.setenv("OPENAI_API_KEY", OTHER)
    monkeypatch.setenv("GOOGLE_API_KEY", "short")
    done = here("keys", "list")
    assert (done.code, done.err) == (0, "")
    assert [" ".join(line.split()) for line in done.out.splitlines()] == [
        "PROVIDER KEY FROM",
        "openai zz-…77aa OPENAI_API_KEY",
        "openai sk-…9f3a the key file; OPENAI_API_KEY wins",
        "gemini … GOOGLE_API_KEY",
        "groq sk-…9f3a the key file",
        "go\\x1bne sk-…9f3a the key file; no such provider",
    ]


def test_the_list_fits_a_narrow_terminal(
    here: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.parent.mkdir()
    file.write_text(json.dumps({"openrouter": SECRET}))
    file.chmod(0o600)
    monkeypatch.setenv("OPENROUTER_API_KEY", OTHER)
    done = here("keys", "list", COLUMNS="40")
    assert max(map(len, done.out.splitlines())) <= 40


def test_the_path_is_told_whether_or_not_there_is_a_file(here: Run, file: Path) -> None:
    done = here("keys", "path")
    assert (done.code, done.out, done.err) == (0, f"{file}\n", "")


def test_a_key_is_removed_once(piped: Callable[..., Outcome], here: Run, file: Path) -> None:
    piped(SECRET.encode(), "keys", "set", "openai")
    done = here("keys", "remove", "OPENAI")
    assert (done.code, done.out) == (0, "")
    assert done.err == f"g4fsync: openai: key removed from {file}\n"
    assert stored(file) == {}
    again = here("keys", "remove", "openai")
    assert (again.code, again.err) == (1, f"g4fsync: openai: no key in {file}\n")


def test_removing_says_that_a_variable_is_still_used(
    piped: Callable[..., Outcome], here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(SECRET.encode(), "keys", "set", "openai")
    monkeypatch.setenv("OPENAI_API_KEY", OTHER)
    done = here("keys", "remove", "openai")
    assert done.code == 0
    assert "g4fsync: OPENAI_API_KEY is still set, and its key is used\n" in done.err


def test_a_key_of_a_provider_that_is_gone_can_be_removed(here: Run, file: Path) -> None:
    file.parent.mkdir()
    file.write_text(json.dumps({"plug-in": SECRET}))
    file.chmod(0o600)
    assert here("keys", "remove", "plugin").code == 0
    assert stored(file) == {}


def test_without_an_action_it_is_a_usage_error(here: Run) -> None:
    done = here("keys")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "g4fsync keys: error: the following arguments are required: ACTION\n"
        "g4fsync keys --help shows what can be typed\n"
    )


def test_debug_may_stand_before_or_after_the_action() -> None:
    from g4fsync.cli.verbs import parse

    assert parse(["keys", "--debug", "list"]).debug
    assert parse(["keys", "list", "--debug"]).debug
    assert not parse(["keys", "list"]).debug


def test_a_stored_key_is_the_one_that_is_sent(
    piped: Callable[..., Outcome], here: Run, emulator: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from g4fsync.emulator import Emulator

    assert isinstance(emulator, Emulator)
    piped(emulator.api_key.encode(), "keys", "set", "openai")
    monkeypatch.setenv("OPENAI_BASE_URL", emulator.base_urls["openai"])
    assert here("ask", "-m", "openai:gpt-4o", "Hi").out == "You said: Hi\n"

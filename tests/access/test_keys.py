"""g4fsync/access/keys.py: where a key comes from, and where it never goes."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from g4fsync.access import keys
from g4fsync.errors import ConfigurationError, G4FSyncError, InvalidRequest

SECRET = "sk-live-sEcReT-0123456789-9f3a"
posix = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("G4FSYNC_CONFIG", str(tmp_path / "config"))
    for name in ("FIRST_KEY", "SECOND_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "config"


def write(text: str | bytes, *, mode: int = 0o600) -> Path:
    path = keys.keys_path()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


# --- order ---------------------------------------------------------------


def test_argument_beats_environment_beats_file(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = ("FIRST_KEY", "SECOND_KEY")
    assert keys.resolve("openai", None, variables) is None
    keys.set_key("openai", "from-file")
    assert keys.resolve("openai", None, variables) == "from-file"
    monkeypatch.setenv("SECOND_KEY", "from-second")
    assert keys.resolve("openai", None, variables) == "from-second"
    monkeypatch.setenv("FIRST_KEY", "from-first")
    assert keys.resolve("openai", None, variables) == "from-first"
    assert keys.resolve("openai", "given", variables) == "given"


def test_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRST_KEY", " ")
    assert keys.resolve("openai", None, ["FIRST_KEY"]) is None


def test_empty_argument_means_no_key_on_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRST_KEY", "from-first")
    assert keys.resolve("openai", "", ["FIRST_KEY"]) == ""


def test_empty_entry_in_the_file_is_no_key() -> None:
    write('{"openai": ""}')
    assert keys.resolve("openai", None, []) is None


def test_the_file_is_not_read_when_the_environment_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("broken")
    monkeypatch.setenv("FIRST_KEY", "from-first")
    assert keys.resolve("openai", None, ["FIRST_KEY"]) == "from-first"


@pytest.mark.parametrize("name", ["lmstudio", "LM-Studio", "lm_studio"])
def test_provider_names_match_without_case_and_dashes(name: str) -> None:
    write('{"Lm-studio": "k"}')
    assert keys.resolve(name, None, []) == "k"


def test_white_space_around_a_key_is_taken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRST_KEY", " k\r\n")
    assert keys.resolve("openai", None, ["FIRST_KEY"]) == "k"


# --- refused keys --------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "wrong"),
    [
        (" ", "white space or a control character"),
        ("\n", "white space or a control character"),
        ("\r\nX-Evil: 1", "white space or a control character"),
        ("\x1b", "white space or a control character"),
        ("\x85", "white space or a control character"),
        ("\xa0", "white space or a control character"),
        ("\u200b", "white space or a control character"),
        ("\ud800", "white space or a control character"),
        ("с", "a character outside Latin-1"),
        ("…", "a character outside Latin-1"),
    ],
)
def test_a_key_no_header_can_carry_is_refused_unseen(
    monkeypatch: pytest.MonkeyPatch, inside: str, wrong: str
) -> None:
    bad = f"sEcReT{inside}x"
    said = []
    with pytest.raises(ConfigurationError) as caught:
        keys.resolve("openai", bad, [])
    said.append(str(caught.value))
    with pytest.raises(ConfigurationError) as caught:
        keys.set_key("openai", bad)
    said.append(str(caught.value))
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", {**os.environ, "FIRST_KEY": bad})
        with pytest.raises(ConfigurationError) as caught:
            keys.resolve("openai", None, ["FIRST_KEY"])
    said.append(str(caught.value))
    path = write(json.dumps({"openai": bad}))
    with pytest.raises(ConfigurationError) as caught:
        keys.resolve("openai", None, [])
    said.append(str(caught.value))
    assert said == [
        f"openai: the key given holds {wrong}",
        f"openai: the key given holds {wrong}",
        f"openai: environment variable FIRST_KEY holds {wrong}",
        f"key file {str(path)!r}, 'openai' holds {wrong}",
    ]


def test_a_key_that_is_no_string_is_an_invalid_request() -> None:
    with pytest.raises(InvalidRequest, match="openai: the key given must be a string, not bytes"):
        keys.resolve("openai", b"sEcReT", [])  # type: ignore[arg-type]  # that is the test


def test_an_empty_key_is_not_stored() -> None:
    with pytest.raises(ConfigurationError, match="openai: the key given is empty"):
        keys.set_key("openai", " ")
    assert not keys.keys_path().exists()


@pytest.mark.parametrize("name", ["", "-", "// note"])
def test_a_key_needs_a_provider(name: str) -> None:
    with pytest.raises(InvalidRequest):
        keys.set_key(name, "k")


# --- the file ------------------------------------------------------------


def test_no_file_is_no_keys() -> None:
    assert keys.load_keys() == {}
    assert keys.remove_key("openai") is False
    assert not keys.keys_path().parent.exists()


def test_set_list_remove(folder: Path) -> None:
    assert keys.keys_path() == folder / "keys.json"
    keys.set_key("OpenAI", SECRET)
    keys.set_key("groq", "short")
    assert keys.load_keys() == {"openai": SECRET, "groq": "short"}
    assert list(keys.list_keys().items()) == [("groq", "…"), ("openai", "sk-…9f3a")]
    keys.set_key("open-ai", "other")
    assert keys.load_keys() == {"groq": "short", "openai": "other"}
    assert keys.remove_key("OPENAI") is True
    assert keys.remove_key("openai") is False
    assert keys.load_keys() == {"groq": "short"}


def test_notes_are_ignored_and_kept() -> None:
    write('{"// note": "mine", "//": ["anything"], "groq": "k"}')
    assert keys.load_keys() == {"groq": "k"}
    keys.set_key("openai", "k2")
    keys.remove_key("groq")
    stored = json.loads(keys.keys_path().read_text())
    assert stored == {"// note": "mine", "//": ["anything"], "openai": "k2"}


@posix
def test_only_the_owner_may_read_what_is_written(folder: Path) -> None:
    umask = os.umask(0)
    try:
        keys.set_key("openai", SECRET)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(keys.keys_path().stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@posix
def test_writing_replaces_the_file_and_heals_its_mode(caplog: pytest.LogCaptureFixture) -> None:
    path = write('{"groq": "k"}', mode=0o644)
    with path.open() as old:
        keys.set_key("openai", SECRET)
        assert old.read() == '{"groq": "k"}'  # a reader keeps the whole it had opened
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in path.parent.iterdir()] == ["keys.json"]
    caplog.clear()
    assert keys.load_keys() == {"groq": "k", "openai": SECRET}
    assert caplog.messages == []


@posix
def test_a_linked_key_file_stays_a_link(tmp_path: Path) -> None:
    target = tmp_path / "dotfiles.json"
    target.write_text("{}")
    target.chmod(0o600)
    keys.keys_path().parent.mkdir()
    keys.keys_path().symlink_to(target)
    keys.set_key("openai", "k")
    assert keys.keys_path().is_symlink()
    assert json.loads(target.read_text())["openai"] == "k"


def test_a_failed_write_leaves_the_old_file_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = write('{"groq": "k"}')

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError) as caught:
        keys.set_key("openai", SECRET)
    assert str(caught.value) == (
        f"key file {str(path)!r}: it cannot be written: No space left on device"
    )
    assert [item.name for item in path.parent.iterdir()] == ["keys.json"]
    assert path.read_text() == '{"groq": "k"}'


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_open_to_others_is_used_with_a_warning(
    caplog: pytest.LogCaptureFixture, mode: int
) -> None:
    path = write(json.dumps({"openai": SECRET}), mode=mode)
    with caplog.at_level(logging.WARNING, "g4fsync"):
        assert keys.load_keys() == {"openai": SECRET}
    assert caplog.messages == [
        f"key file {str(path)!r} can be read by others: chmod 600 is advised"
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b'{"openai": sEcReT}', "it is not JSON: Expecting value: line 1 column 12 (char 11)"),
        (b'{"a":' * 50_000, "it is not JSON: it is nested too deeply"),
        (b'["sEcReT"]', "expected an object, found a list"),
        (b'"sEcReT"', "expected an object, found a string"),
        (b'{"openai": {"key": "sEcReT"}}', "'openai' must be a string, found an object"),
        (b'{"open\\u0007": null}', "'open\\x07' must be a string, found nothing"),
        (b'{"openai": "\xff"}', "it is not UTF-8 text (byte 12)"),
        (b" " * (keys.MAX_FILE_BYTES + 1), "it is larger than 1 MiB"),
    ],
)
def test_a_broken_file_is_named_with_its_fault(content: bytes, reason: str) -> None:
    path = write(content)
    with pytest.raises(ConfigurationError) as caught:
        keys.load_keys()
    assert str(caught.value) == f"key file {str(path)!r}: {reason}"
    if "must be a string" not in reason:
        with pytest.raises(ConfigurationError):
            keys.set_key("groq", "k")  # and is not overwritten
    assert path.read_bytes() == content


def test_a_folder_in_place_of_the_file_is_named() -> None:
    keys.keys_path().mkdir(parents=True)
    with pytest.raises(ConfigurationError, match=r"keys\.json': it is not a regular file"):
        keys.load_keys()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.binary(max_size=60)
    | st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.none() | st.integers())
    .map(json.dumps)
    .map(str.encode)
)
def test_only_our_errors_come_out_of_any_file(content: bytes) -> None:
    write(content)
    with contextlib.suppress(G4FSyncError):
        keys.resolve("openai", None, [])
    with contextlib.suppress(G4FSyncError):
        keys.set_key("openai", "k")


# --- showing -------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (SECRET, "sk-…9f3a"),
        ("sk-ant-api03-abcdefghijkl-wxyz", "sk-…wxyz"),
        ("gsk_abcdefghijklmnop", "gsk_…mnop"),
        ("AIzaSyabcdefghijklmnop", "…mnop"),
        ("0123456789abcdef", "…cdef"),
        ("0123456789abcde", "…"),
        ("sk-short", "…"),
        ("", "…"),
    ],
)
def test_masked_keeps_the_kind_and_four_characters(key: str, shown: str) -> None:
    assert keys.masked(key) == shown

"""g4fsync/access/paths.py: which folder, and files read whole or refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from g4fsync.access import paths
from g4fsync.access.names import folded
from g4fsync.errors import ConfigurationError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("G4FSYNC_CONFIG", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {}, ".config/g4fsync"),
        ("linux", {"XDG_CONFIG_HOME": "{home}/xdg"}, "xdg/g4fsync"),
        ("linux", {"XDG_CONFIG_HOME": ""}, ".config/g4fsync"),
        ("linux", {"XDG_CONFIG_HOME": "relative"}, ".config/g4fsync"),
        ("linux", {"APPDATA": "{home}/roaming"}, ".config/g4fsync"),
        ("freebsd14", {}, ".config/g4fsync"),
        ("darwin", {}, "Library/Application Support/g4fsync"),
        ("darwin", {"XDG_CONFIG_HOME": "{home}/xdg"}, "Library/Application Support/g4fsync"),
        ("win32", {}, "AppData/Roaming/g4fsync"),
        ("win32", {"APPDATA": "{home}/roaming"}, "roaming/g4fsync"),
        ("linux", {"G4FSYNC_CONFIG": "{home}/mine", "XDG_CONFIG_HOME": "{home}/xdg"}, "mine"),
        ("darwin", {"G4FSYNC_CONFIG": "~/mine"}, "mine"),
        ("win32", {"G4FSYNC_CONFIG": ""}, "AppData/Roaming/g4fsync"),
    ],
)
def test_config_dir_follows_the_platform_and_its_variables(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    environ: dict[str, str],
    expected: str,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value.format(home=home))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", platform)
        found = paths.config_dir()
    assert found == home / expected


def test_environment_is_asked_at_each_call(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert paths.config_dir() != home / "late"
    monkeypatch.setenv("G4FSYNC_CONFIG", str(home / "late"))
    assert paths.config_dir() == home / "late"


def test_config_dir_makes_no_folder(home: Path) -> None:
    paths.config_dir()
    assert list(home.iterdir()) == []


def test_no_home_directory_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("G4FSYNC_CONFIG", "~no-such-user-here/x")
    with pytest.raises(ConfigurationError, match=r"no home directory.*G4FSYNC_CONFIG"):
        paths.config_dir()


@pytest.mark.parametrize(
    "name", ["openassistant", "OpenAssistant", "open_assistant", "OPEN-assistant"]
)
def test_names_are_folded_without_case_and_dashes(name: str) -> None:
    assert folded(name) == "openassistant"


def test_text_loses_its_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"\xef\xbb\xbf\xd0\x96")
    assert paths.read_text(file, max_bytes=5) == "Ж"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"x" * 1025, "it is larger than 0 MiB"), (b"ab\xff", "it is not UTF-8 text (byte 2)")],
)
def test_bad_content_is_an_os_error_with_a_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "a"
    file.write_bytes(content)
    with pytest.raises(OSError) as caught:
        paths.read_text(file, max_bytes=1024)
    assert caught.value.strerror == reason


@pytest.mark.parametrize("name", ["a\0b", "a\ud800"])
def test_impossible_names_are_an_os_error(name: str) -> None:
    with pytest.raises(OSError) as caught:
        paths.read_text(Path(name), max_bytes=10)
    assert caught.value.strerror == "no file can have this name"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_or_a_device_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(OSError) as caught:
            paths.read_text(path, max_bytes=10)
        assert caught.value.strerror == "it is not a regular file"


@pytest.mark.parametrize(
    ("text", "match"),
    [('{"a": sEcReT}', "Expecting value: line 1 column 7"), ("[" * 100_000, "nested too deeply")],
)
def test_json_errors_quote_nothing(text: str, match: str) -> None:
    with pytest.raises(ValueError, match=match) as caught:
        paths.parse_json(text)
    assert "sEcReT" not in str(caught.value)

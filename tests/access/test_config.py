"""The settings file: read, changed, and what is wrong with it said."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from g4fsync import ConfigurationError, InvalidRequest, provider_names, registry
from g4fsync.access import config
from g4fsync.access.config import Config, Endpoint

SETTINGS = """\
# mine
[defaults]
model = openai:gpt-5-mini

[alias]
Fast = groq:llama-3.1-8b-instant
# 100 % of them
[endpoint work]
base_url = https://llm.example/v1
key_variable = WORK_KEY
model = big
"""


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("G4FSYNC_CONFIG", str(tmp_path))
    monkeypatch.setenv("G4FSYNC_PLUGINS", "0")
    return tmp_path / "config.ini"


def test_without_a_file_there_are_no_settings(file: Path) -> None:
    assert config.load() == Config()
    assert config.values() == {}
    assert config.config_path() == file
    assert not file.exists()


def test_the_file_is_read_as_it_is_written(file: Path) -> None:
    file.write_text(SETTINGS)
    loaded = config.load()
    assert loaded.model == "openai:gpt-5-mini"
    assert loaded.aliases == {"fast": "groq:llama-3.1-8b-instant"}
    work = Endpoint("work", "https://llm.example/v1", key_variable="WORK_KEY", model="big")
    assert loaded.endpoints == {"work": work}
    assert config.values() == {
        "model": "openai:gpt-5-mini",
        "alias.Fast": "groq:llama-3.1-8b-instant",
        "endpoint.work.base_url": "https://llm.example/v1",
        "endpoint.work.key_variable": "WORK_KEY",
        "endpoint.work.model": "big",
    }


def test_a_changed_file_is_read_anew(file: Path) -> None:
    file.write_text("[defaults]\nmodel = one\n")
    assert config.load().model == "one"
    file.write_text("[defaults]\nmodel = three\n")
    assert config.load().model == "three"


def test_setting_keeps_comments_order_and_everything_else(file: Path) -> None:
    file.write_text(SETTINGS)
    config.set_value("endpoint.work.ca", "/ca.pem")
    config.set_value("alias.Fast", "ollama:llama3.2")
    config.set_value("alias.slow", "openai:gpt-5")
    config.set_value("endpoint.home.base_url", "http://nas:8080")
    expected = SETTINGS.replace("groq:llama-3.1-8b-instant", "ollama:llama3.2")
    expected = expected.replace("# 100 % of them\n", "# 100 % of them\nslow = openai:gpt-5\n")
    expected += "ca = /ca.pem\n\n[endpoint home]\nbase_url = http://nas:8080\n"
    assert file.read_text() == expected


def test_unset_takes_out_one_setting_or_an_endpoint(file: Path) -> None:
    file.write_text(SETTINGS)
    assert config.unset("alias.Fast")
    assert not config.unset("alias.Fast")
    assert config.unset("endpoint.work.model")
    assert "endpoint.work.model" not in config.values()
    assert config.unset("endpoint.work")
    assert not config.unset("endpoint.work")
    assert config.values() == {"model": "openai:gpt-5-mini"}
    assert file.read_text().startswith("# mine\n")


def test_a_value_over_several_lines_is_replaced_as_one(file: Path) -> None:
    file.write_text("[defaults]\nmodel = one\n  two\n\n[alias]\na = b\n")
    config.set_value("model", "three")
    assert file.read_text() == "[defaults]\nmodel = three\n\n[alias]\na = b\n"


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_only_the_owner_may_read_a_new_file(file: Path) -> None:
    config.set_value("model", "openai:gpt-5")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["config.ini"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("modle", "x", "no setting 'modle'; there are model, alias.NAME, endpoint.NAME.base_url"),
        ("endpoint.work.url", "x", "no setting 'endpoint.work.url'; there are "),
        ("endpoint.base_url", "x", "no setting 'endpoint.base_url'; there are "),
        ("alias.a:b", "x", "no setting 'alias.a:b'; there are "),
        ("model", " ", "model: the value must be one line of text; config unset removes it"),
        ("model", "a\nb", "model: the value must be one line of text; "),
        (
            "endpoint.work.base_url",
            "https://me:secret@host/v1",
            "endpoint.work.base_url: no password in a URL here; g4fsync keys set stores a key",
        ),
    ],
)
def test_what_can_not_be_set_is_refused(file: Path, name: str, value: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        config.set_value(name, value)
    assert str(caught.value).startswith(message)
    assert not file.exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("model = x\n", "line 1 stands in no [section]"),
        ("[defaults]\nnonsense\n", "not NAME = VALUE in line 2"),
        ("[defaults]\nmodle = x\n", "[defaults] has an unknown 'modle'; it takes model"),
        (
            "[endpoint work]\nurl = x\n",
            "[endpoint work] has an unknown 'url'; "
            "it takes base_url, protocol, key_variable, model, ca",
        ),
        (
            "[endpoints]\n",
            "unknown section [endpoints]; there are [defaults], [alias], [endpoint NAME]",
        ),
        ("[endpoint a]\n[endpoint A]\n", "[endpoint A] stands there twice"),
        ("[alias]\na = 1\na = 2\n", "option 'a' in section 'alias' already exists"),
        ("[alias]\n[alias]\n", "section 'alias' already exists"),
        ("[alias]\na = \xff".encode("latin-1"), "it is not UTF-8 text (byte 12)"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(file: Path, text: str | bytes, reason: str) -> None:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as caught:
        config.load()
    assert str(caught.value) == f"settings file {str(file)!r}: {reason}"
    content = file.read_bytes()
    with pytest.raises(ConfigurationError):
        config.set_value("model", "openai:gpt-5")
    assert file.read_bytes() == content


def test_a_folder_that_can_not_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("G4FSYNC_CONFIG", str(tmp_path / "taken"))
    with pytest.raises(ConfigurationError, match="Not a directory"):
        config.set_value("model", "openai:gpt-5")


def test_an_endpoint_is_a_provider_by_its_name(file: Path) -> None:
    file.write_text(SETTINGS + "protocol = anthropic\n")
    found, model = registry.split("Work:small")
    assert (found.name, found.base_url, model) == ("work", "https://llm.example/v1", "small")
    assert found.__mro__[1] is registry.provider_class("anthropic")
    assert (found.default_model, found.key_variables) == ("big", ("WORK_KEY",))
    assert registry.provider_class("work") is found
    assert "work" in provider_names()


def test_an_endpoint_has_a_variable_of_its_own_for_its_key() -> None:
    assert Endpoint("my-host.eu").variable == "G4FSYNC_KEY_MY_HOST_EU"


def test_an_alias_stands_for_a_model(file: Path) -> None:
    file.write_text(SETTINGS)
    found, model = registry.split("fast")
    assert (found.name, model) == ("groq", "llama-3.1-8b-instant")


def test_built_in_names_can_not_be_taken_over(file: Path) -> None:
    file.write_text("[endpoint openai]\nbase_url = http://evil\n[alias]\ngroq = koala\n")
    assert registry.split("openai")[0].base_url == "https://api.openai.com/v1"
    assert registry.split("groq")[0].name == "groq"
    assert provider_names().count("openai") == 1


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            "model = big",
            "endpoint work has no base_url: g4fsync config set endpoint.work.base_url URL",
        ),
        (
            "base_url = http://h\nprotocol = soap",
            "endpoint work: unknown protocol 'soap'; "
            "it is the name of a provider, such as openai, anthropic or ollama",
        ),
    ],
)
def test_an_endpoint_that_can_not_be_used_says_why(file: Path, section: str, message: str) -> None:
    file.write_text(f"[endpoint work]\n{section}\n")
    with pytest.raises(ConfigurationError) as caught:
        registry.split("work")
    assert str(caught.value) == message

"""``g4fsync config``, endpoints of one's own, and what is said without a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from g4fsync import Client, registry
from g4fsync.access import keys
from g4fsync.doctor.discovery import Server
from g4fsync.emulator import Emulator

if TYPE_CHECKING:
    from .conftest import Run

KEY = "sk-endpoint-0123456789"


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty settings folder, and no key in the environment."""
    monkeypatch.setenv("G4FSYNC_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("G4FSYNC_PLUGINS", "0")
    for name in registry.provider_names():
        each = registry.provider_class(name)
        for variable in (*each.key_variables, *each.base_url_variables):
            monkeypatch.delenv(variable, raising=False)
    return tmp_path / "config" / "config.ini"


@pytest.fixture
def work(here: Run, emulator: Emulator) -> Emulator:
    """An endpoint named work: the emulator's OpenAI, with the key it wants stored."""
    url = emulator.base_urls["openai"]
    assert here("config", "set", "endpoint.work.base_url", url).code == 0
    keys.set_key("work", emulator.api_key)
    return emulator


def test_settings_are_set_shown_and_taken_out(here: Run, file: Path) -> None:
    assert here("config", "path").out == f"{file}\n"
    assert here("config", "list").out == ""
    assert here("config", "set", "model", "koala").code == 0
    assert here("config", "set", "alias.fast", "groq:llama-3.1").code == 0
    assert here("config", "get", "model").out == "koala\n"
    assert here("config", "list").out == "model = koala\nalias.fast = groq:llama-3.1\n"
    shown = json.loads(here("config", "list", "--json").out)
    assert shown == {"model": "koala", "alias.fast": "groq:llama-3.1"}
    assert here("config", "unset", "model").code == 0
    done = here("config", "unset", "model")
    assert (done.code, done.err) == (1, "g4fsync: model was not set\n")
    done = here("config", "get", "model")
    assert (done.code, done.err) == (1, "g4fsync: model is not set\n")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["set", "modle", "x"], "no setting 'modle'; there are model, alias.NAME, "),
        (["get", "modle"], "no setting 'modle'; there are "),
        (["set", "model", "nowhere"], "unknown provider or model 'nowhere'; write PROVIDER:MODEL"),
        (["set", "model", "openai"], 'openai: no default model; say "openai:MODEL"'),
        (["set", "alias.groq", "koala"], "groq is the name of a provider; choose another"),
        (
            ["set", "endpoint.openai.base_url", "http://h"],
            "openai is the name of a provider; choose another",
        ),
        (["set", "endpoint.w.base_url", "h"], "endpoint w: the base URL must look like http://"),
        (["set", "endpoint.w.protocol", "soap"], "unknown protocol 'soap'; there are openai, "),
        (["set", "endpoint.w.ca", "/nowhere.pem"], "no file or folder '/nowhere.pem'"),
        (
            ["set", "endpoint.w.key_variable", "sk-123"],
            "key_variable is the name of an environment variable, not the key: ",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_setting_is_refused(here: Run, file: Path, argv: list[str], message: str) -> None:
    done = here("config", *argv)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"g4fsync: {message}")
    assert "sk-123" not in done.err
    assert not file.exists()


def test_an_alias_and_an_endpoint_have_names_of_their_own(here: Run, work: Emulator) -> None:
    done = here("config", "set", "alias.Work", "koala")
    assert (done.code, done.err) == (
        2,
        "g4fsync: Work is the name of an endpoint; choose another\n",
    )
    assert here("config", "set", "alias.fast", "koala").code == 0
    done = here("config", "set", "endpoint.fast.base_url", work.base_urls["openai"])
    assert (done.code, done.err) == (2, "g4fsync: fast is the name of an alias; choose another\n")


@pytest.mark.parametrize("verb", ["ask", "compare"])
@pytest.mark.parametrize(
    "section", ["[endpoint koala]\nbase_url = {}\n", "[alias]\nkoala = groq\n"]
)
def test_a_providers_name_in_a_file_written_by_hand_is_not_passed_over(
    here: Run, file: Path, verb: str, section: str, emulator: Emulator
) -> None:
    file.parent.mkdir()
    file.write_text(section.format(emulator.base_urls["koala"]))
    done = here(verb, "-m", "koala", "Hi")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"g4fsync: settings file {str(file)!r}: koala is the name of a provider, "
        "and of an endpoint or alias there; give that another name\n"
    )
    assert emulator.koala.requests == []


def test_an_endpoint_is_asked_by_its_name_with_its_key(here: Run, work: Emulator) -> None:
    assert here("-m", "work:gpt-4o", "Hi").out == "You said: Hi\n"
    headers = work.openai.wait_ended()[-1].headers
    assert headers["authorization"] == f"Bearer {work.api_key}"
    with Client("work:gpt-4o") as client:
        assert str(client.ask("Hi")) == "You said: Hi"


def test_an_endpoints_key_goes_nowhere_else(here: Run, work: Emulator, emulator: Emulator) -> None:
    keys.set_key("work", KEY)
    keys.set_key("openai", "sk-openai-0123456789")
    found = registry.provider_class("work")
    assert found.key_variables == ("G4FSYNC_KEY_WORK",)
    here("-m", "work:gpt-4o", "Hi")
    assert emulator.openai.wait_ended()[-1].headers["authorization"] == f"Bearer {KEY}"
    with Client(base_urls={"work": "http://llm.invalid/v1"}) as client:
        provider = client._resolve("work:m", None)[0]
        assert client._reach._found_key(provider, None) is None


def test_an_endpoint_works_in_every_command(here: Run, work: Emulator) -> None:
    here("config", "set", "endpoint.work.model", "gpt-4o")
    assert here("-m", "work", "Hi").out == "You said: Hi\n"
    assert here("compare", "-m", "work", "-m", "work:gpt-4o-mini", "Hi").code == 0
    assert "work:gpt-4o" in here("models", "work").out
    assert "work           configured   gpt-4o" in here("providers").out
    done = here("doctor", "work")
    assert done.code == 0, done.out
    assert "from the key file" in done.out
    assert here("keys", "list").out.splitlines()[-1].startswith("work ")


def test_an_endpoint_may_speak_another_protocol(here: Run, emulator: Emulator) -> None:
    here("config", "set", "endpoint.claude.base_url", emulator.base_urls["anthropic"])
    here("config", "set", "endpoint.claude.protocol", "anthropic")
    here("config", "set", "endpoint.claude.key_variable", "MY_KEY")
    done = here("-m", "claude:claude-x", "Hi", MY_KEY=emulator.api_key)
    assert (done.code, done.out) == (0, "You said: Hi\n")


def test_the_settings_name_the_default_model_and_aliases(here: Run, work: Emulator) -> None:
    here("config", "set", "alias.fast", "work:gpt-4o-mini")
    here("config", "set", "model", "fast")
    assert here("Hi").out == "You said: Hi\n"
    assert work.openai.wait_ended()[-1].body["model"] == "gpt-4o-mini"
    assert here("Hi", G4FSYNC_MODEL="work:gpt-4o").code == 0
    assert work.openai.wait_ended()[-1].body["model"] == "gpt-4o"


@pytest.mark.parametrize("argv", [["Hi"], ["compare", "Hi"]])
def test_without_a_model_it_shows_what_could_be_asked(
    here: Run, monkeypatch: pytest.MonkeyPatch, argv: list[str]
) -> None:
    server = Server("http://127.0.0.1:9931", "llama.cpp", "llamacpp", models=("tiny",))
    monkeypatch.setattr("g4fsync.doctor.discovery.find_servers", lambda: [server])
    keys.set_key("mistral", KEY)
    done = here(*argv, ANTHROPIC_API_KEY=KEY)
    assert (done.code, done.out) == (2, "")
    first, *commands, last = done.err.splitlines()
    assert first.startswith("g4fsync: no model")
    assert first.endswith("; what can be asked here:")
    assert commands == [
        '  g4fsync -m llamacpp --base-url http://127.0.0.1:9931 "Hello"',
        '  g4fsync -m anthropic:MODEL "Hello"    (g4fsync models anthropic lists them)',
        '  g4fsync -m mistral:MODEL "Hello"    (g4fsync models mistral lists them)',
    ]
    assert last == "to make one the default: g4fsync config set model PROVIDER:MODEL"


def test_without_a_model_and_with_nothing_set_up_it_says_how_to_begin(
    here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("g4fsync.doctor.discovery.find_servers", list)
    done = here("Hi")
    assert done.code == 2
    assert done.err == (
        "g4fsync: no model: give -m PROVIDER:MODEL. Nothing is set up here yet: g4fsync keys set "
        "openai stores a key, g4fsync doctor looks for local servers, g4fsync demo needs neither\n"
    )

"""``g4fsync doctor``: the lines it prints, its exit codes, and that Ctrl-C ends it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from g4fsync.cli import doctor
from g4fsync.cli.doctor import shown, usage
from g4fsync.doctor.checkup import Step
from g4fsync.doctor.discovery import Server
from g4fsync.emulator import Emulator, HangBeforeHeaders
from tests.support.timing import MS, eventually

if TYPE_CHECKING:
    from .conftest import Run, Terminal

SECRET = "sk-test-sEcReT-0123456789-9f3a"

pytestmark = pytest.mark.usefixtures("no_proxy_variables")


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("G4FSYNC_CONFIG", str(tmp_path))
    monkeypatch.setenv("G4FSYNC_PLUGINS", "0")
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "OLLAMA_HOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def finding(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set what is found on this machine."""

    def find(*servers: Server) -> None:
        monkeypatch.setattr(doctor, "find_servers", lambda: list(servers))

    return find


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


# -- providers ----------------------------------------------------------


def test_a_line_per_step_with_its_time(here: Run, emulator: Emulator) -> None:
    url = emulator.base_urls["ollama"]
    done = here("doctor", "ollama", "--base-url", url)
    assert (done.code, done.err) == (0, "")
    title, *steps = rows(done.out)
    assert title == ["ollama"]
    assert [step[0] for step in steps] == ["URL", "proxy", "DNS", "TCP", "key", "models", "token"]
    assert {step[1] for step in steps} == {"ok"}
    assert {step[3] for step in steps} == {"ms"}
    assert steps[0][4:] == [url]


def test_a_failure_says_what_to_do_and_is_exit_1(here: Run, emulator: Emulator) -> None:
    done = here("doctor", "ollama", "--base-url", emulator.refusing_url)
    assert (done.code, done.err) == (1, "")
    *_, failed, to_do = done.out.splitlines()
    assert failed.split()[:2] == ["TCP", "failed"]
    assert failed.endswith("refused: nothing listens there")
    assert to_do.split()[:4] == ["to", "do:", "start", "the"]


def test_several_providers_are_looked_at_and_one_failure_is_exit_1(
    here: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", emulator.base_urls["openai"])
    monkeypatch.setenv("OPENAI_API_KEY", emulator.api_key)
    monkeypatch.setenv("OLLAMA_HOST", emulator.refusing_url)
    done = here("doctor", "ollama", "openai:gpt-4o")
    assert done.code == 1
    assert [line for line in done.out.splitlines() if line[0] != " "] == ["ollama", "openai"]
    assert done.out.endswith("'You' from gpt-4o\n")


def test_json_is_one_exact_object(
    here: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", emulator.base_urls["openai"])
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    done = here("doctor", "openai", "--json")
    assert done.code == 1
    told: dict[str, Any] = json.loads(done.out)
    assert told["ok"] is False
    (report,) = told["providers"]
    assert (report["provider"], report["ok"]) == ("openai", False)
    assert report["steps"][-1]["name"] == "models"
    assert set(report["steps"][-1]) == {"name", "ok", "seconds", "message", "advice"}
    assert SECRET not in done.out + done.err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["opnai"], "unknown provider or model 'opnai'; did you mean 'openai'?"),
        (
            ["openai", "ollama", "--base-url", "http://127.0.0.1"],
            "--base-url: say for which provider: PROVIDER=http://127.0.0.1",
        ),
        (["openai", "--timeout", "0"], "--timeout: must be a number above 0"),
        (["openai", "--proxy", "nonsense"], "proxy must be a URL"),
        (["openai", "--base-url", "nonsense"], "the base URL must look like"),
        (["--base-url", "http://127.0.0.1"], "go with a provider"),
        (["--timeout", "3"], "go with a provider"),
    ],
)
def test_bad_usage_is_exit_2_before_anything_is_looked_at(
    here: Run, argv: list[str], message: str
) -> None:
    done = here("doctor", *argv)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_debug_shows_no_key(here: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", emulator.base_urls["openai"])
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    done = here("doctor", "openai", "--debug")
    assert "GET" in done.err
    assert SECRET not in done.out + done.err


def test_ctrl_c_leaves_at_once_and_keeps_the_steps(
    terminal: Callable[..., Terminal], emulator: Emulator
) -> None:
    emulator.ollama.fault = HangBeforeHeaders()
    running = terminal("doctor", "ollama", "--base-url", emulator.base_urls["ollama"])
    running.read_until("models")
    # Until it waits; in the middle of an import Python may warn of the file it has open.
    eventually(lambda: any("messages" in (each.body or ()) for each in emulator.ollama.requests))
    pressed = time.monotonic()
    running.press(b"\x03")
    assert running.wait() == 130
    assert time.monotonic() - pressed < 500 * MS
    assert "Traceback" not in running.screen


@pytest.mark.parametrize("columns", [12, 40, 58, 80, 200])
def test_a_step_fits_and_acts_on_no_terminal(columns: int) -> None:
    step = Step("models", False, 12.34, "no\x1b[2J way " + "x" * 70, "do this\u202e and that")
    lines = shown(step, columns).splitlines()
    assert max(map(len, lines)) <= max(columns, 26)
    assert not {"\x1b", "\u202e"} & set("".join(lines))
    assert "12.3 s" in lines[0]


# -- local servers ------------------------------------------------------


def test_servers_are_told_with_how_to_use_them(here: Run, finding: Callable[..., None]) -> None:
    finding(
        Server(
            "http://127.0.0.1:11434", "Ollama", "ollama", "0.5.1", tuple(f"m{n}" for n in range(7))
        ),
        Server("http://127.0.0.1:9931", "llama.cpp", "llamacpp", remark="still loading its model"),
        Server("http://127.0.0.1:8000", "vLLM", "vllm", needs_key=True),
        Server("http://127.0.0.1:5001", "KoboldCpp", "openai", "1.80", ("a b",)),
        Server("http://127.0.0.1:1337", "Jan", "openai", needs_key=True),
        Server("http://127.0.0.1:8080", remark="something listens, and is silent"),
    )
    done = here("doctor")
    assert done.code == 0
    assert done.err == "http://127.0.0.1:8080: something listens, and is silent\n"
    assert done.out == (
        "Ollama 0.5.1  http://127.0.0.1:11434\n"
        "  models: m0, m1, m2, m3, m4 and 2 more\n"
        '  g4fsync -m ollama:m0 "Hello"\n'
        "llama.cpp  http://127.0.0.1:9931\n"
        "  still loading its model\n"
        '  g4fsync -m llamacpp --base-url http://127.0.0.1:9931 "Hello"\n'
        "vLLM  http://127.0.0.1:8000\n"
        "  needs a key: g4fsync keys set vllm, or set VLLM_API_KEY\n"
        '  g4fsync -m vllm:MODEL "Hello"\n'
        "KoboldCpp 1.80  http://127.0.0.1:5001\n"
        "  models: a b\n"
        "  g4fsync -m 'openai:a b' --base-url http://127.0.0.1:5001 \"Hello\"\n"
        "Jan  http://127.0.0.1:1337\n"
        "  needs a key: set OPENAI_BASE_URL=http://127.0.0.1:1337/v1 and OPENAI_API_KEY\n"
        '  g4fsync -m openai:MODEL "Hello"\n'
    )


def test_a_server_elsewhere_by_its_variable_needs_a_base_url(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server("http://127.0.0.1:11434", "Ollama", "ollama", models=("m",))
    monkeypatch.setenv("OLLAMA_HOST", "192.0.2.1")
    assert usage(server) == 'g4fsync -m ollama:m --base-url http://127.0.0.1:11434 "Hello"'
    monkeypatch.setenv("OLLAMA_HOST", "http://[nonsense")
    assert "--base-url" in usage(server)


def test_nothing_found_is_said_and_exit_1(here: Run, finding: Callable[..., None]) -> None:
    finding()
    done = here("doctor")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("g4fsync: no chat server found on this machine (ports 11434, 8080,")


def test_servers_as_json(here: Run, finding: Callable[..., None]) -> None:
    finding(
        Server("http://127.0.0.1:9931", "llama.cpp", "llamacpp", models=("\x1b[2J",)),
        Server("http://127.0.0.1:8080", remark="a web server"),
    )
    done = here("doctor", "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {
        "servers": [
            {
                "url": "http://127.0.0.1:9931",
                "name": "llama.cpp",
                "provider": "llamacpp",
                "version": "",
                "models": ["\x1b[2J"],
                "needs_key": False,
                "remark": "",
                "use": 'g4fsync -m llamacpp --base-url http://127.0.0.1:9931 "Hello"',
            }
        ],
        "others": [{"url": "http://127.0.0.1:8080", "remark": "a web server"}],
    }


def test_what_a_server_says_fits_40_columns_and_acts_on_no_terminal(
    here: Run, finding: Callable[..., None]
) -> None:
    finding(
        Server(
            "http://127.0.0.1:9931",
            "OpenAI-compatible, unknown",
            "openai",
            "1\x1b[2J\n2",
            ("\x1b]0;title\x07", "x; rm -rf ~", "\u202egnp"),
            needs_key=True,
        )
    )
    done = here("doctor", COLUMNS="40")
    assert max(map(len, done.out.splitlines())) <= 40
    assert not {"\x1b", "\x07", "\u202e"} & set(done.out)
    assert "'openai:\\x1b]0;title\\x07'" in done.out


# -- models, which ask the server ---------------------------------------


def test_models_asks_the_server(here: Run, emulator: Emulator) -> None:
    emulator.ollama.models = ("llama3.2:1b", "odd\x1b[2J\u202e")
    url = emulator.base_urls["ollama"]
    done = here("models", "Ollama", "--base-url", url, COLUMNS="40")
    assert (done.code, done.err) == (0, "")
    assert [" ".join(line.split()) for line in done.out.splitlines()] == [
        "MODEL NOTES",
        "ollama:llama3.2:1b",
        "ollama:odd\\x1b[2J\\u202e:latest",
    ]


def test_a_server_without_models_is_told(here: Run, emulator: Emulator) -> None:
    emulator.ollama.models = ()
    done = here("models", "ollama", "--base-url", emulator.base_urls["ollama"])
    assert (done.code, done.out) == (0, "")
    assert done.err == "g4fsync: ollama: the server has no models\n"


def test_models_of_all_say_whom_to_ask(here: Run) -> None:
    assert "g4fsync models openai asks the server" in here("models").out
    done = here("models", "--base-url", "http://127.0.0.1")
    assert (done.code, done.out) == (2, "")


def test_models_of_a_dead_port_is_one_clear_line(here: Run, emulator: Emulator) -> None:
    url = emulator.refusing_url
    done = here("models", "ollama", "--base-url", url, "--timeout", "5")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"g4fsync: ollama: connection to {url[7:]} refused")
    assert done.err.count("\n") == 1

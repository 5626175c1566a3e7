"""``g4fsync providers``, ``models``, ``--help`` and ``--version``."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from g4fsync import __version__, provider_names, registry
from g4fsync.cli.tables import table
from g4fsync.cli.verbs import VERBS, complete_parser

if TYPE_CHECKING:
    from .conftest import Run


@pytest.fixture(autouse=True)
def no_plug_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("G4FSYNC_PLUGINS", "0")


def test_providers_are_listed_with_what_they_need(here: Run) -> None:
    done = here("providers", "--all")
    rows = {line.split()[0]: " ".join(line.split()) for line in done.out.splitlines()}
    assert done.code == 0
    assert [*rows][1:] == provider_names()
    assert rows["NAME"] == "NAME STATUS DEFAULT MODEL MODELS NEEDS"
    assert rows["koala"] == "koala retired gpt-4o-mini 6 and any other nothing"
    assert rows["openassistant"].startswith("openassistant self-hosted OA_SFT_Llama_30B_6 25 and")
    assert rows["openassistant"].endswith("--base-url, cookies")
    assert "retired: the site has closed" in done.err


def test_without_all_the_services_that_share_a_protocol_are_names_in_groups(here: Run) -> None:
    done = here("providers", COLUMNS="100")
    assert done.code == 0
    table, *groups = done.out.split("\n\n")
    own = [
        "koala",
        "flowgpt",
        "myshell",
        "openassistant",
        "openai",
        "anthropic",
        "gemini",
        "ollama",
    ]
    assert [line.split()[0] for line in table.splitlines()] == ["NAME", *own]
    headings = [group.partition("\n")[0] for group in groups]
    assert headings == [
        "makers of models, with a key:",
        "hosts, with a key:",
        "hosts, no key needed:",
        "clouds, with a key:",
        "gateways, with a key:",
        "gateways, no key needed:",
        "local servers:",
    ]
    names = [
        name for group in groups for name in group.partition(":\n")[2].replace(",", "").split()
    ]
    assert sorted([*own, *names]) == sorted(provider_names())
    assert len(done.out.splitlines()) < 45
    assert "--all has a row for each" in done.err


def test_providers_as_json_have_every_detail(here: Run) -> None:
    done = here("providers", "--json")
    values = {value["name"]: value for value in json.loads(done.out)}
    assert [*values] == provider_names()
    assert values["ovhcloud"] == {
        "name": "ovhcloud",
        "status": "keyless",
        "url": "https://endpoints.ai.cloud.ovh.net",
        "base_url": "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1",
        "default_model": None,
        "models": [],
        "any_model": True,
        "key_variables": ["OVHCLOUD_API_KEY", "OVH_AI_ENDPOINTS_ACCESS_TOKEN"],
        "base_url_variables": [],
        "needs": "at most 2 requests in 60 s without a key",
        "group": "hosts",
        "protocol": "openai",
        "responses_api": False,
        "reasoning_effort": "effort",
        "rate_limit_headers": None,
        "rate_without_key": {"requests": 2, "seconds": 60},
        "source": "M Y P F D",
        "doubts": [],
        "note": "by address and model; 400 a minute with a key",
    }
    assert values["koala"]["needs"] == "nothing"
    assert "group" not in values["openai"]


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("command", ["providers", "providers --all", "models"])
def test_tables_fit_the_width(here: Run, command: str, columns: int) -> None:
    done = here(*command.split(), COLUMNS=str(columns))
    assert done.code == 0
    assert max(len(line) for line in (done.out + done.err).splitlines()) <= columns


def test_models_are_written_as_they_are_asked_for(here: Run) -> None:
    lines = here("models", "FlowGPT").out.splitlines()
    assert lines[0].split() == ["MODEL", "NOTES"]
    assert lines[1].split() == ["flowgpt:gpt-3.5-turbo", "default"]
    assert "alias gemini, alias gemini-pro" in lines[4]
    for line in lines[1:]:
        registry.split(line.split()[0])


def test_an_open_list_of_models_says_so(here: Run) -> None:
    assert "koala:...  " in here("models", "koala").out


def test_models_of_an_unknown_provider_are_a_usage_error(here: Run) -> None:
    done = here("models", "koalla")
    assert (done.code, done.out) == (2, "")
    assert done.err == "g4fsync: unknown provider 'koalla'; did you mean 'koala'?\n"


def test_a_broken_plug_in_does_not_hide_the_others(
    here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.metadata import EntryPoint

    broken = EntryPoint("broken", "no_such_module_at_all:Thing", registry.ENTRY_POINTS)
    monkeypatch.setattr(registry, "_entry_points", lambda: {"broken": broken})
    done = here("providers")
    assert done.code == 0
    assert "koala" in done.out
    assert done.err.startswith(
        "g4fsync: broken: the plug-in 'no_such_module_at_all:Thing' can't be"
    )


@pytest.mark.parametrize("width", range(10, 60, 7))
def test_a_table_fits_any_width(width: int) -> None:
    rows = [("a", "short", "x" * 30), ("b" * 12, "", "some words that can be wrapped anywhere")]
    lines = table(("ONE", "TWO", "THREE"), rows, width).splitlines()
    assert max(map(len, lines)) <= width


def test_help_names_every_command_and_exit_code(here: Run) -> None:
    done = here("--help", COLUMNS="80")
    assert (done.code, done.err) == (0, "")
    assert {*VERBS} <= {
        line.split()[0] for line in done.out.splitlines() if line.startswith("    ")
    }
    assert "130 Ctrl-C" in done.out


@pytest.mark.parametrize("verb", VERBS)
def test_each_command_has_help_that_fits_80_columns(here: Run, verb: str) -> None:
    done = here(verb, "--help", COLUMNS="80")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"usage: g4fsync {verb}")
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize(
    "argv",
    [
        ["ask", "--json", "--events", "Hi"],
        ["ask", "--timeout", "5s", "Hi"],
        ["emulate", "--tokens-per-second", "0"],
        ["demo", "--tokens-per-second", "x"],
        ["providers", "surplus"],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_bad_usage_is_exit_2(here: Run, argv: list[str]) -> None:
    done = here(*argv)
    assert (done.code, done.out) == (2, "")
    verb = argv[0] if argv[0] in VERBS else "ask"
    first, last = done.err.splitlines()
    assert first.startswith(f"g4fsync {verb}: error: ")
    assert last == f"g4fsync {verb} --help shows what can be typed"


def test_the_version_is_shown_without_loading_a_library() -> None:
    code = (
        "import sys; from g4fsync.cli import main; main(['--version']);"
        "print(sorted({'requests', 'websocket', 'tenacity', 'ssl'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"g4fsync {__version__}\n[]\n"


@pytest.mark.parametrize("verb", VERBS)
def test_only_the_typed_command_is_imported(verb: str) -> None:
    code = (
        "import sys; from g4fsync.cli import main; main([sys.argv[1], '--help']);"
        "from g4fsync.cli.verbs import VERBS;"
        "print([m for m, _ in VERBS.values() if f'g4fsync.cli.{m}' in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, verb], capture_output=True, text=True, check=True
    )
    shared = ["compare"] if verb == "demo" else []  # it shows its answers as compare does
    assert done.stdout.splitlines()[-1] == str([*shared, VERBS[verb][0]])


def test_all_commands_can_be_had_as_one_parser() -> None:
    arguments = complete_parser().parse_args(["keys", "--debug", "set", "openai"])
    assert (arguments.verb, arguments.action, arguments.provider) == ("keys", "set", "openai")
    assert arguments.debug

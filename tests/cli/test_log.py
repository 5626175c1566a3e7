"""``g4fsync log``, ``-c``, ``--cid``, ``--no-log``, ``--cache`` and ``--template``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from g4fsync import Archive
from g4fsync.emulator import Cut, Emulator

from .conftest import COMMAND, environment

if TYPE_CHECKING:
    from .conftest import Outcome, Run

Say = Callable[..., "Outcome"]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("G4FSYNC_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def say(here: Run, settings: Path, emulator: Emulator) -> Say:
    """Run the command line with the emulator's OpenAI."""

    def run(*argv: str) -> Outcome:
        return here(
            *argv,
            G4FSYNC_MODEL="openai:gpt-4o-mini",
            OPENAI_BASE_URL=emulator.base_urls["openai"],
            OPENAI_API_KEY=emulator.api_key,
            COLUMNS="120",
        )

    return run


def test_nothing_is_kept_before_log_on(say: Say, settings: Path) -> None:
    assert say("Hi").code == 0
    assert say("log").err == "g4fsync: no log: g4fsync log on keeps one\n"
    assert not settings.exists()


def test_it_is_kept_from_log_on_to_log_off(say: Say, settings: Path) -> None:
    path = settings / "log.db"
    assert say("log", "on").err == f"g4fsync: the log is on: {path}\n"
    assert say("log").err == "g4fsync: no log: it is empty so far\n"
    say("One")
    say("Two", "--no-log")
    assert say("log", "off").err == f"g4fsync: the log is off: {path}\n"
    assert say("log", "off").code == 0
    say("Three")
    assert [call.question for call in Archive(path).calls()] == ["One"]
    assert say("log", "path").out == f"{path}\n"


def test_list_shows_the_newest_first_and_what_was_cut(
    say: Say, settings: Path, emulator: Emulator
) -> None:
    say("log", "on")
    say("One")
    emulator.openai.faults.append(Cut(after_bytes=900))
    assert say("Two, long enough to be cut").code == 4
    lines = say("log", "list").out.splitlines()
    assert lines[0].split() == ["ID", "WHEN", "MODEL", "QUESTION"]
    assert lines[1].endswith("openai:gpt-4o-mini  [failed] Two, long enough to be cut")
    assert lines[2].endswith("openai:gpt-4o-mini  One")
    assert len(say("log", "list", "-n", "1").out.splitlines()) == 2
    assert say("log", "list", "-m", "koala").err == "g4fsync: nothing found\n"
    assert len(say("log", "list", "--since", "1d").out.splitlines()) == 3
    assert say("log", "list", "--since", "2999-01-01").out == ""
    newest = json.loads(say("log", "list", "--json").out.splitlines()[0])
    assert (newest["state"], newest["error_class"]) == ("failed", "StreamInterrupted")


def test_show_tells_of_one_call(say: Say, settings: Path) -> None:
    say("log", "on")
    say("One")
    shown = say("log", "show").out
    assert "complete, " in shown
    assert shown.endswith("question:\nOne\n\nanswer:\nYou said: One\n")
    id = shown.split()[0]
    assert say("log", "show", id[:22]).out == shown
    assert json.loads(say("log", "show", id, "--json").out)["text"] == "You said: One"
    assert say("log", "show", "nonsense").code == 2


def test_what_was_compared_is_kept_and_found_together(say: Say, settings: Path) -> None:
    say("log", "on")
    say("Alone")
    models = ("-m", "openai:gpt-4o-mini,openai:gpt-4o")
    assert say("compare", "Which?", *models).code == 0
    assert say("compare", "Not kept", *models, "--no-log").code == 0
    assert say("compare", "Who is first?", *models, "--race").code == 0
    rows = [json.loads(line) for line in say("log", "list", "--json").out.splitlines()]
    assert [row["question"] for row in rows] == [*["Who is first?"] * 2, *["Which?"] * 2, "Alone"]
    parent = rows[2]["parent"]
    together = say("log", "list", "--parent", parent).out.splitlines()
    assert [line.split()[0] for line in together[1:]] == [row["id"] for row in rows[2:4]]
    assert say("log", "search", "Which?", "--parent", rows[0]["parent"]).code == 1
    assert f"asked together as {parent}" in say("log", "show", rows[2]["id"]).out
    shown = say("log", "show", parent).out
    assert [shown.index(row["id"]) for row in (rows[3], rows[2])] == sorted(
        shown.index(row["id"]) for row in rows[2:4]
    )
    say("-c", "And then?")
    assert json.loads(say("log", "show", "--json").out)["conversation"] == rows[4]["id"]


def test_search_finds_words_in_questions_and_answers(say: Say, settings: Path) -> None:
    say("log", "on")
    say("Why is the sky blue?")
    say("And the sea?")
    assert say("log", "search", "sky").out.count("\n") == 2
    assert say("log", "search", "said", "sea").out.count("\n") == 2
    missing = say("log", "search", "nonsense")
    assert (missing.code, missing.err) == (1, "g4fsync: nothing found\n")


def test_cost_counts_by_model_or_by_day(say: Say, settings: Path) -> None:
    say("log", "on")
    say("One")
    say("Two", "-m", "openai:gpt-4o")
    lines = say("log", "cost").out.splitlines()
    assert lines[0].split() == ["MODEL", "CALLS", "COUNTED", "IN", "OUT", "SECONDS"]
    assert [line.split()[:3] for line in lines[1:]] == [
        ["openai:gpt-4o", "1", "1"],
        ["openai:gpt-4o-mini", "1", "1"],
    ]
    (day,) = say("log", "cost", "--by", "day", "--json").out.splitlines()
    assert (json.loads(day)["calls"], json.loads(day)["usd"]) == (2, None)


def test_export_gives_lines_of_json_that_can_be_asked_again(say: Say, settings: Path) -> None:
    from g4fsync.messages import as_messages

    say("log", "on")
    say("One", "-s", "Be brief", "-o", "temperature", "0.5")
    line = json.loads(say("log", "export").out)
    assert [m.content for m in as_messages(line["messages"])] == ["Be brief", "One"]
    assert (line["text"], line["options"]) == (line["answer"]["content"], {"temperature": 0.5})


def test_prune_deletes_what_is_old(say: Say, settings: Path) -> None:
    say("log", "on")
    say("One")
    assert say("log", "prune", "--days", "1").err == "g4fsync: 0 calls deleted\n"
    wrong = say("log", "prune", "--days", "-1")
    assert wrong.code == 2
    assert "--days: must be a number from 0, got '-1'" in wrong.err
    assert say("log", "prune", "--days", "0").err == "g4fsync: 1 calls deleted\n"


def test_c_and_cid_go_on_with_a_conversation(say: Say, settings: Path, emulator: Emulator) -> None:
    say("log", "on")
    say("One", "-s", "Be brief", "-m", "openai:gpt-4o")
    first = Archive(settings / "log.db").calls()[0].id
    say("Other")
    say("--cid", first, "Two")
    body = emulator.openai.requests[-1].body
    assert [m["content"] for m in body["messages"] if m["role"] != "assistant"] == [
        "Be brief",
        "One",
        "Two",
    ]
    assert body["model"] == "gpt-4o"
    say("-c", "Three", "-m", "openai:gpt-4o-mini")
    body = emulator.openai.requests[-1].body
    assert (len(body["messages"]), body["model"]) == (6, "gpt-4o-mini")
    unknown = say("--cid", "nonsense", "Four")
    assert (unknown.code, unknown.err) == (
        2,
        "g4fsync: the log has no conversation 'nonsense'\n",
    )


def test_cache_answers_from_the_log(say: Say, settings: Path, emulator: Emulator) -> None:
    refused = say("Hi", "--cache")
    assert (refused.code, refused.err) == (
        2,
        "g4fsync: --cache keeps answers in the log: say g4fsync log on first\n",
    )
    say("log", "on")
    assert say("Hi", "--cache").out == say("Hi", "--cache").out
    assert len(emulator.openai.requests) == 1
    assert json.loads(say("Hi", "--cache", "--json").out)["cached"]
    assert ", from the cache, " in say("Hi", "--cache", "--usage").err
    assert "from the cache" not in say("Hi", "--usage").err


def template(settings: Path, name: str, text: str) -> None:
    (settings / "templates").mkdir(parents=True, exist_ok=True)
    (settings / "templates" / f"{name}.txt").write_text(text)


def test_a_template_gives_the_prompt_and_its_settings(
    say: Say, settings: Path, emulator: Emulator
) -> None:
    template(
        settings,
        "german",
        "---\nmodel: openai:gpt-4o\nsystem: Translate\n# a remark\n"
        "option.temperature: 0.2\n---\nInto German:\n\n{input}\n",
    )
    assert say("--template", "german", "Hello").code == 0
    body = emulator.openai.requests[-1].body
    assert [m["content"] for m in body["messages"]] == ["Translate", "Into German:\n\nHello"]
    assert (body["model"], body["temperature"]) == ("gpt-4o", 0.2)
    say("--template", "german", "Hello", "-s", "Mine", "-o", "temperature", "0.9")
    body = emulator.openai.requests[-1].body
    assert (body["messages"][0]["content"], body["temperature"]) == ("Mine", 0.9)


def test_a_template_without_a_place_for_the_prompt_precedes_it(
    say: Say, settings: Path, emulator: Emulator
) -> None:
    template(settings, "joke", "Tell a joke")
    say("--template", "joke")
    assert emulator.openai.requests[-1].body["messages"][-1]["content"] == "Tell a joke"
    say("--template", "joke", "about bees")
    asked = emulator.openai.requests[-1].body["messages"][-1]["content"]
    assert asked == "Tell a joke\n\nabout bees"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\nmodel: m\n", "no second line ---"),
        ("---\nmood: good\n---\nx", "line 2: expected one of model, system, schema"),
        ("---\nmodel\n---\nx", "line 2: expected one of model, system, schema"),
    ],
)
def test_a_template_that_is_wrong_says_where(
    say: Say, settings: Path, text: str, message: str
) -> None:
    template(settings, "wrong", text)
    outcome = say("--template", "wrong", "Hi")
    assert outcome.code == 2
    assert message in outcome.err.replace("\n", " ")


def test_a_template_with_a_place_for_a_prompt_wants_one(say: Say, settings: Path) -> None:
    template(settings, "sum", "Summarise: {input}")
    done = say("--template", "sum")
    assert (done.code, done.out) == (2, "")
    assert done.err == "g4fsync: no prompt to put for {input} in template sum\n"


def test_a_log_that_is_no_log_says_how_to_do_without(say: Say, settings: Path) -> None:
    say("log", "on")
    (settings / "log.db").write_text("something else, longer than a header of SQLite\n" * 9)
    done = say("Hello")
    assert done.code == 2
    assert done.err.splitlines()[1] == (
        "g4fsync: --no-log does without the log, g4fsync log off ends it"
    )
    assert say("Hello", "--no-log").code == 0


def test_an_export_into_a_full_disk_or_a_closed_pipe_is_a_matter_of_the_output(
    say: Say, settings: Path
) -> None:
    say("log", "on")
    say("x" * 200_000)
    variables = environment({"G4FSYNC_CONFIG": str(settings)})
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "log", "export"], stdout=full, stderr=subprocess.PIPE, env=variables
        )
    assert done.returncode == 1
    assert done.stderr == b"g4fsync: the output can't be written: No space left on device\n"
    with subprocess.Popen(
        [*COMMAND, "log", "export"], stdout=subprocess.PIPE, env=variables
    ) as run:
        assert run.stdout
        run.stdout.close()
    assert run.returncode == 141


def test_show_says_what_it_was_asked_for(say: Say, settings: Path) -> None:
    say("log", "on")
    say("Hello")
    done = say("log", "show", "nonsense")
    assert done.code == 2
    assert done.err == "g4fsync: the log has no call or conversation 'nonsense'\n"


def test_a_template_that_is_missing_tells_which_there_are(say: Say, settings: Path) -> None:
    folder = settings / "templates"
    assert (
        say("--template", "x", "Hi")
        .err.replace("\n", " ")
        .strip()
        .endswith(f"no template 'x'; put NAME.txt into {folder}")
    )
    template(settings, "joke", "Tell a joke")
    assert say("--template", "x", "Hi").err == "g4fsync: no template 'x'; there are joke\n"

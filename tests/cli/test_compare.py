"""``g4fsync compare``: blocks, columns, JSON, the saved page, the race, and Ctrl-C."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from g4fsync.emulator import Cut, Emulator, HangBeforeHeaders, Messages, Stall, Status, words
from tests.support.pages import Page
from tests.support.timing import FREED, MS, eventually

if TYPE_CHECKING:
    from .conftest import Run, Terminal

Start = Callable[..., "Terminal"]

LIMIT_SECONDS = 500 * MS + FREED


def said(messages: Messages) -> list[str]:
    return words(f"You said: {messages[-1]['content']}")


@pytest.fixture
def both(emulator: Emulator) -> list[str]:
    """Arguments that ask the emulator's Koala and FlowGpt."""
    emulator.flowgpt.reply = said
    urls = [f"--base-url={name}={emulator.base_urls[name]}" for name in ("koala", "flowgpt")]
    return ["compare", "-m", "koala", "-m", "flowgpt", *urls]


# -- what goes in -------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["-m", "koala"], "no prompt; "),
        (["-m", "koala", "-m", "koalla", "Hi"], "unknown provider or model 'koalla'"),
        (["-m", "koala", "Hi", "-o", "models", "1"], "-o models: not an option of a provider"),
        (["-m", "koala", "--race", "--save", "x", "Hi"], "--save is for all answers, --race for"),
        (["-m", "koala", "--save", "/no/a.html", "Hi"], "/no/a.html: No such file or directory"),
        (
            ["-m", "koala", "--save", "a.docx", "Hi"],
            "a.docx: the file's ending says its form: one of .html, .md, .json, .jsonl, .csv",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_call_is_told_in_one_line(here: Run, argv: list[str], message: str) -> None:
    done = here("compare", *argv)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"g4fsync: {message}")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["koala"], "koala: the base URL must look like http://host[:port][/path], got 'koala'"),
        (["=x"], "koala: the base URL must look like http://host[:port][/path], got '=x'"),
        (["koala="], "--base-url koala=: nothing stands behind the provider's name"),
        (
            ["http://h", "-m", "flowgpt"],
            "--base-url: say for which provider: PROVIDER=http://h",
        ),
    ],
)
def test_a_wrong_base_url_is_refused(here: Run, values: list[str], message: str) -> None:
    done = here("compare", "-m", "koala", "Hi", "--base-url", *values)
    assert (done.code, done.out, done.err) == (2, "", f"g4fsync: {message}\n")


def test_standard_input_system_and_options_reach_all(
    process: Run, emulator: Emulator, both: list[str]
) -> None:
    argv = [*both[:3], "-m", "flowgpt:claude-v2", *both[5:], "-s", "Be brief."]
    assert process(*argv, "one", stdin=b"two").code == 0
    assert emulator.koala.wait_ended()[-1].body["input"].startswith("one\n\ntwo")
    body = emulator.flowgpt.wait_ended()[-1].body
    assert (body["model"], body["system"]) == ("claude-v2", "Be brief.")


# -- blocks -------------------------------------------------------------


def test_a_pipe_gets_labelled_blocks_in_the_order_asked(
    process: Run, emulator: Emulator, both: list[str]
) -> None:
    emulator.koala.latency = 0.2
    done = process(*both, "Hi")
    expected = "== koala ==\nYou said: Hi\n\n== flowgpt ==\nYou said: Hi\n"
    assert (done.code, done.out) == (0, expected)
    head, koala, flowgpt = done.err.strip().splitlines()
    assert head == "MODEL    STATE     FIRST TOKEN  SECONDS  TOKENS/S  TOKENS  CHARACTERS"
    assert re.match(r"koala    complete  0\.\d\d s +0\.\d\d s +\d+ +12$", koala)
    assert flowgpt.startswith("flowgpt  complete  0.")


def test_the_same_model_twice_has_two_labels(here: Run, both: list[str]) -> None:
    out = here(*both, "-m", "koala", "Hi").out
    assert re.findall("== (.*) ==", out) == ["koala", "flowgpt", "koala#2"]


def test_some_failing_is_exit_code_5_and_keeps_the_part(
    here: Run, emulator: Emulator, both: list[str]
) -> None:
    emulator.koala.fault = Cut(after_bytes=40)
    done = here(*both, "one two")
    assert done.code == 5
    assert done.out == "== koala ==\nYou said:\n\n== flowgpt ==\nYou said: one two\n"
    assert done.err.startswith(
        "g4fsync: koala: StreamInterrupted: the body ended before its last chunk"
    )


def test_all_failing_is_exit_code_1(here: Run, emulator: Emulator, both: list[str]) -> None:
    emulator.koala.fault = emulator.flowgpt.fault = Status(400)
    done = here(*both, "Hi")
    assert done.code == 1
    assert done.out == "== koala ==\n\n== flowgpt ==\n"
    assert done.err.count("ProviderError") == 4  # two messages, two lines of the table


def test_what_acts_on_a_terminal_is_shown(here: Run, emulator: Emulator, both: list[str]) -> None:
    emulator.koala.reply = lambda messages: ["\x1b[2J", "\u202eevil"]
    emulator.flowgpt.fault = Status(400, message="\x1b]0;owned\x07")
    done = here(*both, "Hi")
    assert "\x1b" not in done.out + done.err
    assert "\\x1b[2J\\u202eevil" in done.out
    assert "\\x1b]0;owned\\x07" in done.err


# -- JSON ---------------------------------------------------------------


def test_json_is_one_object_with_a_result_or_an_error_each(
    here: Run, emulator: Emulator, both: list[str]
) -> None:
    emulator.koala.fault = Cut(after_bytes=40)
    done = here(*both, "--json", "one two")
    assert (done.code, done.out.count("\n"), done.err) == (5, 1, "")
    failed, whole = json.loads(done.out)["lanes"]
    assert (failed["lane"], failed["partial"], failed["error"]["error"]) == (
        "koala",
        "You said:",
        "StreamInterrupted",
    )
    assert (whole["lane"], whole["text"], whole["provider"]) == (
        "flowgpt",
        "You said: one two",
        "flowgpt",
    )


def test_jsonl_is_a_line_for_each_event_and_result(
    here: Run, emulator: Emulator, both: list[str]
) -> None:
    emulator.flowgpt.fault = Status(400)
    done = here(*both, "--jsonl", "Hi")
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.out.splitlines()]
    koala = [line for line in lines if line["lane"] == "koala"]
    assert [line["event"] for line in koala] == ["text", "text", "text", "result"]
    assert "".join(line["text"] for line in koala[:-1]) == koala[-1]["text"] == "You said: Hi"
    (error,) = [line for line in lines if line["lane"] == "flowgpt"]
    assert (error["event"], error["error"]["status"]) == ("error", 400)
    assert done.code == 5


# -- the page -----------------------------------------------------------


def test_the_saved_page_holds_everything_and_loads_nothing(
    here: Run, emulator: Emulator, both: list[str], tmp_path: Path
) -> None:
    emulator.koala.reply = lambda messages: ["<img src=//x onerror=alert(1)>", " \x1b[2J"]
    emulator.flowgpt.fault = Cut(after_bytes=40)
    path = tmp_path / "report.html"
    done = here(*both, "--save", str(path), "a <b>bold</b> question")
    assert done.code == 5
    assert done.err.endswith(f"saved as {path}\n")
    page = Page(path.read_text(encoding="utf-8"))
    assert page.title == "a <b>bold</b> question"
    assert not {"link", "img", "iframe", "a", "b"} & set(page.tags)
    assert page.tags.count("article") == page.tags.count("polyline") == 2
    assert "<img src=//x onerror=alert(1)> \\x1b[2J" in page.text
    assert "StreamInterrupted: flowgpt: " in page.text


@pytest.mark.parametrize("ending", ["md", "json", "jsonl", "csv"])
def test_what_is_saved_has_the_form_that_the_name_says(
    here: Run, both: list[str], tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"report.{ending}"
    assert here(*both, "--save", str(path), "Why?").code == 0
    text = path.read_text(encoding="utf-8")
    beginnings = {
        "md": "# Why?\n",
        "json": '{\n  "date": "20',
        "jsonl": '{"date": "20',
        "csv": "date,question,lane,",
    }
    assert text.startswith(beginnings[ending])
    assert text.count("You said: Why?") == 2


def test_a_page_of_lanes_that_never_began_is_a_page(
    here: Run, emulator: Emulator, both: list[str], tmp_path: Path
) -> None:
    emulator.koala.fault = emulator.flowgpt.fault = Status(500, headers={"Retry-After": "3600"})
    path = tmp_path / "report.html"
    assert here(*both, "--timeout", "5", "--save", str(path), "Hi").code == 1
    assert Page(path.read_text(encoding="utf-8")).tags.count("article") == 2


# -- the race -----------------------------------------------------------


def test_a_race_prints_the_winner_alone(here: Run, emulator: Emulator, both: list[str]) -> None:
    emulator.koala.latency, emulator.flowgpt.latency = 0.5, 5.0  # both have begun
    done = here(*both, "--race", "Hi")
    assert (done.code, done.out) == (0, "You said: Hi\n")
    assert re.fullmatch(
        r"koala:gpt-4o-mini began first, after \d\.\d\d s; asked too: flowgpt:gpt-3.5-turbo\n",
        done.err,
    )


def test_a_race_as_json_tells_the_losers(here: Run, emulator: Emulator, both: list[str]) -> None:
    emulator.koala.latency, emulator.flowgpt.latency = 0.5, 5.0  # both have begun
    told = json.loads(here(*both, "--race", "--json", "Hi").out)
    assert (told["text"], told["provider"]) == ("You said: Hi", "koala")
    (loser,) = told["losers"]
    assert (loser["provider"], loser["error"]["error"]) == ("flowgpt", "Cancelled")


def test_a_race_that_all_lose_is_exit_code_1(
    here: Run, emulator: Emulator, both: list[str]
) -> None:
    emulator.koala.fault = emulator.flowgpt.fault = Status(400)
    done = here(*both, "--race", "Hi")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("g4fsync: none of 2 models won\n- koala:gpt-4o-mini (first_token")


# -- columns ------------------------------------------------------------

TITLES = re.compile("╭─+ (.*?) ─+╮")


def frames(screen: str) -> list[str]:
    """What the terminal was told, without colours, cut where the cursor goes up again."""
    parts = re.split(r"\x1b\[1A", screen)
    return [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", part) for part in parts if "╭" in part]


def test_columns_fill_side_by_side_while_the_answers_come(
    terminal: Start, slow: Emulator, both: list[str]
) -> None:
    running = terminal(*both, "one two three four five six", columns=100)
    assert running.wait() == 0
    first, *_, last = frames(running.screen)
    assert TITLES.findall(first.splitlines()[0]) == ["koala", "flowgpt"]
    halves = [re.findall(r"│ (.*?) +│", frame) for frame in frames(running.screen)]
    seen = {line[0].strip() for line in halves if line}
    assert {"You said: one two", "You said: one two three"} & seen
    assert "waiting " in first
    whole = "│ You said: one two three four five six"
    assert last.count(whole) == 2
    assert last.count("─ done: ") == 2
    assert "koala    complete" in running.screen


@pytest.mark.slow
def test_columns_are_stacked_where_it_is_narrow(
    terminal: Start, slow: Emulator, both: list[str]
) -> None:
    running = terminal(*both, "one two three four five six", columns=40)
    assert running.wait() == 0
    last = frames(running.screen)[-1]
    assert [t for line in last.splitlines() for t in TITLES.findall(line)] == ["koala", "flowgpt"]
    # Two are left free: what a terminal echoes for Ctrl-C must not begin a line of its own.
    assert max(map(len, last.rstrip().splitlines())) <= 38


def test_nothing_of_a_provider_acts_in_columns(
    terminal: Start, emulator: Emulator, both: list[str]
) -> None:
    emulator.koala.reply = lambda messages: ["\x1b]0;owned\x07", "[bold red]:smile:[/]\t\u202e."]
    emulator.flowgpt.fault = Status(400, message="\x1b]0;owned\x07")
    running = terminal(*both, "Hi", columns=160)
    assert running.wait() == 5
    assert "\x1b]0;" not in running.screen
    assert "\u202e" not in running.screen
    assert "\\x1b]0;owned\\x07[bold red]:smile:[/]" in running.screen


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {}], ids=["NO_COLOR", "colour"])
def test_colour_is_for_who_wants_it(
    terminal: Start, both: list[str], variables: dict[str, str]
) -> None:
    running = terminal(*both, "Hi", **variables)
    assert running.wait() == 0
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-9][;m]", running.screen)) is not bool(variables)


def test_a_dumb_terminal_gets_blocks(terminal: Start, both: list[str]) -> None:
    running = terminal(*both, "Hi", TERM="dumb")
    assert running.wait() == 0
    assert running.screen.startswith("== koala ==\nYou said: Hi\n\n== flowgpt ==\nYou said: Hi\n")
    assert "\x1b" not in running.screen


def test_without_rich_a_terminal_gets_blocks(
    terminal: Start, both: list[str], tmp_path: Path
) -> None:
    tmp_path.joinpath("sitecustomize.py").write_text(
        "import importlib.util as u\nf = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'rich' else f(name, *a)\n"
    )
    running = terminal(*both, "Hi", PYTHONPATH=str(tmp_path))
    assert running.wait() == 0
    assert "== koala ==\nYou said: Hi\n\n== flowgpt ==\nYou said: Hi\n" in running.screen


# -- Ctrl-C -------------------------------------------------------------

EIGHT = ["compare", *["-m", "koala"] * 8]


def interrupted(terminal: Terminal) -> float:
    """Press Ctrl-C; the seconds until the process has ended with 130."""
    pressed = time.monotonic()
    terminal.press(b"\x03")
    assert terminal.wait() == 130
    return time.monotonic() - pressed


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_ctrl_c_ends_eight_silent_providers_and_keeps_what_came(
    terminal: Start, emulator: Emulator, term: str
) -> None:
    emulator.koala.fault = Stall(after_bytes=40)
    url = f"--base-url=koala={emulator.base_urls['koala']}"
    running = terminal(*EIGHT, url, "one two", columns=200, TERM=term)
    running.read_until("You said:")
    eventually(lambda: len(emulator.koala.requests) == 8)
    time.sleep(200 * MS)  # each part is on its way
    assert interrupted(running) < LIMIT_SECONDS
    whole = frames(running.screen)[-1] if term == "xterm" else running.screen
    assert whole.count("You said:") == 8
    assert running.screen.count("Cancelled") >= 8
    assert running.screen.endswith("g4fsync: interrupted\n")
    # On a terminal one frame says it all, and one sentence.
    assert ("MODEL" in running.screen) is (term == "dumb")


@pytest.mark.parametrize("form", ["--json", "--jsonl", "--race"])
def test_ctrl_c_ends_eight_providers_that_never_answer(
    terminal: Start, emulator: Emulator, form: str
) -> None:
    emulator.koala.fault = HangBeforeHeaders()
    url = f"--base-url=koala={emulator.base_urls['koala']}"
    running = terminal(*EIGHT, url, form, "one two")
    eventually(lambda: len(emulator.koala.requests) == 8)
    assert interrupted(running) < LIMIT_SECONDS
    if form == "--json":
        told = json.loads(running.screen.splitlines()[0])
        assert [lane["error"]["error"] for lane in told["lanes"]] == ["Cancelled"] * 8
    if form == "--jsonl":
        lines = [json.loads(line) for line in running.screen.splitlines() if line[:1] == "{"]
        assert [line["event"] for line in lines] == ["error"] * 8


# -- the picture --------------------------------------------------------

PICTURE = Path(__file__).parents[2] / "examples" / "demo.svg"


@pytest.mark.parametrize("fresh", [False, True], ids=["committed", "fresh"])
def test_the_picture_shows_four_lanes_and_loads_nothing(fresh: bool) -> None:
    from tests.tools.draw_demo import draw

    text = draw() if fresh else PICTURE.read_text(encoding="utf-8")
    picture = ElementTree.fromstring(text)
    shown = "".join(picture.itertext()).replace("\N{NO-BREAK SPACE}", " ")
    for name in ("openai", "anthropic", "gemini", "ollama"):
        assert f"{name}:emulator" in shown
    assert "This is an emulated" in shown
    assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"]


def test_what_failed_is_said_without_its_label_twice(here: Run, emulator: Emulator) -> None:
    url = f"koala={emulator.refusing_url}"
    done = here("compare", "-m", "koala", "Hi", "--base-url", url, "--retries", "0")
    assert done.code == 1
    first = done.err.splitlines()[0]
    assert first.startswith("g4fsync: koala: ConnectionFailed: connection to 127.0.0.1:")

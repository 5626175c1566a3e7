"""What people are used to from other command lines: files, images, options, code, usage."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from g4fsync.cli.options import joined_options
from g4fsync.cli.output import CodeBlock
from g4fsync.emulator import Emulator, HangBeforeHeaders, Status

from .conftest import COMMAND, environment

if TYPE_CHECKING:
    from .conftest import Run, Terminal

Start = Callable[..., "Terminal"]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


@pytest.fixture
def openai(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator's OpenAI, as the environment says where it is and with which key."""
    for side in (emulator.openai, emulator.ollama):
        side.any_model = True
    monkeypatch.setenv("OPENAI_BASE_URL", emulator.base_urls["openai"])
    monkeypatch.setenv("OPENAI_API_KEY", emulator.api_key)
    return emulator


def asked(emulator: Emulator) -> Any:
    """The body of the last request to OpenAI."""
    return emulator.openai.wait_ended()[-1].body


def replying(emulator: Emulator, text: str) -> None:
    def answer(messages: Any) -> list[str]:
        return [text]

    emulator.openai.reply = answer


# -- prompts --------------------------------------------------------------


def test_the_environment_alone_is_enough(here: Run, openai: Emulator) -> None:
    assert here("-m", "openai:m", "hi").out == "You said: hi\n"


def test_a_prompt_may_be_a_file_and_files_may_follow_it(
    here: Run, openai: Emulator, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("\ufeffone\nдва\n")
    (tmp_path / "b.txt").write_text("three\n\n")
    a, b = str(tmp_path / "a.txt"), str(tmp_path / "b.txt")
    assert here("-m", "openai:m", f"@{a}").out == "You said: one\nдва\n"
    assert here("-m", "openai:m", "-f", a).out == "You said: one\nдва\n"
    assert here("-m", "openai:m", "Sum:", "-f", a, "-f", b).code == 0
    assert asked(openai)["messages"][-1]["content"] == "Sum:\n\none\nдва\n\nthree"


def test_a_dash_is_standard_input_at_its_place(process: Run, koala: list[str]) -> None:
    assert process(*koala, "-", "last", stdin=b"first").out == "You said: first\n\nlast\n"
    assert process(*koala, "-", stdin=b"Hi\n").out == "You said: Hi\n"
    assert process(*koala, "Sum:", "-f", "-", stdin=b"Hi\n").out == "You said: Sum:\n\nHi\n"


def test_a_text_with_an_at_sign_and_a_space_is_a_text(here: Run, koala: list[str]) -> None:
    assert here(*koala, "@alice said hello").out == "You said: @alice said hello\n"


def test_a_file_with_the_line_ends_of_windows_has_none_at_its_end(
    here: Run, koala: list[str], tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\r\ntwo\r\n")
    done = here(*koala, "--json", f"@{tmp_path / 'a.txt'}")
    assert json.loads(done.out)["text"] == "You said: one\r\ntwo"


def test_what_a_shell_makes_of_a_command_is_a_file(koala: list[str]) -> None:
    script = 'exec "$@" -f <(echo one; echo two)'
    typed = [*COMMAND, *koala, "Sum:"]
    done = subprocess.run(
        ["bash", "-c", script, "bash", *typed],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment({}),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"You said: Sum:\n\none\ntwo\n"


def test_bytes_of_utf_8_are_text_in_any_locale(process: Run, koala: list[str]) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert process(*koala, "--json", "h\u00e9", **plain).out.count("You said: h\\u00e9") == 1


def test_a_text_that_begins_with_a_dash_goes_behind_two(here: Run, koala: list[str]) -> None:
    assert here(*koala, "--", "-x marks").out == "You said: -x marks\n"
    done = here(*koala, "-x marks")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[1:] == [
        'a text that begins with a dash goes behind --: g4fsync -- "- this"',
        "g4fsync ask --help shows what can be typed",
    ]


@pytest.mark.parametrize("argv", [["@{}"], ["x", "-f", "{}"], ["x", "-s", "@{}"]])
def test_a_file_that_is_not_there_is_said(
    here: Run, koala: list[str], tmp_path: Path, argv: list[str]
) -> None:
    name = str(tmp_path / "none")
    done = here(*koala, *(word.replace("{}", name) for word in argv))
    assert (done.code, done.out) == (2, "")
    at_sign = f"@{name} stands for a file's text, and " if argv[-1][0] == "@" else ""
    assert done.err == f"g4fsync: {at_sign}{name}: No such file or directory\n"


def test_the_system_text_may_be_a_file(here: Run, openai: Emulator, tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("Be brief.\n")
    assert here("-m", "openai:m", "Hi", "-s", f"@{tmp_path / 's.txt'}").code == 0
    assert asked(openai)["messages"][0] == {"role": "system", "content": "Be brief."}


def test_images_go_with_the_prompt(here: Run, openai: Emulator, tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(PNG)
    url = "https://pictures.example/cat.png"
    done = here("-m", "openai:m", "What is it?", "-a", str(tmp_path / "p.png"), "-a", url)
    assert done.code == 0, done.err
    text, file, link = asked(openai)["messages"][-1]["content"]
    assert text == {"type": "text", "text": "What is it?"}
    assert file["image_url"]["url"].startswith("data:image/png;base64,")
    assert link["image_url"]["url"] == url


def test_an_image_is_piped_in(process: Run, openai: Emulator) -> None:
    variables = {
        "OPENAI_BASE_URL": openai.base_urls["openai"],
        "OPENAI_API_KEY": openai.api_key,
    }
    argv = ["-m", "openai:m", "What is this?", "-a", "-"]
    assert process(*argv, stdin=PNG, **variables).code == 0
    content = asked(openai)["messages"][0]["content"]
    assert [part["type"] for part in content] == ["text", "image_url"]
    assert content[1]["image_url"]["url"].startswith("data:image/png;base64,")


def test_what_is_no_image_is_refused(here: Run, openai: Emulator, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    done = here("-m", "openai:m", "Hi", "-a", str(tmp_path / "notes.txt"))
    assert (done.code, done.out) == (2, "")
    reason = "an image must be a PNG, JPEG, GIF or WebP file"
    assert done.err == f"g4fsync: image {tmp_path}/notes.txt: {reason}\n"


# -- options --------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (["-o", "a", "1"], ["-o", "a=1"]),
        (["-o", "a=1", "x"], ["-o", "a=1", "x"]),
        (["-o", "stop", "a=b", "x"], ["-o", "stop=a=b", "x"]),
        (["--option", "a", "1", "-o", "b=2"], ["--option", "a=1", "-o", "b=2"]),
        (["--", "-o", "a", "1"], ["--", "-o", "a", "1"]),
        (["-o"], ["-o"]),
        (["-o", "a"], ["-o", "a"]),
    ],
)
def test_an_option_is_written_with_a_sign_or_a_space(typed: list[str], read: list[str]) -> None:
    assert joined_options(typed, ("-o", "--option")) == read


def test_options_reach_the_provider_in_both_forms(here: Run, openai: Emulator) -> None:
    done = here("-m", "openai:m", "-o", "temperature=0.5", "-o", "seed", "7", "Hi")
    assert done.code == 0
    assert (asked(openai)["temperature"], asked(openai)["seed"]) == (0.5, 7)


def test_an_option_without_a_value_is_a_usage_error(here: Run) -> None:
    done = here("-m", "koala", "Hi", "-o", "seed")
    assert done.code == 2
    assert "must look like KEY=VALUE or KEY VALUE, got 'seed'" in done.err


def test_retries_are_counted_beyond_the_first_attempt(here: Run, openai: Emulator) -> None:
    openai.openai.fault = Status(503, retry_after=0)
    assert here("-m", "openai:m", "Hi", "--retries", "0").code == 1
    assert len(openai.openai.wait_ended()) == 1
    assert here("-m", "openai:m", "Hi", "--retries", "1").code == 1
    assert len(openai.openai.wait_ended()) == 3


def test_a_fallback_is_asked_and_said(here: Run, openai: Emulator) -> None:
    done = here(
        "-m", "koala", "--base-url", f"koala={openai.refusing_url}", "--retries", "0",
        "--fallback", "openai:m", "Hi",
    )  # fmt: skip
    assert (done.code, done.out) == (0, "You said: Hi\n")
    assert done.err.startswith(
        "g4fsync: koala:gpt-4o-mini failed (ConnectionFailed: connection to 127.0.0.1:"
    )
    assert done.err.endswith("; asking openai:m in its place\n")


def test_what_the_log_advises_is_in_words_for_a_prompt(here: Run, openai: Emulator) -> None:
    done = here("-m", "openai:m", "--fallback", "ollama:m", "Hi", OPENAI_API_KEY="wrong")
    assert "set OPENAI_API_KEY, or run g4fsync keys set openai" in done.err
    assert "Client(" not in done.err


def test_compare_takes_models_with_commas(here: Run, openai: Emulator) -> None:
    done = here("compare", "-m", "openai:a,openai:b", "Hi")
    assert done.code == 0
    assert done.out == "== openai:a ==\nYou said: Hi\n\n== openai:b ==\nYou said: Hi\n"


# -- what comes out -------------------------------------------------------


FENCED = "Here:\n```python\nprint(1)\n```\nand\n~~~\nno\n~~~\n"


@pytest.mark.parametrize(
    ("answer", "printed"),
    [
        (FENCED, "print(1)\n"),
        ("~~~~ sh\nls\n```\n~~~~\n", "ls\n```\n"),
        ("```\nnot closed", "not closed\n"),
        ("```\n```\n", ""),
        ("no code", "no code\n"),
    ],
)
def test_the_first_block_of_code_alone(
    here: Run, openai: Emulator, answer: str, printed: str
) -> None:
    replying(openai, answer)
    assert here("-m", "openai:m", "-x", "Hi").out == printed


def test_no_half_of_a_code_block_is_printed(here: Run, openai: Emulator) -> None:
    from g4fsync.emulator import Cut

    replying(openai, "```sh\nrm -r x")
    openai.openai.fault = Cut(after_bytes=300)
    done = here("-m", "openai:m", "-x", "--retries", "0", "Hi")
    assert done.code == 4
    assert done.out == ""
    assert CodeBlock.__doc__


def test_usage_is_shown_on_standard_error(here: Run, openai: Emulator) -> None:
    done = here("-m", "openai:m", "-u", "Hi there")
    assert done.out == "You said: Hi there\n"
    assert done.err.startswith("g4fsync: openai:m, ")
    assert " tokens in, " in done.err
    assert " tokens out, " in done.err
    assert here("-m", "koala", "--base-url", openai.base_urls["koala"], "-u", "Hi").err.startswith(
        "g4fsync: koala:gpt-4o-mini, tokens not counted by the provider, first token 0."
    )


def test_an_answer_cut_by_its_limit_is_exit_4(here: Run, openai: Emulator) -> None:
    done = here("-m", "openai:m", "-o", "max_tokens=2", "one two three four")
    assert done.code == 4
    assert done.err == (
        "g4fsync: the answer is cut short: it has reached its limit of tokens "
        "(-o max_tokens=N sets it)\n"
    )
    assert here("-m", "openai:m", "-o", "max_tokens=2", "one two three", "--json").code == 4


def test_tool_calls_are_printed(here: Run, openai: Emulator) -> None:
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}}}}  # fmt: skip
    done = here("-m", "openai:m", "-o", f"tools={json.dumps([tool])}", "Rain in Paris?")
    assert done.code == 0
    assert done.out.startswith("get_weather({")
    assert done.err == ""


def test_lists_may_be_had_as_json(here: Run, openai: Emulator) -> None:
    models = json.loads(here("models", "openai", "--json").out)["models"]
    assert {"model", "notes"} == set(models[0])
    assert models[0]["model"].startswith("openai:")
    keys = json.loads(here("keys", "list", "--json").out)["keys"]
    assert keys[0]["from"] == "OPENAI_API_KEY"
    assert openai.api_key not in json.dumps(keys)


@pytest.mark.parametrize("argv", [["help"], ["help", "models"], ["version"]])
def test_help_and_version_are_commands(here: Run, argv: list[str]) -> None:
    done = here(*argv)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(("usage: g4fsync", "g4fsync 0."))


@pytest.mark.parametrize(
    ("argv", "near"),
    [
        (["login"], "keys"),
        (["ls"], "models"),
        (["Modles"], "models"),
        (["-m", "koala", "models"], "models"),
        (["-m", "koala", "models", "openai"], "models"),
        (["-m", "koala", "version"], "--version"),
        (["confg"], "config"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_near_command_is_no_prompt(here: Run, argv: list[str], near: str) -> None:
    done = here(*argv)
    assert (done.code, done.out) == (2, "")
    assert f"did you mean the command: g4fsync {near}\n" in done.err


# -- on a terminal --------------------------------------------------------


def test_a_line_shows_what_is_waited_for_and_goes_when_text_comes(
    terminal: Start, emulator: Emulator, koala: list[str]
) -> None:
    emulator.koala.faults = [HangBeforeHeaders(seconds=1.5)]
    running = terminal(*koala, "Hi")
    running.read_until("koala:gpt-4o-mini: waiting, ")
    running.read_until("You said: Hi")
    assert running.wait() == 0
    assert running.left == "You said: Hi\n"


def test_a_line_shows_why_and_when_it_is_tried_again(
    terminal: Start, emulator: Emulator, koala: list[str]
) -> None:
    emulator.koala.faults = [Status(429, message="slow down", retry_after=1)]
    running = terminal(*koala, "Hi", columns=100)
    running.read_until("koala:gpt-4o-mini: again in 1 s: HTTP 429: slow down")
    assert running.wait() == 0
    assert running.left == "You said: Hi\n"


@pytest.mark.slow
def test_the_line_fits_a_narrow_terminal(
    terminal: Start, emulator: Emulator, koala: list[str]
) -> None:
    emulator.koala.faults = [Status(429, message="slow down " * 20, retry_after=1)]
    running = terminal(*koala, "Hi", columns=40)
    running.read_until("koala:gpt-4o-mini: again in 1 s: HTTP")
    assert running.wait() == 0
    shown = [part.split("\x1b[K")[0] for part in running.screen.split("\r")[1:]]
    assert max(len(each.replace("\x1b[2m", "").replace("\x1b[0m", "")) for each in shown) <= 39


def test_markdown_is_rendered_on_a_terminal_and_left_alone_elsewhere(
    terminal: Start, here: Run, openai: Emulator
) -> None:
    replying(openai, "# Title\n\n* one\n* [link](https://x.example/)\n\n```\ncode\x1b[2J\n```\n")
    running = terminal("-m", "openai:m", "--markdown", "Hi")
    assert running.wait() == 0
    assert "Title" in running.left
    assert " • " in running.left
    assert "https://x.example/" in running.left
    assert "\x1b[2J" not in running.left
    assert "\x1b]8" not in running.left
    assert here("-m", "openai:m", "--markdown", "Hi").out.startswith("# Title\n\n* one\n")


def test_thoughts_are_shown_dimly_unless_hidden(terminal: Start, openai: Emulator) -> None:
    url = openai.base_urls["ollama"]
    argv = ["-m", "ollama:m", "--base-url", url, "-o", "reasoning_effort=low", "Hi"]
    running = terminal(*argv)
    assert running.wait() == 0
    shown = running.left
    hidden = terminal(*argv, "-R")
    assert hidden.wait() == 0
    assert hidden.left == "You said: Hi\n"
    assert "\x1b[2m" in shown
    assert shown.endswith("You said: Hi\n")

"""``g4fsync ask``: what goes in, what comes out, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from g4fsync.emulator import Cut, Emulator, HangBeforeHeaders, NoEndMark, Stall, Status

if TYPE_CHECKING:
    from .conftest import Run

Replying = Callable[..., None]


def asked(emulator: Emulator) -> Any:
    """The body of the last request to Koala."""
    return emulator.koala.wait_ended()[-1].body


# -- what goes in -------------------------------------------------------


def test_the_verb_may_be_left_out(here: Run, koala: list[str]) -> None:
    assert here("Hello", *koala).out == here("ask", "Hello", *koala).out == "You said: Hello\n"


def test_standard_input_follows_the_prompt_after_a_blank_line(
    process: Run, koala: list[str]
) -> None:
    done = process(*koala, "Summarise:", stdin="one\nдва\n".encode())
    assert done.out == "You said: Summarise:\n\none\nдва\n"


def test_standard_input_alone_is_a_prompt(process: Run, koala: list[str]) -> None:
    assert process(*koala, stdin=b"\xef\xbb\xbfHello\n").out == "You said: Hello\n"


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("utf-8:strict", "standard input is not utf-8 text"),
        ("utf-8:surrogateescape", "the prompt holds bytes that are not UTF-8 text"),
    ],
)
def test_standard_input_that_is_no_text_is_a_usage_error(
    process: Run, koala: list[str], encoding: str, message: str
) -> None:
    done = process(*koala, stdin=b"\xff\xfe\x00", PYTHONIOENCODING=encoding)
    assert (done.code, done.out, done.err) == (2, "", f"g4fsync: {message}\n")


def test_system_text_and_options_are_passed_on(here: Run, emulator: Emulator) -> None:
    url = emulator.base_urls["flowgpt"]
    argv = ["-m", "flowgpt:claude-v2", "--base-url", url, "-s", "Be brief.", "Hi"]
    assert here(*argv, "-o", "temperature", "0.25").code == 0
    body = emulator.flowgpt.wait_ended()[-1].body
    assert (body["model"], body["system"], body["temperature"]) == ("claude-v2", "Be brief.", 0.25)


def test_the_environment_names_the_default_model(here: Run, emulator: Emulator) -> None:
    url = emulator.base_urls["koala"]
    done = here("Hello", "--base-url", url, G4FSYNC_MODEL="koala:gpt-4o")
    assert done == type(done)(0, "You said: Hello\n", "")
    assert asked(emulator)["model"] == "gpt-4o"


def test_cookies_come_from_a_file(here: Run, emulator: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "cookies.json"
    file.write_text(json.dumps(dict(emulator.cookies("openassistant"))))
    url = emulator.base_urls["openassistant"]
    done = here("-m", "openassistant", "--base-url", url, "--cookies", str(file), "Hello")
    assert (done.code, done.out) == (0, "You said: Hello\n")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["-m", "koala"], 'no prompt; try: g4fsync "Why is the sky blue?", or g4fsync --help'),
        (["-m", "koala", " "], "no prompt; "),
        (["-m", "koala", "two", "words"], 'more than one prompt; quote it: "two words"'),
        (["-m", "koalla", "Hi"], "unknown provider or model 'koalla'; did you mean 'koala'?"),
        (["-m", "flowgpt:x", "Hi"], "flowgpt: unknown model 'x'; it has gpt-3.5-turbo"),
        (["-m", "koala", "Hi", "-o", "seed", "1"], "koala has no option 'seed'; it takes none"),
        (["-m", "koala", "Hi", "-o", "timeout", "1"], "-o timeout: not an option of a provider"),
        (
            ["-m", "flowgpt", "Hi", "-o", "temperature", "x"],
            "flowgpt: option temperature must be a",
        ),
        (["-m", "koala", "Hi", "--proxy", "nowhere"], "--proxy must be a URL like"),
        (["-m", "koala", "Hi", "--base-url", "nowhere"], "koala: the base URL must look like"),
        (
            ["-m", "koala", "Hi", "--base-url", "ollama=http://127.0.0.1:9"],
            "--base-url ollama=http://127.0.0.1:9: ollama is not asked",
        ),
        (["-m", "koala", "Hi", "--cookies", "/none"], "koala: cookie file '/none': No such file"),
        (["-m", "koala", "\udcff"], "the prompt holds bytes that are not UTF-8 text"),
        (["-m", "koala", "-s", "\udcff", "Hi"], "the system text holds bytes that are not"),
    ],
    ids=lambda value: " ".join(value).encode("ascii", "replace").decode() if value else "",
)
def test_a_wrong_call_is_told_in_one_line(here: Run, argv: list[str], message: str) -> None:
    done = here(*argv)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"g4fsync: {message}")
    assert done.err.count("\n") == 1


def test_missing_cookies_are_a_matter_of_configuration(here: Run, tmp_path: Path) -> None:
    done = here("-m", "openassistant", "Hi", G4FSYNC_COOKIES=str(tmp_path))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("g4fsync: openassistant: no cookies for open-assistant.io")
    assert "; give --cookies FILE, or put openassistant.txt into " in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("word", ["provider", "modles", "Demo", "providers"])
def test_a_mistyped_command_is_not_sent_as_a_prompt(here: Run, word: str) -> None:
    done = here("-m", "koala", word)
    assert done.code == 2
    assert "did you mean the command: g4fsync " in done.err


# -- what comes out -----------------------------------------------------


def test_text_is_exact(here: Run, koala: list[str], replying: Replying) -> None:
    text = 'Привет, мир! 🙂\n"Quoted", back\\slash, tab\t, 日本語, e\u0301'
    replying(text)
    assert here("Hi", *koala).out == f"{text}\n"


def test_a_line_end_is_added_only_where_there_is_none(
    here: Run, koala: list[str], replying: Replying
) -> None:
    replying("one\n", "two\n")
    assert here("Hi", *koala).out == "one\ntwo\n"


def test_what_acts_on_a_terminal_is_shown(here: Run, koala: list[str], replying: Replying) -> None:
    replying("\x1b[2J", "\x07\x00", "\u202eevil", "\x9b1m", "one\r", "\ntwo\rthree", "\x7f")
    expected = "\\x1b[2J\\x07\\x00\\u202eevil\\x9b1mone\ntwo\\x0dthree\\x7f\n"
    assert here("Hi", *koala).out == expected
    assert here("Hi", *koala, "--no-stream").out == expected


def test_a_trailing_carriage_return_is_shown(
    here: Run, koala: list[str], replying: Replying
) -> None:
    replying("one\r")
    assert here("Hi", *koala).out == "one\\x0d\n"


def test_an_error_message_of_a_provider_is_made_harmless(
    here: Run, emulator: Emulator, koala: list[str]
) -> None:
    emulator.koala.fault = Status(400, message="\x1b]0;owned\x07no")
    done = here("Hi", *koala)
    assert (done.code, done.out) == (1, "")
    assert "\x1b" not in done.err
    assert "\\x1b]0;owned\\x07no" in done.err


def test_json_is_one_object_with_the_whole_result(
    here: Run, koala: list[str], replying: Replying
) -> None:
    replying("\x1b[2J", "да\u202e")
    out = here("Hi", *koala, "--json").out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "да" in out
    told = json.loads(out)
    assert told.pop("seconds") >= told.pop("first_token_seconds") > 0
    assert told.pop("attempts")[0].pop("seconds") > 0
    assert told == {
        "text": "\x1b[2Jда\u202e",
        "reasoning": "",
        "tool_calls": [],
        "usage": None,
        "finish_reason": None,
        "provider": "koala",
        "model": "gpt-4o-mini",
        "headers": {},
        "limits": None,
        "cached": False,
        "id": None,
    }


def test_json_is_escaped_where_the_encoding_has_no_such_letters(
    process: Run, koala: list[str], replying: Replying
) -> None:
    replying("да")
    variables = {"PYTHONIOENCODING": "latin-1"}
    assert process("Hi", *koala, **variables).out == "\\u0434\\u0430\n"
    assert json.loads(process("Hi", *koala, "--json", **variables).out)["text"] == "да"


def test_events_are_lines_of_json(here: Run, emulator: Emulator, koala: list[str]) -> None:
    emulator.koala.faults = [Status(503)]
    attempt, *texts = map(json.loads, here("Hi", *koala, "--events").out.splitlines())
    assert attempt["event"] == "attempt"
    assert (attempt["number"], attempt["error"]["error"]) == (1, "ServerError")
    assert attempt["error"]["status"] == 503
    assert texts == [{"event": "text", "text": t} for t in ("You", " said:", " Hi")]


def test_events_end_with_the_end_mark(here: Run, emulator: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "cookies.json"
    file.write_text(json.dumps(dict(emulator.cookies("openassistant"))))
    url = emulator.base_urls["openassistant"]
    argv = ["-m", "openassistant", "--base-url", url, "--cookies", str(file), "Hi", "--events"]
    last = json.loads(here(*argv).out.splitlines()[-1])
    assert last == {"event": "finish", "reason": "stop", "raw": "complete", "id": None}


# -- how it ends --------------------------------------------------------


def test_a_refused_connection_is_a_provider_error(here: Run, emulator: Emulator) -> None:
    done = here("-m", "koala", "--base-url", emulator.refusing_url, "Hi", "--retries", "0")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("g4fsync: koala: connection to 127.0.0.1:")


@pytest.mark.parametrize("form", [[], ["--no-stream"]])
def test_a_cut_answer_is_kept_and_told(
    here: Run, emulator: Emulator, koala: list[str], form: list[str]
) -> None:
    emulator.koala.fault = Cut(after_bytes=40)
    done = here("one two three", *koala, *form)
    assert (done.code, done.out) == (4, "You said:\n")
    assert done.err.startswith("g4fsync: koala: ")


def test_an_answer_without_its_end_is_cut_short(
    here: Run, emulator: Emulator, koala: list[str]
) -> None:
    emulator.koala.fault = NoEndMark()
    assert here("one two", *koala).code == 4


def test_a_stalled_answer_is_a_timeout(here: Run, emulator: Emulator, koala: list[str]) -> None:
    emulator.koala.fault = Stall(after_bytes=40)
    done = here("one two three", *koala, "--timeout", "0.5")
    assert (done.code, done.out) == (3, "You said:\n")
    assert done.err == (
        "g4fsync: koala: not finished within 0.5 s\ng4fsync: --timeout SECONDS sets the limit\n"
    )


def test_json_of_a_failed_call_tells_the_error_and_the_part(
    here: Run, emulator: Emulator, koala: list[str]
) -> None:
    emulator.koala.fault = Stall(after_bytes=40)
    done = here("one two three", *koala, "--timeout", "0.5", "--json")
    told = json.loads(done.out)
    assert (done.code, told["partial"], "text" in told) == (3, "You said:", False)
    assert told["error"]["error"] == "DeadlineExceeded"
    assert told["error"]["clock"] == "total"


def test_events_of_a_failed_call_end_with_the_error(
    here: Run, emulator: Emulator, koala: list[str]
) -> None:
    emulator.koala.fault = Cut(after_bytes=40)
    *_, last = map(json.loads, here("one two three", *koala, "--events").out.splitlines())
    assert (last["event"], last["error"]) == ("error", "StreamInterrupted")


def test_a_refusal_is_a_provider_error(here: Run, emulator: Emulator, koala: list[str]) -> None:
    emulator.koala.fault = Status(401)
    assert here("Hi", *koala).code == 1


def test_debug_shows_the_traceback_and_nothing_else_does(
    here: Run, emulator: Emulator, koala: list[str]
) -> None:
    emulator.koala.fault = Status(400)
    assert "Traceback" not in here("Hi", *koala).err
    assert "Traceback (most recent call last)" in here("Hi", *koala, "--debug").err


def test_a_mistake_of_ours_is_no_traceback_either(
    here: Run, koala: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("oh\x1b")

    monkeypatch.setattr("g4fsync.cli.ask.show", broken)
    done = here("Hi", *koala)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "g4fsync: this is a mistake in g4fsync: RuntimeError: oh\\x1b (--debug shows more)\n"
    )


def test_a_hint_says_that_a_provider_is_retired(
    here: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from g4fsync.providers.koala import Koala

    monkeypatch.setattr(Koala, "base_url", emulator.base_urls["koala"])
    emulator.koala.fault = HangBeforeHeaders(seconds=0.0), Status(404)
    done = here("-m", "koala", "Hi")
    assert done.code == 1
    assert done.err.endswith(
        "koala is retired: its site may not answer any more (g4fsync providers)\n"
    )

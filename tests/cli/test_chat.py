"""``g4fsync chat`` in a terminal: turns, pastes, Ctrl-C, commands, and the day after."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from g4fsync.cli import kept
from g4fsync.emulator import Status

if TYPE_CHECKING:
    from g4fsync.emulator import Emulator

    from .conftest import Run, Terminal

Start = Callable[..., "Terminal"]

pytestmark = pytest.mark.timeout(90)  # several programs one after the other


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """The settings folder, where the log is on."""
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "log.on").touch()
    return folder


@pytest.fixture
def chat(terminal: Start, settings: Path, emulator: Emulator) -> Start:
    """Start ``g4fsync chat`` with the emulator's OpenAI."""

    def start(*argv: str, **variables: str) -> Terminal:
        return terminal(
            "chat", *argv, columns=200, **{**surroundings(settings, emulator), **variables}
        )

    return start


def surroundings(settings: Path, emulator: Emulator) -> dict[str, str]:
    return {
        "G4FSYNC_CONFIG": str(settings),
        "G4FSYNC_MODEL": "openai:gpt-4o-mini",
        "OPENAI_BASE_URL": emulator.base_urls["openai"],
        "OPENAI_API_KEY": emulator.api_key,
    }


def questions(emulator: Emulator) -> list[str]:
    """What the newest request asked, and all before it."""
    return [m["content"] for m in emulator.openai.requests[-1].body["messages"]]


def test_two_turns_the_second_with_the_first(chat: Start, emulator: Emulator) -> None:
    talk = chat("-s", "Be brief")
    talk.read_until("/help shows what can be typed")
    talk.press(b"One\n")
    talk.read_until("You said: One")
    talk.press(b"Two\n")
    talk.read_until("(message 4 of our conversation)\n\x1b[?2004h> ")
    talk.press(b"\x04")
    assert talk.wait() == 0
    asked = questions(emulator)
    assert (asked[0], asked[1], asked[3]) == ("Be brief", "One", "Two")


def test_pasted_lines_are_one_question(chat: Start, emulator: Emulator) -> None:
    talk = chat()
    talk.read_until("> ")
    # As a terminal sends a paste, and as one does that knows no brackets.
    for paste in (b"\x1b[200~first\nsecond\x1b[201~\n", b"third\nfourth\n"):
        talk.press(paste)
        talk.read_until(paste.rstrip(b"\x1b[201~\n").split(b"\n")[-1].decode())
        talk.read_until("our conversation)" if b"third" in paste else "You said: first\nsecond")
    talk.press(b"/quit\n")
    assert talk.wait() == 0
    assert questions(emulator)[0] == "first\nsecond"
    assert questions(emulator)[-1] == "third\nfourth"


def test_a_backslash_goes_on_in_the_next_line(chat: Start, emulator: Emulator) -> None:
    talk = chat()
    talk.read_until("> ")
    talk.press(b"one \\\n")
    talk.press(b"two\n")
    talk.read_until("You said: one \ntwo")
    talk.press(b"/quit\n")
    assert talk.wait() == 0


def clear_line(talk: Terminal) -> None:
    """Press Ctrl-C at the prompt; Python's readline may pass over one that comes as it begins."""
    for _ in range(10):
        talk.press(b"\x03")
        with suppress(AssertionError):
            talk.read_until("(Ctrl-D or /quit leaves)", 1.0)
            return
    raise AssertionError(talk.screen)


def test_ctrl_c_stops_the_answer_and_not_the_program(
    chat: Start, slow: Emulator, settings: Path
) -> None:
    talk = chat()
    talk.read_until("> ")
    talk.press(b"Tell me one two three four five six seven eight nine ten eleven\n")
    talk.read_until("You said: Tell me")
    talk.press(b"\x03")
    talk.read_until("stopped; /retry asks again")
    slow.openai.pace = type(slow.openai.pace)()
    talk.press(b"/retry\n")
    talk.read_until("ten eleven\n\x1b[?2004h> ")
    clear_line(talk)
    talk.press(b"/quit\n")
    assert talk.wait() == 0
    from g4fsync import Archive

    states = [(call.state, call.error_class) for call in Archive(settings / "log.db").calls()]
    assert states == [("complete", None), ("failed", "Cancelled")]


def test_the_commands(chat: Start, emulator: Emulator, tmp_path: Path) -> None:
    talk = chat()
    talk.read_until("> ")
    saved = tmp_path / "talk.json"
    for typed, shown in (
        ("One", "You said: One"),
        ("Two", "You said: Two"),
        ("/model openai:gpt-4o", "model: openai:gpt-4o"),
        ("/system Be brief", "system: Be brief"),
        ("/fork 1", "a new conversation, 3 messages"),
        ("Three", "You said: Three"),
        (f"/save {saved}", "saved: "),
        (f"/save {saved}", "is there already; choose another name"),
        ("/fork 9", "/fork 9: there are 2 turns"),
        ("/nonsense", "no command /nonsense"),
        ("//slash", "You said: /slash"),
        ("/help", "/retry           ask the last question again"),
    ):
        talk.press(typed.encode() + b"\n")
        talk.read_until(shown)
    talk.press(b"/quit\n")
    assert talk.wait() == 0
    messages = json.loads(saved.read_text())
    assert [m["content"] for m in messages if m["role"] != "assistant"] == [
        "Be brief",
        "One",
        "Three",
    ]
    assert emulator.openai.requests[-1].body["model"] == "gpt-4o"


def test_the_day_after_it_goes_on_where_it_was(
    chat: Start, emulator: Emulator, settings: Path
) -> None:
    first = chat("-s", "Be brief")
    first.read_until("> ")
    first.press(b"One\n")
    first.read_until("You said: One")
    first.press(b"/quit\n")
    assert first.wait() == 0
    assert (settings / "chat_history").read_text() == "One\n/quit\n"
    second = chat("-c", G4FSYNC_MODEL="koala")
    second.read_until("openai:gpt-4o-mini, 3 messages")
    second.press(b"\x1b[A\x1b[A more\n")  # the line typed yesterday, and more of it
    second.read_until("You said: One more")
    second.press(b"/quit\n")
    assert second.wait() == 0
    assert questions(emulator)[:2] == ["Be brief", "One"]
    assert questions(emulator)[-1] == "One more"


def test_an_answer_that_was_cut_short_by_a_kill_can_be_asked_for_again(
    chat: Start, slow: Emulator
) -> None:
    first = chat()
    first.read_until("> ")
    first.press(b"Tell me one two three four five six seven eight nine ten eleven\n")
    first.read_until("You said: Tell me one")
    first.process.kill()
    first.process.wait()
    slow.openai.pace = type(slow.openai.pace)()
    second = chat("-c")
    second.read_until("not answered yet: Tell me one two")
    second.press(b"/retry\n")
    second.read_until("You said: Tell me one two three four five six seven eight nine ten eleven")
    second.press(b"/quit\n")
    assert second.wait() == 0


def test_without_readline_it_talks_all_the_same(chat: Start, settings: Path) -> None:
    hidden = settings / "hidden"
    hidden.mkdir()
    (hidden / "readline.py").write_text("raise ImportError('there is none')\n")
    talk = chat(PYTHONPATH=str(hidden))
    talk.read_until("> ")
    talk.press(b"One\nand more\n")
    talk.read_until("You said: One\nand more")
    talk.press(b"/quit\n")
    assert talk.wait() == 0
    assert not (settings / "chat_history").exists()


def test_without_a_log_nothing_is_written(
    chat: Start, settings: Path, emulator: Emulator, process: Run
) -> None:
    (settings / "log.on").unlink()
    talk = chat()
    talk.read_until("> ")
    talk.press(b"One\n")
    talk.read_until("You said: One")
    talk.press(b"/quit\n")
    assert talk.wait() == 0
    assert list(settings.iterdir()) == []
    done = process("chat", "-c", **surroundings(settings, emulator))
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "g4fsync: there is no log to go on with: g4fsync log on keeps one from then on\n"
    )


def test_lines_that_are_piped_in_are_a_turn_each(
    process: Run, settings: Path, emulator: Emulator
) -> None:
    done = process("chat", stdin=b"One\nTwo\n", **surroundings(settings, emulator))
    assert done.code == 0
    assert done.out.splitlines()[0] == "You said: One"
    assert questions(emulator)[-1] == "Two"
    assert done.err == ""


def test_a_piped_talk_ends_with_the_code_of_what_failed(
    process: Run, settings: Path, emulator: Emulator
) -> None:
    variables = surroundings(settings, emulator)
    done = process("chat", stdin=b"Hello\n/nonsense\nBye\n", **variables)
    assert done.code == 2
    assert done.out == "You said: Hello\nYou said: Bye\n(message 3 of our conversation)\n"
    emulator.openai.fault = Status(404)
    done = process("chat", stdin=b"Hello\n", **variables)
    assert (done.code, done.out) == (1, "")


def test_a_talk_with_no_model_does_not_begin(
    process: Run, settings: Path, emulator: Emulator
) -> None:
    done = process("chat", "-m", "openai", stdin=b"Hello\n", **surroundings(settings, emulator))
    assert (done.code, done.out) == (2, "")
    assert done.err == 'g4fsync: openai: no default model; say "openai:MODEL"\n'


def test_where_the_log_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("G4FSYNC_CONFIG", str(tmp_path))
    assert (kept.log_path(), kept.is_on()) == (tmp_path / "log.db", False)

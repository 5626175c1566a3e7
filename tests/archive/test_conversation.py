from __future__ import annotations

import gc
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from time import thread_time
from typing import Any

import pytest

from g4fsync import Archive, Client, InvalidRequest, Message, ToolCall
from g4fsync.archive import rows, schema, search, turns
from g4fsync.archive.conversation import Conversation, Pending
from g4fsync.emulator import Cut, Emulator, Stall
from g4fsync.errors import Cancelled, StreamInterrupted
from tests.archive.instant import Instant
from tests.support.timing import eventually

MakeClient = Callable[..., Client]
LONG = "Tell me something that is long enough to be cut somewhere in the middle"


@pytest.fixture
def talk() -> Conversation:
    return Client().conversation(provider=Instant())


def said(talk: Conversation) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in talk.messages]


def sent(emulator: Emulator) -> list[dict[str, Any]]:
    """The messages of the newest request."""
    messages: list[dict[str, Any]] = emulator.openai.requests[-1].body["messages"]
    return messages


def test_each_question_goes_with_all_that_was_said_before(
    client_of: MakeClient, emulator: Emulator
) -> None:
    talk = client_of().conversation(system="Be brief")
    first = talk.ask("One")
    second = talk.ask("Two")
    assert said(talk) == [
        ("system", "Be brief"),
        ("user", "One"),
        ("assistant", first.text),
        ("user", "Two"),
        ("assistant", second.text),
    ]
    assert [m["content"] for m in sent(emulator)] == ["Be brief", "One", first.text, "Two"]
    assert talk.system == "Be brief"


def test_a_stream_is_a_turn_when_it_was_read_to_its_end(talk: Conversation) -> None:
    stream = talk.chat("a b")
    assert next(stream) == "A "
    assert said(talk) == []
    assert "".join(stream) == "B "
    assert said(talk) == [("user", "a b"), ("assistant", "A B ")]


def test_an_answer_that_breaks_leaves_its_question_pending(
    client_of: MakeClient, emulator: Emulator
) -> None:
    talk = client_of().conversation()
    talk.ask("One")
    before = talk.messages
    emulator.openai.faults.append(Cut(after_bytes=900))
    with pytest.raises(StreamInterrupted) as caught:
        talk.ask(LONG)
    assert talk.messages == before
    assert talk.pending == Pending((Message("user", LONG),), caught.value.partial, caught.value)
    assert (talk.pending.question, talk.pending.text != "") == (LONG, True)
    result = talk.retry()
    assert talk.messages == (*before, Message("user", LONG), result.message)
    assert talk.pending is None


@pytest.mark.parametrize("is_cut", [False, True])
def test_opening_reads_of_the_calls_the_newest_only_and_each_message_once(
    path: Path, client_of: MakeClient, emulator: Emulator, is_cut: bool
) -> None:
    """By what SQLite does: some 60 steps of its machine for a question and its answer."""
    asked = 100
    with Archive(path) as archive:
        talk = Client(archive=archive).conversation(id="talk")
        for number in range(asked):
            talk.ask(f"question {number}", provider=Instant())
        if is_cut:
            emulator.openai.faults.append(Cut(after_bytes=900))
            again = client_of(archive).conversation(id="talk")
            with pytest.raises(StreamInterrupted):
                again.ask(LONG)
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    connection = schema.connect_for_reading(path)
    connection.set_progress_handler(count, 1)
    found = search.known_conversation(connection, "talk")
    connection.close()
    assert found is not None
    assert found.messages == talk.messages
    assert [m.content for m in found.pending_messages] == [LONG] * is_cut
    assert steps < 75 * asked


def test_a_turn_is_written_without_reading_those_before_it_again(
    archive: Archive, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Client(archive=archive).conversation(provider=Instant())
    for number in range(20):
        talk.ask(f"question {number}")
    archive.flush()
    hashed: list[str] = []

    def noting(message: Message, secrets: Any) -> Any:
        hashed.append(message.content)
        return rows.message_row(message, secrets)

    monkeypatch.setattr(turns, "message_row", noting)
    talk.ask("one more")
    archive.flush()
    assert hashed[-2:] == ["one more", "ONE MORE "]
    assert len(hashed) <= 4
    archive.prune(0)
    talk.ask("after all was pruned")
    assert archive.conversation(talk.id).messages == talk.messages


@pytest.mark.slow
def test_a_conversation_of_two_thousand_turns_opens_about_as_fast_as_from_json(path: Path) -> None:
    """14 ms, on a machine where the peer takes 9.5."""
    history = [
        Message(role, f"{role} {number} " + "word " * 20)
        for number in range(2000)
        for role in ("user", "assistant")
    ]
    with Archive(path) as archive:
        client = Client(archive=archive)
        Conversation(client, id="talk", messages=history).ask("the last", provider=Instant())
    text = json.dumps([{"role": each.role, "content": each.content} for each in history])

    def archived() -> int:
        return len(client.conversation(id="talk").messages)

    def parsed() -> int:
        return len([Message(each["role"], each["content"]) for each in json.loads(text)])

    def seconds(opened: Callable[[], int]) -> float:
        started = thread_time()
        assert opened() >= 4000
        return thread_time() - started

    rounds = [(seconds(archived), seconds(parsed)) for _ in range(20)]
    assert min(each[0] for each in rounds) < 3 * min(each[1] for each in rounds)


def test_a_talk_from_elsewhere_is_gone_on_with(
    archive: Archive, client_of: MakeClient, emulator: Emulator, tmp_path: Path
) -> None:
    client = client_of(archive)
    client.conversation(system="Be brief").ask("One")
    archive.export(tmp_path / "talks.jsonl")
    line = json.loads((tmp_path / "talks.jsonl").read_text())
    talk = client.conversation(messages=[*line["messages"], line["answer"]])
    talk.ask("Two")
    assert [m["content"] for m in sent(emulator)] == ["Be brief", "One", line["text"], "Two"]
    again = client.conversation(messages=line["messages"])
    assert (again.system, said(again)) == ("Be brief", [("system", "Be brief")])
    assert again.pending == Pending((Message("user", "One"),))
    assert again.retry().text == line["text"]
    assert said(again)[1:] == [("user", "One"), ("assistant", line["text"])]


def test_messages_that_begin_no_talk_are_refused(archive: Archive, client_of: MakeClient) -> None:
    client = client_of(archive)
    talk = client.conversation(id="known")
    talk.ask("One")
    with pytest.raises(InvalidRequest, match="a conversation 'known' already"):
        client.conversation(id="known", messages="Hi")
    calls = Message("assistant", "", tool_calls=(ToolCall("c1", "add", "{}"),))
    with pytest.raises(InvalidRequest, match="without results"):
        client.conversation(messages=[Message("user", "Hi"), calls])
    with pytest.raises(InvalidRequest, match="must be a mapping or a Message"):
        client.conversation(messages=[1])


def test_another_question_drops_the_pending_one(client_of: MakeClient, emulator: Emulator) -> None:
    talk = client_of().conversation()
    emulator.openai.faults.append(Cut(after_bytes=900))
    with pytest.raises(StreamInterrupted):
        talk.ask(LONG)
    talk.ask("Two")
    assert [m["content"] for m in sent(emulator)] == ["Two"]
    assert talk.pending is None


def test_a_stream_left_early_or_dropped_is_pending(talk: Conversation) -> None:
    for leave in ("close", "drop"):
        stream = talk.chat(f"{leave} b c")
        next(stream)
        if leave == "close":
            stream.close()
        del stream
        gc.collect()
        assert talk.pending is not None
        assert (talk.pending.question, talk.pending.text) == (
            f"{leave} b c",
            f"{leave.upper()} ",
        )
        assert isinstance(talk.pending.error, Cancelled)
    assert said(talk) == []


def test_a_stream_that_nobody_read_is_no_turn_and_in_nobodys_way(talk: Conversation) -> None:
    unread = talk.chat("One")
    assert talk.ask("Two").text == "TWO "
    unread.close()
    assert talk.pending is None
    assert said(talk) == [("user", "Two"), ("assistant", "TWO ")]


def test_one_answer_at_a_time(client_of: MakeClient, emulator: Emulator) -> None:
    emulator.openai.faults.append(Stall(after_bytes=900))
    talk = client_of().conversation()
    stream = talk.chat(LONG)
    next(stream)
    with pytest.raises(InvalidRequest) as caught:
        talk.ask("Two")
    assert str(caught.value) == "the last answer is still coming: read it, or cancel() it"
    stream.close()
    talk.ask("Two")
    assert talk.messages[0].content == "Two"


def test_retry_without_anything_pending_asks_the_last_question_again(talk: Conversation) -> None:
    with pytest.raises(InvalidRequest, match=r"^there is no question to ask again$"):
        talk.retry()
    talk.ask("One")
    talk.ask("Two")
    stream = talk.retry_chat()
    assert said(talk)[2:] == [("user", "Two"), ("assistant", "TWO ")]
    stream.result()
    assert said(talk) == [
        ("user", "One"),
        ("assistant", "ONE "),
        ("user", "Two"),
        ("assistant", "TWO "),
    ]


def test_a_fork_begins_as_the_other_and_goes_its_own_way(talk: Conversation) -> None:
    talk.ask("One")
    talk.ask("Two")
    fork = talk.fork(at=-2)
    fork.ask("Three")
    assert [text for _, text in said(fork)] == ["One", "ONE ", "Three", "THREE "]
    assert [text for _, text in said(talk)] == ["One", "ONE ", "Two", "TWO "]
    assert fork.id != talk.id
    assert talk.fork().messages == talk.messages


def test_a_fork_does_not_cut_between_a_call_and_its_result() -> None:
    call = Message("assistant", "", tool_calls=(ToolCall("1", "f", "{}"),))
    messages = (Message("user", "q"), call, Message("tool", "r", tool_call_id="1"))
    talk = Conversation(Client(), messages=messages)
    with pytest.raises(InvalidRequest) as caught:
        talk.fork(at=2)
    assert str(caught.value) == "fork(at=2) would leave calls of tools without results"


def test_options_hold_for_each_turn_unless_it_says_otherwise(
    client_of: MakeClient, emulator: Emulator
) -> None:
    talk = client_of().conversation(model="openai:gpt-4o", temperature=0.5)
    talk.ask("One")
    assert (emulator.openai.requests[-1].body["model"], talk.options) == (
        "gpt-4o",
        {"model": "openai:gpt-4o", "temperature": 0.5},
    )
    talk.ask("Two", model="openai:gpt-4o-mini", temperature=0.1)
    body = emulator.openai.requests[-1].body
    assert (body["model"], body["temperature"]) == ("gpt-4o-mini", 0.1)


def test_the_system_text_can_be_set_between_turns(talk: Conversation) -> None:
    talk.ask("One")
    talk.system = "Be brief"
    assert said(talk)[0] == ("system", "Be brief")
    talk.system = "Be long"
    assert [text for role, text in said(talk) if role == "system"] == ["Be long"]
    talk.system = None
    assert said(talk)[0] == ("user", "One")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trim": 0}, "trim must be a number of tokens above 0, got 0"),
        ({"id": ""}, "id must be a str that is not empty, got ''"),
        ({"system": 3}, "system must be a str, got int"),
    ],
)
def test_wrong_arguments_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Client().conversation(**settings)
    assert str(caught.value) == message


# -- trimming -------------------------------------------------------------------------


def test_the_oldest_turns_are_left_out_of_what_is_sent_and_not_of_what_is_kept(
    client_of: MakeClient, emulator: Emulator, archive: Archive
) -> None:
    talk = client_of(archive).conversation(system="S" * 300, trim=20)
    for number in range(6):
        talk.ask(f"{number} " + "x" * 120)
    assert len(talk.messages) == 13
    asked = [m["content"] for m in sent(emulator)]
    assert asked[0] == "S" * 300
    assert asked[1][0] != "0"
    assert asked[-1].startswith("5 ")
    assert len(asked) < 12
    again = Client(archive=archive).conversation(id=talk.id)
    assert again.messages == talk.messages
    assert archive.calls(limit=1)[0].dropped == 12 - len(asked)


def test_no_half_of_a_tool_round_is_sent() -> None:
    from g4fsync.archive.trimming import Trimmer

    call = Message("assistant", "", tool_calls=(ToolCall("1", "f", "{}" + " " * 300),))
    messages = [
        Message("user", "first"),
        call,
        Message("tool", "result", tool_call_id="1"),
        Message("assistant", "so it is"),
        Message("user", "second"),
    ]
    trimmer = Trimmer()
    assert trimmer.trimmed(messages, 1000) == tuple(messages)
    assert trimmer.trimmed(messages, 100) == (messages[-1],)
    # The newest turn stays, however long it is.
    assert trimmer.trimmed(messages[:3], 10) == tuple(messages[:3])


def test_what_a_provider_has_counted_is_learnt() -> None:
    from g4fsync import Usage
    from g4fsync.archive.trimming import Trimmer

    messages = [Message("user", "x" * 290), Message("assistant", "y"), Message("user", "z" * 290)]
    trimmer = Trimmer()
    assert len(trimmer.trimmed(messages, 150)) == 1
    trimmer.learn(messages, Usage(input_tokens=60))
    assert len(trimmer.trimmed(messages, 150)) == 3


# -- with an archive ------------------------------------------------------------------


def test_a_conversation_goes_on_in_another_process(
    client_of: MakeClient, path: Path, emulator: Emulator
) -> None:
    talk = client_of(path).conversation(system="Be brief", id="my talk")
    talk.ask("One")
    talk.ask("Two")
    again = client_of(path).conversation(id="my talk")
    assert (again.messages, again.pending, again.id) == (talk.messages, None, "my talk")
    again.ask("Three")
    assert len(sent(emulator)) == 6
    with Archive(path) as archive:
        assert archive.conversation().id == "my talk"
        assert archive.conversation("my talk").messages == again.messages
        assert {call.conversation for call in archive.calls()} == {"my talk"}


def test_an_interrupted_turn_is_pending_in_another_process(
    client_of: MakeClient, path: Path, emulator: Emulator
) -> None:
    talk = client_of(path).conversation(system="Be brief")
    talk.ask("One")
    emulator.openai.faults.append(Cut(after_bytes=900))
    with pytest.raises(StreamInterrupted) as caught:
        talk.ask(LONG)
    again = client_of(path).conversation(id=talk.id)
    assert again.messages == talk.messages
    assert again.pending == Pending((Message("user", LONG),), caught.value.partial)
    result = again.retry()
    assert again.messages == (*talk.messages, Message("user", LONG), result.message)


def test_a_first_turn_that_was_killed_is_pending_with_its_system_text(
    client_of: MakeClient, path: Path, emulator: Emulator
) -> None:
    emulator.openai.faults.append(Stall(after_bytes=900))
    client = client_of(path)
    stream = client.conversation(system="Be brief", id="talk").chat(LONG)
    next(stream)
    assert client.archive is not None
    eventually(client.archive.calls)
    again = client_of(path).conversation(id="talk")  # the other is still under way, or was killed
    assert said(again) == [("system", "Be brief")]
    assert again.pending is not None
    assert again.pending.question == LONG
    stream.close()


def test_a_plain_call_can_be_gone_on_with(path: Path) -> None:
    with Archive(path) as archive:
        client = Client(archive=archive)
        client.ask("One", system="S", provider=Instant())
        talk = client.conversation(id=archive.calls()[0].id, provider=Instant())
        assert said(talk) == [("system", "S"), ("user", "One"), ("assistant", "ONE ")]
        talk.ask("Two")
        assert len(archive.conversation(talk.id).messages) == 5
        assert archive.conversation(talk.id[:20]).id == talk.id


def test_a_conversation_of_two_thousand_turns_takes_few_steps_to_open(path: Path) -> None:
    history = [Message("user", "q 0")]
    for number in range(1, 4000):
        history.append(Message("user" if number % 2 == 0 else "assistant", f"m {number}"))
    with Archive(path) as archive:
        client = Client(archive=archive)
        talk = Conversation(client, id="long", messages=history)
        talk.ask("last", provider=Instant())
        archive.flush()
        assert archive.conversation("long").messages == talk.messages
    connection = sqlite3.connect(path)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    from g4fsync.archive import search

    connection.set_progress_handler(count, 1000)
    search.conversation(connection, "long")
    connection.close()
    # In thousands of SQLite's own steps; one look-up for each message is about thirty of them.
    assert steps < 4000 * 60 / 1000

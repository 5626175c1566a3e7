"""Answers of several rounds, and ones that were asked for again, in conversations and archives."""

from __future__ import annotations

from collections.abc import Iterator

from g4fsync import Archive, ChatRequest, Client, Event, Finish, Message, ToolCall, Transport
from g4fsync.archive.writing import GrowingText
from tests.archive.instant import Instant


class Caller(Instant):
    """Calls a tool first, then says what it gave."""

    supports_tools = True

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        if request.last.role == "tool":
            yield f"It is {request.last.content}"
            yield Finish("stop")
        else:
            yield "Let me see. "
            yield ToolCall("1", "double", '{"number": 21}')
            yield Finish("tool_calls")


def double(number: int) -> int:
    """Twice as much."""
    return number * 2


ROUNDS = (
    Message("user", "What is 21 doubled?"),
    Message("assistant", "Let me see. ", tool_calls=(ToolCall("1", "double", '{"number": 21}'),)),
    Message("tool", "42", name="double", tool_call_id="1"),
    Message("assistant", "It is 42"),
)


def test_all_rounds_of_an_answer_are_turns_of_a_conversation() -> None:
    talk = Client().conversation(provider=Caller(), tools=[double])
    talk.ask("What is 21 doubled?")
    assert [(m.role, m.content) for m in talk.messages] == [(m.role, m.content) for m in ROUNDS]
    talk.ask("Once more")
    assert len(talk.messages) == 8


def test_all_rounds_of_an_answer_are_one_call_of_the_archive(archive: Archive) -> None:
    client = Client(archive=archive)
    client.ask("What is 21 doubled?", provider=Caller(), tools=[double], system="Be brief")
    (call,) = archive.calls()
    assert (call.question, call.text, call.state) == (
        "What is 21 doubled?",
        "It is 42",
        "complete",
    )
    found = archive.conversation().messages
    assert [(m.role, m.content, m.tool_calls) for m in found[1:]] == [
        (m.role, m.content, m.tool_calls) for m in ROUNDS
    ]
    assert [each.id for each in archive.search("42")] == [call.id]
    again = client.conversation(id=call.id, provider=Caller(), tools=[double])
    assert len(again.messages) == 5


def test_a_text_that_begins_anew_replaces_what_was_kept() -> None:
    growing = GrowingText()
    growing.keep("not what was wanted")
    assert not growing.is_replaced_by("not what was wanted, really")
    assert growing.is_replaced_by("another and a longer answer")

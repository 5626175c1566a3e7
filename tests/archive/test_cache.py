from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from g4fsync import Archive, Client, ConfigurationError, InvalidRequest, Message
from g4fsync.emulator import (
    Challenge,
    Cut,
    Emulator,
    Fault,
    Garbage,
    InBandError,
    NoEndMark,
    Refuse,
    Status,
)
from g4fsync.errors import G4FSyncError
from g4fsync.events import Event, Finish, ProviderData, Reasoning, Text, ToolCall, Usage
from g4fsync.messages import ChatRequest
from g4fsync.transport.base import Transport
from tests.archive.instant import Instant

MakeClient = Callable[..., Client]
QUESTION = "Tell me something that is long enough to be cut somewhere in the middle"


def stored(archive: Archive) -> int:
    archive.flush()
    with archive._reading() as connection:
        (count,) = connection.execute("SELECT count(*) FROM cache").fetchone()
    return int(count)


def test_the_same_question_is_asked_once_and_its_pieces_come_again(
    client_of: MakeClient, archive: Archive, emulator: Emulator
) -> None:
    client = client_of(archive, cache="on")
    first = client.chat(QUESTION, temperature=0.5)
    pieces = list(first)
    second = client.chat(QUESTION, temperature=0.5)
    assert list(second) == pieces
    assert len(pieces) > 3
    assert (first.cached, second.cached) == (False, True)
    assert len(emulator.openai.requests) == 1
    one, two = first.result(), second.result()
    assert (one.cached, two.cached) == (False, True)
    assert (two.text, two.usage, two.finish_reason) == (one.text, one.usage, "stop")
    assert (two.provider, two.model, two.attempts) == ("openai", "gpt-4o-mini", ())
    assert two.seconds < 1.0 or two.seconds < one.seconds
    assert [call.cached for call in archive.calls()] == [True, False]
    cost = archive.cost()[0]
    assert one.usage is not None
    assert (cost.calls, cost.counted, cost.input_tokens) == (2, 1, one.usage.input_tokens)


def test_reading_alone_stores_nothing(
    client_of: MakeClient, archive: Archive, emulator: Emulator
) -> None:
    client = client_of(archive, cache="read")
    assert [client.ask("Hi").cached for _ in range(2)] == [False, False]
    client_of(archive, cache="on").ask("Hi")
    assert client.ask("Hi").cached
    assert not client_of(archive).ask("Hi").cached


@pytest.mark.parametrize(
    "other",
    [
        {"messages": "Hi!"},
        {"messages": [Message("user", "Hi", name="me")]},
        {"system": "Be brief"},
        {"model": "openai:gpt-4o"},
        {"temperature": 0.4},
        {"max_tokens": 4},
        {"stop": "x"},
        {"extra_headers": {"X-Mode": "other"}},
        {"extra_body": {"user": "me"}},
    ],
)
def test_whatever_reaches_the_wire_makes_another_question(
    client_of: MakeClient, archive: Archive, other: dict[str, Any]
) -> None:
    client = client_of(archive, cache="on")
    client.ask("Hi", temperature=0.5)
    arguments: dict[str, Any] = {"messages": "Hi", "temperature": 0.5, **other}
    assert not client.ask(arguments.pop("messages"), **arguments).cached
    assert client.ask("Hi", temperature=0.5).cached


def test_another_server_gives_another_answer(archive: Archive) -> None:
    client = Client(archive=archive, cache="on")
    client.ask("Hi", provider=Instant())
    assert client.ask("Hi", provider=Instant()).cached
    assert not client.ask("Hi", provider=Instant("http://other.test")).cached


@pytest.mark.parametrize(
    "fault",
    [
        Cut(after_bytes=900),
        NoEndMark(),
        NoEndMark(lie=True),
        InBandError(),
        Garbage(after_bytes=900),
        Refuse(),
        Status(500),
        Status(429),
        Challenge(),
    ],
    ids=repr,
)
@pytest.mark.parametrize("side", ["openai", "anthropic", "gemini", "ollama"])
def test_of_an_answer_that_fails_nothing_is_stored(
    archive: Archive, emulator: Emulator, fault: Fault, side: str
) -> None:
    far_side = emulator.far_sides[side]
    far_side.fault = fault
    keys = {side: emulator.api_key}
    models = {"openai": "gpt-4o-mini", "gemini": "gemini-2.5-flash", "ollama": "llama3.2"}
    models["anthropic"] = "claude-sonnet-4-5"
    client = Client(
        f"{side}:{models[side]}",
        base_urls=emulator.base_urls,
        api_keys=keys,
        archive=archive,
        cache="on",
        retry=1,
    )
    with pytest.raises(G4FSyncError):
        client.ask(QUESTION, max_tokens=500)
    assert stored(archive) == 0


def test_an_answer_that_was_left_early_is_not_stored(
    client_of: MakeClient, archive: Archive
) -> None:
    with client_of(archive, cache="on").chat(QUESTION) as stream:
        next(stream)
    assert stored(archive) == 0


class Scripted(Instant):
    """Answers with what it is given."""

    def __init__(self, *items: str | Event) -> None:
        super().__init__()
        self.items = items

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        yield from self.items


@pytest.mark.parametrize(
    "items",
    [
        ("cut ", Finish("length")),
        ("no ", Finish("content_filter")),
        (ToolCall("1", "f", "{}"), Finish("tool_calls")),
        ("text ", ToolCall("1", "f", "{}"), Finish("stop")),
        (Reasoning("only thoughts"), Finish("stop")),
        ("the end without a reason ", Finish("")),
        ("x" * (2**20 + 1), Finish("stop")),
    ],
    ids=["length", "filter", "calls", "call and stop", "no text", "no reason", "too long"],
)
def test_only_a_text_that_stopped_by_itself_is_stored(
    archive: Archive, items: tuple[str | Event, ...]
) -> None:
    client = Client(archive=archive, cache="on")
    assert [client.ask("Hi", provider=Scripted(*items)).cached for _ in range(2)] == [False] * 2
    assert stored(archive) == 0


def test_all_that_belongs_to_an_answer_comes_again(archive: Archive) -> None:
    data = ProviderData("instant", "thought", {"signature": "abc"})
    items = (Reasoning("Hm"), data, "Hel", "lo ✓", Usage(1, 2, 3), Finish("stop", "STOP"))
    client = Client(archive=archive, cache="on")
    first = client.ask("Hi", provider=Scripted(*items))
    stream = client.chat("Hi", provider=Scripted(*items))
    assert list(stream.events()) == [
        Reasoning("Hm"),
        Text("Hel"),
        Text("lo ✓"),
        Usage(1, 2, 3),
        Finish("stop", "STOP"),
    ]
    assert stream.cached
    assert stream.message == first.message
    assert stream.provider_data == first.provider_data


def test_an_answer_in_which_a_key_stands_is_not_stored(
    client_of: MakeClient, archive: Archive, emulator: Emulator, path: Path
) -> None:
    client_of(archive, cache="on").ask(f"Say {emulator.api_key}")
    assert stored(archive) == 0
    archive.close()
    assert emulator.api_key.encode() not in path.read_bytes()


def test_a_key_that_came_in_pieces_is_not_stored_either(path: Path, archive: Archive) -> None:
    key = "sk-1234567890abcdef"
    pieces = [key[at : at + 3] for at in range(0, len(key), 3)]
    client = Client(archive=archive, cache="on")
    for said in (pieces, map(Reasoning, pieces)):
        provider = Scripted("an answer: ", *said, Finish("stop"))
        client.ask("What is my key?", provider=provider, extra_headers={"X-Key": key})
    assert stored(archive) == 0
    archive.close()
    assert b"1234567890" not in path.read_bytes()


def test_a_key_in_a_question_is_not_kept_when_nothing_is_sent(
    client_of: MakeClient, archive: Archive, emulator: Emulator, path: Path
) -> None:
    client = client_of(archive, cache="on")
    client.ask("Say my key", system=f"It is {emulator.api_key}")
    answer = client.ask("Say my key", system=f"It is {emulator.api_key}")
    assert answer.cached
    with pytest.raises(G4FSyncError):
        client.ask(f"{emulator.api_key} too late", timeout=1e-9)
    assert [call.question for call in archive.calls()] == ["… too late", *["Say my key"] * 2]
    archive.close()
    assert emulator.api_key.encode() not in path.read_bytes()


def test_a_cache_needs_an_archive_with_content(path: Path) -> None:
    for archive in (None, Archive(path, content=False)):
        with pytest.raises(ConfigurationError) as caught:
            Client(archive=archive, cache="on")
        assert str(caught.value) == (
            "the cache is kept in the archive: give archive=, with content"
        )
    with pytest.raises(InvalidRequest) as refused:
        Client(archive=path, cache="yes")  # type: ignore[arg-type]
    assert str(refused.value) == 'cache must be "off", "read" or "on", got \'yes\''


def test_it_goes_along_to_another_process(archive: Archive) -> None:
    client = pickle.loads(pickle.dumps(Client(archive=archive, cache="on")))
    client.ask("Hi", provider=Instant())
    assert client.ask("Hi", provider=Instant()).cached
    client.archive.close()


def test_the_model_a_fallback_falls_to_is_found_too(
    client_of: MakeClient, archive: Archive, emulator: Emulator
) -> None:
    settings: dict[str, Any] = {"cache": "on", "retry": 1, "fallback": ["openai:gpt-4o"]}
    client_of(archive, cache="on").ask("Hi", model="openai:gpt-4o")
    emulator.openai.fault = Status(500)
    result = client_of(archive, **settings).ask("Hi")
    assert (result.cached, result.model) == (True, "gpt-4o")


def test_trouble_with_the_file_costs_a_request_and_no_error(
    archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(archive=archive, cache="on")
    client.ask("Hi", provider=Instant())
    archive.close()
    archive.path.write_bytes(b"no database any more" * 99)
    assert not client.ask("Hi", provider=Instant()).cached
    assert len(caplog.records) == 1

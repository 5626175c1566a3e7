"""Calls that were asked together: lanes of a comparison or a race, rows of a map or a batch."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.context import ForkContext, SpawnContext
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from g4fsync import Archive, ChatResult, Client, Message
from g4fsync.archive import schema
from g4fsync.archive.records import ArchivedCall
from g4fsync.errors import InvalidRequest
from tests.archive.instant import Instant

MODELS = ["openai:gpt-4o-mini", "openai:gpt-4o"]
MakeClient = Callable[..., Client]


def parents(archive: Archive) -> set[str | None]:
    return {call.parent for call in archive.calls(limit=None)}


def compare(client: Client) -> None:
    assert len(client.compare("Hi", MODELS).results) == 2


def race(client: Client) -> None:
    seen: list[ChatResult] = []  # the second answer wins, so that both have been asked for

    def is_second(result: ChatResult) -> bool:
        seen.append(result)
        return len(seen) == 2

    client.race("Hi", MODELS, until=is_second).result()


def map_prompts(client: Client) -> None:
    assert len(list(client.map(["Hi", "Ho"]))) == 2


def batch(client: Client) -> None:
    assert client.archive is not None
    out = client.archive.path.with_name(f"answers-{len(client.archive.calls())}.jsonl")
    assert len(list(client.batch(["Hi", "Ho"], out=out))) == 2


@pytest.mark.parametrize("ask", [compare, race, map_prompts, batch])
def test_what_is_asked_together_has_one_parent(
    archive: Archive, client_of: MakeClient, ask: Callable[[Client], None]
) -> None:
    client = client_of(archive)
    client.ask("Alone")
    ask(client)
    client.ask("Alone again")
    ask(client)
    calls = archive.calls(limit=None)
    of = [call.parent for call in calls]
    first, second = of[3], of[0]
    assert of == [second, second, None, first, first, None]
    assert len({first, second, None}) == 3
    assert archive.calls(parent=first) == calls[3:5]
    assert archive.search("Hi", parent=second) == [
        call for call in calls[:2] if call.question == "Hi"
    ]
    assert archive.calls(parent=calls[2].id) == []


def test_workers_in_other_processes_have_the_same_parent(path: Path) -> None:
    with Archive(path) as archive, ProcessPoolExecutor(2, get_context("spawn")) as executor:
        client = Client(archive=archive)
        prompts = [f"question {n}" for n in range(4)]
        results = list(client.map(prompts, provider=Instant(), executor=executor))
        assert [type(result).__name__ for result in results] == ["ChatResult"] * 4
    (parent,) = parents(archive)
    assert parent is not None
    assert len(archive.calls(parent=parent)) == 4


def _ask(path: Path, begin: Event, done: Event) -> None:
    begin.wait(30)
    Client(archive=Archive(path)).ask("Hi", provider=Instant())
    done.set()


@pytest.mark.parametrize("context", [get_context("fork"), get_context("spawn")])
def test_a_process_that_ends_has_written_what_it_asked(
    path: Path, context: ForkContext | SpawnContext
) -> None:
    """Also when another one was just writing: such processes call nothing of atexit."""
    with Archive(path) as archive:
        Client(archive=archive).ask("Hi", provider=Instant())
    begin, done = context.Event(), context.Event()
    process = context.Process(target=_ask, args=(path, begin, done))
    process.start()
    busy = sqlite3.connect(path, isolation_level=None)  # behind the fork: SQLite shares nothing
    busy.execute("BEGIN IMMEDIATE")
    begin.set()
    assert done.wait(30)
    process.join(0.3)  # it waits for the file, or has left
    busy.execute("COMMIT")
    busy.close()
    process.join(10)
    assert process.exitcode == 0
    assert len(archive.calls()) == 2


def test_a_second_archive_of_a_file_leaves_the_locks_of_the_first(path: Path) -> None:
    """Else another process takes itself for the last one, and removes the file's log."""
    with Archive(path) as first:
        client = Client(archive=first)
        client.ask("Hi", provider=Instant())
        first.flush()
        Archive(path)
        context = get_context("spawn")
        begin, done = context.Event(), context.Event()
        begin.set()
        process = context.Process(target=_ask, args=(path, begin, done))
        process.start()
        process.join(20)
        assert process.exitcode == 0
        assert path.with_name(f"{path.name}-wal").exists()
        client.ask("Hi", provider=Instant())
    assert len(Archive(path).calls()) == 3


def test_the_newest_conversation_is_none_that_was_asked_together(
    archive: Archive, client_of: MakeClient
) -> None:
    client = client_of(archive)
    alone = client.conversation()
    alone.ask("Alone")
    compare(client)
    assert archive.conversation().id == alone.id


def test_a_lane_can_be_gone_on_with_by_its_own_id(archive: Archive, client_of: MakeClient) -> None:
    client = client_of(archive)
    compare(client)
    lane = archive.calls()[0]
    with pytest.raises(InvalidRequest):
        archive.conversation(lane.parent)
    talk = client.conversation(id=archive.conversation(lane.id[:24]).id)
    talk.ask("And you?")
    assert talk.messages[:2] == (Message("user", "Hi"), Message("assistant", lane.text))
    newest: ArchivedCall = archive.calls()[0]
    assert (newest.conversation, newest.parent) == (lane.id, None)
    assert archive.conversation().id == lane.id


def test_a_file_from_before_finds_them_too(path: Path, client_of: MakeClient) -> None:
    with pytest.MonkeyPatch.context() as older:
        older.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        with Archive(path) as archive:
            compare(client_of(archive))
    with Archive(path) as archive:
        (parent,) = parents(archive)
        assert len(archive.calls(parent=parent)) == 2
        connection = sqlite3.connect(path)
        plan = connection.execute("EXPLAIN QUERY PLAN SELECT id FROM calls WHERE parent = 'x'")
        assert "calls_parent" in plan.fetchone()[3]
        connection.close()

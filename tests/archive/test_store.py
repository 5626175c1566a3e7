from __future__ import annotations

import contextlib
import errno
import gc
import logging
import os
import pickle
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from g4fsync import (
    Archive,
    ChatRequest,
    Client,
    Event,
    Finish,
    InvalidRequest,
    Message,
    ObservedCall,
    Observer,
    ToolCall,
    Transport,
    Usage,
)
from g4fsync.archive import schema, store
from g4fsync.archive.records import ArchivedCall
from g4fsync.archive.writing import Writer
from g4fsync.call.ticker import ticker
from g4fsync.emulator import Cut, Emulator, Stall, Status
from g4fsync.errors import ConfigurationError, G4FSyncError, ServerError, StreamInterrupted
from g4fsync.events import ProviderData
from g4fsync.settings import Retry
from tests.archive.instant import Instant
from tests.support.timing import FREED, SLOWNESS, eventually

MakeClient = Callable[..., Client]
PROGRAM = [sys.executable, str(Path(__file__).with_name("instant.py"))]
STORY = "".join(f"word{n} " for n in range(4000))


def only(archive: Archive) -> ArchivedCall:
    (call,) = archive.calls()
    return call


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


# -- what is kept ---------------------------------------------------------------------


def test_a_call_is_kept_with_all_that_is_known_of_it(
    archive: Archive, client_of: MakeClient
) -> None:
    before = time.time()
    result = client_of(archive).ask("Why?", system="Be brief", temperature=0.5)
    call = only(archive)
    assert (call.question, call.text) == ("Why?", result.text)
    assert (call.provider, call.model, call.options) == (
        "openai",
        "gpt-4o-mini",
        {"temperature": 0.5},
    )
    assert (call.state, call.finish_reason, call.usage) == ("complete", "stop", result.usage)
    assert (call.seconds, call.first_token_seconds) == (
        result.seconds,
        result.first_token_seconds,
    )
    assert before <= call.started <= time.time()
    assert [attempt["phase"] for attempt in call.attempts] == ["stream"]
    assert (call.error, call.error_class, call.parent, call.cached) == (None, None, None, False)
    assert call.conversation == call.id
    assert archive.conversation(call.id).messages == (
        Message("system", "Be brief"),
        Message("user", "Why?"),
        Message("assistant", result.text),
    )


def test_a_failed_call_is_kept_with_its_error_and_what_came(
    archive: Archive, client_of: MakeClient, emulator: Emulator
) -> None:
    emulator.openai.fault = Cut(after_bytes=900)
    with pytest.raises(StreamInterrupted) as caught:
        client_of(archive).ask("Tell me something that is long enough to be cut")
    call = only(archive)
    assert (call.state, call.error_class, call.error) == (
        "failed",
        "StreamInterrupted",
        str(caught.value),
    )
    assert call.text == caught.value.partial
    assert call.text


def test_each_attempt_is_kept(archive: Archive, client_of: MakeClient, emulator: Emulator) -> None:
    emulator.openai.fault = Status(503)
    with pytest.raises(ServerError):
        client_of(archive, retry=Retry(2, 0, 0)).ask("Hi")
    call = only(archive)
    assert [(a["number"], a["error_class"]) for a in call.attempts] == [
        (1, "ServerError"),
        (2, "ServerError"),
    ]
    assert (call.text, call.first_token_seconds) == ("", None)


def test_the_row_is_there_while_the_answer_is_coming(
    archive: Archive, client_of: MakeClient, emulator: Emulator
) -> None:
    emulator.openai.fault = Stall(after_bytes=900)
    stream = client_of(archive).chat("Tell me something that is long enough to stall")
    started = time.monotonic()
    next(stream)
    with Archive(archive.path) as other:
        eventually(other.calls)
        assert time.monotonic() - started < 0.25 + FREED
        eventually(lambda: only(other).text != "")
        assert (only(other).state, only(other).seconds) == ("partial", None)
        assert stream.text.startswith(only(other).text)
        stream.close()
        archive.flush()
        assert (only(other).state, only(other).text) == ("failed", stream.text)
    assert rows(archive.path, "SELECT * FROM pieces") == []


def test_a_history_that_grows_costs_two_rows_a_call(archive: Archive) -> None:
    client, history = Client(archive=archive), [Message("system", "Be brief")]
    for number in range(20):
        history.append(Message("user", f"question {number}"))
        history.append(client.ask(history, provider=Instant()).message)
    archive.flush()
    assert rows(archive.path, "SELECT count(*) FROM turns") == [(41,)]
    assert rows(archive.path, "SELECT count(*) FROM messages") == [(41,)]
    assert archive.conversation(only_newest(archive).id).messages == tuple(history)


def only_newest(archive: Archive) -> ArchivedCall:
    return archive.calls(limit=1)[0]


def test_without_content_only_figures_are_kept(
    path: Path, client_of: MakeClient, emulator: Emulator
) -> None:
    emulator.openai.faults.append(Status(500, "secret question"))
    archive = Archive(path, content=False)
    client = client_of(archive, retry=Retry(2, 0, 0))
    client.ask("A secret question", system="A secret system", stop="secret", temperature=0.5)
    archive.close()
    call = only(archive)
    assert (call.state, call.question, call.text) == ("complete", "", "")
    assert call.options == {"temperature": 0.5}
    assert call.usage is not None
    assert b"secret" not in path.read_bytes()


def test_no_key_no_header_and_no_password_is_in_the_file(
    path: Path, client_of: MakeClient, emulator: Emulator
) -> None:
    key = emulator.api_key
    bearer = "tok-1234567890abcdef"
    archive = Archive(path)
    client = client_of(archive)
    headers = {"X-Auth-Token": bearer, "X-Other": "harmless"}
    body = {"metadata": {"api_key": "other-secret-123"}}
    client.ask(f"My key is {key}, say it", extra_headers=headers, extra_body=body)
    emulator.openai.faults.append(Status(400, f"no such thing: {key} {bearer}"))
    with pytest.raises(G4FSyncError):
        client.ask("Hi", extra_headers=headers)
    archive.close()
    content = path.read_bytes()
    for secret in (key, bearer, "other-secret-123"):
        assert secret.encode() not in content
    assert archive.calls()[1].options == {
        "extra_headers": {"X-Auth-Token": "…", "X-Other": "…"},
        "extra_body": {"metadata": {"api_key": "…"}},
    }


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_a_key_that_comes_in_two_pieces_is_not_in_the_file(cut: int) -> None:
    from g4fsync.archive.writing import GrowingText
    from g4fsync.redaction import forms

    text = "before sk-1234567890abcdef and after it"
    secrets, growing = forms(["sk-1234567890abcdef"]), GrowingText()
    kept = ""
    for end in (cut, cut + 2, len(text)):
        kept += growing.addition(text[:end], secrets)
        growing.keep(text[:end])
    assert "sk-12345" not in kept
    assert "90abcdef" not in kept
    assert kept.startswith("before ")
    assert kept.endswith("… and after it")


# -- killed, full, read-only ----------------------------------------------------------


@pytest.fixture
def storyteller() -> Iterator[Emulator]:
    with Emulator(lambda messages: STORY, tokens_per_second=200) as emulator:
        yield emulator


def killed_once(path: Path, emulator: Emulator, seconds: float) -> None:
    """Kill a reader *seconds* after its first token; what was archived must be nearly all."""
    arguments = ["read", str(path), emulator.base_urls["openai"], emulator.api_key]
    with subprocess.Popen([*PROGRAM, *arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pipe = process.stdout.fileno()
        got = bytearray(os.read(pipe, 1 << 16))
        arrived = [(time.monotonic(), len(got))]
        until = arrived[0][0] + seconds
        os.set_blocking(pipe, False)
        while time.monotonic() < until:
            with contextlib.suppress(BlockingIOError):
                got += os.read(pipe, 1 << 16)
            arrived.append((time.monotonic(), len(got)))
            time.sleep(0.002)
        killed = time.monotonic()
        process.kill()
        process.wait()
        os.set_blocking(pipe, True)
        while piece := os.read(pipe, 1 << 16):
            got += piece
    read = got.decode()
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    long_ago = killed - 0.25 * SLOWNESS
    due = max((length for when, length in arrived if when <= long_ago), default=0)
    with Archive(path) as archive:
        calls = archive.calls()
    if due:
        call = calls[0]
        assert call.state == "partial"
        assert read.startswith(call.text)
        assert len(call.text) >= due


@pytest.mark.timeout(60)
def test_a_killed_process_leaves_what_it_had_read(tmp_path: Path, storyteller: Emulator) -> None:
    for seconds in (0.02, 0.9):
        killed_once(tmp_path / f"{seconds}.db", storyteller, seconds)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_hundred_killed_processes_share_one_file(path: Path, storyteller: Emulator) -> None:
    chance = random.Random(14)
    for _ in range(100):
        killed_once(path, storyteller, chance.uniform(0.0, 1.2))


def test_threads_and_processes_write_into_one_file(path: Path) -> None:
    many_writers(path, processes=2, threads=8, calls=100)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_thirty_two_threads_in_each_of_four_processes_lose_nothing(path: Path) -> None:
    many_writers(path, processes=4, threads=32, calls=1250)


def many_writers(path: Path, *, processes: int, threads: int, calls: int) -> None:
    running = [
        subprocess.Popen(
            [*PROGRAM, "many", str(path), str(threads), str(calls), name],
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "abcd"[:processes]
    ]
    said = [process.communicate()[1] for process in running]
    assert said == [""] * processes  # no warning that something was not written
    with Archive(path) as archive:
        found = archive.calls(limit=None)
    wanted = {f"question {name} {n}" for name in "abcd"[:processes] for n in range(calls)}
    assert {call.question for call in found} == wanted
    assert len(found) == processes * calls
    assert all(call.text == call.question.upper() + " " for call in found)
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


class Full:
    """A connection to a disk on which there is no room any more."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, query: str, *values: Any) -> sqlite3.Cursor:
        if query.startswith("INSERT INTO calls"):
            raise sqlite3.OperationalError("database or disk is full")
        return self._connection.execute(query, *values)

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)


def test_a_disk_that_is_full_costs_one_warning_and_no_answer(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(store, "RETRY_SECONDS", 0.0)
    client = Client(archive=archive)
    with monkeypatch.context() as full:
        full.setattr(store, "connect", lambda path: Full(schema.connect(path)))
        for number in range(5):
            assert client.ask(f"Hi {number}", provider=Instant()).text == f"HI {number} "
            archive.flush()
    assert [record.getMessage() for record in caplog.records] == [
        f"cannot write to {archive.path}: database or disk is full; calls go on without it"
    ]
    # There is room again: what has ended meanwhile is kept.
    assert sorted(call.question for call in archive.calls()) == [f"Hi {n}" for n in range(5)]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_a_limit_on_the_files_size_is_met_in_earnest(path: Path) -> None:
    # RLIMIT_FSIZE is the nearest to a full disk that needs no rights to make one.
    program = f"""
import resource, signal, logging, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.archive.instant import Instant
from g4fsync import Archive, Client
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
archive = Archive({str(path)!r})
client = Client(archive=archive)
client.ask("first", provider=Instant())
archive.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
for n in range(40):
    result = client.ask(f"{{n}} " + "x" * 20_000, provider=Instant())
    assert result.text.endswith("X ")
    archive.flush()
print("all answered")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "all answered\n"
    assert done.stderr.count("cannot write to") == 1
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_folder_that_can_not_be_written_costs_one_warning_and_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # root may write everywhere, so it is a file that stands where the folder should be
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(store, "RETRY_SECONDS", 0.0)
    path = tmp_path / "file" / "chats.db"
    with pytest.raises(ConfigurationError, match=r"Not a directory$"):
        Archive(path)
    archive = Archive(tmp_path / "other" / "chats.db")
    monkeypatch.setattr(archive, "path", path)
    client = Client(archive=archive)
    for _ in range(3):
        assert client.ask("Hi", provider=Instant()).text == "HI "
        archive.flush()
    assert len(caplog.records) == 1
    assert caplog.records[0].levelno == logging.WARNING
    assert os.strerror(errno.ENOTDIR) in caplog.records[0].getMessage()


def test_what_could_not_be_written_is_kept_when_the_client_is_gone(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUSY_SECONDS", 0.0)
    monkeypatch.setattr(store.log, "disabled", True)  # a record would keep the archive alive
    Client(archive=Archive(archive.path)).ask("Hi", provider=Instant())
    ticker.flush()
    with contextlib.closing(sqlite3.connect(archive.path, isolation_level=None)) as busy:
        busy.execute("BEGIN IMMEDIATE")
        Client(archive=Archive(archive.path)).ask("And you?", provider=Instant())
        ticker.flush()
        gc.collect()
        busy.execute("COMMIT")
    store._close_all()  # as at exit
    assert [call.question for call in archive.calls()] == ["And you?", "Hi"]
    assert archive.path not in {each.path for each in store._unwritten}


# -- the file -------------------------------------------------------------------------


def test_nothing_is_written_before_a_call(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "folder" / "chats.db")
    assert (archive.calls(), archive.search("x"), archive.cost()) == ([], [], [])
    Client(archive=archive).close()
    assert list(tmp_path.iterdir()) == []


def test_others_of_this_machine_can_not_read_it(archive: Archive) -> None:
    Client(archive=archive).ask("Hi", provider=Instant())
    archive.flush()
    assert archive.path.stat().st_mode & 0o777 == 0o600


def foreign_text(path: Path) -> None:
    path.write_text("These are my notes. " * 20)


def foreign_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE notes (text)")
    connection.commit()
    connection.close()


def newer_archive(path: Path) -> None:
    with Archive(path) as archive:
        Client(archive=archive).ask("Hi", provider=Instant())
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (foreign_text, "it is no SQLite file"),
        (foreign_database, "it is a SQLite file of another program"),
        (newer_archive, "version 99 is from a newer g4fsync, this one knows version 2"),
    ],
)
def test_a_file_of_another_kind_is_refused_and_left_as_it_is(
    path: Path, make: Callable[[Path], None], message: str
) -> None:
    make(path)
    before = path.read_bytes(), path.stat().st_mtime_ns, sorted(path.parent.iterdir())
    with pytest.raises(ConfigurationError) as caught:
        Archive(path)
    assert str(caught.value) == f"archive {path}: {message}"
    with pytest.raises(ConfigurationError):
        Client(archive=path)
    assert (path.read_bytes(), path.stat().st_mtime_ns, sorted(path.parent.iterdir())) == before


def test_an_older_file_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Archive(path) as archive:
        Client(archive=archive).ask("Hi", provider=Instant())

    def add_column(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE calls ADD COLUMN mood TEXT")

    monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, add_column])
    with Archive(path) as archive:
        Client(archive=archive).ask("Ho", provider=Instant())
        assert [call.question for call in archive.calls()] == ["Ho", "Hi"]
    assert rows(path, "SELECT mood FROM calls") == [(None,), (None,)]
    assert rows(path, "PRAGMA user_version") == [(3,)]


def test_a_migration_that_fails_leaves_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Archive(path) as archive:
        Client(archive=archive).ask("Hi", provider=Instant())

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE cache")
        raise sqlite3.OperationalError("it went wrong")

    with monkeypatch.context() as newer:
        newer.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, fail])
        with pytest.raises(ConfigurationError, match=r"it went wrong$"):
            Archive(path).calls()
    assert rows(path, "PRAGMA user_version") == [(2,)]
    assert rows(path, "SELECT * FROM cache") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": 3}, "archive must be a path, got int"),
        ({"path": "x", "keep_days": 0}, "keep_days must be a number above 0, got 0"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Archive(**arguments)
    assert str(caught.value) == message


def test_what_is_older_than_keep_days_is_deleted(path: Path) -> None:
    with Archive(path) as archive:
        for question in ("old", "new"):
            Client(archive=archive).ask(question, provider=Instant())
        # By what was asked: ids of the same millisecond are in no order.
        (old,) = [call.id for call in archive.calls() if call.question == "old"]
    connection = sqlite3.connect(path)
    connection.execute("UPDATE calls SET started = started - 864000 WHERE id = ?", [old])
    connection.commit()
    connection.close()
    with Archive(path, keep_days=7) as archive:
        Client(archive=archive).ask("newest", provider=Instant())
        assert [call.question for call in archive.calls()] == ["newest", "new"]
    assert rows(path, "SELECT text FROM messages ORDER BY text") == [
        ("NEW ",),
        ("NEWEST ",),
        ("new",),
        ("newest",),
    ]
    assert rows(path, "SELECT rowid FROM words WHERE words MATCH 'old'") == []


# -- processes ------------------------------------------------------------------------


def test_it_goes_along_to_another_process(archive: Archive) -> None:
    twin = pickle.loads(pickle.dumps(Archive(archive.path, keep_days=3, content=False)))
    assert (twin.path, twin.keep_days, twin.content) == (archive.path, 3, False)
    client = pickle.loads(pickle.dumps(Client(archive=archive)))
    client.ask("Hi", provider=Instant())
    client.archive.close()
    assert only(archive).question == "Hi"


def test_a_forked_child_writes_its_own_calls_and_none_of_its_parents(
    archive: Archive, client_of: MakeClient, emulator: Emulator
) -> None:
    emulator.openai.faults.append(Stall(after_bytes=900))
    client = client_of(archive)
    stream = client.chat("the question of the parent, long enough to stall")
    next(stream)
    eventually(archive.calls)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            client.ask("the child", provider=Instant())
            archive.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert {(c.question[:12], c.state) for c in archive.calls()} == {
        ("the question", "partial"),
        ("the child", "complete"),
    }
    stream.close()
    assert {c.state for c in archive.calls()} == {"failed", "complete"}


def test_a_program_that_just_ends_has_kept_everything(path: Path) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.archive.instant import Instant
from g4fsync import Client
client = Client(archive={str(path)!r})
client.ask("the last words", provider=Instant())
stream = client.chat("left half-way through", provider=Instant())
next(stream)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("", "")
    with Archive(path) as archive:
        assert [(c.question, c.state) for c in archive.calls()] == [
            ("left half-way through", "failed"),
            ("the last words", "complete"),
        ]
    assert not path.with_name("chats.db-wal").exists()


# -- odd calls, and files that others lay hands on ------------------------------------


class Odd(Instant):
    """Answers with what it was given."""

    name = "odd"

    def __init__(self, *items: str | Event) -> None:
        super().__init__()
        self._items = items

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        yield from self._items


@pytest.mark.parametrize(
    "items",
    [
        ("x", Usage(10**30, 5), Finish("stop")),
        ("x", Finish("st\ud83dop")),
        ("x", ToolCall("1", "na\ud83dme", '{"a": "\\ud83d"}'), Finish("tool_calls")),
        ("x", ProviderData("odd", "kind", {"a": {1}, "b": "\ud83d"}), Finish("stop")),
    ],
    ids=["number", "reason", "call", "data"],
)
def test_an_odd_answer_costs_no_call_its_row(path: Path, items: tuple[str | Event, ...]) -> None:
    with Client(archive=path) as client:
        client.ask("before", provider=Instant())
        client.ask("odd", provider=Odd(*items))
        client.ask("after", provider=Instant())
    found = [(call.question, call.text) for call in Archive(path).calls()]
    assert found == [("after", "AFTER "), ("odd", "x"), ("before", "BEFORE ")]


def test_a_call_that_can_not_be_kept_costs_a_warning_and_no_other(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    end = Writer.end

    def failing(self: object, connection: object, call: Any) -> None:
        if call.request.last.content == "odd":
            raise sqlite3.DataError("string or blob too big")
        end(self, connection, call)  # type: ignore[arg-type]

    monkeypatch.setattr(Writer, "end", failing)
    with Client(archive=path) as client:
        for question in ("before", "odd", "after"):
            client.ask(question, provider=Instant())
    assert [call.question for call in Archive(path).calls() if call.state == "complete"] == [
        "after",
        "before",
    ]
    (warning,) = caplog.messages
    assert warning.endswith("can't be kept: DataError('string or blob too big')")


def test_an_interrupt_while_it_writes_loses_no_call(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(archive=path)
    client.ask("first", provider=Instant())
    archive = Archive(path)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    call = ticker_free_call(client)
    archive.call_ended(call)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(archive, "_write", interrupted)
        archive.flush()
    archive.flush()
    client.close()
    assert {each.question for each in archive.calls()} == {"first", "second"}


def ticker_free_call(client: Client) -> Any:
    """A call that has ended, and that no archive has heard of."""

    class Heard(Observer):
        def call_ended(self, call: ObservedCall) -> None:
            heard.append(call)

    heard: list[ObservedCall] = []
    with Client(observers=[Heard()]) as other:
        other.ask("second", provider=Instant())
    return heard[0]


def remove(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("moved.db"))


@pytest.mark.parametrize("lay_hands", [remove, move])
def test_what_comes_after_the_file_is_gone_is_in_a_new_one(
    path: Path, lay_hands: Callable[[Path], None]
) -> None:
    archive = Archive(path)
    with Client(archive=archive) as client:
        client.ask("before", provider=Instant())
        assert only(archive).question == "before"
        lay_hands(path)
        stream = client.chat("during and after", provider=Instant())
        next(stream)
        eventually(lambda: path.exists() and archive.calls())
        assert stream.result().text == "DURING AND AFTER "
    assert [(call.question, call.text) for call in archive.calls()] == [
        ("during and after", "DURING AND AFTER ")
    ]
    assert rows(path, "SELECT count(*) FROM pieces") == [(0,)]


def test_a_relative_path_is_of_the_folder_it_was_made_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    archive = Archive("file:chats.db")  # no URI either
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with Client(archive=archive) as client:
        client.ask("Hi", provider=Instant())
    assert (tmp_path / "file:chats.db").exists()
    assert only(archive).question == "Hi"


def test_an_archive_can_be_read_where_nothing_can_be_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Client(archive=path) as client:
        client.ask("Hi", provider=Instant())
    opened: list[str] = []
    connect = sqlite3.connect

    def noted(name: str, **settings: Any) -> sqlite3.Connection:
        opened.append(name)
        connection: sqlite3.Connection = connect(name, **settings)
        return connection

    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(sqlite3, "connect", noted)
    assert only(Archive(path)).question == "Hi"
    # SQLite itself opens such a file in a folder of a medium that is read-only in no other way.
    assert opened == [f"{path.as_uri()}?immutable=1"]
    path.with_name("chats.db-wal").write_bytes(b"something")
    assert only(Archive(path)).question == "Hi"
    assert opened[1:] == [f"{path.as_uri()}?mode=ro"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda archive: archive.prune(-1),
        lambda archive: archive.prune("1"),
        lambda archive: archive.prune(float("nan")),
        lambda archive: archive.call(5),
        lambda archive: archive.conversation(b"x"),
        lambda archive: archive.calls(limit=10**30),
        lambda archive: archive.search(" ".join(map(str, range(1000)))),
    ],
)
def test_wrong_questions_are_refused(archive: Archive, ask: Callable[[Archive], object]) -> None:
    with pytest.raises(InvalidRequest):
        ask(archive)


def test_words_of_any_kind_are_searched_for(archive: Archive, client_of: MakeClient) -> None:
    client_of(archive).ask("Why?")
    assert archive.search("\ud83d \0 " + "word " * 5000) == []

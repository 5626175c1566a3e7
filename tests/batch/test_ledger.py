"""A batch's file when others lay hands on it: links, other programs, forks, odd rows."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from g4fsync import Batch, Client, Retry
from g4fsync.batch import reading
from g4fsync.batch.digest import digest_file
from g4fsync.batch.index import stable_digest
from g4fsync.batch.ledger import Ledger
from g4fsync.errors import ConfigurationError, InvalidRequest

from .parrot import Parrot

Make = Callable[..., Batch]


@pytest.fixture
def batch(parrot: Parrot, out: Path) -> Iterator[Make]:
    with Client(retry=Retry(1)) as client:

        def make(rows: object, **settings: Any) -> Batch:
            settings = {"out": out, "provider": parrot, "max_workers": 2, **settings}
            return client.batch(rows, **settings)  # type: ignore[arg-type]

        yield make


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# -- where it is -------------------------------------------------------------------------


def test_a_symbolic_link_stays_one_and_its_file_gets_the_new_lines(batch: Make, out: Path) -> None:
    link = out.with_name("link.jsonl")
    link.symlink_to(out)
    batch([{"key": 1, "prompt": "a"}, "b"], out=link).run()
    batch([{"key": 1, "prompt": "changed"}, "b"], out=link).run()  # an old line is dropped
    assert link.is_symlink()
    assert [line["text"] for line in lines(out)] == ["You said: b", "You said: changed"]


def test_calls_under_way_are_told_by_each_name_of_the_file(
    batch: Make, out: Path, parrot: Parrot
) -> None:
    link = out.with_name("link.jsonl")
    link.symlink_to(out)
    with batch(["a", "b wait"]) as run:
        next(run)
        parrot.reached.acquire()
    assert digest_file(link).lost == 1
    assert batch(["a", "b wait"], out=link, timeout=0.05).run().repeated == 1


@pytest.mark.parametrize("name", ["folder", "pipe", "/dev/null"])
def test_what_is_no_regular_file_is_refused_before_anything_is_asked(
    batch: Make, tmp_path: Path, parrot: Parrot, name: str
) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match=r"Is a directory|not a regular file"):
        batch(["a"], out=tmp_path / name).run()
    assert not parrot.asked


def test_a_folder_in_the_place_of_its_notes_is_told(batch: Make, out: Path) -> None:
    notes = out.with_name("out.jsonl.calls")
    notes.mkdir()
    with pytest.raises(ConfigurationError) as caught:
        batch(["a"]).run()
    assert str(caught.value) == f"{notes}: Is a directory"


def test_a_file_system_without_locks_is_told(
    batch: Make, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(ConfigurationError) as caught:
        batch(["a"]).run()
    assert str(caught.value) == f"{out}: it can't be locked: No locks available"


# -- other programs ----------------------------------------------------------------------


def remove(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    os.truncate(path, 0)


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def add_a_line(path: Path) -> None:
    with path.open("a") as file:
        file.write("{}\n")


@pytest.mark.parametrize("change", [remove, empty, replace, add_a_line])
def test_a_file_that_another_program_changes_ends_the_batch(
    batch: Make, out: Path, parrot: Parrot, change: Callable[[Path], None]
) -> None:
    batch([{"key": 1, "prompt": "a"}, "b"]).run()
    run = batch(["b", {"key": 1, "prompt": "changed"}, *(f"{i}" for i in range(1000))])
    asked = 0
    with pytest.raises(ConfigurationError, match="another program has changed, moved or removed"):
        for row in run:
            if not row.reused:
                asked += 1
                time.sleep(0.01)
            if asked == 1:
                change(out)
                asked += 1
                left = out.read_bytes() if out.exists() else None
    assert len(parrot.asked) < 500  # it did not go on for long
    assert out.exists() == (left is not None)
    if left is not None:  # and nothing was taken from what is there now
        assert out.read_bytes().startswith(left)


def test_it_is_seen_at_the_end_at_the_latest(batch: Make, out: Path) -> None:
    run = batch(["a", "b"])
    rows = [next(run), next(run)]
    out.unlink()
    with pytest.raises(ConfigurationError, match="moved or removed"):
        list(run)
    assert len(rows) == 2


CUTTING_NOTES = """
import os, sys
from g4fsync import Client
from tests.batch.parrot import Parrot
for row in Client().batch(map(str, range(20)), out=sys.argv[1], provider=Parrot(), max_workers=1):
    os.truncate(sys.argv[1] + ".calls", 0)
"""


def test_notes_that_are_cut_off_do_not_kill_the_process(out: Path) -> None:
    argv = [sys.executable, "-c", CUTTING_NOTES, str(out)]
    assert subprocess.run(argv, timeout=30, check=False).returncode == 0
    assert len(lines(out)) == 20


def test_lines_that_an_editor_left_empty_are_no_matter(batch: Make, out: Path) -> None:
    batch(["a", "b"]).run()
    first, second = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(first + b"\n \r\n" + second + b"\n\n")
    assert batch(["a", "b"]).run().reused == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"text": "You said: a"', b'"text": "You\0said"'),
        (b'"text": "You said: a"', b'"text": "You \xff"'),
        (b'"text": "You said: a"', b'"error": "no"'),
        (b'"finish_reason"', b'"tool_calls": [[1]], "finish_reason"'),
    ],
)
def test_a_line_that_was_damaged_inside_is_told(
    batch: Make, out: Path, old: bytes, new: bytes
) -> None:
    batch(["a"]).run()
    out.write_bytes(out.read_bytes().replace(old, new))
    (row,) = batch(["a"])
    with pytest.raises(InvalidRequest, match=r"is damaged|is none of ours"):
        print(row.text)


# -- processes ---------------------------------------------------------------------------

ORPHAN = """
import os, signal, sys, time
from g4fsync import Client
from tests.batch.parrot import Parrot
for row in Client().batch(["a", "b wait"], out=sys.argv[1], provider=Parrot()):
    if not os.fork():
        print(os.getpid(), flush=True)
        time.sleep(60)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_child_that_outlives_its_parent_does_not_keep_the_file_locked(
    batch: Make, out: Path
) -> None:
    argv = [sys.executable, "-c", ORPHAN, str(out)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.wait()
        try:
            assert batch(["a", "b"]).run().complete == 2
        finally:
            os.kill(child, 9)


FORKING = """
import os, sys
from g4fsync import Client
from tests.batch.parrot import Parrot
rows = ["old", {"key": 1, "prompt": "changed"}, *map(str, range(20))]
run = Client().batch(rows, out=sys.argv[1], provider=Parrot(), max_workers=1)
for number, row in enumerate(run):
    if number == 5:
        child = os.fork()
        if not child:
            try:
                print([row.key for row in run], flush=True)
            except Exception as error:
                print(type(error).__name__, error, flush=True)
            run.close()
            os._exit(0)
        os.waitpid(child, 0)
        before = os.stat(sys.argv[1]).st_ino
        os.kill(os.getpid(), 9)
"""


def test_a_forked_child_leaves_the_batch_to_its_parent(batch: Make, out: Path) -> None:
    batch(["old", {"key": 1, "prompt": "a"}]).run()
    file = out.stat().st_ino
    argv = [sys.executable, "-c", FORKING, str(out)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "Cancelled this batch belongs to the parent process\n"
    assert out.stat().st_ino == file  # the child did not write it anew
    assert (
        batch(["old", {"key": 1, "prompt": "changed"}, *map(str, range(20))]).run().complete == 22
    )


def test_a_row_that_had_failed_and_is_asked_again_at_a_kill_is_told(
    batch: Make, out: Path, parrot: Parrot
) -> None:
    rows = ["a", "b wait fail:no"]
    batch(rows, timeout=0.05).run()
    assert "error" in lines(out)[1]
    with batch([*rows, "c"], retry_errors=True) as run:
        for _ in range(2):
            next(run)
        parrot.reached.acquire()
        parrot.reached.acquire()
    assert batch(rows, timeout=0.05, retry_errors=True).run().repeated == 1


def test_a_second_interrupt_at_the_end_leaves_the_file_unlocked(
    batch: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutdown = ThreadPoolExecutor.shutdown

    def interrupted(self: ThreadPoolExecutor, **settings: Any) -> None:
        shutdown(self, **settings)
        raise KeyboardInterrupt

    run = batch(["a", "b wait"])
    next(run)
    with monkeypatch.context() as patched:
        patched.setattr(ThreadPoolExecutor, "shutdown", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run.close()
    assert batch(["a", "b"]).run().reused == 1


def test_without_more_threads_lines_are_stored_when_it_is_closed(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: object) -> None:
        raise RuntimeError("can't start new thread")

    stored: list[int] = []
    monkeypatch.setattr("threading.Thread.start", start)
    monkeypatch.setattr("os.fsync", stored.append)
    ledger = Ledger(out)
    ledger.append(1, 1, b'{"key": "a", "hash": "b"}\n')
    assert not stored
    ledger.close()
    assert len(stored) == 1


# -- rows that are no JSON ---------------------------------------------------------------


def test_columns_that_json_can_not_say_cost_no_answer(batch: Make, out: Path) -> None:
    inside_itself: dict[str, Any] = {"prompt": "c"}
    inside_itself["me"] = [inside_itself]
    rows = [
        {"prompt": "a", "missing": float("nan"), "most": float("inf"), "n": [1, 2.5, None]},
        {"prompt": "b", ("two", "words"): {1: {2}}},
        inside_itself,
    ]
    assert batch(rows, max_workers=1).run().complete == 3
    strict = [
        json.loads(line, parse_constant=lambda name: pytest.fail(name))
        for line in out.read_text().splitlines()
    ]
    inputs = {line["text"]: line["input"] for line in strict}
    assert inputs["You said: a"] == {
        "prompt": "a",
        "missing": None,
        "most": None,
        "n": [1, 2.5, None],
    }
    assert inputs["You said: b"] == {"prompt": "b", "('two', 'words')": {"1": "{2}"}}
    assert inputs["You said: c"]["me"][0]["prompt"] == "c"
    assert batch(rows).run().reused == 3


def test_messages_inside_themselves_are_a_wrong_row(batch: Make) -> None:
    messages: list[Any] = []
    messages.append(messages)
    with pytest.raises(InvalidRequest, match=r"^row 1: it is nested too deeply, or in itself$"):
        batch([{"messages": messages}]).run()


def test_half_a_character_in_a_system_text_is_the_rows_error(batch: Make, out: Path) -> None:
    rows = [{"prompt": "a", "system": "half \ud83d"}, {"prompt": "b"}]
    assert (batch(rows).run().failed, batch(rows).run().reused) == (1, 2)
    assert {line.get("text") for line in lines(out)} == {None, "You said: b"}


# -- reading -----------------------------------------------------------------------------


@pytest.mark.parametrize("block_bytes", [1, 100, 301, 1 << 20])
def test_lines_of_any_writer_are_found_whatever_the_blocks(
    batch: Make, out: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    rows = [{"key": key, "prompt": f"p {key}"} for key in ("plain", 'quo"ted', "wörd", "x" * 400)]
    batch(rows).run()
    plain, *others = out.read_bytes().splitlines()
    spaced = json.dumps(json.loads(plain), indent=None, separators=(" , ", " : ")).encode()
    out.write_bytes(b"\r\n".join([spaced, b"", *others]))  # and no newline at the end
    monkeypatch.setattr(reading, "_BLOCK_BYTES", block_bytes)
    assert batch(rows).run().reused == 4
    assert [json.loads(line)["key"] for line in out.read_bytes().split(b"\n") if line.strip()] == [
        "plain",
        *(json.loads(line)["key"] for line in others),
    ]


def test_where_hashes_are_short_another_digest_stands_for_a_key() -> None:
    keys = [str(number).encode() for number in range(1000)]
    assert len({stable_digest(key) for key in keys}) == 1000
    assert stable_digest(b"a") == 4681665781835383343

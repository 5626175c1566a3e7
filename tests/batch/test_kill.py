"""What a batch's file is worth after a kill, a cut, a full disk."""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from g4fsync import Client
from g4fsync.batch.index import digest
from g4fsync.batch.ledger import Ledger
from g4fsync.errors import ConfigurationError, InvalidRequest

from .conftest import Limited, Start
from .parrot import Parrot

ROWS, WORKERS = 500, 8

JOB = f"""
import json, sys
from dataclasses import asdict
from g4fsync import Client
url, out = sys.argv[1:]
rows = [{{"key": i, "prompt": f"row {{i}}"}} for i in range({ROWS})]
with Client("openai:m", base_urls={{"openai": url}}, api_keys={{"openai": "k"}}) as client:
    batch = client.batch(rows, out=out, max_workers={WORKERS})
    print(json.dumps(asdict(batch.run())), flush=True)
"""


def killed_over_and_over(server: Limited, out: Path, kills: int, seed: int) -> dict[str, Any]:
    """Run the job, kill it *kills* times at random points, then let it end; its summary."""
    chance = random.Random(seed)
    argv = [sys.executable, "-c", JOB, server.url, str(out)]
    for left in range(kills, 0, -1):
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process:
            before = server.log.stat().st_size
            done = len(out.read_bytes().splitlines()) if out.exists() else 0
            per_call = 90  # bytes of the log, about
            goal = before + per_call * chance.randint(1, max(2, (ROWS - done) // (left + 1)))
            while server.log.stat().st_size < goal and process.poll() is None:
                time.sleep(0.0005)
            time.sleep(chance.random() * 0.01)
            process.kill()
    done_by = subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=120)
    summary: dict[str, Any] = json.loads(done_by.stdout)
    return summary


def check_kills(limited: Start, out: Path, kills: int, seed: int) -> None:
    server = limited(delay=0.01)
    summary = killed_over_and_over(server, out, kills, seed)
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert sorted(int(line["key"]) for line in lines) == list(range(ROWS))
    assert all(line["text"] == f"You said: row {line['key']}" for line in lines)
    calls = Counter(each["text"] for each in server.calls())
    assert len(calls) == ROWS
    # Some of those that were noted as under way had not reached the server yet.
    assert calls.total() - ROWS <= summary["repeated"] <= WORKERS * kills
    assert summary["rows"] == summary["complete"] == ROWS
    assert not out.with_name(f"{out.name}.calls").exists()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kills", [4, pytest.param(200, marks=pytest.mark.slow)])
def test_each_key_is_there_once_after_kills_at_random(
    limited: Start, tmp_path: Path, kills: int
) -> None:
    check_kills(limited, tmp_path / "out.jsonl", kills, seed=kills)


# -- a cut file -------------------------------------------------------------


@pytest.fixture
def written(tmp_path: Path) -> bytes:
    """A file of 30 rows, some of them errors, with braces and quotes in them."""
    out = tmp_path / "written.jsonl"
    rows = [
        {"key": f'k"{i}\\', "prompt": f"row {i} {{}} ü" + " fail:no" * (i % 7 == 3)}
        for i in range(30)
    ]
    with Client() as client:
        client.batch(rows, out=out, provider=Parrot(), max_workers=1).run()
    return out.read_bytes()


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_a_file_cut_at_any_byte_opens_and_loses_the_torn_line_only(
    written: bytes, tmp_path: Path, step: int
) -> None:
    out = tmp_path / "cut.jsonl"
    for end in range(len(written), len(written) - 4097, -step):
        cut = written[:end]
        out.write_bytes(cut)
        ledger = Ledger(out)
        count = len(ledger)
        ledger.close()
        # A line that only lacks its line end is complete.
        complete = cut if cut.endswith(b"\n") else cut + b"\n"
        if not written.startswith(complete):
            complete = cut[: cut.rfind(b"\n") + 1]
        assert out.read_bytes() == complete
        assert count == complete.count(b"\n")


@pytest.mark.parametrize("end", [0, 1, 5, 9, 30, 60])
def test_so_does_one_cut_in_its_first_line(written: bytes, tmp_path: Path, end: int) -> None:
    out = tmp_path / "cut.jsonl"
    out.write_bytes(written[:end])
    Ledger(out).close()
    assert out.read_bytes() == b""


def test_zeros_that_a_power_cut_leaves_are_cut_off(written: bytes, tmp_path: Path) -> None:
    out = tmp_path / "cut.jsonl"
    out.write_bytes(written + bytes(1000))
    Ledger(out).close()
    assert out.read_bytes() == written


@pytest.mark.parametrize("content", [b"hello", b"hello\n", b"[1]\n", b'{"a": 1}\n', b"\xff\xfe\n"])
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, content: bytes) -> None:
    out = tmp_path / "else.txt"
    out.write_bytes(content)
    with pytest.raises(InvalidRequest, match=r"line 1 is none of a batch; give another file$"):
        Ledger(out)
    assert out.read_bytes() == content


def test_a_broken_line_in_the_middle_is_refused(written: bytes, tmp_path: Path) -> None:
    out = tmp_path / "broken.jsonl"
    first, rest = written.split(b"\n", 1)
    out.write_bytes(first + b"\nbroken\n" + rest)
    with pytest.raises(InvalidRequest, match="line 2 is none of a batch"):
        Ledger(out)


def test_it_goes_on_behind_a_torn_line(written: bytes, tmp_path: Path) -> None:
    out = tmp_path / "cut.jsonl"
    rows = [{"key": i, "prompt": f"row {i}"} for i in range(10)]
    parrot = Parrot()
    with Client() as client:
        client.batch(rows, out=out, provider=parrot, max_workers=1).run()
        complete = out.read_bytes()
        out.write_bytes(complete[:-20])
        summary = client.batch(rows, out=out, provider=parrot).run()
    assert (summary.reused, summary.calls, summary.complete) == (9, 1, 10)
    assert parrot.asked["row 9"] == 2
    assert len(out.read_bytes().splitlines()) == 10


# -- a full disk ------------------------------------------------------------

LIMITED = f"""
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
from g4fsync.errors import G4FSyncError
try:
    exec({JOB!r})
except G4FSyncError as error:
    print(type(error).__name__, error)
"""


def test_a_full_disk_ends_the_batch_and_what_is_written_is_good(
    limited: Start, tmp_path: Path
) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    server, out = limited(), tmp_path / "out.jsonl"
    argv = [sys.executable, "-c", LIMITED, server.url, str(out)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == (
        f"ConfigurationError {out} can't be written: File too large; the rows in it are complete, "
        "and the same command goes on behind them\n"
    )
    lines = out.read_bytes()
    assert 10_000 < len(lines) <= 20_000
    assert lines.endswith(b"}\n")
    complete = [json.loads(line)["key"] for line in lines.splitlines()]
    assert len(set(complete)) == len(complete)
    argv = [sys.executable, "-c", JOB, server.url, str(out)]
    again = subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=120)
    assert json.loads(again.stdout)["complete"] == ROWS
    assert len(out.read_bytes().splitlines()) == ROWS


def test_a_short_write_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path / "out.jsonl")
    ledger.append(digest(b"a"), 1, b'{"key": "a", "hash": "1"}\n')
    real = os.write

    def full(file: int, data: bytes) -> int:
        if len(data) < 30:
            raise OSError(28, "No space left on device")
        return real(file, data[:10])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ConfigurationError, match="No space left on device"):
        ledger.append(digest(b"b"), 2, b'{"key": "b", "hash": "1", "text": "long"}\n')
    monkeypatch.undo()
    with pytest.raises(ConfigurationError, match="No space left on device"):
        ledger.append(digest(b"c"), 3, b"x\n")
    with pytest.raises(ConfigurationError, match="No space left on device"):
        ledger.close()
    assert (tmp_path / "out.jsonl").read_bytes() == b'{"key": "a", "hash": "1"}\n'

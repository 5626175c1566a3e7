from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from g4fsync import Budget, Rate
from g4fsync.batch.summary import Summary
from g4fsync.cli.batch import budget_from, rate_from
from g4fsync.cli.progress import parts_of, short
from g4fsync.errors import InvalidRequest
from tests.batch.conftest import Limited, Start, limited as limited
from tests.cli.conftest import Run
from tests.support.signals import heeding_interrupts


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text("id,q\n" + "".join(f"{i},question {i}\n" for i in range(40)))
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def typed(server: Limited, table: Path, out: Path, *more: str) -> list[str]:
    url = f"openai={server.url}"
    return [
        *("batch", str(table), "-o", str(out), "-m", "openai:m", "-p", "{q}", "--key", "id"),
        *("--base-url", url, *more),
    ]


@pytest.fixture(autouse=True)
def a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key")


def test_a_table_becomes_lines(here: Run, limited: Start, table: Path, out: Path) -> None:
    done = here(*typed(limited(), table, out))
    assert done.code == 0
    assert done.out == ""
    assert done.err.startswith("40 rows: 40 complete, 0 failed, 40 calls in ")
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert sorted(int(line["key"]) for line in lines) == list(range(40))
    again = here(*typed(limited(), table, out))
    assert again.err.startswith("40 rows: 40 complete, 0 failed, 40 of them were there already, 0 ")


def test_a_budget_that_is_used_up_is_exit_code_6(
    here: Run, limited: Start, table: Path, out: Path
) -> None:
    done = here(*typed(limited(), table, out, "--budget", "10calls"))
    assert done.code == 6
    assert done.err.splitlines()[-1] == (
        "stopped: the budget is used up; the same command with a larger one goes on"
    )
    assert here(*typed(limited(), table, out)).code == 0


def test_all_failed_is_exit_code_1_and_some_5(
    here: Run, limited: Start, table: Path, out: Path
) -> None:
    done = here(*typed(limited(), table, out, "--timeout", "0.000001"))
    assert done.code == 1
    first, second = done.err.splitlines()
    assert first == "40 x openai: not finished within 1e-06 s"
    assert second.startswith("40 rows: 0 complete, 40 failed, ")
    lines = out.read_text().splitlines(keepends=True)
    out.write_text("".join(lines[:10]))
    assert here(*typed(limited(), table, out)).code == 5
    assert here(*typed(limited(), table, out, "--retry-errors")).code == 0


def test_prompt_and_system_text_may_be_files(
    here: Run, limited: Start, table: Path, out: Path, tmp_path: Path
) -> None:
    (tmp_path / "prompt.txt").write_text("Say {q}\n")
    argv = typed(limited(), table, out)
    at = argv.index("-p")
    argv[at + 1] = f"@{tmp_path / 'prompt.txt'}"
    assert here(*argv).code == 0
    done = here(*argv, "-s", "@/nowhere")
    assert done.err == (
        "g4fsync: @/nowhere stands for a file's text, and /nowhere: No such file or directory\n"
    )


def test_another_jobs_file_is_exit_code_2(
    here: Run, limited: Start, table: Path, out: Path
) -> None:
    server = limited()
    here(*typed(server, table, out))
    done = here(*typed(server, table, out, "--option", "max_tokens", "5"))
    assert done.code == 2
    assert f"{out} belongs to another job" in done.err


def test_a_dry_run_asks_nothing(here: Run, limited: Start, table: Path, out: Path) -> None:
    server = limited()
    more = ["--option", "max_tokens", "10", "--price", "m=1,2"]
    done = here(*typed(server, table, out, "--dry-run", *more))
    assert done.code == 0
    assert done.out.splitlines()[:3] == ["rows        40", "in the file 0", "to be asked 40"]
    assert "answers     at most 400 tokens" in done.out
    assert server.calls() == []
    assert not out.exists()


def test_status_tells_of_a_file(here: Run, limited: Start, table: Path, out: Path) -> None:
    here(*typed(limited(), table, out))
    done = here("batch", "status", str(out))
    assert done.code == 0
    first, second, third, *_ = done.out.splitlines()
    assert first == "rows                 40: 40 complete, 0 failed"
    assert second == "calls                40"
    assert third == "tokens               80 sent, 80 received"


def test_a_report_is_a_page(
    here: Run, limited: Start, table: Path, out: Path, tmp_path: Path
) -> None:
    page = tmp_path / "r.html"
    done = here(*typed(limited(), table, out, "--report", str(page)))
    assert done.err.splitlines()[-1] == f"saved as {page}"
    text = page.read_text()
    assert "<title>Batch out.jsonl</title>" in text
    assert "<dd>40: 40 complete, 0 failed</dd>" in text
    assert here("batch", "status", str(out), "--report", str(tmp_path / "s.html")).code == 0
    assert (tmp_path / "s.html").read_text() == text


def test_lines_on_standard_input_are_rows(limited: Start, out: Path) -> None:
    argv = ["batch", "-", "-o", str(out), "-m", "openai:m", "--base-url", f"openai={limited().url}"]
    rows = '{"prompt": "a"}\n\n{"prompt": "b"}\n'
    subprocess.run(
        [sys.executable, "-m", "g4fsync", *argv], input=rows, text=True, check=True, timeout=60
    )
    assert sorted(json.loads(line)["text"] for line in out.read_text().splitlines()) == [
        "You said: a",
        "You said: b",
    ]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["in.csv"], "no output: give -o OUT.jsonl"),
        (["in.csv", "out"], "what is 'out'? the output is given by -o OUT"),
        (["status"], "the status of what? g4fsync batch status OUT.jsonl"),
        (["status", "missing.jsonl"], "missing.jsonl: No such file or directory"),
        (["missing.csv", "-o", "o", "-m", "openai:m"], "missing.csv: No such file or directory"),
        (["x.csv", "-o", "o", "--report", "r.txt"],
         "--report r.txt: a page is written, give a name ending in .html"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told(here: Run, argv: list[str], message: str) -> None:
    done = here("batch", *argv)
    assert done.code == 2
    assert done.err == f"g4fsync: {message}\n"


def test_ctrl_c_ends_it_at_once_with_every_finished_row_on_disk(
    limited: Start, table: Path, out: Path
) -> None:
    server = limited(delay=0.2)
    argv = [sys.executable, "-m", "g4fsync", *typed(server, table, out, "-w", "4")]
    with heeding_interrupts():
        started = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    with started as process:
        while len(server.calls()) < 12:
            time.sleep(0.01)
        answered = len(server.calls()) - 4
        before = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        err = process.stderr.read()
        assert process.wait(10) == 130
    took = time.monotonic() - before
    rows = len(out.read_text().splitlines())
    assert answered - 4 <= rows <= answered + 4
    assert " ".join(err.split()) == (
        f"{rows} rows are in {out}; the same command goes on g4fsync: interrupted"
    )
    slowness = float(os.environ.get("G4FSYNC_TEST_SLOWNESS", "1"))
    assert took <= 0.5 * max(1.0, slowness)


@pytest.mark.parametrize(
    ("texts", "rate"),
    [
        ([], None),
        (["500/min"], Rate(requests=500, per=60)),
        (["500 requests/minute", "200k tokens/min"], Rate(requests=500, tokens=200_000, per=60)),
        (["1e6tokens/h"], Rate(tokens=1_000_000, per=3600)),
        (["2/s"], Rate(requests=2, per=1)),
    ],
)
def test_rates_as_they_are_typed(texts: list[str], rate: Rate | None) -> None:
    assert rate_from(texts) == rate


@pytest.mark.parametrize("texts", [["500"], ["many/min"], ["5/fortnight"], ["5/min", "5 tokens/s"]])
def test_wrong_rates(texts: list[str]) -> None:
    with pytest.raises(InvalidRequest, match=r"^--rate"):
        rate_from(texts)


@pytest.mark.parametrize(
    ("texts", "budget"),
    [
        ([], None),
        (["1e6tokens"], Budget(tokens=1_000_000)),
        (["500calls", "$5"], Budget(calls=500, usd=5.0)),
        (["2.5usd", "10k tok"], Budget(usd=2.5, tokens=10_000)),
    ],
)
def test_budgets_as_they_are_typed(texts: list[str], budget: Budget | None) -> None:
    assert budget_from(texts, strict=False) == budget


@pytest.mark.parametrize("text", ["500", "5 apples", "tokens"])
def test_wrong_budgets(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^--budget"):
        budget_from([text], strict=False)


def test_how_a_batch_goes_on_in_words() -> None:
    summary = Summary(
        rows=300, complete=298, failed=2, reused=100, input_tokens=40_000, usd=1.5, seconds=20.0
    )
    assert parts_of(summary, 1000, 0.0) == [
        *("300/1000 rows", "10.0/s", "2 failed", "40.0k tokens", "1.50 usd", "1:10 left")
    ]
    assert parts_of(Summary(rows=3, complete=3, seconds=1.0), None, 0.0) == ["3 rows", "3.0/s"]
    assert parts_of(summary, 1000, 12.0)[-1] == "paused for 12 s, as the provider asks"
    assert [short(n) for n in (9999, 45_600, 1_234_567)] == ["9999", "45.6k", "1.2M"]

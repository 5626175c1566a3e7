from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from g4fsync import Batch, BatchRow, Budget, Client, Retry
from g4fsync.batch.again import Again
from g4fsync.batch.calls import Calls
from g4fsync.batch.callslots import CallSlots
from g4fsync.batch.intake import Intake
from g4fsync.batch.ledger import Ledger
from g4fsync.batch.run import Run
from g4fsync.batch.seats import Seats
from g4fsync.batch.spending import Spending
from g4fsync.errors import (
    AuthenticationError,
    Cancelled,
    ConfigurationError,
    InvalidRequest,
    ProviderError,
    RateLimited,
    ServerError,
    StreamTruncated,
)
from g4fsync.events import Event, Finish
from g4fsync.fanout.mapping import Asker
from g4fsync.messages import ChatRequest, ChatResult
from g4fsync.scope.pace import Pace
from g4fsync.transport.base import Transport

from .parrot import Parrot

Make = Callable[..., Batch]


@pytest.fixture
def batch(parrot: Parrot, out: Path) -> Iterator[Make]:
    with Client(retry=Retry(3, 0.01, 0.02)) as client:

        def make(rows: object, **settings: Any) -> Batch:
            settings = {"out": out, "provider": parrot, "max_workers": 4, **settings}
            return client.batch(rows, **settings)  # type: ignore[arg-type]  # tests say wrong ones too

        yield make


class Slow(Executor):
    """What it runs can't be ended from here, as in another process; it waits for *end*."""

    def __init__(self, pool: Executor, end: threading.Event) -> None:
        self._pool = pool
        self._end = end

    def submit(self, work: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        def late() -> Any:
            self._end.wait(10)
            return ChatResult("too late", provider="parrot", model="m")

        return self._pool.submit(late)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def texts(rows: Iterator[BatchRow] | Batch) -> list[str]:
    return sorted(row.text for row in rows)


# -- rows and lines ---------------------------------------------------------


def test_each_row_is_a_line_with_its_columns_and_its_answer(batch: Make, out: Path) -> None:
    rows = batch([{"id": 7, "text": "Grün"}], prompt="Say {text}", key="id")
    [row] = rows
    assert (row.key, row.input, row.attempts, row.reused) == (
        "7",
        {"id": 7, "text": "Grün"},
        1,
        False,
    )
    assert row.result is not None
    assert row.result.text == "You said: Say Grün"
    assert row.error is None
    [line] = lines(out)
    assert len(line.pop("hash")) == 32
    assert line.pop("seconds") >= 0
    assert line == {
        "key": "7",
        "text": "You said: Say Grün",
        "finish_reason": "stop",
        "usage": {"input_tokens": 2, "output_tokens": 3},
        "provider": "parrot",
        "model": "m",
        "attempts": 1,
        "input": {"id": 7, "text": "Grün"},
    }


def test_rows_may_be_text_columns_or_messages(batch: Make, out: Path) -> None:
    rows = [
        "one",
        {"prompt": "two", "n": 1},
        {"messages": [{"role": "user", "content": "three"}]},
        [{"role": "user", "content": "four"}],
        {"prompt": "five", "model": "other", "key": "k5"},
    ]
    assert texts(batch(rows)) == [
        f"You said: {each}" for each in ("five", "four", "one", "three", "two")
    ]
    found = {line["text"][10:]: line for line in lines(out)}
    assert found["one"]["key"] == found["one"]["hash"]
    assert found["four"]["input"] == {"messages": [{"role": "user", "content": "four"}]}
    assert (found["five"]["key"], found["five"]["model"]) == ("k5", "other")


def test_with_a_template_a_column_named_model_is_data(batch: Make, out: Path) -> None:
    [row] = batch([{"model": "Corsa", "year": 1999}], prompt="{model} of {year}{{}}")
    assert row.text == "You said: Corsa of 1999{}"
    assert lines(out)[0]["model"] == "m"


def test_half_a_character_in_a_key_is_replaced(batch: Make, out: Path) -> None:
    rows = [{"prompt": "x", "key": "a\ud800"}]
    assert [row.key for row in batch(rows)] == ["a?"]
    assert [row.reused for row in batch(rows)] == [True]
    assert lines(out)[0]["key"] == "a?"


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        ([{"a": 1}], {}, "row 1: no column 'prompt' or 'messages' (there are: a); "
         "prompt='... {column} ...' makes one of others"),
        ([{"a": "x"}, {"b": "y"}], {"prompt": "{a}"},
         "row 2: no column 'a' for the prompt (there are: b)"),
        ([5], {}, "row 1: must be a str, a mapping or messages, got int"),
        ([{"prompt": "x"}], {"key": "id"}, "row 1: nothing in the key's column 'id'"),
        ([{"prompt": "x", "key": []}], {}, "row 1: a key must be text or a number, got list"),
        ([{"prompt": "x", "model": 1}], {}, "row 1: model must be a str, got int"),
        ([{"messages": 5}], {}, "row 1: messages must be a list, got int"),
        (
            [{"prompt": "x", "key": "k"}, {"prompt": "y", "key": "k"}],
            {},
            "rows 1 and 2 have the same key 'k' and different content",
        ),
    ],
)  # fmt: skip
def test_a_wrong_row_is_named(batch: Make, rows: Any, settings: Any, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        batch(rows, **settings).run()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prompt": "{"}, "prompt: "),
        ({"prompt": "{a.b!r}"},
         "prompt: braces hold the name of a column, not 'a.b' ('{{' is a brace)"),
        ({"prompt": "{}"}, "prompt: braces hold the name of a column, not '' ('{{' is a brace)"),
        ({"max_workers": 0}, "max_workers must be 1 or more, got 0"),
        ({"row_attempts": True}, "row_attempts must be 1 or more, got True"),
        ({"on_error": "go"}, "on_error must be 'keep' or 'stop', got 'go'"),
        ({"out": 5}, "out must be a path, got int"),
        ({"key": 5}, "key must be the name of a column, got int"),
        ({"temperature": "hot"}, "parrot: option temperature must be a number from 0, got 'hot'"),
        ({"rows": 5}, "rows must be an iterable of prompts or the path of a "),
        ({"executor": 5}, "executor must be a concurrent.futures.Executor, got int"),
        ({"budget": 5}, "budget must be a Budget, got int"),
        ({"rate": 5}, "rate must be a mapping from a provider's name"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused_at_once(batch: Make, settings: Any, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        batch(settings.pop("rows", ["x"]), **settings)
    assert str(caught.value).startswith(message)


def test_what_was_asked_before_a_wrong_row_is_delivered_first(batch: Make, out: Path) -> None:
    found: list[str] = []
    with pytest.raises(InvalidRequest, match=r"^row 3: "):
        found.extend(row.text for row in batch(["a", "b", 3]))
    assert sorted(found) == ["You said: a", "You said: b"]
    assert len(lines(out)) == 2


def test_rows_that_say_the_same_are_asked_once(batch: Make, parrot: Parrot, out: Path) -> None:
    rows = list(batch(["a", "a", "b", "a"]))
    assert parrot.asked == {"a": 1, "b": 1}
    assert sorted(row.reused for row in rows) == [False, False, True, True]
    assert len(lines(out)) == 2


# -- going on ---------------------------------------------------------------


def test_a_second_run_asks_nothing_again(batch: Make, parrot: Parrot, out: Path) -> None:
    rows = [{"prompt": f"row {i}", "key": i} for i in range(20)]
    assert batch(rows).run().complete == 20
    before = out.read_bytes()
    again = batch(reversed(rows))
    assert texts(again) == sorted(f"You said: row {i}" for i in range(20))
    assert (again.summary.reused, again.summary.calls) == (20, 0)
    assert max(parrot.asked.values()) == 1
    assert out.read_bytes() == before


def test_what_the_file_says_comes_back_as_it_was(batch: Make) -> None:
    [first] = batch(["a"])
    [second] = batch(["a"])
    assert first.result is not None
    assert second.result is not None
    for name in ("text", "usage", "finish_reason", "provider", "model"):
        assert getattr(first.result, name) == getattr(second.result, name)
    assert (second.key, second.input, second.attempts) == (first.key, first.input, 1)


def test_rows_that_were_added_are_asked(batch: Make, parrot: Parrot, out: Path) -> None:
    batch(["b", "c"]).run()
    assert batch(["a", "b", "c", "d"]).run().reused == 2
    assert parrot.asked == dict.fromkeys("abcd", 1)
    assert len(lines(out)) == 4


def test_they_are_found_in_an_iterator_too(batch: Make, parrot: Parrot) -> None:
    batch(["b", "c"]).run()
    assert batch(iter(["a", "b", "c", "d"])).run().reused == 2
    assert parrot.asked == dict.fromkeys("abcd", 1)


def test_a_changed_row_is_asked_again_and_its_old_line_goes(batch: Make, out: Path) -> None:
    batch([{"prompt": "a", "key": 1}, {"prompt": "b", "key": 2}]).run()
    summary = batch([{"prompt": "a", "key": 1}, {"prompt": "B", "key": 2}]).run()
    assert (summary.complete, summary.reused) == (2, 1)
    assert {line["key"]: line["text"] for line in lines(out)} == {
        "1": "You said: a",
        "2": "You said: B",
    }
    assert len(lines(out)) == 2
    assert [each.name for each in out.parent.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize(
    "settings",
    [{"model": "other"}, {"max_tokens": 5}, {"system": "Be kind."}, {"prompt": "x{text}"}],
)
@pytest.mark.parametrize("kind", [list, iter])
def test_a_file_of_another_job_is_refused_untouched(
    batch: Make, out: Path, parrot: Parrot, settings: Any, kind: Any
) -> None:
    batch([{"text": "a", "key": 1}], prompt="{text}").run()
    before = out.read_bytes()
    settings = {"prompt": "{text}", **settings}
    with pytest.raises(InvalidRequest) as caught:
        batch(kind([{"text": "a", "key": 1}]), **settings).run()
    assert str(caught.value) == (
        f"{out} belongs to another job: of its 1 rows none has the key, messages, model and "
        "options of a row here; give another file"
    )
    assert out.read_bytes() == before
    assert sum(parrot.asked.values()) == 1


def test_how_it_is_asked_does_not_make_another_job(batch: Make, parrot: Parrot) -> None:
    batch(["a"]).run()
    assert batch(["a"], timeout=3, api_key="other", retry=1, max_workers=1).run().reused == 1


# -- errors -----------------------------------------------------------------


def test_an_error_is_a_line_and_the_others_go_on(batch: Make, out: Path) -> None:
    rows = {row.input["prompt"]: row for row in batch(["a", "b fail:no", "c"])}
    error = rows["b fail:no"].error
    assert type(error) is ProviderError
    assert rows["c"].text == "You said: c"
    line = next(line for line in lines(out) if "error" in line)
    assert line["error"] == {"type": "ProviderError", "message": "no", "status": 400, "code": "bad"}


def test_errors_are_kept_or_asked_again(batch: Make, parrot: Parrot, out: Path) -> None:
    batch(["a", "b fail:no"]).run()
    [kept] = [row for row in batch(["a", "b fail:no"]) if row.error]
    assert (type(kept.error), str(kept.error), kept.reused) == (ProviderError, "parrot: no", True)
    assert parrot.asked["b fail:no"] == 1
    summary = batch(["a", "b fail:no"], retry_errors=True).run()
    assert (summary.reused, summary.failed) == (1, 1)
    assert parrot.asked["b fail:no"] == 2
    assert len(lines(out)) == 2


def test_on_error_stop_raises_the_first_and_keeps_what_is_there(batch: Make, out: Path) -> None:
    run = batch(["a", "b fail:no", *map(str, range(100))], on_error="stop", max_workers=1)
    with pytest.raises(ProviderError):
        run.run()
    assert run.summary.stopped == "error"
    assert len(lines(out)) == 2


def test_a_cut_answer_is_asked_for_again_from_scratch(batch: Make, parrot: Parrot) -> None:
    [row] = batch(["a once:cut"])
    assert (row.text, row.attempts) == ("You said: a once:cut", 2)


def test_but_not_for_ever(batch: Make, parrot: Parrot, out: Path) -> None:
    [row] = batch(["a fail:cut"], row_attempts=2)
    assert type(row.error) is StreamTruncated
    assert (row.text, row.attempts, parrot.asked["a fail:cut"]) == ("You", 2, 2)
    assert lines(out)[0]["partial"] == "You"


def test_a_failure_is_tried_again_as_retry_says(batch: Make, parrot: Parrot) -> None:
    [row] = batch(["a once:server"])
    assert (row.text, row.attempts) == ("You said: a once:server", 2)


def test_a_failure_that_stays_is_the_rows_error(batch: Make, parrot: Parrot) -> None:
    [row] = batch(["a fail:server"], retry=2)
    assert type(row.error) is ServerError
    assert (row.attempts, parrot.asked["a fail:server"]) == (2, 2)


def test_a_refusal_for_the_rate_is_none_of_the_rows(batch: Make, parrot: Parrot) -> None:
    started = time.monotonic()
    [row] = batch(["a once:limit"], retry=1, row_attempts=1)
    assert row.attempts == 2
    assert time.monotonic() - started >= 0.05


@pytest.mark.parametrize(("kind", "error"), [("auth", AuthenticationError), ("quota", RateLimited)])
def test_what_would_end_each_row_ends_the_batch(
    batch: Make, parrot: Parrot, out: Path, kind: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        batch(["a", *(f"{i} fail:{kind}" for i in range(100))], max_workers=1).run()
    assert sum(parrot.asked.values()) == 2
    assert len(lines(out)) == 1


# -- ending -----------------------------------------------------------------


def test_leaving_the_loop_ends_what_runs_and_keeps_what_is_done(batch: Make, out: Path) -> None:
    run = batch(["a", *(f"{i} wait" for i in range(10))])
    for row in run:
        assert row.text == "You said: a"
        break
    run.close()
    assert run.summary.stopped == "cancelled"
    assert len(lines(out)) == 1


def test_calls_that_were_ended_are_told_as_repeated(batch: Make, out: Path, parrot: Parrot) -> None:
    run = batch(["a", "b wait", "c wait"])
    with run:
        next(run)
        for _ in range(2):
            parrot.reached.acquire()
    assert len(lines(out)) == 1
    again = batch(["a", "b wait", "c wait"], timeout=0.05)
    assert again.run().repeated == 2
    assert not out.with_name("out.jsonl.calls").exists()  # complete: nothing left to remember


@pytest.mark.parametrize("count", [1, 7])
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (Calls, "put"), (Calls, "start"), (Calls, "_next"), (Calls, "_task"), (Calls, "_settle"),
        (Calls, "_note"), (Seats, "next_ready"), (Seats, "take"), (Spending, "reserve"),
        (Spending, "settle"), (Pace, "start"), (Pace, "heard"), (Again, "pause"),
        (Ledger, "append"), (CallSlots, "take"), (CallSlots, "release"), (Intake, "read"),
        (Asker, "__call__"), (Run, "_hand_out"),
    ],
)  # fmt: skip
def test_a_mistake_of_ours_ends_the_batch(
    batch: Make, out: Path, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, count: int
) -> None:
    calls, working = itertools.count(1), getattr(owner, name)

    def failing(*arguments: Any) -> Any:
        if next(calls) == count:
            raise ZeroDivisionError
        return working(*arguments)

    rows = [f"row {i}" for i in range(30)]
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, failing)
        with pytest.raises(ZeroDivisionError):
            batch(rows).run()
    assert sorted(texts(batch(rows))) == sorted(f"You said: {row}" for row in rows)
    assert sorted(line["input"]["prompt"] for line in lines(out)) == sorted(rows)


def test_what_an_executor_finishes_late_is_not_written(
    batch: Make, parrot: Parrot, out: Path
) -> None:
    parrot.hold = threading.Event()
    rows = [f"row {i}" for i in range(8)]
    with ThreadPoolExecutor(2) as pool:
        with batch(["first"], executor=pool) as run:
            parrot.hold.set()
            assert [row.text for row in run] == ["You said: first"]
        parrot.hold.clear()
        leaving = batch(["first", *rows], executor=Slow(pool, parrot.hold))
        assert next(leaving).reused
        leaving.close()
        written = out.read_bytes()
        # Files that may get the number that the closed one had.
        others = [out.with_name(f"other {i}").open("w+b", buffering=0) for i in range(3)]
        parrot.hold.set()
    assert [os.fstat(other.fileno()).st_size for other in others] == [0, 0, 0]
    for other in others:
        other.close()
    assert out.read_bytes() == written
    assert sorted(texts(batch([*rows, "first"]))) == [
        "You said: first",
        *(f"You said: {row}" for row in rows),
    ]


READ_IN_A_THREAD = """
import sys, threading
from g4fsync import Client, Rate
from tests.batch.parrot import Parrot

def read():
    rate = Rate(requests=1, per=60)
    for row in Client().batch(["a", "b", "c"], out=sys.argv[1], provider=Parrot(), rate=rate):
        print(row.text, flush=True)
        begun.set()

begun = threading.Event()
threading.Thread(target=read).start()
begun.wait(10)
"""


def test_a_program_ends_while_its_thread_waits_for_the_rate(out: Path) -> None:
    argv = [sys.executable, "-c", READ_IN_A_THREAD, str(out)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=15, check=True)
    assert done.stdout == "You said: a\n"
    assert "the batch was cancelled" in done.stderr


def test_cancel_from_another_thread(batch: Make, parrot: Parrot, out: Path) -> None:
    run = batch(["a", "b wait"])

    def cancel() -> None:
        parrot.reached.acquire()
        run.cancel()

    threading.Thread(target=cancel).start()
    with pytest.raises(Cancelled, match=r"^the batch was cancelled$"):
        run.run()
    assert run.summary.stopped == "cancelled"
    assert [line["text"] for line in lines(out)] == ["You said: a"]


def test_a_batch_is_read_once(batch: Make) -> None:
    run = batch(["a"])
    assert len(list(run)) == 1
    assert list(run) == []


def test_answers_are_on_disk_before_a_slow_reader_sees_them(
    batch: Make, out: Path, parrot: Parrot
) -> None:
    run = batch(["a", "b", "c", "d"])
    next(run)
    deadline = time.monotonic() + 10
    while len(lines(out)) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(lines(out)) == 4
    run.close()


def test_no_more_than_max_workers_run_at_a_time(batch: Make, parrot: Parrot) -> None:
    parrot.hold = threading.Event()
    run = batch([str(i) for i in range(10)], max_workers=3)
    result: list[object] = []
    thread = threading.Thread(target=lambda: result.append(run.run()))
    thread.start()
    for _ in range(3):
        assert parrot.reached.acquire(timeout=5)
    assert not parrot.reached.acquire(timeout=0.1)
    parrot.hold.set()
    thread.join()
    assert run.summary.complete == 10


def test_an_executor_of_the_callers_is_left_open(batch: Make) -> None:
    with ThreadPoolExecutor(2) as pool:
        assert batch(["a", "b"], executor=pool).run().complete == 2
        assert pool.submit(int).result() == 0


# -- the file ---------------------------------------------------------------


def test_a_second_run_at_the_same_time_is_kept_out(batch: Make, out: Path, parrot: Parrot) -> None:
    run = batch(["a", "b wait"])
    with run:
        next(run)
        with pytest.raises(ConfigurationError) as caught:
            batch(["a"]).run()
    assert str(caught.value) == f"{out}: another process is writing it; wait for its end"


HOLDING = """
import sys
from g4fsync.batch.ledger import Ledger
ledger = Ledger(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_kept_out_until_the_first_is_killed(batch: Make, out: Path) -> None:
    argv = [sys.executable, "-c", HOLDING, str(out)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(ConfigurationError, match="another process is writing it"):
            batch(["a"]).run()
        holder.send_signal(signal.SIGKILL)
    assert batch(["a"]).run().complete == 1


def test_a_file_that_is_none_of_a_batch_is_refused_untouched(batch: Make, out: Path) -> None:
    out.write_text("name,age\nAnn,5\n")
    with pytest.raises(InvalidRequest) as caught:
        batch(["a"]).run()
    assert str(caught.value) == f"{out}: line 1 is none of a batch; give another file"
    assert out.read_text() == "name,age\nAnn,5\n"


def test_a_folder_that_is_missing_is_told(batch: Make, tmp_path: Path) -> None:
    out = tmp_path / "no" / "out.jsonl"
    with pytest.raises(ConfigurationError) as caught:
        batch(["a"], out=out).run()
    assert str(caught.value) == f"{out}: No such file or directory"


# -- typed answers and tools ------------------------------------------------


@dataclass(frozen=True)
class Person:
    name: str
    age: int


class Clerk(Parrot):
    """Answers with people, as JSON."""

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        with self.lock:
            self.asked[request.last.content] += 1
        yield json.dumps({"name": request.last.content, "age": 5})
        yield Finish("stop")


def test_typed_answers_are_values_again_when_they_are_reused(batch: Make, out: Path) -> None:
    clerk = Clerk()
    for is_reused in (False, True):
        [row] = batch(["Ann"], provider=clerk, returns=Person)
        assert row.reused is is_reused
        assert row.result is not None
        assert row.result.value == Person("Ann", 5)
    assert lines(out)[0]["value"] == {"name": "Ann", "age": 5}
    assert clerk.asked == {"Ann": 1}


def test_another_type_is_another_job(batch: Make) -> None:
    batch(["Ann"], provider=Clerk(), returns=Person).run()
    with pytest.raises(InvalidRequest, match="belongs to another job"):
        batch(["Ann"], provider=Clerk(), returns=dict[str, str | int]).run()


def test_a_strict_budget_takes_no_typed_answers(batch: Make) -> None:
    budget = Budget(tokens=100, strict=True)
    with pytest.raises(InvalidRequest, match=r"^a strict budget can't bound returns="):
        batch(["Ann"], returns=Person, budget=budget, max_tokens=5)

"""Who does the tasks of a map: threads of our own, or an executor of the caller's."""

from __future__ import annotations

import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from g4fsync.fanout.jobs import InExecutor, Job, OwnThreads, Workers
from tests.support.timing import PATIENCE, eventually

pytestmark = pytest.mark.usefixtures("no_leaks")

Threads = OwnThreads[int, int]


def threads() -> list[str]:
    return sorted(t.name for t in threading.enumerate() if t.name.startswith("test-jobs"))


def ended(workers: Workers[int, int]) -> Job[int, int]:
    return workers.ended.get(timeout=PATIENCE)


def test_a_job_comes_back_with_what_its_task_gave() -> None:
    workers = Threads(lambda number: number * number, "test-jobs")
    workers.start(Job(7, 12))
    job = ended(workers)
    assert (job.index, job.is_done, job.outcome()) == (7, True, 144)
    workers.close()
    assert threads() == []


def test_a_thread_is_begun_only_when_all_others_are_busy() -> None:
    go = threading.Event()
    workers = Threads(lambda number: number if go.wait(PATIENCE) else -1, "test-jobs")
    for number in range(3):
        workers.start(Job(number, number))
    assert threads() == ["test-jobs_0", "test-jobs_1", "test-jobs_2"]
    go.set()
    assert sorted(ended(workers).index for _ in range(3)) == [0, 1, 2]
    for number in range(20):
        workers.start(Job(number, number))
        assert ended(workers).outcome() == number
    assert len(threads()) == 3
    workers.close()
    assert threads() == []


@pytest.mark.parametrize("error", [ZeroDivisionError("0"), KeyboardInterrupt(), SystemExit(3)])
def test_what_a_task_raises_is_raised_by_its_outcome_and_ends_no_thread(
    error: BaseException,
) -> None:
    def fail(number: int) -> int:
        raise error

    workers = Threads(fail, "test-jobs")
    for number in range(2):
        workers.start(Job(number, number))
        with pytest.raises(type(error)) as caught:
            ended(workers).outcome()
        assert caught.value is error
    assert threads() == ["test-jobs_0"]
    workers.close()


def test_an_idle_thread_keeps_no_task() -> None:
    class Prompt:
        pass

    workers: OwnThreads[Prompt, int] = OwnThreads(lambda prompt: 0, "test-jobs")
    prompt = Prompt()
    seen = weakref.ref(prompt)
    workers.start(Job(0, prompt))
    del prompt
    assert workers.ended.get(timeout=PATIENCE).outcome() == 0
    eventually(lambda: seen() is None)
    workers.close()


def test_an_executor_s_jobs_come_back_alike_and_those_not_begun_can_be_cancelled() -> None:
    go = threading.Event()

    def work(number: int) -> int:
        return 1 // number if go.wait(PATIENCE) else -1

    with ThreadPoolExecutor(1) as pool:
        workers = InExecutor(work, pool)
        jobs = [Job[int, int](number, number) for number in (1, 0, 2)]
        for job in jobs:
            workers.start(job)
        workers.cancel(jobs[2])
        go.set()
        assert sorted(ended(workers).index for _ in range(3)) == [0, 1, 2]
        workers.close()
        assert pool.submit(abs, -3).result() == 3
    assert jobs[0].outcome() == 1
    with pytest.raises(ZeroDivisionError):
        jobs[1].outcome()
    with pytest.raises(CancelledError):
        jobs[2].outcome()


ABANDONED = """
import itertools, sys, time
from g4fsync.fanout.mapping import outcomes

def work(number):
    if number == 20:
        ended = time.monotonic() + 60
        while not stopped and time.monotonic() < ended:
            time.sleep(0.001)
    return number

stopped = []
found = outcomes(work, itertools.count(), max_workers=4, ordered={ordered}, rate=None,
                 executor=None, stop=lambda: stopped.append(1))
print([next(found) for _ in range({taken})][-1])
"""


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("taken", [5, 20])
def test_a_map_that_nobody_reads_any_more_does_not_keep_the_program(
    ordered: bool, taken: int
) -> None:
    program = ABANDONED.format(ordered=ordered, taken=taken)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE * 4
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("(")


def calls_of(function: Callable[[], object]) -> int:
    """How many Python functions are called in this thread."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls


def test_to_start_a_job_and_to_take_it_back_costs_two_calls_each() -> None:
    workers = Threads(abs, "test-jobs")
    workers.start(Job(0, 0))
    ended(workers)
    assert calls_of(lambda: workers.start(Job(1, 1))) == 3  # with the lambda itself
    job = ended(workers)
    assert calls_of(job.outcome) == 1
    workers.close()

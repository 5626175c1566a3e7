"""Many prompts: lazily, in order or not, bounded in number and in rate."""

from __future__ import annotations

import itertools
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from g4fsync.errors import InvalidRequest
from g4fsync.fanout.mapping import outcomes
from tests.support.timing import MS, PATIENCE, eventually

pytestmark = pytest.mark.usefixtures("no_leaks")


class Stop:
    """Notes that it was called."""

    def __init__(self) -> None:
        self.called = threading.Event()

    def __call__(self) -> None:
        self.called.set()


def mapped(
    work: Callable[[int], int],
    tasks: Iterable[int],
    *,
    max_workers: int = 4,
    ordered: bool = True,
    rate: float | None = None,
    executor: Executor | None = None,
    stop: Callable[[], None] = lambda: None,
) -> Iterator[tuple[int, int]]:
    return outcomes(
        work,
        tasks,
        max_workers=max_workers,
        ordered=ordered,
        rate=rate,
        executor=executor,
        stop=stop,
    )


def square(number: int) -> int:
    return number * number


def test_outcomes_are_in_the_order_of_the_tasks() -> None:
    def slow_at_first(number: int) -> int:
        time.sleep(0.03 if number == 0 else 0)
        return square(number)

    assert list(mapped(slow_at_first, range(20))) == [(n, n * n) for n in range(20)]


def test_not_ordered_they_come_as_they_are_done_with_their_index() -> None:
    go = threading.Event()

    def work(number: int) -> int:
        return square(number) if number or go.wait(PATIENCE) else -1

    found = []
    for index, outcome in mapped(work, range(6), ordered=False):
        found.append((index, outcome))
        if len(found) == 5:
            go.set()
    assert found[5] == (0, 0)
    assert sorted(found) == [(n, n * n) for n in range(6)]


def test_an_endless_iterable_is_taken_only_as_far_as_needed() -> None:
    taken = itertools.count()
    found = mapped(square, taken, max_workers=3)
    assert [next(found) for _ in range(5)] == [(n, n * n) for n in range(5)]
    found.close()  # type: ignore[attr-defined]
    assert next(taken) <= 5 + 2 * 3


def test_no_more_run_at_a_time_than_was_said() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def work(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1
        return number

    with ThreadPoolExecutor(16) as pool:
        assert len(list(mapped(work, range(40), max_workers=3, executor=pool))) == 40
    assert most == 3


def test_workers_go_on_while_an_earlier_task_is_slow() -> None:
    begun, go = [threading.Event() for _ in range(4)], threading.Event()

    def work(number: int) -> int:
        begun[number].set()
        if number == 0:
            go.wait(PATIENCE)
        elif number == 3:
            go.set()
        return number

    # Two workers: 1, 2 and 3 one after the other beside 0, which waits for the last.
    started = time.monotonic()
    assert [n for _, n in mapped(work, range(4), max_workers=2)] == [0, 1, 2, 3]
    assert time.monotonic() - started < PATIENCE / 2


def test_ordered_no_more_than_twice_the_workers_are_ahead() -> None:
    go, taken = threading.Event(), itertools.count()

    def work(number: int) -> int:
        return number if number or go.wait(PATIENCE) else -1

    found = mapped(work, taken, max_workers=2)
    threading.Timer(50 * MS, go.set).start()
    assert next(found) == (0, 0)
    assert next(taken) <= 4 + 1
    found.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("ordered", [True, False])
def test_a_task_costs_the_reader_the_same_however_many_run_beside_it(ordered: bool) -> None:
    def calls_each(max_workers: int) -> float:
        """Python calls of the reader's thread for one of 300 tasks, the first of them aside."""
        found = mapped(square, range(400), max_workers=max_workers, ordered=ordered)
        for _ in range(100):
            next(found)
        calls = 0

        def count(frame: object, event: str, argument: object) -> None:
            nonlocal calls
            calls += event == "call"

        sys.setprofile(count)
        try:
            rest = list(found)
        finally:
            sys.setprofile(None)
        assert len(rest) == 300
        return calls / 300

    # It varies with how often the reader waits; looking at each of 64 made it 900 calls.
    assert max(calls_each(1), calls_each(64)) < 20


@pytest.mark.parametrize("ordered", [True, False])
def test_an_outcome_that_was_handed_out_is_not_kept(ordered: bool) -> None:
    class Answer:
        def __init__(self, number: int) -> None:
            self.number = number

    alive: weakref.WeakSet[Answer] = weakref.WeakSet()
    for index, answer in outcomes(
        Answer,
        range(100),
        max_workers=4,
        ordered=ordered,
        rate=None,
        executor=None,
        stop=lambda: None,
    ):
        alive.add(answer)
        del answer
        assert len(alive) <= 2, index


def test_the_rate_bounds_how_often_one_is_started() -> None:
    begun: list[float] = []

    def work(number: int) -> int:
        begun.append(time.monotonic())
        return number

    gap = 30 * MS
    assert len(list(mapped(work, range(6), rate=1 / gap))) == 6
    assert begun[-1] - begun[0] >= 5 * gap * 0.9


def test_a_pause_of_the_reader_is_no_credit_for_a_burst() -> None:
    begun: list[float] = []

    def work(number: int) -> int:
        begun.append(time.monotonic())
        return number

    gap = 30 * MS
    found = mapped(work, range(8), rate=1 / gap, max_workers=8)
    next(found)
    time.sleep(4 * gap)
    assert len(list(found)) == 7
    assert begun[-1] - begun[1] >= 4 * gap * 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_workers": 0}, "max_workers must be 1 or more, got 0"),
        ({"rate": 0.0}, "rate must be tasks per second above 0, got 0.0"),
    ],
)
def test_a_wrong_call_is_refused_at_once(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        mapped(square, range(3), **arguments)  # type: ignore[arg-type]


def test_leaving_the_loop_stops_what_runs_and_starts_no_more() -> None:
    stop, begun = Stop(), []

    def work(number: int) -> int:
        begun.append(number)
        return number if number == 0 else int(stop.called.wait(PATIENCE))

    for _ in mapped(work, itertools.count(), max_workers=2, stop=stop):
        break
    assert stop.called.is_set()
    assert len(begun) <= 4


def test_an_executor_that_is_given_is_left_open() -> None:
    with ThreadPoolExecutor(2) as pool:
        assert len(list(mapped(square, range(5), executor=pool))) == 5
        assert pool.submit(square, 3).result() == 9


def test_an_iterable_that_breaks_is_raised_and_nothing_is_left() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    stop = Stop()
    with pytest.raises(ZeroDivisionError):
        list(mapped(square, broken(), stop=stop))
    assert stop.called.is_set()


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("good", [0, 1, 20])
def test_what_was_started_before_an_iterable_breaks_is_delivered_then_its_error(
    good: int, ordered: bool
) -> None:
    def broken() -> Iterator[int]:
        yield from range(good)
        raise KeyError("row")

    found = []
    with pytest.raises(KeyError, match=r"^'row'$") as caught:
        for each in mapped(square, broken(), ordered=ordered):
            found.append(each)
    assert sorted(found) == [(n, n * n) for n in range(good)]
    assert not ordered or found == sorted(found)
    assert caught.traceback[-1].name == "broken"


def test_what_is_slow_when_an_iterable_breaks_is_waited_for() -> None:
    broke = threading.Event()

    def work(number: int) -> int:
        assert broke.wait(PATIENCE)
        return square(number)

    def broken() -> Iterator[int]:
        yield from range(3)
        broke.set()
        raise OSError("the file is gone")

    outcomes = mapped(work, broken())
    assert [next(outcomes) for _ in range(3)] == [(0, 0), (1, 1), (2, 4)]
    with pytest.raises(OSError, match="the file is gone"):
        next(outcomes)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_while_a_task_is_taken_waits_for_nothing(kind: type[BaseException]) -> None:
    stop = Stop()

    def work(number: int) -> int:
        assert stop.called.wait(PATIENCE)
        return -1

    def interrupted() -> Iterator[int]:
        yield 0
        raise kind

    with pytest.raises(kind):
        next(mapped(work, interrupted(), stop=stop))
    assert stop.called.is_set()


def test_nothing_is_started_before_the_first_outcome_is_asked_for() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        return number

    found = mapped(work, range(3))
    assert begun == []
    assert len(list(found)) == 3
    eventually(lambda: len(begun) == 3)


def test_no_tasks_give_no_outcomes() -> None:
    assert list(mapped(square, ())) == []

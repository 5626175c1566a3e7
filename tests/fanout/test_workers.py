"""When the reader of many lanes is woken, and that nothing waits for it in vain."""

from __future__ import annotations

import threading
import time

import pytest

from g4fsync.fanout import workers as room
from g4fsync.fanout.comparison import Comparison
from g4fsync.fanout.workers import QUEUED_ITEMS, Ended, Workers, lanes_of
from tests.fanout.lanes import Play
from tests.support.timing import FREED, Worker, eventually

LONG = 3600.0  # seconds

pytestmark = pytest.mark.usefixtures("no_leaks")


def read(workers: Workers, looks: list[float] | None = None, lanes: int = 1) -> list[object]:
    """Items until all *lanes* have ended; *looks* gets the time of each wait for a single one."""

    def timeout() -> None:
        if looks is not None:
            looks.append(time.monotonic())

    items: list[object] = []
    for found in workers.items(timeout):
        if found is not None:
            items.append(found[1])
            lanes -= isinstance(found[1], Ended)
            if lanes == 0:
                break
    return items


def begun(*plays: Play) -> Workers:
    workers = Workers(lanes_of([("m", play.stream) for play in plays]))
    for lane in workers._lanes:
        workers.start(lane)
    return workers


def test_a_reader_of_a_flow_is_not_woken_for_each_item(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FLOW_SECONDS", 0.4)
    words = [str(n) for n in range(QUEUED_ITEMS // 2 - 4)]
    steps = [step for word in words for step in (word, 0.001)]
    looks: list[float] = []
    with begun(Play(*steps)) as workers:
        assert read(workers, looks)[:-1] == words
    assert len(looks) <= 5


def test_much_that_comes_wakes_a_reader_of_a_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FLOW_SECONDS", LONG)
    first, words = threading.Event(), [str(n) for n in range(QUEUED_ITEMS // 2)]
    with begun(Play("a", first, *words, LONG)) as workers:
        items = workers.items()
        seen = [next(items)]
        first.set()
        while len(seen) <= len(words):
            seen.append(next(items))
    assert [each and each[1] for each in seen] == ["a", *words]


def test_a_close_wakes_a_reader_of_a_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "FLOW_SECONDS", LONG)
    play = Play("a", 0.001, "b", 0.001, "c", LONG)
    comparison = Comparison([("m", play.stream)])
    reader = Worker(lambda: list(comparison))
    eventually(lambda: play.yielded == 3)
    started = time.monotonic()
    comparison.close()
    reader.finish()
    assert time.monotonic() - started < FREED


def test_lanes_that_wait_for_room_go_on_when_there_is_some() -> None:
    words = [str(n) for n in range(20 * QUEUED_ITEMS)]
    plays = [Play(*words) for _ in range(8)]
    with begun(*plays) as workers:
        eventually(lambda: len(workers._queue) >= 8 * QUEUED_ITEMS, "full")
        seen = read(workers, lanes=8)
    assert len(seen) == 8 * (len(words) + 1)

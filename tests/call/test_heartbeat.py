"""Silence is told in time, and all else is as without it: clocks, errors, leaving."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from g4fsync.call.heartbeat import beats
from g4fsync.errors import Cancelled, DeadlineExceeded, InvalidRequest, StreamInterrupted
from g4fsync.events import Finish, Reasoning
from tests.fanout.lanes import Play
from tests.support.timing import FREED, MS, eventually

NEVER = 3600.0  # seconds; whoever waits them is ended early
SOON = 20 * MS
LONG = 30.0  # seconds that no test waits

pytestmark = pytest.mark.usefixtures("no_leaks")


def test_text_comes_in_order_and_then_it_ends() -> None:
    pieces = [str(n) for n in range(500)]
    play = Play(*pieces, Finish("stop"))
    assert list(play.stream.heartbeat(LONG)) == pieces
    assert play.freed.is_set()
    assert play.stream.result().text == "".join(pieces)


def test_silence_is_none_after_each_interval() -> None:
    go_on = threading.Event()
    play = Play("a", go_on, "b")
    beating = play.stream.heartbeat(SOON)
    assert next(item for item in beating if item is not None) == "a"
    started = time.monotonic()
    assert list(islice(beating, 3)) == [None] * 3
    assert time.monotonic() - started >= 3 * SOON
    go_on.set()
    assert [item for item in beating if item is not None] == ["b"]


def test_thinking_aloud_is_silence_for_who_wants_text() -> None:
    thoughts = [Reasoning("hm")] * 100
    steps: list[Any] = [step for thought in thoughts for step in (thought, 2 * MS)]
    assert None in list(Play(*steps, "a").stream.heartbeat(SOON))
    assert list(beats(Play(*thoughts, "a").stream, LONG)) == [*thoughts, "a"]


def test_the_caller_s_own_time_is_no_silence() -> None:
    beating = Play("a", "b").stream.heartbeat(SOON)
    for expected in ("a", "b"):
        item = next(beating)
        while item is None:
            item = next(beating)
        assert item == expected
        time.sleep(2 * SOON)
    assert [item for item in beating if item is not None] == []


def test_nothing_is_read_ahead_so_the_clocks_know_whose_time_it_is() -> None:
    play = Play("a", "b")
    beating = play.stream.heartbeat(LONG)
    assert next(beating) == "a"
    time.sleep(SOON)
    assert play.yielded == 0
    beating.close()  # type: ignore[attr-defined]  # it is a generator


def test_an_error_is_raised_where_it_is_iterated() -> None:
    play = Play("a", StreamInterrupted("cut"))
    beating = play.stream.heartbeat(LONG)
    assert next(beating) == "a"
    with pytest.raises(StreamInterrupted, match="cut") as caught:
        next(beating)
    assert caught.value.partial == "a"
    assert list(beating) == []
    with pytest.raises(StreamInterrupted):
        play.stream.result()


def test_what_is_no_error_of_ours_is_raised_too() -> None:
    with pytest.raises(ZeroDivisionError):
        list(Play(ZeroDivisionError()).stream.heartbeat(LONG))


def test_the_clocks_hold_while_it_beats() -> None:
    play = Play("a", NEVER, timeout=100 * MS)
    with pytest.raises(DeadlineExceeded) as caught:
        list(play.stream.heartbeat(SOON))
    assert (caught.value.clock, caught.value.partial) == ("total", "a")


def test_cancelling_from_another_thread_ends_it_at_once() -> None:
    play = Play("a", NEVER)
    beating = play.stream.heartbeat(LONG)
    assert next(beating) == "a"
    timer = threading.Timer(SOON, play.stream.cancel)
    timer.start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        next(beating)
    assert time.monotonic() - started < SOON + FREED
    timer.join()


@pytest.mark.parametrize("how", ["break", "close", "drop", "close the stream"])
def test_leaving_in_the_middle_of_silence_frees_the_connection(how: str) -> None:
    play = Play("a", NEVER)
    beating: Any = play.stream.heartbeat(SOON)
    for item in beating:
        if item is None and play.yielded == 1:
            break
    started = time.monotonic()
    if how == "close":
        beating.close()
    elif how == "close the stream":
        play.stream.close()
        with pytest.raises(Cancelled):
            list(beating)
    del beating
    assert time.monotonic() - started < FREED
    assert play.freed.wait(FREED)
    with pytest.raises(Cancelled):
        play.stream.result()


def test_a_generator_in_a_circle_is_collected_in_whatever_thread() -> None:
    play = Play("a", NEVER)
    circle: list[Any] = [play.stream.heartbeat(SOON)]
    circle.append(circle)
    assert next(circle[0]) in ("a", None)
    del circle
    gc.collect()
    assert play.freed.wait(FREED)


def test_leaving_before_the_first_item_starts_nothing() -> None:
    play = Play("a")
    beating: Iterator[str | None] = play.stream.heartbeat(LONG)
    del beating
    assert not play.begun.is_set()
    assert list(play.stream) == ["a"]


def test_reading_goes_on_where_another_reader_stopped() -> None:
    play = Play("a", "b", "c")
    assert next(play.stream) == "a"
    assert list(play.stream.heartbeat(LONG)) == ["b", "c"]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "15", None, True])
def test_a_wrong_interval_is_refused_at_once(seconds: Any) -> None:
    play = Play("a")
    with pytest.raises(InvalidRequest, match="heartbeat must be seconds above 0, got "):
        play.stream.heartbeat(seconds)
    assert not play.begun.is_set()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_in_a_forked_child_it_belongs_to_the_parent() -> None:
    play = Play("a", NEVER)
    beating = play.stream.heartbeat(SOON)
    while next(beating) is not None:
        pass
    eventually(lambda: play.yielded == 1)
    assert next(beating) is None  # the reading thread waits inside
    child = os.fork()
    if child == 0:  # pragma: no cover - in the child
        try:
            for _ in range(100):
                next(beating)
        except Cancelled as error:
            os._exit(7 if "parent process" in str(error) else 8)
        finally:
            os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    play.stream.close()

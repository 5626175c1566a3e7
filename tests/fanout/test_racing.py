"""One answer of several: who wins, who loses, and what is told about it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from g4fsync.call.stream import ChatStream
from g4fsync.errors import AllFailed, Cancelled, DeadlineExceeded, InvalidRequest, ServerError
from g4fsync.events import Attempt, Finish, Reasoning, Text
from g4fsync.fanout.racing import Until, race
from g4fsync.messages import ChatResult
from tests.fanout.lanes import Play
from tests.support.timing import FREED, MS, PATIENCE, Worker

NEVER = 3600.0
FAILED = Attempt(1, "p", "m", "connect", 0.1, ServerError("once"))

pytestmark = pytest.mark.usefixtures("no_leaks")


def raced(
    *plays: Play,
    until: Until = "first_token",
    hedge_after: float | None = None,
    total: float | None = None,
) -> ChatStream:
    streams = [("m", play.stream) for play in plays]
    return race(streams, total=total, until=until, hedge_after=hedge_after)


# -- who wins ---------------------------------------------------------------


@pytest.mark.parametrize("until", ["first_token", "complete", lambda result: True])
def test_the_fastest_wins_wherever_it_stands(until: Until) -> None:
    for order in (1, -1):
        fast, slow = Play("fast", "er", Finish("stop"), name="f"), Play(NEVER, "slow", name="s")
        stream = raced(*[fast, slow][::order], until=until)
        assert list(stream) == ["fast", "er"]
        assert (stream.provider, stream.finish_reason) == ("f", "stop")
        assert slow.freed.is_set() or not slow.begun.is_set()


def test_a_failed_attempt_is_no_token() -> None:
    go = threading.Event()
    retrying, other = Play(FAILED, go, "late", name="r"), Play(FAILED, "won", name="w")
    stream = raced(retrying, other)
    assert list(stream.events()) == [FAILED, Text("won")]
    assert stream.provider == "w"


def test_thinking_aloud_is_a_token() -> None:
    stream = raced(Play(Reasoning("hm"), 0.02, "a"), Play(NEVER))
    assert stream.result().reasoning == "hm"
    assert stream.text == "a"


def test_the_first_complete_answer_wins_though_another_spoke_first() -> None:
    spoke = threading.Event()
    early, whole = Play("I", NEVER, name="early"), Play(spoke, "Done", name="whole")
    stream = raced(early, whole, until="complete")
    worker = Worker(stream.result)
    assert early.begun.wait(PATIENCE)
    spoke.set()
    assert worker.result().text == "Done"
    assert stream.provider == "whole"


def test_a_predicate_refuses_answers() -> None:
    short, long = Play("no", name="short"), Play(0.02, "good enough", name="long")
    stream = raced(short, long, until=lambda result: len(result.text) > 5)
    assert str(stream.result()) == "good enough"
    assert stream.provider == "long"


def test_a_predicate_that_refuses_all_is_a_failure_that_keeps_the_answers() -> None:
    with pytest.raises(AllFailed) as caught:
        raced(Play("no"), Play("nor this"), until=lambda result: False).result()
    assert [error.partial for error in caught.value.errors] == ["no", "nor this"]
    assert "its answer was not accepted" in str(caught.value)


def test_a_predicate_that_breaks_is_raised() -> None:
    def broken(result: ChatResult) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        raced(Play("a"), Play(NEVER), until=broken).result()


def test_the_first_to_fail_does_not_end_the_race() -> None:
    stream = raced(Play(ServerError("oh")), Play(0.02, "a", "b"))
    assert list(stream) == ["a", "b"]


def test_all_failing_is_told_in_one_line_each() -> None:
    first, second = ServerError("oh\nno"), ServerError("ah")
    first.model = second.model = "m"
    with pytest.raises(AllFailed) as caught:
        raced(Play(first, name="one"), Play(0.01, second, name="two")).result()
    assert caught.value.errors == (first, second)
    assert str(caught.value).splitlines() == [
        "none of 2 models won",
        "- one:m: ServerError: oh no",
        "- two:m: ServerError: ah",
    ]


def test_a_winner_that_breaks_is_an_error_with_its_part() -> None:
    stream = raced(Play("a", ServerError("oh")), Play(NEVER))
    with pytest.raises(ServerError) as caught:
        list(stream)
    assert caught.value.partial == "a"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"until": "last"}, 'until is "first_token", "complete" or a predicate'),
        ({"hedge_after": -1.0}, "hedge_after must be seconds from 0, got -1.0"),
    ],
)
def test_a_wrong_call_is_refused_at_once(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        raced(Play("a"), **arguments)  # type: ignore[arg-type]


# -- hedging ----------------------------------------------------------------


def test_a_hedge_is_not_started_when_the_first_is_in_time() -> None:
    first, second = Play("a", "b"), Play("c")
    stream = raced(first, second, hedge_after=NEVER)
    assert list(stream) == ["a", "b"]
    assert not second.begun.is_set()
    assert stream.losers == ()


def test_a_hedge_is_started_when_the_first_is_late() -> None:
    first, second, third = Play(NEVER), Play("b"), Play("c")
    begun = time.monotonic()
    stream = raced(first, second, third, hedge_after=100 * MS)
    assert list(stream) == ["b"]
    assert time.monotonic() - begun >= 100 * MS
    assert first.freed.is_set()
    assert not third.begun.is_set()


def test_a_hedge_is_started_at_once_when_the_first_has_failed() -> None:
    begun = time.monotonic()
    assert list(raced(Play(ServerError("oh")), Play("b"), hedge_after=NEVER)) == ["b"]
    assert time.monotonic() - begun < FREED


# -- how it ends ------------------------------------------------------------


def ended(stream: ChatStream, end: Callable[[], None], plays: list[Play]) -> Worker[list[str]]:
    worker = Worker(lambda: list(stream))
    assert all(play.begun.wait(PATIENCE) for play in plays)
    end()
    worker.finish()
    assert all(play.freed.wait(PATIENCE) for play in plays)
    return worker


def test_another_thread_cancels_the_race_before_anybody_has_won() -> None:
    plays = [Play(NEVER), Play(NEVER)]
    stream = raced(*plays)
    started = time.monotonic()
    ended(stream, stream.cancel, plays).failure(Cancelled)
    assert time.monotonic() - started < FREED


def test_another_thread_cancels_the_winner() -> None:
    play = Play("a", NEVER)
    stream = raced(play, Play(NEVER))
    error = ended(stream, stream.cancel, [play]).failure(Cancelled)
    assert isinstance(error, Cancelled)
    assert error.partial in ("", "a")


def test_leaving_the_loop_ends_the_winner_too() -> None:
    plays = [Play("a", NEVER), Play(NEVER)]
    for _ in raced(*plays):
        break
    assert all(play.freed.is_set() for play in plays if play.begun.is_set())


def test_dropping_the_stream_ends_all() -> None:
    plays = [Play("a", NEVER), Play(NEVER)]
    stream = raced(*plays)
    next(stream)
    del stream
    assert plays[0].freed.wait(PATIENCE)


def test_the_total_clock_is_the_race_s() -> None:
    with pytest.raises(DeadlineExceeded) as caught:
        raced(Play(NEVER), Play(NEVER), total=50 * MS).result()
    assert caught.value.clock == "total"

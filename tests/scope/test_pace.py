from __future__ import annotations

import threading
from typing import Any

import pytest

from g4fsync.errors import Cancelled, InvalidRequest
from g4fsync.ratelimits import RateLimit, RateLimits
from g4fsync.scope import CancelScope, pace as module
from g4fsync.scope.pace import Pace
from g4fsync.scope.windows import SHARE
from g4fsync.settings import Budget, Rate

from .simulated_server import Clock, SimulatedServer


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


def starts(pace: Pace, clock: Clock, count: int, **call: Any) -> list[float]:
    """When *count* calls start that come as early as they may."""
    times = []
    for _ in range(count):
        clock.now += pace.delay(**call)
        pace.start(**call)
        times.append(clock.now)
    return times


def most_in_a_window(times: list[float], seconds: float) -> int:
    return max(sum(start <= each < start + seconds for each in times) for start in times)


@pytest.mark.parametrize(("requests", "per"), [(5, 1.0), (30, 60.0), (500, 60.0), (100, 2.0)])
def test_no_window_holds_more_requests_than_the_rate(
    clock: Clock, requests: int, per: float
) -> None:
    times = starts(Pace(Rate(requests=requests, per=per)), clock, 4 * requests)
    assert most_in_a_window(times, per) <= requests
    assert (len(times) - 1) / (times[-1] - times[0]) >= 0.96 * requests / per


def test_no_window_holds_more_tokens_than_the_rate(clock: Clock) -> None:
    pace = Pace(Rate(tokens=10_000, per=10.0))
    costs: list[tuple[float, int]] = []
    for i in range(600):
        clock.now += pace.delay(100)
        turn = pace.start(100)
        received = 50 + i % 100
        costs.append((clock.now, 30 + received))
        pace.settle(turn, 30, received)
    # Those before are what it learns from.
    known = costs[200:]
    sums = [sum(n for when, n in known if t <= when < t + 10) for t, _ in known]
    assert max(sums) <= 10_000
    assert sum(n for _, n in known) / (known[-1][0] - known[0][0]) >= 0.95 * 1000


def test_a_late_start_is_made_up_for(clock: Clock) -> None:
    pace = Pace(Rate(requests=100, per=100.0))
    starts(pace, clock, 10)
    clock.now += pace.delay() + 0.4
    pace.start()
    # Due 1 / SHARE after the time it should have started, not after the time it did.
    assert pace.delay() == pytest.approx(1 / SHARE - 0.4)


def test_nothing_starts_between_what_is_left_and_the_reset(clock: Clock) -> None:
    pace = Pace()
    for left in (3, 2, 1):
        assert pace.delay() == 0
        pace.heard(pace.start(), RateLimits(requests=RateLimit(10, left, 5.0)))
    pace.start()
    assert pace.delay() == pytest.approx(5.02)
    clock.now += 5.03
    times = starts(pace, clock, 10)
    assert times[8] == times[0]  # a full window again, but for the one nobody has told of
    assert times[9] == pytest.approx(times[0] + 5)


def test_calls_the_server_had_not_counted_yet_are_taken_off(clock: Clock) -> None:
    pace = Pace()
    first, _, _ = pace.start(), pace.start(), pace.start()
    pace.heard(first, RateLimits(requests=RateLimit(10, 2, 5.0)))
    assert pace.delay() == pytest.approx(5.02)


def test_a_limit_without_a_reset_ends_with_its_window(clock: Clock) -> None:
    pace = Pace()
    pace.heard(pace.start(), RateLimits(requests=RateLimit(2, 1, None, 60.0)))
    clock.now += 20
    pace.heard(pace.start(), RateLimits(requests=RateLimit(2, 0, None, 60.0)))
    assert pace.delay() == pytest.approx(40.0)


def test_tokens_that_are_left_hold_back_too(clock: Clock) -> None:
    pace = Pace()
    turn = pace.start(100)
    pace.settle(turn, 100, 100)
    pace.heard(turn, RateLimits(tokens=RateLimit(1000, 50, 3.0)))
    assert pace.delay(100) == pytest.approx(3.02)


def test_a_call_larger_than_the_limit_does_not_wait_for_ever(clock: Clock) -> None:
    pace = Pace()
    pace.heard(pace.start(), RateLimits(tokens=RateLimit(100, 100, 3.0)))
    assert pace.delay(100_000) == 0.0


def test_a_limit_of_none_is_no_limit(clock: Clock) -> None:
    pace, began = Pace(), clock.now
    for _ in range(20):
        clock.now += pace.delay()
        turn = pace.start()
        pace.heard(turn, RateLimits(requests=RateLimit(0, 0, 1.0)))
        clock.now += 0.5
    assert clock.now - began < 30


def test_a_refusal_pauses_for_as_long_as_it_asks(clock: Clock) -> None:
    pace = Pace()
    pace.refused(pace.start(), 7.0, None)
    assert pace.delay() >= 7.0
    assert pace.paused_for == pytest.approx(7.0)


def test_without_a_wait_the_pauses_grow_until_there_is_an_answer(clock: Clock) -> None:
    pace, pauses = Pace(Rate(requests=1e9)), []
    for _ in range(8):
        turn = pace.start()
        pace.refused(turn, None, None)
        pauses.append(pace.delay())
        clock.now += pace.delay()
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30])
    pace.heard(pace.start(), None)
    pace.refused(pace.start(), None, None)
    assert pace.delay() == pytest.approx(0.5)


def test_refusals_of_calls_that_were_under_way_count_once(clock: Clock) -> None:
    pace = Pace(Rate(requests=1e9))
    for turn in [pace.start() for _ in range(5)]:
        pace.refused(turn, None, None)
    assert pace.delay() == pytest.approx(0.5)


def test_a_refusal_that_tells_its_limits_waits_for_the_reset(clock: Clock) -> None:
    pace = Pace()
    pace.refused(pace.start(), None, RateLimits(requests=RateLimit(10, 0, 9.0)))
    assert pace.delay() == pytest.approx(9.02)


def test_without_rate_or_headers_a_rate_is_found_by_trial(clock: Clock) -> None:
    """A server that lets 10 a second through: most of it is used, and few are refused."""
    pace = Pace()
    allowed: list[float] = []
    refused, begun = 0, clock.now
    while clock.now < begun + 200:
        clock.now += max(pace.delay(), 0.001)
        turn = pace.start()
        if sum(when > clock.now - 1 for when in allowed[-10:]) >= 10:
            refused += clock.now > begun + 20
            pace.refused(turn, None, None)
        else:
            allowed.append(clock.now)
            pace.heard(turn, None)
    late = [when for when in allowed if when > begun + 20]
    assert len(late) > 0.75 * 1800
    assert refused < 0.02 * len(late)


@pytest.mark.parametrize(("tells", "is_given"), [(True, False), (False, True), (True, True)])
@pytest.mark.parametrize("slides", [True, False])
@pytest.mark.parametrize(
    ("limit", "per", "latency", "workers"),
    [(10, 1.0, 0.1, 4), (80, 2.0, 0.05, 16), (80, 2.0, 1.0, 64), (10, 1.0, 1.0, 64)],
)
def test_a_limit_is_used_and_nobody_is_refused(
    clock: Clock,
    limit: int,
    per: float,
    latency: float,
    workers: int,
    slides: bool,
    tells: bool,
    is_given: bool,
) -> None:
    """By what the server tells in its headers, or by a rate that was given."""
    server = SimulatedServer(clock, limit, per, latency, slides=slides, tells=tells)
    pace = Pace(Rate(requests=limit, per=per) if is_given else None)
    server.ask(pace, workers, seconds=60)
    warm = [when for when in server.allowed if when >= server.began + 20]
    assert len(warm) / 40 >= 0.95 * limit / per
    late = [when for when in server.refused if when >= server.began + per]
    assert late == []


@pytest.mark.parametrize("slides", [True, False])
def test_a_rate_that_nobody_tells_is_found(clock: Clock, slides: bool) -> None:
    server = SimulatedServer(clock, 80, 2.0, 0.05, slides=slides, tells=False)
    server.ask(Pace(), 16, seconds=120)
    warm = [when for when in server.allowed if when >= server.began + 20]
    assert len(warm) / 100 >= 0.85 * 40
    assert len(server.refused) <= 0.015 * len(server.allowed)


def test_one_refusal_does_not_keep_a_limit_from_being_spread_again(clock: Clock) -> None:
    server = SimulatedServer(clock, 80, 2.0, 0.05, slides=True, tells=True)
    pace = Pace()
    server.ask(pace, 16, seconds=20)
    pace.refused(pace.start(10), 1.0, None)
    server.ask(pace, 16, seconds=60)
    warm = [when for when in server.allowed if when >= server.began + 50]
    assert len(warm) / 30 >= 0.95 * 40
    assert server.refused == []


def test_a_limit_that_others_use_too_is_not_spread(clock: Clock) -> None:
    """What is left falls faster than by our calls: then it counts, and not what was learnt."""
    server = SimulatedServer(clock, 40, 2.0, 0.05, slides=True, tells=True)
    pace = Pace()
    server.ask(pace, 8, seconds=30)
    assert server.refused == []
    server.others_use(0.5)
    server.ask(pace, 8, seconds=60)
    assert len(server.refused) <= 16  # once those under way, and those that found it out


def test_who_waits_is_served_in_order(clock: Clock) -> None:
    pace = Pace(Rate(requests=1, per=0.01))
    assert pace.admit(CancelScope(), 10, None).cost["requests"] == 1.0
    assert pace.delay() > 0


def test_who_waits_can_be_cancelled() -> None:
    pace, scope = Pace(Rate(requests=1, per=1000)), CancelScope()
    pace.admit(scope, 0, None)
    threading.Timer(0.05, scope.cancel).start()
    with pytest.raises(Cancelled):
        pace.admit(scope, 0, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "a rate needs requests or tokens"),
        ({"requests": 0}, "rate requests must be a number above 0, got 0"),
        ({"tokens": "many"}, "rate tokens must be a number above 0, got 'many'"),
        ({"requests": 1, "per": 0}, "rate per must be seconds above 0, got 0"),
    ],
)
def test_a_wrong_rate_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Rate(**arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "a budget needs tokens, calls or usd"),
        ({"tokens": 1.5}, "budget tokens must be a whole number above 0, got 1.5"),
        ({"calls": True}, "budget calls must be a whole number above 0, got True"),
        ({"usd": -1}, "budget usd must be a number above 0, got -1"),
    ],
)
def test_a_wrong_budget_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Budget(**arguments)
    assert str(caught.value) == message

"""compare, race and fallback over real sockets, against servers that misbehave."""

from __future__ import annotations

import random
import resource
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from g4fsync import (
    AllFailed,
    AuthenticationError,
    Cancelled,
    CaptchaRequired,
    ChatResult,
    Client,
    ConnectionFailed,
    DeadlineExceeded,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    RateLimited,
    ServerError,
    StreamInterrupted,
    StreamTruncated,
    Timeout,
)
from g4fsync.emulator import (
    Challenge,
    Cut,
    Emulator,
    Garbage,
    HangBeforeHeaders,
    NoEndMark,
    Pace,
    Plan,
    Refuse,
    Stall,
    Status,
)
from g4fsync.providers.koala import Koala
from g4fsync.registry import ProviderSpec
from tests.fanout.conftest import ONCE
from tests.support.leaks import Census, sockets
from tests.support.timing import MS, eventually

SEEN = 300 * MS  # how soon a loser's server must have seen the end
RACE = 1000 * MS  # 0.2 s when idle; the loser would take 5 s


def told(*words: str) -> str:
    return "You said: " + " ".join(words)


# -- compare ----------------------------------------------------------------


def test_models_and_provider_objects_are_compared_by_their_labels(
    client: Client, emulator: Emulator
) -> None:
    made = Koala(emulator.base_urls["koala"])
    models: list[ProviderSpec] = ["koala", made, Koala, "koala:gpt-4o", "flowgpt"]
    with client.compare("Hi", models) as comparison:
        assert list(comparison.lanes) == ["koala", "koala#2", "koala#3", "koala:gpt-4o", "flowgpt"]
        results = comparison.results
    assert [str(result) for result in results] == [told("Hi")] * 5
    assert [r.model for r in results] == ["gpt-4o-mini"] * 3 + ["gpt-4o", "gpt-3.5-turbo"]


@pytest.mark.parametrize("models", [[], "koala"])
def test_models_are_a_list_of_one_or_more(client: Client, models: list[str]) -> None:
    with pytest.raises(InvalidRequest, match="models must be a list of one model or more"):
        client.compare("Hi", models)


def test_the_total_clock_is_shared_by_all_lanes(client: Client, emulator: Emulator) -> None:
    emulator.koala.fault = HangBeforeHeaders()
    started = time.monotonic()
    results = client.compare("Hi", ["koala"] * 4, timeout=200 * MS, max_workers=1).results
    assert time.monotonic() - started < 700 * MS  # one after the other, 800
    assert [type(result) for result in results] == [DeadlineExceeded] * 4
    assert all(r.clock == "total" for r in results if isinstance(r, DeadlineExceeded))


def test_the_total_clock_starts_with_the_first_item(client: Client) -> None:
    comparison = client.compare("Hi", ["koala"], timeout=500 * MS)
    race = client.race("Hi", ["koala"], timeout=500 * MS)
    time.sleep(550 * MS)
    assert [str(result) for result in comparison.results] == [told("Hi")]
    assert str(race.result()) == told("Hi")


def test_an_executor_of_the_caller_s_own_serves_them_all(client: Client) -> None:
    with ThreadPoolExecutor(2) as pool:
        results = client.compare("Hi", ["koala", "flowgpt"], executor=pool).results
        assert str(client.race("Hi", ["koala", "flowgpt"], executor=pool).result()) == told("Hi")
        assert list(map(str, client.map(["a", "b"], "koala", executor=pool))) == [
            told("a"),
            told("b"),
        ]
    assert list(map(str, results)) == [told("Hi")] * 2


def test_closing_the_client_ends_a_comparison(client: Client, emulator: Emulator) -> None:
    emulator.koala.fault = HangBeforeHeaders()
    comparison = client.compare("Hi", ["koala"] * 3)
    threading.Timer(50 * MS, client.close).start()
    assert [type(result) for result in comparison.results] == [Cancelled] * 3


def test_closing_the_client_closes_idle_connections_whatever_errors_are_kept(
    emulator: Emulator,
) -> None:
    emulator.koala.fault = Status(500)
    with Client(base_urls=emulator.base_urls, retry=ONCE) as client:
        before = sockets()
        errors = client.compare("Hi", ["koala"] * 4).results
        assert sockets() != before
    eventually(lambda: sockets() <= before)
    assert [type(error) for error in errors] == [ServerError] * 4


FAULTS: list[tuple[Plan, type[G4FSyncError]]] = [
    (Status(500), ServerError),
    (Status(429), RateLimited),
    (Status(400), ProviderError),
    (Status(401), AuthenticationError),
    (Challenge(), CaptchaRequired),
    (Refuse(), ConnectionFailed),
    (Cut(20), StreamInterrupted),
    (Cut(20, reset=True), StreamInterrupted),
    (Garbage(20), ProtocolError),
    (NoEndMark(), StreamTruncated),
    (Stall(20), DeadlineExceeded),
]


def test_64_lanes_half_of_them_faulty(client: Client, emulator: Emulator) -> None:
    words = [str(n) for n in range(40)]
    emulator.koala.pace = Pace(tokens_per_second=400)
    census = Census()
    with Emulator() as broken:
        cycle = [FAULTS[n % len(FAULTS)] for n in range(32)]
        broken.koala.faults = [fault for fault, _ in cycle]
        faulty = Koala(broken.base_urls["koala"])
        models = [lane for _ in range(32) for lane in ("koala", faulty)]
        comparison = client.compare(" ".join(words), models, timeout=Timeout(idle=500 * MS))
        tokens: dict[str, list[str]] = {lane: [] for lane in comparison.lanes}
        with comparison:
            for lane, chunk in comparison:
                tokens[lane].append(chunk)
        errors = comparison.results[1::2]
    expected = ["You", " said:", *(f" {word}" for word in words)]
    assert [tokens[lane] for lane in comparison.lanes[::2]] == [expected] * 32
    assert all(isinstance(result, ChatResult) for result in comparison.results[::2])
    assert Counter(map(type, errors)) == Counter(kind for _, kind in cycle)
    client.close()
    eventually(lambda: not census.newcomers(), str(census.newcomers()))


def lanes_ended_at_random(client: Client, seed: int, count: int) -> None:
    """Open *count* lanes, end each at a moment of its own, and leave in the middle."""
    chance = random.Random(seed)
    comparison = client.compare("one two three four five six", ["koala"] * count)
    doom = sorted((chance.uniform(0, 0.1), lane.position) for lane in comparison.lanes)
    begun = threading.Event()

    def cancel_all() -> None:
        begun.wait()
        started = time.monotonic()
        for moment, position in doom[: -max(1, count // 10)]:
            time.sleep(max(0.0, started + moment - time.monotonic()))
            comparison.lanes[position].stream.cancel()

    killer = threading.Thread(target=cancel_all)
    killer.start()
    with comparison:
        begun.set()
        leave_after = chance.randrange(count)
        for seen, _ in enumerate(comparison):
            if seen > leave_after:
                break
    killer.join()
    assert all(lane.result is not None for lane in comparison.lanes)


@pytest.mark.parametrize(
    ("rounds", "lanes"),
    [(2, 100), *(pytest.param(*each, marks=pytest.mark.slow) for each in ((10, 100), (1, 1000)))],
)
def test_1000_lanes_opened_and_cancelled_at_random_leave_nothing(
    emulator: Emulator, rounds: int, lanes: int
) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 5 * lanes:
        pytest.skip(f"too few file descriptors for {lanes} lanes and their servers")
    emulator.koala.pace = Pace(tokens_per_second=100, jitter=0.9)
    census = Census()
    for seed in range(rounds):
        with Client(base_urls=emulator.base_urls) as client:
            lanes_ended_at_random(client, seed, lanes)
        emulator.koala.wait_ended(seconds=20)
        emulator.clear()
    eventually(lambda: not census.newcomers())


# -- race -------------------------------------------------------------------


@pytest.mark.parametrize("until", ["first_token", "complete"])
@pytest.mark.parametrize(
    "models", [["koala", "flowgpt"], ["flowgpt", "koala"]], ids=["fast-first", "slow-first"]
)
def test_200_ms_against_5_s(
    client: Client, emulator: Emulator, models: list[str], until: str
) -> None:
    emulator.koala.latency, emulator.flowgpt.latency = 0.2, 5.0
    started = time.monotonic()
    stream = client.race("Hi", models, until=until)  # type: ignore[arg-type]
    assert str(stream.result()) == told("Hi")
    ended = time.monotonic()
    assert ended - started < RACE
    assert (stream.provider, stream.model) == ("koala", "gpt-4o-mini")
    assert stream.first_token_seconds is not None
    assert 0.2 <= stream.first_token_seconds < RACE
    (loser,) = emulator.flowgpt.wait_ended()
    assert loser.ended == "client gone"
    assert loser.ended_at is not None
    assert loser.ended_at - ended < SEEN
    (attempt,) = stream.losers
    assert (attempt.provider, attempt.phase) == ("flowgpt", "first_token")
    assert isinstance(attempt.error, Cancelled)


def test_the_loser_is_shut_at_the_winner_s_first_token_not_at_its_end(
    client: Client, emulator: Emulator
) -> None:
    emulator.koala.pace, emulator.flowgpt.latency = Pace(10), 5.0
    stream = client.race("one two three four five six seven", ["koala", "flowgpt"])
    next(stream)
    first = time.monotonic()
    (loser,) = emulator.flowgpt.wait_ended()
    assert loser.ended_at is not None
    assert loser.ended_at - first < SEEN
    assert stream.finish_reason is None
    assert len(stream.result().text.split()) == 9


def test_the_first_failing_costs_no_time(client: Client, emulator: Emulator) -> None:
    emulator.koala.latency, emulator.flowgpt.latency = 0.2, 5.0
    refused = Koala(emulator.refusing_url)
    started = time.monotonic()
    stream = client.race("Hi", [refused, "flowgpt", "koala"])
    assert str(stream.result()) == told("Hi")
    assert time.monotonic() - started < RACE
    kinds = {type(attempt.error) for attempt in stream.losers}
    assert kinds == {ConnectionFailed, Cancelled}


def test_all_failing_is_one_error_with_a_line_each(client: Client, emulator: Emulator) -> None:
    emulator.flowgpt.fault = Status(400, message="no\nway")
    started = time.monotonic()
    with pytest.raises(AllFailed) as caught:
        client.race("Hi", [Koala(emulator.refusing_url), "flowgpt"]).result()
    assert time.monotonic() - started < RACE
    assert list(map(type, caught.value.errors)) == [ConnectionFailed, ProviderError]
    head, refused, said_no = str(caught.value).splitlines()
    assert head == "none of 2 models won"
    assert refused.startswith("- koala:gpt-4o-mini (connect, 0.")
    assert "s): ConnectionFailed: connection to 127.0.0.1:" in refused
    assert said_no.startswith("- flowgpt:gpt-3.5-turbo (first_token, 0.")


def test_a_hedge_asks_nobody_in_vain(client: Client, emulator: Emulator) -> None:
    assert str(client.race("Hi", ["koala", "flowgpt"], hedge_after=60.0).result()) == told("Hi")
    assert emulator.flowgpt.requests == []


def test_a_hedge_steps_in_for_a_silent_server(client: Client, emulator: Emulator) -> None:
    emulator.koala.fault = HangBeforeHeaders()
    stream = client.race("Hi", ["koala", "flowgpt"], hedge_after=100 * MS)
    assert str(stream.result()) == told("Hi")
    assert stream.provider == "flowgpt"
    assert 100 * MS <= stream.seconds < RACE


# -- fallback ---------------------------------------------------------------


@pytest.fixture
def falling_back(emulator: Emulator, client: Client) -> Client:
    return Client("koala", fallback=["flowgpt"], base_urls=emulator.base_urls, retry=client.retry)


def test_the_next_model_is_asked_when_one_fails(falling_back: Client, emulator: Emulator) -> None:
    emulator.koala.fault = Status(500)
    stream = falling_back.chat("Hi")
    assert str(stream.result()) == told("Hi")
    assert stream.provider == "flowgpt"
    assert [type(attempt.error) for attempt in stream.attempts] == [ServerError, type(None)]


def test_the_next_model_is_not_asked_once_a_token_was_delivered(
    falling_back: Client, emulator: Emulator
) -> None:
    emulator.koala.fault = Cut(after_bytes=40)
    with pytest.raises(StreamInterrupted) as caught:
        falling_back.ask("one two three")
    assert caught.value.partial == "You said:"
    assert emulator.flowgpt.requests == []


def test_all_models_failing_is_told_in_one_line_each(
    falling_back: Client, emulator: Emulator
) -> None:
    emulator.koala.fault, emulator.flowgpt.fault = Status(500), Status(429)
    with pytest.raises(AllFailed) as caught:
        falling_back.ask("Hi")
    assert list(map(type, caught.value.errors)) == [ServerError, RateLimited]
    head, *lines = str(caught.value).splitlines()
    assert head == "none of 2 models answered"
    assert [line.split(" (first_token, ")[0] for line in lines] == [
        "- koala:gpt-4o-mini",
        "- flowgpt:gpt-3.5-turbo",
    ]


# -- map --------------------------------------------------------------------


def test_each_prompt_is_asked_of_each_model_and_errors_are_values(
    client: Client, emulator: Emulator
) -> None:
    emulator.flowgpt.fault = Status(400)
    results = list(client.map(["a", "", "b"], ["koala", "flowgpt"]))
    kinds = [type(result).__name__ for result in results]
    assert kinds == ["ChatResult", "ProviderError", *["InvalidRequest"] * 2] + kinds[:2]
    assert [str(results[0]), str(results[4])] == [told("a"), told("b")]


def test_an_endless_map_is_left_and_frees_everything(client: Client, emulator: Emulator) -> None:
    emulator.koala.faults = [None, *[HangBeforeHeaders()] * 20]
    census, asked = Census(), 0

    def endless() -> Iterator[str]:
        nonlocal asked
        while True:
            asked += 1
            yield f"prompt {asked}"

    started = time.monotonic()
    for index, result in client.map(endless(), "koala", max_workers=4, ordered=False):
        assert str(result) == told(f"prompt {index + 1}")
        break
    assert time.monotonic() - started < RACE
    assert asked <= 8
    client.close()
    eventually(lambda: not census.newcomers())


def test_an_endless_map_ends_when_the_client_is_closed(client: Client) -> None:
    outcomes = client.map(iter(lambda: "Hi", None), "koala")
    next(outcomes)
    client.close()
    with pytest.raises(G4FSyncError, match="the client is closed"):
        for _ in range(100):
            next(outcomes)


# -- limits -----------------------------------------------------------------


def most_at_a_time(emulator: Emulator) -> int:
    records = emulator.koala.wait_ended()
    events = sorted(
        [(r.started_at, 1) for r in records] + [(r.ended_at or 0.0, -1) for r in records]
    )
    running = most = 0
    for _, change in events:
        running += change
        most = max(most, running)
    return most


def test_a_server_that_can_do_one_at_a_time_is_asked_one_at_a_time(
    emulator: Emulator, client: Client
) -> None:
    emulator.koala.latency = 0.02
    with Client(base_urls=emulator.base_urls, max_concurrent={"Koala": 1}) as limited:
        results = limited.compare("Hi", ["koala"] * 6 + ["flowgpt"]).results
        assert list(map(str, results)) == [told("Hi")] * 7
        assert most_at_a_time(emulator) == 1
        other = Koala(emulator.base_urls["koala"])
        emulator.clear()
        assert len(limited.compare("Hi", [other, "koala", Koala]).results) == 3
        assert most_at_a_time(emulator) == 1
    emulator.clear()
    assert len(client.compare("Hi", ["koala"] * 6).results) == 6
    assert most_at_a_time(emulator) > 1


def test_a_lane_waiting_for_its_turn_can_be_cancelled(emulator: Emulator) -> None:
    emulator.koala.fault = HangBeforeHeaders()
    with Client(base_urls=emulator.base_urls, max_concurrent={"koala": 1}) as limited:
        comparison = limited.compare("Hi", ["koala"] * 4)
        threading.Timer(100 * MS, comparison.close).start()
        assert [type(result) for result in comparison.results] == [Cancelled] * 4
    assert len(emulator.koala.requests) == 1


@pytest.mark.parametrize("limit", [0, -1, 1.5, "1"])
def test_a_limit_below_one_is_refused(limit: object) -> None:
    with pytest.raises(InvalidRequest, match="max_concurrent must be 1 or more, got "):
        Client(max_concurrent={"koala": limit})  # type: ignore[dict-item]

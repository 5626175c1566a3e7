"""A client's rate, kept by all of its threads, at a server that enforces one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from g4fsync import Client, Rate, Retry
from g4fsync.errors import InvalidRequest

from .conftest import Start


def test_threads_of_one_client_keep_its_rate(
    limited: Start, client_of: Callable[..., Client]
) -> None:
    server = limited(requests=40, per=2.0, delay=0.05)
    client = client_of(server, rate=Rate(requests=40, per=2.0))
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda i: client.ask(f"row {i}").text, range(40)))
    assert texts == [f"You said: row {i}" for i in range(40)]
    calls = server.calls()
    # A machine under load is late by more than the 50 ms that the rate leaves free.
    assert len(calls) - 40 <= 2
    assert calls[-1]["t"] - calls[0]["t"] >= 39 / 20


def test_a_refusal_pauses_all_threads(limited: Start, client_of: Callable[..., Client]) -> None:
    server = limited(requests=5, per=1.0, retry_after=1000)
    client = client_of(server, rate=Rate(requests=1000, per=1.0), retry=Retry(5))
    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(lambda i: client.ask(f"row {i}").text, range(10)))) == 10
    refused = [each["t"] for each in server.calls() if each["status"] == 429]
    assert len(refused) <= 8  # those under way, once a window


@pytest.mark.parametrize(
    "how",
    ["rate", *(pytest.param(each, marks=pytest.mark.slow) for each in ("tokens", "headers"))],
)
def test_a_batch_uses_the_rate_and_is_hardly_refused(
    limited: Start, client_of: Callable[..., Client], tmp_path: Path, how: str
) -> None:
    limits = {"tokens": 800} if how == "tokens" else {"requests": 80}
    server = limited(**limits, per=2.0, delay=0.02, output=5, headers=how == "headers")
    rates = {"rate": Rate(requests=80, per=2.0), "tokens": Rate(tokens=800, per=2.0)}
    rows = [f"this is row {i:03} here" for i in range(140)]
    summary = client_of(server).batch(rows, out=tmp_path / "out.jsonl", rate=rates.get(how)).run()
    assert summary.complete == 140
    calls = server.calls()
    begun = calls[0]["t"] + 2.0  # the first window is for learning
    late = [each for each in calls if each["t"] >= begun]
    # A machine under load is late by more than the 50 ms that the rate leaves free.
    assert sum(each["status"] == 429 for each in late) <= 0.02 * len(calls)
    if how != "headers":
        took = calls[-1]["t"] - calls[0]["t"]
        assert 140 / 40 / 1.1 <= took <= 140 / 40 / 0.7


def test_providers_of_one_job_pace_apart(
    limited: Start, client_of: Callable[..., Client], tmp_path: Path
) -> None:
    slow, fast = limited(requests=1, per=60.0), limited()
    client = client_of(
        fast,
        base_urls={"openai": fast.url, "groq": slow.url},
        api_keys={"openai": "a", "groq": "b"},
    )
    rows = [
        {"prompt": f"row {i}", "model": "groq:m" if i % 4 == 0 else "openai:m"} for i in range(80)
    ]
    batch = client.batch(rows, out=tmp_path / "out.jsonl", max_workers=4)
    done = []
    for row in batch:
        done.append(row)
        if len(done) == 61:
            break
    batch.close()
    assert len(fast.calls()) == 60
    assert 1 <= len(slow.calls()) <= 5  # those that started before the first refusal


def test_one_refusal_pauses_a_batch(
    limited: Start, client_of: Callable[..., Client], tmp_path: Path
) -> None:
    server = limited(requests=20, per=1.0, retry_after=1000, delay=0.01)
    client = client_of(server)
    summary = client.batch(map("row {}".format, range(50)), out=tmp_path / "o", max_workers=4).run()
    assert summary.complete == 50
    refused = [each["t"] for each in server.calls() if each["status"] == 429]
    gaps = [b - a for a, b in pairwise(refused)]
    # Those under way at the first refusal are refused too, then nobody comes for a second.
    assert len(refused) <= 4 * 6
    assert all(gap < 0.2 or gap > 0.8 for gap in gaps)


def test_a_rate_is_for_a_provider_by_name(limited: Start, client_of: Callable[..., Client]) -> None:
    server = limited()
    client = client_of(server, rate={"koala": Rate(requests=1, per=1000)})
    assert [client.ask("Hi").text for _ in range(3)] == ["You said: Hi"] * 3


def test_a_rate_of_another_type_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"^rate\['openai'\] must be a Rate, got int$"):
        Client(rate={"openai": 5})  # type: ignore[dict-item]  # that is the point

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
        texts = list(pool.map(lambda i: client.ask(f"row {i}").text, range(60)))
    assert texts == [f"You said: row {i}" for i in range(60)]
    calls = server.calls()
    # A machine under load is late by more than the 50 ms that the rate leaves free.
    assert len(calls) - 60 <= 2
    assert calls[-1]["t"] - calls[0]["t"] >= 59 / 20 - 0.5  # the first may come late


def test_a_refusal_pauses_all_threads(limited: Start, client_of: Callable[..., Client]) -> None:
    server = limited(requests=5, per=1.0, retry_after=1000)
    client = client_of(server, rate=Rate(requests=1000, per=1.0), retry=Retry(5))
    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(lambda i: client.ask(f"row {i}").text, range(10)))) == 10
    refused = [each["t"] for each in server.calls() if each["status"] == 429]
    assert len(refused) <= 8  # those under way, once a window


LIMITS = {"rate": {"requests": 80}, "tokens": {"tokens": 800}, "headers": {"requests": 80}}
RATES = {"rate": Rate(requests=80, per=2.0), "tokens": Rate(tokens=800, per=2.0)}


@pytest.mark.timeout(60)
def test_a_batch_uses_the_rate_and_is_hardly_refused(
    limited: Start, client_of: Callable[..., Client], tmp_path: Path
) -> None:
    share, refused = _used(limited, client_of, tmp_path, "rate", 140)
    # A machine under load is late by more than the 60 ms that the rate leaves free.
    assert refused <= 3
    assert share >= 0.7


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", LIMITS)
def test_of_a_limit_nearly_all_is_used(
    limited: Start, client_of: Callable[..., Client], tmp_path: Path, how: str
) -> None:
    share, refused = _used(limited, client_of, tmp_path, how, 1200)
    assert refused == 0
    assert share >= 0.95


def _used(
    limited: Start, client_of: Callable[..., Client], folder: Path, how: str, rows: int
) -> tuple[float, int]:
    """The share of 40 calls a second that were answered, and the refusals, when it is warm."""
    server = limited(**LIMITS[how], per=2.0, delay=0.02, output=5, headers=how == "headers")
    texts = [f"this is row {i:04} here" for i in range(rows)]
    client = client_of(server)
    summary = client.batch(texts, out=folder / "out.jsonl", rate=RATES.get(how)).run()
    assert summary.complete == rows
    calls = server.calls()
    # The first window is for learning; of headers two more, then the limit is spread.
    warm = calls[0]["t"] + (6.1 if how == "headers" and rows > 1000 else 2.0)
    late = [each for each in calls if each["t"] >= warm]
    answered = sum(each["status"] == 200 for each in late)
    return answered / (calls[-1]["t"] - warm) / 40, len(late) - answered


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


@pytest.mark.slow
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

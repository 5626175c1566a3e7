"""A client's rate, kept by all of its threads, at a server that enforces one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

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
    assert calls[-1]["t"] - calls[0]["t"] >= 59 / 20


def test_a_refusal_pauses_all_threads(limited: Start, client_of: Callable[..., Client]) -> None:
    server = limited(requests=5, per=1.0, retry_after=1000)
    client = client_of(server, rate=Rate(requests=1000, per=1.0), retry=Retry(5))
    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(lambda i: client.ask(f"row {i}").text, range(10)))) == 10
    refused = [each["t"] for each in server.calls() if each["status"] == 429]
    assert len(refused) <= 8  # those under way, once a window


def test_a_rate_is_for_a_provider_by_name(limited: Start, client_of: Callable[..., Client]) -> None:
    server = limited()
    client = client_of(server, rate={"koala": Rate(requests=1, per=1000)})
    assert [client.ask("Hi").text for _ in range(3)] == ["You said: Hi"] * 3


def test_a_rate_of_another_type_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"^rate\['openai'\] must be a Rate, got int$"):
        Client(rate={"openai": 5})  # type: ignore[dict-item]  # that is the point

"""Budgets, counted by the server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from genai_prices import Usage, calc_price

from g4fsync import Budget, Client, Retry, Usage as Counted
from g4fsync.batch.spending import Spending, Worst
from g4fsync.errors import ConfigurationError, InvalidRequest

from .conftest import Start
from .parrot import Parrot

ROWS = [f"row number {i} of many" for i in range(200)]
EACH = 5 + 20  # tokens that the server counts for a row


@pytest.mark.parametrize("fail_every", [0, 3])
def test_a_strict_budget_is_never_exceeded(
    limited: Start, client_of: Callable[..., Client], out: Path, fail_every: int
) -> None:
    server = limited(output=20, fail_every=fail_every, delay=0.005)
    client = client_of(server, retry=Retry(3, 0.01, 0.01))
    budget = Budget(tokens=1000, strict=True)
    batch = client.batch(ROWS, out=out, budget=budget, max_tokens=20, max_workers=8)
    summary = batch.run()
    assert summary.stopped == "budget"
    counted = sum(each["tokens"] for each in server.calls())
    assert counted <= 1000
    if not fail_every:  # a cut answer has cost as much as it may have
        assert counted >= 1000 - 120
    assert len(out.read_bytes().splitlines()) == summary.complete


def test_the_default_stops_by_what_was_counted(
    limited: Start, client_of: Callable[..., Client], out: Path
) -> None:
    server = limited(output=20, delay=0.005)
    batch = client_of(server).batch(ROWS, out=out, budget=Budget(tokens=1000), max_workers=8)
    assert batch.run().stopped == "budget"
    counted = sum(each["tokens"] for each in server.calls())
    assert 1000 <= counted <= 1000 + 8 * EACH


def test_a_budget_of_calls_counts_those_that_failed(
    limited: Start, client_of: Callable[..., Client], out: Path
) -> None:
    server = limited(fail_every=3, delay=0.002)
    client = client_of(server, retry=Retry(3, 0.01, 0.01))
    batch = client.batch(ROWS, out=out, budget=Budget(calls=50), max_workers=8)
    summary = batch.run()
    assert (summary.stopped, summary.calls, len(server.calls())) == ("budget", 50, 50)
    assert summary.complete < 50


@pytest.mark.parametrize("model", ["openai:m", "m", "openai"])
def test_a_budget_in_money_counts_by_its_prices(
    limited: Start, client_of: Callable[..., Client], out: Path, model: str
) -> None:
    server = limited(output=20, delay=0.002)
    price = 5 * 1e-6 * 1.0 + 20 * 1e-6 * 10.0
    batch = client_of(server).batch(
        ROWS, out=out, budget=Budget(usd=50 * price), prices={model: (1.0, 10.0)}, max_workers=4
    )
    summary = batch.run()
    assert summary.stopped == "budget"
    assert 50 <= len(server.calls()) <= 54
    assert summary.usd == pytest.approx(len(server.calls()) * price)


@pytest.mark.parametrize("strict", [False, True])
def test_prices_are_those_of_the_address_that_is_asked(out: Path, strict: bool) -> None:
    """Beside what genai-prices itself makes of the usage."""

    class Gemini(Parrot):
        base_url = "https://generativelanguage.googleapis.com/v1beta"
        default_model = "gemini-2.5-pro"

    usage = Usage(input_tokens=1, output_tokens=3)  # what a parrot tells of one word
    price = float(calc_price(usage, "gemini-2.5-pro", provider_id="google").total_price)
    dear = Usage(input_tokens=1_000_000, output_tokens=0)
    longest = float(calc_price(dear, "gemini-2.5-pro", provider_id="google").total_price)
    assert longest > 1_000_000 * float(
        calc_price(Usage(input_tokens=1000, output_tokens=0), "gemini-2.5-pro").total_price / 1000
    )
    budget = Budget(usd=20.5 * price, strict=strict)
    with Client() as client:
        batch = client.batch(
            map("row{}".format, range(100)),
            out=out,
            provider=Gemini(),
            budget=budget,
            max_tokens=3,
            max_workers=1,
        )
        summary = batch.run()
    assert summary.stopped == "budget"
    assert summary.usd is not None
    if strict:  # it counts with what a long prompt costs, and with as many tokens as bytes
        assert summary.calls < 20
        assert summary.usd < budget.usd  # type: ignore[operator]  # it has one
    else:
        assert summary.calls == 21
        assert summary.usd == pytest.approx(21 * price)


def test_without_the_list_of_prices_the_error_names_it(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    message = (
        "no price for parrot:m: a budget in usd needs one in prices={model: (input, output per "
        "million tokens)}, or those of pip install 'g4fsync[prices]'"
    )
    with Client() as client, pytest.raises(ConfigurationError) as caught:
        client.batch(ROWS, out=out, provider=Parrot(), budget=Budget(usd=1))
    assert str(caught.value) == message


def test_a_larger_budget_goes_on(
    limited: Start, client_of: Callable[..., Client], out: Path
) -> None:
    client = client_of(limited())
    assert client.batch(ROWS, out=out, budget=Budget(calls=50)).run().complete == 50
    summary = client.batch(ROWS, out=out, budget=Budget(calls=1000)).run()
    assert (summary.reused, summary.calls, summary.stopped) == (50, 150, None)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"budget": Budget(tokens=5, strict=True)}, InvalidRequest,
         "a strict budget of tokens or usd needs max_tokens"),
        ({"budget": Budget(usd=1)}, ConfigurationError,
         "no price for openai:m: a budget in usd needs one in "
         "prices={model: (input, output per million tokens)}"),
        ({"budget": Budget(usd=1), "prices": {"gpt": (1, 1)}}, ConfigurationError,
         "no price for openai:m: a budget in usd needs one in "
         "prices={model: (input, output per million tokens)}"),
        ({"prices": {"m": 5}}, InvalidRequest,
         "prices['m'] must be two numbers, dollars for a million tokens sent and received, got 5"),
        ({"prices": 5}, InvalidRequest, "prices must be a mapping by model, got int"),
    ],
)  # fmt: skip
def test_a_budget_that_can_not_be_kept_is_refused_at_once(
    limited: Start,
    client_of: Callable[..., Client],
    out: Path,
    settings: Any,
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error) as caught:
        client_of(limited()).batch(ROWS, out=out, **settings)
    assert str(caught.value) == message


def test_a_plan_asks_and_writes_nothing(
    limited: Start, client_of: Callable[..., Client], out: Path
) -> None:
    server = limited()
    client = client_of(server)
    plan = client.batch(ROWS, out=out, max_tokens=10, prices={"m": (1.0, 1.0)}).plan()
    assert (plan.rows, plan.reused, plan.to_ask, plan.most_output_tokens) == (200, 0, 200, 2000)
    assert plan.most_usd == pytest.approx((plan.most_input_tokens + 2000) * 1e-6)
    assert not out.exists()
    assert server.calls() == []
    client.batch(ROWS, out=out, max_tokens=10, budget=Budget(calls=20)).run()
    assert client.batch(ROWS, out=out, max_tokens=10).plan().to_ask == 180


@pytest.mark.parametrize(
    ("counted", "tokens", "usd"),
    [
        (Counted(10, 20), 30, 0.0007),
        (Counted(10, None, 30), 30, 0.0007),
        (Counted(None, 20, 30), 30, 0.0007),
        (Counted(None, None, 30), 30, 0.0009),  # at the higher price
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_what_is_told_as_a_sum_is_spent(
    counted: Counted, tokens: int, usd: float, strict: bool
) -> None:
    worst = Worst(1, 40, 40, (1e-5, 3e-5))
    for budget in (Budget(tokens=tokens, strict=strict), Budget(usd=usd, strict=strict)):
        spending = Spending(budget, {"m": (10.0, 30.0)})
        spending.reserve(1, worst)
        spending.settle(1, 1, counted)
        assert not spending.has_room(Worst(1, 1, 1, (1e-5, 3e-5)))
        assert spending.usd == pytest.approx(usd)
        larger = Budget(tokens=tokens + 80, usd=usd + 0.0016, strict=strict)
        spending.budget = larger
        assert spending.has_room(worst)

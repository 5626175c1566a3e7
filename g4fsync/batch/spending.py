"""What a batch has spent, and whether the next call may be paid for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ConfigurationError, InvalidRequest
from ..events import Usage
from ..settings import Budget, is_number

Prices = Mapping[str, "tuple[float, float]"]
_MILLION = 1_000_000


@dataclass(slots=True)
class Worst:
    """The most that calls may cost; tokens are ``None`` where nothing bounds them."""

    calls: int
    input_tokens: int
    output_tokens: int | None
    price: tuple[float, float] | None  # for a token sent, a token received

    @property
    def tokens(self) -> int:
        return self.input_tokens + (self.output_tokens or 0)

    @property
    def usd(self) -> float:
        if self.price is None:
            return 0.0
        return self.input_tokens * self.price[0] + (self.output_tokens or 0) * self.price[1]


class Spending:
    """Counts calls, tokens and money; one thread uses it.

    ``usd`` stays ``None`` without prices.  Tokens that no answer has counted are not
    in it, but a strict budget takes the worst case for them.
    """

    def __init__(self, budget: Budget | None, prices: Prices | None) -> None:
        self.budget = budget
        self._prices = checked_prices(prices)
        self.calls = 0
        self.input_tokens = 0
        self.output_tokens = 0
        self.usd: float | None = 0.0 if self._prices else None
        self._uncounted = 0  # tokens of calls that nobody has counted, at most
        self._uncounted_usd = 0.0
        self._reserved: dict[int, Worst] = {}
        self._sums = [0, 0, 0.0]  # of what is reserved: calls, tokens, usd
        if budget is not None and budget.usd is not None and not self._prices:
            raise ConfigurationError(
                "a budget in usd needs prices={model: (input, output per million tokens)}"
            )

    def price(self, identity: str) -> tuple[float, float] | None:
        """For a token sent, and received; raises for a model without, if the budget needs it."""
        for name in (identity, identity.partition(":")[2], identity.partition(":")[0]):
            if (found := self._prices.get(name)) is not None:
                return found[0] / _MILLION, found[1] / _MILLION
        if self.budget is not None and self.budget.usd is not None:
            raise ConfigurationError(
                f"no price for {identity}: a budget in usd needs one in prices={{...}}"
            )
        return None

    def has_room(self, worst: Worst) -> bool:
        """Whether a call may start."""
        budget = self.budget
        if budget is None:
            return True
        calls, tokens, usd = self._sums
        if budget.calls is not None and self.calls + calls + worst.calls > budget.calls:
            return False  # this much is known, strict or not
        spent_tokens = self.input_tokens + self.output_tokens
        spent_usd = self.usd or 0.0
        if budget.strict:
            tokens += spent_tokens + self._uncounted + worst.tokens
            if budget.tokens is not None and tokens > budget.tokens:
                return False
            return budget.usd is None or (
                spent_usd + self._uncounted_usd + usd + worst.usd <= budget.usd
            )
        if budget.tokens is not None and spent_tokens >= budget.tokens:
            return False
        return budget.usd is None or spent_usd < budget.usd

    def reserve(self, ticket: int, worst: Worst) -> None:
        """A call starts."""
        self._reserved[ticket] = worst
        self._add(worst, 1)

    def settle(self, ticket: int, calls: int, usage: Usage | None) -> None:
        """It has ended, with so many requests that were sent, and this usage."""
        worst = self._reserved.pop(ticket)
        self._add(worst, -1)
        self.calls += calls
        sent = usage.input_tokens if usage else None
        received = usage.output_tokens if usage else None
        if usage and usage.total_tokens is not None and sent is not None and received is None:
            received = max(0, usage.total_tokens - sent)
        self.input_tokens += sent or 0
        self.output_tokens += received or 0
        if worst.price is not None and self.usd is not None:
            self.usd += (sent or 0) * worst.price[0] + (received or 0) * worst.price[1]
        # Requests whose cost nobody told: those that failed, or an answer without usage.
        unknown = calls - (sent is not None and received is not None)
        if unknown > 0 and worst.calls:
            self._uncounted += unknown * worst.tokens // worst.calls
            self._uncounted_usd += unknown * worst.usd / worst.calls

    def _add(self, worst: Worst, sign: int) -> None:
        self._sums[0] += sign * worst.calls
        self._sums[1] += sign * worst.tokens
        self._sums[2] += sign * worst.usd


def checked_prices(prices: Prices | None) -> dict[str, tuple[float, float]]:
    """*prices* by model, in dollars for a million tokens sent, and received."""
    if prices is None:
        return {}
    if not isinstance(prices, Mapping):
        raise InvalidRequest(f"prices must be a mapping by model, got {type(prices).__name__}")
    for model, price in prices.items():
        pair = isinstance(price, tuple | list) and len(price) == 2
        if not pair or not all(is_number(each) and each >= 0 for each in price):
            raise InvalidRequest(
                f"prices[{model!r}] must be two numbers, dollars for a million tokens sent "
                f"and received, got {price!r:.80}"
            )
    return {model: (float(each[0]), float(each[1])) for model, each in prices.items()}

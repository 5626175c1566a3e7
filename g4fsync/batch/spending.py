"""What a batch has spent, and whether the next call may be paid for."""

from __future__ import annotations

from dataclasses import dataclass

from ..events import Usage
from ..settings import Budget
from .prices import Price, PriceList, Prices


@dataclass(slots=True)
class Worst:
    """The most that calls may cost; tokens are ``None`` where nothing bounds them."""

    calls: int
    input_tokens: int
    output_tokens: int | None
    price: Price | None

    @property
    def tokens(self) -> int:
        return self.input_tokens + (self.output_tokens or 0)

    @property
    def usd(self) -> float:
        if self.price is None:
            return 0.0
        return self.input_tokens * self.price[0] + (self.output_tokens or 0) * self.price[1]


class Spending:
    """Counts calls, tokens and money; the lock of the calls guards it.

    ``usd`` stays ``None`` where no prices are given or needed.  Tokens that no answer has
    counted are not in it, but a strict budget takes the worst case for them.
    """

    def __init__(self, budget: Budget | None, prices: Prices | None) -> None:
        self.budget = budget
        self._prices = PriceList(prices)
        self.calls = 0
        self.input_tokens = 0
        self.output_tokens = 0
        is_counted = self._prices or (budget is not None and budget.usd is not None)
        self.usd: float | None = 0.0 if is_counted else None
        self._undivided = 0  # tokens of which no answer said whether they were sent or received
        self._uncounted = 0  # tokens of calls that nobody has counted, at most
        self._uncounted_usd = 0.0
        self._reserved: dict[int, Worst] = {}
        self._sums = [0, 0, 0.0]  # of what is reserved: calls, tokens, usd

    def price(self, identity: str, url: str) -> Price | None:
        """Of a model at *url*; raises for one without, if the budget needs it."""
        if self.budget is None or self.budget.usd is None:
            return self._prices.given(identity)
        return self._prices.find(identity, url, highest=self.budget.strict)

    def has_room(self, worst: Worst) -> bool:
        """Whether a call may start."""
        budget = self.budget
        if budget is None:
            return True
        calls, tokens, usd = self._sums
        if budget.calls is not None and self.calls + calls + worst.calls > budget.calls:
            return False  # this much is known, strict or not
        spent_tokens = self.input_tokens + self.output_tokens + self._undivided
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
        total = usage.total_tokens if usage else None
        if total is not None and sent is not None and received is None:
            received = max(0, total - sent)
        elif total is not None and sent is None and received is not None:
            sent = max(0, total - received)
        is_counted = total is not None or (sent is not None and received is not None)
        if is_counted and sent is None:  # only the sum is told: all of it at the higher price
            self._undivided += total or 0
            if worst.price is not None and self.usd is not None:
                self.usd += (total or 0) * max(worst.price)
        self.input_tokens += sent or 0
        self.output_tokens += received or 0
        if worst.price is not None and self.usd is not None:
            self.usd += (sent or 0) * worst.price[0] + (received or 0) * worst.price[1]
        # Requests whose cost nobody told: those that failed, or an answer without usage.
        unknown = calls - is_counted
        if unknown > 0 and worst.calls:
            self._uncounted += unknown * worst.tokens // worst.calls
            self._uncounted_usd += unknown * worst.usd / worst.calls

    def _add(self, worst: Worst, sign: int) -> None:
        self._sums[0] += sign * worst.calls
        self._sums[1] += sign * worst.tokens
        self._sums[2] += sign * worst.usd

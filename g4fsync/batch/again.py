"""Which rows are asked again, and when."""

from __future__ import annotations

from ..errors import (
    AuthenticationError,
    Cancelled,
    ConfigurationError,
    DeadlineExceeded,
    G4FSyncError,
    ProtocolError,
    RateLimited,
    StreamInterrupted,
    StreamTruncated,
)
from ..messages import ChatResult
from ..settings import Retry
from .seats import Item

MOST_REFUSALS = 50  # of one row, before its refusal is its error


class Again:
    """Counts what a row has been through.

    Nobody has seen the tokens of an answer that was cut, so here it can be asked for from
    scratch, *row_attempts* times in all.  What failed before it is tried as *retry*
    says.  A refusal for the rate is none of the row's: its seat pauses.
    """

    def __init__(self, retry: Retry, row_attempts: int) -> None:
        self._retry = retry
        self._row_attempts = row_attempts

    def pause(self, item: Item, outcome: ChatResult | G4FSyncError) -> float | None:
        """Seconds until the row is asked again, ``None`` when this is how it ends."""
        if isinstance(outcome, ChatResult):
            return None
        if isinstance(outcome, RateLimited) and outcome.retryable:
            item.refusals += 1
            return 0.0 if item.refusals <= MOST_REFUSALS else None
        if _is_cut(outcome):
            item.cuts += 1
            again = item.cuts < self._row_attempts
            return self._retry.pause(item.cuts, outcome) if again else None
        item.failures += 1
        if not outcome.retryable or item.failures >= self._retry.attempts:
            return None
        return self._retry.pause(item.failures, outcome)


def is_not_the_rows(outcome: ChatResult | G4FSyncError) -> bool:
    """Whether an error says nothing about the row: the next one would end the same way."""
    if isinstance(outcome, RateLimited):
        return not outcome.retryable
    return isinstance(outcome, Cancelled | AuthenticationError | ConfigurationError)


def _is_cut(error: G4FSyncError) -> bool:
    """Whether an answer began and did not end, or its provider fell silent."""
    if isinstance(error, DeadlineExceeded):
        return error.clock != "total"
    if isinstance(error, ProtocolError):
        return bool(error.partial)
    return isinstance(error, StreamTruncated | StreamInterrupted)

"""What a caller may set: how long, how often and how much.  Values, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeGuard

from .errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Timeout:
    """Limits of one call in seconds; ``None`` means no limit.

    ``connect``: until a request is sent (name, TCP, proxy, TLS, sending).
    ``first_token``: from the start to the first token.
    ``idle``: between parsed events that mean progress; keep-alives do not
    count, and it runs only while the stream waits for the provider.
    ``total``: everything, retries, back-off, fallback and the caller's own
    pauses included.
    """

    connect: float | None = 10.0
    first_token: float | None = 120.0
    idle: float | None = 60.0
    total: float | None = 600.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None and not _is_duration(value):
                raise InvalidRequest(
                    f"timeout {each.name} must be a number of seconds above 0 or None, "
                    f"got {value!r:.80}"
                )

    @classmethod
    def of(cls, value: Timeout | float | None, default: Timeout) -> Timeout:
        """*value* as a ``Timeout``: ``None`` is *default*, a number replaces its ``total``."""
        if value is None:
            return default
        if isinstance(value, Timeout):
            return value
        return cls(default.connect, default.first_token, default.idle, value)


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how patiently to try again before the first token.

    ``attempts`` counts the first one too; the back-off grows from ``initial``
    to ``maximum`` seconds, with jitter.  A ``Retry-After`` is obeyed instead
    when it fits the remaining time, else the error is raised at once.
    """

    attempts: int = 3
    initial: float = 0.5
    maximum: float = 8.0

    def __post_init__(self) -> None:
        if not is_count(self.attempts):
            raise InvalidRequest(f"retry attempts must be 1 or more, got {self.attempts!r:.80}")
        numbers = is_number(self.initial) and is_number(self.maximum)
        if not numbers or not 0 <= self.initial <= self.maximum:
            raise InvalidRequest("retry needs 0 <= initial <= maximum, in seconds")

    @classmethod
    def of(cls, value: Retry | int | None, default: Retry) -> Retry:
        """*value* as a ``Retry``: ``None`` is *default*, a number replaces its ``attempts``."""
        if value is None:
            return default
        if isinstance(value, Retry):
            return value
        if not isinstance(value, int) or isinstance(value, bool):
            raise InvalidRequest(
                f"retry must be a Retry or a number of attempts, got {value!r:.80}"
            )
        return cls(value, default.initial, default.maximum)

    def pause(self, attempt: int, error: BaseException | None) -> float:
        """Seconds to wait after the *attempt*-th try failed with *error*."""
        from random import uniform  # 3 ms that a call without trouble need not spend

        asked: float | None = getattr(error, "retry_after", None)
        if asked is not None:
            # Many callers told the same moment must not come back all at once.
            return asked + uniform(0, min(0.1 * asked, 1.0))
        doublings = min(attempt - 1, 60)  # a float has no room for a thousand
        return min(self.initial * 2.0**doublings, self.maximum) * uniform(0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a provider may send; what goes beyond one is a ``ProtocolError`` naming it.

    All are bytes but the last.  ``event``: one line, event or record of a
    stream.  ``message``: one WebSocket message.  ``json``: an answer that is a
    single JSON value.  ``head``: all headers before a body.  ``error_body``:
    what is read of a refusal, which is cut there without an error.  ``ratio``:
    how many times its size a compressed body may grow to, beyond the first MiB.
    """

    event: int = 4 * 2**20
    message: int = 4 * 2**20
    json: int = 16 * 2**20
    head: int = 256 * 2**10
    error_body: int = 64 * 2**10
    ratio: int = 200

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not is_count(value):
                raise InvalidRequest(
                    f"limit {each.name} must be a whole number above 0, got {value!r:.80}"
                )


@dataclass(frozen=True, slots=True)
class Rate:
    """Ceilings at a provider, for one key: ``requests`` and ``tokens`` in ``per`` seconds.

    Calls start evenly, a little below the rate, so that no window of ``per``
    seconds holds more, however the server lays its own.  Tokens are those sent and
    received together; before an answer they are an estimate.
    """

    requests: float | None = None
    tokens: float | None = None
    per: float = 60.0

    def __post_init__(self) -> None:
        for name in ("requests", "tokens"):
            value = getattr(self, name)
            if value is not None and not _is_duration(value):
                raise InvalidRequest(f"rate {name} must be a number above 0, got {value!r:.80}")
        if not _is_duration(self.per):
            raise InvalidRequest(f"rate per must be seconds above 0, got {self.per!r:.80}")
        if self.requests is None and self.tokens is None:
            raise InvalidRequest("a rate needs requests or tokens")


@dataclass(frozen=True, slots=True)
class Budget:
    """What a batch may spend in all: ``tokens``, ``calls``, and ``usd`` by its prices
    (given, or those of the extra ``prices``).

    It stops by what was counted, so calls under way may go over it.  A ``strict``
    budget starts no call whose worst case does not fit: that takes a ``max_tokens``,
    and the bytes of its text as the most tokens a prompt can have.
    """

    tokens: int | None = None
    calls: int | None = None
    usd: float | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        for name in ("tokens", "calls"):
            value = getattr(self, name)
            if value is not None and not is_count(value):
                raise InvalidRequest(
                    f"budget {name} must be a whole number above 0, got {value!r:.80}"
                )
        if self.usd is not None and not _is_duration(self.usd):
            raise InvalidRequest(f"budget usd must be a number above 0, got {self.usd!r:.80}")
        if self.tokens is None and self.calls is None and self.usd is None:
            raise InvalidRequest("a budget needs tokens, calls or usd")


def is_count(value: object) -> bool:
    """Whether *value* is a whole number above 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_number(value: object) -> TypeGuard[float]:
    """Whether *value* is an ``int`` or a ``float``, NaN aside."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _is_duration(value: object) -> bool:
    return is_number(value) and value > 0


DEFAULT_LIMITS = Limits()

"""What a provider says about its rate limits: values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One limit as the server says it; ``None`` for what it does not say.

    ``limit`` and ``remaining`` are requests or tokens, ``reset`` the seconds, from
    when the answer began, until ``remaining`` is ``limit`` again.  ``per`` is the
    length of the window in seconds where the server names it.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None
    per: float | None = None


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The limits of a provider that an answer tells of; ``None`` where it tells of none.

    ``tokens`` counts all tokens.  ``input_tokens`` and ``output_tokens`` are limits
    of their own at some services (Anthropic).
    """

    requests: RateLimit | None = None
    tokens: RateLimit | None = None
    input_tokens: RateLimit | None = None
    output_tokens: RateLimit | None = None

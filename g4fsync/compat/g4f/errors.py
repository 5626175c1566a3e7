"""Errors by ``g4f``'s names, each a :class:`~g4fsync.errors.G4FSyncError` too.

``except RateLimitError`` and ``except g4fsync.RateLimited`` both catch a refusal with 429;
``partial``, ``attempts`` and ``retryable`` are there.
"""

from __future__ import annotations

from ... import errors as ours
from ..families import ForeignError, both


class G4FError(ForeignError):
    """Root of the tree."""

    def __str__(self) -> str:
        # With the provider's name before the message, as here: there it says none.
        return ours.G4FSyncError.__str__(self)


class ProviderNotFoundError(G4FError):
    """No provider has this name."""


class ProviderNotWorkingError(G4FError):
    """Never raised here: a provider is asked, and its answer is handed on."""


class StreamNotSupportedError(G4FError):
    """Never raised here: all providers stream."""


class ModelNotFoundError(G4FError):
    """No provider is known for this model."""


class ModelNotAllowedError(G4FError):
    """Never raised here."""


class RetryProviderError(G4FError):
    """All providers that were asked have failed."""


class RetryNoProviderError(G4FError):
    """Never raised here."""


class MissingRequirementsError(G4FError):
    """Something is not set up."""


class MissingAuthError(G4FError):
    """A key or cookies are missing, or are refused."""


class PaymentRequiredError(G4FError):
    """The provider wants to be paid: status 402."""


class NoMediaResponseError(G4FError):
    """Never raised here."""


class ResponseError(G4FError):
    """The answer is not what the provider's protocol allows, or was cut short."""


class ResponseStatusError(ResponseError):
    """The provider said no."""


class CloudflareError(ResponseStatusError):
    """The provider wants to see a human."""


class BadRequestError(ResponseStatusError):
    """The call itself is wrong: refused here, or with status 400."""


class RateLimitError(ResponseStatusError):
    """Too many requests."""


class TimeoutError(G4FError):
    """A clock ran out."""


class ProviderException(G4FError):
    """The provider could not be reached."""


_KINDS: tuple[tuple[type[ours.G4FSyncError], type[G4FError]], ...] = (
    (ours.InvalidRequest, BadRequestError),
    (ours.AuthenticationError, MissingAuthError),
    (ours.ConfigurationError, MissingRequirementsError),
    (ours.RateLimited, RateLimitError),
    (ours.CaptchaRequired, CloudflareError),
    (ours.ProviderError, ResponseStatusError),
    (ours.DeadlineExceeded, TimeoutError),
    (ours.AllFailed, RetryProviderError),
    (ours.StreamInterrupted, ResponseError),
    (ours.StreamTruncated, ResponseError),
    (ours.ProtocolError, ResponseError),
    (ours.ConnectionFailed, ProviderException),
)
_EITHER = "unknown provider or model "
_BY_STATUS: dict[object, type[G4FError]] = {400: BadRequestError, 402: PaymentRequiredError}


def translated(error: ours.G4FSyncError) -> G4FError:
    """*error* by g4f's name."""
    if isinstance(error, G4FError):
        return error
    message = str(error.args[0]) if error.args else ""
    kind = next((theirs for mine, theirs in _KINDS if isinstance(error, mine)), G4FError)
    if isinstance(error, ours.ConfigurationError) and "API key" in message:
        kind = MissingAuthError
    if isinstance(error, ours.InvalidRequest) and message.startswith("unknown "):
        is_provider = message.startswith("unknown provider ") and not message.startswith(_EITHER)
        kind = ProviderNotFoundError if is_provider else ModelNotFoundError
    if kind is ResponseStatusError:
        kind = _BY_STATUS.get(getattr(error, "status", None), kind)
    return both(kind, error, message)

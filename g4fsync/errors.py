"""Every error g4fsync raises: one tree, drawn here.

::

    G4FSyncError
    ├─ InvalidRequest (also ValueError)       unknown provider or model, bad messages or option
    ├─ ConfigurationError                     no key, no default model, unreadable cookie file
    ├─ AuthenticationError                    401, 403, missing or refused cookies
    ├─ ProviderError                          theirs: said no; .status .code .body (first 2 kB)
    │  ├─ RateLimited          (retry)        429; .retry_after .limits
    │  ├─ ServerError          (retry)        5xx, overloaded
    │  ├─ CaptchaRequired                     a human check or a challenge page; never worked around
    │  └─ ContentFiltered
    ├─ ConnectionFailed        (retry)        also ConnectionError: refused, reset, DNS, TLS, proxy
    │  └─ StreamInterrupted                   cut in the middle
    ├─ StreamTruncated                        ended cleanly without the protocol's end mark
    ├─ ProtocolError                          bytes the protocol does not allow; .evidence
    │  └─ Unparsable                          not of the type asked for; .text .path .expected
    ├─ DeadlineExceeded (also TimeoutError)   .clock: connect, first_token, idle or total
    ├─ Cancelled
    ├─ RoundsExceeded                         the model still calls tools; .messages
    └─ AllFailed                              .errors: one per model tried, in order

Two questions decide the class: whose fault is it, and is it worth trying
again?  ``.retryable`` answers the second; the engine asks it only before the
first token.  Every class can be made from its message alone, so errors pickle.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .redaction import blotted, forms
from .surrogates import paired

if TYPE_CHECKING:
    from .messages import Message
    from .ratelimits import RateLimits

_MAX_CHAIN = 32  # exceptions that led to one another
BODY_BYTES = 2048  # how much of a refused request's body an error shows
_COMPLETE_BODY_CHARS = 64 * 1024  # and how much of it is kept


class G4FSyncError(Exception):
    """Root of all errors of this package.

    ``provider`` and ``model`` are names or ``None``; ``partial`` is the answer text
    received before the failure; ``attempts`` tells what was tried; ``retryable`` says
    whether the same call may succeed a moment later.  ``origin`` is the exception of a
    library that this error stands for; it does not travel to other processes.
    """

    retryable: bool = False
    origin: BaseException | None = None

    def __init__(
        self,
        message: str = "",
        *,
        provider: str | None = None,
        model: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(paired(message))  # whatever a server said: it can be printed
        self.provider = provider
        self.model = model
        self.partial = ""
        self.attempts: tuple[Attempt, ...] = ()
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        """The message, the provider's name before it unless it speaks of it by name itself."""
        message = str(self.args[0]) if self.args else ""
        name = self.provider
        if name is None or re.match(rf"{re.escape(name)}\b", message) or f": {name} " in message:
            return message
        return f"{name}: {message}"

    def __reduce__(self) -> tuple[Any, ...]:
        # A library's exception may hold sockets, and those can't go to another process.
        reduced: Any = super().__reduce__()
        made, arguments, *state = reduced
        known = state[0] if state else {}
        kept = {name: value for name, value in known.items() if name != "origin"}
        return made, arguments, kept


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one model.

    ``number`` counts from 1 within a call; ``phase`` is how far it came:
    ``connect`` (not sent), ``first_token`` (sent, no token) or ``stream``;
    ``seconds`` is how long it took (to its first token when it succeeded);
    ``error`` is ``None`` for the attempt that answered.
    """

    number: int
    provider: str
    model: str
    phase: str
    seconds: float
    error: G4FSyncError | None = None


class InvalidRequest(G4FSyncError, ValueError):
    """The call itself is wrong: nothing was sent."""


class ConfigurationError(G4FSyncError):
    """Something the user must set up is missing or unreadable: nothing was sent."""


class AuthenticationError(G4FSyncError):
    """The provider does not know or does not want these credentials.

    ``status`` is the HTTP status, ``None`` when it was found out before sending.
    ``headers`` and ``complete_body`` are as in :class:`ProviderError`.
    """

    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self,
        message: str = "",
        *,
        provider: str | None = None,
        status: int | None = None,
        code: str | None = None,
        body: str = "",
    ) -> None:
        super().__init__(message, provider=provider)
        self.status = status
        self.code = code
        self.body = body[:BODY_BYTES]
        self.complete_body = body[:_COMPLETE_BODY_CHARS]


class ProviderError(G4FSyncError):
    """The provider understood the request and said no.

    ``status`` is the HTTP status (200 for an error inside a stream, ``None`` where there is no
    HTTP), ``code`` the provider's own word as text, ``body`` the first 2 kB of what it sent,
    ``complete_body`` 64 kB of it at most, ``retry_after`` the seconds it asks to wait.
    ``headers`` are those of the answer, but for cookies, empty where there is no HTTP.
    """

    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self,
        message: str = "",
        *,
        provider: str | None = None,
        status: int | None = None,
        code: str | None = None,
        body: str = "",
        retryable: bool | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, provider=provider, retryable=retryable)
        self.status = status
        self.code = code
        self.body = body[:BODY_BYTES]
        self.complete_body = body[:_COMPLETE_BODY_CHARS]
        self.retry_after = retry_after


class RateLimited(ProviderError):
    """Too many requests; ``retry_after`` is the wait asked for, when it was told.

    ``limits`` is what the server said about its limits
    (:class:`~g4fsync.ratelimits.RateLimits`), ``None`` when it said nothing.
    """

    retryable = True
    limits: RateLimits | None = None


class ServerError(ProviderError):
    """The provider failed or is overloaded; ``retry_after`` as in :class:`RateLimited`."""

    retryable = True


class CaptchaRequired(ProviderError):
    """The provider wants to see a human; this package never works around that."""


class ContentFiltered(ProviderError):
    """The provider refuses the prompt or the answer for its content."""


class ConnectionFailed(G4FSyncError, ConnectionError):
    """The request did not get through: refused, reset, DNS, TLS or proxy."""

    retryable = True


class StreamInterrupted(ConnectionFailed):
    """The connection broke in the middle of an answer."""


class StreamTruncated(G4FSyncError):
    """The answer ended cleanly, but without the mark that says it is whole."""


class ProtocolError(G4FSyncError):
    """The provider sent bytes its protocol does not allow; ``evidence`` is a cut of them."""

    def __init__(
        self, message: str = "", *, provider: str | None = None, evidence: str = ""
    ) -> None:
        super().__init__(message, provider=provider)
        self.evidence = evidence[:BODY_BYTES]


class Unparsable(ProtocolError):
    """The answer ``text`` is not of the type asked for: ``path`` (``people[3].age``) is wrong."""

    text = path = expected = ""  # what the model wrote, where it is wrong, what should be there


class DeadlineExceeded(G4FSyncError, TimeoutError):
    """A clock ran out; ``clock`` is ``connect``, ``first_token``, ``idle`` or ``total``."""

    def __init__(
        self, message: str = "", *, provider: str | None = None, clock: str = "total"
    ) -> None:
        super().__init__(message, provider=provider)
        self.clock = clock


class Cancelled(G4FSyncError):
    """The caller cancelled, or closed the stream before its end."""


class RoundsExceeded(G4FSyncError):
    """The model still calls tools; ``client.ask(error.messages, tools=...)`` goes on."""

    messages: tuple[Message, ...] = ()


class AllFailed(G4FSyncError):
    """Every model failed; ``errors`` has one error per model, in the order tried.

    The message has a line for each: model, phase, seconds, error.
    """

    def __init__(self, message: str = "", *, errors: Sequence[G4FSyncError] = ()) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join([message, *map(_line, self.errors)]) if errors else message)


def unlabelled(error: BaseException) -> str:
    """The message of *error* for where its provider is named already."""
    message, provider = str(error), getattr(error, "provider", None)
    return message.removeprefix(f"{provider}: ") if provider else message


def _line(error: G4FSyncError) -> str:
    last = error.attempts[-1] if error.attempts else None
    how_far = f" ({last.phase}, {last.seconds:.2f} s)" if last else ""
    what = " ".join(unlabelled(error).splitlines())
    return f"- {error.provider}:{error.model}{how_far}: {type(error).__name__}: {what}"


def without(
    error: G4FSyncError, *secrets: str | None, passwords: Sequence[str | None] = ()
) -> G4FSyncError:
    """*error* with *secrets* blotted out, also where it came from: some servers echo a key.

    Of *secrets* those of 8 characters or more count, of *passwords* (in URLs)
    those of 4 or more.  See :mod:`.redaction` for the forms that are found.
    """
    found = forms(secrets, passwords)
    if not found:
        return error
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting and len(seen) < _MAX_CHAIN:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            waiting += [
                *(each.__cause__, each.__context__, getattr(each, "origin", None)),
                *(getattr(each, "reason", None), *each.args),
            ]
            _blot(each, found)
    return error


def _blot(error: BaseException, secrets: Sequence[str]) -> None:
    error.args = blotted(error.args, secrets)
    for name in _TEXTS:
        value = getattr(error, name, None)
        if isinstance(value, str | bytes):
            setattr(error, name, blotted(value, secrets))
    headers = getattr(error, "headers", None)
    if isinstance(headers, dict):
        vars(error)["headers"] = {name: blotted(each, secrets) for name, each in headers.items()}
    # Those of requests bring the whole request along, its headers too.
    for name in ("request", "response"):
        if getattr(error, name, None) is not None:
            setattr(error, name, None)


# Where our errors and Python's own hold text, beside their arguments.
_TEXTS = (
    *("body", "complete_body", "evidence", "code"),
    *("strerror", "filename"),  # OSError
    *("doc", "msg"),  # JSONDecodeError
    *("object", "reason"),  # UnicodeDecodeError
)

"""One call: attempts until the first token, then the stream passes through.

What this room decides, and no other:

* Retries (tenacity) stand around "open and first token" only; after it every
  failure reaches the caller, since tokens can't be taken back.  Each attempt
  has a transport of its own and builds its request anew.
* Fallback: the next model is asked only while no token has been delivered.
* Completeness: a provider with an end mark must have shown it.  After the mark
  the answer is whole: usage may still come, trouble does not matter any more.
* A failed look-up in a provider (``frame["text"]``) means the answer had
  another shape: it becomes a ``ProtocolError``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .errors import (
    AllFailed,
    Cancelled,
    ConnectionFailed,
    DeadlineExceeded,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    StreamTruncated,
)
from .events import Attempt, Event, Finish, Reasoning, Text, ToolCall, Usage
from .gate import Gate
from .messages import ChatRequest
from .providers.base import Provider
from .scope import CancelScope
from .stream import Journal
from .transport.base import Transport

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

# How long to wait for usage and the like once the answer is known to be whole.
AFTER_FINISH_SECONDS = 1.0


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
        if not isinstance(self.attempts, int) or self.attempts < 1:
            raise InvalidRequest(f"retry attempts must be 1 or more, got {self.attempts!r}")
        numbers = all(isinstance(each, int | float) for each in (self.initial, self.maximum))
        if not numbers or not 0 <= self.initial <= self.maximum:
            raise InvalidRequest("retry needs 0 <= initial <= maximum, in seconds")

    def pause(self, attempt: int, error: BaseException | None) -> float:
        """Seconds to wait after the *attempt*-th try failed with *error*."""
        from random import uniform  # 3 ms that a call without trouble need not spend

        asked: float | None = getattr(error, "retry_after", None)
        if asked is not None:
            # Many callers told the same moment must not come back all at once.
            return asked + uniform(0, min(0.1 * asked, 1.0))
        doublings = min(attempt - 1, 60)  # a float has no room for a thousand
        return min(self.initial * 2.0**doublings, self.maximum) * uniform(0.75, 1.0)


class AttemptTransport(Transport, Protocol):
    """A transport as the engine sees it: one attempt's, to be closed after it.

    ``sent`` is true when a request went out whole.  ``latest``: what the provider was given
    last, as evidence.
    """

    @property
    def sent(self) -> object: ...
    @property
    def latest(self) -> object: ...
    def close(self, *, graceful: bool = False) -> None: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One model to ask, by its name; ``open`` gives each attempt its transport.

    ``gate`` limits how many calls are under way at its server.
    """

    provider: Provider
    model: str
    request: ChatRequest
    open: Callable[[CancelScope], AttemptTransport]
    gate: Gate | None = None


def answer(
    calls: Sequence[Call], retry: Retry, scope: CancelScope, journal: Journal
) -> Generator[str | Event, None, None]:
    """Ask *calls* one after the other until one answers; yield its tokens and events."""
    scope.start()
    if len(calls) == 1:
        yield from _ask(calls[0], retry, scope, journal)
        return
    errors: list[G4FSyncError] = []
    for call in calls:
        before = len(journal.attempts)
        # A clock that runs out for this model must not end the others.
        own = scope.child()
        try:
            with scope.aborting(own.cancel):
                yield from _ask(call, retry, own, journal)
        except G4FSyncError as error:
            scope.check()
            if journal.first_token_seconds is not None:
                raise
            error.attempts = tuple(journal.attempts[before:])
            errors.append(error)
        else:
            return
        yield from journal.attempts[before:]
    journal.provider = journal.model = None
    raise AllFailed(f"none of {len(errors)} models answered", errors=errors)


def _ask(call: Call, retry: Retry, scope: CancelScope, journal: Journal) -> Iterator[str | Event]:
    """Ask one model, again if need be; yield failed attempts, tokens and events."""
    journal.provider, journal.model = call.provider.name, call.model
    before = len(journal.attempts)
    try:
        with call.gate.slot(scope) if call.gate else nullcontext():
            scope.asking()
            attempt = _retrying(retry, scope, journal)(_Attempt.begin, call, scope, journal)
            with closing(attempt):
                yield from journal.attempts[before:-1]
                yield from attempt.tokens()
    except G4FSyncError as error:
        _name(error, call)
        raise


def _name(error: G4FSyncError, call: Call) -> None:
    error.provider = error.provider or call.provider.name
    error.model = error.model or call.model


def _retrying(retry: Retry, scope: CancelScope, journal: Journal) -> Retrying:
    # Only here, since tenacity costs 20 ms to import.
    from tenacity import Retrying, retry_if_exception

    def pause(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return retry.pause(state.attempt_number, error)

    def enough(state: RetryCallState) -> bool:
        left = scope.remaining()
        return state.attempt_number >= retry.attempts or (
            left is not None and state.upcoming_sleep >= left
        )

    def sleep(seconds: float) -> None:
        try:
            scope.sleep(seconds)
        except G4FSyncError as ended:
            # tenacity would forget what went wrong before the wait.
            raise ended from journal.attempts[-1].error

    return Retrying(
        retry=retry_if_exception(lambda e: isinstance(e, G4FSyncError) and e.retryable),
        wait=pause,
        stop=enough,
        sleep=sleep,
        reraise=True,
    )


class _Attempt:
    """One try at one model, from opening to the end of its answer."""

    def __init__(self, call: Call, scope: CancelScope) -> None:
        self._call = call
        self._scope = scope
        self._transport = call.open(scope)
        self._items = self._checked()
        self._head: list[str | Event] = []
        self._whole = False

    @classmethod
    def begin(cls, call: Call, scope: CancelScope, journal: Journal) -> _Attempt:
        """Open and wait for the first token; note down in *journal* how it went."""
        started = scope.elapsed()
        attempt: _Attempt | None = None
        error: G4FSyncError | None = None
        try:
            attempt = cls(call, scope)
            attempt._reach_first_token()
        except BaseException as exc:
            foreign = Cancelled(f"ended by {type(exc).__name__}")  # Ctrl-C, or a bug
            error = exc if isinstance(exc, G4FSyncError) else foreign
            _name(error, call)
            if attempt is not None:
                attempt.close()
            raise
        finally:
            sent = attempt is not None and attempt._transport.sent
            journal.attempts.append(
                Attempt(
                    number=len(journal.attempts) + 1,
                    provider=call.provider.name,
                    model=call.model,
                    phase="stream" if error is None else "first_token" if sent else "connect",
                    seconds=scope.elapsed() - started,
                    error=error,
                )
            )
        journal.first_token_seconds = scope.elapsed()
        return attempt

    def _reach_first_token(self) -> None:
        for item in self._items:
            self._head.append(item)
            if not isinstance(item, Usage):
                break

    def tokens(self) -> Iterator[str | Event]:
        """The answer; raises when it turns out not to be whole."""
        yield from self._head
        yield from self._items

    def close(self) -> None:
        """Run the provider's clean-up and free the connections."""
        try:
            self._items.close()
        finally:
            self._transport.close(graceful=self._whole)

    def _checked(self) -> Generator[str | Event, None, None]:
        """What the provider yields; the answer is whole when this ends without an error."""
        finish: Finish | None = None
        empty = True
        try:
            with closing(self._told()) as told:
                for item in _paired(told):
                    if isinstance(item, Finish):
                        finish = item
                        self._scope.limit_idle(AFTER_FINISH_SECONDS)
                    elif item:
                        empty = False
                        yield item
        except _HARMLESS_AFTER_FINISH as error:
            if finish is None or _is_callers(error):
                raise
        if finish is None and self._call.provider.has_end_mark:
            raise StreamTruncated("the answer ended without its end mark")
        if finish is None and empty:
            raise StreamTruncated("the answer is empty")
        self._whole = True
        if finish is not None:
            yield finish

    def _told(self) -> Generator[str | Event, None, None]:
        """What the provider yields, timed; its troubles as our errors."""
        scope, call = self._scope, self._call
        try:
            with closing(_generator(call.provider.stream(call.request, self._transport))) as items:
                for item in items:
                    if scope.ended is not None:
                        scope.check()
                    scope.progress()
                    yield item if item.__class__ is str else _plain(item)
        except G4FSyncError as error:
            better = call.provider.failure(error)
            if better is error:
                raise
            raise better from error
        except (LookupError, TypeError, ValueError, AttributeError) as exc:
            raise ProtocolError(
                f"the answer has another shape than expected ({type(exc).__name__}: {exc})",
                evidence=repr(self._transport.latest),
            ) from exc


def _generator(items: Iterator[str | Event]) -> Generator[str | Event, None, None]:
    """*items* as a generator, for a provider whose ``stream`` returns a bare iterator."""
    if isinstance(items, Generator):
        return items
    return (item for item in items)


# Once the answer is known to be whole, these say nothing about it any more.
_HARMLESS_AFTER_FINISH = (ConnectionFailed, StreamTruncated, ProtocolError, DeadlineExceeded)


def _is_callers(error: G4FSyncError) -> bool:
    """Whether the caller's own limit ended the call, not the provider's behaviour."""
    return isinstance(error, DeadlineExceeded) and error.clock == "total"


def _paired(items: Iterator[str | Event]) -> Iterator[str | Event]:
    """Put together what a JavaScript server cut: half an emoji in one token, half in the next.

    A lone half can't be written to a file or terminal; it becomes U+FFFD.
    """
    half = ""
    for item in items:
        if isinstance(item, str) and (half or not (item.isascii() or _is_encodable(item))):
            text = half + item
            half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
            item = _repaired(text[: len(text) - len(half)])
        yield item
    if half:
        yield _repaired(half)


def _plain(item: object) -> str | Event:
    """Text in another guise as ``str``, events as they are; anything else is no answer."""
    match item:
        case str(text) | Text(str(text)):
            return str.__str__(text)
        case Reasoning(str()) | ToolCall() | Usage() | Finish() | Attempt():
            return item
    raise TypeError(f"expected text, got {item!r:.80}")


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _repaired(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

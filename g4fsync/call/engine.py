"""One call: attempts until the first token, then the stream passes through.

What this room decides, and no other:

* Retries (tenacity) stand around "open and first token" only; after it every
  failure reaches the caller, since tokens can't be taken back.  Each attempt
  has a transport of its own and builds its request anew.
* Fallback: the next model is asked only while no token has been delivered.

What one attempt is, and when its answer is whole, stands in :mod:`.attempt`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

from ..errors import AllFailed, G4FSyncError, RateLimited
from .attempt import Attempted, Call, label

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

    from ..events import Event
    from ..scope import CancelScope
    from ..scope.pace import Turn
    from ..settings import Retry
    from .journal import Journal

_NO_GATE = nullcontext()


def answer(
    calls: Sequence[Call], retry: Retry, scope: CancelScope, journal: Journal
) -> Generator[str | Event, None, None]:
    """Ask *calls* one after the other until one answers; yield its tokens and events."""
    scope.start()
    if len(calls) == 1:
        return _ask(calls[0], retry, scope, journal)
    return _ask_in_turn(calls, retry, scope, journal)


def _ask_in_turn(
    calls: Sequence[Call], retry: Retry, scope: CancelScope, journal: Journal
) -> Generator[str | Event, None, None]:
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
            _note_fallback(error, calls[len(errors) :])
        else:
            return
        yield from journal.attempts[before:]
    journal.provider = journal.model = None
    raise AllFailed(f"none of {len(errors)} models answered", errors=errors)


def _note_fallback(error: G4FSyncError, rest: Sequence[Call]) -> None:
    if rest:
        from . import logs

        logs.falling_back(error, rest[0].provider.name, rest[0].model)


def _ask(
    call: Call, retry: Retry, scope: CancelScope, journal: Journal
) -> Generator[str | Event, None, None]:
    """Ask one model, again if need be; yield failed attempts, tokens and events."""
    journal.provider, journal.model = call.provider.name, call.model
    journal.request, journal.mode = call.request, call.mode
    before = len(journal.attempts)
    if call.cache is not None and (known := call.cache.find(call)) is not None:
        scope.check()
        journal.cached = True
        _note_secrets(call, scope, journal)
        journal.reach_first_token(scope.elapsed())
        yield from known
        return
    try:
        with call.gate.slot(scope) if call.gate else _NO_GATE:
            turn = _turn(call, scope, journal)
            scope.start_first_token()
            attempt = _first_token(call, retry, scope, journal, turn)
            try:
                yield from journal.attempts[before:-1]
                tokens = attempt.tokens()
                yield from call.cache.keeping(call, tokens, journal) if call.cache else tokens
            finally:
                attempt.close()
            if call.pace and attempt.turn and (usage := journal.usage):
                call.pace.settle(attempt.turn, usage.input_tokens, usage.output_tokens)
    except G4FSyncError as error:
        label(error, call)
        if len(journal.attempts) == before:
            _note_secrets(call, scope, journal)
        raise


def _note_secrets(call: Call, scope: CancelScope, journal: Journal) -> None:
    """Of a call that was not sent: what is kept of it must not tell its key either."""
    if journal.is_watched:
        with suppress(G4FSyncError):
            journal.note_secrets(*call.open(scope).secrets)


def _turn(call: Call, scope: CancelScope, journal: Journal) -> Turn | None:
    """Wait until the call may start."""
    if call.pace is None or journal.is_paced:
        journal.is_paced = False  # for one call: tools may want more of them
        return None
    characters = sum(len(message.content) for message in call.request.messages)
    return call.pace.admit(scope, characters, call.request.options.get("max_tokens"))


def _begin(call: Call, scope: CancelScope, journal: Journal, turn: Turn | None) -> Attempted:
    """An attempt that has reached its first token; the pace learns how it went."""
    pace = call.pace
    if pace is None or turn is None:
        return Attempted.begin(call, scope, journal)
    try:
        attempt = Attempted.begin(call, scope, journal)
    except BaseException as error:
        if isinstance(error, RateLimited) and error.retryable:
            pace.refused(turn, error.retry_after, error.limits)
        else:
            pace.failed(turn)
        raise
    pace.heard(turn, journal.limits)
    attempt.turn = turn
    return attempt


def _first_token(
    call: Call, retry: Retry, scope: CancelScope, journal: Journal, turn: Turn | None
) -> Attempted:
    """The attempt that reached its first token; tried again as *retry* says."""
    try:
        return _begin(call, scope, journal, turn)
    except G4FSyncError as error:
        if not error.retryable or retry.attempts == 1:
            raise
        failed = [error]

    def begin() -> Attempted:
        if failed:  # tenacity counts the first attempt too
            raise failed.pop()
        return _begin(call, scope, journal, _turn(call, scope, journal))

    return _retrying(retry, scope, journal)(begin)


def _retrying(retry: Retry, scope: CancelScope, journal: Journal) -> Retrying:
    # Only here, since tenacity costs 20 ms to import and 40 us to set up.
    from tenacity import Retrying, retry_if_exception

    from . import logs

    def pause(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return retry.pause(state.attempt_number, error)

    def enough(state: RetryCallState) -> bool:
        left = scope.remaining()
        return state.attempt_number >= retry.attempts or (
            left is not None and state.upcoming_sleep >= left
        )

    def sleep(seconds: float) -> None:
        logs.retrying(journal.attempts[-1], retry.attempts, seconds)
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

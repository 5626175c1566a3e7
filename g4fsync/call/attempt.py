"""One try at one model: its first token, its stream, and whether the answer is whole.

* A provider with an end mark must have shown it.
* A finish reason says that the model stopped, not that the stream has: what
  comes after it belongs to the answer, and the last reason counts.  The end of
  the body ends the answer.  After a finish that came alone and after text, so
  do trouble and a second of silence.  When it came with text or before any
  (``may_continue``), or when something followed it, a body that breaks is a cut
  answer.  Then only the idle clock ends the wait, and the answer is complete
  unless something has followed its last finish.
* A failed look-up in a provider (``frame["text"]``) means the answer had
  another shape: it becomes a ``ProtocolError``.  A mistake in the provider's own
  code reaches the caller as it is (:mod:`.shape` tells them apart).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from ..errors import (
    AuthenticationError,
    Cancelled,
    ConnectionFailed,
    DeadlineExceeded,
    G4FSyncError,
    ProtocolError,
    StreamTruncated,
    without,
)
from ..events import Attempt, Event, Finish, ProviderData, Reasoning, Text, ToolCall, Usage
from ..surrogates import mended, paired
from .shape import MISSHAPEN, NotText, is_mistake

if TYPE_CHECKING:
    from ..messages import ChatRequest
    from ..scope import CancelScope
    from ..scope.gate import Gate
    from ..scope.pace import Pace, Turn
    from ..transport.base import AttemptTransport, Transport
    from .journal import Journal

# How long to wait for usage, or for more text, after a finish that seems to be the last.
AFTER_FINISH_SECONDS = 1.0


class Answering(Protocol):
    """A provider as the engine knows it; :class:`~.providers.base.Provider` says more."""

    @property
    def name(self) -> str: ...
    @property
    def has_end_mark(self) -> bool: ...
    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]: ...
    def failure(self, error: G4FSyncError) -> G4FSyncError: ...
    @property
    def key_withheld(self) -> str: ...


class Cache(Protocol):
    """Answers that are known; :mod:`g4fsync.archive.cache` has them."""

    def find(self, call: Call) -> Sequence[str | Event] | None: ...
    def keeping(
        self, call: Call, items: Iterable[str | Event], journal: Journal
    ) -> Iterator[str | Event]: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One model to ask by its name, ``mode`` says how for a type; ``open`` makes transports.

    ``gate`` limits calls under way, ``pace`` starts; what ``cache`` knows is not asked for.
    """

    provider: Answering
    model: str
    request: ChatRequest
    open: Callable[[CancelScope], AttemptTransport]
    gate: Gate | None = None
    pace: Pace | None = None
    cache: Cache | None = None
    mode: str | None = None


def label(error: G4FSyncError, call: Call) -> None:
    """Say whose *error* it is, unless it says so itself."""
    error.provider = error.provider or call.provider.name
    error.model = error.model or call.model


class Attempted:
    """One try at one model, from opening to the end of its answer."""

    def __init__(self, call: Call, scope: CancelScope) -> None:
        self._call = call
        self._scope = scope
        self._transport = call.open(scope)
        self._items = self._checked()
        self._head: list[str | Event] = []
        self._finish: Finish | None = None
        self._went_on = False  # something of the answer has come after the last finish
        self._complete = False
        self._half_thought = ""  # as of text, of the reasoning
        self.turn: Turn | None = None

    @classmethod
    def begin(cls, call: Call, scope: CancelScope, journal: Journal) -> Attempted:
        """Open and wait for the first token; note down in *journal* how it went."""
        started = journal.begin_attempt(scope)
        attempt: Attempted | None = None
        error: G4FSyncError | None = None
        try:
            attempt = cls(call, scope)
            attempt._reach_first_token()
        except BaseException as exc:
            foreign = Cancelled(f"ended by {type(exc).__name__}")  # Ctrl-C, or a bug
            error = exc if isinstance(exc, G4FSyncError) else foreign
            label(error, call)
            if attempt is not None:
                attempt.close()
            raise
        finally:
            sent = attempt is not None and attempt._transport.sent
            if journal.is_watched and attempt is not None:
                journal.note_secrets(*attempt._transport.secrets)
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
        journal.note_headers(attempt._transport.answer_headers)
        journal.reach_first_token(scope.elapsed())
        return attempt

    def _reach_first_token(self) -> None:
        for item in self._items:
            self._head.append(item)
            if not isinstance(item, Usage | ProviderData):
                break

    def tokens(self) -> Iterator[str | Event]:
        """The answer; raises when it turns out not to be whole."""
        return chain(self._head, self._items)

    def close(self) -> None:
        """Run the provider's clean-up and free the connections."""
        try:
            self._items.close()
        finally:
            self._transport.close(graceful=self._complete)

    def _checked(self) -> Generator[str | Event, None, None]:
        """What the provider yields, timed; the answer is whole when this ends without an error."""
        scope = self._scope
        empty = True
        half = ""  # of a character that a JavaScript server has cut in two
        finished = False  # nothing of the answer has come after the last finish
        try:
            with closing(self._provider_items()) as items:
                for item in items:
                    if scope.waiting or scope.ended is not None:
                        scope.progress()
                    if item.__class__ is not str:
                        item = self._mended_event(_plain(item))
                    if finished and not isinstance(item, Usage | ProviderData | Finish):
                        finished = self._go_on()
                    if isinstance(item, str):
                        if half or not item.isascii():
                            item, half = mended(item, half)
                        if not item:
                            continue
                    elif isinstance(item, Finish):
                        finished = self._note_finish(item)
                        continue
                    empty = False
                    yield item
        except (G4FSyncError, *MISSHAPEN) as exc:
            self._raise_unless_harmless(exc)
        yield from self._finish_events(half, empty=empty)

    def _mended_event(self, item: str | Event) -> str | Event:
        """Reasoning and calls without halves of characters; empty text when nothing is left."""
        if isinstance(item, Reasoning):
            if self._half_thought or not item.text.isascii():
                text, self._half_thought = mended(item.text, self._half_thought)
                return replace(item, text=text) if text else ""
        elif isinstance(item, ToolCall) and not item.arguments.isascii():
            return replace(item, arguments=paired(item.arguments))
        return item

    def _note_finish(self, finish: Finish) -> bool:
        self._finish, self._went_on = finish, False
        self._scope.limit_idle(None if finish.may_continue else AFTER_FINISH_SECONDS)
        return True

    def _go_on(self) -> bool:
        """The finish was not the end: wait for what follows as long as for anything."""
        self._went_on = True
        self._scope.limit_idle(None)
        return False

    def _provider_items(self) -> Generator[str | Event, None, None]:
        """What the provider yields; a ``stream`` may also return a bare iterator."""
        items = self._call.provider.stream(self._call.request, self._transport)
        if items is None:
            raise NotText("stream() has returned None, it must yield")
        return items if isinstance(items, Generator) else (item for item in items)

    def _finish_events(self, half: str, *, empty: bool) -> Iterator[str | Event]:
        """What is left to say of an answer that must be whole now."""
        if self._half_thought:
            yield Reasoning("\ufffd")
        if half:
            yield "\ufffd"
        if self._finish is None and self._call.provider.has_end_mark:
            raise StreamTruncated("the answer ended without its end mark")
        if self._finish is None and empty:
            raise StreamTruncated("the answer is empty")
        self._complete = True
        if self._finish is not None:
            yield self._finish

    def _raise_unless_harmless(self, exc: Exception) -> None:
        """The provider's trouble as our error; after the end of the answer most are none."""
        has_begun = self._transport.sent or self._finish is not None
        error = translated(exc, self._call.provider, self._transport, has_begun=has_begun)
        if not self._is_harmless(error):
            raise error

    def _is_harmless(self, error: G4FSyncError) -> bool:
        """Whether the answer is complete in spite of *error*."""
        if self._finish is None or self._went_on:
            return False
        if self._finish.may_continue:
            return isinstance(error, DeadlineExceeded) and error.clock == "idle"
        return isinstance(error, _HARMLESS_AFTER_FINISH)


def translated(
    exc: Exception,
    provider: Answering,
    transport: AttemptTransport,
    *,
    has_begun: object,
    subject: str = "the answer",
) -> G4FSyncError:
    """*exc*, raised while *provider* was asked, as the error a caller gets, without credentials.

    *has_begun*: something was sent, so that there may be an answer to blame; a
    mistake in the provider's own code is raised as it is.
    """
    secrets, passwords = transport.secrets
    if isinstance(exc, G4FSyncError):
        error = provider.failure(without(exc, *secrets, passwords=passwords))
    elif is_mistake(exc, sent=has_begun):
        raise exc
    else:
        error = ProtocolError(
            f"{subject} has another shape than expected ({type(exc).__name__}: {exc})",
            evidence=_shown(transport.latest),
        )
    if isinstance(error, AuthenticationError) and error.status and not transport.api_key:
        why = provider.key_withheld
        error.args = (f"{error.args[0]}; {why}" if why else error.args[0],)
    if error is not exc:
        error.__cause__ = exc
        error = without(error, *secrets, passwords=passwords)
    return error


def _shown(value: object) -> str:
    try:
        return repr(value)
    except RecursionError:
        return "a value nested too deeply to be shown"


# Once the answer is known to be whole, these say nothing about it any more.
_HARMLESS_AFTER_FINISH = (ConnectionFailed, StreamTruncated, ProtocolError, DeadlineExceeded)


def _plain(item: object) -> str | Event:
    """Text in another guise as ``str``, events as they are; anything else is no answer."""
    match item:
        case str(text) | Text(str(text)):
            return str.__str__(text)
        case Reasoning(str()) | ToolCall() | Usage() | ProviderData() | Finish() | Attempt():
            return item
    raise NotText(f"expected text, got {item!r:.80}")

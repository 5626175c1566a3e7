"""What a caller holds while an answer comes: :class:`ChatStream`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, Generic, TypeAlias, TypeVar, cast, overload

from ..errors import Cancelled, G4FSyncError, InvalidRequest
from ..events import Attempt, Event, ProviderData, Text
from ..messages import ChatResult, Message, Value
from ..ratelimits import RateLimits
from ..scope import CancelScope
from .journal import Answered, Journal
from .reading import Reading, is_busy

Element = TypeVar("Element")

Run: TypeAlias = Callable[[CancelScope, Journal], Generator[str | Event, None, None]]


class ChatStream(Answered, Generic[Value]):
    """An answer as it comes: iterate for its text, piece by piece.

    Nothing is sent before the first ``next()``.  The thread that iterates does
    all the work; :meth:`cancel` may be called from any other.  Leaving a ``for``
    loop, the ``with`` block or dropping the object frees the connection.  Once
    the stream has failed or was left early, :meth:`result` and iterating raise:
    a part never passes for the whole.

    Iterating raises any :class:`~g4fsync.errors.G4FSyncError`, its ``partial``
    holding the text that came before.
    """

    def __init__(self, run: Run, scope: CancelScope, journal: Journal | None = None) -> None:
        self.scope = scope
        self._journal = journal or Journal()
        self._items = _noted(run, scope, self._journal)

    # -- iterating ------------------------------------------------------

    def __iter__(self) -> Iterator[str]:
        self._journal.is_delivered = True
        with Reading(self, leaving=True):
            for item in self._items:
                if item.__class__ is str:
                    yield item

    def __next__(self) -> str:
        self._journal.is_delivered = True
        with Reading(self):
            for item in self._items:
                if isinstance(item, str):
                    return item
        raise StopIteration

    def events(self) -> Iterator[Event]:
        """Iterate over typed events in place of text; leaving the loop closes the stream.

        What the provider wants back is none of them: see :attr:`provider_data`.
        """
        with Reading(self, leaving=True):
            for item in self._items:
                if item.__class__ is not ProviderData:
                    yield Text(item) if isinstance(item, str) else item

    def items(self) -> Iterator[str | Event]:
        """Iterate over both as the engine gives them: ``str`` for text, events for all else."""
        with Reading(self, leaving=True):
            yield from self._items

    def heartbeat(self, seconds: float) -> Iterator[str | None]:
        """Iterate for text, and for ``None`` each time *seconds* pass without any.

        For whoever must do something while the model is silent: keep a browser's
        connection, look whether it is still wanted, draw a clock.  Only the time
        spent in ``next()`` counts, and what a model thinks aloud is no text.  The
        stream is read by a thread (under gevent a greenlet) for as long as this is
        iterated; clocks, errors, :meth:`cancel` and leaving the loop are as ever.

        Raises ``InvalidRequest`` at once when *seconds* is no number above 0.
        """
        from .heartbeat import text_beats

        self._journal.is_delivered = True
        return cast("Iterator[str | None]", text_beats(self, seconds))

    @overload
    def values(self: ChatStream[list[Element]]) -> Iterator[Element]: ...
    @overload
    def values(self: ChatStream[tuple[Element, ...]]) -> Iterator[Element]: ...
    @overload
    def values(self) -> Iterator[Value]: ...
    def values(self) -> Iterator[Any]:
        """Iterate over the elements of the list that ``returns=`` asks for, as each is closed.

        Of any other type the one value comes at the end.  An answer that does not fit is
        asked for again while no element was given, then ``Unparsable`` is raised.  Elements
        of an answer that goes on to call tools are given at once like all others; those of
        the last answer follow, and where it does not begin with the same ones, that is
        ``Unparsable`` too: what was given is always what ``result().value`` begins with.
        ``InvalidRequest`` at once without ``returns=``, or when text was read before.
        """
        from . import values

        values.check(self._journal)
        return self._values(values.values(self._items, self._journal))

    def _values(self, values: Iterator[Any]) -> Iterator[Any]:
        with Reading(self, leaving=True):
            yield from values

    def result(self) -> ChatResult[Value]:
        """Wait for the rest, and return the whole answer; raises what iterating raises."""
        with Reading(self):
            for _ in self._items:
                pass
        journal = self._journal
        finish = journal.finish
        return ChatResult(
            text=self.text,
            reasoning=self.reasoning,
            tool_calls=self.tool_calls,
            usage=self.usage,
            finish_reason=self.finish_reason,
            provider=self.provider,
            model=self.model,
            attempts=self.attempts,
            first_token_seconds=self.first_token_seconds,
            seconds=self.seconds,
            provider_data=self.provider_data,
            headers=self.headers,
            limits=self.limits,
            cached=self.cached,
            messages=journal.transcript(),
            id=finish.id if finish else None,
            mode=journal.mode,
            value=journal.value,
        )

    def leave_pace_to_caller(self) -> None:
        """Start at once: the caller keeps its client's rate itself."""
        self._journal.is_paced = True

    # -- ending ---------------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether a thread is reading just now, or waits for the provider."""
        return bool(getattr(self._items, "gi_running", False))

    def cancel(self) -> None:
        """End the call at once, from any thread and in any phase; then it raises ``Cancelled``."""
        self.scope.cancel()

    def close(self) -> None:
        """Free the connection; nothing happens when the answer has ended."""
        journal = self._journal
        if journal.seconds is not None:
            return
        if self.is_running:
            self.scope.cancel()  # another thread is in it; it will clean up
            return
        journal.fail(Cancelled("the stream was closed before its end"))
        try:
            self._items.close()
        except ValueError as exc:
            if not is_busy(exc):
                raise
            self.scope.cancel()  # another thread has just gone on with it
        else:
            journal.end(self.scope.elapsed())

    def __enter__(self) -> ChatStream[Value]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what has come so far -------------------------------------------

    @property
    def journal(self) -> Journal:
        """What is noted down of the call, for those who go on with it when it has ended."""
        return self._journal

    @property
    def message(self) -> Message:
        """The assistant's turn, for the next question's history; only of a complete answer.

        Raises what the answer failed with, or ``InvalidRequest`` while it is still to come.
        """
        if self._journal.seconds is None:
            raise InvalidRequest("the answer is not complete yet: read the stream to its end")
        return self.result().message

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the answer's headers a few, in lower case: ids of the request, rate limits."""
        return self._journal.headers

    @property
    def limits(self) -> RateLimits | None:
        """What the server said about its rate limits when the answer began."""
        return self._journal.limits

    @property
    def provider(self) -> str | None:
        """The provider that answers, or is being asked."""
        return self._journal.provider

    @property
    def model(self) -> str | None:
        """Its model."""
        return self._journal.model

    @property
    def losers(self) -> tuple[Attempt, ...]:
        """What the others tried in a race this answer won."""
        return tuple(attempt for stream in self._journal.losers for attempt in stream.attempts)

    @property
    def seconds(self) -> float:
        """Seconds from the start until now, or until the end."""
        ended = self._journal.seconds
        return self.scope.elapsed() if ended is None else ended

    @property
    def tokens_per_second(self) -> float | None:
        """Pace after the first token, in pieces of text unless the provider counts tokens."""
        first, journal = self.first_token_seconds, self._journal
        if first is None or self.seconds <= first:
            return None
        usage = self.usage
        counted = usage.output_tokens if usage else None
        return (counted or journal.pieces) / (self.seconds - first)

    def __repr__(self) -> str:
        journal = self._journal
        ended = "failed" if journal.error else "complete"
        state = "running" if journal.seconds is None else ended
        return f"<ChatStream {self.provider} {self.model}: {state}, {len(self.text)} characters>"


def _noted(run: Run, scope: CancelScope, journal: Journal) -> Generator[str | Event, None, None]:
    """The engine's items, each noted before it is handed on."""
    from . import logs  # not to import a client; a call needs logging anyway

    note_text = journal.note_text
    journal.start()
    items = run(scope, journal)
    try:
        try:
            for item in items:
                if item.__class__ is str:
                    note_text(item)
                else:
                    journal.note(item)
                yield item
        finally:
            items.close()
    except G4FSyncError as error:
        journal.fail(error)
        logs.shorten(error)
        raise
    except BaseException:  # Ctrl-C, or the stream was dropped
        journal.fail(Cancelled("the stream was left before its end"))
        raise
    finally:
        journal.end(scope.elapsed())
        logs.ended(journal)

"""What a caller holds while an answer comes: :class:`ChatStream`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from types import TracebackType
from typing import TypeAlias

from .errors import Cancelled, G4FSyncError
from .events import Attempt, Event, Finish, Reasoning, Text, ToolCall, Usage
from .messages import ChatResult
from .scope import CancelScope


@dataclass(slots=True)
class Journal:
    """What the engine notes down about a call while it runs."""

    provider: str | None = None
    model: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    first_token_seconds: float | None = None
    losers: list[ChatStream] = field(default_factory=list)  # of a race this answer won


Run: TypeAlias = Callable[[CancelScope, Journal], Generator[str | Event, None, None]]


class ChatStream:
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
        self._parts: list[str] = []
        self._merged = 0  # pieces that were joined to others
        self._reasoning: list[str] = []
        self._tool_calls: list[ToolCall] = []
        self._usage: Usage | None = None
        self._finish: Finish | None = None
        self._error: G4FSyncError | None = None
        self._seconds: float | None = None
        self._items = self._recorded(run)

    # -- iterating ------------------------------------------------------

    def __iter__(self) -> Iterator[str]:
        try:
            for item in self._items:
                if item.__class__ is str:
                    yield item
            self._raise_if_failed()
        finally:
            self.close()

    def __next__(self) -> str:
        for item in self._items:
            if isinstance(item, str):
                return item
        self._raise_if_failed()
        raise StopIteration

    def events(self) -> Iterator[Event]:
        """Iterate over typed events in place of text; leaving the loop closes the stream."""
        for item in self.items():
            yield Text(item) if isinstance(item, str) else item

    def items(self) -> Iterator[str | Event]:
        """Iterate over both as the engine gives them: ``str`` for text, events for all else."""
        try:
            yield from self._items
            self._raise_if_failed()
        finally:
            self.close()

    def result(self) -> ChatResult:
        """Wait for the rest, and return the whole answer; raises what iterating raises."""
        for _ in self._items:
            pass
        self._raise_if_failed()
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
        )

    # -- ending ---------------------------------------------------------

    def cancel(self) -> None:
        """End the call at once, from any thread and in any phase; then it raises ``Cancelled``."""
        self.scope.cancel()

    def close(self) -> None:
        """Free the connection; nothing happens when the answer has ended."""
        if self._seconds is not None:
            return
        if getattr(self._items, "gi_running", False):
            self.scope.cancel()  # another thread is in it; it will clean up
            return
        self._fail(Cancelled("the stream was closed before its end"))
        self._items.close()
        self._seconds = self.scope.elapsed()

    def __enter__(self) -> ChatStream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # -- what has come so far -------------------------------------------

    @property
    def text(self) -> str:
        """The answer so far."""
        count = len(self._parts)
        if count > 1:
            # In one step, since the iterating thread may append meanwhile.
            self._parts[:count] = ["".join(self._parts[:count])]
            self._merged += count - 1
        return self._parts[0] if self._parts else ""

    @property
    def reasoning(self) -> str:
        """What the model thought aloud so far; ``""`` where the provider does not tell."""
        return "".join(self._reasoning)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The whole calls so far."""
        return tuple(self._tool_calls)

    @property
    def usage(self) -> Usage | None:
        """Tokens counted by the provider; ``None`` until, or unless, it tells."""
        return self._usage

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended; ``None`` before, and for protocols without an end mark."""
        return None if self._finish is None else self._finish.reason

    @property
    def provider(self) -> str | None:
        """The provider that answers, or is being asked."""
        return self._journal.provider

    @property
    def model(self) -> str | None:
        """Its model."""
        return self._journal.model

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """What was tried, in order; the last one answered if its error is ``None``."""
        return tuple(self._journal.attempts)

    @property
    def losers(self) -> tuple[Attempt, ...]:
        """What the others tried in a race this answer won."""
        return tuple(attempt for stream in self._journal.losers for attempt in stream.attempts)

    @property
    def first_token_seconds(self) -> float | None:
        """Seconds from the start to the first token; ``None`` before it."""
        return self._journal.first_token_seconds

    @property
    def seconds(self) -> float:
        """Seconds from the start until now, or until the end."""
        return self.scope.elapsed() if self._seconds is None else self._seconds

    @property
    def tokens_per_second(self) -> float | None:
        """Pace after the first token, in pieces of text unless the provider counts tokens."""
        if self.first_token_seconds is None or self.seconds <= self.first_token_seconds:
            return None
        counted = self._usage.output_tokens if self._usage else None
        return (counted or len(self._parts) + self._merged) / (self.seconds - self.first_token_seconds)

    def __repr__(self) -> str:
        state = "running" if self._seconds is None else "failed" if self._error else "complete"
        return f"<ChatStream {self.provider} {self.model}: {state}, {len(self.text)} characters>"

    # -- inside ---------------------------------------------------------

    def _recorded(self, run: Run) -> Generator[str | Event, None, None]:
        """The engine's items, each noted before it is handed on."""
        append = self._parts.append
        items = run(self.scope, self._journal)
        try:
            with closing(items):
                for item in items:
                    if item.__class__ is str:
                        append(item)
                    else:
                        self._note(item)
                    yield item
            self._seconds = self.scope.elapsed()
        except G4FSyncError as error:
            self._fail(error)
            raise
        except BaseException:  # Ctrl-C, or the stream was dropped
            self._fail(Cancelled("the stream was left before its end"))
            raise

    def _note(self, item: str | Event) -> None:
        if isinstance(item, Reasoning):
            self._reasoning.append(item.text)
        elif isinstance(item, ToolCall):
            self._tool_calls.append(item)
        elif isinstance(item, Usage):
            self._usage = item
        elif isinstance(item, Finish):
            self._finish = item

    def _fail(self, error: G4FSyncError) -> None:
        if self._error is None:
            error.partial = self.text
            error.attempts = self.attempts
            error.provider = error.provider or self.provider
            error.model = error.model or self.model
            self._error = error
        self._seconds = self.scope.elapsed()

    def _raise_if_failed(self) -> None:
        if self._error is not None:
            raise self._error

"""The one seam at which others hear of calls: started, text came, ended.

A client has observers; each stream it opens carries an :class:`Observation`, which
becomes an :class:`ObservedCall` when the stream starts.  Rules:

* **Nothing here runs per token.**  One thread for the process (``g4fsync-observer``)
  looks at the journals of the calls under way, every ``INTERVAL_SECONDS``, and says
  "text came" for those that have more.  It starts with the first observed call.
* ``call_started`` and ``call_ended`` are called in the thread that reads the stream, so
  that they have been when ``ask()`` returns; ``text_came`` and ``flush`` in that thread.
* An observer that fails costs a warning in the log, never an answer.
* A forked child knows nothing of its parent's calls.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from time import time, time_ns
from typing import TYPE_CHECKING, ClassVar

from .journal import Answered
from .ticker import INTERVAL_SECONDS, safely, ticker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..errors import G4FSyncError
    from ..messages import ChatRequest, Message
    from .attempt import Call
    from .journal import Journal

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Observer:
    """Hears of each call of the clients it is given to; override what you want to hear.

    ``Client(observers=[...])`` takes any number of them.  They must not block:
    ``call_started`` and ``call_ended`` hold up the call's own thread, the others
    one thread that all observers share.  An exception from them is logged as a
    warning of the logger ``g4fsync.observers`` and goes no further.

    A stream that is dropped may end inside the garbage collector: what
    ``call_ended`` locks must be an ``RLock``, or nothing.
    """

    travels: ClassVar[bool] = False
    """Whether it goes along when a client is pickled for another process."""

    def call_started(self, call: ObservedCall) -> None:
        """The stream is being read for the first time; nothing has been sent yet."""

    def text_came(self, call: ObservedCall) -> None:
        """There is more in ``call.text`` or ``call.reasoning``, or the first token has come.

        At most every 0.2 s for a call, and soon after its first token.
        """

    def call_ended(self, call: ObservedCall) -> None:
        """The answer is complete, or ``call.error`` says why it is not."""

    def flush(self) -> None:
        """Keep now what you want to keep: called after each round of the others, and at exit."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """Where a call belongs; set it with :func:`calling`.

    ``parent`` is an id that calls share which were asked together: by one ``compare()``,
    ``race()``, ``map()`` or ``batch()``.  ``conversation`` is the id of a conversation.
    ``history`` is the complete conversation when less of it is sent.
    """

    parent: str | None = None
    conversation: str | None = None
    history: tuple[Message, ...] | None = None


_context: ContextVar[CallContext] = ContextVar("g4fsync_call", default=CallContext())  # noqa: B039 - frozen


@contextmanager
def calling(context: CallContext) -> Iterator[None]:
    """Streams that are made in this block belong to *context*, whenever they are read."""
    token = _context.set(context)
    try:
        yield
    finally:
        _context.reset(token)


def asked_together(parent: str) -> AbstractContextManager[None]:
    """Streams that are made in this block are parts of one question: of *parent*, an id."""
    return calling(replace(_context.get(), parent=parent))


class Observation:
    """What a stream will tell its observers about, once it is read."""

    __slots__ = ("_calls", "_context", "observers")

    def __init__(self, calls: Sequence[Call], observers: Sequence[Observer]) -> None:
        self._calls = tuple(calls)
        self.observers = tuple(observers)
        self._context = _context.get()

    def start(self, journal: Journal) -> ObservedCall:
        """The stream is read for the first time."""
        call = ObservedCall(self._calls, self.observers, self._context, journal)
        call._tell("call_started")
        ticker.watch(call)
        return call


class ObservedCall(Answered):
    """A call as its observers see it: what was asked, and what has come so far.

    ``id`` is a ULID; ``parent``, which calls share that were asked together, and
    ``conversation`` are ids or ``None``; ``started_at`` is in seconds since the epoch.
    ``messages`` is the complete conversation of which ``dropped`` messages, the oldest
    but for system texts, were not sent.  What it says may be read in any thread and at
    any time.
    """

    def __init__(
        self,
        calls: tuple[Call, ...],
        observers: tuple[Observer, ...],
        context: CallContext,
        journal: Journal,
    ) -> None:
        self.id = new_id()
        self.parent = context.parent
        self.conversation = context.conversation
        self.started_at = time()
        self._history = context.history
        self._calls = calls
        self.observers = observers
        self._journal = journal
        self._process = os.getpid()
        self._noticed = -1  # pieces there were when text_came was called last
        self._due = 0.0  # when it may be called again

    # -- what was asked -------------------------------------------------

    @property
    def request(self) -> ChatRequest:
        """The question as the model that answers, or is being asked, got it."""
        return self._call.request

    @property
    def _call(self) -> Call:
        journal = self._journal
        for call in self._calls:
            if (call.provider.name, call.model) == (journal.provider, journal.model):
                return call
        return self._calls[0]

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation up to the question."""
        return self.request.messages if self._history is None else self._history

    @property
    def dropped(self) -> int:
        """How many of the messages were left out of what was sent."""
        return len(self.messages) - len(self.request.messages)

    @property
    def options(self) -> Mapping[str, Any]:
        """The options of the question, as they were given; some may hold secrets."""
        return self.request.options

    @property
    def provider(self) -> str:
        """The provider that answers, is being asked, or will be."""
        return self._journal.provider or self._calls[0].provider.name

    @property
    def model(self) -> str:
        """Its model."""
        return self._journal.model or self._calls[0].model

    # -- what has come --------------------------------------------------

    @property
    def new_messages(self) -> tuple[Message, ...]:
        """What a complete answer adds to the conversation; with tools its rounds, in order."""
        transcript, question = self._journal.transcript(), self.request.last
        # By the question, not by its place: a schema may have been put before it.
        for at in range(len(transcript) - 1, -1, -1):
            if transcript[at] == question:
                return transcript[at + 1 :]
        return transcript[-1:]

    @property
    def answer_id(self) -> str | None:
        """The server's name for a complete answer, where it gave one."""
        return self._journal.finish.id if self._journal.finish else None

    @property
    def attempt_starts(self) -> tuple[float, ...]:
        """When each attempt began, in seconds since the epoch."""
        return tuple(self._journal.attempt_starts)

    @property
    def base_url(self) -> str:
        """Where the provider is asked; it may hold a password."""
        return str(getattr(self._call.provider, "base_url", ""))

    @property
    def seconds(self) -> float | None:
        """Seconds from the start to the end; ``None`` before it."""
        return self._journal.seconds

    @property
    def error(self) -> G4FSyncError | None:
        """Why the answer is not complete."""
        return self._journal.error

    @property
    def is_complete(self) -> bool:
        """Whether the answer has ended, and well."""
        return self._journal.seconds is not None and self._journal.error is None

    @property
    def secrets(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What nothing may tell that is kept: keys and cookies, and passwords of URLs."""
        return self._journal.secrets

    def __repr__(self) -> str:
        return f"<ObservedCall {self.id} {self.provider}:{self.model}>"

    # -- inside: what the call and the ticker say -----------------------

    def first_token(self) -> None:
        """For the call itself, to say that its first token is there."""
        if self._is_ours():
            ticker.kick()

    def ended(self) -> None:
        """For the call itself, to say that it has ended."""
        if self._is_ours():
            ticker.forget(self)
            self._tell("call_ended")
            ticker.kick()

    def _is_ours(self) -> bool:
        return self._process == os.getpid()

    def notice(self, now: float) -> None:
        """Say that text came, if more has come, and not too soon after the last time."""
        journal = self._journal
        if journal.first_token_seconds is None or now < self._due:
            return
        count = journal.pieces + len(journal.reasoning)
        if count != self._noticed:
            self._noticed, self._due = count, now + INTERVAL_SECONDS
            self._tell("text_came")

    def _tell(self, what: str) -> None:
        for observer in self.observers:
            safely(getattr(observer, what), self)


def new_id() -> str:
    """A ULID: 48 bits of milliseconds since the epoch, 80 of chance, in Crockford's base 32.

    Source: the specification at https://github.com/ulid/spec.
    """
    number = (time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


at_exit = ticker.at_exit  # called when all is flushed

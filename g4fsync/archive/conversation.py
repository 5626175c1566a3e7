"""A talk of several turns: the history is kept here, and only complete answers get into it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..call.journal import Journal
from ..call.observing import CallContext, calling, new_id
from ..call.stream import ChatStream
from ..errors import G4FSyncError, InvalidRequest
from ..messages import ChatResult, Message, as_messages
from ..settings import is_count
from .trimming import Trimmer

if TYPE_CHECKING:
    from .store import Archive


class Asked(Protocol):
    """A client, as a conversation needs it."""

    @property
    def chat(self) -> Callable[..., ChatStream]: ...


@dataclass(frozen=True, slots=True)
class Pending:
    """A turn that was interrupted: its question, and what had come of the answer.

    ``messages`` is the question as messages; ``error`` says what happened, ``None``
    where the process was killed or the conversation comes from an archive.
    """

    messages: tuple[Message, ...]
    text: str = ""
    error: G4FSyncError | None = None

    @property
    def question(self) -> str:
        """The text of the question."""
        return self.messages[-1].content if self.messages else ""


class Conversation:
    """Questions and answers that build on each other; make one with ``client.conversation()``.

    :meth:`ask` and :meth:`chat` take a question (a ``str``, or messages) and the
    arguments of the client's own; the history goes along.  A turn gets into
    ``messages`` when its answer is complete.  One that failed or was left early
    is :attr:`pending`: :meth:`retry` asks it again, the next question drops it.

    ``trim`` bounds how many tokens of history are sent: the oldest turns are left
    out, never a system text, never half a tool round, and never from ``messages``.
    Tokens are estimated (one for three bytes of UTF-8) until the provider has
    counted some; then by what it counted.

    One answer at a time: asking while another is being read is an ``InvalidRequest``.
    """

    def __init__(
        self,
        client: Asked,
        *,
        system: str | None = None,
        id: str | None = None,
        trim: int | None = None,
        messages: Sequence[Message] = (),
        pending: Pending | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        if trim is not None and not is_count(trim):
            raise InvalidRequest(f"trim must be a number of tokens above 0, got {trim!r:.80}")
        if id is not None and not (isinstance(id, str) and id):
            raise InvalidRequest(f"id must be a str that is not empty, got {id!r:.80}")
        self.id = id or new_id()
        self.trim = trim
        self.options = dict(options or {})
        self._client = client
        self._lock = threading.RLock()  # guards all below
        self._messages = tuple(messages)
        self._pending = pending
        self._turn: _Turn | None = None  # the newest one that was asked
        self._trimmer = Trimmer()
        if system is not None:
            self.system = system

    @property
    def messages(self) -> tuple[Message, ...]:
        """The complete turns so far, the system text first."""
        return self._messages

    @property
    def pending(self) -> Pending | None:
        """The newest turn, when it was interrupted."""
        return self._pending

    @property
    def system(self) -> str | None:
        """The system text; it may be set between turns."""
        first = self._messages[0] if self._messages else None
        return first.content if first is not None and first.role == "system" else None

    @system.setter
    def system(self, text: str | None) -> None:
        if text is not None and not isinstance(text, str):
            raise InvalidRequest(f"system must be a str, got {type(text).__name__}")
        with self._lock:
            rest = self._messages[1:] if self.system is not None else self._messages
            self._messages = (*([Message("system", text)] if text else []), *rest)

    # -- asking ---------------------------------------------------------

    def ask(self, question: object, **options: Any) -> ChatResult:
        """Ask the next question and wait for the complete answer."""
        with self.chat(question, **options) as stream:
            return stream.result()

    def chat(self, question: object, **options: Any) -> ChatStream:
        """Ask the next question; the turn is kept when the stream was read to its end."""
        return self._chat(as_messages(question), self._messages, options)

    def retry(self, **options: Any) -> ChatResult:
        """Ask the pending question again, else the last one, and wait for the answer.

        The answer of a complete turn is replaced when the new one is complete.
        """
        with self.retry_chat(**options) as stream:
            return stream.result()

    def retry_chat(self, **options: Any) -> ChatStream:
        """The same, as a stream; ``InvalidRequest`` when nothing was asked yet."""
        with self._lock:
            if self._pending is not None:
                return self._chat(self._pending.messages, self._messages, options)
            before = _start_of_last_turn(self._messages)
            if before is None:
                raise InvalidRequest("there is no question to ask again")
            question = tuple(m for m in self._messages[before:] if m.role == "user")
            return self._chat(question, self._messages[:before], options)

    def fork(self, at: int | None = None) -> Conversation:
        """Another conversation that begins as this one: with ``messages[:at]``, by default all.

        ``fork(at=-2)`` leaves out the last question and answer.
        """
        messages = self._messages[:at]
        if messages and messages[-1].tool_calls:
            raise InvalidRequest(f"fork(at={at}) would leave calls of tools without results")
        return Conversation(self._client, trim=self.trim, messages=messages, options=self.options)

    def __repr__(self) -> str:
        return f"<Conversation {self.id}: {len(self._messages)} messages>"

    # -- inside ---------------------------------------------------------

    def _chat(
        self, new: tuple[Message, ...], before: tuple[Message, ...], options: dict[str, Any]
    ) -> ChatStream:
        with self._lock:
            if self._turn is not None and self._turn.journal.is_running:
                raise InvalidRequest("the last answer is still coming: read it, or cancel() it")
            history = (*before, *new)
            sent = history if self.trim is None else self._trimmer.trimmed(history, self.trim)
            context = CallContext(conversation=self.id, history=history)
            with calling(context):
                stream = self._client.chat(list(sent), **{**self.options, **options})
            turn = _Turn(new, history, sent, stream.journal)
            self._turn = turn
            # The turn, not the stream: nothing here may keep a stream alive that was dropped.
            stream.journal.at_end(lambda journal: self._end(turn))
            return stream

    def _end(self, turn: _Turn) -> None:
        with self._lock:
            if self._turn is not turn:
                return  # another question was asked since
            journal = turn.journal
            if journal.error is not None:
                self._pending = Pending(turn.question, journal.text(), journal.error)
                return
            if self.trim is not None:
                self._trimmer.learn(turn.sent, journal.usage)
            self._messages = (*turn.history, *journal.new_messages(len(turn.sent)))
            self._pending = None


def opened(
    client: Asked,
    archive: Archive | None,
    *,
    system: str | None,
    id: str | None,
    trim: int | None,
    messages: object = (),
    options: dict[str, Any],
) -> Conversation:
    """The conversation *id* as the *archive* has it, else a new one that begins with *messages*."""
    found = archive.known_conversation(id) if archive is not None and id else None
    if found is None:
        known, pending = _begun(messages)
    elif messages:
        raise InvalidRequest(f"the archive has a conversation {id!r} already: no messages for it")
    else:
        known, pending, id = found.messages, None, found.id
        if found.pending is not None and found.pending_messages:
            pending = Pending(found.pending_messages, found.pending.text)
    return Conversation(
        client,
        system=system,
        id=id,
        trim=trim,
        messages=known,
        pending=pending,
        options=options,
    )


def _begun(given: object) -> tuple[tuple[Message, ...], Pending | None]:
    """The complete turns of a talk from elsewhere, and the question at its end."""
    messages = as_messages(given) if given else ()
    if messages and messages[-1].tool_calls:
        raise InvalidRequest("the messages end with calls of tools without results")
    start = len(messages)
    while start and messages[start - 1].role == "user":
        start -= 1
    question = messages[start:]
    return messages[:start], Pending(question) if question else None


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """A question on its way."""

    question: tuple[Message, ...]
    history: tuple[Message, ...]  # up to the question
    sent: tuple[Message, ...]
    journal: Journal


def _start_of_last_turn(messages: Sequence[Message]) -> int | None:
    """Where the newest question stands, or the first of several in a row."""
    start = None
    for at in range(len(messages) - 1, -1, -1):
        if messages[at].role == "user":
            start = at
        elif start is not None:
            break
    return start

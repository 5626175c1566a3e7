"""What is noted down about a call while it runs: :class:`Journal`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from time import time
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import G4FSyncError, Unparsable
from ..events import Attempt, Finish, ProviderData, Reasoning, ToolCall, Usage
from ..frozen import nothing
from ..messages import ChatRequest, Message
from ..ratelimits import RateLimits

if TYPE_CHECKING:
    from ..schemas import AnswerType
    from ..scope import CancelScope
    from .values import ElementReader

_PIECES_KEPT = 1024  # of text, before they become one
# What an answer is beside its items.
_OF_AN_ANSWER = (
    *("request", "history", "answer", "results", "wanted", "mode", "value", "headers", "limits"),
    *("_earlier", "_turn_start", "tool_calls", "provider_data"),
)


class Tried(Protocol):
    """Another call whose attempts count here too."""

    @property
    def attempts(self) -> tuple[Attempt, ...]: ...


class Watched(Protocol):
    """A call that is under way, as those who observe it want to hear of it."""

    def first_token(self) -> None: ...
    def ended(self) -> None: ...


class Watch(Protocol):
    """Those who will observe a call once it starts; see :mod:`.observing`."""

    def start(self, journal: Journal) -> Watched: ...


@dataclass(slots=True)
class Journal:
    """What is noted down about a call while it runs.

    It stands apart from :class:`ChatStream` so that the generator that does the
    work holds no reference to the stream: a stream that is dropped must end at
    once, not when the garbage collector finds the circle.
    """

    provider: str | None = None
    model: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    attempt_starts: list[float] = field(default_factory=list)  # in seconds since the epoch
    first_token_seconds: float | None = None
    losers: Sequence[Tried] = ()  # of a race this answer won
    pieces: int = 0  # of text
    _text: list[str] = field(default_factory=list)  # the first of them in one, see note_text()
    _joined: int = 0
    reasoning: list[str] = field(default_factory=list)
    tool_calls: list[ToolCall] = field(default_factory=list)
    provider_data: list[ProviderData] = field(default_factory=list)
    usage: Usage | None = None
    headers: Mapping[str, str] = field(
        default_factory=nothing
    )  # a few, by their names in lower case
    limits: RateLimits | None = None
    is_paced: bool = False  # its caller has seen to it that it may start, and will tell the pace
    finish: Finish | None = None
    request: ChatRequest | None = None  # as the model that answers was asked
    history: tuple[Message, ...] | None = None  # before the answer, when it is not the request's
    answer: Message | None = None  # the assistant's turn, when it is not simply what came
    results: tuple[Message, ...] = ()  # of tools, behind the answer
    wanted: AnswerType | None = None  # what the answer shall be
    mode: str | None = None  # how that was asked for
    value: Any = None  # the answer as such
    elements: ElementReader | None = None  # reads them one by one
    is_delivered: bool = False  # text or an element was handed out, and can't be taken back
    _earlier: list[Usage | None] = field(default_factory=list)  # of earlier answers
    _turn_start: int = 0  # in characters: where the text of the latest answer begins
    error: G4FSyncError | None = None  # why the answer is not whole
    seconds: float | None = None  # set at the end
    cached: bool = False  # nothing was asked: the answer is an earlier one
    # Of all attempts, while somebody watches: keys and cookies, and passwords of URLs.
    secrets: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    watch: Watch | None = None
    _watched: Watched | None = None  # refers to this journal, so it goes at the end
    _at_end: list[Callable[[Journal], None]] = field(default_factory=list)
    _started: bool = False

    def start(self) -> None:
        """The answer is being read for the first time."""
        self._started = True
        if self.watch is not None:
            self._watched = self.watch.start(self)

    @property
    def is_watched(self) -> bool:
        """Whether somebody hears of this call."""
        return self._watched is not None

    def note_secrets(self, secrets: Sequence[str], passwords: Sequence[str]) -> None:
        """Keep what those who watch may not tell."""
        self.secrets = (*self.secrets[0], *secrets), (*self.secrets[1], *passwords)

    def begin_attempt(self, scope: CancelScope) -> float:
        """Another try begins; the seconds of *scope* at which it does."""
        self.attempt_starts.append(time())
        return scope.elapsed()

    def reach_first_token(self, seconds: float) -> None:
        """The first token is there."""
        if self.first_token_seconds is None:
            self.first_token_seconds = seconds
        if self._watched is not None:
            self._watched.first_token()

    def at_end(self, function: Callable[[Journal], None]) -> None:
        """Call *function* once when the answer, begun, has ended in whatever way."""
        self._at_end.append(function)

    def end(self, seconds: float) -> None:
        """The answer has ended, well unless it has failed; the first time counts."""
        if self.seconds is not None:
            return
        self.seconds = seconds
        watched, self._watched = self._watched, None
        functions, self._at_end = self._at_end, []
        if self._started:
            for function in functions:
                function(self)
        if watched is not None:
            watched.ended()

    @property
    def is_running(self) -> bool:
        """Whether the answer is being read: begun, and not at its end."""
        return self._started and self.seconds is None

    def new_messages(self, asked: int) -> tuple[Message, ...]:
        """What a complete answer adds to a conversation of which *asked* messages were given."""
        return self.transcript()[asked:]

    def text(self) -> str:
        """The pieces as one; any thread may ask while another writes."""
        return "".join(self._text)

    def note_text(self, piece: str) -> None:
        """Keep a piece of the answer."""
        self._text.append(piece)
        self.pieces += 1
        if self.pieces % _PIECES_KEPT == 0:
            # An object for each would take five times the text.  Replaced in one slice,
            # so that a thread that reads meanwhile sees all of them once.
            self._text[self._joined :] = ["".join(self._text[self._joined :])]
            self._joined += 1

    def note_headers(self, headers: Mapping[str, str]) -> None:
        """Keep what the *headers* of an answer tell of the request and of limits."""
        from ..codecs.ratelimits import named, read  # not for "import g4fsync"

        self.headers = named(headers)
        self.limits = read(headers, self.headers) if self.headers else None

    def note(self, event: object) -> None:
        """Keep what *event* tells."""
        if isinstance(event, Reasoning):
            self.reasoning.append(event.text)
        elif isinstance(event, ToolCall):
            self.tool_calls.append(event)
        elif isinstance(event, ProviderData):
            self.provider_data.append(self._at_its_place(event))
        elif isinstance(event, Usage):
            self.usage = event
        elif isinstance(event, Finish):
            self.finish = event
        elif isinstance(event, Attempt) and isinstance(event.error, Unparsable):
            self._begin_anew()

    def _at_its_place(self, data: ProviderData) -> ProviderData:
        """*data* with where in the answer it stands: here, unless the provider knows better."""
        length, count = data.text_length, data.call_count
        if length is None:
            length = sum(map(len, self._text)) - self._turn_start
        if count is None:
            count = len(self.tool_calls)
        return replace(data, text_length=length, call_count=count)

    # -- several answers in one stream -----------------------------------

    def turn(self) -> Message:
        """What the model has said since the latest answer began, as its turn."""
        return Message(
            "assistant",
            self.text()[self._turn_start :],
            tool_calls=tuple(self.tool_calls),
            provider_data=tuple(self.provider_data),
        )

    def begin_round(self) -> None:
        """Another answer follows; its text belongs behind what there is."""
        self._turn_start = sum(map(len, self._text))
        self._begin_answer()

    def _begin_anew(self) -> None:
        """Another answer follows in place of the latest; text of earlier rounds stays."""
        kept = self.text()[: self._turn_start]
        self._text, self._joined = [kept] if kept else [], 0
        self.reasoning = []
        self._begin_answer()

    def _begin_answer(self) -> None:
        self._earlier.append(self.usage)
        self.tool_calls, self.provider_data = [], []
        self.usage = self.finish = self.answer = None

    def total_usage(self) -> Usage | None:
        """What all answers cost together; what was not told of each is ``None``."""
        return added([*self._earlier, self.usage]) if self._earlier else self.usage

    def transcript(self) -> tuple[Message, ...]:
        """The conversation with the answer in it, and results of tools behind it."""
        before = self.history
        if before is None:
            before = self.request.messages if self.request is not None else ()
        return (*before, self.answer or self.turn(), *self.results)

    def complete_value(self, wanted: AnswerType, text: str) -> Any:
        """The value of the answer *text*; elements that were read already are not read again."""
        if self.elements is not None and self.elements.are_complete:
            return wanted.of_elements(self.elements.values)
        return wanted.parse(text)

    def take_over(self, other: Journal) -> None:
        """Tell of the answer of *other*, whose items have been passed on, what items do not."""
        for name in _OF_AN_ANSWER:
            setattr(self, name, getattr(other, name))

    def fail(self, error: G4FSyncError) -> None:
        """The answer has ended with *error*; the first one counts."""
        if self.error is None:
            error.partial = self.text()
            error.attempts = tuple(self.attempts)
            error.provider = error.provider or self.provider
            error.model = error.model or self.model
            self.error = error


def added(usages: Sequence[Usage | None]) -> Usage | None:
    """The sum of *usages*; a count that one of them does not have is ``None``."""
    if not usages or any(each is None for each in usages):
        return None
    counts = {}
    for each in fields(Usage):
        numbers = [getattr(usage, each.name) for usage in usages]
        counts[each.name] = None if None in numbers else sum(numbers)
    return Usage(**counts)


class Answered:
    """What has come of an answer so far, as its journal has it; any thread may ask."""

    _journal: Journal

    @property
    def text(self) -> str:
        """The answer so far."""
        return self._journal.text()

    @property
    def reasoning(self) -> str:
        """What the model thought aloud so far; ``""`` where the provider does not tell."""
        return "".join(self._journal.reasoning)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The complete calls of the answer so far; of rounds those of the latest."""
        return tuple(self._journal.tool_calls)

    @property
    def provider_data(self) -> tuple[ProviderData, ...]:
        """What the provider wants back with this answer, so far, in order."""
        return tuple(self._journal.provider_data)

    @property
    def usage(self) -> Usage | None:
        """Tokens counted by the provider, of all rounds; ``None`` until, or unless, it tells."""
        return self._journal.total_usage()

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended; ``None`` before, and where the provider gives no reason."""
        return (self._journal.finish.reason or None) if self._journal.finish else None

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """What was tried, in order; the last one answered if its error is ``None``."""
        return tuple(self._journal.attempts)

    @property
    def cached(self) -> bool:
        """Whether it is an earlier answer, from a cache, and nothing is asked for it."""
        return self._journal.cached

    @property
    def first_token_seconds(self) -> float | None:
        """Seconds from the start to the first token; ``None`` before it."""
        return self._journal.first_token_seconds

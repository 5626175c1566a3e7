"""Ask, call, ask again: one stream of several answers.

Rules of this file:

* One scope for all: ``total`` bounds every question, tool and wait; each question has a
  child of it, since the other clocks begin anew.
* What the caller sees is one answer: text of all rounds, one finish.  The text of an
  answer that did not fit is dropped from the stream's ``text``, and ``events()`` has the
  ``Attempt`` that failed between the two.
* Text that a caller has been given can't be taken back: who iterates over a stream's text
  gets no second try.  ``result()``, ``values()`` before its first element, and events do.
* A round is complete when its calls have their results: only then a transcript may end.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from ..call import engine
from ..call.attempt import Call, label
from ..call.values import unparsable
from ..errors import ContentFiltered, G4FSyncError, RoundsExceeded, StreamTruncated, Unparsable
from ..events import Attempt, Event, Finish, ToolCall
from ..messages import ChatRequest, Message
from ..schemas import AnswerType, Misfit
from ..schemas.found import is_cut
from . import calling
from .toolbox import Toolbox

if TYPE_CHECKING:
    from ..call.journal import Journal
    from ..scope import CancelScope
    from ..settings import Retry
    from .wishes import Wishes

Items: TypeAlias = "Generator[str | Event, None, None]"


class Checking(Protocol):
    """A provider, as a further question to it is checked."""

    def check(self, request: ChatRequest) -> None: ...


@dataclass(frozen=True)
class Rounds:
    """A question that may need more than one answer.

    ``calls`` are the models to ask in turn; the one that answers is asked again.
    ``turns`` is the conversation as the caller gave it, what is sent may have more.
    """

    calls: Sequence[Call]
    turns: tuple[Message, ...]
    retry: Retry
    wishes: Wishes

    def run(self, scope: CancelScope, journal: Journal) -> Items:
        """What a stream iterates over."""
        return _Run(self, scope, journal).items()


class _Run:
    def __init__(self, plan: Rounds, scope: CancelScope, journal: Journal) -> None:
        self._plan = plan
        self._scope = scope
        self._journal = journal
        self._calls = list(plan.calls)
        self._transcript = plan.turns
        self._rounds = 0
        self._attempts_before = 0  # the latest answer
        self._reasks_left = plan.wishes.reask

    def items(self) -> Items:
        """Questions until an answer calls nothing and fits."""
        journal = self._journal
        self._scope.start()
        while True:
            finish = yield from self._answer()
            turn = journal.turn()
            turn = replace(turn, tool_calls=tuple(map(calling.sendable, turn.tool_calls)))
            journal.history, journal.answer = self._transcript, turn
            if self._is_to_call(turn):
                self._raise_if_cut(turn, finish)
                is_over = yield from self._call_tools(turn)
            else:
                is_over = yield from self._check(turn, finish)
            if is_over:
                if finish is not None:
                    yield finish
                return

    def _answer(self) -> Generator[str | Event, None, Finish | None]:
        """One answer; its finish is kept back, since it may not be the last."""
        finish: Finish | None = None
        self._attempts_before = len(self._journal.attempts)
        # The clocks but ``total`` begin anew with each question.
        own = self._scope.child()
        try:
            with (
                self._scope.aborting(own.cancel),
                closing(engine.answer(self._calls, self._plan.retry, own, self._journal)) as items,
            ):
                for item in items:
                    if item.__class__ is Finish:
                        finish = item
                    else:
                        yield item
        except G4FSyncError:
            self._scope.check()
            raise
        if finish is not None:
            self._journal.finish = finish
        answered = self._journal.request
        self._calls = [call for call in self._calls if call.request is answered][:1]
        return finish

    # -- tools ----------------------------------------------------------

    def _is_to_call(self, turn: Message) -> bool:
        toolbox = self._plan.wishes.toolbox
        return toolbox is not None and any(toolbox.calls(call.name) for call in turn.tool_calls)

    def _raise_if_cut(self, turn: Message, finish: Finish | None) -> None:
        """Make no call of an answer that a limit has cut inside one: the others belong to it.

        Told of its half call, the model would only write it again, up to the same limit.
        """
        if finish is None or finish.reason != "length":
            return
        for call in self._journal.tool_calls:
            if is_cut(call.arguments):
                error = StreamTruncated(
                    "the answer was cut off by a length limit inside the arguments of "
                    f"{call.name!r}; raise max_tokens"
                )
                label(error, self._calls[0])
                error.partial = turn.content
                raise error

    def _call_tools(self, turn: Message) -> Generator[str | Event, None, bool]:
        """Make the calls of *turn*; whether others are left, which are for the caller."""
        toolbox = self._plan.wishes.toolbox
        assert toolbox is not None  # _is_to_call() has looked
        ours, others = _split(toolbox, self._journal.tool_calls)
        answers: list[Message] = []
        with closing(calling.results(toolbox, ours, self._scope)) as results:
            for result in results:
                answers.append(calling.as_message(result))
                yield result
        if others:
            self._journal.tool_calls = others
            self._journal.results = tuple(answers)
            return True
        self._transcript = (*self._transcript, turn, *answers)
        self._journal.history, self._journal.answer = self._transcript, None
        self._rounds += 1
        if self._rounds >= toolbox.max_rounds:
            raise self._exceeded(toolbox)
        self._ask_again(turn, *answers)
        self._journal.begin_round()
        return False

    def _exceeded(self, toolbox: Toolbox) -> RoundsExceeded:
        error = RoundsExceeded(
            f"the model still calls tools after {toolbox.max_rounds} rounds; "
            "ask again with the error's messages, or raise max_rounds"
        )
        error.messages = self._transcript
        label(error, self._calls[0])
        return error

    def _ask_again(self, *turns: Message) -> None:
        """Make the next question: what was sent, and *turns* behind it."""
        call = self._calls[0]
        options = dict(call.request.options)
        if turns[0].tool_calls and options.get("tool_choice") not in (None, "auto", "none"):
            # It was to begin with a tool; with this in each round it could never end.
            del options["tool_choice"]
        request = replace(call.request, messages=(*call.request.messages, *turns), options=options)
        cast("Checking", call.provider).check(request)
        self._calls = [replace(call, request=request)]

    # -- types ----------------------------------------------------------

    def _check(self, turn: Message, finish: Finish | None) -> Generator[Event, None, bool]:
        """Read the value of the answer; whether that went well, else it is asked for again."""
        wanted = self._plan.wishes.wanted
        if wanted is None or turn.tool_calls:
            return True
        journal = self._journal
        try:
            journal.value = journal.complete_value(wanted, turn.content)
        except Misfit as misfit:
            error = self._unparsable(misfit, turn.content, finish)
        else:
            return True
        self._note_attempt(error)
        if not self._reasks_left or journal.is_delivered or not isinstance(error, Unparsable):
            raise error
        self._reasks_left -= 1
        yield journal.attempts[-1]  # with it the journal begins the answer anew
        answer = (turn,) if turn.content.strip() else ()
        self._ask_again(*answer, Message("user", _complaint(error, wanted)))
        return False

    def _note_attempt(self, error: G4FSyncError) -> None:
        """The attempt that gave the answer has failed after all; a cache's answer has none."""
        attempts = self._journal.attempts
        if len(attempts) > self._attempts_before:
            attempts[-1] = replace(attempts[-1], error=error)
        else:
            call = self._calls[0]
            number = len(attempts) + 1
            attempts.append(Attempt(number, call.provider.name, call.model, "stream", 0.0, error))

    def _unparsable(self, misfit: Misfit, text: str, finish: Finish | None) -> G4FSyncError:
        reason = finish.reason if finish is not None else ""
        error: G4FSyncError
        if reason == "length" and is_cut(text):
            error = StreamTruncated(
                "the answer was cut off by a length limit inside its JSON; raise max_tokens"
            )
        elif reason == "content_filter" and is_cut(text):
            error = ContentFiltered("the answer was cut off by a content filter inside its JSON")
        else:
            error = unparsable(misfit, text)
        label(error, self._calls[0])
        error.partial = text
        return error


def _complaint(error: Unparsable, wanted: AnswerType) -> str:
    """What the model is told of an answer that does not fit."""
    shape = "" if wanted.wrapper is None else " of the same outer form"
    return (
        f"{error.args[0]}. Answer again with JSON{shape} that fits the schema, and with "
        "nothing else."
    )


def _split(toolbox: Toolbox, calls: Sequence[ToolCall]) -> tuple[list[ToolCall], list[ToolCall]]:
    ours = [call for call in calls if toolbox.calls(call.name)]
    return ours, [call for call in calls if not toolbox.calls(call.name)]

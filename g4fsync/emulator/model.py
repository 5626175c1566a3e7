"""A pretend language model, for the far sides of the big APIs.

It thinks when asked to, calls tools when a user has spoken, and otherwise says what
the reply says, within ``max_tokens`` and up to a stop sequence.  Where JSON is asked for, it
says JSON that fits the schema.  Tokens are counted as :func:`~g4fsync.emulator.replies.words`.

It calls the tools that the user's text names, at once where that is allowed, else
in one turn after the other; "then" in the text begins another turn.  When the text names
none, it calls the first one once.  When it must call one in every turn, it goes on with those
that are left, so that an agent whose answer is a tool comes to its end.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from .checks import Wrong
from .exchange import Exchange, PlannedRefusal
from .farside import FarSide, Pace
from .faults import InBandError
from .http import HTTPFarSide
from .replies import Messages, Reply, words
from .samples import sample_value
from .schema_checks import check_schema

#: A model that every far side has.
ANY_MODEL = "emulator"
#: What is answered when JSON is asked for without a schema.
ANY_OBJECT = {"type": "object", "properties": {"answer": {"type": "string"}}}


@dataclass(frozen=True, slots=True)
class ThoughtPiece:
    """A piece of reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A whole tool call; ``index`` counts those of one answer."""

    id: str
    name: str
    arguments: dict[str, Any]
    index: int = 0


Piece: TypeAlias = ThoughtPiece | TextPiece | CallPiece


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, apart from how the API writes it.

    ``tools``
        maps the names of those that may be called to JSON schemas.
    ``must_call``
        one of them has to be called.
    ``parallel``
        several may be called at once.
    ``schema``
        the answer is to be JSON that fits; ``None``: it is prose.
    """

    messages: Messages
    tools: Mapping[str, Any] = field(default_factory=dict)
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    thinks: bool = False
    must_call: bool = False
    parallel: bool = True
    schema: Any = None

    @property
    def input_tokens(self) -> int:
        """How long the prompt is."""
        return sum(len(words(message["content"])) + 1 for message in self.messages)

    @property
    def asked(self) -> tuple[str, int]:
        """What the user said last, and how many turns the assistant had since."""
        turns = 0
        for message in reversed(self.messages):
            if message["role"] == "user":
                return message["content"], turns
            turns += message["role"] == "assistant"
        return "", turns


class ModelAnswer:
    """An answer under way; what it cost and how it ended is known after its last piece.

    ``finish`` is ``stop``, ``length`` or ``tool_calls``; ``given`` are the pieces so far.
    """

    def __init__(self, side: FarSide, exchange: Exchange, question: Question, thought: str) -> None:
        self._side = side
        self._exchange = exchange
        self._question = question
        self._thought = thought if question.thinks else ""
        self.input_tokens = question.input_tokens
        self.output_tokens = 0
        self.reasoning_tokens = 0
        self.finish = "stop"
        self.stop_sequence: str | None = None
        self.given: list[Piece] = []

    def pieces(self) -> Iterator[Piece]:
        """The answer, each piece in its time."""
        for piece in self._pieces():
            self.given.append(piece)
            yield piece

    def _pieces(self) -> Iterator[Piece]:
        for thought in words(self._thought):
            self.output_tokens += 1
            self.reasoning_tokens += 1
            yield ThoughtPiece(thought)
        calls = self._calls()
        if calls:
            yield from calls
        else:
            yield from self._say()

    def _calls(self) -> list[CallPiece]:
        question = self._question
        if not question.tools or question.messages[-1]["role"] not in ("user", "tool"):
            return []
        text, turns = question.asked
        stages = _stages(question)
        if turns < len(stages):
            names = stages[turns]
        elif question.must_call:
            left = [name for name in question.tools if all(name not in stage for stage in stages)]
            left = left or [*question.tools]
            names = [left[(turns - len(stages)) % len(left)]]
        else:
            return []
        calls = []
        for index, name in enumerate(names):
            call_id = f"call_{self._exchange.number}" + (f"_{index + 1}" if index else "")
            arguments = sample_value(question.tools[name], text)
            given = arguments if isinstance(arguments, dict) else {}
            calls.append(CallPiece(call_id, name, given, index))
        self.finish = "tool_calls"
        self.output_tokens += len(calls)
        return calls

    def _say(self) -> Iterator[TextPiece]:
        limit, text = self._question.max_tokens, ""
        reply = self._side.reply
        if self._question.schema is not None:
            reply = fitting(reply, self._question.schema)
        for token in self._side.tokens(self._exchange, self._question.messages, reply):
            if limit is not None and self.output_tokens >= limit:
                self.finish = "length"
                return
            self.output_tokens += 1
            stops = [s for s in self._question.stop if s in text + token]
            if stops:
                self.stop_sequence = min(stops, key=(text + token).index)
                rest = (text + token)[len(text) : (text + token).index(self.stop_sequence)]
                if rest:
                    yield TextPiece(rest)
                return
            text += token
            yield TextPiece(token)


def _stages(question: Question) -> list[list[str]]:
    """The tools to call in each turn: see the module."""
    # A longer name may begin with a shorter one.
    names = "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in question.tools)
    parts = [re.findall(names, part) for part in re.split(r"\bthen\b", question.asked[0])]
    stages = [list(dict.fromkeys(part)) for part in parts if part] or [[*question.tools][:1]]
    if not question.parallel:
        stages = [[name] for stage in stages for name in stage]
    return stages


def fitting(reply: Reply, schema: Any) -> Reply:
    """A reply that is JSON: the reply's own when it is JSON, else one that fits the schema."""

    def fitted(messages: Messages) -> Iterable[str]:
        text = "".join(reply(messages))
        try:
            if isinstance(json.loads(text), dict | list):
                return words(text)
        except ValueError:
            pass  # it was meant for those who want prose
        value = sample_value(schema, Question(messages).asked[0])
        return words(json.dumps(value, ensure_ascii=False))

    return fitted


class ModelSide(HTTPFarSide):
    """A far side with models, keys, and messages in roles.

    ``models``
        the models there are.
    ``any_model``
        a model of any other name is there too, though it is not listed.
    ``context_size``
        a longer prompt (in words and messages) is refused; ``None``: any length.
    ``thought``
        what it thinks, when it does.
    ``always_thinks``
        it thinks also when not asked to.
    ``finish_reason``
        the raw word for why it ended, in place of the true one.
    """

    default_models: ClassVar[tuple[str, ...]] = ()

    def __init__(self, reply: Reply, pace: Pace, api_key: str) -> None:
        super().__init__(reply, pace)
        self.api_key = api_key
        self.models = (*self.default_models, ANY_MODEL)
        self.any_model = False
        self.context_size: int | None = None
        self.thought = "The user asks; I answer."
        self.always_thinks = False
        self.finish_reason: str | None = None

    def answer(self, exchange: Exchange, question: Question, *, complete: bool) -> ModelAnswer:
        """Begin an answer; *whole*: as one JSON value, in which no error can be told of."""
        self.journal.note(exchange.number, images=tuple(exchange.images))
        for name, schema in question.tools.items():
            check_schema(schema, f"function '{name}'")
        check_schema(question.schema, "the answer")
        if self.context_size is not None and question.input_tokens > self.context_size:
            raise self.too_long(question.input_tokens)
        exchange.accepted()
        error = exchange.find(InBandError)
        if error and complete:
            code = None if error.code is None else str(error.code)
            raise PlannedRefusal(500, error.message, code=code, kind=error.kind)
        return ModelAnswer(self, exchange, question, self.thought)

    def too_long(self, tokens: int) -> Wrong:
        """The refusal of a prompt of so many tokens."""
        return Wrong(400, f"prompt is too long: {tokens} tokens > {self.context_size} maximum")

    def check_model(self, model: str) -> None:
        """:class:`Wrong` 404 for a model there is not."""
        if not self.any_model and model not in self.models:
            raise Wrong(404, f"The model `{model}` does not exist", code="model_not_found")


def decode_image(exchange: Exchange, content: Any, where: str) -> None:
    """Keep the bytes of a picture sent as base64, or :class:`Wrong`."""
    try:
        image = base64.b64decode(content, validate=True)
    except (TypeError, ValueError) as exc:
        raise Wrong(400, f"{where}: no base64: {exc}") from exc
    if not image:
        raise Wrong(400, f"{where}: empty")
    exchange.images.append(image)


def text_of(pieces: list[Piece], kind: type[ThoughtPiece] | type[TextPiece]) -> str:
    """The texts of one kind, joined."""
    return "".join(piece.text for piece in pieces if isinstance(piece, kind))


def calls_of(pieces: list[Piece]) -> list[CallPiece]:
    """The tool calls among the pieces."""
    return [piece for piece in pieces if isinstance(piece, CallPiece)]

"""A pretend language model, for the far sides of the big APIs.

It thinks when asked to, calls the first tool it is offered when a user has
spoken, and otherwise says what the reply says, within ``max_tokens`` and up to a
stop sequence.  Tokens are counted as :func:`~g4fsync.emulator.replies.words`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from .checks import Wrong
from .exchange import Exchange, PlannedRefusal
from .farside import FarSide, Pace
from .faults import InBandError
from .http import HTTPFarSide
from .replies import Messages, Reply, words

#: A model that every far side has.
ANY_MODEL = "emulator"


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Called:
    """A whole tool call."""

    id: str
    name: str
    arguments: dict[str, Any]


Piece: TypeAlias = Thought | Said | Called


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, apart from how the API writes it; ``tools`` maps names to JSON schemas."""

    messages: Messages
    tools: Mapping[str, Any] = field(default_factory=dict)
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    thinks: bool = False

    @property
    def input_tokens(self) -> int:
        """How long the prompt is."""
        return sum(len(words(message["content"])) + 1 for message in self.messages)


class Answer:
    """An answer under way; what it cost and how it ended is known after its last piece.

    ``finish`` is ``stop``, ``length`` or ``tool_calls``.
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

    def pieces(self) -> Iterator[Piece]:
        """The answer, each piece in its time."""
        for thought in words(self._thought):
            self.output_tokens += 1
            self.reasoning_tokens += 1
            yield Thought(thought)
        question = self._question
        if question.tools and question.messages[-1]["role"] == "user":
            yield self._call()
        else:
            yield from self._say()

    def _call(self) -> Called:
        name, schema = next(iter(self._question.tools.items()))
        self.output_tokens += 1
        self.finish = "tool_calls"
        text = self._question.messages[-1]["content"]
        return Called(f"call_{self._exchange.number}", name, pretend_arguments(schema, text))

    def _say(self) -> Iterator[Said]:
        limit, said = self._question.max_tokens, ""
        for token in self._side.tokens(self._exchange, self._question.messages):
            if limit is not None and self.output_tokens >= limit:
                self.finish = "length"
                return
            self.output_tokens += 1
            stops = [s for s in self._question.stop if s in said + token]
            if stops:
                self.stop_sequence = min(stops, key=(said + token).index)
                rest = (said + token)[len(said) : (said + token).index(self.stop_sequence)]
                if rest:
                    yield Said(rest)
                return
            said += token
            yield Said(token)


def pretend_arguments(schema: Any, text: str) -> dict[str, Any]:
    """Arguments that fit the properties of a JSON schema; strings are *text*."""
    properties = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
    samples: dict[Any, Any] = {
        "integer": 1,
        "number": 1.5,
        "boolean": True,
        "array": [],
        "object": {},
    }
    return {
        name: (value.get("enum") or [samples.get(value.get("type"), text)])[0]
        for name, value in properties.items()
        if isinstance(value, Mapping)
    }


class ModelSide(HTTPFarSide):
    """A far side with models, keys, and messages in roles.

    ``models``
        the models there are.
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
        self.context_size: int | None = None
        self.thought = "The user asks; I answer."
        self.always_thinks = False
        self.finish_reason: str | None = None

    def answer(self, exchange: Exchange, question: Question, *, whole: bool) -> Answer:
        """Begin an answer; *whole*: as one JSON value, in which no error can be told of."""
        self.journal.note(exchange.number, images=tuple(exchange.images))
        if self.context_size is not None and question.input_tokens > self.context_size:
            raise self.too_long(question.input_tokens)
        exchange.accepted()
        error = exchange.find(InBandError)
        if error and whole:
            code = None if error.code is None else str(error.code)
            raise PlannedRefusal(500, error.message, code=code, kind=error.kind)
        return Answer(self, exchange, question, self.thought)

    def too_long(self, tokens: int) -> Wrong:
        """The refusal of a prompt of so many tokens."""
        return Wrong(400, f"prompt is too long: {tokens} tokens > {self.context_size} maximum")

    def check_model(self, model: str) -> None:
        """:class:`Wrong` 404 for a model there is not."""
        if model not in self.models:
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


def text_of(pieces: list[Piece], kind: type[Thought] | type[Said]) -> str:
    """The texts of one kind, joined."""
    return "".join(piece.text for piece in pieces if isinstance(piece, kind))


def calls_of(pieces: list[Piece]) -> list[Called]:
    """The tool calls among the pieces."""
    return [piece for piece in pieces if isinstance(piece, Called)]

"""The events of ``chat.completions.stream``, by their names in openai-python 3.57."""

from __future__ import annotations

from typing import Any

from ..records import Record
from .types.chat.chat_completion_chunk import ChatCompletionChunk
from .types.chat.parsed_chat_completion import ParsedChatCompletion


class ChunkEvent(Record):
    """A chunk, and the answer so far."""

    type: str
    chunk: ChatCompletionChunk
    snapshot: ParsedChatCompletion[Any]


class ContentDeltaEvent(Record):
    """More text; ``parsed`` is what is complete of its JSON when a type was asked for."""

    type: str
    delta: str
    snapshot: str
    parsed: Any


class ContentDoneEvent(Record):
    """The complete text; ``parsed`` is of the type asked for."""

    type: str
    content: str
    parsed: Any


class RefusalDeltaEvent(Record):
    """More of a refusal."""

    type: str
    delta: str
    snapshot: str


class RefusalDoneEvent(Record):
    """The complete refusal."""

    type: str
    refusal: str


class FunctionToolCallArgumentsDeltaEvent(Record):
    """More of a call's arguments."""

    type: str
    name: str
    index: int
    arguments: str
    parsed_arguments: Any
    arguments_delta: str


class FunctionToolCallArgumentsDoneEvent(Record):
    """A complete call."""

    type: str
    name: str
    index: int
    arguments: str
    parsed_arguments: Any


class LogprobsContentDeltaEvent(Record):
    """How likely more tokens of the text were."""

    type: str
    content: list[Any]
    snapshot: list[Any]


class LogprobsContentDoneEvent(Record):
    """The same of all of them."""

    type: str
    content: list[Any]


class LogprobsRefusalDeltaEvent(Record):
    """How likely more tokens of a refusal were."""

    type: str
    refusal: list[Any]
    snapshot: list[Any]


class LogprobsRefusalDoneEvent(Record):
    """The same of all of them."""

    type: str
    refusal: list[Any]

"""A piece of a streamed answer of the chat completions."""

from __future__ import annotations

from typing import Any, ClassVar

from ....records import Readers, Record, list_of, object_of
from ..completion_usage import CompletionUsage
from .chat_completion_token_logprob import ChoiceLogprobs


class ChoiceDeltaAudio(Record):
    """A piece of sound."""

    id: str | None
    data: str | None
    expires_at: int | None
    transcript: str | None


class ChoiceDeltaFunctionCall(Record):
    """A piece of a call in the older way."""

    arguments: str | None
    name: str | None


class ChoiceDeltaToolCallFunction(Record):
    """A piece of a function's name and arguments."""

    arguments: str | None
    name: str | None


class ChoiceDeltaToolCall(Record):
    """A piece of the call at ``index``."""

    index: int
    id: str | None
    function: ChoiceDeltaToolCallFunction | None
    type: str | None

    readers: ClassVar[Readers] = {"function": object_of(ChoiceDeltaToolCallFunction)}


class ChoiceDelta(Record):
    """What a piece adds to its answer."""

    audio: ChoiceDeltaAudio | None
    content: str | None
    function_call: ChoiceDeltaFunctionCall | None
    refusal: str | None
    role: str | None
    tool_calls: list[ChoiceDeltaToolCall] | None

    readers: ClassVar[Readers] = {
        "audio": object_of(ChoiceDeltaAudio),
        "function_call": object_of(ChoiceDeltaFunctionCall),
        "tool_calls": list_of(ChoiceDeltaToolCall),
    }


class Choice(Record):
    """A piece of one of the answers asked for."""

    delta: ChoiceDelta
    index: int
    finish_reason: str | None
    logprobs: ChoiceLogprobs | None

    readers: ClassVar[Readers] = {
        "delta": object_of(ChoiceDelta),
        "logprobs": object_of(ChoiceLogprobs),
    }


class ChatCompletionChunk(Record):
    """A piece of a streamed answer."""

    id: str
    choices: list[Choice]
    created: int
    model: str
    object: str
    moderation: Any
    obfuscation: str | None
    service_tier: str | None
    system_fingerprint: str | None
    usage: CompletionUsage | None

    readers: ClassVar[Readers] = {"choices": list_of(Choice), "usage": object_of(CompletionUsage)}

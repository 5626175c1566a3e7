"""A complete answer of the chat completions."""

from __future__ import annotations

from typing import Any, ClassVar

from ....records import Readers, Record, list_of, object_of
from ..completion_usage import CompletionUsage
from .chat_completion_message import ChatCompletionMessage
from .chat_completion_token_logprob import ChoiceLogprobs


class Choice(Record):
    """One of the answers asked for."""

    finish_reason: str
    index: int
    logprobs: ChoiceLogprobs | None
    message: ChatCompletionMessage

    readers: ClassVar[Readers] = {
        "logprobs": object_of(ChoiceLogprobs),
        "message": object_of(ChatCompletionMessage),
    }


class ChatCompletion(Record):
    """A complete answer."""

    id: str
    choices: list[Choice]
    created: int
    model: str
    object: str
    metadata: dict[str, str] | None
    moderation: Any
    service_tier: str | None
    system_fingerprint: str | None
    usage: CompletionUsage | None

    readers: ClassVar[Readers] = {"choices": list_of(Choice), "usage": object_of(CompletionUsage)}

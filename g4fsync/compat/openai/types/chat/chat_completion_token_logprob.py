"""How likely a token was."""

from __future__ import annotations

from typing import ClassVar

from ....records import Readers, Record, decimal, list_of


class TopLogprob(Record):
    """A token that could have stood in the same place."""

    token: str
    bytes: list[int] | None
    logprob: float

    readers: ClassVar[Readers] = {"logprob": decimal}


class ChatCompletionTokenLogprob(Record):
    """A token of the answer, and those that could have stood in its place."""

    token: str
    bytes: list[int] | None
    logprob: float
    top_logprobs: list[TopLogprob]

    readers: ClassVar[Readers] = {"logprob": decimal, "top_logprobs": list_of(TopLogprob)}


class ChoiceLogprobs(Record):
    """How likely the tokens of an answer were."""

    content: list[ChatCompletionTokenLogprob] | None
    refusal: list[ChatCompletionTokenLogprob] | None

    readers: ClassVar[Readers] = {
        "content": list_of(ChatCompletionTokenLogprob),
        "refusal": list_of(ChatCompletionTokenLogprob),
    }

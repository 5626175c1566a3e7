"""Tokens of an answer, as the server counted them."""

from __future__ import annotations

from typing import ClassVar

from ...records import Readers, Record, object_of


class CompletionTokensDetails(Record):
    """What the tokens of the answer were for."""

    accepted_prediction_tokens: int | None
    audio_tokens: int | None
    reasoning_tokens: int | None
    rejected_prediction_tokens: int | None
    text_tokens: int | None


class PromptTokensDetails(Record):
    """What the tokens of the question were for."""

    audio_tokens: int | None
    cache_write_tokens: int | None
    cached_tokens: int | None
    image_tokens: int | None
    text_tokens: int | None


class CompletionUsage(Record):
    """Tokens of one question and its answer."""

    completion_tokens: int
    prompt_tokens: int
    total_tokens: int
    completion_tokens_details: CompletionTokensDetails | None
    prompt_tokens_details: PromptTokensDetails | None

    readers: ClassVar[Readers] = {
        "completion_tokens_details": object_of(CompletionTokensDetails),
        "prompt_tokens_details": object_of(PromptTokensDetails),
    }

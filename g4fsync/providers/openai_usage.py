"""What an answer of OpenAI's chat completions counts, also in the words of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..events import Usage
from . import chatapi, fields

_DETAILS = ("prompt_tokens_details", "completion_tokens_details")


def with_details(counted: Mapping[str, Any], before: Mapping[str, Any]) -> Mapping[str, Any]:
    """*counted*, and the details told *before* where it lacks them, as a last count may."""
    for name in _DETAILS:
        if before.get(name) and not counted.get(name):
            counted = {**counted, name: before[name]}
    return counted


def usage(counted: Mapping[str, Any]) -> Usage:
    """Usage in OpenAI's words, and in those of others for what they count besides.

    Tokens read from a cache are also ``num_cached_tokens`` (Mistral),
    ``cached_tokens`` (Together, Hugging Face, Moonshot) and
    ``prompt_cache_hit_tokens`` (DeepSeek).  xAI leaves reasoning out of
    ``completion_tokens``, but not out of the total.
    """
    prompt, answer = (
        fields.mapping(counted.get(f"{name}_tokens_details"), f"{name}_tokens_details")
        for name in ("prompt", "completion")
    )
    cached = chatapi.count(prompt, "cached_tokens")
    if cached is None:
        others = ("num_cached_tokens", "cached_tokens", "prompt_cache_hit_tokens")
        cached = chatapi.count(counted, *others)
    reasoning = chatapi.count(answer, "reasoning_tokens")
    given = chatapi.count(counted, "prompt_tokens")
    made = chatapi.count(counted, "completion_tokens")
    total = chatapi.count(counted, "total_tokens")
    if reasoning and given is not None and made is not None and given + made + reasoning == total:
        made += reasoning
    return Usage(given, made, total, cached, reasoning)

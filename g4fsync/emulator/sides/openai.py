"""The far side of OpenAI; any compatible provider can be pointed at it too.

What it says and where that is known from: :mod:`g4fsync.emulator.sides.completions` and
:mod:`g4fsync.emulator.sides.openai_responses`.  The
models of DeepSeek are there since they ask for what OpenAI's don't: the reasoning of
a turn with tool calls has to be sent back.
"""

from __future__ import annotations

from .openai_responses import Responses


class OpenAISide(Responses):
    """OpenAI's server."""

    name = "openai"
    base_path = "/v1"
    default_models = (
        "gpt-5",
        "gpt-5-mini",
        "gpt-5-nano",
        "gpt-4.1",
        "gpt-4.1-mini",
        "gpt-4o",
        "gpt-4o-mini",
        "o4-mini",
        "gpt-3.5-turbo",
        "deepseek-chat",
        "deepseek-reasoner",
    )

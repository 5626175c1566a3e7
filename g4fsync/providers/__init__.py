"""The providers; each module is one protocol, and importing a class costs only that one."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .anthropic import Anthropic
    from .flowgpt import FlowGpt
    from .gemini import Gemini
    from .koala import Koala
    from .myshell import Myshell
    from .ollama import Ollama
    from .openai import OpenAI
    from .openassistant import OpenAssistant

__all__ = [
    "Anthropic",
    "FlowGpt",
    "Gemini",
    "Koala",
    "Myshell",
    "Ollama",
    "OpenAI",
    "OpenAssistant",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{name.lower()}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

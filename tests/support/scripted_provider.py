"""A provider that answers from a list and keeps what it was asked; it sends nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from g4fsync import ChatRequest, Finish, Provider, ToolCall, Transport
from g4fsync.events import Event

Answer = Iterable[str | Event]


class ScriptedProvider(Provider):
    """Each question takes the next of *answers*; a ``str`` is a complete text."""

    name = "scripted"
    base_url = "http://127.0.0.1:9"
    default_model = "m"
    open_models = True
    supports_tools = True
    supports_extra = True
    supports_images = True
    native_schema = "strict"
    options = frozenset({"tools", "tool_choice", "response_format", "max_tokens", "temperature"})

    def __init__(self, *answers: str | Answer, native_schema: str = "strict") -> None:
        super().__init__()
        self.answers = list(answers)
        self.requests: list[ChatRequest] = []
        self.native_schema = native_schema

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            yield answer
            yield Finish("stop")
        else:
            yield from answer


def call(name: str, id: str = "c1", **arguments: Any) -> ToolCall:
    return ToolCall(id, name, json.dumps(arguments))


def calling(*calls: ToolCall) -> list[str | Event]:
    """An answer that is nothing but *calls*."""
    return [*calls, Finish("tool_calls")]

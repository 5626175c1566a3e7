"""What ``g4f``'s client answers with: chat completions with the provider's name."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, ClassVar
from uuid import uuid4

from ...call.stream import ChatStream
from ...errors import G4FSyncError
from ...events import Finish, Reasoning, Text, ToolCall, Usage
from ...messages import ChatResult
from .. import shapes
from ..records import Readers, Record, list_of, object_of
from .errors import translated


class UsageModel(Record):
    """Tokens, where the provider counts them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, Any] | None
    completion_tokens_details: dict[str, Any] | None


class ToolFunctionModel(Record):
    """The function to call."""

    name: str
    arguments: str


class ToolCallModel(Record):
    """A call."""

    index: int
    id: str
    type: str
    function: ToolFunctionModel

    readers: ClassVar[Readers] = {"function": object_of(ToolFunctionModel)}


class ChatCompletionMessage(Record):
    """The assistant's turn."""

    role: str
    content: str
    reasoning: str | None
    tool_calls: list[ToolCallModel] | None

    readers: ClassVar[Readers] = {"tool_calls": list_of(ToolCallModel)}


class ChatCompletionChoice(Record):
    """The answer."""

    index: int
    message: ChatCompletionMessage
    finish_reason: str

    readers: ClassVar[Readers] = {"message": object_of(ChatCompletionMessage)}


class ChatCompletion(Record):
    """A complete answer."""

    id: str
    object: str
    created: int
    model: str
    provider: str | None
    choices: list[ChatCompletionChoice]
    usage: UsageModel

    readers: ClassVar[Readers] = {
        "choices": list_of(ChatCompletionChoice),
        "usage": object_of(UsageModel),
    }


class ChatCompletionDelta(Record):
    """What a piece adds."""

    role: str
    content: str | None
    reasoning: str | None
    tool_calls: list[ToolCallModel] | None

    readers: ClassVar[Readers] = {"tool_calls": list_of(ToolCallModel)}


class ChatCompletionDeltaChoice(Record):
    """A piece of the answer."""

    index: int
    delta: ChatCompletionDelta
    finish_reason: str | None

    readers: ClassVar[Readers] = {"delta": object_of(ChatCompletionDelta)}


class ChatCompletionChunk(Record):
    """A piece of a streamed answer; the last one has the reason and the usage."""

    id: str
    object: str
    created: int
    model: str
    provider: str | None
    choices: list[ChatCompletionDeltaChoice]
    usage: UsageModel | None

    readers: ClassVar[Readers] = {
        "choices": list_of(ChatCompletionDeltaChoice),
        "usage": object_of(UsageModel),
    }


def completion(answer: ChatStream) -> ChatCompletion:
    """The complete answer; raises g4f's errors."""
    try:
        with answer:
            result: ChatResult = answer.result()
    except G4FSyncError as exc:
        raise translated(exc) from exc
    value = shapes.completion(result, id=f"chatcmpl-{uuid4().hex}", created=int(time.time()))
    choice = value["choices"][0]
    message: dict[str, Any] = {"role": "assistant", "content": result.text}
    if result.reasoning:
        message["reasoning"] = result.reasoning
    calls = choice["message"].get("tool_calls") or ()
    if calls:
        message["tool_calls"] = [{"index": at, **call} for at, call in enumerate(calls)]
    value["choices"] = [{"index": 0, "message": message, "finish_reason": choice["finish_reason"]}]
    value.setdefault("usage", shapes.usage(Usage()))
    return ChatCompletion.of({**value, "provider": result.provider})


def chunks(answer: ChatStream) -> Iterator[ChatCompletionChunk]:
    """The answer as it comes; raises g4f's errors."""
    frame = {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
    }
    calls, reason, counted = 0, "", Usage()
    try:
        with answer:
            for event in answer.events():
                delta: dict[str, Any] = {}
                match event:
                    case Text(text):
                        delta = {"content": text}
                    case Reasoning(text):
                        delta = {"content": None, "reasoning": text}
                    case ToolCall():
                        delta = {"content": None, "tool_calls": [_call(event, calls)]}
                        calls += 1
                    case Usage():
                        counted = event
                    case Finish():
                        reason = event.reason
                if delta:
                    yield _chunk(answer, frame, {"role": "assistant", **delta}, None)
    except G4FSyncError as exc:
        raise translated(exc) from exc
    last = _chunk(
        answer,
        frame,
        {"role": "assistant", "content": None},
        reason or ("tool_calls" if calls else "stop"),
    )
    last.usage = UsageModel.of(shapes.usage(counted))
    yield last


def _call(call: ToolCall, index: int) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"index": index, "id": call.id, "type": "function", "function": function}


def _chunk(
    answer: ChatStream, frame: dict[str, Any], delta: dict[str, Any], reason: str | None
) -> ChatCompletionChunk:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    names = {"model": answer.model, "provider": answer.provider}
    return ChatCompletionChunk.of({**frame, **names, "choices": [choice]})

"""The assistant's turn of a chat completion."""

from __future__ import annotations

from typing import ClassVar

from ....records import Readers, Record, list_of, object_of
from .chat_completion_message_tool_call import (
    ChatCompletionMessageFunctionToolCall,
    ChatCompletionMessageToolCall,
    tool_call,
)


class AnnotationURLCitation(Record):
    """A page that the answer quotes."""

    end_index: int
    start_index: int
    title: str
    url: str


class Annotation(Record):
    """A note to a part of the answer."""

    type: str
    url_citation: AnnotationURLCitation

    readers: ClassVar[Readers] = {"url_citation": object_of(AnnotationURLCitation)}


class FunctionCall(Record):
    """A call in the older way: one function, without an id."""

    arguments: str
    name: str


class ChatCompletionAudio(Record):
    """The answer as sound."""

    id: str
    data: str
    expires_at: int
    transcript: str


class ChatCompletionMessage(Record):
    """The assistant's turn; it can be put into the next question's ``messages``."""

    content: str | None
    refusal: str | None
    role: str
    annotations: list[Annotation] | None
    audio: ChatCompletionAudio | None
    function_call: FunctionCall | None
    tool_calls: list[ChatCompletionMessageFunctionToolCall] | None

    readers: ClassVar[Readers] = {
        "annotations": list_of(Annotation),
        "audio": object_of(ChatCompletionAudio),
        "function_call": object_of(FunctionCall),
        "tool_calls": list_of(tool_call),
    }


__all__ = [
    "Annotation",
    "AnnotationURLCitation",
    "ChatCompletionAudio",
    "ChatCompletionMessage",
    "ChatCompletionMessageToolCall",
    "FunctionCall",
]

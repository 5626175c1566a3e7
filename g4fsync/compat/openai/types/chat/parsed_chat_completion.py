"""An answer whose text and arguments were read into the caller's types."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from ....records import Readers, list_of, object_of
from .chat_completion import ChatCompletion, Choice
from .chat_completion_message import ChatCompletionMessage
from .chat_completion_message_tool_call import ChatCompletionMessageFunctionToolCall, Function

ContentType = TypeVar("ContentType")


class ParsedFunction(Function):
    """The function to call; ``parsed_arguments`` is of the tool's model."""

    parsed_arguments: Any


class ParsedFunctionToolCall(ChatCompletionMessageFunctionToolCall):
    """A call of a function whose arguments were read."""

    function: ParsedFunction

    readers: ClassVar[Readers] = {"function": object_of(ParsedFunction)}


class ParsedChatCompletionMessage(ChatCompletionMessage, Generic[ContentType]):
    """The assistant's turn; ``parsed`` is its text as the type asked for."""

    tool_calls: list[ParsedFunctionToolCall] | None  # type: ignore[assignment]  # as there
    parsed: ContentType | None

    readers: ClassVar[Readers] = {
        **ChatCompletionMessage.readers,
        "tool_calls": list_of(ParsedFunctionToolCall),
    }


class ParsedChoice(Choice, Generic[ContentType]):
    """One of the answers asked for."""

    message: ParsedChatCompletionMessage[ContentType]

    readers: ClassVar[Readers] = {
        **Choice.readers,
        "message": object_of(ParsedChatCompletionMessage),
    }


class ParsedChatCompletion(ChatCompletion, Generic[ContentType]):
    """A complete answer whose text and arguments were read."""

    choices: list[ParsedChoice[ContentType]]  # type: ignore[assignment]  # as there

    readers: ClassVar[Readers] = {**ChatCompletion.readers, "choices": list_of(ParsedChoice)}

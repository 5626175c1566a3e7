"""Calls that the model wants made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ....records import Readers, Record, object_of


class Function(Record):
    """The function to call, and its arguments as JSON text."""

    arguments: str
    name: str


class ChatCompletionMessageFunctionToolCall(Record):
    """A call of a function."""

    id: str
    function: Function
    type: str

    readers: ClassVar[Readers] = {"function": object_of(Function)}


class Custom(Record):
    """The custom tool to call, and what to give it."""

    input: str
    name: str


class ChatCompletionMessageCustomToolCall(Record):
    """A call of a custom tool."""

    id: str
    custom: Custom
    type: str

    readers: ClassVar[Readers] = {"custom": object_of(Custom)}


ChatCompletionMessageToolCall = ChatCompletionMessageFunctionToolCall


def tool_call(value: Any) -> Any:
    """The call that *value* is, of the kind that its ``type`` says."""
    if not isinstance(value, Mapping):
        return value
    is_custom = value.get("type") == "custom"
    kind = (
        ChatCompletionMessageCustomToolCall if is_custom else ChatCompletionMessageFunctionToolCall
    )
    return kind.of(value)

"""An answer of the Responses API whose text and arguments were read into the caller's types."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from ...records import Readers, list_of
from .response_items import (
    KINDS,
    PARTS,
    Response,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
    by_type,
)

ContentType = TypeVar("ContentType")


class ParsedResponseOutputText(ResponseOutputText, Generic[ContentType]):
    """Text of an answer; ``parsed`` is it as the type asked for."""

    parsed: ContentType | None

    unsent = ("parsed",)


class ParsedResponseOutputMessage(ResponseOutputMessage, Generic[ContentType]):
    """The assistant's turn."""

    readers: ClassVar[Readers] = {
        "content": list_of(by_type({**PARTS, "output_text": ParsedResponseOutputText}))
    }


class ParsedResponseFunctionToolCall(ResponseFunctionToolCall):
    """A call of a function; ``parsed_arguments`` is of the tool's model."""

    parsed_arguments: Any

    unsent = ("parsed_arguments",)


_ITEMS = {
    **KINDS,
    "message": ParsedResponseOutputMessage,
    "function_call": ParsedResponseFunctionToolCall,
}


class ParsedResponse(Response, Generic[ContentType]):
    """A complete answer; ``output_parsed`` is its text as the type asked for."""

    readers: ClassVar[Readers] = {**Response.readers, "output": list_of(by_type(_ITEMS))}

    @property
    def output_parsed(self) -> ContentType | None:
        """The first text that was read, ``None`` when there is none."""
        for item in self.output or ():
            for part in (item.content or ()) if item.type == "message" else ():
                if part.type == "output_text" and part.parsed:
                    return part.parsed  # type: ignore[no-any-return]
        return None

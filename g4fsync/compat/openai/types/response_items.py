"""An answer of the Responses API, and its items.

Items and parts of kinds that have no class here are :class:`Open`: all that the server
sent is there by its name, at any depth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...records import Reader, Readers, Record, decimal, list_of, object_of


class Open(Record):
    """An object of any kind."""

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name)
        if isinstance(value, Mapping | list) and not name.startswith("_"):
            value = opened(value)
            setattr(self, name, value)
        return value


def opened(value: Any) -> Any:
    """*value* with its objects as :class:`Open`."""
    if isinstance(value, list):
        return [opened(each) for each in value]
    return Open.of(value) if isinstance(value, Mapping) else value


def by_type(kinds: Mapping[str, type[Record]]) -> Reader:
    """A reader for an object whose ``type`` says of which of *kinds* it is."""

    def read(value: Any) -> Any:
        kind = kinds.get(str(value.get("type"))) if isinstance(value, Mapping) else None
        return opened(value) if kind is None else kind.of(value)

    return read


class LogprobTopLogprob(Record):
    """A token that could have stood in the same place."""

    token: str
    bytes: list[int]
    logprob: float

    readers: ClassVar[Readers] = {"logprob": decimal}


class Logprob(Record):
    """How likely a token was."""

    token: str
    bytes: list[int]
    logprob: float
    top_logprobs: list[LogprobTopLogprob]

    readers: ClassVar[Readers] = {"logprob": decimal, "top_logprobs": list_of(LogprobTopLogprob)}


class AnnotationFileCitation(Record):
    """A file that the text quotes."""

    file_id: str
    filename: str
    index: int
    type: str


class AnnotationURLCitation(Record):
    """A page that the text quotes."""

    end_index: int
    start_index: int
    title: str
    type: str
    url: str


annotation = by_type(
    {"file_citation": AnnotationFileCitation, "url_citation": AnnotationURLCitation}
)


class ResponseOutputText(Record):
    """Text of an answer."""

    annotations: list[Any]
    text: str
    type: str
    logprobs: list[Logprob] | None

    readers: ClassVar[Readers] = {
        "annotations": list_of(annotation),
        "logprobs": list_of(Logprob),
    }


class ResponseOutputRefusal(Record):
    """Why the model does not answer."""

    refusal: str
    type: str


class ReasoningText(Record):
    """A thought."""

    text: str
    type: str


PARTS: Mapping[str, type[Record]] = {
    "output_text": ResponseOutputText,
    "refusal": ResponseOutputRefusal,
    "reasoning_text": ReasoningText,
}
part = by_type(PARTS)


class ResponseOutputMessage(Record):
    """The assistant's turn."""

    id: str
    content: list[Any]
    role: str
    status: str
    type: str
    phase: str | None

    readers: ClassVar[Readers] = {"content": list_of(part)}


class ResponseFunctionToolCall(Record):
    """A call of a function, its ``arguments`` as JSON text."""

    arguments: str
    call_id: str
    name: str
    type: str
    id: str | None
    async_: bool | None
    caller: Any
    namespace: str | None
    status: str | None

    readers: ClassVar[Readers] = {"caller": opened}


class ResponseCustomToolCall(Record):
    """A call of a custom tool."""

    call_id: str
    input: str
    name: str
    type: str
    id: str | None
    async_: bool | None
    caller: Any
    namespace: str | None

    readers: ClassVar[Readers] = {"caller": opened}


class Summary(Record):
    """What a thought comes to."""

    text: str
    type: str


class Content(Record):
    """A thought itself."""

    text: str
    type: str


class ResponseReasoningItem(Record):
    """Thoughts before an answer."""

    id: str
    summary: list[Summary]
    type: str
    content: list[Content] | None
    encrypted_content: str | None
    status: str | None

    readers: ClassVar[Readers] = {"summary": list_of(Summary), "content": list_of(Content)}


KINDS: Mapping[str, type[Record]] = {
    "message": ResponseOutputMessage,
    "function_call": ResponseFunctionToolCall,
    "custom_tool_call": ResponseCustomToolCall,
    "reasoning": ResponseReasoningItem,
}
item = by_type(KINDS)


class InputTokensDetails(Record):
    """What the tokens of the question were for."""

    cache_write_tokens: int
    cached_tokens: int
    cache_write_tokens_details: Any

    readers: ClassVar[Readers] = {"cache_write_tokens_details": opened}


class OutputTokensDetails(Record):
    """What the tokens of the answer were for."""

    reasoning_tokens: int


class ResponseUsage(Record):
    """Tokens of one question and its answer."""

    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: OutputTokensDetails
    total_tokens: int

    readers: ClassVar[Readers] = {
        "input_tokens_details": object_of(InputTokensDetails),
        "output_tokens_details": object_of(OutputTokensDetails),
    }


class ResponseError(Record):
    """Why an answer has failed."""

    code: str
    message: str
    misalignment: Any
    param: str | None
    type: str | None

    readers: ClassVar[Readers] = {"misalignment": opened}


class IncompleteDetails(Record):
    """Why an answer is not complete."""

    reason: str | None


class Response(Record):
    """An answer; ``output_text`` is its text."""

    id: str
    access_programs: Any
    created_at: float
    error: ResponseError | None
    incomplete_details: IncompleteDetails | None
    instructions: Any
    metadata: dict[str, str] | None
    model: str
    object: str
    output: list[Any]
    parallel_tool_calls: bool
    temperature: float | None
    tool_choice: Any
    tools: list[Any]
    top_p: float | None
    background: bool | None
    completed_at: float | None
    conversation: Any
    image: Any
    input_transformations: Any
    max_output_tokens: int | None
    max_tool_calls: int | None
    moderation: Any
    previous_response_id: str | None
    prompt: Any
    prompt_cache_diagnostics: Any
    prompt_cache_key: str | None
    prompt_cache_options: Any
    prompt_cache_retention: str | None
    reasoning: Any
    safety_identifier: str | None
    service_tier: str | None
    status: str | None
    text: Any
    tool_usage: Any
    top_logprobs: int | None
    truncation: str | None
    usage: ResponseUsage | None
    user: str | None

    readers: ClassVar[Readers] = {
        **dict.fromkeys(("created_at", "temperature", "top_p", "completed_at"), decimal),
        **dict.fromkeys(("tool_choice", "tools", "reasoning", "text", "conversation"), opened),
        **dict.fromkeys(("image", "moderation", "prompt", "tool_usage", "instructions"), opened),
        "error": object_of(ResponseError),
        "incomplete_details": object_of(IncompleteDetails),
        "output": list_of(item),
        "usage": object_of(ResponseUsage),
    }

    @property
    def output_text(self) -> str:
        """The text of all messages, ``""`` when there is none."""
        messages = (each for each in self.output or () if each.type == "message")
        parts = (each for message in messages for each in message.content or ())
        return "".join(each.text or "" for each in parts if each.type == "output_text")

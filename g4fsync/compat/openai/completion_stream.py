"""``chat.completions.stream``: events of an answer, and the answer put together from its chunks.

Which events there are and when each comes is what openai-python 3.57 does
(``lib/streaming/chat``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import parsing
from .accumulating import Accumulated
from .arguments import NOT_GIVEN, is_given
from .completion_events import (
    ChunkEvent,
    ContentDeltaEvent,
    ContentDoneEvent,
    FunctionToolCallArgumentsDeltaEvent,
    FunctionToolCallArgumentsDoneEvent,
    LogprobsContentDeltaEvent,
    LogprobsContentDoneEvent,
    LogprobsRefusalDeltaEvent,
    LogprobsRefusalDoneEvent,
    RefusalDeltaEvent,
    RefusalDoneEvent,
)
from .errors import ContentFilterFinishReasonError, LengthFinishReasonError
from .event_streams import EventStream, StreamManager
from .partial import partial
from .types.chat.chat_completion_chunk import ChatCompletionChunk
from .types.chat.parsed_chat_completion import ParsedChatCompletion

if TYPE_CHECKING:
    from .streams import Stream

_F = TypeVar("_F")


class ChatCompletionStream(EventStream, Generic[_F]):
    """Iterate for events; :meth:`get_final_completion` waits for the complete answer."""

    def __init__(self, raw_stream: Stream[ChatCompletionChunk], wanted: Any, tools: Any) -> None:
        super().__init__(raw_stream, self._read_events())
        self._state: ChatCompletionStreamState[_F] = ChatCompletionStreamState(
            response_format=wanted, input_tools=tools
        )

    def _read_events(self) -> Iterator[Any]:
        for chunk in self._raw_stream:
            # Azure's filter sends chunks of another kind.
            if chunk.object == "chat.completion.chunk":
                yield from self._state.handle_chunk(chunk)

    def get_final_completion(self) -> ParsedChatCompletion[_F]:
        """The complete answer; reads the stream to its end."""
        self.until_done()
        return self._state.get_final_completion()

    @property
    def current_completion_snapshot(self) -> ParsedChatCompletion[Any]:
        """The answer so far."""
        return self._state.current_completion_snapshot


class ChatCompletionStreamManager(StreamManager[ChatCompletionStream[_F]], Generic[_F]):
    """The stream of the request that *begin* makes."""

    def __init__(
        self, begin: Callable[[], Stream[ChatCompletionChunk]], wanted: Any, tools: Any
    ) -> None:
        super().__init__(lambda: ChatCompletionStream(begin(), wanted, tools))


class ChatCompletionStreamState(Generic[_F]):
    """Chunks put together, and the events that each makes; for streams of the caller's own too."""

    def __init__(self, *, response_format: Any = NOT_GIVEN, input_tools: Any = NOT_GIVEN) -> None:
        self._wanted = response_format
        self._tools = list(input_tools) if is_given(input_tools) and input_tools else []
        self._has_type = is_given(response_format) and not isinstance(response_format, Mapping)
        self._answer: Accumulated | None = None
        self._ended: dict[int, set[Any]] = {}  # per choice: what has ended
        self._calling: dict[int, int] = {}  # per choice: the call under way

    @property
    def current_completion_snapshot(self) -> ParsedChatCompletion[Any]:
        """The answer so far."""
        assert self._answer is not None, "no chunk has come"
        return self._answer.snapshot()

    def get_final_completion(self) -> ParsedChatCompletion[_F]:
        """The complete answer, read into the types asked for."""
        wanted = self._wanted if self._has_type else NOT_GIVEN
        return parsing.parsed(self.current_completion_snapshot, wanted, self._tools)

    def handle_chunk(self, chunk: ChatCompletionChunk) -> list[Any]:
        """Add *chunk*, and return its events."""
        if self._answer is None:
            answer = self._answer = Accumulated(chunk)  # nothing of it is read yet
        else:
            answer = self._answer
            answer.add(chunk)
            for choice in chunk.choices or ():
                self._read_so_far(choice, answer.choices[choice.index])
        events: list[Any] = [ChunkEvent(type="chunk", chunk=chunk, snapshot=answer.snapshot())]
        for choice in chunk.choices or ():
            choice_so_far = answer.choices[choice.index]
            events += self._delta_events(choice, choice_so_far)
            events += self._done_events(choice, choice_so_far)
        if any(each.type.endswith(".done") for each in events):
            # What was read by now is in the answer that goes with the chunk, too.
            events[0].snapshot = answer.snapshot()
        return events

    def _read_so_far(self, choice: Any, choice_so_far: dict[str, Any]) -> None:
        """What is complete of JSON that is still coming."""
        assert self._answer is not None
        reason = choice.finish_reason
        if reason and parsing.has_parser(self._wanted, self._tools):
            if reason == "length":
                raise LengthFinishReasonError(completion=self._answer.snapshot())
            if reason == "content_filter":
                raise ContentFilterFinishReasonError(completion=self._answer.snapshot())
        message = choice_so_far["message"]
        text = message.get("content")
        if text and not message.get("refusal") and self._has_type and text.lstrip():
            message["parsed"] = partial(text)
        for piece in choice.delta.tool_calls or ():
            function = message["tool_calls"][piece.index]["function"]
            if function.get("arguments") and self._is_strict(function.get("name")):
                function["parsed_arguments"] = partial(function["arguments"])

    def _is_strict(self, name: Any) -> bool:
        offered = (tool.get("function") or {} for tool in self._tools)
        return any(each.get("name") == name and each.get("strict") for each in offered)

    def _delta_events(self, choice: Any, choice_so_far: dict[str, Any]) -> Iterator[Any]:
        message, delta = choice_so_far["message"], choice.delta
        if delta.content is not None and message.get("content") is not None:
            yield ContentDeltaEvent(
                type="content.delta",
                delta=delta.content,
                snapshot=message["content"],
                parsed=message.get("parsed"),
            )
        if delta.refusal is not None and message.get("refusal") is not None:
            yield RefusalDeltaEvent(
                type="refusal.delta", delta=delta.refusal, snapshot=message["refusal"]
            )
        for piece in delta.tool_calls or ():
            function = message["tool_calls"][piece.index]["function"]
            yield FunctionToolCallArgumentsDeltaEvent(
                type="tool_calls.function.arguments.delta",
                name=function.get("name"),
                index=piece.index,
                arguments=function.get("arguments"),
                parsed_arguments=function.get("parsed_arguments"),
                arguments_delta=piece.function.arguments or "",
            )
        likely, so_far = choice.logprobs, choice_so_far.get("logprobs") or {}
        if likely is not None and likely.content and so_far.get("content"):
            yield LogprobsContentDeltaEvent(
                type="logprobs.content.delta",
                content=likely.content,
                snapshot=list(so_far["content"]),
            )
        if likely is not None and likely.refusal and so_far.get("refusal"):
            yield LogprobsRefusalDeltaEvent(
                type="logprobs.refusal.delta",
                refusal=likely.refusal,
                snapshot=list(so_far["refusal"]),
            )

    def _done_events(self, choice: Any, choice_so_far: dict[str, Any]) -> Iterator[Any]:
        index, calling = choice.index, self._calling.get(choice.index)
        if choice_so_far.get("finish_reason"):
            yield from self._content_done(index, choice_so_far)
            if calling is not None:
                yield from self._call_done(index, choice_so_far, calling)
        for piece in choice.delta.tool_calls or ():
            if calling != piece.index:
                yield from self._content_done(index, choice_so_far)
                if calling is not None:
                    yield from self._call_done(index, choice_so_far, calling)
            calling = self._calling[index] = piece.index

    def _content_done(self, index: int, choice_so_far: dict[str, Any]) -> Iterator[Any]:
        message, likely = choice_so_far["message"], choice_so_far.get("logprobs") or {}
        text = message.get("content")
        if text and self._first(index, "content"):
            wanted = self._wanted if self._has_type else NOT_GIVEN
            message["parsed"] = parsing.content(wanted, message)
            yield ContentDoneEvent(type="content.done", content=text, parsed=message["parsed"])
        if message.get("refusal") is not None and self._first(index, "refusal"):
            yield RefusalDoneEvent(type="refusal.done", refusal=message["refusal"])
        if likely.get("content") is not None and self._first(index, "logprobs"):
            yield LogprobsContentDoneEvent(
                type="logprobs.content.done", content=list(likely["content"])
            )
        if likely.get("refusal") is not None and self._first(index, "refusal logprobs"):
            yield LogprobsRefusalDoneEvent(
                type="logprobs.refusal.done", refusal=list(likely["refusal"])
            )

    def _call_done(self, index: int, choice_so_far: dict[str, Any], number: int) -> Iterator[Any]:
        call = choice_so_far["message"]["tool_calls"][number]
        if call.get("type") == "function" and self._first(index, number):
            function = call["function"]
            function["parsed_arguments"] = parsing.arguments(call, self._tools)
            yield FunctionToolCallArgumentsDoneEvent(
                type="tool_calls.function.arguments.done",
                index=number,
                name=function["name"],
                arguments=function["arguments"],
                parsed_arguments=function["parsed_arguments"],
            )

    def _first(self, index: int, what: Any) -> bool:
        ended = self._ended.setdefault(index, set())
        is_first = what not in ended
        ended.add(what)
        return is_first

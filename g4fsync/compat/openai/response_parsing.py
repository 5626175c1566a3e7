"""``responses.parse`` and ``responses.stream``: answers and events read into the caller's types.

Which events have more than those of ``responses.create`` is what openai-python 3.57 does
(``lib/streaming/responses``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import parsing
from .arguments import NOT_GIVEN, is_given
from .event_streams import EventStream, StreamManager
from .types.parsed_response import ParsedResponse
from .types.response_events import (
    ParsedTextDoneEvent,
    ResponseCompletedWithParsedEvent,
    SnapshotArgumentsDeltaEvent,
    SnapshotTextDeltaEvent,
)

if TYPE_CHECKING:
    from .streams import Stream
    from .types.response_items import Response

_F = TypeVar("_F")


class ResponsesTool(dict[str, Any]):
    """A function tool made of a pydantic *model*, which reads its arguments."""

    def __init__(self, members: Mapping[str, Any], model: type[Any]) -> None:
        super().__init__(members)
        self.model = model


def pydantic_responses_function_tool(
    model: type[Any],
    *,
    name: str | None = None,
    description: str | None = None,
    defer_loading: Any = NOT_GIVEN,
) -> dict[str, Any]:
    """A strict function tool of the Responses API, of a pydantic *model*."""
    tool = parsing.pydantic_function_tool(model, name=name, description=description)
    members = {"type": "function", **tool["function"]}
    if is_given(defer_loading):
        members["defer_loading"] = defer_loading
    return ResponsesTool(members, model)


def text_format(wanted: Any) -> dict[str, Any]:
    """The ``text.format`` that asks for the type *wanted*."""
    asked = parsing.response_format(wanted)["json_schema"]
    return {"type": "json_schema", "strict": True, "name": asked["name"], "schema": asked["schema"]}


def with_format(text: Any, wanted: Any) -> Any:
    """The argument ``text`` with the format that asks for *wanted*; ``TypeError`` for two."""
    if not is_given(wanted):
        return text
    settings = dict(text) if is_given(text) and text else {}
    if "format" in settings:
        raise TypeError("Cannot mix and match text.format with text_format")
    return {**settings, "format": text_format(wanted)}


def parsed(answer: Response, wanted: Any, tools: Any) -> ParsedResponse[Any]:
    """*answer* with its text and arguments read; raises what the type raises."""
    value = answer.to_dict()
    value["output"] = [_parsed_item(each, wanted, tools) for each in value.get("output") or ()]
    found: ParsedResponse[Any] = ParsedResponse.of(value)
    object.__setattr__(found, "_request_id", answer._request_id)
    return found


def _parsed_item(item: Any, wanted: Any, tools: Any) -> Any:
    if item.get("type") == "message":
        phase = item.get("phase")
        parts = [_parsed_part(each, wanted, phase) for each in item.get("content") or ()]
        return {**item, "content": parts}
    if item.get("type") == "function_call":
        return {**item, "parsed_arguments": _arguments(item, tools)}
    return item


def _parsed_part(part: Any, wanted: Any, phase: Any) -> Any:
    if part.get("type") != "output_text":
        return part
    return {**part, "parsed": value_of(part.get("text"), wanted, phase)}


def value_of(text: Any, wanted: Any, phase: Any) -> Any:
    """*text* as the type *wanted*; only a final answer is of that type."""
    if not is_given(wanted) or phase not in (None, "final_answer"):
        return None
    validate = getattr(wanted, "model_validate_json", None)
    return validate(text) if validate else parsing.adapter(wanted).validate_json(text)


def _arguments(call: Mapping[str, Any], tools: Any) -> Any:
    for tool in tools if is_given(tools) and tools is not None else ():
        if tool.get("type") != "function" or tool.get("name") != call.get("name"):
            continue
        if isinstance(tool, ResponsesTool):
            return tool.model.model_validate_json(call["arguments"])
        return json.loads(call["arguments"]) if tool.get("strict") else None
    return None


class ResponseStream(EventStream, Generic[_F]):
    """Iterate for events; :meth:`get_final_response` waits for the complete answer."""

    def __init__(self, raw_stream: Stream[Any], wanted: Any, tools: Any) -> None:
        super().__init__(raw_stream, map(self._event, raw_stream))
        self._wanted, self._tools = wanted, tools
        self._texts: dict[tuple[Any, Any], str] = {}  # by item and part
        self._phases: dict[Any, Any] = {}
        self._arguments: dict[Any, str] = {}
        self._final: ParsedResponse[_F] | None = None

    def _event(self, event: Any) -> Any:
        """*event* with what is known by now."""
        kind, at = event.type, getattr(event, "output_index", None)
        if kind == "response.output_item.added":
            self._phases[at] = getattr(event.item, "phase", None)
            self._arguments[at] = getattr(event.item, "arguments", None) or ""
        elif kind == "response.output_text.delta":
            place = (at, event.content_index)
            self._texts[place] = self._texts.get(place, "") + event.delta
            return SnapshotTextDeltaEvent.of({**event.to_dict(), "snapshot": self._texts[place]})
        elif kind == "response.output_text.done":
            value = value_of(event.text, self._wanted, self._phases.get(at))
            return ParsedTextDoneEvent.of({**event.to_dict(), "parsed": value})
        elif kind == "response.function_call_arguments.delta":
            self._arguments[at] = so_far = self._arguments.get(at, "") + event.delta
            return SnapshotArgumentsDeltaEvent.of({**event.to_dict(), "snapshot": so_far})
        elif kind == "response.completed":
            self._final = parsed(event.response, self._wanted, self._tools)
            return ResponseCompletedWithParsedEvent.of({**event.to_dict(), "response": self._final})
        return event

    def get_final_response(self) -> ParsedResponse[_F]:
        """The complete answer; reads the stream to its end.

        ``RuntimeError`` for an answer that ended otherwise than complete.
        """
        self.until_done()
        if self._final is None:
            raise RuntimeError("Didn't receive a `response.completed` event.")
        return self._final


class ResponseStreamManager(StreamManager[ResponseStream[_F]], Generic[_F]):
    """The stream of the request that *begin* makes."""

    def __init__(self, begin: Callable[[], Any], wanted: Any, tools: Any) -> None:
        super().__init__(lambda: ResponseStream(begin(), wanted, tools))

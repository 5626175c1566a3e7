"""The events of a streamed answer of the Responses API, each by its ``type``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...records import Readers, Record, list_of, object_of
from .response_items import Logprob, Open, ReasoningText, Response, annotation, item, part

_READERS: Readers = {
    "response": object_of(Response),
    "item": item,
    "part": part,
    "logprobs": list_of(Logprob),
    "annotation": annotation,
}
_PLACE = ("output_index", "sequence_number")
_TEXT = ("content_index", "item_id", "output_index", "sequence_number", "type")
_SUMMARY = ("item_id", "output_index", "sequence_number", "summary_index", "type")
_CALL = ("item_id", "output_index", "sequence_number", "type")
_KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {  # type -> class, members in order
    **{
        f"response.{word}": (f"Response{name}Event", ("response", "sequence_number", "type"))
        for word, name in (
            ("created", "Created"),
            ("queued", "Queued"),
            ("in_progress", "InProgress"),
            ("completed", "Completed"),
            ("incomplete", "Incomplete"),
            ("failed", "Failed"),
        )
    },
    "response.output_item.added": ("ResponseOutputItemAddedEvent", ("item", *_PLACE, "type")),
    "response.output_item.done": ("ResponseOutputItemDoneEvent", ("item", *_PLACE, "type")),
    "response.content_part.added": (
        "ResponseContentPartAddedEvent",
        ("content_index", "item_id", "output_index", "part", "sequence_number", "type"),
    ),
    "response.content_part.done": (
        "ResponseContentPartDoneEvent",
        ("content_index", "item_id", "output_index", "part", "sequence_number", "type"),
    ),
    "response.output_text.delta": (
        "ResponseTextDeltaEvent",
        ("content_index", "delta", "item_id", "logprobs", *_PLACE, "type"),
    ),
    "response.output_text.done": (
        "ResponseTextDoneEvent",
        ("content_index", "item_id", "logprobs", *_PLACE, "text", "type"),
    ),
    "response.output_text.annotation.added": (
        "ResponseOutputTextAnnotationAddedEvent",
        ("annotation", "annotation_index", *_TEXT),
    ),
    "response.refusal.delta": (
        "ResponseRefusalDeltaEvent",
        ("content_index", "delta", "item_id", *_PLACE, "type"),
    ),
    "response.refusal.done": (
        "ResponseRefusalDoneEvent",
        ("content_index", "item_id", "output_index", "refusal", "sequence_number", "type"),
    ),
    "response.function_call_arguments.delta": (
        "ResponseFunctionCallArgumentsDeltaEvent",
        ("delta", *_CALL),
    ),
    "response.function_call_arguments.done": (
        "ResponseFunctionCallArgumentsDoneEvent",
        ("arguments", *_CALL),
    ),
    "response.custom_tool_call_input.delta": (
        "ResponseCustomToolCallInputDeltaEvent",
        ("delta", *_CALL),
    ),
    "response.custom_tool_call_input.done": (
        "ResponseCustomToolCallInputDoneEvent",
        ("input", *_CALL),
    ),
    "response.reasoning_summary_part.added": (
        "ResponseReasoningSummaryPartAddedEvent",
        ("item_id", "output_index", "part", "sequence_number", "summary_index", "type"),
    ),
    "response.reasoning_summary_part.done": (
        "ResponseReasoningSummaryPartDoneEvent",
        ("item_id", "output_index", "part", "sequence_number", "summary_index", "type", "status"),
    ),
    "response.reasoning_summary_text.delta": (
        "ResponseReasoningSummaryTextDeltaEvent",
        ("delta", *_SUMMARY),
    ),
    "response.reasoning_summary_text.done": (
        "ResponseReasoningSummaryTextDoneEvent",
        (*_SUMMARY[:-1], "text", "type"),
    ),
    "response.reasoning_text.delta": (
        "ResponseReasoningTextDeltaEvent",
        ("content_index", "delta", "item_id", *_PLACE, "type"),
    ),
    "response.reasoning_text.done": (
        "ResponseReasoningTextDoneEvent",
        ("content_index", "item_id", *_PLACE, "text", "type"),
    ),
    "error": ("ResponseErrorEvent", ("code", "message", "param", "sequence_number", "type")),
}


def _made(name: str, members: tuple[str, ...]) -> type[Record]:
    own = {
        "__module__": __name__,
        "__doc__": "An event of a streamed answer.",
        "members": members,
        "readers": {**_READERS, "part": object_of(Part)} if "Summary" in name else _READERS,
    }
    return type(name, (Record,), own)


class Part(ReasoningText):
    """A part of what thoughts come to."""


KINDS: Mapping[str, type[Record]] = {
    kind: _made(name, members) for kind, (name, members) in _KINDS.items()
}
BY_NAME = {kind.__name__: kind for kind in KINDS.values()}


def _more(kind: str, member: str) -> type[Record]:
    """The event of this *kind* as ``responses.stream`` has it, with one more *member*."""
    base = KINDS[kind]
    return _made(base.__name__, tuple(dict.fromkeys((*base.members, member))))


SnapshotTextDeltaEvent = _more("response.output_text.delta", "snapshot")
ParsedTextDoneEvent = _more("response.output_text.done", "parsed")
SnapshotArgumentsDeltaEvent = _more("response.function_call_arguments.delta", "snapshot")
ResponseCompletedWithParsedEvent = _more("response.completed", "response")


class ResponseStreamEvent(Open):
    """An event of a kind that has no class of its own here."""


def __getattr__(name: str) -> type[Record]:
    if name in BY_NAME:
        return BY_NAME[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def event(value: Any) -> Record:
    """The event that *value* is."""
    if not isinstance(value, Mapping):
        value = {"type": None, "data": value}
    return KINDS.get(str(value.get("type")), ResponseStreamEvent).of(value)

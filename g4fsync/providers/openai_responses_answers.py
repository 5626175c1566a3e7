"""An answer of OpenAI's Responses API, put together from its events.

Facts, from openai-python 3.57 (``types/responses``) and from runs of llama.cpp b11549,
LiteLLM 1.106 and Ollama's documentation:

* An answer is a list of items: messages, reasoning, calls.  An item is added, its
  parts come as deltas, each ends with a ``done`` that repeats it, and the final
  event repeats all items once more.  What is repeated counts only where nothing
  of its kind has come before.
* ``sequence_number``, ``output_index`` and ``content_index`` may be missing
  (llama.cpp); an item's id may change between its events (GitHub Copilot).
* The ``encrypted_content`` of a reasoning item is complete in its
  ``response.output_item.done`` only.
* The end is ``response.completed``, ``response.incomplete``, ``response.failed`` or
  ``error``; OpenRouter says ``response.done``.  ``[DONE]`` may follow (LiteLLM).
* llama.cpp (b11549) calls an answer that was cut by the limit completed.
* An error has three shapes: flat with ``type: error``, in a member ``error``, and in
  the ``error`` of a failed response.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from ..codecs import envelopes, refusals
from ..events import Event, Finish, ProviderData, Reasoning, Usage
from . import chatapi, fields
from .openai_responses_calls import CALLS, Calls

# What the pieces and the ends of parts hold.  The names without "text" are those of
# openai-python 1.66 to 1.87.
_DELTAS: Mapping[str, type[str | Reasoning]] = {
    "response.output_text.delta": str,
    "response.refusal.delta": str,
    "response.reasoning_summary_text.delta": Reasoning,
    "response.reasoning_text.delta": Reasoning,
    "response.reasoning_summary.delta": Reasoning,
    "response.reasoning.delta": Reasoning,
}
_DONE: Mapping[str, type[str | Reasoning]] = {
    "response.output_text.done": str,
    "response.refusal.done": str,
    "response.reasoning_summary_text.done": Reasoning,
    "response.reasoning_text.done": Reasoning,
    "response.reasoning_summary.done": Reasoning,
    "response.reasoning.done": Reasoning,
}
_CALL_EVENTS = (
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.custom_tool_call_input.delta",
    "response.custom_tool_call_input.done",
)
_PART_DONE = ("response.content_part.done", "response.reasoning_summary_part.done")
_THOUGHTS = ("reasoning_text", "summary_text")
_FINAL = (
    "response.completed",
    "response.incomplete",
    "response.failed",
    "response.cancelled",
    "response.done",
)
# Events that only say where the answer stands: their content comes with others.
_FRAMES = frozenset(
    {
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.content_part.added",
        "response.reasoning_summary_part.added",
        "keepalive",
    }
)
# The server's own tools; an event that nobody knows is no sign of progress.
_AT_WORK = re.compile(r"response\.(\w+_call\w*|mcp_\w+|audio\w*|compaction)\.")
_UNFINISHED = frozenset({"queued", "in_progress"})


def plain_text(event: Mapping[str, Any]) -> str:
    """The text of an *event* that is a piece of text, as nearly all are; ``""`` for any other."""
    if event.get("type") != "response.output_text.delta" or "error" in event:
        return ""
    delta = event["delta"]
    return delta if delta.__class__ is str else ""


class ResponseReader:
    """What one answer has said so far; ``provider`` is who gets back what it wants back.

    Who takes text by :func:`plain_text` sets ``spoke``.
    """

    def __init__(self, provider: str) -> None:
        self.spoke = False
        self.stopped = False  # the final event, or a complete response, has come
        self._provider = provider
        self._text, self._thought = _Came(), _Came()
        self._calls = Calls(provider)
        self._has_kept_reasoning = self._ended = False
        self._has_items = False  # complete ones, so that the final event only repeats them
        self._reason: str | None = None
        self._usage: Mapping[str, Any] = {}
        self._id: str | None = None

    def events(self, event: Mapping[str, Any]) -> Iterator[str | Event]:
        """What *event* adds to the answer; its error is raised."""
        if self.spoke:
            self.spoke = False
            self._text.note()
        kind = event.get("type")
        if event.get("error") or kind == "error":
            raise refusals.in_band(event)
        read = _READ.get(kind)
        if read is not None:
            yield from read(self, event)
        elif kind is None and ("output" in event or event.get("object") == "response"):
            yield from self._end(event)  # one JSON value in place of a stream
        elif kind is None and envelopes.is_failure(event):
            raise refusals.in_band(event)
        elif kind not in _FRAMES:
            fields.log.debug("left out: event %.80r", kind)
            # Progress, but for the clock of the first token.
            if _AT_WORK.match(str(kind)) and (self._text.ever or self._has_items):
                yield ""

    def delta_events(self, event: Mapping[str, Any]) -> Iterator[str | Event]:
        """A piece of text or reasoning."""
        yield from self._content_events(_DELTAS[event["type"]], event["delta"])

    def finish_events(self) -> Iterator[str | Event]:
        """What is left at the end: calls whose item never ended, usage, the end mark.

        There is no end mark without a final event.
        """
        if self._reason is None:
            return
        yield from self._calls.remaining()
        if self._usage:
            yield usage(self._usage)
        reason = chatapi.normal_reason(self._reason)
        if self._calls and reason == "stop":
            reason = "tool_calls"
        yield Finish(reason, raw=self._reason, id=self._id)

    # -- text and reasoning ---------------------------------------------

    def _content_events(self, kind: type[str | Reasoning], value: Any) -> Iterator[str | Event]:
        if kind is str:
            text = fields.text(value)
            if text:
                self._text.note()
                yield text
        else:
            text = fields.thought(value, "reasoning")
            if text:
                self._thought.note()
                yield Reasoning(text)

    def _done_events(self, event: Mapping[str, Any]) -> Iterator[str | Event]:
        """The end of a part, with its text once more."""
        kind = _DONE[event["type"]]
        came = self._text if kind is str else self._thought
        if not came.in_part:
            yield from self._content_events(kind, event.get("refusal", event.get("text")))
        came.in_part = False

    def _part_done(self, event: Mapping[str, Any]) -> Iterator[str | Event]:
        """The same once more, as a part; with some servers it is all that comes of it."""
        part = fields.mapping(event.get("part"), "part")
        kind: type[str | Reasoning] = Reasoning if part.get("type") in _THOUGHTS else str
        came = self._text if kind is str else self._thought
        if not came.in_frame:
            yield from self._content_events(kind, part.get("refusal", part.get("text")))
        came.in_part = came.in_frame = False

    def _message_events(self, item: Mapping[str, Any]) -> Iterator[str | Event]:
        content = item.get("content")
        if isinstance(content, str):
            yield from self._content_events(str, content)
            return
        for part in fields.mappings(content, "content"):
            yield from self._content_events(str, part.get("refusal", part.get("text")))

    def _thought_events(self, item: Mapping[str, Any]) -> Iterator[str | Event]:
        for name in ("summary", "content"):
            for part in fields.mappings(item.get(name), name):
                yield from self._content_events(Reasoning, part.get("text"))

    # -- items ----------------------------------------------------------

    def _item_added(self, event: Mapping[str, Any]) -> Iterator[str | Event]:
        self._calls.begin(event["item"], event)
        return iter(())

    def _arguments(self, event: Mapping[str, Any]) -> Iterator[str | Event]:
        self._calls.add_arguments(event)
        yield ""

    def _item_done(self, event: Mapping[str, Any]) -> Iterator[str | Event]:
        self._has_items = True
        yield from self._item_events(event["item"], event)

    def _item_events(
        self, item: Mapping[str, Any], event: Mapping[str, Any]
    ) -> Iterator[str | Event]:
        """A complete item, as far as it was not given while it came."""
        kind = item.get("type")
        if kind in CALLS:
            yield from self._calls.complete(item, event)
        elif kind == "message":
            if not self._text.in_item:
                yield from self._message_events(item)
            self._text.end_item()
            if item.get("phase"):
                yield ProviderData(self._provider, "phase", {"phase": item["phase"]})
        elif kind == "reasoning":
            if not self._thought.in_item:
                yield from self._thought_events(item)
            self._thought.end_item()
            yield from self._kept_reasoning(item)
        elif kind:
            fields.log.debug("no part of the answer, but sent back with it: item %.80r", kind)
            yield self._kept_item(item)

    def _kept_reasoning(self, item: Mapping[str, Any]) -> Iterator[ProviderData]:
        # A server that stores nothing can't make use of the id alone.
        if item.get("encrypted_content") or item.get("content"):
            self._has_kept_reasoning = True
            data = self._kept_item(item)
            # It comes before what it led to, also where only the final event has it.
            yield replace(data, text_length=0, call_count=0) if self._ended else data

    def _kept_item(self, item: Mapping[str, Any]) -> ProviderData:
        # What is null in an answer is refused in a question.
        data = {name: value for name, value in item.items() if value is not None}
        return ProviderData(self._provider, "item", data)

    # -- the end --------------------------------------------------------

    def _final(self, event: Mapping[str, Any]) -> Iterator[str | Event]:
        word = str(event["type"]).partition(".")[2]
        yield from self._end(event["response"], "" if word == "done" else word)

    def _end(self, response: Mapping[str, Any], word: str = "") -> Iterator[str | Event]:
        """The response as it stands at its end; *word* is the final event's."""
        status = fields.word(response.get("status"), "status") or word or "completed"
        yield from self._output_events(response)
        self._usage = fields.mapping(response.get("usage"), "usage")
        self._id = fields.word(response.get("id"), "id") or None
        self.stopped = True
        if response.get("error"):
            raise refusals.in_band({"error": response["error"]})
        if status in _UNFINISHED:  # a background response, which goes on without us
            return
        details = fields.mapping(response.get("incomplete_details"), "incomplete_details")
        if status == "incomplete" and details.get("reason"):
            status = fields.word(details["reason"], "reason") or status
        chatapi.raise_for_reason(status)
        self._reason = status

    def _output_events(self, response: Mapping[str, Any]) -> Iterator[str | Event]:
        """All items once more: of what came before, only calls that did not."""
        had_text, had_thought = self._text.ever, self._thought.ever
        had_reasoning = self._has_kept_reasoning
        self._ended = self._has_items
        self._calls.begin_again()
        for index, item in enumerate(fields.mappings(response.get("output"), "output")):
            kind = item.get("type")
            if self._has_items and kind not in CALLS and (kind != "message" or had_text):
                if kind == "reasoning" and not had_reasoning:
                    yield from self._kept_reasoning(item)
                continue
            self._text.in_item, self._thought.in_item = had_text, had_thought
            yield from self._item_events(item, {"output_index": index})


_Read: TypeAlias = Callable[[ResponseReader, Mapping[str, Any]], Iterator[str | Event]]
_READ: Mapping[Any, _Read] = {
    **dict.fromkeys(_DELTAS, ResponseReader.delta_events),
    **dict.fromkeys(_DONE, ResponseReader._done_events),
    **dict.fromkeys(_PART_DONE, ResponseReader._part_done),
    **dict.fromkeys(_CALL_EVENTS, ResponseReader._arguments),
    **dict.fromkeys(_FINAL, ResponseReader._final),
    "response.output_item.added": ResponseReader._item_added,
    "response.output_item.done": ResponseReader._item_done,
}


class _Came:
    """Where text, or reasoning, has come by deltas."""

    def __init__(self) -> None:
        self.in_part = self.in_frame = self.in_item = self.ever = False

    def note(self) -> None:
        self.in_part = self.in_frame = self.in_item = self.ever = True

    def end_item(self) -> None:
        self.in_part = self.in_frame = self.in_item = False


def usage(counted: Mapping[str, Any]) -> Usage:
    """Usage in the words of the Responses API; those of chat completions, as gateways mix them."""
    given, made = (
        fields.mapping(counted.get(f"{name}_tokens_details"), f"{name}_tokens_details")
        for name in ("input", "output")
    )
    return Usage(
        chatapi.count(counted, "input_tokens", "prompt_tokens"),
        chatapi.count(counted, "output_tokens", "completion_tokens"),
        chatapi.count(counted, "total_tokens"),
        chatapi.count(given, "cached_tokens"),
        chatapi.count(made, "reasoning_tokens"),
    )

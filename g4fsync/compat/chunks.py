"""A streamed answer in OpenAI's chunks, and back; no I/O, no provider.  See :mod:`.shapes`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import ProtocolError, StreamTruncated
from ..events import Event, Finish, Reasoning, Text, ToolCall, Usage
from .shapes import JSON, call_json, default_reason, usage, usage_of


class Chunks:
    """An answer's events as ``chat.completion.chunk`` objects.

    ``id``, ``created`` (seconds since the epoch) and ``model`` stand in each of them;
    ``model`` may be set until the first one is made.
    """

    def __init__(self, *, id: str, created: int, model: str, include_usage: bool = False) -> None:
        self.id, self.created, self.model = id, created, model
        self.include_usage = include_usage
        self._begun = False
        self._calls = 0
        self._usage: Usage | None = None
        self._reason = ""

    def of(self, item: str | Event) -> list[JSON]:
        """The chunks that *item* makes; the first of an answer is preceded by its role."""
        if isinstance(item, Text):
            item = item.text
        if isinstance(item, str):
            return self._delta({"content": item})
        if isinstance(item, Reasoning):
            return self._delta({"reasoning_content": item.text})
        if isinstance(item, ToolCall):
            self._calls += 1
            return self._delta({"tool_calls": [{"index": self._calls - 1, **call_json(item)}]})
        if isinstance(item, Usage):
            self._usage = item
        elif isinstance(item, Finish):
            self._reason = item.reason
        return []

    def end(self) -> list[JSON]:
        """The last chunks of a complete answer: its reason, and its usage when asked for."""
        reason = self._reason or default_reason(bool(self._calls))
        chunks = [*self._first(), self._chunk({}, reason)]
        if self.include_usage:
            counted = None if self._usage is None else usage(self._usage)
            chunks.append({**self._frame(), "choices": [], "usage": counted})
        return chunks

    def _delta(self, delta: JSON) -> list[JSON]:
        return [*self._first(), self._chunk(delta, None)]

    def _first(self) -> list[JSON]:
        if self._begun:
            return []
        self._begun = True
        return [self._chunk({"role": "assistant", "content": ""}, None)]

    def _chunk(self, delta: JSON, reason: str | None) -> JSON:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        value = {**self._frame(), "choices": [choice]}
        return {**value, "usage": None} if self.include_usage else value

    def _frame(self) -> JSON:
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
        }


def as_chunk(value: Mapping[str, Any]) -> JSON:
    """A complete answer as the one chunk of a stream."""
    choices = []
    for choice in value.get("choices") or ():
        delta = dict(choice.get("message") or {})
        if delta.get("tool_calls"):
            delta["tool_calls"] = [{"index": at, **c} for at, c in enumerate(delta["tool_calls"])]
        rest = {name: each for name, each in choice.items() if name != "message"}
        choices.append({**rest, "delta": delta})
    return {**value, "object": "chat.completion.chunk", "choices": choices}


def events(chunks: Iterable[Mapping[str, Any]]) -> Iterator[str | Event]:
    """What *chunks* tell of: text, reasoning, calls once they are complete, usage, the reason.

    Raises ``StreamTruncated`` when they end without a finish reason, and
    ``ProtocolError`` for what are no chunks.
    """
    calls: dict[int, list[str]] = {}
    reason: str | None = None
    for chunk in chunks:
        try:
            for choice in chunk["choices"] or ():
                yield from _delta_events(choice.get("delta") or {}, calls)
                reason = choice.get("finish_reason") or reason
            counted = usage_of(chunk.get("usage"))
        except (LookupError, TypeError, AttributeError) as exc:
            raise ProtocolError("expected a chunk of an answer", evidence=repr(chunk)) from exc
        if counted is not None:
            yield counted
    if reason is None:
        raise StreamTruncated("the chunks end without a finish reason")
    for id, name, *pieces in calls.values():
        yield ToolCall(id, name, "".join(pieces))
    yield Finish(reason, reason)


def _delta_events(delta: Mapping[str, Any], calls: dict[int, list[str]]) -> Iterator[str | Event]:
    if delta.get("reasoning_content"):
        yield Reasoning(delta["reasoning_content"])
    if delta.get("content"):
        yield delta["content"]
    for piece in delta.get("tool_calls") or ():
        function = piece.get("function") or {}
        call = calls.setdefault(piece["index"], [piece.get("id") or "", function.get("name") or ""])
        call.append(function.get("arguments") or "")

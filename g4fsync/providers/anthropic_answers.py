"""What Anthropic's answers say: text, thoughts, calls of tools, usage and how they ended.

Facts, from the source of anthropic-sdk-python 2.14 and from recorded answers:

* An answer is a list of content blocks.  Calls of the caller's tools have the
  type ``tool_use``; what the service runs itself (``server_tool_use``,
  ``mcp_tool_use``), its results and blocks of further types are no part of the
  answer here, but go back with it (:mod:`.anthropic_blocks`).
* A ``message_start`` may hold complete blocks, a ``message_stop`` may follow at
  once (programmatic tool calling).
* The input of a call is ``{}`` at its start and comes as pieces of JSON text; where
  both are given the pieces count, as in the SDK.
* Gateways that pass on the SDK's own events add a ``message`` to ``message_stop``,
  which repeats the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..codecs import envelopes, refusals
from ..events import Event, Finish, ProviderData, Reasoning, ToolCall, Usage
from . import chatapi, fields
from .anthropic_blocks import KeptBlocks


class MessageReader:
    """What one answer has said so far; ``provider`` is who gets back what it wants back."""

    def __init__(self, provider: str = "anthropic") -> None:
        self._kept = KeptBlocks(provider)
        self._silent = True  # no text, thought or call has come yet
        self.stopped = False  # by ``message_stop``
        self.is_complete = False  # it was stopped, or a message with its reason has come
        self._blocks: dict[int | None, _Call | None] = {}  # those under way; None is no call
        self._latest: int | None = None
        self._calls = 0  # given so far
        self._usage: dict[str, Any] = {}
        self._reason = ""
        self._id: str | None = None

    def events(self, event: Mapping[str, Any]) -> Iterable[str | Event]:
        """What an event says; one that is an error is raised."""
        kind = _kind(event)
        if kind == "error" or event.get("error"):
            raise refusals.in_band(event)
        match kind:
            case "content_block_delta":
                return self.delta_events(event)
            case "content_block_start":
                return self._start(event)
            case "content_block_stop":
                return self._stop(event)
            case "message_start":
                return self._message_events(event.get("message"))
            case "message_delta":
                self._note(event.get("delta"), event.get("usage"))
            case "message":
                return self._repeated_message(event)
            case "message_stop":
                self.stopped = self.is_complete = True
                return self._repeated_message(event.get("message"))
            case "" if envelopes.is_failure(event):
                raise refusals.in_band(event)
        return ()

    def delta_events(self, event: Mapping[str, Any]) -> Iterable[str | Event]:
        """What a ``content_block_delta`` adds to its block."""
        delta = event["delta"]
        kind = delta.get("type")
        if kind == "text_delta" or (kind in (None, "text") and "text" in delta):
            self._silent = False
            text = delta["text"]
            return (text if text.__class__ is str else fields.text(text),)
        self._kept.add(_index(event), delta)
        if kind == "thinking_delta":
            return self._thought(delta.get("thinking"))
        if kind == "input_json_delta":
            piece = fields.text(delta["partial_json"])
            call = self._block(_index(event), piece)
            if call is not None:
                call.pieces.append(piece)
                return ("",)
        elif kind not in ("signature_delta", "citations_delta"):
            fields.left_out(f"delta {kind!r:.40}", delta)
        return ()

    def finish_events(self) -> Iterator[Event]:
        """Calls that were never stopped, usage and the end mark; a failure is raised."""
        raw = self._reason
        reason = chatapi.normal_reason(raw or "stop")
        if reason in ("stop", "tool_calls"):
            for index in [*self._blocks]:
                yield from self._end(index)
            reason = "tool_calls" if self._calls else reason
        elif any(self._blocks.values()):
            fields.left_out("a call that was cut off", {})
        counted = usage(self._usage)
        if counted != Usage():
            yield counted
        chatapi.raise_for_reason(raw)
        yield Finish(reason, raw=raw or None, id=self._id)

    def _start(self, event: Mapping[str, Any]) -> Iterator[str | Event]:
        """What a block has at its start; usually nothing but a tool's name."""
        index = _index(event)
        yield from self._end(index)  # one that was never stopped
        block = event.get("content_block")
        if isinstance(block, Mapping):
            yield from self._begin(index, block)
        else:
            fields.left_out("content_block", block)

    def _stop(self, event: Mapping[str, Any]) -> Iterator[Event]:
        """The finished call, or what the provider wants back, if the block was one."""
        index = _index(event)
        return self._end(index if index in self._blocks else self._latest)

    def _message_events(self, message: Any) -> Iterator[str | Event]:
        """What a message says: the first event's, or one that comes in place of a stream."""
        message = fields.mapping(message, "message")
        self._id = fields.word(message.get("id"), "id") or self._id
        content = message.get("content")
        if isinstance(content, list):
            for block in content:
                if isinstance(block, Mapping):
                    yield from self._begin(None, block)
                    yield from self._end(None)
                else:
                    yield from self._text(block)
        elif content:
            yield from self._text(content)
        self._note(message, message.get("usage"))

    def _repeated_message(self, message: Any) -> Iterator[str | Event]:
        """A message that comes at the end: it counts only when nothing was said."""
        if self._silent:
            yield from self._message_events(message)
        else:
            message = fields.mapping(message, "message")
            self._note(message, message.get("usage"))
        self.is_complete = self.is_complete or bool(self._reason)

    def _note(self, delta: Any, usage: Any) -> None:
        """Keep the stop reason and the usage; a later ``null`` erases nothing."""
        delta = fields.mapping(delta, "delta")
        self._reason = fields.word(delta.get("stop_reason"), "stop_reason") or self._reason
        usage = fields.mapping(usage, "usage")
        self._usage |= {name: value for name, value in usage.items() if value is not None}

    def _begin(self, index: int | None, block: Mapping[str, Any]) -> Iterator[str | Event]:
        self._latest = index
        self._blocks[index] = None
        self._kept.begin(index, block)
        kind = block.get("type")
        if kind == "text" or (kind is None and "text" in block):
            yield from self._text(block.get("text"))
        elif kind == "thinking":
            yield from self._thought(block.get("thinking"))
        elif kind == "tool_use":
            self._silent = False
            self._blocks[index] = _Call(block, self._kept.of_call(block))
            yield ""
        elif kind != "redacted_thinking":
            fields.left_out(f"block {kind!r:.40}", block)

    def _end(self, index: int | None) -> Iterator[Event]:
        yield from self._kept.end(index)
        call = self._blocks.pop(index, None)
        if call is not None:
            id = call.id or f"call_{self._calls}"
            yield ToolCall(id, call.name, call.arguments(), provider_data=call.provider_data)
            self._calls += 1

    def _block(self, index: int | None, piece: str) -> _Call | None:
        """The block with this index, or the latest where a server sends none."""
        if index is None and index not in self._blocks:
            index = self._latest
        if piece and index not in self._blocks:
            raise ValueError(f"input for block {index}, which was not begun: {piece!r:.80}")
        return self._blocks.get(index)

    def _text(self, value: Any) -> Iterator[str]:
        text = fields.text(value)
        if text:
            self._silent = False
            yield text

    def _thought(self, value: Any) -> Iterable[Reasoning]:
        thought = fields.thought(value, "thinking")
        if not thought:
            return ()
        self._silent = False
        return (Reasoning(thought),)


class _Call:
    def __init__(self, block: Mapping[str, Any], data: tuple[ProviderData, ...]) -> None:
        self.provider_data = data
        self.id = block.get("id") or ""
        self.name = block["name"]
        self.pieces: list[str] = []
        self._input = block.get("input")

    def arguments(self) -> str:
        return fields.said_once("".join(self.pieces)) or fields.object_text(self._input) or "{}"


def _index(event: Mapping[str, Any]) -> int | None:
    index = event.get("index")
    return index if isinstance(index, int) and not isinstance(index, bool) else None


def _kind(event: Mapping[str, Any]) -> str:
    """The type of an event, also of one that does not have its own name."""
    kind = event.get("type")
    if isinstance(kind, str):
        return kind
    if "content_block" in event:
        return "content_block_start"
    if "delta" in event:
        return "content_block_delta" if "index" in event else "message_delta"
    if "content" in event:
        return "message"
    return "message_start" if isinstance(event.get("message"), Mapping) else ""


def usage(counted: Mapping[str, Any]) -> Usage:
    """Usage as told; its three kinds of input are added up, as the API's description says."""
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    known = [number for name in names if (number := chatapi.count(counted, name)) is not None]
    sent = sum(known) if known else None
    received = chatapi.count(counted, "output_tokens")
    details = fields.mapping(counted.get("output_tokens_details"), "output_tokens_details")
    return Usage(
        input_tokens=sent,
        output_tokens=received,
        total_tokens=fields.total(sent, received),
        cached_tokens=chatapi.count(counted, "cache_read_input_tokens"),
        reasoning_tokens=chatapi.count(details, "thinking_tokens"),
    )

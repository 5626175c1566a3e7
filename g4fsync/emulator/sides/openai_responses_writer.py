"""One response of the Responses API, event by event, and as it stands at its end.

The facts stand in :mod:`.openai_responses`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..encoding import compact
from ..exchange import Exchange
from ..model import CallPiece, ModelAnswer, Piece, TextPiece, ThoughtPiece
from .completions import CREATED


class ResponseWriter:
    """Writes one response: its items as they come, and as they stand at the end."""

    def __init__(self, exchange: Exchange, body: Mapping[str, Any], answer: ModelAnswer) -> None:
        self.body = body
        self.id = f"resp_{exchange.number}"
        self.output: list[dict[str, Any]] = []
        self.status = "in_progress"
        self.reason: str | None = None
        self.sealed = f"gAAAA{exchange.number:08d}=="
        self._number = exchange.number
        self._answer = answer
        self._sequence = 0
        self._reasoning = body.get("reasoning") or {}
        self._encrypts = "reasoning.encrypted_content" in (body.get("include") or ())

    def event(self, kind: str, **fields: Any) -> bytes:
        """One event, numbered."""
        value = {"type": kind, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), compact(value))

    @property
    def keepalive(self) -> bytes:
        """What is sent while nothing is to be said."""
        return b'event: keepalive\ndata: {"type":"keepalive","sequence_number":0}\n\n'

    def events(self, pieces: Iterator[Piece], word: str | None) -> Iterator[bytes]:
        """The items of the answer; *word* stands in for its true reason."""
        text: list[str] = []
        kind: type[Piece] | None = None
        for piece in pieces:
            if kind is not None and not isinstance(piece, kind):
                yield from self._close("".join(text))
                text = []
            if isinstance(piece, CallPiece):
                kind = None
                yield from self._call(piece)
                continue
            if not isinstance(piece, kind or ()):
                kind = type(piece)
                yield from self._open(kind)
            text.append(piece.text)
            yield from self._delta(piece)
        if kind is not None:
            yield from self._close("".join(text))
        reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
        reason = word or self._answer.finish
        self.reason = reasons.get(reason)
        self.status = "incomplete" if self.reason else "completed"

    def _open(self, kind: type[Piece]) -> Iterator[bytes]:
        item: dict[str, Any]
        index = len(self.output)
        if kind is ThoughtPiece:
            item = {"id": f"rs_{self._number}", "type": "reasoning", "summary": []}
            part: dict[str, Any] = {"type": "summary_text", "text": ""}
            added = "response.reasoning_summary_part.added"
        else:
            item = {"id": f"msg_{self._number}", "type": "message", "role": "assistant"}
            item |= {"status": "in_progress", "content": []}
            part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
            added = "response.content_part.added"
        self.output.append(item)
        yield self.event("response.output_item.added", output_index=index, item=item)
        if kind is TextPiece or self._reasoning.get("summary"):
            yield self.event(added, **self._place(), part=part)

    def _place(self) -> dict[str, Any]:
        item = self.output[-1]
        name = "summary_index" if item["type"] == "reasoning" else "content_index"
        return {"item_id": item["id"], "output_index": len(self.output) - 1, name: 0}

    def _delta(self, piece: TextPiece | ThoughtPiece) -> Iterator[bytes]:
        more = {"obfuscation": "x" * (self._sequence * 7 % 13 + 1)}
        if isinstance(piece, TextPiece):
            delta = {"delta": piece.text, "logprobs": [], **more}
            yield self.event("response.output_text.delta", **self._place(), **delta)
        elif self._reasoning.get("summary"):
            kind = "response.reasoning_summary_text.delta"
            yield self.event(kind, **self._place(), delta=piece.text, **more)

    def _close(self, text: str) -> Iterator[bytes]:
        item = self.output[-1]
        if item["type"] == "reasoning":
            part: dict[str, Any] = {"type": "summary_text", "text": text}
            if self._reasoning.get("summary"):
                item["summary"] = [part]
                done = "response.reasoning_summary_text.done"
                yield self.event(done, **self._place(), text=text)
                kind = "response.reasoning_summary_part.done"
                yield self.event(kind, **self._place(), part=part)
            if self._encrypts:
                item["encrypted_content"] = self.sealed
        else:
            part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
            item |= {"status": "completed", "content": [part]}
            done = "response.output_text.done"
            yield self.event(done, **self._place(), text=text, logprobs=[])
            yield self.event("response.content_part.done", **self._place(), part=part)
        index = len(self.output) - 1
        yield self.event("response.output_item.done", output_index=index, item=item)

    def _call(self, call: CallPiece) -> Iterator[bytes]:
        text = json.dumps(call.arguments, ensure_ascii=False)
        index = len(self.output)
        item = {
            "id": f"fc_{self._number}_{call.index}",
            "type": "function_call",
            "status": "in_progress",
            "arguments": "",
            "call_id": call.id,
            "name": call.name,
        }
        self.output.append(item)
        place = {"item_id": item["id"], "output_index": index}
        yield self.event("response.output_item.added", output_index=index, item=item)
        kind = "response.function_call_arguments"
        half = len(text) // 2
        for part in (text[:half], text[half:]):
            yield self.event(f"{kind}.delta", **place, delta=part, obfuscation="x" * 5)
        yield self.event(f"{kind}.done", **place, arguments=text, name=call.name)
        item |= {"status": "completed", "arguments": text}
        yield self.event("response.output_item.done", output_index=index, item=item)

    def response(
        self, status: str | None = None, error: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The response as it stands now."""
        ended = status is None
        body = self.body
        return {
            "id": self.id,
            "object": "response",
            "created_at": CREATED,
            "status": status or self.status,
            "background": False,
            "error": error,
            "incomplete_details": {"reason": self.reason} if self.reason else None,
            "instructions": body.get("instructions"),
            "max_output_tokens": body.get("max_output_tokens"),
            "model": body["model"],
            "output": self.output if ended else [],
            "parallel_tool_calls": body.get("parallel_tool_calls", True),
            "previous_response_id": body.get("previous_response_id"),
            "reasoning": {"effort": None, "summary": None, **self._reasoning},
            "store": body.get("store", True),
            "temperature": body.get("temperature", 1.0),
            "text": body.get("text") or {"format": {"type": "text"}},
            "tool_choice": body.get("tool_choice", "auto"),
            "tools": body.get("tools") or [],
            "top_p": body.get("top_p", 1.0),
            "truncation": body.get("truncation", "disabled"),
            "usage": self._usage() if ended else None,
            "user": None,
            "metadata": body.get("metadata") or {},
        }

    def _usage(self) -> dict[str, Any]:
        answer = self._answer
        return {
            "input_tokens": answer.input_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": answer.output_tokens,
            "output_tokens_details": {"reasoning_tokens": answer.reasoning_tokens},
            "total_tokens": answer.input_tokens + answer.output_tokens,
        }

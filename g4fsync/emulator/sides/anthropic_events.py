"""The events and blocks in which Anthropic's server answers."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from typing import Any

from ..encoding import compact
from ..exchange import Exchange
from ..model import CallPiece, ModelAnswer, Piece, TextPiece, ThoughtPiece
from .anthropic_requests import SIGNATURE


def event(value: Mapping[str, Any]) -> bytes:
    """A server-sent event, named by its type."""
    return b"event: %b\ndata: %b\n\n" % (value["type"].encode(), compact(value))


def end_block(index: int, kind: str) -> Generator[bytes, None, None]:
    """The events with which a block of this kind ends."""
    if kind == "thinking":
        delta = {"type": "signature_delta", "signature": SIGNATURE}
        yield event({"type": "content_block_delta", "index": index, "delta": delta})
    yield event({"type": "content_block_stop", "index": index})


def message_id(exchange: Exchange) -> str:
    """The id of the answer to a request."""
    return f"msg_{exchange.number}"


def blocks_of(pieces: list[Piece]) -> list[dict[str, Any]]:
    """The blocks of a complete answer."""
    blocks: list[dict[str, Any]] = []
    for piece in pieces:
        block = empty_block(piece)
        # Each call is a block of its own.
        if not blocks or isinstance(piece, CallPiece) or blocks[-1]["type"] != block["type"]:
            blocks.append(block)
        if isinstance(piece, ThoughtPiece):
            blocks[-1]["signature"] = SIGNATURE
            blocks[-1]["thinking"] += piece.text
        elif isinstance(piece, TextPiece):
            blocks[-1]["text"] += piece.text
        else:
            blocks[-1]["input"] = piece.arguments
    return blocks


def empty_block(piece: Piece) -> dict[str, Any]:
    """A block as it is before its first delta."""
    if isinstance(piece, ThoughtPiece):
        return {"type": "thinking", "thinking": "", "signature": ""}
    if isinstance(piece, TextPiece):
        return {"type": "text", "text": ""}
    return {"type": "tool_use", "id": f"toolu_{piece.id}", "name": piece.name, "input": {}}


def deltas(piece: Piece) -> list[dict[str, Any]]:
    """What a piece adds to its block."""
    if isinstance(piece, ThoughtPiece):
        return [{"type": "thinking_delta", "thinking": piece.text}]
    if isinstance(piece, TextPiece):
        return [{"type": "text_delta", "text": piece.text}]
    return _argument_deltas(piece)


def _argument_deltas(call: CallPiece) -> list[dict[str, Any]]:
    text = json.dumps(call.arguments, ensure_ascii=False)
    half = len(text) // 2
    return [
        {"type": "input_json_delta", "partial_json": part}
        for part in ("", text[:half], text[half:])
    ]


def usage_of(answer: ModelAnswer) -> dict[str, Any]:
    """What an answer cost so far."""
    return {
        "input_tokens": answer.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": answer.output_tokens,
    }

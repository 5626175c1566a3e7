"""Answers of OpenAI's Responses API, event by event, for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def stream(*events: Mapping[str, Any], named: bool = True) -> bytes:
    """*events* as the server writes them: each by its name, unless not *named*."""
    blocks = []
    for event in events:
        name = f"event: {event['type']}\n" if named and "type" in event else ""
        blocks.append(f"{name}data: {json.dumps(event, ensure_ascii=False)}\n\n")
    return "".join(blocks).encode()


def numbered(*events: Mapping[str, Any]) -> list[dict[str, Any]]:
    """*events* as OpenAI numbers them."""
    return [{**event, "sequence_number": i} for i, event in enumerate(events)]


def created() -> dict[str, Any]:
    response = {"id": "resp_1", "object": "response", "status": "in_progress", "output": []}
    return {"type": "response.created", "response": response | {"error": None}}


def text(delta: str, **fields: Any) -> dict[str, Any]:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return {"type": "response.output_text.delta", **place, "delta": delta, **fields}


def message(text: str, **fields: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": content,
        **fields,
    }


def call(name: str = "f", arguments: str = '{"a": 1}', **fields: Any) -> dict[str, Any]:
    known = {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1"}
    return {**known, "name": name, "arguments": arguments, **fields}


def reasoning(encrypted: str | None = "gAAA", *summary: str, **fields: Any) -> dict[str, Any]:
    texts = [{"type": "summary_text", "text": each} for each in summary]
    value = {"id": "rs_1", "type": "reasoning", "summary": texts, **fields}
    return value if encrypted is None else value | {"encrypted_content": encrypted}


def added(item: Mapping[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(item: Mapping[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def final(*output: Mapping[str, Any], status: str = "completed", **fields: Any) -> dict[str, Any]:
    response = {"id": "resp_1", "object": "response", "status": status, "output": list(output)}
    return {"type": f"response.{status}", "response": response | {"error": None} | fields}


def usage(given: int, made: int, cached: int = 0, reasoning: int = 0) -> dict[str, Any]:
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": given + made,
    }

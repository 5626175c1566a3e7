"""Answers of OpenAI's Responses API: what both have to read alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

TEXT = {"type": "output_text", "text": "Hi there", "annotations": [], "logprobs": []}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [TEXT],
}
CALL = {
    "id": "fc_1",
    "type": "function_call",
    "call_id": "call_1",
    "name": "get_weather",
    "arguments": '{"city": "Oslo"}',
    "status": "completed",
}
THOUGHT = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Hm"}],
    "encrypted_content": "gAAA",
}
USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 3,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 12,
}


def response(*output: Any, status: str = "completed", **more: Any) -> dict[str, Any]:
    """A complete answer."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1764000000,
        "model": "gpt-5-2026",
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "output": list(output),
        "parallel_tool_calls": True,
        "temperature": 1,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": USAGE if status == "completed" else None,
        **more,
    }


CITED = {
    **MESSAGE,
    "content": [
        {
            **TEXT,
            "annotations": [
                {
                    "type": "url_citation",
                    "start_index": 0,
                    "end_index": 2,
                    "title": "t",
                    "url": "https://example.com",
                }
            ],
        },
        {"type": "refusal", "refusal": "No."},
    ],
}
#: Complete answers by name.
RESPONSES: Mapping[str, Any] = {
    "plain": response(MESSAGE),
    "call": response(THOUGHT, CALL),
    "cited": response(CITED),
    "incomplete": response(
        MESSAGE, status="incomplete", incomplete_details={"reason": "max_output_tokens"}
    ),
    "custom tool": response(
        {"id": "c", "type": "custom_tool_call", "call_id": "x", "name": "sql", "input": "SELECT"}
    ),
    "more": response(MESSAGE, service_tier="default", unknown={"a": [1]}, user="u", store=True),
}
PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
PLAIN: list[dict[str, Any]] = [
    {"type": "response.created", "response": response(status="in_progress")},
    {"type": "response.in_progress", "response": response(status="in_progress")},
    {"type": "response.output_item.added", "output_index": 0, "item": {**MESSAGE, "content": []}},
    {"type": "response.content_part.added", **PLACE, "part": {**TEXT, "text": ""}},
    {"type": "response.output_text.delta", **PLACE, "delta": "Hi", "logprobs": []},
    {"type": "response.output_text.delta", **PLACE, "delta": " there", "logprobs": []},
    {"type": "response.output_text.done", **PLACE, "text": "Hi there", "logprobs": []},
    {"type": "response.content_part.done", **PLACE, "part": TEXT},
    {"type": "response.output_item.done", "output_index": 0, "item": MESSAGE},
    {"type": "response.completed", "response": response(MESSAGE)},
]
ARGUMENTS = {"item_id": "fc_1", "output_index": 0}
CALLING: list[dict[str, Any]] = [
    {"type": "response.created", "response": response(status="in_progress")},
    {"type": "response.output_item.added", "output_index": 0, "item": {**CALL, "arguments": ""}},
    {"type": "response.function_call_arguments.delta", **ARGUMENTS, "delta": '{"city"'},
    {"type": "response.function_call_arguments.delta", **ARGUMENTS, "delta": ': "Oslo"}'},
    {
        "type": "response.function_call_arguments.done",
        **ARGUMENTS,
        "arguments": CALL["arguments"],
        "name": "get_weather",
    },
    {"type": "response.output_item.done", "output_index": 0, "item": CALL},
    {"type": "response.completed", "response": response(CALL)},
]
SUMMARY = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
THINKING: list[dict[str, Any]] = [
    {"type": "response.output_item.added", "output_index": 0, "item": {**THOUGHT, "summary": []}},
    {
        "type": "response.reasoning_summary_part.added",
        **SUMMARY,
        "part": {"type": "summary_text", "text": ""},
    },
    {"type": "response.reasoning_summary_text.delta", **SUMMARY, "delta": "Hm"},
    {"type": "response.reasoning_summary_text.done", **SUMMARY, "text": "Hm"},
    {
        "type": "response.reasoning_summary_part.done",
        **SUMMARY,
        "part": {"type": "summary_text", "text": "Hm"},
    },
    {"type": "response.output_item.done", "output_index": 0, "item": THOUGHT},
    *PLAIN[4:],
]


def numbered(events: list[dict[str, Any]], *, done: bool = False) -> bytes:
    """*events* as the service sends them."""
    lines = [
        f"event: {each['type']}\ndata: {json.dumps({**each, 'sequence_number': at})}\n\n"
        for at, each in enumerate(events)
    ]
    return ("".join(lines) + ("data: [DONE]\n\n" if done else "")).encode()


#: Streams by name.
PLACE_TEXT = {**TEXT, "text": '{"city": "Oslo", "days": 3, "note": null}'}
PLACE_MESSAGE = {**MESSAGE, "content": [PLACE_TEXT], "phase": "final_answer"}
#: Answers that are read into a type.
RESPONSES = {
    **RESPONSES,
    "typed": response(PLACE_MESSAGE),
    "typed call": response({**CALL, "arguments": PLACE_TEXT["text"]}),
}
TYPED = [
    *PLAIN[:4],
    {"type": "response.output_text.delta", **PLACE, "delta": '{"city": "Oslo", ', "logprobs": []},
    {"type": "response.output_text.delta", **PLACE, "delta": '"days": 3}', "logprobs": []},
    {
        "type": "response.output_text.done",
        **PLACE,
        "text": '{"city": "Oslo", "days": 3}',
        "logprobs": [],
    },
    {"type": "response.output_item.done", "output_index": 0, "item": PLACE_MESSAGE},
    {"type": "response.completed", "response": response(PLACE_MESSAGE)},
]
RESPONSE_STREAMS: Mapping[str, bytes] = {
    "plain": numbered(PLAIN),
    "with [DONE]": numbered(PLAIN, done=True),
    "call": numbered(CALLING),
    "typed": numbered(TYPED),
    "reasoning": numbered(THINKING),
    "refusal": numbered(
        [
            PLAIN[0],
            {"type": "response.refusal.delta", **PLACE, "delta": "No."},
            {"type": "response.refusal.done", **PLACE, "refusal": "No."},
            {
                "type": "response.completed",
                "response": response(
                    {**MESSAGE, "content": [{"type": "refusal", "refusal": "No."}]}
                ),
            },
        ]
    ),
    "incomplete": numbered(
        [
            *PLAIN[:5],
            {"type": "response.incomplete", "response": RESPONSES["incomplete"]},
        ]
    ),
}

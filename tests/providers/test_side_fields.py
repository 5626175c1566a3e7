"""A side field of another shape, or a missing one, never costs the answer's text.

Each field of a transcript in turn, but for those that are the answer, is put
in another shape, is left out, and has a field of tomorrow beside it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from g4fsync.providers.anthropic import Anthropic
from g4fsync.providers.base import Provider
from g4fsync.providers.gemini import Gemini
from g4fsync.providers.ollama import Ollama
from g4fsync.testing import Reply, ScriptedTransport, chat

LOCAL = "http://127.0.0.1:8080"
SHAPES: list[Any] = [
    0,
    1,
    -1,
    1.5,
    "",
    "x",
    "null",
    [],
    ["x"],
    [{}],
    {},
    {"x": 1},
    None,
    True,
    False,
]

ANTHROPIC: list[Any] = [
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
            "container": None,
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "usage": {
                "input_tokens": 1,
                "cache_creation_input_tokens": 2,
                "cache_read_input_tokens": 3,
                "cache_creation": {"ephemeral_5m_input_tokens": 2},
                "output_tokens": 1,
                "service_tier": "standard",
                "server_tool_use": {"web_search_requests": 1},
            },
        },
    },
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "thinking", "thinking": "", "signature": ""},
    },
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "thinking_delta", "thinking": "Hm"},
    },
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "signature_delta", "signature": "EqQB"},
    },
    {"type": "content_block_stop", "index": 0},
    {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
    },
    {"type": "content_block_stop", "index": 1},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {
            "type": "web_search_tool_result",
            "tool_use_id": "s",
            "content": [{"type": "web_search_result", "url": "u", "page_age": None}],
        },
    },
    {"type": "content_block_stop", "index": 2},
    {
        "type": "content_block_start",
        "index": 3,
        "content_block": {"type": "text", "text": "", "citations": []},
    },
    {"type": "ping"},
    {
        "type": "content_block_delta",
        "index": 3,
        "delta": {
            "type": "citations_delta",
            "citation": {"type": "char_location", "cited_text": "c", "start_char_index": 0},
        },
    },
    {"type": "content_block_delta", "index": 3, "delta": {"type": "text_delta", "text": "Hi"}},
    {"type": "content_block_delta", "index": 3, "delta": {"type": "text_delta", "text": " you"}},
    {"type": "content_block_stop", "index": 3},
    {
        "type": "message_delta",
        "delta": {
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "stop_details": None,
            "container": {"id": "c", "expires_at": "2026-01-01T00:00:00Z"},
        },
        "usage": {
            "input_tokens": 1,
            "output_tokens": 15,
            "output_tokens_details": {"thinking_tokens": 9},
            "iterations": [{"type": "message", "input_tokens": 1}],
        },
        "context_management": {"applied_edits": []},
    },
    {"type": "message_stop"},
]
ANTHROPIC_MESSAGE: list[Any] = [
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "EqQB"},
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            {"type": "text", "text": "Hi", "citations": [{"cited_text": "c"}]},
            {"type": "text", "text": " you"},
        ],
        "container": {"id": "c"},
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 15, "server_tool_use": None},
    }
]
GEMINI: list[Any] = [
    {
        "candidates": [
            {
                "content": {"parts": [{"text": "Hi", "thoughtSignature": "x"}], "role": "model"},
                "index": 0,
                "safetyRatings": [{"category": "C", "probability": "LOW", "blocked": False}],
                "citationMetadata": {"citationSources": [{"startIndex": 0, "uri": "u"}]},
                "groundingMetadata": {"webSearchQueries": ["q"], "groundingChunks": [{}]},
                "avgLogprobs": -0.5,
                "logprobsResult": {"topCandidates": [], "chosenCandidates": [{"token": "Hi"}]},
                "tokenCount": 1,
            }
        ],
        "promptFeedback": {"safetyRatings": [{"category": "C"}], "blockReasonMessage": ""},
        "usageMetadata": {"promptTokenCount": 5, "trafficType": "ON_DEMAND"},
        "modelVersion": "m",
        "responseId": "r",
        "createTime": "2026-01-01T00:00:00Z",
    },
    {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"executableCode": {"language": "PYTHON", "code": "1"}},
                        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
                        {"inlineData": {"mimeType": "image/png", "data": "iVA="}},
                        {"text": " you"},
                    ],
                    "role": "model",
                },
                "finishReason": "STOP",
                "finishMessage": "",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 5,
            "candidatesTokenCount": 3,
            "thoughtsTokenCount": 12,
            "cachedContentTokenCount": 2,
            "toolUsePromptTokenCount": 7,
            "totalTokenCount": 20,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
        },
        "modelVersion": "m",
    },
]
OLLAMA: list[Any] = [
    {
        "model": "m",
        "created_at": "2026-01-01T10:00:00Z",
        "message": {"role": "assistant", "content": "", "thinking": "Hm"},
        "done": False,
    },
    {
        "model": "m",
        "remote_model": "r",
        "message": {"role": "assistant", "content": "Hi", "tool_calls": None, "images": None},
        "logprobs": [{"token": "Hi", "logprob": -0.5, "top_logprobs": []}],
        "done": False,
    },
    {"model": "m", "message": {"role": "assistant", "content": " you"}, "done": False},
    {
        "model": "m",
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "stop",
        "total_duration": 5191566416,
        "prompt_eval_count": 26,
        "eval_count": 298,
        "context": [1, 2],
    },
]

SSE, JSON, NDJSON = "text/event-stream", "application/json", "application/x-ndjson"
GEMINI_ASK = "POST /models/m:streamGenerateContent"
# Provider, request, content type, values, and the fields that are the answer: a
# dot stands between names, ``*`` for any of a list; what holds them is spared too.
PROTOCOLS: dict[str, tuple[Provider, str, str, list[Any], set[str]]] = {
    "anthropic": (
        Anthropic(LOCAL),
        "POST /v1/messages",
        SSE,
        ANTHROPIC,
        {"*.type", "12.delta.type", "12.delta.text", "13.delta.type", "13.delta.text"}
        # In another shape these are text themselves, or could have been.
        | {"9.content_block.type", "9.content_block.text", "0.message.content"}
        | {"2.delta", "3.delta", "11.delta"},
    ),
    "anthropic, one message": (
        Anthropic(LOCAL),
        "POST /v1/messages",
        JSON,
        ANTHROPIC_MESSAGE,
        {f"0.content.{i}.{name}" for i in range(4) for name in ("type", "text")}
        | {"0.type", "0.stop_reason"},
    ),
    "gemini": (
        Gemini(LOCAL),
        GEMINI_ASK,
        SSE,
        GEMINI,
        {
            "0.candidates.0.content.parts.0.text",
            "1.candidates.0.content.parts.0",
            "1.candidates.0.content.parts.1",
            "1.candidates.0.content.parts.2",
            "1.candidates.0.content.parts.3.text",
            "1.candidates.0.finishReason",
            "*.candidates.0.index",  # 1 is another answer
        },
    ),
    "gemini, a list": (
        Gemini(LOCAL),
        GEMINI_ASK,
        JSON,
        GEMINI,
        {
            "0.candidates.0.content.parts.0.text",
            "1.candidates.0.content.parts.0",
            "1.candidates.0.content.parts.1",
            "1.candidates.0.content.parts.2",
            "1.candidates.0.content.parts.3.text",
            "1.candidates.0.finishReason",
            "*.candidates.0.index",  # 1 is another answer
        },
    ),
    "ollama": (
        Ollama(),
        "POST /api/chat",
        NDJSON,
        OLLAMA,
        {"*.message.content", "*.done"},
    ),
}


def body(media_type: str, values: list[Any]) -> bytes:
    texts = [json.dumps(value) for value in values]
    if media_type == SSE:
        return "".join(f"data: {text}\n\n" for text in texts).encode()
    if media_type == NDJSON:
        return "".join(f"{text}\n" for text in texts).encode()
    return (texts[0] if len(texts) == 1 else f"[{','.join(texts)}]").encode()


def places(value: Any, path: str = "") -> Iterator[str]:
    """The way to every field in *value*."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield f"{path}{key}"
            yield from places(inner, f"{path}{key}.")


def is_spared(place: str, answer: set[str]) -> bool:
    steps = place.split(".")
    for each in answer:
        way = each.split(".")
        holds = all(own in ("*", step) for own, step in zip(way, steps, strict=False))
        if holds and len(steps) <= len(way):
            return True
    return False


CASES = [
    (name, place)
    for name, (*_, values, answer) in PROTOCOLS.items()
    for place in places(values)
    if not is_spared(place, answer)
]


def text_of_body(name: str, answer: bytes, label: str) -> str:
    provider, ask, *_ = PROTOCOLS[name]
    reply = Reply(answer, headers={"content-type": label} if label else {})
    return chat(provider, "Hi", ScriptedTransport({ask: reply}), model="m").result().text


def text_of(name: str, values: list[Any]) -> str:
    media_type = PROTOCOLS[name][2]
    return text_of_body(name, body(media_type, values), media_type)


def holder(values: list[Any], place: str) -> tuple[Any, Any]:
    """What holds the field at *place*, and the field's name or index there."""
    *way, last = place.split(".")
    inner: Any = values
    for step in way:
        inner = inner[int(step)] if isinstance(inner, list) else inner[step]
    return inner, int(last) if isinstance(inner, list) else last


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_transcript_itself(name: str) -> None:
    assert text_of(name, PROTOCOLS[name][3]) == "Hi you"


FORMS = [
    (name, form)
    for name in PROTOCOLS
    for form in (SSE, JSON, NDJSON)
    # Only Gemini has its chunks in a list.
    if form != JSON or len(PROTOCOLS[name][3]) == 1 or "gemini" in name
]


@pytest.mark.parametrize("label", [SSE, JSON, NDJSON, "text/plain", ""])
@pytest.mark.parametrize(("name", "form"), FORMS)
def test_the_first_bytes_decide_and_not_the_content_type(name: str, form: str, label: str) -> None:
    assert text_of_body(name, body(form, PROTOCOLS[name][3]), label) == "Hi you"


@pytest.mark.parametrize(
    "blank", ["data:\n\n", "data: \n\n", "event: ping\ndata: \n\n", ": ping\n\n"]
)
@pytest.mark.parametrize("name", PROTOCOLS)
def test_an_event_without_data_says_nothing(name: str, blank: str) -> None:
    answer = body(SSE, PROTOCOLS[name][3]).replace(b"\n\n", b"\n\n" + blank.encode())
    assert text_of_body(name, blank.encode() + answer, SSE) == "Hi you"


@pytest.mark.parametrize(("name", "place"), CASES)
def test_a_side_field_in_any_shape_costs_no_text(name: str, place: str) -> None:
    for shape in SHAPES:
        values = copy.deepcopy(PROTOCOLS[name][3])
        inner, key = holder(values, place)
        inner[key] = shape
        assert text_of(name, values) == "Hi you", shape
    values = copy.deepcopy(PROTOCOLS[name][3])
    inner, key = holder(values, place)
    del inner[key]
    assert text_of(name, values) == "Hi you"


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_field_of_tomorrow_costs_no_text(name: str) -> None:
    original = PROTOCOLS[name][3]
    for place in places(original):
        values = copy.deepcopy(original)
        inner, key = holder(values, place)
        if isinstance(inner[key], dict) and inner[key]:
            for shape in SHAPES:
                inner[key]["of_tomorrow"] = shape
                assert text_of(name, values) == "Hi you", (place, shape)

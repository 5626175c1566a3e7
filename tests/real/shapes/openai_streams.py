"""Answers of a server that speaks OpenAI's protocol: what both have to read alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

FRAME = {
    "id": "chatcmpl-7",
    "object": "chat.completion.chunk",
    "created": 1764000000,
    "model": "gpt-4o-2026",
}
USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
LIKELY = {
    "content": [
        {
            "token": "Hi",
            "logprob": -0.25,
            "bytes": [72, 105],
            "top_logprobs": [{"token": "Hi", "logprob": 0, "bytes": None}],
        }
    ],
    "refusal": None,
}


def chunk(delta: Any = None, reason: Any = None, *, index: int = 0, **more: Any) -> dict[str, Any]:
    """A chunk with one choice."""
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": reason}
    if "logprobs" in more:
        choice["logprobs"] = more.pop("logprobs")
    return {**FRAME, "choices": [choice], **more}


def text(*pieces: str) -> list[dict[str, Any]]:
    """The role, then the pieces."""
    first = chunk({"role": "assistant", "content": "", "refusal": None})
    return [first, *(chunk({"content": piece}) for piece in pieces)]


def call(at: int, **members: Any) -> dict[str, Any]:
    """A chunk with a piece of one tool call."""
    function = {key: members.pop(key) for key in ("name", "arguments") if key in members}
    more = {"function": function} if function else {}
    return chunk({"tool_calls": [{"index": at, **members, **more}]})


CALLING = [
    chunk({"role": "assistant", "content": None}),
    call(0, id="call_1", type="function", name="get_weather", arguments=""),
    call(0, arguments='{"city"'),
    call(0, arguments=': "Oslo"}'),
    call(1, id="call_2", type="function", name="get_time", arguments=""),
    call(1, arguments="{}"),
    chunk({}, "tool_calls"),
]
STOP = chunk({}, "stop")

CHUNKS: Mapping[str, list[dict[str, Any]]] = {
    "plain": [*text("Hi", " there"), STOP],
    "one piece": [chunk({"role": "assistant", "content": "Hi"}, "stop")],
    "no role": [chunk({"content": "Hi"}), STOP],
    "empty text": [*text(), STOP],
    "null text": [chunk({"role": "assistant", "content": None}), chunk({"content": "Hi"}), STOP],
    "length": [*text("Hi"), chunk({}, "length")],
    "filter": [*text("Hi"), chunk({}, "content_filter")],
    "tools": CALLING,
    "tools after text": [*text("Let me see."), *CALLING[1:]],
    "tools in one piece": [
        chunk(
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "index": 0,
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "f", "arguments": "{}"},
                    },
                    {
                        "index": 1,
                        "id": "call_2",
                        "type": "function",
                        "function": {"name": "g", "arguments": "{}"},
                    },
                ],
            },
            "tool_calls",
        )
    ],
    "function call": [
        chunk({"role": "assistant", "function_call": {"name": "f", "arguments": ""}}),
        chunk({"function_call": {"arguments": "{}"}}),
        chunk({}, "function_call"),
    ],
    "usage": [*text("Hi"), STOP, {**FRAME, "choices": [], "usage": USAGE}],
    "usage in each": [{**each, "usage": None} for each in [*text("Hi"), STOP]]
    + [{**FRAME, "choices": [], "usage": USAGE}],
    "usage with the reason": [*text("Hi"), {**STOP, "usage": USAGE}],
    "usage details": [
        *text("Hi"),
        STOP,
        {
            **FRAME,
            "choices": [],
            "usage": {
                **USAGE,
                "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 2},
            },
        },
    ],
    "refusal": [
        chunk({"role": "assistant", "content": None, "refusal": ""}),
        chunk({"refusal": "I can't"}),
        chunk({"refusal": " do that."}),
        STOP,
    ],
    "logprobs": [
        chunk({"role": "assistant", "content": ""}, logprobs=None),
        chunk({"content": "Hi"}, logprobs=LIKELY),
        chunk({}, "stop", logprobs=None),
    ],
    "reasoning": [
        chunk({"role": "assistant", "content": None, "reasoning_content": "Hm"}),
        chunk({"reasoning_content": " so"}),
        chunk({"content": "Hi"}),
        STOP,
    ],
    "reasoning details": [
        chunk({"reasoning": "Hm", "reasoning_details": [{"type": "reasoning.text", "text": "Hm"}]}),
        chunk({"content": "Hi"}),
        STOP,
    ],
    "two answers": [
        chunk({"role": "assistant", "content": ""}),
        chunk({"role": "assistant", "content": ""}, index=1),
        chunk({"content": "A"}),
        chunk({"content": "B"}, index=1),
        chunk({}, "stop"),
        chunk({"content": "b"}, index=1),
        chunk({}, "length", index=1),
    ],
    "two answers in one chunk": [
        {
            **FRAME,
            "choices": [
                {"index": 0, "delta": {"content": "A"}, "finish_reason": None},
                {"index": 1, "delta": {"content": "B"}, "finish_reason": None},
            ],
        },
        {
            **FRAME,
            "choices": [
                {"index": 0, "delta": {}, "finish_reason": "stop"},
                {"index": 1, "delta": {}, "finish_reason": "stop"},
            ],
        },
    ],
    "fingerprint and tier": [
        {**each, "system_fingerprint": "fp_1", "service_tier": "default"}
        for each in [*text("Hi"), STOP]
    ],
    "obfuscation": [{**each, "obfuscation": "xY3"} for each in [*text("Hi"), STOP]],
    "unknown members": [
        {**chunk({"content": "Hi", "mood": {"a": [1, None]}}), "x_groq": {"id": "req"}},
        {**STOP, "extra": None},
    ],
    "azure filters": [
        {
            "id": "",
            "object": "",
            "created": 0,
            "model": "",
            "choices": [],
            "prompt_filter_results": [{"prompt_index": 0}],
        },
        *text("Hi"),
        STOP,
    ],
    "audio": [
        chunk({"role": "assistant", "audio": {"id": "audio_1", "transcript": "Hi"}}),
        chunk({"audio": {"data": "AAAA"}}),
        chunk({"audio": {"expires_at": 1764003600}}),
        STOP,
    ],
    "unicode": [*text("Zoë ", "🙂", "\u2028", "日本"), STOP],
    "text after the reason": [*text("Hi"), STOP, chunk({"content": "!"}), STOP],
    "reason in each": [chunk({"content": "Hi"}, "stop"), chunk({"content": "!"}, "stop")],
    "odd types": [
        {**FRAME, "created": 1764000000.5, "choices": [{"index": 0, "delta": {"content": "Hi"}}]},
        STOP,
    ],
    "annotations": [
        chunk({"content": "Hi", "annotations": [{"type": "url_citation"}]}),
        STOP,
    ],
    "cut JSON": [*text('{"city": "Os'), chunk({}, "length")],
    "strict tool": [
        call(0, id="call_1", type="function", name="get_weather", arguments='{"city": "Oslo", '),
        call(0, arguments='"days": 3}'),
        chunk({}, "tool_calls"),
    ],
    "strict JSON": [*text('{"city": "Os', 'lo", "days"', ": 3}"), STOP],
}


def events(chunks: list[dict[str, Any]], *, end: str = "data: [DONE]\n\n") -> bytes:
    """*chunks* as server-sent events."""
    lines = "".join(f"data: {json.dumps(each)}\n\n" for each in chunks)
    return (lines + end).encode()


ENDINGS: Mapping[str, bytes] = {
    "no [DONE]": events(CHUNKS["plain"], end=""),
    "comments": b": hello\n\n" + events(CHUNKS["plain"]).replace(b"\n\n", b"\n\n: ping\n\n"),
    "CRLF": events(CHUNKS["plain"]).replace(b"\n", b"\r\n"),
    "ids and names": events(CHUNKS["plain"]).replace(b"data:", b"id: 1\nevent: message\ndata:"),
    "no blank": events(CHUNKS["plain"]).replace(b"data: ", b"data:"),
    "data in lines": events([]).replace(
        b"data: [DONE]",
        b"data: "
        + json.dumps(STOP, indent=1).replace("\n", "\ndata: ").encode()
        + b"\n\ndata: [DONE]",
    ),
    "after [DONE]": events(CHUNKS["plain"]) + b"data: {}\n\n",
}

#: Streams by name: body, without a fault.
STREAMS: Mapping[str, bytes] = {
    **{name: events(chunks) for name, chunks in CHUNKS.items()},
    **ENDINGS,
}

#: Errors that a stream tells of, by name: body.
TOLD: Mapping[str, bytes] = {
    "error": events(text("Hi"), end='data: {"error": {"message": "Busy", "code": 503}}\n\n'),
    "error at once": b'data: {"error": {"message": "No", "type": "t", "param": "p"}}\n\n',
    "error without words": events(text("Hi"), end='data: {"error": {"code": "x"}}\n\n'),
    "error as text": events(text("Hi"), end='data: {"error": "Busy"}\n\n'),
}

COMPLETION = {
    "id": "chatcmpl-7",
    "object": "chat.completion",
    "created": 1764000000,
    "model": "gpt-4o-2026",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi there", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": USAGE,
}


def completion(said: Any, reason: str = "stop", **more: Any) -> dict[str, Any]:
    """A complete answer."""
    choice = {"index": 0, "message": {"role": "assistant", **said}, "finish_reason": reason}
    return {**COMPLETION, "choices": [choice], **more}


CALLS = [
    {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
    }
]
#: Complete answers by name.
COMPLETIONS: Mapping[str, Any] = {
    "plain": COMPLETION,
    "tools": completion({"content": None, "tool_calls": CALLS}, "tool_calls"),
    "custom tool": completion(
        {
            "content": None,
            "tool_calls": [
                {"id": "call_1", "type": "custom", "custom": {"name": "sql", "input": "SELECT"}}
            ],
        },
        "tool_calls",
    ),
    "function call": completion(
        {"content": None, "function_call": {"name": "f", "arguments": "{}"}}, "function_call"
    ),
    "refusal": completion({"content": None, "refusal": "No."}),
    "annotations": completion(
        {
            "content": "Hi",
            "annotations": [
                {
                    "type": "url_citation",
                    "url_citation": {
                        "start_index": 0,
                        "end_index": 2,
                        "title": "t",
                        "url": "https://example.com",
                    },
                }
            ],
        }
    ),
    "audio": completion(
        {
            "content": None,
            "audio": {"id": "a", "data": "AAAA", "expires_at": 1764003600, "transcript": "Hi"},
        }
    ),
    "logprobs": {
        **COMPLETION,
        "choices": [{**COMPLETION["choices"][0], "logprobs": LIKELY}],  # type: ignore[index]
    },
    "reasoning": completion({"content": "Hi", "reasoning_content": "Hm", "mood": {"a": [1]}}),
    "details": completion(
        {"content": "Hi"},
        usage={
            **USAGE,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": None},
            "cost": 0.5,
        },
        service_tier="flex",
        system_fingerprint="fp_1",
        metadata={"a": "b"},
    ),
    "two answers": {
        **COMPLETION,
        "choices": [
            {
                "index": at,
                "message": {"role": "assistant", "content": each},
                "finish_reason": "stop",
            }
            for at, each in enumerate("AB")
        ],
    },
    "bare": {"choices": [{"message": {"content": "Hi"}}]},
}

#: Refusals by name: status, headers, body.
REFUSALS: Mapping[str, tuple[int, Mapping[str, str], bytes]] = {
    str(status): (
        status,
        {"x-request-id": f"req_{status}", "content-type": "application/json"},
        json.dumps(
            {"error": {"message": f"No {status}", "type": "t", "param": "p", "code": "c"}}
        ).encode(),
    )
    for status in (400, 401, 403, 404, 408, 409, 413, 418, 422, 429, 500, 502, 503, 529)
} | {
    "number": (400, {}, b'{"error": {"message": "No", "code": 400}}'),
    "flat": (400, {}, b'{"message": "No", "object": "error", "code": 40001}'),
    "detail": (422, {}, b'{"detail": [{"loc": ["body"], "msg": "field required"}]}'),
    "text": (503, {"content-type": "text/plain"}, b"upstream connect error\n"),
    "empty": (502, {}, b""),
    "error as text": (400, {}, b'{"error": "No"}'),
    "list": (400, {}, b'[{"error": {"message": "No"}}]'),
    "long": (400, {}, json.dumps({"error": {"message": "No", "why": "x" * 5000}}).encode()),
}

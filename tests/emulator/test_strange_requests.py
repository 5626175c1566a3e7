"""Whatever stands in a request, its far side answers: no request makes it fail."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from g4fsync.emulator import Emulator

STRANGE: list[Any] = [None, True, -1.5, "x", [], [[]], {}, [{"type": []}], {"type": {"a": 1}}]
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1, "pattern": "^a", "enum": ["a"]},
        "days": {"anyOf": [{"type": ["integer", "null"], "minimum": 1}, {"$ref": "#/$defs/A"}]},
    },
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {"A": {"type": "array", "items": {"$ref": "#/$defs/A"}}},
}
FUNCTION = {"name": "f", "arguments": "{}"}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
OPENAI = {
    "model": "deepseek-reasoner",
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "f"}, PICTURE]},
        {
            "role": "assistant",
            "reasoning_content": "Hm",
            "tool_calls": [{"id": "c", "type": "function", "function": FUNCTION}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "x"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": FUNCTION}]},
    },
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
    "thinking": {"type": "enabled"},
}
SOURCE = {"type": "base64", "media_type": "image/png", "data": "aGk="}
ANTHROPIC = {
    "model": "claude-x",
    "max_tokens": 3000,
    "system": [{"type": "text", "text": "x"}],
    "messages": [
        {
            "role": "user",
            "content": [{"type": "text", "text": "f"}, {"type": "image", "source": SOURCE}],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm", "signature": "EmulatorSignature=="},
                {"type": "tool_use", "id": "c", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "c",
                    "content": [{"type": "text", "text": "x"}],
                }
            ],
        },
    ],
    "tools": [{"name": "f", "input_schema": SCHEMA}],
    "tool_choice": {"type": "auto"},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    "thread": {"type": "create"},
}
GEMINI = {
    "contents": [
        {
            "role": "user",
            "parts": [{"text": "f"}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}],
        },
        {
            "role": "model",
            "parts": [
                {
                    "functionCall": {"name": "f", "args": {}},
                    "thoughtSignature": "ZW11bGF0b3Igc2lnbmF0dXJl",
                }
            ],
        },
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
    ],
    "systemInstruction": {"parts": [{"text": "x"}]},
    "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    "generationConfig": {
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
        "thinkingConfig": {"includeThoughts": True},
    },
}
OLLAMA = {
    "model": "llama3.2",
    "messages": [
        {"role": "user", "content": "f", "images": ["aGk="]},
        {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
        {"role": "tool", "content": "x"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
    "format": SCHEMA,
    "options": {"stop": ["x"]},
    "think": True,
    "stream": False,
}


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all that stands in a value."""
    if place:
        yield place
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for name, member in inner:
        yield from places(member, (*place, name))


def with_strange(body: Any, place: tuple[Any, ...], strange: Any) -> Any:
    changed = copy.deepcopy(body)
    inner = changed
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = strange
    return changed


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("side", "path", "body"),
    [
        ("openai", "/chat/completions", OPENAI),
        ("anthropic", "/v1/messages", ANTHROPIC),
        ("gemini", "/v1beta/models/gemini-3-pro-preview:generateContent", GEMINI),
        ("ollama", "/api/chat", OLLAMA),
    ],
)
def test_a_strange_member_anywhere_is_answered(
    emulator: Emulator, side: str, path: str, body: Any
) -> None:
    headers = {
        "Authorization": f"Bearer {emulator.api_key}",
        "x-goog-api-key": emulator.api_key,
        "anthropic-version": "2023-06-01",
    }
    with requests.Session() as session:
        session.headers.update(headers)

        def status(content: Any) -> int:
            url = emulator.base_urls[side] + path
            return session.post(url, json=content, timeout=10).status_code

        assert status(body) == 200
        for number, place in enumerate(places(body)):
            # Each place meets a third of what is strange.
            for strange in STRANGE[number % 3 :: 3]:
                content = with_strange(body, place, strange)
                assert status(content) < 500, json.dumps([place, strange])
    assert not any(record.failure for record in emulator.far_sides[side].requests)

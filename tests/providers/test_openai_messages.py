from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from g4fsync.errors import InvalidRequest
from g4fsync.events import ProviderData, ToolCall
from g4fsync.messages import ChatResult, Image, Message
from g4fsync.providers.openai import OpenAI, body
from g4fsync.testing import ScriptedTransport, chat, request

LOCAL = "http://127.0.0.1:8000/v1"
ASK = "POST /chat/completions"
USER = {"role": "user", "content": "Hi"}


class Other(OpenAI):
    name = "other"


def made(messages: object, provider: OpenAI | None = None) -> list[dict[str, Any]]:
    provider = provider or OpenAI(LOCAL)
    sent: list[dict[str, Any]] = body(request(provider, messages, model="m"), provider)["messages"]
    return sent


def answered(*deltas: dict[str, Any], finish: str = "stop") -> ChatResult:
    chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": each}]} for each in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    wire = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode()
    transport = ScriptedTransport({ASK: wire + b"data: [DONE]\n\n"})
    return chat(OpenAI(LOCAL), "Hi", transport, model="m").result()


# -- what a host wants back -------------------------------------------------


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "reasoning_text"])
def test_reasoning_comes_back_by_the_name_it_came_with(name: str) -> None:
    result = answered({"role": "assistant", name: "They "}, {name: "want"}, {"content": "Hello"})
    turn = {"role": "assistant", "content": "Hello", name: "They want"}
    assert made([USER, result, USER]) == [USER, turn, USER]
    assert made([USER, result.message, USER]) == [USER, turn, USER]


def test_reasoning_comes_back_with_calls_that_are_signed() -> None:
    call = {"index": 0, "id": "c1", "type": "function"}
    signed = {"google": {"thought_signature": "s"}}
    result = answered(
        {"reasoning_content": "hm"},
        {"tool_calls": [{**call, "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}, "extra_content": signed}]},
        finish="tool_calls",
    )
    assert made([USER, result, {"role": "tool", "content": "1", "tool_call_id": "c1"}])[1] == {
        "role": "assistant",
        "content": None,
        "reasoning_content": "hm",
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "f", "arguments": "{}"},
                "extra_content": signed,
            }
        ],
    }


def test_reasoning_details_come_back_as_the_list_they_make() -> None:
    text = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}
    sealed = {"type": "reasoning.encrypted", "data": "x", "id": "r1", "index": 1}
    result = answered(
        {"reasoning": "They ", "reasoning_details": [{**text, "text": "They ", "signature": None}]},
        {"reasoning": "want", "reasoning_details": [{**text, "text": "want"}]},
        {"reasoning_details": [{**text, "signature": "s"}]},
        {"reasoning_details": [{**text, "text": "Again", "signature": "s2"}]},
        {"reasoning_details": [sealed, sealed]},
        {"content": "Hello"},
    )
    assert made([USER, result, USER])[1] == {
        "role": "assistant",
        "content": "Hello",
        "reasoning": "They want",
        "reasoning_details": [
            {**text, "text": "They want", "signature": "s"},
            {**text, "text": "Again", "signature": "s2"},
            sealed,
            sealed,
        ],
    }


def test_thinking_blocks_come_back_as_the_list_they_make() -> None:
    result = answered(
        {"thinking_blocks": [{"type": "thinking", "thinking": "h", "signature": ""}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "m"}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "s"}]},
        {"thinking_blocks": [{"type": "redacted_thinking", "data": "x"}]},
        {"content": "Hello"},
    )
    assert made([USER, result, USER])[1]["thinking_blocks"] == [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
    ]


def test_a_thinking_part_comes_back_before_the_text() -> None:
    def thinking(text: str, **more: Any) -> dict[str, Any]:
        return {"type": "thinking", "thinking": [{"type": "text", "text": text}], **more}

    result = answered(
        {"content": [thinking("They ")]},
        {"content": [thinking("want", closed=True)]},
        {"content": [{"type": "text", "text": "Hel"}]},
        {"content": "lo"},
    )
    assert (result.text, result.reasoning) == ("Hello", "They want")
    assert made([USER, result, USER])[1]["content"] == [
        thinking("They want", closed=True),
        {"type": "text", "text": "Hello"},
    ]


def test_what_comes_back_was_put_together_from_halves_of_characters() -> None:
    result = answered({"reasoning": "\ud83d"}, {"reasoning": "\ude00"}, {"content": "a"})
    assert made([USER, result, USER])[1]["reasoning"] == "\U0001f600"


@pytest.mark.parametrize("value", [5, {"a": 1}, [], "", None, [None], ["a"]])
@pytest.mark.parametrize("name", ["reasoning_details", "thinking_blocks", "extra_content"])
def test_a_shape_that_is_not_known_does_not_cost_the_answer(name: str, value: object) -> None:
    assert answered({name: value, "content": "Hello"}).text == "Hello"


def test_what_one_provider_wants_back_is_not_sent_to_another() -> None:
    result = answered({"reasoning": "hm", "extra_content": {"a": 1}}, {"content": "Hello"})
    assert result.message.provider_data
    turn = {"role": "assistant", "content": "Hello"}
    assert made([USER, result, USER], Other(LOCAL)) == [USER, turn, USER]


def test_what_the_caller_gives_goes_before_what_came() -> None:
    data = ProviderData("openai", "message", {"reasoning": "hm"})
    turn = Message("assistant", "a", extra={"reasoning": "own"}, provider_data=(data,))
    assert made([USER, turn, USER])[1]["reasoning"] == "own"


# -- what the caller gives --------------------------------------------------

CACHE = {"type": "ephemeral"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    "message",
    [
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "They want",
            "tool_calls": [CALL],
        },
        {"role": "assistant", "content": "", "reasoning": "x", "reasoning_details": [{"a": [1]}]},
        {"role": "assistant", "content": "Dear", "prefix": True},
        {"role": "assistant", "content": None, "audio": {"id": "audio_1"}},
        {"role": "assistant", "content": None, "refusal": "No."},
        {"role": "assistant", "content": "a", "annotations": []},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{**CALL, "extra_content": {"a": "b"}}],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{**CALL, "function": {**CALL["function"], "parsed": 1}, "index": 0}],  # type: ignore[dict-item]  # a plain mapping
        },
        {"role": "system", "content": [{"type": "text", "text": "a", "cache_control": CACHE}]},
        {"role": "tool", "content": "1", "tool_call_id": "c1", "name": "f", "cache_control": CACHE},
        {"role": "user", "content": "a", "name": "Ann", "cache_control": CACHE},
        *(
            {"role": "user", "content": [{"type": "text", "text": "a"}, part]}
            for part in (
                {"type": "image_url", "image_url": {"url": "https://h/a", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://h/a", "x": 1}, "y": [2]},
                {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
                {"type": "file", "file": {"file_id": "f1"}},
                {"type": "document_url", "document_url": "https://h/a.pdf"},
                {"type": "video_url", "video_url": {"url": "https://h/a.mp4"}},
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                {"type": "text", "text": "b", "cache_control": CACHE},
            )
        ),
    ],
)
def test_what_the_caller_gives_is_sent_as_it_is(message: dict[str, Any]) -> None:
    assert made([message, USER]) == [message, USER]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OWN = {"role", "content", "name", "tool_calls", "tool_call_id", "type", "text", "id", "function"}
EXTRA = st.dictionaries(
    st.text(min_size=1).filter(lambda name: name not in OWN),
    JSON.filter(lambda value: value is not None),
    max_size=4,
)


@given(EXTRA, EXTRA, EXTRA)
def test_any_members_survive_unchanged(
    message: dict[str, Any], part: dict[str, Any], call: dict[str, Any]
) -> None:
    given = [
        {"role": "user", "content": [{"type": "text", "text": "a", **part}], **message},
        {"role": "assistant", "content": None, "tool_calls": [{**CALL, **call}]},
        {"role": "user", "content": [{"type": "other", **part}]},
    ]
    if not part:
        given[0]["content"] = "a"
    assert json.loads(json.dumps(made(given))) == json.loads(json.dumps(given))


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        ({"type": "image", "source": {"type": "url", "url": "https://h"}}, "of type 'image'"),
        ({"type": "document", "source": {"type": "text"}}, "of type 'document'"),
        ({"type": "tool_result", "tool_use_id": "t"}, "of type 'tool_result'"),
        ({"type": "thinking", "thinking": "hm", "signature": "s"}, "of type 'thinking'"),
        ({"inlineData": {"data": "UklG"}}, "with 'inlineData'"),
        ({"text": "a"}, "with 'text'"),
    ],
)
def test_parts_in_another_protocols_shape_are_refused(part: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        made([USER, {"role": "user", "content": ["See: ", part]}])
    assert str(caught.value) == (
        f"messages[1].content[1]: openai has no part {fault}; "
        'write {"type": "text"}, {"type": "image_url"} or another of OpenAI\'s parts'
    )


def test_calls_keep_what_their_provider_wants_back_without_the_message() -> None:
    data = (ProviderData("openai", "call", {"extra_content": {"a": 1}}),)
    turn = {
        "role": "assistant",
        "content": "",
        "tool_calls": [ToolCall("c1", "f", "{}", provider_data=data)],
    }
    assert made([turn])[0]["tool_calls"] == [{**CALL, "extra_content": {"a": 1}}]


def test_an_image_may_say_its_detail() -> None:
    image = Image(url="https://h/a.png", detail="high", extra={"cache_control": CACHE})
    assert made([{"role": "user", "content": [image]}])[0]["content"] == [
        {
            "type": "image_url",
            "image_url": {"url": "https://h/a.png", "detail": "high"},
            "cache_control": CACHE,
        }
    ]

from __future__ import annotations

import json
from typing import Any

import pytest

from g4fsync.errors import InvalidRequest
from g4fsync.events import ProviderData, ToolCall
from g4fsync.messages import ChatResult, Image, Message
from g4fsync.providers.anthropic import Anthropic, body
from g4fsync.testing import ScriptedTransport, chat, request

LOCAL = "http://127.0.0.1:8000"
ASK = "POST /v1/messages"
USER = {"role": "user", "content": "Hi"}
CACHE = {"type": "ephemeral"}


def made(messages: object) -> dict[str, Any]:
    return body(request(Anthropic(LOCAL), messages, model="m"), 4096)


def blocks(message: object) -> Any:
    return made([USER, message, {"role": "user", "content": "so?"}])["messages"][1]["content"]


def answered(*events: dict[str, Any], stop_reason: str = "end_turn") -> ChatResult:
    end = {"type": "message_delta", "delta": {"stop_reason": stop_reason}}
    start = {"type": "message_start", "message": {"content": []}}
    wire = "".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
        for event in (start, *events, end, {"type": "message_stop"})
    ).encode()
    transport = ScriptedTransport({ASK: wire})
    return chat(Anthropic(LOCAL), "Hi", transport, model="m").result()


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": each} for each in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(index: int, said: str) -> list[dict[str, Any]]:
    return block(index, {"type": "text", "text": ""}, {"type": "text_delta", "text": said})


def thinking(index: int, said: str, signature: str) -> list[dict[str, Any]]:
    return block(
        index,
        {"type": "thinking", "thinking": "", "signature": ""},
        *({"type": "thinking_delta", "thinking": piece} for piece in said),
        {"type": "signature_delta", "signature": signature[:1]},
        {"type": "signature_delta", "signature": signature[1:]},
    )


def tool_use(index: int, id: str, **more: Any) -> list[dict[str, Any]]:
    return block(
        index,
        {"type": "tool_use", "id": id, "name": "f", "input": {}, **more},
        {"type": "input_json_delta", "partial_json": '{"a": '},
        {"type": "input_json_delta", "partial_json": "1}"},
    )


# -- what Anthropic wants back ----------------------------------------------


def test_thinking_comes_back_before_the_call_it_led_to() -> None:
    result = answered(
        *thinking(0, "They want", "sig"),
        *block(1, {"type": "redacted_thinking", "data": "x"}),
        *text(2, "Let me see."),
        *tool_use(3, "t1", caller={"type": "direct"}),
        *tool_use(4, "t2"),
        stop_reason="tool_use",
    )
    assert (result.text, result.reasoning) == ("Let me see.", "They want")
    tools = [{"role": "tool", "content": "1", "tool_call_id": id} for id in ("t1", "t2")]
    call = {"type": "tool_use", "name": "f", "input": {"a": 1}}
    assert made([USER, result, *tools])["messages"] == [
        USER,
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "They want", "signature": "sig"},
                {"type": "redacted_thinking", "data": "x"},
                {"type": "text", "text": "Let me see."},
                {**call, "id": "t1", "caller": {"type": "direct"}},
                {**call, "id": "t2"},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "1"},
                {"type": "tool_result", "tool_use_id": "t2", "content": "1"},
            ],
        },
    ]


def test_blocks_between_texts_and_calls_come_back_where_they_stood() -> None:
    search = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
    found = {
        "type": "web_search_tool_result",
        "tool_use_id": "s1",
        "content": [{"type": "web_search_result", "encrypted_content": "x"}],
    }
    result = answered(
        *text(0, "Search: "),
        *block(1, search, {"type": "input_json_delta", "partial_json": '{"query": "q"}'}),
        *block(2, found),
        *thinking(3, "", "s"),
        *text(4, "Found."),
        *tool_use(5, "t1"),
        *thinking(6, "hm", "s2"),
        *tool_use(7, "t2"),
        stop_reason="tool_use",
    )
    assert result.text == "Search: Found."
    call = {"type": "tool_use", "name": "f", "input": {"a": 1}}
    assert blocks(result) == [
        {"type": "text", "text": "Search: "},
        {**search, "input": {"query": "q"}},
        found,
        {"type": "thinking", "thinking": "", "signature": "s"},
        {"type": "text", "text": "Found."},
        {**call, "id": "t1"},
        {"type": "thinking", "thinking": "hm", "signature": "s2"},
        {**call, "id": "t2"},
    ]


def test_a_plain_answer_keeps_its_blocks_too() -> None:
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "Hello"},
    ]
    message = {"type": "message", "content": content, "stop_reason": "end_turn"}
    transport = ScriptedTransport({ASK: message})
    result = chat(Anthropic(LOCAL), "Hi", transport, model="m").result()
    assert blocks(result) == content


def test_a_thought_that_was_cut_off_before_its_signature_does_not_come_back() -> None:
    result = answered(
        *thinking(0, "They want", "sig"),
        *text(1, "Hello"),
        *block(2, {"type": "thinking", "thinking": "hm", "signature": ""}),
        stop_reason="max_tokens",
    )
    assert blocks(result) == [
        {"type": "thinking", "thinking": "They want", "signature": "sig"},
        {"type": "text", "text": "Hello"},
    ]


def test_thoughts_of_a_server_that_signs_nothing_come_back() -> None:
    unsigned = {"type": "thinking", "thinking": "hm", "signature": ""}
    assert blocks(answered(*block(0, unsigned), *text(1, "Hello"))) == [
        unsigned,
        {"type": "text", "text": "Hello"},
    ]


def test_a_plain_text_comes_back_as_text() -> None:
    assert blocks(answered(*text(0, "Hello"))) == "Hello"


def test_what_another_provider_wants_back_is_not_sent() -> None:
    data = (
        ProviderData("gemini", "part", {"text": "a", "thoughtSignature": "s"}, 1, 0),
        ProviderData("anthropic", "item", {"type": "reasoning"}, 1, 0),
    )
    assert blocks(Message("assistant", "a", provider_data=data)) == "a"


# -- what the caller gives --------------------------------------------------


def test_blocks_in_anthropics_own_shape_are_sent_as_they_are() -> None:
    content: list[Any] = [
        {"type": "image", "source": {"type": "file", "file_id": "f"}, "cache_control": CACHE},
        {"type": "document", "source": {"type": "url", "url": "https://h/a.pdf"}, "title": "a"},
        {"type": "search_result", "source": "s", "title": "t", "content": []},
        {"type": "container_upload", "file_id": "f"},
        {"type": "text", "text": "b", "cache_control": CACHE, "citations": []},
    ]
    assert made([{"role": "user", "content": content}])["messages"][0]["content"] == content


def test_a_whole_history_in_anthropics_own_shape() -> None:
    messages: list[Any] = [
        USER,
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "tool_use", "id": "t", "name": "f", "input": {}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "1"}]},
    ]
    assert made(messages)["messages"] == messages


def test_system_text_has_blocks_when_they_have_more_to_say() -> None:
    marked = {"type": "text", "text": "rules", "cache_control": CACHE}
    rules = {"role": "system", "content": [marked]}
    value = made([rules, {"role": "developer", "content": "b"}, USER])
    assert value["system"] == [marked, {"type": "text", "text": "b"}]
    value = made([{"role": "system", "content": "rules", "cache_control": CACHE}, USER])
    assert value["system"] == [marked]


def test_a_marked_message_is_a_marked_block() -> None:
    assert blocks({"role": "assistant", "content": "a", "cache_control": CACHE}) == [
        {"type": "text", "text": "a", "cache_control": CACHE}
    ]
    call = ToolCall("t", "f", "{}", {"cache_control": CACHE, "index": 0})
    assert blocks(Message("assistant", "", tool_calls=(call,))) == [
        {"type": "tool_use", "id": "t", "name": "f", "input": {}, "cache_control": CACHE}
    ]
    tool = {"role": "tool", "content": "no", "tool_call_id": "t", "is_error": True, "name": "f"}
    assert made([USER, {**tool, "cache_control": CACHE}])["messages"][0]["content"][1] == {
        "type": "tool_result",
        "tool_use_id": "t",
        "content": "no",
        "is_error": True,
        "cache_control": CACHE,
    }


def test_a_pdf_in_openais_shape_is_a_document() -> None:
    file = {"file_data": "data:application/pdf;base64,JVBE", "filename": "a.pdf"}
    part = {"type": "file", "file": file, "cache_control": CACHE}
    assert made([{"role": "user", "content": [part]}])["messages"][0]["content"] == [
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
            "title": "a.pdf",
            "cache_control": CACHE,
        }
    ]


NOT_A_BLOCK = "write text, an Image, or a block in Anthropic's own shape"


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (
            {"content": [Image(url="https://h/a", detail="low")]},
            "messages[1].content[0]: anthropic has no 'detail'",
        ),
        (
            {"content": ["a", {"type": "text", "text": "b", "x": 1}]},
            "messages[1].content[1]: anthropic has no 'x'",
        ),
        (
            {"content": [{"type": "image_url", "image_url": {"url": "https://h", "x": 1}}]},
            "messages[1].content[0]: anthropic has no 'image_url'",
        ),
        ({"content": "a", "name": "Ann"}, "messages[1]: anthropic has no 'name'"),
        (
            {"role": "assistant", "content": "a", "reasoning_content": "hm"},
            "messages[1]: anthropic has no 'reasoning_content'",
        ),
        (
            {"role": "assistant", "content": "a", "prefix": True},
            "messages[1]: anthropic has no 'prefix'",
        ),
        (
            {"role": "system", "content": "a", "prefix": True},
            "messages[1]: anthropic has no 'prefix'",
        ),
        (
            {"role": "system", "content": ["a", Image(url="https://h/a")]},
            "messages[1].content[1]: anthropic takes only text as system text",
        ),
        (
            {"role": "tool", "content": "a", "tool_call_id": "t", "artifact": 1},
            "messages[1]: anthropic has no 'artifact'",
        ),
        (
            {
                "role": "assistant",
                "content": "",
                "tool_calls": (ToolCall("t", "f", "{}", {"x": 1}),),
            },
            "messages[1].tool_calls[0]: anthropic has no 'x'",
        ),
        (
            {"content": [{"type": "input_audio", "input_audio": {}}]},
            f"messages[1].content[0]: anthropic has no part of type 'input_audio'; {NOT_A_BLOCK}",
        ),
        (
            {"content": [{"inlineData": {"data": "UklG"}}]},
            f"messages[1].content[0]: anthropic has no part with 'inlineData'; {NOT_A_BLOCK}",
        ),
        (
            {"content": [{"type": "file", "file": {"file_id": "f"}}]},
            "messages[1].content[0]: anthropic has no part of type 'file'; "
            "give a PDF as file_data, or a 'document'",
        ),
    ],
)
def test_what_the_protocol_does_not_have_is_refused(message: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        made([USER, {"role": "user", **message}])
    assert str(caught.value) == fault


def test_members_that_say_nothing_are_left_out() -> None:
    assert blocks({"role": "assistant", "content": "a", "refusal": "", "annotations": []}) == "a"

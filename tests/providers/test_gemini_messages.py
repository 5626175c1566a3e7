from __future__ import annotations

import json
from typing import Any

import pytest

from g4fsync.errors import InvalidRequest
from g4fsync.events import ProviderData, ToolCall
from g4fsync.messages import ChatResult, Image, Message
from g4fsync.providers.gemini import Gemini, body
from g4fsync.testing import ScriptedTransport, chat, request

LOCAL = "http://127.0.0.1:8000"
ASK = "POST /models/gemini-3-pro:streamGenerateContent"
USER = {"role": "user", "content": "Hi"}


def made(messages: object, model: str = "gemini-3-pro") -> dict[str, Any]:
    return body(request(Gemini(LOCAL), messages, model=model))


def answered(*contents: list[dict[str, Any]]) -> ChatResult:
    chunks: list[dict[str, Any]] = [
        {"candidates": [{"content": {"role": "model", "parts": parts}}]} for parts in contents
    ]
    chunks[-1]["candidates"][0]["finishReason"] = "STOP"
    wire = "".join(f"data: {json.dumps(chunk)}\r\n\r\n" for chunk in chunks).encode()
    transport = ScriptedTransport({ASK: wire})
    return chat(Gemini(LOCAL), "Hi", transport, model="gemini-3-pro").result()


def sent_back(result: ChatResult, *after: object) -> list[dict[str, Any]]:
    messages = [USER, result, *after] if after else [USER, result, USER]
    parts: list[dict[str, Any]] = made(messages)["contents"][1]["parts"]
    return parts


# -- what Gemini wants back -------------------------------------------------


def test_signed_calls_come_back_as_they_were() -> None:
    parts: list[dict[str, Any]] = [
        {"functionCall": {"name": "f", "args": {"a": 1}, "id": "own"}, "thoughtSignature": "s1"},
        {"functionCall": {"name": "g", "args": {}}},
    ]
    result = answered([{"text": "Let me see.", "thought": True}], parts)
    tools: list[Any] = [
        {"role": "tool", "content": "1", "tool_call_id": "own"},
        {"role": "tool", "content": "2", "tool_call_id": result.tool_calls[1].id},
    ]
    messages = [USER, result, *tools]
    turns = made(messages)["contents"]
    assert turns[1] == {"role": "model", "parts": parts}
    assert [part["functionResponse"] for part in turns[2]["parts"]] == [
        {"name": "f", "id": "own", "response": {"result": 1}},
        {"name": "g", "response": {"result": 2}},
    ]
    # The calls alone carry it too, without the result's message.
    turn = {"role": "assistant", "content": result.text, "tool_calls": result.tool_calls}
    assert made([USER, turn, *tools])["contents"] == turns


@pytest.mark.parametrize(
    ("contents", "back"),
    [
        (
            ([{"text": "Hello"}], [{"text": " there"}], [{"text": "", "thoughtSignature": "s"}]),
            [{"text": "Hello there"}, {"text": "", "thoughtSignature": "s"}],
        ),
        (
            ([{"text": "Hel"}], [{"text": "lo", "thoughtSignature": "s"}], [{"text": "!"}]),
            [{"text": "Hel"}, {"text": "lo", "thoughtSignature": "s"}, {"text": "!"}],
        ),
        (
            ([{"text": "Hello", "thoughtSignature": "s"}],),
            [{"text": "Hello", "thoughtSignature": "s"}],
        ),
        (
            (
                [{"text": "hm", "thought": True, "thoughtSignature": "s"}],
                [{"executableCode": {"language": "PYTHON", "code": "1+1"}}],
                [{"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}],
                [{"text": "Two."}],
            ),
            [
                {"text": "hm", "thought": True, "thoughtSignature": "s"},
                {"executableCode": {"language": "PYTHON", "code": "1+1"}},
                {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}},
                {"text": "Two."},
            ],
        ),
        (
            ([{"text": "Here: "}, {"inlineData": {"mimeType": "image/png", "data": "iVA="}}],),
            [{"text": "Here: "}, {"inlineData": {"mimeType": "image/png", "data": "iVA="}}],
        ),
    ],
)
def test_signed_texts_and_other_parts_come_back_where_they_stood(
    contents: tuple[list[dict[str, Any]], ...], back: list[dict[str, Any]]
) -> None:
    assert sent_back(answered(*contents)) == back


def test_a_text_that_the_caller_has_changed_is_sent_without_its_signature() -> None:
    data = ProviderData("gemini", "part", {"text": "lo", "thoughtSignature": "s"}, 5, 0)
    message = Message("assistant", "Hallo, hallo", provider_data=(data,))
    changed = made([USER, message, USER])["contents"][1]["parts"]
    assert "".join(part["text"] for part in changed) == "Hallo, hallo"
    message = Message("assistant", "Bye", provider_data=(data,))
    assert made([USER, message, USER])["contents"][1]["parts"] == [{"text": "Bye"}]


def test_the_stand_in_is_for_turns_in_which_no_call_has_a_signature() -> None:
    calls = (ToolCall("1", "f", "{}"), ToolCall("2", "g", "{}"))
    turn = Message("assistant", "", tool_calls=calls)
    parts = made([USER, turn])["contents"][1]["parts"]
    assert {part["thoughtSignature"] for part in parts} == {"skip_thought_signature_validator"}
    parts = made([USER, turn], "gemini-2.5-pro")["contents"][1]["parts"]
    assert not any("thoughtSignature" in part for part in parts)


@pytest.mark.parametrize(
    "extra",
    [
        {"thoughtSignature": "s"},
        {"thought_signature": "s"},
        {"extra_content": {"google": {"thought_signature": "s"}}},
    ],
)
def test_a_signature_may_be_given_with_the_call(extra: dict[str, Any]) -> None:
    call = {"id": "1", "function": {"name": "f", "arguments": "{}"}, "index": 0, **extra}
    turn = {"role": "assistant", "content": None, "tool_calls": [call]}
    assert made([USER, turn])["contents"][1]["parts"] == [
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "s"}
    ]


def test_what_another_provider_wants_back_is_not_sent() -> None:
    data = (ProviderData("anthropic", "block", {"type": "thinking", "signature": "x"}, 0, 0),)
    call = ToolCall("1", "f", "{}", provider_data=(ProviderData("a", "call", {"id": "2"}),))
    turn = Message("assistant", "a", tool_calls=(call,), provider_data=data)
    assert made([USER, turn], "gemini-2.5-pro")["contents"][1]["parts"] == [
        {"text": "a"},
        {"functionCall": {"name": "f", "args": {}}},
    ]


# -- what the caller gives --------------------------------------------------


@pytest.mark.parametrize(
    ("part", "sent"),
    [
        (
            {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}},
            {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}},
        ),
        (
            {"file_data": {"file_uri": "gs://b/a.mp4"}, "video_metadata": {"fps": 1}},
            {"file_data": {"file_uri": "gs://b/a.mp4"}, "video_metadata": {"fps": 1}},
        ),
        ({"text": "own"}, {"text": "own"}),
        (
            {"type": "text", "text": "a", "thoughtSignature": "s"},
            {"text": "a", "thoughtSignature": "s"},
        ),
        (
            Image(url="https://h/a.png", extra={"mediaResolution": {"level": "HIGH"}}),
            {"fileData": {"fileUri": "https://h/a.png"}, "mediaResolution": {"level": "HIGH"}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
            {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}},
        ),
        (
            {
                "type": "file",
                "file": {"file_data": "data:application/pdf;base64,JVBE", "filename": "a.pdf"},
            },
            {"inlineData": {"mimeType": "application/pdf", "data": "JVBE", "displayName": "a.pdf"}},
        ),
        (
            {"type": "video_url", "video_url": {"url": "https://h/a.mp4"}},
            {"fileData": {"fileUri": "https://h/a.mp4"}},
        ),
    ],
)
def test_parts_of_other_kinds(part: object, sent: dict[str, Any]) -> None:
    value = made([{"role": "user", "content": ["See: ", part]}])
    assert value["contents"] == [{"role": "user", "parts": [{"text": "See: "}, sent]}]


def test_a_tools_result_may_hold_an_image() -> None:
    image = Image(content=b"\x89P", media_type="image/png")
    tool = {"role": "tool", "content": ["seen", image], "name": "f", "scheduling": "SILENT"}
    assert made([USER, tool])["contents"][0]["parts"][1]["functionResponse"] == {
        "name": "f",
        "response": {"result": "seen"},
        "parts": [{"inlineData": {"mimeType": "image/png", "data": "iVA="}}],
        "scheduling": "SILENT",
    }


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ({"content": "a", "cache_control": {"a": 1}}, "messages[1]: gemini has no 'cache_control'"),
        ({"content": "a", "name": "Ann"}, "messages[1]: gemini has no 'name'"),
        (
            {"role": "assistant", "content": "a", "reasoning_content": "hm"},
            "messages[1]: gemini has no 'reasoning_content'",
        ),
        (
            {"content": ["a", {"type": "text", "text": "b", "cache_control": {"a": 1}}]},
            "messages[1].content[1]: gemini has no 'cache_control'",
        ),
        (
            {"content": [Image(url="https://h/a", detail="low")]},
            "messages[1].content[0]: gemini has no 'detail'",
        ),
        (
            {"content": [{"type": "image", "source": {"type": "url", "url": "https://h/a"}}]},
            "messages[1].content[0]: gemini has no part of type 'image'; "
            "write text, an Image, or a part in Gemini's own shape",
        ),
        (
            {"content": [{"type": "file", "file": {"file_id": "file-1"}}]},
            "messages[1].content[0]: gemini has no part of type 'file'; "
            "write text, an Image, or a part in Gemini's own shape",
        ),
        (
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [ToolCall("1", "f", "{}", {"cache_control": {"a": 1}})],
            },
            "messages[1].tool_calls[0]: gemini has no 'cache_control'",
        ),
        (
            {"role": "tool", "content": "a", "name": "f", "is_error": True},
            "messages[1]: gemini has no 'is_error'",
        ),
        (
            {"role": "system", "content": [Image(url="https://h/a")]},
            "messages[1]: gemini takes only text as system text",
        ),
    ],
)
def test_what_the_protocol_does_not_have_is_refused(message: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        made([USER, {"role": "user", **message}])
    assert str(caught.value) == fault


def test_members_that_say_nothing_are_left_out() -> None:
    turn = {"role": "assistant", "content": "a", "refusal": "", "annotations": []}
    assert made([USER, turn, USER])["contents"][1] == {"role": "model", "parts": [{"text": "a"}]}

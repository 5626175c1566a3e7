"""A conversation as instructions and input items."""

from __future__ import annotations

from typing import Any

import pytest

from g4fsync.errors import InvalidRequest
from g4fsync.events import ProviderData, ToolCall
from g4fsync.messages import Image, Message
from g4fsync.providers.openai import OpenAI
from g4fsync.providers.openai_responses import body
from g4fsync.testing import Reply, ScriptedTransport, chat, request
from tests.support import responses as r

PNG = b"\x89PNG\r\n\x1a\n"


def said(*messages: Any) -> dict[str, Any]:
    return body(request(OpenAI(), list(messages), model="gpt-5"), "openai")


def items(*messages: Any) -> list[dict[str, Any]]:
    value: list[dict[str, Any]] = said(*messages)["input"]
    return value


def user(content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **fields}


def assistant(text: str, **fields: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text}]
    return {"type": "message", "role": "assistant", "content": content, **fields}


def test_system_text_at_the_beginning_is_the_instructions() -> None:
    value = said(
        {"role": "system", "content": "A"},
        {"role": "developer", "content": "B"},
        user("Hi"),
        {"role": "system", "content": "C"},
        user("Ho"),
    )
    assert value["instructions"] == "A\n\nB"
    assert value["input"] == [
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": "C"},
        {"role": "user", "content": "Ho"},
    ]
    assert "instructions" not in said(user("Hi"))


def test_a_system_text_with_more_to_it_stays_a_message() -> None:
    value = said({"role": "system", "content": "A", "cache_control": {"x": 1}}, user("Hi"))
    assert "instructions" not in value
    assert value["input"][0] == {"role": "system", "content": "A", "cache_control": {"x": 1}}


def test_parts() -> None:
    file = {"type": "file", "file": {"file_data": "data:x", "filename": "a.pdf"}}
    native = {"type": "input_file", "file_url": "https://h/a.pdf"}
    assert items(
        user(
            [
                "see",
                Image(content=PNG, media_type="image/png"),
                Image(url="https://h/i.png", detail="low"),
                file,
                native,
                {"type": "text", "text": "x", "prompt_cache": 1},
            ]
        )
    ) == [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="},
                {"type": "input_image", "image_url": "https://h/i.png", "detail": "low"},
                {"type": "input_file", "file_data": "data:x", "filename": "a.pdf"},
                native,
                {"type": "input_text", "text": "x", "prompt_cache": 1},
            ],
        }
    ]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            user([{"type": "tool_use", "id": "x"}]),
            r"messages\[0\].content\[0\]: openai has no part",
        ),
        (
            user([{"type": "file", "file": {"file_data": "x", "odd": 1}}]),
            r"messages\[0\].content\[0\].file: openai has no 'odd'",
        ),
        (user("Hi", name="ann"), r"messages\[0\]: openai has no 'name'"),
        (
            {"role": "assistant", "content": "A", "audio": {"id": "x"}},
            r"messages\[0\]: openai has no 'audio'",
        ),
        (
            {"role": "assistant", "content": "", "prefix": True},
            r"messages\[0\]: openai has no 'prefix'",
        ),
    ],
)
def test_what_has_no_place_is_refused(message: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        items(message, user("x"))


def test_an_assistants_turn_with_calls_and_their_results() -> None:
    assert items(
        user("Hi"),
        {
            "role": "assistant",
            "content": "Wait",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": '{"a":1}'}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "name": "f", "content": "12"},
        {"role": "tool", "tool_call_id": "c2", "content": ["see", Image(url="https://h/i.png")]},
    ) == [
        {"role": "user", "content": "Hi"},
        assistant("Wait"),
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "g", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "12"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": "https://h/i.png"},
            ],
        },
    ]


def test_a_refusal_goes_back_as_the_part_it_is() -> None:
    assert items(user("Hi"), {"role": "assistant", "content": None, "refusal": "No"}, user("x"))[
        1
    ] == {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "refusal", "refusal": "No"}],
    }


def answer(*values: Any) -> Message:
    transport = ScriptedTransport(
        {
            "POST /responses": Reply(
                [r.stream(*values)], headers={"content-type": "text/event-stream"}
            )
        }
    )
    provider = OpenAI("http://127.0.0.1:8080", api="responses")
    return chat(provider, "Hi", transport, model="m").result().message


def test_an_answer_goes_back_as_it_came_item_by_item() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    message = answer(
        r.done(r.reasoning("first", "hm")),
        r.done(search),
        r.text("Wait"),
        r.done(r.message("Wait", phase="commentary")),
        r.done(r.reasoning("second", id="rs_2")),
        r.done(r.call(namespace="files")),
        r.done(r.call("g", call_id="call_2")),
        r.final(),
    )
    result = {"role": "tool", "tool_call_id": "call_1", "content": "1"}
    assert items(user("Hi"), message, result) == [
        {"role": "user", "content": "Hi"},
        r.reasoning("first", "hm"),
        search,
        assistant("Wait", phase="commentary"),
        r.reasoning("second", id="rs_2"),
        {
            "type": "function_call",
            "call_id": "call_1",
            "name": "f",
            "arguments": '{"a": 1}',
            "namespace": "files",
        },
        {"type": "function_call", "call_id": "call_2", "name": "g", "arguments": '{"a": 1}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "1"},
    ]


def test_reasoning_that_led_to_nothing_does_not_go_back() -> None:
    details = {"reason": "max_output_tokens"}
    end = r.final(status="incomplete", incomplete_details=details)
    cut = answer(r.done(r.reasoning("first")), r.done(r.reasoning("second")), end)
    assert items(user("Hi"), cut, user("Again")) == [user("Hi"), user("Again")]
    after = answer(r.done(r.reasoning("first")), r.text("A"), r.done(r.reasoning("second")), end)
    assert items(user("Hi"), after, user("Again"))[1:-1] == [
        r.reasoning("first"),
        assistant("A"),
    ]


def test_a_custom_tools_call_and_its_result_and_a_caller() -> None:
    custom = {"type": "custom_tool_call", "call_id": "c1", "name": "sql", "input": "SELECT 1"}
    caller = {"type": "program", "caller_id": "p1"}
    message = answer(r.done(custom), r.done(r.call(caller=caller)), r.final())
    assert items(
        user("Hi"),
        message,
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {"role": "tool", "tool_call_id": "call_1", "content": "2"},
    )[1:] == [
        custom,
        {
            "type": "function_call",
            "call_id": "call_1",
            "name": "f",
            "arguments": '{"a": 1}',
            "caller": caller,
        },
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "1"},
        {"type": "function_call_output", "call_id": "call_1", "output": "2", "caller": caller},
    ]


def test_what_another_provider_wants_back_is_not_sent() -> None:
    data = (ProviderData("xai", "item", r.reasoning("enc"), 0, 0),)
    message = Message("assistant", "A", provider_data=data)
    assert items(user("Hi"), message, user("x"))[1] == assistant("A")


def test_what_chat_completions_want_back_is_not_sent_and_the_other_way_round() -> None:
    data = (
        ProviderData("openai", "message", {"reasoning_content": "hm"}, 0, 0),
        ProviderData("openai", "item", r.reasoning("enc"), 0, 0),
    )
    message = Message("assistant", "A", provider_data=data)
    assert items(user("Hi"), message, user("x"))[1:-1] == [
        r.reasoning("enc"),
        assistant("A"),
    ]
    from g4fsync.providers.openai import body as chat_body

    asked = request(OpenAI(), [user("Hi"), message, user("x")], model="m")
    assert chat_body(asked, OpenAI())["messages"][1] == {
        "role": "assistant",
        "content": "A",
        "reasoning_content": "hm",
    }


def test_members_of_a_call_that_the_caller_gave() -> None:
    call = ToolCall("c1", "f", "{}", extra={"type": "function", "index": 0, "namespace": "n"})
    assert items(user("Hi"), Message("assistant", "", tool_calls=(call,)))[1] == {
        "type": "function_call",
        "call_id": "c1",
        "name": "f",
        "arguments": "{}",
        "namespace": "n",
    }

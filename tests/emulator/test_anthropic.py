"""The far side of Anthropic's Messages API."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests

from g4fsync.emulator import Emulator, InBandError, JSONAnswer, NoEndMark, Stall, Status

WEATHER = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


class Caller:
    """A client that does everything right unless told otherwise."""

    def __init__(self, emulator: Emulator) -> None:
        self.base = emulator.base_urls["anthropic"]
        self.headers = {"x-api-key": emulator.api_key, "anthropic-version": "2023-06-01"}

    def chat(self, messages: Any = "Hi", **fields: Any) -> requests.Response:
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        body = {"model": "claude-x", "max_tokens": 2000, "messages": messages, **fields}
        return requests.post(
            f"{self.base}/v1/messages", json=body, headers=self.headers, timeout=10
        )

    def models(self, query: str = "") -> requests.Response:
        return requests.get(f"{self.base}/v1/models{query}", headers=self.headers, timeout=10)

    def stream(self, messages: Any = "Hi", **fields: Any) -> list[Any]:
        return events(self.chat(messages, stream=True, **fields).content)


def events(content: bytes) -> list[Any]:
    *blocks, end = content.split(b"\n\n")
    assert end == b""
    values = []
    for block in blocks:
        name, data = block.split(b"\n")
        value = json.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + value["type"].encode()
        values.append(value)
    return values


@pytest.fixture
def caller(emulator: Emulator) -> Caller:
    emulator.anthropic.reply = lambda messages: ["Hi", "! Ж"]
    return Caller(emulator)


def test_stream_byte_for_byte(emulator: Emulator, caller: Caller) -> None:
    answer = caller.chat(stream=True)
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["request-id"] == "req_1"
    assert answer.content.decode() == (
        "event: message_start\n"
        'data: {"type":"message_start","message":{"id":"msg_1","type":"message",'
        '"role":"assistant","model":"claude-x","content":[],"stop_reason":null,'
        '"stop_sequence":null,"usage":{"input_tokens":2,"cache_creation_input_tokens":0,'
        '"cache_read_input_tokens":0,"output_tokens":1}}}\n\n'
        "event: content_block_start\n"
        'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'
        '\n\nevent: ping\ndata: {"type":"ping"}\n\n'
        "event: content_block_delta\n"
        'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}'
        "\n\nevent: content_block_delta\n"
        'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"! Ж"}}'
        '\n\nevent: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
        "event: message_delta\n"
        'data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
        '"usage":{"output_tokens":2}}\n\n'
        'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    )
    assert emulator.anthropic.wait_ended()[0].problem is None


def test_plain_answer(emulator: Emulator, caller: Caller) -> None:
    emulator.anthropic.always_thinks = True
    value = caller.chat().json()
    assert [block["type"] for block in value["content"]] == ["thinking", "text"]
    assert value["content"][0]["thinking"] == "The user asks; I answer."
    assert value["content"][1]["text"] == "Hi! Ж"
    assert value["stop_reason"] == "end_turn"
    emulator.anthropic.fault = JSONAnswer()
    assert caller.chat(stream=True).json()["content"] == value["content"]


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ({"x-api-key": "wrong"}, 401, "authentication_error"),
        ({"x-api-key": None}, 401, "authentication_error"),
        ({"anthropic-version": None}, 400, "invalid_request_error"),
    ],
)
def test_headers_are_wanted(
    caller: Caller, headers: dict[str, Any], status: int, kind: str
) -> None:
    caller.headers |= headers
    for answer in (caller.chat(), caller.models()):
        assert answer.status_code == status
        value = answer.json()
        assert (value["type"], value["error"]["type"]) == ("error", kind)
        assert value["request_id"] == answer.headers["request-id"]


def test_bearer_token_is_taken_too(emulator: Emulator, caller: Caller) -> None:
    del caller.headers["x-api-key"]
    caller.headers["Authorization"] = f"Bearer {emulator.api_key}"
    assert caller.chat().status_code == 200


def test_models_come_in_pages(emulator: Emulator, caller: Caller) -> None:
    emulator.anthropic.models = ("a", "b", "c")
    first = caller.models("?limit=2").json()
    assert [model["id"] for model in first["data"]] == ["a", "b"]
    assert (first["has_more"], first["last_id"]) == (True, "b")
    second = caller.models("?limit=2&after_id=b").json()
    assert ([model["id"] for model in second["data"]], second["has_more"]) == (["c"], False)
    assert caller.models("?limit=x").status_code == 400


USE = {"type": "tool_use", "id": "t", "name": "f", "input": {}}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"max_tokens": 0}, "body.max_tokens: expected positive"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages.0.role: Input should be"),
        (
            {"messages": [{"role": "assistant", "content": "x"}]},
            "messages: first message must use the user role",
        ),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0.content: must not be empty"),
        ({"messages": [{"role": "user", "content": []}]}, "messages.0.content: must not be empty"),
        (
            {"messages": [{"role": "user", "content": [{"type": "x"}]}]},
            "messages.0.content.0.type: not known: 'x'",
        ),
        (
            {"messages": [{"role": "user", "content": [USE]}]},
            "messages.0.content.0.type: tool_use is not allowed for user",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}
                ]
            },
            "messages.0.content.0.tool_use_id: no such tool_use: 't'",
        ),
        ({"thinking": {"type": "enabled", "budget_tokens": 100}}, "thinking.budget_tokens: at"),
        ({"thinking": {"type": "x"}}, "thinking.type: not known: 'x'"),
        ({"system": [{"type": "image"}]}, "blocks.0.text: missing"),
        ({"seed": 1}, "body.seed: unknown"),
        ({"tools": [{"name": "f"}]}, "tools.0.input_schema: missing"),
    ],
)
def test_request_is_checked(caller: Caller, fields: dict[str, Any], problem: str) -> None:
    answer = caller.chat(**{"messages": "Hi", **fields})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.json()["error"]["message"].startswith(problem)


def test_unknown_model_and_long_prompt(emulator: Emulator, caller: Caller) -> None:
    answer = caller.chat(model="gpt")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")
    emulator.anthropic.context_size = 1
    assert caller.chat().json()["error"]["message"].startswith("prompt is too long: 2 tokens")


def test_system_and_images(emulator: Emulator, caller: Caller) -> None:
    seen: list[dict[str, str]] = []

    def reply(messages: list[dict[str, str]]) -> list[str]:
        seen.extend(messages)
        return ["ok"]

    emulator.anthropic.reply = reply
    data = base64.b64encode(b"JPEG").decode()
    image = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/jpeg", "data": data},
    }
    content = [{"type": "text", "text": "What?"}, image]
    blocks = [{"type": "text", "text": "Be brief."}]
    assert caller.chat([{"role": "user", "content": content}], system=blocks).status_code == 200
    assert seen == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What?"},
    ]
    assert emulator.anthropic.requests[0].images == (b"JPEG",)


def test_stop_reasons(emulator: Emulator, caller: Caller) -> None:
    def delta(**fields: Any) -> Any:
        return caller.stream(**fields)[-2]["delta"]

    assert delta(max_tokens=1) == {"stop_reason": "max_tokens", "stop_sequence": None}
    assert delta(stop_sequences=["!"]) == {"stop_reason": "stop_sequence", "stop_sequence": "!"}
    emulator.anthropic.finish_reason = "refusal"
    assert delta() == {"stop_reason": "refusal", "stop_sequence": None}


def test_thinking_comes_in_a_block_of_its_own(emulator: Emulator, caller: Caller) -> None:
    emulator.anthropic.thought = "Hm"
    values = caller.stream(thinking={"type": "enabled", "budget_tokens": 1024})
    assert [value["type"] for value in values] == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert values[3]["delta"] == {"type": "thinking_delta", "thinking": "Hm"}
    signature = {"type": "signature_delta", "signature": "EmulatorSignature=="}
    assert values[4]["delta"] == signature
    assert values[6]["index"] == 1


def test_tool_call_and_its_result(caller: Caller) -> None:
    values = caller.stream("Paris", tools=[WEATHER])
    start = next(value for value in values if value["type"] == "content_block_start")
    assert start["content_block"] == {
        "type": "tool_use",
        "id": "toolu_call_1",
        "name": "get_weather",
        "input": {},
    }
    parts = [v["delta"]["partial_json"] for v in values if v["type"] == "content_block_delta"]
    assert json.loads("".join(parts)) == {"city": "Paris"}
    assert values[-2]["delta"]["stop_reason"] == "tool_use"
    value = caller.chat("Paris", tools=[WEATHER]).json()
    assert value["content"][0]["input"] == {"city": "Paris"}
    result = {"type": "tool_result", "tool_use_id": value["content"][0]["id"], "content": "18 °C"}
    with Emulator() as other:
        asked = [
            {"role": "user", "content": "Paris"},
            {"role": "assistant", "content": value["content"]},
            {"role": "user", "content": [result]},
        ]
        told = Caller(other).chat(asked, tools=[WEATHER]).json()
    assert told["content"][0]["text"].startswith("The tool said: 18 °C")


def test_faults(emulator: Emulator, caller: Caller) -> None:
    emulator.anthropic.faults.extend([NoEndMark(), InBandError("Overloaded"), Status(529, "busy")])
    assert caller.stream()[-1]["type"] == "content_block_stop"
    assert caller.stream()[-1] == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Overloaded"},
    }
    answer = caller.chat()
    assert (answer.status_code, answer.json()["error"]["type"]) == (529, "overloaded_error")
    limit = "enforced_spend_limit_reached"
    emulator.anthropic.fault = Status(429, error_code=limit)
    error = caller.chat().json()["error"]
    assert (error["type"], error["details"]["error_code"]) == ("rate_limit_error", limit)


def test_pings_and_noise(emulator: Emulator, caller: Caller) -> None:
    emulator.anthropic.noise = True
    emulator.anthropic.keepalive_seconds = 0.01
    emulator.anthropic.fault = Stall(1, seconds=0.05, keepalive=True)
    kinds = [value["type"] for value in caller.stream()]
    assert kinds.count("ping") >= 3
    assert "unknown_event" in kinds


NEW = "2026-10-21"


def message_of(answer: requests.Response) -> str:
    return str(answer.json()["error"]["message"])


def test_both_versions_are_taken_and_no_other(caller: Caller) -> None:
    for version, status in (("2023-06-01", 200), (NEW, 200), ("2020-01-01", 400)):
        caller.headers["anthropic-version"] = version
        assert caller.chat().status_code == status
    assert message_of(caller.chat()).startswith('anthropic-version: "2020-01-01" is not valid')
    del caller.headers["anthropic-version"]
    assert message_of(caller.chat()).startswith("anthropic-version: header is required")


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
def test_the_new_version_refuses_sampling(caller: Caller, name: str) -> None:
    assert caller.chat(**{name: 1}).status_code == 200
    caller.headers["anthropic-version"] = NEW
    answer = caller.chat(**{name: 1})
    assert (answer.status_code, message_of(answer)) == (
        400,
        f"{name}: Extra inputs are not permitted",
    )


def test_the_new_version_refuses_documents_of_the_assistant_and_citations(caller: Caller) -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "Long ago"}
    document = {"type": "document", "source": source, "title": None, "cache_control": None}
    asked: list[Any] = [
        {"role": "user", "content": [document, {"type": "text", "text": "Hi", "citations": []}]},
        {"role": "assistant", "content": [document]},
        {"role": "user", "content": "Go on"},
    ]
    assert caller.chat(asked).status_code == 200
    caller.headers["anthropic-version"] = NEW
    problem = "messages.0.content.1.citations: Extra inputs are not permitted"
    assert message_of(caller.chat(asked)) == problem
    del asked[0]["content"][1]["citations"]
    assert message_of(caller.chat(asked)).startswith("messages.1.content.0: document blocks")
    assert caller.chat(asked[:1]).status_code == 200


def test_of_two_keys_x_api_key_counts(caller: Caller) -> None:
    key = caller.headers["x-api-key"]
    for sent, bearer, status in ((key, "wrong", 200), ("wrong", key, 401), (None, key, 200)):
        caller.headers |= {"x-api-key": sent or "", "Authorization": f"Bearer {bearer}"}
        if sent is None:
            del caller.headers["x-api-key"]
        assert caller.chat().status_code == status


def tool(name: str, **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"city": {"type": ["string", "null"]}}}
    return {"name": name, "input_schema": schema, **more}


def called(answer: requests.Response) -> list[str]:
    return [block["name"] for block in answer.json()["content"] if block["type"] == "tool_use"]


def test_fields_that_other_clients_send_are_taken(caller: Caller) -> None:
    cache = {"type": "ephemeral"}
    tools = [
        tool("get_time", type="custom", cache_control=cache, eager_input_streaming=True),
        {"type": "web_search_20260318", "name": "web_search", "max_uses": 1},
    ]
    answer = caller.chat(
        tools=tools, container=None, cache_control=cache, inference_geo=None, speed=None
    )
    assert called(answer) == ["get_time"]
    use = {**answer.json()["content"][0], "cache_control": cache}
    result = {
        "type": "tool_result",
        "tool_use_id": use["id"],
        "content": [{"type": "text", "text": "10:00"}],
        "cache_control": cache,
    }
    asked = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    ]
    assert caller.chat(asked, tools=tools).status_code == 200


def test_tool_choice(caller: Caller) -> None:
    tools = [tool("get_weather"), tool("get_time")]
    for choice, names in (
        ({"type": "auto"}, ["get_weather", "get_time"]),
        ({"type": "auto", "disable_parallel_tool_use": True}, ["get_weather"]),
        ({"type": "tool", "name": "get_time"}, ["get_time"]),
        ({"type": "none"}, []),
    ):
        answer = caller.chat("get_weather and get_time", tools=tools, tool_choice=choice)
        assert called(answer) == names
    answer = caller.chat(tools=tools, tool_choice={"type": "tool", "name": "g"})
    assert message_of(answer) == "Tool 'g' not found in provided tools"


def test_parallel_calls_are_blocks_of_their_own(caller: Caller) -> None:
    tools = [tool("get_weather"), tool("get_time")]
    values = caller.stream("get_weather and get_time", tools=tools)
    starts = [value for value in values if value["type"] == "content_block_start"]
    assert [(start["index"], start["content_block"]["id"]) for start in starts] == [
        (0, "toolu_call_1"),
        (1, "toolu_call_1_2"),
    ]


def test_thoughts_come_back_before_a_tool_is_used(caller: Caller) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    content = caller.chat(tools=[WEATHER], thinking=thinking).json()["content"]
    assert [block["type"] for block in content] == ["thinking", "tool_use"]
    result = {"type": "tool_result", "tool_use_id": content[1]["id"], "content": "18 °C"}

    def again(content: list[Any], **fields: Any) -> requests.Response:
        asked = [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": content},
            {"role": "user", "content": [result]},
        ]
        return caller.chat(asked, tools=[WEATHER], **fields)

    assert again(content, thinking=thinking).status_code == 200
    assert message_of(again(content[1:], thinking=thinking)).startswith(
        "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
    )
    assert again(content[1:]).status_code == 200
    assert again(content[1:], thinking={"type": "adaptive"}).status_code == 200
    forged = [{**content[0], "signature": "x"}, content[1]]
    assert message_of(again(forged, thinking=thinking)) == (
        "messages.1.content.0: Invalid `signature` in `thinking` block"
    )


def test_structured_output_fits_the_schema(caller: Caller) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "schema": schema}
    for fields in ({"output_config": {"format": wanted}}, {"output_format": wanted}):
        text = caller.chat("Paris", **fields).json()["content"][0]["text"]
        assert json.loads(text) == {"city": "Paris", "days": 1}
    answer = caller.chat(output_config={"format": {**wanted, "type": "json"}})
    assert message_of(answer) == "output_config.format.type: Input should be 'json_schema'"


def test_tokens_are_counted_and_a_model_is_described(caller: Caller) -> None:
    body = {"model": "claude-x", "messages": [{"role": "user", "content": "Hello there"}]}
    url = f"{caller.base}/v1/messages/count_tokens"
    answer = requests.post(url, json=body, headers=caller.headers, timeout=10)
    assert answer.json() == {"input_tokens": 3}
    model = caller.models("/claude-x").json()
    assert (model["type"], model["id"], model["lifecycle"]) == ("model", "claude-x", "active")
    assert caller.models("/claude-9").status_code == 404


def test_a_conversation_is_held_and_continued_once(caller: Caller, emulator: Emulator) -> None:
    emulator.anthropic.reply = lambda messages: [f"{len(messages)} messages"]
    first = caller.chat("Hi", thread={"type": "create"}).json()
    thread = {"type": "continue", "previous_message_id": first["id"]}
    second = caller.chat("Go on", thread=thread)
    assert second.json()["content"][0]["text"] == "3 messages"
    again = caller.chat("Go on", thread=thread)
    assert again.json()["error"]["details"] == {"error_code": "thread_already_continued"}
    thread = {"type": "continue", "previous_message_id": "msg_0"}
    lost = caller.chat("Go on", thread=thread)
    assert lost.json()["error"]["details"] == {"error_code": "thread_not_found"}


def test_a_system_message_may_stand_in_the_conversation(caller: Caller, emulator: Emulator) -> None:
    emulator.anthropic.reply = lambda messages: [messages[1]["role"]]
    asked = [
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
        {"role": "user", "content": "Go on"},
    ]
    assert caller.chat(asked).json()["content"][0]["text"] == "system"

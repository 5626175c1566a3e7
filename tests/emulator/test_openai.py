"""The far side of OpenAI's chat completions."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests

from g4fsync.emulator import (
    Emulator,
    InBandError,
    InvalidUTF8,
    JSONAnswer,
    NoEndMark,
    Stall,
    Status,
)

PNG = b"\x89PNG\r\n\x1a\n"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "unit": {"type": "string", "enum": ["C", "F"]},
            },
        },
    },
}


class Caller:
    """A client that does everything right unless told otherwise."""

    def __init__(self, emulator: Emulator) -> None:
        self.base = emulator.base_urls["openai"]
        self.headers = {"Authorization": f"Bearer {emulator.api_key}"}

    def chat(self, messages: Any = "Hi", **fields: Any) -> requests.Response:
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        body = {"model": "gpt-4o-mini", "messages": messages, **fields}
        return requests.post(
            f"{self.base}/chat/completions", json=body, headers=self.headers, timeout=10
        )

    def get(self, path: str) -> requests.Response:
        return requests.get(self.base + path, headers=self.headers, timeout=10)

    def stream(self, messages: Any = "Hi", **fields: Any) -> list[Any]:
        return events(self.chat(messages, stream=True, **fields).content)


def events(content: bytes) -> list[Any]:
    *blocks, end = content.split(b"\n\n")
    assert end == b""
    data = [block.removeprefix(b"data: ") for block in blocks if not block.startswith(b":")]
    return [value.decode() if value == b"[DONE]" else json.loads(value) for value in data]


def deltas(chunks: list[Any]) -> list[Any]:
    return [chunk["choices"][0]["delta"] for chunk in chunks if chunk != "[DONE]"]


@pytest.fixture
def caller(emulator: Emulator) -> Caller:
    emulator.openai.reply = lambda messages: ["Hel", "lo Ж🙂"]
    return Caller(emulator)


def test_stream_byte_for_byte(emulator: Emulator, caller: Caller) -> None:
    answer = caller.chat(stream=True, stream_options={"include_usage": True})
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["x-request-id"] == "req_1"
    head = (
        'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1760000000,'
        '"model":"gpt-4o-mini","choices":['
    )
    choices = [
        '{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}',
        '{"index":0,"delta":{"content":"Hel"},"finish_reason":null}',
        '{"index":0,"delta":{"content":"lo Ж🙂"},"finish_reason":null}',
        '{"index":0,"delta":{},"finish_reason":"stop"}',
    ]
    usage = (
        '],"usage":{"prompt_tokens":2,"completion_tokens":2,"total_tokens":4,'
        '"prompt_tokens_details":{"cached_tokens":0},'
        '"completion_tokens_details":{"reasoning_tokens":0}}}\n\n'
    )
    expected = "".join(f'{head}{choice}],"usage":null}}\n\n' for choice in choices)
    assert answer.content.decode() == expected + head + usage + "data: [DONE]\n\n"
    assert emulator.openai.wait_ended()[0].problem is None


def test_without_usage_there_is_none(caller: Caller) -> None:
    chunks = caller.stream()
    assert all("usage" not in chunk for chunk in chunks[:-1])
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1] == "[DONE]"


def test_plain_answer(emulator: Emulator, caller: Caller) -> None:
    value = caller.chat().json()
    assert value["object"] == "chat.completion"
    assert value["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello Ж🙂"},
            "finish_reason": "stop",
            "logprobs": None,
        }
    ]
    assert value["usage"]["total_tokens"] == 4
    emulator.openai.faults.append(JSONAnswer())
    answer = caller.chat(stream=True)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["choices"] == value["choices"]


def test_models(emulator: Emulator, caller: Caller) -> None:
    emulator.openai.models = ("a", "b/c")
    value = caller.get("/models").json()
    assert value["object"] == "list"
    assert [model["id"] for model in value["data"]] == ["a", "b/c"]
    assert caller.get("/models/b/c").json()["id"] == "b/c"
    assert caller.get("/models/x").status_code == 404


@pytest.mark.parametrize("header", [None, "Bearer wrong", "key-emulator"])
def test_key_is_wanted(caller: Caller, header: str | None) -> None:
    caller.headers = {"Authorization": header} if header else {}
    for answer in (caller.chat(), caller.get("/models"), caller.get("/models/a")):
        assert answer.status_code == 401
        assert answer.json() == {
            "error": {
                "message": "Incorrect API key provided",
                "type": "invalid_request_error",
                "param": None,
                "code": "invalid_api_key",
            }
        }


def test_unknown_model_is_404(caller: Caller) -> None:
    answer = caller.chat(model="gpt-9")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


def test_too_long_prompt(emulator: Emulator, caller: Caller) -> None:
    emulator.openai.context_size = 3
    assert caller.chat("a b").status_code == 200
    answer = caller.chat("a b c")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,*"}}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"messages": []}, "body.messages: empty"),
        ({"messages": [{"role": "model", "content": "x"}]}, "body.messages[0].role: expected one"),
        ({"messages": [{"role": "user"}]}, "body.messages[0].content: missing"),
        ({"messages": [{"role": "user", "content": "x", "id": 1}]}, "body.messages[0].id: unknown"),
        ({"messages": [{"role": [], "content": "x"}]}, "body.messages[0].role: expected one"),
        (
            {"messages": [{"role": "user", "content": [{"type": "video"}]}]},
            "body.messages[0].content[0].type: not allowed here: 'video'",
        ),
        (
            {"messages": [{"role": "system", "content": [IMAGE]}]},
            "body.messages[0].content[0].type: not allowed here: 'image_url'",
        ),
        (
            {"messages": [{"role": "user", "content": [IMAGE]}]},
            "body.messages[0].content[0].image_url.url: no base64",
        ),
        (
            {"messages": [{"role": "tool", "content": "x", "tool_call_id": "c"}]},
            "body.messages[0].tool_call_id: no such call: 'c'",
        ),
        ({"messages": [{"role": "assistant"}]}, "body.messages[0].content: missing, and no"),
        ({"temperature": "x"}, "body.temperature: expected number or null"),
        ({"max_tokens": 0}, "body.max_tokens: expected positive or null"),
        ({"top_k": 1}, "body.top_k: unknown"),
        ({"stream_options": {"include_usage": True}}, "stream_options: only allowed when"),
        ({"tools": [{"type": "function"}]}, "body.tools[0].function: missing"),
        (
            {"tools": [{"type": "function", "function": {"name": "a b"}}]},
            "body.tools[0].function.name: not allowed: 'a b'",
        ),
    ],
)
def test_request_is_checked(caller: Caller, fields: dict[str, Any], problem: str) -> None:
    answer = caller.chat(**{"messages": "Hi", **fields})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.json()["error"]["message"].startswith(problem)


def test_images_are_recorded(emulator: Emulator, caller: Caller) -> None:
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": url, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]
    assert caller.chat([{"role": "user", "content": parts}]).status_code == 200
    assert emulator.openai.requests[0].images == (PNG,)


def test_limits_and_stops(emulator: Emulator, caller: Caller) -> None:
    emulator.openai.reply = lambda messages: ["one", " two", " three"]
    chunks = caller.stream(max_tokens=2)
    assert deltas(chunks)[1:] == [{"content": "one"}, {"content": " two"}, {}]
    assert chunks[-2]["choices"][0]["finish_reason"] == "length"
    chunks = caller.stream(stop=["wo", "x"])
    assert deltas(chunks)[1:] == [{"content": "one"}, {"content": " t"}, {}]
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    emulator.openai.finish_reason = "content_filter"
    assert caller.stream()[-2]["choices"][0]["finish_reason"] == "content_filter"


def test_reasoning(emulator: Emulator, caller: Caller) -> None:
    emulator.openai.thought = "Hm, well"
    chunks = caller.stream(reasoning_effort="low", stream_options={"include_usage": True})
    assert deltas(chunks[:3])[1:] == [{"reasoning_content": "Hm,"}, {"reasoning_content": " well"}]
    assert chunks[-2]["usage"]["completion_tokens_details"] == {"reasoning_tokens": 2}
    emulator.openai.reasoning_field = "reasoning"
    emulator.openai.always_thinks = True
    assert caller.chat().json()["choices"][0]["message"]["reasoning"] == "Hm, well"


def test_tool_call_and_its_result(emulator: Emulator, caller: Caller) -> None:
    chunks = caller.stream("Paris", tools=[WEATHER])
    calls = [delta["tool_calls"][0] for delta in deltas(chunks) if "tool_calls" in delta]
    assert calls[0] == {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": ""},
        "index": 0,
    }
    arguments = "".join(call["function"]["arguments"] for call in calls)
    assert json.loads(arguments) == {"city": "Paris", "days": 1, "unit": "C"}
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"
    message = caller.chat("Paris", tools=[WEATHER]).json()["choices"][0]["message"]
    assert message["content"] is None
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "18 °C"}
    with Emulator() as other:
        asked = [{"role": "user", "content": "Paris"}, message, result]
        value = Caller(other).chat(asked, tools=[WEATHER]).json()
    assert value["choices"][0]["message"]["content"].startswith("The tool said: 18 °C")
    assert caller.chat("Paris", tools=[WEATHER], tool_choice="none").json()["choices"][0][
        "message"
    ] == {"role": "assistant", "content": "Hello Ж🙂"}


def test_no_end_mark(emulator: Emulator, caller: Caller) -> None:
    emulator.openai.faults.extend([NoEndMark(), NoEndMark(lie=True), InvalidUTF8()])
    assert caller.stream()[-1]["choices"][0]["delta"] == {"content": "lo Ж🙂"}
    chunks = caller.stream()
    assert chunks[-1] == "[DONE]"
    assert all(chunk["choices"][0]["finish_reason"] is None for chunk in chunks[:-1])
    assert b'"Hel\xff\xfe"' in caller.chat(stream=True).content


def test_error_in_the_stream(emulator: Emulator, caller: Caller) -> None:
    emulator.openai.fault = InBandError("Overloaded", kind="overloaded", code="500")
    error = {"message": "Overloaded", "type": "overloaded", "param": None, "code": "500"}
    chunks = caller.stream()
    assert deltas(chunks[:-1])[1:] == [{"content": "Hel"}]
    assert chunks[-1] == {"error": error}
    emulator.openai.error_shape = "done"
    assert caller.stream()[-2:] == [{"error": error}, "[DONE]"]
    emulator.openai.error_shape = "openrouter"
    last = caller.stream()[-1]
    assert (last["error"], last["choices"][0]["finish_reason"]) == (error, "error")
    emulator.openai.error_shape = "llama.cpp"
    assert b'\n\nerror: {"message":"Overloaded",' in caller.chat(stream=True).content
    answer = caller.chat()
    assert (answer.status_code, answer.json()) == (500, {"error": error})


def test_status_in_its_shape(emulator: Emulator, caller: Caller) -> None:
    emulator.openai.faults.append(Status(429, "no money", error_code="insufficient_quota"))
    emulator.openai.faults.append(Status(503, "busy"))
    error = caller.chat().json()["error"]
    assert (error["code"], error["type"]) == ("insufficient_quota", "rate_limit_error")
    assert caller.chat().json()["error"]["type"] == "server_error"


def test_noise_and_keepalive(emulator: Emulator, caller: Caller) -> None:
    emulator.openai.noise = True
    emulator.openai.keepalive_seconds = 0.01
    emulator.openai.fault = Stall(30, seconds=0.03, keepalive=True)
    content = caller.chat(stream=True).content
    assert content.startswith(b": OPENROUTER PROCESSING\n\ndata: {")
    assert b": keep-alive\n\n" in content
    assert events(content)[0]["choices"] == []


def tool(name: str, **function: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    return {"type": "function", "function": {"name": name, "parameters": parameters, **function}}


TOOLS = [tool("get_weather"), tool("get_time")]


def called(answer: requests.Response) -> list[str]:
    message = answer.json()["choices"][0]["message"]
    return [call["function"]["name"] for call in message.get("tool_calls", [])]


def test_named_tools_are_called_at_once_and_in_turns(caller: Caller) -> None:
    asked: list[Any] = [{"role": "user", "content": "get_time and get_weather, then get_time"}]
    rounds = []
    for _ in range(3):
        answer = caller.chat(asked, tools=TOOLS)
        rounds.append(called(answer))
        message = answer.json()["choices"][0]["message"]
        asked.append(message)
        for call in message.get("tool_calls", []):
            asked.append({"role": "tool", "tool_call_id": call["id"], "content": "18 °C"})
    assert rounds == [["get_time", "get_weather"], ["get_time"], []]


def test_parallel_calls_have_ids_and_indexes_of_their_own(caller: Caller) -> None:
    chunks = caller.stream("get_weather and get_time", tools=TOOLS)
    calls = [call for delta in deltas(chunks) for call in delta.get("tool_calls", [])]
    assert [(call["index"], call["id"]) for call in calls if "id" in call] == [
        (0, "call_1"),
        (1, "call_1_2"),
    ]
    assert {call["index"] for call in calls} == {0, 1}


def test_without_parallel_calls_there_is_one_a_turn(caller: Caller) -> None:
    answer = caller.chat("get_weather and get_time", tools=TOOLS, parallel_tool_calls=False)
    assert called(answer) == ["get_weather"]


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("auto", ["get_weather"]),
        (None, ["get_weather"]),
        ("required", ["get_weather"]),
        ("none", []),
        ({"type": "function", "function": {"name": "get_time"}}, ["get_time"]),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [tool("get_time")]},
            },
            ["get_time"],
        ),
    ],
)
def test_tool_choice(caller: Caller, choice: Any, names: list[str]) -> None:
    assert called(caller.chat("Paris", tools=TOOLS, tool_choice=choice)) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        # Agents whose answer is a tool, pydantic-ai's "final_result", ask so to the end.
        ("Paris", ["get_weather", "get_time", "get_time"]),
        ("get_time", ["get_time", "get_weather", "get_weather"]),
        ("get_time then get_weather", ["get_time", "get_weather", "get_weather", "get_time"]),
    ],
)
def test_who_must_call_goes_on_with_the_tools_that_are_left(
    caller: Caller, text: str, names: list[str]
) -> None:
    asked: list[Any] = [{"role": "user", "content": text}]
    for name in names:
        assert called(caller.chat(asked, tools=TOOLS, tool_choice="required")) == [name]
        asked += [
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c", "content": "18 °C"},
        ]
    assert called(caller.chat(asked, tools=TOOLS)) == []


def test_nulls_are_taken_where_the_sdk_sends_them(emulator: Emulator, caller: Caller) -> None:
    nulls = ["tools", "response_format", "parallel_tool_calls", "user", "service_tier"]
    nulls += ["metadata", "store", "stream", "prediction", "web_search_options", "modalities"]
    back = {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "annotations": None,
        "audio": None,
        "function_call": None,
        "parsed": None,
        "tool_calls": [
            {**CALL, "index": 0, "function": {**CALL["function"], "parsed_arguments": None}}  # type: ignore[dict-item]
        ],
    }
    result = {"role": "tool", "tool_call_id": "c", "name": "f", "content": "18 °C"}
    asked = [{"role": "user", "content": "Hi"}, back, result]
    answer = caller.chat(asked, **dict.fromkeys(nulls))
    assert (answer.status_code, answer.json().get("error")) == (200, None)


def test_an_error_names_the_parameter(caller: Caller) -> None:
    assert caller.chat(temperature="x").json()["error"]["param"] == "temperature"
    assert caller.chat([{"role": "user"}]).json()["error"]["param"] == "messages[0].content"
    assert caller.chat(model="gpt-9").json()["error"]["param"] is None


PLACE = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": ["integer", "null"]}},
    "required": ["city", "days"],
    "additionalProperties": False,
}


def json_format(schema: Any, **more: Any) -> Any:
    return {"type": "json_schema", "json_schema": {"name": "place", "schema": schema, **more}}


def test_structured_output_fits_the_schema(caller: Caller) -> None:
    answer = caller.chat("Paris", response_format=json_format(PLACE, strict=True))
    content = answer.json()["choices"][0]["message"]["content"]
    assert json.loads(content) == {"city": "Paris", "days": 1}
    pieces = deltas(caller.stream("Paris", response_format={"type": "json_object"}))
    text = "".join(piece.get("content", "") for piece in pieces)
    assert json.loads(text) == {"answer": "Paris"}
    plain = caller.chat("Paris", response_format={"type": "text"})
    assert plain.json()["choices"][0]["message"]["content"] == "Hello Ж🙂"


def test_a_reply_that_is_json_is_said_as_it_is(emulator: Emulator, caller: Caller) -> None:
    emulator.openai.reply = lambda messages: ['{"city":', ' "Rome"}']
    answer = caller.chat("Paris", response_format=json_format(PLACE))
    assert answer.json()["choices"][0]["message"]["content"] == '{"city": "Rome"}'


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (
            {"response_format": json_format({"type": "object", "properties": {}}, strict=True)},
            "Invalid schema for response_format 'place': In context=(), 'additionalProperties' is",
        ),
        (
            {"response_format": json_format({**PLACE, "required": ["city"]}, strict=True)},
            "Invalid schema for response_format 'place': In context=(), 'required' is required to "
            "be supplied and to be an array including every key in properties. Missing 'days'.",
        ),
        ({"tools": [tool("f", strict=True)]}, "Invalid schema for function 'f': In context=()"),
        ({"response_format": {"type": "xml"}}, "body.response_format.type: not known: 'xml'"),
        ({"tools": TOOLS, "tool_choice": "any"}, "body.tool_choice: not known: 'any'"),
        (
            {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "g"}}},
            "body.tool_choice: Tool choice 'g' not found in 'tools' parameter.",
        ),
        ({"tool_choice": "required"}, "body.tool_choice: only allowed when tools are specified"),
    ],
)
def test_formats_and_choices_are_checked(
    caller: Caller, fields: dict[str, Any], problem: str
) -> None:
    answer = caller.chat("Hi", **fields)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert answer.json()["error"]["message"].startswith(problem)


def test_deepseek_wants_its_reasoning_back(caller: Caller) -> None:
    first = caller.chat("Paris", model="deepseek-reasoner", tools=[WEATHER])
    message = first.json()["choices"][0]["message"]
    assert message["reasoning_content"] == "The user asks; I answer."
    call_id = message["tool_calls"][0]["id"]
    asked = [
        {"role": "user", "content": "Paris"},
        message,
        {"role": "tool", "tool_call_id": call_id, "content": "18 °C"},
    ]
    assert caller.chat(asked, model="deepseek-reasoner").status_code == 200
    del message["reasoning_content"]
    answer = caller.chat(asked, model="deepseek-reasoner")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(
        "Missing `reasoning_content` field in the assistant message at message index 1."
    )
    assert caller.chat(asked, model="deepseek-chat").status_code == 200
    asked += [{"role": "assistant", "content": "18"}, {"role": "user", "content": "And now?"}]
    assert caller.chat(asked, model="deepseek-reasoner").status_code == 200


def test_a_content_type_may_have_parameters(caller: Caller) -> None:
    caller.headers["Content-Type"] = "application/json; charset=utf-8"
    assert caller.chat().status_code == 200
    caller.headers["Content-Type"] = "text/plain"
    assert caller.chat().status_code == 415


def test_several_choices_and_log_probabilities(caller: Caller) -> None:
    choices = caller.chat(n=2, logprobs=True).json()["choices"]
    assert [choice["index"] for choice in choices] == [0, 1]
    assert [each["token"] for each in choices[0]["logprobs"]["content"]] == ["Hel", "lo Ж🙂"]
    chunks = caller.stream(n=2, logprobs=True)[:-1]
    texts = {0: "", 1: ""}
    for chunk in chunks:
        (choice,) = chunk["choices"]
        texts[choice["index"]] += choice["delta"].get("content", "")
    assert texts == {0: "Hello Ж🙂", 1: "Hello Ж🙂"}
    assert chunks[2]["choices"][0]["logprobs"]["content"][0]["token"] == "Hel"

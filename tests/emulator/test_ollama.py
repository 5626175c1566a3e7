"""The far side of Ollama's native API."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests

from g4fsync.emulator import Emulator, InBandError, JSONAnswer, NoEndMark, Status

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"properties": {"city": {"type": "string"}}},
    },
}


class Caller:
    """A client that does everything right unless told otherwise."""

    def __init__(self, emulator: Emulator) -> None:
        self.base = emulator.base_urls["ollama"]

    def chat(self, messages: Any = "Hi", **fields: Any) -> requests.Response:
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        body = {"model": "llama3.2", "messages": messages, **fields}
        return requests.post(f"{self.base}/api/chat", json=body, timeout=10)

    def stream(self, messages: Any = "Hi", **fields: Any) -> list[Any]:
        *lines, end = self.chat(messages, **fields).content.split(b"\n")
        assert end == b""
        return [json.loads(line) for line in lines]


@pytest.fixture
def caller(emulator: Emulator) -> Caller:
    emulator.ollama.reply = lambda messages: ["Hi", " Ж"]
    return Caller(emulator)


def test_stream_byte_for_byte(emulator: Emulator, caller: Caller) -> None:
    answer = caller.chat()
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    head = '{"model":"llama3.2","created_at":"2026-01-01T10:00:00.000000001Z","message":{'
    assert answer.content.decode() == (
        f'{head}"role":"assistant","content":"Hi"}},"done":false}}\n'
        f'{head}"role":"assistant","content":" Ж"}},"done":false}}\n'
        f'{head}"role":"assistant","content":""}},"done":true,"done_reason":"stop",'
        '"total_duration":5191566416,"load_duration":2154458,"prompt_eval_count":2,'
        '"prompt_eval_duration":383809000,"eval_count":2,"eval_duration":4799921000}\n'
    )
    assert emulator.ollama.wait_ended()[0].problem is None


def test_plain_answer(emulator: Emulator, caller: Caller) -> None:
    value = caller.chat(stream=False).json()
    assert value["message"] == {"role": "assistant", "content": "Hi Ж"}
    assert (value["done"], value["eval_count"]) == (True, 2)
    emulator.ollama.fault = JSONAnswer()
    assert caller.chat().json() == value


def test_signs_of_life(emulator: Emulator, caller: Caller) -> None:
    assert requests.get(f"{caller.base}/", timeout=10).text == "Ollama is running"
    assert requests.head(f"{caller.base}/", timeout=10).status_code == 200
    assert requests.get(f"{caller.base}/api/version", timeout=10).json() == {"version": "0.13.0"}
    emulator.ollama.models = ("a", "b:1b")
    listed = requests.get(f"{caller.base}/api/tags", timeout=10).json()["models"]
    assert [model["name"] for model in listed] == ["a:latest", "b:1b"]
    shown = requests.post(f"{caller.base}/api/show", json={"model": "a"}, timeout=10).json()
    assert "tools" in shown["capabilities"]


@pytest.mark.parametrize(
    ("fields", "status", "problem"),
    [
        ({"model": "x"}, 404, "model 'x' not found"),
        ({"options": {"temperature": "x"}}, 400, 'option "temperature" must be of type number'),
        (
            {"messages": [{"role": "developer", "content": "x"}]},
            400,
            "messages[0].role: not known: 'developer'",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            400,
            'messages[0].content: expected string, got [{"type": "text"}]',
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "x", "images": ["data:image/png;base64,AA"]}
                ]
            },
            400,
            "messages[0].images[0]: no base64",
        ),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "content": "",
                        "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}],
                    }
                ]
            },
            400,
            "messages[0].tool_calls[0].function.arguments: expected object",
        ),
    ],
)
def test_request_is_checked(
    caller: Caller, fields: dict[str, Any], status: int, problem: str
) -> None:
    answer = caller.chat(**{"messages": "Hi", **fields})
    assert answer.status_code == status
    assert answer.json()["error"].startswith(problem)


def test_capabilities(emulator: Emulator, caller: Caller) -> None:
    emulator.ollama.capabilities = ("completion",)
    assert caller.chat(think=True).json() == {"error": '"llama3.2" does not support thinking'}
    assert caller.chat(tools=[WEATHER]).json() == {"error": '"llama3.2" does not support tools'}


def test_images_limits_and_thinking(emulator: Emulator, caller: Caller) -> None:
    images = [base64.b64encode(b"PNG").decode()]
    emulator.ollama.thought = "Hm"
    lines = caller.stream(
        [{"role": "user", "content": "a", "images": images}],
        think=True,
        options={"num_predict": 2, "stop": ["x"]},
    )
    assert [line["message"] for line in lines] == [
        {"role": "assistant", "content": "", "thinking": "Hm"},
        {"role": "assistant", "content": "Hi"},
        {"role": "assistant", "content": ""},
    ]
    assert lines[-1]["done_reason"] == "length"
    assert emulator.ollama.requests[0].images == (b"PNG",)
    assert caller.chat(stream=False, think="low").json()["message"]["thinking"] == "Hm"
    emulator.ollama.always_thinks = True
    assert "thinking" not in caller.chat(stream=False, think=False).json()["message"]


def test_tool_call_and_its_result(caller: Caller) -> None:
    first, last = caller.stream("Paris", tools=[WEATHER])
    assert first["message"]["tool_calls"] == [
        {
            "id": "call_1",
            "function": {"index": 0, "name": "get_weather", "arguments": {"city": "Paris"}},
        }
    ]
    assert last["done_reason"] == "stop"
    plain = caller.chat("Paris", tools=[WEATHER], stream=False).json()
    assert plain["message"]["tool_calls"][0]["function"]["name"] == "get_weather"
    with Emulator() as other:
        asked = [
            {"role": "user", "content": "Paris"},
            first["message"],
            {"role": "tool", "content": "18 °C", "tool_name": "get_weather"},
        ]
        told = Caller(other).chat(asked, tools=[WEATHER], stream=False).json()
    assert told["message"]["content"].startswith("The tool said: 18 °C")


def test_empty_messages_load_the_model(caller: Caller) -> None:
    value = caller.chat([]).json()
    assert (value["done"], value["done_reason"]) == (True, "load")


def test_faults(emulator: Emulator, caller: Caller) -> None:
    busy = "server busy, please try again.  maximum pending requests exceeded"
    emulator.ollama.faults.extend([NoEndMark(), InBandError("broken"), Status(503, busy)])
    assert caller.stream()[-1]["done"] is False
    lines = caller.stream()
    assert lines[-1] == {"error": "broken"}
    assert lines[-2]["message"]["content"] == "Hi"
    answer = caller.chat()
    assert (answer.status_code, answer.json()) == (503, {"error": busy})


def post(caller: Caller, path: str, **fields: Any) -> requests.Response:
    body = {"model": "llama3.2", **fields}
    return requests.post(f"{caller.base}{path}", json=body, timeout=10)


def test_what_go_reads_leniently_is_taken(caller: Caller) -> None:
    call = {"function": {"name": "f", "arguments": {}}}
    asked = [
        {"role": "user", "content": "Hi", "images": None},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "content": "18 °C", "tool_name": "f"},
    ]
    body = {"model": "llama3.2", "messages": asked, "tools": None, "format": None}
    answer = requests.post(f"{caller.base}/api/chat", data=json.dumps(body), timeout=10)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_a_member_that_go_does_not_know_does_not_count(caller: Caller, path: str) -> None:
    # litellm puts provider_specific_fields into what it sends back.
    asked = [{"role": "user", "content": "Hi", "provider_specific_fields": {"refusal": None}}]
    body = {"model": "llama3.2", "messages": asked, "stream": False, "top_k_p": 1}
    answer = requests.post(f"{caller.base}{path}", data=json.dumps(body), timeout=10)
    assert answer.status_code == 200, answer.text


def test_an_unknown_option_is_only_warned_of(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"num_batch": 1, "use_mmap": True, "typical_p": 0.5, "mirostat": 1}
    assert caller.chat(options=options).status_code == 200
    assert caplog.messages == ["invalid option provided: mirostat"]


def test_structured_output_fits_the_schema(caller: Caller) -> None:
    schema = {"type": "object", "properties": {"city": {"type": ["string", "null"]}}}
    value = caller.chat("Paris", format=schema, stream=False).json()
    assert json.loads(value["message"]["content"]) == {"city": "Paris"}
    value = caller.chat("Paris", format="json", stream=False).json()
    assert json.loads(value["message"]["content"]) == {"answer": "Paris"}
    answer = caller.chat("Paris", format="xml")
    assert answer.json() == {
        "error": 'invalid format: "xml"; expected "json" or a valid JSON Schema object'
    }


def test_generate(caller: Caller) -> None:
    value = post(caller, "/api/generate", prompt="Hello", stream=False).json()
    assert (value["response"], value["done_reason"], "message" in value) == ("Hi Ж", "stop", False)
    lines = post(caller, "/api/generate", prompt="Hello").content.splitlines()
    assert [json.loads(line)["response"] for line in lines] == ["Hi", " Ж", ""]
    value = post(caller, "/api/generate").json()
    assert (value["response"], value["done_reason"]) == ("", "load")


def test_models_that_were_asked_are_running(caller: Caller) -> None:
    def running() -> list[str]:
        value = requests.get(f"{caller.base}/api/ps", timeout=10).json()
        return [model["name"] for model in value["models"]]

    assert running() == []
    caller.chat()
    assert running() == ["llama3.2:latest"]


def test_embeddings_have_their_form(caller: Caller) -> None:
    value = post(caller, "/api/embed", input=["Hi", "Ho", "Hi"], dimensions=4).json()
    first, second, third = value["embeddings"]
    assert first == third != second
    assert len(first) == 4
    assert sum(number**2 for number in first) == pytest.approx(1.0)
    assert len(post(caller, "/api/embed", input="Hi").json()["embeddings"]) == 1


def test_chat_completions_are_there_too(caller: Caller) -> None:
    asked = [{"role": "user", "content": "Hi"}]
    value = post(caller, "/v1/chat/completions", messages=asked).json()
    assert value["choices"][0]["message"]["content"] == "Hi Ж"
    answer = requests.post(
        f"{caller.base}/v1/chat/completions", json={"model": "x", "messages": asked}, timeout=10
    )
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "model 'x' not found"
    listed = requests.get(f"{caller.base}/v1/models", timeout=10).json()
    assert "llama3.2:latest" in [model["id"] for model in listed["data"]]

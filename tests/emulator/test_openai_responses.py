"""The far side of OpenAI's Responses API."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from g4fsync import Client, Message
from g4fsync.emulator import Emulator, InBandError, JSONAnswer, NoEndMark, Status
from g4fsync.errors import (
    G4FSyncError,
    ProviderError,
    RateLimited,
    ServerError,
    StreamTruncated,
)
from g4fsync.messages import ChatResult
from g4fsync.providers.openai import OpenAI

PNG = b"\x89PNG\r\n\x1a\n"
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
CHAT_WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": WEATHER["parameters"]},
}
ENCRYPTED = {"include": ["reasoning.encrypted_content"], "store": False}
USER = {"role": "user", "content": "Hi"}


class Caller:
    """A client that does everything right unless told otherwise."""

    def __init__(self, emulator: Emulator) -> None:
        self.base = emulator.base_urls["openai"]
        self.headers = {"Authorization": f"Bearer {emulator.api_key}"}

    def ask(self, value: Any = "Hi", **fields: Any) -> requests.Response:
        body = {"model": "gpt-4o-mini", "input": value, **fields}
        return requests.post(f"{self.base}/responses", json=body, headers=self.headers, timeout=10)

    def right(self, value: Any = "Hi", **fields: Any) -> Any:
        answer = self.ask(value, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wrong(self, value: Any = "Hi", **fields: Any) -> tuple[int, str]:
        answer = self.ask(value, **fields)
        return answer.status_code, answer.json()["error"]["message"]

    def stream(self, value: Any = "Hi", **fields: Any) -> list[Any]:
        return events(self.ask(value, stream=True, **fields).content)


def events(content: bytes) -> list[Any]:
    """The events, whose names have to be their types."""
    found = []
    for block in content.decode().split("\n\n")[:-1]:
        name, data = block.split("\n")
        value = json.loads(data.removeprefix("data: "))
        assert name == f"event: {value['type']}"
        found.append(value)
    return found


@pytest.fixture
def caller(emulator: Emulator) -> Caller:
    return Caller(emulator)


def test_a_streamed_answer_event_by_event(caller: Caller) -> None:
    found = caller.stream()
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    kinds = list(dict.fromkeys(event["type"] for event in found))
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    text = "".join(event["delta"] for event in found if event["type"].endswith("text.delta"))
    response = found[-1]["response"]
    assert response["output"][0]["content"][0]["text"] == text
    assert (response["status"], response["usage"]["input_tokens"]) == ("completed", 2)
    assert all(event["obfuscation"] for event in found if event["type"].endswith(".delta"))


def test_a_complete_answer_says_the_same(caller: Caller) -> None:
    complete = caller.right()
    streamed = caller.stream()[-1]["response"]
    for value in (complete, streamed):
        value["id"] = value["output"][0]["id"] = "x"
    assert complete == streamed


def test_a_limit_makes_it_incomplete(caller: Caller) -> None:
    end = caller.stream(max_output_tokens=2)[-1]
    assert end["type"] == "response.incomplete"
    assert end["response"]["incomplete_details"] == {"reason": "max_output_tokens"}


def test_reasoning_is_summed_up_and_encrypted_when_that_is_asked_for(caller: Caller) -> None:
    plain = caller.right(model="gpt-5")["output"][0]
    assert (plain["type"], plain["summary"], "encrypted_content" in plain) == (
        "reasoning",
        [],
        False,
    )
    asked = caller.right(model="gpt-5", reasoning={"summary": "auto"}, **ENCRYPTED)["output"][0]
    assert asked["summary"] == [{"type": "summary_text", "text": "The user asks; I answer."}]
    assert asked["encrypted_content"].startswith("gAAAA")
    silent = caller.right(model="gpt-5", reasoning={"effort": "none"})["output"]
    assert [item["type"] for item in silent] == ["message"]


def test_encrypted_reasoning_has_to_come_back_unchanged_with_its_calls(caller: Caller) -> None:
    options: dict[str, Any] = {"model": "gpt-5", "tools": [WEATHER], **ENCRYPTED}
    thought, call = caller.right(**options)["output"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "18"}
    assert caller.right([USER, thought, call, result], **options)["output"][1]["type"] == "message"
    assert caller.wrong([USER, call, result], **options) == (
        400,
        "Item 'call_1' of type 'function_call' was provided without its required 'reasoning' item.",
    )
    changed = thought | {"encrypted_content": "x"}
    assert caller.wrong([USER, changed, call, result], **options) == (
        400,
        "body.input[1].encrypted_content: The encrypted content could not be verified.",
    )
    named = {"type": "reasoning", "id": thought["id"], "summary": []}
    status, words = caller.wrong([USER, named, call, result], **options)
    assert (status, words[:30]) == (404, "Item with id 'rs_1' not found.")
    status, words = caller.wrong([USER, thought], **options)
    assert (status, words) == (
        400,
        "Item 'rs_1' of type 'reasoning' was provided without its required following item.",
    )


def test_stored_reasoning_comes_back_whole_without_being_encrypted(caller: Caller) -> None:
    options: dict[str, Any] = {"model": "gpt-5", "tools": [WEATHER]}
    thought, call = caller.right(**options, reasoning={"summary": "auto"})["output"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "18"}
    # As openai's guide has it: input += response.output; the Python SDK adds the nulls.
    for back in (thought, thought | {"encrypted_content": None, "content": None, "status": None}):
        assert caller.right([USER, back, call, result], **options)["status"] == "completed"
    elsewhere = thought | {"id": "rs_x"}
    assert caller.wrong([USER, elsewhere, call, result], **options)[0] == 404


def test_a_call_without_the_id_it_was_stored_by_needs_no_reasoning(caller: Caller) -> None:
    options: dict[str, Any] = {"model": "gpt-5", "tools": [WEATHER]}
    _, call = caller.right(**options)["output"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "18"}
    # litellm makes the items out of a message of chat completions, which has no such ids.
    anew = {name: each for name, each in call.items() if name not in ("id", "status")}
    assert caller.right([USER, anew, result], **options)["status"] == "completed"
    assert caller.wrong([USER, call, result], **options) == (
        400,
        "Item 'fc_1_0' of type 'function_call' was provided without its required 'reasoning' item.",
    )


def test_what_was_stored_is_found_again(caller: Caller) -> None:
    first = caller.right(model="gpt-5", tools=[WEATHER])
    thought, call = first["output"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "18"}
    options: dict[str, Any] = {"model": "gpt-5", "tools": [WEATHER]}
    again = caller.right([result], previous_response_id=first["id"], **options)
    assert [item["type"] for item in again["output"]] == ["reasoning", "message"]
    named = [{"type": "item_reference", "id": each["id"]} for each in (thought, call)]
    assert caller.right([USER, *named, result], **options)["status"] == "completed"
    unknown = caller.wrong(previous_response_id="resp_x")
    assert unknown == (400, "Previous response with id 'resp_x' not found.")
    status, words = caller.wrong([USER, {"type": "item_reference", "id": "x"}])
    assert (status, words) == (404, "Item with id 'x' not found.")
    unstored = caller.right(store=False)["id"]
    assert caller.wrong(previous_response_id=unstored)[0] == 400


def test_structured_output(caller: Caller) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "name": "n", "schema": schema, "strict": True}
    text = caller.right("Paris", text={"format": form})["output"][0]["content"][0]["text"]
    assert [*json.loads(text)] == ["city"]
    loose = {**form, "schema": {"type": "object", "properties": {}}}
    assert "additionalProperties" in caller.wrong(text={"format": loose})[1]


@pytest.mark.parametrize(
    ("value", "fields", "status", "words"),
    [
        ([], {}, 400, "body.input: empty"),
        ("Hi", {"no_such": 1}, 400, "body.no_such: unknown"),
        ("Hi", {"max_tokens": 1}, 400, "body.max_tokens: unknown"),
        ("Hi", {"model": "no-such"}, 404, "The model `no-such` does not exist"),
        ("Hi", {"include": ["x"]}, 400, "body.include[0]: Invalid value: 'x'"),
        (
            "Hi",
            {"include": ["reasoning.encrypted_content"]},
            400,
            "Encrypted content is not supported with this model: gpt-4o-mini",
        ),
        ([{"type": "x"}], {}, 400, "body.input[0].type: Invalid value: 'x'"),
        ([USER | {"name": "ann"}], {}, 400, "body.input[0].name: unknown"),
        (
            [{"role": "user", "content": [{"type": "output_text", "text": "x"}]}],
            {},
            400,
            "body.input[0].content[0].type: Invalid value: 'output_text'",
        ),
        (
            [{"type": "function_call_output", "call_id": "c", "output": "x"}],
            {},
            400,
            "No tool call found for function call output with call_id c.",
        ),
        ("Hi", {"tools": [{"type": "function", "f": {}}]}, 400, "body.tools[0].name: missing"),
        (
            "Hi",
            {"tool_choice": {"type": "function", "name": "f"}},
            400,
            "body.tool_choice: Tool choice 'f' not found in 'tools' parameter.",
        ),
        ("Hi", {"text": {"format": {"type": 1}}}, 400, "body.text.format.type: Invalid value: 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    caller: Caller, value: Any, fields: dict[str, Any], status: int, words: str
) -> None:
    assert caller.wrong(value, **fields) == (status, words)


# -- our own client ------------------------------------------------------------


def asked(
    emulator: Emulator, messages: Any = "Hi", model: str = "gpt-5", **options: Any
) -> ChatResult:
    provider = OpenAI(emulator.base_urls["openai"], api="responses", reasoning_summary="auto")
    with Client(api_keys={"openai": emulator.api_key}) as client:
        return client.ask(messages, model=model, provider=provider, **options)


@pytest.mark.parametrize("complete", [False, True])
def test_our_client_reads_it_all(emulator: Emulator, *, complete: bool) -> None:
    emulator.openai.noise = True
    emulator.openai.fault = JSONAnswer() if complete else None
    emulator.openai.reply = lambda messages: ["Grüß ", "Gott 🦙"]
    result = asked(emulator, reasoning_effort="low")
    assert (result.text, result.reasoning) == ("Grüß Gott 🦙", "The user asks; I answer.")
    assert result.finish_reason == "stop"
    assert result.usage is not None
    assert (result.usage.input_tokens, result.usage.reasoning_tokens) == (2, 5)


def test_our_clients_tool_rounds_carry_the_encrypted_reasoning(emulator: Emulator) -> None:
    messages: list[Any] = [Message("user", "get_weather of Paris then get_weather of Rome")]
    for _ in range(2):
        result = asked(emulator, messages, tools=[CHAT_WEATHER], system="Be brief")
        assert [call.name for call in result.tool_calls] == ["get_weather"]
        assert result.finish_reason == "tool_calls"
        messages.append(result)
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": "18"} for call in result.tool_calls
        ]
    last = asked(emulator, messages, tools=[CHAT_WEATHER], system="Be brief")
    assert (last.tool_calls, last.finish_reason) == ((), "stop")
    body = emulator.openai.requests[-1].body
    assert [item.get("type", item.get("role")) for item in body["input"]] == [
        "user",
        *(["reasoning", "function_call", "function_call_output"] * 2),
    ]
    assert body["instructions"] == "Be brief"


def test_our_client_sends_pictures_and_schemas(emulator: Emulator) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    parts = [{"type": "text", "text": "Where?"}, {"type": "image_url", "image_url": {"url": url}}]
    result = asked(emulator, [{"role": "user", "content": parts}], response_format=schema)
    assert "city" in json.loads(result.text)
    assert emulator.openai.requests[-1].images == (PNG,)


@dataclass
class Place:
    city: str
    days: int


def test_our_clients_typed_answers_and_tools_that_are_called(emulator: Emulator) -> None:
    def get_weather(city: str) -> str:
        """The weather.

        Args:
            city: where
        """
        return f"18 °C in {city}"

    typed = asked(emulator, "Paris", returns=Place)
    assert (typed.value, typed.mode) == (Place("Paris", 1), "native")
    form = emulator.openai.requests[-1].body["text"]["format"]
    assert (form["type"], form["strict"]) == ("json_schema", True)
    called = asked(emulator, "get_weather of Paris", tools=[get_weather])
    assert (
        called.text
        == "The tool said: 18 °C in get_weather of Paris\n(message 3 of our conversation)"
    )
    kinds = [item.get("type") for item in emulator.openai.requests[-1].body["input"][1:]]
    assert kinds == ["reasoning", "function_call", "function_call_output"]


@pytest.mark.parametrize("shape", ["flat", "nested", "failed"])
@pytest.mark.parametrize(
    ("code", "kind"),
    [("server_error", ServerError), ("rate_limit_exceeded", RateLimited), ("x", ProviderError)],
)
def test_our_client_reads_errors_in_the_stream(
    emulator: Emulator, shape: Any, code: str, kind: type[G4FSyncError]
) -> None:
    emulator.openai.responses_error_shape = shape
    emulator.openai.fault = InBandError(after_tokens=1, message="no more", code=code)
    with pytest.raises(kind, match="no more") as caught:
        asked(emulator)
    assert caught.value.partial != ""


@pytest.mark.parametrize("lie", [False, True])
def test_our_client_misses_the_end_mark(emulator: Emulator, *, lie: bool) -> None:
    emulator.openai.fault = NoEndMark(lie=lie)
    with pytest.raises(StreamTruncated):
        asked(emulator)


def test_faults_of_chat_meet_it_too(emulator: Emulator) -> None:
    emulator.openai.fault = Status(400, "wrong")
    with pytest.raises(ProviderError, match="wrong"):
        asked(emulator)

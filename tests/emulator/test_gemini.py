"""The far side of Google's Gemini API."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests

from g4fsync.emulator import Emulator, InBandError, JSONAnswer, NoEndMark, Status

WEATHER = {
    "functionDeclarations": [
        {"name": "get_weather", "parameters": {"properties": {"city": {"type": "string"}}}}
    ]
}


class Caller:
    """A client that does everything right unless told otherwise."""

    def __init__(self, emulator: Emulator) -> None:
        self.base = emulator.base_urls["gemini"]
        self.headers = {"x-goog-api-key": emulator.api_key}

    def post(self, method: str, contents: Any = "Hi", **fields: Any) -> requests.Response:
        if isinstance(contents, str):
            contents = [{"role": "user", "parts": [{"text": contents}]}]
        return requests.post(
            f"{self.base}/v1beta/models/{method}",
            json={"contents": contents, **fields},
            headers=self.headers,
            timeout=10,
        )

    def chat(self, contents: Any = "Hi", **fields: Any) -> requests.Response:
        return self.post("gemini-x:streamGenerateContent?alt=sse", contents, **fields)

    def models(self, query: str = "") -> requests.Response:
        return requests.get(f"{self.base}/v1beta/models{query}", headers=self.headers, timeout=10)

    def stream(self, contents: Any = "Hi", **fields: Any) -> list[Any]:
        *blocks, end = self.chat(contents, **fields).content.split(b"\r\n\r\n")
        assert end == b""
        return [json.loads(block.removeprefix(b"data: ")) for block in blocks if block[:1] == b"d"]


@pytest.fixture
def caller(emulator: Emulator) -> Caller:
    emulator.gemini.reply = lambda messages: ["Hi", " Ж."]
    return Caller(emulator)


def test_stream_byte_for_byte(emulator: Emulator, caller: Caller) -> None:
    answer = caller.chat()
    assert answer.headers["Content-Type"] == "text/event-stream"
    tail = '"modelVersion":"gemini-x","responseId":"r1"}\r\n\r\n'
    assert answer.content.decode() == (
        'data: {"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"index":0}],'
        '"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":1,"totalTokenCount":3},'
        f"{tail}"
        'data: {"candidates":[{"content":{"parts":[{"text":" Ж."}],"role":"model"},"index":0}],'
        '"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":2,"totalTokenCount":4},'
        f"{tail}"
        'data: {"candidates":[{"finishReason":"STOP","index":0}],'
        '"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":2,"totalTokenCount":4},'
        f"{tail}"
    )
    assert emulator.gemini.wait_ended()[0].problem is None


def test_without_alt_sse_it_is_an_array(emulator: Emulator, caller: Caller) -> None:
    answer = caller.post("gemini-x:streamGenerateContent")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert [value["candidates"][0].get("finishReason") for value in answer.json()] == [
        None,
        None,
        "STOP",
    ]
    emulator.gemini.fault = InBandError("Overloaded")
    values = caller.post("gemini-x:streamGenerateContent").json()
    assert values[-1] == {"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}


def test_plain_answer(emulator: Emulator, caller: Caller) -> None:
    value = caller.post("gemini-x:generateContent").json()
    candidate = value["candidates"][0]
    assert candidate["content"] == {"parts": [{"text": "Hi Ж."}], "role": "model"}
    assert candidate["finishReason"] == "STOP"
    emulator.gemini.fault = JSONAnswer()
    assert caller.chat().json()["candidates"] == value["candidates"]


@pytest.mark.parametrize(
    ("headers", "status", "word"),
    [
        ({}, 403, "PERMISSION_DENIED"),
        ({"x-goog-api-key": "wrong"}, 400, "INVALID_ARGUMENT"),
    ],
)
def test_key_is_wanted(caller: Caller, headers: dict[str, str], status: int, word: str) -> None:
    caller.headers = headers
    for answer in (caller.chat(), caller.models()):
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["status"]) == (status, status, word)
        if headers:
            assert error["details"][0]["reason"] == "API_KEY_INVALID"


def test_key_in_the_url_is_refused(emulator: Emulator, caller: Caller) -> None:
    answer = caller.models(f"?key={emulator.api_key}")
    assert answer.status_code == 400


def test_models_come_in_pages(emulator: Emulator, caller: Caller) -> None:
    emulator.gemini.models = ("a", "b", "c")
    first = caller.models("?pageSize=2").json()
    assert [model["name"] for model in first["models"]] == ["models/a", "models/b"]
    second = caller.models(f"?pageSize=2&pageToken={first['nextPageToken']}").json()
    assert [model["name"] for model in second["models"]] == ["models/c"]
    assert "nextPageToken" not in second


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"contents": []}, "contents: must not be empty"),
        ({"contents": [{"parts": []}]}, "contents[0].parts: must not be empty"),
        (
            {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]},
            "contents[0].role: Please use a valid role: user, model.",
        ),
        (
            {"contents": [{"role": "model", "parts": [{"text": "x"}]}]},
            "contents: the last one must be the user's",
        ),
        ({"contents": [{"parts": [{"thought": True}]}]}, "contents[0].parts[0]: expected one of"),
        (
            {"contents": [{"parts": [{"inlineData": {"data": "x"}}]}]},
            "contents[0].parts[0].inlineData.mimeType: missing",
        ),
        ({"generationConfig": {"max_tokens": 1}}, "generationConfig.max_tokens: unknown"),
        ({"models": "x"}, "body.models: unknown"),
        ({"tools": [{}]}, "tools[0].functionDeclarations: missing"),
    ],
)
def test_request_is_checked(caller: Caller, fields: dict[str, Any], problem: str) -> None:
    answer = caller.chat(**{"contents": "Hi", **fields})
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert answer.json()["error"]["message"].startswith(problem)


def test_the_model_may_stand_in_the_body_too(caller: Caller) -> None:
    # litellm's proxy sends it on, and in what tokens are counted of it has to be.
    assert caller.chat(model="gemini-2.5-flash").status_code == 200


def test_unknown_model_and_long_prompt(emulator: Emulator, caller: Caller) -> None:
    answer = caller.post("nobody:streamGenerateContent?alt=sse")
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")
    emulator.gemini.context_size = 1
    assert "exceeds the maximum number" in caller.chat().json()["error"]["message"]


def test_system_and_images(emulator: Emulator, caller: Caller) -> None:
    seen: list[dict[str, str]] = []

    def reply(messages: list[dict[str, str]]) -> list[str]:
        seen.extend(messages)
        return ["ok"]

    emulator.gemini.reply = reply
    image = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(b"PNG").decode()}}
    contents = [
        {"role": "user", "parts": [{"text": "a"}]},
        {"role": "model", "parts": [{"text": "b"}]},
        {"role": "user", "parts": [{"text": "c"}, image]},
    ]
    caller.chat(contents, systemInstruction={"parts": [{"text": "Be brief."}]})
    assert [(m["role"], m["content"]) for m in seen] == [
        ("system", "Be brief."),
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
    ]
    assert emulator.gemini.requests[0].images == (b"PNG",)


def test_finish_reasons_and_blocks(emulator: Emulator, caller: Caller) -> None:
    def reason(**config: Any) -> Any:
        return caller.stream(generationConfig=config)[-1]["candidates"][0]["finishReason"]

    assert reason(maxOutputTokens=1) == "MAX_TOKENS"
    assert reason(stopSequences=["Ж"]) == "STOP"
    emulator.gemini.finish_reason = "SAFETY"
    assert reason() == "SAFETY"
    emulator.gemini.block_reason = "PROHIBITED_CONTENT"
    (value,) = caller.stream()
    assert value["promptFeedback"]["blockReason"] == "PROHIBITED_CONTENT"
    assert "candidates" not in value
    assert caller.post("gemini-x:generateContent").json()["promptFeedback"]


def test_thoughts(emulator: Emulator, caller: Caller) -> None:
    emulator.gemini.thought = "Hm"
    values = caller.stream(generationConfig={"thinkingConfig": {"includeThoughts": True}})
    assert values[0]["candidates"][0]["content"]["parts"] == [{"text": "Hm", "thought": True}]
    assert values[-1]["usageMetadata"] == {
        "promptTokenCount": 2,
        "candidatesTokenCount": 2,
        "thoughtsTokenCount": 1,
        "totalTokenCount": 5,
    }


def test_function_call_and_its_response(caller: Caller) -> None:
    call = caller.stream("Paris", tools=[WEATHER])[0]["candidates"][0]["content"]
    assert call["parts"] == [{"functionCall": {"name": "get_weather", "args": {"city": "Paris"}}}]
    response = {"functionResponse": {"name": "get_weather", "response": {"t": "18 °C"}}}
    with Emulator() as other:
        contents = [
            {"role": "user", "parts": [{"text": "Paris"}]},
            call,
            {"role": "user", "parts": [response]},
        ]
        told = Caller(other).post("gemini-x:generateContent", contents, tools=[WEATHER]).json()
    text = told["candidates"][0]["content"]["parts"][0]["text"]
    assert text.startswith('The tool said: {"t": "18 °C"}')


def test_faults(emulator: Emulator, caller: Caller) -> None:
    emulator.gemini.faults.extend([NoEndMark(), InBandError("Busy"), Status(429, "slow")])
    assert "finishReason" not in caller.stream()[-1]["candidates"][0]
    content = caller.chat().content
    assert content.endswith(
        b'\r\n\r\n{\n  "error": {\n    "code": 503,\n    "message": "Busy",\n'
        b'    "status": "UNAVAILABLE"\n  }\n}\n'
    )
    assert caller.chat().json()["error"]["status"] == "RESOURCE_EXHAUSTED"
    emulator.gemini.noise = True
    assert {} in [value["usageMetadata"] for value in caller.stream()]


@pytest.mark.parametrize("version", ["/v1", "/v1beta", ""])
def test_versions_of_the_path(caller: Caller, version: str) -> None:
    url = f"{caller.base}{version}/models/gemini-x"
    asked = {"contents": [{"parts": [{"text": "Hi"}]}]}
    answer = requests.post(f"{url}:generateContent", json=asked, headers=caller.headers, timeout=10)
    assert answer.json()["candidates"][0]["content"]["parts"] == [{"text": "Hi Ж."}]
    model = requests.get(url, headers=caller.headers, timeout=10).json()
    assert model["name"] == "models/gemini-x"
    counted = requests.post(f"{url}:countTokens", json=asked, headers=caller.headers, timeout=10)
    assert counted.json() == {"totalTokens": 2}


def parts_of(answer: requests.Response) -> list[Any]:
    parts: list[Any] = answer.json()["candidates"][0]["content"]["parts"]
    return parts


def once(caller: Caller, contents: Any = "Hi", model: str = "gemini-x", **fields: Any) -> Any:
    return caller.post(f"{model}:generateContent", contents, **fields)


def test_names_as_in_the_proto_are_taken(emulator: Emulator, caller: Caller) -> None:
    data = base64.b64encode(b"picture").decode()
    contents = [
        {"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": data}}]}
    ]
    answer = once(
        caller,
        contents,
        system_instruction={"parts": [{"text": "Be brief."}]},
        generation_config={
            "max_output_tokens": 1,
            "thinking_config": {"include_thoughts": True, "thinking_budget": 10},
        },
    )
    assert answer.status_code == 200
    assert emulator.gemini.requests[0].images == (b"picture",)
    parts = parts_of(answer)
    assert parts[0]["thought"] is True
    schema = {"type": "object", "properties": {"max_items": {"type": ["string", "null"]}}}
    declared = [{"name": "f", "parameters_json_schema": schema}]
    answer = once(caller, tools=[{"function_declarations": declared}], tool_config=None)
    assert parts_of(answer) == [{"functionCall": {"name": "f", "args": {"max_items": "Hi"}}}]


def test_a_name_that_is_not_known_is_refused_as_it_was_sent(caller: Caller) -> None:
    answer = once(caller, generation_config={"max_tokens": 1})
    assert answer.json()["error"]["message"] == "generationConfig.max_tokens: unknown"


OPEN = {"type": "object", "properties": {"city": {"type": "string"}}}
CLOSED = {**OPEN, "additionalProperties": False}


def test_structured_output_fits_the_schema(caller: Caller) -> None:
    for fields in ({"responseSchema": OPEN}, {"responseJsonSchema": CLOSED}):
        config = {"responseMimeType": "application/json", **fields}
        parts = parts_of(once(caller, generationConfig=config))
        assert json.loads(parts[0]["text"]) == {"city": "Hi"}
    ordered = {"type": "OBJECT", "properties": OPEN["properties"], "property_ordering": ["city"]}
    config = {"response_mime_type": "application/json", "response_schema": ordered}
    parts = parts_of(once(caller, generationConfig=config))
    assert json.loads(parts[0]["text"]) == {"city": "Hi"}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (
            {
                "generationConfig": {
                    "responseMimeType": "application/json",
                    "responseSchema": CLOSED,
                }
            },
            'Invalid JSON payload received. Unknown name "additionalProperties" at '
            "'generation_config.response_schema': Cannot find field.",
        ),
        (
            {"tools": [{"functionDeclarations": [{"name": "f", "parameters": CLOSED}]}]},
            'Invalid JSON payload received. Unknown name "additionalProperties" at '
            "'tools[0].functionDeclarations[0].parameters': Cannot find field.",
        ),
        (
            {
                "tools": [
                    {
                        "functionDeclarations": [
                            {
                                "name": "f",
                                "parameters": {
                                    "type": "object",
                                    "properties": {"a": {"type": ["string", "null"]}},
                                },
                            }
                        ]
                    }
                ]
            },
            "Invalid value at 'tools[0].functionDeclarations[0].parameters.properties.a.type'",
        ),
        ({"generationConfig": {"responseSchema": OPEN}}, "generationConfig.responseMimeType: a"),
        (
            {"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}},
            "toolConfig.functionCallingConfig.mode: not known: 'SOME'",
        ),
    ],
)
def test_schemas_and_choices_are_checked(
    caller: Caller, fields: dict[str, Any], problem: str
) -> None:
    answer = once(caller, **fields)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(problem)


def test_a_schema_with_other_keywords_is_taken_as_json_schema(caller: Caller) -> None:
    declared = [{"name": "f", "parametersJsonSchema": CLOSED}]
    answer = once(caller, tools=[{"functionDeclarations": declared}])
    assert parts_of(answer) == [{"functionCall": {"name": "f", "args": {"city": "Hi"}}}]


def test_allowed_functions(caller: Caller) -> None:
    tools = [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}]
    calling = {"mode": "ANY", "allowedFunctionNames": ["g"]}
    answer = once(caller, tools=tools, toolConfig={"functionCallingConfig": calling})
    assert parts_of(answer) == [{"functionCall": {"name": "g", "args": {}}}]
    calling = {"mode": "NONE"}
    answer = once(caller, tools=tools, toolConfig={"functionCallingConfig": calling})
    assert parts_of(answer) == [{"text": "Hi Ж."}]


def test_gemini_3_wants_its_signatures_back(caller: Caller) -> None:
    model = "gemini-3-pro-preview"
    tools = [{"functionDeclarations": [{"name": "get_time"}, {"name": "get_weather"}]}]
    parts = parts_of(once(caller, "get_time and get_weather", model, tools=tools))
    assert ["thoughtSignature" in part for part in parts] == [True, False]
    results: list[Any] = [
        {"functionResponse": {"name": name, "response": {}}} for name in ("get_time", "get_weather")
    ]

    def again(first: dict[str, Any], model: str = model) -> requests.Response:
        contents = [
            {"role": "user", "parts": [{"text": "get_time and get_weather"}]},
            {"role": "model", "parts": [first, parts[1]]},
            {"role": "user", "parts": results},
        ]
        answer: requests.Response = once(caller, contents, model, tools=tools)
        return answer

    assert again(parts[0]).status_code == 200
    skipping = {**parts[0], "thoughtSignature": "skip_thought_signature_validator"}
    assert again(skipping).status_code == 200
    unsigned = {"functionCall": parts[0]["functionCall"]}
    assert again(unsigned, "gemini-x").status_code == 200
    answer = again(unsigned)
    assert answer.status_code == 400
    assert "missing a thought_signature" in answer.json()["error"]["message"]
    assert "`default_api:get_time` , position 1" in answer.json()["error"]["message"]
    forged = again({**parts[0], "thoughtSignature": "AAAA"})
    assert forged.json()["error"]["message"] == "Corrupted thought signature."

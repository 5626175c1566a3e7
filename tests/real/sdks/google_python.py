"""The ``google-genai`` package from PyPI, as it comes out of the box."""

from __future__ import annotations

import base64
from typing import Any

from cases import PNG, arguments, error_of, run
from google import genai
from google.genai import types
from pydantic import BaseModel

BASE_URL, KEY = arguments()
MODEL = "gemini-2.5-flash"


def client_of(key: str = KEY, version: str | None = None) -> genai.Client:
    return genai.Client(
        api_key=key, http_options=types.HttpOptions(base_url=BASE_URL, api_version=version)
    )


client = client_of()


class Place(BaseModel):
    city: str
    days: int
    tags: list[str]


def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"18 °C in {city}"


def get_time(city: str) -> str:
    """The time in a city."""
    return f"10:00 in {city}"


def generate(contents: Any, model: str = MODEL, **config: Any) -> Any:
    return client.models.generate_content(
        model=model, contents=contents, config=types.GenerateContentConfig(**config)
    )


def plain() -> Any:
    answer = generate(
        "Hello", system_instruction="Be brief.", temperature=0.5, max_output_tokens=50
    )
    return [answer.text, answer.candidates[0].finish_reason.name]


def versions() -> Any:
    texts = []
    for version in ("v1", "v1beta"):
        # It closes what it has open as soon as nobody holds it.
        client = client_of(version=version)
        texts.append(client.models.generate_content(model=MODEL, contents="Hello").text)
    return texts


def streaming() -> Any:
    return "".join(
        chunk.text or ""
        for chunk in client.models.generate_content_stream(model=MODEL, contents="Hello")
    )


def thoughts() -> Any:
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)
    answer = generate("Hello", thinking_config=thinking)
    return [bool(part.thought) for part in answer.candidates[0].content.parts]


def automatic_function_calling() -> Any:
    answer = generate("get_weather and get_time in Paris", tools=[get_weather, get_time])
    history = answer.automatic_function_calling_history
    return [answer.text, len(history)]


def _rounds(model: str) -> Any:
    declared = [
        types.FunctionDeclaration(
            name=name,
            parameters=types.Schema(
                type=types.Type.OBJECT, properties={"city": types.Schema(type=types.Type.STRING)}
            ),
        )
        for name in ("get_weather", "get_time")
    ]
    contents: list[Any] = [types.UserContent("get_weather and get_time, then get_weather of Paris")]
    rounds = []
    for _ in range(4):
        answer = generate(contents, model, tools=[types.Tool(function_declarations=declared)])
        calls = answer.function_calls or []
        rounds.append([call.name for call in calls])
        if not calls:
            break
        contents.append(answer.candidates[0].content)
        parts = [
            types.Part.from_function_response(name=call.name, response={"result": "18 °C"})
            for call in calls
        ]
        contents.append(types.Content(role="user", parts=parts))
    return rounds


def tools_in_rounds() -> Any:
    return _rounds(MODEL)


def tools_of_gemini_3() -> Any:
    model = "gemini-3-pro-preview"
    call = types.Part(function_call=types.FunctionCall(name="get_weather", args={}))
    result = types.Part.from_function_response(name="get_weather", response={"result": "18"})
    unsigned = [
        types.UserContent("Paris"),
        types.Content(role="model", parts=[call]),
        types.Content(role="user", parts=[result]),
    ]
    return [_rounds(model), error_of(lambda: generate(unsigned, model))]


def tool_choice() -> Any:
    calling = types.FunctionCallingConfig(
        mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["get_time"]
    )
    answer = generate(
        "Paris",
        tools=[get_weather, get_time],
        tool_config=types.ToolConfig(function_calling_config=calling),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    return [call.name for call in answer.function_calls]


def chat() -> Any:
    chat = client.chats.create(model=MODEL)
    chat.send_message("Hello")
    return chat.send_message("And now?").text


def schema() -> Any:
    answer = generate("Paris", response_mime_type="application/json", response_schema=Place)
    return answer.parsed and answer.parsed.model_dump()


def schema_of_list() -> Any:
    answer = generate("Paris", response_mime_type="application/json", response_schema=list[Place])
    return [place.model_dump() for place in answer.parsed or ()]


def json_schema() -> Any:
    answer = generate(
        "Paris",
        response_mime_type="application/json",
        response_json_schema=Place.model_json_schema(),
    )
    return Place.model_validate_json(answer.text).model_dump()


def image() -> Any:
    part = types.Part.from_bytes(data=base64.b64decode(PNG), mime_type="image/png")
    return generate([part, "What?"]).text


def errors() -> Any:
    wrong = client_of("wrong-key")
    return [
        error_of(lambda: wrong.models.generate_content(model=MODEL, contents="Hello")),
        error_of(lambda: generate("Hello", "no-such-model")),
        error_of(lambda: generate("Hello", response_mime_type="text/html")),
        error_of(lambda: client.models.get(model="no-such-model")),
    ]


def models() -> Any:
    listed = [model.name for model in client.models.list()]
    return [f"models/{MODEL}" in listed, client.models.get(model=MODEL).name]


def count_tokens() -> Any:
    return client.models.count_tokens(model=MODEL, contents="Hello there").total_tokens


def search_tool() -> Any:
    return generate("Hello", tools=[types.Tool(google_search=types.GoogleSearch())]).text


run(
    {
        case.__name__: case
        for case in (
            *(plain, versions, streaming, thoughts, automatic_function_calling, tools_in_rounds),
            *(tools_of_gemini_3, tool_choice, chat, schema, schema_of_list, json_schema, image),
            *(errors, models, count_tokens, search_tool),
        )
    }
)

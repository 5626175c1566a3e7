"""The ``ollama`` package from PyPI, as it comes out of the box."""

from __future__ import annotations

import base64
from typing import Any

import ollama
from cases import PNG, arguments, error_of, run
from pydantic import BaseModel

BASE_URL, _ = arguments()
client = ollama.Client(host=BASE_URL)
MODEL = "llama3.2"


class Place(BaseModel):
    city: str
    days: int


def get_weather(city: str) -> str:
    """The weather of a city.

    Args:
        city: where
    """
    return f"18 °C in {city}"


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def plain() -> Any:
    answer = client.chat(MODEL, [user("Hello")])
    return [answer.message.content, answer.done_reason]


def options() -> Any:
    chosen = ollama.Options(num_ctx=4096, num_batch=16, mirostat=1, use_mmap=True, low_vram=True)
    return client.chat(MODEL, [user("Hello")], options=chosen, keep_alive="5m").message.content


def streaming() -> Any:
    chunks = client.chat(MODEL, [user("Hello")], stream=True)
    return "".join(chunk.message.content or "" for chunk in chunks)


def thinking() -> Any:
    message = client.chat(MODEL, [user("Hello")], think=True).message
    return [message.thinking, message.content]


def tools() -> Any:
    asked: list[Any] = [user("Paris")]
    message = client.chat(MODEL, asked, tools=[get_weather]).message
    asked.append(message)
    for call in message.tool_calls or ():
        result = get_weather(**call.function.arguments)
        asked.append({"role": "tool", "tool_name": call.function.name, "content": result})
    return client.chat(MODEL, asked, tools=[get_weather]).message.content


def structured() -> Any:
    answer = client.chat(MODEL, [user("Paris")], format=Place.model_json_schema())
    any_json = client.chat(MODEL, [user("Paris")], format="json")
    return [
        Place.model_validate_json(answer.message.content or "").model_dump(),
        any_json.message.content,
    ]


def image() -> Any:
    message = {"role": "user", "content": "What?", "images": [base64.b64decode(PNG)]}
    return client.chat(MODEL, [message]).message.content


def generate() -> Any:
    streamed = client.generate(MODEL, "Hello", stream=True)
    return [
        client.generate(MODEL, "Hello", system="Be brief.").response,
        "".join(chunk.response or "" for chunk in streamed),
    ]


def errors() -> Any:
    return [
        error_of(lambda: client.chat("no-such-model", [user("Hello")])),
        error_of(lambda: client.chat(MODEL, [{"role": "robot", "content": "Hello"}])),
        error_of(lambda: client.show("no-such-model")),
    ]


def models() -> Any:
    listed = [model.model for model in client.list().models]
    loaded = [model.model for model in client.ps().models]
    shown = client.show(MODEL)
    return ["llama3.2:latest" in listed, loaded, shown.capabilities]


def embed() -> Any:
    first, second = client.embed(MODEL, ["Hello", "Hello"]).embeddings
    return [first == second, len(first)]


run(
    {
        case.__name__: case
        for case in (
            *(plain, options, streaming, thinking, tools, structured, image, generate, errors),
            *(models, embed),
        )
    }
)

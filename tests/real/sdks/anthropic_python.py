"""The ``anthropic`` package from PyPI, as it comes out of the box."""

from __future__ import annotations

from typing import Any

import anthropic
from anthropic import beta_tool
from cases import PNG, arguments, error_of, run
from pydantic import BaseModel

BASE_URL, KEY = arguments()
client = anthropic.Anthropic(base_url=BASE_URL, api_key=KEY)
MODEL = "claude-sonnet-4-5"


class Place(BaseModel):
    city: str
    days: int


def tool(name: str) -> Any:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    return {
        "type": "custom",
        "name": name,
        "input_schema": schema,
        "cache_control": {"type": "ephemeral"},
    }


TOOLS = [tool("get_weather"), tool("get_time")]


def user(content: Any) -> Any:
    return {"role": "user", "content": content}


def create(messages: list[Any], **fields: Any) -> Any:
    fields = {"model": MODEL, "max_tokens": 2000, **fields}
    return client.messages.create(messages=messages, **fields)


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def plain() -> Any:
    message = create([user("Hello")], system="Be brief.", container=None, cache_control=None)
    return [text_of(message), message.stop_reason]


def streaming() -> Any:
    with client.messages.stream(model=MODEL, max_tokens=2000, messages=[user("Hello")]) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    return [text, text_of(message), message.stop_reason]


def _rounds(**fields: Any) -> Any:
    asked = [user("get_weather and get_time, then get_weather of Paris")]
    rounds = []
    for _ in range(4):
        message = create(asked, tools=TOOLS, **fields)
        calls = [block for block in message.content if block.type == "tool_use"]
        rounds.append([call.name for call in calls])
        asked.append({"role": "assistant", "content": message.content})
        if not calls:
            break
        result = {"type": "tool_result", "content": [{"type": "text", "text": "18 °C"}]}
        asked.append(user([{**result, "tool_use_id": call.id} for call in calls]))
    return rounds


def tools_in_rounds() -> Any:
    return _rounds()


def tools_one_at_a_time() -> Any:
    return _rounds(tool_choice={"type": "auto", "disable_parallel_tool_use": True})


def tools_with_thinking() -> Any:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    rounds = _rounds(thinking=thinking)
    message = create([user("Paris")], tools=TOOLS, thinking=thinking)
    call = next(block for block in message.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "18 °C"}
    asked = [user("Paris"), {"role": "assistant", "content": [call]}, user([result])]
    return [rounds, error_of(lambda: create(asked, tools=TOOLS, thinking=thinking))]


def thinking_streamed() -> Any:
    with client.messages.stream(
        model=MODEL,
        max_tokens=2000,
        messages=[user("Hello")],
        thinking={"type": "enabled", "budget_tokens": 1024},
    ) as stream:
        message = stream.get_final_message()
    return [(block.type, getattr(block, "signature", None)) for block in message.content]


def tool_choice() -> Any:
    names = []
    for choice in ({"type": "tool", "name": "get_time"}, {"type": "any"}, {"type": "none"}):
        message = create([user("Paris")], tools=TOOLS, tool_choice=choice)
        names.append([block.name for block in message.content if block.type == "tool_use"])
    return names


def tool_runner() -> Any:
    @beta_tool
    def get_weather(city: str) -> str:
        """The weather.

        Args:
            city: Where.
        """
        return f"18 °C in {city}"

    runner = client.beta.messages.tool_runner(
        model=MODEL, max_tokens=2000, messages=[user("Paris")], tools=[get_weather]
    )
    return text_of(runner.until_done())


def parse() -> Any:
    message = client.messages.parse(
        model=MODEL, max_tokens=2000, messages=[user("Paris")], output_format=Place
    )
    return message.parsed_output and message.parsed_output.model_dump()


def image_and_document() -> Any:
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    text = {"type": "text", "media_type": "text/plain", "data": "Long ago"}
    content = [
        {"type": "image", "source": source, "cache_control": {"type": "ephemeral"}},
        {"type": "document", "source": text, "citations": {"enabled": True}},
        {"type": "text", "text": "What?"},
    ]
    return text_of(create([user(content)]))


def versions() -> Any:
    old = {"anthropic-version": "2023-06-01"}
    older = {"anthropic-version": "2020-01-01"}
    document = {"type": "document", "source": {"type": "url", "url": "https://example.com/a"}}
    asked = [user("Hello"), {"role": "assistant", "content": [document]}, user("Go on")]
    cited = [user([{"type": "text", "text": "Hello", "citations": []}])]
    return [
        text_of(create([user("Hello")], extra_body={"temperature": 0.5}, extra_headers=old)),
        error_of(lambda: create([user("Hello")], extra_body={"temperature": 0.5})),
        error_of(lambda: create([user("Hello")], extra_body={"top_k": 1})),
        error_of(lambda: create(asked)),
        error_of(lambda: create(cited)),
        error_of(lambda: create([user("Hello")], extra_headers=older)),
    ]


def errors() -> Any:
    wrong = client.with_options(api_key="wrong-key", max_retries=0)
    return [
        error_of(lambda: wrong.models.list()),
        error_of(lambda: create([user("Hello")], model="no-such-model")),
        error_of(lambda: create([])),
        error_of(lambda: create([user("Hello")], extra_body={"no_such_field": 1})),
        error_of(lambda: client.models.retrieve("no-such-model")),
    ]


def models() -> Any:
    listed = [model.id for model in client.models.list()]
    return [MODEL in listed, client.models.retrieve(MODEL).id]


def count_tokens() -> Any:
    counted = client.messages.count_tokens(model=MODEL, messages=[user("Hello there")])
    return counted.input_tokens


run(
    {
        case.__name__: case
        for case in (
            *(plain, streaming, tools_in_rounds, tools_one_at_a_time, tools_with_thinking),
            *(thinking_streamed, tool_choice, tool_runner, parse, image_and_document, versions),
            *(errors, models, count_tokens),
        )
    }
)

"""The ``openai`` package from PyPI, as it comes out of the box."""

from __future__ import annotations

import json
from typing import Any

import openai
from cases import PNG, arguments, error_of, run
from pydantic import BaseModel

BASE_URL, KEY = arguments()
client = openai.OpenAI(base_url=BASE_URL, api_key=KEY)
MODEL = "gpt-4o-mini"


class Place(BaseModel):
    city: str
    days: int
    tags: list[str]


def tool(name: str) -> Any:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TOOLS = [tool("get_weather"), tool("get_time")]


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def plain() -> Any:
    answer = client.chat.completions.create(model=MODEL, messages=[user("Hello")])
    return [answer.choices[0].message.content, answer.choices[0].finish_reason]


def nulls() -> Any:
    answer = client.chat.completions.create(
        model=MODEL,
        messages=[user("Hello")],
        service_tier=None,
        metadata=None,
        store=None,
        stream=None,
        stop=None,
        seed=None,
        modalities=["text"],
        prompt_cache_retention="24h",
        web_search_options={"search_context_size": "low"},
    )
    return answer.choices[0].message.content


def streaming() -> Any:
    chunks = client.chat.completions.create(
        model=MODEL, messages=[user("Hello")], stream=True, stream_options={"include_usage": True}
    )
    text, total = "", None
    for chunk in chunks:
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        total = chunk.usage.total_tokens if chunk.usage else total
    return [text, total]


def stream_helper_and_its_message_back() -> Any:
    asked: list[Any] = [user("get_weather and get_time, then get_weather of Paris")]
    rounds = []
    for _ in range(4):
        with client.chat.completions.stream(model=MODEL, messages=asked, tools=TOOLS) as stream:
            message = stream.get_final_completion().choices[0].message
        rounds.append([call.function.name for call in message.tool_calls or ()])
        asked.append(message)
        for call in message.tool_calls or ():
            json.loads(call.function.arguments)
            asked.append({"role": "tool", "tool_call_id": call.id, "content": "18 °C"})
    return [rounds[:3], message.content]


def tools_one_at_a_time() -> Any:
    asked: list[Any] = [user("get_weather and get_time")]
    rounds = []
    for _ in range(3):
        answer = client.chat.completions.create(
            model=MODEL, messages=asked, tools=TOOLS, parallel_tool_calls=False
        )
        message = answer.choices[0].message
        rounds.append([call.function.name for call in message.tool_calls or ()])
        asked.append(message.model_dump())
        for call in message.tool_calls or ():
            asked.append({"role": "tool", "tool_call_id": call.id, "content": "18 °C", "name": "x"})
    return rounds


def tool_choice() -> Any:
    names = []
    choices: list[Any] = [
        {"type": "function", "function": {"name": "get_time"}},
        "required",
        "none",
        {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "required", "tools": [tool("get_time")]},
        },
    ]
    for choice in choices:
        answer = client.chat.completions.create(
            model=MODEL, messages=[user("Paris")], tools=TOOLS, tool_choice=choice
        )
        calls = answer.choices[0].message.tool_calls or ()
        names.append([call.function.name for call in calls])
    return names


def parse() -> Any:
    answer = client.chat.completions.parse(
        model=MODEL, messages=[user("Paris")], response_format=Place
    )
    parsed = answer.choices[0].message.parsed
    again = client.chat.completions.create(
        model=MODEL, messages=[user("Paris"), answer.choices[0].message, user("And now?")]
    )
    return [parsed and parsed.model_dump(), again.choices[0].message.content]


def parsed_tool() -> Any:
    answer = client.chat.completions.parse(
        model=MODEL, messages=[user("Paris")], tools=[openai.pydantic_function_tool(Place)]
    )
    calls = answer.choices[0].message.tool_calls or []
    return [str(call.function.parsed_arguments) for call in calls]


def parse_streamed() -> Any:
    with client.chat.completions.stream(
        model=MODEL, messages=[user("Paris")], response_format=Place
    ) as stream:
        parsed = stream.get_final_completion().choices[0].message.parsed
    return parsed and parsed.model_dump()


def json_object() -> Any:
    answer = client.chat.completions.create(
        model=MODEL, messages=[user("Say JSON")], response_format={"type": "json_object"}
    )
    return json.loads(answer.choices[0].message.content or "")


def image() -> Any:
    url = {"url": f"data:image/png;base64,{PNG}", "detail": "low"}
    parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": url}]
    answer = client.chat.completions.create(model=MODEL, messages=[user(parts)])
    return answer.choices[0].message.content


def errors() -> Any:
    def ask(**fields: Any) -> Any:
        fields = {"model": MODEL, "messages": [user("Hello")], **fields}
        return client.chat.completions.create(**fields)

    wrong = client.with_options(api_key="wrong-key", max_retries=0)
    return [
        error_of(lambda: wrong.models.list()),
        error_of(lambda: ask(model="no-such-model")),
        error_of(lambda: ask(messages=[])),
        error_of(lambda: ask(extra_body={"no_such_field": 1})),
        error_of(lambda: ask(temperature="hot")),
        error_of(lambda: client.models.retrieve("no-such-model")),
    ]


def models() -> Any:
    return [MODEL in [model.id for model in client.models.list()], client.models.retrieve(MODEL).id]


REASONING = "gpt-5-mini"
RESPONSE_TOOLS: list[Any] = [{"type": "function", **each["function"]} for each in TOOLS]


def responses_plain() -> Any:
    answer = client.responses.create(model=MODEL, instructions="Be brief", input="Hello")
    again = client.responses.create(
        model=MODEL, input="And now?", previous_response_id=answer.id, store=False
    )
    return [answer.output_text, answer.status, again.output_text]


def responses_streamed() -> Any:
    with client.responses.stream(
        model=REASONING, input="Hello", reasoning={"effort": "low", "summary": "auto"}
    ) as stream:
        kinds = list(dict.fromkeys(event.type for event in stream))
        final = stream.get_final_response()
    usage = final.usage
    return [kinds, final.output_text, usage and usage.total_tokens]


def responses_events() -> Any:
    text, last = "", None
    for event in client.responses.create(model=MODEL, input="Hello", stream=True):
        text += event.delta if event.type == "response.output_text.delta" else ""
        last = event
    assert last is not None
    assert last.type == "response.completed"
    return [text == last.response.output_text, last.sequence_number > 5]


def responses_tools_and_encrypted_reasoning() -> Any:
    asked: list[Any] = [user("get_weather and get_time, then get_weather of Paris")]
    rounds = []
    for number in range(3):
        options: Any = {
            "model": REASONING,
            "input": asked,
            "tools": RESPONSE_TOOLS,
            "store": False,
            "include": ["reasoning.encrypted_content"],
        }
        if number % 2:
            with client.responses.stream(**options) as stream:
                answer: Any = stream.get_final_response()
        else:
            answer = client.responses.create(**options)
        calls = [item for item in answer.output if item.type == "function_call"]
        rounds.append([call.name for call in calls])
        asked += answer.output
        for call in calls:
            json.loads(call.arguments)
            asked.append(
                {"type": "function_call_output", "call_id": call.call_id, "output": "18 °C"}
            )
    return [rounds, answer.output_text]


def responses_stored_tools() -> Any:
    answer: Any = client.responses.create(
        model=REASONING, input="get_weather", tools=RESPONSE_TOOLS
    )
    [call] = [item for item in answer.output if item.type == "function_call"]
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "18 °C"}
    again = client.responses.create(
        model=REASONING, input=[result], previous_response_id=answer.id, tools=RESPONSE_TOOLS
    )
    return [call.name, again.output_text]


def responses_parse() -> Any:
    answer = client.responses.parse(model=MODEL, input="Paris", text_format=Place)
    parsed = answer.output_parsed
    asked: Any = [user("Paris"), *answer.output, user("And now?")]
    again = client.responses.create(model=MODEL, input=asked)
    place_tool: Any = {"type": "function", **openai.pydantic_function_tool(Place)["function"]}
    tool_answer: Any = client.responses.parse(model=MODEL, input="Paris", tools=[place_tool])
    calls = [item for item in tool_answer.output if item.type == "function_call"]
    return [parsed and parsed.model_dump(), again.output_text, [c.name for c in calls]]


def responses_limit_image_and_choice() -> Any:
    cut = client.responses.create(model=MODEL, input="Hello", max_output_tokens=2)
    parts: Any = [
        {"type": "input_text", "text": "What?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "low"},
    ]
    seen = client.responses.create(model=MODEL, input=[{"role": "user", "content": parts}])
    names = []
    choices: list[Any] = [
        {"type": "function", "name": "get_time"},
        "none",
        {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "get_time"}],
        },
    ]
    for choice in choices:
        answer: Any = client.responses.create(
            model=MODEL, input="Paris", tools=RESPONSE_TOOLS, tool_choice=choice
        )
        names.append([item.name for item in answer.output if item.type == "function_call"])
    details = cut.incomplete_details
    return [cut.status, details and details.reason, seen.output_text, names]


def responses_errors() -> Any:
    def ask(**fields: Any) -> Any:
        fields = {"model": MODEL, "input": "Hello", **fields}
        return client.responses.create(**fields)

    wrong = client.with_options(api_key="wrong-key", max_retries=0)
    return [
        error_of(lambda: wrong.responses.create(model=MODEL, input="Hello")),
        error_of(lambda: ask(model="no-such-model")),
        error_of(lambda: ask(input=[])),
        error_of(lambda: ask(extra_body={"no_such_field": 1})),
        error_of(lambda: ask(previous_response_id="resp_unknown")),
    ]


run(
    {
        case.__name__: case
        for case in (
            *(plain, nulls, streaming, stream_helper_and_its_message_back, tools_one_at_a_time),
            *(tool_choice, parse, parsed_tool, parse_streamed, json_object, image, errors, models),
            *(responses_plain, responses_streamed, responses_events),
            *(responses_tools_and_encrypted_reasoning, responses_stored_tools, responses_parse),
            *(responses_limit_image_and_choice, responses_errors),
        )
    }
)

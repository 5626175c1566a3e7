"""Calls through the module that is named, and what they gave; one JSON line for each.

``python openai_script.py MODULE URL``: MODULE is ``openai`` or what stands for it.  The case
stands in the path, so that the server knows which answer to give.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pydantic import BaseModel

for variable in [name for name in os.environ if name.startswith(("OPENAI_", "AZURE_"))]:
    del os.environ[variable]
openai: Any = importlib.import_module(sys.argv[1])
URL = sys.argv[2]
HELLO = [{"role": "user", "content": "Hello"}]
TREE = (
    *("OpenAIError", "APIError", "APIStatusError", "APIConnectionError", "APITimeoutError"),
    *("BadRequestError", "AuthenticationError", "PermissionDeniedError", "NotFoundError"),
    *("ConflictError", "UnprocessableEntityError", "RateLimitError", "InternalServerError"),
    "APIResponseValidationError",
)


class Place(BaseModel):
    """A place to go."""

    city: str
    days: int
    note: str | None = None


class City(BaseModel):
    city: str
    note: str | None = None


class Trip(BaseModel):
    places: list[Place]
    first: Place


def client(case: str, **settings: Any) -> Any:
    given = {"api_key": "sk-0123456789", "max_retries": 0, "base_url": at(case)}
    return openai.OpenAI(**{**given, **settings})


def at(case: str) -> str:
    """The base URL of a case."""
    return f"{URL}/{case.replace(' ', '_')}/v1"


def described(value: Any) -> Any:
    """A value attribute by attribute, with the names of its classes."""
    if hasattr(value, "model_dump") and not isinstance(value, Place | Trip):
        members = {name: described(each) for name, each in value}
        return {"class": type(value).__name__.partition("[")[0], **members}
    if isinstance(value, list | tuple):
        return [described(each) for each in value]
    if isinstance(value, dict):
        return {name: described(each) for name, each in value.items()}
    return value if isinstance(value, str | int | float | None) else repr(value)


def shown(value: Any) -> Any:
    """The same, with all of its dumps."""
    return {
        "is": described(value),
        "model_dump": value.model_dump(),
        "without None": value.model_dump(exclude_none=True),
        "sent": value.model_dump(exclude_unset=True),
        "to_dict": value.to_dict(),
        "model_dump_json": value.model_dump_json(),
        "to_json": value.to_json(),
        "repr": repr(value).replace("[NoneType]", "").replace("[Place]", ""),
        # A validated object counts what it has besides, a constructed one does not.
        "set": sorted(value.model_fields_set - set(value.model_extra)),
        "extra": value.model_extra,
    }


def error_of(call: Callable[[], Any]) -> Any:
    try:
        call()
    except openai.OpenAIError as exc:
        return described_error(exc)
    return "no error"


def described_error(exc: Any) -> Any:
    names = ("message", "code", "param", "type", "body", "status_code", "request_id")
    response = getattr(exc, "response", None)
    return {
        "name": type(exc).__name__,
        "is": [name for name in TREE if isinstance(exc, getattr(openai, name))],
        "str": str(exc),
        **{name: getattr(exc, name, "none") for name in names},
        "response": response
        and [response.status_code, response.text.strip(), response.headers.get("X-Request-Id")],
        "url": getattr(exc, "request", None) and str(exc.request.url).removeprefix(URL),
        "method": getattr(exc, "request", None) and exc.request.method,
    }


def ask(case: str, **arguments: Any) -> Any:
    given = {"model": "gpt-4o", "messages": HELLO, **arguments}
    return client(case).chat.completions.create(**given)


# -- what is sent ---------------------------------------------------------------------------

TOOL = {
    "type": "function",
    "function": {"name": "f", "parameters": {"type": "object", "properties": {}}, "strict": True},
}


def history(case: str) -> None:
    """An answer with calls, as it was given out, and their results."""
    first = client("completion/tools").chat.completions.create(model="gpt-4o", messages=HELLO)
    said = first.choices[0].message
    result = {"role": "tool", "tool_call_id": said.tool_calls[0].id, "content": "Sun"}
    client(case).chat.completions.create(model="gpt-4o", messages=[*HELLO, said, result])


def history_parsed(case: str) -> None:
    typed = client("completion/tools").chat.completions.parse(
        model="gpt-4o",
        messages=HELLO,
        tools=[openai.pydantic_function_tool(City, name="get_weather")],
    )
    client(case).chat.completions.create(
        model="gpt-4o", messages=[*HELLO, typed.choices[0].message]
    )


def history_as(case: str, change: Callable[[Any], Any]) -> None:
    """The same, as *change* makes a message of the answer's."""
    first = client("completion/tools").chat.completions.create(model="gpt-4o", messages=HELLO)
    messages = [*HELLO, change(first.choices[0].message)]
    client(case).chat.completions.create(model="gpt-4o", messages=messages)


def without_null(message: Any) -> Any:
    del message.function_call
    message.content = ""
    return message


def told(case: str, content: Any) -> None:
    ask(case, messages=[{"role": "user", "content": content}])


def streamed(case: str, **arguments: Any) -> None:
    list(ask(case, stream=True, **arguments))


def with_settings(case: str, settings: dict[str, Any], **arguments: Any) -> None:
    made = client(case, **settings)
    made.chat.completions.create(model="gpt-4o", messages=HELLO, **arguments)


def with_options(case: str, **options: Any) -> None:
    made = client(case, default_headers={"X-A": "1", "X-B": "2"}, default_query={"a": "1"})
    made.with_options(**options).chat.completions.create(model="gpt-4o", messages=HELLO)


def azure(case: str, **settings: Any) -> None:
    given = {"api_version": "2026-01-01", "api_key": "az-key-123456", "max_retries": 0}
    made = openai.AzureOpenAI(
        **{**given, "azure_endpoint": at(case).removesuffix("/v1"), **settings}
    )
    made.chat.completions.create(model="my-gpt", messages=HELLO)


def at_module(case: str) -> None:
    openai.api_key, openai.base_url = "sk-0123456789", at(case) + "/"
    openai.organization, openai.max_retries = "org_1", 0
    openai.chat.completions.create(model="gpt-4o", messages=HELLO)


def parse(case: str, **arguments: Any) -> Any:
    given = {"model": "gpt-4o", "messages": HELLO, **arguments}
    return client(case).chat.completions.parse(**given)


def options(**arguments: Any) -> Callable[[str], Any]:
    return lambda case: ask(case, **arguments)


def content(value: Any) -> Callable[[str], Any]:
    return lambda case: told(case, value)


def respond(case: str, **arguments: Any) -> Any:
    given = {"model": "gpt-5", "input": "Hello", **arguments}
    return client(case).responses.create(**given)


def respond_typed(case: str, **arguments: Any) -> Any:
    given = {"model": "gpt-5", "input": "Hello", "text_format": Place, **arguments}
    return client(case).responses.parse(**given)


CALL_RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "Sun"}
NG = openai.NOT_GIVEN
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SENT: dict[str, Callable[[str], Any]] = {
    "plain": options(),
    "temperature": options(temperature=0.5, top_p=1, seed=7),
    "whole numbers": options(temperature=0, presence_penalty=1, frequency_penalty=-1),
    "nulls": options(temperature=None, stop=None, n=None, metadata=None),
    "not given": options(temperature=NG, stop=NG, stream=NG, tools=NG),
    "omit": options(temperature=openai.omit, user=openai.omit),
    "max_tokens": options(max_tokens=5),
    "max_completion_tokens": options(max_completion_tokens=5),
    "stop": options(stop="END"),
    "stops": options(stop=["a", "b"]),
    "stops in a tuple": options(stop=("a", "b")),
    "n": options(n=2),
    "logprobs": options(logprobs=True, top_logprobs=3),
    "logit_bias": options(logit_bias={"50256": -100}),
    "user": options(user="u", safety_identifier="s", prompt_cache_key="k"),
    "store": options(store=True, metadata={"a": "b"}),
    "tier": options(service_tier="flex", verbosity="low", reasoning_effort="high"),
    "modalities": options(modalities=["text", "audio"], audio={"voice": "ash", "format": "wav"}),
    "prediction": options(prediction={"type": "content", "content": "x"}),
    "web search": options(web_search_options={"search_context_size": "low"}),
    "cache": options(prompt_cache_retention="24h", prompt_cache_options={"mode": "implicit"}),
    "tools": options(tools=[TOOL], tool_choice="auto", parallel_tool_calls=False),
    "tools in a generator": lambda case: ask(case, tools=(each for each in [TOOL])),
    "tool choice": options(
        tools=[TOOL], tool_choice={"type": "function", "function": {"name": "f"}}
    ),
    "custom tool": options(tools=[{"type": "custom", "custom": {"name": "sql"}}]),
    "functions": options(functions=[{"name": "f"}], function_call="auto"),
    "json object": options(response_format={"type": "json_object"}),
    "json schema": options(
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}
    ),
    "stream": streamed,
    "stream with usage": lambda case: streamed(case, stream_options={"include_usage": True}),
    "stream false": options(stream=False),
    "stream null": options(stream=None),
    "extra_body": options(extra_body={"top_k": 4, "temperature": 1}, temperature=0),
    "extra_headers": options(extra_headers={"X-Test": "1", "Authorization": "Bearer other"}),
    "header taken away": lambda case: with_settings(
        case, {"default_headers": {"X-A": "1"}}, extra_headers={"X-A": openai.omit}
    ),
    "extra_query": options(extra_query={"a": 1, "b": "c d"}),
    "parts": content([{"type": "text", "text": "Hi"}, {"type": "text", "text": "you"}]),
    "image": content(
        [{"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}]
    ),
    "data url": content(
        [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    ),
    "audio part": content(
        [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]
    ),
    "file part": content([{"type": "file", "file": {"file_id": "file-1"}}]),
    "unknown members": lambda case: ask(
        case, messages=[{"role": "user", "content": "Hi", "cache_control": {"type": "ephemeral"}}]
    ),
    "unicode": content("Zoë 🙂 \u2028 日本"),
    "empty text": content(""),
    "no messages": options(messages=[]),
    "messages in a tuple": lambda case: ask(case, messages=tuple(HELLO)),
    "messages in a generator": lambda case: ask(case, messages=(each for each in HELLO)),
    "system": options(messages=[{"role": "system", "content": "Be brief."}, *HELLO]),
    "developer": options(messages=[{"role": "developer", "content": "Be brief."}, *HELLO]),
    "names": options(messages=[{"role": "user", "content": "Hi", "name": "ann"}]),
    "assistant": options(
        messages=[*HELLO, {"role": "assistant", "content": None, "tool_calls": [CALL]}]
    ),
    "history": history,
    "history by vars": lambda case: history_as(case, vars),
    "history by a dump": lambda case: history_as(
        case, lambda message: message.model_dump(exclude={"tool_calls": {0: {"id"}}})
    ),
    "history, changed": lambda case: history_as(case, without_null),
    "organization": lambda case: with_settings(case, {"organization": "org_1", "project": "p_1"}),
    "default_headers": lambda case: with_settings(case, {"default_headers": {"X-A": "1"}}),
    "default_query": lambda case: with_settings(case, {"default_query": {"a": "1"}}),
    "trailing slash": lambda case: with_settings(case, {"base_url": at(case) + "/"}),
    "bare base url": lambda case: with_settings(case, {"base_url": at(case).removesuffix("/v1")}),
    "key from a function": lambda case: with_settings(case, {"api_key": lambda: "sk-fresh-1234"}),
    "with_options headers": lambda case: with_options(case, default_headers={"X-B": "3"}),
    "with_options other headers": lambda case: with_options(case, set_default_headers={"X-C": "3"}),
    "with_options key": lambda case: with_options(case, api_key="sk-other-123456", project="p"),
    "azure": azure,
    "azure deployment": lambda case: azure(case, azure_deployment="gpt-4o"),
    "azure token": lambda case: azure(case, api_key=None, azure_ad_token="tok-123456789"),
    "azure token provider": lambda case: azure(
        case, api_key=None, azure_ad_token_provider=lambda: "tok-fresh-12345"
    ),
    "the module's own": at_module,
    "parse": lambda case: parse(case, response_format=Place),
    "parse as beta": lambda case: client(case).beta.chat.completions.parse(
        model="gpt-4o", messages=HELLO, response_format=Place
    ),
    "parse nested": lambda case: parse(case, response_format=Trip),
    "parse tool": lambda case: parse(case, tools=[openai.pydantic_function_tool(Place)]),
    "parse named tool": lambda case: parse(
        case, tools=[openai.pydantic_function_tool(Trip, name="t", description="d")]
    ),
    "models": lambda case: client(case).models.list(),
    "model": lambda case: client(case).models.retrieve("ft:gpt-4o:org"),
    "response": lambda case: respond(case),
    "response parse": lambda case: respond_typed(case, text={"verbosity": "low"}),
    "response tool": lambda case: respond(
        case, tools=[openai.pydantic_responses_function_tool(Place, defer_loading=True)]
    ),
    "response options": lambda case: respond(
        case,
        input=[{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}],
        instructions="Be brief.",
        max_output_tokens=50,
        reasoning={"effort": "low"},
        text={"verbosity": "low"},
        tools=[{"type": "function", "name": "f", "parameters": {}, "strict": True}],
        tool_choice="auto",
        store=False,
        include=["reasoning.encrypted_content"],
        metadata=None,
        top_p=1,
    ),
    "response history": lambda case: respond(
        case, input=[*HELLO, *respond("response/call").output, CALL_RESULT]
    ),
    "response history, parsed": lambda case: respond(
        case,
        input=[
            *HELLO,
            *respond_typed("response/typed").output,
            *respond_typed("response/typed call", tools=[RESPONSE_TOOL]).output,
        ],
    ),
    "history, parsed": lambda case: history_parsed(case),
    "response azure": lambda case: openai.AzureOpenAI(
        api_version="2026-01-01",
        api_key="az-key-123456",
        azure_endpoint=at(case).removesuffix("/v1"),
        azure_deployment="gpt-4o",
    ).responses.create(model="my-gpt", input="Hi"),
    "raw": lambda case: client(case).chat.completions.with_raw_response.create(
        model="gpt-4o", messages=HELLO
    ),
}

# -- what comes back ------------------------------------------------------------------------


def read_stream(case: str, **arguments: Any) -> Any:
    stream = ask(case, stream=True, **arguments)
    head = [stream.response.status_code, stream.response.headers["X-Request-Id"]]
    return [head, *(shown(each) for each in stream)]


def read_response(case: str) -> Any:
    answer = respond(case)
    return [shown(answer), answer.output_text, answer._request_id]


def read_response_stream(case: str) -> Any:
    return [shown(each) for each in respond(case, stream=True)]


def read_response_events(case: str, **arguments: Any) -> Any:
    found = []
    given = {"model": "gpt-5", "input": "Hello", **arguments}
    with client(case).responses.stream(**given) as stream:
        for event in stream:
            found.append(described(event))
        final = stream.get_final_response()
    return [found, described(final), final.output_text, repr(final.output_parsed)]


def read_typed_response(case: str, **arguments: Any) -> Any:
    found = respond_typed(case, **arguments)
    return [described(found), found.output_text, repr(found.output_parsed), found._request_id]


def refused_stream(name: str) -> Any:
    return error_of(lambda: ask(f"refusal/{name}", stream=True))


def read_told(case: str) -> Any:
    """Chunks, then the error, wherever it is raised."""
    chunks: list[Any] = []
    try:
        chunks.extend(described(each) for each in ask(case, stream=True))
    except openai.OpenAIError as exc:
        chunks.append(described_error(exc))
    return chunks


def read_events(case: str, **arguments: Any) -> Any:
    given = {"model": "gpt-4o", "messages": HELLO, **arguments}
    found = []
    with client(case).chat.completions.stream(**given) as stream:
        for event in stream:
            found.append(described(event))
        final = stream.get_final_completion()
    return [found, described(final)]


def read_raw(case: str) -> Any:
    completions = client(case).chat.completions.with_raw_response
    raw = completions.create(model="gpt-4o", messages=HELLO)
    parsed = described(raw.parse())
    head = [raw.status_code, raw.headers["x-request-id"], raw.request_id, raw.method]
    return [head, parsed, json.loads(raw.text), raw.http_request.method]


def read_module(case: str) -> Any:
    page = client(case).models.list()
    return [described(page.data), [each.id for each in page], page.object]


def read_parsed(case: str, **arguments: Any) -> Any:
    found = parse(case, **arguments)
    return [described(found), repr(found.choices[0].message.parsed)]


def attempted(case: str, **settings: Any) -> Any:
    """An error after tries, or what came."""
    made = client(case, **settings)
    return made.chat.completions.create(model="gpt-4o", messages=HELLO).choices[0].message.content


def refused_types(case: str) -> Any:
    """Mistakes in the call itself."""
    found = []
    calls: tuple[Callable[[], Any], ...] = (
        lambda: client(case).chat.completions.create(model="gpt-4o"),
        lambda: client(case).chat.completions.create(model="gpt-4o", messages=HELLO, nonsense=1),
        lambda: client(case).chat.completions.create(
            model="gpt-4o", messages=HELLO, response_format=Place
        ),
        lambda: openai.OpenAI(nonsense=1),
        lambda: parse(case, tools=[{"type": "function", "function": {"name": "f"}}]),
        lambda: client(case).models.retrieve(""),
    )
    for call in calls:
        try:
            call()
        except Exception as exc:
            found.append(type(exc).__name__)
        else:
            found.append("none")
    return found


def named(prefix: str, read: Callable[[str], Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    for name in json.loads(os.environ["CASES"])[prefix]:
        yield f"{prefix}/{name}", partial(read, f"{prefix}/{name}")


RESPONSE_TOOL: Any = openai.pydantic_responses_function_tool(Place, name="get_weather")
PLAIN_TOOL = {"type": "function", "name": "get_weather", "parameters": {}, "strict": True}
STRICT_TOOLS = [openai.pydantic_function_tool(Place, name="get_weather")]
READ: dict[str, Callable[[], Any]] = {
    **dict(named("stream", read_stream)),
    **dict(named("told", read_told)),
    **dict(named("completion", lambda case: [shown(ask(case)), ask(case)._request_id])),
    **dict(named("refusal", lambda case: error_of(lambda: ask(case)))),
    **{
        f"refused stream/{name}": partial(refused_stream, name)
        for name in ("401", "404", "429", "500", "text")
    },
    **{
        f"events/{each}": partial(read_events, f"stream/{each}")
        for each in (
            *("plain", "one piece", "length", "tools", "tools after text", "usage", "refusal"),
            *("logprobs", "reasoning", "azure filters", "unicode", "usage details"),
        )
    },
    "events/typed": lambda: read_events("stream/strict JSON", response_format=Place),
    "events/typed and cut": lambda: error_of(
        lambda: read_events("stream/cut JSON", response_format=Place)
    ),
    "events/strict tools": lambda: read_events("stream/strict tool", tools=STRICT_TOOLS),
    **dict(named("response", read_response)),
    **dict(named("response stream", read_response_stream)),
    **{
        f"response events/{each}": partial(read_response_events, f"response stream/{each}")
        for each in json.loads(os.environ["CASES"])["response stream"]
        if each != "reasoning"  # it begins in the middle, which they do not take here
    },
    "response events/strict tool": lambda: read_response_events(
        "response stream/call", tools=[PLAIN_TOOL]
    ),
    "response events/typed": lambda: read_response_events(
        "response stream/typed", text_format=Place
    ),
    **{
        f"response parsed/{each}": partial(
            read_typed_response, f"response/{each}", text_format=openai.omit, tools=[PLAIN_TOOL]
        )
        for each in json.loads(os.environ["CASES"])["response"]
    },
    "response parsed/typed": lambda: read_typed_response("response/typed"),
    "response parsed/tool": lambda: read_typed_response(
        "response/typed call", text_format=openai.omit, tools=[RESPONSE_TOOL]
    ),
    "raw": lambda: read_raw("completion/plain"),
    "raw parse": lambda: described(
        client("typed")
        .chat.completions.with_raw_response.parse(
            model="gpt-4o", messages=HELLO, response_format=Place
        )
        .parse()
    ),
    "raw error": lambda: error_of(lambda: read_raw("refusal/429")),
    "models": lambda: read_module("models"),
    "parsed": lambda: read_parsed("typed", response_format=Place),
    "parsed, cut": lambda: error_of(lambda: read_parsed("cut", response_format=Place)),
    "parsed, refused": lambda: read_parsed("completion/refusal", response_format=Place),
    "parsed tools": lambda: read_parsed("completion/tools", tools=[]),
    "connection": lambda: error_of(lambda: attempted("x", base_url="http://127.0.0.1:9/v1")),
    "timeout": lambda: error_of(lambda: attempted("slow", timeout=0.2)),
    "tried again": lambda: attempted("flaky", max_retries=2),
    "mistakes": lambda: refused_types("completion/plain"),
}


def main() -> None:
    for name, send in SENT.items():
        try:
            send(f"sent/{name}")
            seen: Any = "sent"
        except Exception as exc:
            seen = f"{type(exc).__name__}: {exc}"
        print(json.dumps({"case": f"sent/{name}", "seen": seen}), flush=True)
    for name, read in READ.items():
        try:
            line = {"case": name, "seen": read()}
        except Exception as exc:
            line = {"case": name, "failed": f"{type(exc).__name__}: {exc}"}
        print(json.dumps(line, default=repr), flush=True)


if __name__ == "__main__":
    main()

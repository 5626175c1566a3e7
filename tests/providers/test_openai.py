from __future__ import annotations

import json
from typing import Any

import pytest

from g4fsync.errors import (
    AuthenticationError,
    ConfigurationError,
    ContentFiltered,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    RateLimited,
    ServerError,
    StreamTruncated,
)
from g4fsync.events import Event, Finish, Reasoning, Text, ToolCall, Usage
from g4fsync.messages import Image
from g4fsync.providers.openai import OpenAI, body
from g4fsync.testing import Reply, ScriptedTransport, chat, request
from tests.support.wire import JSON, Wire, joined

LOCAL = "http://127.0.0.1:8080"
ASK = "POST /chat/completions"
WIRE = Wire(OpenAI(LOCAL), ASK, "text/event-stream")
PNG = b"\x89PNG\r\n\x1a\n"

STOP = Finish("stop", "stop")


def sse(*values: object, done: bool = True) -> bytes:
    texts = [json.dumps(value, ensure_ascii=False) for value in values]
    return "".join(f"data: {t}\n\n" for t in [*texts, *(["[DONE]"] if done else [])]).encode()


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def said(text: str, **options: Any) -> dict[str, Any]:
    return body(request(OpenAI(LOCAL), text, model="m", **options), OpenAI(LOCAL))


# -- the request ------------------------------------------------------------


def test_the_request_exactly() -> None:
    transport = ScriptedTransport({ASK: sse(delta("stop"))}, api_key="sk-1")
    list(OpenAI().stream(request(OpenAI(), "Hi", model="gpt-x"), transport))
    [sent] = transport.requests
    assert (sent.method, sent.path, sent.params) == ("POST", "/chat/completions", {})
    assert sent.headers == {"Accept": "text/event-stream", "Authorization": "Bearer sk-1"}
    assert sent.body == {
        "model": "gpt-x",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_without_a_key_there_is_no_authorization() -> None:
    transport = ScriptedTransport({ASK: sse(delta("stop"))})
    list(OpenAI(LOCAL).stream(request(OpenAI(LOCAL), "Hi", model="m"), transport))
    assert transport.requests[0].headers == {"Accept": "text/event-stream"}


def test_azures_classic_urls() -> None:
    url = "https://x.openai.azure.com/openai/deployments/d"
    provider = OpenAI(url, key_header="api-key", api_version="2024-10-21")
    assert provider.base_url == url
    transport = ScriptedTransport({ASK: sse(delta("stop"))}, api_key="k")
    list(provider.stream(request(provider, "Hi", model="d"), transport))
    [sent] = transport.requests
    assert sent.params == {"api-version": "2024-10-21"}
    assert sent.headers == {"Accept": "text/event-stream", "api-key": "k"}


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://h:1", "http://h:1/v1"),
        ("http://h:1/", "http://h:1/v1"),
        ("http://h:1/v1/", "http://h:1/v1"),
        ("https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1"),
        ("https://h/v1beta/openai/", "https://h/v1beta/openai"),
        ("https://h/v1/chat/completions", "https://h/v1"),
    ],
)
def test_a_base_url_without_a_path_gets_v1(url: str, base: str) -> None:
    assert OpenAI(url).base_url == base
    assert OpenAI().at(url).base_url == base


@pytest.mark.parametrize("url", ["h", "ftp://h", "http://", "http://h/?a=1"])
def test_a_wrong_base_url(url: str) -> None:
    with pytest.raises(ConfigurationError, match="openai: the base URL must look like"):
        OpenAI(url)


def test_a_base_url_is_shown_without_what_is_secret_in_it() -> None:
    assert repr(OpenAI("http://me:password@h/v1")) == "OpenAI(base_url='http://h/v1')"
    with pytest.raises(ConfigurationError) as caught:
        OpenAI("http://me:password@h/v1?key=secret")
    assert str(caught.value).endswith(", got 'http://h/v1?…'")


def test_without_a_model_the_message_says_how_to_name_one() -> None:
    with pytest.raises(ConfigurationError, match='openai: no default model; say "openai:MODEL"'):
        request(OpenAI(), "Hi")


def test_options() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    options: dict[str, Any] = {
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 1,
        "stop": ["a", "b"],
        "tools": tools,
        "tool_choice": "auto",
        "reasoning_effort": "low",
        "response_format": {"type": "json_object"},
    }
    value = said("Hi", **options)
    assert {name: value[name] for name in options} == options


def test_json_as_a_word() -> None:
    assert said("Hi", response_format="json")["response_format"] == {"type": "json_object"}


def test_tools_of_any_type_and_a_choice_of_any_kind_go_out_as_they_are() -> None:
    tools = [
        {"type": "function", "function": {"name": "f", "strict": True, "parameters": {}}},
        {"type": "function", "function": {"name": "g"}, "cache_control": {"type": "ephemeral"}},
        {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}},
        {"type": "web_search"},
    ]
    only = {"mode": "auto", "tools": [{"type": "custom", "custom": {"name": "c"}}]}
    choice = {"type": "allowed_tools", "allowed_tools": only}
    value = said("Hi", tools=tools, tool_choice=choice)
    assert (value["tools"], value["tool_choice"]) == (tools, choice)


def test_a_function_without_a_type_gets_it_and_what_is_no_tool_is_refused() -> None:
    [tool] = said("Hi", tools=[{"function": {"name": "f"}}])["tools"]
    assert tool == {"type": "function", "function": {"name": "f"}}
    with pytest.raises(InvalidRequest, match=r"tools\[0\] must be"):
        said("Hi", tools=[{"name": "f", "parameters": {}}])


@pytest.mark.parametrize(
    ("provider", "field"),
    [
        (OpenAI(), "max_completion_tokens"),
        (OpenAI(LOCAL), "max_tokens"),
        (OpenAI("https://eu.api.openai.com/v1"), "max_tokens"),
        (OpenAI(LOCAL, max_tokens_field="max_completion_tokens"), "max_completion_tokens"),
    ],
)
def test_the_field_for_max_tokens(provider: OpenAI, field: str) -> None:
    value = body(request(provider, "Hi", model="m", max_tokens=5), provider)
    assert {n: v for n, v in value.items() if n.startswith("max_")} == {field: 5}


def test_extra_body_and_headers() -> None:
    transport = ScriptedTransport({ASK: sse(delta("stop"))}, api_key="k")
    extra = {"top_k": 3, "stream_options": {"include_obfuscation": False}}
    asked = request(
        OpenAI(LOCAL), "Hi", model="m", extra_body=extra, extra_headers={"X-Title": "t"}
    )
    list(OpenAI(LOCAL).stream(asked, transport))
    [sent] = transport.requests
    assert sent.body["top_k"] == 3
    assert sent.body["stream_options"] == {"include_usage": True, "include_obfuscation": False}
    assert sent.headers["X-Title"] == "t"
    assert "extra_body" not in sent.body


def test_several_answers_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="n must be 1"):
        said("Hi", extra_body={"n": 2})


def test_usage_is_not_asked_for_where_it_is_refused() -> None:
    provider = OpenAI(LOCAL, include_usage=False)
    assert "stream_options" not in body(request(provider, "Hi", model="m"), provider)


def test_messages() -> None:
    messages: list[Any] = [
        {"role": "developer", "content": "rules"},
        {"role": "user", "content": ["see", Image(content=PNG, media_type="image/png")]},
        {"role": "user", "content": [Image(url="https://h/i.png")], "name": "ann"},
        {"role": "assistant", "content": None, "tool_calls": (ToolCall("c1", "f", "{}"),)},
        {"role": "tool", "content": "12", "tool_call_id": "c1", "name": "f"},
    ]
    value = body(request(OpenAI(LOCAL), messages, model="m"), OpenAI(LOCAL))
    assert value["messages"] == [
        {"role": "system", "content": "rules"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "see"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "https://h/i.png"}}],
            "name": "ann",
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "content": "12", "tool_call_id": "c1", "name": "f"},
    ]
    own = body(request(OpenAI(), messages, model="m"), OpenAI())
    assert own["messages"][0] == {"role": "developer", "content": "rules"}


# -- answers, as servers send them ------------------------------------------

HEAD = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
USAGE = {
    "prompt_tokens": 14,
    "completion_tokens": 1,
    "total_tokens": 15,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 0},
}
COUNTED = Usage(14, 1, 15, 3, 0)
CALL = ToolCall("call_1", "get_weather", '{"city":"Paris"}')
CALL_DELTAS = [
    delta(
        role="assistant",
        content=None,
        tool_calls=[
            {
                "index": 0,
                "id": "call_1",
                "type": "function",
                "function": {"name": "get_weather", "arguments": ""},
            }
        ],
    ),
    delta(tool_calls=[{"index": 0, "function": {"arguments": '{"city":'}}]),
    delta(tool_calls=[{"index": 0, "function": {"arguments": '"Paris"}'}}]),
]
WHOLE_CALL = {"id": "call_1", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}

TRANSCRIPTS: dict[str, tuple[bytes, list[Event]]] = {
    "openai": (
        sse(
            HEAD | delta(role="assistant", content="") | {"usage": None},
            HEAD | delta(content="Hi") | {"usage": None, "obfuscation": "xx"},
            HEAD | delta("stop") | {"usage": None},
            HEAD | {"choices": [], "usage": USAGE},
        ),
        [Text("Hi"), COUNTED, STOP],
    ),
    "llama.cpp": (
        sse(delta(role="assistant", content=None), delta(content="café 🦙"), done=False)
        + b": keep-alive\n\n"
        + sse(delta("length") | {"timings": {"prompt_n": 1}}),
        [Text("café 🦙"), Finish("length", "length")],
    ),
    "llama-cpp-python": (
        b": ping - 2026-11-20 23:29:19.937648+00:00\r\n\r\n"
        + b'data: {"choices": [{"index": 0, "delta": {"role": "assistant"}}]}\r\n\r\n'
        + b'data: {"choices": [{"index": 0, "delta": {"content": "caf\\u00e9"}}]}\r\n\r\n'
        + b": ping\r\n\r\n"
        + b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\r\n\r\n'
        + b"data: [DONE]\r\n\r\n",
        [Text("café"), STOP],
    ),
    "litellm: usage in a chunk that has a choice, no finish_reason before the last": (
        sse(
            {"choices": [{"index": 0, "delta": {"content": "Hi", "role": "assistant"}}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"choices": [{"index": 0, "delta": {}}], "usage": USAGE},
        ),
        [Text("Hi"), COUNTED, STOP],
    ),
    "g4f: role in each chunk, reasoning, usage beside the finish, no DONE": (
        sse(
            delta(role="assistant", reasoning="Hm"),
            delta(role="assistant", content="Hi"),
            delta("stop") | {"usage": {"prompt_tokens": 14}},
            done=False,
        ),
        [Reasoning("Hm"), Text("Hi"), Usage(14), STOP],
    ),
    "azure: filters first, and a choice without delta": (
        sse(
            {"id": "", "model": "", "choices": [], "prompt_filter_results": [{}]},
            delta(content="Hi"),
            {"choices": [{"index": 0, "content_filter_results": {}, "finish_reason": None}]},
            delta("stop"),
        ),
        [Text("Hi"), STOP],
    ),
    "groq": (
        sse(
            delta(content="Hi") | {"x_groq": {"id": "req_1"}},
            delta("stop") | {"x_groq": {"usage": USAGE}},
        ),
        [Text("Hi"), COUNTED, STOP],
    ),
    "xai: usage in each chunk, reasoning": (
        sse(
            delta(reasoning_content="Hm") | {"usage": {"prompt_tokens": 1}},
            delta(content="Hi") | {"usage": {"prompt_tokens": 2}},
            delta("stop") | {"usage": {"prompt_tokens": 3}},
        ),
        [Reasoning("Hm"), Text("Hi"), Usage(3), STOP],
    ),
    "usage before the finish only": (
        sse(delta(content="Hi") | {"usage": USAGE}, delta("stop")),
        [Text("Hi"), COUNTED, STOP],
    ),
    "deepseek": (
        b": keep-alive\n\n"
        + sse(
            delta(role="assistant", content=None, reasoning_content="Hm"),
            delta(content="Hi", reasoning_content=None),
            delta("stop", content="", reasoning_content=None)
            | {"usage": {"prompt_tokens": 9, "prompt_cache_hit_tokens": 4}},
        ),
        [Reasoning("Hm"), Text("Hi"), Usage(9, cached_tokens=4), STOP],
    ),
    "mistral: a list of parts": (
        sse(
            delta(
                content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}],
            ),
            delta(content=[{"type": "reference"}, {"type": "text", "text": "Hi"}]),
            delta("model_length", content=""),
        ),
        [Reasoning("Hm"), Text("Hi"), Finish("length", "model_length")],
    ),
    "openrouter": (
        b": OPENROUTER PROCESSING\n\n"
        + sse(
            delta(content="Hi") | {"provider": "p"},
            {"choices": [{"delta": {}, "finish_reason": "stop", "native_finish_reason": "x"}]},
            delta(content="", role="assistant") | {"usage": USAGE},
        ),
        [Text("Hi"), COUNTED, STOP],
    ),
    "koboldcpp: event names, no blank after the colon": (
        b'event: message\ndata:{"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
        b'event: message\ndata:{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
        b"event: message\ndata:[DONE]\n\n",
        [Text("Hi"), STOP],
    ),
    "tool calls in pieces": (
        sse(*CALL_DELTAS, delta("tool_calls")),
        [CALL, Finish("tool_calls", "tool_calls")],
    ),
    "tool calls and then stop": (
        sse(*CALL_DELTAS, delta("stop")),
        [CALL, Finish("tool_calls", "stop")],
    ),
    "tool calls whole, without an index": (
        sse(delta("tool_calls", tool_calls=[WHOLE_CALL])),
        [CALL, Finish("tool_calls", "tool_calls")],
    ),
    "xai: tool calls and an empty reason": (
        sse(delta("", tool_calls=[WHOLE_CALL])),
        [CALL, Finish("")],
    ),
    "a refusal": (
        sse(delta(refusal="I can't."), delta("content_filter")),
        [Text("I can't."), Finish("content_filter", "content_filter")],
    ),
    "a second answer is not mixed in": (
        sse(
            delta(content="Hi"),
            {"choices": [{"index": 1, "delta": {"content": "Ho"}, "finish_reason": "stop"}]},
            delta("eos"),
        ),
        [Text("Hi"), Finish("stop", "eos")],
    ),
    "the server's own word": (
        sse(delta("vanished", content="Hi")),
        [Text("Hi"), Finish("vanished", "vanished")],
    ),
    "text that other cutters of lines cut": (
        sse(delta(content="one\u2028two\x85three"), delta("stop")),
        [Text("one\u2028two\x85three"), STOP],
    ),
}


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_transcript(name: str) -> None:
    answer, events = TRANSCRIPTS[name]
    assert WIRE.events(answer) == events


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_transcript_in_two_pieces_is_the_same(name: str) -> None:
    answer, events = TRANSCRIPTS[name]
    for found in WIRE.in_two_pieces(answer):
        assert found == events


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_transcript_cut_off_never_looks_whole_before_its_finish(name: str) -> None:
    answer, events = TRANSCRIPTS[name]
    content = [event for event in events if not isinstance(event, Usage)]
    for length, found in WIRE.cut_off(answer):
        if isinstance(found, G4FSyncError):
            assert isinstance(found, StreamTruncated), length
        else:
            assert [event for event in found if not isinstance(event, Usage)] == content


def test_argument_pieces_are_progress_without_text() -> None:
    transport = ScriptedTransport({ASK: sse(*CALL_DELTAS, delta("tool_calls"))})
    items = list(OpenAI(LOCAL).stream(request(OpenAI(LOCAL), "Hi", model="m"), transport))
    assert items == ["", "", "", CALL, Finish("tool_calls", "tool_calls")]


@pytest.mark.parametrize(
    "reason", ["stop", "length", "tool_calls", "content_filter", "function_call", "eos_token"]
)
def test_reasons_are_normal_and_kept(reason: str) -> None:
    normal = {"function_call": "tool_calls", "eos_token": "stop"}.get(reason, reason)
    assert WIRE.events(sse(delta(reason, content="a")))[-1] == Finish(normal, reason)


# -- think tags -------------------------------------------------------------

THINKING = sse(
    delta(content="<th"), delta(content="ink>Hm</think>H"), delta(content="i <"), delta("stop")
)


def test_think_tags_are_text_unless_asked_for() -> None:
    assert joined(WIRE.events(THINKING)) == [Text("<think>Hm</think>Hi <"), STOP]


def test_think_tags() -> None:
    wire = Wire(OpenAI(LOCAL, think_tags=True), ASK, "text/event-stream")
    assert joined(wire.events(THINKING)) == [Reasoning("Hm"), Text("Hi <"), STOP]


# -- plain JSON -------------------------------------------------------------


def test_a_plain_json_answer_to_a_request_for_a_stream() -> None:
    message = {"role": "assistant", "content": "Hi", "refusal": None, "reasoning": "Hm"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    answer = json.dumps({"choices": [choice], "usage": USAGE}).encode()
    for headers in (JSON, {"content-type": "application/json; charset=utf-8"}):
        events = WIRE.events(b"\n\n" + answer, headers=headers)
        assert events == [Reasoning("Hm"), Text("Hi"), COUNTED, STOP]


def test_a_plain_json_answer_with_tool_calls() -> None:
    message = {"content": None, "tool_calls": [WHOLE_CALL]}
    answer = {"choices": [{"message": message, "finish_reason": "tool_calls"}]}
    events = WIRE.events(json.dumps(answer).encode(), headers=JSON)
    assert events == [CALL, Finish("tool_calls", "tool_calls")]


def test_a_plain_json_answer_without_a_finish_is_cut() -> None:
    answer = b'{"choices":[{"message":{"content":"Hi"}}]}'
    assert isinstance(WIRE.error(answer, headers=JSON), StreamTruncated)


# -- what is no answer ------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "the answer is empty: no event in it"),
        (b": ping\n\n", "the answer is empty: no event in it"),
        (sse(), "the answer ended without its end mark"),
        (sse(delta(content="Hi")), "the answer ended without its end mark"),
        (sse(delta("", content="Hi")), "the answer ended without its end mark"),
        (sse(delta(content="Hi"), done=False), "the answer ended without its end mark"),
        (sse(delta("stop"), done=False)[:-2], "the event stream ended inside an event"),
    ],
)
def test_an_answer_that_is_not_whole(answer: bytes, message: str) -> None:
    error = WIRE.error(answer)
    assert type(error) is StreamTruncated
    assert str(error) == f"openai: {message}"


def test_done_after_a_cut_answer_is_a_lie() -> None:
    stream = chat(
        OpenAI(LOCAL), "Hi", ScriptedTransport({ASK: sse(delta(content="Hi"))}), model="m"
    )
    with pytest.raises(StreamTruncated) as caught:
        stream.result()
    assert caught.value.partial == "Hi"


FLAT = {"object": "error", "message": "boom", "type": "BadRequestError", "code": 400}


@pytest.mark.parametrize(
    ("value", "kind", "code"),
    [
        pytest.param(
            {"error": {"message": "boom", "type": None, "param": None, "code": "500"}},
            ServerError,
            "500",
            id="litellm",
        ),
        pytest.param(
            {"error": {"message": "boom"}, "model": "m", "provider": "p"},
            ProviderError,
            None,
            id="g4f",
        ),
        pytest.param(
            {"error": {"code": 502, "message": "boom"}, **delta("error", content="")},
            ServerError,
            "502",
            id="openrouter",
        ),
        pytest.param(
            {"error": {"code": 402, "message": "boom"}}, ProviderError, "402", id="openrouter money"
        ),
        pytest.param(
            {"error": {"code": 401, "message": "boom"}}, AuthenticationError, "401", id="key"
        ),
        pytest.param(
            {"error": {"code": "rate_limit_exceeded", "message": "boom"}},
            RateLimited,
            "rate_limit_exceeded",
            id="rate",
        ),
        pytest.param(
            {"error": {"code": "server_error", "type": "server_error", "message": "boom"}},
            ServerError,
            "server_error",
            id="localai",
        ),
        pytest.param(FLAT, ProviderError, "BadRequestError", id="vllm flat"),
        pytest.param({"error": FLAT}, ProviderError, "BadRequestError", id="vllm nested"),
        pytest.param({"error": "boom"}, ProviderError, None, id="a string"),
        pytest.param({"error": "boom", "code": "c"}, ProviderError, "c", id="xai"),
        pytest.param({"detail": "boom"}, ProviderError, None, id="fastapi"),
        pytest.param(
            {"error": {"message": "boom", "code": "content_filter"}},
            ContentFiltered,
            "content_filter",
            id="azure",
        ),
        pytest.param({"choices": [], "x_groq": {"error": "boom"}}, ProviderError, None, id="groq"),
    ],
)
@pytest.mark.parametrize("done", [True, False])
def test_an_error_inside_the_stream(
    value: dict[str, Any], kind: type[ProviderError], code: str | None, done: bool
) -> None:
    stream = chat(
        OpenAI(LOCAL),
        "Hi",
        ScriptedTransport({ASK: sse(delta(content="Hi"), value, done=done)}),
        model="m",
    )
    with pytest.raises(kind) as caught:
        stream.result()
    assert type(caught.value) is kind
    assert "boom" in str(caught.value)
    assert (caught.value.code, caught.value.status, caught.value.partial) == (code, 200, "Hi")
    as_json = WIRE.error(json.dumps(value).encode(), headers=JSON)
    assert type(as_json) is kind


def test_a_field_named_error() -> None:
    answer = b'error: {"code":500,"message":"boom","type":"server_error"}\n\ndata: [DONE]\n\n'
    error = WIRE.error(sse(delta(content="Hi"), done=False) + answer)
    assert type(error) is ServerError
    assert (str(error), error.code) == ("openai: boom", "server_error")


def test_bare_json_in_the_stream() -> None:
    error = WIRE.error(sse(delta(content="Hi"), done=False) + b'{"error":{"code":429}}')
    assert type(error) is RateLimited


def test_an_error_that_is_null_is_none() -> None:
    events = WIRE.events(sse(delta("stop", content="Hi") | {"error": None}))
    assert events == [Text("Hi"), STOP]


@pytest.mark.parametrize("reason", ["error", "abort", "insufficient_system_resource"])
def test_a_finish_that_tells_a_failure_is_one(reason: str) -> None:
    error = WIRE.error(sse(delta(content="Hi"), delta(reason)))
    assert type(error) is ServerError
    assert (str(error), error.code) == (f"openai: the answer ended with {reason!r}", reason)


def test_trouble_after_a_finish_alone_does_not_matter() -> None:
    events = WIRE.events(sse(delta(content="Hi"), delta("stop"), done=False) + b"data: {")
    assert events == [Text("Hi"), STOP]


def test_trouble_after_a_finish_with_text_is_a_cut_answer() -> None:
    error = WIRE.error(sse(delta("stop", content="Hi"), done=False) + b"data: {")
    assert type(error) is StreamTruncated


def test_an_overloaded_server_is_asked_again_before_the_first_token() -> None:
    busy = sse({"error": {"code": 503, "type": "unavailable_error", "message": "Loading model"}})
    first, second = ScriptedTransport({ASK: busy}), ScriptedTransport({ASK: sse(delta("stop"))})
    assert chat(OpenAI(LOCAL), "Hi", first, second, model="m").result().finish_reason == "stop"


@pytest.mark.parametrize(
    ("status", "error", "kind", "retryable"),
    [
        (400, {"code": 400, "type": "invalid_request_error"}, ProviderError, False),
        (401, {"code": 401, "type": "authentication_error"}, AuthenticationError, False),
        (402, {"code": 402}, ProviderError, False),
        (404, {"code": "model_not_found"}, ProviderError, False),
        (422, {"type": "invalid_request_error"}, ProviderError, False),
        (429, {"code": "rate_limit_exceeded"}, RateLimited, True),
        (429, {"code": "insufficient_quota", "type": "insufficient_quota"}, RateLimited, False),
        (503, {"code": 503, "type": "unavailable_error"}, ServerError, True),
    ],
)
def test_a_refusal_by_status(
    status: int, error: dict[str, Any], kind: type[G4FSyncError], retryable: bool
) -> None:
    value = json.dumps({"error": {"message": "m", **error}}).encode()
    failure = WIRE.error(value, status=status, headers=JSON)
    assert (type(failure), failure.retryable) == (kind, retryable)


def test_a_too_long_prompt_has_a_code_of_its_own() -> None:
    told = {
        "code": 400,
        "message": "the request exceeds the available context size",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 600,
        "n_ctx": 512,
    }
    error = WIRE.error(json.dumps({"error": told}).encode(), status=400, headers=JSON)
    assert isinstance(error, ProviderError)
    assert error.code == "context_length_exceeded"
    assert '"n_ctx": 512' in error.body
    in_band = WIRE.error(sse({"error": told}))
    assert isinstance(in_band, ProviderError)
    assert in_band.code == "context_length_exceeded"


def test_a_refused_key_says_what_to_set() -> None:
    answer = {ASK: Reply({"error": {"message": "Incorrect API key"}}, status=401)}
    with pytest.raises(AuthenticationError) as caught:
        chat(OpenAI(), "Hi", ScriptedTransport(answer), model="m").result()
    assert str(caught.value) == (
        "openai: HTTP 401: Incorrect API key "
        "(set OPENAI_API_KEY, or give Client(api_keys={'openai': ...}))"
    )


@pytest.mark.parametrize(
    "value",
    [
        "Hi",
        [1],
        {"choices": "Hi"},
        {"choices": [{"delta": "Hi"}]},
        {"choices": [{"delta": {"tool_calls": ["f"]}}]},
    ],
)
def test_another_shape_is_a_protocol_error(value: object) -> None:
    assert isinstance(WIRE.error(sse(value, delta("stop"))), ProtocolError)


# -- models -----------------------------------------------------------------


def test_the_list_of_models() -> None:
    transport = ScriptedTransport({"GET /models": {"data": [{"id": "a"}]}}, api_key="k")
    assert OpenAI().list_models(transport) == ["a"]
    assert transport.requests[0].headers == {
        "Accept": "application/json",
        "Authorization": "Bearer k",
    }

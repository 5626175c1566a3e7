"""The client against aimock, a mock of the hosted APIs that knows nothing of this package.

It frames OpenAI's, Anthropic's and Gemini's answers as its authors know them.  Of Ollama
only the framing is true: the thoughts and counts of its answers have names of its own.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import requests

from g4fsync import Client, Retry
from g4fsync.errors import (
    AuthenticationError,
    ConnectionFailed,
    DeadlineExceeded,
    G4FSyncError,
    ProviderError,
    RateLimited,
    ServerError,
    StreamInterrupted,
    StreamTruncated,
)
from g4fsync.events import Reasoning, ToolCall
from g4fsync.messages import ChatResult
from tests.support.timing import MS, PATIENCE

from .conftest import Installed
from .processes import free_port, running

KEY = "good-key"
#: Protocol -> model as the client is asked for it, path below the server.
PROTOCOLS = {
    "openai": ("openai:o3", "/v1"),  # gpt-4o thinks nothing in aimock's strict mode
    "anthropic": ("anthropic:claude-sonnet-4-5", ""),
    "gemini": ("gemini:gemini-2.5-flash", ""),
    "ollama": ("ollama:llama3.2", ""),
}
#: aimock's Ollama has fields that no Ollama has.
TRUE_PROTOCOLS = ("openai", "anthropic", "gemini")

# What cuts text badly: characters of two to four bytes, one of two code points, U+2028.
TEXT = 'Grüße 🌫️ 👩‍🚀: a\u2028line, "quoted" \\ and\ttabbed.\n\ndata: [DONE]\n\nthe end 🦙'
THOUGHT = "Zwei 🦙 und zwei.\n\nevent: error"
WEATHER = ToolCall("call_1", "get_weather", '{"city":"Zürich 🏔","days":3}')
CLOCK = ToolCall("call_2", "get_time", "{}")
WORDS = "one two three four five six seven eight"
USAGE = {
    "prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16,
    "input_tokens": 11, "output_tokens": 5,
    "promptTokenCount": 11, "candidatesTokenCount": 5, "totalTokenCount": 16,
}  # fmt: skip
#: Status -> the type in the error's body, and what it is for a caller.
REFUSALS: Mapping[int, tuple[str, type[G4FSyncError]]] = {
    400: ("invalid_request_error", ProviderError),
    401: ("authentication_error", AuthenticationError),
    403: ("permission_error", AuthenticationError),
    404: ("not_found_error", ProviderError),
    429: ("rate_limit_error", RateLimited),
    500: ("api_error", ServerError),
    503: ("service_unavailable", ServerError),
    529: ("overloaded_error", ServerError),
}
WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        },
    },
}


def fixture(question: str, response: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
    """One of aimock's: *question* is a part of the last user message."""
    return {"match": {"userMessage": question}, "response": response, **settings}


def called(*calls: ToolCall) -> dict[str, Any]:
    return {"toolCalls": [{"id": c.id, "name": c.name, "arguments": c.json()} for c in calls]}


def refusal(status: int, kind: str, **settings: Any) -> dict[str, Any]:
    error = {"message": f"said no with {status}", "type": kind}
    return {"error": error, "status": status, **settings}


FIXTURES = [
    # First, since the last user message of such a request is still the question.
    {"match": {"toolResultContains": "17 degrees"}, "response": {"content": "It is 17."}},
    {"match": {"toolCallId": "call_1"}, "response": {"content": "For call_1."}},
    *(
        fixture(f"pieces of {size}", {"content": TEXT, "reasoning": THOUGHT}, chunkSize=size)
        for size in (1, 3, 20, 1000)
    ),
    fixture("one call", called(WEATHER), chunkSize=3),
    fixture("two calls", called(WEATHER, CLOCK), chunkSize=1),
    fixture("text and call", {"content": "Let me look.", **called(WEATHER)}),
    fixture("cut short by length", {"content": "short", "finishReason": "length"}),
    fixture("filtered", {"content": "short", "finishReason": "content_filter"}),
    fixture("an object", {"content": {"a": [1, {"b": "ü"}]}}, chunkSize=2),
    fixture("nothing to say", {"content": ""}),
    fixture("slow", {"content": "one two three"}, chunkSize=4, latency=100),
    fixture("silence", {"content": WORDS}, chunkSize=4, streamingProfile={"ttft": 0, "tps": 0.1}),
    *(
        fixture(
            f"cut after {count}.", {"content": WORDS}, chunkSize=4, latency=20,
            truncateAfterChunks=count,
        )
        for count in range(1, 12)
    ),
    fixture("lost in time", {"content": WORDS}, chunkSize=4, latency=100, disconnectAfterMs=450),
    fixture("call cut", called(WEATHER), chunkSize=4, latency=20, truncateAfterChunks=5),
    fixture("dropped", {"content": "x"}, chaos={"dropRate": 1}),
    fixture("malformed", {"content": "x"}, chaos={"malformedRate": 1}),
    fixture("hung up", {"content": "x"}, chaos={"disconnectRate": 1}),
    fixture("too fast", {"content": "x"}, chaos={"rateLimitRate": 1}),
    *(fixture(f"status {status}", refusal(status, kind)) for status, (kind, _) in REFUSALS.items()),
    fixture("wait seven", refusal(429, "rate_limit_error", retryAfter=7)),
    fixture("out of money", {
        "error": {"message": "You exceeded your current quota", "code": "insufficient_quota"},
        "status": 429,
    }),
    {
        "match": {"userMessage": "at second try", "sequenceIndex": 0},
        "response": refusal(500, "api_error"),
    },
    {
        "match": {"userMessage": "at second try", "sequenceIndex": 1},
        "response": {"content": "second"},
    },
    {
        "match": {"systemMessage": "Be brief", "userMessage": "with a system text"},
        "response": {"content": "brief"},
    },
    fixture("usage", {"content": "counted", "usage": USAGE}),
]  # fmt: skip

Ask = Callable[..., ChatResult]


@pytest.fixture(scope="module")
def aimock(installed_node: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server with :data:`FIXTURES`."""
    environment = installed_node("aimock")
    folder = tmp_path_factory.mktemp("aimock")
    (folder / "fixtures.json").write_text(json.dumps({"fixtures": FIXTURES}), "utf-8")
    script = environment.folder / "node_modules/@copilotkit/aimock/dist/cli.js"
    port = free_port()
    options = ["-p", str(port), "-f", "fixtures.json", "--log-level", "warn", "--strict"]
    command = [*environment.command, str(script), *options]
    with running(command, port=port, folder=folder, environment={"AIMOCK_API_KEYS": KEY}):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def client(aimock: str, no_proxy_variables: None) -> Iterator[Client]:
    urls = {name: aimock + path for name, (_, path) in PROTOCOLS.items()}
    keys = dict.fromkeys(PROTOCOLS, KEY)
    with Client(base_urls=urls, api_keys=keys, retry=Retry(attempts=1), timeout=PATIENCE) as client:
        yield client


def seen(aimock: str, test: str) -> list[dict[str, Any]]:
    """The bodies of the requests of one *test*, as aimock has noted them."""
    answer = requests.get(
        f"{aimock}/__aimock/journal",
        params={"testId": test},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=PATIENCE,
    )
    return [entry["body"] for entry in answer.json()]


def same(call: ToolCall, expected: ToolCall) -> bool:
    """Gemini's arguments are an object on the wire: how its JSON is spaced says nothing."""
    return call.name == expected.name and call.json() == expected.json()


every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)
true_protocols = pytest.mark.parametrize("protocol", TRUE_PROTOCOLS)


@every_protocol
@pytest.mark.parametrize("size", [1, 3, 20, 1000])
def test_the_exact_text(client: Client, protocol: str, size: int) -> None:
    stream = client.chat(f"pieces of {size}", model=PROTOCOLS[protocol][0])
    pieces = list(stream)
    assert "".join(pieces) == TEXT
    assert len(pieces) > len(TEXT) // size // 4
    assert stream.finish_reason == "stop"


@true_protocols
@pytest.mark.parametrize("size", [1, 3, 20, 1000])
def test_the_exact_reasoning(client: Client, protocol: str, size: int) -> None:
    stream = client.chat(f"pieces of {size}", model=PROTOCOLS[protocol][0])
    thoughts = [event.text for event in stream.events() if isinstance(event, Reasoning)]
    assert "".join(thoughts) == THOUGHT
    assert stream.reasoning == THOUGHT
    assert stream.text == TEXT


@every_protocol
def test_an_answer_in_one_object(client: Client, protocol: str) -> None:
    """The plain form, which a server may send though a stream was asked for."""
    model = PROTOCOLS[protocol][0]
    result = client.ask("pieces of 3", model=model, extra_body={"stream": False})
    assert (result.text, result.finish_reason) == (TEXT, "stop")
    result = client.ask("two calls", model=model, extra_body={"stream": False})
    assert all(map(same, result.tool_calls, [WEATHER, CLOCK]))
    assert len(result.tool_calls) == 2


@every_protocol
@pytest.mark.parametrize(
    ("question", "calls"), [("one call", [WEATHER]), ("two calls", [WEATHER, CLOCK])]
)
def test_tool_calls(client: Client, protocol: str, question: str, calls: list[ToolCall]) -> None:
    result = client.ask(question, model=PROTOCOLS[protocol][0], tools=[WEATHER_TOOL])
    assert result.text == ""
    assert len(result.tool_calls) == len(calls)
    assert all(map(same, result.tool_calls, calls))
    if protocol != "ollama":
        assert [call.id for call in result.tool_calls] == [call.id for call in calls]
    # aimock's Gemini ends with a word that is not among the service's: FUNCTION_CALL.
    if protocol != "gemini":
        assert result.finish_reason == "tool_calls"


@every_protocol
def test_text_before_a_call(client: Client, protocol: str) -> None:
    result = client.ask("text and call", model=PROTOCOLS[protocol][0], tools=[WEATHER_TOOL])
    assert result.text == "Let me look."
    (call,) = result.tool_calls
    assert same(call, WEATHER)


@every_protocol
def test_the_result_of_a_call_is_understood(client: Client, protocol: str) -> None:
    model = PROTOCOLS[protocol][0]
    first = client.ask("one call", model=model, tools=[WEATHER_TOOL])
    (call,) = first.tool_calls
    function = {"name": call.name, "arguments": call.arguments}
    asked = {"id": call.id, "type": "function", "function": function}
    history: list[dict[str, Any]] = [
        {"role": "user", "content": "one call"},
        {"role": "assistant", "content": "", "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": call.id, "content": "17 degrees"},
    ]
    assert client.ask(history, model=model, tools=[WEATHER_TOOL]).text == "It is 17."
    if protocol in ("openai", "anthropic"):  # the others' results have no id for aimock
        other = [*history[:-1], {**history[-1], "content": "unknown"}]
        assert client.ask(other, model=model, tools=[WEATHER_TOOL]).text == "For call_1."


@every_protocol
def test_a_system_text_is_understood(client: Client, protocol: str) -> None:
    model = PROTOCOLS[protocol][0]
    assert client.ask("with a system text", model=model, system="Be brief.").text == "brief"
    with pytest.raises(ProviderError, match="no fixture matched"):
        client.ask("with a system text", model=model)


@true_protocols
@pytest.mark.parametrize(
    ("question", "reason"), [("cut short by length", "length"), ("filtered", "content_filter")]
)
def test_reasons_to_stop(client: Client, protocol: str, question: str, reason: str) -> None:
    result = client.ask(question, model=PROTOCOLS[protocol][0])
    assert (result.text, result.finish_reason) == ("short", reason)


@true_protocols
def test_usage(client: Client, protocol: str) -> None:
    usage = client.ask("usage", model=PROTOCOLS[protocol][0]).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (11, 5)


@every_protocol
def test_an_object_as_text(client: Client, protocol: str) -> None:
    result = client.ask("an object", model=PROTOCOLS[protocol][0])
    assert json.loads(result.text) == {"a": [1, {"b": "ü"}]}


@every_protocol
def test_a_slow_answer_comes_piece_by_piece(client: Client, protocol: str) -> None:
    arrivals: list[float] = []
    for _ in client.chat("slow", model=PROTOCOLS[protocol][0]):
        arrivals.append(time.monotonic())
    assert len(arrivals) >= 3
    assert arrivals[-1] - arrivals[0] > 0.15  # 100 ms from piece to piece


@every_protocol
def test_a_deadline_ends_a_silent_stream(client: Client, protocol: str) -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded) as caught:
        client.ask("silence", model=PROTOCOLS[protocol][0], timeout=500 * MS)
    assert caught.value.clock == "total"
    assert time.monotonic() - began < 2000 * MS


@every_protocol
@pytest.mark.parametrize("count", range(1, 12))
def test_a_cut_stream_is_never_complete(client: Client, protocol: str, count: int) -> None:
    """aimock destroys the connection behind the given number of events."""
    stream = client.chat(f"cut after {count}.", model=PROTOCOLS[protocol][0])
    complete = False
    with contextlib.suppress(StreamInterrupted, ConnectionFailed):
        list(stream)
        complete = True
    assert WORDS.startswith(stream.text)
    if complete:  # so many events that the end mark was among them
        assert count >= len(WORDS) // 4
        assert (stream.text, stream.finish_reason) == (WORDS, "stop")
    else:
        assert stream.finish_reason is None


@every_protocol
def test_a_connection_lost_in_the_middle(client: Client, protocol: str) -> None:
    with pytest.raises(StreamInterrupted) as caught:
        client.ask("lost in time", model=PROTOCOLS[protocol][0])
    assert caught.value.partial
    assert WORDS.startswith(caught.value.partial)


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_half_a_call_is_none(client: Client, protocol: str) -> None:
    stream = client.chat("call cut", model=PROTOCOLS[protocol][0], tools=[WEATHER_TOOL])
    with pytest.raises(StreamInterrupted):
        list(stream.events())
    assert stream.tool_calls == ()


@every_protocol
@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal(client: Client, protocol: str, status: int) -> None:
    kind, expected = REFUSALS[status]
    with pytest.raises(G4FSyncError) as caught:
        client.ask(f"status {status}", model=PROTOCOLS[protocol][0])
    error = caught.value
    assert type(error) is expected
    assert isinstance(error, ProviderError | AuthenticationError)
    assert error.status == status
    assert f"HTTP {status}: said no with {status}" in str(error)
    # Gemini's own word is in "status", which aimock fills itself.
    if protocol != "gemini":
        assert error.code == kind


@every_protocol
def test_the_wait_that_a_rate_limit_asks_for(client: Client, protocol: str) -> None:
    with pytest.raises(RateLimited) as caught:
        client.ask("wait seven", model=PROTOCOLS[protocol][0])
    assert caught.value.retry_after == 7.0


def test_a_spent_quota_is_not_tried_again(client: Client, aimock: str) -> None:
    """aimock gives the code in OpenAI's envelope only."""
    test = "quota"
    with pytest.raises(RateLimited, match="exceeded your current quota") as caught:
        client.ask(
            "out of money",
            model=PROTOCOLS["openai"][0],
            retry=Retry(attempts=3, initial=0.01),
            extra_headers={"X-Test-Id": test},
        )
    assert len(caught.value.attempts) == 1
    assert len(seen(aimock, test)) == 1


@every_protocol
def test_a_second_try(client: Client, aimock: str, protocol: str) -> None:
    test = f"second {protocol}"
    result = client.ask(
        "at second try",
        model=PROTOCOLS[protocol][0],
        retry=Retry(attempts=2, initial=0.01),
        extra_headers={"X-Test-Id": test},
    )
    assert result.text == "second"
    assert [type(attempt.error) for attempt in result.attempts] == [ServerError, type(None)]
    bodies = seen(aimock, test)
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]


@every_protocol
@pytest.mark.parametrize(
    ("question", "expected", "message"),
    [
        ("dropped", ServerError, "HTTP 500: Chaos: request dropped"),
        # It may as well be the beginning of a value.
        ("malformed", StreamTruncated, "the record stream ended inside a record"),
        ("hung up", ConnectionFailed, "closed the connection without an answer"),
        ("too fast", RateLimited, "HTTP 429: Chaos: rate limit exceeded"),
    ],
)
def test_chaos(
    client: Client, protocol: str, question: str, expected: type[G4FSyncError], message: str
) -> None:
    with pytest.raises(G4FSyncError) as caught:
        client.ask(question, model=PROTOCOLS[protocol][0])
    assert type(caught.value) is expected
    assert message in str(caught.value)
    assert caught.value.partial == ""


@every_protocol
@pytest.mark.parametrize("key", ["bad-key-1234", None])
def test_a_wrong_key(aimock: str, no_proxy_variables: None, protocol: str, key: str | None) -> None:
    model, path = PROTOCOLS[protocol]
    with Client(base_urls={protocol: aimock + path}, timeout=PATIENCE) as client:
        with pytest.raises(AuthenticationError) as caught:
            client.ask("usage", model=model, api_key=key)
        with pytest.raises(AuthenticationError):
            client.models(protocol, api_key=key)
    error = caught.value
    assert (error.status, len(error.attempts)) == (401, 1)
    assert "Invalid API key" in str(error)
    assert "bad-key" not in f"{error!r} {error.body}"


@pytest.mark.parametrize("protocol", ["openai", "anthropic", "ollama"])
def test_the_models(client: Client, protocol: str) -> None:
    """aimock's Gemini has no list."""
    assert "gpt-4o" in client.models(protocol)


def test_side_by_side(client: Client) -> None:
    models = [model for model, _ in PROTOCOLS.values()]
    with client.compare("pieces of 3", models) as comparison:
        for _ in comparison:
            pass
    texts = [result.text for result in comparison.results if isinstance(result, ChatResult)]
    assert texts == [TEXT] * len(models)

"""The public face as callers use it; read by mypy, never run."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import g4fsync
from g4fsync import (
    AllFailed,
    Archive,
    Attempt,
    ChatRequest,
    ChatResult,
    ChatStream,
    Client,
    Conversation,
    DeadlineExceeded,
    Finish,
    G4FSyncError,
    Image,
    Message,
    ObservedCall,
    Observer,
    Part,
    ProtocolError,
    Provider,
    ProviderData,
    ProviderError,
    RateLimited,
    Reasoning,
    Retry,
    RoundsExceeded,
    Text,
    Timeout,
    Tool,
    ToolCall,
    ToolResult,
    Unparsable,
    Usage,
    provider_names,
    register,
)
from g4fsync.events import Event
from g4fsync.providers.flowgpt import FlowGpt
from g4fsync.providers.koala import Koala
from g4fsync.providers.myshell import Myshell
from g4fsync.providers.openassistant import OpenAssistant
from g4fsync.testing import (
    Connection,
    Reply,
    Request,
    ScriptedTransport,
    SocketEvent,
    chat,
    request,
)
from g4fsync.transport.base import Transport
from g4fsync.web import HEADERS, sse


def the_first_day() -> None:
    client = Client("koala")
    for chunk in client.chat("Hello"):
        print(chunk.upper(), end="", flush=True)
    with Client() as client, client.chat("Why is the sky blue?", provider="koala") as answer:
        for token in answer:
            print(token, end="", flush=True)
    text: str = str(client.ask("Hello", model="koala:gpt-4o"))
    names: list[str] = provider_names()
    version: str = g4fsync.__version__
    print(text, names, version)


def settings() -> Client:
    return Client(
        "koala",
        fallback=("flowgpt", "myshell:gpt-4"),
        timeout=Timeout(connect=5, first_token=None, idle=30.0, total=60),
        retry=Retry(attempts=5, initial=0.1, maximum=2.0),
        proxy="socks5h://127.0.0.1:1080",
        verify="/etc/ca.pem",
        cookies={"openassistant": {"session": "..."}, "koala": "cookies.txt"},
        api_keys={"openassistant": "..."},
        base_urls={"koala": "http://127.0.0.1:9000"},
    )


def a_conversation(client: Client) -> ChatStream:
    picture = Image.open("sky.png")
    return client.chat(
        [
            {"role": "system", "content": "Be brief."},
            Message("user", "What is it?", parts=("What is it?", picture)),
        ],
        provider=Koala(real_time_data=True),
        model="gpt-4o",
        system="Answer in verse.",
        timeout=30,
        retry=Retry(1),
        cookies={"a": "b"},
        temperature=0.5,
        stop=["\n"],
    )


def an_answer_in_the_history(client: Client, stream: ChatStream, result: ChatResult) -> ChatStream:
    turn: Message = stream.message
    wanted_back: tuple[ProviderData, ...] = turn.provider_data
    parts: tuple[str | Image | Part, ...] = turn.parts
    print(wanted_back, parts, turn.extra.get("prefix"), result.message.tool_calls)
    return client.chat([turn, result, Message("user", "so?")])


def what_a_stream_tells(stream: ChatStream) -> ChatResult:
    token: str = next(stream)
    so_far: str = stream.text + stream.reasoning + token
    calls: tuple[ToolCall, ...] = stream.tool_calls
    usage: Usage | None = stream.usage
    reason: str | None = stream.finish_reason
    who: tuple[str | None, str | None] = (stream.provider, stream.model)
    attempts: tuple[Attempt, ...] = stream.attempts
    first: float | None = stream.first_token_seconds
    seconds: float = stream.seconds
    print(so_far, calls, usage, reason, who, attempts, first, seconds)
    stream.cancel()
    stream.close()
    return stream.result()


def typed_events(stream: ChatStream) -> Iterator[str]:
    for event in stream.events():
        match event:
            case Text(text) | Reasoning(text):
                yield text
            case ToolCall(id, name, arguments):
                yield id + name + arguments + str(event.json().get("key"))
            case Usage(total_tokens=total):
                yield str(total or 0)
            case Finish(reason, raw):
                yield reason + (raw or "")
            case Attempt(number, provider, model, phase, took, error):
                yield f"{number + 1} {provider} {model} {phase} {took + 0.5} {error}"


def what_went_wrong(client: Client) -> None:
    try:
        client.ask("Hello")
    except RateLimited as error:
        wait: float | None = error.retry_after
        print(wait, error.partial, error.attempts, error.retryable)
        limits: g4fsync.RateLimits | None = error.limits
        tokens: g4fsync.RateLimit | None = limits.tokens if limits else None
        print(tokens and tokens.remaining)
    except ProviderError as error:
        print(error.status, error.code, error.body)
    except DeadlineExceeded as error:
        clock: str = error.clock
        print(clock)
    except ProtocolError as error:
        evidence: str = error.evidence
        print(evidence)
    except AllFailed as error:
        inner: tuple[G4FSyncError, ...] = error.errors
        print(inner)
    except (ValueError, TimeoutError, ConnectionError):
        pass


def providers_alone() -> None:
    for token in Koala().chat("Hello", model="gpt-4o", proxy="http://h:1", timeout=5):
        print(token)
    print(FlowGpt("http://127.0.0.1:1").chat("Hello", temperature=0.1).result().text)
    print(Myshell(settle=0.0).chat("Hello").result().usage)
    trusted = {"api_key": "6969", "client": "website"}
    print(OpenAssistant(face="inference", wrap=True, trusted_client=trusted).status)


@register
class Echo(Provider):
    """A provider from outside."""

    name = "echo"
    base_url = "http://localhost"
    default_model = "echo"
    open_models = True

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        answer = transport.post("/echo", json={"q": request.last.content})
        for event in answer.events():
            yield event.json()["text"]
        yield Usage(input_tokens=1)
        yield Finish("stop")


def its_test() -> None:
    transport = ScriptedTransport(
        {
            "POST /echo": [b'data: {"text": "Hi"}\n\n'],
            "GET /twice": (Reply({"a": 1}, status=429, headers={"Retry-After": "1"}), b"1"),
            "GET /never": ConnectionRefusedError(),
            "SOCKETIO /ws/": [SocketEvent("a", (1, 2))],
        },
        now=0.0,
        seed=1,
        api_key="key",
    )
    assert list(chat(Echo(), "Hi", transport, model="echo", timeout=1)) == ["Hi"]
    assert list(Echo().stream(request(Echo(), "Hi"), transport)) == ["Hi"]
    assert transport.sent == [("POST", "/echo", {"q": "Hi"})]
    asked: list[Request] = transport.requests
    opened: list[Connection] = transport.connections
    print(asked[0].params, opened[0].namespace, transport.slept, transport.closed)


def what_a_checker_refuses(client: Client) -> None:
    """A misspelt option; with the ignored line gone, ``warn_unused_ignores`` would speak."""
    client.ask("Hello", temprature=0.1)  # type: ignore[call-overload]
    client.chat("Hello", max_tokens="many")  # type: ignore[call-overload]
    client.map(["Hello"], timeout=1, sistem="x")  # type: ignore[call-overload]
    result: ChatResult = client.ask("Hello", model="koala", temperature=0.1, stop=["a"])
    print(result.finish_reason)


def what_a_caller_annotates(comparison: g4fsync.Comparison, event: g4fsync.Event) -> g4fsync.Lane:
    print(event)
    return comparison.lanes[0]


class Stopwatch(Observer):
    def call_ended(self, call: ObservedCall) -> None:
        seconds: float | None = call.seconds
        tokens: int | None = call.usage.output_tokens if call.usage else None
        print(call.id, call.provider, call.model, seconds, tokens, call.error)


def observing() -> None:
    Client("koala", observers=[Stopwatch()])


def conversations() -> None:
    client = Client("koala", archive="chats.db")
    talk: Conversation = client.conversation(system="Be brief", trim=4000, temperature=0.2)
    text: str = talk.ask("One").text
    for chunk in talk.chat("Two"):
        print(chunk.upper())
    messages: tuple[Message, ...] = talk.fork(at=-2).messages
    if talk.pending is not None:
        print(talk.pending.question, talk.retry().text, text, messages)


def archives(archive: Archive) -> None:
    for call in archive.search("sky", model="koala", since=0.0, limit=3):
        print(call.question, call.text, call.usage and call.usage.input_tokens)
    usd: float | None = archive.cost(by="day", prices={"m": (1.0, 2.0)})[0].usd
    print(usd, archive.conversation().messages, Client(archive=archive))


def a_batch(client: Client, path: pathlib.Path) -> None:
    rate = g4fsync.Rate(requests=500, tokens=200_000, per=60)
    budget = g4fsync.Budget(tokens=10_000, calls=5, usd=0.5, strict=True)
    batch: g4fsync.Batch = client.batch(
        [{"text": "x"}, "y"], out=path, prompt="{text}", rate=rate, budget=budget, max_tokens=5
    )
    for row in batch:
        each: g4fsync.BatchRow = row
        print(each.key, each.input, each.result, each.error, each.attempts, each.seconds)
    summary: g4fsync.Summary = batch.summary
    print(summary.stopped, summary.repeated)
    client.batch(path, out="out.jsonl", rate={"openai": rate}, on_error="stop").cancel()
    client.batch(path, out="o", on_error="go")  # type: ignore[arg-type]
    with Client("koala", rate=rate) as limited:
        print(limited.ask("Hi").limits)


def for_old_code_bases(client: Client) -> None:
    stream: ChatStream = client.chat("Hello")
    for piece in stream.heartbeat(0.5):
        print("waiting" if piece is None else piece.upper())
    frames: Iterator[bytes] = sse(client.chat("Hello"), heartbeat=15, message=lambda e: e.args[0])
    headers: dict[str, str] = dict(HEADERS)
    print(b"".join(frames), headers)


def a_comparison_as_a_file(client: Client) -> None:
    comparison = client.compare("Hello", ["koala", "openai:gpt-4o"])
    size: int = comparison.save("page.html").stat().st_size
    text: str = comparison.to_markdown()
    lanes: list[dict[str, object]] = comparison.to_dict()["lanes"]
    print(size, text, lanes)


@dataclass
class Town:
    name: str


def typed_answers(client: Client) -> None:
    """The type that is asked for is the type of the value."""
    town: Town = client.ask("A town", returns=Town).value
    towns: list[Town] = client.ask("Towns", returns=list[Town], reask=1).value
    stream = client.chat("Towns", returns=list[Town], timeout=5)
    for each in stream.values():
        print(each.name.upper())
    for one in client.chat("A town", returns=Town).values():
        print(one.name)
    schema: Any = client.ask("A town", returns={"type": "object"}).value
    either: Any = client.ask("A town", returns=Town | None).value
    print(town.name, towns[0].name, schema, either, stream.result().mode)


def tools_that_are_called(client: Client) -> None:
    def look(name: str) -> Town:
        return Town(name)

    def approve(call: ToolCall) -> bool | str:
        return call.name == "look" or "no"

    def told(result: ToolResult) -> None:
        print(result.text, result.value, result.is_error, result.seconds)

    tools = [look, Tool(look, name="see"), {"type": "function", "function": {"name": "x"}}]
    try:
        result = client.ask("?", tools=tools, approve=approve, on_tool=told, max_rounds=3)
    except RoundsExceeded as error:
        result = client.ask(error.messages, tools=tools, parallel_tools=None)
    except Unparsable as error:
        print(error.text, error.path, error.expected)
        return
    turns: tuple[Message, ...] = result.messages
    answer_id: str | None = result.id
    print(turns[-1].content, answer_id, client.ask("?", images=["a.png", b"..."]))

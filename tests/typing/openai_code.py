"""Code written for the types of ``openai``, its imports changed; read by mypy, never run."""

from __future__ import annotations

from collections.abc import Iterable

from g4fsync import G4FSyncError, RateLimited
from g4fsync.compat import g4f, openai
from g4fsync.compat.g4f.client import Client as G4FClient
from g4fsync.compat.openai import (
    NOT_GIVEN,
    APIError,
    APIStatusError,
    AzureOpenAI,
    NotGiven,
    OpenAI,
    RateLimitError,
    Stream,
)
from g4fsync.compat.openai.types import CompletionUsage
from g4fsync.compat.openai.types.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessage,
    ChatCompletionMessageParam,
    ChatCompletionToolParam,
)
from g4fsync.compat.openai.types.chat.chat_completion import Choice
from g4fsync.compat.openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall
from g4fsync.compat.openai.types.responses import Response


def tools() -> list[ChatCompletionToolParam]:
    return [{"type": "function", "function": {"name": "f", "parameters": {}}}]


def ask(client: OpenAI, text: str, temperature: float | NotGiven = NOT_GIVEN) -> str:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": text}]
    answer: ChatCompletion = client.chat.completions.create(
        model="gpt-4o", messages=messages, temperature=temperature, tools=tools(), stop=["END"]
    )
    choice: Choice = answer.choices[0]
    message: ChatCompletionMessage = choice.message
    usage: CompletionUsage | None = answer.usage
    if usage is not None:
        print(usage.prompt_tokens + usage.completion_tokens)
    for call in message.tool_calls or []:
        name: str = call.function.name
        print(name, call.function.arguments)
    return message.content or ""


def stream(client: OpenAI, messages: Iterable[ChatCompletionMessageParam]) -> list[str]:
    found: list[str] = []
    chunks: Stream[ChatCompletionChunk] = client.chat.completions.create(
        model="gpt-4o", messages=messages, stream=True, stream_options={"include_usage": True}
    )
    with chunks:
        for chunk in chunks:
            delta = chunk.choices[0].delta
            if delta.content is not None:
                found.append(delta.content)
            pieces: list[ChoiceDeltaToolCall] = delta.tool_calls or []
            print([piece.index for piece in pieces])
    return found


def errors(client: OpenAI) -> None:
    try:
        ask(client, "Hello")
    except RateLimitError as error:
        wait: str | None = error.response.headers.get("retry-after")
        print(error.status_code == 429, wait, error.request_id, error.partial)
    except APIStatusError as error:
        print(error.status_code, error.code, error.body, error.message)
    except (APIError, openai.OpenAIError) as error:
        root: G4FSyncError = error
        print(root.attempts, isinstance(root, RateLimited))


class Trip:
    """As a pydantic model would be."""


def others(client: OpenAI, azure: AzureOpenAI) -> None:
    parsed: Trip | None = (
        client.chat.completions.parse(model="m", messages=[], response_format=Trip)
        .choices[0]
        .message.parsed
    )
    with client.chat.completions.stream(model="m", messages=[], response_format=Trip) as events:
        for event in events:
            print(event.type)
        final: Trip | None = events.get_final_completion().choices[0].message.parsed
    names: list[str] = [model.id for model in azure.models.list()]
    answer: Response = client.responses.create(model="m", input="Hello")
    text: str = answer.output_text
    again: OpenAI = client.with_options(timeout=3)
    print(parsed, final, names, text, again, openai.chat.completions)


def legacy() -> None:
    client = G4FClient(provider=g4f.Provider.Koala)
    text: str = client.chat.completions.create("Hello").choices[0].message.content
    for chunk in client.chat.completions.create("Hello", stream=True):
        piece: str | None = chunk.choices[0].delta.content
        print(piece)
    older: str = g4f.ChatCompletion.create(model=g4f.models.gpt_4o, messages=[])
    print(text, older)

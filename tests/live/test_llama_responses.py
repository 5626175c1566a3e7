"""A real server's ``/v1/responses``, through OpenAI's provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from g4fsync import Client
from g4fsync.errors import AuthenticationError, DeadlineExceeded, ProviderError
from g4fsync.events import ProviderData, ToolCall
from g4fsync.messages import Image, Message
from g4fsync.providers.openai import OpenAI
from g4fsync.providers.presets import PROVIDERS
from tests.support.timing import MS

from .test_llama import ENDLESS, SENTENCE, is_the_beginning

Llama = Callable[..., str]
PNG = b"\x89PNG\r\n\x1a\n"
TOOL = {
    "type": "function",
    "function": {
        "name": "f",
        "parameters": {"type": "object", "properties": {"a": {"type": "string"}}},
    },
}


def there(url: str, **settings: Any) -> Any:
    return {"provider": OpenAI(url, api="responses", **settings), "model": "tiny"}


def test_the_exact_text(llama: Llama) -> None:
    with Client() as client:
        stream = client.chat("hi", temperature=0, max_tokens=60, **there(llama()))
        pieces = list(stream)
        assert "".join(pieces) == SENTENCE
        assert len(pieces) > 10
        assert stream.finish_reason == "stop"
        assert stream.usage is not None
        assert (stream.usage.input_tokens, stream.usage.output_tokens) == (6, 20)


def test_by_its_preset(llama: Llama) -> None:
    found = PROVIDERS["llamacpp"]
    assert issubclass(found, OpenAI)
    with Client() as client:
        result = client.ask("hi", temperature=0, provider=found(llama(), api="responses"))
        assert result.text == SENTENCE


def test_the_limit(llama: Llama) -> None:
    with Client() as client:
        result = client.ask("hi", temperature=0, max_tokens=4, **there(llama()))
        assert result.text == "Hello from a tiny"
        # It calls a cut answer completed (b11549), so nobody can tell.
        assert result.finish_reason == "stop"


def test_a_conversation_with_a_system_text_and_calls(llama: Llama) -> None:
    messages: list[Any] = [
        {"role": "user", "content": "hi"},
        Message("assistant", "Wait", tool_calls=(ToolCall("c1", "f", '{"a": "x"}'),)),
        {"role": "tool", "tool_call_id": "c1", "content": "12"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": [{"type": "text", "text": "more"}]},
    ]
    with Client() as client:
        for system in (None, "Be brief."):
            options: dict[str, Any] = {"temperature": 0, "tools": [TOOL], "system": system}
            assert client.ask(messages, **options, **there(llama())).text == SENTENCE


def test_reasoning_goes_back(llama: Llama) -> None:
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "hm"}],
        "encrypted_content": "",
    }
    data = (ProviderData("openai", "item", item, 0, 0),)
    messages = [Message("user", "hi"), Message("assistant", "A", provider_data=data)]
    with Client() as client:
        ask = [*messages, Message("user", "more")]
        assert client.ask(ask, temperature=0, **there(llama())).text == SENTENCE


def test_an_answer_that_goes_back_is_taken(llama: Llama) -> None:
    with Client() as client:
        first = client.ask("hi", temperature=0, **there(llama()))
        messages: list[Any] = [{"role": "user", "content": "hi"}, first, Message("user", "more")]
        assert client.ask(messages, temperature=0, **there(llama())).text == SENTENCE


def test_what_it_refuses(llama: Llama) -> None:
    image: Any = [{"role": "user", "content": ["see", Image(content=PNG, media_type="image/png")]}]
    with Client() as client:
        with pytest.raises(ProviderError) as caught:
            client.ask("word " * 600, **there(llama()))
        assert (caught.value.status, caught.value.code) == (400, "context_length_exceeded")
        with pytest.raises(ProviderError, match="image"):
            client.ask(image, **there(llama()))


def test_a_wrong_key_and_the_right_one(llama: Llama) -> None:
    url = llama("--api-key", "sk-test")
    with Client() as client:
        with pytest.raises(AuthenticationError):
            client.ask("hi", api_key="sk-wrong", **there(url))
        assert client.ask("hi", api_key="sk-test", temperature=0, **there(url)).text == SENTENCE


def test_leaving_frees_the_slot_and_a_deadline_ends_it(llama: Llama) -> None:
    url = llama(*ENDLESS, loop=True)
    with Client() as client:
        with client.chat("hi", temperature=0, **there(url)) as stream:
            for _, _ in zip(range(5), stream, strict=False):
                pass
        with pytest.raises(DeadlineExceeded) as caught:
            client.ask("hi", temperature=0, timeout=300 * MS, **there(url))
        assert is_the_beginning(caught.value.partial)

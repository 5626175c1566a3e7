"""Whole calls against a real server, through the providers that speak its protocols."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from g4fsync import Client
from g4fsync.errors import (
    AuthenticationError,
    Cancelled,
    ConnectionFailed,
    DeadlineExceeded,
    G4FSyncError,
    ProviderError,
)
from g4fsync.messages import ChatResult
from tests.support.timing import MS, PATIENCE, Worker

Llama = Callable[..., str]

SENTENCE = "Hello from a tiny llama: café 🦙 works and the stream ends here."
REPEATED = "Hello from a tiny llama: café 🦙 works"
# The context is where the sentence said for ever ends after all: some minutes away.
ENDLESS = ("--context", "60000", "--parallel", "1")
# Through chat completions, as a preset and as a server of its own, and through /v1/messages.
MODELS = ("llamacpp", "openai:tiny", "anthropic:tiny")


def is_the_beginning(text: str) -> bool:
    """Whether *text* begins as an endless answer does, however far a slow machine has come."""
    return text[: len(REPEATED)] == REPEATED[: len(text)]


@pytest.fixture
def clients() -> Iterator[Callable[..., Client]]:
    """Make clients that are closed after the test."""
    made: list[Client] = []

    def make(url: str, **arguments: object) -> Client:
        urls = dict.fromkeys(("llamacpp", "openai", "anthropic"), url)
        client = Client(base_urls=urls, **arguments)  # type: ignore[arg-type]  # as Client's
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


Clients = Callable[..., Client]


@pytest.mark.parametrize("model", MODELS)
def test_the_exact_text(llama: Llama, clients: Clients, model: str) -> None:
    stream = clients(llama()).chat("hi", model=model, temperature=0, max_tokens=60)
    pieces = list(stream)
    assert "".join(pieces) == SENTENCE
    assert len(pieces) > 10
    assert stream.finish_reason == "stop"
    assert stream.usage is not None
    assert (stream.usage.input_tokens, stream.usage.output_tokens) == (6, 20)


@pytest.mark.parametrize("model", MODELS)
def test_the_limit(llama: Llama, clients: Clients, model: str) -> None:
    result = clients(llama()).ask("hi", model=model, temperature=0, max_tokens=4)
    assert (result.text, result.finish_reason) == ("Hello from a tiny", "length")


def test_a_conversation_with_a_system_text(llama: Llama, clients: Clients) -> None:
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "more"},
    ]
    for model in MODELS:
        result = clients(llama()).ask(messages, model=model, system="Be brief.", temperature=0)
        assert result.text == SENTENCE


@pytest.mark.parametrize("model", MODELS)
def test_a_too_long_prompt(llama: Llama, clients: Clients, model: str) -> None:
    with pytest.raises(ProviderError) as caught:
        clients(llama()).ask("word " * 600, model=model)
    error = caught.value
    assert (error.status, error.code) == (400, "context_length_exceeded")
    assert len(error.attempts) == 1


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("key", [None, "sk-wrong"])
def test_a_wrong_key(llama: Llama, clients: Clients, model: str, key: str | None) -> None:
    client = clients(llama("--api-key", "sk-test"))
    for ask in (
        lambda: client.ask("hi", model=model, api_key=key),
        lambda: client.models(model.partition(":")[0], api_key=key),
    ):
        with pytest.raises(AuthenticationError) as caught:
            ask()
        assert caught.value.status == 401
        assert "sk-wrong" not in f"{caught.value} {caught.value.body}"


@pytest.mark.parametrize("model", MODELS)
def test_the_right_key(llama: Llama, clients: Clients, model: str) -> None:
    client = clients(llama("--api-key", "sk-test"))
    assert client.ask("hi", model=model, api_key="sk-test", temperature=0).text == SENTENCE


@pytest.mark.parametrize("model", MODELS)
def test_the_models(llama: Llama, clients: Clients, model: str) -> None:
    assert clients(llama()).models(model.partition(":")[0]) == ["tiny"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.usefixtures("no_leaks")
def test_leaving_frees_the_slot(llama: Llama, clients: Clients, model: str) -> None:
    client = clients(llama(*ENDLESS, loop=True))
    with client.chat("hi", model=model, temperature=0) as stream:
        for _, _ in zip(range(5), stream, strict=False):
            pass
    # The only slot: as long as it is not free, who asks next waits, and that for minutes.
    soon = client.ask("hi", model=model, temperature=0, max_tokens=3, timeout=PATIENCE)
    assert soon.text == "Hello from a"


def test_cancel_wakes_a_call_that_waits_for_its_turn(llama: Llama, clients: Clients) -> None:
    client = clients(llama(*ENDLESS, loop=True))
    with client.chat("hi", model="llamacpp", temperature=0) as running:
        next(running)
        queued = client.chat("hi", model="anthropic:tiny")
        worker = Worker(lambda: list(queued))
        worker.blocks()  # the server sends nothing at all to who waits
        began = time.monotonic()
        queued.cancel()
        worker.failure(Cancelled)
        assert worker.ended_at - began < 250 * MS


def test_a_deadline_ends_an_endless_answer(llama: Llama, clients: Clients) -> None:
    client = clients(llama(*ENDLESS, loop=True))
    with pytest.raises(DeadlineExceeded) as caught:
        client.ask("hi", model="llamacpp", temperature=0, timeout=300 * MS)
    assert caught.value.clock == "total"
    assert is_the_beginning(caught.value.partial)


def test_two_streams_at_once(llama: Llama, clients: Clients) -> None:
    client = clients(llama(loop=True))
    lanes = ["llamacpp", "anthropic:tiny"]
    with client.compare("hi", lanes, temperature=0, max_tokens=300) as comparison:
        order = [lane for lane, _ in comparison]
    for result in comparison.results:
        assert isinstance(result, ChatResult)
        assert result.finish_reason == "length"
        assert result.text.startswith(REPEATED)
    changes = sum(before != after for before, after in itertools.pairwise(order))
    assert changes > 2


def test_nobody_listens(clients: Clients) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(G4FSyncError) as caught:
            clients(url).ask("hi", model="llamacpp", timeout=PATIENCE)
    assert isinstance(caught.value, ConnectionFailed)
    assert "refused: nothing listens there" in str(caught.value)


def command(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "g4fsync", "-m", "llamacpp", "--base-url", url, *arguments],
        capture_output=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        timeout=10 * PATIENCE,
        check=False,
    )


def test_the_command_line(llama: Llama) -> None:
    done = command(llama(), "hi", "-o", "temperature", "0")
    assert (done.stdout.strip(), done.returncode) == (SENTENCE, 0), done.stderr


def test_the_command_line_tells_that_a_prompt_is_too_long(llama: Llama) -> None:
    done = command(llama(), "word " * 600)
    assert (done.stdout, done.returncode) == ("", 1)
    told = " ".join(done.stderr.split())
    assert told.startswith("g4fsync: llamacpp: HTTP 400: request (")
    assert told.endswith("size (512 tokens), try increasing it")

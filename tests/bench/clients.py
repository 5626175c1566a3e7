"""g4fsync and its peers, each as its users call it.

A client is made once for a base URL and protocol; each call of what it gives is
one question, iterated for the texts of the answer.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from . import floor
from .floor import PATHS, QUESTION, TEXTS

Ask = Callable[[], Iterable[str]]
Batch = Callable[[int], None]
MESSAGES: Any = QUESTION["messages"]


def g4fsync(base_url: str, protocol: str, archive: Path | None = None) -> Ask:
    from g4fsync import Client
    from g4fsync.providers.myshell import Myshell

    client = Client(base_urls={protocol: base_url}, api_keys={protocol: "k"}, archive=archive)
    if protocol == "myshell":
        bot = Myshell(base_url, settle=0)
        return lambda: client.chat("hi", provider=bot)
    if protocol == "responses":
        from g4fsync.providers.openai import OpenAI

        there = OpenAI(base_url, api="responses")
        return lambda: client.chat("hi", provider=there, model="m")
    model = None if protocol in ("koala", "flowgpt") else "m"
    return lambda: client.chat("hi", provider=protocol, model=model)


def bare(base_url: str, protocol: str) -> Ask:
    if protocol == "myshell":
        return lambda: floor.frame_tokens(base_url)
    return lambda: floor.tokens(base_url, protocol)


def requests(base_url: str, protocol: str) -> Ask:
    session = module("requests").Session()

    def ask() -> Iterator[str]:
        url = base_url + PATHS[protocol]
        with session.post(url, json=QUESTION, stream=True) as response:
            yield from _texts(response.iter_lines(), protocol)

    return ask


def httpx(base_url: str, protocol: str) -> Ask:
    httpx = module("httpx")
    client = httpx.Client(limits=httpx.Limits(max_connections=None), timeout=60)

    def ask() -> Iterator[str]:
        with client.stream("POST", base_url + PATHS[protocol], json=QUESTION) as response:
            yield from _texts((line.encode() for line in response.iter_lines()), protocol)

    return ask


def openai(base_url: str, protocol: str) -> Ask:
    client = module("openai").OpenAI(base_url=base_url, api_key="k", max_retries=0)

    def respond() -> Iterator[str]:
        for event in client.responses.create(model="m", input=MESSAGES, stream=True):
            if event.type == "response.output_text.delta":
                yield event.delta

    def ask() -> Iterator[str]:
        for chunk in client.chat.completions.create(model="m", messages=MESSAGES, stream=True):
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content

    return respond if protocol == "responses" else ask


def anthropic(base_url: str, protocol: str) -> Ask:
    client = module("anthropic").Anthropic(base_url=base_url, api_key="k")

    def ask() -> Iterator[str]:
        arguments = {"model": "m", "max_tokens": 9, "messages": MESSAGES}
        for event in client.messages.create(stream=True, **arguments):
            if event.type == "content_block_delta":
                yield event.delta.text

    return ask


def ollama(base_url: str, protocol: str) -> Ask:
    client = module("ollama").Client(host=base_url)

    def ask() -> Iterator[str]:
        for part in client.chat(model="m", messages=MESSAGES, stream=True):
            if part.message.content:
                yield part.message.content

    return ask


def websocket(base_url: str, protocol: str) -> Ask:
    """websocket-client as it comes, with the least of Socket.IO."""
    connect = module("websocket").create_connection

    def ask() -> Iterator[str]:
        url = base_url.replace("http", "ws", 1) + "/ws/?EIO=4&transport=websocket"
        connection = connect(url)
        connection.send("40/chat,")
        while True:
            message = connection.recv()
            if message.startswith("40/chat,"):
                connection.send('42/chat,["text_chat",{"text":"hi"}]')
            elif message.startswith("42/chat,"):
                frame = json.loads(message[8:])[1]["data"]
                if frame["isFinal"]:
                    connection.close(timeout=0)
                    return
                yield frame["text"]

    return ask


def archived(base_url: str, protocol: str) -> Ask:
    """g4fsync, keeping every word in a file of its own."""
    return g4fsync(base_url, protocol, Path(tempfile.mkdtemp(prefix="bench")) / "chats.db")


CLIENTS: dict[str, Callable[[str, str], Ask]] = {
    "g4fsync": g4fsync,
    "archived": archived,
    "no archive": g4fsync,
    "floor": bare,
    "requests": requests,
    "httpx": httpx,
    "openai": openai,
    "anthropic": anthropic,
    "ollama": ollama,
    "websocket-client": websocket,
}
MODULES = {
    "floor": "socket",
    "g4fsync-threads": "g4fsync",
    "websocket-client": "websocket",
    "archived": "sqlite3",
    "no archive": "socket",
}  # the others are called as theirs


def _g4fsync_batch(base_url: str, workers: int) -> Batch:
    from g4fsync import Client

    client = Client(base_urls={"openai": base_url}, api_keys={"openai": "k"})

    def run(times: int) -> None:
        prompts = ("hi" for _ in range(times))
        for result in client.map(prompts, "openai:m", max_workers=workers):
            assert not isinstance(result, Exception), result

    return run


def _requests_batch(base_url: str, workers: int) -> Batch:
    requests = module("requests")
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=workers))

    def ask(_: int) -> None:
        url = base_url + PATHS["openai"]
        with session.post(url, json=QUESTION, stream=True) as response:
            assert list(_texts(response.iter_lines(), "openai"))

    def run(times: int) -> None:
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(ask, range(times)):
                pass

    return run


# Many questions, so many at a time, as their users ask them.
BATCHES: dict[str, Callable[[str, int], Batch]] = {
    "g4fsync": _g4fsync_batch,
    "requests": _requests_batch,
}


def is_installed(client: str) -> bool:
    return importlib.util.find_spec(MODULES.get(client, client)) is not None


def _texts(lines: Iterable[bytes], protocol: str) -> Iterator[str]:
    """What the lines of an answer say, as a user of an HTTP library takes it out.

    To the end of the body: who leaves at ``[DONE]`` gets a new connection for each answer.
    """
    text_of = TEXTS[protocol]
    for line in lines:
        if line.startswith(b"data: "):
            line = line[6:]
            if line == b"[DONE]":
                continue
        elif not line.startswith(b"{"):
            continue
        text = text_of(json.loads(line))
        if text:
            yield text


def module(name: str) -> Any:
    """The module of this name; there is no telling which are installed, and with what types."""
    return importlib.import_module(name)

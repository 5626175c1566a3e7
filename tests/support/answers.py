"""Answers of far sides that nobody here wrote, as raw bytes over a real connection.

What a caller gets of them is one :class:`Answer`, to be compared as a whole.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from g4fsync import Client, G4FSyncError, Retry
from g4fsync.call.stream import ChatStream
from g4fsync.events import Finish, Usage
from tests.support.servers import Peer, Server

SSE = "text/event-stream"
JSON = "application/json"
LINES = "application/x-ndjson"
Pieces = Sequence["bytes | float"]  # bytes, and pauses in seconds between them
Call = tuple[str, dict[str, Any]]  # name and arguments


@dataclass(frozen=True)
class Answer:
    """What a caller gets: of a failure its class and code, and what came before."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    finish: str | None = "stop"
    usage: Usage | None = None
    error: str | None = None
    code: str | None = None


def frame(value: Any) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"data: {text}\n\n".encode()


def events(*values: Any) -> bytes:
    return b"".join(map(frame, values))


def chunk(content: Any = None, finish: Any = None, **fields: Any) -> dict[str, Any]:
    """One of OpenAI's chunks; *fields* belong to its delta."""
    delta = fields if content is None else {"content": content, **fields}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def call(index: int, name: str, arguments: str = "{}") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": index, "id": f"c{index}", "function": function}]}


def counted(**counts: Any) -> dict[str, Any]:
    return {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, **counts}


def part(text: str, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """One of Gemini's chunks."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], **fields}


def called(*calls: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": [{"functionCall": each} for each in calls]}}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})]}


def message(content: Any = None, finish: Any = "stop", **fields: Any) -> dict[str, Any]:
    """A complete answer of OpenAI's, as one JSON object."""
    turn = {"role": "assistant", "content": content, **fields}
    return {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": turn, "finish_reason": finish}],
    }


def lane(provider: str, url: str) -> Client:
    return Client(f"{provider}:m", base_urls={provider: url}, retry=Retry(attempts=1))


@contextlib.contextmanager
def far_side(media_type: str, pieces: Pieces) -> Iterator[Server]:
    def talk(peer: Peer) -> None:
        while peer.request():
            peer.head(f"Content-Type: {media_type}", "Transfer-Encoding: chunked")
            for piece in pieces:
                if isinstance(piece, bytes):
                    peer.chunk(piece)
                else:
                    time.sleep(piece)  # the far side is slow: this is what is tested
            peer.chunk(b"")

    with Server(talk) as server:
        yield server


def answered(stream: ChatStream) -> Answer:
    finishes: list[Finish] = []
    failure: G4FSyncError | None = None
    try:
        finishes = [event for event in stream.events() if isinstance(event, Finish)]
    except G4FSyncError as error:
        failure = error
    assert failure is None or failure.partial == stream.text
    assert len(finishes) == (0 if failure or stream.provider == "flowgpt" else 1)
    return Answer(
        stream.text,
        stream.reasoning,
        tuple((each.name, each.json()) for each in stream.tool_calls),
        stream.finish_reason,
        stream.usage,
        type(failure).__name__ if failure else None,
        getattr(failure, "code", None),
    )


def read(provider: str, media_type: str, *pieces: bytes | float) -> Answer:
    with far_side(media_type, pieces) as server, lane(provider, server.url) as client:
        model = None if provider == "flowgpt" else f"{provider}:m"
        return answered(client.chat("Hi", model=model or provider))

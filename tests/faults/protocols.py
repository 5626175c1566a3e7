"""How each far side speaks a right answer, written by hand, byte by byte.

Independent of ``g4fsync.emulator`` and of the package's own codecs: what both
got wrong alike would not show otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from g4fsync.providers.anthropic import Anthropic
from g4fsync.providers.base import Provider
from g4fsync.providers.flowgpt import FlowGpt
from g4fsync.providers.gemini import Gemini
from g4fsync.providers.koala import Koala
from g4fsync.providers.myshell import Myshell
from g4fsync.providers.ollama import Ollama
from g4fsync.providers.openai import OpenAI
from g4fsync.providers.openassistant import OpenAssistant
from tests.support.servers import Peer, Request

TOKENS = ("Grü", "ße 世界", "!")  # each but the last with a character of several bytes
TEXT = "".join(TOKENS)

# What must never be seen anywhere but at the origin asked.
KEY = "sk-SECRETKEY0123456789"
COOKIE = "SECRETCOOKIE0123456789"
PROMPT = "SECRETPROMPT, please"
PROXY_PASSWORD = "SECRETPASSWORD"
SECRETS = (KEY, COOKIE, "SECRETPROMPT", PROXY_PASSWORD)


@dataclass(frozen=True)
class Protocol:
    """One far side: how it is asked, and the bytes of its right answer."""

    name: str
    provider: Callable[..., Provider]
    media_type: str
    event: Callable[[Any], bytes]  # one token in the middle of an answer
    empty: bytes  # parsed, but no progress
    error: bytes  # a failure told in the middle of the answer
    path: str  # of the request that asks
    start: bytes = b""  # before the first token
    end: bytes = b""  # the end mark
    after: bytes = b""  # what may follow it
    keepalive: bytes = b""
    settings: Mapping[str, Any] = field(default_factory=dict)
    uses_key: bool = False
    uses_cookies: bool = False
    is_socket: bool = False

    def __repr__(self) -> str:
        return self.name

    @property
    def has_end_mark(self) -> bool:
        return bool(self.end)

    @property
    def answer(self) -> bytes:
        """The whole body of a right answer."""
        return self.start + b"".join(map(self.event, TOKENS)) + self.end + self.after

    def is_ask(self, request: Request) -> bool:
        """Whether this is the request that is answered by a stream."""
        return request.target.partition("?")[0] == self.path

    def arguments(self, base_url: str) -> dict[str, Any]:
        """For ``client.chat()``."""
        given: dict[str, Any] = {"provider": self.provider(base_url, **self.settings)}
        if self.provider in (OpenAI, Anthropic, Gemini, Ollama):
            given["model"] = "m"
        if self.uses_key:
            given["api_key"] = KEY
        if self.uses_cookies:
            given["cookies"] = {"next-auth.session-token": COOKIE}
        return given


def prepare(peer: Peer, request: Request) -> None:
    """Answer the requests before and after the one that asks (Open-Assistant)."""
    kind = {"/api/chat": "chat", "/api/chat/prompter_message": "parent"}
    path = request.target.partition("?")[0]
    about = {"id": kind.get(path, "reply"), "state": "in_progress", "content": ""}
    peer.answer(json.dumps(about).encode())


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _data(value: Any) -> bytes:
    return b"data: " + _json(value) + b"\n\n"


def _line(value: Any) -> bytes:
    return _json(value) + b"\n"


def _named(value: dict[str, Any]) -> bytes:
    return b"event: " + str(value["type"]).encode() + b"\n" + _data(value)


def _chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def _candidate(text: Any, **more: Any) -> dict[str, Any]:
    parts = [] if text is None else [{"text": text}]
    return {"candidates": [{"content": {"role": "model", "parts": parts}, **more}]}


def _delta(text: Any) -> dict[str, Any]:
    delta = {"type": "text_delta", "text": text}
    return {"type": "content_block_delta", "index": 0, "delta": delta}


def _stream(text: Any, *, final: bool = False) -> bytes:
    said = ["text_stream", {"data": {"text": text, "isFinal": final}}]
    return b"42/chat," + _json(said)


KOALA = Protocol(
    name="koala",
    provider=Koala,
    media_type="text/event-stream",
    event=_data,
    empty=b"",
    error=_data({"error": "out of order"}),
    path="/api/gpt/",
    keepalive=b": keep-alive\n\n",
)
FLOWGPT = Protocol(
    name="flowgpt",
    provider=FlowGpt,
    media_type="application/x-ndjson",
    event=lambda text: _line({"event": "text", "data": text}),
    empty=_line({"event": "start"}),
    error=_line({"event": "error", "data": "out of order"}),
    path="/v3/chat-anonymous",
    keepalive=b"\n",
)
OPENASSISTANT = Protocol(
    name="openassistant",
    provider=OpenAssistant,
    media_type="text/event-stream",
    event=lambda text: _data({"event_type": "token", "text": text}),
    empty=_data({"event_type": "pending", "queue_position": 1, "queue_size": 9}),
    error=_data({"event_type": "error", "error": "out of order"}),
    end=_data({"event_type": "message", "message": {"state": "complete", "content": TEXT}}),
    path="/api/chat/events",
    keepalive=b"event: ping\ndata: 2026-01-01 00:00:00\n\n",
    uses_cookies=True,
)
OPENAI = Protocol(
    name="openai",
    provider=OpenAI,
    media_type="text/event-stream",
    event=lambda text: _data(_chunk({"content": text})),
    empty=_data(_chunk({})),
    error=_data({"error": {"message": "out of order", "type": "invalid_request_error"}}),
    start=_data(_chunk({"role": "assistant", "content": ""})),
    end=_data(_chunk({}, "stop")),
    after=_data({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 3}})
    + b"data: [DONE]\n\n",
    path="/v1/chat/completions",
    keepalive=b": OPENROUTER PROCESSING\n\n",
    uses_key=True,
)
RESPONSES = Protocol(
    name="responses",
    provider=OpenAI,
    media_type="text/event-stream",
    event=lambda text: _named(
        {"type": "response.output_text.delta", "sequence_number": 7, "delta": text}
    ),
    empty=_named({"type": "response.in_progress", "response": {"status": "in_progress"}}),
    error=_named({"type": "error", "code": "broken", "message": "out of order", "param": None}),
    start=_named({"type": "response.created", "response": {"status": "in_progress"}}),
    end=_named({"type": "response.output_text.done", "text": TEXT})
    + _named(
        {
            "type": "response.completed",
            "response": {"status": "completed", "output": [], "usage": {"output_tokens": 3}},
        }
    ),
    path="/v1/responses",
    keepalive=_named({"type": "keepalive"}),
    settings={"api": "responses"},
    uses_key=True,
)
ANTHROPIC = Protocol(
    name="anthropic",
    provider=Anthropic,
    media_type="text/event-stream",
    event=lambda text: _named(_delta(text)),
    empty=_named({"type": "something_new"}),
    error=_named({"type": "error", "error": {"type": "api_problem", "message": "out of order"}}),
    start=_named({"type": "message_start", "message": {"usage": {"input_tokens": 1}}})
    + _named(
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": ""},
        }
    ),
    end=_named({"type": "content_block_stop", "index": 0})
    + _named(
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 3},
        }
    )
    + _named({"type": "message_stop"}),
    path="/v1/messages",
    keepalive=_named({"type": "ping"}),
    uses_key=True,
)
GEMINI = Protocol(
    name="gemini",
    provider=Gemini,
    media_type="text/event-stream",
    event=lambda text: _data(_candidate(text)),
    empty=_data(_candidate(None)),
    error=_json([{"error": {"code": 400, "message": "out of order", "status": "BROKEN"}}])
    + b"\n\n",
    end=_data(_candidate(None, finishReason="STOP")),
    path="/v1beta/models/m:streamGenerateContent",
    keepalive=b": keep-alive\n\n",
    uses_key=True,
)
OLLAMA = Protocol(
    name="ollama",
    provider=Ollama,
    media_type="application/x-ndjson",
    event=lambda text: _line({"message": {"role": "assistant", "content": text}, "done": False}),
    empty=_line({"message": {"role": "assistant", "content": ""}, "done": False}),
    error=_line({"error": "out of order"}),
    end=_line({"message": {"content": ""}, "done": True, "done_reason": "stop", "eval_count": 3}),
    path="/api/chat",
    keepalive=b"\n",
    uses_key=True,
)
# Its bytes are Engine.IO packets, one a frame.
MYSHELL = Protocol(
    name="myshell",
    provider=Myshell,
    media_type="",
    event=_stream,
    empty=b'42/chat,["something_new",{}]',
    error=b'42/chat,["message_replied",{}]',
    end=_stream("", final=True),
    path="/ws/",
    keepalive=b"2",
    settings={"settle": 0.0},
    is_socket=True,
)

HTTP = (KOALA, FLOWGPT, OPENASSISTANT, OPENAI, RESPONSES, ANTHROPIC, GEMINI, OLLAMA)
EVERY = (*HTTP, MYSHELL)

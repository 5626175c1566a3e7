"""What is fuzzed: functions of bytes that may raise a ``G4FSyncError`` and nothing else.

The first byte of an input says how the rest is cut into pieces, so that one
file of the corpus stays one case.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from g4fsync.access import cookies
from g4fsync.codecs import engineio, refusals, socketio, strict
from g4fsync.codecs.bulk import BulkReader
from g4fsync.codecs.chunked import ChunkDecoder
from g4fsync.codecs.inflate import Inflater
from g4fsync.codecs.ndjson import RecordDecoder
from g4fsync.codecs.socketio import SocketEvent
from g4fsync.codecs.sse import SSEDecoder
from g4fsync.errors import G4FSyncError
from g4fsync.messages import as_messages
from g4fsync.providers.anthropic import Anthropic
from g4fsync.providers.base import Provider
from g4fsync.providers.flowgpt import FlowGpt
from g4fsync.providers.gemini import Gemini
from g4fsync.providers.koala import Koala
from g4fsync.providers.myshell import Myshell
from g4fsync.providers.ollama import Ollama
from g4fsync.providers.openai import OpenAI
from g4fsync.providers.openassistant import OpenAssistant
from g4fsync.testing.asking import chat
from g4fsync.testing.scripted import Reply, ScriptedTransport
from g4fsync.transport import heads

Target = Callable[[bytes], None]


def pieces(content: bytes) -> list[bytes]:
    """*content* behind its first byte, in pieces of that size; 0 leaves it whole."""
    size, body = (content[0], content[1:]) if content else (0, b"")
    return [body[at : at + size] for at in range(0, len(body), size)] if size else [body]


# -- codecs -------------------------------------------------------------


def sse(content: bytes) -> None:
    decoder = SSEDecoder()
    for piece in pieces(content):
        for event in decoder.feed(piece):
            with contextlib.suppress(G4FSyncError):
                event.json()
    decoder.close()


def ndjson(content: bytes) -> None:
    decoder = RecordDecoder()
    for piece in pieces(content):
        list(decoder.feed(piece))
    decoder.close()


def chunked(content: bytes) -> None:
    decoder = ChunkDecoder()
    for piece in pieces(content):
        decoder.feed(piece)
        if decoder.ended:
            return
    decoder.close()


def gzip(content: bytes) -> None:
    _inflate(Inflater("gzip"), content)


def deflate(content: bytes) -> None:
    _inflate(Inflater("deflate"), content)


def _inflate(inflater: Inflater, content: bytes) -> None:
    for piece in pieces(content):
        for inflated in inflater.feed(piece):
            assert inflated
    inflater.close()


def json_value(content: bytes) -> None:
    value = strict.parse(content)
    json.dumps(value)


def fast_path(content: bytes) -> None:
    """What the fast path gives must be what the plain decoder gives."""
    values = BulkReader().records(content + b"\n")
    if values is not None:
        decoder = RecordDecoder()
        list(decoder.feed(b"\n"))  # past the place where a byte order mark may stand
        assert list(values) == list(decoder.feed(content + b"\n"))


def engine_io(content: bytes) -> None:
    packet = engineio.decode(content.decode("latin-1"))
    engineio.Handshake.parse(packet.payload)


def socket_io(content: bytes) -> None:
    packet = socketio.decode(content.decode("latin-1"))
    if packet.type in (socketio.PacketType.EVENT, socketio.PacketType.BINARY_EVENT):
        packet.event()
    assert socketio.decode(socketio.encode(packet)) == packet


def refusal(content: bytes) -> None:
    """Status, then headers up to a blank line, then the body."""
    head, _, body = content[2:].partition(b"\n\n")
    lines = [line.partition(":") for line in head.decode("latin-1").split("\n")]
    headers = {name.lower(): value.strip() for name, _, value in lines}
    status = 100 + int.from_bytes(content[:2], "big") % 900
    error = refusals.from_answer(status, headers, body)
    assert isinstance(error, G4FSyncError)
    str(error)


class _Connection:
    """What ``http.client`` reads an answer from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._content)


def head(content: bytes) -> None:
    """The head of an answer; ``http.client``'s own exceptions are translated above it."""
    response = heads.CheckedResponse(_Connection(content))
    try:
        response.begin()
    except (http.client.HTTPException, ConnectionError):
        return
    finally:
        response.close()
    assert 100 <= response.status <= 999


# -- providers ----------------------------------------------------------


def _provider(provider: Provider, *, model: str | None, asked: str, media_type: str) -> Target:
    def target(content: bytes) -> None:
        kind = "application/json" if content[:1] == b"\xff" else media_type
        body = Reply(pieces(content), headers={"content-type": kind})
        about = {"id": "1", "state": "complete", "content": "all"}
        ready = {"GET /api/chat/message": about, "DELETE /api/chat": about}
        script: dict[str, Any] = {
            **{f"POST /api/chat{rest}": about for rest in ("", *_STEPS)},
            **ready,
            asked: body,
        }
        transport = ScriptedTransport(script, api_key="key")
        stream = chat(provider, "Hi", transport, model=model)
        text = []
        try:
            for event in stream.events():
                text.append(repr(event))
        except G4FSyncError as error:
            if error.partial != stream.text:
                raise AssertionError("the partial text is not what came") from error
            str(error)
            raise
        result = stream.result()
        result.text.encode()  # can be written anywhere

    return target


_STEPS = ("/prompter_message", "/assistant_message", "/events")


def myshell(content: bytes) -> None:
    """Each line is what stands behind ``42/chat,`` of a message."""
    events: list[SocketEvent] = []
    for line in content.split(b"\n"):
        with contextlib.suppress(G4FSyncError):
            events.append(socketio.decode("2" + line.decode("latin-1")).event())
    transport = ScriptedTransport({"SOCKETIO /ws/": Reply(events)})
    chat(Myshell(settle=0), "Hi", transport).result()


def models(provider: Provider, path: str) -> Target:
    """A list of models, as ``list_models()`` reads it."""

    def target(content: bytes) -> None:
        transport = ScriptedTransport({f"GET {path}": Reply(content)}, api_key="key")
        try:
            provider.list_models(transport)
        except (LookupError, TypeError, ValueError, AttributeError) as exc:
            # What the engine does with a provider's failed look-up.
            if isinstance(exc, G4FSyncError):
                raise

    return target


# -- what callers give --------------------------------------------------


def cookie_file(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ("a.json" if content[:1] in b"[{" else "a.txt")
        file.write_bytes(content)
        found = cookies.load(
            str(file), provider="koala", host="koala.sh", secure=True, path="/", now=1.7e9
        )
    for name, value in found.items():
        assert not set(name + value) & set("\r\n\0;")


def messages(content: bytes) -> None:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = content.decode("utf-8", "surrogateescape")
    for message in as_messages(value):
        message.content.encode()


TARGETS: dict[str, Target] = {
    "sse": sse,
    "ndjson": ndjson,
    "chunked": chunked,
    "gzip": gzip,
    "deflate": deflate,
    "json": json_value,
    "fast_path": fast_path,
    "engineio": engine_io,
    "socketio": socket_io,
    "refusal": refusal,
    "head": head,
    "koala": _provider(Koala(), model=None, asked="POST /api/gpt/", media_type="text/event-stream"),
    "flowgpt": _provider(
        FlowGpt(), model=None, asked="POST /v3/chat-anonymous", media_type="application/x-ndjson"
    ),
    "openassistant": _provider(
        OpenAssistant(), model=None, asked="POST /api/chat/events", media_type="text/event-stream"
    ),
    "openai": _provider(
        OpenAI(think_tags=True),
        model="m",
        asked="POST /chat/completions",
        media_type="text/event-stream",
    ),
    "responses": _provider(
        OpenAI(api="responses"),
        model="m",
        asked="POST /responses",
        media_type="text/event-stream",
    ),
    "anthropic": _provider(
        Anthropic(), model="m", asked="POST /v1/messages", media_type="text/event-stream"
    ),
    "gemini": _provider(
        Gemini(),
        model="m",
        asked="POST /models/m:streamGenerateContent",
        media_type="text/event-stream",
    ),
    "ollama": _provider(
        Ollama(), model="m", asked="POST /api/chat", media_type="application/x-ndjson"
    ),
    "myshell": myshell,
    "openai_models": models(OpenAI(), "/models"),
    "ollama_models": models(Ollama(), "/api/tags"),
    "cookies": cookie_file,
    "messages": messages,
}


def run(target: str, content: bytes) -> bool:
    """Whether *content* was taken; anything raised but a ``G4FSyncError`` is a bug."""
    try:
        TARGETS[target](content)
    except G4FSyncError:
        return False
    return True


CORPUS = Path(__file__).parent / "corpus"


def seeds(target: str) -> Iterator[bytes]:
    """The corpus of *target*, in a fixed order."""
    for file in sorted((CORPUS / target).glob("*")):
        yield file.read_bytes()

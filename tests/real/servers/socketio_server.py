"""python-socketio as Myshell's far side: ``socketio_server.py KIND PORT '{"settings": ...}'``.

KIND is ``threading`` (Werkzeug and simple-websocket) or ``asgi`` (uvicorn and websockets).
The same talk as socketio_server.mjs: the question's text says what to answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import socketio

NAMESPACE = "/chat"
kind, port = sys.argv[1], int(sys.argv[2])
settings: dict[str, Any] = json.loads(sys.argv[3])
state: dict[str, list[Any]] = {"left": [], "auth": [], "questions": [], "acks": []}
shared: dict[str, Any] = {
    "ping_interval": settings.get("pingInterval", 25_000) / 1000,
    "ping_timeout": settings.get("pingTimeout", 20_000) / 1000,
    "transports": settings.get("transports", ["websocket"]),
    "max_http_buffer_size": 1_000_000,
    "logger": False,
    "engineio_logger": False,
}


# What to do, step by step: an event's name and arguments; a pause in seconds; "kick".
def say(pieces: list[str], gap: float = 0.0) -> Iterator[Any]:
    for number, text in enumerate(pieces, 1):
        yield "text_stream", {"data": {"text": text, "isFinal": number == len(pieces)}}
        if gap:
            yield gap


def captcha() -> Iterator[Any]:
    yield "need_verify_captcha", {}


def replied() -> Iterator[Any]:
    yield "message_replied", {"data": {}}


def kick(how: str) -> Iterator[Any]:
    yield "text_stream", {"data": {"text": "begun ", "isFinal": False}}
    yield 0.1
    yield "kick" if how == "namespace" else "hang up"


def send_bytes(pieces: list[str]) -> Iterator[Any]:
    yield "picture", bytes([0, 1, 255]), {"inner": b"42/chat,["}
    yield from say(pieces)


def ack(pieces: list[str]) -> Iterator[Any]:
    yield "ask", "are_you_there", {"a": 1}
    yield from say(pieces)


def large(length: int) -> Iterator[Any]:
    text = "ü🦙" * length
    yield from say([text, text])


def silence() -> Iterator[Any]:
    return iter(())


talk: dict[str, Callable[..., Iterator[Any]]] = {
    "say": say,
    "captcha": captcha,
    "replied": replied,
    "kick": kick,
    "bytes": send_bytes,
    "ack": ack,
    "large": large,
    "silence": silence,
}


def steps(question: dict[str, Any]) -> Iterator[Any]:
    state["questions"].append(question)
    verb, *rest = json.loads(question["text"])
    return talk[verb](*rest)


def connected(auth: Any) -> None:
    if settings.get("refuse"):
        raise socketio.exceptions.ConnectionRefusedError(settings["refuse"])
    state["auth"].append(auth)


def serve_threading() -> None:
    from werkzeug.serving import make_server

    io = socketio.Server(async_mode="threading", **shared)

    def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        connected(auth)

    def disconnect(sid: str, *reason: str) -> None:
        state["left"].append(list(reason))

    def text_chat(sid: str, question: dict[str, Any]) -> None:
        for step in steps(question):
            if isinstance(step, float | int):
                time.sleep(step)
            elif step == "kick":
                io.disconnect(sid, namespace=NAMESPACE)
            elif step == "hang up":
                io.eio.disconnect(io.manager.eio_sid_from_sid(sid, NAMESPACE))
            elif step[0] == "ask":
                answer = io.call(step[1], step[2:], to=sid, namespace=NAMESPACE, timeout=10)
                state["acks"].append(answer)
            else:
                io.emit(step[0], step[1:], to=sid, namespace=NAMESPACE)

    io.on("connect", connect, NAMESPACE)
    io.on("disconnect", disconnect, NAMESPACE)
    io.on("text_chat", text_chat, NAMESPACE)
    application = socketio.WSGIApp(io, tell, socketio_path="ws")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    make_server("127.0.0.1", port, application, threaded=True).serve_forever(0.02)


def tell(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(state).encode()]


def serve_asgi() -> None:
    import uvicorn

    io = socketio.AsyncServer(async_mode="asgi", **shared)

    async def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        connected(auth)

    async def disconnect(sid: str, *reason: str) -> None:
        state["left"].append(list(reason))

    async def text_chat(sid: str, question: dict[str, Any]) -> None:
        for step in steps(question):
            if isinstance(step, float | int):
                await asyncio.sleep(step)
            elif step == "kick":
                await io.disconnect(sid, namespace=NAMESPACE)
            elif step == "hang up":
                await io.eio.disconnect(io.manager.eio_sid_from_sid(sid, NAMESPACE))
            elif step[0] == "ask":
                answer = await io.call(step[1], step[2:], to=sid, namespace=NAMESPACE, timeout=10)
                state["acks"].append(answer)
            else:
                await io.emit(step[0], step[1:], to=sid, namespace=NAMESPACE)

    async def tell_async(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(state).encode()})

    io.on("connect", connect, NAMESPACE)
    io.on("disconnect", disconnect, NAMESPACE)
    io.on("text_chat", text_chat, NAMESPACE)
    application = socketio.ASGIApp(io, tell_async, socketio_path="ws")
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=port,
        log_level="error",
        lifespan="off",
        ws_per_message_deflate=bool(settings.get("deflate")),
    )


{"threading": serve_threading, "asgi": serve_asgi}[kind]()

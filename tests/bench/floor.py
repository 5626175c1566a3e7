"""The floor: what is left when everything but the work itself is taken away.

A blocking socket, ``recv(64K)``, chunks taken out in Python, ``json.loads`` per
event; no errors, no clocks, no cancellation, no end marks.  Somebody who needs
the tokens of this one server and nothing else would write it so.
"""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

BLOCK_BYTES = 65_536

# Where each protocol's requests go, and what its events say.
PATHS = {
    "openai": "/chat/completions",
    "responses": "/responses",
    "anthropic": "/v1/messages",
    "ollama": "/api/chat",
    "koala": "/api/gpt/",
    "flowgpt": "/v3/chat-anonymous",
    "myshell": "/ws/",
}
TEXTS: dict[str, Callable[[Any], str | None]] = {
    "openai": lambda value: (value["choices"] or _NO_CHOICES)[0]["delta"].get("content"),
    "responses": lambda value: value.get("delta"),
    "anthropic": lambda value: (value.get("delta") or {}).get("text"),
    "ollama": lambda value: value["message"]["content"],
    "koala": lambda value: value,
    "flowgpt": lambda value: value["data"],
    "myshell": lambda value: value[1]["data"]["text"],
}
_NO_CHOICES: Any = [{"delta": {}}]  # the chunk that tells usage
QUESTION = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}


def tokens(base_url: str, protocol: str) -> Iterator[str]:
    """The answer's tokens, over HTTP."""
    text_of = TEXTS[protocol]
    separator = b"\n" if protocol in ("ollama", "flowgpt") else b"\n\n"
    is_sse = separator == b"\n\n"
    rest = b""
    for block in _payload(_asked(base_url, protocol)):
        *events, rest = (rest + block).split(separator)
        for event in events:
            if is_sse:
                event = event[event.index(b"data: ") + 6 :]
                if event == b"[DONE]":
                    return
            text = text_of(json.loads(event))
            if text:
                yield text


def _asked(base_url: str, protocol: str) -> socket.socket:
    url = urlsplit(base_url)
    body = json.dumps(QUESTION)
    sock = socket.create_connection((url.hostname, url.port or 0))
    sock.sendall(
        f"POST {url.path}{PATHS[protocol]} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    return sock


def _payload(sock: socket.socket) -> Iterator[bytes]:
    """The body, a block of chunks at a time."""
    with sock:
        buffer = b""
        while b"\r\n\r\n" not in buffer:
            buffer += sock.recv(BLOCK_BYTES)
        buffer = buffer.partition(b"\r\n\r\n")[2]
        while True:
            chunks: list[bytes] = []
            at = 0
            while (end := buffer.find(b"\r\n", at)) >= 0:
                size = int(buffer[at:end], 16)
                begin = end + 2
                if len(buffer) < begin + size + 2:
                    break
                if size == 0:
                    yield b"".join(chunks)
                    return
                chunks.append(buffer[begin : begin + size])
                at = begin + size + 2
            yield b"".join(chunks)
            buffer = buffer[at:] + sock.recv(BLOCK_BYTES)


def frame_tokens(base_url: str) -> Iterator[str]:
    """The answer's tokens, over Socket.IO: a raw frame loop."""
    url = urlsplit(base_url)
    key = base64.b64encode(os.urandom(16)).decode()
    with socket.create_connection((url.hostname, url.port or 0)) as sock:
        sock.sendall(
            f"GET {url.path}/ws/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {url.netloc}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        buffer = b""
        while b"\r\n\r\n" not in buffer:
            buffer += sock.recv(BLOCK_BYTES)
        buffer = buffer.partition(b"\r\n\r\n")[2]
        sock.sendall(_masked(b"40/chat,"))
        while True:
            at = 0
            while len(buffer) - at >= 4:
                size, begin = buffer[at + 1], at + 2
                if size == 126:
                    size, begin = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
                if len(buffer) < begin + size:
                    break
                message = buffer[begin : begin + size]
                at = begin + size
                if message.startswith(b"42/chat,"):
                    frame = json.loads(message[8:])[1]["data"]
                    if frame["isFinal"]:
                        return
                    yield frame["text"]
                elif message.startswith(b"40/chat,"):
                    sock.sendall(_masked(b'42/chat,["text_chat",{"text":"hi"}]'))
            buffer = buffer[at:] + sock.recv(BLOCK_BYTES)


def _masked(payload: bytes) -> bytes:
    return bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload

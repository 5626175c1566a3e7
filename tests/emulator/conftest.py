"""Right requests to each far side, made by hand: the emulator is not tested with our own client."""

from __future__ import annotations

import hashlib
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from g4fsync.emulator import Emulator

AGENT = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:122.0) Gecko/20100101 Firefox/122.0"
Ask = Callable[..., requests.Response]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


def changed(fields: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """*fields* with changes; a change to ``...`` takes the field away."""
    merged = {**fields, **changes}
    return {name: value for name, value in merged.items() if value is not ...}


@pytest.fixture
def koala(emulator: Emulator) -> Ask:
    """Ask Koala; ``body`` and ``headers`` are changes to a right request."""

    def ask(
        body: dict[str, Any] | None = None, headers: dict[str, Any] | None = None, **options: Any
    ) -> requests.Response:
        right = {"input": "Hi", "inputHistory": [], "outputHistory": [], "model": "gpt-4o-mini"}
        right_headers = {
            "User-Agent": AGENT,
            "Accept": "text/event-stream",
            "Accept-Language": "de,en-US;q=0.7,en;q=0.3",
            "Accept-Encoding": "gzip, deflate",
            "Referer": "https://koala.sh/chat",
            "Flag-Real-Time-Data": "false",
            "Visitor-ID": "0123456789abcdefghij",
            "Origin": "https://koala.sh",
            "Alt-Used": "koala.sh",
            "Sec-Fetch-Dest": "empty",
            "Sec-Fetch-Mode": "cors",
            "Sec-Fetch-Site": "same-origin",
            "TE": "trailers",
        }
        return requests.post(
            f"{emulator.base_urls['koala']}/api/gpt/",
            json=changed(right, body or {}),
            headers=changed(right_headers, headers or {}),
            timeout=10,
            **options,
        )

    return ask


@pytest.fixture
def flowgpt(emulator: Emulator) -> Ask:
    """Ask FlowGpt; ``body`` and ``headers`` are changes to a right request."""

    def ask(
        body: dict[str, Any] | None = None, headers: dict[str, Any] | None = None
    ) -> requests.Response:
        right = {
            "model": "claude-instant",
            "nsfw": False,
            "question": "Hi",
            "history": [{"role": "assistant", "content": "Hello, how can I help you today?"}],
            "system": "Be brief.",
            "temperature": 0.7,
            "promptId": "model-claude-instant",
            "documentIds": [],
            "chatFileDocumentIds": [],
            "generateImage": False,
            "generateAudio": False,
        }
        stamp = (headers or {}).get("x-timestamp", str(int(time.time())))
        nonce = (headers or {}).get("x-nonce", secrets.token_hex(16))
        right_headers = {
            "User-Agent": AGENT,
            "Accept": "*/*",
            "Accept-Language": "en-US;q=0.7,en;q=0.3",
            "Referer": "https://flowgpt.com/",
            "Authorization": "Bearer null",
            "Origin": "https://flowgpt.com",
            "Sec-Fetch-Dest": "empty",
            "Sec-Fetch-Mode": "cors",
            "Sec-Fetch-Site": "same-site",
            "TE": "trailers",
            "x-flow-device-id": "f-0123456789abcdefghi",
            "x-nonce": nonce,
            "x-signature": hashlib.md5(f"{stamp}-{nonce}-Bearer null".encode()).hexdigest(),
            "x-timestamp": stamp,
        }
        return requests.post(
            f"{emulator.base_urls['flowgpt']}/v3/chat-anonymous",
            json=changed(right, body or {}),
            headers=changed(right_headers, headers or {}),
            timeout=10,
        )

    return ask


@pytest.fixture
def tcp() -> Iterator[Callable[[str, bytes], socket.socket]]:
    """Open a raw connection to a base URL and send bytes."""
    opened: list[socket.socket] = []

    def connect(base_url: str, content: bytes) -> socket.socket:
        where = urlsplit(base_url)
        assert where.hostname
        assert where.port
        connection = socket.create_connection((where.hostname, where.port), timeout=10)
        opened.append(connection)
        connection.sendall(content)
        return connection

    yield connect
    for connection in opened:
        connection.close()


@pytest.fixture
def koala_request() -> bytes:
    """A right request to Koala as bytes."""
    body = b'{"input": "Hi", "inputHistory": [], "outputHistory": [], "model": "m"}'
    head = f"""POST /koala/api/gpt/ HTTP/1.1
Host: koala.sh
User-Agent: {AGENT}
Accept: text/event-stream
Accept-Language: de,en-US;q=0.7,en;q=0.3
Referer: https://koala.sh/chat
Flag-Real-Time-Data: false
Visitor-ID: 0123456789abcdefghij
Origin: https://koala.sh
Alt-Used: koala.sh
Sec-Fetch-Dest: empty
Sec-Fetch-Mode: cors
Sec-Fetch-Site: same-origin
TE: trailers
Content-Type: application/json
Content-Length: {len(body)}

"""
    return head.replace("\n", "\r\n").encode() + body

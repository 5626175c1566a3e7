"""Myshell (myshell.ai): Socket.IO over a WebSocket, namespace ``/chat``.

Facts, seen on the wire of gpt4free 0.1.5 to 0.4.9 against a real Socket.IO
server (the site left this form in 2023-10):

* ``wss://api.myshell.ai/ws/?EIO=4&transport=websocket``; the namespace's auth is
  ``{"token": null, "visitorId": ...}``.  The visitor id is that of a common web
  analytics script and holds a hash of the User-Agent, so the two must agree.
* After connecting wait 5 s: asking sooner draws ``need_verify_captcha``.
* ``text_chat`` carries the text, the bot's uid, and a keyed MD5 over version,
  text and timestamp, written backwards; the timestamp's last digit is a check
  digit.  Version and key are constants of the site's own web client.
* ``text_stream`` brings ``data.text`` and ``data.isFinal``, sometimes both in
  one frame; ``message_replied`` in place of a stream is an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from uuid import UUID

from ..errors import CaptchaRequired, ProviderError, StreamTruncated
from ..events import Event, Finish
from ..messages import ChatRequest, flatten
from ..transport.base import Transport
from .base import MAC_CHROME, Provider

VERSION, KEY = "v1.0.0", "8@VXGK3kKHr!u2gA"
SCREEN_PIXELS = 1080 * 1920


class Myshell(Provider):
    """Chat with myshell.ai bots; each model is one bot.  No option is taken.

    ``settle`` is the wait after connecting in seconds, 5 by default; it counts
    against the call's clocks.
    """

    name = "myshell"
    url = "https://app.myshell.ai/chat"
    base_url = "https://api.myshell.ai"
    default_model = "samantha"
    models: Mapping[str, str] = {
        "samantha": "1e3be7fe89e94a809408b1154a2ee3e1",
        "gpt-3.5-turbo": "8077335db7cd47e29f7de486612cc7fd",
        "gpt-4": "01c8de4fbfc548df903712b0922a4e01",
    }
    status = "retired"
    headers = MAC_CHROME

    def __init__(self, base_url: str | None = None, *, settle: float = 5.0) -> None:
        super().__init__(base_url)
        self.settle = settle

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        text = flatten(request.messages)
        visitor = visitor_id(
            self.headers["User-Agent"],
            milliseconds=int(transport.now() * 1000),
            turns=transport.random.randrange(1, 300_000),
            fraction=transport.random.random(),
        )
        auth = {"token": None, "visitorId": visitor}
        with transport.socketio("/ws/", namespace="/chat", auth=auth) as socket:
            transport.sleep(self.settle)
            question = {
                "reqId": str(UUID(bytes=transport.random.randbytes(16), version=4)),
                "botUid": request.model,
                "sourceFrom": "myshellWebsite",
                "text": text,
            }
            socket.emit("text_chat", question | signature(text, now=transport.now()))
            for event in socket:
                if event.name == "text_stream":
                    frame = event.args[0]["data"]
                    if frame["text"] != "":
                        yield frame["text"]
                    if frame["isFinal"]:
                        yield Finish("stop")
                        return
                elif event.name == "need_verify_captcha":
                    raise CaptchaRequired("the service wants a captcha", code=event.name)
                elif event.name == "message_replied":
                    raise ProviderError("the service replied without a stream", code=event.name)
        raise StreamTruncated("the service closed the socket before its final frame")


def signature(text: str, *, now: float) -> dict[str, str]:
    """Sign *text* as sent at *now*, seconds since the epoch."""
    digits = str(int(now * 1000))[:-1]
    check = sum(int(digit) * (2, 3)[i % 2] for i, digit in enumerate(digits)) % 10
    timestamp = f"{digits}{check}"
    signed = f"{VERSION}#{text}#{timestamp}#{KEY}".encode()
    digest = hashlib.md5(signed, usedforsecurity=False).hexdigest()
    return {"signature": digest[::-1], "timestamp": timestamp, "version": VERSION}


def visitor_id(user_agent: str, *, milliseconds: int, turns: int, fraction: float) -> str:
    """The device id a browser would keep; *turns* and *fraction* (0 to 1) are its chance parts."""
    time = f"{milliseconds:x}{turns:x}"
    chance = f"{int(fraction * 16**16):x}"[:-2]
    return f"{time}-{chance}-{agent_hash(user_agent)}-{SCREEN_PIXELS:x}-{time}"


def agent_hash(user_agent: str) -> str:
    """XOR of the low bytes of the User-Agent's UTF-16 units, four at a time, in hex."""
    low = user_agent.encode("utf-16-le")[::2]
    folded = 0
    for i in range(0, len(low), 4):
        folded ^= int.from_bytes(low[i : i + 4], "big")
    return f"{folded:x}"

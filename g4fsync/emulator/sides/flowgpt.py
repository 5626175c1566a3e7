"""The far side of FlowGpt (flowgpt.com): one signed POST, answered as NDJSON.

Facts, as seen on the wire of the reference client (g4f 0.1.5 to 0.4.9): POST
``/v3/chat-anonymous``; ``x-signature`` is the MD5 of ``x-timestamp``, ``x-nonce`` and
``Authorization`` joined by hyphens; eleven body fields; each line is
``{"event":"text","data":...}``; blank lines and other objects may come; no end
mark but the end of the body.  No content type has been recorded: none is sent.

Guesses: how old a time stamp may be (300 s), that a nonce counts once, the shape
of errors (``{"message": ...}``), and of an error inside the stream
(``{"event": "error", "data": ...}``).
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from ..checks import Wrong, check_browser, check_headers, check_object
from ..encoding import clipped, compact
from ..exchange import Exchange
from ..farside import Pace
from ..faults import InBandError, JSONAnswer, NoEndMark
from ..http import HTTPFarSide, Route
from ..replies import Messages, Reply

HEADERS = {
    "accept": "*/*",
    "accept-language": "en-US;q=0.7,en;q=0.3",
    "referer": "https://flowgpt.com/",
    "origin": "https://flowgpt.com",
    "sec-fetch-dest": "empty",
    "sec-fetch-mode": "cors",
    "sec-fetch-site": "same-site",
}
FIELDS = {
    "model": "text",
    "nsfw": "boolean",
    "question": "text",
    "history": "array",
    "system": "text",
    "temperature": "number",
    "promptId": "text",
    "documentIds": "empty array",
    "chatFileDocumentIds": "empty array",
    "generateImage": "boolean",
    "generateAudio": "boolean",
}
GREETING = {"role": "assistant", "content": "Hello, how can I help you today?"}
_NAMES = """
    gpt-3.5-turbo gpt-3.5-long gpt-4-turbo google-gemini claude-instant claude-v1 claude-v2
    llama2-13b mythalion-13b pygmalion-13b chronos-hermes-13b Mixtral-8x7B Dolphin-2.6-8x7B
"""
MODELS = frozenset(_NAMES.split())
MAX_SKEW_SECONDS = 300
NOISE = (b"\n", b'{"event":"status","data":{"n":1}}\n', b'\r\n{"data":"no event"}\r\n')


class FlowGptSide(HTTPFarSide):
    """FlowGpt's server; ``now`` may be replaced to set its clock."""

    name = "flowgpt"

    def __init__(self, reply: Reply, pace: Pace) -> None:
        super().__init__(reply, pace)
        self.now = time.time
        self._nonces: set[str] = set()

    def clear(self) -> None:
        """Forget the nonces too."""
        super().clear()
        with self._lock:
            self._nonces.clear()

    def routes(self) -> Sequence[Route]:
        """One POST."""
        return (Route("POST", "/v3/chat-anonymous", "chat", self._chat),)

    def _chat(self, exchange: Exchange) -> None:
        check_browser(exchange.headers)
        check_headers(exchange.headers, HEADERS)
        self._check_signature(exchange.headers)
        messages = self._messages(exchange.body())
        exchange.accepted()
        if exchange.find(JSONAnswer):
            answer = "".join(self.tokens(exchange, messages))
            exchange.json(200, {"event": "text", "data": answer})
        else:
            exchange.keepalive = b"\n"
            lines = self._lines(exchange, messages)
            if exchange.find(NoEndMark):
                lines = clipped(lines, b"\n")
            exchange.stream(lines, None)

    def _check_signature(self, headers: Mapping[str, str]) -> None:
        patterns = {
            "x-flow-device-id": r"f-[a-z0-9]{19}",
            "x-nonce": r"[0-9a-f]{32}",
            "x-timestamp": r"[0-9]{10}",
            "x-signature": r"[0-9a-f]{32}",
        }
        for name, pattern in patterns.items():
            if not re.fullmatch(pattern, headers.get(name, "")):
                raise Wrong(401, f"header {name}: expected {pattern}, got {headers.get(name)!r}")
        check_headers(headers, {"authorization": "Bearer null"}, status=401)
        stamp, nonce = headers["x-timestamp"], headers["x-nonce"]
        skew = abs(self.now() - int(stamp))
        if skew > MAX_SKEW_SECONDS:
            raise Wrong(
                401, f"header x-timestamp: {skew:.0f} s off, allowed are {MAX_SKEW_SECONDS}"
            )
        signed = f"{stamp}-{nonce}-{headers['authorization']}".encode()
        if headers["x-signature"] != hashlib.md5(signed, usedforsecurity=False).hexdigest():
            raise Wrong(401, "header x-signature: not the MD5 of time stamp, nonce, authorization")
        with self._lock:
            if nonce in self._nonces:
                raise Wrong(401, f"header x-nonce: {nonce} has been used before")
            self._nonces.add(nonce)

    def _messages(self, body: Any) -> Messages:
        check_object(body, FIELDS)
        if body["model"] not in MODELS:
            raise Wrong(400, f"body.model: unknown: {body['model']!r}")
        if body["promptId"] != f"model-{body['model']}":
            raise Wrong(
                400, f"body.promptId: expected 'model-' and the model: {body['promptId']!r}"
            )
        greeting, *history = body["history"] or [None]
        if greeting != GREETING:
            raise Wrong(400, f"body.history[0]: expected the greeting, got {greeting!r}")
        for number, message in enumerate(history, 1):
            where = f"body.history[{number}]"
            check_object(message, {"role": "text", "content": "string"}, where=where)
            if message["role"] == "system":
                raise Wrong(400, f"{where}.role: system text belongs into body.system")
        return [
            {"role": "system", "content": body["system"]},
            *history,
            {"role": "user", "content": body["question"]},
        ]

    def _lines(self, exchange: Exchange, messages: Messages) -> Generator[bytes, None, None]:
        for number, token in enumerate(self.tokens(exchange, messages)):
            if self.noise:
                yield NOISE[number % len(NOISE)]
            yield b"%b\n" % compact({"event": "text", "data": token})
        if error := exchange.find(InBandError):
            yield b"%b\n" % compact({"event": "error", "data": error.message})

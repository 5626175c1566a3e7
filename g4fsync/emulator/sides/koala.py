"""The far side of Koala (koala.sh): one POST, answered as server-sent events.

Facts, as seen on the wire of the reference client (g4f 0.1.5 to 0.4.9) and on
the operator's page of its public API: POST ``/api/gpt/`` with the browser's
headers below and four body fields; each event is ``data: `` and one JSON string
with raw UTF-8, then an empty line; no end mark but the end of the body.  With
an API key and without the event-stream Accept the same URL answers
``{"output": "..."}``.  The two histories must have the same length.

Guesses: the status and shape of errors (400, ``{"message": ...}``), and of an
error inside the stream (``{"error": ...}``).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from typing import Any

from ..checks import Wrong, check_browser, check_headers, check_object
from ..encoding import clipped, compact
from ..exchange import Exchange
from ..farside import Pace
from ..faults import InBandError, JSONAnswer, NoEndMark
from ..http import HTTPFarSide, Route
from ..replies import Messages, Reply

HEADERS = {
    "accept": "text/event-stream",
    "accept-language": "de,en-US;q=0.7,en;q=0.3",
    "referer": "https://koala.sh/chat",
    "origin": "https://koala.sh",
    "alt-used": "koala.sh",
    "sec-fetch-dest": "empty",
    "sec-fetch-mode": "cors",
    "sec-fetch-site": "same-origin",
}
FIELDS = {
    "input": "text",
    "inputHistory": "strings",
    "outputHistory": "strings",
    "model": "text",
}
NOISE = (b": keep-alive\n\n", b"event: status\nid: 7\nretry: 3000\n\n", b'data:""\r\n\r\n')


class KoalaSide(HTTPFarSide):
    """Koala's server."""

    name = "koala"

    def __init__(self, reply: Reply, pace: Pace, api_key: str) -> None:
        super().__init__(reply, pace)
        self._api_key = api_key

    def routes(self) -> Sequence[Route]:
        """One POST."""
        return (Route("POST", "/api/gpt/", "chat", self._chat),)

    def _chat(self, exchange: Exchange) -> None:
        plain = exchange.headers.get("authorization") == f"Bearer {self._api_key}"
        if not plain:
            self._check_headers(exchange)
        messages = self._messages(exchange.body())
        exchange.accepted()
        if plain or exchange.find(JSONAnswer):
            exchange.json(200, {"output": "".join(self.tokens(exchange, messages))})
        else:
            exchange.keepalive = b": keep-alive\n\n"
            events = self._events(exchange, messages)
            if exchange.find(NoEndMark):
                events = clipped(events, b"\n\n")
            exchange.stream(events, "text/event-stream")

    def _check_headers(self, exchange: Exchange) -> None:
        check_browser(exchange.headers)
        check_headers(exchange.headers, HEADERS)
        visitor = exchange.headers.get("visitor-id", "")
        if not re.fullmatch(r"[A-Za-z0-9]{20}", visitor):
            raise Wrong(400, f"header visitor-id: expected 20 letters and digits, got {visitor!r}")
        flag = exchange.headers.get("flag-real-time-data", "")
        if flag not in ("true", "false"):
            raise Wrong(400, f"header flag-real-time-data: expected true or false, got {flag!r}")

    def _messages(self, body: Any) -> Messages:
        check_object(body, FIELDS)
        questions, answers = body["inputHistory"], body["outputHistory"]
        if len(questions) != len(answers):
            raise Wrong(
                400,
                "body: inputHistory and outputHistory must have the same length, "
                f"not {len(questions)} and {len(answers)}",
            )
        messages = []
        for question, answer in zip(questions, answers, strict=True):
            messages += [("user", question), ("assistant", answer)]
        # An empty string is the missing partner of an unpaired turn.
        return [
            *({"role": role, "content": content} for role, content in messages if content),
            {"role": "user", "content": body["input"]},
        ]

    def _events(self, exchange: Exchange, messages: Messages) -> Generator[bytes, None, None]:
        for number, token in enumerate(self.tokens(exchange, messages)):
            if self.noise:
                yield NOISE[number % len(NOISE)]
            yield b"data: %b\n\n" % compact(token)
        if error := exchange.find(InBandError):
            yield b"data: %b\n\n" % compact({"error": error.message})

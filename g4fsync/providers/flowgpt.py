"""FlowGpt (flowgpt.com): one signed POST, answered as newline-delimited JSON.

Facts, seen on the wire of gpt4free 0.1.5 to 0.4.9 (its provider was marked as
not working in 2024-09):

* ``POST https://prod-backend-k8s.flowgpt.com/v3/chat-anonymous``, anonymous:
  ``Authorization: Bearer null``.
* ``x-signature`` is the MD5, in hex, of timestamp, nonce and the authorization
  value joined by hyphens; an independent browser client has the same formula.
  A repeated nonce is a replay, so all three are made anew for each attempt.
* ``history`` begins with a fixed greeting and holds all but the system messages
  and the question; system messages are joined in ``system``.
* Answer lines are ``{"event": "text", "data": "..."}``.  Other events are not
  known and skipped.  There is no end mark: the body just ends.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Iterator, Mapping
from typing import Any

from ..codecs import refusals
from ..events import Event
from ..messages import ChatRequest
from ..transport.base import Transport
from .base import FIREFOX, Provider

AUTHORIZATION = "Bearer null"
GREETING = {"role": "assistant", "content": "Hello, how can I help you today?"}
SYSTEM = "You are helpful assistant. Follow the user's instructions carefully."


class FlowGpt(Provider):
    """Chat with the models behind flowgpt.com; no account is needed.

    The only option is ``temperature``, 0.7 by default.  An answer whose
    connection is closed cleanly between two lines can't be told from a whole
    one: the protocol has no end mark.
    """

    name = "flowgpt"
    url = "https://flowgpt.com/chat"
    base_url = "https://prod-backend-k8s.flowgpt.com"
    default_model = "gpt-3.5-turbo"
    models: Mapping[str, str] = {
        name: name
        for name in (
            "gpt-3.5-turbo",
            "gpt-3.5-long",
            "gpt-4-turbo",
            "google-gemini",
            "claude-instant",
            "claude-v1",
            "claude-v2",
            "llama2-13b",
            "mythalion-13b",
            "pygmalion-13b",
            "chronos-hermes-13b",
            "Mixtral-8x7B",
            "Dolphin-2.6-8x7B",
        )
    }
    model_aliases: Mapping[str, str] = {"gemini": "google-gemini", "gemini-pro": "google-gemini"}
    status = "retired"
    options = frozenset({"temperature"})
    roles = frozenset({"system", "developer", "user", "assistant"})
    has_end_mark = False
    headers = FIREFOX | {
        "Accept": "*/*",
        "Accept-Language": "en-US;q=0.7,en;q=0.3",
        "Referer": "https://flowgpt.com/",
        "Origin": "https://flowgpt.com",
        "Sec-Fetch-Site": "same-site",
    }

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        letters = transport.random.choices(string.ascii_lowercase + string.digits, k=19)
        timestamp = str(int(transport.now()))
        nonce = transport.random.randbytes(16).hex()
        response = transport.post(
            "/v3/chat-anonymous",
            json=body(request),
            headers={
                "Authorization": AUTHORIZATION,
                "x-flow-device-id": "f-" + "".join(letters),
                "x-nonce": nonce,
                "x-signature": signature(timestamp, nonce, AUTHORIZATION),
                "x-timestamp": timestamp,
            },
        )
        for record in response.records():
            if record.get("event") == "text":
                if record["data"] != "":
                    yield record["data"]
            elif record.get("error") or record.get("event") == "error":
                raise refusals.in_band(record)


def signature(timestamp: str, nonce: str, authorization: str) -> str:
    """The value of ``x-signature``."""
    signed = f"{timestamp}-{nonce}-{authorization}".encode()
    return hashlib.md5(signed, usedforsecurity=False).hexdigest()


def body(request: ChatRequest) -> dict[str, Any]:
    """The request's JSON: the question, and what was said before it."""
    *history, last = request.messages
    turns = [
        {"role": turn.role, "content": turn.content}
        for turn in history
        if turn.role not in ("system", "developer")
    ]
    return {
        "model": request.model,
        "nsfw": False,
        "question": last.content,
        "history": [GREETING, *turns],
        "system": "\n".join(request.contents("system", "developer")) or SYSTEM,
        "temperature": request.options.get("temperature", 0.7),
        "promptId": f"model-{request.model}",
        "documentIds": [],
        "chatFileDocumentIds": [],
        "generateImage": False,
        "generateAudio": False,
    }

"""Koala (koala.sh): one POST, answered as server-sent events.

Facts, seen on the wire of gpt4free 0.1.5 to 0.4.9 (its provider was marked as
not working in late 2024) unless another source is named:

* ``POST https://koala.sh/api/gpt/``, the trailing slash belongs to it; no login.
  ``Accept: text/event-stream`` selects streaming, the operator's API page says;
  without it the same URL answers one JSON object ``{"output": "text"}``.
* ``Visitor-ID`` is 20 random characters of ``[a-z0-9]``, new for each request.
* Each event's data is a JSON string, the next piece of text.  There is no end
  mark: the body just ends, so only a broken body or a half event tells a cut.
* The operator's page asks for two histories of the same length.
* What an error inside a stream looks like is not known; an object with
  ``error`` is taken for one.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from typing import Any

from ..codecs import refusals
from ..errors import ProtocolError
from ..events import Event
from ..messages import ChatRequest
from ..transport.base import Transport
from .base import FIREFOX, Provider


class Koala(Provider):
    """Chat with the models behind koala.sh; no account is needed, no option is taken.

    ``real_time_data=True`` lets the service search the web.  Any model name is
    passed on.  An answer whose connection is closed cleanly between two events
    can't be told from a whole one: the protocol has no end mark.
    """

    name = "koala"
    url = "https://koala.sh/chat"
    base_url = "https://koala.sh"
    default_model = "gpt-4o-mini"
    models: Mapping[str, str] = {
        name: name
        for name in (
            "gpt-4o-mini",
            "gpt-4o",
            "gpt-3.5-turbo",
            "gpt-4.1-mini",
            "gpt-4.1",
            "claude-3.7-sonnet",
        )
    }
    open_models = True
    status = "retired"
    roles = frozenset({"system", "developer", "user", "assistant"})
    has_end_mark = False
    headers = FIREFOX | {
        "Accept": "text/event-stream",
        "Accept-Language": "de,en-US;q=0.7,en;q=0.3",
        "Referer": "https://koala.sh/chat",
        "Origin": "https://koala.sh",
        "Alt-Used": "koala.sh",
        "Sec-Fetch-Site": "same-origin",
    }

    def __init__(self, base_url: str | None = None, *, real_time_data: bool = False) -> None:
        super().__init__(base_url)
        self.real_time_data = real_time_data

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        letters = transport.random.choices(string.ascii_lowercase + string.digits, k=20)
        response = transport.post(
            "/api/gpt/",
            json=body(request),
            headers={
                "Flag-Real-Time-Data": "true" if self.real_time_data else "false",
                "Visitor-ID": "".join(letters),
            },
        )
        if response.media_type == "application/json":
            yield piece(response.json())
            return
        for value in response.values():
            text = value if value.__class__ is str else piece(value)
            if text:
                yield text


def piece(value: Any) -> str:
    """The text in an event: a JSON string, or the documented API's ``{"output": ...}``."""
    if isinstance(value, Mapping):
        if value.get("error"):
            raise refusals.in_band(value)
        value = value.get("output", value)
    if not isinstance(value, str):
        raise ProtocolError(f"expected a JSON string, got {value!r:.80}", evidence=repr(value))
    return value


def body(request: ChatRequest) -> dict[str, Any]:
    """The question, the system text behind it, and the two histories Koala keeps."""
    *history, last = request.messages
    rules = " ".join(request.contents("system", "developer"))
    asked: list[str] = []
    answered: list[str] = []
    turns = [turn for turn in history if turn.role in ("user", "assistant")]
    if last.role == "assistant":
        turns.append(last)
    before = "assistant"
    for turn in turns:
        side = asked if turn.role == "user" else answered
        if turn.role == before and side:
            side[-1] += "\n" + turn.content
        else:
            if turn.role == before:  # an answer opens the conversation
                asked.append("")
            side.append(turn.content)
        before = turn.role
    if len(asked) > len(answered):
        answered.append("")
    return {
        "input": f"{last.content} {rules}" if rules else last.content,
        "inputHistory": asked,
        "outputHistory": answered,
        "model": request.model,
    }

"""What the chat APIs have in common: OpenAI's words for a request, and their reading.

Callers give tools (``tooldefs``), answer formats (``formats``) and all else as
OpenAI's API does; the providers put that into their own protocols' words.  What can't
be expressed there is an ``InvalidRequest``, never dropped.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..codecs import refusals
from ..errors import InvalidRequest, ServerError
from ..events import ToolCall
from ..messages import ChatRequest, Image, Message
from .base import Provider

if TYPE_CHECKING:
    from ..transport.base import Transport

_MAX_PAGES = 100  # of a list of models

# Some services turn away what looks like a script.
HEADERS: Mapping[str, str] = {"User-Agent": "g4fsync", "Accept-Encoding": "gzip, deflate"}

OPTIONS = frozenset(
    {
        "temperature",
        "top_p",
        "max_tokens",
        "stop",
        "seed",
        "tools",
        "tool_choice",
        "response_format",
        "reasoning_effort",
        "extra_body",
        "extra_headers",
    }
)


class ChatAPI(Provider):
    """A provider with a documented interface for programs; a subclass writes :meth:`body` too.

    ``key_header`` is where the key goes: with ``Bearer`` before it in
    ``Authorization``, alone in any other.
    """

    needs_key = True
    open_models = True
    lists_models = True
    status = "active"
    options = OPTIONS
    supports_images = True
    supports_tools = True
    supports_extra = True
    headers = HEADERS

    key_header: str = "Authorization"

    @abstractmethod
    def body(self, request: ChatRequest) -> dict[str, Any]:
        """The request's JSON; ``InvalidRequest`` for what the protocol can't say."""

    def check(self, request: ChatRequest) -> None:
        super().check(request)
        self.body(request)

    def stream_headers(
        self, request: ChatRequest, transport: Transport, accept: str = "text/event-stream"
    ) -> dict[str, str]:
        """The headers of a question, the caller's ``extra_headers`` among them."""
        given = request.options.get("extra_headers") or {}
        return {"Accept": accept, **self.authorization(transport), **given}

    def authorization(self, transport: Transport) -> dict[str, str]:
        """The header that holds the key; none without one."""
        key = transport.api_key
        if not key:
            return {}
        return {self.key_header: f"Bearer {key}" if self.key_header == "Authorization" else key}

    def listed(
        self,
        transport: Transport,
        path: str,
        params: Mapping[str, str] | None = None,
        next_page: Callable[[Mapping[str, Any]], Mapping[str, str] | None] = lambda page: None,
    ) -> list[str]:
        """The names in the list of models at *path*, page by page as *next_page* says."""
        headers = {"Accept": "application/json", **self.authorization(transport)}
        names: list[str] = []
        wanted = dict(params or ())
        for _ in range(_MAX_PAGES):
            page = transport.get(path, params=wanted or None, headers=headers).json()
            names += model_names(page)
            more = next_page(page) if isinstance(page, Mapping) else None
            if not more:
                break
            wanted |= more
        return names


# DeepSeek's word, and whatever else tells of a failure, however it is spelled.
_FAILURE = re.compile(
    r"insufficient_system_resource|error|fail|abort|cancel|interrupt|time[ _-]?(d[ _-]?)?out", re.I
)


def raise_for_reason(reason: str) -> None:
    """Raise ``ServerError`` when a finish *reason* says that the answer failed.

    Seen are ``error`` (OpenRouter, Mistral), ``abort`` (vLLM), ``network_error``
    (GLM) and ``insufficient_system_resource`` (DeepSeek); other words count when
    they speak of an error, a failure, an end from outside or a time that is up.
    """
    if _FAILURE.search(reason):
        raise ServerError(f"the answer ended with {reason!r}", status=200, code=reason)


# Words for why an answer ended, each vendor's, as gateways in front of them pass them on;
# in lower case, with "_".
_NORMAL: Mapping[str, str] = {
    **{word: word for word in ("stop", "length", "tool_calls", "content_filter")},
    **dict.fromkeys(
        ("eos", "eos_token", "stop_sequence", "end_turn", "complete", "completed"), "stop"
    ),
    **dict.fromkeys(
        ("max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"),
        "length",
    ),
    **dict.fromkeys(("function_call", "tool_use", "tool_call"), "tool_calls"),
    **dict.fromkeys(
        ("safety", "recitation", "prohibited_content", "blocklist", "spii", "refusal", "sensitive"),
        "content_filter",
    ),
}


def normal_reason(reason: str) -> str:
    """The finish *reason* in our words, or as it is where it is none of those known.

    The words of Anthropic and Gemini come from servers of OpenAI's protocol too,
    also in capitals; ``sensitive`` is GLM's.
    """
    word = reason.lower().replace("-", "_")
    return _NORMAL.get(word, reason)


def texts(stop: str | Sequence[str]) -> list[str]:
    """Stop sequences as a list."""
    return [stop] if isinstance(stop, str) else list(stop)


def arguments(call: ToolCall) -> dict[str, Any]:
    """A past call's arguments, for a protocol that wants them as an object."""
    try:
        value = json.loads(call.arguments or "{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InvalidRequest(f"the arguments of tool call {call.name!r} are no JSON object")
    return value


def call_id(id: str, allowed: re.Pattern[str], chars: int) -> str:
    """A call's *id* where it is *allowed*, else *chars* characters made of it, always the same.

    A call may come from another service, whose ids may look like ``functions.f:0`` (Kimi).
    """
    if not id or allowed.fullmatch(id):
        return id
    return hashlib.sha256(id.encode(errors="replace")).hexdigest()[:chars]


def tool_name(messages: Iterable[Message], result: Message) -> str:
    """The name of the tool whose *result* this is: its own, or that of the call it answers."""
    if result.name:
        return result.name
    for message in messages:
        for call in message.tool_calls:
            if call.id == result.tool_call_id:
                return call.name
    raise InvalidRequest(
        f"no tool call {result.tool_call_id!r} comes before its result; give the message a name"
    )


def encoded(image: Image) -> str:
    """The bytes of an image as base64."""
    return base64.b64encode(image.content).decode()


def merged(body: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """*body* with *extra* put into it, objects into objects; *extra* wins."""
    for name, value in extra.items():
        old = body.get(name)
        if isinstance(old, dict) and isinstance(value, Mapping):
            body[name] = merged(dict(old), value)
        else:
            body[name] = value
    return body


def model_names(value: Any) -> list[str]:
    """The names in a list of models, in any shape seen.

    ``{"data": [...]}``, ``{"models": [...]}`` or a bare list, ``null`` for none;
    an entry is a name or has ``id``, ``name`` or ``model``.
    """
    if isinstance(value, Mapping):
        if value.get("error"):
            raise refusals.in_band(value)
        value = value["data"] if value.get("data") or "models" not in value else value["models"]
    return [
        each if isinstance(each, str) else each.get("id") or each.get("name") or each["model"]
        for each in value or ()
    ]


_MOST = 2**53  # what JSON's numbers hold exactly, and any database takes


def count(fields: Mapping[str, Any], *names: str) -> int | None:
    """The first of these numbers that *fields* has; less than none is no count."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST:
            return value
    return None

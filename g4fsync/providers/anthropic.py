"""Anthropic's Messages API, and servers that speak it (llama.cpp, Ollama, LiteLLM, LM Studio).

Facts, from the source of anthropic-sdk-python 0.121 (Aug 2026), and from runs of
llama.cpp b11549 and LiteLLM 1.106:

* ``POST /v1/messages`` with ``x-api-key`` and ``anthropic-version``; answered as
  server-sent events whose data has the event's name as ``type``.  ``ping`` may
  come anywhere; blocks and deltas of unknown types are left out.
* ``message_stop`` says that the answer is whole; there is no ``[DONE]``.
* The content of an answer stands in :mod:`.anthropic_answers`.
* Usage: ``message_start`` tells the input, ``message_delta`` the output so far,
  not an increment.  All input is what was read from and written to the cache too.
* A failure in the stream is an event ``error``, then the connection ends.
* Roles are ``user`` and ``assistant``; system text goes into ``system``, results
  of tools into user turns.  Empty texts are refused, and so is a request
  without ``max_tokens``.
* LiteLLM may answer plain JSON to a request for a stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..events import Event
from ..messages import ChatRequest
from ..transport.base import Transport
from . import chatapi, fields
from .anthropic_answers import MessageReader
from .anthropic_messages import system_json, turns
from .anthropic_tools import output_format, tool, tool_choice
from .base import checked_url


class Anthropic(chatapi.ChatAPI):
    """Chat with Claude, or with another server that speaks Anthropic's Messages API.

    ``base_url`` is without ``/v1``.  ``max_tokens`` is sent for calls that say
    none, since the API demands it: 4096 by default.  ``bearer=True`` sends the
    key as ``Authorization: Bearer``, as gateways want it.

    ``reasoning_effort`` is sent as ``output_config.effort`` with adaptive
    thinking, ``"none"`` turns thinking off; a model that wants a budget takes
    it in ``extra_body={"thinking": ...}``.  ``response_format`` needs a schema.
    There is no ``seed``.
    """

    name = "anthropic"
    native_schema = "closed"
    url = "https://console.anthropic.com"
    base_url = "https://api.anthropic.com"
    base_url_variables = ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE")
    key_variables = ("ANTHROPIC_API_KEY",)
    key_header = "x-api-key"
    options = chatapi.OPTIONS - {"seed"}
    headers: Mapping[str, str] = {**chatapi.HEADERS, "anthropic-version": "2023-06-01"}

    def __init__(
        self, base_url: str | None = None, *, max_tokens: int = 4096, bearer: bool = False
    ) -> None:
        super().__init__(base_url)
        self.max_tokens = max_tokens
        if bearer:
            self.key_header = "Authorization"

    def normal_url(self, url: str) -> str:
        return checked_url(self.name, url).removesuffix("/messages").removesuffix("/v1")

    def body(self, request: ChatRequest) -> dict[str, Any]:
        return body(request, self.max_tokens, self.name)

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        response = transport.post(
            "/v1/messages",
            json=self.body(request),
            headers=self.stream_headers(request, transport),
        )
        reader = MessageReader(self.name)
        for event in response.values():
            try:
                is_delta = event.get("type") == "content_block_delta"
            except AttributeError:  # no object: ``null``, or a list of them
                for each in fields.objects(event):
                    yield from reader.events(each)
                continue
            if is_delta:
                yield from reader.delta_events(event)
            else:
                yield from reader.events(event)
            if reader.stopped:
                break
        if reader.is_complete:
            yield from reader.finish_events()

    def list_models(self, transport: Transport) -> list[str]:
        return self.listed(transport, "/v1/models", {"limit": "1000"}, _next_page)


def _next_page(page: Mapping[str, Any]) -> Mapping[str, str] | None:
    last = page.get("last_id")
    return {"after_id": last} if page.get("has_more") and last else None


def body(request: ChatRequest, max_tokens: int, name: str = Anthropic.name) -> dict[str, Any]:
    """The request's JSON."""
    options = request.options
    value: dict[str, Any] = {
        "model": request.model,
        "max_tokens": options.get("max_tokens", max_tokens),
        "messages": turns(request.messages, name),
        "stream": True,
    }
    system = system_json(request.messages, name)
    if system:
        value["system"] = system
    for each in ("temperature", "top_p"):
        if each in options:
            value[each] = options[each]
    if "stop" in options:
        value["stop_sequences"] = chatapi.texts(options["stop"])
    if "tools" in options:
        value["tools"] = [
            tool(each, f"tools[{i}]", name) for i, each in enumerate(options["tools"])
        ]
    if "tool_choice" in options:
        value["tool_choice"] = tool_choice(options["tool_choice"], name)
    chatapi.merged(value, _reasoning(options.get("reasoning_effort")))
    chatapi.merged(value, output_format(options.get("response_format"), name))
    return chatapi.merged(value, options.get("extra_body") or {})


def _reasoning(effort: str | None) -> dict[str, Any]:
    if effort is None:
        return {}
    if effort == "none":
        return {"thinking": {"type": "disabled"}}
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}

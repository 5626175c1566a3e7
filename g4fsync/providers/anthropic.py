"""Anthropic's Messages API, and servers that speak it (llama.cpp, Ollama, LiteLLM, LM Studio).

Facts, from the source of anthropic-sdk-python 0.121 (Aug 2026), and from runs of
llama.cpp b11549 and LiteLLM 1.106:

* ``POST /v1/messages`` with ``x-api-key`` and ``anthropic-version``; answered as
  server-sent events whose data has the event's name as ``type``.  ``ping`` may
  come anywhere; blocks and deltas of unknown types are skipped.
* ``message_stop`` says that the answer is whole; there is no ``[DONE]``.
* Usage: ``message_start`` tells the input, ``message_delta`` the output so far,
  not an increment.  All input is what was read from and written to the cache too.
* A failure in the stream is an event ``error``, then the connection ends.
* Roles are ``user`` and ``assistant``; system text goes into ``system``, results
  of tools into user turns.  Empty texts are refused, and so is a request
  without ``max_tokens``.
* LiteLLM may answer plain JSON to a request for a stream.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..codecs import refusals
from ..events import Event, Finish, Reasoning, ToolCall, Usage
from ..messages import ChatRequest
from ..transport.base import Transport
from . import dialect
from .anthropic_messages import system_json, turns
from .anthropic_tools import output_format, tool, tool_choice
from .base import Provider, checked_url

_REASONS: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_MAX_PAGES = 100  # of the model list


class Anthropic(Provider):
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
    url = "https://console.anthropic.com"
    base_url = "https://api.anthropic.com"
    base_url_variables = ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE")
    key_variables = ("ANTHROPIC_API_KEY",)
    needs_key = True
    open_models = True
    lists_models = True
    status = "active"
    options = dialect.OPTIONS - {"seed"}
    supports_images = True
    supports_tools = True
    supports_extra = True
    headers: Mapping[str, str] = {**dialect.HEADERS, "anthropic-version": "2023-06-01"}

    def __init__(
        self, base_url: str | None = None, *, max_tokens: int = 4096, bearer: bool = False
    ) -> None:
        super().__init__(base_url)
        self.max_tokens = max_tokens
        self.bearer = bearer

    def normal_url(self, url: str) -> str:
        return checked_url(self.name, url).removesuffix("/messages").removesuffix("/v1")

    def check(self, request: ChatRequest) -> None:
        super().check(request)
        body(request, self.max_tokens, self.name)

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        headers = {"Accept": "text/event-stream", **self._authorization(transport)}
        response = transport.post(
            "/v1/messages",
            json=body(request, self.max_tokens, self.name),
            headers=headers | dialect.extra_headers(request.options),
        )
        if response.media_type == "application/json":
            yield from whole(response.json())
            return
        blocks: dict[Any, list[str]] = {}  # tool calls under way: id, name, then arguments
        told: dict[str, Any] = {}
        raw = ""
        for value in response.values():
            kind = value.get("type")
            if kind == "content_block_delta":
                yield from said(value["delta"], blocks.get(value["index"]))
            elif kind == "content_block_start":
                yield from begun(value["content_block"], value["index"], blocks)
            elif kind == "content_block_stop":
                yield from called(blocks.pop(value["index"], None))
            elif kind in ("message_start", "message_delta"):
                message = value.get("message") or value
                told |= _told(message.get("usage"))
                raw = (value.get("delta") or message).get("stop_reason") or raw
            elif kind == "message_stop":
                yield from ending(told, raw)
                return
            elif kind == "error" or "error" in value:
                raise refusals.in_band(value)

    def list_models(self, transport: Transport) -> list[str]:
        headers = {"Accept": "application/json", **self._authorization(transport)}
        names: list[str] = []
        params = {"limit": "1000"}
        for _ in range(_MAX_PAGES):
            page = transport.get("/v1/models", params=params, headers=headers).json()
            names += dialect.model_names(page)
            if not (isinstance(page, Mapping) and page.get("has_more") and page.get("last_id")):
                break
            params["after_id"] = page["last_id"]
        return names

    def _authorization(self, transport: Transport) -> dict[str, str]:
        if not transport.api_key:
            return {}
        if self.bearer:
            return {"Authorization": f"Bearer {transport.api_key}"}
        return {"x-api-key": transport.api_key}


def said(delta: Mapping[str, Any], block: list[str] | None) -> Iterable[str | Event]:
    """What a delta adds to its block."""
    kind = delta["type"]
    if kind == "text_delta":
        return (delta["text"],)
    if kind == "thinking_delta":
        return (Reasoning(delta["thinking"]),)
    if kind == "input_json_delta" and block is not None:
        block.append(delta["partial_json"])
        return ("",)
    return ()


def begun(
    block: Mapping[str, Any], index: Any, blocks: dict[Any, list[str]]
) -> Iterator[str | Event]:
    """What a block has at its start; usually nothing but a tool's name."""
    if block["type"] == "text" and block.get("text"):
        yield block["text"]
    elif block["type"] == "thinking" and block.get("thinking"):
        yield Reasoning(block["thinking"])
    elif block["type"] == "tool_use":
        given = [json.dumps(block["input"])] if block.get("input") else []
        blocks[index] = [block["id"], block["name"], *given]
        yield ""


def called(block: list[str] | None) -> Iterator[ToolCall]:
    """The finished tool call, if the block was one."""
    if block is not None:
        id, name, *pieces = block
        yield ToolCall(id, name, "".join(pieces) or "{}")


def ending(told: Mapping[str, Any], raw: str) -> Iterator[Event]:
    """Usage and the end mark."""
    if told:
        yield usage(told)
    yield Finish(_REASONS.get(raw, raw or "stop"), raw=raw or None)


def whole(message: Mapping[str, Any]) -> Iterator[str | Event]:
    """An answer that came as one JSON object."""
    if message.get("type") == "error" or message.get("error"):
        raise refusals.in_band(message)
    blocks: dict[Any, list[str]] = {}
    for index, block in enumerate(message["content"]):
        yield from begun(block, index, blocks)
        yield from called(blocks.pop(index, None))
    if message.get("stop_reason"):
        yield from ending(_told(message.get("usage")), message["stop_reason"])


def _told(usage: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is told of a usage: a later ``null`` must not erase an earlier number."""
    return {name: value for name, value in (usage or {}).items() if value is not None}


def usage(told: Mapping[str, Any]) -> Usage:
    """Usage as told; its three kinds of input are added up, as the API's description says."""
    inputs = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    known = [number for name in inputs if (number := dialect.count(told, name)) is not None]
    return Usage(
        input_tokens=sum(known) if known else None,
        output_tokens=dialect.count(told, "output_tokens"),
        cached_tokens=dialect.count(told, "cache_read_input_tokens"),
        reasoning_tokens=dialect.count(told.get("output_tokens_details") or {}, "thinking_tokens"),
    )


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
        value["stop_sequences"] = dialect.texts(options["stop"])
    if "tools" in options:
        value["tools"] = [
            tool(each, f"tools[{i}]", name) for i, each in enumerate(options["tools"])
        ]
    if "tool_choice" in options:
        value["tool_choice"] = tool_choice(options["tool_choice"], name)
    dialect.merged(value, _reasoning(options.get("reasoning_effort")))
    dialect.merged(value, output_format(options.get("response_format"), name))
    return dialect.merged(value, options.get("extra_body") or {})


def _reasoning(effort: str | None) -> dict[str, Any]:
    if effort is None:
        return {}
    if effort == "none":
        return {"thinking": {"type": "disabled"}}
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}

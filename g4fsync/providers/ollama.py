"""Ollama's own chat API, which tells more than its OpenAI-compatible face.

Facts, from the sources of ollama/ollama and ollama-python (Aug 2026); it was
not run:

* ``POST /api/chat``, answered as newline-delimited JSON; ``done: true`` is the end
  mark, and the body ends behind it.  With ``stream: false`` it would be one JSON
  object.
* Usage and the reason stand on the last line.  A prompt read from the cache may
  have no ``prompt_eval_count``.
* Calls of tools come whole, their arguments as an object; the reason is
  ``stop`` then too.  Other reasons are ``length``, and ``load`` and ``unload``
  for a request without messages.
* A failure after the first line is a line ``{"error": "text"}``.  The
  OpenAI-compatible face loses it: the answer just stops there.
* A model that can't think or call tools answers 400 when asked to.  Images are
  base64, never URLs.
* The first request loads the model, for minutes without a byte; further ones
  wait in a queue of 512, silently, then are a 503.
* ``OLLAMA_HOST`` is what the server binds to as well, so it may say ``0.0.0.0``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..codecs import envelopes, refusals
from ..errors import ConfigurationError, InvalidRequest
from ..events import Event, Finish, ProviderData, Reasoning, ToolCall, Usage
from ..messages import ChatRequest, Image, Message, Part
from ..transport.base import Transport
from ..urls import shown
from . import chatapi, fields, formats, sending, tooldefs
from .base import checked_url
from .functioncalls import FunctionCalls

PORT = 11434
# Thoughts as Ollama, and as other services of OpenAI's protocol, call them in a message.
_THOUGHTS = ("reasoning", "reasoning_content", "thinking")


class Ollama(chatapi.ChatAPI):
    """Chat with the models of an Ollama server, or of ollama.com.

    ``base_url`` is read like ``OLLAMA_HOST``: ``"example.com"`` is port 11434 there,
    ``"http://example.com"`` port 80; ``0.0.0.0`` becomes ``127.0.0.1``.
    The key in ``OLLAMA_API_KEY`` goes to ollama.com and to where a variable points,
    not to a server on this machine.

    Settings of the model go into ``extra_body={"options": {"num_ctx": 8192}}``,
    and so does ``keep_alive``.  There is no ``tool_choice``.
    """

    name = "ollama"
    native_schema = "plain"
    url = "https://ollama.com"
    base_url = f"http://127.0.0.1:{PORT}"
    base_url_variables = ("OLLAMA_HOST", "OLLAMA_BASE_URL", "OLLAMA_API_BASE", "OLLAMA_API_URL")
    key_variables = ("OLLAMA_API_KEY",)
    key_origins = ("https://ollama.com",)
    needs_key = False
    status = "local"
    options = chatapi.OPTIONS - {"tool_choice"}

    def normal_url(self, url: str) -> str:
        try:
            return checked_url(self.name, host_url(url))
        except ConfigurationError as error:
            error.provider = self.name
            raise

    def body(self, request: ChatRequest) -> dict[str, Any]:
        return body(request, self.name)

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        response = transport.post(
            "/api/chat",
            json=self.body(request),
            headers=self.stream_headers(request, transport, "application/json"),
        )
        calls = FunctionCalls()
        thoughts: list[str] = []
        silent = True  # nothing of the answer has come yet
        for record in response.records():
            try:
                text = plain_text(record)
            except AttributeError:
                if record is None:  # it says nothing
                    continue
                raise
            if text:
                silent = False
                yield text
                continue
            if record.get("error") or ("done" not in record and envelopes.is_failure(record)):
                raise refusals.in_band(record)
            events = tuple(delta_events(record, calls, thoughts))
            yield from events
            done = record.get("done")
            if done and done in (True, "true"):
                if thoughts:
                    yield ProviderData(self.name, "message", {"thinking": "".join(thoughts)})
                    thoughts.clear()
                yield from finish_events(record, calls, may_continue=bool(events) or silent)
            if events:
                silent = False

    def list_models(self, transport: Transport) -> list[str]:
        return self.listed(transport, "/api/tags")


def host_url(text: str) -> str:
    """A URL from what ``OLLAMA_HOST`` may hold; the official clients' rules.

    Two more: an address to bind to becomes one to connect to, and the paths of
    the APIs, which other tools' variables carry, are taken off.
    """
    text = text.strip()
    scheme, mark, rest = text.rpartition("://")
    if not mark and rest.partition("/")[0] == "ollama.com":
        scheme = "https"
    default = {"http": 80, "https": 443}.get(scheme.lower(), PORT) if scheme else PORT
    host, _, path = rest.partition("/")
    match = re.fullmatch(r"(?:(.*)@)?(\[[^\]]*\]|[^:]*):?(\d*)", host)
    if match is None or int(match[3] or default) > 65535:
        raise ConfigurationError(f"the host must look like host:port, got {shown(text)!r}")
    user, name, port = match.groups()
    name = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(name, name)  # noqa: S104
    path = re.sub(r"(^|/)(v1|api)/*$", "", path).rstrip("/")
    where = f"{user}@{name}" if user else name
    return f"{scheme or 'http'}://{where}:{port or default}" + (f"/{path}" if path else "")


def plain_text(record: Mapping[str, Any]) -> str:
    """The text of a line that says nothing else, as nearly all do; ``""`` for any other."""
    message = record.get("message")
    if message.__class__ is not dict or len(message) != 2 or "role" not in message:
        return ""
    content = message.get("content")
    if content.__class__ is not str or record.get("done") or record.get("error"):
        return ""
    return content


def delta_events(
    record: Mapping[str, Any], calls: FunctionCalls, thoughts: list[str]
) -> Iterator[str | Event]:
    """What a line says, its thoughts also kept in *thoughts*.

    ``response`` is the text where a server answers like ``/api/generate``.
    """
    message = record.get("message")
    if not isinstance(message, Mapping):
        message = {"content": record.get("response") if message is None else message}
    thought = fields.thought(message.get("thinking"), "thinking")
    if thought:
        thoughts.append(thought)
        yield Reasoning(thought)
    content = message.get("content")
    if content.__class__ is not str:
        content = fields.text(content)
    if content:
        yield content
    if message.get("tool_calls"):
        yield ""
        for call in fields.mappings(message["tool_calls"], "tool_calls"):
            yield from _call_events(call, calls)


def _call_events(call: Mapping[str, Any], calls: FunctionCalls) -> Iterator[ToolCall]:
    function = call.get("function") or call
    given = function.get("arguments")
    # Text that is no object yet is a piece of one.
    continues = isinstance(given, str) and not _is_object(given)
    yield from calls.add(call.get("id"), function.get("name"), given, continues=continues)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def finish_events(
    record: Mapping[str, Any], calls: FunctionCalls, *, may_continue: bool
) -> Iterator[Event]:
    """A call under way, usage and the end mark; a reason that means failure is raised."""
    raw = fields.word(record.get("done_reason"), "done_reason")
    reason = chatapi.normal_reason(raw or "stop")
    if reason == "stop":
        yield from calls.complete()
        reason = "tool_calls" if calls else reason
    counted = usage(record)
    if counted != Usage():
        yield counted
    chatapi.raise_for_reason(raw)
    yield Finish(reason, raw=raw or None, may_continue=may_continue)


def usage(record: Mapping[str, Any]) -> Usage:
    """What the last line counts."""
    prompt, answer = (chatapi.count(record, name) for name in ("prompt_eval_count", "eval_count"))
    return Usage(prompt, answer, fields.total(prompt, answer))


def body(request: ChatRequest, name: str = Ollama.name) -> dict[str, Any]:
    """The request's JSON."""
    options = request.options
    value: dict[str, Any] = {
        "model": request.model,
        "messages": [
            _message(f"messages[{i}]", each, request, name)
            for i, each in enumerate(request.messages)
        ],
        "stream": True,
    }
    names = {"max_tokens": "num_predict"}
    settings = {
        names.get(each, each): options[each]
        for each in ("temperature", "top_p", "max_tokens", "seed")
        if each in options
    }
    if "stop" in options:
        settings["stop"] = chatapi.texts(options["stop"])
    if settings:
        value["options"] = settings
    if "tools" in options:
        value["tools"] = [
            _tool(each, f"tools[{i}]", name) for i, each in enumerate(options["tools"])
        ]
    if "response_format" in options:
        wanted = formats.answer_format(options["response_format"])
        schema = wanted.schema(name)
        if wanted.kind != "text":
            value["format"] = schema or "json"
    if "reasoning_effort" in options:
        value["think"] = _think(options["reasoning_effort"])
    return chatapi.merged(value, options.get("extra_body") or {})


def _tool(tool: Any, place: str, provider: str) -> dict[str, Any]:
    fields = tooldefs.function_fields(tool, place, ("name", "description", "parameters"), provider)
    return {"type": "function", "function": fields}


def _think(effort: str) -> bool | str:
    if effort == "none":
        return False
    return {"minimal": "low", "xhigh": "max"}.get(effort, effort)


def _message(where: str, message: Message, request: ChatRequest, name: str) -> dict[str, Any]:
    role = "system" if message.role == "developer" else message.role
    value: dict[str, Any] = {"role": role, "content": message.content}
    images = list(_images(where, message, name))
    if images:
        value["images"] = images
    if message.tool_calls:
        value["tool_calls"] = [
            _call(f"{where}.tool_calls[{i}]", call, name)
            for i, call in enumerate(message.tool_calls)
        ]
    if message.role == "tool":
        value["tool_name"] = chatapi.tool_name(request.messages, message)
        if message.tool_call_id:
            value["tool_call_id"] = message.tool_call_id
    elif message.name:
        raise sending.has_no(where, name, "name")
    value |= sending.own_data(message, name, "message")
    for thoughts in sending.known_members(where, message.extra, _THOUGHTS, name).values():
        value["thinking"] = thoughts
    return value


def _images(where: str, message: Message, name: str) -> Iterator[str]:
    """The images of a message, which go beside its text; it has no other parts."""
    for i, part in enumerate(message.parts):
        place = f"{where}.content[{i}]"
        if isinstance(part, str):
            continue
        if isinstance(part, Part) and part.type != "text":
            raise sending.has_no_part(place, name, part, "write text or an Image")
        sending.known_members(place, part.extra, (), name)
        if isinstance(part, Image):
            if part.detail is not None:
                raise sending.has_no(place, name, "detail")
            if part.url is not None:
                raise InvalidRequest("images are taken as bytes, not as URLs: use Image.open(path)")
            yield chatapi.encoded(part)


def _call(where: str, call: ToolCall, name: str) -> dict[str, Any]:
    sending.known_members(where, call.extra, ("index", "function"), name)  # the order says it
    inner = call.extra.get("function", {})
    inner = sending.known_members(f"{where}.function", inner, ("index",), name)
    function = {"name": call.name, "arguments": chatapi.arguments(call), **inner}
    return {**({"id": call.id} if call.id else {}), "function": function}

"""Google's Gemini API with an API key (not Vertex AI).

Facts, from the source of googleapis/python-genai (Aug 2026) and ai.google.dev;
none of it was run:

* ``POST /v1beta/models/{model}:streamGenerateContent?alt=sse`` with the key in
  ``x-goog-api-key``, never in the URL, where it would end up in logs.
* Answered as ``data:`` events without names; the last one has a
  ``finishReason``, but Gemini of 2024 and gateways have one in each.  There is
  no ``[DONE]``: the end of the body is the end.
* Parts with ``thought: true`` are reasoning; calls of tools often have no id,
  and Vertex AI can send them in pieces (see :mod:`.functioncalls`).
* ``usageMetadata`` is cumulative.  A refused prompt is a 200 without candidates
  and with ``promptFeedback.blockReason``.
* A failure in the stream is bare JSON, without ``data:``, and any error may be
  in a list of one.  A wrong key is a 400 with the reason ``API_KEY_INVALID``.
* Roles are ``user`` and ``model``; system text goes into ``systemInstruction``,
  results of tools into user turns.
* A part may have a ``thoughtSignature``, which is sent back with it, see
  :mod:`.gemini_messages`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from ..errors import AuthenticationError, G4FSyncError, InvalidRequest, ProviderError
from ..events import Event, Finish, ProviderData
from ..messages import ChatRequest
from ..transport.base import Transport
from ..urls import parsed
from . import chatapi, fields, gemini_answers as answers
from .base import checked_url
from .functioncalls import FunctionCalls
from .gemini_messages import contents, is_before_3, system_parts
from .gemini_tools import answer_format, tool_choice, tools

_BUDGETS: Mapping[str, int] = {  # tokens, as Google's own OpenAI-compatible face maps them
    "none": 0,
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
}


class Gemini(chatapi.ChatAPI):
    """Chat with Google's Gemini models.

    A ``base_url`` without a version at its end gets ``/v1beta``.
    ``reasoning_effort`` asks for thoughts too: a level since Gemini 3, a token
    budget for older models, none of either turns them off where that can be.
    An image's URL must be one that Google can fetch.
    """

    name = "gemini"
    native_schema = "plain"
    url = "https://aistudio.google.com"
    base_url = "https://generativelanguage.googleapis.com/v1beta"
    base_url_variables = ("GEMINI_API_BASE",)
    key_variables = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
    key_header = "x-goog-api-key"

    def normal_url(self, url: str) -> str:
        url = checked_url(self.name, url)
        last = parsed(url).path.rpartition("/")[2]
        return url if re.fullmatch(r"v\d\w*", last) else url + "/v1beta"

    def body(self, request: ChatRequest) -> dict[str, Any]:
        return body(request, self.name)

    def failure(self, error: G4FSyncError) -> G4FSyncError:
        if isinstance(error, ProviderError) and "API_KEY_INVALID" in error.body:
            error = AuthenticationError(
                str(error.args[0]), status=error.status, code=error.code, body=error.body
            )
        return super().failure(error)

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        model = quote(request.model.removeprefix("models/"), safe="")
        response = transport.post(
            f"/models/{model}:streamGenerateContent",
            json=self.body(request),
            params={"alt": "sse"},
            headers=self.stream_headers(request, transport),
        )
        calls = FunctionCalls(self.name)
        finish: Finish | None = None
        silent = True  # nothing of the answer has come yet
        for chunk in answers.chunks(response):
            came = False
            for part in answers.parts(chunk):
                events = answers.delta_events(part, calls)
                came = came or (bool(events) and events[0].__class__ is not ProviderData)
                yield from events
            counted = fields.mapping(chunk.get("usageMetadata"), "usageMetadata")
            if counted:
                yield answers.usage(counted)
            latest = answers.finish(chunk, calls, may_continue=came or silent)
            finish = latest or finish
            # The end of a call under way may still come.
            if latest and not (calls.is_open and latest.reason == "tool_calls"):
                yield latest
            silent = silent and not came
        if finish and calls.is_open and finish.reason == "tool_calls":
            yield from calls.complete()
            yield finish

    def list_models(self, transport: Transport) -> list[str]:
        names = self.listed(transport, "/models", {"pageSize": "1000"}, _next_page)
        return [name.removeprefix("models/") for name in names]


def _next_page(page: Mapping[str, Any]) -> Mapping[str, str] | None:
    token = page.get("nextPageToken")
    return {"pageToken": token} if token else None


def body(request: ChatRequest, name: str = Gemini.name) -> dict[str, Any]:
    """The request's JSON."""
    options = request.options
    value: dict[str, Any] = {"contents": contents(request, name)}
    system = system_parts(request.messages, name)
    if system:
        value["systemInstruction"] = {"parts": system}
    config = generation_config(options, request.model, name)
    if config:
        value["generationConfig"] = config
    if "tools" in options:
        value["tools"] = tools(options["tools"], name)
    if "tool_choice" in options:
        choice = tool_choice(options["tool_choice"], name)
        value["toolConfig"] = {"functionCallingConfig": choice}
    return chatapi.merged(value, options.get("extra_body") or {})


def generation_config(options: Mapping[str, Any], model: str, provider: str) -> dict[str, Any]:
    """The options that say how to write."""
    names = {
        "temperature": "temperature",
        "top_p": "topP",
        "max_tokens": "maxOutputTokens",
        "seed": "seed",
    }
    config = {wire: options[name] for name, wire in names.items() if name in options}
    if "stop" in options:
        config["stopSequences"] = chatapi.texts(options["stop"])
    if "response_format" in options:
        config |= answer_format(options["response_format"], provider)
    if "reasoning_effort" in options:
        config["thinkingConfig"] = _thinking(options["reasoning_effort"], model)
    return config


def _thinking(effort: str, model: str) -> dict[str, Any]:
    thoughts = {"includeThoughts": effort != "none"}
    if is_before_3(model):
        if effort not in _BUDGETS:
            raise InvalidRequest(
                f"reasoning_effort of {model} is one of {', '.join(_BUDGETS)}, got {effort!r}"
            )
        return {**thoughts, "thinkingBudget": _BUDGETS[effort]}
    # The lowest level there is: thinking can't be turned off.
    return {**thoughts, "thinkingLevel": "minimal" if effort == "none" else effort}

"""OpenAI's chat completions, and the many servers that speak like it.

Facts, from the sources of openai-python 3.3 (Aug 2026), and from runs of
llama.cpp b11549, llama-cpp-python 0.3, LiteLLM 1.106 and g4f 8.8:

* ``POST {base}/chat/completions``, answered as server-sent events, each a chunk
  with ``choices[0].delta``; ``data: [DONE]`` comes last, or never.
* An answer is whole when a ``finish_reason`` has come.  ``[DONE]`` proves
  nothing: llama-cpp-python sends it after cutting a running answer.  Behind
  LiteLLM and g4f a cut can't be seen: they make up a ``stop``.
* Usage comes in a chunk of its own after the finish, with or without
  ``choices``, in the finish's chunk, or in each chunk, where the last counts;
  some servers tell none.  Groq has it in ``x_groq``.
* Reasoning is ``reasoning_content`` (DeepSeek, llama.cpp, LiteLLM, xAI),
  ``reasoning`` (Ollama, Groq, g4f, OpenRouter, LocalAI) or a part of a content
  list (Mistral); servers without a parser leave ``<think>`` tags in the text.
* An error may be any chunk with ``error`` (OpenRouter sends choices beside it),
  flat with ``object: error`` (older vLLM), or a field named ``error`` in place
  of ``data`` (llama.cpp of 2024).  An answer can also end with the finish
  reason ``error`` (OpenRouter, Mistral) or ``abort`` (vLLM): it was cut.
* Some gateways answer plain JSON to a request for a stream.
* ``max_tokens`` is what most servers know; OpenAI's newer models refuse it and
  want ``max_completion_tokens``.  Nothing the caller did not ask for is sent,
  but ``stream_options``: that one only Mistral is known to refuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..codecs import refusals
from ..errors import InvalidRequest
from ..events import Event, Finish, Reasoning, Usage
from ..messages import ChatRequest
from ..transport.base import Response, Transport
from . import dialect, formats, tooldefs
from .base import Provider, checked_url
from .openai_fields import MessageFields
from .openai_messages import messages_json
from .thinking import ThinkTags
from .toolcalls import ToolCalls

_REASONS: Mapping[str, str] = {
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "COMPLETE": "stop",
    "max_tokens": "length",
    "model_length": "length",
    "function_call": "tool_calls",
    "safety": "content_filter",
}


class OpenAI(Provider):
    """Chat with OpenAI, or with any server that speaks like it at ``base_url``.

    A ``base_url`` without a path gets ``/v1``.  ``think_tags=True`` takes the
    text between ``<think>`` and ``</think>`` for reasoning.
    ``include_usage=False`` is for servers that refuse ``stream_options``.
    ``max_tokens_field`` is what the server calls ``max_tokens``: by default
    ``max_completion_tokens`` at OpenAI itself, ``max_tokens`` elsewhere.
    ``key_header="api-key"`` and ``api_version`` are for Azure's classic URLs,
    ``https://NAME.openai.azure.com/openai/deployments/DEPLOYMENT``.

    Fields without an option of their own go into ``extra_body``.
    """

    name = "openai"
    url = "https://platform.openai.com"
    base_url = "https://api.openai.com/v1"
    base_url_variables = ("OPENAI_BASE_URL", "OPENAI_API_BASE")
    key_variables = ("OPENAI_API_KEY",)
    needs_key = True
    open_models = True
    lists_models = True
    status = "active"
    options = dialect.OPTIONS
    supports_images = True
    supports_tools = True
    supports_extra = True
    headers = dialect.HEADERS

    bare_path = "/v1"  # what a base URL without a path gets
    include_usage = True
    max_tokens_field: str | None = None
    seed_field = "seed"
    key_header = "Authorization"

    def __init__(
        self,
        base_url: str | None = None,
        *,
        think_tags: bool = False,
        include_usage: bool | None = None,
        max_tokens_field: str | None = None,
        key_header: str | None = None,
        api_version: str | None = None,
    ) -> None:
        super().__init__(base_url)
        self.think_tags = think_tags
        self.include_usage = self.include_usage if include_usage is None else include_usage
        self.max_tokens_field = max_tokens_field or self.max_tokens_field
        self.key_header = key_header or self.key_header
        self.params = {"api-version": api_version} if api_version else None

    def normal_url(self, url: str) -> str:
        url = checked_url(self.name, url).removesuffix("/chat/completions")
        return url if urlsplit(url).path else url + self.bare_path

    def check(self, request: ChatRequest) -> None:
        super().check(request)
        body(request, self)

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        headers = {"Accept": "text/event-stream", **self._authorization(transport)}
        response = transport.post(
            "/chat/completions",
            json=body(request, self),
            params=self.params,
            headers=headers | dialect.extra_headers(request.options),
        )
        tags = ThinkTags() if self.think_tags else None
        calls, kept = ToolCalls(self.name), MessageFields(self.name)
        reason = counted = None
        for chunk in chunks(response):
            if "error" in chunk or "choices" not in chunk:
                raise_error_in(chunk)
            for choice in chunk.get("choices") or ():
                if reason or choice.get("index"):  # one answer was asked for
                    continue
                delta = choice.get("delta") or choice.get("message")
                if delta:
                    yield from spoken(delta, tags, calls, kept)
                reason = choice.get("finish_reason")
                if reason:
                    yield from ending(reason, tags, calls)
                    yield from kept.events()
            if "usage" in chunk or "x_groq" in chunk:
                counted = usage_in(chunk) or counted
            if reason and counted:
                yield usage(counted)
                counted = None
        if reason == "" and calls:  # xAI's way to finish with tool calls
            yield from ending(reason, tags, calls)
        yield from kept.events()

    def list_models(self, transport: Transport) -> list[str]:
        headers = {"Accept": "application/json", **self._authorization(transport)}
        answer = transport.get("/models", params=self.params, headers=headers)
        return dialect.model_names(answer.json())

    def _authorization(self, transport: Transport) -> dict[str, str]:
        key = transport.api_key
        if not key:
            return {}
        return {self.key_header: f"Bearer {key}" if self.key_header == "Authorization" else key}


def chunks(response: Response) -> Iterable[Any]:
    """The chunks of a stream up to ``[DONE]``; a plain JSON answer is the only one."""
    if response.media_type == "application/json":
        return [response.json()]
    return response.values()


def raise_error_in(chunk: Mapping[str, Any]) -> None:
    """Raise the error that *chunk* is, in whatever shape, if it is one."""
    is_flat = chunk.get("object") == "error" or "detail" in chunk
    if chunk.get("error") or (is_flat and not chunk.get("choices")):
        raise refusals.in_band(chunk)


def spoken(
    delta: Mapping[str, Any], tags: ThinkTags | None, calls: ToolCalls, kept: MessageFields
) -> Iterable[str | Event]:
    """What a delta, or a whole message, says."""
    content = delta.get("content")
    # Nearly all are a text and nothing else: no generator for these.
    if content and content.__class__ is str and len(delta) == 1 and tags is None:
        return (content,)
    return _spoken(delta, tags, calls, kept)


def _spoken(
    delta: Mapping[str, Any], tags: ThinkTags | None, calls: ToolCalls, kept: MessageFields
) -> Iterator[str | Event]:
    kept.add(delta)
    thought = delta.get("reasoning_content") or delta.get("reasoning")
    if thought:
        yield Reasoning(_text(thought))
    content = delta.get("content") or delta.get("refusal")
    if isinstance(content, str):
        yield from (content,) if tags is None else tags.feed(content)
    elif content:
        yield from parts(content)
    if delta.get("tool_calls"):
        calls.add(delta["tool_calls"])
        yield ""


def parts(content: Any) -> Iterator[str | Event]:
    """Mistral's list of texts and thoughts; parts of other types say nothing."""
    for part in content:
        if part["type"] == "text":
            yield part["text"]
        elif part["type"] == "thinking":
            yield Reasoning(_text(part["thinking"]))


def _text(value: Any) -> str:
    """A text that may be given as a list of text parts."""
    if isinstance(value, list):
        return "".join(part["text"] for part in value)
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r:.80}")
    return value


def ending(reason: str, tags: ThinkTags | None, calls: ToolCalls) -> Iterator[str | Event]:
    """What is held back until the answer ends, and its end mark."""
    dialect.raise_for_reason(reason)
    if tags is not None:
        yield from tags.close()
    yield from calls.whole()
    normal = _REASONS.get(reason, reason)
    # Ollama, and OpenAI when the tool was chosen for the model, say "stop" here.
    yield Finish("tool_calls" if calls and normal in ("stop", "") else normal, raw=reason)


def usage_in(chunk: Mapping[str, Any]) -> Any:
    """What *chunk* tells of usage, at one of two places."""
    told = chunk.get("usage")
    if not told and chunk.get("x_groq"):
        raise_error_in(chunk["x_groq"])
        told = chunk["x_groq"].get("usage")
    return told


def usage(told: Mapping[str, Any]) -> Usage:
    """Usage in OpenAI's words; DeepSeek has one of its own."""
    cached = dialect.count(told.get("prompt_tokens_details") or {}, "cached_tokens")
    return Usage(
        input_tokens=dialect.count(told, "prompt_tokens"),
        output_tokens=dialect.count(told, "completion_tokens"),
        total_tokens=dialect.count(told, "total_tokens"),
        cached_tokens=dialect.count(told, "prompt_cache_hit_tokens") if cached is None else cached,
        reasoning_tokens=dialect.count(
            told.get("completion_tokens_details") or {}, "reasoning_tokens"
        ),
    )


def body(request: ChatRequest, provider: OpenAI) -> dict[str, Any]:
    """The request's JSON."""
    options = dict(request.options)
    extra = options.pop("extra_body", {})
    options.pop("extra_headers", None)
    own = provider.max_tokens_field or (
        "max_completion_tokens"
        if urlsplit(provider.base_url).hostname == "api.openai.com"
        else "max_tokens"
    )
    names = {"max_tokens": own, "seed": provider.seed_field}
    value: dict[str, Any] = {
        "model": request.model,
        # Servers that know the old field only do not know the newer role either.
        "messages": messages_json(request.messages, provider.name, developer=own != "max_tokens"),
        "stream": True,
    }
    if provider.include_usage:
        value["stream_options"] = {"include_usage": True}
    value |= {names.get(name, name): option for name, option in options.items()}
    if "tools" in options:
        value["tools"] = tooldefs.openai_tools(options["tools"])
    if "response_format" in options:
        value["response_format"] = formats.answer_format(options["response_format"]).openai()
    if extra.get("n", 1) != 1:
        raise InvalidRequest("extra_body: n must be 1, one answer is one stream")
    return dialect.merged(value, extra)

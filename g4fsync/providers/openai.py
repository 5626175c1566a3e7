"""OpenAI: its chat completions, and the many servers that speak like it.

Its Responses API stands in :mod:`.openai_responses`; ``api`` says which one is asked.

Facts, from the sources of openai-python 3.3 (Aug 2026), and from runs of
llama.cpp b11549, llama-cpp-python 0.3, LiteLLM 1.106 and g4f 8.8:

* ``POST {base}/chat/completions``, answered as server-sent events, each a chunk
  with ``choices[0].delta``; ``data: [DONE]`` comes last, or never.
* A ``finish_reason`` says that the model stopped, not that the stream has:
  gateways in front of Gemini write one into every chunk, Together one into the
  chunk of each call.  ``""`` (Snowflake) and ``"null"`` are none.  ``[DONE]``
  alone proves nothing: llama-cpp-python sends it after cutting a running
  answer.  Usage and then ``[DONE]`` is an end, with no reason told (OpenRouter's
  Novita, Snowflake, OpenAI's audio models).  Behind LiteLLM and g4f a cut can't
  be seen: they make up a ``stop``.
* A message in place of a delta, at the end, repeats what was said (MiniMax).
* Usage comes in a chunk of its own after the finish, with or without
  ``choices``, in the finish's chunk or its choice (Moonshot), or in each chunk,
  where the last counts; some servers tell none.  Groq has it in ``x_groq``.
* A text may be a number (Workers AI sends a token of digits so), an object (its
  JSON mode) or a list of parts (Mistral).
* Reasoning is ``reasoning_content`` (DeepSeek, llama.cpp, LiteLLM, xAI),
  ``reasoning`` (Ollama, Groq, g4f, OpenRouter, LocalAI), in
  ``reasoning_details`` (OpenRouter, Snowflake) or a part of a content list
  (Mistral); servers without a parser leave ``<think>`` tags in the text.
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

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias, get_args

from ..errors import InvalidRequest
from ..events import Event
from ..messages import ChatRequest
from ..transport.base import Response, Transport
from ..urls import parsed
from . import chatapi, fields, formats, openai_responses, tooldefs
from .base import checked_url
from .openai_answers import Answer, plain_text
from .openai_messages import messages_json
from .openai_responses_answers import ResponseReader, plain_text as delta_text
from .reasoning import reasoning_fields

Api: TypeAlias = Literal["chat", "responses", "auto"]
_APIS = get_args(Api)


class OpenAI(chatapi.ChatAPI):
    """Chat with OpenAI, or with any server that speaks like it at ``base_url``.

    A ``base_url`` without a path gets ``/v1``.  ``think_tags=True`` takes the
    text between ``<think>`` and ``</think>`` for reasoning.
    ``include_usage=False`` is for servers that refuse ``stream_options``.
    ``max_tokens_field`` is what the server calls ``max_tokens``: by default
    ``max_completion_tokens`` at OpenAI itself, ``max_tokens`` elsewhere.
    ``key_header="api-key"`` and ``api_version`` are for Azure's classic URLs,
    ``https://NAME.openai.azure.com/openai/deployments/DEPLOYMENT``.

    ``api`` is ``"chat"`` (chat completions), ``"responses"`` (the Responses API) or, by
    default, ``"auto"``: the Responses API at OpenAI itself for models that reason
    (``o3``, ``gpt-5`` ...), unless the request says what only chat completions have a
    place for (``stop``, ``seed``, the name of a speaker); chat completions elsewhere.
    ``reasoning_summary`` (``"auto"``, ``"concise"``, ``"detailed"``) asks the Responses
    API for summaries of the reasoning, which OpenAI gives to verified organizations.

    Fields without an option of their own go into ``extra_body``.
    """

    name = "openai"
    native_schema = "strict"
    url = "https://platform.openai.com"
    base_url = "https://api.openai.com/v1"
    base_url_variables = ("OPENAI_BASE_URL", "OPENAI_API_BASE")
    key_variables = ("OPENAI_API_KEY",)

    bare_path = "/v1"  # what a base URL without a path gets
    include_usage = True
    max_tokens_field: str | None = None
    seed_field = "seed"
    api: Api = "auto"
    # What differs among the services of this protocol; see :mod:`.preset_row`.
    think_tags = False
    has_responses = True
    reasoning = "effort"  # how reasoning_effort is written, see :mod:`.reasoning`
    guest_key: str | None = None  # sent for want of a key
    streams = True  # without, an answer comes as one JSON value
    stop_is_list = False
    call_id_chars: int | None = None  # all of them letters and digits

    def __init__(
        self,
        base_url: str | None = None,
        *,
        think_tags: bool | None = None,
        include_usage: bool | None = None,
        max_tokens_field: str | None = None,
        key_header: str | None = None,
        api_version: str | None = None,
        api: Api | None = None,
        reasoning_summary: str | None = None,
    ) -> None:
        super().__init__(base_url)
        self.api = api or self.api
        if self.api not in _APIS:
            raise InvalidRequest(f"api must be one of {', '.join(_APIS)}, got {api!r:.80}")
        if self.api == "responses" and think_tags:
            raise InvalidRequest("think_tags is for chat completions, not for api='responses'")
        if self.api == "responses" and not self.has_responses:
            raise InvalidRequest(
                f"{self.name} is not known to speak the Responses API; if it does by now, "
                "ask it as OpenAI(base_url, api='responses')"
            )
        self.think_tags = self.think_tags if think_tags is None else think_tags
        self.include_usage = self.include_usage if include_usage is None else include_usage
        self.max_tokens_field = max_tokens_field or self.max_tokens_field
        self.key_header = key_header or self.key_header
        self.reasoning_summary = reasoning_summary
        self.params = {"api-version": api_version} if api_version else None

    def normal_url(self, url: str) -> str:
        url = checked_url(self.name, url)
        for path in ("/chat/completions", "/responses"):
            url = url.removesuffix(path)
        return url if parsed(url).path else url + self.bare_path

    def body(self, request: ChatRequest) -> dict[str, Any]:
        if self._uses_responses(request):
            return openai_responses.body(request, self.name, summary=self.reasoning_summary)
        return body(request, self)

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        # Each event passes one generator less than with `yield from`.
        if self._uses_responses(request):
            return self._responses_stream(request, transport)
        return self._chat_stream(request, transport)

    def _chat_stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        response = self._post("/chat/completions", request, transport)
        answer = Answer(self.name, think_tags=self.think_tags)
        for chunk in response.values():
            try:
                text = "" if self.think_tags else plain_text(chunk)
            except AttributeError:  # no object: ``null``, or a list of them
                text = ""
            if text:
                answer.spoke = True
                yield text
            else:
                yield from answer.events(chunk)
        yield from answer.finish_events(done=response.done)

    def _responses_stream(
        self, request: ChatRequest, transport: Transport
    ) -> Iterator[str | Event]:
        response = self._post("/responses", request, transport)
        reader = ResponseReader(self.name)
        for event in response.values():
            try:
                text = delta_text(event)
            except AttributeError:  # no object: ``null``, or a list of them
                for each in fields.objects(event):
                    yield from reader.events(each)
                continue
            if text:
                reader.spoke = True
                yield text
                continue
            yield from reader.events(event)
            if reader.stopped:
                break
        yield from reader.finish_events()

    def _uses_responses(self, request: ChatRequest) -> bool:
        """Whether *request* goes to the Responses API."""
        if self.api == "auto":
            return (
                _is_openai(self.base_url)
                and not self.think_tags
                and openai_responses.is_reasoning_model(request.model)
                and openai_responses.can_say(request, self.name)
            )
        return self.api == "responses"

    def _post(self, path: str, request: ChatRequest, transport: Transport) -> Response:
        return transport.post(
            path,
            json=self.body(request),
            params=self.params,
            headers=self.stream_headers(request, transport),
        )

    def authorization(self, transport: Transport) -> dict[str, str]:
        if self.guest_key and not transport.api_key:
            return {self.key_header: f"Bearer {self.guest_key}"}
        return super().authorization(transport)

    def list_models(self, transport: Transport) -> list[str]:
        return self.listed(transport, "/models", self.params)


def _is_openai(base_url: str) -> bool:
    return parsed(base_url).host == "api.openai.com"


def body(request: ChatRequest, provider: OpenAI) -> dict[str, Any]:
    """The request's JSON."""
    options = dict(request.options)
    extra = options.pop("extra_body", {})
    options.pop("extra_headers", None)
    own = provider.max_tokens_field or (
        "max_completion_tokens" if _is_openai(provider.base_url) else "max_tokens"
    )
    names = {"max_tokens": own, "seed": provider.seed_field}
    value: dict[str, Any] = {
        "model": request.model,
        # Servers that know the old field only do not know the newer role either.
        "messages": messages_json(
            request.messages,
            provider.name,
            developer=own != "max_tokens",
            id_chars=provider.call_id_chars,
        ),
        "stream": provider.streams,
    }
    if provider.include_usage and provider.streams:
        value["stream_options"] = {"include_usage": True}
    effort = options.pop("reasoning_effort", None)
    value |= {names.get(name, name): option for name, option in options.items()}
    if effort is not None:
        value |= reasoning_fields(effort, provider.reasoning, provider.name)
    if "stop" in options and provider.stop_is_list:
        value["stop"] = chatapi.texts(options["stop"])
    if "tools" in options:
        value["tools"] = tooldefs.openai_tools(options["tools"])
    if "response_format" in options:
        value["response_format"] = formats.answer_format(options["response_format"]).openai()
    if extra.get("n", 1) != 1:
        raise InvalidRequest("extra_body: n must be 1, one answer is one stream")
    return chatapi.merged(value, extra)

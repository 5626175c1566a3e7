"""Calls as OpenTelemetry spans and metrics: ``Client(observers=[OpenTelemetry()])``.

Needs the extra ``otel`` (``opentelemetry-api``); an SDK and an exporter are yours to set up,
without them nothing is recorded.

Names are those of the semantic conventions for generative AI as of version 1.42 (status:
development), https://opentelemetry.io/docs/specs/semconv/gen-ai/ :

* a span ``chat MODEL`` of kind CLIENT for each call, from its first ``next()`` to its end,
  however that comes about; below it one span ``attempt N`` for each attempt;
* the histograms ``gen_ai.client.operation.duration`` (s), ``gen_ai.client.token.usage``
  ({token}, of what the provider counted) and ``gen_ai.client.operation.time_to_first_chunk`` (s).

What was asked and answered is in no span unless the conventions' own variable
``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`` says so: ``true``, ``SPAN_ONLY`` or
``SPAN_AND_EVENT`` (there are no events here).  Then it is blotted of keys, as in an archive.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .call.observing import ObservedCall, Observer
from .errors import Cancelled, ConfigurationError, G4FSyncError
from .messages import Message
from .redaction import blotted, forms
from .urls import parsed

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

CONTENT_VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
SCHEMA_URL = "https://opentelemetry.io/schemas/1.42.0"

# The conventions' names for providers that have another one here.
_PROVIDERS = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "xai": "x_ai",
}
_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": "max_tokens",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
_USAGE = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
}
# As the conventions advise.
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = tuple(4.0**power for power in range(14))


class OpenTelemetry(Observer):
    """Records each call of its clients; by default with the global providers.

    ``tracer_provider`` and ``meter_provider`` are others.  ``ConfigurationError``
    when ``opentelemetry-api`` is not installed.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        try:
            from opentelemetry import metrics, trace
        except ImportError as exc:
            raise ConfigurationError(
                'OpenTelemetry needs its extra: pip install "g4fsync[otel]"'
            ) from exc
        self._tracer = trace.get_tracer("g4fsync", None, tracer_provider, SCHEMA_URL)
        meter = metrics.get_meter("g4fsync", "", meter_provider, SCHEMA_URL)
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            "s",
            "GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._first_chunk = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            "s",
            "Time to receive the first chunk.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._spans: dict[str, Span] = {}

    def call_started(self, call: ObservedCall) -> None:
        """Begin its span, below the one that is current where the answer is read."""
        from opentelemetry.trace import SpanKind

        self._spans[call.id] = self._tracer.start_span(
            f"chat {call.model}",
            kind=SpanKind.CLIENT,
            attributes={**_names(call), **_requested(call)},
            start_time=_nanoseconds(call.started_at),
        )

    def call_ended(self, call: ObservedCall) -> None:
        """End its span, and count."""
        span = self._spans.pop(call.id, None)
        if span is None:
            return
        if span.is_recording():
            self._attempts(call, span)
            span.update_name(f"chat {call.model}")  # a fallback may have answered
            span.set_attributes({**_names(call), **_answered(call)})
            if captures_content():
                span.set_attributes(_content(call))
            _set_status(span, call.error, _secrets(call))
        end = call.started_at + (call.seconds or 0.0)
        span.end(end_time=_nanoseconds(end))
        self._measure(call)

    def _attempts(self, call: ObservedCall, span: Span) -> None:
        from opentelemetry.trace import SpanKind, set_span_in_context

        below: Context = set_span_in_context(span)
        for attempt, started in zip(call.attempts, call.attempt_starts, strict=False):
            child = self._tracer.start_span(
                f"attempt {attempt.number}",
                context=below,
                kind=SpanKind.INTERNAL,
                attributes={
                    "gen_ai.provider.name": _provider(attempt.provider),
                    "gen_ai.request.model": attempt.model,
                    "g4fsync.attempt.number": attempt.number,
                    "g4fsync.attempt.phase": attempt.phase,
                },
                start_time=_nanoseconds(started),
            )
            end = started + attempt.seconds
            if attempt.error is None:  # it is this one that streamed until the end
                end = max(end, call.started_at + (call.seconds or 0.0))
            _set_status(child, attempt.error, _secrets(call))
            child.end(end_time=_nanoseconds(end))

    def _measure(self, call: ObservedCall) -> None:
        names = _names(call)
        if call.error is not None:
            names["error.type"] = type(call.error).__name__
        self._duration.record(call.seconds or 0.0, names)
        names.pop("error.type", None)
        if call.cached:  # nothing was asked, nothing is paid
            return
        if call.first_token_seconds is not None:
            self._first_chunk.record(call.first_token_seconds, names)
        for kind in ("input", "output"):
            count = getattr(call.usage, f"{kind}_tokens", None)
            if count is not None:
                self._tokens.record(count, {**names, "gen_ai.token.type": kind})


def captures_content() -> bool:
    """Whether the conventions' variable asks for what was said."""
    value = os.environ.get(CONTENT_VARIABLE, "").strip().lower()
    return value in ("true", "span_only", "span_and_event")


def _provider(name: str) -> str:
    return _PROVIDERS.get(name, name)


def _names(call: ObservedCall) -> dict[str, Any]:
    """Attributes that spans and metrics have in common."""
    names: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _provider(call.provider),
        "gen_ai.request.model": call.model,
    }
    url = parsed(call.base_url)
    if url.host:
        names["server.address"] = url.host
        names["server.port"] = url.port or {"https": 443, "http": 80}.get(url.scheme, 0)
    return names


def _requested(call: ObservedCall) -> dict[str, Any]:
    options = call.options
    found: dict[str, Any] = {
        f"gen_ai.request.{name}": options[option]
        for option, name in _OPTIONS.items()
        if isinstance(options.get(option), int | float)
    }
    found["gen_ai.request.stream"] = True
    stop = options.get("stop")
    if stop:
        found["gen_ai.request.stop_sequences"] = [stop] if isinstance(stop, str) else list(stop)
    if options.get("response_format") not in (None, "text"):
        found["gen_ai.output.type"] = "json"
    if call.conversation is not None:
        found["gen_ai.conversation.id"] = call.conversation
    return found


def _answered(call: ObservedCall) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if call.finish_reason is not None:
        found["gen_ai.response.finish_reasons"] = [call.finish_reason]
    if call.answer_id:
        found["gen_ai.response.id"] = call.answer_id
    if call.first_token_seconds is not None:
        found["gen_ai.response.time_to_first_chunk"] = call.first_token_seconds
    if call.cached:
        found["g4fsync.cached"] = True
    elif call.usage is not None:
        counts = {name: getattr(call.usage, field) for field, name in _USAGE.items()}
        found |= {name: count for name, count in counts.items() if count is not None}
    return found


def _set_status(span: Span, error: G4FSyncError | None, secrets: Sequence[str]) -> None:
    from opentelemetry.trace import Status, StatusCode

    if error is None:
        return
    span.set_attribute("error.type", type(error).__name__)
    if not isinstance(error, Cancelled):  # whoever leaves early has made no mistake
        span.set_status(Status(StatusCode.ERROR, blotted(str(error), secrets)))


def _secrets(call: ObservedCall) -> Sequence[str]:
    return forms(*call.secrets)


def _content(call: ObservedCall) -> dict[str, Any]:
    """What was said, as the conventions' JSON schemas for messages have it."""
    answer = Message("assistant", call.text, tool_calls=call.tool_calls)
    output = {**_message(answer), "finish_reason": call.finish_reason or "error"}
    if call.reasoning:
        output["parts"].insert(0, {"type": "reasoning", "content": call.reasoning})
    system = [m for m in call.messages if m.role in ("system", "developer")]
    others = [m for m in call.messages if m.role not in ("system", "developer")]
    said = {
        "gen_ai.system_instructions": [{"type": "text", "content": m.content} for m in system],
        "gen_ai.input.messages": [_message(message) for message in others],
        "gen_ai.output.messages": [output],
    }
    secrets = _secrets(call)
    return {name: blotted(json.dumps(value), secrets) for name, value in said.items() if value}


def _message(message: Message) -> dict[str, Any]:
    return {"role": message.role, "parts": list(_parts(message))}


def _parts(message: Message) -> Iterable[dict[str, Any]]:
    if message.role == "tool":
        response = {"type": "tool_call_response", "id": message.tool_call_id}
        yield {**response, "response": message.content}
        return
    if message.content:
        yield {"type": "text", "content": message.content}
    for call in message.tool_calls:
        called = {"type": "tool_call", "id": call.id, "name": call.name}
        yield {**called, "arguments": call.arguments}


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)

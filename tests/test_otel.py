from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from g4fsync import Client, Retry, otel
from g4fsync.emulator import Emulator, Stall, Status
from g4fsync.errors import G4FSyncError, ServerError
from g4fsync.otel import CONTENT_VARIABLE, OpenTelemetry
from tests.archive.instant import Instant

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
    InMemorySpanExporter,
)
from opentelemetry.trace import SpanKind, StatusCode


class Collector:
    """OpenTelemetry's SDK, in memory."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])
        self.observer = OpenTelemetry(tracer_provider=self.tracers, meter_provider=self.meters)

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def attributes(self, name: str) -> dict[str, Any]:
        return dict(self.spans[name].attributes or {})

    def metrics(self) -> dict[str, list[Any]]:
        """The data points of each histogram."""
        data = self.reader.get_metrics_data()
        assert data is not None
        return {
            metric.name: list(metric.data.data_points)
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.meters.shutdown()
    collector.tracers.shutdown()


def client_of(emulator: Emulator, collector: Collector, **settings: Any) -> Client:
    return Client(
        "openai:gpt-4o-mini",
        base_urls=emulator.base_urls,
        api_keys={"openai": emulator.api_key},
        observers=[collector.observer],
        **settings,
    )


def test_a_call_is_a_span_with_the_names_of_the_conventions(
    emulator: Emulator, collector: Collector
) -> None:
    client = client_of(emulator, collector)
    with client.conversation(id="talk").chat("Hi", temperature=0.5, max_tokens=50, stop="x") as s:
        result = s.result()
    span = collector.spans["chat gpt-4o-mini"]
    assert (span.kind, span.status.status_code) == (SpanKind.CLIENT, StatusCode.UNSET)
    port = int(emulator.base_urls["openai"].split(":")[2].split("/")[0])
    assert result.usage is not None
    assert collector.attributes("chat gpt-4o-mini") == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.conversation.id": "talk",
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 50,
        "gen_ai.request.stop_sequences": ("x",),
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.id": result.id,
        "gen_ai.response.time_to_first_chunk": result.first_token_seconds,
        "gen_ai.usage.input_tokens": result.usage.input_tokens,
        "gen_ai.usage.output_tokens": result.usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": result.usage.cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": result.usage.reasoning_tokens,
        "server.address": "127.0.0.1",
        "server.port": port,
    }
    assert span.start_time is not None
    assert span.end_time is not None
    assert (span.end_time - span.start_time) / 1e9 == pytest.approx(result.seconds, abs=1e-3)


def test_each_attempt_is_a_span_below_it(emulator: Emulator, collector: Collector) -> None:
    emulator.openai.faults.append(Status(503))
    client_of(emulator, collector, retry=Retry(2, 0.05, 0.05)).ask("Hi")
    call, first, second = (
        collector.spans[name] for name in ("chat gpt-4o-mini", "attempt 1", "attempt 2")
    )
    assert first.parent is not None
    assert second.parent is not None
    assert call.context is not None
    assert first.parent.span_id == second.parent.span_id == call.context.span_id
    assert first.status.status_code is StatusCode.ERROR
    assert collector.attributes("attempt 1")["error.type"] == "ServerError"
    assert second.status.status_code is StatusCode.UNSET
    times = [call.start_time, first.start_time, first.end_time, second.start_time]
    assert times == sorted(times, key=lambda each: each or 0)
    assert abs((second.end_time or 0) - (call.end_time or 0)) < 5e7  # one that streamed to the end


def test_a_failure_is_an_error_by_its_class(emulator: Emulator, collector: Collector) -> None:
    emulator.openai.fault = Status(500, f"broken, {emulator.api_key}")
    with pytest.raises(ServerError):
        client_of(emulator, collector, retry=1).ask("Hi")
    span = collector.spans["chat gpt-4o-mini"]
    assert collector.attributes("chat gpt-4o-mini")["error.type"] == "ServerError"
    assert span.status.status_code is StatusCode.ERROR
    assert "broken, …" in (span.status.description or "")
    (duration,) = collector.metrics()["gen_ai.client.operation.duration"]
    assert duration.attributes["error.type"] == "ServerError"
    assert "gen_ai.client.token.usage" not in collector.metrics()


@pytest.mark.parametrize("leave", ["close", "drop", "cancel"])
def test_an_abandoned_stream_ends_its_span(
    emulator: Emulator, collector: Collector, leave: str
) -> None:
    emulator.openai.fault = Stall(after_bytes=700)
    stream = client_of(emulator, collector).chat("Tell me something long")
    next(stream)
    assert collector.spans == {}
    if leave == "close":
        stream.close()
    elif leave == "cancel":
        stream.cancel()
        with pytest.raises(G4FSyncError):
            stream.result()
    else:
        del stream
    span = collector.spans["chat gpt-4o-mini"]
    assert collector.attributes("chat gpt-4o-mini")["error.type"] == "Cancelled"
    assert span.status.status_code is StatusCode.UNSET
    assert collector.observer._spans == {}


def test_figures_are_counted(emulator: Emulator, collector: Collector) -> None:
    client = client_of(emulator, collector)
    usages = [client.ask(text).usage for text in ("One", "Two and three")]
    found = collector.metrics()
    assert sorted(found) == [
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.token.usage",
    ]
    tokens = {
        point.attributes["gen_ai.token.type"]: point.sum
        for point in found["gen_ai.client.token.usage"]
    }
    assert tokens == {
        "input": sum(usage.input_tokens or 0 for usage in usages if usage),
        "output": sum(usage.output_tokens or 0 for usage in usages if usage),
    }
    (duration,) = found["gen_ai.client.operation.duration"]
    assert (duration.count, duration.explicit_bounds[0]) == (2, 0.01)
    assert duration.attributes["gen_ai.provider.name"] == "openai"


def test_it_is_below_the_callers_own_span(emulator: Emulator, collector: Collector) -> None:
    tracer = collector.tracers.get_tracer("mine")
    with tracer.start_as_current_span("mine"):
        client_of(emulator, collector).ask("Hi")
    parent = collector.spans["chat gpt-4o-mini"].parent
    mine = collector.spans["mine"].context
    assert parent is not None
    assert mine is not None
    assert parent.span_id == mine.span_id


def test_what_was_said_is_in_no_span(emulator: Emulator, collector: Collector) -> None:
    client_of(emulator, collector).ask("a secret question", system="a secret system")
    assert "secret" not in collector.spans["chat gpt-4o-mini"].to_json()


def test_what_was_said_is_in_the_span_when_the_variable_says_so(
    emulator: Emulator, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONTENT_VARIABLE, "SPAN_ONLY")
    key = emulator.api_key
    result = client_of(emulator, collector).ask(f"Hi, {key}", system="Be brief")
    attributes = collector.attributes("chat gpt-4o-mini")
    assert json.loads(attributes["gen_ai.system_instructions"]) == [
        {"type": "text", "content": "Be brief"}
    ]
    assert json.loads(attributes["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "Hi, …"}]}
    ]
    assert json.loads(attributes["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": result.text.replace(key, "…")}],
            "finish_reason": "stop",
        }
    ]


def test_an_answer_from_the_cache_costs_no_tokens(collector: Collector, tmp_path: Any) -> None:
    client = Client(archive=tmp_path / "chats.db", cache="on", observers=[collector.observer])
    for _ in range(2):
        client.ask("Hi", provider=Instant())
    points = collector.metrics()["gen_ai.client.token.usage"]
    assert sum(point.sum for point in points) == 8
    assert client.archive is not None
    client.archive.close()
    assert collector.attributes("chat m")["g4fsync.cached"] is True


def test_without_its_package_it_says_what_to_install() -> None:
    code = """
import sys
sys.modules["opentelemetry"] = None
from g4fsync.otel import OpenTelemetry
try:
    OpenTelemetry()
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        'ConfigurationError OpenTelemetry needs its extra: pip install "g4fsync[otel]"\n'
    )


def test_names_and_values_are_those_of_the_conventions_own_package() -> None:
    from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as conventions
    from opentelemetry.semconv._incubating.metrics import gen_ai_metrics

    known = {
        value
        for module in (conventions, gen_ai_metrics)
        for value in vars(module).values()
        if isinstance(value, str)
    }
    source = Path(otel.__file__).read_text(encoding="utf-8")
    used = set(re.findall(r'"(gen_ai\.[a-z_.]+)"', source))
    used |= {f"gen_ai.request.{name}" for name in otel._OPTIONS.values()}
    assert used <= known
    assert len(used) > 25
    values = {each.value for each in conventions.GenAiProviderNameValues}
    names = {otel._provider(name) for name in PROVIDERS_THAT_HAVE_A_NAME_THERE}
    assert names <= values


PROVIDERS_THAT_HAVE_A_NAME_THERE = (
    "openai", "anthropic", "gemini", "azure", "bedrock", "cohere", "deepseek", "groq", "mistral",
    "perplexity", "xai",
)  # fmt: skip

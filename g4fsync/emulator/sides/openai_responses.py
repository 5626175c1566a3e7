"""OpenAI's Responses API, ``/v1/responses``.

Facts from openai-python 3.57.0, the npm package openai 7.57.0 and @ai-sdk/openai 4.0, which all
run against it: typed events with ``sequence_number``, deltas with ``obfuscation``, no ``[DONE]``;
the proof of a whole answer is ``response.completed`` or ``response.incomplete``.  Responses are
stored unless ``store`` is false, and found again by ``previous_response_id`` and
``item_reference``; stored reasoning that comes back whole, as the guides and openai-agents
send it, is known by its id.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from typing import Any, Literal

from ..checks import Wrong, check_object
from ..exchange import Exchange
from ..faults import InBandError, JSONAnswer, NoEndMark
from ..http import Route
from ..model import ModelAnswer, Question
from .completions import ChatCompletions
from .openai_responses_requests import (
    FIELDS,
    OPTIONAL,
    InputReader,
    check_include,
    chosen_tools,
    read_format,
    read_tools,
)
from .openai_responses_writer import ResponseWriter

_REASONING_MODEL = re.compile(r"o\d|gpt-5")


class Responses(ChatCompletions):
    """A server with ``/v1/responses`` beside chat completions.

    ``responses_error_shape``
        how an error is told inside a stream: ``flat`` as documented, ``nested`` as in
        production, or as ``failed``: in a failed response.
    """

    responses_error_shape: Literal["flat", "nested", "failed"] = "flat"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._stored: dict[str, list[Any]] = {}  # response id -> its input and output
        self._items: dict[str, Any] = {}
        # Encrypted reasoning -> the calls after it: their call_id, or their id if it is stored.
        self._issued: dict[str, frozenset[str]] = {}

    def routes(self) -> tuple[Route, ...]:
        """Those of chat completions, and Responses."""
        return (
            *super().routes(),
            Route("POST", "/v1/responses", "chat", self._respond),
        )

    def clear(self) -> None:
        """Forget what is stored, too."""
        super().clear()
        with self._lock:
            self._stored.clear()
            self._items.clear()
            self._issued.clear()

    def _respond(self, exchange: Exchange) -> None:
        self._check_key(exchange)
        body = check_object(exchange.json_body(), FIELDS, OPTIONAL, nulls=True)
        self.check_model(body["model"])
        items = self._input(body)
        question = self._responses_question(exchange, body, items)
        complete = not body.get("stream") or exchange.find(JSONAnswer) is not None
        answer = self.answer(exchange, question, complete=complete)
        writer = ResponseWriter(exchange, body, answer)
        request_id = {"x-request-id": f"req_{exchange.number}"}
        if complete:
            for _ in writer.events(answer.pieces(), self.finish_reason):
                pass
            self._store(body, items, writer)
            exchange.json(200, writer.response(), request_id)
            return
        exchange.keepalive = writer.keepalive
        events = self._stream_events(exchange, writer, answer, items)
        exchange.stream(events, "text/event-stream", request_id)

    def _input(self, body: Mapping[str, Any]) -> list[Any]:
        """All items of the conversation: those stored, and those sent."""
        sent = body.get("input", [])
        items = [{"role": "user", "content": sent}] if isinstance(sent, str) else list(sent)
        with self._lock:
            for number, item in enumerate(items):
                if isinstance(item, dict) and _is_named(item):
                    items[number] = self._items.get(str(item.get("id")), item)
            previous = body.get("previous_response_id")
            if previous is None:
                return items
            if previous not in self._stored:
                reason = f"Previous response with id '{previous}' not found."
                raise Wrong(400, reason, code="previous_response_not_found")
            return [*self._stored[previous], *items]

    def _responses_question(
        self, exchange: Exchange, body: Mapping[str, Any], items: list[Any]
    ) -> Question:
        allowed = {"effort": "string", "summary": "string", "generate_summary": "string"}
        reasoning = check_object(
            body.get("reasoning") or {}, {}, allowed, where="body.reasoning", nulls=True
        )
        reasons = bool(_REASONING_MODEL.match(body["model"])) or self.always_thinks
        check_include(body.get("include") or [], body["model"], reasons=reasons)
        tools, must_call = chosen_tools(
            read_tools(body.get("tools") or []), body.get("tool_choice")
        )
        with self._lock:
            issued = dict(self._issued)
        messages = InputReader(exchange, issued).read(items)
        if body.get("instructions"):
            messages.insert(0, {"role": "system", "content": body["instructions"]})
        return Question(
            messages,
            tools,
            body.get("max_output_tokens"),
            (),
            reasons and reasoning.get("effort") != "none",
            must_call,
            body.get("parallel_tool_calls", True),
            read_format(body.get("text")),
        )

    def _store(self, body: Mapping[str, Any], items: list[Any], writer: ResponseWriter) -> None:
        calls = [item for item in writer.output if "call_id" in item]
        with self._lock:
            for item in writer.output:
                if item.get("encrypted_content"):
                    self._issued[item["encrypted_content"]] = frozenset(c["call_id"] for c in calls)
            if body.get("store", True):
                # Stored reasoning is found by its id, so it is known unencrypted, too.
                for item in writer.output:
                    if item["type"] == "reasoning":
                        self._issued.setdefault(writer.sealed, frozenset(c["id"] for c in calls))
                        item = {**item, "encrypted_content": writer.sealed}
                    self._items[item["id"]] = item
                stored = [self._items[item["id"]] for item in writer.output]
                self._stored[writer.id] = [*items, *stored]

    def _stream_events(
        self, exchange: Exchange, writer: ResponseWriter, answer: ModelAnswer, items: list[Any]
    ) -> Generator[bytes, None, None]:
        yield writer.event("response.created", response=writer.response("in_progress"))
        yield writer.event("response.in_progress", response=writer.response("in_progress"))
        if self.noise:
            yield writer.event("response.web_search_call.searching", item_id="ws_1", output_index=0)
            yield writer.event("response.brand_new.delta", delta={"x": 1})
        yield from writer.events(answer.pieces(), self.finish_reason)
        end = exchange.find(NoEndMark)
        if error := exchange.find(InBandError):
            yield self._error_event(error, writer)
            return
        if end:
            if end.lie:
                yield b"data: [DONE]\n\n"
            return
        self._store(writer.body, items, writer)
        yield writer.event(f"response.{writer.status}", response=writer.response())

    def _error_event(self, error: InBandError, writer: ResponseWriter) -> bytes:
        value = {"code": error.code or "server_error", "message": error.message}
        if self.responses_error_shape == "flat":
            return writer.event("error", **value, param=None)
        if self.responses_error_shape == "nested":
            nested = {"type": error.kind or "server_error", **value, "param": None}
            return writer.event("error", error=nested)
        return writer.event("response.failed", response=writer.response("failed", value))


def _is_named(item: Mapping[str, Any]) -> bool:
    """Whether *item* says by its id alone what it is."""
    kind = item.get("type")
    return kind == "item_reference" or (
        kind == "reasoning" and not item.get("encrypted_content") and not item.get("content")
    )

"""The far side of Anthropic's Messages API.

Facts from anthropic-sdk-python 0.121.0 (Aug 2026) and 2.14.0 (Nov 2026), and from
llama.cpp and LiteLLM as run: ``x-api-key`` (or a bearer token; with both the former counts)
and ``anthropic-version`` are wanted, which is 2023-06-01 or 2026-10-21; a
stream has named events ``message_start``, content blocks, ``message_delta`` with the
stop reason and cumulative usage, ``message_stop``; ``ping`` anywhere; no ``[DONE]``; an
error inside a stream is an event ``error``, then the end.

Guesses: the texts of errors, and that the first message must be the user's.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from ..checks import Wrong, check_object, query_number
from ..encoding import compact
from ..exchange import Exchange
from ..farside import Pace
from ..faults import InBandError, JSONAnswer, NoEndMark
from ..http import Route
from ..model import CallPiece, ModelAnswer, ModelSide, Question
from ..replies import Reply
from .anthropic_events import blocks_of, deltas, empty_block, end_block, event, message_id, usage_of
from .anthropic_requests import (
    COUNT_FIELDS,
    COUNT_OPTIONAL,
    FIELDS,
    OPTIONAL,
    VERSIONS,
    check_thoughts,
    check_version,
    chosen_tools,
    read_format,
    read_messages,
    read_tools,
    text_of_blocks,
)
from .anthropic_threads import Threads

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
CREATED_AT = "2025-10-01T00:00:00Z"


class AnthropicSide(ModelSide):
    """Anthropic's server."""

    name = "anthropic"
    default_models = (
        "claude-opus-4-1",
        "claude-sonnet-4-5",
        "claude-haiku-4-5",
        "claude-3-5-haiku-latest",
        "claude-x",
    )

    def __init__(self, reply: Reply, pace: Pace, api_key: str) -> None:
        super().__init__(reply, pace, api_key)
        self._threads = Threads()

    def clear(self) -> None:
        """Forget records, faults and conversations; settings stay."""
        super().clear()
        self._threads.clear()

    def routes(self) -> Sequence[Route]:
        """Messages, their tokens counted, the models, and one of them."""
        return (
            Route("POST", "/v1/messages", "chat", self._chat),
            Route("POST", "/v1/messages/count_tokens", "count_tokens", self._count_tokens),
            Route("GET", "/v1/models", "models", self._models),
            Route("GET", "/v1/models/(?P<model>.+)", "model", self._model),
        )

    def refusal(self, exchange: Exchange, wrong: Wrong) -> tuple[bytes, str | None]:
        """``{"type": "error", "error": {...}}``."""
        default = "api_error" if wrong.status >= 500 else "invalid_request_error"
        error: dict[str, Any] = {
            "type": wrong.kind or TYPES.get(wrong.status, default),
            "message": wrong.reason,
        }
        if wrong.code:
            error["details"] = {"error_code": wrong.code}
        request_id = f"req_{exchange.number}"
        exchange.error_headers = {**exchange.error_headers, "request-id": request_id}
        value = {"type": "error", "error": error, "request_id": request_id}
        return compact(value), "application/json"

    def check_model(self, model: str) -> None:
        """404 for a model there is not."""
        if not self.any_model and model not in self.models:
            raise Wrong(404, f"model: {model}")

    def _check_headers(self, exchange: Exchange) -> None:
        bearer = exchange.headers.get("authorization")
        sent = exchange.headers.get("x-api-key")
        if sent != self.api_key and (sent is not None or bearer != f"Bearer {self.api_key}"):
            raise Wrong(401, "invalid x-api-key")
        version = exchange.headers.get("anthropic-version")
        if version not in VERSIONS:
            detail = "header is required" if version is None else f'"{version}" is not valid'
            raise Wrong(400, f"anthropic-version: {detail}, {' or '.join(VERSIONS)}")

    def _models(self, exchange: Exchange) -> None:
        self._check_headers(exchange)
        limit = query_number(exchange.query, "limit", 20)
        after = exchange.query.get("after_id")
        begin = self.models.index(after) + 1 if after in self.models else 0
        page = self.models[begin : begin + limit]
        value = {
            "data": [self._model_value(model) for model in page],
            "has_more": begin + limit < len(self.models),
            "first_id": page[0] if page else None,
            "last_id": page[-1] if page else None,
        }
        exchange.json(200, value)

    def _model(self, exchange: Exchange) -> None:
        self._check_headers(exchange)
        self.check_model(exchange.groups["model"])
        exchange.json(200, self._model_value(exchange.groups["model"]))

    def _model_value(self, model: str) -> dict[str, Any]:
        return {
            "type": "model",
            "id": model,
            "display_name": model,
            "created_at": CREATED_AT,
            "lifecycle": "active",
            "max_input_tokens": self.context_size or 200_000,
            "max_tokens": 64_000,
        }

    def _count_tokens(self, exchange: Exchange) -> None:
        self._check_headers(exchange)
        body = check_object(exchange.json_body(), COUNT_FIELDS, COUNT_OPTIONAL)
        question = self._question(exchange, {**body, "max_tokens": 1 << 30})
        exchange.json(200, {"input_tokens": question.input_tokens})

    def _chat(self, exchange: Exchange) -> None:
        self._check_headers(exchange)
        body = check_object(exchange.json_body(), FIELDS, OPTIONAL)
        messages = self._threads.messages(body)
        question = self._question(exchange, {**body, "messages": messages})
        complete = not body.get("stream") or exchange.find(JSONAnswer) is not None
        answer = self.answer(exchange, question, complete=complete)

        def hold() -> None:
            self._threads.hold(body, messages, message_id(exchange), blocks_of(answer.given))

        request_id = {"request-id": f"req_{exchange.number}"}
        if complete:
            value = self._complete(exchange, answer, body["model"])
            hold()
            exchange.json(200, value, request_id)
            return
        exchange.keepalive = event({"type": "ping"})
        events = self._events(exchange, answer, body["model"], hold)
        exchange.stream(events, "text/event-stream; charset=utf-8", request_id)

    def _question(self, exchange: Exchange, body: Mapping[str, Any]) -> Question:
        self.check_model(body["model"])
        check_version(exchange.headers["anthropic-version"], body)
        messages = read_messages(exchange, body["messages"])
        if system := text_of_blocks(body.get("system") or ""):
            messages.insert(0, {"role": "system", "content": system})
        choice = body.get("tool_choice") or {"type": "auto"}
        tools, must_call = chosen_tools(read_tools(body.get("tools") or []), choice)
        thinks = self._thinks(body)
        # Adaptive thinking does not ask for them.
        if thinks and body["thinking"]["type"] == "enabled":
            check_thoughts(body["messages"])
        if thinks and must_call:
            raise Wrong(400, "Thinking may not be enabled when tool_choice forces tool use.")
        return Question(
            messages,
            tools,
            body["max_tokens"],
            tuple(body.get("stop_sequences") or ()),
            self.always_thinks or thinks,
            must_call,
            not choice.get("disable_parallel_tool_use"),
            read_format(body),
        )

    def _thinks(self, body: Mapping[str, Any]) -> bool:
        thinking = body.get("thinking") or {"type": "disabled"}
        kind = thinking.get("type")
        if kind not in ("enabled", "adaptive", "between_tools", "disabled"):
            raise Wrong(400, f"thinking.type: not known: {kind!r}")
        budget = thinking.get("budget_tokens")
        if kind == "enabled" and not (
            isinstance(budget, int) and 1024 <= budget < body["max_tokens"]
        ):
            raise Wrong(400, "thinking.budget_tokens: at least 1024 and below max_tokens")
        return bool(kind != "disabled")

    def _message(self, exchange: Exchange, model: str) -> dict[str, Any]:
        return {
            "id": message_id(exchange),
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }

    def _stop(self, answer: ModelAnswer) -> dict[str, Any]:
        reason = "stop_sequence" if answer.stop_sequence else STOP_REASONS[answer.finish]
        return {
            "stop_reason": self.finish_reason or reason,
            "stop_sequence": answer.stop_sequence,
        }

    def _complete(self, exchange: Exchange, answer: ModelAnswer, model: str) -> dict[str, Any]:
        blocks = blocks_of(list(answer.pieces()))
        message = {**self._message(exchange, model), "content": blocks, **self._stop(answer)}
        if exchange.find(NoEndMark):
            message["stop_reason"] = None
        return {**message, "usage": usage_of(answer)}

    def _events(
        self, exchange: Exchange, answer: ModelAnswer, model: str, hold: Callable[[], None]
    ) -> Generator[bytes, None, None]:
        usage = {**usage_of(answer), "output_tokens": 1}
        message = {**self._message(exchange, model), "usage": usage}
        yield event({"type": "message_start", "message": message})
        index, kind = -1, ""
        for piece in answer.pieces():
            block = empty_block(piece)
            if block["type"] != kind or isinstance(piece, CallPiece):
                if kind:
                    yield from end_block(index, kind)
                index, kind = index + 1, block["type"]
                yield event({"type": "content_block_start", "index": index, "content_block": block})
                if index == 0 or self.noise:
                    yield event({"type": "ping"})
            for delta in deltas(piece):
                yield event({"type": "content_block_delta", "index": index, "delta": delta})
            if self.noise:
                yield b'event: unknown_event\ndata: {"type":"unknown_event"}\n\n'
        if error := exchange.find(InBandError):
            detail = {"type": error.kind or "overloaded_error", "message": error.message}
            yield event({"type": "error", "error": detail})
            return
        if kind:
            yield from end_block(index, kind)
        if exchange.find(NoEndMark):
            return
        hold()  # the client may go on as soon as it has the end
        usage = {"output_tokens": answer.output_tokens}
        yield event({"type": "message_delta", "delta": self._stop(answer), "usage": usage})
        yield event({"type": "message_stop"})

"""The far side of Anthropic's Messages API.

Facts from anthropic-sdk-python 0.121.0 (Aug 2026), and from llama.cpp and LiteLLM
as run: ``x-api-key`` (or a bearer token) and ``anthropic-version`` are wanted; a
stream has named events ``message_start``, content blocks, ``message_delta`` with the
stop reason and cumulative usage, ``message_stop``; ``ping`` anywhere; no ``[DONE]``; an
error inside a stream is an event ``error``, then the end.

Guesses: the texts of errors, and that the first message must be the user's.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from .anthropic_requests import FIELDS, OPTIONAL, read_messages, read_tools, text_of_blocks
from .checks import Wrong, check_object, query_number
from .encoding import compact
from .exchange import Exchange
from .faults import InBandError, JSONAnswer, NoEndMark
from .http import Route
from .model import Answer, Called, ModelSide, Piece, Question, Said, Thought

VERSION = "2023-06-01"
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


class Anthropic(ModelSide):
    """Anthropic's server."""

    name = "anthropic"
    default_models = (
        "claude-opus-4-1",
        "claude-sonnet-4-5",
        "claude-haiku-4-5",
        "claude-3-5-haiku-latest",
        "claude-x",
    )

    def routes(self) -> Sequence[Route]:
        """Messages, and the models."""
        return (
            Route("POST", "/v1/messages", "chat", self._chat),
            Route("GET", "/v1/models", "models", self._models),
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
        if model not in self.models:
            raise Wrong(404, f"model: {model}")

    def _check_headers(self, exchange: Exchange) -> None:
        bearer = exchange.headers.get("authorization")
        sent = exchange.headers.get("x-api-key")
        if sent != self.api_key and (sent is not None or bearer != f"Bearer {self.api_key}"):
            raise Wrong(401, "invalid x-api-key")
        if exchange.headers.get("anthropic-version") != VERSION:
            raise Wrong(400, f"anthropic-version: header is required, {VERSION}")

    def _models(self, exchange: Exchange) -> None:
        self._check_headers(exchange)
        limit = query_number(exchange.query, "limit", 20)
        after = exchange.query.get("after_id")
        begin = self.models.index(after) + 1 if after in self.models else 0
        page = self.models[begin : begin + limit]
        listed = [
            {"type": "model", "id": model, "display_name": model, "created_at": CREATED_AT}
            for model in page
        ]
        value = {
            "data": listed,
            "has_more": begin + limit < len(self.models),
            "first_id": page[0] if page else None,
            "last_id": page[-1] if page else None,
        }
        exchange.json(200, value)

    def _chat(self, exchange: Exchange) -> None:
        self._check_headers(exchange)
        body = check_object(exchange.body(), FIELDS, OPTIONAL)
        self.check_model(body["model"])
        messages = read_messages(exchange, body["messages"])
        if system := text_of_blocks(body.get("system") or ""):
            messages.insert(0, {"role": "system", "content": system})
        chosen = (body.get("tool_choice") or {}).get("type")
        question = Question(
            messages,
            {} if chosen == "none" else read_tools(body.get("tools") or []),
            body["max_tokens"],
            tuple(body.get("stop_sequences") or ()),
            self.always_thinks or self._thinks(body),
        )
        whole = not body.get("stream") or exchange.find(JSONAnswer) is not None
        answer = self.answer(exchange, question, whole=whole)
        request_id = {"request-id": f"req_{exchange.number}"}
        if whole:
            exchange.json(200, self._whole(exchange, answer, body["model"]), request_id)
            return
        exchange.keepalive = _event({"type": "ping"})
        events = self._events(exchange, answer, body["model"])
        exchange.stream(events, "text/event-stream; charset=utf-8", request_id)

    def _thinks(self, body: Mapping[str, Any]) -> bool:
        thinking = body.get("thinking") or {"type": "disabled"}
        kind = thinking.get("type")
        if kind not in ("enabled", "adaptive", "disabled"):
            raise Wrong(400, f"thinking.type: not known: {kind!r}")
        budget = thinking.get("budget_tokens")
        if kind == "enabled" and not (
            isinstance(budget, int) and 1024 <= budget < body["max_tokens"]
        ):
            raise Wrong(400, "thinking.budget_tokens: at least 1024 and below max_tokens")
        return bool(kind != "disabled")

    def _message(self, exchange: Exchange, model: str) -> dict[str, Any]:
        return {
            "id": f"msg_{exchange.number}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }

    def _stop(self, answer: Answer) -> dict[str, Any]:
        reason = "stop_sequence" if answer.stop_sequence else STOP_REASONS[answer.finish]
        return {
            "stop_reason": self.finish_reason or reason,
            "stop_sequence": answer.stop_sequence,
        }

    def _whole(self, exchange: Exchange, answer: Answer, model: str) -> dict[str, Any]:
        blocks: list[dict[str, Any]] = []
        for piece in answer.pieces():
            block = _block(piece)
            if not blocks or blocks[-1]["type"] != block["type"]:
                blocks.append(block)
            if isinstance(piece, Thought):
                block["signature"] = "EmulatorSignature=="
                blocks[-1]["thinking"] += piece.text
            elif isinstance(piece, Said):
                blocks[-1]["text"] += piece.text
            else:
                blocks[-1]["input"] = piece.arguments
        message = {**self._message(exchange, model), "content": blocks, **self._stop(answer)}
        if exchange.find(NoEndMark):
            message["stop_reason"] = None
        return {**message, "usage": _usage(answer)}

    def _events(
        self, exchange: Exchange, answer: Answer, model: str
    ) -> Generator[bytes, None, None]:
        usage = {**_usage(answer), "output_tokens": 1}
        message = {**self._message(exchange, model), "usage": usage}
        yield _event({"type": "message_start", "message": message})
        index, kind = -1, ""
        for piece in answer.pieces():
            block = _block(piece)
            if block["type"] != kind:
                if kind:
                    yield _stop_block(index)
                index, kind = index + 1, block["type"]
                yield _event(
                    {"type": "content_block_start", "index": index, "content_block": block}
                )
                if index == 0 or self.noise:
                    yield _event({"type": "ping"})
            for delta in _deltas(piece):
                yield _event({"type": "content_block_delta", "index": index, "delta": delta})
            if self.noise:
                yield b'event: unknown_event\ndata: {"type":"unknown_event"}\n\n'
        if error := exchange.find(InBandError):
            detail = {"type": error.kind or "overloaded_error", "message": error.message}
            yield _event({"type": "error", "error": detail})
            return
        if kind:
            yield _stop_block(index)
        if exchange.find(NoEndMark):
            return
        usage = {"output_tokens": answer.output_tokens}
        yield _event({"type": "message_delta", "delta": self._stop(answer), "usage": usage})
        yield _event({"type": "message_stop"})


def _event(value: Mapping[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (value["type"].encode(), compact(value))


def _stop_block(index: int) -> bytes:
    return _event({"type": "content_block_stop", "index": index})


def _block(piece: Piece) -> dict[str, Any]:
    """A block as it is before its first delta."""
    if isinstance(piece, Thought):
        return {"type": "thinking", "thinking": "", "signature": ""}
    if isinstance(piece, Said):
        return {"type": "text", "text": ""}
    return {"type": "tool_use", "id": f"toolu_{piece.id}", "name": piece.name, "input": {}}


def _deltas(piece: Piece) -> list[dict[str, Any]]:
    if isinstance(piece, Thought):
        return [{"type": "thinking_delta", "thinking": piece.text}]
    if isinstance(piece, Said):
        return [{"type": "text_delta", "text": piece.text}]
    return _argument_deltas(piece)


def _argument_deltas(call: Called) -> list[dict[str, Any]]:
    text = json.dumps(call.arguments, ensure_ascii=False)
    half = len(text) // 2
    return [
        {"type": "input_json_delta", "partial_json": part}
        for part in ("", text[:half], text[half:])
    ]


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "input_tokens": answer.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": answer.output_tokens,
    }

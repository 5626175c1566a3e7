"""OpenAI's chat completions, as OpenAI and many other servers speak them.

Facts from openai-python (2.54.0, 3.3.1) and from llama.cpp, llama-cpp-python,
LiteLLM and g4f as run: ``data:`` events with ``chat.completion.chunk`` objects, then
``data: [DONE]``; the proof of a whole answer is ``finish_reason``, not ``[DONE]``; usage
comes in a chunk of its own without choices when ``stream_options`` asks for it;
errors are ``{"error": {"message", "type", "param", "code"}}``, also inside a stream.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Literal

from ..checks import Wrong, check_object
from ..encoding import compact
from ..exchange import Exchange
from ..farside import Pace
from ..faults import InBandError, JSONAnswer, NoEndMark
from ..http import Route
from ..model import (
    CallPiece,
    ModelAnswer,
    ModelSide,
    Piece,
    Question,
    TextPiece,
    ThoughtPiece,
    calls_of,
    text_of,
)
from ..replies import Reply
from .openai_requests import (
    FIELDS,
    OPTIONAL,
    check_reasoning,
    chosen_tools,
    read_format,
    read_messages,
    read_tools,
)

CREATED = 1760000000
#: What a reason names in front.
_PARAM = re.compile(r"(?:body\.)?([\w.\[\]]+): ")
TYPES = {401: "invalid_request_error", 429: "rate_limit_error", 500: "server_error"}


class ChatCompletions(ModelSide):
    """A server with ``/v1/chat/completions`` and ``/v1/models``.

    ``reasoning_field``
        where reasoning is told: ``reasoning_content`` or ``reasoning``.
    ``error_shape``
        how an error is told inside a stream: ``openai``; ``done``: the same, then
        ``[DONE]`` (vLLM); ``openrouter``: beside a choice with ``finish_reason`` ``error``;
        ``llama.cpp``: in a field named ``error`` in place of ``data``.
    """

    def __init__(self, reply: Reply, pace: Pace, api_key: str) -> None:
        super().__init__(reply, pace, api_key)
        self.reasoning_field = "reasoning_content"
        self.error_shape: Literal["openai", "done", "openrouter", "llama.cpp"] = "openai"

    def routes(self) -> Sequence[Route]:
        """Chat, the models, and one of them."""
        return (
            Route("POST", "/v1/chat/completions", "chat", self._chat),
            Route("GET", "/v1/models", "models", self._models),
            Route("GET", "/v1/models/(?P<model>.+)", "model", self._model),
        )

    def refusal(self, exchange: Exchange, wrong: Wrong) -> tuple[bytes, str | None]:
        """``{"error": {...}}``."""
        kind = wrong.kind or TYPES.get(wrong.status, "invalid_request_error")
        if wrong.kind is None and wrong.status > 500:
            kind = "server_error"
        param = _PARAM.match(wrong.reason)
        error = {
            "message": wrong.reason,
            "type": kind,
            "param": param and param[1],
            "code": wrong.code,
        }
        return compact({"error": error}), "application/json"

    def too_long(self, tokens: int) -> Wrong:
        """``context_length_exceeded``."""
        return Wrong(
            400,
            f"This model's maximum context length is {self.context_size} tokens. "
            f"However, your messages resulted in {tokens} tokens.",
            code="context_length_exceeded",
        )

    def _check_key(self, exchange: Exchange) -> None:
        if exchange.headers.get("authorization") != f"Bearer {self.api_key}":
            raise Wrong(401, "Incorrect API key provided", code="invalid_api_key")

    def _models(self, exchange: Exchange) -> None:
        self._check_key(exchange)
        listed = [_model_value(model) for model in self.models]
        exchange.json(200, {"object": "list", "data": listed})

    def _model(self, exchange: Exchange) -> None:
        self._check_key(exchange)
        self.check_model(exchange.groups["model"])
        exchange.json(200, _model_value(exchange.groups["model"]))

    def _chat(self, exchange: Exchange) -> None:
        self._check_key(exchange)
        body = check_object(self._completion_body(exchange), FIELDS, OPTIONAL, nulls=True)
        self.check_model(body["model"])
        options = body.get("stream_options")
        if options is not None and not body.get("stream"):
            raise Wrong(400, "stream_options: only allowed when stream is enabled")
        question = self._question(exchange, body)
        complete = not body.get("stream") or exchange.find(JSONAnswer) is not None
        answer = self.answer(exchange, question, complete=complete)
        request_id = {"x-request-id": f"req_{exchange.number}"}
        if complete:
            exchange.json(200, self._complete(exchange, answer, body), request_id)
            return
        exchange.keepalive = b": keep-alive\n\n"
        usage = bool((options or {}).get("include_usage"))
        events = self._events(exchange, answer, body, usage=usage)
        exchange.stream(events, "text/event-stream", request_id)

    def _completion_body(self, exchange: Exchange) -> Any:
        return exchange.json_body()

    def _question(self, exchange: Exchange, body: Mapping[str, Any]) -> Question:
        stop = body.get("stop") or ()
        tools, must_call = chosen_tools(read_tools(body.get("tools") or []), body)
        thinks = self.always_thinks or body.get("reasoning_effort") not in (None, "none")
        if body["model"].startswith("deepseek"):
            switch = (body.get("thinking") or {}).get("type")
            if switch == "enabled" or (body["model"] == "deepseek-reasoner" and not switch):
                thinks = True
                check_reasoning(body["messages"])
        return Question(
            read_messages(exchange, body["messages"]),
            tools,
            body.get("max_completion_tokens") or body.get("max_tokens"),
            (stop,) if isinstance(stop, str) else tuple(stop),
            thinks,
            must_call,
            body.get("parallel_tool_calls", True),
            read_format(body.get("response_format")),
        )

    def _complete(
        self, exchange: Exchange, answer: ModelAnswer, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        pieces = list(answer.pieces())
        message: dict[str, Any] = {"role": "assistant", "content": text_of(pieces, TextPiece)}
        if thought := text_of(pieces, ThoughtPiece):
            message[self.reasoning_field] = thought
        if calls := calls_of(pieces):
            message["content"] = None
            message["tool_calls"] = [_call_value(call, call.arguments) for call in calls]
        finish = None if exchange.find(NoEndMark) else self.finish_reason or answer.finish
        logprobs = _logprobs(*pieces) if body.get("logprobs") else None
        choice = {"message": message, "finish_reason": finish, "logprobs": logprobs}
        return {
            "id": f"chatcmpl-{exchange.number}",
            "object": "chat.completion",
            "created": CREATED,
            "model": body["model"],
            # They are all alike.
            "choices": [{"index": index, **choice} for index in range(body.get("n", 1))],
            "usage": _usage(answer),
        }

    def _events(
        self, exchange: Exchange, answer: ModelAnswer, body: Mapping[str, Any], *, usage: bool
    ) -> Generator[bytes, None, None]:
        def chunk(delta: Mapping[str, Any], finish: str | None = None, **more: Any) -> bytes:
            choice = {"delta": delta, "finish_reason": finish, **more}
            return b"".join(
                _event({**head, "choices": [{"index": index, **choice}], **silent})
                for index in range(body.get("n", 1))
            )

        head = {
            "id": f"chatcmpl-{exchange.number}",
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": body["model"],
        }
        silent = {"usage": None} if usage else {}
        if self.noise:
            yield b": OPENROUTER PROCESSING\n\n"
            yield _event({**head, "choices": [], "prompt_filter_results": []})
        yield chunk({"role": "assistant", "content": ""})
        for piece in answer.pieces():
            more: Any = {"logprobs": _logprobs(piece)} if body.get("logprobs") else {}
            for delta in self._deltas(piece):
                yield chunk(delta, **more)
        end = exchange.find(NoEndMark)
        if error := exchange.find(InBandError):
            yield from self._error(error, head)
            return
        if not end:
            yield chunk({}, self.finish_reason or answer.finish)
            if usage:
                yield _event({**head, "choices": [], "usage": _usage(answer)})
        if not end or end.lie:
            yield b"data: [DONE]\n\n"

    def _deltas(self, piece: Piece) -> list[dict[str, Any]]:
        if isinstance(piece, ThoughtPiece):
            return [{self.reasoning_field: piece.text}]
        if isinstance(piece, TextPiece):
            return [{"content": piece.text}]
        # Arguments come as pieces of JSON text: first none, then two halves.
        text = json.dumps(piece.arguments, ensure_ascii=False)
        half = len(text) // 2
        first = {**_call_value(piece, None), "index": piece.index}
        rest = [
            {"index": piece.index, "function": {"arguments": part}}
            for part in (text[:half], text[half:])
        ]
        return [{"tool_calls": [call]} for call in (first, *rest)]

    def _error(self, error: InBandError, head: Mapping[str, Any]) -> Generator[bytes, None, None]:
        value: dict[str, Any] = {
            "message": error.message,
            "type": error.kind or "server_error",
            "param": None,
            "code": error.code,
        }
        if self.error_shape == "openrouter":
            choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
            yield _event({**head, "error": value, "choices": [choice]})
        elif self.error_shape == "llama.cpp":
            yield b"error: %b\n\n" % compact(value)
        else:
            yield _event({"error": value})
        if self.error_shape in ("done", "llama.cpp"):
            yield b"data: [DONE]\n\n"


def _event(value: Mapping[str, Any]) -> bytes:
    return b"data: %b\n\n" % compact(value)


def _model_value(model: str) -> dict[str, Any]:
    return {"id": model, "object": "model", "created": CREATED, "owned_by": "emulator"}


def _call_value(call: CallPiece, arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    text = "" if arguments is None else json.dumps(arguments, ensure_ascii=False)
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": text},
    }


def _logprobs(*pieces: Piece) -> dict[str, Any]:
    """The tokens with made-up probabilities."""
    tokens = [piece.text for piece in pieces if isinstance(piece, TextPiece)]
    return {
        "content": [
            {
                "token": token,
                "logprob": -0.1,
                "bytes": list(token.encode("utf-8", "replace")),
                "top_logprobs": [],
            }
            for token in tokens
        ],
        "refusal": None,
    }


def _usage(answer: ModelAnswer) -> dict[str, Any]:
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": answer.reasoning_tokens},
    }

"""The far side of Google's Gemini API (Developer API, ``v1beta``).

Facts from python-genai (Aug 2026) and ai.google.dev: the key comes in
``x-goog-api-key``; with ``alt=sse`` the answer is ``data:`` events with CR LF line ends
and no ``[DONE]``, without it one JSON array; usage is cumulative, in every event;
``finishReason`` is the end mark; a blocked prompt is a 200 without candidates; an
error inside a stream is a JSON object over several lines without ``data:``.  A key
that is wrong is a 400 ``API_KEY_INVALID``, none at all a 403.

Guesses: the texts of errors.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from ..checks import Wrong, check_object, query_number
from ..encoding import compact
from ..exchange import Exchange
from ..farside import Pace
from ..faults import InBandError, JSONAnswer, NoEndMark
from ..http import Route
from ..model import ModelAnswer, ModelSide, Piece, Question, TextPiece, ThoughtPiece
from ..replies import Reply
from .gemini_fields import CONFIG, FIELDS, OPTIONAL, THINKING, camel_case
from .gemini_requests import (
    SIGNATURE,
    check_signatures,
    chosen_tools,
    read_contents,
    read_format,
    read_parts,
    read_tools,
)

STATUS_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP"}
#: Some clients ask without a version.
MODELS = "(?:/v1|/v1beta|/v1alpha)?/models"
MODEL = f"{MODELS}/(?P<model>[^/:]+)"
#: What begins the names of models that sign their calls.
SIGNING = "gemini-3"


class GeminiSide(ModelSide):
    """Gemini's server.

    ``block_reason``
        answers every prompt as blocked, for this reason (``SAFETY``).
    """

    name = "gemini"
    default_models = (
        "gemini-2.5-pro",
        "gemini-2.5-flash",
        "gemini-2.5-flash-lite",
        "gemini-2.0-flash",
        "gemini-3-pro-preview",
        "gemini-3-flash-preview",
        "gemini-x",
    )

    def __init__(self, reply: Reply, pace: Pace, api_key: str) -> None:
        super().__init__(reply, pace, api_key)
        self.block_reason: str | None = None

    def routes(self) -> Sequence[Route]:
        """Both ways to generate, tokens counted, the models, and one of them."""
        return (
            Route("POST", f"{MODEL}:streamGenerateContent", "chat", self._stream),
            Route("POST", f"{MODEL}:generateContent", "chat", self._once),
            Route("POST", f"{MODEL}:countTokens", "count_tokens", self._count_tokens),
            Route("GET", MODELS, "models", self._models),
            Route("GET", MODEL, "model", self._model),
        )

    def refusal(self, exchange: Exchange, wrong: Wrong) -> tuple[bytes, str | None]:
        """``{"error": {"code", "message", "status"}}``."""
        error: dict[str, Any] = {
            "code": wrong.status,
            "message": wrong.reason,
            "status": wrong.kind or STATUS_WORDS.get(wrong.status, "UNKNOWN"),
        }
        if wrong.code:
            info = "type.googleapis.com/google.rpc.ErrorInfo"
            error["details"] = [{"@type": info, "reason": wrong.code}]
        return json.dumps({"error": error}, indent=2).encode(), "application/json; charset=UTF-8"

    def check_model(self, model: str) -> None:
        """404 for a model there is not."""
        if not self.any_model and model not in self.models:
            raise Wrong(404, f"models/{model} is not found for API version v1beta")

    def too_long(self, tokens: int) -> Wrong:
        """The refusal of a prompt of so many tokens."""
        return Wrong(
            400,
            f"The input token count ({tokens}) exceeds the maximum number of tokens "
            f"allowed ({self.context_size}).",
        )

    def _check_key(self, exchange: Exchange) -> None:
        sent = exchange.headers.get("x-goog-api-key")
        if "key" in exchange.query:
            raise Wrong(400, "the key belongs into the header x-goog-api-key, not into the URL")
        if sent is None:
            raise Wrong(403, "Method doesn't allow unregistered callers. Please use an API Key.")
        if sent != self.api_key:
            raise Wrong(
                400, "API key not valid. Please pass a valid API key.", code="API_KEY_INVALID"
            )

    def _models(self, exchange: Exchange) -> None:
        self._check_key(exchange)
        size = query_number(exchange.query, "pageSize", 50)
        begin = query_number(exchange.query, "pageToken", 0)
        listed = [self._model_value(model) for model in self.models[begin : begin + size]]
        value: dict[str, Any] = {"models": listed}
        if begin + size < len(self.models):
            value["nextPageToken"] = str(begin + size)
        exchange.json(200, value)

    def _model(self, exchange: Exchange) -> None:
        self._check_key(exchange)
        self.check_model(exchange.groups["model"])
        exchange.json(200, self._model_value(exchange.groups["model"]))

    def _model_value(self, model: str) -> dict[str, Any]:
        return {
            "name": f"models/{model}",
            "displayName": model,
            "inputTokenLimit": self.context_size or 1048576,
            "outputTokenLimit": 65536,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        }

    def _count_tokens(self, exchange: Exchange) -> None:
        self._check_key(exchange)
        self.check_model(exchange.groups["model"])
        body = camel_case(exchange.json_body())
        optional = {**FIELDS, **OPTIONAL, "generateContentRequest": "object"}
        check_object(body, {}, optional)
        request = body.get("generateContentRequest", body)
        question = self._question(exchange, check_object(request, FIELDS, OPTIONAL))
        exchange.json(200, {"totalTokens": question.input_tokens})

    def _stream(self, exchange: Exchange) -> None:
        complete = exchange.find(JSONAnswer) is not None
        answer = self._begin(exchange, complete=complete)
        if complete:
            exchange.json(200, self._complete(exchange, answer))
        elif exchange.query.get("alt") == "sse":
            exchange.stream(self._events(exchange, answer), "text/event-stream")
        else:
            exchange.stream(self._array(exchange, answer), "application/json; charset=UTF-8")

    def _once(self, exchange: Exchange) -> None:
        exchange.json(200, self._complete(exchange, self._begin(exchange, complete=True)))

    def _begin(self, exchange: Exchange, *, complete: bool) -> ModelAnswer:
        self._check_key(exchange)
        self.check_model(exchange.groups["model"])
        body = check_object(camel_case(exchange.json_body()), FIELDS, OPTIONAL)
        return self.answer(exchange, self._question(exchange, body), complete=complete)

    def _question(self, exchange: Exchange, body: Mapping[str, Any]) -> Question:
        where = "generationConfig"
        config = check_object(body.get(where) or {}, {}, CONFIG, where=where)
        messages = read_contents(exchange, body["contents"])
        if exchange.groups["model"].startswith(SIGNING):
            check_signatures(body["contents"])
        if system := body.get("systemInstruction"):
            check_object(system, {"parts": "array"}, {"role": "string"}, where="systemInstruction")
            text = read_parts(exchange, system["parts"], "systemInstruction")[0]
            messages.insert(0, {"role": "system", "content": text})
        where += ".thinkingConfig"
        thinking = check_object(config.get("thinkingConfig") or {}, {}, THINKING, where=where)
        tools, must_call = chosen_tools(
            read_tools(body.get("tools") or []), body.get("toolConfig") or {}
        )
        return Question(
            messages,
            tools,
            config.get("maxOutputTokens"),
            tuple(config.get("stopSequences") or ()),
            self.always_thinks or bool(thinking.get("includeThoughts")),
            must_call,
            schema=read_format(config),
        )

    def _response(
        self, exchange: Exchange, answer: ModelAnswer, candidate: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        usage: dict[str, Any] = {"promptTokenCount": answer.input_tokens}
        if text := answer.output_tokens - answer.reasoning_tokens:
            usage["candidatesTokenCount"] = text
        if answer.reasoning_tokens:
            usage["thoughtsTokenCount"] = answer.reasoning_tokens
        usage["totalTokenCount"] = answer.input_tokens + answer.output_tokens
        candidates = {} if candidate is None else {"candidates": [{**candidate, "index": 0}]}
        return {
            **candidates,
            "usageMetadata": usage,
            "modelVersion": exchange.groups["model"],
            "responseId": f"r{exchange.number}",
        }

    def _blocked(self, exchange: Exchange, answer: ModelAnswer) -> dict[str, Any]:
        feedback: dict[str, Any] = {
            "promptFeedback": {"blockReason": self.block_reason, "safetyRatings": []}
        }
        return {**feedback, **self._response(exchange, answer, None)}

    def _complete(self, exchange: Exchange, answer: ModelAnswer) -> dict[str, Any]:
        if self.block_reason:
            return self._blocked(exchange, answer)
        parts: list[dict[str, Any]] = []
        for part in (_part(exchange, piece) for piece in answer.pieces()):
            if parts and "text" in part and part.keys() == parts[-1].keys():
                parts[-1]["text"] += part["text"]
            else:
                parts.append(part)
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}}
        if not exchange.find(NoEndMark):
            candidate["finishReason"] = self.finish_reason or FINISH[answer.finish]
        return self._response(exchange, answer, candidate)

    def _responses(
        self, exchange: Exchange, answer: ModelAnswer
    ) -> Generator[dict[str, Any], None, None]:
        if self.block_reason:
            yield self._blocked(exchange, answer)
            return
        for piece in answer.pieces():
            content = {"parts": [_part(exchange, piece)], "role": "model"}
            yield self._response(exchange, answer, {"content": content})
        if exchange.find(NoEndMark) or exchange.find(InBandError):
            return
        reason = self.finish_reason or FINISH[answer.finish]
        yield self._response(exchange, answer, {"finishReason": reason})

    def _events(self, exchange: Exchange, answer: ModelAnswer) -> Generator[bytes, None, None]:
        for response in self._responses(exchange, answer):
            yield b"data: %b\r\n\r\n" % compact(response)
            if self.noise:
                yield b": comment\r\n\r\n" + b'data: {"usageMetadata":{}}\r\n\r\n'
        if error := exchange.find(InBandError):
            yield _error(error)

    def _array(self, exchange: Exchange, answer: ModelAnswer) -> Generator[bytes, None, None]:
        before = b"["
        for response in self._responses(exchange, answer):
            yield before + compact(response)
            before = b",\r\n"
        if error := exchange.find(InBandError):
            yield before + _error(error).strip()
        if not exchange.find(NoEndMark):
            yield b"]"


def _part(exchange: Exchange, piece: Piece) -> dict[str, Any]:
    if isinstance(piece, ThoughtPiece):
        return {"text": piece.text, "thought": True}
    if isinstance(piece, TextPiece):
        return {"text": piece.text}
    part: dict[str, Any] = {"functionCall": {"name": piece.name, "args": piece.arguments}}
    # Of calls that come together the first one is signed.
    if exchange.groups["model"].startswith(SIGNING) and piece.index == 0:
        part["thoughtSignature"] = SIGNATURE
    return part


def _error(error: InBandError) -> bytes:
    code = error.code if isinstance(error.code, int) else 503
    word = error.kind or STATUS_WORDS.get(code, "UNKNOWN")
    value = {"error": {"code": code, "message": error.message, "status": word}}
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"

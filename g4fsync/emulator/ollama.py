"""The far side of Ollama's native API.

Facts from ollama/ollama (Aug 2026: ``server/routes.go``, ``api/types.go``, docs): no key;
``stream`` is true unless told otherwise; NDJSON with raw UTF-8, ``done: true`` is the
end mark and carries counts and durations in nanoseconds; tool calls come whole
with arguments as an object; errors are ``{"error": "text"}``, inside a stream as its
last line; a name without a tag means ``:latest``; asking a model to think or to
call tools when it cannot is a 400.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from .checks import Wrong, check_object
from .encoding import compact
from .exchange import Exchange
from .farside import Pace
from .faults import InBandError, JSONAnswer, NoEndMark
from .http import Route
from .model import (
    ANY_MODEL,
    Answer,
    ModelSide,
    Piece,
    Question,
    Said,
    Thought,
    calls_of,
    decode_image,
    text_of,
)
from .replies import Messages, Reply

FIELDS = {"model": "text", "messages": "array"}
OPTIONAL = {
    "stream": "boolean",
    "think": "boolean or string",
    "format": "string or object",
    "options": "object",
    "keep_alive": "string or number",
    "tools": "array",
    "logprobs": "boolean",
    "top_logprobs": "integer",
    "truncate": "boolean",
    "shift": "boolean",
}
OPTIONS = {
    "temperature": "number",
    "top_p": "number",
    "top_k": "integer",
    "min_p": "number",
    "seed": "integer",
    "num_predict": "integer",
    "num_ctx": "positive",
    "stop": "strings",
    "repeat_penalty": "number",
    "presence_penalty": "number",
    "frequency_penalty": "number",
}
MESSAGE = {
    "images": "strings",
    "thinking": "string",
    "tool_calls": "array",
    "tool_name": "string",
    "tool_call_id": "string",
}
CREATED_AT = "2026-01-01T10:00:00.000000001Z"
VERSION = "0.13.0"


class Ollama(ModelSide):
    """Ollama's server.

    ``capabilities``
        what its models can do.
    """

    name = "ollama"
    default_models = ("llama3.2:latest", "qwen3:latest", "gemma3:latest")

    def __init__(self, reply: Reply, pace: Pace, api_key: str) -> None:
        super().__init__(reply, pace, api_key)
        self.models = (*self.default_models, f"{ANY_MODEL}:latest")
        self.capabilities: tuple[str, ...] = ("completion", "tools", "thinking", "vision")

    def routes(self) -> Sequence[Route]:
        """Chat, the models, and signs of life."""
        return (
            Route("POST", "/api/chat", "chat", self._chat),
            Route("GET", "/api/tags", "models", self._tags),
            Route("POST", "/api/show", "model", self._show),
            Route("GET", "/api/version", "version", self._version),
            Route("GET", "/", "root", self._root),
            Route("HEAD", "/", "root", self._root),
        )

    def refusal(self, exchange: Exchange, wrong: Wrong) -> tuple[bytes, str | None]:
        """``{"error": "text"}``."""
        return compact({"error": wrong.reason}), "application/json; charset=utf-8"

    def check_model(self, model: str) -> None:
        """404 for a model there is not."""
        if _tagged(model) not in map(_tagged, self.models):
            raise Wrong(404, f"model '{model}' not found")

    def _root(self, exchange: Exchange) -> None:
        exchange.send(200, b"Ollama is running", "text/plain; charset=utf-8")

    def _version(self, exchange: Exchange) -> None:
        exchange.json(200, {"version": VERSION})

    def _details(self) -> dict[str, Any]:
        return {
            "format": "gguf",
            "family": "llama",
            "families": ["llama"],
            "parameter_size": "3.2B",
            "quantization_level": "Q4_K_M",
        }

    def _tags(self, exchange: Exchange) -> None:
        listed = [
            {
                "name": model,
                "model": model,
                "modified_at": CREATED_AT,
                "size": 1,
                "digest": "0" * 64,
                "details": self._details(),
                "capabilities": list(self.capabilities),
            }
            for model in map(_tagged, self.models)
        ]
        exchange.json(200, {"models": listed})

    def _show(self, exchange: Exchange) -> None:
        body = check_object(exchange.body(), {"model": "text"}, {"verbose": "boolean"})
        self.check_model(body["model"])
        value = {"details": self._details(), "capabilities": list(self.capabilities)}
        exchange.json(200, {**value, "template": "", "parameters": "", "model_info": {}})

    def _chat(self, exchange: Exchange) -> None:
        body = check_object(exchange.body(), FIELDS, OPTIONAL)
        self.check_model(body["model"])
        options = check_object(body.get("options") or {}, {}, OPTIONS, where="options")
        wanted = {"thinking": body.get("think"), "tools": body.get("tools")}
        for capability, asked in wanted.items():
            if asked and capability not in self.capabilities:
                verb = "thinking" if capability == "thinking" else "tools"
                raise Wrong(400, f'"{body["model"]}" does not support {verb}')
        messages = _read_messages(exchange, body["messages"])
        if not messages:
            exchange.json(200, self._line(body, {"content": ""}, done_reason="load"))
            return
        limit = options.get("num_predict")
        question = Question(
            messages,
            _read_tools(body.get("tools") or []),
            limit if limit is not None and limit > 0 else None,
            tuple(options.get("stop") or ()),
            bool(body.get("think", self.always_thinks)),
        )
        whole = body.get("stream") is False or exchange.find(JSONAnswer) is not None
        answer = self.answer(exchange, question, whole=whole)
        if whole:
            exchange.json(200, self._whole(exchange, answer, body))
        else:
            lines = self._lines(exchange, answer, body)
            exchange.stream(lines, "application/x-ndjson")

    def _line(
        self,
        body: Mapping[str, Any],
        message: Mapping[str, Any],
        done_reason: str | None = None,
        answer: Answer | None = None,
    ) -> dict[str, Any]:
        line: dict[str, Any] = {
            "model": body["model"],
            "created_at": CREATED_AT,
            "message": {"role": "assistant", **message},
            "done": done_reason is not None,
        }
        if done_reason is not None:
            line["done_reason"] = done_reason
        if answer:
            line |= {
                "total_duration": 5191566416,
                "load_duration": 2154458,
                "prompt_eval_count": answer.input_tokens,
                "prompt_eval_duration": 383809000,
                "eval_count": answer.output_tokens,
                "eval_duration": 4799921000,
            }
        return line

    def _done_reason(self, answer: Answer) -> str:
        # With tool calls it is "stop" all the same.
        return self.finish_reason or ("length" if answer.finish == "length" else "stop")

    def _whole(self, exchange: Exchange, answer: Answer, body: Mapping[str, Any]) -> dict[str, Any]:
        pieces = list(answer.pieces())
        message: dict[str, Any] = {"content": text_of(pieces, Said)}
        if thought := text_of(pieces, Thought):
            message["thinking"] = thought
        if calls := calls_of(pieces):
            message["tool_calls"] = [_message(call)["tool_calls"][0] for call in calls]
        reason = None if exchange.find(NoEndMark) else self._done_reason(answer)
        return self._line(body, message, reason, answer)

    def _lines(
        self, exchange: Exchange, answer: Answer, body: Mapping[str, Any]
    ) -> Generator[bytes, None, None]:
        for piece in answer.pieces():
            yield compact(self._line(body, _message(piece))) + b"\n"
        if error := exchange.find(InBandError):
            yield compact({"error": error.message}) + b"\n"
        elif not exchange.find(NoEndMark):
            last = self._line(body, {"content": ""}, self._done_reason(answer), answer)
            yield compact(last) + b"\n"


def _tagged(model: str) -> str:
    return model if ":" in model else f"{model}:latest"


def _message(piece: Piece) -> dict[str, Any]:
    if isinstance(piece, Said):
        return {"content": piece.text}
    if isinstance(piece, Thought):
        return {"content": "", "thinking": piece.text}
    function = {"index": 0, "name": piece.name, "arguments": piece.arguments}
    return {"content": "", "tool_calls": [{"id": piece.id, "function": function}]}


def _read_messages(exchange: Exchange, messages: list[Any]) -> Messages:
    read: Messages = []
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        check_object(message, {"role": "text", "content": "string"}, MESSAGE, where=where)
        if message["role"] not in ("system", "user", "assistant", "tool"):
            raise Wrong(400, f"{where}.role: not known: {message['role']!r}")
        for place, image in enumerate(message.get("images", [])):
            decode_image(exchange, image, f"{where}.images[{place}]")
        for place, call in enumerate(message.get("tool_calls", [])):
            _check_call(call, f"{where}.tool_calls[{place}]")
        read.append({"role": message["role"], "content": message["content"]})
    return read


def _check_call(call: Any, where: str) -> None:
    check_object(call, {"function": "object"}, {"id": "string", "type": "string"}, where=where)
    wanted = {"name": "text", "arguments": "object"}
    check_object(call["function"], wanted, {"index": "integer"}, where=f"{where}.function")


def _read_tools(tools: list[Any]) -> dict[str, Any]:
    read = {}
    for number, tool in enumerate(tools):
        where = f"tools[{number}]"
        check_object(tool, {"type": "text", "function": "object"}, where=where)
        optional = {"description": "string", "parameters": "object"}
        function = tool["function"]
        check_object(function, {"name": "text"}, optional, where=f"{where}.function")
        read[function["name"]] = function.get("parameters", {})
    return read

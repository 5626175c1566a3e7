"""The far side of Ollama's native API.

Facts from ollama/ollama (Aug 2026: ``server/routes.go``, ``api/types.go``, docs): no key;
``stream`` is true unless told otherwise; NDJSON with raw UTF-8, ``done: true`` is the
end mark and carries counts and durations in nanoseconds; tool calls come whole
with arguments as an object; errors are ``{"error": "text"}``, inside a stream as its
last line; a name without a tag means ``:latest``; asking a model to think or to
call tools when it cannot is a 400.  OpenAI's chat completions are there too, below ``/v1``.
The embeddings are drawn by chance: they have the right form, and mean nothing.
"""

from __future__ import annotations

import math
import random
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from ..checks import Wrong
from ..encoding import compact
from ..exchange import Exchange
from ..farside import Pace
from ..faults import InBandError, JSONAnswer, NoEndMark
from ..http import Route
from ..model import (
    ANY_MODEL,
    ModelAnswer,
    Piece,
    Question,
    TextPiece,
    ThoughtPiece,
    calls_of,
    decode_image,
    text_of,
)
from ..replies import Messages, Reply, words
from .completions import ChatCompletions
from .ollama_requests import (
    EMBED,
    FIELDS,
    GENERATE,
    OPTIONAL,
    go_completion,
    go_object,
    read_format,
    read_messages,
    read_options,
    read_tools,
)

CREATED_AT = "2026-01-01T10:00:00.000000001Z"
VERSION = "0.13.0"


class OllamaSide(ChatCompletions):
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
        self._loaded: set[str] = set()  # models that were asked, with their tags

    def routes(self) -> Sequence[Route]:
        """Chat in its two forms and in OpenAI's, embeddings, the models, signs of life."""
        return (
            *super().routes(),
            Route("POST", "/api/chat", "chat", self._native_chat),
            Route("POST", "/api/generate", "chat", self._generate),
            Route("POST", "/api/embed", "embed", self._embed),
            Route("GET", "/api/ps", "running", self._ps),
            Route("GET", "/api/tags", "models", self._tags),
            Route("POST", "/api/show", "model", self._show),
            Route("GET", "/api/version", "version", self._version),
            Route("GET", "/", "root", self._root),
            Route("HEAD", "/", "root", self._root),
        )

    def refusal(self, exchange: Exchange, wrong: Wrong) -> tuple[bytes, str | None]:
        """``{"error": "text"}``; below ``/v1`` in OpenAI's shape."""
        if exchange.path.startswith("/v1/"):
            return super().refusal(exchange, wrong)
        return compact({"error": wrong.reason}), "application/json; charset=utf-8"

    def check_model(self, model: str) -> None:
        """404 for a model there is not."""
        if not self.any_model and _tagged(model) not in map(_tagged, self.models):
            raise Wrong(404, f"model '{model}' not found")

    def _check_key(self, exchange: Exchange) -> None:
        """There is none."""

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

    def _listed(self, model: str) -> dict[str, Any]:
        return {
            "name": model,
            "model": model,
            "modified_at": CREATED_AT,
            "size": 1,
            "digest": "0" * 64,
            "details": self._details(),
            "capabilities": list(self.capabilities),
        }

    def _tags(self, exchange: Exchange) -> None:
        listed = [self._listed(model) for model in map(_tagged, self.models)]
        exchange.json(200, {"models": listed})

    def _ps(self, exchange: Exchange) -> None:
        with self._lock:
            loaded = sorted(self._loaded)
        running = {"expires_at": CREATED_AT, "size_vram": 1, "context_length": 4096}
        exchange.json(200, {"models": [{**self._listed(model), **running} for model in loaded]})

    def _show(self, exchange: Exchange) -> None:
        optional = {"name": "text", "verbose": "boolean", "system": "string", "template": "string"}
        body = self._body(exchange, {}, {**optional, "model": "text", "options": "object"})
        model = body.get("model", body.get("name"))
        if model is None:
            raise Wrong(400, "model is required")
        self.check_model(model)
        value = {"details": self._details(), "capabilities": list(self.capabilities)}
        empty = {"modelfile": "", "license": "", "template": "", "parameters": ""}
        facts = {"general.architecture": "llama", "llama.context_length": 131072}
        exchange.json(200, {**value, **empty, "model_info": facts, "modified_at": CREATED_AT})

    def _embed(self, exchange: Exchange) -> None:
        body = self._body(exchange, {"model": "text"}, EMBED)
        self._load(body["model"])
        given = body.get("input", [])
        texts = [given] if isinstance(given, str) else given
        vectors = [embedding(text, body.get("dimensions", 16)) for text in texts]
        value = {"model": body["model"], "embeddings": vectors, "total_duration": 14143917}
        tokens = sum(len(words(text)) for text in texts)
        exchange.json(200, {**value, "load_duration": 1019500, "prompt_eval_count": tokens})

    def _body(
        self, exchange: Exchange, required: Mapping[str, str], optional: Mapping[str, str]
    ) -> dict[str, Any]:
        return go_object(exchange.json_body(None), required, optional)

    def _completion_body(self, exchange: Exchange) -> Any:
        return go_completion(exchange.json_body(None))

    def _load(self, model: str) -> None:
        self.check_model(model)
        with self._lock:
            self._loaded.add(_tagged(model))

    def _native_chat(self, exchange: Exchange) -> None:
        body = self._body(exchange, FIELDS, OPTIONAL)
        self._load(body["model"])
        messages = read_messages(exchange, body["messages"])
        if not messages:
            exchange.json(200, self._line(exchange, body, "", done_reason="load"))
            return
        self._reply(exchange, body, messages)

    def _generate(self, exchange: Exchange) -> None:
        body = self._body(exchange, {"model": "text"}, GENERATE)
        self._load(body["model"])
        if not body.get("prompt"):
            exchange.json(200, self._line(exchange, body, "", done_reason="load"))
            return
        for place, image in enumerate(body.get("images", [])):
            decode_image(exchange, image, f"images[{place}]")
        messages = [{"role": "user", "content": body["prompt"]}]
        if system := body.get("system"):
            messages.insert(0, {"role": "system", "content": system})
        self._reply(exchange, body, messages)

    def _reply(self, exchange: Exchange, body: Mapping[str, Any], messages: Messages) -> None:
        wanted = {"thinking": body.get("think"), "tools": body.get("tools")}
        for capability, asked in wanted.items():
            if asked and capability not in self.capabilities:
                raise Wrong(400, f'"{body["model"]}" does not support {capability}')
        options = read_options(body.get("options"))
        limit = options.get("num_predict")
        question = Question(
            messages,
            read_tools(body.get("tools") or []),
            limit if limit is not None and limit > 0 else None,
            tuple(options.get("stop") or ()),
            bool(body.get("think", self.always_thinks)),
            schema=read_format(body.get("format")),
        )
        complete = body.get("stream") is False or exchange.find(JSONAnswer) is not None
        answer = self.answer(exchange, question, complete=complete)
        if complete:
            exchange.json(200, self._complete_line(exchange, answer, body))
        else:
            lines = self._lines(exchange, answer, body)
            exchange.stream(lines, "application/x-ndjson")

    def _line(
        self,
        exchange: Exchange,
        body: Mapping[str, Any],
        text: str,
        more: Mapping[str, Any] | None = None,
        done_reason: str | None = None,
        answer: ModelAnswer | None = None,
    ) -> dict[str, Any]:
        line: dict[str, Any] = {"model": body["model"], "created_at": CREATED_AT}
        if exchange.path == "/api/generate":
            line |= {"response": text, **(more or {})}
        else:
            line["message"] = {"role": "assistant", "content": text, **(more or {})}
        line["done"] = done_reason is not None
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

    def _done_reason(self, answer: ModelAnswer) -> str:
        # With tool calls it is "stop" all the same.
        return self.finish_reason or ("length" if answer.finish == "length" else "stop")

    def _complete_line(
        self, exchange: Exchange, answer: ModelAnswer, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        pieces = list(answer.pieces())
        more: dict[str, Any] = {}
        if thought := text_of(pieces, ThoughtPiece):
            more["thinking"] = thought
        if calls := calls_of(pieces):
            more["tool_calls"] = [_more(call)["tool_calls"][0] for call in calls]
        reason = None if exchange.find(NoEndMark) else self._done_reason(answer)
        return self._line(exchange, body, text_of(pieces, TextPiece), more, reason, answer)

    def _lines(
        self, exchange: Exchange, answer: ModelAnswer, body: Mapping[str, Any]
    ) -> Generator[bytes, None, None]:
        for piece in answer.pieces():
            text = piece.text if isinstance(piece, TextPiece) else ""
            yield compact(self._line(exchange, body, text, _more(piece))) + b"\n"
        if error := exchange.find(InBandError):
            yield compact({"error": error.message}) + b"\n"
        elif not exchange.find(NoEndMark):
            last = self._line(exchange, body, "", None, self._done_reason(answer), answer)
            yield compact(last) + b"\n"


def _tagged(model: str) -> str:
    return model if ":" in model else f"{model}:latest"


def _more(piece: Piece) -> dict[str, Any]:
    """What a piece has beside text."""
    if isinstance(piece, TextPiece):
        return {}
    if isinstance(piece, ThoughtPiece):
        return {"thinking": piece.text}
    function = {"index": piece.index, "name": piece.name, "arguments": piece.arguments}
    return {"tool_calls": [{"id": piece.id, "function": function}]}


def embedding(text: str, dimensions: int) -> list[float]:
    """A vector of length 1, the same for the same text; what texts mean it does not say."""
    drawn = random.Random(text)
    numbers = [drawn.gauss(0.0, 1.0) for _ in range(dimensions)]
    length = math.hypot(*numbers)
    return [number / length for number in numbers]

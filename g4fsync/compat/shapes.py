"""OpenAI's JSON to our values and back; no I/O, no provider.

Two directions, each with its way back: a request's body and the question it asks; a
complete answer, or the chunks of one, and the result or the events they tell of.  Facts
are from openai-python 3.57 (``types/chat``, November 2026); that reasoning is called
``reasoning_content`` is DeepSeek's word, which most servers share.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import G4FSyncError, InvalidRequest, ProtocolError, StreamTruncated
from ..events import Event, Finish, Reasoning, Text, ToolCall, Usage
from ..messages import ChatResult, Image, Message, Part, as_messages

JSON = dict[str, Any]

# Our options, by the names they have in a body; the newer name of the two comes first.
_OPTIONS = {
    "max_completion_tokens": "max_tokens",
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "stop": "stop",
    "seed": "seed",
    "tools": "tools",
    "tool_choice": "tool_choice",
    "response_format": "response_format",
    "reasoning_effort": "reasoning_effort",
}
# What says nothing beyond a call of ours: one answer is one stream.
_DEFAULTS: Mapping[str, Any] = {"n": 1, "store": False, "logprobs": False}
_FRAME = ("model", "messages", "stream", "stream_options")


@dataclass(frozen=True, slots=True)
class Question:
    """What a body asks: the arguments of :meth:`.Client.chat`, and in which form it wants it."""

    messages: tuple[Message, ...]
    model: str
    options: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = False
    include_usage: bool = False


def question(body: Mapping[str, Any]) -> Question:
    """What *body* asks.  ``InvalidRequest`` names a member that no option of ours stands for.

    Members that are ``null`` count as missing.
    """
    given = {name: value for name, value in body.items() if value is not None}
    model = given.get("model")
    if not isinstance(model, str) or not model:
        raise InvalidRequest(f"model must be a str, got {model!r:.80}")
    options: JSON = {}
    for name, value in given.items():
        if name in _OPTIONS:
            own = _OPTIONS[name]
            if own in options and options[own] != value:
                raise InvalidRequest("max_tokens and max_completion_tokens differ")
            options[own] = value
        elif name not in _FRAME and _DEFAULTS.get(name, _FRAME) != value:
            raise InvalidRequest(f"{name}={value!r:.80} can't be asked of this provider")
    return Question(
        messages=as_messages(given.get("messages", ())),
        model=model,
        options=options,
        stream=given.get("stream") is True,
        include_usage=_includes_usage(given.get("stream_options")),
    )


def _includes_usage(value: Any) -> bool:
    if value is None:
        return False
    if not isinstance(value, Mapping):
        raise InvalidRequest(f"stream_options must be a mapping, got {value!r:.80}")
    unknown = [name for name in value if name not in ("include_usage", "include_obfuscation")]
    if unknown:
        raise InvalidRequest(f"stream_options has no {unknown[0]!r}")
    return value.get("include_usage") is True


def body(asked: Question) -> JSON:
    """The body that asks *asked*; :func:`question` reads it back."""
    value: JSON = {"model": asked.model, "messages": [message(each) for each in asked.messages]}
    value |= asked.options
    if asked.stream:
        value["stream"] = True
    if asked.include_usage:
        value["stream_options"] = {"include_usage": True}
    return value


def message(turn: Message) -> JSON:
    """A turn of a conversation.  What a provider wants back with it has no place here."""
    value: JSON = {"role": turn.role, "content": _content(turn)}
    if turn.name is not None:
        value["name"] = turn.name
    if turn.tool_calls:
        value["tool_calls"] = [_call(call) for call in turn.tool_calls]
        value["content"] = value["content"] or None
    if turn.tool_call_id is not None:
        value["tool_call_id"] = turn.tool_call_id
    return value | dict(turn.extra)


def _content(turn: Message) -> str | list[JSON]:
    return [_part(part) for part in turn.parts] if turn.parts else turn.content


def _part(part: str | Image | Part) -> JSON:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if isinstance(part, Part):
        return part.as_dict()
    data = base64.b64encode(part.content).decode()
    image: JSON = {"url": part.url or f"data:{part.media_type};base64,{data}"}
    extra = dict(part.extra)
    if part.detail is not None:
        image["detail"] = part.detail
    return {"type": "image_url", "image_url": image | extra.pop("image_url", {}), **extra}


def _call(call: ToolCall) -> JSON:
    extra = dict(call.extra)
    function = {"name": call.name, "arguments": call.arguments, **extra.pop("function", {})}
    return {"id": call.id, "type": "function", "function": function, **extra}


# -- a complete answer ------------------------------------------------------


def completion(result: ChatResult, *, id: str, created: int) -> JSON:
    """A complete answer as a ``chat.completion``."""
    said: JSON = {"role": "assistant", "content": result.text or None, "refusal": None}
    if result.reasoning:
        said["reasoning_content"] = result.reasoning
    if result.tool_calls:
        said["tool_calls"] = [_call(call) for call in result.tool_calls]
    else:
        said["content"] = result.text
    value: JSON = {
        "id": id,
        "object": "chat.completion",
        "created": created,
        "model": result.model or "",
        "choices": [
            {
                "index": 0,
                "message": said,
                "logprobs": None,
                "finish_reason": result.finish_reason or _reason(bool(result.tool_calls)),
            }
        ],
    }
    if result.usage is not None:
        value["usage"] = usage(result.usage)
    return value


def result(value: Mapping[str, Any]) -> ChatResult:
    """The answer that a ``chat.completion`` tells of: its first choice.

    Raises ``ProtocolError`` for what is none.
    """
    try:
        choice = value["choices"][0]
        said = choice["message"]
        calls = tuple(_tool_call(call) for call in said.get("tool_calls") or ())
        return ChatResult(
            text=said.get("content") or "",
            reasoning=said.get("reasoning_content") or "",
            tool_calls=calls,
            usage=usage_of(value.get("usage")),
            finish_reason=choice.get("finish_reason"),
            model=value.get("model") or None,
        )
    except (LookupError, TypeError, AttributeError) as exc:
        raise ProtocolError("expected a chat completion", evidence=repr(value)) from exc


def _tool_call(call: Mapping[str, Any]) -> ToolCall:
    return ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])


def _reason(has_calls: bool) -> str:
    """What to write where a provider gives no reason: an answer that is complete has one here."""
    return "tool_calls" if has_calls else "stop"


def usage(counted: Usage) -> JSON:
    """Tokens, in OpenAI's words; what was not counted is 0 where the type has a number."""
    prompt, answer = counted.input_tokens or 0, counted.output_tokens or 0
    total = prompt + answer if counted.total_tokens is None else counted.total_tokens
    value: JSON = {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": total}
    if counted.cached_tokens is not None:
        value["prompt_tokens_details"] = {"cached_tokens": counted.cached_tokens}
    if counted.reasoning_tokens is not None:
        value["completion_tokens_details"] = {"reasoning_tokens": counted.reasoning_tokens}
    return value


def usage_of(value: Mapping[str, Any] | None) -> Usage | None:
    """The usage that *value* tells of."""
    if not value:
        return None
    prompt = value.get("prompt_tokens_details") or {}
    answer = value.get("completion_tokens_details") or {}
    return Usage(
        input_tokens=value.get("prompt_tokens"),
        output_tokens=value.get("completion_tokens"),
        total_tokens=value.get("total_tokens"),
        cached_tokens=prompt.get("cached_tokens"),
        reasoning_tokens=answer.get("reasoning_tokens"),
    )


# -- an answer in chunks -----------------------------------------------------


class Chunks:
    """An answer's events as ``chat.completion.chunk`` objects.

    ``id``, ``created`` (seconds since the epoch) and ``model`` stand in each of them;
    ``model`` may be set until the first one is made.
    """

    def __init__(self, *, id: str, created: int, model: str, include_usage: bool = False) -> None:
        self.id, self.created, self.model = id, created, model
        self.include_usage = include_usage
        self._begun = False
        self._calls = 0
        self._usage: Usage | None = None
        self._reason = ""

    def of(self, item: str | Event) -> list[JSON]:
        """The chunks that *item* makes; the first of an answer is preceded by its role."""
        if isinstance(item, Text):
            item = item.text
        if isinstance(item, str):
            return self._delta({"content": item})
        if isinstance(item, Reasoning):
            return self._delta({"reasoning_content": item.text})
        if isinstance(item, ToolCall):
            self._calls += 1
            return self._delta({"tool_calls": [{"index": self._calls - 1, **_call(item)}]})
        if isinstance(item, Usage):
            self._usage = item
        elif isinstance(item, Finish):
            self._reason = item.reason
        return []

    def end(self) -> list[JSON]:
        """The last chunks of a complete answer: its reason, and its usage when asked for."""
        reason = self._reason or _reason(bool(self._calls))
        chunks = [*self._first(), self._chunk({}, reason)]
        if self.include_usage:
            counted = None if self._usage is None else usage(self._usage)
            chunks.append({**self._frame(), "choices": [], "usage": counted})
        return chunks

    def _delta(self, delta: JSON) -> list[JSON]:
        return [*self._first(), self._chunk(delta, None)]

    def _first(self) -> list[JSON]:
        if self._begun:
            return []
        self._begun = True
        return [self._chunk({"role": "assistant", "content": ""}, None)]

    def _chunk(self, delta: JSON, reason: str | None) -> JSON:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        value = {**self._frame(), "choices": [choice]}
        return {**value, "usage": None} if self.include_usage else value

    def _frame(self) -> JSON:
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
        }


def as_chunk(value: Mapping[str, Any]) -> JSON:
    """A complete answer as the one chunk of a stream."""
    choices = []
    for choice in value.get("choices") or ():
        delta = dict(choice.get("message") or {})
        if delta.get("tool_calls"):
            delta["tool_calls"] = [{"index": at, **c} for at, c in enumerate(delta["tool_calls"])]
        rest = {name: each for name, each in choice.items() if name != "message"}
        choices.append({**rest, "delta": delta})
    return {**value, "object": "chat.completion.chunk", "choices": choices}


def events(chunks: Iterable[Mapping[str, Any]]) -> Iterator[str | Event]:
    """What *chunks* tell of: text, reasoning, calls once they are complete, usage, the reason.

    Raises ``StreamTruncated`` when they end without a finish reason, and
    ``ProtocolError`` for what are no chunks.
    """
    calls: dict[int, list[str]] = {}
    reason: str | None = None
    for chunk in chunks:
        try:
            for choice in chunk["choices"] or ():
                yield from _delta_events(choice.get("delta") or {}, calls)
                reason = choice.get("finish_reason") or reason
            counted = usage_of(chunk.get("usage"))
        except (LookupError, TypeError, AttributeError) as exc:
            raise ProtocolError("expected a chunk of an answer", evidence=repr(chunk)) from exc
        if counted is not None:
            yield counted
    if reason is None:
        raise StreamTruncated("the chunks end without a finish reason")
    for id, name, *pieces in calls.values():
        yield ToolCall(id, name, "".join(pieces))
    yield Finish(reason, reason)


def _delta_events(delta: Mapping[str, Any], calls: dict[int, list[str]]) -> Iterator[str | Event]:
    if delta.get("reasoning_content"):
        yield Reasoning(delta["reasoning_content"])
    if delta.get("content"):
        yield delta["content"]
    for piece in delta.get("tool_calls") or ():
        function = piece.get("function") or {}
        call = calls.setdefault(piece["index"], [piece.get("id") or "", function.get("name") or ""])
        call.append(function.get("arguments") or "")


# -- errors -------------------------------------------------------------------

_TYPES: Mapping[str, tuple[int, str]] = {  # class of ours -> status, type
    "InvalidRequest": (400, "invalid_request_error"),
    "ConfigurationError": (500, "configuration_error"),
    "AuthenticationError": (401, "authentication_error"),
    "RateLimited": (429, "rate_limit_error"),
    "ContentFiltered": (400, "content_filter"),
    "DeadlineExceeded": (504, "timeout"),
    "Cancelled": (499, "cancelled"),
}


def error(exc: G4FSyncError) -> tuple[int, JSON]:
    """An error's HTTP status, and its body as OpenAI has them."""
    known = (_TYPES[each.__name__] for each in type(exc).__mro__ if each.__name__ in _TYPES)
    status, kind = next(known, (502, "upstream_error"))
    own = getattr(exc, "status", None)
    if isinstance(own, int) and own >= 400:
        status = own
    code = getattr(exc, "code", None)
    return status, {"error": {"message": str(exc), "type": kind, "param": None, "code": code}}

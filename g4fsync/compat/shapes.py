"""OpenAI's JSON to our values and back; no I/O, no provider.

Two directions, each with its way back: a request's body and the question it asks; a
complete answer and the result it stands for.  Streamed ones are in :mod:`.chunks`.  Facts
are from openai-python 3.57 (``types/chat``, November 2026); that reasoning is called
``reasoning_content`` is DeepSeek's word, which most servers share.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import G4FSyncError, InvalidRequest, ProtocolError
from ..events import ToolCall, Usage
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
        value["tool_calls"] = [call_json(call) for call in turn.tool_calls]
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


def call_json(call: ToolCall) -> JSON:
    """A call as it stands in a message."""
    extra = dict(call.extra)
    function = {"name": call.name, "arguments": call.arguments, **extra.pop("function", {})}
    return {"id": call.id, "type": "function", "function": function, **extra}


# -- a complete answer ------------------------------------------------------


def completion(result: ChatResult, *, id: str, created: int) -> JSON:
    """A complete answer as a ``chat.completion``."""
    turn: JSON = {"role": "assistant", "content": result.text or None, "refusal": None}
    if result.reasoning:
        turn["reasoning_content"] = result.reasoning
    if result.tool_calls:
        turn["tool_calls"] = [call_json(call) for call in result.tool_calls]
    else:
        turn["content"] = result.text
    value: JSON = {
        "id": id,
        "object": "chat.completion",
        "created": created,
        "model": result.model or "",
        "choices": [
            {
                "index": 0,
                "message": turn,
                "logprobs": None,
                "finish_reason": result.finish_reason or default_reason(bool(result.tool_calls)),
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
        turn = choice["message"]
        calls = tuple(_tool_call(call) for call in turn.get("tool_calls") or ())
        return ChatResult(
            text=turn.get("content") or "",
            reasoning=turn.get("reasoning_content") or "",
            tool_calls=calls,
            usage=usage_of(value.get("usage")),
            finish_reason=choice.get("finish_reason"),
            model=value.get("model") or None,
        )
    except (LookupError, TypeError, AttributeError) as exc:
        raise ProtocolError("expected a chat completion", evidence=repr(value)) from exc


def _tool_call(call: Mapping[str, Any]) -> ToolCall:
    return ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])


def default_reason(has_calls: bool) -> str:
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

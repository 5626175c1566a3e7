"""What Gemini's answers say: text, thoughts, calls, usage and how they ended.

The reasons are those of google-genai 3.6 (``types.FinishReason``,
``types.BlockedReason``); two more are in LiteLLM's source.  Any of
``candidates``, ``content`` and ``parts`` may be missing from a chunk, and a
reason may stand in each: the last one counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..codecs import envelopes, refusals
from ..errors import ContentFiltered, ProviderError
from ..events import Event, Finish, ProviderData, Reasoning, ToolCall, Usage
from ..transport.base import Response
from . import chatapi, fields
from .functioncalls import FunctionCalls

_FILTERED = re.compile(
    "SAFETY|RECITATION|BLOCKLIST|PROHIBITED_CONTENT|SPII|MODEL_ARMOR|ESCALATION"
    "|PUP_LIMITED_DISABLED|IMAGE_SAFETY|IMAGE_PROHIBITED_CONTENT|IMAGE_RECITATION"
)
_SENT_IN_FULL = frozenset({"text", "thought"})  # by the events of a part's text
_CUT = re.compile("MAX_TOKENS|CONTINUATION")
_FAILED = re.compile(
    "OTHER|LANGUAGE|MALFORMED_FUNCTION_CALL|MALFORMED_RESPONSE|UNEXPECTED_TOOL_CALL"
    "|TOO_MANY_TOOL_CALLS|MISSING_THOUGHT_SIGNATURE|NO_IMAGE|IMAGE_OTHER"
)


def chunks(response: Response) -> Iterator[Mapping[str, Any]]:
    """The partial answers of a stream, also of one that came as a JSON array.

    A failure in it is raised, and so is a refusal of the prompt.
    """
    for value in response.values():
        for chunk in value if isinstance(value, list) else (value,):
            if chunk:
                _raise_for_refusal(chunk)
                yield chunk


def _raise_for_refusal(chunk: Mapping[str, Any]) -> None:
    if chunk.get("error") or ("candidates" not in chunk and envelopes.is_failure(chunk)):
        raise refusals.in_band(chunk)
    feedback = fields.mapping(chunk.get("promptFeedback"), "promptFeedback")
    blocked = fields.word(feedback.get("blockReason"), "blockReason")
    if blocked and not blocked.endswith("_UNSPECIFIED"):
        detail = fields.word(feedback.get("blockReasonMessage"), "blockReasonMessage")
        message = f"the prompt was blocked: {blocked}" + (f" ({detail})" if detail else "")
        raise ContentFiltered(message, status=200, code=blocked, body=json.dumps(chunk))


def _candidate(chunk: Mapping[str, Any]) -> Mapping[str, Any]:
    """A chunk's piece of the first answer; one was asked for."""
    given = chunk.get("candidates") or ()
    for candidate in (given,) if isinstance(given, Mapping) else given:
        index = candidate.get("index")
        if not isinstance(index, int) or index < 1 or index is True:
            return candidate
    return {}


def parts(chunk: Mapping[str, Any]) -> Iterable[Any]:
    """The parts of a chunk's content; a bare text counts as one."""
    content = _candidate(chunk).get("content")
    if isinstance(content, Mapping):
        content = content.get("parts")
    if content is None or isinstance(content, list):
        return content or ()
    return (content,)


def delta_events(part: Any, calls: FunctionCalls) -> Sequence[str | Event]:
    """What a part says, then the part itself when it is to be sent back.

    A text needs that with a signature only; code, its results, pictures and the
    like say nothing here.
    """
    if not isinstance(part, Mapping):
        return (fields.text(part),)
    text = part.get("text")
    if text.__class__ is not str:
        text = fields.text(text)
    if text and len(part) == 1:
        return (text,)
    if part.get("functionCall") is not None:
        # An empty text says that something came.
        return (text or "", *_call_events(part, calls))
    content: tuple[str | Event, ...] = ()
    if text:
        content = (Reasoning(text),) if part.get("thought") in (True, "true") else (text,)
    elif "text" not in part:
        fields.left_out(f"part {', '.join(part)!r:.80}", part)
    if not (part.keys() - _SENT_IN_FULL):
        return content
    return (*content, ProviderData(calls.provider, "part", part))


def _call_events(part: Mapping[str, Any], calls: FunctionCalls) -> Iterator[ToolCall]:
    fragment = part["functionCall"]
    return calls.add(
        fragment.get("id"),
        fragment.get("name"),
        fragment.get("args"),
        partial=fragment.get("partialArgs") or (),
        signature=part.get("thoughtSignature"),
        continues=bool(fragment.get("willContinue")),
    )


def finish(chunk: Mapping[str, Any], calls: FunctionCalls, *, may_continue: bool) -> Finish | None:
    """Why the answer ended, if *chunk* says so; a reason that means failure is raised."""
    candidate = _candidate(chunk)
    raw = fields.word(candidate.get("finishReason"), "finishReason")
    word = raw.upper()
    if not raw or word == "FINISH_REASON_UNSPECIFIED":
        return None
    if _FAILED.fullmatch(word):
        message = fields.word(candidate.get("finishMessage"), "finishMessage")
        message = message or f"the answer ended with {raw}"
        raise ProviderError(message, status=200, code=raw, body=json.dumps(candidate))
    reason = raw
    if word == "STOP":
        reason = "tool_calls" if calls else "stop"
    elif _CUT.fullmatch(word):
        reason = "length"
    elif _FILTERED.fullmatch(word):
        reason = "content_filter"
    else:
        chatapi.raise_for_reason(raw)
        reason = chatapi.normal_reason(raw)
    id = fields.word(chunk.get("responseId"), "responseId") or None
    return Finish(reason, raw=raw, id=id, may_continue=may_continue)


def usage(counted: Mapping[str, Any]) -> Usage:
    """Usage in Gemini's words; thoughts are output too, counted apart on the wire.

    What tools of Google's own gave back (``toolUsePromptTokenCount``) is in the total alone.
    """
    answer, thoughts = (
        chatapi.count(counted, name) for name in ("candidatesTokenCount", "thoughtsTokenCount")
    )
    known = [number for number in (answer, thoughts) if number is not None]
    return Usage(
        input_tokens=chatapi.count(counted, "promptTokenCount"),
        output_tokens=sum(known) if known else None,
        total_tokens=chatapi.count(counted, "totalTokenCount"),
        cached_tokens=chatapi.count(counted, "cachedContentTokenCount"),
        reasoning_tokens=thoughts,
    )

"""An answer of OpenAI's chat completions, put together from its chunks.

The facts stand in :mod:`.openai`.  What comes after a finish reason belongs to
the answer, and the last reason counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..codecs import envelopes, refusals
from ..events import Event, Finish, Reasoning
from . import chatapi, fields
from .openai_fields import MessageFields
from .openai_usage import usage, with_details
from .thinking import ThinkTags
from .toolcalls import ToolCalls

_TEXT = ("content", "refusal")
_REASONING = ("reasoning_content", "reasoning", "reasoning_text", "thinking")
_THOUGHT_LISTS = ("reasoning_details", "thinking_blocks")
_CALLS = ("tool_calls", "function_call")
_SILENT = frozenset({"content", "role"})


def plain_text(chunk: Mapping[str, Any]) -> str:
    """The text of a *chunk* that holds nothing else, as nearly all do; ``""`` for any other."""
    choices = chunk.get("choices")
    if not choices or len(choices) > 1 or "error" in chunk or "x_groq" in chunk:
        return ""
    choice = choices[0]
    if not choice or chunk.get("usage") or choice.get("index") or choice.get("finish_reason"):
        return ""
    delta = choice.get("delta")
    content: Any = delta.get("content") if delta else None
    if content.__class__ is not str or (len(delta) > 1 and _says_more(delta)):
        return ""
    return content


def _says_more(delta: Mapping[str, Any]) -> bool:
    """Whether *delta* says something besides its content."""
    for name in delta:  # noqa: SIM110 - once per token, and a generator costs more than the loop
        if delta[name] and name not in _SILENT:
            return True
    return False


class Answer:
    """One answer of *provider* under way.

    *think_tags* takes text between ``<think>`` tags for reasoning.  Who takes text
    by :func:`plain_text` sets ``spoke``.
    """

    def __init__(self, provider: str, *, think_tags: bool) -> None:
        self.spoke = False
        self._tags = ThinkTags() if think_tags else None
        self._calls = ToolCalls(provider)
        self._kept = MessageFields(provider)
        self._has_text = self._has_reasoning = False
        self._tells_thoughts = False  # in a member of their own
        self._has_anything = False  # of a kind that is not read too, such as audio
        self._reason: str | None = None  # the last one; "" when there were empty ones only
        self._finished = False  # the end mark was given, and nothing has come after it
        self._usage: Mapping[str, Any] | None = None  # not given yet
        self._latest_usage: Mapping[str, Any] = {}  # given or not
        self._usage_came = self._usage_ends = False
        self._id: str | None = None

    def events(self, chunk: Any) -> Iterator[str | Event]:
        """What *chunk* adds to the answer; its error is raised."""
        self._note_plain_text()
        if chunk.__class__ is dict and "error" not in chunk:
            choices = chunk.get("choices")
            if choices and choices.__class__ is list:
                return self._chunk_events(chunk, choices)
        return self._unusual_events(chunk)

    def _unusual_events(self, value: Any) -> Iterator[str | Event]:
        """The same for what has no list of choices: an error, usage, chunks in a wrapping."""
        for chunk in fields.objects(value):
            raise_error_in(chunk)
            inner = chunk.get("data")
            if "choices" not in chunk and isinstance(inner, Mapping) and "choices" in inner:
                chunk = inner
            choices = chunk.get("choices") or ()
            yield from self._chunk_events(
                chunk, (choices,) if isinstance(choices, Mapping) else choices
            )

    def _chunk_events(
        self, chunk: Mapping[str, Any], choices: Iterable[Any]
    ) -> Iterator[str | Event]:
        came, reason, counted = False, None, None
        for choice in choices:
            if not choice or _is_other(choice):  # one answer was asked for
                continue
            for event in self._choice_events(choice, chunk.get("object") == "chat.completion"):
                came, self._finished = True, False
                yield event
            if choice.get("error"):  # OpenRouter's place once text has come
                raise refusals.in_band(choice)
            if choice.get("finish_reason") is not None:
                reason = fields.word(choice["finish_reason"], "finish_reason") or reason or ""
            counted = choice.get("usage") or counted
        self._note_usage(usage_in(chunk) or counted, came=came)
        if reason:
            self._id = fields.word(chunk.get("id"), "id") or None
            yield from self._finish_events(reason, may_continue=came or not self._has_content)
        elif reason == "" and self._reason is None:
            self._reason = reason
        if self._reason and self._usage:
            yield usage(self._usage)
            self._usage = None

    def finish_events(self, *, done: bool) -> Iterator[str | Event]:
        """What is left at the end of the body, ``[DONE]`` seen or not.

        Without a reason, usage and then ``[DONE]`` is an end mark unless nothing was
        said, and so are complete calls with an empty reason (xAI).  ``[DONE]`` alone
        is none.
        """
        self._note_plain_text()
        if self._finished:
            return
        if not self._reason:
            has_calls = self._reason == "" and bool(self._calls) and self._calls.are_complete
            has_usage = self._usage_ends and (self._has_text or self._has_anything)
            if not (done and (has_usage or has_calls)):
                return
        yield from self._finish_events(self._reason or "", may_continue=False)
        if self._usage:
            yield usage(self._usage)

    @property
    def _has_content(self) -> bool:
        return self._has_text or bool(self._calls)

    def _note_plain_text(self) -> None:
        if self.spoke:
            self._has_text = True
            self.spoke = self._finished = self._usage_ends = False

    def _note_usage(self, value: Any, *, came: bool) -> None:
        """Keep usage, and whether it can mark the end: nothing may come after it.

        Beside text only the first does, for some servers count in each chunk.
        """
        if value:
            counted = fields.mapping(value, "usage")
            if counted:
                self._usage = self._latest_usage = with_details(counted, self._latest_usage)
            self._usage_ends = not came or not self._usage_came
            self._usage_came = True
        elif came:
            self._usage_ends = False

    def _choice_events(self, choice: Mapping[str, Any], is_complete: bool) -> Iterator[str | Event]:
        """What a choice says: a delta, or a message in its place.

        A message at the end repeats what the deltas said, and counts where they
        said nothing of its kind.
        """
        delta = choice.get("delta")
        if not delta:
            delta = choice.get("message")
            if delta and (is_complete or choice.get("finish_reason")):
                repeated = (
                    *(_TEXT if self._has_text else ()),
                    *((*_REASONING, *_THOUGHT_LISTS) if self._has_reasoning else ()),
                    *(_CALLS if self._calls else ()),
                )
                delta = {name: each for name, each in delta.items() if name not in repeated}
            elif not delta and choice.get("text") and not ("delta" in choice and self._has_text):
                delta = {"content": choice["text"]}  # the older completions, or all once more
        return self._delta_events(delta) if delta else iter(())

    def _delta_events(self, delta: Mapping[str, Any]) -> Iterator[str | Event]:
        if not self._has_anything:
            self._has_anything = any(value for name, value in delta.items() if name != "role")
        self._kept.add(delta)
        thought = reasoning_text(delta)
        if thought:
            self._tells_thoughts = True
        elif not self._tells_thoughts:  # else the lists repeat what was told
            thought = listed_thoughts(delta)
        if thought:
            self._has_reasoning = True
            yield Reasoning(thought)
        content = delta.get("content")
        if content is None or content == "":
            content = delta.get("refusal")
        if content.__class__ is list:
            yield from self._part_events(content)
        elif content is not None:
            yield from self._text_events(fields.text(content))
        pieces = delta.get("tool_calls")
        if not pieces and delta.get("function_call"):  # the older way; some send it empty
            function = delta["function_call"]
            pieces = [{"index": "function_call", "function": function}]
            pieces = pieces if function.get("name") or function.get("arguments") else None
        if pieces:
            yield ""  # before a fault in them: something came
            self._calls.add(pieces)

    def _text_events(self, text: str) -> Iterator[str | Event]:
        if text:
            self._has_text = True
            # All of it may be held back, and yet something came.
            yield from (text,) if self._tags is None else ("", *self._tags.feed(text))

    def _part_events(self, content: list[Any]) -> Iterator[str | Event]:
        """Texts and thoughts (Mistral); a list of anything else is an answer in JSON mode."""
        if not all(map(_is_part, content)):
            yield from self._text_events(json.dumps(content, ensure_ascii=False))
            return
        for part in content:
            if fields.is_thought(part):
                thought = fields.part_thought(part)
                if thought:
                    self._has_reasoning = True
                    yield Reasoning(thought)
            elif isinstance(part, Mapping) and "type" not in part:
                yield from self._text_events(fields.text(part["text"]))
            else:
                yield from self._text_events(fields.text([part]))

    def _finish_events(self, reason: str, *, may_continue: bool) -> Iterator[str | Event]:
        """What was held back, and the end mark; a reason that means failure is raised.

        Where more may follow, the end mark waits for what may be half of something.
        """
        chatapi.raise_for_reason(reason)
        self._reason = reason
        if may_continue:
            yield from self._calls.complete()
            if self._calls.pending or (self._tags is not None and self._tags.held):
                return
        else:
            if self._tags is not None:
                yield from self._tags.close()
            yield from self._calls.remaining()
        normal = chatapi.normal_reason(reason)
        # Ollama, and OpenAI when the tool was chosen for the model, say "stop" here.
        if self._calls and normal == "stop":
            normal = "tool_calls"
        self._finished = not may_continue
        yield from self._kept.events()
        yield Finish(normal, raw=reason or None, id=self._id, may_continue=may_continue)


def _is_part(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, Mapping) and (isinstance(value.get("type"), str) or "text" in value)
    )


def reasoning_text(delta: Mapping[str, Any]) -> str:
    """What *delta* tells of the model's thoughts, at the first place that has any."""
    for name in _REASONING:
        if delta.get(name) and (thought := fields.thought(delta[name], name)):
            return thought
    return ""


def listed_thoughts(delta: Mapping[str, Any]) -> str:
    """The thoughts in a list of *delta*, which mostly stand beside those above."""
    for name in _THOUGHT_LISTS:
        if delta.get(name):
            # Encrypted ones have none of these.
            texts = (
                each.get("text") or each.get("summary") or each.get("thinking")
                for each in fields.mappings(delta[name], name)
            )
            return "".join(text for text in texts if isinstance(text, str))
    return ""


def _is_other(choice: Mapping[str, Any]) -> bool:
    """Whether *choice* is of another answer; some write its index as text."""
    index = choice.get("index")
    if not index:
        return False
    if isinstance(index, str):
        return bool(index.isdigit() and index.strip("0"))
    return isinstance(index, int) and index > 0


def raise_error_in(chunk: Mapping[str, Any]) -> None:
    """Raise the error that *chunk* is, in whatever shape, if it is one."""
    if chunk.get("error") or (not chunk.get("choices") and envelopes.is_failure(chunk)):
        raise refusals.in_band(chunk)


def usage_in(chunk: Mapping[str, Any]) -> Any:
    """What *chunk* tells of usage, at one of two places."""
    counted = chunk.get("usage")
    if not counted and chunk.get("x_groq"):
        groq = fields.mapping(chunk["x_groq"], "x_groq")
        raise_error_in(groq)
        counted = groq.get("usage")
    return counted

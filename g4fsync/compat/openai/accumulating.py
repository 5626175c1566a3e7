"""The pieces of a streamed answer put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .types.chat.chat_completion_chunk import ChatCompletionChunk
from .types.chat.chat_completion_token_logprob import ChatCompletionTokenLogprob
from .types.chat.parsed_chat_completion import ParsedChatCompletion


def merged(old: Any, piece: Any, name: str = "") -> Any:
    """*old* with *piece* added: text to text, numbers to numbers, objects member by member.

    Entries of a list with an ``index`` are added to the entry that has it; ``index`` and
    ``type`` themselves are replaced.
    """
    if isinstance(piece, list) and any(_has_index(each) for each in piece):
        entries = list(old or ())
        for each in piece:
            at = each["index"]
            if at < len(entries):
                entries[at] = merged(entries[at], each)
            else:
                entries.insert(at, dict(each))
        return entries
    if old is None or name in ("index", "type"):
        return piece
    if isinstance(old, Mapping) and isinstance(piece, Mapping):
        added = {key: merged(old.get(key), each, key) for key, each in piece.items()}
        return {**old, **added}
    is_number = isinstance(old, int | float) and isinstance(piece, int | float)
    if is_number or (isinstance(old, str) and isinstance(piece, str)):
        return old + piece
    if isinstance(old, list) and isinstance(piece, list):
        return [*old, *piece]
    return old


def _has_index(entry: Any) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get("index"), int)


class Accumulated:
    """An answer so far: ``choices`` by their index, each as plain JSON."""

    def __init__(self, first: ChatCompletionChunk) -> None:
        frame = first.to_dict()
        frame.pop("obfuscation", None)
        frame.pop("choices", None)
        self._frame = {"system_fingerprint": None, **frame, "object": "chat.completion"}
        self.choices: dict[int, dict[str, Any]] = {}
        self._add_choices(first)

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Add the next chunk."""
        self._add_choices(chunk)
        self._frame["usage"] = None if chunk.usage is None else chunk.usage.to_dict()
        self._frame["system_fingerprint"] = chunk.system_fingerprint
        if chunk.moderation is not None:
            self._frame["moderation"] = chunk.moderation

    def _add_choices(self, chunk: ChatCompletionChunk) -> None:
        for choice in chunk.choices or ():
            delta = choice.delta.to_dict() if choice.delta is not None else {}
            old = self.choices.get(choice.index)
            if old is None:
                fields = choice.model_dump(exclude_unset=True, exclude={"delta", "logprobs"})
                self.choices[choice.index] = {**fields, "message": merged({}, delta)}
                self._add_likely(self.choices[choice.index], choice)
                continue
            message = {name: each for name, each in old["message"].items() if name != "parsed"}
            old["message"] = merged(message, delta)
            if choice.finish_reason:
                old["finish_reason"] = choice.finish_reason
            self._add_likely(old, choice)

    def _add_likely(self, fields: dict[str, Any], choice: Any) -> None:
        if choice.logprobs is None:
            if "logprobs" in choice.model_fields_set:
                fields.setdefault("logprobs", None)
            return
        so_far = fields.get("logprobs")
        if so_far is None:
            so_far = fields["logprobs"] = {"content": None, "refusal": None}
        for name in ("content", "refusal"):
            more: list[ChatCompletionTokenLogprob] | None = getattr(choice.logprobs, name)
            if more is not None:
                so_far[name] = [*(so_far[name] or ()), *more]

    def snapshot(self) -> ParsedChatCompletion[Any]:
        """The answer so far, which does not change any more."""
        choices = [_copied(self.choices[index]) for index in sorted(self.choices)]
        return ParsedChatCompletion.of({**self._frame, "choices": choices})


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(each) for name, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value

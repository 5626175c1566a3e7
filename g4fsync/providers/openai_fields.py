"""What a host of OpenAI's protocol wants back with its answer, collected while it comes.

Facts:

* DeepSeek answers 400 to a turn with tool calls that comes back without its
  ``reasoning_content`` (api-docs.deepseek.com, thinking mode, 2026).  Others
  call it ``reasoning`` (Groq, Cerebras, Together) or ``reasoning_text``, sealed
  by ``reasoning_opaque`` (GitHub Copilot).
* OpenRouter's ``reasoning_details`` come in pieces of the same ``index``, and go
  back as the one list they make (openrouter.ai/docs, reasoning tokens).  LiteLLM
  has ``thinking_blocks`` likewise (docs.litellm.ai, reasoning content).
* Mistral's thoughts are parts of the content (client-python, ``ThinkChunk``).
* Google's OpenAI-compatible face puts signatures into ``extra_content``
  (ai.google.dev, thought signatures).

Pieces of text are put together, all else is kept as it came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..events import ProviderData
from . import chatapi

_TEXTS = frozenset({"reasoning_content", "reasoning", "reasoning_text", "reasoning_opaque"})
_LISTS = frozenset({"reasoning_details", "thinking_blocks"})
_OBJECTS = frozenset({"extra_content"})
_KEPT = _TEXTS | _LISTS | _OBJECTS
_PIECES = ("text", "summary", "thinking")  # of which entry of a list more may come


class MessageFields:
    """The members of one answer's message that ``provider`` wants back."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._texts: dict[str, list[str]] = {}
        self._lists: dict[str, list[_Entry]] = {}
        self._objects: dict[str, dict[str, Any]] = {}
        self._thoughts: _Thoughts | None = None
        self._is_new = False

    def add(self, delta: Mapping[str, Any]) -> None:
        """Take what stands in *delta*; shapes that are not known are left out."""
        for name, value in delta.items():
            pieces = self._texts.get(name)
            if pieces is not None and value.__class__ is str:  # nearly all: more of the same
                pieces.append(value)
                self._is_new = True
            elif name in _KEPT and value:
                self._add_member(name, value)
            elif name == "content" and isinstance(value, list):
                self._add_thoughts(value)

    def _add_member(self, name: str, value: Any) -> None:
        if name in _TEXTS and isinstance(value, str):
            self._texts.setdefault(name, []).append(value)
        elif name in _LISTS and isinstance(value, list):
            self._add_entries(self._lists.setdefault(name, []), value)
        elif name in _OBJECTS and isinstance(value, Mapping):
            chatapi.merged(self._objects.setdefault(name, {}), value)
        else:
            return
        self._is_new = True

    @staticmethod
    def _add_entries(entries: list[_Entry], pieces: list[Any]) -> None:
        for piece in pieces:
            if isinstance(piece, Mapping):
                if not (entries and entries[-1].continues_with(piece)):
                    entries.append(_Entry())
                entries[-1].add(piece)

    def _add_thoughts(self, content: list[Any]) -> None:
        for part in content:
            if isinstance(part, Mapping) and part.get("type") == "thinking":
                self._thoughts = self._thoughts or _Thoughts()
                self._thoughts.add(part)
                self._is_new = True

    def events(self) -> Iterator[ProviderData]:
        """All that came so far, if there is more than the last time."""
        if not self._is_new:
            return
        self._is_new = False
        if self._thoughts is not None:  # they come before the text
            yield ProviderData(self._provider, "part", self._thoughts.part(), 0, 0)
        members: dict[str, Any] = {name: "".join(each) for name, each in self._texts.items()}
        members |= {name: [e.members() for e in each] for name, each in self._lists.items()}
        members |= self._objects
        if members:
            yield ProviderData(self._provider, "message", members)


class _Entry:
    """One entry of a list, put together from its pieces."""

    def __init__(self) -> None:
        self._members: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {}

    def continues_with(self, piece: Mapping[str, Any]) -> bool:
        same = all(self._members.get(name) == piece.get(name) for name in ("type", "index"))
        speaks = any(piece.get(name) for name in _PIECES)
        # A signature closes an entry, and what is encrypted comes in one piece.
        is_closed = self._members.get("signature") and speaks
        return same and not is_closed and not piece.get("data") and "data" not in self._members

    def add(self, piece: Mapping[str, Any]) -> None:
        for name, value in piece.items():
            if name in _PIECES and isinstance(value, str):
                self._texts.setdefault(name, []).append(value)
            elif value not in (None, "") or name not in self._members:
                self._members[name] = value

    def members(self) -> dict[str, Any]:
        return self._members | {name: "".join(each) for name, each in self._texts.items()}


class _Thoughts:
    """Mistral's thinking part: texts put together, and what else it has."""

    def __init__(self) -> None:
        self._members: dict[str, Any] = {}
        self._thinking: list[Any] = []

    def add(self, part: Mapping[str, Any]) -> None:
        thinking = part.get("thinking")
        self._members |= {n: v for n, v in part.items() if n != "thinking" and v is not None}
        if isinstance(thinking, str):
            thinking = [{"type": "text", "text": thinking}]
        for each in thinking if isinstance(thinking, list) else ():
            text = each.get("text") if isinstance(each, Mapping) else None
            if isinstance(text, str) and self._thinking and isinstance(self._thinking[-1], list):
                self._thinking[-1].append(text)
            else:
                self._thinking.append([text] if isinstance(text, str) else each)

    def part(self) -> dict[str, Any]:
        thinking = [
            {"type": "text", "text": "".join(each)} if isinstance(each, list) else each
            for each in self._thinking
        ]
        return {**self._members, "thinking": thinking}

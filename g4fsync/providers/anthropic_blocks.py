"""The blocks of Anthropic's answers that go back as they came, put together from their pieces.

Thinking blocks carry a ``signature`` (``signature_delta``) and encrypted ones their
``data``; the API refuses calls that come back without those that stood before
them (platform.claude.com, extended thinking with tool use).  Blocks of the
server's own tools and their results continue the turn they stand in.  Texts and
calls of the caller's tools are not here: the events of an answer say them in full.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from ..events import ProviderData

_SENT_IN_FULL = frozenset({"text", "tool_use", ""})
_IN_A_CALL = frozenset({"type", "id", "name", "input"})


class KeptBlocks:
    """The blocks of one answer that ``provider`` wants back."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._open: dict[int | None, _Block] = {}
        self._latest: int | None = None

    def begin(self, index: int | None, block: Mapping[str, Any]) -> None:
        """Take a block's start, or the complete block."""
        kind = block.get("type")
        if isinstance(kind, str) and kind not in _SENT_IN_FULL:
            self._open[index] = _Block(block)
            self._latest = index

    def add(self, index: int | None, delta: Mapping[str, Any]) -> None:
        """Take what a delta adds to its block."""
        block = self._open.get(self._latest if index is None else index)
        if block is not None:
            block.add(delta)

    def end(self, index: int | None) -> Iterator[ProviderData]:
        """The finished block, if it is one to be kept."""
        block = self._open.pop(index, None)
        if block is not None:
            yield ProviderData(self._provider, "block", block.complete())

    def of_call(self, block: Mapping[str, Any]) -> tuple[ProviderData, ...]:
        """What else a call of the caller's tools holds, such as who called it."""
        rest = {k: v for k, v in block.items() if k not in _IN_A_CALL and v is not None}
        return (ProviderData(self._provider, "call", rest),) if rest else ()


class _Block:
    def __init__(self, block: Mapping[str, Any]) -> None:
        self._members = dict(block)
        self._texts: dict[str, list[str]] = {}
        self._input: list[str] = []

    def add(self, delta: Mapping[str, Any]) -> None:
        if isinstance(delta.get("partial_json"), str):
            self._input.append(delta["partial_json"])
        for name in ("thinking", "signature"):
            if isinstance(delta.get(name), str):
                self._texts.setdefault(name, []).append(delta[name])

    def complete(self) -> dict[str, Any]:
        members = self._members
        for name, pieces in self._texts.items():
            before = members.get(name)
            members[name] = (before if isinstance(before, str) else "") + "".join(pieces)
        if self._input:
            with suppress(ValueError):  # then what the block began with counts
                members["input"] = json.loads("".join(self._input))
        return members

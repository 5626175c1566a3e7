"""Tool calls put together from the pieces a stream of OpenAI's shape has of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..events import ProviderData, ToolCall
from . import fields

# Members of a call that its provider wants back.
_KEPT = ("extra_content", "provider_specific_fields", "thought_signature")


class ToolCalls:
    """The calls of one answer.

    Pieces belong together by ``index``, or by their position where a server
    sends none, and by the id where one index has several.  A new id with a name
    begins a new call even at an index in use, and so does a name behind complete
    arguments: some gateways number all calls 0.  ``provider`` is who gets back what
    else a call holds: Google's OpenAI-compatible face and LiteLLM put signatures there.
    """

    def __init__(self, provider: str = "openai") -> None:
        self._provider = provider
        self._calls: list[_Call] = []
        self._latest: dict[Any, _Call] = {}  # by index
        self._known: dict[Any, _Call] = {}  # by index and id

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(self, pieces: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> None:
        """Take the ``tool_calls`` of one delta; one alone may stand there without a list."""
        listed: Any = (pieces,) if pieces.__class__ is dict else pieces
        for position, piece in enumerate(listed):
            if not piece:
                continue
            index = piece.get("index")
            function = piece.get("function") or piece  # some leave it out
            id, name = piece.get("id") or "", function.get("name") or ""
            id = id if id.__class__ is str else str(id)
            if id == "null":  # Mistral's, for none
                id = ""
            slot = position if index is None else index
            call = (id and self._known.get((slot, id))) or self._latest.get(slot)
            if call is None or _is_another(call, id, name, counted=index is not None):
                call = self._latest[slot] = _Call()
                self._calls.append(call)
            if id:
                self._known[slot, id] = call
            call.id = call.id or id
            call.name = call.name or name
            arguments = function.get("arguments")
            if arguments:
                # The protocol's type is a string; gateways send the object itself.
                if not isinstance(arguments, str):
                    arguments = json.dumps(arguments, ensure_ascii=False)
                call.add(arguments)
            call.kept |= {name: piece[name] for name in _KEPT if piece.get(name)}

    @property
    def pending(self) -> bool:
        """Whether a call was begun that was not given yet."""
        return any(not call.given and (call.name or call.arguments) for call in self._calls)

    @property
    def are_complete(self) -> bool:
        """Whether nothing can be added to any call."""
        return all(call.is_complete for call in self._calls)

    def complete(self) -> Iterator[ToolCall]:
        """The calls not given yet to which nothing can be added."""
        return self._given(lambda call: call.is_complete)

    def remaining(self) -> Iterator[ToolCall]:
        """All calls not given yet; without a name one is a ``ValueError``, or nothing if empty."""
        return self._given(lambda call: True)

    def _given(self, wanted: Callable[[_Call], bool]) -> Iterator[ToolCall]:
        for number, call in enumerate(self._calls):
            if call.given or not wanted(call):
                continue
            text = call.text
            if call.name:
                call.given = True
                data = ProviderData(self._provider, "call", call.kept) if call.kept else None
                back = (data,) if data else ()
                yield ToolCall(call.id or f"call_{number}", call.name, text, provider_data=back)
            elif text:
                raise ValueError(f"a tool call without a name, its arguments {text!r:.80}")


class _Call:
    def __init__(self) -> None:
        self.id = self.name = ""
        self.arguments: list[str] = []
        self.given = False
        self.kept: dict[str, Any] = {}

    @property
    def text(self) -> str:
        return fields.said_once("".join(self.arguments))

    @property
    def is_whole(self) -> bool:
        """Whether the arguments are a JSON value, which nothing can be missing from."""
        try:
            json.loads(self.text)
        except (ValueError, RecursionError):
            return False
        return True

    @property
    def is_complete(self) -> bool:
        """Whether it has a name, and arguments that are a JSON object."""
        try:
            return bool(self.name) and isinstance(json.loads(self.text), dict)
        except (ValueError, RecursionError):
            return False

    def add(self, arguments: str) -> None:
        """Take a piece of the arguments; a call that was given can only be repeated."""
        if not self.given:
            self.arguments.append(arguments)
        elif arguments.strip() and arguments != self.text:
            raise ValueError(f"more arguments for a complete tool call, {arguments!r:.80}")


def _is_another(call: _Call, id: str, name: str, *, counted: bool) -> bool:
    """Whether a piece with this *id* and *name* begins a new call behind *call*."""
    if not name or (id and id == call.id):
        return False
    if id and call.id:
        return True
    if not call.name:
        return False
    if call.given or call.is_whole:
        return True
    return call.name != name and not (counted and call.arguments)

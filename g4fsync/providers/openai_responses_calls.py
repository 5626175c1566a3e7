"""Calls in an answer of OpenAI's Responses API, complete or in pieces.

Facts, from openai-python 3.57 (``types/responses``):

* A ``function_call`` is an item with ``call_id``, ``name`` and ``arguments``, a
  ``custom_tool_call`` one with ``input``, which is text of any kind.  The result of a
  call names its ``call_id``, not its ``id``.
* Pieces name their item by ``output_index`` and ``item_id``.  Either may be missing,
  and the id may change from event to event (GitHub Copilot): the index counts first.
* The final event repeats all calls, by vLLM with other ids than before.
* ``namespace``, ``caller`` and further members go back with the call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..events import ProviderData, ToolCall
from . import fields

# The items that are calls of the caller's tools, and where their arguments stand.
CALLS: Mapping[str, str] = {"function_call": "arguments", "custom_tool_call": "input"}
# Members that are read.  An id without the reasoning before it would be refused.
_READ = frozenset({"id", "call_id", "name", "arguments", "input", "status"})


class Calls:
    """The calls of one answer; ``provider`` is who gets back what else they hold."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._calls: dict[Any, _Call] = {}  # by output_index and by item_id
        self._all: list[_Call] = []
        self._latest: _Call | None = None
        self._given: set[str] = set()
        self._unrepeated: list[_Call] = []  # that the final event has not repeated yet

    def __bool__(self) -> bool:
        return bool(self._given)

    def begin(self, item: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Note the call that *item*, just added, is; it may be something else."""
        if item.get("type") in CALLS:
            call = self._latest = self._begun()
            call.take(item)
            self._calls.update(dict.fromkeys(_keys(item, event), call))

    def add_arguments(self, event: Mapping[str, Any]) -> None:
        """Take a piece of the arguments, or all of them at their end."""
        call = self._find({}, event) or self._latest
        if call is None:
            call = self._latest = self._begun()
            self._calls.update(dict.fromkeys(_keys({}, event) or [None], call))
        if "delta" in event:
            call.pieces.append(fields.object_text(event["delta"]))
        else:
            call.take(event)

    def complete(self, item: Mapping[str, Any], event: Mapping[str, Any]) -> Iterator[ToolCall]:
        """The call whose complete *item* has come."""
        call = self._find(item, event) or self._repeated(item)
        if call is None:
            call = self._begun()
        elif call in self._unrepeated:
            self._unrepeated.remove(call)
        call.take(item)
        yield from self._give(call)

    def begin_again(self) -> None:
        """Now come the items of the final event."""
        self._unrepeated = [*self._all]

    def _repeated(self, item: Mapping[str, Any]) -> _Call | None:
        """The call that says the same as *item*, which comes once more with another id."""
        twin = _Call()
        twin.take(item)
        known = [call for call in self._unrepeated if call.id == twin.id or call.says(twin)]
        return next((call for call in known if call.id == twin.id), known[0] if known else None)

    def _begun(self) -> _Call:
        call = _Call()
        self._all.append(call)
        return call

    def remaining(self) -> Iterator[ToolCall]:
        """The calls that were begun, and whose complete item never came."""
        for call in self._all:
            yield from self._give(call)

    def _find(self, item: Mapping[str, Any], event: Mapping[str, Any]) -> _Call | None:
        for key in _keys(item, event):
            call = self._calls.get(key)
            # An index that is used again, by servers that number all items 0, is another call's.
            if call is not None and item.get("call_id") in (None, "", call.id):
                return call
        return None

    def _give(self, call: _Call) -> Iterator[ToolCall]:
        if call.is_given:
            return
        arguments = call.arguments
        if not call.name:
            if arguments:
                raise ValueError(f"a tool call without a name, its arguments {arguments!r:.80}")
            return
        call.is_given = True
        id = call.id or f"call_{len(self._given)}"
        if id in self._given:  # repeated by the final event
            return
        self._given.add(id)
        data = ProviderData(self._provider, "function_call", call.kept) if call.kept else None
        yield ToolCall(id, call.name, arguments, provider_data=(data,) if data else ())


class _Call:
    def __init__(self) -> None:
        self.id = self.name = ""
        self.pieces: list[str] = []
        self.kept: dict[str, Any] = {}
        self.is_given = False
        self._complete = ""  # the arguments at once, which count before the pieces

    @property
    def arguments(self) -> str:
        return self._complete or "".join(self.pieces)

    def says(self, other: _Call) -> bool:
        """Whether it has the name and the arguments of *other*."""
        return self.name == other.name and _parsed(self.arguments) == _parsed(other.arguments)

    def take(self, item: Mapping[str, Any]) -> None:
        """What an item, or the end of its arguments, says of the call."""
        self.id = item.get("call_id") or self.id
        self.name = item.get("name") or self.name
        for name in CALLS.values():
            if item.get(name):
                self._complete = fields.object_text(item[name])
        if item.get("type") in CALLS:
            self.id = self.id or item.get("id") or ""
            self.kept |= {
                name: value
                for name, value in item.items()
                if name not in _READ and value is not None and (name, value) != _USUAL
            }


_USUAL = ("type", "function_call")


def _parsed(arguments: str) -> Any:
    """Arguments as a value: what is written otherwise is the same."""
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


def _keys(item: Mapping[str, Any], event: Mapping[str, Any]) -> list[Any]:
    keys = [event.get("output_index"), event.get("item_id") or item.get("id")]
    return [key for key in keys if key is not None and key != ""]

"""Calls of tools that come one after the other, complete or in pieces: Gemini's and Ollama's.

Facts, from google-genai 3.6 (``types.FunctionCall``, ``types.PartialArg``) and
from recorded answers of Vertex AI:

* A call in pieces begins with its name and ``willContinue: true``.  Each further
  piece has ``partialArgs`` and no name; the last one lacks ``willContinue`` and
  may be ``{}``.
* A partial argument is a value at a ``jsonPath`` (RFC 9535) such as
  ``$.foo.bar[0].data``; the strings of one path belong together.

Ollama's calls are complete; gateways that translate OpenAI's send arguments as
pieces of JSON text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..events import ProviderData, ToolCall
from . import fields

MAX_SKIPPED = 1000  # elements of an array that no piece named; they are null


class FunctionCalls:
    """The calls of one answer; ``is_open`` while pieces of one are still to come.

    ``provider`` is who gets back a call's own id and its signature; ``""`` nobody.
    """

    def __init__(self, provider: str = "") -> None:
        self.provider = provider
        self._count = 0  # of the calls given
        self._open: _Call | None = None

    def __bool__(self) -> bool:
        return self._count > 0 or self.is_open

    @property
    def is_open(self) -> bool:
        return self._open is not None

    def add(
        self,
        id: Any,
        name: Any,
        arguments: Any,
        *,
        partial: Sequence[Mapping[str, Any]] = (),
        signature: Any = None,
        continues: bool = False,
    ) -> Iterator[ToolCall]:
        """Take a call or the next piece of one, and give what it completes.

        *arguments* are an object or JSON text, *partial* Gemini's partial
        arguments.  What has arguments and no name is a ``ValueError``, and so is
        a partial argument that can't be read.
        """
        id, name = id or "", name or ""
        call = self._open
        if call is not None and name and not (id and id == call.id):
            yield from self.complete()
            call = None
        if call is None:
            call = self._open = _Call()
        call.id = call.id or id
        call.name = call.name or name
        call.signature = signature or call.signature
        call.add(arguments)
        for piece in partial:
            put(call.arguments, json_path(piece["jsonPath"]), piece)
        if not continues:
            yield from self.complete()

    def complete(self) -> Iterator[ToolCall]:
        """The call under way; its end is known, though no piece may have said so."""
        call, self._open = self._open, None
        if call is None:
            return
        if call.name:
            id = call.id or f"call_{self._count}"
            yield ToolCall(id, call.name, call.text(), provider_data=self._wanted_back(call))
            self._count += 1
        elif call.arguments:
            raise ValueError(f"a call without a name, its arguments {call.text()!r:.80}")
        else:
            fields.left_out("a call without anything", {})

    def _wanted_back(self, call: _Call) -> tuple[ProviderData, ...]:
        known = {"id": call.id, "thoughtSignature": call.signature}
        data = {name: value for name, value in known.items() if value}
        return (ProviderData(self.provider, "call", data),) if data and self.provider else ()


class _Call:
    def __init__(self) -> None:
        self.id = self.name = ""
        self.signature: Any = None
        self.arguments: Any = {}

    def add(self, given: Any) -> None:
        if isinstance(given, Mapping) and isinstance(self.arguments, dict):
            self.arguments.update(given)
        elif isinstance(given, str) and isinstance(self.arguments, str):
            self.arguments += given
        elif given:
            self.arguments = given

    def text(self) -> str:
        given = self.arguments
        return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


_STEP = re.compile(
    r"""\.(?P<name>[^.*\[\]\s]+) | \[\s*(?P<index>[0-9]{1,6})\s*\]
    | \[\s*"(?P<double>(?:[^"\\]|\\.)*)"\s*\] | \[\s*'(?P<single>(?:[^'\\]|\\.)*)'\s*\]""",
    re.VERBOSE,
)


def json_path(text: str) -> list[str | int]:
    """The names and indexes of a singular query (RFC 9535, 2.3.5.1); ``ValueError`` for others."""
    steps: list[str | int] = []
    at = 1
    while text.startswith("$") and (found := _STEP.match(text, at)):
        if found["index"] is not None:
            steps.append(int(found["index"]))
        elif found["name"] is not None:
            steps.append(found["name"])
        else:
            quoted = found["double"]
            if quoted is None:
                # To JSON's rules, where the other quotation mark is the one to escape.
                quoted = re.sub(r"\\.|\"", _requoted, found["single"])
            steps.append(json.loads(f'"{quoted}"'))
        at = found.end()
    if not steps or at != len(text):
        raise ValueError(f"expected a JSON path such as $.a[0], got {text!r:.80}")
    return steps


def _requoted(found: re.Match[str]) -> str:
    return {'"': '\\"', "\\'": "'"}.get(found[0], found[0])


def put(root: Any, path: list[str | int], piece: Mapping[str, Any]) -> None:
    """Put the value of *piece* at *path* below *root*; a string goes behind the one there."""
    holder = root
    for step, following in pairwise(path):
        inner = _get(holder, step)
        if inner is None:
            inner = [] if isinstance(following, int) else {}
            _set(holder, step, inner)
        holder = inner
    before = _get(holder, path[-1])
    for name, read in _VALUES.items():
        if name in piece:
            value = read(piece[name])
            if isinstance(before, str) and isinstance(value, str):
                value = before + value
            _set(holder, path[-1], value)


def _number(value: Any) -> Any:
    """A double on the wire, where a whole one may be written ``3`` or ``3.0``."""
    number = json.loads(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise TypeError(f"expected a number, got {value!r:.80}")
    return int(number) if isinstance(number, float) and number.is_integer() else number


_VALUES: Mapping[str, Any] = {
    "stringValue": fields.text,
    "numberValue": _number,
    "boolValue": lambda value: value in (True, "true"),
    "nullValue": lambda _: None,
}


def _get(holder: Any, step: str | int) -> Any:
    if isinstance(holder, list) and isinstance(step, int):
        return holder[step] if step < len(holder) else None
    if isinstance(holder, dict) and isinstance(step, str):
        return holder.get(step)
    raise ValueError(f"a partial argument at {step!r} of what is {type(holder).__name__}")


def _set(holder: Any, step: Any, value: Any) -> None:
    if isinstance(holder, list):
        if step > len(holder) + MAX_SKIPPED:
            raise ValueError(f"a partial argument at {step}, behind {len(holder)} others")
        holder.extend([None] * (step + 1 - len(holder)))
    holder[step] = value

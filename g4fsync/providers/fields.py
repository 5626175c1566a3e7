"""Fields of foreign JSON whose shape can't be relied on.

Gateways write a text as a number or a list of parts, and side fields (usage,
log-probabilities, annotations ...) as anything at all.  A text is read in any
shape; a side field of another shape is left out with a DEBUG line, since it
must not cost the answer.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

log = logging.getLogger("g4fsync.providers")

_NOTHING: Mapping[str, Any] = {}


def left_out(name: str, value: object) -> None:
    """Say in the log that the field *name* was not read; never its value, which may be private."""
    log.debug("left out: %s of type %s", name, type(value).__name__)


def mapping(value: Any, name: str) -> Mapping[str, Any]:
    """*value* when it is an object, else an empty one."""
    if isinstance(value, Mapping):
        return value
    if value is not None:
        left_out(name, value)
    return _NOTHING


def mappings(value: Any, name: str) -> Iterator[Mapping[str, Any]]:
    """The objects in a list, or the one that stands there without a list."""
    if isinstance(value, Mapping):
        yield value
    elif isinstance(value, list):
        for each in value:
            if isinstance(each, Mapping):
                yield each
            else:
                left_out(name, each)
    elif value is not None:
        left_out(name, value)


def text(value: Any) -> str:
    """An answer's text in any shape that servers give it.

    A number (a token of digits that a JavaScript server took for one) and an
    object (an answer in JSON mode) are their JSON; of a list the texts and text
    parts count, parts of other kinds say nothing; ``null`` is no text.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list):
        return "".join(_text_part(part) for part in value)
    return _text_part(value)


def _text_part(part: Any) -> str:
    if isinstance(part, Mapping) and isinstance(part.get("type"), str):
        if "text" in part:
            return text(part["text"])
        left_out(f"part {part['type']!r:.40}", part)
        return ""
    return part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)


def thought(value: Any, name: str) -> str:
    """Reasoning: a text, a number, or a list of text parts; any other shape is left out."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float | list) and not isinstance(value, bool):
        return text(value)
    if value is not None:
        left_out(name, value)
    return ""


def word(value: Any, name: str) -> str:
    """A word such as a finish reason; ``""`` for none, which some servers write ``"null"``."""
    if isinstance(value, str):
        return "" if value == "null" else value
    if value is not None:
        left_out(name, value)
    return ""


def total(*counts: int | None) -> int | None:
    """The sum of *counts* when all are known."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def object_text(value: Any) -> str:
    """The arguments of a call as JSON text; servers give an object, or the text itself."""
    if isinstance(value, str):
        return value
    return json.dumps({} if value is None else value, ensure_ascii=False)

"""Fields of foreign JSON whose shape can't be relied on.

Gateways write a text as a number or a list of parts, and side fields (usage,
log-probabilities, annotations ...) as anything at all.  A text is read in any
shape; a side field of another shape is left out with a DEBUG line, since it
must not cost the answer.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

log = logging.getLogger("g4fsync.providers")

_NOTHING: Mapping[str, Any] = {}


def left_out(name: str, value: object) -> None:
    """Say in the log that the field *name* was not read; never its value, which may be private."""
    log.debug("left out: %s of type %s", name, type(value).__name__)


def mapping(value: Any, name: str) -> Mapping[str, Any]:
    """*value* when it is an object, else an empty one."""
    if value.__class__ is dict or isinstance(value, Mapping):  # an ABC is slow to ask
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


def objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """The events in what is none itself: ``null`` says nothing, a list may hold some."""
    for each in value if isinstance(value, list) and value else (value,):
        if isinstance(each, Mapping):
            yield each
        elif each is not None:
            raise TypeError(f"expected an object, got {each!r:.80}")


def text(value: Any) -> str:
    """An answer's text in any shape that servers give it.

    A number (a token of digits that a JavaScript server took for one) and an
    object or a list (an answer in JSON mode) are their JSON; of a list of parts
    the texts count, parts of other kinds say nothing; ``null`` is no text.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list) and all(map(is_part, value)):
        return "".join(map(_text_part, value))
    if isinstance(value, Mapping) and value.get("type") == "text" and "text" in value:
        return text(value["text"])
    return json.dumps(value, ensure_ascii=False)


def is_part(value: Any) -> bool:
    """Whether *value* is one part of a content: a text, or an object of a type or with a text."""
    if isinstance(value, Mapping):
        return isinstance(value.get("type"), str) or isinstance(value.get("text"), str)
    return isinstance(value, str)


def _text_part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if "text" not in part:
        left_out(f"part {part['type']!r:.40}", part)
    return text(part.get("text"))


def thought(value: Any, name: str) -> str:
    """Reasoning: a text, a number, or a list of text parts; any other shape is left out."""
    if isinstance(value, str):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number or (isinstance(value, list) and all(map(is_part, value))):
        return text(value)
    if value is not None:
        left_out(name, value)
    return ""


def part_thought(part: Mapping[str, Any]) -> str:
    """What a part of the type ``thinking`` (Mistral) or ``reasoning`` (Databricks) says."""
    for name in ("thinking", "reasoning", "text", "summary", "content"):
        if part.get(name) and (text := thought(part[name], name)):
            return text
    return ""


def is_thought(part: Any) -> bool:
    """Whether *part* of a content is a thought."""
    return isinstance(part, Mapping) and part.get("type") in ("thinking", "reasoning")


def word(value: Any, name: str) -> str:
    """A word such as a finish reason; ``""`` for none, which some servers write ``"null"``.

    One in an object (``{"type": "stop", "matched": 2}``, SGLang) counts as well.
    """
    if isinstance(value, Mapping) and isinstance(value.get("type"), str):
        value = value["type"]
    if isinstance(value, str):
        return "" if value == "null" else value
    if value is not None:
        left_out(name, value)
    return ""


def total(*counts: int | None) -> int | None:
    """The sum of *counts* when all are known."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


_decode = json.JSONDecoder().raw_decode
_BLANKS = re.compile(r"[ \t\r\n]*")


def said_once(text: str) -> str:
    """A call's arguments where *text* says them more than once.

    Some servers begin with ``{}`` and then send the arguments (Bedrock behind
    gateways), some send the whole once more.  Any other text stays as it is.
    """
    said: tuple[dict[str, Any], str] | None = None
    count = at = 0
    try:
        while at < len(text):
            value, end = _decode(text, at)
            if not isinstance(value, dict) or (said and value and value != said[0]):
                return text
            if value:
                said = value, text[at:end]
            count += 1
            blanks = _BLANKS.match(text, end)
            at = blanks.end() if blanks else end
    except (ValueError, RecursionError):
        return text
    if count < 2:
        return text
    return said[1] if said else "{}"


def object_text(value: Any) -> str:
    """The arguments of a call as JSON text; servers give an object, or the text itself."""
    if isinstance(value, str):
        return value
    return json.dumps({} if value is None else value, ensure_ascii=False)

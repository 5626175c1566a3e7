"""Types of msgspec: its structs, tagged or not."""

from __future__ import annotations

import re
import sys
from typing import Any

from ..errors import InvalidRequest
from .misfit import MISSING, Misfit, Path
from .records import Foreign

_PLACE = re.compile(r"^(?P<problem>.*?)(?: - at `(?P<key>key in )?\$(?P<path>.*)`)?$", re.DOTALL)
_EXPECTED = re.compile(r"Expected (?P<expected>.+?), got .+", re.DOTALL)
_STEP = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]|(?P<other>\[\.\.\.\])")


def kind(annotation: Any, where: str) -> Foreign:
    """The kind of *annotation*; msgspec makes its schema and reads its values."""
    msgspec: Any = sys.modules["msgspec"]  # whose type it is has imported it
    from_json = sys.modules.get("msgspec.json") or msgspec.json
    try:
        (schema,), inner = from_json.schema_components([annotation], ref_template="#/$defs/{name}")
    except TypeError as exc:
        raise InvalidRequest(f"{where}: msgspec can't say it as a JSON schema: {exc}") from exc

    def read(value: Any, path: Path) -> Any:
        try:
            return msgspec.convert(value, annotation, builtin_types=())
        except msgspec.ValidationError as exc:
            raise _misfit(str(exc), value, path) from exc

    return Foreign(annotation.__name__, {**schema, "$defs": inner}, read)


def _misfit(message: str, value: Any, path: Path) -> Misfit:
    """msgspec's message, which ends with the place as a JSON path."""
    found = _PLACE.match(message)
    problem, place = (found["problem"], found["path"] or "") if found else (message, "")
    steps: list[Any] = []
    for step in _STEP.finditer(place):
        if step["other"]:
            break  # msgspec does not say which member of a mapping
        steps.append(int(step["index"]) if step["index"] else step["name"])
    missing = re.search(r"missing required field `(.+)`", problem)
    if missing:
        return Misfit((*path, *steps, missing[1]), "a value", MISSING)
    expected = _EXPECTED.match(problem)
    words = _words(expected["expected"]) if expected else f"a valid value ({problem})"
    for each in steps:  # msgspec has just gone this way
        value = value[each]
    return Misfit((*path, *steps), words, value)


_WORDS = {
    "int": "an integer",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
}


def _words(expected: str) -> str:
    """What msgspec expects, in the words used elsewhere: of one type, or of ``int | null``."""
    names = expected.strip("`").split(" | ")
    return " or ".join(_WORDS.get(name, name.replace("`", "")) for name in names)

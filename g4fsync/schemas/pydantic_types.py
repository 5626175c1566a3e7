"""Types of pydantic 2: models, its dataclasses, and types that say its core schema."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from ..errors import InvalidRequest
from .misfit import MISSING, Misfit, Path
from .records import Foreign


def kind(annotation: Any, where: str) -> Foreign:
    """The kind of *annotation*; pydantic makes its schema and reads its values."""
    pydantic: Any = sys.modules["pydantic"]  # whose type it is has imported it
    try:
        adapter = pydantic.TypeAdapter(annotation)
        schema = adapter.json_schema(ref_template="#/$defs/{model}")
    except pydantic.PydanticUserError as exc:
        raise InvalidRequest(f"{where}: pydantic can't say it as a JSON schema: {exc}") from exc

    def read(value: Any, path: Path) -> Any:
        try:
            # As from JSON, in which a date or an enum is a string: also where a model is strict.
            return adapter.validate_json(json.dumps(value))
        except pydantic.ValidationError as exc:
            first = exc.errors(include_url=False, include_context=False)[0]
            got = MISSING if first["type"] == "missing" else first["input"]
            place = (*path, *_path(value, first["loc"]))
            raise Misfit(place, f"what pydantic takes ({first['msg']})", got) from exc

    return Foreign(getattr(annotation, "__name__", str(annotation)), schema, read)


def _path(value: Any, location: Sequence[str | int]) -> Path:
    """The steps of pydantic's *location* that are in *value*: it also names types of unions."""
    path: list[str | int] = []
    for number, step in enumerate(location):
        is_member = isinstance(value, dict) and step in value
        is_item = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if is_member or is_item:
            value = value[step]
            path.append(step)
        elif number == len(location) - 1 and isinstance(value, dict):
            path.append(step)  # what is missing
    return tuple(path)

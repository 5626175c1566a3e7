"""A JSON schema in few words: ``name, age int, bio: a sentence``.

The short form is that of the ``llm`` command line: names with an optional type, and an
optional description after a colon, between commas or on lines of their own.
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import InvalidRequest

_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_FIELD = re.compile(r"(?P<name>[\w-]+)(\s+(?P<type>\w+))?\s*(:\s*(?P<description>.*))?", re.DOTALL)


def schema_from(text: str) -> dict[str, Any]:
    """The schema of an object with the fields that *text* names, all of them required.

    ``InvalidRequest`` for what is no such list.
    """
    separator = "\n" if "\n" in text.strip() else ","
    properties: dict[str, Any] = {}
    for part in filter(None, map(str.strip, text.split(separator))):
        found = _FIELD.fullmatch(part)
        kind = (found["type"] or "str") if found else ""
        if found is None or kind not in _TYPES:
            raise InvalidRequest(
                f"schema: expected a name and a type ({', '.join(_TYPES)}), got {part!r:.80}"
            )
        description = (found["description"] or "").strip()
        described = {"description": description} if description else {}
        properties[found["name"]] = {"type": _TYPES[kind], **described}
    if not properties:
        raise InvalidRequest("schema: expected names of fields, such as 'name, age int'")
    return {"type": "object", "properties": properties, "required": [*properties]}

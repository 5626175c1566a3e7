"""Tools and answer formats in the words of Google's Gemini API.

Facts, from google-genai 3.6 and the API's reference (Nov 2026): a JSON schema goes
into ``parametersJsonSchema`` and ``responseJsonSchema``; ``parameters`` and
``responseSchema`` are for a subset of OpenAPI's, and refuse ``additionalProperties``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import formats, tooldefs

# Of a function; `parameters` is OpenAI's name for one of them.
_FUNCTION_FIELDS = frozenset(
    {"name", "description", "parameters", "parametersJsonSchema", "behavior"}
    | {"response", "responseJsonSchema"}
)


def tools(offered: Sequence[Mapping[str, Any]], provider: str) -> list[Mapping[str, Any]]:
    """All functions as one tool, and beside it the tools in Gemini's own shape."""
    own = [tool for tool in offered if _is_own(tool)]
    declared = [
        _declaration(each, f"tools[{i}]", provider)
        for i, each in enumerate(offered)
        if not _is_own(each)
    ]
    return [*([{"functionDeclarations": declared}] if declared else []), *own]


def _is_own(tool: Mapping[str, Any]) -> bool:
    """Whether it looks like ``{"googleSearch": {}}``."""
    return bool(tool) and all(
        name != "function" and isinstance(value, Mapping | list) for name, value in tool.items()
    )


def _declaration(tool: Mapping[str, Any], place: str, provider: str) -> dict[str, Any]:
    fields = tooldefs.function_fields(tool, place, _FUNCTION_FIELDS, provider)
    schema = fields.pop("parameters", None)
    if schema:
        # Types in capitals are Gemini's own subset of OpenAPI, which has a field of its own.
        is_own = isinstance(schema, Mapping) and str(schema.get("type", "")).isupper()
        fields["parameters" if is_own else "parametersJsonSchema"] = schema
    return fields


def tool_choice(value: str | Mapping[str, Any], provider: str) -> Mapping[str, Any]:
    """A ``functionCallingConfig``, from OpenAI's words or as it is."""
    if isinstance(value, Mapping) and "mode" in value:
        return dict(value)
    mode, names = tooldefs.tool_choice(value, provider)
    if names:
        # In the mode AUTO no names may be given.
        only = "ANY" if mode == "required" else "VALIDATED"
        return {"mode": only, "allowedFunctionNames": list(names)}
    return {"mode": {"auto": "AUTO", "none": "NONE", "required": "ANY"}[mode]}


def answer_format(response_format: str | Mapping[str, Any], provider: str) -> dict[str, Any]:
    """The part of a ``generationConfig`` that says which form the answer has."""
    wanted = formats.answer_format(response_format)
    schema = wanted.schema(provider)
    if wanted.kind == "text":
        return {}
    json_only = {"responseMimeType": "application/json"}
    return {**json_only, "responseJsonSchema": schema} if schema else json_only

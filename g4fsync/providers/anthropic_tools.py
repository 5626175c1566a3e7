"""Tools and answer formats in the words of Anthropic's Messages API.

The fields are those of anthropic-sdk-python 2.14 (Nov 2026), ``tool_param`` and
``output_config_param``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidRequest
from . import formats, tooldefs

# Of a tool; the field `input_schema` by OpenAI's name for it.
_TOOL_FIELDS = frozenset(
    {
        "name",
        "description",
        "parameters",
        "strict",
        "cache_control",
        "allowed_callers",
        "defer_loading",
        "eager_input_streaming",
        "input_examples",
    }
)


def tool(tool: Mapping[str, Any], place: str, provider: str) -> Mapping[str, Any]:
    """One tool; one in the protocol's own shape (``web_search_20250305``) goes out as it is."""
    is_own = "input_schema" in tool or tool.get("type", "function") not in ("function", "custom")
    if is_own:
        return dict(tool)
    fields = tooldefs.function_fields(tool, place, _TOOL_FIELDS, provider)
    schema = fields.pop("parameters", None) or {"type": "object", "properties": {}}
    return {"name": fields.pop("name"), "input_schema": schema, **fields}


def tool_choice(value: str | Mapping[str, Any], provider: str) -> Mapping[str, Any]:
    """The choice, as OpenAI or as Anthropic has it."""
    if isinstance(value, Mapping) and value.get("type") in ("auto", "any", "tool", "none"):
        return dict(value)
    mode, names = tooldefs.tool_choice(value, provider)
    if not names:
        return {"type": "any" if mode == "required" else mode}
    if mode == "auto" or len(names) > 1:
        raise InvalidRequest(
            f"option tool_choice: {provider} has no 'allowed_tools'; "
            "give only those tools, or the name of one"
        )
    return {"type": "tool", "name": names[0]}


def output_format(response_format: Any, provider: str) -> dict[str, Any]:
    """The part of a body that asks for an answer by a schema; there is no JSON without one."""
    if response_format is None:
        return {}
    wanted = formats.answer_format(response_format)
    schema = wanted.schema(provider)
    if wanted.kind == "text":
        return {}
    if schema is None:
        raise InvalidRequest(f"{provider}: option response_format needs a JSON schema")
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}

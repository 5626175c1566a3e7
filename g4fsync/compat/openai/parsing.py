"""Answers read into the caller's types: ``parse``, and the tools and formats it asks with.

What the API wants of a strict schema is from OpenAI's guide to structured outputs: every
property required, no others, no ``default: null``, a ``$ref`` alone in its object.
pydantic is the caller's: it is imported only when one of its types is given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .arguments import is_given
from .errors import ContentFilterFinishReasonError, LengthFinishReasonError
from .types.chat.parsed_chat_completion import ParsedChatCompletion


class ModelTool(dict[str, Any]):
    """The ``function`` of a tool made of a pydantic *model*, which reads its arguments."""

    def __init__(self, members: Mapping[str, Any], model: type[Any]) -> None:
        super().__init__(members)
        self.model = model


def pydantic_function_tool(
    model: type[Any], *, name: str | None = None, description: str | None = None
) -> dict[str, Any]:
    """A strict function tool whose parameters are the members of a pydantic *model*."""
    members: dict[str, Any] = {
        "name": name or model.__name__,
        "strict": True,
        "parameters": strict_schema(model),
    }
    description = model.__doc__ if description is None else description
    if description is not None:
        members["description"] = description
    return {"type": "function", "function": ModelTool(members, model)}


def response_format(wanted: Any) -> Any:
    """The ``response_format`` to send for *wanted*: a model's schema, anything else as it is."""
    if not is_given(wanted) or isinstance(wanted, Mapping):
        return wanted
    return {
        "type": "json_schema",
        "json_schema": {"schema": strict_schema(wanted), "name": wanted.__name__, "strict": True},
    }


def strict_schema(kind: type[Any]) -> dict[str, Any]:
    """The JSON schema of a pydantic model or dataclass, as strict as the API wants it."""
    schema = getattr(kind, "model_json_schema", None)
    if schema is not None:
        found = schema()
    elif hasattr(kind, "__pydantic_config__"):
        found = adapter(kind).json_schema()
    else:
        raise TypeError(f"Unsupported response_format type - {kind}")
    strict: dict[str, Any] = _strict(found, found)
    return strict


def adapter(kind: type[Any]) -> Any:
    """What reads a type that is no pydantic model."""
    from importlib import import_module  # a package of the caller's

    return import_module("pydantic").TypeAdapter(kind)


def _strict(schema: Any, root: Mapping[str, Any]) -> Any:
    if not isinstance(schema, dict):
        return schema
    _make_inner_strict(schema, root)
    if schema.get("type") == "object":
        schema.setdefault("additionalProperties", False)
    if isinstance(schema.get("properties"), dict):
        schema["required"] = list(schema["properties"])
    if len(schema.get("allOf", ())) == 1:
        schema.update(schema.pop("allOf")[0])
    if "default" in schema and schema["default"] is None:
        del schema["default"]
    if "$ref" in schema and len(schema) > 1:
        # Nothing may stand beside a reference, so what it refers to takes its place.
        target: Any = root
        for key in schema.pop("$ref").removeprefix("#/").split("/"):
            target = target[key]
        return _strict({**target, **schema}, root)
    return schema


def _make_inner_strict(schema: dict[str, Any], root: Mapping[str, Any]) -> None:
    for name in ("$defs", "definitions", "properties"):
        if isinstance(schema.get(name), dict):
            schema[name] = {key: _strict(each, root) for key, each in schema[name].items()}
    if isinstance(schema.get("items"), dict):
        schema["items"] = _strict(schema["items"], root)
    for name in ("anyOf", "allOf"):
        if isinstance(schema.get(name), list):
            schema[name] = [_strict(each, root) for each in schema[name]]


def checked_tools(tools: Any) -> None:
    """``ValueError`` for tools whose arguments can't be read by themselves."""
    for tool in tools if is_given(tools) and tools is not None else ():
        if tool["type"] != "function":
            raise ValueError(
                "Currently only `function` tool types support auto-parsing; "
                f"Received `{tool['type']}`"
            )
        if tool["function"].get("strict") is not True:
            raise ValueError(
                f"`{tool['function']['name']}` is not strict. "
                "Only `strict` function tools can be auto-parsed"
            )


def has_parser(wanted: Any, tools: Any) -> bool:
    """Whether something of an answer is to be read: its text, or arguments of its calls."""
    is_type = is_given(wanted) and not isinstance(wanted, Mapping)
    given = tools if is_given(tools) and tools is not None else ()
    return is_type or any((each.get("function") or {}).get("strict") for each in given)


def parsed(completion: Any, wanted: Any, tools: Any) -> ParsedChatCompletion[Any]:
    """*completion* with its text and arguments read.

    Raises ``LengthFinishReasonError`` and ``ContentFilterFinishReasonError``, and what the
    type raises for an answer that does not fit.
    """
    for choice in completion.choices:
        if choice.finish_reason == "length":
            raise LengthFinishReasonError(completion=completion)
        if choice.finish_reason == "content_filter":
            raise ContentFilterFinishReasonError(completion=completion)
    value = completion.to_dict()
    for choice in value["choices"]:
        message = choice["message"]
        message["parsed"] = content(wanted, message)
        calls = [
            {**call, "function": {**call["function"], "parsed_arguments": arguments(call, tools)}}
            for call in message.get("tool_calls") or ()
            if call.get("type") == "function"
        ]
        message["tool_calls"] = calls or None
    found: ParsedChatCompletion[Any] = ParsedChatCompletion.of(value)
    object.__setattr__(found, "_request_id", completion._request_id)
    return found


def content(wanted: Any, message: Mapping[str, Any]) -> Any:
    """The text of a message as the type *wanted*; ``None`` where there is none."""
    if not is_given(wanted) or isinstance(wanted, Mapping):
        return None
    text = message.get("content")
    if not text or message.get("refusal"):
        return None
    validate = getattr(wanted, "model_validate_json", None)
    return validate(text) if validate else adapter(wanted).validate_json(text)


def arguments(call: Mapping[str, Any], tools: Any) -> Any:
    """The arguments of a *call* as the tool's model, or as JSON for another strict tool."""
    function = call["function"]
    for tool in tools if is_given(tools) and tools is not None else ():
        offered = tool.get("function") or {}
        if offered.get("name") != function["name"]:
            continue
        if isinstance(offered, ModelTool):
            return offered.model.model_validate_json(function["arguments"])
        return json.loads(function["arguments"]) if offered.get("strict") else None
    return None

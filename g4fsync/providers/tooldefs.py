"""Tools that a model may call, and which it must call, in OpenAI's words.

A tool is ``{"type": "function", "function": {"name": ...}}``; a provider puts its
fields into the words of its own protocol.  A field that the protocol does not have
is an ``InvalidRequest`` that names it, never dropped.  A tool in a protocol's own
shape (``{"type": "web_search_20250305", ...}``, ``{"googleSearch": {}}``) is the
provider's to recognize, and goes out as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from ..errors import InvalidRequest

Mode: TypeAlias = Literal["auto", "none", "required"]
_MODES: tuple[Mode, ...] = get_args(Mode)


class ToolChoice(NamedTuple):
    """Whether the model may or must call a tool, and which ones are open to it.

    ``names`` is empty when all are.
    """

    mode: Mode
    names: tuple[str, ...] = ()


def is_function(tool: Any) -> bool:
    """Whether *tool* has OpenAI's shape of a function."""
    return (
        isinstance(tool, Mapping)
        and tool.get("type", "function") == "function"
        and _is_named(tool.get("function"))
    )


def checked_function(tool: Any, place: str) -> Mapping[str, Any]:
    """*tool*, which must have OpenAI's shape of a function; *place* is for the message."""
    if not is_function(tool):
        raise InvalidRequest(
            f'{place} must be {{"type": "function", "function": {{"name": ...}}}}, got {tool!r:.80}'
        )
    function: Mapping[str, Any] = tool
    return function


def function_fields(tool: Any, place: str, known: Collection[str], provider: str) -> dict[str, Any]:
    """The fields of a function tool: its function's, and those that stand beside it.

    ``InvalidRequest`` names one that is not *known*.  ``None`` says nothing, and so
    does ``strict: False``, which is how a protocol without the field behaves.
    """
    tool = checked_function(tool, place)
    beside = {name: value for name, value in tool.items() if name not in ("type", "function")}
    fields: dict[str, Any] = {}
    for where, given in ((f"{place}.function", tool["function"]), (place, beside)):
        for name, value in given.items():
            if value is None or (name == "strict" and not value and name not in known):
                continue
            if name not in known:
                raise InvalidRequest(
                    f"{where}: {provider} has no {name!r}; a tool takes {', '.join(sorted(known))}"
                )
            if fields.setdefault(name, value) != value:
                raise InvalidRequest(f"{where}.{name} is given twice, with different values")
    return fields


def openai_tools(tools: Sequence[Any]) -> list[dict[str, Any]]:
    """*tools* for OpenAI's own protocol: with all their fields, and of any type."""
    return [
        dict(tool)
        if isinstance(tool, Mapping) and tool.get("type", "function") != "function"
        else {"type": "function", **checked_function(tool, f"tools[{i}]")}
        for i, tool in enumerate(tools)
    ]


def tool_choice(value: str | Mapping[str, Any], provider: str) -> ToolChoice:
    """``auto``, ``none``, ``required``, OpenAI's mapping for one function, or for some."""
    for mode in _MODES:
        if value == mode:
            return ToolChoice(mode)
    if isinstance(value, Mapping):
        if set(value) <= {"type", "function"} and is_function(value):
            return ToolChoice("required", (_only_name(value, "tool_choice", provider),))
        if value.get("type") == "allowed_tools":
            return _allowed_tools(value.get("allowed_tools"), provider)
    raise InvalidRequest(
        "option tool_choice must be 'auto', 'none', 'required' or "
        f'{{"type": "function", "function": {{"name": ...}}}}, got {value!r:.80}'
    )


def _allowed_tools(value: Any, provider: str) -> ToolChoice:
    mode = value.get("mode") if isinstance(value, Mapping) else None
    tools = value.get("tools") if isinstance(value, Mapping) else None
    if mode not in ("auto", "required") or not isinstance(tools, Sequence) or not tools:
        raise InvalidRequest(
            'option tool_choice: allowed_tools must be {"mode": "auto" or "required", '
            f'"tools": [...]}}, got {value!r:.80}'
        )
    return ToolChoice(
        mode,
        tuple(
            _only_name(checked_function(tool, place), place, provider)
            for tool, place in (
                (tool, f"tool_choice.allowed_tools.tools[{i}]") for i, tool in enumerate(tools)
            )
        ),
    )


def _only_name(tool: Mapping[str, Any], place: str, provider: str) -> str:
    """The name in a reference to a function, which has nothing else."""
    name: str = function_fields(tool, place, ("name",), provider)["name"]
    return name


def _is_named(function: Any) -> bool:
    return isinstance(function, Mapping) and isinstance(function.get("name"), str)

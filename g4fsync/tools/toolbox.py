"""The tools of one question: functions that are called, and others that are only reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..errors import InvalidRequest
from ..events import ToolCall, ToolResult
from ..settings import is_count
from .functions import Tool

Approve: TypeAlias = "Callable[[ToolCall], bool | str]"
OnTool: TypeAlias = "Callable[[ToolResult], object]"
ToolErrors: TypeAlias = Literal["tell", "raise"]

MAX_ROUNDS = 8
PARALLEL_TOOLS = 4


@dataclass(frozen=True)
class Toolbox:
    """Functions by their names, and how they are to be called."""

    functions: Mapping[str, Tool]
    described: Sequence[Mapping[str, Any]]  # all tools, as providers take them
    max_rounds: int = MAX_ROUNDS
    approve: Approve | None = None
    parallel_tools: int = PARALLEL_TOOLS
    on_tool: OnTool | None = None
    tool_errors: ToolErrors = "tell"

    def calls(self, name: str) -> bool:
        """Whether a call of *name* is answered here: unknown names are, reported ones not."""
        return name in self.functions or name not in self._reported

    @property
    def _reported(self) -> set[str]:
        names = set(map(_name_in, self.described))
        return names - self.functions.keys()


def _name_in(tool: object) -> str:
    """The name of a tool in OpenAI's shape, ``""`` in any other."""
    function = tool.get("function") if isinstance(tool, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    return name if isinstance(name, str) else ""


def is_function(tool: object) -> bool:
    """Whether *tool* is one to be called."""
    return isinstance(tool, Tool) or (callable(tool) and not isinstance(tool, Mapping))


def toolbox_of(tools: object, settings: Mapping[str, Any]) -> Toolbox | None:
    """The toolbox for *tools*; ``None`` when none of them is a function.

    *settings* are the options that say how to call them; ``InvalidRequest`` for a wrong one.
    """
    if tools is None or isinstance(tools, str | Mapping) or not isinstance(tools, Iterable):
        return None
    given = list(tools)
    if not any(map(is_function, given)):
        return None
    functions: dict[str, Tool] = {}
    described: list[Mapping[str, Any]] = []
    for each in given:
        if not is_function(each):
            described.append(each)
            continue
        tool = each if isinstance(each, Tool) else Tool(each)
        if tool.name in functions:
            raise InvalidRequest(f"tools: two of them are called {tool.name!r}")
        functions[tool.name] = tool
        described.append(tool.as_dict())
    for name in functions:
        if [_name_in(each) for each in described].count(name) > 1:
            raise InvalidRequest(f"tools: two of them are called {name!r}")
    return Toolbox(functions, described, **_checked(settings))


def _checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in settings.items() if value is not None}
    if "max_rounds" in given and not is_count(given["max_rounds"]):
        raise InvalidRequest(f"max_rounds must be 1 or more, got {given['max_rounds']!r:.80}")
    for name in ("approve", "on_tool"):
        if name in given and not callable(given[name]):
            raise InvalidRequest(f"{name} must be a function, got {given[name]!r:.80}")
    if given.get("tool_errors", "tell") not in ("tell", "raise"):
        raise InvalidRequest(
            f"tool_errors must be 'tell' or 'raise', got {given['tool_errors']!r:.80}"
        )
    count = settings.get("parallel_tools", PARALLEL_TOOLS)
    if not (count is None or count is False or count == 0 or is_count(count)):
        raise InvalidRequest(
            f"parallel_tools must be a number of threads, or None for none, got {count!r:.80}"
        )
    return {**given, "parallel_tools": int(count or 0)}

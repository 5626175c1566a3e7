"""What a caller wants beyond one plain answer: a type, functions that are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidRequest
from ..schemas import AnswerType
from .toolbox import Toolbox, toolbox_of
from .typed import answer_type

REASK = 2  # how many more answers are asked for by default when one does not fit
_TOOL_SETTINGS = ("max_rounds", "approve", "parallel_tools", "on_tool", "tool_errors")


@dataclass(frozen=True)
class Wishes:
    """The type of the answer, and the tools that are called for it."""

    wanted: AnswerType | None = None
    reask: int = 0
    toolbox: Toolbox | None = None


def taken_from(
    options: Mapping[str, Any], *, calls_tools: bool = True
) -> tuple[Wishes | None, dict[str, Any]]:
    """The wishes among *options*, and the other options, which are the provider's.

    ``None`` when there are none.  Raises ``InvalidRequest`` for a wrong one, for settings
    without what they are about, and for functions where no tools are called.
    """
    rest = dict(options)
    settings = {name: rest.pop(name) for name in _TOOL_SETTINGS if name in rest}
    returns, reask = rest.pop("returns", None), rest.pop("reask", None)
    toolbox = toolbox_of(rest.get("tools"), settings)
    if toolbox is None:
        _refuse_alone(settings, "functions among the tools")
    elif not calls_tools:
        name = next(tool.name for tool in toolbox.functions.values())
        raise InvalidRequest(
            f"compare() and race() call no tools: give {name} to chat() or ask(), or "
            "describe it as a mapping and make its calls yourself"
        )
    else:
        rest["tools"] = list(toolbox.described)
    if returns is None:
        _refuse_alone({"reask": reask}, "returns=")
        return (Wishes(toolbox=toolbox) if toolbox else None), rest
    if reask is not None and (not isinstance(reask, int) or isinstance(reask, bool) or reask < 0):
        raise InvalidRequest(f"reask must be a whole number from 0, got {reask!r:.80}")
    wanted = answer_type(returns)
    return Wishes(wanted, REASK if reask is None else reask, toolbox), rest


def _refuse_alone(settings: Mapping[str, Any], missing: str) -> None:
    for name, value in settings.items():
        if value is not None:
            raise InvalidRequest(f"{name} says something about {missing}, and there is none")

"""Functions that a model may call, and questions that need more than one answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .wishes import Wishes

# The options that are not for the provider; functions may be among the tools.
_NAMES = frozenset(
    {"returns", "reask", "tools"}
    | {"max_rounds", "approve", "parallel_tools", "on_tool", "tool_errors"}
)


def wishes_in(
    options: Mapping[str, Any], returns: Any = None, *, calls_tools: bool = True
) -> tuple[Wishes | None, Mapping[str, Any]]:
    """What *options* want beyond one plain answer, and the options for the provider.

    ``None`` when there is nothing; then nothing is imported for it.  Raises
    ``InvalidRequest`` for a wrong one, see :func:`.wishes.taken_from`.
    """
    if returns is not None:
        options = {**options, "returns": returns}
    if _NAMES.isdisjoint(options):
        return None, options
    from .wishes import taken_from

    return taken_from(options, calls_tools=calls_tools)

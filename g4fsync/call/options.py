"""Options of a call that many providers share: their types, checked before anything is sent.

An option of a provider's own (OpenAssistant's ``typical_p``) passes unchecked;
whether a provider honours an option at all is for its ``options`` to say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from ..access.names import offer
from ..errors import InvalidRequest
from ..settings import Retry, Timeout

if TYPE_CHECKING:
    from ..events import ToolCall, ToolResult


class ChatOptions(TypedDict, total=False):
    """The options of the built-in providers, for editors and type checkers.

    What a provider does not honour is refused when it is asked.
    """

    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    stop: str | Sequence[str] | None
    seed: int | None
    tools: Sequence[Any] | None  # functions, Tool objects, mappings
    tool_choice: str | Mapping[str, Any] | None
    response_format: str | Mapping[str, Any] | None
    reasoning_effort: str | None
    extra_body: Mapping[str, Any] | None
    extra_headers: Mapping[str, str] | None
    # How an answer of a type is asked for, and how functions among the tools are called:
    reask: int | None
    max_rounds: int | None
    approve: Callable[[ToolCall], bool | str] | None
    parallel_tools: int | None
    on_tool: Callable[[ToolResult], object] | None
    tool_errors: Literal["tell", "raise"] | None
    # Of Open-Assistant's servers:
    top_k: int | None
    typical_p: float | None
    repetition_penalty: float | None
    max_new_tokens: int | None


class TypedOptions(ChatOptions, total=False):
    """What ``compare()`` and ``race()`` take too: the type of the answers."""

    returns: Any


class MapOptions(TypedOptions, total=False):
    """What else each prompt of a ``map()`` may be asked with; see ``chat()``."""

    provider: Any
    system: str | None
    retry: Retry | int | None
    proxy: str | None
    cookies: Any
    api_key: str | None


class BatchOptions(MapOptions, total=False):
    """What else the rows of a ``batch()`` may be asked with.

    ``timeout`` is for each call.  ``prices``: dollars for a million tokens sent, and
    received, by model.  ``retry_errors`` (false) asks rows again whose line is an error;
    ``on_error`` is ``"keep"`` (an error is a line, and the others go on) or ``"stop"``.
    ``row_attempts`` (3) is how often a row is asked whose answer was cut short; what
    failed before it is tried as ``retry`` says.
    """

    timeout: Timeout | float | None
    prices: Mapping[str, tuple[float, float]] | None
    retry_errors: bool
    on_error: Literal["keep", "stop"]
    row_attempts: int


class AskOptions(ChatOptions, total=False):
    """What else ``chat()`` and ``ask()`` take, beside ``messages`` and ``returns``."""

    model: str | None
    provider: Any
    system: str | None
    images: Sequence[Any] | None
    timeout: Timeout | float | None
    retry: Retry | int | None
    proxy: str | None
    cookies: Any
    api_key: str | None


def checked(options: Mapping[str, Any], allowed: Collection[str], provider: str) -> dict[str, Any]:
    """*options* without those that say nothing; ``InvalidRequest`` names the first bad one.

    Those are ``None``, and no tools in a list: most services refuse that.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if name not in allowed:
            raise InvalidRequest(
                f"{provider} has no option {name!r}; {offer(name, sorted(allowed), 'takes')}",
                provider=provider,
            )
        want, is_good = _TYPES.get(name, ("", None))
        if is_good is not None and not is_good(value):
            raise InvalidRequest(
                f"option {name} must be {want}, got {value!r:.80}", provider=provider
            )
    if "tools" in given and not given["tools"]:
        del given["tools"]
    return given


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_texts(value: object) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    )


def _is_mappings(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, Mapping) for each in value)


def _is_headers(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(k, str) and isinstance(v, str) for k, v in value.items()
    )


_TYPES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "temperature": ("a number from 0", lambda v: _is_number(v) and v >= 0),
    "top_p": ("a number from 0 to 1", lambda v: _is_number(v) and 0 <= v <= 1),
    "max_tokens": ("a whole number above 0", lambda v: _is_integer(v) and v > 0),
    "seed": ("a whole number", _is_integer),
    "stop": ("a str or a list of str", _is_texts),
    "tools": ("a list of mappings", _is_mappings),
    "tool_choice": ("a str or a mapping", lambda v: isinstance(v, str | Mapping)),
    "response_format": ("a mapping, 'json' or 'text'", lambda v: isinstance(v, str | Mapping)),
    "reasoning_effort": ("a str", lambda v: isinstance(v, str)),
    "extra_body": ("a mapping", lambda v: isinstance(v, Mapping)),
    "extra_headers": ("a mapping of str to str", _is_headers),
}

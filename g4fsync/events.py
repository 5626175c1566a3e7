"""What an answer is made of: typed events, each a frozen value.

A provider yields plain ``str`` for answer text and these objects for anything
else; :meth:`ChatStream.events` gives text as :class:`Text` too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .errors import Attempt as Attempt, ProtocolError
from .frozen import frozen_answer, frozen_object, nothing


@dataclass(frozen=True, slots=True)
class Text:
    """The next piece of the answer, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The next piece of what the model thinks aloud; not part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ProviderData:
    """Something a provider wants back, unchanged, with the answer it belongs to.

    Signed or encrypted thoughts, signatures of calls, a ``reasoning_content``:
    ``data`` is opaque, and ``kind`` is the provider's own word for what it is.
    :attr:`ChatResult.message` holds all of an answer in order, and sends them
    back to the same ``provider``; to any other they are not sent.

    ``text_length`` and ``call_count`` say where it stands in its answer: how many
    characters of text, and how many calls, came before it.
    """

    provider: str
    kind: str
    data: Mapping[str, Any] = field(repr=False)
    text_length: int | None = None
    call_count: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", frozen_answer(self.data))


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One whole call the model wants made; ``arguments`` is JSON text as it was sent.

    ``extra`` holds the call's other members as the caller gave them in a
    history, ``provider_data`` what the provider wants back with the call; calls
    that say the same are equal, whatever stands there.
    """

    id: str
    name: str
    arguments: str
    extra: Mapping[str, Any] = field(default_factory=nothing)
    provider_data: tuple[ProviderData, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "extra", frozen_object(self.extra, "extra"))

    def json(self) -> dict[str, Any]:
        """The arguments as a mapping; :class:`ProtocolError` when they are none.

        A model can write broken JSON, so this may fail on a complete answer.
        """
        import json  # here, since importing this package needs none of it

        try:
            value = json.loads(self.arguments or "{}", parse_constant=_refuse)
        except (ValueError, RecursionError) as exc:
            raise ProtocolError(
                f"arguments of tool call {self.name!r} are not JSON: {exc}",
                evidence=self.arguments,
            ) from exc
        if not isinstance(value, dict):
            raise ProtocolError(
                f"arguments of tool call {self.name!r} are not a JSON object",
                evidence=self.arguments,
            )
        return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What became of a call that was made here, or was not made.

    ``text`` is what the model is told, ``value`` what the function gave back.
    ``is_error``: the function raised ``error``, or the call was not made (no such tool,
    arguments that do not fit, not approved).  ``seconds`` is how long the function ran.
    """

    call: ToolCall
    text: str
    value: Any = field(default=None, compare=False, repr=False)
    error: Exception | None = field(default=None, compare=False)
    is_error: bool = False
    seconds: float = field(default=0.0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens counted by the provider; ``None`` for what it did not tell."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """The protocol's end mark: the answer is whole.

    ``reason`` is ``stop``, ``length``, ``tool_calls``, ``content_filter`` or
    the server's own word, ``""`` where the end was marked without one;
    ``raw`` is always the server's word.  ``id`` is the server's name for the answer.

    ``may_continue`` is between a provider and the engine: the reason came with
    text, or before any, so that more text may follow, as from servers that
    write a reason into every chunk.  The engine then waits for the end of the
    body as long as the idle clock allows, else for a second.
    """

    reason: str
    raw: str | None = None
    id: str | None = field(default=None, compare=False, repr=False, kw_only=True)
    may_continue: bool = field(default=False, compare=False, repr=False, kw_only=True)


Event: TypeAlias = (
    Text | Reasoning | ToolCall | ToolResult | Usage | ProviderData | Finish | Attempt
)

JSONObject: TypeAlias = Mapping[str, Any]

"""The conversation as values: what is asked, and what came back.

Input from the caller is checked here, once, and named by its index when it is
wrong; everything below this module can rely on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

from .errors import InvalidRequest
from .events import Attempt, ToolCall, Usage

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
ROLES: tuple[str, ...] = get_args(Role)

_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in a message: either ``url``, or ``content`` bytes with their ``media_type``."""

    url: str | None = None
    content: bytes = field(default=b"", repr=False)
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    ``content`` is its whole text.  ``parts`` is empty unless there are images:
    then it holds texts and :class:`Image` objects in their order.
    ``tool_calls`` belongs to an assistant turn, ``tool_call_id`` and ``name``
    to a tool's answer.
    """

    role: Role
    content: str
    parts: tuple[str | Image, ...] = ()
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None

    @property
    def images(self) -> tuple[Image, ...]:
        """The images among the parts, in order."""
        return tuple(part for part in self.parts if isinstance(part, Image))


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A checked question for one provider; ``model`` is the name on the wire."""

    messages: tuple[Message, ...]
    model: str
    options: Mapping[str, Any] = _NO_OPTIONS

    @property
    def last(self) -> Message:
        """The question: the newest message."""
        return self.messages[-1]

    def contents(self, *roles: Role) -> list[str]:
        """Texts of all messages with one of these roles, oldest first."""
        return [m.content for m in self.messages if m.role in roles]


@dataclass(frozen=True, slots=True)
class ChatResult:
    """A whole answer; ``str(result)`` is its text.

    Times are seconds; what a provider does not tell is ``None`` or empty.
    """

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    finish_reason: str | None = None
    provider: str | None = None
    model: str | None = None
    attempts: tuple[Attempt, ...] = ()
    first_token_seconds: float | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        return self.text

"""The conversation as values: what is asked, and what came back.

Input from the caller is checked here, once, and named by its index when it is
wrong; everything below this module can rely on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeGuard, get_args

from .errors import InvalidRequest
from .events import Attempt, ProviderData, ToolCall, Usage
from .frozen import frozen_object, nothing
from .parts import (
    AnyPart,
    Image,
    Part,
    as_mapping,
    checked_calls,
    checked_parts,
    given_image,
    members,
    text_of,
    text_or_none,
)
from .ratelimits import RateLimits

if TYPE_CHECKING:
    from typing_extensions import TypeVar  # in typing a default may be from Python 3.13 on

    Value = TypeVar("Value", default=Any, covariant=True)
else:
    from typing import TypeVar

    Value = TypeVar("Value", covariant=True)

__all__ = [
    "ROLES",
    "ChatRequest",
    "ChatResult",
    "Image",
    "Message",
    "Part",
    "Role",
    "as_messages",
    "flatten",
]

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
ROLES: tuple[str, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    ``content`` is its whole text.  ``parts`` is empty unless there is more than
    plain text: then it holds texts, :class:`Image` and :class:`Part` objects in
    their order.  ``tool_calls`` belongs to an assistant turn, ``tool_call_id``
    and ``name`` to a tool's answer.

    ``extra`` holds further members of the message, as the protocol spells them
    (``prefix``, ``cache_control``, ``reasoning_content``): a provider sends or
    refuses them.  ``provider_data`` is what one provider wants back with an
    answer of its own, see :class:`~g4fsync.events.ProviderData`.
    """

    role: Role
    content: str
    parts: tuple[AnyPart, ...] = ()
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=nothing)
    provider_data: tuple[ProviderData, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "extra", frozen_object(self.extra, "extra"))

    @property
    def images(self) -> tuple[Image, ...]:
        """The images among the parts, in order."""
        return tuple(part for part in self.parts if isinstance(part, Image))


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A checked question for one provider; ``model`` is the name on the wire."""

    messages: tuple[Message, ...]
    model: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def last(self) -> Message:
        """The question: the newest message."""
        return self.messages[-1]

    def contents(self, *roles: Role) -> list[str]:
        """Texts of all messages with one of these roles, oldest first."""
        return [m.content for m in self.messages if m.role in roles]


@dataclass(frozen=True, slots=True)
class ChatResult(Generic[Value]):
    """A whole answer; ``str(result)`` is its text.

    Times are seconds; what a provider does not tell is ``None`` or empty.
    ``headers`` are a few of the answer's, in lower case: ids of the request, rate
    limits; ``limits`` is what these say.  ``cached``: it is an earlier answer, and nothing
    was asked for it.

    ``value`` is what ``returns=`` asks for, ``mode`` how that was asked: ``"native"`` in
    the provider's own words, ``"system"`` by system text.  Where tools were called, ``text``
    is that of all rounds and ``tool_calls`` are those that were not made here.
    ``messages`` is the conversation with this answer in it, and results of tools, ready to
    be asked again; answers that did not fit are not in it.  ``id`` is the server's name for
    the answer.
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
    provider_data: tuple[ProviderData, ...] = ()
    headers: Mapping[str, str] = field(default_factory=nothing)
    limits: RateLimits | None = None
    cached: bool = False
    messages: tuple[Message, ...] = field(default=(), compare=False, repr=False)
    id: str | None = field(default=None, compare=False)
    mode: str | None = None
    value: Value = None  # type: ignore[assignment]  # of what is not asked for

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        """What a notebook shows: the answer as its markdown says, nothing in it acts."""
        from .report.markdown import rendered

        return f'<div dir="auto">{rendered(self.text)}</div><p>{self._summary()}</p>'

    def _repr_markdown_(self) -> str:
        """The same for a notebook's export."""
        from .report.markdown import closed
        from .report.visible import visible

        return f"{closed(visible(self.text))}\n\n{self._summary()}"

    def _summary(self) -> str:
        """Who answered, how long it took and how many tokens it was, as HTML in one line."""
        from .report.page import safe

        counts = (self.usage.input_tokens, self.usage.output_tokens) if self.usage else (None, None)
        tokens = (f"{n} tokens {way}" for n, way in zip(counts, ("in", "out"), strict=True) if n)
        calls = (f"calls {call.name}" for call in self.tool_calls)
        known = (self.provider, self.model, f"{self.seconds:.2f} s", *tokens, *calls)
        return f"<small>{safe(', '.join(filter(None, known)))}</small>"

    @property
    def message(self) -> Message:
        """The assistant's turn, for the history of the next question.

        It holds the text, the tool calls and what the provider wants back.
        """
        for turn in reversed(self.messages):
            if turn.role == "assistant":
                return turn
        return Message(
            "assistant",
            self.text,
            tool_calls=self.tool_calls,
            provider_data=self.provider_data,
        )


def as_messages(messages: object) -> tuple[Message, ...]:
    """Check what a caller passes as conversation: a ``str``, or a sequence of turns.

    A turn is a :class:`Message`, a mapping with ``role`` and ``content``, an
    answer (a :class:`ChatResult`, or a stream read to its end), or an object of
    another SDK that has pydantic's ``model_dump()``.  ``content`` is a ``str``
    or a list of parts: a ``str``, an :class:`Image`, an image file's ``bytes``,
    ``{"type": "text"}``, ``{"type": "image_url"}``, or a mapping in the
    provider's own shape.  Members that are ``None`` count as missing.
    Raises :class:`InvalidRequest` naming the index and the fault.
    """
    if isinstance(messages, str):  # nothing else can be wrong with it
        _refuse_half_characters("messages[0]", messages)
        checked: tuple[Message, ...] = (Message("user", messages),)
    elif isinstance(messages, Message | Mapping | bytes) or not isinstance(messages, Iterable):
        raise InvalidRequest(
            f"messages must be a str or a sequence of messages, got {type(messages).__name__}"
        )
    else:
        checked = tuple(_message(i, each) for i, each in enumerate(messages))
    if not checked:
        raise InvalidRequest("messages must not be empty")
    if _is_empty(checked[-1]):
        raise InvalidRequest(f"messages[{len(checked) - 1}]: the last message has no content")
    return checked


def with_images(message: Message, images: object) -> Message:
    """*message*, a user's, with *images* behind its text.

    An image is an :class:`Image`, a path, the bytes of a file, or a URL (``http:``,
    ``https:`` or ``data:``).  Raises :class:`InvalidRequest` naming the one that is none.
    """
    if isinstance(images, str | bytes | bytearray | Mapping) or not isinstance(images, Iterable):
        raise InvalidRequest(f"images must be a list of images, got {type(images).__name__}")
    found = [given_image(f"images[{i}]", each) for i, each in enumerate(images)]
    if message.role != "user":
        raise InvalidRequest(f"images belong to a user's message, the last is {message.role!r}")
    if not found:
        return message
    parts = message.parts or ((message.content,) if message.content else ())
    return as_messages([replace(message, parts=(*parts, *found))])[0]


def _is_empty(message: Message) -> bool:
    if message.role == "tool" or message.content.strip() or message.parts or message.tool_calls:
        return False
    return message.role != "assistant" or not (message.extra or message.provider_data)


def flatten(messages: Iterable[Message]) -> str:
    """The conversation as one text, for services that take a single prompt.

    One message is its content.  Several are ``Role: content`` lines with an
    open ``Assistant:`` at the end, as the web clients' ``format_prompt`` does.
    """
    turns = tuple(messages)
    if len(turns) == 1:
        return turns[0].content
    lines = [f"{turn.role.capitalize()}: {turn.content}" for turn in turns]
    return "\n".join([*lines, "Assistant:"])


def _message(index: int, value: object) -> Message:
    if _is_plain(value):  # as most of a long history are
        _refuse_half_characters(f"messages[{index}]", value.content)
        return value
    where = f"messages[{index}]"
    if not isinstance(value, Message):
        # A result, or a stream read to its end, stands for the turn it is.
        turn = None if isinstance(value, Mapping) else getattr(value, "message", None)
        value = turn if isinstance(turn, Message) else _from_mapping(where, as_mapping(value))
    role, content, calls = value.role, value.content, value.tool_calls
    if role not in ROLES:
        raise InvalidRequest(f"{where}: role must be one of {', '.join(ROLES)}, got {role!r}")
    calls = checked_calls(where, calls)
    given: object = value.parts or content
    may_be_silent = calls or role == "tool" or (role == "assistant" and value.extra)
    if given is None and may_be_silent:
        given = ""
    parts = () if isinstance(given, str) else _parts(where, given)
    text = given if isinstance(given, str) else text_of(parts)
    _refuse_half_characters(where, text)
    is_text = all(isinstance(part, str) for part in parts)
    return Message(
        role=role,
        content=text,
        parts=() if is_text else parts,
        name=text_or_none(where, "name", value.name),
        tool_calls=calls,
        tool_call_id=text_or_none(where, "tool_call_id", value.tool_call_id),
        extra=value.extra,
        provider_data=value.provider_data,
    )


def _is_plain(value: object) -> TypeGuard[Message]:
    """Whether *value* is a message of nothing but a role and text, which may be as it is."""
    if not isinstance(value, Message) or value.parts != () or value.tool_calls != ():
        return False
    is_text = value.role in ROLES and isinstance(value.content, str)
    return is_text and value.name is None and value.tool_call_id is None


def _from_mapping(where: str, value: object) -> Message:
    """The turn that a mapping says, its members still to be checked."""
    if not isinstance(value, Mapping):
        raise InvalidRequest(f"{where} must be a mapping or a Message, got {type(value).__name__}")
    known = ("role", "content", "name", "tool_calls", "tool_call_id")
    return Message(
        role=value.get("role"),  # type: ignore[arg-type]  # checked by the caller, as all of these
        content=value.get("content"),  # type: ignore[arg-type]
        name=value.get("name"),
        tool_calls=value.get("tool_calls") or (),
        tool_call_id=value.get("tool_call_id"),
        extra=members(value, known, where),
    )


def _refuse_half_characters(where: str, text: str) -> None:
    """Half a surrogate pair is no text: no signature and no byte form can be made of it."""
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        half = exc.object[exc.start]
        raise InvalidRequest(f"{where}: content holds half a character ({half!r})") from exc


def _parts(where: str, content: object) -> tuple[AnyPart, ...]:
    if content is None:
        raise InvalidRequest(f"{where} has no content")
    if not isinstance(content, list | tuple):
        raise InvalidRequest(
            f"{where}: content must be a str or a list of parts, got {type(content).__name__}"
        )
    return checked_parts(where, content)

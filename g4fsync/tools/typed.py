"""How a provider is asked for an answer of a type: in its own words, or by system text."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, Protocol, TypeAlias

from ..errors import InvalidRequest
from ..messages import Message
from ..schemas import AnswerType

Mode: TypeAlias = Literal["native", "system"]


class Schooled(Protocol):
    """What is asked of a provider here."""

    @property
    def name(self) -> str: ...
    @property
    def native_schema(self) -> str: ...
    @property
    def options(self) -> frozenset[str]: ...
    @property
    def roles(self) -> frozenset[str]: ...


def answer_type(returns: Any) -> AnswerType:
    """The type that *returns* names; made once for those that can be looked up."""
    try:
        return _cached(returns)
    except TypeError:  # it can't be hashed
        return AnswerType.of(returns)


_cached = lru_cache(maxsize=64)(AnswerType.of)


def asked(
    wanted: AnswerType,
    provider: Schooled,
    turns: tuple[Message, ...],
    given: Mapping[str, Any],
) -> tuple[tuple[Message, ...], dict[str, Any], Mode]:
    """Messages and options that ask *provider* for *wanted*, and which way it was.

    Raises ``InvalidRequest`` when the caller asks for another form as well.
    """
    if given.get("response_format") is not None:
        raise InvalidRequest("returns and response_format both say what form the answer has")
    native = _native(wanted, provider.native_schema)
    if native is not None and "response_format" in provider.options:
        return turns, {**given, "response_format": native}, "native"
    return _with_text(turns, wanted.instructions(), provider), dict(given), "system"


def _native(wanted: AnswerType, flavour: str) -> dict[str, Any] | None:
    """The ``response_format`` in a provider's flavour; ``None`` when it can't be said there."""
    strict: bool | None = None
    if flavour == "strict":
        schema = wanted.strict()
        strict = schema is not None
        if schema is None:
            schema = wanted.wrapped()
    elif flavour == "closed":
        schema = wanted.closed()
    elif flavour == "plain":
        schema = dict(wanted.schema)
    else:
        return None
    if schema is None:
        return None
    fields: dict[str, Any] = {"name": _label(wanted.name), "schema": schema}
    if strict is not None:
        fields["strict"] = strict
    return {"type": "json_schema", "json_schema": fields}


def _label(name: str) -> str:
    """A name as OpenAI allows it."""
    letters = "".join(each if each.isascii() and each.isalnum() else "_" for each in name)
    return letters.strip("_")[:64] or "answer"


def _with_text(turns: tuple[Message, ...], text: str, provider: Schooled) -> tuple[Message, ...]:
    """*turns* with *text* in the system message, or in the question where there is none."""
    if turns[0].role in ("system", "developer") and not turns[0].parts:
        first = turns[0]
        return (Message(first.role, f"{first.content}\n\n{text}"), *turns[1:])
    if "system" in provider.roles and getattr(provider, "supports_system_message", True):
        return (Message("system", text), *turns)
    last = turns[-1]
    if last.role == "user" and not last.parts:
        return (*turns[:-1], Message("user", f"{last.content}\n\n{text}"))
    raise InvalidRequest(f"{provider.name} takes no system text, so it can't be told the form")

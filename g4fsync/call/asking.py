"""From what a caller says to a checked :class:`~.attempt.Call`: messages, model, options.

The one recipe for it: clients, providers asked alone, tests and other libraries'
shapes all come through here, so that all of them check alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import G4FSyncError, InvalidRequest
from ..messages import ChatRequest, Message, as_messages, with_images
from . import options
from .attempt import Answering, Call

if TYPE_CHECKING:
    from ..scope import CancelScope
    from ..scope.gate import Gate
    from ..scope.pace import Pace
    from ..transport.base import AttemptTransport


class Askable(Answering, Protocol):
    """A provider as a question to it is checked."""

    @property
    def options(self) -> frozenset[str]: ...
    def model_name(self, model: str | None) -> str: ...
    def wire_model(self, model: str | None) -> str: ...
    def check(self, request: ChatRequest) -> None: ...


def new_parent(observers: Sequence[object]) -> str | None:
    """An id for calls that are asked together; without *observers* nobody asks for it."""
    if not observers:
        return None
    from .observing import new_id

    return new_id()


def together(parent: str | None) -> AbstractContextManager[None]:
    """Around the making of streams that are parts of one question: what observers hear of it."""
    if parent is None:
        return nullcontext()
    from .observing import asked_together  # most clients have no observer

    return asked_together(parent)


def conversation(
    messages: object, system: object = None, images: object = None
) -> tuple[Message, ...]:
    """*messages* as a caller may give them, checked.

    *system* text is put before them, *images* behind the text of the last one.
    """
    turns = as_messages(messages)
    if images is not None:
        turns = (*turns[:-1], with_images(turns[-1], images))
    if system is None:
        return turns
    if not isinstance(system, str | Sequence):
        raise InvalidRequest(
            f"system: content must be a str or a list of parts, got {type(system).__name__}"
        )
    content: Any = system
    return as_messages([Message("system", content), *turns])


def checked_request(
    provider: Askable, turns: tuple[Message, ...], model: str | None, given: Mapping[str, Any]
) -> ChatRequest:
    """What *provider* is to be asked; raises for all that is wrong with it before sending."""
    try:
        request = ChatRequest(
            messages=turns,
            model=provider.wire_model(model),
            options=options.checked(given, provider.options, provider.name),
        )
        provider.check(request)
    except G4FSyncError as error:
        error.provider = error.provider or provider.name
        raise
    return request


def checked_call(
    provider: Askable,
    turns: tuple[Message, ...],
    model: str | None,
    given: Mapping[str, Any],
    open_transport: Callable[[CancelScope], AttemptTransport],
    gate: Gate | None = None,
    pace: Pace | None = None,
) -> Call:
    """A question that is ready to be asked, again if need be."""
    request = checked_request(provider, turns, model, given)
    return Call(
        provider=provider,
        model=provider.model_name(model),
        request=request,
        open=open_transport,
        gate=gate,
        pace=pace,
    )

"""Ask a provider as a client does, over scripted transports."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from ..call import engine
from ..call.asking import checked_call, checked_request, conversation
from ..call.stream import ChatStream
from ..messages import ChatRequest
from ..providers.base import Provider
from ..scope import CancelScope
from ..settings import Retry, Timeout
from .scripted import ScriptedTransport


def request(
    provider: Provider, messages: object, *, model: str | None = None, **given: Any
) -> ChatRequest:
    """The checked request a client would make of the arguments of ``chat()``."""
    return checked_request(provider, conversation(messages), model, given)


def chat(
    provider: Provider,
    messages: object,
    *transports: ScriptedTransport,
    model: str | None = None,
    timeout: Timeout | float | None = None,
    retry: Retry | None = None,
    **given: Any,
) -> ChatStream:
    """Ask *provider* through the whole engine; each attempt gets the next of *transports*.

    The answer behaves as a client's: completeness, retries, errors and all.
    Without *retry* there are as many attempts as transports, and no waiting
    between them; one attempt more is an ``AssertionError``.
    """
    waiting = iter(transports)
    call = checked_call(
        provider,
        conversation(messages),
        model,
        given,
        lambda scope: _next(waiting, len(transports)),
    )
    retry = retry or Retry(attempts=max(1, len(transports)), initial=0.0, maximum=0.0)
    return ChatStream(partial(engine.answer, [call], retry), CancelScope(timeout))


def _next(transports: Iterator[ScriptedTransport], count: int) -> ScriptedTransport:
    for transport in transports:
        return transport
    raise AssertionError(f"one attempt more than the {count} transports given")

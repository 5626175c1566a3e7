"""The client behind: requests as they are given to it, for :mod:`.chat` and its kin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...access.reach import Overrides
from ...call.attempt import Call
from ...call.stream import ChatStream
from ...client import Client
from ...messages import ChatRequest
from ...providers.base import Provider
from ...scope import CancelScope
from ...settings import Retry
from .wire import Wire

if TYPE_CHECKING:
    from ...settings import Timeout


class Backend(Client):
    """Sends a :class:`.Wire`'s request with a client's clocks, retries and connections."""

    def __init__(self, other: Client | None = None) -> None:
        super().__init__()
        self.other = self if other is None else other

    def send(
        self, wire: Wire, *, model: str, key: str | None, timeout: Timeout, retries: int
    ) -> ChatStream:
        """The answer to what *wire* holds; nothing is sent before it is iterated."""
        request = ChatRequest((), model)
        provider: Provider = wire
        open_transport = self._reach.transport_factory(provider, Overrides(api_key=key))
        call = Call(wire, model, request, open_transport, self._reach.gate(provider))
        return self._stream([call], CancelScope(timeout), Retry(retries + 1))

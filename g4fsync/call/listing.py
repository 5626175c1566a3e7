"""One question about a provider's models, asked as a call is: clocks, transport, errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from ..errors import G4FSyncError
from .attempt import Answering, translated
from .shape import MISSHAPEN

if TYPE_CHECKING:
    from ..scope import CancelScope
    from ..transport.base import AttemptTransport, Transport


class Listing(Answering, Protocol):
    """A provider as its models are asked for."""

    @property
    def lists_models(self) -> bool: ...
    @property
    def models(self) -> Mapping[str, str]: ...
    def list_models(self, transport: Transport) -> list[str]: ...


def list_models(
    provider: Listing,
    open_transport: Callable[[CancelScope], AttemptTransport],
    scope: CancelScope,
) -> list[str]:
    """The names *provider*'s server tells, or those known here when it tells none.

    Tried once; raises what asking raises.
    """
    if not provider.lists_models:
        return list(provider.models)
    scope.start()
    scope.start_first_token()
    transport = open_transport(scope)
    try:
        return provider.list_models(transport)
    except (G4FSyncError, *MISSHAPEN) as exc:
        error = translated(
            exc, provider, transport, has_begun=transport.sent, subject="the list of models"
        )
        error.provider = error.provider or provider.name
        if error is exc:
            raise
        raise error from exc
    finally:
        transport.close()

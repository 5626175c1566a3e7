"""How much a provider may send: :class:`Limits`."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a provider may send; what goes beyond one is a ``ProtocolError`` naming it.

    All are bytes but the last.  ``event``: one line, event or record of a
    stream.  ``message``: one WebSocket message.  ``json``: an answer that is a
    single JSON value.  ``head``: all headers before a body.  ``error_body``:
    what is read of a refusal, which is cut there without an error.  ``ratio``:
    how many times its size a compressed body may grow to, beyond the first MiB.
    """

    event: int = 4 * 2**20
    message: int = 4 * 2**20
    json: int = 16 * 2**20
    head: int = 256 * 2**10
    error_body: int = 64 * 2**10
    ratio: int = 200

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InvalidRequest(
                    f"limit {each.name} must be a whole number above 0, got {value!r:.80}"
                )


DEFAULT_LIMITS = Limits()

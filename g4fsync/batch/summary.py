"""How a batch stands: :class:`Summary`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Stopped: TypeAlias = Literal["budget", "cancelled", "error"]


@dataclass(frozen=True, slots=True)
class Summary:
    """How a batch stands, or how it ended.

    ``rows`` were dealt with: ``complete`` or ``failed``, and ``reused`` of them
    without a call.  ``calls`` were sent in this run.  ``repeated``: calls that were under
    way when earlier runs of this job were ended; their rows are asked again.  Tokens
    and ``usd`` are what the answers of this run say, ``None`` without prices.
    ``stopped`` is ``None`` for a batch that came to its end, else ``"budget"``,
    ``"cancelled"`` or ``"error"``.
    """

    rows: int = 0
    complete: int = 0
    failed: int = 0
    reused: int = 0
    repeated: int = 0
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float | None = None
    seconds: float = 0.0
    stopped: Stopped | None = None

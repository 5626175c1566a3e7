"""What a call says in the log ``g4fsync.call``, and what its errors show.

INFO: a retry with its reason and the seconds until then, a hedge, and how each call
ended, with seconds and tokens.  WARNING: another model is asked in place of one that
failed.  Nothing here runs per token, and no message of a user or a model is logged.
"""

from __future__ import annotations

import logging
from itertools import pairwise
from typing import TYPE_CHECKING

from ..errors import G4FSyncError, unlabelled

if TYPE_CHECKING:
    from types import TracebackType

    from ..events import Attempt
    from .journal import Journal

log = logging.getLogger("g4fsync.call")
# Python would print warnings where a program has not set up logging; here each is told by
# the answer too, in its attempts.
log.addHandler(logging.NullHandler())

# Frames of these are how the work is done; who reads an error wants to see who asked,
# the provider's line, and where it failed.
_INSIDE = frozenset(
    [
        "g4fsync",
        "tenacity",
        "requests",
        "urllib3",
        "websocket",
        "concurrent",
        "contextlib",
        "http",
        "socket",
        "ssl",
    ]
)


def retrying(attempt: Attempt, attempts: int, seconds: float) -> None:
    """*attempt* has failed; the next comes in *seconds*.  The record's ``seconds`` has them too."""
    log.info(
        "%s:%s: attempt %d of %d: %s; again in %.1f s",
        attempt.provider,
        attempt.model,
        attempt.number,
        attempts,
        unlabelled(attempt.error) if attempt.error else "no answer",
        seconds,
        extra={"seconds": seconds},
    )


def falling_back(error: G4FSyncError, provider: str, model: str) -> None:
    """*error* ended one model; the next is asked in its place."""
    log.warning(
        "%s:%s failed (%s: %s); asking %s:%s in its place",
        error.provider,
        error.model,
        type(error).__name__,
        unlabelled(error),
        provider,
        model,
    )


def hedging(label: str, seconds: float) -> None:
    """Another model of a race starts, since those before were silent, or have failed."""
    log.info("%s joins the race after %.1f s", label, seconds)


def ended(journal: Journal) -> None:
    """A call has ended, well or not."""
    if not log.isEnabledFor(logging.INFO):
        return
    name, seconds = f"{journal.provider}:{journal.model}", journal.seconds or 0.0
    error = journal.error
    if error is not None:
        log.info(
            "%s: failed after %.2f s: %s: %s",
            name,
            seconds,
            type(error).__name__,
            unlabelled(error),
        )
        return
    reason = (journal.finish.reason if journal.finish else "") or "end"
    first = journal.first_token_seconds
    words = [f"first token after {first:.2f} s"] if first is not None else []
    if journal.usage is not None:
        counts = ((journal.usage.input_tokens, "in"), (journal.usage.output_tokens, "out"))
        tokens = [f"{count} {way}" for count, way in counts if count is not None]
        words += [f"tokens: {', '.join(tokens)}"] if tokens else []
    log.info("%s: %s after %.2f s%s", name, reason, seconds, "".join(f", {w}" for w in words))


def shorten(error: G4FSyncError) -> None:
    """Leave only frames in its traceback that help its reader; with DEBUG on all of them stay."""
    if log.isEnabledFor(logging.DEBUG):
        return
    first = error.__traceback__
    if first is not None:  # this frame is where its way to the caller begins
        first.tb_next = _shown(first.tb_next)
    cause = error.__cause__
    if cause is not None:
        cause.__traceback__ = _shown(cause.__traceback__)


def _shown(traceback: TracebackType | None) -> TracebackType | None:
    """*traceback* with the providers' frames, others' frames and its last one."""
    frames = []
    while traceback is not None:
        if traceback.tb_next is None or not _is_inside(traceback):
            frames.append(traceback)
        traceback = traceback.tb_next
    for frame, following in pairwise(frames):
        frame.tb_next = following
    return frames[0] if frames else None


def _is_inside(frame: TracebackType) -> bool:
    module = str(frame.tb_frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] in _INSIDE and not module.startswith("g4fsync.providers.")

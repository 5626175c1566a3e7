"""Exit codes: what a script learns of how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import (
    AuthenticationError,
    Cancelled,
    ConfigurationError,
    DeadlineExceeded,
    G4FSyncError,
    InvalidRequest,
    ProviderError,
    StreamInterrupted,
    StreamTruncated,
)

if TYPE_CHECKING:
    import argparse

PROVIDER, USAGE, TIMEOUT, CUT_SHORT, SOME_FAILED, BUDGET = 1, 2, 3, 4, 5, 6
INTERRUPTED, PIPE_CLOSED = 130, 141

_CODES: tuple[tuple[type[G4FSyncError], int], ...] = (
    (InvalidRequest, USAGE),
    (ConfigurationError, USAGE),
    (DeadlineExceeded, TIMEOUT),
    (StreamInterrupted, CUT_SHORT),
    (StreamTruncated, CUT_SHORT),
    (Cancelled, INTERRUPTED),
)


def exit_code(error: G4FSyncError) -> int:
    """The exit code that says *error*."""
    if isinstance(error, AuthenticationError) and error.status is None:
        return USAGE  # the credentials are missing here; nothing was sent
    return next((code for kind, code in _CODES if isinstance(error, kind)), PROVIDER)


def hint(error: G4FSyncError, arguments: argparse.Namespace) -> str | None:
    """What else a user may want to know about *error*."""
    if str(error).startswith("archive ") and arguments.verb in ("ask", "chat", "compare"):
        return "--no-log does without the log, g4fsync log off ends it"
    if arguments.verb != "ask" or error.provider is None:
        return None
    if isinstance(error, DeadlineExceeded) and error.clock == "total":
        return "--timeout SECONDS sets the limit"
    if exit_code(error) in (USAGE, INTERRUPTED) or arguments.base_urls:
        return None
    from .. import registry  # --help and --version do without

    provider = registry.provider_class(error.provider)
    if provider.status == "retired":
        return f"{error.provider} is retired: its site may not answer any more (g4fsync providers)"
    if isinstance(error, ProviderError) and error.status == 404 and provider.lists_models:
        return f"g4fsync models {error.provider} lists the models it has"
    return None

"""``g4f.debug``: with ``logging = True`` each question says which provider and model it goes to.

``version_check`` is there to be set; no version is looked up anywhere.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

logging: bool = False
version_check: bool = True
log_handler: Callable[..., object] = print
logs: list[str] = []


def enable_logging(handler: Callable[..., object] = print) -> None:
    """Say it to *handler*, which is called like ``print``."""
    global logging, log_handler
    logging, log_handler = True, handler


def disable_logging() -> None:
    """Say nothing any more."""
    global logging
    logging = False


def log(*text: Any, file: Any = None) -> None:
    """Say *text*, and keep it in ``logs``, while logging is on."""
    if logging:
        logs.append(" ".join(map(str, text)))
        log_handler(*text, file=file)


def error(*text: Any, name: str | None = None) -> None:
    """The same on standard error, for errors too."""
    words = [t if isinstance(t, str) else f"{name or type(t).__name__}: {t}" for t in text]
    log(*words, file=sys.stderr)

"""The client behind ``openai.chat``: made from the module's variables, as they are now."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from .client import OpenAI

_SETTINGS = (
    *("api_key", "organization", "project", "base_url", "timeout", "max_retries"),
    *("default_headers", "default_query"),
)
_lock = threading.Lock()  # guards the two below
_made_with: tuple[Any, ...] | None = None
_client: OpenAI | None = None


def current(variables: Mapping[str, Any]) -> OpenAI:
    """The module's client with these *variables*; another one when they have changed."""
    global _client, _made_with
    settings = {name: variables[name] for name in _SETTINGS}
    if settings["timeout"] is None:
        del settings["timeout"]
    with _lock:
        found = tuple(variables[name] for name in _SETTINGS)
        if _client is None or found != _made_with:
            backend = None if _client is None else _client.backend
            _client, _made_with = OpenAI(**settings), found
            _client._backend = backend  # the same connections
        return _client

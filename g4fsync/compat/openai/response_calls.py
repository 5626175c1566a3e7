"""``responses.create``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from .client import OpenAI


class Responses:
    """``client.responses``."""

    def __init__(self, client: OpenAI) -> None:
        self._client = client

    def create(self, **arguments: Any) -> NoReturn:
        """Not covered yet."""
        raise NotImplementedError("g4fsync.compat.openai does not cover responses.create yet")

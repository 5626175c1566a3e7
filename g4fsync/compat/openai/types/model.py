"""A model in a server's list."""

from __future__ import annotations

from ...records import Record


class Model(Record):
    """A model that can be asked."""

    id: str
    created: int
    object: str
    owned_by: str
    shutdown_date: str | None

"""``g4f.Provider``: ``Provider.Koala`` is g4fsync's provider of that name.

A name that g4fsync has no provider for is refused when it is used, not when it is named.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NamedProvider:
    """A provider by its name."""

    name: str

    @property
    def __name__(self) -> str:
        return self.name


def __getattr__(name: str) -> NamedProvider:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return NamedProvider(name)

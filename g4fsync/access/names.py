"""Providers' names as they are compared, in mappings, files and on the command line."""

from __future__ import annotations


def folded(name: str) -> str:
    """*name* without what does not count in one: case, ``_`` and ``-``."""
    return name.casefold().replace("_", "").replace("-", "")

"""Providers' names as they are compared, in mappings, files and on the command line."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

_MOST_NAMES = 3  # in a message


@lru_cache(maxsize=1024)  # some five times for each call, of the same few names
def folded(name: str) -> str:
    """*name* without what does not count in one: case, ``_`` and ``-``."""
    return name.casefold().replace("_", "").replace("-", "")


def offer(name: str, known: Collection[str], verb: str) -> str:
    """What may have been meant by *name*, else a few of those that are *known*, for an error."""
    from difflib import get_close_matches  # only for an error's words

    if not known:
        return f"it {verb} none"
    near = get_close_matches(name.lower(), known, 1)
    if near:
        return f"did you mean {near[0]!r}?"
    some, more = ", ".join([*known][:_MOST_NAMES]), len(known) - _MOST_NAMES
    return f"it {verb} {some}" + (f" and {more} more" if more > 0 else "")

"""How many recordings were read exactly, by service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


def lines(exact: Mapping[tuple[str, str], bool]) -> list[str]:
    """The sums of *exact*, which says it of each ``(service, file)``."""
    total = Counter(service for service, _ in exact)
    good = Counter(service for (service, _), is_exact in exact.items() if is_exact)
    services = ", ".join(f"{name} {good[name]} of {total[name]}" for name in sorted(total))
    return [f"recordings: {good.total()} of {total.total()} exact", services]

"""When a call must end, and how whoever is blocked in it is woken."""

from __future__ import annotations

from .cancel import CancelScope

__all__ = ["CancelScope"]

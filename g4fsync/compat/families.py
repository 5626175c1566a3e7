"""Errors of two families at once: another library's class, and the one of ours it stands for."""

from __future__ import annotations

from typing import Any, TypeVar

from ..errors import G4FSyncError

_E = TypeVar("_E", bound="ForeignError")
_leaves: dict[tuple[Any, Any], type[Any]] = {}  # one class for each pair, for ever


class ForeignError(G4FSyncError):
    """Base of another library's errors; their text has no provider before it."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        ours = getattr(type(self), "stands_for", None)
        kind = type(self).__bases__[0] if ours else type(self)
        return _restored, (kind, ours, self.args), vars(self)


def both(kind: type[_E], error: G4FSyncError, message: str) -> _E:
    """An error of *kind* and of the class of *error*, with all that *error* holds."""
    made: _E = _empty(_leaf(kind, type(error)), (message,))
    vars(made).update(vars(error))
    made.__cause__ = error
    return made


def _leaf(kind: type[Any], ours: type[G4FSyncError]) -> type[Any]:
    """The class that is both, by the name of *kind*."""
    if (kind, ours) in _leaves:
        return _leaves[kind, ours]
    members = {"__module__": kind.__module__, "__doc__": kind.__doc__, "stands_for": ours}
    made = type(kind.__name__, (kind, ours), members)
    # As dict.setdefault() is one step, threads that make it at once get the same.
    return _leaves.setdefault((kind, ours), made)


def _empty(kind: type[Any], args: tuple[Any, ...]) -> Any:
    made = kind.__new__(kind, *args)
    made.args = args
    return made


def _restored(kind: type[Any], ours: type[G4FSyncError] | None, args: tuple[Any, ...]) -> Any:
    return _empty(kind if ours is None else _leaf(kind, ours), args)

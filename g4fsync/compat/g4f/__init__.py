"""The shape of ``g4f``: write ``from g4fsync.compat.g4f.client import Client`` in its place.

Covered are ``Client`` with ``chat.completions.create`` and ``stream``, the older
``ChatCompletion.create``, ``Provider``, ``models`` and ``errors``, for text and images in
questions.  Other parts are refused by name.  Behind them stand providers of g4fsync: by
``provider=`` or as ``model="provider:model"``; none is chosen for the caller.

The calls are those that g4f documents, as of g4f 8.8 (November 2026).
"""

from __future__ import annotations

_MODULES = {
    "AsyncClient": "client",
    "ChatCompletion": "legacy",
    "Client": "client",
}
_SUBMODULES = ("Provider", "client", "debug", "errors", "models")

TYPE_CHECKING = False  # as in typing, which takes longer to import than all of this
if TYPE_CHECKING:
    from . import (
        Provider as Provider,
        client as client,
        debug as debug,
        errors as errors,
        models as models,
    )
    from .client import AsyncClient as AsyncClient, Client as Client
    from .legacy import ChatCompletion as ChatCompletion
else:

    def __getattr__(name: str) -> object:
        from importlib import import_module  # not at the top: most imports want one name

        if name in _SUBMODULES:
            return import_module(f".{name}", __name__)
        if name in _MODULES:
            value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
            globals()[name] = value
            return value
        if name in ("cookies", "gui", "api", "ClientFactory", "set_cookies"):
            raise NotImplementedError(
                f"{__name__} does not cover {name!r}; it has Client, ChatCompletion, "
                "Provider, models, errors and debug"
            )
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = sorted([*_MODULES, *_SUBMODULES])


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

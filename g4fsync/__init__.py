"""g4fsync: chat with many providers from plain blocking code.

Importing starts nothing: no thread, file, network or plug-in.  What it offers
(see :mod:`.face`) is loaded when the first of it is asked for, since a command
like ``g4fsync --version`` wants none of it.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # as in typing, which takes longer to import than all of this
if TYPE_CHECKING:
    from .face import *  # noqa: F403
else:

    def __getattr__(name: str) -> object:
        # Not for a submodule, whose name is lower case: the face may be about to load it.
        if name[:1].isupper() or name in ("__all__", "provider_names", "register"):
            face = _face()
            globals().update({each: getattr(face, each) for each in ("__all__", *face.__all__)})
            if name in globals():
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *_face().__all__})

    def _face():
        from importlib import import_module  # not at the top: most commands do without

        return import_module(".face", __name__)

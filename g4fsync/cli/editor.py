"""Reading what the user types, with Python's own line editor where it has one."""

from __future__ import annotations

import os
import select
import sys
from contextlib import suppress
from importlib import import_module
from types import ModuleType

from ..access.paths import config_dir
from .terminal import is_terminal

PROMPT = "> "
HISTORY_LENGTH = 1000
# A paste arrives at once; a person needs longer for the next line.
_PASTE_SECONDS = 0.03


class Editor:
    """Gives what was typed, several pasted lines as one text; a context manager.

    *keeps_history*: earlier lines are there again the next time, in a file of the settings
    folder.  Without ``readline`` lines are edited as the terminal itself does it.
    """

    def __init__(self, *, keeps_history: bool) -> None:
        self._is_typed = is_terminal(sys.stdin)
        self._readline = _readline() if self._is_typed else None
        self._keeps_history = keeps_history and self._readline is not None
        self._path = config_dir() / "chat_history"

    def __enter__(self) -> Editor:
        if self._readline is not None and self._keeps_history:
            self._readline.set_history_length(HISTORY_LENGTH)
            with suppress(OSError):  # none yet, or none that can be read
                self._readline.read_history_file(self._path)
        return self

    def __exit__(self, *_: object) -> None:
        if self._readline is None or not self._keeps_history:
            return
        with suppress(OSError):  # a history is no reason to fail
            if not self._path.exists():
                os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._readline.write_history_file(self._path)

    def read(self) -> str | None:
        """The next text, ``None`` at the end."""
        try:
            lines = [self._line(PROMPT)]
            while lines[-1].endswith("\\") or self._has_more():
                lines[-1] = lines[-1].removesuffix("\\")
                lines.append(self._line(""))
        except EOFError:
            if self._is_typed:
                sys.stderr.write("\n")
            return None
        return "\n".join(lines)

    def _line(self, prompt: str) -> str:
        if not self._is_typed:
            line = sys.stdin.readline() if sys.stdin is not None else ""
            if not line:
                raise EOFError
            return line.removesuffix("\n")
        if is_terminal(sys.stdout):
            return input(prompt)
        sys.stderr.write(prompt)  # the answers go elsewhere, the prompt is for the person
        sys.stderr.flush()
        return input()

    def _has_more(self) -> bool:
        if not self._is_typed:
            return False
        with suppress(OSError, ValueError):  # Windows has no select() for a console
            return bool(select.select([sys.stdin], [], [], _PASTE_SECONDS)[0])
        return False


def _readline() -> ModuleType | None:
    try:
        module = import_module("readline")
    except ImportError:
        return None
    # Several pasted lines are then one text, to be looked at before it is sent.
    module.parse_and_bind("set enable-bracketed-paste on")
    return module

"""Where a user's settings lie, and how one file of them is read and written.

The environment is asked at each call, so a program may set a variable late.
An empty variable counts as unset.  Only :func:`replace_text` creates a folder or a file.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError


def config_dir() -> Path:
    """The folder of this user's settings; it need not exist.

    ``G4FSYNC_CONFIG`` names it as a whole.  Otherwise it is ``g4fsync`` in
    ``$XDG_CONFIG_HOME`` or ``~/.config``, on macOS in ``~/Library/Application
    Support``, on Windows in ``%APPDATA%``.  ``ConfigurationError`` when that
    takes a home directory and there is none.
    """
    chosen = from_environment("G4FSYNC_CONFIG")
    if chosen is not None:
        return chosen
    platform: str = sys.platform  # widened: mypy skips the branches of other systems
    if platform == "darwin":
        return expanded("~/Library/Application Support") / "g4fsync"
    if platform == "win32":
        roaming = os.environ.get("APPDATA") or "~/AppData/Roaming"
        return expanded(roaming) / "g4fsync"
    base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    # XDG base directory specification: a relative path in there is to be ignored.
    return (base if base.is_absolute() else expanded("~/.config")) / "g4fsync"


def from_environment(variable: str) -> Path | None:
    """The path in an environment variable, ``~`` expanded; ``None`` when unset or empty."""
    text = os.environ.get(variable)
    return expanded(text) if text else None


def expanded(text: str) -> Path:
    """*text* as a path, ``~`` expanded; ``ConfigurationError`` without a home directory."""
    try:
        return Path(text).expanduser()
    except RuntimeError as exc:  # how pathlib says that it knows no home
        raise ConfigurationError(
            "no home directory for a path with '~'; G4FSYNC_CONFIG can name the settings folder"
        ) from exc


def read_text(path: Path, *, max_bytes: int, is_pipe_taken: bool = False) -> str:
    """The text of a regular UTF-8 file of at most *max_bytes*, without a byte order mark.

    ``is_pipe_taken``: a named pipe will do too, as a shell makes one of ``<(command)``.

    Whatever is wrong, from a missing file to a stray byte, is an ``OSError``
    whose ``strerror`` says it and quotes nothing of the content.
    """
    try:
        # Asked before opening: a named pipe would block the open, a device never end.
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or (is_pipe_taken and stat.S_ISFIFO(mode))):
            raise OSError(errno.EINVAL, "it is not a regular file")
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise OSError(errno.EFBIG, f"it is larger than {max_bytes >> 20} MiB")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:  # it carries the whole content, so it is not chained
        raise OSError(errno.EILSEQ, f"it is not UTF-8 text (byte {exc.start})") from None
    except ValueError as exc:
        raise OSError(errno.EINVAL, "no file can have this name") from exc


def replace_text(path: Path, text: str) -> None:
    """Write *text* as the file at *path*, which only its owner may read; makes its folders.

    A reader never sees half of it; of two writers at once the later wins.
    """
    path = path.resolve()  # a link stays a link, its target is replaced
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp makes it 0600 from the start.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # the first failure is the one to report
            Path(temporary).unlink()
        raise


def parse_json(text: str) -> Any:
    """The value of a JSON text; ``ValueError`` says what is wrong, where, and quotes nothing."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def json_kind(value: Any) -> str:
    """What a parsed JSON value is, in words that do not tell the value itself."""
    if value is None:
        return "nothing"
    names = {bool: "true or false", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")

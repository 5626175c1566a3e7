"""Which files this process has open in SQLite, and must not open in another way meanwhile.

POSIX drops all locks that a process has on a file when it closes any descriptor of it,
and SQLite's with them: another process could write in the middle of a transaction ("How To
Corrupt An SQLite Database File", section 2.2).
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..scope import process
from ..surrogates import paired


class Connection(sqlite3.Connection):
    """Knows the file that it has open, by device and inode, and takes any text and number."""

    file: tuple[int, int] | None = None

    def execute(self, statement: str, values: Iterable[Any] = ()) -> sqlite3.Cursor:  # type: ignore[override]  # no named values here
        """As SQLite does; half a character becomes U+FFFD, a number that is too large NULL."""
        values = tuple(values)
        try:
            return super().execute(statement, values)
        except (UnicodeEncodeError, OverflowError):
            return super().execute(statement, tuple(map(_storable, values)))

    def close(self) -> None:
        super().close()
        self.file = None


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return paired(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return None
    return value


class OpenFiles:
    """``lock`` is held from before a file is looked at until SQLite has opened it."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """At first, and in a forked child, which inherits no locks on files."""
        self.lock = threading.RLock()
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()

    def add(self, connection: Connection, path: Path) -> None:
        """*connection* has opened the file at *path*."""
        with self.lock:
            connection.file = _identity(path)
            self._connections.add(connection)

    def is_there(self, connection: Connection, path: Path) -> bool:
        """Whether what *connection* has open is still the file at *path*."""
        try:
            return connection.file == _identity(path)
        except OSError:
            return False

    def head(self, path: Path, size: int) -> bytes:
        """The first bytes of a file, of none where there is none or it is open in SQLite."""
        with self.lock:
            try:
                file = _identity(path)
            except FileNotFoundError:
                return b""
            if any(each.file == file for each in tuple(self._connections)):
                return b""
            with path.open("rb") as opened:
                return opened.read(size)


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


open_files = OpenFiles()
process.after_fork(open_files.renew)

"""The archive as its users hold it: an observer that writes, and the ways to read again.

**When something is written.**  In the one thread that all observers share: at the first
token of an answer, then five times a second while it comes, and when it has ended.  All
that has come in the meantime, of all calls, is one transaction.  The call's own thread
only puts the call into a queue, so a slow disk makes no answer late.

**When it can't be written** (a full disk, a folder that is read-only, another process that
holds the file for longer than the busy timeout): one warning in the log of
``g4fsync.archive``, and the calls go on.  What has ended meanwhile is tried again later, up
to ``CALLS_WAITING`` calls.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import weakref
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic, time
from typing import Any

from ..call import observing
from ..call.observing import ObservedCall, Observer
from ..errors import ConfigurationError, InvalidRequest
from ..scope import process
from ..settings import is_number
from .openfiles import Connection, open_files
from .reader import ArchiveReader
from .schema import check_file, connect, writing
from .writing import Writer, prune

CALLS_WAITING = 1000
ARCHIVES_WAITING = 100
RETRY_SECONDS = 5.0
_DAY = 86_400.0

# What says that a call is odd, and not that the file can't be written.
_OF_THE_CALL = (
    *(TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError),
    *(sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError),
)

log = logging.getLogger("g4fsync.archive")


class Archive(ArchiveReader, Observer):
    """A SQLite file with every word that came: ``Client(archive=Archive("chats.db"))``.

    Threads and processes may share the file, and threads the object.  ``keep_days``
    deletes older calls, once a day, when something is written.  With
    ``content=False`` no text is kept, only what was asked of which model, when, how
    it ended and what it cost.

    A process that is killed leaves what had come up to 0.25 s before, marked
    ``partial``.  Writing fails silently but for one warning; the methods that read raise
    :class:`ConfigurationError` when the file can't be read.  A file that is not an
    archive, or one of a newer g4fsync, is refused at once, and left as it is.

    Keys, cookies, headers and passwords in URLs are not in the file, also where a
    question or an answer repeats them.
    """

    travels = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        keep_days: float | None = None,
        content: bool = True,
    ) -> None:
        if not isinstance(path, str | os.PathLike):
            raise InvalidRequest(f"archive must be a path, got {type(path).__name__}")
        if keep_days is not None and not (is_number(keep_days) and keep_days > 0):
            raise InvalidRequest(f"keep_days must be a number above 0, got {keep_days!r:.80}")
        if os.fspath(path) == ":memory:":
            raise InvalidRequest("archive must be the path of a file, got ':memory:'")
        self.path = Path(path).expanduser().absolute()  # also when the program changes its folder
        self.keep_days = keep_days
        self.content = bool(content)
        check_file(self.path)
        self._setup()

    def _setup(self) -> None:
        """What belongs to this process."""
        self._lock = threading.RLock()  # guards all below but the two queues
        self._connection: Connection | None = None
        self._writer = Writer(content=self.content)
        self._retry_at = 0.0
        self._has_warned = False
        self._prune_at = 0.0
        # Written to without the lock: a stream may end inside the garbage collector.
        self._came: dict[str, ObservedCall] = {}
        self._ended: deque[ObservedCall] = deque()
        self._answers: deque[tuple[bytes, float, str, str, str]] = deque()
        _living.add(self)

    def _after_fork(self) -> None:
        """In the child: the parent writes what it has heard, and the connection is the parent's."""
        if self._connection is not None:
            _inherited.append(self._connection)  # not closed: that would write to the file
        self._setup()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "keep_days": self.keep_days, "content": self.content}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)
        self._setup()

    def __repr__(self) -> str:
        return f"Archive({str(self.path)!r})"

    def __del__(self) -> None:
        # All that was heard is written: whoever has to write it holds the archive until then.
        connection = vars(self).get("_connection")
        if connection is not None:
            connection.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what is waiting, and close the file; it is opened again when need be."""
        with self._lock:
            self._retry_at = 0.0
            self.flush()
            self._disconnect()

    # -- writing --------------------------------------------------------

    def text_came(self, call: ObservedCall) -> None:
        """See :class:`Observer`."""
        self._came[call.id] = call

    def call_ended(self, call: ObservedCall) -> None:
        """See :class:`Observer`."""
        self._ended.append(call)

    def flush(self) -> None:
        """Write what was heard since the last time; called for you, five times a second."""
        with self._lock:
            if not (self._came or self._ended or self._answers) or monotonic() < self._retry_at:
                return
            came, self._came = self._came, {}
            ended = [self._ended.popleft() for _ in range(len(self._ended))]
            try:
                self._write(came, ended)
            except BaseException as exc:
                self._writer.rolled_back()
                self._came = {**came, **self._came}
                self._ended.extendleft(reversed(ended[-CALLS_WAITING:]))
                if len(_unwritten) < ARCHIVES_WAITING:
                    _unwritten.add(self)
                if not isinstance(exc, Exception):  # Ctrl-C
                    raise
                self._fail(exc)
            else:
                _unwritten.discard(self)
                self._writer.committed()
                self._has_warned = False

    def store_answer(self, key: bytes, provider: str, model: str, items: str) -> None:
        """For the cache: keep an answer."""
        self._answers.append((key, time(), provider, model, items))

    def stored_answer(self, key: bytes) -> str | None:
        """For the cache: an answer that was kept; trouble with the file is none."""
        self.flush()
        with self._lock:
            try:
                if not self.path.exists():
                    return None
                query = "SELECT items FROM cache WHERE key = ?"
                row = self._opened().execute(query, (key,)).fetchone()
            except (sqlite3.Error, OSError, ConfigurationError) as exc:
                self._fail(exc)
                return None
        return row and str(row[0])

    def _write(self, came: Mapping[str, ObservedCall], ended: list[ObservedCall]) -> None:
        connection = self._opened()
        with writing(connection):
            for call in came.values():
                if call.seconds is None:  # else it is among those that have ended, or will be
                    with suppress(*_OF_THE_CALL):
                        self._writer.progress(connection, call)
            for call in ended:
                try:
                    self._writer.end(connection, call)
                except _OF_THE_CALL as exc:
                    log.warning("call %s can't be kept: %r", call.id, exc)
            while self._answers:
                answer = self._answers.popleft()
                connection.execute("INSERT OR REPLACE INTO cache VALUES (?, ?, ?, ?, ?)", answer)
            if self.keep_days is not None and time() > self._prune_at:
                prune(connection, time() - self.keep_days * _DAY)
                self._prune_at = time() + _DAY

    def _opened(self) -> Connection:
        """The file, opened anew when somebody has moved or removed the one that was open."""
        connection = self._connection
        if connection is not None and not open_files.is_there(connection, self.path):
            self._disconnect()
        if self._connection is None:
            self._connection = connect(self.path)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._writer.left()
        if connection is not None:
            connection.close()

    def _flush_all(self) -> None:
        for archive in tuple(_living):
            if archive.path == self.path:
                archive.flush()

    def _fail(self, error: Exception) -> None:
        self._retry_at = monotonic() + RETRY_SECONDS
        self._disconnect()
        if not self._has_warned:
            self._has_warned = True
            reason = getattr(error, "strerror", None) or error  # an OSError's text has the path too
            log.warning("cannot write to %s: %s; calls go on without it", self.path, reason)

    def prune(self, days: float) -> int:
        """Delete calls older than *days*, and what only they had; how many there were."""
        if not (is_number(days) and days >= 0):
            raise InvalidRequest(f"days must be a number, 0 or more, got {days!r:.80}")
        self.flush()
        try:
            with self._lock:
                connection = self._opened()
                with writing(connection):
                    return prune(connection, time() - days * _DAY)
        except (sqlite3.Error, OSError) as exc:
            raise ConfigurationError(f"archive {self.path}: {exc}") from exc


_living: weakref.WeakSet[Archive] = weakref.WeakSet()
_unwritten: set[Archive] = set()  # those that nobody else may hold any more
_inherited: list[sqlite3.Connection] = []


def _after_fork() -> None:
    _unwritten.clear()
    for archive in tuple(_living):
        archive._after_fork()


def _close_all() -> None:
    for archive in tuple(_living):
        archive.close()


process.after_fork(_after_fork)
observing.at_exit(_close_all)

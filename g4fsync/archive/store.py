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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, time
from typing import IO, TYPE_CHECKING, Any, Literal

from ..call import observing
from ..call.observing import ObservedCall, Observer
from ..errors import ConfigurationError, InvalidRequest
from ..scope import process
from ..settings import is_number
from . import report, search
from .schema import check_file, connect, reading, writing
from .writing import Writer, prune

if TYPE_CHECKING:
    from datetime import datetime

    from .records import ArchivedCall, ArchivedConversation, Cost

CALLS_WAITING = 1000
RETRY_SECONDS = 5.0
_DAY = 86_400.0

log = logging.getLogger("g4fsync.archive")


class Archive(Observer):
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
        self.path = Path(path).expanduser()
        self.keep_days = keep_days
        self.content = bool(content)
        check_file(self.path)
        self._setup()

    def _setup(self) -> None:
        """What belongs to this process."""
        self._lock = threading.RLock()  # guards all below but the two queues
        self._connection: sqlite3.Connection | None = None
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

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what is waiting, and close the file; it is opened again when need be."""
        with self._lock:
            self._retry_at = 0.0
            self.flush()
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

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
            except (sqlite3.Error, OSError, ConfigurationError) as exc:
                self._writer.rolled_back()
                self._came = {**came, **self._came}
                self._ended.extendleft(reversed(ended[-CALLS_WAITING:]))
                self._fail(exc)
            else:
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
                if self._connection is None:
                    if not self.path.exists():
                        return None
                    self._connection = connect(self.path)
                query = "SELECT items FROM cache WHERE key = ?"
                row = self._connection.execute(query, (key,)).fetchone()
            except (sqlite3.Error, OSError, ConfigurationError) as exc:
                self._fail(exc)
                return None
        return row and str(row[0])

    def _write(self, came: Mapping[str, ObservedCall], ended: list[ObservedCall]) -> None:
        if self._connection is None:
            self._connection = connect(self.path)
        connection = self._connection
        with writing(connection):
            for call in came.values():
                if call.seconds is None:  # else it is among those that have ended, or will be
                    self._writer.progress(connection, call)
            for call in ended:
                self._writer.end(connection, call)
            while self._answers:
                answer = self._answers.popleft()
                connection.execute("INSERT OR REPLACE INTO cache VALUES (?, ?, ?, ?, ?)", answer)
            if self.keep_days is not None and time() > self._prune_at:
                prune(connection, time() - self.keep_days * _DAY)
                self._prune_at = time() + _DAY

    def _fail(self, error: Exception) -> None:
        self._retry_at = monotonic() + RETRY_SECONDS
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if not self._has_warned:
            self._has_warned = True
            log.warning("cannot write to %s: %s; calls go on without it", self.path, error)

    # -- reading --------------------------------------------------------

    def calls(
        self,
        *,
        model: str | None = None,
        since: datetime | float | None = None,
        limit: int | None = 20,
    ) -> list[ArchivedCall]:
        """The newest calls, the newest first.

        ``model`` is a provider, a model or both (``openai:gpt-5``); ``since`` a
        ``datetime`` or seconds since the epoch; ``limit=None`` gives all.
        """
        return self.search("", model=model, since=since, limit=limit)

    def search(
        self,
        words: str,
        *,
        model: str | None = None,
        since: datetime | float | None = None,
        limit: int | None = 20,
    ) -> list[ArchivedCall]:
        """Calls in whose question or answer all the *words* stand, the newest first.

        With SQLite's FTS5 a word is a complete one, in any case; without it, and for
        scripts without spaces between words, it is any part of the text.
        """
        with self._reading() as connection:
            return search.find(connection, words, model=model, since=since, limit=limit)

    def call(self, id: str) -> ArchivedCall:
        """The call with this id, or the beginning of one; ``InvalidRequest`` without one."""
        with self._reading() as connection:
            return search.call(connection, id)

    def conversation(self, id: str | None = None) -> ArchivedConversation:
        """A conversation by its id or that of a call in it, or the beginning of one of them.

        Without an id it is the newest one.

        ``client.conversation(id=...)`` goes on with it.  ``InvalidRequest`` when there is none.
        """
        with self._reading() as connection:
            return search.conversation(connection, id)

    def known_conversation(self, id: str) -> ArchivedConversation | None:
        """The conversation with exactly this id, if there is one."""
        with self._reading() as connection:
            return search.known_conversation(connection, id)

    def cost(
        self,
        by: Literal["model", "day"] = "model",
        *,
        since: datetime | float | None = None,
        prices: Mapping[str, tuple[float, float]] | None = None,
    ) -> list[Cost]:
        """Calls, tokens and seconds by model or by (local) day.

        ``prices`` maps a model, or ``provider:model``, to dollars per million tokens
        in and out; without a price, or where a provider counted nothing, ``usd`` is ``None``.
        An answer from the cache costs nothing and counts no tokens.
        """
        with self._reading() as connection:
            return report.cost(connection, by, since=since, prices=prices or {})

    def export(
        self, file: IO[str], *, model: str | None = None, since: datetime | float | None = None
    ) -> int:
        """Write all calls to *file* as JSON lines, the oldest first; how many there were.

        Each line has ``messages`` and ``model`` as ``chat()`` takes them, and ``text`` is
        the answer; ``client.batch()`` asks such a file again.
        """
        with self._reading() as connection:
            return report.export(connection, file, model=model, since=since)

    def prune(self, days: float) -> int:
        """Delete calls older than *days*, and what only they had; how many there were."""
        self.flush()
        try:
            with self._lock:
                if self._connection is None:
                    self._connection = connect(self.path)
                with writing(self._connection):
                    return prune(self._connection, time() - days * _DAY)
        except (sqlite3.Error, OSError) as exc:
            raise ConfigurationError(f"archive {self.path}: {exc}") from exc

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to the file, into which all was written that this process has heard."""
        for archive in tuple(_living):
            if archive.path == self.path:
                archive.flush()
        with reading(self.path) as connection:
            yield connection


_living: weakref.WeakSet[Archive] = weakref.WeakSet()
_inherited: list[sqlite3.Connection] = []


def _after_fork() -> None:
    for archive in tuple(_living):
        archive._after_fork()


def _close_all() -> None:
    for archive in tuple(_living):
        archive.close()


process.after_fork(_after_fork)
observing.at_exit(_close_all)

"""The ways to read an archive; see :class:`~.store.Archive`, which writes it."""

from __future__ import annotations

import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from . import report, search
from .schema import reading

if TYPE_CHECKING:
    from datetime import datetime

    from .records import ArchivedCall, ArchivedConversation, Cost


class ArchiveReader(ABC):
    """What can be asked of an archive; ``ConfigurationError`` when its file can not be read."""

    path: Path

    @abstractmethod
    def _flush_all(self) -> None:
        """Write what this process has heard of calls for the same file."""

    def calls(
        self,
        *,
        model: str | None = None,
        since: datetime | float | None = None,
        parent: str | None = None,
        limit: int | None = 20,
    ) -> list[ArchivedCall]:
        """The newest calls, the newest first.

        ``model`` is a provider, a model or both (``openai:gpt-5``); ``since`` a
        ``datetime`` or seconds since the epoch; ``parent`` what calls share that were
        asked together, by one ``compare()``, ``race()``, ``map()`` or ``batch()``;
        ``limit=None`` gives all.
        """
        return self.search("", model=model, since=since, parent=parent, limit=limit)

    def search(
        self,
        words: str,
        *,
        model: str | None = None,
        since: datetime | float | None = None,
        parent: str | None = None,
        limit: int | None = 20,
    ) -> list[ArchivedCall]:
        """Calls in whose question or answer all the *words* stand, the newest first.

        With SQLite's FTS5 a word is a complete one, in any case; without it, and for
        scripts without spaces between words, it is any part of the text.
        """
        with self._reading() as connection:
            return search.find(
                connection, words, model=model, since=since, parent=parent, limit=limit
            )

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
        self,
        file: IO[str] | str | os.PathLike[str],
        *,
        model: str | None = None,
        since: datetime | float | None = None,
    ) -> int:
        """Write all calls to *file*, or a new file of this path, as JSON lines, the oldest first.

        Returns how many there were.

        Each line has ``messages`` and ``model`` as ``chat()`` takes them, and ``text`` is
        the answer; ``client.batch()`` asks such a file again.
        """
        if isinstance(file, str | os.PathLike):
            with Path(file).open("x", encoding="utf-8") as opened:
                return self.export(opened, model=model, since=since)
        with self._reading() as connection:
            return report.export(connection, file, model=model, since=since)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to the file, into which all was written that this process has heard."""
        self._flush_all()
        with reading(self.path) as connection:
            yield connection

"""What stands in the archive as values, and the rows they are made of."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, time
from operator import itemgetter
from typing import Any

from ..errors import InvalidRequest
from ..events import Usage
from ..messages import Message
from ..settings import is_number
from .rows import message_of

USAGE = tuple(field.name for field in fields(Usage))


@dataclass(frozen=True, slots=True)
class ArchivedCall:
    """A call as it stands in the archive.

    ``started`` is in seconds since the epoch, as are no others: ``seconds`` and
    ``first_token_seconds`` count from it.  ``state`` is ``complete``, ``failed``
    (``error_class`` and ``error`` say how) or ``partial``: still under way, or its process
    was killed.  ``question`` is the last message's text, ``text`` the answer, or what came
    of it.  ``cached``: it was taken from the cache, and nothing was asked.
    ``attempts`` are mappings of what was tried.  ``parent`` is an id that calls share which
    were asked together, by one ``compare()``, ``race()``, ``map()`` or ``batch()``.
    """

    id: str
    parent: str | None
    conversation: str
    started: float
    provider: str
    model: str
    options: Mapping[str, Any]
    state: str
    question: str
    text: str
    reasoning: str
    finish_reason: str | None
    usage: Usage | None
    error_class: str | None
    error: str | None
    first_token_seconds: float | None
    seconds: float | None
    attempts: tuple[Mapping[str, Any], ...]
    cached: bool
    dropped: int


@dataclass(frozen=True, slots=True)
class ArchivedConversation:
    """A conversation as it stands in the archive: its complete turns, and one that was not.

    ``messages`` end with the newest complete answer.  ``pending`` is the newest call
    when it was interrupted: the question is not among ``messages`` then, but its messages
    are ``pending_messages``.  ``model`` is ``provider:model`` of the newest call.
    """

    id: str
    messages: tuple[Message, ...]
    model: str
    pending: ArchivedCall | None = None
    pending_messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Cost:
    """What calls of one model, or of one day, have cost.

    ``counted`` is how many of the ``calls`` have a usage; the tokens are theirs.
    ``usd`` is ``None`` unless all that was counted has a price.
    """

    key: str
    calls: int
    counted: int
    input_tokens: int
    output_tokens: int
    seconds: float
    usd: float | None = None


COLUMNS = (
    "calls.*, "
    "(SELECT m.text FROM turns t JOIN messages m ON m.id = t.message WHERE t.id = calls.question)"
    " AS asked, "
    "(SELECT m.text FROM turns t JOIN messages m ON m.id = t.message WHERE t.id = calls.answer)"
    " AS answered"
)


def select(connection: sqlite3.Connection, query: str, values: list[Any]) -> list[dict[str, Any]]:
    cursor = connection.execute(query, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def call_of(connection: sqlite3.Connection, row: Mapping[str, Any]) -> ArchivedCall:
    is_partial = row["state"] == "partial"
    usage = Usage(**{name: row[name] for name in USAGE})
    return ArchivedCall(
        id=row["id"],
        parent=row["parent"],
        conversation=row["conversation"] or row["id"],
        started=row["started"],
        provider=row["provider"],
        model=row["model"],
        options=json.loads(row["options"]),
        state=row["state"],
        question=row["asked"] or "",
        text=pieces(connection, row["id"], "text") if is_partial else row["answered"] or "",
        reasoning=pieces(connection, row["id"], "reasoning") if is_partial else row["reasoning"],
        finish_reason=row["finish_reason"],
        usage=None if usage == Usage() else usage,
        error_class=row["error_class"],
        error=row["error"],
        first_token_seconds=row["first_token_seconds"],
        seconds=row["seconds"],
        attempts=tuple(json.loads(row["attempts"])),
        cached=bool(row["cached"]),
        dropped=row["dropped"],
    )


def pieces(connection: sqlite3.Connection, call: str, kind: str) -> str:
    found = connection.execute(
        "SELECT text FROM pieces WHERE call = ? AND kind = ? ORDER BY position", (call, kind)
    )
    return "".join(text for (text,) in found)


_UP = """
WITH RECURSIVE up (id, parent, message, height) AS (
    SELECT id, parent, message, 0 FROM turns WHERE id = ?
    UNION ALL
    SELECT turns.id, turns.parent, turns.message, up.height + 1
    FROM up JOIN turns ON turns.id = up.parent
)
SELECT up.height, up.id, messages.role, messages.text, messages.more
FROM up CROSS JOIN messages ON messages.id = up.message
"""


def messages_at(connection: sqlite3.Connection, turn: int | None) -> tuple[Message, ...]:
    """The conversation that ends with *turn*."""
    return turns_at(connection, turn)[1]


def turns_at(
    connection: sqlite3.Connection, turn: int | None
) -> tuple[tuple[int, ...], tuple[Message, ...]]:
    """The same as ids of turns and as messages."""
    rows = connection.execute(_UP, (turn,)).fetchall()
    # Sorted here: SQLite would put all the texts into a table of its own for it.
    rows.sort(key=itemgetter(0), reverse=True)
    messages = tuple([message_of(role, text, more) for _, _, role, text, more in rows])
    return tuple([row[1] for row in rows]), messages


def conditions(
    model: str | None, since: datetime | date | float | None, parent: str | None = None
) -> tuple[list[str], list[Any]]:
    where: list[str] = ["1"]
    values: list[Any] = []
    if model is not None:
        where.append("(? IN (provider, model, provider || ':' || model))")
        values.append(model)
    if since is not None:
        where.append("started >= ?")
        values.append(_seconds(since))
    if parent is not None:
        where.append("parent = ?")
        values.append(parent)
    return where, values


def _seconds(since: datetime | date | float) -> float:
    if isinstance(since, datetime):
        return since.timestamp()
    if isinstance(since, date):
        return datetime.combine(since, time()).timestamp()
    if not is_number(since):
        raise InvalidRequest(
            f"since must be a datetime or seconds since the epoch, got {since!r:.80}"
        )
    return since

"""Calls by their words, their id, their conversation."""

from __future__ import annotations

import sqlite3
import unicodedata
from datetime import date, datetime
from typing import Any

from ..errors import InvalidRequest
from ..messages import Message
from .records import (
    COLUMNS,
    ArchivedCall,
    ArchivedConversation,
    call_of,
    conditions,
    messages_at,
    select,
    turns_at,
)
from .schema import is_indexed

MOST_WORDS = 100  # of one search; SQLite reads no condition of a thousand


def find(
    connection: sqlite3.Connection,
    words: str,
    *,
    model: str | None,
    since: datetime | date | float | None,
    parent: str | None,
    limit: int | None,
) -> list[ArchivedCall]:
    """Calls with all the *words* in question or answer, the newest first."""
    if limit is not None and not (isinstance(limit, int) and 0 <= limit < 2**63):
        raise InvalidRequest(f"limit must be a whole number or None, got {limit!r:.80}")
    where, values = conditions(model, since, parent)
    terms = [*dict.fromkeys(words.split())]
    if len(terms) > MOST_WORDS:
        raise InvalidRequest(f"a search has {MOST_WORDS} words at most, this one {len(terms)}")
    before = ""
    if terms:
        before, inside, matching = _words(connection, terms)
        where.append(inside)
        values = [*matching, *values, *map(_like, terms)]
    rows = select(
        connection,
        f"{before} SELECT {COLUMNS} FROM calls WHERE {' AND '.join(where)} "
        "ORDER BY started DESC, id DESC LIMIT ?",
        [*values, -1 if limit is None else limit],
    )
    return [call_of(connection, row) for row in rows]


# A message that is in nobody's question or answer, but before it, stands for the first calls
# that came after it: a system text is found by the calls that begin with it.
_BELOW = """
WITH RECURSIVE below (id) AS (
    SELECT turns.id FROM turns JOIN ({matches}) matching ON turns.message = matching.id
    UNION
    SELECT turns.id FROM turns JOIN below ON turns.parent = below.id
    WHERE NOT EXISTS (SELECT 1 FROM calls WHERE question = below.id OR answer = below.id)
)
"""


def _words(connection: sqlite3.Connection, terms: list[str]) -> tuple[str, str, list[str]]:
    """What stands before a SELECT of calls, the condition in it, and the values of the former.

    The values of the condition are a pattern for each of *terms*.
    """
    if is_indexed(connection) and all(map(_is_indexable, terms)):
        matches = "SELECT rowid AS id FROM words WHERE words MATCH ?"
        values = [" ".join('"' + term.replace('"', '""') + '"' for term in terms)]
        inside_pieces = " AND ".join("text LIKE ? ESCAPE '\\'" for _ in terms)
    else:
        inside_pieces = " AND ".join("text LIKE ? ESCAPE '\\'" for _ in terms)
        matches = f"SELECT id FROM messages WHERE {inside_pieces}"
        values = [_like(term) for term in terms]
    condition = (
        "(question IN below OR answer IN below OR "
        f"id IN (SELECT call FROM in_pieces WHERE {inside_pieces}))"
    )
    before = _BELOW.format(matches=matches).rstrip() + (
        ", in_pieces (call, text) AS (SELECT call, group_concat(text, '') FROM "
        "(SELECT call, text FROM pieces WHERE kind = 'text' ORDER BY call, position) "
        "GROUP BY call)"
    )
    return before, condition, values


def _like(term: str) -> str:
    escaped = term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _is_indexable(term: str) -> bool:
    """Whether FTS5 takes *term* for a word: letters and digits of a script with spaces."""
    return all(each.isalnum() and unicodedata.category(each) != "Lo" for each in term)


def call(connection: sqlite3.Connection, id: str) -> ArchivedCall:
    """The call with this id, or the beginning of one."""
    _check_id(id)
    rows = select(
        connection,
        f"SELECT {COLUMNS} FROM calls WHERE substr(id, 1, ?) = ? LIMIT 2",
        [len(id), id.upper()],
    )
    if not id or len(rows) != 1:
        raise InvalidRequest(f"the archive has {'no call' if not rows else 'several calls'} {id!r}")
    return call_of(connection, rows[0])


def _check_id(id: object) -> None:
    if not isinstance(id, str):
        raise InvalidRequest(f"an id is a str, got {type(id).__name__}")


def conversation(connection: sqlite3.Connection, id: str | None) -> ArchivedConversation:
    """A conversation by its id or that of a call in it; the newest one without."""
    if id is None:  # no lane of a comparison, no row of a batch: they are many at once
        newest = select(
            connection,
            "SELECT coalesce(conversation, id) AS id FROM calls WHERE parent IS NULL "
            "ORDER BY started DESC, id DESC LIMIT 1",
            [],
        )
        found = known_conversation(connection, newest[0]["id"]) if newest else None
    else:
        _check_id(id)
        found = known_conversation(connection, _id_of_conversation(connection, id))
    if found is None:
        raise InvalidRequest(
            "the archive has no conversation" + (f" {id!r}" if id is not None else "")
        )
    return found


def known_conversation(connection: sqlite3.Connection, id: str) -> ArchivedConversation | None:
    """The conversation with exactly this id."""
    newest = _newest_call(connection, id, "1")
    if newest is None:
        return None
    pending = newest if newest["state"] != "complete" else None
    complete = newest if pending is None else _newest_call(connection, id, "state = 'complete'")
    turn = None if complete is None else complete["answer"] or complete["question"]
    turns, asked = turns_at(connection, pending["question"]) if pending else ((), ())
    # The question mostly follows on the newest complete answer.
    known = turns.index(turn) + 1 if turn in turns else None
    messages = messages_at(connection, turn) if known is None else asked[:known]
    if pending and not messages:
        messages = tuple(m for m in asked[:-1] if m.role in ("system", "developer"))
    return ArchivedConversation(
        id=newest["conversation"] or newest["id"],
        messages=messages,
        model=f"{newest['provider']}:{newest['model']}",
        pending=call_of(connection, pending) if pending else None,
        pending_messages=_new_of(asked, messages),
    )


def _newest_call(
    connection: sqlite3.Connection, conversation: str, condition: str
) -> dict[str, Any] | None:
    """The newest of a conversation's calls, however many there are."""
    # The others are not read, since an index has them in this order.
    rows = select(
        connection,
        f"SELECT {COLUMNS} FROM calls WHERE id = coalesce("
        f"(SELECT id FROM calls WHERE conversation = ? AND {condition} "
        "ORDER BY started DESC, id DESC LIMIT 1), "
        f"(SELECT id FROM calls WHERE id = ? AND {condition}))",
        [conversation, conversation],
    )
    return rows[0] if rows else None


def _new_of(asked: tuple[Message, ...], known: tuple[Message, ...]) -> tuple[Message, ...]:
    if asked[: len(known)] == known:
        return asked[len(known) :]
    return asked[-1:]


def _id_of_conversation(connection: sqlite3.Connection, id: str) -> str:
    """The id that *id* is, is the beginning of, or that has the call *id*; or it is no help."""
    query = "SELECT DISTINCT coalesce(conversation, id) AS id FROM calls WHERE "
    found = select(connection, f"{query} conversation = ? OR id = ?", [id, id])
    if not found and id:
        begins = "substr(id, 1, ?) = ? OR substr(conversation, 1, ?) = ? LIMIT 2"
        found = select(connection, query + begins, [len(id), id.upper()] * 2)
    if len(found) > 1:
        raise InvalidRequest(f"the archive has several conversations {id!r}")
    return found[0]["id"] if found else ""

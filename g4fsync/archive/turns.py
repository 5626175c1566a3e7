"""Conversations as rows: each message after another one, what is known of them shared."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from ..messages import Message
from .rows import message_row


class Turn:
    """A place in a conversation: its row, and the hash of all up to it."""

    __slots__ = ("hash", "id")

    def __init__(self, id: int, hash: bytes) -> None:
        self.id = id
        self.hash = hash

    def add(self, connection: sqlite3.Connection, message: Message, secrets: Sequence[str]) -> Turn:
        """The turn that is *message* after this one."""
        row = message_row(message, secrets)
        return _turn(connection, self.id, sha256(self.hash + row[0]).digest(), row)


@dataclass(frozen=True, slots=True)
class Past:
    """Messages that were written, and the hash of their turn."""

    messages: tuple[Message, ...]
    secrets: Sequence[str]
    hash: bytes

    def turn(
        self, connection: sqlite3.Connection, messages: tuple[Message, ...], secrets: Sequence[str]
    ) -> Turn | None:
        """The turn of *messages*, if these go on with ours, and ours is still in the file."""
        count = len(self.messages)
        # Mostly the same objects, so that no text is compared.
        if self.secrets != secrets or messages[:count] != self.messages:
            return None
        found = connection.execute("SELECT id FROM turns WHERE hash = ?", (self.hash,)).fetchone()
        if found is None:
            return None
        turn = Turn(found[0], self.hash)
        for message in messages[count:]:
            turn = turn.add(connection, message, secrets)
        return turn


def add_turns(
    connection: sqlite3.Connection, messages: Sequence[Message], secrets: Sequence[str]
) -> Turn:
    """The turn at which *messages* end; what is known of them from the beginning is shared."""
    rows = [message_row(message, secrets) for message in messages]
    hashes, hash = [], b""
    for row in rows:
        hash = sha256(hash + row[0]).digest()
        hashes.append(hash)
    # From the end, since mostly all but the last two are there.
    known = len(rows)
    parent = None
    while known and parent is None:
        found = connection.execute("SELECT id FROM turns WHERE hash = ?", (hashes[known - 1],))
        row_found = found.fetchone()
        if row_found is None:
            known -= 1
        else:
            parent = row_found[0]
    for row, each in zip(rows[known:], hashes[known:], strict=True):
        parent = _turn(connection, parent, each, row).id
    assert parent is not None  # a conversation is never empty
    return Turn(parent, hash)


def _turn(
    connection: sqlite3.Connection,
    parent: int | None,
    hash: bytes,
    row: tuple[bytes, str, str, str | None],
) -> Turn:
    found = connection.execute("SELECT id FROM turns WHERE hash = ?", (hash,)).fetchone()
    if found is not None:
        return Turn(found[0], hash)
    connection.execute(
        "INSERT INTO messages (hash, role, text, more) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (hash) DO NOTHING",
        row,
    )
    cursor = connection.execute(
        "INSERT INTO turns (hash, parent, message) SELECT ?, ?, id FROM messages WHERE hash = ?",
        (hash, parent, row[0]),
    )
    assert cursor.lastrowid is not None
    return Turn(cursor.lastrowid, hash)

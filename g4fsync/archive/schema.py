"""The archive's file: its tables, how it is opened, and how older ones are brought up to date.

**Tables.**  ``messages`` are content-addressed: the same text is stored once, however
often it is sent again.  ``turns`` are conversations as a tree: a turn is a message after
another turn, so a history of a thousand turns costs two rows per call, and a fork shares
its past.  ``calls`` are what was asked and what came of it; ``question`` and ``answer``
are turns.  ``pieces`` hold the text of an answer that is still coming (or whose process
was killed); when it has ended, they are one message.  ``cache`` belongs to :mod:`.cache`.

**Settings**, and why:

* ``journal_mode=WAL``: one process writes while others read, and a kill or a power cut
  leaves the last commit, never half of one.  It wants a local disk: SQLite's WAL does
  not work over a network file system.
* ``synchronous=NORMAL``: in WAL mode a kill loses nothing; a power cut may lose the last
  commits, never the file.  ``FULL`` would wait for the disk five times a second.
* ``busy_timeout``: how long a writer waits for another.  Each writes a batch in a
  millisecond or so, in a transaction that begins as a writer (``BEGIN IMMEDIATE``), as
  one that begins by reading may be refused at once and not after the timeout.
* ``journal_size_limit``: the ``-wal`` file shrinks again after a long reader was there.

The file says whose it is by ``application_id`` and ``user_version``, which are looked at
in its first 100 bytes before anything opens it: SQLite would write beside a stranger's.
Not while this process has it open: see :mod:`.openfiles`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic, sleep

from ..errors import ConfigurationError
from .openfiles import Connection, open_files

APPLICATION_ID = 0x67346673  # "g4fs"
BUSY_SECONDS = 30.0

_MAGIC = b"SQLite format 3\x00"

_TABLES = """
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,      -- SHA-256 of the three below
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    more TEXT                       -- JSON of all else, NULL for plain text
);
CREATE TABLE turns (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,      -- SHA-256 of the parent's hash and the message's
    parent INTEGER REFERENCES turns,
    message INTEGER NOT NULL REFERENCES messages
);
CREATE TABLE calls (
    id TEXT PRIMARY KEY,            -- ULID
    parent TEXT,                    -- ULID that calls share which were asked together
    conversation TEXT,
    started REAL NOT NULL,          -- seconds since the epoch
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    options TEXT NOT NULL,          -- JSON
    question INTEGER REFERENCES turns,
    dropped INTEGER NOT NULL,       -- of the question's messages, not sent
    state TEXT NOT NULL,            -- partial, complete or failed
    answer INTEGER REFERENCES turns,
    reasoning TEXT NOT NULL DEFAULT '',
    finish_reason TEXT,
    error_class TEXT,
    error TEXT,
    input_tokens INTEGER,
    output_tokens INTEGER,
    total_tokens INTEGER,
    cached_tokens INTEGER,
    reasoning_tokens INTEGER,
    first_token_seconds REAL,
    seconds REAL,
    attempts TEXT NOT NULL DEFAULT '[]',
    cached INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX calls_started ON calls (started);
CREATE INDEX calls_conversation ON calls (conversation, started);
CREATE INDEX calls_question ON calls (question);
CREATE INDEX calls_answer ON calls (answer);
CREATE INDEX turns_message ON turns (message);
CREATE INDEX turns_parent ON turns (parent);
CREATE TABLE pieces (
    call TEXT NOT NULL,
    kind TEXT NOT NULL,             -- text or reasoning
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (call, kind, position)
) WITHOUT ROWID;
CREATE TABLE cache (
    key BLOB PRIMARY KEY,
    stored REAL NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    items TEXT NOT NULL             -- JSON, the answer's pieces and events
) WITHOUT ROWID;
"""

_FULL_TEXT = """
CREATE VIRTUAL TABLE words USING fts5(text, content='messages', content_rowid='id');
CREATE TRIGGER messages_added AFTER INSERT ON messages BEGIN
    INSERT INTO words (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER messages_removed AFTER DELETE ON messages BEGIN
    INSERT INTO words (words, rowid, text) VALUES ('delete', old.id, old.text);
END;
"""


def _create(connection: sqlite3.Connection) -> None:
    _run_all(connection, _TABLES)
    if has_full_text(connection):
        _run_all(connection, _FULL_TEXT)


def _index_parents(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE INDEX calls_parent ON calls (parent) WHERE parent IS NOT NULL")


# Index: the version a file has; what makes the next one of it.  Never change one that was
# released, add another.
MIGRATIONS: list[Callable[[sqlite3.Connection], None]] = [_create, _index_parents]


def has_full_text(connection: sqlite3.Connection) -> bool:
    """Whether this build of SQLite has FTS5."""
    options = {row[0] for row in connection.execute("PRAGMA compile_options")}
    return "ENABLE_FTS5" in options


def is_indexed(connection: sqlite3.Connection) -> bool:
    """Whether the file has its full-text index, and this build can read it."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'words'").fetchone()
    return found is not None and has_full_text(connection)


def check_file(path: Path) -> None:
    """Raise ``ConfigurationError`` for a file that is no archive of ours, without touching it."""
    try:
        head = open_files.head(path, 100)
    except OSError as exc:
        raise ConfigurationError(f"archive {path}: {exc.strerror or exc}") from exc
    except ValueError as exc:  # a zero in the path
        raise ConfigurationError(f"archive {str(path)!r}: {exc}") from exc
    if not head:
        return
    if len(head) < 100 or not head.startswith(_MAGIC):
        raise ConfigurationError(f"archive {path}: it is no SQLite file")
    version, application = (int.from_bytes(head[at : at + 4], "big") for at in (60, 68))
    if application != APPLICATION_ID or version < 1:
        raise ConfigurationError(f"archive {path}: it is a SQLite file of another program")
    _check_version(path, version)


def _check_version(path: Path, version: int) -> None:
    if version > len(MIGRATIONS):
        raise ConfigurationError(
            f"archive {path}: version {version} is from a newer g4fsync, this one knows "
            f"version {len(MIGRATIONS)}"
        )


def connect(path: Path) -> Connection:
    """Open the archive for reading and writing; made, or brought up to date, when need be.

    Raises ``ConfigurationError`` for a file of another kind, ``sqlite3.Error`` and
    ``OSError`` for what the disk says.
    """
    with open_files.lock:
        check_file(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            # Other people of this machine are not to read it.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = _opened(path, str(path))
    try:
        _bring_up_to_date(connection, path)
        _use_wal(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """Open the archive to read it; one that was never written is empty."""
    if not path.exists():
        connection = _opened(None, ":memory:")
        _create(connection)
        return connection
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return connect(path)
    with open_files.lock:
        check_file(path)
        # Where nothing can be written beside it, SQLite opens a file in WAL mode only when it
        # is told that nobody else writes it; with a "-wal" that has something, that is not so.
        beside = Path(f"{path}-wal")
        is_still = not beside.exists() or not beside.stat().st_size
        return _opened(
            path, f"{path.absolute().as_uri()}?{'immutable=1' if is_still else 'mode=ro'}"
        )


def _opened(path: Path | None, name: str) -> Connection:
    connection = sqlite3.connect(
        name,
        factory=Connection,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # transactions begin where we say so
        check_same_thread=False,  # the archive's lock sees to it
        uri=name.startswith("file:"),
    )
    if path is not None:
        open_files.add(connection, path)
    for setting in ("synchronous=NORMAL", "journal_size_limit=16777216"):
        connection.execute(f"PRAGMA {setting}")
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    # Two processes that switch a new file at once: SQLite refuses one without waiting.
    until = monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc) or monotonic() > until:
                raise
            sleep(0.01)
        else:
            return


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection) == len(MIGRATIONS):
        return
    with writing(connection):
        version = _version(connection)  # another process may have been faster
        _check_version(path, version)
        for migrate in MIGRATIONS[version:]:
            migrate(connection)
        # In the same transaction as the tables, so that no other state is ever in the file.
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={len(MIGRATIONS)}")


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that writes: all of it is kept, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite itself ends it when the disk is full
            connection.execute("ROLLBACK")
        raise


def _run_all(connection: sqlite3.Connection, script: str) -> None:
    # Not executescript(), which commits first.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of one's own for as long as the block lasts."""
    try:
        connection = connect_for_reading(path)
    except (sqlite3.Error, OSError) as exc:
        raise ConfigurationError(f"archive {path}: {exc}") from exc
    with closing(connection):
        try:
            yield connection
        except sqlite3.Error as exc:  # an OSError in the block is of the file that is written to
            raise ConfigurationError(f"archive {path}: {exc}") from exc

"""How a call becomes rows: while it streams, and when it has ended.  Inside a transaction.

What is written is blotted: no key, cookie, header or password of a URL goes into the file.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..call.observing import ObservedCall
from ..events import Attempt
from ..messages import Message
from ..redaction import blotted, forms
from .rows import as_json
from .turns import Past, Turn, add_turns

_SECRET_NAME = re.compile("auth|key|token|secret|cookie|password|credential", re.IGNORECASE)
_NOT_SECRET = frozenset({"max_tokens", "max_new_tokens", "max_completion_tokens"})
_BLOT = "…"
_PASTS_KEPT = 64  # conversations


class GrowingText:
    """A text that is kept piece by piece while it grows, without secrets."""

    def __init__(self) -> None:
        self._text = ""  # as it was kept
        self.pieces = 0

    def is_replaced_by(self, text: str) -> bool:
        """Whether *text* is another one, as when an answer was asked for again."""
        return not text.startswith(self._text)

    def addition(self, text: str, secrets: Sequence[str]) -> str:
        """What *text* has more than was kept, blotted also where it begins inside a secret."""
        kept = len(self._text)
        if not secrets or len(text) == kept:
            return text[kept:]
        start = max(0, kept - len(secrets[0]))  # the longest comes first
        before = blotted(text[start:kept], secrets)
        after: str = blotted(text[start:], secrets)
        return after[_common(before, after) :]

    def keep(self, text: str) -> None:
        """All of *text* is in the file now."""
        if text != self._text:
            self._text = text
            self.pieces += 1


class Writer:
    """Writes calls into one connection; knows of each open call how much is there already."""

    def __init__(self, *, content: bool) -> None:
        self._content = content
        self._open: dict[str, dict[str, GrowingText]] = {}
        self._growing: list[tuple[GrowingText, str]] = []  # in this transaction
        self._pasts: dict[str, Past] = {}  # by conversation or call, the newest last

    def committed(self) -> None:
        """What was written since the last time is in the file."""
        for growing, text in self._growing:
            growing.keep(text)
        self._growing = []

    def rolled_back(self) -> None:
        """What was written since the last time is not in the file."""
        self._growing = []

    def left(self) -> None:
        """The connection was closed, perhaps for a file in which nothing is of what was written."""
        self._open = {}
        self._growing = []

    def progress(self, connection: sqlite3.Connection, call: ObservedCall) -> None:
        """The row of a call that is under way, and what has come since the last time."""
        secrets = secret_forms(call)
        if call.id not in self._open:
            self._open[call.id] = {"text": GrowingText(), "reasoning": GrowingText()}
            connection.execute("DELETE FROM pieces WHERE call = ?", (call.id,))  # see left()
        if not any(growing.pieces for growing in self._open[call.id].values()):
            self._row(connection, call, secrets, "partial")
        if not self._content:
            return
        for kind, growing in self._open[call.id].items():
            text: str = getattr(call, kind)
            if growing.is_replaced_by(text):
                query = "DELETE FROM pieces WHERE call = ? AND kind = ?"
                connection.execute(query, (call.id, kind))
                growing = self._open[call.id][kind] = GrowingText()
            addition = growing.addition(text, secrets)
            if addition:
                connection.execute(
                    "INSERT OR REPLACE INTO pieces VALUES (?, ?, ?, ?)",
                    (call.id, kind, growing.pieces, addition),
                )
                self._growing.append((growing, text))

    def end(self, connection: sqlite3.Connection, call: ObservedCall) -> None:
        """The row of a call that has ended."""
        self._open.pop(call.id, None)
        secrets = secret_forms(call)
        self._row(connection, call, secrets, "complete" if call.is_complete else "failed")
        connection.execute("DELETE FROM pieces WHERE call = ?", (call.id,))

    def _row(
        self,
        connection: sqlite3.Connection,
        call: ObservedCall,
        secrets: Sequence[str],
        state: str,
    ) -> None:
        row: dict[str, Any] = {
            "id": call.id,
            "parent": call.parent,
            "conversation": call.conversation,
            "started": call.started_at,
            "provider": call.provider,
            "model": call.model,
            "options": blotted(as_json(safe_options(call.options, self._content)), secrets),
            "dropped": call.dropped,
            "state": state,
            "finish_reason": blotted(call.finish_reason, secrets),  # the server's own word
            "first_token_seconds": call.first_token_seconds,
            "seconds": call.seconds,
            "attempts": as_json([self._attempt(each, secrets) for each in call.attempts]),
            "cached": call.cached,
        }
        if call.usage is not None:
            usage = call.usage
            row |= {name: getattr(usage, name) for name in usage.__dataclass_fields__}
        if call.error is not None:
            row["error_class"] = type(call.error).__name__
            row["error"] = self._error_text(call.error, secrets)
        if self._content:
            row["question"], answer = self._turns(connection, call, secrets, state)
            row["answer"] = answer
            if state != "partial":
                row["reasoning"] = blotted(call.reasoning, secrets)
        connection.execute(_insertion(tuple(row)), tuple(row.values()))

    def _turns(
        self, connection: sqlite3.Connection, call: ObservedCall, secrets: Sequence[str], state: str
    ) -> tuple[int, int | None]:
        """The turns of a call's question and of its answer, if there is one."""
        question = self._question(connection, call, secrets)
        if state == "partial" or not (call.text or call.tool_calls or call.provider_data):
            return question.id, None
        turn = question
        for message in self._answer(call):
            turn = turn.add(connection, message, secrets)
        return question.id, turn.id

    def _question(
        self, connection: sqlite3.Connection, call: ObservedCall, secrets: Sequence[str]
    ) -> Turn:
        """The turn of a call's question; what was written of its conversation is not read again."""
        messages, key = call.messages, call.conversation or call.id
        past = self._pasts.pop(key, None)
        turn = past.turn(connection, messages, secrets) if past is not None else None
        if turn is None:
            turn = add_turns(connection, messages, secrets)
        if call.conversation is not None or call.seconds is None:
            self._pasts[key] = Past(messages, secrets, turn.hash)
            if len(self._pasts) > _PASTS_KEPT:
                del self._pasts[next(iter(self._pasts))]
        return turn

    def _answer(self, call: ObservedCall) -> Sequence[Message]:
        if call.is_complete:
            return call.new_messages
        # Without what a provider wants back: it refuses a part of it.
        return [Message("assistant", call.text, tool_calls=call.tool_calls)]

    def _attempt(self, attempt: Attempt, secrets: Sequence[str]) -> dict[str, Any]:
        error = attempt.error
        return {
            "number": attempt.number,
            "provider": attempt.provider,
            "model": attempt.model,
            "phase": attempt.phase,
            "seconds": round(attempt.seconds, 6),
            "error_class": error and type(error).__name__,
            "error": error and self._error_text(error, secrets),
        }

    def _error_text(self, error: Exception, secrets: Sequence[str]) -> str | None:
        # It may quote what was sent or came.
        return str(blotted(str(error), secrets)) if self._content else None


@lru_cache(maxsize=32)
def _insertion(names: tuple[str, ...]) -> str:
    """The statement that makes or changes the row of a call."""
    changes = ", ".join(f"{name} = excluded.{name}" for name in names)
    return (
        f"INSERT INTO calls ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
        f"ON CONFLICT (id) DO UPDATE SET {changes}"
    )


def secret_forms(call: ObservedCall) -> Sequence[str]:
    """What must not be in the file, the longest first."""
    return journal_forms(call.secrets, call.options)


def journal_forms(
    known: tuple[tuple[str, ...], tuple[str, ...]], options: Mapping[str, Any]
) -> Sequence[str]:
    """The same for what a journal knows, and for a call's options."""
    secrets, passwords = known
    headers = options.get("extra_headers") or {}
    own = (value for name, value in headers.items() if _SECRET_NAME.search(name))
    return _forms(tuple(dict.fromkeys((*secrets, *own))), tuple(dict.fromkeys(passwords)))


@lru_cache(maxsize=256)
def _forms(secrets: tuple[str, ...], passwords: tuple[str, ...]) -> Sequence[str]:
    return forms(secrets, passwords)


def safe_options(options: Mapping[str, Any], content: bool) -> dict[str, Any]:
    """*options* without values of headers and of whatever is called a secret."""
    safe: dict[str, Any] = {}
    for name, value in options.items():
        if name == "extra_headers":
            safe[name] = dict.fromkeys(value, _BLOT)
        elif content:
            safe[name] = _safe(value)
        elif isinstance(value, int | float | bool) or name == "reasoning_effort":
            safe[name] = value
    return safe


def _safe(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _safe_member(str(name), each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(each) for each in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return f"{value!r:.200}"


def _safe_member(name: str, value: Any) -> Any:
    is_secret = isinstance(value, str) and _SECRET_NAME.search(name) and name not in _NOT_SECRET
    return _BLOT if is_secret else _safe(value)


def prune(connection: sqlite3.Connection, before: float) -> int:
    """Delete calls that started before, in seconds since the epoch, and what only they had."""
    cursor = connection.execute("DELETE FROM calls WHERE started < ?", (before,))
    connection.execute("DELETE FROM cache WHERE stored < ?", (before,))
    if cursor.rowcount > 0:
        connection.execute("DELETE FROM pieces WHERE call NOT IN (SELECT id FROM calls)")
        connection.execute(
            "WITH RECURSIVE live (id) AS ("
            "SELECT question FROM calls UNION SELECT answer FROM calls "
            "UNION SELECT turns.parent FROM turns JOIN live ON turns.id = live.id) "
            "DELETE FROM turns WHERE id NOT IN (SELECT id FROM live WHERE id IS NOT NULL)"
        )
        connection.execute("DELETE FROM messages WHERE id NOT IN (SELECT message FROM turns)")
    return cursor.rowcount


def _common(one: str, other: str) -> int:
    """How many characters both begin with."""
    if other.startswith(one):
        return len(one)
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))

"""Rows on their way in: which of them the file has already, and whether it is ours."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import InvalidRequest
from .job import Row
from .ledger import Ledger
from .lines import BatchRow
from .reading import parsed
from .seats import Item

if TYPE_CHECKING:
    from .batch import Settings

_encode = json.JSONEncoder(ensure_ascii=False).encode


class Intake:
    """Reads rows, and compares each with the file.

    A file in which no row of the input stands with its content belongs to another job, and is
    left alone.  Input that can be read twice is read up to the first such row before
    anything is asked; of an iterator the rows before it are kept.
    """

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._settings = settings
        self._ledger = ledger
        self._values = settings.source.values()
        self._is_ours = not len(ledger)
        self._held: deque[Row] = deque()  # read, and not given out yet
        self.is_at_end = False

    def begin(self) -> None:
        """Look whose file it is, as far as that can be done without losing rows."""
        source = self._settings.source
        if self._is_ours or not source.is_repeatable:
            return
        there_are_rows = False
        for number, value in source.values():
            there_are_rows = True
            row = self._settings.job.row(number, value)
            entry = self._ledger.index.get(row.digest)
            if entry is not None and _compared(self._ledger.line(entry[0]), row)[0]:
                self._is_ours = True
                return
        if there_are_rows:
            raise self._another_job()

    def read(self, asked: Mapping[str, Item]) -> Row | BatchRow | None:
        """The next row: to be asked, or finished as the file has it; ``None`` at the end.

        *asked* are the rows by key that wait or run.  Raises ``InvalidRequest`` for a row
        that is wrong, and what the caller's iterable raises; then there are no more.
        """
        try:
            return self._read(asked)
        except BaseException:
            self.is_at_end = True
            raise

    def _read(self, asked: Mapping[str, Item]) -> Row | BatchRow | None:
        while True:
            if self._held and self._is_ours:
                row = self._held.popleft()
                return self._known(row, asked) or row
            found = next(self._values, None)
            if found is None:
                if self._held:
                    raise self._another_job()
                self.is_at_end = True
                return None
            row = self._settings.job.row(*found)
            known = self._known(row, asked)
            if known is not None:
                return known
            if self._is_ours and not self._held:
                return row
            self._held.append(row)

    def _known(self, row: Row, asked: Mapping[str, Item]) -> BatchRow | None:
        """The row as the file has it, if it need not be asked."""
        if (item := asked.get(row.key)) is not None:
            if item.row.hash != row.hash:
                raise _duplicate(row, item.row.number)
            return None
        if (entry := self._ledger.index.seen(row.digest, row.number)) is None:
            return None
        offset, earlier = entry
        line = self._ledger.line(offset)
        is_same, failed = _compared(line, row)
        if not is_same:
            if earlier:
                raise _duplicate(row, earlier)
            return None
        self._is_ours = True
        if failed and self._settings.retry_errors and not earlier:
            return None
        value_of = self._settings.value_of
        return BatchRow(row.key, row.input, line, failed=failed, reused=True, value_of=value_of)

    def _another_job(self) -> InvalidRequest:
        return InvalidRequest(
            f"{self._ledger.path} belongs to another job: of its {len(self._ledger)} rows none has "
            "the key, messages, model and options of a row here; give another file"
        )


def _compared(line: bytes, row: Row) -> tuple[bool, bool]:
    """Whether *line* has the key and the hash of *row*, and whether it tells an error."""
    key = row.key
    text = f'"{key}"' if key.isalnum() else _encode(key)
    head = f'{{"key": {text}, "hash": "{row.hash}"'.encode("utf-8", "replace")
    if line.startswith(head):  # as we write it
        return True, line.startswith(b', "error": ', len(head))
    fields = parsed(line)
    return fields["key"] == key and fields["hash"] == row.hash, "error" in fields


def _duplicate(row: Row, earlier: int) -> InvalidRequest:
    return InvalidRequest(
        f"rows {earlier} and {row.number} have the same key {row.key!r:.80} and different content"
    )

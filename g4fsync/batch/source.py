"""Where the rows of a batch come from: an iterable, or a .jsonl, .csv, .tsv or .txt file."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, TypeAlias

from ..errors import InvalidRequest

Values: TypeAlias = "Iterator[tuple[int, object]]"  # with their numbers, from 1

_CELL_CHARACTERS = 2**31 - 1  # csv takes 131072 only, unless it is told otherwise


class Source:
    """Rows that can be read, from their beginning more than once if ``is_repeatable``."""

    def __init__(self, rows: object) -> None:
        self._path: Path | None = None
        self._iterable: Iterable[object] = ()
        if isinstance(rows, str | os.PathLike):
            self._path = Path(rows)
            self._reader = _reader(self._path)
            self.is_repeatable = self._path.is_file()
            self._open().close()
        elif isinstance(rows, Iterable) and not isinstance(rows, bytes | dict):
            self._iterable = rows
            self.is_repeatable = not isinstance(rows, Iterator)
        else:
            raise InvalidRequest(
                "rows must be an iterable of prompts or the path of a .jsonl, .csv, .tsv or .txt "
                f"file, got {type(rows).__name__}"
            )

    def values(self) -> Values:
        """What each row says; ``InvalidRequest`` names one that can't be read."""
        if self._path is None:
            yield from enumerate(self._iterable, 1)
            return
        with self._open() as file:
            try:
                yield from self._reader(file, self._path)
            except UnicodeDecodeError as exc:
                raise InvalidRequest(f"{self._path}: not UTF-8 text ({exc.reason})") from exc

    def count(self) -> int | None:
        """How many rows there are, where that can be known before they are read."""
        if self._path is not None and self.is_repeatable:
            return sum(1 for _ in self.values())
        length = getattr(self._iterable, "__len__", None)
        return None if self._path is not None or length is None else int(length())

    def _open(self) -> IO[str]:
        assert self._path is not None
        try:
            return self._path.open(encoding="utf-8-sig", newline="")
        except OSError as exc:
            raise InvalidRequest(f"{self._path}: {exc.strerror}") from exc


def _json_lines(file: IO[str], path: Path) -> Values:
    for number, line in enumerate(file, 1):
        if line.isspace():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as exc:
            raise InvalidRequest(f"{path}: line {number} is not JSON: {exc}") from exc


def _text_lines(file: IO[str], path: Path) -> Values:
    for number, line in enumerate(file, 1):
        if not line.isspace():
            yield number, line.rstrip("\r\n")


def _table(delimiter: str) -> Callable[[IO[str], Path], Values]:
    def values(file: IO[str], path: Path) -> Values:
        csv.field_size_limit(_CELL_CHARACTERS)
        rows = csv.reader(file, delimiter=delimiter, strict=True)
        columns: list[str] = []
        number = 0
        try:
            columns = next(rows, [])
            if len({*columns}) != len(columns):
                raise InvalidRequest(f"{path}: two columns have the same name")
            for cells in rows:
                if not cells:
                    continue
                number += 1
                if len(cells) != len(columns):
                    raise InvalidRequest(
                        f"{path}: row {number} has {len(cells)} cells, there are "
                        f"{len(columns)} columns"
                    )
                yield number, dict(zip(columns, cells, strict=True))
        except csv.Error as exc:
            raise InvalidRequest(f"{path}: line {rows.line_num}: {exc}") from exc

    return values


_READERS: dict[str, Callable[[IO[str], Path], Values]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".txt": _text_lines,
    ".csv": _table(","),
    ".tsv": _table("\t"),
}


def _reader(path: Path) -> Callable[[IO[str], Path], Any]:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InvalidRequest(f"{path}: rows are read from {', '.join(_READERS)} files")
    return reader

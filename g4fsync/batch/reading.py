"""The lines of a batch's file, read: where they stand, and whose they are."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import InvalidRequest
from .index import Index, digest

_BLOCK_BYTES = 1 << 20
_HEAD = re.compile(rb'\{"key": "([^"\\]*)", "hash": "[0-9a-f]{32}", "')  # as most keys are


def read_lines(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """The last line of each key in the file at *path*, which may be growing; not locked."""
    index = Index()
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError as exc:
        raise InvalidRequest(f"{os.fspath(path)}: {exc.strerror}") from exc
    try:
        size = os.fstat(file).st_size
        for offset, line in lines(file, size):
            if (key := key_in(line)) is not None:
                index.put(key, offset, 0)
        if size and not index:
            raise InvalidRequest(f"{os.fspath(path)}: is not of a batch")
        for offset, line in lines(file, size):
            key = key_in(line)
            if key is not None and (index.get(key) or (-1,))[0] == offset:
                yield parsed(line)
    finally:
        os.close(file)


def target(path: str | os.PathLike[str]) -> Path:
    """The file itself, where *path* is a symbolic link: other names stand beside it."""
    return Path(path).resolve()


def lines(file: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Offset and text of each line up to *size*, the last one also without its newline."""
    offset, rest, at = 0, b"", 0
    while at < size:
        block = os.pread(file, min(_BLOCK_BYTES, size - at), at)
        if not block:
            break
        at += len(block)
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield offset, line
            offset += len(line) + 1
    if rest:
        yield offset, rest


def key_in(line: bytes, *, parse: bool = False) -> int | None:
    """The digest of the key of a complete line, ``None`` when it is none.

    A line of ours that has its newline is complete; with *parse* it may have been cut.
    """
    if not parse and line.endswith(b"}") and (head := _HEAD.match(line)):
        return digest(head[1])
    try:
        value = json.loads(line)
        key, hash = value["key"], value["hash"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    if not (isinstance(key, str) and isinstance(hash, str)):
        return None
    return digest(key.encode("utf-8", "replace"))


def parsed(line: bytes) -> dict[str, Any]:
    """What a line says; raises ``InvalidRequest`` for one that was damaged in the middle."""
    try:
        fields: dict[str, Any] = json.loads(line)
    except (ValueError, RecursionError) as exc:
        beginning = line[:120].decode("utf-8", "replace")
        raise InvalidRequest(
            f"a line of the batch's file is damaged: {beginning}... ({exc})"
        ) from exc
    return fields


def may_be_torn(line: bytes) -> bool:
    """Whether *line* may be the beginning of one of ours."""
    start = b'{"key": "'
    return not line.strip(b"\0") or start.startswith(line) or line.startswith(start)

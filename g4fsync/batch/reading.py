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
# As we write them, if nothing in the key is escaped.
_HEAD = re.compile(rb'\{"key": "([^"\\]*)", "hash": "([0-9a-f]{32})", "')
_LINE = re.compile(rb'^\{"key": "([^"\\\n]*)", "hash": "[0-9a-f]{32}", ".*\}\n', re.MULTILINE)


def read_lines(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """The last line of each key in the file at *path*, which may be growing; not locked."""
    index = Index()
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError as exc:
        raise InvalidRequest(f"{os.fspath(path)}: {exc.strerror}") from exc
    try:
        size = os.fstat(file).st_size
        for offset, _, key in entries(file, size):
            if key is not None:
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


def entries(file: int, size: int) -> Iterator[tuple[int, bytes | None, int | None]]:
    """Offset, text and digest of the key of each line up to *size*; the digest if it is complete.

    The text is ``None`` for lines that are as we write them, which are most: they are found
    in blocks.
    """
    for start, block in _blocks(file, size):
        at = 0
        for match in _LINE.finditer(block):
            begin, end = match.span()
            if begin != at:
                yield from _others(start + at, block[at:begin])
            yield start + begin, None, digest(match[1])
            at = end
        if at < len(block):
            yield from _others(start + at, block[at:])


def _blocks(file: int, size: int) -> Iterator[tuple[int, bytes]]:
    """The file in blocks of whole lines, the last one also without its newline."""
    at, rest = 0, b""
    while at < size and (block := os.pread(file, min(_BLOCK_BYTES, size - at), at)):
        end = block.rfind(b"\n") + 1
        if end:
            yield at - len(rest), rest + block[:end]
            rest = b""
        rest += block[end:]
        at += len(block)
    if rest:
        yield at - len(rest), rest


def _others(offset: int, text: bytes) -> Iterator[tuple[int, bytes, int | None]]:
    *ended, last = text.split(b"\n")
    for line in ended:
        yield offset, line, key_in(line)
        offset += len(line) + 1
    if last:
        yield offset, last, key_in(last, parse=True)


def key_in(line: bytes, *, parse: bool = False) -> int | None:
    """The digest of the key of a complete line, ``None`` when it is none.

    A line of ours that has its newline is complete; with *parse* it may have been cut.
    """
    found = key_and_hash(line, parse=parse)
    return None if found is None else digest(found[0])


def key_and_hash(line: bytes, *, parse: bool = False) -> tuple[bytes, bytes] | None:
    """The same, as they stand there."""
    if not parse and line.endswith(b"}") and (head := _HEAD.match(line)):
        return head[1], head[2]
    try:
        value = json.loads(line)
        key, hash = value["key"], value["hash"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    if not (isinstance(key, str) and isinstance(hash, str)):
        return None
    return key.encode("utf-8", "replace"), hash.encode("utf-8", "replace")


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

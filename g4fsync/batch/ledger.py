"""The file of a batch: one JSON line for each finished row.  Nothing else here touches the disk.

Rules of this file:

* Lines are only appended, each in one write, under an exclusive lock of the system
  that ends with the process.  A line is on its way to the disk before its row is
  handed out; a thread tells the system to store what was written, in groups.
* What a killed process leaves is every line but the last complete.  A last line that
  is no JSON object is cut off; one that only lacks its newline is complete.
* A key asked again (a changed prompt, an error retried) gets a new line; the last one
  counts.  When the run ends, those before it are dropped: the file is written anew
  beside itself and put in its place in one step.
* Which calls are under way stands in a second file, ``NAME.calls``, a slot for
  each.  After a kill its slots say which answers may have been paid for and lost.
  It is gone when the job is complete.
* A write that fails (a full disk) is taken back, so that no half line stays.
"""

from __future__ import annotations

import json
import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, InvalidRequest
from .index import Index
from .locking import lock
from .reading import key_in, lines, may_be_torn

SYNC_LINES, SYNC_SECONDS = 64, 0.05  # a group that is stored together
_BLOCK_BYTES = 16_384  # read at a time: rows are mostly asked for in the order of the file
_SLOT_BYTES = 50  # a hash, a key's digest, and two line ends
_FREE = b" " * (_SLOT_BYTES - 1) + b"\n"


class Ledger:
    """The open file at *path*, locked; close it to let others in.

    Raises ``InvalidRequest`` for a file that is no batch's, and ``ConfigurationError``
    for one that can't be written or that another process is writing.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.index = Index()
        self._lock = threading.Lock()  # guards all below
        self._file = _locked(self.path)
        self._block = 0, b""  # of the file, read last, and where it begins
        self._replaced = 0  # lines that are not their key's last
        self._unsynced = 0
        self._failure: OSError | None = None
        self._syncer: threading.Thread | None = None
        self._to_sync = threading.Event()
        self._closed = False
        try:
            self._size = self._read()
            self.start = self._size  # lines behind it are of this run
            self.calls = CallSlots(f"{self.path}.calls", self)
        except BaseException:
            os.close(self._file)
            raise

    def __len__(self) -> int:
        return len(self.index)

    def append(self, key: int, row: int, line: bytes) -> None:
        """Write the *line* of the key with this digest; it is in the file when this returns.

        Nothing is written to a file that was closed: an executor may be late.
        """
        with self._lock:
            if self._closed:
                return
            self._write(line)
            if self.index.put(key, self._size, row):
                self._replaced += 1
            self._size += len(line)
            self._unsynced += 1
            if self._syncer is None:
                self._syncer = threading.Thread(
                    target=self._sync_in_groups, name="g4fsync-ledger", daemon=True
                )
                self._syncer.start()
            if self._unsynced >= SYNC_LINES:
                self._to_sync.set()

    def line(self, offset: int) -> bytes:
        """The line that begins at *offset*; one thread asks."""
        start, block = self._block
        at = offset - start
        end = block.find(b"\n", at) if at >= 0 else -1
        if end < 0:
            block, at = os.pread(self._file, _BLOCK_BYTES, offset), 0
            while (end := block.find(b"\n")) < 0:
                more = os.pread(self._file, _BLOCK_BYTES, offset + len(block))
                if not more:
                    return block
                block += more
            self._block = offset, block
        return block[at:end]

    def lines(self) -> Iterator[dict[str, Any]]:
        """The last line of each key, parsed, in the order of the file."""
        for offset, line in lines(self._file, self._size):
            found = self.index.get(key_in(line) or 0)
            if found is not None and found[0] == offset:
                yield json.loads(line)

    def close(self, *, complete: bool = False) -> None:
        """Store everything and unlock; a *complete* job has no calls to remember."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._to_sync.set()
        if self._syncer is not None:
            self._syncer.join()
        try:
            if self._failure is None and self._replaced:
                self._drop_replaced()
            self.calls.close(complete=complete)
        finally:
            os.close(self._file)
        if self._failure is not None:
            raise self._unwritable(self._failure)

    # -- inside ---------------------------------------------------------

    def _read(self) -> int:
        """Note where the lines stand, and cut off a torn one; the size that is left."""
        size, end = os.fstat(self._file).st_size, 0
        for number, (offset, line) in enumerate(lines(self._file, size), 1):
            is_unended = offset + len(line) == size
            key = key_in(line, parse=is_unended)
            if key is None:
                # What a kill tears is the last line; anything else is not ours.
                if is_unended and (number > 1 or may_be_torn(line)):
                    break
                raise InvalidRequest(
                    f"{self.path}: line {number} is none of a batch; give another file"
                )
            if self.index.put(key, offset, 0):
                self._replaced += 1
            end = offset + len(line) + 1
        if end > size:  # only the newline is missing
            self._size = size
            self._write(b"\n")
        elif end < size:
            os.ftruncate(self._file, end)
        return end

    def _write(self, line: bytes) -> None:
        if self._failure is not None:
            raise self._unwritable(self._failure)
        try:
            written = os.write(self._file, line)
            while written < len(line):
                # Less was written than asked for: the next write says why.
                written += os.write(self._file, line[written:])
        except OSError as exc:
            self._failure = exc
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise self._unwritable(exc) from exc

    def _unwritable(self, exc: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"{self.path} can't be written: {exc.strerror or exc}; the rows in it are complete, "
            "and the same command goes on behind them"
        )

    def _sync_in_groups(self) -> None:
        while True:
            self._to_sync.wait(SYNC_SECONDS)
            closed = self._closed
            with self._lock:
                unsynced, self._unsynced = self._unsynced, 0
                if not closed:
                    self._to_sync.clear()
            if unsynced:
                try:
                    os.fsync(self._file)
                except OSError as exc:  # raised by the next append, or by closing
                    self._failure = exc
                    return
            if closed:
                return

    def _drop_replaced(self) -> None:
        """Leave only the last line of each key."""
        beside = Path(f"{self.path}.new")
        mode = os.fstat(self._file).st_mode & 0o777
        try:
            with beside.open("wb") as file:
                beside.chmod(mode)
                for offset, line in lines(self._file, self._size):
                    found = self.index.get(key_in(line) or 0)
                    if found is not None and found[0] == offset:
                        file.write(line + b"\n")
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError:  # no room: the longer file is as good
            with suppress(OSError):
                beside.unlink()


class CallSlots:
    """The calls under way, a slot for each, in the file at *path*.

    ``lost`` is how many calls were under way when earlier runs of this job were
    ended, and left no line: their rows are asked again.
    """

    def __init__(self, path: str, ledger: Ledger) -> None:
        self._path = Path(path)
        self._free: list[int] = []
        self._slots: mmap.mmap | None = None
        self.lost = self._read(ledger)

    def open(self, count: int) -> None:
        """Make room for *count* calls."""
        text = _first(self.lost) + count * _FREE
        try:
            # Written, not only made long: a write into the mapping must find its room.
            with self._path.open("w+b") as file:
                file.write(text)
                file.flush()
                self._slots = mmap.mmap(file.fileno(), len(text))
        except OSError as exc:
            raise ConfigurationError(f"{self._path} can't be written: {exc.strerror}") from exc
        self._free = [(i + 1) * _SLOT_BYTES for i in range(count)]

    def take(self, hash: str, key: int) -> int:
        """Note that a call begins, for the key with this digest; its slot."""
        assert self._slots is not None
        slot = self._free.pop()
        self._slots[slot : slot + _SLOT_BYTES] = f"{hash} {key:016x}\n".encode()
        return slot

    def release(self, slot: int) -> None:
        """Its answer is in the ledger, or it will be asked again in this run."""
        if self._slots is None:  # closed
            return
        self._slots[slot : slot + _SLOT_BYTES] = _FREE
        self._free.append(slot)

    def close(self, *, complete: bool) -> None:
        """Close the file; of a *complete* job it is removed."""
        if self._slots is not None:
            self._slots.close()
            self._slots = None
        if complete:
            with suppress(OSError):
                self._path.unlink()

    def _read(self, ledger: Ledger) -> int:
        try:
            with self._path.open("rb") as file:
                first, *slots = file.read().split(b"\n")
        except FileNotFoundError:
            return 0
        lost = int(first) if first.strip().isdigit() else 0
        for slot in slots:
            hash, _, key = slot.partition(b" ")
            if len(hash) == 32 and len(key) == 16:
                found = ledger.index.get(int(key, 16))
                lost += found is None or b'"hash": "' + hash not in ledger.line(found[0])
        if slots:  # counted once: a run that is killed at once must not count them again
            beside = Path(f"{self._path}.new")
            beside.write_bytes(_first(lost))
            beside.replace(self._path)
        return lost


def _first(lost: int) -> bytes:
    return f"{lost:<{_SLOT_BYTES - 1}}\n".encode()


def _locked(path: str) -> int:
    """The file at *path*, open and locked; it may be replaced while we wait for it."""
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as exc:
            raise ConfigurationError(f"{path}: {exc.strerror}") from exc
        if not lock(file):
            os.close(file)
            raise ConfigurationError(f"{path}: another process is writing it; wait for its end")
        with suppress(OSError):
            if os.path.samestat(os.fstat(file), Path(path).stat()):
                return file
        os.close(file)

"""The file of a batch: one JSON line for each finished row.

Rules of this file:

* Lines are only appended, each in one write, under an exclusive lock of the system
  that ends with the process.  A line is on its way to the disk before its row is
  handed out; a thread tells the system to store what was written, in groups.
* What a killed process leaves is every line but the last complete.  A last line that
  is no JSON object is cut off; one that only lacks its newline is complete.
* A key asked again (a changed prompt, an error retried) gets a new line; the last one
  counts.  When the run ends, those before it are dropped: the file is written anew
  beside itself and put in its place in one step.
* Which calls are under way stands in a second file, ``NAME.calls`` (:mod:`.callslots`), a slot for
  each.  After a kill its slots say which answers may have been paid for and lost.
  It is gone when the job is complete.
* A write that fails (a full disk) is taken back, so that no half line stays.
* When another program has changed, moved or removed the file, that ends the batch: what
  was paid for from then on would be nowhere.
* A forked child has no part in it: it closes what it inherited, and with that its share of
  the lock.
"""

from __future__ import annotations

import os
import stat
import threading
import weakref
from collections.abc import Container, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, InvalidRequest
from ..scope import process
from .callslots import CallSlots
from .index import Index, digest
from .locking import lock
from .reading import entries, key_and_hash, key_in, lines, may_be_torn, parsed, target

SYNC_LINES, SYNC_SECONDS = 64, 0.05  # a group that is stored together
_BLOCK_BYTES = 16_384  # read at a time: rows are mostly asked for in the order of the file


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
        self._target = target(self.path)
        self._block = 0, b""  # of the file, read last, and where it begins
        self._replaced = 0  # lines that are not their key's last
        self._unsynced = 0
        self._failure: str | None = None  # why nothing is written any more
        self._syncer: threading.Thread | None = None
        self._to_sync = threading.Event()
        self._closed = False
        self.calls = CallSlots(f"{self._target}.calls")
        _open.add(self)
        try:
            self._size = self._read()
            self.start = self._size  # lines behind it are of this run
            self.calls.count_lost(self)
        except BaseException as exc:
            os.close(self._file)
            if isinstance(exc, OSError):
                where = exc.filename or self.path
                raise ConfigurationError(f"{where}: {exc.strerror or exc}") from exc
            raise

    def __len__(self) -> int:
        return len(self.index)

    @property
    def closed(self) -> bool:
        """Whether it was closed, or belongs to the process that this one was forked from."""
        return self._closed

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
                syncer = threading.Thread(
                    target=self._sync_in_groups, name="g4fsync-ledger", daemon=True
                )
                with suppress(RuntimeError):  # no more threads: closing stores everything
                    syncer.start()
                    self._syncer = syncer
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
                yield parsed(line)

    def close(self, *, complete: bool = False) -> None:
        """Store everything and unlock; a *complete* job has no calls to remember."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._to_sync.set()
        try:
            if self._syncer is not None:
                self._syncer.join()
            self._sync()
            if self._failure is None and self._replaced:
                self._drop_replaced()
            self.calls.close(complete=complete)
        finally:
            os.close(self._file)
            _open.discard(self)
        if self._failure is not None:
            raise ConfigurationError(self._failure)

    def leave_to_parent(self) -> None:
        """In a forked child: it is the parent's."""
        self._lock = threading.Lock()  # a thread that is gone may have held the old one
        if not self._closed:
            self._closed = True
            os.close(self._file)
            self.calls.close(complete=False)

    def calls_ended(self, hashes: Container[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Key and hash of each row with one of these *hashes* that has an answer."""
        for offset, line in lines(self._file, self._size):
            found = key_and_hash(line)
            if found is None or found[1] not in hashes:
                continue
            entry = self.index.get(digest(found[0]))
            # A row that had failed before may have been asked again.
            is_error = b'"hash": "' + found[1] + b'", "error": ' in line
            if entry is not None and entry[0] == offset and not is_error:
                yield found

    # -- inside ---------------------------------------------------------

    def _read(self) -> int:
        """Note where the lines stand, and cut off a torn one; the size that is left."""
        size = end = os.fstat(self._file).st_size
        put = self.index.put
        for number, (offset, line, key) in enumerate(entries(self._file, size), 1):
            if key is None:
                assert line is not None
                is_unended = offset + len(line) == size
                # What a kill tears is the last line; anything else is not ours.
                if is_unended and (number > 1 or may_be_torn(line)):
                    end = offset
                elif line.strip():  # else an editor's
                    raise InvalidRequest(
                        f"{self.path}: line {number} is none of a batch; give another file"
                    )
            else:
                if put(key, offset, 0):
                    self._replaced += 1
                if line is not None and offset + len(line) == size:
                    end = size + 1
        if end > size:  # only the newline is missing
            self._size = size
            self._write(b"\n")
        elif end < size:
            os.ftruncate(self._file, end)
        return end

    def _write(self, line: bytes) -> None:
        if self._failure is not None:
            raise ConfigurationError(self._failure)
        try:
            written = os.write(self._file, line)
            while written < len(line):
                # Less was written than asked for: the next write says why.
                written += os.write(self._file, line[written:])
        except OSError as exc:
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
            self._failure = self._unwritable(exc)
            raise ConfigurationError(self._failure) from exc

    def _unwritable(self, exc: OSError) -> str:
        return (
            f"{self.path} can't be written: {exc.strerror or exc}; the rows in it are complete, "
            "and the same command goes on behind them"
        )

    def _sync_in_groups(self) -> None:
        while not (self._closed or self._failure):
            self._to_sync.wait(SYNC_SECONDS)
            self._to_sync.clear()
            self._sync()

    def _sync(self) -> None:
        """Have the system store what was written; a failure is raised by whoever writes next."""
        with self._lock:
            unsynced, self._unsynced = self._unsynced, 0
            is_ours = self._size == self.start or self._is_as_we_left_it()
        if not is_ours:
            self._failure = self._failure or (
                f"{self.path}: another program has changed, moved or removed it since the batch "
                "began; rows may be missing in what is there now"
            )
        elif unsynced:
            try:
                os.fsync(self._file)
            except OSError as exc:
                self._failure = self._unwritable(exc)

    def _is_as_we_left_it(self) -> bool:
        try:
            there, ours = self._target.stat(), os.fstat(self._file)
        except OSError:
            return False
        return os.path.samestat(there, ours) and ours.st_size == self._size

    def _drop_replaced(self) -> None:
        """Leave only the last line of each key."""
        beside = Path(f"{self._target}.new")
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
            beside.replace(self._target)
        except OSError:  # no room: the longer file is as good
            with suppress(OSError):
                beside.unlink()


def _locked(path: str) -> int:
    """The file at *path*, open and locked; it may be replaced while we wait for it."""
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as exc:
            raise ConfigurationError(f"{path}: {exc.strerror}") from exc
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise ConfigurationError(f"{path}: not a regular file")
            if not lock(file):
                raise ConfigurationError(f"{path}: another process is writing it; wait for its end")
            with suppress(OSError):
                if os.path.samestat(os.fstat(file), Path(path).stat()):
                    return file
        except OSError as exc:
            os.close(file)
            raise ConfigurationError(f"{path}: it can't be locked: {exc.strerror}") from exc
        except BaseException:
            os.close(file)
            raise
        os.close(file)


_open: weakref.WeakSet[Ledger] = weakref.WeakSet()


def _leave_to_parent() -> None:
    for ledger in tuple(_open):
        ledger.leave_to_parent()


process.after_fork(_leave_to_parent)

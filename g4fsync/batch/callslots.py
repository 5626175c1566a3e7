"""Which calls of a batch are under way, in a file: after a kill it says what may be lost."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigurationError
from .index import stable_digest

if TYPE_CHECKING:
    from .ledger import Ledger

_SLOT_BYTES = 50  # a hash, a key's digest, and two line ends
_FREE = b" " * (_SLOT_BYTES - 1) + b"\n"


class CallSlots:
    """The calls under way, a slot for each, in the file at *path*.

    ``lost`` is how many calls were under way when earlier runs of this job were
    ended, and left no line: their rows are asked again.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._free: list[int] = []
        self._file: int | None = None
        self.lost = 0

    def count_lost(self, ledger: Ledger) -> None:
        """Look what earlier runs left; raises ``OSError``."""
        try:
            with self._path.open("rb") as file:
                first, *slots = file.read().split(b"\n")
        except FileNotFoundError:
            return
        lost = int(first) if first.strip().isdigit() else 0
        under_way = {slot for slot in slots if len(slot) == _SLOT_BYTES - 1 and slot.strip()}
        if under_way:
            hashes = {slot.partition(b" ")[0] for slot in under_way}
            for key, hash in ledger.calls_ended(hashes):
                under_way.discard(_noted(hash, key))
            lost += len(under_way)
        if slots:  # counted once: a run that is killed at once must not count them again
            beside = Path(f"{self._path}.new")
            beside.write_bytes(_first(lost))
            beside.replace(self._path)
        self.lost = lost

    def open(self, count: int) -> None:
        """Make room for *count* calls."""
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        except OSError as exc:
            raise self._unwritable(exc) from exc
        self._write(0, _first(self.lost) + count * _FREE)
        self._free = [(i + 1) * _SLOT_BYTES for i in range(count)]

    def take(self, hash: str, key: str) -> int:
        """Note that a call begins; its slot."""
        slot = self._free.pop()
        self._write(slot, _noted(hash.encode(), key.encode()) + b"\n")
        return slot

    def release(self, slot: int) -> None:
        """Its answer is in the ledger, or it will be asked again in this run."""
        if self._file is None:  # closed
            return
        self._write(slot, _FREE)
        self._free.append(slot)

    def close(self, *, complete: bool) -> None:
        """Close the file; of a *complete* job it is removed."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)
        if complete:
            with suppress(OSError):
                self._path.unlink()

    def _write(self, at: int, text: bytes) -> None:
        # Not into a mapping: where there is no room for that, or somebody has cut the file
        # off, the process would be killed.
        assert self._file is not None
        try:
            os.pwrite(self._file, text, at)
        except OSError as exc:
            raise self._unwritable(exc) from exc

    def _unwritable(self, exc: OSError) -> ConfigurationError:
        return ConfigurationError(f"{self._path} can't be written: {exc.strerror or exc}")


def _noted(hash: bytes, key: bytes) -> bytes:
    return b"%b %016x" % (hash, stable_digest(key) % 2**64)


def _first(lost: int) -> bytes:
    return f"{lost:<{_SLOT_BYTES - 1}}\n".encode()

"""Where the line of each key stands in a batch's file, in 16 bytes a key.

A dict of a million keys takes 200 MB, this 20: a digest of the key beside one
number, in sorted arrays small enough that inserting is cheap.  Two keys with the same
digest are one here; who finds an entry compares the key in its line.  Digests are of this
process: another one has others.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable
from hashlib import blake2b

_SHARDS = 4096
_ROW_BITS = 25  # the number of a row; above it stands an offset, up to 512 GiB
_LAST_ROW = 2**_ROW_BITS - 1


def stable_digest(key: bytes) -> int:
    """The number that stands for a key, in UTF-8, in any process."""
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "big", signed=True)


# SipHash in 64 bits, at a tenth of the time; where it has 32, two of many keys would be one.
digest: Callable[[bytes], int] = hash if sys.hash_info.width >= 64 else stable_digest


class Index:
    """From digests of keys to the offset of their line, and the row that had them in this run."""

    def __init__(self) -> None:
        self._keys: list[array[int] | None] = [None] * _SHARDS
        self._values: list[array[int]] = [array("Q")] * _SHARDS
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def get(self, key: int) -> tuple[int, int] | None:
        """The offset, and the row's number, 0 when no row of this run had the key."""
        keys = self._keys[key % _SHARDS]
        if keys is None:
            return None
        at = bisect_left(keys, key)
        if at == len(keys) or keys[at] != key:
            return None
        value = self._values[key % _SHARDS][at]
        return value >> _ROW_BITS, value & _LAST_ROW

    def seen(self, key: int, row: int) -> tuple[int, int] | None:
        """As :meth:`get`; *row* has the key from now on, if no row had it before."""
        shard = key % _SHARDS
        keys = self._keys[shard]
        if keys is None:
            return None
        at = bisect_left(keys, key)
        if at == len(keys) or keys[at] != key:
            return None
        value = self._values[shard][at]
        earlier = value & _LAST_ROW
        if not earlier:
            self._values[shard][at] = value | min(row, _LAST_ROW)
        return value >> _ROW_BITS, earlier

    def put(self, key: int, offset: int, row: int) -> bool:
        """Set both; whether the key was there already."""
        shard = key % _SHARDS
        value = offset << _ROW_BITS | min(row, _LAST_ROW)
        keys = self._keys[shard]
        if keys is None:
            self._keys[shard], self._values[shard] = array("q", [key]), array("Q", [value])
            self._count += 1
            return False
        at = bisect_left(keys, key)
        if at < len(keys) and keys[at] == key:
            self._values[shard][at] = value
            return True
        keys.insert(at, key)
        self._values[shard].insert(at, value)
        self._count += 1
        return False

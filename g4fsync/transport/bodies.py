"""A body as it arrives from a socket, by its framing (RFC 9112, section 6.3).

Each has ``read()``: the next block of the body, ``b""`` once it has ended;
``is_over``: its end has come; and ``is_clean``: nothing has come behind that, so that the
connection may serve another request.  A body that ends too early raises what the
transport turns into a :class:`~g4fsync.errors.StreamInterrupted`.

* Whatever has arrived is given at once: a token waits for nothing but itself.
* A woken reader may see the end of the connection like any other: who reads asks
  the scope after each end (``check``), before it is taken for the body's.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import Protocol

from ..codecs.chunked import ChunkDecoder
from ..errors import ProtocolError

BLOCK_BYTES = 65_536

Receive = Callable[[int], bytes]  # a socket's recv()
Check = Callable[[], None]  # a scope's check()


class Body(Protocol):
    """What is left of an answer behind its head."""

    def read(self) -> bytes: ...
    @property
    def is_over(self) -> bool: ...
    @property
    def is_clean(self) -> bool: ...


class ChunkedBody:
    """Chunks, taken out a block at a time (:mod:`g4fsync.codecs.chunked`)."""

    __slots__ = ("_check", "_decoder", "_fault", "_first", "_receive")

    def __init__(self, receive: Receive, check: Check, first: bytes = b"") -> None:
        self._receive = receive
        self._check = check
        self._first = first
        self._decoder = ChunkDecoder()
        self._fault: ProtocolError | None = None

    def read(self) -> bytes:
        decoder = self._decoder
        while not decoder.ended:
            if self._fault is not None:
                raise self._fault
            if self._first:
                block, self._first = self._first, b""
            else:
                block = self._receive(BLOCK_BYTES)
            if not block:
                self._check()
                decoder.close()
            try:
                payload = decoder.feed(block)
            except ProtocolError as fault:
                # What stood before it in the same block is handed out first.
                self._fault = fault
                payload = decoder.before_fault
            if payload:
                return payload
        return b""

    @property
    def is_over(self) -> bool:
        return self._decoder.ended

    @property
    def is_clean(self) -> bool:
        return self._decoder.ended and not self._decoder.surplus


class SizedBody:
    """A body whose length was told, in bytes."""

    __slots__ = ("_check", "_first", "_left", "_receive", "is_clean")

    def __init__(self, receive: Receive, check: Check, length: int, first: bytes = b"") -> None:
        self._receive = receive
        self._check = check
        self._left = length
        self._first = first[:length]
        self.is_clean = len(first) <= length

    def read(self) -> bytes:
        if not self._left:
            return b""
        if self._first:
            block, self._first = self._first, b""
        else:
            block = self._receive(min(BLOCK_BYTES, self._left))
        if not block:
            self._check()
            raise http.client.IncompleteRead(b"", self._left)
        self._left -= len(block)
        return block

    @property
    def is_over(self) -> bool:
        return not self._left


class OpenBody:
    """A body that ends with its connection."""

    __slots__ = ("_first", "_receive")

    is_over = is_clean = False  # only the end of the connection tells, and then there is none

    def __init__(self, receive: Receive, first: bytes = b"") -> None:
        self._receive = receive
        self._first = first

    def read(self) -> bytes:
        if self._first:
            block, self._first = self._first, b""
            return block
        return self._receive(BLOCK_BYTES)

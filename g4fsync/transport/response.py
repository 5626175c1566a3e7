"""An answer of the live transport: :class:`LiveResponse`, and where its bytes come from.

It stands on an :class:`ArrivedAnswer`: a head that has come, and a body that is read
block by block.  There are two, which mean the same: :class:`.direct.DirectAnswer` over a
connection of the pool, and :class:`RequestsAnswer` over what ``requests`` gives.
"""

from __future__ import annotations

import http.client
import io
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ..codecs.inflate import Inflater
from ..errors import G4FSyncError, ProtocolError
from . import failures
from .bodies import BLOCK_BYTES, ChunkedBody
from .connections import SocketHandle
from .incoming import IncomingResponse

if TYPE_CHECKING:
    import requests

    from .live import LiveTransport

ERROR_BODY_SECONDS = 1.0  # what a body that is no answer may take
# The registry of HTTP has these; None: it can't be read here.
_CODINGS: Mapping[str, Literal["gzip", "deflate"] | None] = {
    "gzip": "gzip",
    "x-gzip": "gzip",
    "deflate": "deflate",
    **dict.fromkeys(
        ("br", "zstd", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip", "aes128gcm")
    ),
}
DRAIN_SECONDS = 0.02  # to see the end of a body whose answer is complete already


class ArrivedAnswer(Protocol):
    """An answer whose head has come, on its connection."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]:
        """The fields of the head, looked up without case."""

    @property
    def cookies(self) -> Sequence[str]:
        """The values of ``Set-Cookie``."""

    @property
    def is_over(self) -> bool:
        """Whether the end of the body has come, so that :meth:`read` would not wait."""

    @property
    def read(self) -> Callable[[], bytes]:
        """What gives the next block of the body as it arrives, ``b""`` at its end."""

    def end(self) -> None:
        """The end of the body was read: give the connection back."""

    def close(self) -> None:
        """Free the connection: shut it, unless it was given back."""


class LiveResponse(IncomingResponse):
    """An answer whose headers have come."""

    __slots__ = ("_answer", "_ended", "_handle", "_mapped_failures", "_read", "_transport")

    def __init__(
        self, transport: LiveTransport, answer: ArrivedAnswer, handle: SocketHandle
    ) -> None:
        super().__init__(transport, transport.network.limits)
        self._transport = transport
        self._answer = answer
        self._read = answer.read
        self._handle = handle
        self._ended = False
        self._mapped_failures = failures.MappedFailures(
            transport.scope, transport.host, reading=True
        )

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    def pieces(self) -> Iterator[bytes]:
        # No generator: thousands of streams wait in each of theirs.
        blocks = iter(self._block, b"")
        encoding = _encoding(self.headers.get("content-encoding", ""))
        return _inflated(blocks, encoding, self._limits.ratio) if encoding else blocks

    def _block(self) -> bytes:
        """The next of the body as it arrives, ``b""`` at its end."""
        self._transport.scope.start_idle()
        # Not "with self._mapped_failures": this runs once per token, and that is two calls more.
        before = sys.exc_info()[1]
        try:
            block = self._read()
        except failures.FOREIGN as exc:
            self._mapped_failures.raise_for(exc, before)
        if not block:
            # A connection-closed body ends like a finished one when we shut the
            # socket ourselves, so ask the scope who ended it.
            self._transport.scope.check()
            self._end()
        return block

    def _end(self) -> None:
        self._ended = True
        self._answer.end()

    def excerpt_pieces(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """*pieces* for ``ERROR_BODY_SECONDS``, without a word about the rest."""
        until = time.monotonic() + ERROR_BODY_SECONDS
        while (left := until - time.monotonic()) > 0:
            self._handle.limit(left)
            piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    def refusal(self) -> G4FSyncError:
        """As its base has it, the key blotted out: some servers echo what they refuse."""
        return self._transport.without_secrets(super().refusal())

    def close(self, *, graceful: bool = False) -> None:
        """Free the connection: back to the pool if the body has ended, else shut."""
        if graceful and not self._ended:
            self._drain()
        self._handle.drop()
        self._answer.close()

    def _drain(self) -> None:
        """See the end of a body whose answer is whole, so that the connection can be reused."""
        if self._answer.is_over:
            self._end()
            return
        with suppress(*failures.FOREIGN, G4FSyncError, ValueError):
            self._handle.limit(DRAIN_SECONDS)
            if not self._read():
                self._end()


def _encoding(field: str) -> str:
    """The content codings of a body, ``""`` when it has none.

    What is no coding does not count: streams are sent with ``none``, so that no server or
    proxy holds them back to compress them, and with charsets.
    """
    if not field:
        return ""
    codings = (coding.strip().lower() for coding in field.split(","))
    return ", ".join(coding for coding in codings if coding in _CODINGS)


def _inflated(blocks: Iterator[bytes], encoding: str, max_ratio: int) -> Iterator[bytes]:
    kind = _CODINGS.get(encoding)
    if kind is None:
        raise ProtocolError(f"the answer is encoded with {encoding!r}, which was not asked for")
    inflater = Inflater(kind, max_ratio=max_ratio)
    for block in blocks:
        yield from inflater.feed(block)
    inflater.close()


class RequestsAnswer:
    """An answer as ``requests`` gives it, which went through urllib3 and perhaps a proxy."""

    is_over = False  # urllib3 does not tell

    def __init__(self, answer: requests.Response, handle: SocketHandle) -> None:
        # Not the answer itself: with it would live its request, its cookies and much else.
        self.status = answer.status_code
        self.headers = answer.headers
        self._raw: Any = answer.raw
        self.cookies: Sequence[str] = self._raw.headers.getlist("set-cookie")
        self._raw.headers = answer.headers  # in place of its own, a list for each line of the head
        chunks = chunks_below(self._raw, handle)
        plain = partial(self._raw.read1, BLOCK_BYTES, decode_content=False)
        self._is_below = chunks is not None
        self.read: Callable[[], bytes] = plain if chunks is None else chunks.read

    def end(self) -> None:
        if self._is_below:
            # What reading to the end through urllib3 would have done.
            self._raw._original_response.close()
            self._raw.release_conn()

    def close(self) -> None:
        self._raw.close()
        self._raw.release_conn()


def chunks_below(raw: Any, handle: SocketHandle) -> ChunkedBody | None:
    """A reader for *raw*'s body, when it is chunked and untouched, past urllib3.

    That takes chunks out one by one.  The reader stands on ``http.client``'s own
    response, which urllib3 keeps; where that is not what it was, ``raw.read1()``
    reads the body, only slower.
    """
    response = getattr(raw, "_original_response", None)
    if not (
        handle.socket is not None
        and isinstance(response, http.client.HTTPResponse)
        and response.chunked is True
        and response.chunk_left is None
        and isinstance(response.fp, io.BufferedReader)
    ):
        return None
    # What came with the head stands in the response's buffer; the first read empties it.
    readers = iter((response.fp.read1,))
    receive = handle.socket.recv
    return ChunkedBody(lambda size: next(readers, receive)(size), handle.scope.check)

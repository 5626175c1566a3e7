"""The head of an answer, read more strictly than ``http.client`` does.

What that lets through, and this does not, since each makes a broken answer look
like another one:

* A head that ends with the connection: it passed for a whole one.
* A line that is no header: the lines behind it, ``Transfer-Encoding`` among
  them, were taken for the body.
* A transfer coding other than ``chunked``, a length that is no number: the body
  was read up to the end of the connection.
* Heads of any number before the answer, and 64 KiB in each of a hundred lines.

Heads of 1xx before the answer (RFC 9110, 15.2) are skipped: ``http.client``
takes the first that is not a 100 for the answer.
"""

from __future__ import annotations

import email.errors
import http.client
import io
from collections.abc import Callable
from typing import Any

from ..settings import DEFAULT_LIMITS

_BROKEN = (
    email.errors.MissingHeaderBodySeparatorDefect,
    email.errors.FirstHeaderLineIsContinuationDefect,
    email.errors.MisplacedEnvelopeHeaderDefect,
)


class Response(http.client.HTTPResponse):
    """An answer whose head is whole, at most *limit* bytes long, and well formed.

    *on_first_byte* is called when its first byte has come.
    """

    def __init__(
        self,
        *args: Any,
        limit: int = DEFAULT_LIMITS.head,
        on_first_byte: Callable[[], None] = lambda: None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._limit = limit
        self._on_first_byte = on_first_byte

    def begin(self) -> None:
        headers: Any = self.headers
        if headers is not None:
            return
        fp: Any = self.fp
        # Where that can't be asked, a byte may have come.
        if not isinstance(fp, io.BufferedReader) or fp.peek(1):
            self._on_first_byte()
        self.fp = _Head(fp, self._limit)  # type: ignore[assignment]  # all that reading a head needs
        try:
            super().begin()
        finally:
            if self.fp is not None:
                self.fp = fp
        _check(self.headers)

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]  # private
            if status == http.HTTPStatus.CONTINUE or not 100 < status < 200 or status == 101:
                return version, status, reason
            while self.fp.readline(65_537) not in (b"\r\n", b"\n", b""):
                pass


class _Head:
    """What a head is read from; counts its bytes, and misses the end of a cut one."""

    def __init__(self, fp: Any, limit: int) -> None:
        self._fp = fp
        self._limit = limit  # of all heads before a body together
        self._bytes = 0

    def readline(self, size: int) -> bytes:
        line: bytes = self._fp.readline(size)
        if (line or self._bytes) and len(line) < size and not line.endswith(b"\n"):
            raise http.client.RemoteDisconnected("the head of the answer is cut")
        self._bytes += len(line)
        if self._bytes > self._limit:
            raise http.client.HTTPException(
                f"the head of the answer is longer than {self._limit} bytes"
            )
        return line

    def close(self) -> None:
        self._fp.close()


def _check(headers: http.client.HTTPMessage) -> None:
    if any(isinstance(defect, _BROKEN) for defect in headers.defects):
        raise http.client.HTTPException("a line of the head is no header")
    codings = headers.get_all("transfer-encoding", [])
    if [coding.strip().lower() for coding in codings] not in ([], ["chunked"], ["identity"]):
        raise http.client.HTTPException(f"the transfer coding {codings!r:.80} was not asked for")
    lengths = {
        each.strip() for line in headers.get_all("content-length", []) for each in line.split(",")
    }
    if not codings and (
        len(lengths) > 1 or not all(each.isascii() and each.isdigit() for each in lengths)
    ):
        raise http.client.HTTPException(f"the content length is {sorted(lengths)!r:.80}")

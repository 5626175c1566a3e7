"""The head of an answer, read more strictly than ``http.client`` does.

Two readers, one meaning.  :class:`CheckedResponse` is ``http.client``'s own with more
strictness: it knows every oddity, and costs a third of a short call, for
``email`` parses what it reads.  :func:`parse` takes a head that came in one
piece and in the form nearly all have, and leaves any other to it
(:func:`received`).  Whatever is allowed in :func:`parse` must mean the same in
:class:`CheckedResponse`; when in doubt, forbid it there.

What ``http.client`` lets through, and this does not, since each makes a broken
answer look like another one:

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
import re
import socket
from collections.abc import Callable, ItemsView, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..settings import DEFAULT_LIMITS

_BROKEN = (
    email.errors.MissingHeaderBodySeparatorDefect,
    email.errors.FirstHeaderLineIsContinuationDefect,
    email.errors.MisplacedEnvelopeHeaderDefect,
)

# Of HTTP/1.1, final, each line a field, no control character (email cuts at more than CR LF).
_USUAL = re.compile(
    rb"HTTP/1\.1 ([2-9][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*)?\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n){0,99})\r\n"
)
# Its fields, white space around a value taken off.
_FIELD = re.compile(r"([^:]+):[\t ]*(|[^\r\n]*[^\t\r\n ])[\t ]*\r\n")
_BODILESS = frozenset({204, 304})
_BLOCK_BYTES = 65_536


class Fields(Mapping[str, str]):
    """The fields of a head, looked up without case; one that came twice has ``, `` between."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values  # by the name in lower case

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    # The base's would ask by an exception.
    def get(self, name: str, default: Any = None) -> Any:
        return self._values.get(name.lower(), default)

    # The base's would look each up again.
    def items(self) -> ItemsView[str, str]:
        return self._values.items()

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)


class Head(NamedTuple):
    """The head of an answer, and how its body is framed."""

    status: int
    fields: Fields
    cookies: tuple[str, ...]  # each Set-Cookie; they can't be joined
    is_chunked: bool
    length: int | None  # of the body, in bytes; None: chunked, or up to the end of the connection
    keeps_alive: bool  # the connection may be used again after the body
    rest: bytes  # what has come of the body


def parse(block: bytes, *, limit: int = DEFAULT_LIMITS.head) -> Head | None:
    """The head *block* begins with; ``None`` when it is not complete, or not in the usual form."""
    found = _USUAL.match(block)
    if found is None or found.end() > limit:
        return None
    fields = _FIELD.findall(found[2].decode("latin-1"))
    values = {name.lower(): value for name, value in fields}
    cookies: tuple[str, ...] = ()
    if len(values) < len(fields):
        values = _joined(fields)
    if "set-cookie" in values:
        cookies = tuple(value for name, value in fields if name.lower() == "set-cookie")
    coding, length = values.get("transfer-encoding"), values.get("content-length")
    if coding is not None and (length is not None or coding.lower() != "chunked"):
        return None
    if length is not None and not (length.isascii() and length.isdigit() and len(length) < 19):
        return None
    status = int(found[1])
    if status in _BODILESS:
        coding, length = None, "0"
    return Head(
        status,
        Fields(values),
        cookies,
        is_chunked=coding is not None,
        length=None if length is None else int(length),
        keeps_alive=not (coding is length is None)
        and "close" not in values.get("connection", "").lower(),
        rest=block[found.end() :],
    )


def received(
    sock: socket.socket, limit: int, on_first_byte: Callable[[], None] = lambda: None
) -> Head:
    """The head that comes next from *sock*; raises what ``http.client`` raises at none."""
    first = sock.recv(_BLOCK_BYTES)
    if first:
        on_first_byte()
        head = parse(first, limit=limit)
        if head is not None:
            return head
    incoming = _Incoming(first, sock)
    response = CheckedResponse(incoming, limit=limit)
    response.begin()
    incoming.is_over = True
    headers = response.headers
    is_chunked = response.chunked and response.status not in _BODILESS
    # Not response.length: "5, 5" is none for http.client.
    length = 0 if response.length == 0 else None if is_chunked else _length(headers)
    return Head(
        response.status,
        Fields(_joined(headers.items())),
        tuple(headers.get_all("set-cookie", [])),
        is_chunked=is_chunked,
        length=length,
        keeps_alive=(is_chunked or length is not None) and not response._check_close(),  # type: ignore[attr-defined]  # private
        rest=response.fp.read(),
    )


def _length(headers: http.client.HTTPMessage) -> int | None:
    """The length that *headers* agree on, by :func:`_check`."""
    length = headers.get("content-length")
    return None if length is None else int(length.partition(",")[0])


def _joined(items: Sequence[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in items:
        name = name.lower()
        values[name] = f"{values[name]}, {value}" if name in values else value
    return values


class _Incoming(io.RawIOBase):
    """What has come from a socket already, then what comes; nothing more once it is *over*."""

    def __init__(self, first: bytes, sock: socket.socket) -> None:
        super().__init__()
        self._first = first
        self._ended = not first
        self._socket = sock
        self.is_over = False

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._first:
            size = min(len(buffer), len(self._first))
            buffer[:size], self._first = self._first[:size], self._first[size:]
            return size
        return 0 if self.is_over or self._ended else self._socket.recv_into(buffer)


class CheckedResponse(http.client.HTTPResponse):
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

    def flush(self) -> None:
        """Nothing is written here.

        ``http.client`` would flush what it reads from.  Where that has been closed, Python
        from 3.13 on writes an error to stderr when an answer that was left is collected.
        """

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

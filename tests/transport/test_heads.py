"""The head of an answer, from bytes alone."""

from __future__ import annotations

import http.client
import io
from typing import Any

import pytest
from hypothesis import given, strategies as st

from g4fsync.settings import Limits
from g4fsync.transport.heads import CheckedResponse, Head, parse, received

MAX_HEAD_BYTES = Limits().head


class Connection:
    """What ``http.client`` reads an answer from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._content)


def begun(content: bytes) -> CheckedResponse:
    response = CheckedResponse(Connection(content))
    response.begin()
    return response


def test_a_right_head_is_read_and_the_body_left() -> None:
    response = begun(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    assert (response.status, response.reason) == (200, "OK")
    assert response.read() == b"hello"


@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints", "199 X"])
def test_heads_of_1xx_are_skipped(status: str) -> None:
    early = f"HTTP/1.1 {status}\r\nLink: </a>\r\n\r\n".encode()
    response = begun(early * 3 + b"HTTP/1.1 404 No\r\nX-A: 1\r\n\r\n")
    assert response.status == 404
    assert response.headers.items() == [("X-A", "1")]


def test_an_answer_that_was_left_makes_no_noise_when_it_is_collected() -> None:
    response = begun(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc")
    assert response.fp is not None
    response.fp.close()  # as it is with the socket
    response.close()  # so its finalizer does; what it raises, Python 3.13 writes to stderr
    assert response.closed


def test_101_is_an_answer() -> None:
    assert begun(b"HTTP/1.1 101 Up\r\n\r\n").status == 101


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_head_that_is_cut_is_none(cut: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    with pytest.raises(http.client.RemoteDisconnected):
        begun(head[: len(head) - cut])


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "X-A : 1",
        "X-A: 1\r\nFrom nobody",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: -5",
        "Content-Length: +5",
        "Content-Length: ",
        "Content-Length: ٥",
    ],
)
def test_a_head_that_leaves_the_body_in_doubt_is_refused(line: str) -> None:
    with pytest.raises(http.client.HTTPException):
        begun(f"HTTP/1.1 200 OK\r\n{line}\r\nX-A: 1\r\n\r\nhello".encode())


@pytest.mark.parametrize(
    "line", ["Content-Length: 5, 5", "Transfer-Encoding: Chunked", "Transfer-Encoding: identity"]
)
def test_an_odd_head_that_is_clear_is_taken(line: str) -> None:
    assert begun(f"HTTP/1.1 200 OK\r\n{line}\r\n\r\n".encode()).status == 200


def test_all_heads_together_have_a_limit() -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\n"
    with pytest.raises(http.client.HTTPException, match=str(MAX_HEAD_BYTES)):
        begun(early * (MAX_HEAD_BYTES // len(early) + 1))


# -- the short way to read one ------------------------------------------


class Socket:
    """What has come on a connection, given out in pieces of one size."""

    def __init__(self, content: bytes, size: int = 65_536) -> None:
        self._content = content
        self._size = size

    def recv(self, size: int) -> bytes:
        size = min(size, self._size)
        piece, self._content = self._content[:size], self._content[size:]
        return piece

    def recv_into(self, buffer: memoryview) -> int:
        piece = self.recv(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def left(self) -> bytes:
        return self._content


def read(content: bytes, size: int = 65_536) -> Head | type[Exception]:
    sock: Any = Socket(content, size)
    try:
        head = received(sock, MAX_HEAD_BYTES)
    except http.client.HTTPException as exc:
        return type(exc)
    return head._replace(rest=head.rest + sock.left())


def comparable(head: Head | type[Exception]) -> object:
    """Without blanks at a value's end, which http.client keeps."""
    if not isinstance(head, Head):
        return head
    fields = {name: value.strip(" \t") for name, value in head.fields.items()}
    return fields, head._replace(fields=None, cookies=len(head.cookies))  # type: ignore[arg-type]


NAMES = ["X-A", "x-a", "Connection", "Content-Length", "Transfer-Encoding", "Set-Cookie", "X A", ""]
VALUES = ["", "1", "5", "5, 5", "007", "+5", "close", "Keep-Alive, Close", "chunked", "Chunked",
          "identity", "gzip", "\xe9", "a\tb ", "a\x85b", "a\rb", "a\x0bb", "a\0b"]  # fmt: skip
LINES = st.tuples(
    st.sampled_from(NAMES), st.sampled_from([":", ": ", ":\t ", " :", ""]), st.sampled_from(VALUES)
).map("".join)
ENDS = st.sampled_from(["\r\n", "\r\n", "\r\n", "\n", "\r\n "])
STATUS = st.sampled_from(
    ["HTTP/1.1 200 OK", "HTTP/1.1 204 No", "HTTP/1.1 304", "HTTP/1.1 999 \xe9", "HTTP/1.0 200 OK"]
    + ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", "HTTP/1.1  200 OK", "HTTP/1.12 200 OK"]
    + ["HTTP/1.1 2000 OK", "HTTP/1.1 200OK", "http/1.1 200 OK", "HTTP/1.1 101 Up", "HTTP/2 200"]
)


@given(STATUS, st.lists(st.tuples(LINES, ENDS), max_size=6), st.integers(1, 80))
def test_a_head_means_the_same_however_it_is_read(
    status: str, lines: list[tuple[str, str]], size: int
) -> None:
    head = status + "\r\n" + "".join(line + end for line, end in lines) + "\r\n"
    content = head.encode("latin-1") + b"hello"
    at_once, plain = comparable(read(content)), comparable(read(content, size))
    # Read in pieces, it goes through http.client.
    assert at_once == plain


@pytest.mark.parametrize(
    ("fields", "framing"),
    [
        ("", (False, None, False)),
        ("Content-Length: 5", (False, 5, True)),
        ("Content-Length: 5, 5", (False, 5, True)),
        ("Transfer-Encoding: chunked", (True, None, True)),
        ("Transfer-Encoding: CHUNKED\r\nConnection: close", (True, None, False)),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", (True, None, True)),
        ("Transfer-Encoding: identity", (False, None, False)),
    ],
)
def test_the_framing_of_a_body(fields: str, framing: tuple[bool, int | None, bool]) -> None:
    head = read(f"HTTP/1.1 200 OK\r\n{fields}{fields and chr(13) + chr(10)}\r\nhello".encode())
    assert isinstance(head, Head)
    assert (head.is_chunked, head.length, head.keeps_alive) == framing
    assert head.rest == b"hello"


def test_a_head_in_the_usual_form_takes_the_short_way() -> None:
    content = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
        b"Set-Cookie: a=1\r\nset-cookie: b=2\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"
    )
    head = parse(content)
    assert head is not None
    assert head.fields == {
        "content-type": "text/event-stream; charset=utf-8",
        "set-cookie": "a=1, b=2",
        "transfer-encoding": "chunked",
    }
    assert head.fields.get("CONTENT-TYPE") == head.fields["content-type"]
    assert head.fields.get("x-none") is None
    assert head.cookies == ("a=1", "b=2")
    assert head.rest == b"5\r\n"


def test_a_head_longer_than_the_limit_takes_the_other() -> None:
    content = b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 100 + b"\r\n\r\n"
    assert parse(content, limit=100) is None
    assert parse(content, limit=200) is not None

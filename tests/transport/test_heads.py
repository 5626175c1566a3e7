"""The head of an answer, from bytes alone."""

from __future__ import annotations

import http.client
import io

import pytest

from g4fsync.settings import Limits
from g4fsync.transport.heads import Response

MAX_HEAD_BYTES = Limits().head


class Connection:
    """What ``http.client`` reads an answer from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._content)


def begun(content: bytes) -> Response:
    response = Response(Connection(content))
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

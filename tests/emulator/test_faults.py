"""Faults that any HTTP far side can have, shown at Koala."""

from __future__ import annotations

import gzip
import http.client
import socket
import time
import zlib
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import pytest
import requests

from g4fsync.emulator import (
    At,
    Captcha,
    Challenge,
    Cut,
    Emulator,
    Framing,
    Garbage,
    HangBeforeHeaders,
    Plan,
    Refuse,
    Split,
    Stall,
    Status,
    Trickle,
)

Ask = Callable[..., requests.Response]
Connect = Callable[[str, bytes], socket.socket]
WHOLE = b'data: "one"\n\ndata: " two"\n\n'


@pytest.fixture(autouse=True)
def two_tokens(emulator: Emulator) -> None:
    emulator.koala.reply = lambda messages: ["one", " two"]


def read_all(connection: socket.socket) -> tuple[bytes, bool]:
    """What comes, and whether it ended by a reset."""
    pieces = []
    try:
        while piece := connection.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        return b"".join(pieces), True
    return b"".join(pieces), False


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("reset", [False, True])
def test_refuse(emulator: Emulator, tcp: Connect, koala_request: bytes, *, reset: bool) -> None:
    emulator.koala.fault = Refuse(reset=reset)
    connection = tcp(emulator.base_urls["koala"], koala_request)
    assert read_all(connection) == (b"", reset)
    assert emulator.koala.wait_ended()[0].ended == "cut"


def test_nobody_listens_at_the_refusing_url(emulator: Emulator) -> None:
    where = urlsplit(emulator.refusing_url)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((where.hostname, where.port or 0), timeout=10)


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("after", [0, 5, 13, 20, len(WHOLE)])
def test_cut(
    emulator: Emulator, tcp: Connect, koala_request: bytes, after: int, *, reset: bool
) -> None:
    emulator.koala.fault = (Framing("close"), Cut(after, reset=reset))
    connection = tcp(emulator.base_urls["koala"], koala_request)
    content, was_reset = read_all(connection)
    if not reset:  # a reset may throw away what has not been read
        assert body_of(content) == WHOLE[:after]
    assert was_reset is reset
    assert emulator.koala.wait_ended()[0].ended == "cut"


def test_cut_of_a_chunked_body_has_no_last_chunk(emulator: Emulator, koala: Ask) -> None:
    emulator.koala.fault = Cut(17)
    with koala(stream=True) as answer:
        pieces = answer.iter_content(None)
        got = next(pieces)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            while True:
                got += next(pieces)
    assert got == WHOLE[:17]


def test_cut_of_a_body_with_a_length(
    emulator: Emulator, tcp: Connect, koala_request: bytes
) -> None:
    emulator.koala.fault = (Framing("length"), Cut(17))
    content, _ = read_all(tcp(emulator.base_urls["koala"], koala_request))
    assert b"Content-Length: %d\r\n" % len(WHOLE) in content
    assert body_of(content) == WHOLE[:17]


def test_cut_beyond_the_end_is_none(emulator: Emulator, koala: Ask) -> None:
    emulator.koala.fault = Cut(len(WHOLE) + 1)
    assert koala().content == WHOLE


def test_stall_goes_on_after_its_seconds(emulator: Emulator, koala: Ask) -> None:
    emulator.koala.fault = Stall(5, seconds=0.05)
    begun = time.monotonic()
    assert koala().content == WHOLE
    assert time.monotonic() - begun >= 0.05


@pytest.mark.parametrize("fault", [Stall(5), HangBeforeHeaders(), Trickle(60.0)])
def test_client_that_leaves_is_seen_at_once(
    emulator: Emulator, tcp: Connect, koala_request: bytes, fault: Plan
) -> None:
    emulator.koala.fault = fault
    connection = tcp(emulator.base_urls["koala"], koala_request)
    if not isinstance(fault, HangBeforeHeaders):
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
    left_at = time.monotonic()
    connection.close()
    (record,) = emulator.koala.wait_ended()
    assert record.ended == "client gone"
    assert record.ended_at is not None
    assert 0 <= record.ended_at - left_at < 1.0


def test_client_that_leaves_between_paced_tokens_is_seen(
    koala_request: bytes, tcp: Connect
) -> None:
    with Emulator(tokens_per_second=0.01) as emulator:
        connection = tcp(emulator.base_urls["koala"], koala_request)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        connection.close()
        assert emulator.koala.wait_ended()[0].ended == "client gone"


def test_client_that_does_not_read_is_no_trouble_at_the_end(
    tcp: Connect, koala_request: bytes
) -> None:
    with Emulator(reply=lambda messages: ["x" * 65536] * 1000) as emulator:
        connection = tcp(emulator.base_urls["koala"], koala_request)
        assert connection.recv(16)
    assert emulator.koala.requests[0].ended == "emulator closed"


def test_hang_before_headers_can_end(emulator: Emulator, koala: Ask) -> None:
    emulator.koala.fault = HangBeforeHeaders(seconds=0.05)
    begun = time.monotonic()
    assert koala().content == WHOLE
    assert time.monotonic() - begun >= 0.05


def test_keepalive_goes_on_during_a_stall(emulator: Emulator, koala: Ask) -> None:
    emulator.koala.keepalive_seconds = 0.01
    emulator.koala.fault = Stall(5, seconds=0.1, keepalive=True)
    content = koala().content
    first, *pings, last, end = content.split(b"\n\n")
    assert (first, last, end) == (b'data: "one"', b'data: " two"', b"")
    assert len(pings) >= 3
    assert set(pings) == {b": keep-alive"}


def test_split_sends_each_piece_as_its_own_chunk(
    emulator: Emulator, tcp: Connect, koala_request: bytes
) -> None:
    emulator.koala.fault = Split(10)
    connection = tcp(
        emulator.base_urls["koala"], koala_request.replace(b"TE:", b"Connection: close\r\nTE:")
    )
    content, _ = read_all(connection)
    assert body_of(content) == (
        b'a\r\ndata: "one\r\n3\r\n"\n\n\r\na\r\ndata: " tw\r\n4\r\no"\n\n\r\n0\r\n\r\n'
    )


def test_trickle_sends_bytes(emulator: Emulator, koala: Ask) -> None:
    emulator.koala.fault = Trickle(0.001)
    begun = time.monotonic()
    assert koala().content == WHOLE
    assert time.monotonic() - begun >= 0.001 * len(WHOLE)


def test_garbage_and_cut_together_in_order(
    emulator: Emulator, tcp: Connect, koala_request: bytes
) -> None:
    emulator.koala.fault = (Cut(20), Garbage(5, b"\x00\xff"), Framing("close"))
    content, _ = read_all(tcp(emulator.base_urls["koala"], koala_request))
    assert body_of(content) == WHOLE[:5] + b"\x00\xff" + WHOLE[5:20]


def test_status_has_the_providers_shape_and_retry_after(emulator: Emulator, koala: Ask) -> None:
    emulator.koala.fault = Status(429, "slow down", retry_after=2.5, headers={"X-Extra": "1"})
    answer = koala()
    assert (answer.status_code, answer.json()) == (429, {"message": "slow down"})
    assert answer.headers["Retry-After"] == "2.5"
    assert answer.headers["X-Extra"] == "1"
    assert emulator.koala.requests[0].problem is None


def test_status_with_a_body_of_its_own(emulator: Emulator, koala: Ask) -> None:
    emulator.koala.fault = Status(599, body="<h1>no</h1>", content_type="text/html")
    answer = koala()
    assert (answer.status_code, answer.text) == (599, "<h1>no</h1>")
    assert answer.headers["Content-Type"] == "text/html"


@pytest.mark.parametrize("fault", [Challenge(), Captcha()])
def test_challenge_page(emulator: Emulator, koala: Ask, fault: Plan) -> None:
    emulator.koala.fault = fault
    answer = koala()
    assert answer.status_code == 403
    assert answer.headers["cf-mitigated"] == "challenge"
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "<title>Just a moment...</title>" in answer.text


def test_wrong_request_is_told_so_before_its_fault(emulator: Emulator, koala: Ask) -> None:
    emulator.koala.fault = Status(503)
    assert koala({"input": ""}).status_code == 400


def test_queue_goes_first_then_the_standing_fault(emulator: Emulator, koala: Ask) -> None:
    emulator.koala.faults.extend([Status(500), None, At("models", Status(501)), Status(502)])
    emulator.koala.fault = Status(503)
    # Nobody asks for models, so the third one stays at the head of the queue.
    assert [koala().status_code for _ in range(4)] == [500, 200, 200, 200]
    emulator.koala.faults.clear()
    assert koala().status_code == 503
    emulator.koala.fault = None
    assert koala().status_code == 200


@pytest.mark.parametrize("kind", ["chunked", "close", "length"])
def test_gzip_is_flushed_after_each_event(
    emulator: Emulator, koala_request: bytes, tcp: Connect, kind: str
) -> None:
    emulator.koala.framing = Framing(kind, gzip=True)  # type: ignore[arg-type] # parametrized
    request = koala_request.replace(b"TE:", b"Accept-Encoding: gzip\r\nTE:")
    connection = tcp(emulator.base_urls["koala"], request)
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.read()) == WHOLE


def test_gzip_gives_the_first_event_before_the_second(tcp: Connect, koala_request: bytes) -> None:
    with Emulator(reply=lambda messages: ["one"]) as emulator:
        emulator.koala.fault = (Framing("close", gzip=True), Stall(30))
        request = koala_request.replace(b"TE:", b"Accept-Encoding: gzip\r\nTE:")
        connection = tcp(emulator.base_urls["koala"], request)
        inflate = zlib.decompressobj(wbits=31)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        got = b""
        while not got.endswith(b"\n\n"):
            got += inflate.decompress(answer.read1(65536))
        assert got == b'data: "one"\n\n'


def test_no_gzip_for_a_client_that_takes_none(emulator: Emulator, koala: Ask) -> None:
    emulator.koala.framing = Framing(gzip=True)
    answer = koala(headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in answer.headers
    assert answer.content == WHOLE


def test_close_framing_ends_the_connection(
    emulator: Emulator, tcp: Connect, koala_request: bytes
) -> None:
    emulator.koala.framing = Framing("close")
    content, was_reset = read_all(tcp(emulator.base_urls["koala"], koala_request))
    assert b"\r\nConnection: close\r\n" in content
    assert b"Transfer-Encoding" not in content
    assert (body_of(content), was_reset) == (WHOLE, False)
    plan: Sequence[str] = [record.ended or "" for record in emulator.koala.wait_ended()]
    assert plan == ["complete"]

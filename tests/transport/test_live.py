"""HTTP as it is lived: streams, refusals, redirects, proxies from the environment, reuse."""

from __future__ import annotations

import contextlib
import gzip
import logging
import ssl
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from g4fsync.errors import (
    AuthenticationError,
    Cancelled,
    CaptchaRequired,
    ConnectionFailed,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    RateLimited,
    ServerError,
    StreamInterrupted,
    StreamTruncated,
)
from g4fsync.transport import response
from g4fsync.transport.adapter import Adapter
from g4fsync.transport.live import LiveTransport, Network
from g4fsync.transport.response import LiveResponse
from tests.support.servers import Peer, Server, Talk
from tests.support.timing import MS, PATIENCE, Worker

pytestmark = pytest.mark.usefixtures("no_leaks", "reading")

Open = Callable[..., LiveTransport]
Serve = Callable[..., Server]


def answering(body: bytes, *fields: str, status: str = "200 OK") -> Talk:
    """Answer each request alike."""

    def talk(peer: Peer) -> None:
        while peer.request() is not None:
            if not peer.answer(body, *fields, status=status):
                return

    return talk


def texts(response: LiveResponse) -> list[str]:
    return [event.data for event in response.events()]


# -- tokens are not held back -------------------------------------------


class Coder:
    """A content coding that is flushed after each piece."""

    def __init__(self, encoding: str) -> None:
        self.fields = (f"Content-Encoding: {encoding}",) if encoding else ()
        bits = {"": None, "gzip": 31, "deflate": 15, "deflate, bare": -15}[encoding]
        if encoding == "deflate, bare":
            self.fields = ("Content-Encoding: deflate",)
        self._zlib = None if bits is None else zlib.compressobj(wbits=bits)

    def code(self, piece: bytes) -> bytes:
        if self._zlib is None:
            return piece
        return self._zlib.compress(piece) + self._zlib.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        return self._zlib.flush() if self._zlib else b""


def paced(framing: str, encoding: str, events: Iterable[bytes]) -> Talk:
    """Send an event when the one before has arrived, so that each must come by itself."""

    def talk(peer: Peer) -> None:
        peer.request()
        coder = Coder(encoding)
        framed = {
            "chunked": ("Transfer-Encoding: chunked", peer.chunk),
            "closed": ("Connection: close", peer.send),
        }
        field, send = framed[framing]
        peer.head(field, *coder.fields)
        for event in events:
            send(coder.code(event))
            if not peer.server.go.wait(PATIENCE):
                return
            peer.server.go.clear()
        if end := coder.end():
            send(end)
        if framing == "chunked":
            peer.send(b"0\r\n\r\n")

    return talk


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate", "deflate, bare"])
@pytest.mark.parametrize("framing", ["chunked", "closed"])
@pytest.mark.parametrize("reader", ["events", "records", "values", "pieces"])
def test_what_is_sent_apart_arrives_apart(
    reader: str, framing: str, encoding: str, serve: Serve, connect: Open
) -> None:
    ends = b"\n" if reader == "records" else b"\n\n"
    begins = b"" if reader == "records" else b"data: "
    server = serve(paced(framing, encoding, [begins + b"%d" % i + ends for i in range(3)]))
    count = 0
    for _ in getattr(connect(server.url).post("/ask"), reader)():
        count += 1
        assert not server.go.is_set()
        server.go.set()
    assert count == 3


def test_the_first_token_is_not_kept_until_its_block_is_full(serve: Serve, connect: Open) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.head("Connection: close")
        peer.send(b"data: first\n\n")
        peer.hold()

    response = connect(serve(talk).url).post("/ask")
    assert next(response.events()).data == "first"


SEPARATORS = "a\u0085b\u2028c\u2029d\x0be\x0cf\x1cg\x1dh\x1ei"


@pytest.mark.parametrize("content_type", ["text/event-stream", "text/plain", ""])
def test_text_is_utf8_and_only_line_ends_end_lines(
    content_type: str, serve: Serve, connect: Open
) -> None:
    """Without a charset requests would read ISO-8859-1, and split at U+0085 and U+2028."""
    text = f"Привет {SEPARATORS} 🙂"
    fields = (f"Content-Type: {content_type}",) if content_type else ()
    server = serve(answering(f"data: {text}\n\n".encode(), *fields))
    assert texts(connect(server.url).post("/ask")) == [text]


def test_a_character_cut_between_two_reads_is_one_character(serve: Serve, connect: Open) -> None:
    body = "data: Привет, 🙂!\n\n".encode()

    def talk(peer: Peer) -> None:
        peer.request()
        peer.head("Transfer-Encoding: chunked")
        for byte in body:
            peer.chunk(bytes([byte]))
        peer.send(b"0\r\n\r\n")

    assert texts(connect(serve(talk).url).post("/ask")) == ["Привет, 🙂!"]


def test_a_ctrl_c_between_a_head_and_its_owner_closes_the_connection(
    serve: Serve, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    def talk(peer: Peer) -> None:
        peer.request()
        peer.head("Connection: close")
        peer.hold()

    server = serve(talk)
    transport = connect(server.url)
    monkeypatch.setattr("g4fsync.transport.live.LiveResponse", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        transport.post("/ask")
    server.wait_left()  # though the traceback keeps all that was local
    assert caught.tb is not None


# -- what is a stream ---------------------------------------------------

CHALLENGE = b"<!DOCTYPE html><title>Just a moment...</title>"
PAGE = b"<html><body>Welcome</body></html>"


@pytest.mark.parametrize(
    ("content_type", "body", "error", "message"),
    [
        (
            "text/html",
            CHALLENGE,
            CaptchaRequired,
            "HTTP 200: a page that checks for a human; open the site in a browser",
        ),
        ("text/html; charset=utf-8", PAGE, ProviderError, "HTTP 200: an HTML page in place of an"),
        ("text/plain", CHALLENGE, CaptchaRequired, "HTTP 200: a page that checks for a human"),
        ("", PAGE, ProviderError, "HTTP 200: an HTML page in place of an answer"),
        ("image/png", b"x", ProtocolError, "expected a stream, got content type 'image/png'"),
        ("text/event-stream", b"", StreamTruncated, "the answer is empty: no event in it"),
        ("text/event-stream", b": only\n\n", StreamTruncated, "the answer is empty"),
        ("text/event-stream", b"data: half", StreamTruncated, "ended inside an event"),
    ],
)
@pytest.mark.parametrize("reader", ["events", "values"])
def test_only_a_plausible_stream_is_one(
    reader: str,
    content_type: str,
    body: bytes,
    error: type[G4FSyncError],
    message: str,
    serve: Serve,
    connect: Open,
) -> None:
    fields = (f"Content-Type: {content_type}",) if content_type else ()
    server = serve(answering(body, *fields))
    with pytest.raises(G4FSyncError) as caught:
        list(getattr(connect(server.url).post("/ask"), reader)())
    assert type(caught.value) is error
    assert message in str(caught.value)


def test_an_error_object_in_place_of_a_stream_is_the_providers(serve: Serve, connect: Open) -> None:
    body = b'{"error": {"message": "no such model", "code": "model_not_found"}}'
    server = serve(answering(body, "Content-Type: application/json"))
    with pytest.raises(ProviderError, match="no such model") as caught:
        list(connect(server.url).post("/ask").events())
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("status", ["201 Created", "203 Non-Authoritative Information"])
def test_any_status_of_success_may_have_a_stream(status: str, serve: Serve, connect: Open) -> None:
    # NestJS answers a POST with 201 unless told otherwise, a proxy that changes a body has 203.
    server = serve(answering(b"data: x\n\n", status=status))
    assert [event.data for event in connect(server.url).post("/ask").events()] == ["x"]


@pytest.mark.parametrize("status", ["204 No Content", "205 Reset Content", "206 Partial Content"])
def test_a_status_that_promises_no_whole_body_is_no_stream(
    status: str, serve: Serve, connect: Open
) -> None:
    server = serve(answering(b"data: x\n\n", status=status))
    with pytest.raises(ProtocolError, match=f"HTTP {status[:3]} in place of a stream"):
        list(connect(server.url).post("/ask").events())


@pytest.mark.parametrize("body", [b"", b"\n\n"])
def test_records_without_one_are_an_empty_answer(body: bytes, serve: Serve, connect: Open) -> None:
    server = serve(answering(body, "Content-Type: application/x-ndjson"))
    with pytest.raises(StreamTruncated, match="the answer is empty: no line in it"):
        list(connect(server.url).post("/ask").records())


def test_a_last_record_needs_no_line_end_but_must_be_complete(serve: Serve, connect: Open) -> None:
    server = serve(answering(b'{"a":1}\n{"b":2}'))
    assert list(connect(server.url).post("/ask").records()) == [{"a": 1}, {"b": 2}]
    server = serve(answering(b'{"a":1}\n{"b":2'))
    records = connect(server.url).post("/ask").records()
    assert next(records) == {"a": 1}
    with pytest.raises(StreamTruncated, match="the record stream ended inside a record"):
        next(records)


@pytest.mark.parametrize("coding", ["br", "Zstd", "gzip, br", "gzip, gzip"])
def test_a_coding_that_was_not_asked_for_is_refused(
    coding: str, serve: Serve, connect: Open
) -> None:
    server = serve(answering(b"x", f"Content-Encoding: {coding}"))
    with pytest.raises(ProtocolError, match=f"the answer is encoded with '{coding.lower()}'"):
        list(connect(server.url).post("/ask").pieces())


@pytest.mark.parametrize("coding", ["none", "UTF-8", "identity", "chunked", ""])
def test_what_is_no_coding_changes_nothing(coding: str, serve: Serve, connect: Open) -> None:
    # "none" keeps Next.js and others from compressing, and so from holding back, a stream.
    server = serve(answering(b"data: x\n\n", f"Content-Encoding: {coding}"))
    assert [event.data for event in connect(server.url).post("/ask").events()] == ["x"]
    server = serve(answering(gzip.compress(b"data: x\n\n"), f"Content-Encoding: gzip, {coding}"))
    assert [event.data for event in connect(server.url).post("/ask").events()] == ["x"]


def test_a_refusal_that_cannot_be_read_is_still_one(serve: Serve, connect: Open) -> None:
    server = serve(answering(b"x", "Content-Encoding: br", status="401 Unauthorized"))
    with pytest.raises(AuthenticationError, match="HTTP 401"):
        connect(server.url).post("/ask")
    server = serve(answering(b"x", "Content-Encoding: br", "Content-Type: image/png"))
    with pytest.raises(ProtocolError, match="content type 'image/png'"):
        list(connect(server.url).post("/ask").events())


def test_a_page_in_place_of_json_is_told(serve: Serve, connect: Open) -> None:
    server = serve(answering(CHALLENGE, "Content-Type: text/html"))
    with pytest.raises(CaptchaRequired):
        connect(server.url).get("/info").json()


# -- cut bodies ---------------------------------------------------------


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        (("Content-Length: 100",), b"data: hello\n\n"),
        (("Transfer-Encoding: chunked",), b"d\r\ndata: hello\n\n\r\n"),
        (("Transfer-Encoding: chunked",), b"d\r\ndata: hello\n\n"),
        (("Transfer-Encoding: chunked",), b"ff\r\ndata: hello\n\n"),
    ],
)
def test_a_cut_body_is_an_interrupted_stream(
    fields: tuple[str, ...], sent: bytes, reset: bool, serve: Serve, connect: Open
) -> None:
    cut(fields, sent, reset, serve, connect)


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize("reading", ["blocks"], indirect=True)  # urllib3 takes it for the end
def test_a_body_cut_behind_its_last_chunk_is_an_interrupted_stream(
    reset: bool, serve: Serve, connect: Open
) -> None:
    sent = b"d\r\ndata: hello\n\n\r\n0\r\n"
    cut(("Transfer-Encoding: chunked",), sent, reset, serve, connect)


def cut(fields: tuple[str, ...], sent: bytes, reset: bool, serve: Serve, connect: Open) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.head(*fields)
        peer.send(sent)
        peer.server.reached.set()
        assert peer.server.go.wait(10)
        if reset:
            peer.reset()

    server = serve(talk)
    events = connect(server.url).post("/ask").events()
    assert next(events).data == "hello"
    server.go.set()
    with pytest.raises(StreamInterrupted):
        next(events)


def test_a_reset_of_a_connection_closed_body_is_seen(serve: Serve, connect: Open) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.head("Connection: close")
        peer.send(b"data: hello\n\n")
        assert peer.server.go.wait(10)
        peer.reset()

    server = serve(talk)
    events = connect(server.url).post("/ask").events()
    assert next(events).data == "hello"
    server.go.set()
    with pytest.raises(StreamInterrupted, match="broke in the middle of the answer"):
        next(events)


def test_a_compressed_body_without_its_end_mark_was_cut(serve: Serve, connect: Open) -> None:
    coder = zlib.compressobj(wbits=31)
    body = coder.compress(b"data: hello\n\n") + coder.flush(zlib.Z_SYNC_FLUSH)
    server = serve(answering(body, "Content-Encoding: gzip"))
    events = connect(server.url).post("/ask").events()
    assert next(events).data == "hello"
    with pytest.raises(StreamInterrupted, match="the gzip body ended before its end mark"):
        next(events)


def test_what_came_before_damaged_gzip_in_the_same_read_is_given(
    serve: Serve, connect: Open
) -> None:
    coder = zlib.compressobj(wbits=31)
    body = b"".join(
        coder.compress(b"data: %d\n\n" % i) + coder.flush(zlib.Z_SYNC_FLUSH) for i in range(4)
    )
    server = serve(answering(body + b"data: in the clear\n\n", "Content-Encoding: gzip"))
    events = connect(server.url).post("/ask").events()
    assert [next(events).data for _ in range(4)] == ["0", "1", "2", "3"]
    with pytest.raises(ProtocolError, match="the body is not gzip"):
        next(events)


def test_what_came_before_broken_chunks_in_the_same_read_is_given(
    serve: Serve, connect: Open
) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        event = b"data: hello\n\n"
        chunks = b"%x\r\n%b\r\n" % (len(event), event) * 2 + b"no size\r\n"
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        peer.hold()

    events = connect(serve(talk).url).post("/ask").events()
    assert [next(events).data for _ in range(2)] == ["hello", "hello"]
    with pytest.raises((ProtocolError, StreamInterrupted)):
        next(events)


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
def test_a_connection_that_ends_without_an_answer_is_a_failed_connection(
    reset: bool, serve: Serve, connect: Open
) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        if reset:
            peer.reset()

    transport = connect(serve(talk).url)
    with pytest.raises(ConnectionFailed) as caught:
        transport.post("/ask")
    assert type(caught.value) is ConnectionFailed
    assert caught.value.retryable


@pytest.mark.parametrize(
    "sent",
    [b"\x00\x01garbage\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"SSH-2.0-OpenSSH\r\n"],
)
def test_what_is_not_http_is_a_protocol_error(sent: bytes, serve: Serve, connect: Open) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.send(sent)

    transport = connect(serve(talk).url)
    with pytest.raises(ProtocolError, match="sent what is not HTTP"):
        transport.post("/ask")


@pytest.mark.parametrize("reading", ["blocks"], indirect=True)  # for urllib3 it is a cut
def test_garbage_in_chunk_framing_is_a_protocol_error(serve: Serve, connect: Open) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.head("Transfer-Encoding: chunked")
        peer.send(b"d\r\ndata: hello\n\n\r\nzz\r\n")

    events = connect(serve(talk).url).post("/ask").events()
    with pytest.raises(ProtocolError, match="expected a chunk's size"):
        list(events)


# -- refusals -----------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "fields", "error"),
    [
        ("401 Unauthorized", (), AuthenticationError),
        ("403 Forbidden", (), AuthenticationError),
        ("404 Not Found", (), ProviderError),
        ("429 Too Many Requests", ("Retry-After: 7",), RateLimited),
        ("500 Internal Server Error", (), ServerError),
        ("501 Not Implemented", (), ServerError),
        ("529 Overloaded", (), ServerError),
    ],
)
def test_a_status_decides_the_error(
    status: str, fields: tuple[str, ...], error: type[G4FSyncError], serve: Serve, connect: Open
) -> None:
    body = b'{"error": {"message": "because", "code": "c"}}'
    server = serve(answering(body, "Content-Type: application/json", *fields, status=status))
    with pytest.raises(G4FSyncError) as caught:
        connect(server.url).post("/ask")
    assert type(caught.value) is error
    assert str(caught.value) == f"HTTP {status[:3]}: because"
    assert caught.value.retryable == (status[:3] in ("429", "500", "529"))
    assert getattr(caught.value, "retry_after", None) == (7.0 if fields else None)


def test_a_refusal_whose_body_is_cut_is_told_by_its_status(serve: Serve, connect: Open) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.head("Content-Length: 100", status="503 Service Unavailable")
        peer.send(b"half")

    transport = connect(serve(talk).url)
    with pytest.raises(ServerError, match="HTTP 503"):
        transport.post("/ask")


def test_a_refusal_whose_body_stalls_tells_what_came_of_it(
    serve: Serve, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response, "ERROR_BODY_SECONDS", 50 * MS)

    def talk(peer: Peer) -> None:
        peer.request()
        peer.head("Content-Length: 100", status="503 Service Unavailable")
        peer.send(b"down for repairs")
        peer.hold()

    transport = connect(serve(talk).url)
    with pytest.raises(ServerError) as caught:
        transport.post("/ask")
    assert str(caught.value) == "HTTP 503: down for repairs"
    assert caught.value.body == "down for repairs"


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed_and_carry_no_key_along(
    code: int, serve: Serve, connect: Open
) -> None:
    other = serve(answering(b"data: stolen\n\n"))
    location = f"Location: {other.url}/elsewhere?secret=1"
    server = serve(answering(b"", location, status=f"{code} Moved"))
    transport = connect(server.url, api_key="sk-0123456789abcdef")
    with pytest.raises(ProviderError) as caught:
        transport.post("/ask", headers={"x-api-key": "sk-0123456789abcdef"})
    message = f"HTTP {code}: redirected to http://127.0.0.1, not followed"
    assert str(caught.value) == message
    assert (len(server.requests), other.requests, other.peers) == (1, [], [])


def test_a_key_that_a_server_echoes_is_blotted_out(serve: Serve, connect: Open) -> None:
    key = "sk-0123456789abcdef"
    body = b'{"error": {"message": "bad key sk-0123456789abcdef"}}'
    fields = ("Content-Type: application/json",)
    server = serve(answering(body, *fields, status="401 Unauthorized"))
    with pytest.raises(AuthenticationError) as caught:
        connect(server.url, api_key=key).post("/ask")
    assert str(caught.value) == "HTTP 401: bad key …"
    assert key not in caught.value.body
    assert key not in repr(caught.value)


# -- what is sent -------------------------------------------------------


def test_the_request_is_what_was_said_and_nothing_of_the_machine(
    serve: Serve, connect: Open
) -> None:
    server = serve(answering(b"{}"))
    transport = connect(server.url, cookies={"session": "abc"})
    transport.post("/a/b", json={"q": "é🙂"}, params={"n": "1 2"}, headers={"X-One": "1"}).json()
    transport.get("/c").json()
    transport.delete("/d").json()
    post, get, delete = server.requests
    assert post.line == "POST /a/b?n=1+2 HTTP/1.1"
    assert post.body == b'{"q": "\\u00e9\\ud83d\\ude42"}'
    assert dict(post.headers) == {
        "host": server.url.removeprefix("http://"),
        "user-agent": "test",
        "accept-encoding": "gzip, deflate",
        "x-one": "1",
        "content-type": "application/json",
        "cookie": "session=abc",
        "content-length": str(len(post.body)),
    }
    assert (get.line, delete.line) == ("GET /c HTTP/1.1", "DELETE /d HTTP/1.1")
    assert transport.sent


def test_cookies_the_server_sets_are_kept_within_the_attempt_only(
    serve: Serve, connect: Open
) -> None:
    server = serve(answering(b"{}", "Set-Cookie: fresh=1; Path=/"))
    transport = connect(server.url)
    transport.get("/a").json()
    transport.get("/b").json()
    connect(server.url, network=transport.network).get("/c").json()
    assert [request.headers.get("cookie") for request in server.requests] == [
        None,
        "fresh=1",
        None,
    ]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("http://other.test/login", "http://other.test/login"),
        ("https://user:pass-word@other.test", "https://other.test"),
        ("//other.test/login", "//other.test/login"),
        ("@other.test/", "@other.test/"),
        (".other.test/", ".other.test/"),
        (":80/", ":80/"),
        ("login", "login"),
        ("ws://other.test/a b?c", "ws://other.test/a b?c"),
    ],
)
@pytest.mark.parametrize("base", ["", "/api"])
def test_a_path_to_somewhere_else_is_refused(
    path: str, shown: str, base: str, serve: Serve, connect: Open
) -> None:
    server = serve(answering(b"{}"))
    with pytest.raises(InvalidRequest) as caught:
        connect(server.url + base).post(path, json={})
    assert str(caught.value) == (
        f"the path {shown!r} must begin with one '/': "
        "a provider's requests go to its base URL and below it"
    )
    assert server.peers == []


def test_a_path_must_be_a_str(connect: Open) -> None:
    path: Any = 5
    with pytest.raises(InvalidRequest, match=r"^a path must be a str, got int$"):
        connect("http://127.0.0.1:9").get(path)


def test_without_a_path_the_base_url_itself_is_asked(serve: Serve, connect: Open) -> None:
    server = serve(answering(b"{}"))
    assert connect(f"{server.url}/api").get("").json() == {}
    assert server.requests[0].line == "GET /api HTTP/1.1"


@pytest.mark.parametrize("path", ["/a b", "/a\r\nX: y", "/a?b", "/a#b", "/ä", "/a\\b", "/a\x7f"])
def test_a_path_that_breaks_out_is_not_requested(path: str, connect: Open) -> None:
    with pytest.raises(InvalidRequest, match="can't be requested"):
        connect("http://127.0.0.1:9").get(path)


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "\x00", "日本"])
def test_a_header_that_breaks_out_is_not_sent(value: str, connect: Open) -> None:
    with pytest.raises(InvalidRequest) as caught:
        connect("http://127.0.0.1:9").get("/a", headers={"X-Own": value})
    assert str(caught.value) == "header 'X-Own': its value can't be sent in a header"


@pytest.mark.parametrize("value", [float("nan"), object(), b"bytes", {1: float("inf")}])
def test_what_is_not_json_is_not_sent(value: Any, connect: Open) -> None:
    with pytest.raises(InvalidRequest, match="can't be sent as JSON"):
        connect("http://127.0.0.1:9").post("/a", json={"q": value})


def test_netrc_is_not_read(
    serve: Serve, connect: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(answering(b"{}"))
    transport = connect(server.url)
    transport.get("/a").json()
    transport.get("/b", headers={"Authorization": "Bearer mine"}).json()
    sent = [request.headers.get("authorization") for request in server.requests]
    assert sent == [None, "Bearer mine"]


def test_nothing_secret_is_logged(
    serve: Serve, connect: Open, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(answering(b"{}"))
    host = server.url.removeprefix("http://")
    with caplog.at_level(logging.DEBUG, "g4fsync"):
        transport = connect(
            f"http://user:pass-word@{host}", cookies={"session": "cookie-value"}, api_key="sk-key"
        )
        transport.get(
            "/a", params={"key": "param-key"}, headers={"Authorization": "Bearer sk-key"}
        ).json()
    log = "\n".join(record.getMessage() for record in caplog.records)
    assert f"test: GET {host}/a" in log
    assert "HTTP 200" in log
    for secret in ("sk-key", "param-key", "cookie-value", "pass-word"):
        assert secret not in log
        assert secret not in repr(transport.destination)


# -- connections --------------------------------------------------------


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_connection_is_used_again_after_a_whole_answer(
    framing: str, serve: Serve, connect: Open
) -> None:
    def talk(peer: Peer) -> None:
        while peer.request() is not None:
            if framing == "length":
                peer.answer(b"data: x\n\n")
            else:
                peer.head("Transfer-Encoding: chunked")
                peer.send(b"9\r\ndata: x\n\n\r\n0\r\n\r\n")

    server = serve(talk)
    network = Network(Adapter())
    for _ in range(3):
        transport = connect(server.url, network=network)
        assert texts(transport.post("/ask")) == ["x"]
        transport.close()
    assert len(server.peers) == 1
    assert len(server.requests) == 3


def test_a_connection_whose_answer_was_left_is_not_used_again(serve: Serve, connect: Open) -> None:
    def talk(peer: Peer) -> None:
        while peer.request() is not None:
            peer.head("Transfer-Encoding: chunked")
            peer.chunk(b"data: x\n\n")

    server = serve(talk)
    network = Network(Adapter())
    for graceful in (False, True):
        transport = connect(server.url, network=network)
        assert next(transport.post("/ask").events()).data == "x"
        transport.close(graceful=graceful)
    server.wait_left(2)


def test_a_graceful_end_waits_a_moment_for_the_last_chunk(serve: Serve, connect: Open) -> None:
    """After ``[DONE]`` nothing is read any more, but the connection is worth keeping."""

    def talk(peer: Peer) -> None:
        while peer.request() is not None:
            peer.head("Transfer-Encoding: chunked")
            peer.chunk(b"data: x\n\n")
            peer.send(b"0\r\n\r\n")

    server = serve(talk)
    network = Network(Adapter())
    for _ in range(2):
        transport = connect(server.url, network=network)
        assert next(transport.post("/ask").events()).data == "x"
        transport.close(graceful=True)
    assert len(server.peers) == 1


def test_a_pooled_connection_that_the_server_closed_is_replaced(
    serve: Serve, connect: Open
) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.answer(b"data: x\n\n")

    server = serve(talk)
    network = Network(Adapter())
    for count in (1, 2):
        transport = connect(server.url, network=network)
        assert texts(transport.post("/ask")) == ["x"]
        transport.close()
        assert len(server.peers) == count
        server.wait_closed()


@dataclass
class Closing:
    """Answers the first request of each connection; the next one ends the connection.

    The client can't have seen the end before it sent: it comes in answer.  Once the first
    connection has ended so, all requests are answered.
    """

    with_reset: bool
    head: bytes = b""  # what comes of the answer that is cut
    times: int = 1

    def __call__(self, peer: Peer) -> None:
        while (request := peer.request()) is not None:
            server = peer.server
            if request.target == "/last" and len(server.noted) < self.times:
                server.noted.append(request.line)
                peer.send(self.head)
                if self.with_reset:
                    peer.reset()
                elif isinstance(peer.socket, ssl.SSLSocket):
                    with contextlib.suppress(OSError):  # the client need not say good-bye
                        peer.socket.unwrap()
                return
            peer.answer(b"{}")


ends = pytest.mark.parametrize("with_reset", [False, True], ids=["FIN", "RST"])
secured = pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "TLS"])


@dataclass
class Idle:
    """A transport whose first request left an idle connection behind."""

    server: Server
    transport: LiveTransport

    @property
    def last(self) -> list[str]:
        return [each.line for each in self.server.requests if each.target == "/last"]


@pytest.fixture
def idle(serve: Serve, connect: Open, request: pytest.FixtureRequest) -> Callable[..., Idle]:
    def make(closing: Closing, *, is_secure: bool = False) -> Idle:
        tls = request.getfixturevalue("server_tls") if is_secure else None
        verify = request.getfixturevalue("authority") if is_secure else True
        server = serve(closing, tls=tls)
        transport = connect(server.url, verify=verify)
        assert transport.post("/first").json() == {}
        return Idle(server, transport)

    return make


@ends
@secured
def test_a_clean_up_on_an_idle_connection_that_dies_is_sent_again_on_a_new_one(
    with_reset: bool,
    is_secure: bool,
    idle: Callable[..., Idle],
    caplog: pytest.LogCaptureFixture,
) -> None:
    it = idle(Closing(with_reset), is_secure=is_secure)
    with it.transport.cleanup(seconds=5):
        assert it.transport.delete("/last").json() == {}
    assert it.last == ["DELETE /last HTTP/1.1"] * 2
    assert len(it.server.peers) == 2
    assert "clean-up failed" not in caplog.text


@ends
@secured
def test_a_first_get_on_an_idle_connection_that_dies_is_sent_again_on_a_new_one(
    with_reset: bool, is_secure: bool, idle: Callable[..., Idle], connect: Open
) -> None:
    it = idle(Closing(with_reset), is_secure=is_secure)
    later = connect(it.server.url, network=it.transport.network)
    assert later.get("/last").json() == {}
    assert it.last == ["GET /last HTTP/1.1"] * 2
    assert len(it.server.peers) == 2


@ends
def test_it_is_sent_again_once_and_on_a_new_connection_though_others_are_idle(
    with_reset: bool, idle: Callable[..., Idle], connect: Open
) -> None:
    it = idle(Closing(with_reset, times=2))
    other = connect(it.server.url, network=it.transport.network)
    responses = [each.post("/first") for each in (it.transport, other)]
    assert [each.json() for each in responses] == [{}, {}]
    assert len(it.server.peers) == 2  # both idle now
    with pytest.raises(ConnectionFailed) as caught:
        it.transport.get("/last")
    words = "reset" if with_reset else "closed the connection without an answer"
    assert words in str(caught.value)
    assert it.last == ["GET /last HTTP/1.1"] * 2
    assert len(it.server.peers) == 3


@ends
def test_a_post_is_not_sent_again(with_reset: bool, idle: Callable[..., Idle]) -> None:
    """Nothing tells whether the server has acted on it; the engine's retry is the caller's say."""
    it = idle(Closing(with_reset))
    with pytest.raises(ConnectionFailed) as caught:
        it.transport.post("/last")
    assert caught.value.retryable
    assert it.last == ["POST /last HTTP/1.1"]
    assert it.transport.post("/last").json() == {}


@ends
@pytest.mark.parametrize("head", [b"H", b"HTTP/1.1 200 OK\r\nContent-", b"HTTP/1.1 100 C\r\n\r\n"])
def test_a_request_whose_answer_has_begun_is_not_sent_again(
    head: bytes, with_reset: bool, idle: Callable[..., Idle]
) -> None:
    it = idle(Closing(with_reset, head))
    with pytest.raises(ConnectionFailed):
        it.transport.get("/last")
    assert it.last == ["GET /last HTTP/1.1"]


@ends
def test_what_a_new_connection_lost_is_not_sent_again(
    with_reset: bool, serve: Serve, connect: Open
) -> None:
    server = serve(Closing(with_reset, times=2))
    with pytest.raises(ConnectionFailed):
        connect(server.url).get("/last")
    assert len(server.requests) == 1


def test_a_call_that_has_ended_sends_nothing_again(serve: Serve, connect: Open) -> None:
    def talk(peer: Peer) -> None:
        while (request := peer.request()) is not None:
            if request.target == "/last":
                peer.hold()
                return
            peer.answer(b"{}")

    server = serve(talk)
    transport = connect(server.url)
    transport.post("/first").json()
    worker = Worker(lambda: transport.get("/last"))
    assert server.reached.wait(PATIENCE)
    transport.scope.cancel()
    with pytest.raises(Cancelled):
        worker.result()
    assert len(server.peers) == 1
    assert len(server.requests) == 2


@secured
def test_a_clean_up_arrives_behind_a_500_after_which_the_server_closes(
    is_secure: bool,
    serve: Serve,
    connect: Open,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As uvicorn answers when its application fails: keep-alive, and then the end."""
    ended: list[str] = []

    def talk(peer: Peer) -> None:
        while (asked := peer.request()) is not None:
            if asked.target == "/chat":
                peer.answer(b"{}", status="500 Internal Server Error")
                return
            ended.append(asked.line)
            peer.answer(b"{}")

    server = serve(talk, tls=request.getfixturevalue("server_tls") if is_secure else None)
    verify = request.getfixturevalue("authority") if is_secure else True
    times = 6 if is_secure else 20
    for _ in range(times):  # the end comes before the next request, or after it
        transport = connect(server.url, verify=verify)
        with pytest.raises(ServerError):
            transport.post("/chat")
        with transport.cleanup(seconds=5):
            transport.delete("/undo")
    assert ended == ["DELETE /undo HTTP/1.1"] * times
    assert "clean-up failed" not in caplog.text


def test_a_refused_request_leaves_its_connection_for_the_next(serve: Serve, connect: Open) -> None:
    server = serve(answering(b"{}", status="503 Service Unavailable"))
    network = Network(Adapter())
    for _ in range(2):
        transport = connect(server.url, network=network)
        with pytest.raises(ServerError):
            transport.post("/ask")
        transport.close()
    assert len(server.peers) == 1


# -- cleaning up --------------------------------------------------------


def test_a_clean_up_has_time_of_its_own_after_a_cancel(serve: Serve, connect: Open) -> None:
    server = serve(answering(b"{}"))
    transport = connect(server.url)
    transport.scope.cancel()
    scope = transport.scope
    with transport.cleanup(seconds=5):
        transport.delete("/chat").json()
    assert transport.scope is scope
    assert [request.line for request in server.requests] == ["DELETE /chat HTTP/1.1"]


def test_a_clean_up_that_fails_is_only_logged_and_leaves_the_first_error_as_it_was(
    serve: Serve, connect: Open, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(peer: Peer) -> None:
        peer.request()
        peer.reset()

    transport = connect(serve(refuse).url)
    first = StreamInterrupted("the first failure")
    with pytest.raises(StreamInterrupted) as caught:
        try:
            raise first
        finally:
            with transport.cleanup(seconds=5):
                transport.delete("/chat")
    assert caught.value is first
    assert first.__cause__ is None
    assert "test: clean-up failed: connection to 127.0.0.1" in caplog.text
    assert "the first failure" not in caplog.text


def test_a_clean_up_ends_in_its_time(
    serve: Serve, connect: Open, caplog: pytest.LogCaptureFixture
) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.hold()

    transport = connect(serve(talk).url)
    with transport.cleanup(seconds=50 * MS):
        transport.delete("/chat")
    assert f"clean-up failed: not finished within {50 * MS:g} s" in caplog.text


def test_a_forked_child_does_not_undo_what_is_its_parents(
    serve: Serve, connect: Open, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(answering(b"{}"))
    transport = connect(server.url)
    transport.scope.leave_to_parent()
    with transport.cleanup(seconds=5):
        transport.delete("/chat")
    assert server.requests == []


# -- proxies from the environment ---------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:1/x",
        "http://127.0.0.1/x",
        "http://127.8.9.1/x",
        "http://[::1]/x",
        "http://my.localhost/x",
    ],
)
def test_loopback_takes_no_proxy_from_the_environment(
    url: str, no_proxy_variables: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")
    assert Network().proxies(url) == {}


@pytest.mark.parametrize(
    "url",
    [
        "http://koala.sh/x",
        "http://localhost.koala.sh/x",
        "http://127.koala.sh/x",
        "http://[::1a2b]/x",
        "http://10.0.0.1/x",
    ],
)
def test_others_take_the_proxy_of_the_environment(
    url: str, no_proxy_variables: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("no_proxy", "example.org")
    assert Network().proxies(url)["http"] == "http://proxy.test:3128"


def test_no_proxy_is_honoured(no_proxy_variables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("no_proxy", "koala.sh")
    assert Network().proxies("http://koala.sh/x") == {}


def test_an_explicit_proxy_holds_everywhere(no_proxy_variables: None) -> None:
    network = Network(proxy="http://proxy.test:1")
    expected = {"http": "http://proxy.test:1", "https": "http://proxy.test:1"}
    assert network.proxies("http://127.0.0.1/x") == expected

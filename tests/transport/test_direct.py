"""The short way and the one through requests say and understand the same."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import requests
from requests.cookies import RequestsCookieJar

from g4fsync.errors import ConnectionFailed, StreamInterrupted
from g4fsync.transport import direct
from g4fsync.transport.live import LiveTransport
from g4fsync.transport.request import Request, address_of
from tests.support.servers import Peer, Server, Talk
from tests.support.timing import PATIENCE

pytestmark = pytest.mark.usefixtures("no_leaks")

Open = Callable[..., LiveTransport]
Serve = Callable[..., Server]


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Choose the way that requests take from now on."""
    possible = direct.is_possible

    def choose(way: str) -> None:
        chosen = possible if way == "direct" else lambda request, proxies: False
        monkeypatch.setattr(direct, "is_possible", chosen)

    return choose


def recording(sent: list[bytes], answer: bytes) -> Talk:
    """Note the bytes of each connection's one request, and give an answer."""

    def talk(peer: Peer) -> None:
        content = b""
        while b"\r\n\r\n" not in content:
            content += peer.receive()
        head, _, body = content.partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b": ")
            if name.lower() == b"content-length":
                while len(body) < int(value):
                    body += peer.receive()
        sent.append(head + b"\r\n\r\n" + body)
        peer.send(answer)

    return talk


ANSWER = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
ASKED: list[tuple[str, Callable[[LiveTransport], Any]]] = [
    ("get", lambda t: t.get("/a/b~c%7e")),
    ("delete", lambda t: t.delete("/a", headers={"X-A": "\xe9 \xff", "user-agent": "other"})),
    ("post json", lambda t: t.post("/a", json={"q": "caf\xe9"})),
    ("post bytes", lambda t: t.post("", body=b"\0\xff\r\n")),
    ("post nothing", lambda t: t.post("/a")),
    ("post much", lambda t: t.post("/a", body=b"x" * 300_000)),
    ("params", lambda t: t.get("/a", params={"q": "a b/\xe9&=~", "p": ""})),
    ("host", lambda t: t.get("/a", headers={"Host": "other.test"})),
    ("cookie", lambda t: t.get("/a", headers={"cookie": "a=b"})),
    ("accept", lambda t: t.get("/a", headers={"accept-encoding": "br", "ACCEPT": "*/*"})),
]


@pytest.mark.parametrize(("name", "ask"), ASKED, ids=[name for name, _ in ASKED])
@pytest.mark.parametrize("user", ["", "us%40er:pass%3a@"])
@pytest.mark.parametrize("path", ["", "/v1", "/caf\xe9/%2f/a b"])
@pytest.mark.parametrize("cookies", [{}, {"session": "x y"}])
def test_both_ways_send_the_same_bytes(
    name: str,
    ask: Callable[[LiveTransport], Any],
    user: str,
    path: str,
    cookies: Mapping[str, str],
    serve: Serve,
    connect: Open,
    ways: Callable[[str], None],
) -> None:
    sent: list[bytes] = []
    server = serve(recording(sent, ANSWER))
    for way in ("direct", "requests"):
        ways(way)
        url = server.url.replace("//", f"//{user}") + path
        with_answer = ask(connect(url, cookies=dict(cookies)))
        assert with_answer.json() == {}
    assert sent[0] == sent[1]


def test_a_cookie_that_is_set_is_sent_with_the_next_request_of_the_attempt(
    serve: Serve, connect: Open, ways: Callable[[str], None]
) -> None:
    sent: list[bytes] = []
    fields = b"Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Path=/elsewhere\r\n"
    server = serve(recording(sent, ANSWER.replace(b"\r\n", b"\r\n" + fields, 1)))
    for way in ("direct", "requests"):
        ways(way)
        transport = connect(server.url)
        transport.get("/first").json()
        transport.get("/second").json()
    assert sent[:2] == sent[2:]
    assert [b"Cookie: a=1\r\n" in each for each in sent[:2]] == [False, True]
    assert not any(b"b=2" in each for each in sent)


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("http://h", "h", "/"),
        ("http://H:80/a", "h", "/a"),
        ("https://h:443", "h", "/"),
        ("https://h:80/%c3%a9", "h:80", "/%C3%A9"),
        ("http://[::1]:8080/", "[::1]:8080", "/"),
        ("http://b\xfccher.test/\xe9", "xn--bcher-kva.test", "/%C3%A9"),
        ("http://h./a", "h", "/a"),
        ("http://u:p@h/a", "h", "/a"),
        ("http://[fe80::1%25eth0]/", "", "/"),
    ],
)
def test_the_address_of_a_url(url: str, host: str, path: str) -> None:
    address = address_of(url)
    assert (address.host_field, address.path) == (host, path)
    assert address.has_user == ("@" in url)


def test_what_the_short_way_cant_say_goes_through_requests() -> None:
    plain = Request("POST", "http://h/a", {"X-A": "1"}, body=b"x")
    assert direct.is_possible(plain, {})
    assert not direct.is_possible(plain, {"http": "http://proxy"})
    assert not direct.is_possible(Request("GET", "http://h", {"transfer-encoding": "x"}), {})
    assert not direct.is_possible(Request("GET", "http://[fe80::1%25eth0]/", {}), {})


def test_a_replaced_send_of_requests_is_called(
    serve: Serve, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the packages that record, mock and trace requests do."""

    def send(self: object, request: requests.PreparedRequest, **_: object) -> Any:
        raise requests.ConnectionError(f"caught {request.method} {request.url}")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    with pytest.raises(ConnectionFailed, match=r"caught GET http://127\.0\.0\.1:1/a"):
        connect("http://127.0.0.1:1").get("/a")


def test_headers_are_looked_up_without_case_and_the_last_of_a_name_counts() -> None:
    request = Request("GET", "http://h/", {"X-A": "1", "User-Agent": "a", "x-a": "2"})
    assert request.content() == (
        b"GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: identity\r\nx-a: 2\r\nUser-Agent: a\r\n\r\n"
    )
    request.authorize(RequestsCookieJar())
    assert list(request.fields) == ["x-a", "user-agent"]


# -- connections --------------------------------------------------------


def answering(*answers: bytes) -> Talk:
    """Each request of a connection gets the next of *answers*."""

    def talk(peer: Peer) -> None:
        for answer in answers:
            if peer.request() is None:
                return
            peer.send(answer)
        peer.hold()

    return talk


SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"


@pytest.mark.parametrize("answer", [SIZED, CHUNKED])
def test_a_connection_is_used_again(answer: bytes, serve: Serve, connect: Open) -> None:
    server = serve(answering(answer, answer))
    first = connect(server.url)
    assert first.get("/a").json() == {}
    assert connect(server.url, network=first.network).get("/b").json() == {}
    assert len(server.peers) == 1


@pytest.mark.parametrize(
    "answer",
    [
        SIZED + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        CHUNKED + b"junk",
        SIZED.replace(b"\r\n", b"\r\nConnection: close\r\n", 1),
        SIZED.replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
    ids=["an answer nobody asked for", "junk", "told to close", "HTTP/1.0"],
)
def test_a_connection_is_not_used_again(answer: bytes, serve: Serve, connect: Open) -> None:
    """What stands behind a body would begin the next answer."""
    server = serve(answering(answer, SIZED))
    first = connect(server.url)
    assert first.get("/a").json() == {}
    assert connect(server.url, network=first.network).get("/b").json() == {}
    assert len(server.peers) == 2


def test_a_body_shorter_than_its_length_is_interrupted(serve: Serve, connect: Open) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}")

    pieces = connect(serve(talk).url).get("/a").pieces()
    assert next(pieces) == b"{}"
    with pytest.raises(StreamInterrupted):
        next(pieces)


def test_both_ways_use_each_others_connections(
    serve: Serve, connect: Open, ways: Callable[[str], None]
) -> None:
    server = serve(answering(CHUNKED, CHUNKED, CHUNKED, CHUNKED))
    first = connect(server.url)
    for way in ("direct", "requests", "direct", "requests"):
        ways(way)
        assert connect(server.url, network=first.network).get("/a").json() == {}
    assert len(server.peers) == 1


@pytest.mark.parametrize("forgotten", [False, True])
def test_an_adapter_that_was_closed_opens_anew(
    forgotten: bool, serve: Serve, connect: Open
) -> None:
    server = serve(answering(SIZED, SIZED))
    first = connect(server.url)
    assert first.get("/a").json() == {}
    if forgotten:  # by urllib3, as when there are too many hosts
        first.network.adapter.poolmanager.clear()
    first.network.adapter.close()
    assert server.peers[0].left.wait(PATIENCE)
    assert connect(server.url, network=first.network).get("/b").json() == {}
    assert len(server.peers) == 2


def test_head_and_body_leave_in_one_send(
    serve: Serve, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    sends: list[int] = []
    sendall = socket.socket.sendall

    def counted(self: socket.socket, data: Any, *flags: int) -> None:
        if b"/ask" in bytes(data[:20]) or data[:1] == b"{":
            sends.append(len(data))
        sendall(self, data, *flags)

    server = serve(answering(SIZED))
    monkeypatch.setattr(socket.socket, "sendall", counted)
    connect(server.url).post("/ask", json={"q": "x" * 1000}).json()
    assert len(sends) == 1
    assert server.requests[0].body == b'{"q": "' + b"x" * 1000 + b'"}'


def test_an_answer_given_before_the_body_was_taken_is_read(serve: Serve, connect: Open) -> None:
    """A server may refuse by the head alone, and close."""
    refused = b"HTTP/1.1 413 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def talk(peer: Peer) -> None:
        peer.receive()
        peer.send(refused)
        peer.socket.shutdown(socket.SHUT_WR)
        while peer.receive():
            pass

    server = serve(talk)
    with pytest.raises(Exception, match="HTTP 413"):
        connect(server.url).post("/ask", body=b"x" * 3_000_000)

"""Certificates: who is trusted, for HTTP and WebSocket alike."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest

from g4fsync.errors import ConnectionFailed, ProviderError, StreamInterrupted
from g4fsync.transport.live import LiveTransport
from tests.support.servers import Peer, Server

pytestmark = pytest.mark.usefixtures("no_leaks")

Open = Callable[..., LiveTransport]
Serve = Callable[..., Server]


def hello(peer: Peer) -> None:
    while peer.request() is not None:
        peer.answer(b"hello")


def get(transport: LiveTransport) -> bytes:
    return b"".join(transport.get("/x").pieces())


def enter(transport: LiveTransport) -> bytes:
    """A server that answers HTTP to an upgrade has passed the handshake."""
    with pytest.raises(ProviderError, match="HTTP 200"), transport.socketio("/", namespace="/"):
        pass
    return b"hello"


BOTH = pytest.mark.parametrize("act", [get, enter], ids=["http", "websocket"])


@BOTH
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_authority_given_is_trusted(
    act: Callable[[LiveTransport], bytes],
    host: str,
    serve: Serve,
    connect: Open,
    server_tls: ssl.SSLContext,
    authority: str,
) -> None:
    server = serve(hello, tls=server_tls)
    url = server.url.replace("127.0.0.1", host)
    assert act(connect(url, verify=authority)) == b"hello"


@BOTH
def test_an_unknown_authority_is_not_trusted_and_not_tried_again(
    act: Callable[[LiveTransport], bytes],
    serve: Serve,
    connect: Open,
    server_tls: ssl.SSLContext,
) -> None:
    server = serve(hello, tls=server_tls)
    transport = connect(server.url)
    with pytest.raises(ConnectionFailed) as caught:
        transport.get("/x") if act is get else transport.socketio("/", namespace="/").__enter__()
    assert str(caught.value).startswith(
        f"the TLS certificate of 127.0.0.1:{server.port} is not trusted: "
    )
    assert not caught.value.retryable
    assert server.requests == []


@BOTH
def test_a_certificate_for_another_name_is_not_trusted(
    act: Callable[[LiveTransport], bytes],
    serve: Serve,
    connect: Open,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    trustme = pytest.importorskip("trustme")
    other = trustme.CA()
    path = tmp_path_factory.mktemp("other") / "authority.pem"
    other.cert_pem.write_to_path(str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    other.issue_cert("somebody-else.test").configure_cert(context)
    server = serve(hello, tls=context)
    transport = connect(server.url, verify=str(path))
    with pytest.raises(ConnectionFailed, match="is not trusted") as caught:
        transport.get("/x") if act is get else transport.socketio("/", namespace="/").__enter__()
    assert not caught.value.retryable


@BOTH
@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_verify_false_takes_any_certificate(
    act: Callable[[LiveTransport], bytes],
    serve: Serve,
    connect: Open,
    server_tls: ssl.SSLContext,
) -> None:
    server = serve(hello, tls=server_tls)
    assert act(connect(server.url, verify=False)) == b"hello"


@BOTH
def test_a_server_without_tls_is_told(
    act: Callable[[LiveTransport], bytes], serve: Serve, connect: Open
) -> None:
    def talk(peer: Peer) -> None:
        peer.receive()
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    server = serve(talk)
    host = f"127.0.0.1:{server.port}"
    transport = connect(f"https://{host}")
    with pytest.raises(ConnectionFailed, match=f"TLS with {host} failed") as caught:
        transport.get("/x") if act is get else transport.socketio("/", namespace="/").__enter__()
    assert type(caught.value) is ConnectionFailed


@BOTH
def test_a_handshake_that_is_cut_is_a_failed_connection(
    act: Callable[[LiveTransport], bytes],
    serve: Serve,
    connect: Open,
    server_tls: ssl.SSLContext,
) -> None:
    def talk(peer: Peer) -> None:
        peer.receive()

    server = serve(talk, tls=server_tls, raw=True)
    transport = connect(server.url)
    with pytest.raises(ConnectionFailed) as caught:
        transport.get("/x") if act is get else transport.socketio("/", namespace="/").__enter__()
    assert caught.value.retryable


def test_a_body_that_ends_without_close_notify_is_cut(
    serve: Serve, connect: Open, server_tls: ssl.SSLContext, authority: str
) -> None:
    """RFC 9112, 9.8: anybody on the way can send a FIN, only the server a close_notify."""

    def talk(peer: Peer) -> None:
        peer.request()
        peer.head("Connection: close")
        peer.send(b"data: hello\n\n")

    server = serve(talk, tls=server_tls)
    events = connect(server.url, verify=authority).get("/x").events()
    assert next(events).data == "hello"
    with pytest.raises(StreamInterrupted):
        next(events)

"""Certificates: who is trusted, for HTTP and WebSocket alike."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from g4fsync import Client
from g4fsync.errors import (
    ConfigurationError,
    ConnectionFailed,
    InvalidRequest,
    ProviderError,
    StreamInterrupted,
)
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


# -- authorities of the environment -------------------------------------

VARIABLES = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"]


@pytest.fixture
def hashed(authority: str, tmp_path: Path) -> str:
    """A directory as ``openssl rehash`` leaves it."""
    ssl_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ssl_context.load_verify_locations(authority)
    found = subprocess.run(
        ["openssl", "x509", "-subject_hash", "-noout", "-in", authority],
        capture_output=True,
        text=True,
        check=True,
    )
    copy = tmp_path / f"{found.stdout.strip()}.0"
    copy.write_bytes(Path(authority).read_bytes())
    return str(tmp_path)


@BOTH
@pytest.mark.parametrize("variable", VARIABLES)
def test_the_environments_authorities_are_trusted(
    act: Callable[[LiveTransport], bytes],
    variable: str,
    serve: Serve,
    connect: Open,
    server_tls: ssl.SSLContext,
    authority: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve(hello, tls=server_tls)
    transport = connect(server.url)  # they are read when a request is made
    path = authority
    if variable == "SSL_CERT_DIR":
        if shutil.which("openssl") is None:
            pytest.skip("no openssl command to hash a directory with")
        path = f"/nowhere{os.pathsep}{request.getfixturevalue('hashed')}"
    monkeypatch.setenv(variable, path)
    assert act(transport) == b"hello"


def test_openssls_file_and_directory_hold_together(
    serve: Serve,
    connect: Open,
    server_tls: ssl.SSLContext,
    authority: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve(hello, tls=server_tls)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with pytest.raises(ConnectionFailed, match="is not trusted"):
        get(connect(server.url))
    monkeypatch.setenv("SSL_CERT_FILE", authority)
    assert get(connect(server.url)) == b"hello"


def test_the_variables_of_requests_come_first_and_in_its_order(
    serve: Serve,
    connect: Open,
    server_tls: ssl.SSLContext,
    authority: str,
    other_authority: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve(hello, tls=server_tls)
    for first, second in pairwise(VARIABLES[:3]):
        monkeypatch.setenv(second, authority)
        monkeypatch.setenv(first, other_authority)
        with pytest.raises(ConnectionFailed, match="is not trusted"):
            get(connect(server.url))
        monkeypatch.setenv(second, "/nowhere.pem")
        monkeypatch.setenv(first, authority)
        assert get(connect(server.url)) == b"hello"
        monkeypatch.setenv(first, "")  # as if it were not set
        monkeypatch.delenv(second)


@pytest.fixture
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> str:
    trustme = pytest.importorskip("trustme")
    path = tmp_path_factory.mktemp("other") / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return str(path)


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
@pytest.mark.parametrize("variable", VARIABLES)
def test_a_verify_of_the_callers_wins_over_the_environment(
    variable: str,
    serve: Serve,
    connect: Open,
    server_tls: ssl.SSLContext,
    authority: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve(hello, tls=server_tls)
    monkeypatch.setenv(variable, "/nowhere.pem")
    assert get(connect(server.url, verify=authority)) == b"hello"
    assert get(connect(server.url, verify=False)) == b"hello"


@BOTH
@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_that_names_no_file_is_named(
    act: Callable[[LiveTransport], bytes],
    variable: str,
    connect: Open,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, "/nowhere/ca.pem")
    transport = connect("https://127.0.0.1:1")
    with pytest.raises(ConfigurationError) as caught:
        transport.get("/x") if act is get else transport.socketio("/", namespace="/").__enter__()
    what = "directory" if variable == "SSL_CERT_DIR" else "CA bundle"
    assert str(caught.value) == f"{variable}: there is no {what} '/nowhere/ca.pem'"


def test_a_plain_request_does_not_ask_for_authorities(
    serve: Serve, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "/nowhere.pem")
    assert get(connect(serve(hello).url)) == b"hello"


def test_a_file_without_certificates_is_named_and_not_the_server(
    connect: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ConfigurationError) as caught:
        connect("https://127.0.0.1:1").get("/x")
    assert str(caught.value) == f"SSL_CERT_FILE: {str(path)!r} holds no certificates (PEM)"
    with pytest.raises(ConfigurationError) as caught:
        connect("https://127.0.0.1:1", verify="/dev/null").get("/x")
    assert str(caught.value) == "verify: '/dev/null' is no file"


def test_a_bundle_that_changes_is_read_anew(
    serve: Serve,
    connect: Open,
    server_tls: ssl.SSLContext,
    authority: str,
    other_authority: str,
    tmp_path: Path,
) -> None:
    server = serve(hello, tls=server_tls)
    path = tmp_path / "ca.pem"
    path.write_bytes(Path(other_authority).read_bytes())
    with pytest.raises(ConnectionFailed, match="is not trusted"):
        get(connect(server.url, verify=str(path)))
    path.write_bytes(Path(authority).read_bytes())
    assert get(connect(server.url, verify=str(path))) == b"hello"


def test_an_unknown_authority_is_told_with_what_to_give(
    serve: Serve, connect: Open, server_tls: ssl.SSLContext
) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        get(connect(serve(hello, tls=server_tls).url))
    assert str(caught.value).endswith(
        "; if its authority is your own, give that: Client(verify='ca.pem')"
    )


def test_a_client_takes_a_path_object(
    serve: Serve, server_tls: ssl.SSLContext, authority: str, no_proxy_variables: None
) -> None:
    def list_models(peer: Peer) -> None:
        while peer.request() is not None:
            peer.answer(b'{"data": [{"id": "m"}]}')

    server = serve(list_models, tls=server_tls)
    for verify in (Path(authority), authority):
        with Client(base_urls={"openai": server.url}, verify=verify) as client:
            assert client.models("openai", api_key="k" * 9) == ["m"]


@pytest.mark.parametrize("verify", [None, 1, 0, b"", ["ca.pem"]])
def test_verify_is_a_truth_or_a_path(verify: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Client(verify=verify)
    assert str(caught.value) == (
        f"verify must be True, False or the path of a CA bundle, got {verify!r}"
    )

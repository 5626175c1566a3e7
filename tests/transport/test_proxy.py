"""Proxies, explicit and from the environment, for HTTP and WebSocket alike."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from g4fsync import Client
from g4fsync.errors import ConfigurationError, ConnectionFailed, G4FSyncError, InvalidRequest
from g4fsync.transport.live import LiveTransport
from tests.support.proxies import http_proxy, socks5_greeting, socks5_proxy
from tests.support.servers import Peer, Server

pytestmark = pytest.mark.usefixtures("no_leaks")

Open = Callable[..., LiveTransport]
Serve = Callable[..., Server]


def hello(peer: Peer) -> None:
    while peer.request() is not None:
        peer.answer(b"hello")


def upgrade_refused(peer: Peer) -> None:
    peer.request()
    peer.answer(b"", status="418 I'm a teapot")


def text(transport: LiveTransport) -> bytes:
    return b"".join(transport.get("/x").pieces())


def enter(transport: LiveTransport) -> None:
    with transport.socketio("/ws/", namespace="/chat"):
        pass


def test_plain_http_goes_through_the_proxy_in_absolute_form(serve: Serve, connect: Open) -> None:
    server, proxy = serve(hello), serve(http_proxy)
    assert text(connect(server.url, proxy=proxy.url)) == b"hello"
    assert proxy.requests[0].line == f"GET {server.url}/x HTTP/1.1"
    assert server.requests[0].line == "GET /x HTTP/1.1"


def test_https_goes_through_a_tunnel_and_the_certificate_is_the_servers(
    serve: Serve, connect: Open, server_tls: ssl.SSLContext, authority: str
) -> None:
    server, proxy = serve(hello, tls=server_tls), serve(http_proxy)
    transport = connect(server.url, proxy=proxy.url, verify=authority)
    assert text(transport) == b"hello"
    assert proxy.requests[0].line.startswith(f"CONNECT 127.0.0.1:{server.port} HTTP/1.")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_websocket_goes_through_a_tunnel(
    tls: bool, serve: Serve, connect: Open, server_tls: ssl.SSLContext, authority: str
) -> None:
    server = serve(upgrade_refused, tls=server_tls if tls else None)
    proxy = serve(http_proxy)
    transport = connect(server.url, proxy=proxy.url, verify=authority)
    with pytest.raises(G4FSyncError, match="HTTP 418"):
        enter(transport)
    assert proxy.requests[0].line.startswith(f"CONNECT 127.0.0.1:{server.port} HTTP/1.")
    assert server.requests[0].line.startswith("GET /ws/?EIO=4")
    assert server.requests[0].headers["host"] == f"127.0.0.1:{server.port}"


def test_a_proxy_may_be_reached_by_tls(
    serve: Serve, connect: Open, server_tls: ssl.SSLContext, authority: str
) -> None:
    server, proxy = serve(hello), serve(http_proxy, tls=server_tls)
    assert text(connect(server.url, proxy=proxy.url, verify=authority)) == b"hello"
    assert proxy.requests[0].line == f"GET {server.url}/x HTTP/1.1"


def test_a_tls_proxy_must_be_trusted_too(
    serve: Serve, connect: Open, server_tls: ssl.SSLContext
) -> None:
    """For a plain http:// URL requests itself would not look at its certificate."""
    server, proxy = serve(hello), serve(http_proxy, tls=server_tls)
    with pytest.raises(ConnectionFailed) as caught:
        text(connect(server.url, proxy=proxy.url))
    assert str(caught.value).startswith(
        f"the TLS certificate of the proxy at 127.0.0.1:{proxy.port} is not trusted: "
    )
    assert proxy.requests == []


def test_a_tls_websocket_goes_through_a_tunnel_of_a_tls_proxy(
    serve: Serve, connect: Open, server_tls: ssl.SSLContext, authority: str
) -> None:
    server, proxy = serve(upgrade_refused, tls=server_tls), serve(http_proxy, tls=server_tls)
    transport = connect(server.url, proxy=proxy.url, verify=authority)
    with pytest.raises(G4FSyncError, match="HTTP 418"):
        enter(transport)


def test_a_plain_websocket_through_a_tls_proxy_is_refused_at_once(
    serve: Serve, connect: Open, server_tls: ssl.SSLContext, authority: str
) -> None:
    proxy = serve(http_proxy, tls=server_tls)
    transport = connect("http://name.test", proxy=proxy.url, verify=authority)
    with pytest.raises(ConfigurationError) as caught:
        enter(transport)
    assert str(caught.value) == "an https:// proxy takes no WebSocket without TLS"
    assert proxy.peers == []


@pytest.mark.parametrize(
    "credentials", ["user:pass-word@", "us%20er:pass%2Dword@"], ids=["plain", "quoted"]
)
def test_credentials_are_the_proxys_alone(
    credentials: str, serve: Serve, connect: Open, server_tls: ssl.SSLContext, authority: str
) -> None:
    server, proxy = serve(hello, tls=server_tls), serve(http_proxy)
    url = f"http://{credentials}127.0.0.1:{proxy.port}"
    assert text(connect(server.url, proxy=url, verify=authority)) == b"hello"
    assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")
    assert "proxy-authorization" not in server.requests[0].headers


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        ("407 Proxy Authentication Required", False),
        ("403 Forbidden", False),
        ("502 Bad Gateway", True),
    ],
)
@pytest.mark.parametrize("what", ["https", "websocket"])
def test_a_proxy_that_refuses_says_so_without_its_password(
    what: str, status: str, retryable: bool, serve: Serve, connect: Open
) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.answer(b"", status=status)

    proxy = serve(talk)
    url = f"http://user:pass-word@127.0.0.1:{proxy.port}"
    scheme = "https" if what == "https" else "http"
    transport = connect(f"{scheme}://name.test", proxy=url)
    with pytest.raises(ConnectionFailed) as caught:
        text(transport) if what == "https" else enter(transport)
    wish = "; it wants a user and password: http://user:password@host:port"
    assert str(caught.value) == (
        f"the proxy at 127.0.0.1:{proxy.port} did not connect to name.test: "
        f"Tunnel connection failed: {status}{wish if status.startswith('407') else ''}"
    )
    assert caught.value.retryable is retryable


@pytest.mark.parametrize("kind", ["http", "https", "socks5", "socks5h", "socks4"])
@pytest.mark.parametrize("what", ["http", "https", "websocket"])
def test_a_proxy_that_is_not_there_is_named_and_not_the_service(
    what: str, kind: str, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind.startswith("socks"):
        pytest.importorskip("socks")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        proxy = f"{kind}://user:pass-word@127.0.0.1:{port}"
        scheme = "http" if what == "http" else "https"
        transport = connect(f"{scheme}://192.0.2.7", proxy=proxy)
        with pytest.raises(ConnectionFailed) as caught:
            enter(transport) if what == "websocket" else transport.get("/x")
    assert str(caught.value).startswith(
        f"the proxy at 127.0.0.1:{port} can't be reached (on the way to 192.0.2.7): "
    )
    assert "Connection refused" in str(caught.value)
    assert "pass-word" not in "".join(map(repr, chain(caught.value)))
    assert caught.value.retryable


def test_a_proxy_that_hangs_up_was_reached(serve: Serve, connect: Open) -> None:
    # As proxy.py does when the server it asked has hung up.
    proxy = serve(lambda peer: peer.request())
    with pytest.raises(ConnectionFailed) as caught:
        connect("http://name.test", proxy=f"http://127.0.0.1:{proxy.port}").post("/x")
    assert str(caught.value) == (
        f"the proxy at 127.0.0.1:{proxy.port} closed the connection without an answer "
        "(on the way to name.test)"
    )
    assert caught.value.retryable


@pytest.mark.parametrize("kind", ["http", "socks5h"])
def test_a_proxy_whose_name_is_unknown_is_named(kind: str, connect: Open) -> None:
    pytest.importorskip("socks")
    transport = connect("https://name.test", proxy=f"{kind}://proxy.invalid:3128")
    with pytest.raises(ConnectionFailed) as caught:
        transport.get("/x")
    assert str(caught.value) == (
        "the proxy at proxy.invalid:3128 can't be reached (on the way to name.test): "
        "its name can't be resolved"
    )


def test_a_name_that_only_socks5_looks_up_here_is_the_services(serve: Serve, connect: Open) -> None:
    pytest.importorskip("socks")
    transport = connect(
        "http://name.invalid", proxy=f"socks5://127.0.0.1:{serve(socks5_proxy).port}"
    )
    with pytest.raises(ConnectionFailed) as caught:
        transport.get("/x")
    assert str(caught.value) == "the name name.invalid can't be resolved"


def chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


# -- SOCKS --------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_socks5h_lets_the_proxy_resolve_the_name(
    tls: bool, serve: Serve, connect: Open, server_tls: ssl.SSLContext, authority: str
) -> None:
    pytest.importorskip("socks")
    server = serve(hello, tls=server_tls if tls else None)
    proxy = serve(socks5_proxy)
    url = server.url.replace("127.0.0.1", "name.test")
    transport = connect(url, proxy=f"socks5h://127.0.0.1:{proxy.port}", verify=authority)
    assert text(transport) == b"hello"
    assert proxy.noted == [f"name.test:{server.port}"]


def test_socks5_resolves_the_name_here_and_not_in_pysocks(
    serve: Serve, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("socks")
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if host == "name.test" and not options.get("flags"):
            return real("127.0.0.1", *arguments, **options)
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    server, proxy = serve(hello), serve(socks5_proxy)
    url = server.url.replace("127.0.0.1", "name.test")
    assert text(connect(url, proxy=f"socks5://127.0.0.1:{proxy.port}")) == b"hello"
    assert proxy.noted == [f"127.0.0.1:{server.port}"]


def test_a_websocket_goes_through_socks(serve: Serve, connect: Open) -> None:
    pytest.importorskip("socks")
    server, proxy = serve(upgrade_refused), serve(socks5_proxy)
    transport = connect(server.url, proxy=f"socks5h://127.0.0.1:{proxy.port}")
    with pytest.raises(G4FSyncError, match="HTTP 418"):
        enter(transport)
    assert proxy.noted == [f"127.0.0.1:{server.port}"]


@pytest.mark.parametrize(
    ("code", "words"),
    [(1, "General SOCKS server failure"), (2, "not allowed"), (5, "Connection refused")],
)
def test_a_socks_proxy_that_refuses_says_so(
    code: int, words: str, serve: Serve, connect: Open
) -> None:
    pytest.importorskip("socks")

    def talk(peer: Peer) -> None:
        socks5_greeting(peer)
        peer.send(bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0]))

    proxy = serve(talk)
    transport = connect("http://name.test", proxy=f"socks5h://127.0.0.1:{proxy.port}")
    with pytest.raises(ConnectionFailed, match=words) as caught:
        transport.get("/x")
    assert str(caught.value).startswith(
        f"the proxy at 127.0.0.1:{proxy.port} did not connect to name.test: "
    )


def test_a_socks_proxy_that_wants_a_password_says_so(serve: Serve, connect: Open) -> None:
    pytest.importorskip("socks")

    def talk(peer: Peer) -> None:
        peer.receive()
        peer.send(b"\x05\xff")

    proxy = serve(talk)
    transport = connect("http://name.test", proxy=f"socks5h://127.0.0.1:{proxy.port}")
    with pytest.raises(ConnectionFailed) as caught:
        transport.get("/x")
    assert str(caught.value).endswith(
        "; it wants a user and password: http://user:password@host:port"
    )
    assert not caught.value.retryable


def test_a_socks_proxy_without_pysocks_names_the_extra(
    connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests.adapters

    def missing(*_: object, **__: object) -> None:
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")

    monkeypatch.setattr(requests.adapters, "SOCKSProxyManager", missing)
    transport = connect("http://name.test", proxy="socks5h://127.0.0.1:1")
    with pytest.raises(ConfigurationError) as caught:
        transport.get("/x")
    assert str(caught.value) == 'a SOCKS proxy needs PySocks: pip install "g4fsync[socks]"'


# -- the environment ----------------------------------------------------


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("what", ["http", "websocket"])
def test_the_environments_proxy_is_taken(
    what: str, variable: str, serve: Serve, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.answer(b"", status="403 Forbidden")

    proxy = serve(talk)
    transport = connect("http://name.test")
    monkeypatch.setenv(variable, proxy.url)
    with pytest.raises(G4FSyncError, match="403"):
        text(transport) if what == "http" else enter(transport)
    assert "name.test" in proxy.requests[0].line


def test_loopback_is_reached_without_the_environments_proxy(
    serve: Serve, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, proxy = serve(hello), serve(http_proxy)
    transport = connect(server.url)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    assert text(transport) == b"hello"
    assert proxy.peers == []


def test_a_connection_through_a_proxy_is_used_again(
    serve: Serve, connect: Open, server_tls: ssl.SSLContext, authority: str
) -> None:
    server, proxy = serve(hello, tls=server_tls), serve(http_proxy)
    first = connect(server.url, proxy=proxy.url, verify=authority)
    assert text(first) == b"hello"
    assert text(connect(server.url, network=first.network)) == b"hello"
    assert (len(proxy.peers), len(server.peers)) == (1, 1)


@pytest.mark.parametrize("what", ["http", "https", "websocket"])
@pytest.mark.parametrize(
    "form", ["127.0.0.1:{port}", "//127.0.0.1:{port}", "HTTP://127.0.0.1:{port}/"]
)
def test_a_variable_may_leave_the_scheme_out(
    form: str,
    what: str,
    serve: Serve,
    connect: Open,
    server_tls: ssl.SSLContext,
    authority: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy = serve(refuse_all)
    transport = connect(f"{'https' if what != 'http' else 'http'}://name.test", verify=authority)
    monkeypatch.setenv("ALL_PROXY", form.format(port=proxy.port))
    with pytest.raises(G4FSyncError, match="403"):
        enter(transport) if what == "websocket" else text(transport)
    assert "name.test" in proxy.requests[0].line


def refuse_all(peer: Peer) -> None:
    peer.request()
    peer.answer(b"", status="403 Forbidden")


@pytest.mark.parametrize("what", ["http", "https", "websocket"])
def test_gnomes_spelling_of_socks_is_socks_5_with_names_resolved_there(
    what: str,
    serve: Serve,
    connect: Open,
    server_tls: ssl.SSLContext,
    authority: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("socks")
    talk = upgrade_refused if what == "websocket" else hello
    server, proxy = serve(talk, tls=None if what == "http" else server_tls), serve(socks5_proxy)
    scheme = "http" if what == "http" else "https"
    transport = connect(f"{scheme}://name.test:{server.port}", verify=authority)
    monkeypatch.setenv("ALL_PROXY", f"socks://127.0.0.1:{proxy.port}/")
    if what == "websocket":
        with pytest.raises(G4FSyncError, match="HTTP 418"):
            enter(transport)
    else:
        assert text(transport) == b"hello"
    assert proxy.noted == [f"name.test:{server.port}"]


MALFORMED = [
    "http://user:PASS/WORD@proxy.test:3128",
    "http://user:PASS#WORD@proxy.test:3128",
    "http://user:12/WORD@proxy.test:3128",
    "http://user:PASSWORD@",
    "http://user:PASSWORD@[::1",
    "http://user:PASSWORD@proxy.test:99999",
    "http://user:PASSWORD@proxy.test:port",
    "htp://user:PASSWORD@proxy.test:3128",
    "user:PASSWORD@proxy.test:0",
    "http://user:PASSWORD@proxy test:3128",
    "http://user:PASSWORD@pro\nxy.test",
    "://PASSWORD",
    "http:///PASSWORD",
]


@pytest.mark.parametrize("value", MALFORMED)
@pytest.mark.parametrize("what", ["http", "websocket"])
def test_a_variable_that_is_no_url_is_named_and_no_part_of_it_shown(
    what: str, value: str, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = connect("https://name.test")
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(ConfigurationError) as caught:
        enter(transport) if what == "websocket" else text(transport)
    assert str(caught.value) == "what HTTPS_PROXY holds is no URL of a proxy"
    assert caught.value.__cause__ is None
    for each in chain(caught.value):
        assert "PASS" not in repr(each)
        assert "WORD" not in repr(each)


@pytest.mark.parametrize("value", MALFORMED)
def test_a_malformed_proxy_of_the_callers_is_not_shown_either(value: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Client(proxy=value)
    assert "PASS" not in repr(caught.value)
    assert "WORD" not in repr(caught.value)


def test_a_malformed_variable_that_is_not_used_does_no_harm(
    serve: Serve, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://[")
    monkeypatch.setenv("HTTP_PROXY", "http://user:PASS/WORD@proxy.test")
    assert text(connect(serve(hello).url)) == b"hello"  # loopback

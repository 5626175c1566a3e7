"""Faults before the question is out: TCP, name, TLS, and both kinds of proxy."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme

from g4fsync.errors import (
    AuthenticationError,
    ConnectionFailed,
    DeadlineExceeded,
    ProtocolError,
    ServerError,
    StreamInterrupted,
)
from tests.faults.cells import Cell, Fault, Outcome, Seen, ask, crossed, in_turn, params
from tests.faults.farside import Far, HttpFar
from tests.faults.protocols import EVERY, HTTP, PROXY_PASSWORD, Protocol
from tests.support.servers import Peer, Server, Talk, full_listener
from tests.support.timing import MS

FAILED = Outcome(ConnectionFailed, tokens=0, asks=0)
LATE = Outcome(DeadlineExceeded, tokens=0, asks=0, clock="connect")


# -- TCP and names ------------------------------------------------------


@pytest.mark.parametrize("protocol", EVERY, ids=repr)
def test_nobody_listens(cell: Cell, protocol: Protocol) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        cell.check("connect: refused", protocol, FAILED, lambda o: ask(protocol, url, o))


@pytest.mark.parametrize("protocol", in_turn(0))
def test_the_backlog_is_full(cell: Cell, protocol: Protocol) -> None:
    with full_listener() as port:
        url = f"http://127.0.0.1:{port}"
        cell.check("connect: backlog full", protocol, LATE, lambda o: ask(protocol, url, o))


@pytest.mark.parametrize("protocol", EVERY, ids=repr)
def test_the_name_is_unknown(
    cell: Cell, protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **more: Any) -> Any:
        if host == "nowhere.test" and not more.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    cell.check(
        "connect: unknown name", protocol, FAILED, lambda o: ask(protocol, "http://nowhere.test", o)
    )


# -- TLS ----------------------------------------------------------------


@dataclass(frozen=True)
class Certificates:
    """An authority's file for ``verify=``, and servers' contexts by what is wrong with them."""

    authority: str
    good: ssl.SSLContext
    bad: dict[str, ssl.SSLContext]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    authority, stranger = trustme.CA(), trustme.CA()
    path: Path = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    past = datetime.datetime(2015, 1, 1, tzinfo=datetime.timezone.utc)
    future = datetime.datetime(2199, 1, 1, tzinfo=datetime.timezone.utc)

    def context(certificate: Any) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(made)
        return made

    here = "127.0.0.1"
    return Certificates(
        str(path),
        context(authority.issue_cert(here)),
        {
            "of a stranger": context(stranger.issue_cert(here)),
            "of another name": context(authority.issue_cert("other.test")),
            "expired": context(
                authority.issue_cert(here, not_before=past - datetime.timedelta(9), not_after=past)
            ),
            "not yet valid": context(
                authority.issue_cert(
                    here, not_before=future, not_after=future + datetime.timedelta(9)
                )
            ),
        },
    )


@pytest.mark.parametrize(
    ("what", "protocol"),
    crossed(["of a stranger", "of another name", "expired", "not yet valid"]),
)
def test_a_bad_certificate_gets_no_question(
    cell: Cell, what: str, protocol: Protocol, certificates: Certificates
) -> None:
    outcome = Outcome(ConnectionFailed, tokens=0, asks=0, says="is not trusted")
    fault = Fault(f"tls: certificate {what}", Far.hold, outcome)
    seen = cell.run(fault, protocol, tls=certificates.bad[what], verify=certificates.authority)
    assert seen.error is not None
    assert not seen.error.retryable


def say(content: bytes, peer: Peer) -> None:
    peer.receive()
    peer.send(content)


def reset(peer: Peer) -> None:
    peer.receive()
    peer.reset()


def hold(peer: Peer) -> None:
    peer.hold()


def trickle(content: bytes, peer: Peer) -> None:
    peer.receive()
    peer.trickle(content, 5 * MS)


HANDSHAKES: dict[str, tuple[Talk, Outcome]] = {
    "silence": (hold, LATE),
    "FIN": (partial(say, b""), FAILED),
    "RST": (reset, FAILED),
    "plain HTTP": (partial(say, b"HTTP/1.1 400 Bad Request\r\n\r\n"), FAILED),
    "garbage": (partial(say, b"\x16\x03\x03\x00\x05hello"), FAILED),
    "an alert": (partial(say, b"\x15\x03\x03\x00\x02\x02\x28"), FAILED),
    "a trickle": (partial(trickle, b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xf0"), LATE),
}


@pytest.mark.parametrize(("what", "protocol"), crossed(HANDSHAKES))
def test_a_handshake_fails_in_time(
    cell: Cell, what: str, protocol: Protocol, certificates: Certificates
) -> None:
    script, outcome = HANDSHAKES[what]
    fault = Fault(f"tls: {what} in the handshake", Far.hold, outcome)
    cell.run(fault, protocol, raw=script, tls=certificates.good, verify=certificates.authority)


def closed_properly(far: HttpFar) -> None:
    far.open(framing="closed")
    far.tokens()
    if far.protocol.end:
        far.send(far.protocol.end)
    with contextlib.suppress(OSError):  # the client does not wait to say it too
        far.peer.socket.unwrap()  # type: ignore[attr-defined]  # says goodbye: close_notify


def closed_roughly(far: HttpFar) -> None:
    far.open(framing="closed")
    far.token(0)


def cut_after_the_mark(far: HttpFar) -> None:
    far.open(framing="closed")
    far.tokens()
    if far.protocol.end:
        far.send(far.protocol.end)


def in_right_form(far: Far) -> None:
    far.open()
    far.whole()


ENDINGS = [
    Fault("tls: a right answer", in_right_form, Outcome()),
    Fault("tls: ended by close_notify", closed_properly, Outcome(), HTTP),
    # Whoever cuts the wire can't forge a close_notify.
    Fault(
        "tls: FIN without close_notify", closed_roughly, Outcome(StreamInterrupted, tokens=1), HTTP
    ),
    Fault(
        "tls: FIN without close_notify after the end mark",
        cut_after_the_mark,
        lambda p: Outcome() if p.has_end_mark else Outcome(StreamInterrupted),
        HTTP,
    ),
]


@pytest.mark.parametrize(("fault", "protocol"), params(ENDINGS))
def test_a_tls_answer_ends_as_it_says(
    cell: Cell, fault: Fault, protocol: Protocol, certificates: Certificates
) -> None:
    cell.run(fault, protocol, tls=certificates.good, verify=certificates.authority)


# -- proxies ------------------------------------------------------------


def answer(status: str, peer: Peer) -> None:
    if peer.request() is not None:
        peer.answer(b"no", "Connection: close", status=status)


def after_request(act: Callable[[Peer], object], peer: Peer) -> None:
    if peer.request() is not None:
        act(peer)


PROXY = Outcome(ConnectionFailed, tokens=0, asks=0, says="proxy")
_407 = "407 Proxy Authentication Required"
# By what the proxy does: through a tunnel, and where it passes a plain request on.
PROXIES: dict[str, tuple[Talk, Outcome, Outcome]] = {
    "wants a password": (partial(answer, _407), PROXY, PROXY),
    "refuses": (
        partial(answer, "403 Forbidden"),
        PROXY,
        Outcome(AuthenticationError, tokens=0, asks=0),
    ),
    "can't reach the host": (
        partial(answer, "502 Bad Gateway"),
        PROXY,
        Outcome(ServerError, tokens=0, asks=0),
    ),
    "closes": (partial(after_request, lambda peer: None), FAILED, FAILED),
    "resets": (partial(after_request, Peer.reset), FAILED, FAILED),
    "is silent": (
        Peer.hold,
        LATE,
        Outcome(DeadlineExceeded, tokens=0, asks=0, clock="first_token"),
    ),
    "is no proxy": (
        partial(after_request, lambda peer: peer.send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")),
        Outcome(ProtocolError, tokens=0, asks=0),
        Outcome(ProtocolError, tokens=0, asks=0),
    ),
}


def through(
    talk: Talk, protocol: Protocol, target: str, outcome: Outcome, scheme: str = "http"
) -> Seen:
    with Server(talk) as server:
        proxy = f"{scheme}://user:{PROXY_PASSWORD}@127.0.0.1:{server.port}"
        return ask(protocol, target, outcome, proxy=proxy)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("what", "protocol"), crossed(PROXIES, 1))
def test_an_http_proxy_fails(cell: Cell, protocol: Protocol, scheme: str, what: str) -> None:
    script, tunnel, plain = PROXIES[what]
    outcome = tunnel if scheme == "https" or protocol.is_socket else plain
    target = f"{scheme}://127.0.0.1:9"
    cell.check(
        f"proxy for {scheme}: {what}",
        protocol,
        outcome,
        lambda o: through(script, protocol, target, o),
    )


@pytest.mark.parametrize("protocol", EVERY, ids=repr)
@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_a_proxy_is_not_there(cell: Cell, protocol: Protocol, scheme: str) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        proxy = f"{scheme}://user:{PROXY_PASSWORD}@127.0.0.1:{unheard.getsockname()[1]}"
        cell.check(
            f"{scheme} proxy: not there",
            protocol,
            FAILED,
            lambda o: ask(protocol, "http://127.0.0.1:9", o, proxy=proxy),
        )


def greeted(method: bytes, reply: bytes, peer: Peer) -> None:
    """A SOCKS 5 greeting, answered by *method*; a password by yes; the rest by *reply*."""
    head = peer.receive_exactly(2)
    if len(head) == 2:
        peer.receive_exactly(head[1])
        peer.send(b"\x05" + method)
        if method == b"\x02":
            peer.receive()
            peer.send(b"\x01\x00")
        if method != b"\xff":
            peer.receive()
        peer.send(reply)


def password_refused(peer: Peer) -> None:
    head = peer.receive_exactly(2)
    if len(head) == 2:
        peer.receive_exactly(head[1])
        peer.send(b"\x05\x02")
        peer.receive()
        peer.send(b"\x01\x01")


def silent_after_greeting(peer: Peer) -> None:
    greeted(b"\x00", b"", peer)
    peer.hold()


SOCKS: dict[str, tuple[Talk, Outcome]] = {
    "takes no method": (partial(greeted, b"\xff", b""), FAILED),
    "refuses the password": (password_refused, FAILED),
    **{
        f"replies {code}": (
            partial(greeted, b"\x02", bytes([5, code, 0, 1]) + bytes(6)),
            FAILED,
        )
        for code in (1, 2, 5, 9)
    },
    "closes": (partial(greeted, b"\x00", b""), FAILED),
    "resets": (reset, FAILED),
    "is silent": (hold, LATE),
    "is silent after its greeting": (silent_after_greeting, LATE),
    "is no proxy": (partial(say, b"HTTP/1.1 400 Bad Request\r\n\r\n"), FAILED),
    "is SOCKS 4": (partial(say, b"\x00\x5b" + bytes(6)), FAILED),
}


@pytest.mark.parametrize(("what", "protocol"), crossed(SOCKS, 2))
def test_a_socks_proxy_fails(cell: Cell, protocol: Protocol, what: str) -> None:
    script, outcome = SOCKS[what]
    cell.check(
        f"socks5h proxy: {what}",
        protocol,
        outcome,
        lambda o: through(script, protocol, "http://127.0.0.1:9", o, "socks5h"),
    )

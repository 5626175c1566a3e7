"""Proxies as small as can be: HTTP with CONNECT, and SOCKS 5."""

from __future__ import annotations

import select
import socket
import struct
from urllib.parse import urlsplit

from tests.support.servers import Peer


def relay(peer: Peer, address: tuple[str, int], first: bytes = b"") -> None:
    """Pass bytes both ways until one side ends."""
    with socket.create_connection(address) as far:
        far.sendall(first)
        ends = {peer.socket: far, far: peer.socket}
        while True:
            readable, _, _ = select.select(list(ends), [], [])
            for end in readable:
                try:
                    piece = end.recv(65_536)
                    ends[end].sendall(piece)
                except OSError:
                    piece = b""
                if not piece:
                    if end is peer.socket:
                        peer.left.set()
                    return


def http_proxy(peer: Peer) -> None:
    """CONNECT, and plain requests in absolute form."""
    request = peer.request()
    if request is None:
        return
    if request.line.startswith("CONNECT "):
        host, _, port = request.target.rpartition(":")
        peer.head(status="200 Connection established")
        relay(peer, (host, int(port)))
        return
    where = urlsplit(request.target)
    fields = [f"{name}: {value}" for name, value in request.headers.items()]
    line = request.line.replace(f"{where.scheme}://{where.netloc}", "", 1)
    head = "\r\n".join([line, *fields, "", ""]).encode()
    relay(peer, (where.hostname or "", where.port or 80), head + request.body)


def socks5_proxy(peer: Peer) -> None:
    """SOCKS 5 without a password; names are resolved here."""
    address = socks5_greeting(peer)
    if address is not None:
        peer.send(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        relay(peer, address)


def socks5_greeting(peer: Peer) -> tuple[str, int] | None:
    """The address the client wants; it is noted in ``server.requests`` as a line."""
    head = peer.receive_exactly(2)
    if len(head) < 2:
        return None
    peer.receive_exactly(head[1])
    peer.send(b"\x05\x00")
    _, _, _, kind = peer.receive_exactly(4)
    if kind == 1:
        host = socket.inet_ntoa(peer.receive_exactly(4))
    else:
        host = peer.receive_exactly(peer.receive_exactly(1)[0]).decode()
    (port,) = struct.unpack("!H", peer.receive_exactly(2))
    peer.server.noted.append(f"{host}:{port}")
    return ("127.0.0.1" if host == "name.test" else host), port

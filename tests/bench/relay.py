"""TLS in front of the load server, in a process of its own: ``python -m tests.bench.relay PORT``.

Prints its own port and the file of its authority; ends when its standard input does.
"""

from __future__ import annotations

import socket
import ssl
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import trustme


def relay(one: socket.socket, other: socket.socket) -> None:
    """Hand on what *one* says to *other*, until either ends."""
    with suppress(OSError):
        while block := one.recv(65_536):
            other.sendall(block)
        other.shutdown(socket.SHUT_WR)


def serve(plain: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with (
        suppress(OSError),
        context.wrap_socket(plain, server_side=True) as client,
        socket.create_connection(("127.0.0.1", port)) as server,
    ):
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=relay, args=(server, client), daemon=True).start()
        relay(client, server)


def main() -> None:
    port = int(sys.argv[1])
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as own:
        bundle = Path(folder) / "ca.pem"
        # Behind those that everybody has to read.
        import certifi

        known = Path(certifi.where()).read_bytes()
        bundle.write_bytes(known + authority.cert_pem.bytes())
        print(own.getsockname()[1], bundle, flush=True)

        def accept() -> None:
            while True:
                plain, _ = own.accept()
                threading.Thread(target=serve, args=(plain, context, port), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        sys.stdin.read()


if __name__ == "__main__":
    main()

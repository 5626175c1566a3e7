"""Connections another thread can wake: urllib3's, for the adapter of ``requests``.

``close()`` does not free a thread blocked in a socket, and no timeout of
``requests`` bounds a server that trickles.  ``shutdown()`` frees the thread at
once, in any phase: TCP connect, proxy CONNECT, TLS, sending, waiting for
headers, body.  So each request has a :class:`SocketHandle`, which always knows the
socket its thread may be blocked in, and the call's scope shuts that down.

If you change this file, keep in mind:

* urllib3 opens connections in the thread that asked, so the handle of the
  request under way is handed to the connection classes by thread
  (``_current.handle``); nothing else needs it.
* While TLS is being set up the socket object changes hands (``wrap_socket``
  detaches the plain one), so then the handle holds a duplicate until the
  connection stands.
* A connection that goes back to the pool must drop its handle first, or a late
  cancel would cut off the next request on it.
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError

from ..scope import CancelScope
from ..scope.watchdog import Flag
from ..settings import DEFAULT_LIMITS
from . import heads
from .trust import client_context

_current = threading.local()


class SocketHandle:
    """The socket one request is using, so that another thread can shut it down."""

    __slots__ = (
        *("scope", "head_bytes", "socket", "sent", "_key"),
        *("is_reused", "is_answered", "wants_new"),
    )

    def __init__(self, scope: CancelScope, *, head_bytes: int = DEFAULT_LIMITS.head) -> None:
        self.scope = scope
        self.head_bytes = head_bytes  # how long the answer's head may be
        self.sent = False  # the request is out
        self.is_reused = False  # it went out on a connection that was idle before
        self.is_answered = False  # a byte of the answer has come
        self.wants_new = False  # no idle connection will do
        self.socket: socket.socket | None = None  # while it is this request's
        self._key: int | None = scope.register(self._abort)

    def use(self, sock: socket.socket) -> None:
        """The thread may block in *sock* from now on; raises when the call has ended."""
        self.socket = sock
        # An end that came before the line above has found no socket to shut.
        self.scope.check()

    def note_sent(self) -> None:
        """The request is out: the ``connect`` clock stops."""
        self.sent = True
        self.scope.stop_connect()

    def answered(self) -> None:
        """Note that a byte of the answer has come."""
        self.is_answered = True

    def renew(self) -> None:
        """The connection died; the request is sent again, on a new one."""
        self.scope.check()
        self.scope.start_connect()
        self.sent = self.is_reused = False
        self.wants_new = True

    def limit(self, seconds: float | None) -> None:
        """Let a read wait *seconds* at most, then fail; ``None`` is no limit but the scope's.

        A limit costs a ``poll()`` before each ``recv()``, and setting one a system call.
        """
        sock = self.socket
        if sock is not None and sock.gettimeout() != seconds:
            sock.settimeout(seconds)

    def drop(self) -> None:
        """The socket is no longer this request's; nothing touches it once this returns."""
        if self._key is not None:
            self.scope.unregister(self._key)
            self._key = None
            self.socket = None

    def close(self) -> None:
        """Drop the socket and end it: nobody has become the owner of its connection."""
        sock = self.socket
        self.drop()
        if sock is not None:
            with suppress(OSError):
                shut(sock)
            # Not sock.close(): http.client's reader of it would keep the descriptor open.
            descriptor = _innermost(sock).detach()
            if descriptor >= 0:
                socket.close(descriptor)

    def _abort(self) -> None:
        sock = self.socket
        if sock is not None:
            shut(sock)


def shut(sock: Any) -> None:
    """End the connection, whoever is blocked in *sock*; ``OSError`` when it has ended."""
    # Not sock.shutdown(): SSLSocket's forgets its TLS state, and the
    # reader would take what is left of the ciphertext for plain text.
    socket.socket.shutdown(_innermost(sock), socket.SHUT_RDWR)


def _innermost(sock: Any) -> socket.socket:
    while not isinstance(sock, socket.socket):  # urllib3's TLS inside TLS
        sock = sock.socket
    return sock


class using:  # noqa: N801 - it is used like contextlib's
    """Connections opened and used by this thread in the block belong to *handle*."""

    __slots__ = ("_before", "_handle")

    def __init__(self, handle: SocketHandle) -> None:
        self._handle = handle

    def __enter__(self) -> None:
        self._before = getattr(_current, "handle", None)
        _current.handle = self._handle

    def __exit__(self, *_: object) -> None:
        _current.handle = self._before


def current_wire() -> SocketHandle:
    """The handle of the request this thread has under way."""
    handle: SocketHandle = _current.handle
    return handle


def resolve(host: str, port: int, scope: CancelScope) -> list[tuple[Any, ...]]:
    """Addresses of *host* as :func:`socket.getaddrinfo` gives them, within the clocks.

    The system's resolver can't be woken, so a name (not a numeric address) is
    looked up by a thread of its own; the call does not wait for it past its end.
    """
    numeric = _numeric(host, port)
    if numeric is not None:
        return [numeric]
    answer: list[Any] = []
    done = Flag()

    def look_up() -> None:
        try:
            answer.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as exc:
            answer.append(exc)
        done.set()

    try:
        threading.Thread(target=look_up, name="g4fsync-resolver", daemon=True).start()
    except RuntimeError:  # the process is shutting down: look up right here
        look_up()
    scope.wait(done)
    found = answer[0]
    if isinstance(found, Exception):
        raise found
    return list(found)


def _numeric(host: str, port: int) -> tuple[Any, ...] | None:
    """What :func:`socket.getaddrinfo` gives for a numeric *host*, ``None`` for any other.

    Not asked itself: gevent's does even this in a thread of its own, which is as dear as
    all the rest of connecting.
    """
    for family, address in ((socket.AF_INET, (host, port)), (socket.AF_INET6, (host, port, 0, 0))):
        with suppress(OSError, ValueError):  # ValueError: a NUL in it
            socket.inet_pton(family, host)
            return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address
    return None


class Wakeable(HTTPConnection):
    """A connection whose every blocking step can be woken through its handle."""

    handle: SocketHandle | None = None

    def response_class(self, *args: Any, **kwargs: Any) -> heads.CheckedResponse:  # type: ignore[override]
        handle = self.handle
        if handle is None:
            return heads.CheckedResponse(*args, **kwargs)
        return heads.CheckedResponse(
            *args, limit=handle.head_bytes, on_first_byte=handle.answered, **kwargs
        )

    def _new_conn(self) -> socket.socket:
        host, port = self._peer()
        handle = current_wire()
        found = self._resolve(host, port)
        failure: OSError = OSError("no address")
        for number, (family, kind, proto, _, address) in enumerate(found):
            # One that is silent, as IPv6 often is where it is broken, leaves time for the others.
            seconds = handle.scope.socket_timeout() / (len(found) - number)
            try:
                return self._open(handle, self._make_socket(family, kind, proto), address, seconds)
            except OSError as exc:
                handle.scope.check()
                failure = exc
        raise NewConnectionError(self, str(failure)) from failure

    def _resolve(self, host: str, port: int) -> list[tuple[Any, ...]]:
        scope = current_wire().scope
        try:
            return resolve(host.strip("[]"), port, scope)
        except (socket.gaierror, UnicodeError) as exc:
            scope.check()
            raise NameResolutionError(host, self, socket.gaierror(str(exc))) from exc

    def _open(
        self, handle: SocketHandle, sock: socket.socket, address: Any, seconds: float
    ) -> socket.socket:
        try:
            for option in self.socket_options or ():
                sock.setsockopt(*option)
            # Never None: a connect() that begins after its abort is woken by its poll() only.
            sock.settimeout(seconds)
            handle.use(self._duplicate_of(sock))
            self._reach(sock, address)
            sock.settimeout(handle.scope.socket_timeout())  # for TLS
        except BaseException:
            sock.close()
            raise
        return sock

    def _duplicate_of(self, sock: socket.socket) -> socket.socket:
        """What shuts down whatever becomes of *sock* while the connection is set up."""
        return sock

    def connect(self) -> None:
        self.handle = handle = current_wire()
        super().connect()
        handle.use(self.sock)

    def request(self, *args: Any, **kwargs: Any) -> None:
        handle = current_wire()
        # connect() would have set it: urllib3 connects before, for TLS and tunnels.
        handle.is_reused = self.sock is not None and self.handle is not handle
        self.handle = handle
        if self.sock is not None:
            handle.use(self.sock)
        super().request(*args, **kwargs)
        handle.note_sent()

    # How SOCKS differs from a direct connection:

    def _peer(self) -> tuple[str, int]:
        return self._dns_host, self.port

    def _make_socket(self, family: int, kind: int, proto: int) -> socket.socket:
        return socket.socket(family, kind, proto)

    def _reach(self, sock: socket.socket, address: Any) -> None:
        sock.connect(address)


class WakeableTLS(Wakeable, HTTPSConnection):
    _duplicate: socket.socket | None = None
    _authorities: str | None = None  # the file of them, once the context has taken it over

    def _share_context(self) -> None:
        """TLS settings that are there already, in place of new ones for each connection.

        Not for an ``https://`` proxy, for which urllib3 reads the same file once
        more, nor for a directory, in which OpenSSL looks while it connects.
        """
        if self.proxy is not None or self.ca_cert_dir:
            return
        if self.ca_certs:
            # urllib3 would load them into the context again and again.
            self._authorities, self.ca_certs = self.ca_certs, None
        if self._authorities or self.cert_reqs == "CERT_NONE":
            self.ssl_context = client_context(self._authorities)

    def _duplicate_of(self, sock: socket.socket) -> socket.socket:
        self._drop_duplicate()  # of another address that did not answer
        self._duplicate = sock.dup()
        return self._duplicate

    def _drop_duplicate(self) -> None:
        if self._duplicate is not None:
            self._duplicate.close()
            self._duplicate = None

    def connect(self) -> None:
        self._share_context()
        try:
            super().connect()
        finally:
            self._drop_duplicate()
        sock: Any = self.sock
        if isinstance(sock, ssl.SSLSocket):
            # An end without close_notify is a cut: anybody on the way can send a FIN.
            sock.suppress_ragged_eofs = False  # type: ignore[attr-defined]  # it is there

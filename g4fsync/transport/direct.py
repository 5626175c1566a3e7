"""A request and its answer's head straight over a connection of the pool.

Between ``requests`` and a socket stand a session's adapter, urllib3's pool and
response and ``http.client``'s state, some 700 Python calls for one exchange.
Opening an answer needs a few of them: an idle connection or a new one, one
``send`` for head and body, one ``recv`` for the head.  What is hard stays where
it is: urllib3 makes, proves, keeps and closes the connections (TLS, addresses,
the check that an idle one still stands), :mod:`.heads` judges heads.

The other way, through ``requests`` (:class:`.response.RequestsAnswer`), means the
same and is taken for whatever is unusual: proxies, a transfer coding, a pool
that is not as known here, an ``HTTPAdapter.send`` that somebody has replaced (mocks
and tracers do).  The tests of this room run both.

If you change this file:

* Whoever may block does so in ``handle.socket``, with the scope asked after
  :meth:`~.connections.SocketHandle.use`: so cancel and clocks find it.
* A connection goes back to the pool at the end of a body and at no other moment,
  and never with bytes behind that end: they would begin the next answer.
* ``http.client``'s state machine in the connection stays *idle* all the time, so
  that the other way can use the same connection later.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import requests.adapters
from urllib3.connectionpool import HTTPConnectionPool

from . import heads
from .bodies import Body, ChunkedBody, OpenBody, SizedBody
from .connections import SocketHandle, Wakeable
from .pools import Pool

if TYPE_CHECKING:
    from .request import Request

_ADAPTER_SEND = requests.adapters.HTTPAdapter.send
# What a pool must offer; urllib3 promises none of it.
_IS_KNOWN = all(
    hasattr(HTTPConnectionPool, name) for name in ("_get_conn", "_put_conn", "_validate_conn")
)
# The server has closed, perhaps behind an answer that is worth reading.
_MAY_HAVE_ANSWERED = frozenset({errno.EPIPE, errno.ECONNRESET, getattr(errno, "EPROTOTYPE", 0)})


def is_possible(request: Request, proxies: object) -> bool:
    """Whether *request* can go this way."""
    return (
        _IS_KNOWN
        and not proxies
        and requests.adapters.HTTPAdapter.send is _ADAPTER_SEND
        and request.is_plain
    )


class DirectAnswer:
    """An answer whose head has come, over a connection that is this answer's until it ends."""

    __slots__ = ("_body", "_connection", "_keeps_alive", "_pool", "cookies", "headers", "status")

    def __init__(
        self, pool: Pool, connection: Wakeable, head: heads.Head, handle: SocketHandle
    ) -> None:
        self.status = head.status
        self.headers = head.fields
        self.cookies = head.cookies
        self._pool = pool
        self._connection: Wakeable | None = connection
        self._keeps_alive = head.keeps_alive
        self._body = _body(head, connection.sock, handle)

    @property
    def is_over(self) -> bool:
        """Whether the end of the body has come, so that :meth:`read` would not wait."""
        return self._body.is_over

    @property
    def read(self) -> Callable[[], bytes]:
        """What gives the next block of the body as it arrives, ``b""`` at its end."""
        return self._body.read

    def end(self) -> None:
        """The end of the body was read: give the connection back."""
        self._give_back(reusable=self._keeps_alive and self._body.is_clean)

    def close(self) -> None:
        """Shut the connection, unless it was given back."""
        self._give_back(reusable=False)

    def _give_back(self, *, reusable: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if not reusable:
            connection.close()  # it opens itself anew when it is used
        self._pool._put_conn(connection)


def _body(head: heads.Head, sock: Any, handle: SocketHandle) -> Body:
    if head.is_chunked:
        return ChunkedBody(sock.recv, handle.scope.check, head.rest)
    if head.length is not None:
        return SizedBody(sock.recv, handle.scope.check, head.length, head.rest)
    return OpenBody(sock.recv, head.rest)


def exchange(pool: Pool, request: Request, handle: SocketHandle) -> DirectAnswer:
    """Send *request* over a connection of *pool*, and wait for the head of its answer.

    Raises what sockets, ``ssl``, ``http.client`` and urllib3's connections raise.
    """
    connection: Wakeable = pool._get_conn()
    try:
        _make_ready(pool, connection, handle)
        try:
            connection.sock.sendall(request.content())
        except OSError as exc:
            if exc.errno not in _MAY_HAVE_ANSWERED:
                raise
        else:
            handle.note_sent()
        head = heads.received(connection.sock, handle.head_bytes, handle.answered)
    except BaseException:
        connection.close()
        pool._put_conn(connection)
        raise
    return DirectAnswer(pool, connection, head, handle)


def _make_ready(pool: Pool, connection: Wakeable, handle: SocketHandle) -> None:
    """Connected, and its socket the one that *handle* would shut down."""
    scope = handle.scope
    handle.is_reused = connection.sock is not None
    if connection.sock is None:
        connection.timeout = scope.socket_timeout()
        pool._validate_conn(connection)  # connects for TLS, and warns when nothing is verified
        if connection.sock is None:
            connection.connect()
    else:
        connection.handle = handle
        handle.use(connection.sock)
    # Without a watchdog a timeout is the second line of defence.
    handle.limit(None if scope.is_watched() else scope.socket_timeout())

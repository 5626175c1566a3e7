"""Pools of wakeable connections: urllib3's, with what a connection's handle needs.

A connection drops its handle before it is put back, or a late cancel would cut
off the next request on it (:mod:`.connections`).
"""

from __future__ import annotations

import queue
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool

from .connections import Wakeable, WakeableTLS, current_wire


class Idle:
    """Where a pool keeps its idle connections, the latest on top; of what a queue can, enough.

    urllib3's own is a ``LifoQueue``, which it fills with ``None`` for each place: for 64
    of them that is a thousand Python calls for each client and host.  Nobody waits here,
    a list's ``append`` and ``pop`` need no lock, and an empty place need not be kept.
    """

    __slots__ = ("__weakref__", "_items", "_maxsize")

    def __init__(self, maxsize: int) -> None:
        self._maxsize = maxsize
        self._items: list[Any] = []

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if item is None:
            return
        if len(self._items) >= self._maxsize:
            raise queue.Full
        self._items.append(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        try:
            return self._items.pop()
        except IndexError:
            raise queue.Empty from None

    def qsize(self) -> int:
        return len(self._items)


class Pool(HTTPConnectionPool):
    ConnectionCls = Wakeable
    QueueCls = Idle  # type: ignore[assignment]  # what is asked of it, it can

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)
        if current_wire().wants_new:
            connection.close()  # it opens itself anew when it is used
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None and conn.handle is not None:
            conn.handle.drop()
            conn.handle = None
        super()._put_conn(conn)


class PoolTLS(Pool, HTTPSConnectionPool):
    ConnectionCls = WakeableTLS

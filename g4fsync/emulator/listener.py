"""A loopback port: accepts connections, a named thread for each, and joins them all."""

from __future__ import annotations

import itertools
import selectors
import socket
import socketserver
import threading
from collections.abc import Callable
from typing import Any

from .serversocket import Bell, EmulatorClosed, ServerSocket


class Listener(socketserver.TCPServer):
    """Serves every connection of one port with ``serve(wire, listener)``.

    It is bound to 127.0.0.1 only; *port* 0 is chosen by the system.
    """

    request_queue_size = 1024
    allow_reuse_address = True  # a port that was just used may be taken again

    def __init__(
        self,
        name: str,
        serve: Callable[[ServerSocket, Listener], None],
        bell: Bell,
        port: int = 0,
    ) -> None:
        super().__init__(("127.0.0.1", port), socketserver.BaseRequestHandler)
        self.name = name
        self.port: int = self.socket.getsockname()[1]
        self._serve = serve
        self._bell = bell
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()  # guards _open and _ending
        self._open: dict[threading.Thread, ServerSocket] = {}
        self._ending: list[threading.Thread] = []  # have only to be joined
        self._acceptor = threading.Thread(target=self._accept, name=f"{name}-accept", daemon=True)

    def start(self) -> None:
        """Begin to accept."""
        self._acceptor.start()

    def close(self) -> None:
        """End every connection and join every thread; the bell has been rung before."""
        if self._acceptor.ident is not None:
            self._acceptor.join()
        self.server_close()
        with self._lock:
            threads = [*self._open, *self._ending]
            for wire in self._open.values():
                try:
                    wire.socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # the client was faster
        for thread in threads:
            thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread of its own."""
        try:
            wire = ServerSocket(request, self._bell)
        except OSError:
            request.close()  # the client left between connecting and now
            return
        thread = threading.Thread(
            target=self._run, args=(wire,), name=f"{self.name}-{next(self._numbers)}", daemon=True
        )
        with self._lock:
            self._open[thread] = wire
            ending, self._ending = self._ending, []
        for thread_ended in ending:
            thread_ended.join()
        thread.start()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            selector.register(self._bell.heard, selectors.EVENT_READ)
            while True:
                ready = selector.select()
                if any(key.fileobj is self._bell.heard for key, _ in ready):
                    return
                self.handle_request()

    def _run(self, wire: ServerSocket) -> None:
        try:
            self._serve(wire, self)
        except EmulatorClosed:
            pass  # close() waits for this thread, nobody else
        finally:
            # close() may want to shut this socket as long as it is in the table.
            with self._lock:
                del self._open[threading.current_thread()]
                self._ending.append(threading.current_thread())
            wire.close()

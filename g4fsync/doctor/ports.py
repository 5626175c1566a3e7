"""One port of this machine, asked a few questions: no proxy, no redirects, no key."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple

import requests

from ..codecs import refusals
from ..codecs.strict import parse
from ..errors import Cancelled, G4FSyncError, ProtocolError
from ..scope import CancelScope
from ..settings import Timeout
from ..transport.adapter import Adapter
from ..transport.connections import SocketHandle, using
from ..transport.failures import MappedFailures

PORT_SECONDS = 5.0  # for all questions to one port
MAX_BYTES = 4 * 2**20
_HEADERS = {
    "User-Agent": "g4fsync",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


class PortReply(NamedTuple):
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        """The JSON value of a 200, ``None`` for anything else."""
        if self.status == 200:
            with suppress(ProtocolError):
                return parse(self.body)
        return None

    @property
    def is_page(self) -> bool:
        return refusals.is_page(self.headers, self.body[:400].decode("latin-1"))

    @property
    def software(self) -> str:
        return self.headers.get("server", "")


class Port:
    """One port, and what it has answered so far."""

    def __init__(self, url: str, adapter: Adapter, limits: Timeout, search: CancelScope) -> None:
        self.url = url
        self._adapter = adapter
        self._limits = limits
        self._search = search
        self._until = monotonic() + PORT_SECONDS
        self._values: dict[str, Any] = {}
        self.models: Any = None  # what it said of its models

    def get(self, path: str) -> PortReply:
        """The answer to a GET; raises when there is none in time."""
        scope = CancelScope(self._limits, deadline=self._until)
        scope.start()
        host = self.url.partition("://")[2]
        with self._search.aborting(scope.cancel), MappedFailures(scope, host):
            handle = SocketHandle(scope)
            scope.start_connect()
            try:
                with using(handle):
                    answer = self._adapter.send(
                        requests.Request("GET", self.url + path, _HEADERS).prepare(),
                        stream=True,
                        timeout=(scope.socket_timeout(), scope.socket_timeout(overall=True)),
                        proxies={},
                    )
                    body = answer.raw.read(MAX_BYTES, decode_content=False)
                    answer.close()
                # A woken reader may see a clean end.
                scope.check()
            finally:
                handle.drop()
        return PortReply(answer.status_code, answer.headers, body)

    def ask(self, path: str) -> Any:
        """The JSON value at *path*, asked once; ``None`` without one of its own."""
        if path not in self._values:
            self._values[path] = None
            try:
                value = self.get(path).value
            except Cancelled:
                raise
            except G4FSyncError:
                value = None  # no answer is an answer
            # Some servers give the same answer at any path.
            if value != self.models:
                self._values[path] = value
        return self._values[path]

    def text(self, path: str) -> str:
        """The beginning of what is at *path*; ``""`` without an answer."""
        try:
            return self.get(path).body[:400].decode("utf-8", "replace")
        except Cancelled:
            raise
        except G4FSyncError:
            return ""  # no answer is an answer

    def field(self, path: str, name: str) -> str | None:
        """A text in the JSON object at *path*."""
        value = self.ask(path)
        text = value.get(name) if isinstance(value, Mapping) else None
        return text if isinstance(text, str) else None

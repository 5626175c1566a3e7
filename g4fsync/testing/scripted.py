"""A transport that answers from a script and notes down what it was asked.

It opens nothing and waits for nothing: time is a clock that only ``sleep()``
moves, chance is a seeded generator.  Bodies go through the decoders of the live
transport, statuses through the same table of errors.
"""

from __future__ import annotations

import json as jsonlib
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..codecs.socketio import SocketEvent
from ..errors import G4FSyncError
from ..settings import Limits
from ..transport.incoming import IncomingResponse
from ..transport.outgoing import Sender, checked_headers, checked_path, json_body

Body: TypeAlias = bytes | Mapping[str, Any] | Sequence[bytes | SocketEvent | BaseException]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its ``body``, ``status`` and ``headers``.

    ``body`` is ``bytes``, a list of byte pieces in the order they arrive, or a
    mapping, which goes as JSON.  An exception among the pieces is raised when
    the body has been read that far.  For a Socket.IO connection it is a list of
    :class:`SocketEvent` objects and exceptions; after the last one the far side
    disconnects.  A status other than 2xx becomes the error it is for users.
    """

    body: Body = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def pieces(self) -> Sequence[bytes | SocketEvent | BaseException]:
        """The body in pieces."""
        if isinstance(self.body, bytes):
            return [self.body]
        if isinstance(self.body, Mapping):
            return [json_body(self.body)]
        return self.body


Answer: TypeAlias = Reply | Body | BaseException
Script: TypeAlias = Mapping[str, Answer | tuple[Answer, ...]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it was asked for; ``body`` is a JSON value, ``bytes`` or ``None``."""

    method: str
    path: str
    body: Any = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Connection:
    """One Socket.IO connection as it was asked for."""

    path: str
    namespace: str
    auth: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class ScriptedTransport(Sender["ScriptedResponse"]):
    """The outside world of one attempt, played from *script*.

    *script* maps ``"METHOD /path"`` to the answer: a :class:`Reply`, or just its
    body (``bytes``, a list of pieces, or a mapping for JSON), or an exception,
    which is raised in place of sending.  A tuple holds the answers to repeated
    requests in order; anything else answers every time.  ``"SOCKETIO /path"``
    is a connection.  The query is no part of the path.  A request that the
    script does not foresee is an ``AssertionError``.

    What happened:

    ``sent``
        ``(method, path, body)`` for each request that went out, and
        ``("EMIT", name, args)`` for each Socket.IO event, in order.
    ``requests``, ``connections``
        the same in full, those that failed included.
    ``slept``
        the seconds of each ``sleep()``.
    ``cleanup_errors``
        what went wrong inside ``cleanup()``, where users see a line in the log.
    ``closed``
        ``None``, or how the engine closed it: ``"gracefully"`` after a whole
        answer, else ``"abruptly"``.

    ``now`` is where the clock begins, in seconds since the epoch; ``api_key``
    the user's key, if there is one; ``limits`` bound the answers.
    """

    def __init__(
        self,
        script: Script,
        *,
        now: float = 1_700_000_000.0,
        seed: int = 0,
        api_key: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._script = dict(script)
        self._asked: dict[str, int] = {}
        self._now = now
        self._random = random.Random(seed)
        self._api_key = api_key
        self.latest: object = None  # what the provider was given last, as evidence
        self.answer_headers: Mapping[str, str] = {}  # of the newest answer
        self.sent: list[tuple[str, str, Any]] = []
        self.requests: list[Request] = []
        self.connections: list[Connection] = []
        self.slept: list[float] = []
        self.cleanup_errors: list[G4FSyncError] = []
        self.closed: str | None = None

    @property
    def random(self) -> random.Random:
        return self._random

    @property
    def api_key(self) -> str | None:
        return self._api_key

    @property
    def secrets(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What no error may tell: the key, and no passwords of URLs."""
        return ((self._api_key,) if self._api_key else ()), ()

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._now += seconds

    def post(
        self,
        path: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ScriptedResponse:
        # There and back again: what the far side will see.
        value = body if json is None else jsonlib.loads(json_body(json))
        return self._send("POST", path, value, params, headers)

    def socketio(
        self,
        path: str,
        *,
        namespace: str,
        auth: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> ScriptedSocketIO:
        connection = Connection(checked_path(path), namespace, auth, checked_headers(headers))
        return ScriptedSocketIO(self, connection)

    @contextmanager
    def cleanup(self, seconds: float = 5.0) -> Iterator[None]:
        try:
            yield
        except G4FSyncError as error:
            self.cleanup_errors.append(error)

    def close(self, *, graceful: bool = False) -> None:
        """End the attempt; the engine does it."""
        self.closed = "gracefully" if graceful else "abruptly"

    def reply_to(self, key: str) -> Reply:
        """The next answer for *key*, such as ``"POST /path"``; raises scripted exceptions."""
        # Raised by hand: pytest would add its own words to an assert's.
        if key not in self._script:
            raise AssertionError(f"no answer is scripted for {key!r}, only for {[*self._script]}")
        count = self._asked[key] = self._asked.get(key, 0) + 1
        answer = self._script[key]
        if isinstance(answer, tuple):
            if count > len(answer):
                raise AssertionError(f"{key!r} is asked for more than {len(answer)} times")
            answer = answer[count - 1]
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, Reply) else Reply(answer)

    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> ScriptedResponse:
        request = Request(
            method, checked_path(path), body, dict(params or {}), checked_headers(headers)
        )
        self.requests.append(request)
        reply = self.reply_to(f"{method} {path}")
        self.sent.append((method, path, body))
        response = ScriptedResponse(self, reply)
        if not 200 <= reply.status < 300:
            raise response.refusal()
        self.answer_headers = response.headers
        return response


class ScriptedResponse(IncomingResponse):
    """A scripted answer; its body can be read once."""

    def __init__(self, transport: ScriptedTransport, reply: Reply) -> None:
        super().__init__(transport, transport.limits)
        self._status = reply.status
        self._headers = _Headers(reply)
        self._pieces = iter(reply.pieces())

    @property
    def status(self) -> int:
        return self._status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._headers

    def pieces(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, BaseException):
                raise piece
            if not isinstance(piece, bytes):
                raise AssertionError(f"{piece!r} is scripted for an HTTP body")  # noqa: TRY004 - the test failed
            yield piece


class ScriptedSocketIO:
    """A scripted Socket.IO connection; entering connects."""

    def __init__(self, transport: ScriptedTransport, connection: Connection) -> None:
        self._transport = transport
        self._connection = connection
        self._events: Iterator[bytes | SocketEvent | BaseException] = iter(())

    def __enter__(self) -> ScriptedSocketIO:
        transport, connection = self._transport, self._connection
        transport.connections.append(connection)
        reply = transport.reply_to(f"SOCKETIO {connection.path}")
        if not 200 <= reply.status < 300:
            raise ScriptedResponse(transport, reply).refusal()
        self._events = iter(reply.pieces())
        return self

    def __exit__(self, *_: object) -> None:
        self._events = iter(())

    def emit(self, name: str, *args: Any) -> None:
        self._transport.sent.append(("EMIT", name, tuple(jsonlib.loads(json_body(args)))))

    def __iter__(self) -> Iterator[SocketEvent]:
        for event in self._events:
            if isinstance(event, BaseException):
                raise event
            if not isinstance(event, SocketEvent):
                raise AssertionError(f"{event!r} is scripted for a connection")  # noqa: TRY004 - the test failed
            self._transport.latest = event
            yield event


class _Headers(Mapping[str, str]):
    """A reply's headers, looked up without case."""

    def __init__(self, reply: Reply) -> None:
        self._values = {name.lower(): value for name, value in reply.headers.items()}
        if isinstance(reply.body, Mapping):
            self._values.setdefault("content-type", "application/json")

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

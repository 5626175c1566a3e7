"""Faults a test can ask of the emulator, each a frozen value.

Set one for every request (``emulator.koala.fault = Cut(17)``), queue one per
request (``emulator.koala.faults.append(Status(429, retry_after=1))``; ``None`` in
the queue lets one request pass), or give several at once as a tuple:
``(Framing("close"), Cut(17))``.  A fault meets the request that carries the
answer (Open Assistant: the event stream); :class:`At` names another one.

``after_bytes`` counts the bytes of the answer: of the HTTP body as it is coded
(gzip included, chunk sizes and headers not), or of the WebSocket's frames that
follow the question.  A place that the answer never reaches draws no fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Fault:
    """What all faults are."""


@dataclass(frozen=True, slots=True)
class At(Fault):
    """*fault* for the request named *call*, as in the ``call`` of its record."""

    call: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Refuse(Fault):
    """Read the request, then end the connection without a byte of answer."""

    reset: bool = True


@dataclass(frozen=True, slots=True)
class HangBeforeHeaders(Fault):
    """Be silent before the first byte of answer; ``None``: until somebody leaves."""

    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Status(Fault):
    """Answer with this status instead (WebSocket: in place of 101).

    Without a ``body`` it is the provider's own error shape with ``message``;
    ``error_code`` and ``kind`` fill its members ``code`` and ``type``, or their like,
    where it has them (``error_code="insufficient_quota"``).
    """

    code: int
    message: str = "the emulator was asked to say no"
    retry_after: float | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | bytes | None = None
    content_type: str = "application/json"
    error_code: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Challenge(Fault):
    """Answer with the HTML page of a browser check."""

    code: int = 403


@dataclass(frozen=True, slots=True)
class Cut(Fault):
    """End the connection after so many bytes, by FIN or by RST."""

    after_bytes: int = 0
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Stall(Fault):
    """Be silent after so many bytes, then go on; ``None``: until somebody leaves.

    With ``keepalive`` the silence begins at the end of an event and the
    protocol's own keep-alives (comments, pings) go on during it.
    """

    after_bytes: int = 0
    seconds: float | None = None
    keepalive: bool = False


@dataclass(frozen=True, slots=True)
class Garbage(Fault):
    """Put bytes that the protocol does not know into the answer.

    A WebSocket gets them as the text of a frame.
    """

    after_bytes: int = 0
    content: bytes = b"data: {]\n{]\n\n"


@dataclass(frozen=True, slots=True)
class Trickle(Fault):
    """Send the answer byte by byte, with a pause (of a millisecond or more) after each."""

    seconds_per_byte: float = 0.001


@dataclass(frozen=True, slots=True)
class Split(Fault):
    """Send the answer in pieces of so many bytes, each its own write and chunk."""

    bytes_per_write: int = 1


@dataclass(frozen=True, slots=True)
class InvalidUTF8(Fault):
    """Put the bytes FF FE into the text of one token (counted from 0)."""

    token: int = 0


@dataclass(frozen=True, slots=True)
class InBandError(Fault):
    """After so many tokens, tell of an error inside the answer, as the provider does.

    ``code`` and ``kind`` fill the members ``code`` and ``type``, or their like, where the
    shape has them.  A plain answer becomes a status 500.
    """

    message: str = "the emulator was asked to fail"
    after_tokens: int = 1
    code: int | str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class NoEndMark(Fault):
    """End cleanly, but without the protocol's end mark.

    Koala and FlowGpt have none: their last event lacks its line end.  With ``lie``
    the answer still has a closing word that proves nothing, where there is one
    (``[DONE]``).
    """

    lie: bool = False


@dataclass(frozen=True, slots=True)
class JSONAnswer(Fault):
    """Answer a streaming request with the one JSON object of the plain form."""


@dataclass(frozen=True, slots=True)
class Framing(Fault):
    """How a streamed HTTP body is told from what follows.

    ``chunked``, ``close`` (no length: the connection ends it) or ``length``
    (``Content-Length``; the answer is collected first).  ``gzip`` codes it,
    flushed after each event, when the client accepts that.
    """

    kind: Literal["chunked", "close", "length"] = "chunked"
    gzip: bool = False


@dataclass(frozen=True, slots=True)
class Captcha(Fault):
    """Ask for a human check: Myshell by its own event, the others by :class:`Challenge`."""


@dataclass(frozen=True, slots=True)
class RefuseNamespace(Fault):
    """Myshell: answer the namespace's CONNECT with a CONNECT_ERROR (``44``).

    ``bare``: its payload is a JSON string instead of an object.
    """

    message: str = "Connection rejected by server"
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Disconnect(Fault):
    """Myshell: close the namespace (``41``) after so many tokens."""

    after_tokens: int = 1


@dataclass(frozen=True, slots=True)
class MessageReplied(Fault):
    """Myshell: answer ``message_replied`` instead of a stream."""


@dataclass(frozen=True, slots=True)
class Silence(Fault):
    """Myshell: never answer the question; pings go on."""


@dataclass(frozen=True, slots=True)
class AlreadyFinished(Fault):
    """Open Assistant: the message has finished before its events are asked for."""

    state: str = "complete"


Plan: TypeAlias = Fault | Sequence[Fault] | None

"""Faults before the body: no answer, a head that is none, statuses, redirects, content types."""

from __future__ import annotations

from functools import partial

import pytest

from g4fsync.errors import (
    AuthenticationError,
    CaptchaRequired,
    ConnectionFailed,
    DeadlineExceeded,
    G4FSyncError,
    ProtocolError,
    ProviderError,
    RateLimited,
    ServerError,
    StreamTruncated,
)
from tests.faults.cells import ERROR_BODY, Cell, Fault, Outcome, params
from tests.faults.farside import Far, HttpFar
from tests.faults.protocols import FLOWGPT, HTTP, KOALA, MYSHELL, OLLAMA, OPENASSISTANT, Protocol
from tests.support.timing import MS

FAILED = Outcome(ConnectionFailed, tokens=0, asks=2)
MALFORMED = Outcome(ProtocolError, tokens=0)
OK = b"HTTP/1.1 200 OK\r\n"


def late(protocol: Protocol) -> Outcome:
    """For a WebSocket the ``connect`` clock runs until the namespace is joined."""
    clock = "connect" if protocol.is_socket else "first_token"
    return Outcome(DeadlineExceeded, tokens=0, clock=clock)


# -- the head -----------------------------------------------------------


def say(content: bytes, far: Far) -> None:
    far.peer.send(content)


def say_and_hold(content: bytes, far: Far) -> None:
    far.peer.send(content)
    far.hold()


def repeat(first: bytes, again: bytes, far: Far) -> None:
    """Until the client leaves."""
    going = far.peer.send(first)
    while going:
        going = far.peer.send(again)


def trickle(content: bytes, far: Far) -> None:
    far.peer.send(OK + b"X-Slow: ")
    far.peer.trickle(content, 5 * MS)


def early(status: bytes, count: int, far: HttpFar) -> None:
    far.peer.send(b"HTTP/1.1 %b\r\nLink: </style.css>\r\n\r\n" % status * count)
    far.open()
    far.whole()


def in_right_form(*fields: str, far: HttpFar) -> None:
    far.open(*fields)
    far.whole()


def reset_after(content: bytes, far: Far) -> None:
    far.peer.send(content)
    far.reset()


HEADS = [
    Fault("no head: FIN", Far.fin, FAILED),
    Fault("no head: RST", Far.reset, FAILED),
    Fault("no head: stall", Far.hold, late),
    Fault("head: FIN inside", partial(say, OK + b"Content-Type: text/ev"), FAILED),
    Fault("head: FIN between lines", partial(say, OK + b"X-A: 1\r\n"), FAILED),
    Fault("head: RST inside", partial(reset_after, OK + b"X-A: 1\r\n"), FAILED),
    Fault("head: stall inside", partial(say_and_hold, OK + b"X-A: 1\r\n"), late),
    Fault("head: trickle", partial(trickle, b"a"), late),
    Fault("head: not HTTP", partial(say, b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), MALFORMED),
    Fault("head: a status of letters", partial(say, b"HTTP/1.1 abc OK\r\n\r\n"), MALFORMED),
    Fault(
        "head: a status of 5 digits", partial(say, b"HTTP/1.1 20000 OK\r\n\r\n"), MALFORMED, HTTP
    ),
    Fault("head: HTTP/3.0", partial(say, b"HTTP/3.0 200 OK\r\n\r\n"), MALFORMED, HTTP),
    Fault("head: an endless status line", partial(repeat, b"HTTP/1.1 200 ", b"a" * 999), MALFORMED),
    Fault("head: an endless line", partial(repeat, OK + b"X-A: ", b"a" * 9999), MALFORMED),
    Fault("head: endless lines", partial(repeat, OK, b"X-A: 1\r\n"), MALFORMED),
    Fault(
        "head: endless long lines", partial(repeat, OK, b"X-A: %b\r\n" % (b"a" * 60_000)), MALFORMED
    ),
    Fault(
        "head: a line without colon", partial(say, OK + b"nonsense\r\nX-A: 1\r\n\r\n"), MALFORMED
    ),
    Fault("head: a blank before the colon", partial(say, OK + b"X-A : 1\r\n\r\n"), MALFORMED, HTTP),
    Fault(
        "head: begins with a continuation", partial(say, OK + b" X-A: 1\r\n\r\n"), MALFORMED, HTTP
    ),
    Fault(
        "head: 100 for ever",
        partial(repeat, b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        MALFORMED,
        HTTP,
    ),
    Fault(
        "head: 102 for ever",
        partial(repeat, b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
        MALFORMED,
        HTTP,
    ),
    Fault("head: 100, then all is well", partial(early, b"100 Continue", 1), Outcome(), HTTP),
    Fault("head: 103, then all is well", partial(early, b"103 Early Hints", 1), Outcome(), HTTP),
    Fault("head: 102 three times", partial(early, b"102 Processing", 3), Outcome(), HTTP),
    Fault(
        "head: 101 unasked",
        partial(say, b"HTTP/1.1 101 Up\r\nUpgrade: x\r\n\r\n"),
        Outcome(ProviderError, tokens=0),
        HTTP,
    ),
    Fault("head: NUL in a value", lambda far: in_right_form("X-A: a\0b", far=far), Outcome(), HTTP),
    Fault(
        "head: 60 kB of it",
        lambda far: in_right_form("X-A: " + "a" * 60_000, far=far),
        Outcome(),
        HTTP,
    ),
]


@pytest.mark.parametrize(("fault", "protocol"), params(HEADS))
def test_a_bad_head_is_refused_in_time(cell: Cell, fault: Fault, protocol: Protocol) -> None:
    cell.run(fault, protocol)


# -- statuses -----------------------------------------------------------

_BODY = b'{"error": {"message": "no", "type": "nothing_known"}}'
_JSON = "Content-Type: application/json"
_REASONS: dict[int, tuple[type[G4FSyncError], int]] = {
    204: (StreamTruncated, 1),
    400: (ProviderError, 1),
    401: (AuthenticationError, 1),
    402: (ProviderError, 1),
    403: (AuthenticationError, 1),
    404: (ProviderError, 1),
    407: (ConnectionFailed, 1),
    408: (ProviderError, 2),
    409: (ProviderError, 1),
    413: (ProviderError, 1),
    418: (ProviderError, 1),
    422: (ProviderError, 1),
    429: (RateLimited, 2),
    500: (ServerError, 2),
    501: (ServerError, 1),
    502: (ServerError, 2),
    503: (ServerError, 2),
    504: (ServerError, 2),
    505: (ServerError, 1),
    520: (ServerError, 2),
    529: (ServerError, 2),
    599: (ServerError, 1),
    999: (ServerError, 1),
}


def refuse(status: int, *fields: str, body: bytes = _BODY, far: Far) -> None:
    # Closing, since a connection that dies in the pool would cost the retry.
    far.peer.answer(body, "Connection: close", *fields, status=f"{status} Status")


def status_fault(status: int, error: type[G4FSyncError], asks: int) -> Fault:
    def expected(protocol: Protocol) -> Outcome:
        if status == 204:
            if protocol is OPENASSISTANT:  # its answer was ready before; it is asked for
                return Outcome(ProviderError, tokens=0, says="in_progress")
            return Outcome(ProviderError if protocol.is_socket else ProtocolError, tokens=0)
        if status == 407:
            return Outcome(error, tokens=0, asks=asks, says="the proxy wants a user and password")
        return Outcome(error, tokens=0, asks=asks, says=f"HTTP {status}: no")

    body = b"" if status == 204 else _BODY
    return Fault(
        f"status {status}", lambda far: refuse(status, _JSON, body=body, far=far), expected
    )


def hint(status: int, field: str, error: type[G4FSyncError], asks: int) -> Fault:
    outcome = Outcome(error, tokens=0, asks=asks, says=f"HTTP {status}")
    return Fault(
        f"status {status} with {field}", lambda far: refuse(status, field, far=far), outcome
    )


_CHALLENGE = b"<html><head><title>Just a moment...</title></head></html>"
_PAGE = b"<!DOCTYPE html><html><body>It works!</body></html>"


def page(status: int, what: str, body: bytes, error: type[G4FSyncError], asks: int = 1) -> Fault:
    return Fault(
        f"status {status} with {what}",
        lambda far: refuse(status, "Content-Type: text/html", body=body, far=far),
        Outcome(error, tokens=0, asks=asks, says=f"HTTP {status}"),
    )


def endless_body(far: Far) -> None:
    far.peer.head(_JSON, status="503 No")
    while far.peer.send(b"a" * 65_536):
        pass


def broken_body(far: Far) -> None:
    far.peer.head(_JSON, "Content-Length: 999", status="503 No")
    far.peer.send(b'{"error": "no')


def silent_body(far: Far) -> None:
    far.peer.head(_JSON, "Content-Length: 999", status="400 No")
    far.peer.send(b'{"error": "no')
    far.hold()


STATUSES = [
    *(status_fault(status, error, asks) for status, (error, asks) in _REASONS.items()),
    hint(429, "Retry-After: 0", RateLimited, 2),
    hint(429, "Retry-After: 86400", RateLimited, 1),
    hint(429, "Retry-After: Thu, 01 Jan 2015 00:00:00 GMT", RateLimited, 2),
    hint(429, "Retry-After: Thu, 01 Jan 2199 00:00:00 GMT", RateLimited, 1),
    hint(429, "Retry-After: soon", RateLimited, 2),
    hint(429, "Retry-After: " + "9" * 400, RateLimited, 2),
    hint(503, "Retry-After: 86400", ServerError, 1),
    hint(409, "x-should-retry: true", ProviderError, 2),
    hint(500, "x-should-retry: false", ServerError, 1),
    page(200, "a page", _PAGE, ProviderError),
    page(200, "a challenge", _CHALLENGE, CaptchaRequired),
    page(403, "a page", _PAGE, ProviderError),
    page(403, "a challenge", _CHALLENGE, CaptchaRequired),
    page(503, "a page", _PAGE, ServerError, 2),
    Fault(
        "status 500 with an empty body",
        lambda far: refuse(500, body=b"", far=far),
        Outcome(ServerError, tokens=0, asks=2),
    ),
    Fault(
        "status 500 with invalid UTF-8",
        lambda far: refuse(500, _JSON, body=b"\xff{", far=far),
        Outcome(ServerError, tokens=0, asks=2),
    ),
    Fault(
        "status 500 with deep JSON",
        lambda far: refuse(500, _JSON, body=b"[" * 50_000, far=far),
        Outcome(ServerError, tokens=0, asks=2),
    ),
    Fault(
        "status 500 with deep whole JSON",
        lambda far: refuse(500, _JSON, body=b"[" * 900 + b"]" * 900, far=far),
        Outcome(ServerError, tokens=0, asks=2),
    ),
    Fault(
        "status 500 with a huge number",
        lambda far: refuse(500, _JSON, body=b"9" * 9999, far=far),
        Outcome(ServerError, tokens=0, asks=2),
    ),
    Fault("status 503 with an endless body", endless_body, Outcome(ServerError, tokens=0, asks=2)),
    Fault(
        "status 503 with a cut body",
        broken_body,
        lambda p: FAILED if p.is_socket else Outcome(ServerError, tokens=0, asks=2),
    ),
    Fault(
        "status 400 with a silent body",
        silent_body,
        lambda p: late(p) if p.is_socket else Outcome(ProviderError, tokens=0, within=ERROR_BODY),
    ),
]


@pytest.mark.parametrize(("fault", "protocol"), params(STATUSES))
def test_a_status_is_its_error(cell: Cell, fault: Fault, protocol: Protocol) -> None:
    cell.run(fault, protocol)


# -- redirects ----------------------------------------------------------

NOT_FOLLOWED = Outcome(ProviderError, tokens=0, says="not followed")


def redirect(status: int, location: str, far: Far) -> None:
    where = location.format(own=far.request.headers["host"], path=far.protocol.path)
    far.peer.answer(b"", *([f"Location: {where}"] if where else []), status=f"{status} Elsewhere")


REDIRECTS = [
    Fault(f"redirect {status} to {name}", partial(redirect, status, location), NOT_FOLLOWED)
    for status in (301, 302, 303, 307, 308)
    for name, location in {
        "the same path": "{path}",
        "the same origin": "http://{own}/other",
        "another origin": "http://127.0.0.1:9/other",
        "another scheme": "ftp://{own}/other",
        "nowhere": "",
        "nonsense": "http://[",
    }.items()
] + [
    Fault("redirect 300", partial(redirect, 300, "/a"), NOT_FOLLOWED),
    Fault("redirect 304", partial(redirect, 304, ""), NOT_FOLLOWED),
]


@pytest.mark.parametrize(("fault", "protocol"), params(REDIRECTS))
def test_a_redirect_is_never_followed(cell: Cell, fault: Fault, protocol: Protocol) -> None:
    cell.run(fault, protocol)


# -- content types ------------------------------------------------------


def typed(media_type: str, far: HttpFar) -> None:
    far.head(media_type=media_type)
    if far.protocol.start:
        far.send(far.protocol.start)
    far.whole()


def typed_fault(media_type: str, error: type[G4FSyncError] | None) -> Fault:
    # A stream of another type is not waited for.
    outcome = Outcome() if error is None else Outcome(error, tokens=0, within=ERROR_BODY)
    return Fault(f"content type {media_type or 'none'}", partial(typed, media_type), outcome, HTTP)


SSE = tuple(each for each in HTTP if each not in (FLOWGPT, OLLAMA))
TYPES = [
    typed_fault("", None),
    typed_fault("text/plain", None),
    typed_fault("application/octet-stream", None),
    typed_fault("image/png", ProtocolError),
    typed_fault("multipart/mixed", ProtocolError),
    typed_fault("nonsense", ProtocolError),
    Fault(
        "content type in upper case",
        partial(typed, "TEXT/EVENT-STREAM;Charset=UTF-8"),
        Outcome(),
        SSE,
    ),
    Fault(
        "content type of another charset",
        partial(typed, "text/event-stream; charset=iso-8859-1"),
        Outcome(),
        SSE,
    ),
    Fault(
        "content type JSON with an error",
        lambda far: refuse(200, _JSON, body=b'{"error": "no"}', far=far),
        lambda p: Outcome(ProviderError, tokens=0, says="no"),
        HTTP,
    ),
    Fault(
        "content type JSON that is none",
        lambda far: refuse(200, _JSON, body=b"{", far=far),
        lambda p: Outcome(
            ProtocolError if p in (KOALA, OPENASSISTANT) else StreamTruncated, tokens=0
        ),
        HTTP,
    ),
]


@pytest.mark.parametrize(("fault", "protocol"), params(TYPES))
def test_a_content_type_decides_how_the_body_is_read(
    cell: Cell, fault: Fault, protocol: Protocol
) -> None:
    cell.run(fault, protocol)


assert MYSHELL not in HTTP

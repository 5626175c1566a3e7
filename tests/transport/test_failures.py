"""Foreign failures and ours: the one map, row by row."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest
import requests
import responses
import urllib3.exceptions as urllib3_errors
import websocket

from g4fsync.errors import (
    AuthenticationError,
    Cancelled,
    CaptchaRequired,
    ConnectionFailed,
    ContentFiltered,
    DeadlineExceeded,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    RateLimited,
    ServerError,
    StreamInterrupted,
    without,
)
from g4fsync.scope import CancelScope
from g4fsync.transport import failures
from g4fsync.transport.live import LiveTransport

Open = Callable[..., LiveTransport]
URL = "http://provider.test/ask"
HOST = "provider.test"
ERROR = '{"error": {"message": "why", "code": "word"}}'
PAGE = "<!DOCTYPE html><html><body>Sorry</body></html>"
CHALLENGE = "<!DOCTYPE html><title>Just a moment...</title>"
JSON, HTML = "application/json", "text/html"


# -- statuses -----------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "content_type", "error", "retryable"),
    [
        (300, "", JSON, ProviderError, False),
        (304, "", JSON, ProviderError, False),
        (400, ERROR, JSON, ProviderError, False),
        (401, ERROR, JSON, AuthenticationError, False),
        (401, PAGE, HTML, ProviderError, False),
        (401, CHALLENGE, HTML, CaptchaRequired, False),
        (402, ERROR, JSON, ProviderError, False),
        (403, ERROR, JSON, AuthenticationError, False),
        (403, "", "", AuthenticationError, False),
        (403, PAGE, HTML, ProviderError, False),
        (403, CHALLENGE, HTML, CaptchaRequired, False),
        (404, ERROR, JSON, ProviderError, False),
        (404, PAGE, HTML, ProviderError, False),
        (408, ERROR, JSON, ProviderError, True),
        (409, ERROR, JSON, ProviderError, False),
        (413, ERROR, JSON, ProviderError, False),
        (422, ERROR, JSON, ProviderError, False),
        (429, ERROR, JSON, RateLimited, True),
        (429, PAGE, HTML, RateLimited, True),
        (429, ERROR.replace("word", "insufficient_quota"), JSON, RateLimited, False),
        (429, ERROR.replace("word", "billing_hard_limit"), JSON, RateLimited, False),
        (400, ERROR.replace("word", "content_filter"), JSON, ContentFiltered, False),
        (500, ERROR, JSON, ServerError, True),
        (500, PAGE, HTML, ServerError, True),
        (501, ERROR, JSON, ServerError, False),
        (502, CHALLENGE, HTML, ServerError, True),
        (503, "", "", ServerError, True),
        (504, "", "", ServerError, True),
        (505, "", "", ServerError, False),
        (520, "", "", ServerError, True),
        (524, "", "", ServerError, True),
        (525, "", "", ServerError, False),
        (529, "", "", ServerError, True),
    ],
)
@responses.activate
def test_statuses(
    status: int,
    body: str,
    content_type: str,
    error: type[G4FSyncError],
    retryable: bool,
    connect: Open,
) -> None:
    responses.add("POST", URL, body=body, status=status, content_type=content_type or None)
    with pytest.raises(G4FSyncError) as caught:
        connect("http://provider.test").post("/ask", json={})
    assert type(caught.value) is error
    assert caught.value.retryable is retryable
    assert caught.value.status == status  # type: ignore[attr-defined]  # all of these have one
    assert str(caught.value).startswith(f"HTTP {status}")
    assert len(responses.calls) == 1


@pytest.mark.parametrize(
    ("status", "wish", "retryable"),
    [(409, "true", True), (429, "false", False), (500, "false", False), (400, "true", True)],
)
@responses.activate
def test_a_server_may_say_itself_whether_to_retry(
    status: int, wish: str, retryable: bool, connect: Open
) -> None:
    responses.add("POST", URL, body=ERROR, status=status, headers={"x-should-retry": wish})
    with pytest.raises(ProviderError) as caught:
        connect("http://provider.test").post("/ask", json={})
    assert caught.value.retryable is retryable


@responses.activate
def test_a_refusal_tells_what_the_server_said(connect: Open) -> None:
    headers = {"Retry-After": "2.5"}
    responses.add("POST", URL, body=ERROR, status=429, headers=headers, content_type=JSON)
    with pytest.raises(RateLimited) as caught:
        connect("http://provider.test").post("/ask", json={})
    error = caught.value
    assert (str(error), error.code, error.body, error.retry_after) == (
        "HTTP 429: why",
        "word",
        ERROR,
        2.5,
    )


@responses.activate
def test_an_error_keeps_the_first_2_kb_of_the_body(connect: Open) -> None:
    responses.add("POST", URL, body="x" * 200_000, status=500)
    with pytest.raises(ServerError) as caught:
        connect("http://provider.test").post("/ask", json={})
    assert caught.value.body == "x" * 2048


# -- exceptions ---------------------------------------------------------

CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed")
POOL: Any = None


def wrapped(inner: Exception) -> requests.ConnectionError:
    """As requests hands out what urllib3 said about the system's own exception."""
    return requests.ConnectionError(urllib3_errors.ProtocolError("Connection aborted.", inner))


def retried(inner: Exception) -> requests.ConnectionError:
    reason = urllib3_errors.NewConnectionError(POOL, "Failed to establish a new connection")
    reason.__cause__ = inner
    return requests.ConnectionError(urllib3_errors.MaxRetryError(POOL, URL, reason))


EXCEPTIONS: list[tuple[Exception, type[G4FSyncError], str, bool]] = [
    (
        requests.exceptions.SSLError(urllib3_errors.SSLError(CERTIFICATE)),
        ConnectionFailed,
        f"the TLS certificate of {HOST} is not trusted: ",
        False,
    ),
    (
        requests.exceptions.SSLError(ssl.SSLError(1, "wrong version number")),
        ConnectionFailed,
        f"TLS with {HOST} failed: wrong version number",
        True,
    ),
    (
        requests.exceptions.ProxyError(OSError("Tunnel connection failed: 407 Auth Required")),
        ConnectionFailed,
        f"the proxy did not connect to {HOST}: Tunnel connection failed: 407 Auth Required",
        False,
    ),
    (
        requests.exceptions.ProxyError(urllib3_errors.ProxyError("no", OSError("Refused"))),
        ConnectionFailed,
        f"the proxy did not connect to {HOST}: Refused",
        True,
    ),
    (
        retried(socket.gaierror(-2, "Name or service not known")),
        ConnectionFailed,
        f"the name {HOST} can't be resolved",
        True,
    ),
    (
        retried(ConnectionRefusedError(111, "Connection refused")),
        ConnectionFailed,
        f"connection to {HOST} refused: nothing listens there",
        True,
    ),
    (
        retried(OSError(113, "No route to host")),
        ConnectionFailed,
        f"connection to {HOST} failed: No route to host",
        True,
    ),
    (
        wrapped(http.client.RemoteDisconnected("Remote end closed connection")),
        ConnectionFailed,
        f"{HOST} closed the connection without an answer",
        True,
    ),
    (
        wrapped(ConnectionResetError(104, "Connection reset by peer")),
        ConnectionFailed,
        f"connection to {HOST} reset",
        True,
    ),
    (wrapped(BrokenPipeError(32, "Broken pipe")), ConnectionFailed, "reset", True),
    (wrapped(TimeoutError(110, "timed out")), ConnectionFailed, "timed out", True),
    (requests.exceptions.ReadTimeout("slow"), ConnectionFailed, "slow", True),
    (
        requests.exceptions.ConnectTimeout(urllib3_errors.ConnectTimeoutError("slow")),
        ConnectionFailed,
        f"connection to {HOST} timed out",
        True,
    ),
    (
        requests.exceptions.ChunkedEncodingError(
            urllib3_errors.ProtocolError("broken", urllib3_errors.IncompleteRead(3, 4))
        ),
        ConnectionFailed,
        "closed the connection",
        True,
    ),
    (
        wrapped(http.client.BadStatusLine("SSH-2.0")),
        ProtocolError,
        f"{HOST} sent what is not HTTP: SSH-2.0",
        False,
    ),
    (wrapped(http.client.LineTooLong("header line")), ProtocolError, "is not HTTP", False),
    (requests.exceptions.InvalidURL("no host"), InvalidRequest, "can't be sent: no host", False),
    (requests.exceptions.InvalidSchema("x://"), InvalidRequest, "can't be sent: x://", False),
    (requests.exceptions.InvalidHeader("bad"), InvalidRequest, "can't be sent: bad", False),
    (requests.exceptions.ConnectionError("odd"), ConnectionFailed, "failed: odd", True),
    (requests.exceptions.ConnectionError(), ConnectionFailed, "failed: ConnectionError", True),
    (OSError(24, "Too many open files"), ConnectionFailed, "failed: Too many open files", True),
]


@pytest.mark.parametrize(
    ("foreign", "error", "message", "retryable"),
    EXCEPTIONS,
    ids=[f"{i}-{type(row[0]).__name__}" for i, row in enumerate(EXCEPTIONS)],
)
@responses.activate
def test_exceptions(
    foreign: Exception,
    error: type[G4FSyncError],
    message: str,
    retryable: bool,
    connect: Open,
) -> None:
    responses.add("POST", URL, body=foreign)
    with pytest.raises(G4FSyncError) as caught:
        connect("http://provider.test").post("/ask", json={})
    assert type(caught.value) is error
    assert message in str(caught.value)
    assert caught.value.retryable is retryable
    assert caught.value.origin is foreign


@pytest.mark.parametrize(
    "foreign",
    [
        urllib3_errors.ProtocolError("broken", urllib3_errors.IncompleteRead(3, 4)),
        urllib3_errors.ReadTimeoutError(POOL, URL, "Read timed out."),
        ConnectionResetError(104, "Connection reset by peer"),
        ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
        OSError(5, "Input/output error"),
        websocket.WebSocketConnectionClosedException("closed"),
    ],
)
def test_a_broken_connection_in_the_middle_is_an_interrupted_stream(foreign: Exception) -> None:
    error = failures.translate(foreign, HOST, reading=True)
    assert type(error) is StreamInterrupted
    assert str(error) == f"the connection to {HOST} broke in the middle of the answer"


def test_garbage_in_the_middle_stays_a_protocol_error() -> None:
    foreign = http.client.LineTooLong("chunk size")
    assert type(failures.translate(foreign, HOST, reading=True)) is ProtocolError


def test_our_own_error_inside_a_foreign_one_is_found() -> None:
    ours = DeadlineExceeded("late", clock="connect")
    assert failures.translate(wrapped(ours), HOST) is ours


def test_our_own_errors_pass() -> None:
    ours = ProtocolError("no")
    with pytest.raises(ProtocolError) as caught, failures.MappedFailures(CancelScope(), HOST):
        raise ours
    assert caught.value is ours


def test_other_exceptions_are_not_touched() -> None:
    with pytest.raises(KeyError), failures.MappedFailures(CancelScope(), HOST):
        raise KeyError("a bug")


def test_kinds_of_a_library_can_be_added() -> None:
    foreign = websocket.WebSocketException("odd")
    kinds = (websocket.WebSocketException,)
    with (
        pytest.raises(ConnectionFailed, match="odd"),
        failures.MappedFailures(CancelScope(), HOST, also=kinds),
    ):
        raise foreign
    with pytest.raises(websocket.WebSocketException), failures.MappedFailures(CancelScope(), HOST):
        raise foreign


def test_an_ended_call_is_what_is_told() -> None:
    scope = CancelScope()
    scope.cancel("enough")
    foreign = ConnectionResetError(104, "reset")
    with pytest.raises(Cancelled, match="enough") as caught, failures.MappedFailures(scope, HOST):
        raise foreign
    assert caught.value.origin is foreign


def test_a_cycle_of_causes_has_an_end() -> None:
    one, two = OSError("one"), OSError("two")
    one.__cause__, two.__cause__ = two, one
    assert type(failures.translate(one, HOST)) is ConnectionFailed


def break_down() -> None:
    raise ConnectionResetError(104, "Connection reset by peer")


@pytest.mark.parametrize(
    "handled",
    [
        ConnectionRefusedError("the caller's own"),
        requests.exceptions.InvalidURL("the caller's own"),
        ssl.SSLCertVerificationError("the caller's own"),
        StreamInterrupted("the first error, being cleaned up after"),
        GeneratorExit(),
    ],
)
def test_an_exception_that_was_being_handled_before_decides_nothing(
    handled: BaseException,
) -> None:
    """Python chains it to whatever is raised meanwhile."""
    with pytest.raises(ConnectionFailed) as caught:
        try:
            raise handled
        except BaseException:
            with failures.MappedFailures(CancelScope(), HOST):
                break_down()
    assert str(caught.value) == f"connection to {HOST} reset"
    assert caught.value is not handled


# -- secrets ------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda text: ProviderError(text, body=text),
        lambda text: AuthenticationError(text, body=text),
        lambda text: ServerError(text, body=text),
        lambda text: ConnectionFailed(text),
    ],
)
def test_a_secret_is_blotted_out_of_message_and_body(make: Callable[[str], Any]) -> None:
    error = without(make("no key sk-secret, sk-secret"), "sk-secret")
    assert str(error) == "no key …, …"
    assert getattr(error, "body", "no key …, …") == "no key …, …"


@pytest.mark.parametrize("secret", [None, ""])
def test_no_secret_changes_nothing(secret: str | None) -> None:
    error = ProviderError("as it was", body="as it was")
    assert without(error, secret) is error
    assert (str(error), error.body) == ("as it was", "as it was")

"""The one map from foreign exceptions to our errors.

Each was provoked with requests 2.34, urllib3 2.8 and websocket-client 1.9.
What a server *said* when it refused is read in :mod:`g4fsync.codecs.refusals`.
"""

from __future__ import annotations

import http.client
import logging
import re
import socket
import ssl
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import requests
import urllib3.exceptions as urllib3_errors

from ..errors import (
    ConnectionFailed,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    StreamInterrupted,
)
from ..scope import CancelScope

log = logging.getLogger("g4fsync.transport")

# requests' exceptions are OSErrors; urllib3's own come out of raw.read1().
FOREIGN: tuple[type[Exception], ...] = (
    OSError,
    urllib3_errors.HTTPError,
    http.client.HTTPException,
)

_PROXY_FAILURES = (urllib3_errors.ProxyError, requests.exceptions.ProxyError)
# OpenSSL's codes for a chain that ends at nobody known; other reasons no CA bundle mends.
_UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})
CA_ADVICE = "if its authority is your own, give that: Client(verify='ca.pem')"


class MappedFailures:
    """Turns foreign exceptions in its block into ours.

    *reading*: an answer had begun, so a broken connection is a
    ``StreamInterrupted``.  When the call has ended, that is what is raised,
    whatever the exception: it was the end that broke the connection.
    """

    __slots__ = ("_before", "_foreign", "_host", "_reading", "_scope")

    def __init__(
        self,
        scope: CancelScope,
        host: str,
        *,
        reading: bool = False,
        also: tuple[type[Exception], ...] = (),
    ) -> None:
        self._scope = scope
        self._host = host
        self._reading = reading
        self._foreign = FOREIGN + also if also else FOREIGN

    def __enter__(self) -> None:
        # Python makes it the context of whatever is raised in the block, but it is not our affair.
        self._before = sys.exc_info()[1]

    def __exit__(self, kind: object, exc: BaseException | None, traceback: object) -> None:
        if isinstance(exc, self._foreign) and not isinstance(exc, G4FSyncError):
            self.raise_for(exc, self._before)

    def raise_for(self, exc: BaseException, before: BaseException | None) -> NoReturn:
        """Raise our error for the foreign *exc*, as at the end of a block.

        *before* is the exception that was being handled when the block began.
        """
        try:
            self._scope.check()
        except G4FSyncError as ended:
            error = ended
        else:
            error = translate(exc, self._host, reading=self._reading, before=before)
        if error is not exc and error.origin is None:
            log.debug("%s", error, exc_info=exc)
            error.origin = exc
        # Four exceptions of urllib3 and requests, each with its traceback, tell nobody more.
        raise error from None


def translate(
    exc: BaseException, host: str, *, reading: bool = False, before: BaseException | None = None
) -> G4FSyncError:
    """Our error for *exc*, looking through what it wraps.

    *before* is the exception that was being handled already when it came.
    """
    chain = tuple(_chain(exc, before))
    if any(isinstance(each, _PROXY_FAILURES) for each in chain) and not any(
        isinstance(each, G4FSyncError) for each in chain
    ):
        return _through_proxy(chain, host)
    for kinds, make in _MAP:
        for each in chain:
            if isinstance(each, kinds):
                error: G4FSyncError = make(each, host)
                break
        else:
            continue
        break
    else:
        error = ConnectionFailed(f"connection to {host} failed: {_reason(chain[-1])}")
    if reading and type(error) is ConnectionFailed:
        return StreamInterrupted(f"the connection to {host} broke in the middle of the answer")
    return error


def _chain(exc: BaseException, before: BaseException | None = None) -> Iterator[BaseException]:
    """*exc* and what it was raised from or wraps, outermost first, up to *before*."""
    seen = {id(before)}
    waiting: list[Any] = [exc]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [getattr(each, "reason", None), *each.args, each.__cause__, each.__context__]


def _reason(exc: BaseException) -> str:
    text = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    return str(text)[:200]


def _untrusted(exc: Any, host: str) -> G4FSyncError:
    why = getattr(exc, "verify_message", "") or _reason(exc)
    if getattr(exc, "verify_code", None) in _UNKNOWN_AUTHORITY:
        why += f"; {CA_ADVICE}"
    return ConnectionFailed(f"the TLS certificate of {host} is not trusted: {why}", retryable=False)


def _through_proxy(chain: Sequence[BaseException], host: str) -> G4FSyncError:
    """Our error for a failure on the way to, or at, the proxy: it is named, not the service."""
    address = next(filter(None, map(_proxy_address, chain)), "")
    proxy = f"the proxy at {address}" if address else "the proxy"
    for each in chain:
        if isinstance(each, ssl.SSLCertVerificationError | ssl.CertificateError):
            return _untrusted(each, proxy)
    # The innermost that tells of the tunnel: those around it repeat it, and more.
    tunnel = [each for each in chain if "unnel" in str(each)]
    why = _reason((tunnel or chain)[-1])
    if any(isinstance(each, urllib3_errors.NameResolutionError) for each in chain):
        why = "its name can't be resolved"
    if re.search(r"\b407\b|SOCKS5? ?authentication|authentication methods", why):
        why += "; it wants a user and password: http://user:password@host:port"
    if tunnel or not address or _was_reached(chain):
        message = f"{proxy} did not connect to {host}: {why}"
    elif any(isinstance(each, http.client.RemoteDisconnected) for each in chain):
        message = f"{proxy} closed the connection without an answer (on the way to {host})"
    else:
        message = f"{proxy} can't be reached (on the way to {host}): {why}"
    refused = bool(re.search(r"\b40[37]\b|authentication", why))
    return ConnectionFailed(message, retryable=False if refused else None)


def _proxy_address(exc: BaseException) -> str:
    """Host and port of the proxy that *exc* tells of, ``""`` when it tells of none."""
    found = getattr(exc, "address", None)  # of a SOCKS proxy
    if found is None:
        url = getattr(getattr(exc, "pool", None), "proxy", None)
        found = url and (url.host, url.port)
    if not found or not found[0]:
        return ""
    host, port = found
    return f"{host}:{port}" if port else str(host)


def _was_reached(chain: Sequence[BaseException]) -> bool:
    """Whether a SOCKS proxy has answered; PySocks need not be there to ask."""
    names = {type(each).__name__ for each in chain}
    return bool(names & {"SOCKS5Error", "SOCKS4Error", "SOCKS5AuthError", "GeneralProxyError"})


def _malformed(exc: BaseException, host: str) -> G4FSyncError:
    return ProtocolError(f"{host} sent what is not HTTP: {_reason(exc)}", evidence=_reason(exc))


def _invalid(exc: BaseException, host: str) -> G4FSyncError:
    return InvalidRequest(f"the request to {host} can't be sent: {_reason(exc)}")


def _connection(words: str) -> Any:
    def make(exc: BaseException, host: str) -> G4FSyncError:
        return ConnectionFailed(words.format(host=host, why=_reason(exc)))

    return make


def _unreachable(exc: BaseException, host: str) -> G4FSyncError:
    why = _reason(exc.__cause__ or exc)
    return ConnectionFailed(f"connection to {host} failed: {why}")


_Kinds = type[BaseException] | tuple[type[BaseException], ...]

# The first kind found anywhere in the chain decides, so the special stand first.
_MAP: tuple[tuple[_Kinds, Any], ...] = (
    (G4FSyncError, lambda exc, host: exc),
    ((ssl.SSLCertVerificationError, ssl.CertificateError), _untrusted),
    (
        (urllib3_errors.NameResolutionError, socket.gaierror),
        _connection("the name {host} can't be resolved"),
    ),
    (ConnectionRefusedError, _connection("connection to {host} refused: nothing listens there")),
    (
        (http.client.RemoteDisconnected, urllib3_errors.IncompleteRead, http.client.IncompleteRead),
        _connection("{host} closed the connection without an answer"),
    ),
    (
        (ConnectionResetError, BrokenPipeError, ConnectionAbortedError),
        _connection("connection to {host} reset"),
    ),
    (ssl.SSLError, _connection("TLS with {host} failed: {why}")),
    (
        (
            urllib3_errors.HeaderParsingError,
            urllib3_errors.InvalidChunkLength,
            urllib3_errors.InvalidHeader,
        ),
        _malformed,
    ),
    (
        (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
            requests.exceptions.InvalidHeader,
            urllib3_errors.LocationValueError,
        ),
        _invalid,
    ),
    (http.client.HTTPException, _malformed),
    (urllib3_errors.NewConnectionError, _unreachable),
    # The scope's clocks were asked before, so it was the system that gave up.
    ((TimeoutError, urllib3_errors.TimeoutError), _connection("connection to {host} timed out")),
)

"""The cookie store: which cookies go to a provider's host.

Cookies come from what the caller gives, a mapping or the path of a file, or
from files in :func:`cookies_dir`.  No browser is opened, and none of its own
databases is read.

A file's cookies are chosen as RFC 6265, section 5.4, has it: by domain, path,
``secure`` and expiry.  A mapping, and a file that names no domains, is taken as
meant for the provider it was given for.  Every failure is a
``ConfigurationError`` that names the file, the place in it and what is wrong,
and never a cookie's value.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigurationError, InvalidRequest
from ..urls import is_loopback
from .cookie_files import Cookie, CookieFileError, parse, shown_name
from .names import folded
from .paths import config_dir, expanded, from_environment, read_text

MAX_FILE_BYTES = 64 * 1024 * 1024  # a HAR holds the bodies too

_log = logging.getLogger("g4fsync.transport")

_SUFFIXES = (".har", ".json", ".txt")
_NAME = re.compile(r"[!-:<>-~]+")  # visible ASCII without ";" and "="
_VALUE = re.compile(r"[ -:<-~]*")  # printable ASCII without ";"
_LIKE_A_COOKIE = re.compile(r"[={;\t\r\n]|^eyJ")  # a header, JSON, a cookies.txt line, a token
_MAX_SHOWN_PATH = 255  # characters; a longer "path" is more likely the cookie itself


def cookies_dir() -> Path:
    """The folder :func:`find` looks in: ``G4FSYNC_COOKIES``, else ``cookies`` in the settings."""
    return from_environment("G4FSYNC_COOKIES") or config_dir() / "cookies"


def load(
    source: Mapping[str, str] | str | os.PathLike[str],
    *,
    provider: str,
    host: str,
    secure: bool,
    path: str = "/",
    now: float | None = None,
) -> dict[str, str]:
    """Name -> value of the cookies in *source* that go to *host*, in a fresh ``dict``.

    A mapping goes as it is.  Of a file's cookies those are left out that
    belong to another domain, to a path that does not lead to *path* (the base
    URL's), that have expired, or that want TLS when *secure* is false and
    *host* is not this machine.  Of equal names the longest path wins, then the
    longest domain, then the last.  *now* is in seconds since the epoch.

    ``ConfigurationError`` for a file that cannot be read or understood, and
    for a cookie that no header can carry; ``InvalidRequest`` for a *source* of
    another type.  A file without any fitting cookie gives ``{}`` and a warning
    in the log.
    """
    if isinstance(source, Mapping):
        pairs = enumerate(source.items(), start=1)
        given = [_given(*pair, f"cookies, cookie {number}", provider) for number, pair in pairs]
        return _sendable(given, provider)
    text = os.fspath(source) if isinstance(source, os.PathLike) else source
    if not isinstance(text, str):
        raise InvalidRequest(
            f"{provider}: cookies must be a mapping or the path of a file, "
            f"not {type(source).__name__}",
            provider=provider,
        )
    label = _label(text)
    found = _read(expanded(text), provider, label)
    target = _Target(host, secure=secure, path=path, now=now)
    chosen = target.choose(found)
    if not chosen:
        expired = sum(target.expired(cookie) for cookie in found)
        _log.warning(
            "%s: %s: none of its %d cookies goes to %s (%d expired)",
            *(provider, label, len(found), host, expired),
        )
    return _sendable(chosen, provider)


def find(
    provider: str, host: str, *, secure: bool, path: str = "/", now: float | None = None
) -> dict[str, str]:
    """The cookies for *provider* from the files in :func:`cookies_dir`; ``{}`` without any.

    Files named after the provider (``openassistant.txt``, ``.json``, ``.har``;
    without case, ``_`` and ``-``) are taken alone.  Only when there is none,
    every cookie file there is searched for the host's domain.  The choice is
    made as in :func:`load`, later file names over earlier ones.

    ``ConfigurationError`` as in :func:`load`, and for a ``G4FSYNC_COOKIES``
    that is no folder.
    """
    files = _cookie_files(provider)
    own = [file for file in files if folded(file.stem) == folded(provider)]
    target = _Target(host, secure=secure, path=path, now=now)
    found = [
        cookie
        for file in own or files
        for cookie in _read(file, provider, _label(str(file)))
        # A file that names no domain is only for the provider it is named after.
        if own or cookie.domain is not None
    ]
    return _sendable(target.choose(found), provider)


class _Target:
    """Where cookies are to go, and when."""

    def __init__(self, host: str, *, secure: bool, path: str, now: float | None) -> None:
        self._host = host.lower().strip("[]").removesuffix(".")
        try:
            ipaddress.ip_address(self._host)
            self._is_address = True
        except ValueError:
            self._is_address = False
        self._secure = secure or is_loopback(self._host)
        self._path = path or "/"
        self._now = time.time() if now is None else now

    def choose(self, cookies: Iterable[Cookie]) -> list[Cookie]:
        """Those that go there, the more specific later."""
        # A recorded deletion replaces the cookie first, and then counts as expired.
        latest = {(cookie.name, cookie.domain, cookie.path): cookie for cookie in cookies}
        fitting = [cookie for cookie in latest.values() if self._fits(cookie)]
        return sorted(fitting, key=lambda cookie: (len(cookie.path), len(cookie.domain or "")))

    def expired(self, cookie: Cookie) -> bool:
        return cookie.expires is not None and cookie.expires <= self._now

    def _fits(self, cookie: Cookie) -> bool:
        return (
            not self.expired(cookie)
            and (self._secure or not cookie.secure)
            and self._domain_matches(cookie)
            and (self._path + "/").startswith(cookie.path.rstrip("/") + "/")
        )

    def _domain_matches(self, cookie: Cookie) -> bool:
        if cookie.domain is None or cookie.domain.strip("[]") == self._host:
            return True
        # RFC 6265, section 5.1.3: an address has no subdomains.
        subdomain = not cookie.host_only and not self._is_address
        return subdomain and self._host.endswith("." + cookie.domain)


def _given(name: object, value: object, where: str, provider: str) -> Cookie:
    if isinstance(name, str) and isinstance(value, str):
        return Cookie(name, value, where)
    if isinstance(name, str):
        wrong = f"{shown_name(name)} must be a string, not {type(value).__name__}"
    else:
        wrong = f"a name must be a string, not {type(name).__name__}"
    raise ConfigurationError(f"{provider}: {where}: {wrong}", provider=provider)


def _sendable(cookies: Sequence[Cookie], provider: str) -> dict[str, str]:
    """Name -> value; a cookie that would break out of its header is refused."""
    for cookie in cookies:
        if not _NAME.fullmatch(cookie.name):
            wrong = f"the name {shown_name(cookie.name)} must be visible ASCII without ';' and '='"
        elif not _VALUE.fullmatch(cookie.value):
            wrong = f"the value of {shown_name(cookie.name)} must be printable ASCII without ';'"
        else:
            continue
        raise ConfigurationError(f"{provider}: {cookie.where}: {wrong}", provider=provider)
    return {cookie.name: cookie.value for cookie in cookies}


def _read(file: Path, provider: str, label: str) -> list[Cookie]:
    try:
        cookies = parse(read_text(file, max_bytes=MAX_FILE_BYTES))
        return [replace(cookie, where=f"{label}, {cookie.where}") for cookie in cookies]
    except OSError as exc:
        reason = exc.strerror
    except CookieFileError as exc:
        reason = str(exc)
    # Not chained: the system's own error quotes the path, which _label may have hidden.
    raise ConfigurationError(f"{provider}: {label}: {reason}", provider=provider)


def _label(text: str) -> str:
    """How messages name a file, unless the "path" is a cookie put in the wrong place."""
    if len(text) > _MAX_SHOWN_PATH or _LIKE_A_COOKIE.search(text):
        return "cookie file (its path looks like a cookie, so it is not shown)"
    return f"cookie file {text!r}"


def _cookie_files(provider: str) -> list[Path]:
    folder = cookies_dir()
    try:
        return sorted(file for file in folder.iterdir() if file.suffix.lower() in _SUFFIXES)
    except FileNotFoundError:
        if not os.environ.get("G4FSYNC_COOKIES"):
            return []  # nobody ever made the default folder
        reason = "there is no such folder"
    except OSError as exc:
        reason = str(exc.strerror)
    raise ConfigurationError(
        f"{provider}: cookie folder {str(folder)!r}: {reason}", provider=provider
    )

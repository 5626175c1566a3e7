"""The forms cookies come in: text in, :class:`Cookie` values out, no I/O.

====================  =======================================================
Netscape cookies.txt  seven fields between tabs, ``#HttpOnly_`` before the domain;
                      the first line with the magic words may be missing
list of objects       EditThisCookie, Cookie-Editor, Puppeteer, Selenium
``{"cookies": …}``    the same list inside an object: Playwright's storage state
``{"log": …}``        HAR 1.2, requests and responses; the later word wins
``{name: value}``     a plain mapping, which says nothing of domains
====================  =======================================================

The text decides which it is, not the name of the file.

``http.cookiejar.MozillaCookieJar`` reads only the first form, and only from a
path, in the locale's encoding; it insists on the magic line, refuses the usual
``example.com TRUE`` without a leading dot, warns with a traceback, and its
error quotes the line, value included.  So those fields are cut here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, TypeVar

from ..urls import parsed
from .paths import json_kind, parse_json

_T = TypeVar("_T")
_HTTP_ONLY = "#HttpOnly_"
_FIELDS = 7  # domain, subdomains too, path, secure, expires, name, value


class CookieFileError(ValueError):
    """What is wrong with a text of cookies, and where; it never quotes a value."""


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie as a file tells it; ``repr`` keeps the value to itself."""

    name: str
    value: str = field(repr=False)
    where: str  # "line 3", "cookie 3", "entry 3"
    domain: str | None = None  # lower case, no leading dot; None: the file does not say
    host_only: bool = False  # not for the domain's subdomains
    path: str = "/"
    secure: bool = False
    expires: float | None = None  # seconds since the epoch; None: a session cookie


def parse(text: str) -> list[Cookie]:
    """All cookies of a text, expired ones too, in its order.

    ``CookieFileError`` when it is none of the forms, or broken.
    """
    start = text.lstrip()[:1]
    if not start:
        raise CookieFileError("it is empty")
    if start not in "{[":
        return list(_netscape(text))
    try:
        value = parse_json(text)
    except ValueError as exc:  # it carries the whole text, so it is not chained
        raise CookieFileError(f"it is not JSON: {exc}") from None
    return list(_exported(value))


def shown_name(name: str) -> str:
    """*name* as a message may show it: escaped, cut, and without what follows a ``=``."""
    return ascii(name.partition("=")[0])[:80]


def _netscape(text: str) -> Iterator[Cookie]:
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.removesuffix("\r").removeprefix(_HTTP_ONLY)
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) == _FIELDS - 1:
            fields.append("")  # an editor took the tab before an empty value away
        where = f"line {number}"
        if len(fields) != _FIELDS:
            raise CookieFileError(
                f"{where}: expected {_FIELDS} fields between tabs (cookies.txt), or JSON; "
                f"found {len(fields)}"
            )
        domain, subdomains, path, secure, expires, name, value = fields
        try:
            seconds = float(expires or 0)
        except ValueError:  # it quotes the field, so it is not chained
            raise CookieFileError(f"{where}: the time of expiry is not a number") from None
        yield Cookie(
            name=name,
            value=value,
            where=where,
            domain=_domain(domain, where),
            host_only=subdomains.upper() != "TRUE" and not domain.startswith("."),
            path=_path(path),
            secure=secure.upper() != "FALSE",
            expires=_lasting(seconds),
        )


def _exported(value: Any) -> Iterator[Cookie]:
    if isinstance(value, dict) and isinstance(value.get("log"), dict):
        yield from _recorded(value["log"])
        return
    if isinstance(value, dict) and isinstance(value.get("cookies"), list):
        value = value["cookies"]
    if isinstance(value, dict):
        for number, name in enumerate(value, start=1):
            where = f"cookie {number}"
            yield Cookie(name, _member(value, name, str, where), where)
        return
    for number, item in enumerate(value, start=1):
        where = f"cookie {number}"
        domain = _member(item, "domain", str, where)
        host_only = item.get("hostOnly")
        yield Cookie(
            name=_member(item, "name", str, where),
            value=_member(item, "value", str, where),
            where=where,
            domain=_domain(domain, where),
            host_only=host_only if isinstance(host_only, bool) else not domain.startswith("."),
            path=_path(_member(item, "path", str, where, "/")),
            secure=bool(item.get("secure")),
            expires=_lasting(_expiry(item, where)),
        )


def _recorded(log: dict[str, Any]) -> Iterator[Cookie]:
    entries: list[Any] = _member(log, "entries", list, "log")
    for number, entry in enumerate(entries, start=1):
        where = f"entry {number}"
        request: dict[str, Any] = _member(entry, "request", dict, where)
        response: dict[str, Any] = _member(entry, "response", dict, where, {})
        scheme, host = _origin(_member(request, "url", str, where))
        for side in (request, response):
            items: list[Any] = _member(side, "cookies", list, where, [])
            for item in items:
                name, value = (_member(item, key, str, where) for key in ("name", "value"))
                secure = item.get("secure")
                if host:
                    yield Cookie(
                        name=name,
                        value=value,
                        where=where,
                        domain=_domain(host, where),
                        host_only=True,
                        path=_path(_member(item, "path", str, where, "/")),
                        # Browsers leave it out of what they sent; then the address tells.
                        secure=scheme in ("https", "wss") if secure is None else bool(secure),
                        expires=_moment(item.get("expires")),
                    )


def _member(value: Any, key: str, kind: type[_T], where: str, default: _T | None = None) -> _T:
    """``value[key]``, which must be a *kind*; *default* when it is missing or null."""
    if not isinstance(value, dict):
        raise CookieFileError(f"{where}: expected an object, found {json_kind(value)}")
    found = value.get(key)
    if found is None and default is not None:
        return default
    if not isinstance(found, kind):
        wanted = json_kind(kind())
        raise CookieFileError(
            f"{where}: {shown_name(key)} must be {wanted}, found {json_kind(found)}"
        )
    return found


def _domain(text: str, where: str) -> str:
    domain = text.strip().lower().removeprefix(".").removesuffix(".")
    if not domain:
        raise CookieFileError(f"{where}: the domain is empty")
    return domain


def _path(text: str) -> str:
    return text if text.startswith("/") else "/"


def _expiry(item: dict[str, Any], where: str) -> float:
    for key in ("expirationDate", "expires", "expiry"):
        seconds = item.get(key)
        if seconds is None:
            continue
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            raise CookieFileError(f"{where}: {key!r} must be a number, found {json_kind(seconds)}")
        return seconds
    return 0


def _lasting(seconds: float) -> float | None:
    """Exports write 0 or -1 for a cookie of the session."""
    return seconds if seconds > 0 else None


def _moment(text: Any) -> float | None:
    """A HAR time in seconds since the epoch; ``None`` for a session, or when unreadable.

    Zero stays zero: the year 1970 is how a server deletes a cookie.  Chrome
    writes the second before it, -1, for a session.
    """
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    seconds = moment.timestamp()
    return seconds if seconds >= 0 else None


def _origin(url: str) -> tuple[str, str]:
    """Scheme and host of an address; the host is empty when it has none (``data:``)."""
    try:
        parts = parsed(url)
        return parts.scheme, parts.host
    except ValueError:
        return "", ""

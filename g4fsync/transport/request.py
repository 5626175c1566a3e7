"""A request as it goes out: its bytes for a connection of ours, or what ``requests`` makes of it.

Both say the same, byte for byte (the tests compare them): :meth:`Request.content`
is the short way, :meth:`Request.prepared` the one that knows proxies.  What the
short way can't say for certain it leaves to the other (:attr:`Request.is_plain`).
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlencode

import requests
import urllib3
from requests.cookies import MockRequest, MockResponse, RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from urllib3.util import parse_url

from ..urls import is_loopback

_USER_AGENT = f"User-Agent: python-urllib3/{urllib3.__version__}"  # type: ignore[attr-defined]
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Address(NamedTuple):
    """What a URL says to who connects and who sends."""

    url: str  # as ``requests`` sends it: international names and odd characters encoded
    scheme: str
    origin: str  # scheme, host and port
    host_field: str  # "" when only urllib3 knows what to write there
    path: str
    has_user: bool  # a name, and a password perhaps, in front of the host
    is_loopback: bool


@lru_cache(maxsize=256)
def address_of(url: str) -> Address:
    """The address of *url*; raises what ``requests`` raises when it is none."""
    request = requests.PreparedRequest()
    request.prepare_url(url, None)
    parts = parse_url(str(request.url))
    scheme, host = parts.scheme or "", parts.host or ""
    port = parts.port or _DEFAULT_PORTS.get(scheme)
    # A zone ("fe80::1%eth0") belongs to this machine and not into the field.
    name = "" if "%" in host or not host.isascii() else host.rstrip(".")
    suffix = "" if port == _DEFAULT_PORTS.get(scheme) else f":{port}"
    return Address(
        url=str(request.url),
        scheme=scheme,
        origin=f"{scheme}://{host}:{port}",
        host_field=name and name + suffix,
        path=parts.request_uri,
        has_user=parts.auth is not None,
        is_loopback=is_loopback(host.strip("[]")),
    )


class Request:
    """One request: *headers* are looked at without case, the last of a name counts.

    There is no ``.netrc`` (which would replace the Authorization header) and no
    default header but those of HTTP.
    """

    __slots__ = ("address", "body", "fields", "method", "query")

    def __init__(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> None:
        self.method = method
        self.address = address_of(url)
        self.query = f"?{urlencode(params)}" if params else ""
        self.body = body
        # By the name in lower case; as a dict keeps it, a name stays where it was first.
        self.fields = {name.lower(): (name, value) for name, value in headers.items()}
        if body is not None or method == "POST":
            self.fields["content-length"] = ("Content-Length", str(len(body or b"")))

    def authorize(self, cookies: RequestsCookieJar | None) -> None:
        """Add the cookies that belong to the URL, and the user that stands in it."""
        if not cookies and not self.address.has_user:
            return
        request = self.prepared()
        if cookies:
            request.prepare_cookies(cookies)
        if self.address.has_user:
            request.prepare_auth(None)
        self.fields = {name.lower(): (name, value) for name, value in request.headers.items()}

    def prepared(self) -> requests.PreparedRequest:
        """What a ``Session`` would prepare."""
        request = requests.PreparedRequest()
        request.method = self.method
        request.url = self.address.url + self.query
        request.headers = CaseInsensitiveDict(self.fields.values())
        request.body = self.body
        request.hooks = {}
        return request

    def cookies_set(self, values: Sequence[str]) -> RequestsCookieJar:
        """The cookies that *values* of ``Set-Cookie`` set, in the answer to this request."""
        message = http.client.HTTPMessage()
        for value in values:
            message["Set-Cookie"] = value
        jar = RequestsCookieJar()
        answer: Any = MockResponse(message)
        asked: Any = MockRequest(self.prepared())
        jar.extract_cookies(answer, asked)
        return jar

    @property
    def is_plain(self) -> bool:
        """Whether :meth:`content` is all there is to say."""
        return bool(self.address.host_field) and "transfer-encoding" not in self.fields

    def content(self) -> bytes:
        """Head and body, as urllib3 sends them to a server (not to a proxy)."""
        address, fields = self.address, self.fields
        lines = [f"{self.method} {address.path}{self.query} HTTP/1.1"]
        if "host" not in fields:
            lines.append(f"Host: {address.host_field}")
        if "accept-encoding" not in fields:
            lines.append("Accept-Encoding: identity")
        if "user-agent" not in fields:
            lines.append(_USER_AGENT)
        lines += [f"{name}: {value}" for name, value in fields.values()]
        lines.append("\r\n")
        head = "\r\n".join(lines).encode("latin-1")
        return head + self.body if self.body else head

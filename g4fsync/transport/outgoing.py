"""What may go out: JSON bodies, headers and paths, checked before anything is sent.

Shared by the live transport and the scripted one; no I/O.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from ..errors import InvalidRequest

Answer = TypeVar("Answer")

_UNFIT_FOR_HEADER = re.compile(r"[^\x20-\x7e\x80-\xff]")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_DOTS = re.compile(r"(?i)(^|/)(\.|%2e){1,2}(/|$)")  # they would be resolved on the way
_UNFIT_FOR_PATH = re.compile(r"[^\x21-\x7e]|[#?\\]")
_ELSEWHERE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:)?//")  # RFC 3986, 4.2 and 4.3
# One encoder for all requests: json.dumps() with arguments builds one each time.
_encode = json.JSONEncoder(allow_nan=False).encode
_USER = re.compile(r"//[^/]*@")  # a name and a password in front of a host


def json_body(value: Any) -> bytes:
    """*value* as JSON, escaped to ASCII; ``InvalidRequest`` when it is none."""
    try:
        return _encode(value).encode()
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidRequest(f"a message or option can't be sent as JSON: {exc}") from exc


def checked_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """*headers*; ``InvalidRequest`` for what would break out of a header line."""
    for name, value in (headers or {}).items():
        if not _HEADER_NAME.fullmatch(name):
            raise InvalidRequest(f"header {name!r}: no header can have this name")
        if _UNFIT_FOR_HEADER.search(value):
            raise InvalidRequest(f"header {name!r}: its value can't be sent in a header")
    return dict(headers or ())


def checked_path(path: str) -> str:
    """*path* below a base URL, ``""`` or with a ``/`` in front.

    ``InvalidRequest`` for what is none, or would break out of one: a provider's
    requests, with the cookies and keys that they carry, go to its base URL only.
    """
    if not isinstance(path, str):
        raise InvalidRequest(f"a path must be a str, got {type(path).__name__}")
    is_fit = not (_UNFIT_FOR_PATH.search(path) or _DOTS.search(path))
    if _ELSEWHERE.match(path) or (is_fit and path[:1] not in ("", "/")):
        shown = _USER.sub("//", path)
        raise InvalidRequest(
            f"the path {shown!r} must begin with one '/': "
            "a provider's requests go to its base URL and below it"
        )
    if not is_fit:
        raise InvalidRequest(f"the path {path!r} can't be requested")
    return path


class Sender(ABC, Generic[Answer]):
    """The requests that differ in their method only; a subclass says how one is sent."""

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        return self._send("GET", path, None, params, headers)

    def delete(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        return self._send("DELETE", path, None, params, headers)

    @abstractmethod
    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> Answer: ...

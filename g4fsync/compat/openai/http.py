"""A request and its answer, as far as programs look at them: headers, status, body."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any


class Headers(Mapping[str, str]):
    """Headers, looked up without case."""

    def __init__(self, headers: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        self._named = {name.lower(): (name, value) for name, value in pairs}

    def __getitem__(self, name: str) -> str:
        return self._named[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._named

    def __repr__(self) -> str:
        return f"Headers({dict(self)!r})"


class Request:
    """What was asked: ``method`` and ``url``; no headers, for a key stands in them."""

    def __init__(self, method: str, url: str) -> None:
        self.method = method
        self.url = url

    def __repr__(self) -> str:
        return f"<Request({self.method!r}, {self.url!r})>"


class Response:
    """The head of an answer, and its body where it was read: of a refusal, or not streamed."""

    def __init__(
        self,
        status_code: int,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        request: Request | None = None,
    ) -> None:
        self.status_code = status_code
        self.headers = Headers(headers or {})
        self.content = content
        self.request = request

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON; ``ValueError`` where it is none."""
        return json.loads(self.content)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status_code < 300

    @property
    def is_error(self) -> bool:
        """Whether the status is 4xx or 5xx."""
        return self.status_code >= 400

    @property
    def reason_phrase(self) -> str:
        """The status in words."""
        try:
            return HTTPStatus(self.status_code).phrase
        except ValueError:
            return ""

    @property
    def url(self) -> str:
        """Where it came from."""
        return self.request.url if self.request else ""

    def __repr__(self) -> str:
        return f"<Response [{self.status_code} {self.reason_phrase}]>"

"""Answers of providers that are not at ``base_url``, in OpenAI's shape."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ...errors import G4FSyncError, InvalidRequest
from .. import shapes
from ..chunks import Chunks
from .errors import translated
from .http import Request, Response

if TYPE_CHECKING:
    from ...client import Client
    from ...settings import Timeout


class OtherSource:
    """One answer of any provider of g4fsync, put into chunks here."""

    def __init__(
        self,
        client: Client,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        timeout: Timeout | None,
        retry: int | None,
    ) -> None:
        self.request = Request("POST", f"g4fsync:{body.get('model')}")
        try:
            if not body.get("messages"):
                raise InvalidRequest("messages must not be empty")
            if query:
                raise InvalidRequest(
                    f"{next(iter(query))!r} in a query can't be asked of this provider"
                )
            asked = shapes.question(body)
            options: dict[str, Any] = dict(asked.options)
            if headers:
                options["extra_headers"] = headers
            self.answer = client.chat(
                asked.messages,
                model=asked.model,
                timeout=timeout,
                retry=retry,
                **options,
            )
        except G4FSyncError as exc:
            raise translated(exc, self.request) from exc
        self._id, self._created = f"chatcmpl-{uuid4().hex}", int(time.time())
        self._model, self._include_usage = asked.model, asked.include_usage

    def head(self) -> Response | None:
        begun = self.answer.first_token_seconds is not None
        return Response(200, request=self.request) if begun else None

    def values(self) -> Iterator[Mapping[str, Any]]:
        chunks = Chunks(
            id=self._id,
            created=self._created,
            model=self._model,
            include_usage=self._include_usage,
        )
        for item in self.answer.items():
            yield from chunks.of(item)
        yield from chunks.end()

    def complete(self) -> Mapping[str, Any]:
        with self.answer:
            result = self.answer.result()
        value = shapes.completion(result, id=self._id, created=self._created)
        return {**value, "model": self._model}

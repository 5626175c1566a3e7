"""Errors by ``openai``'s names, in its tree, each a :class:`~g4fsync.errors.G4FSyncError` too.

What is raised here is of two families at once: ``except openai.RateLimitError`` and
``except g4fsync.RateLimited`` both catch it, and ``partial``, ``attempts`` and ``retryable``
are there.  Its text is what ``openai`` says; the error of ours that it stands for, with more
words, is its ``__cause__``.

The tree, the messages and which status has which class are those of openai-python 3.57.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from ...errors import (
    AllFailed,
    Cancelled,
    ConfigurationError,
    ConnectionFailed,
    DeadlineExceeded,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
)
from ..families import ForeignError, both
from .http import Request, Response

_E = TypeVar("_E", bound="OpenAIError")


class OpenAIError(ForeignError):
    """Root of the tree."""


class APIError(OpenAIError):
    """The service, or the way to it, has failed.

    ``body`` is the ``error`` object of the answer, else its JSON, else its text, ``None``
    without an answer; ``code``, ``param`` and ``type`` are its members.
    """

    message: str
    request: Request | None
    body: Any
    code: str | None = None
    param: str | None = None
    type: str | None = None

    def __init__(self, message: str, request: Any = None, *, body: object | None = None) -> None:
        super().__init__(message)
        self._fill(message, request, body)

    def _fill(self, message: str, request: Any, body: object | None) -> None:
        self.args = (message,)
        self.message, self.request, self.body = message, request, body
        members = body if isinstance(body, Mapping) else {}
        code = members.get("code")
        self.code = None if code is None else str(code)
        self.param, self.type = members.get("param"), members.get("type")


class APIResponseValidationError(APIError):
    """The answer is not what the protocol allows."""

    def __init__(
        self, response: Any = None, body: object | None = None, *, message: str | None = None
    ) -> None:
        text = message or "Data returned by API invalid for expected schema."
        super().__init__(text, getattr(response, "request", None), body=body)
        self.response = response
        self.status_code = getattr(response, "status_code", None)


class APIStatusError(APIError):
    """The answer has a status of 4xx or 5xx, which is ``status_code``."""

    response: Response
    status_code: int
    request_id: str | None

    def __init__(self, message: str, *, response: Any, body: object | None = None) -> None:
        super().__init__(message, getattr(response, "request", None), body=body)
        self._answered(response)

    def _answered(self, response: Any) -> None:
        self.response = response
        self.status_code = response.status_code
        self.request_id = response.headers.get("x-request-id")


class APIConnectionError(APIError):
    """The service could not be reached, or the connection broke."""

    def __init__(self, *, message: str = "Connection error.", request: Any = None) -> None:
        super().__init__(message, request, body=None)


class APITimeoutError(APIConnectionError):
    """A clock ran out."""

    def __init__(self, request: Any = None) -> None:
        super().__init__(message="Request timed out.", request=request)


class BadRequestError(APIStatusError):
    """400; also for what is refused here before anything is sent."""

    status_code: Literal[400] = 400


class AuthenticationError(APIStatusError):
    """401."""

    status_code: Literal[401] = 401


class PermissionDeniedError(APIStatusError):
    """403."""

    status_code: Literal[403] = 403


class NotFoundError(APIStatusError):
    """404."""

    status_code: Literal[404] = 404


class ConflictError(APIStatusError):
    """409."""

    status_code: Literal[409] = 409


class UnprocessableEntityError(APIStatusError):
    """422."""

    status_code: Literal[422] = 422


class RateLimitError(APIStatusError):
    """429."""

    status_code: Literal[429] = 429


class InternalServerError(APIStatusError):
    """500 and above."""


class LengthFinishReasonError(OpenAIError):
    """An answer that was to be parsed ended at the limit of its length."""

    def __init__(self, *, completion: Any = None) -> None:
        message = "Could not parse response content as the length limit was reached"
        usage = getattr(completion, "usage", None)
        super().__init__(f"{message} - {usage}" if usage else message)
        self.completion = completion


class ContentFilterFinishReasonError(OpenAIError):
    """An answer that was to be parsed was stopped for its content."""

    def __init__(self, *, completion: Any = None) -> None:
        super().__init__(
            "Could not parse response content as the request was rejected by the content filter"
        )
        self.completion = completion


_BY_STATUS: Mapping[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def translated(error: G4FSyncError, request: Request | None = None) -> OpenAIError:
    """*error* by openai's name, for an answer to *request*."""
    if isinstance(error, OpenAIError):
        return error
    status = getattr(error, "status", None)
    if isinstance(error, AllFailed | Cancelled):
        return _made(OpenAIError, error, str(error))
    if isinstance(error, DeadlineExceeded):
        return _made(APITimeoutError, error, "Request timed out.", request)
    if isinstance(error, ConnectionFailed):
        return _made(APIConnectionError, error, "Connection error.", request)
    if isinstance(error, InvalidRequest):
        return _refused_here(error, request)
    if isinstance(status, int) and status >= 300:
        return _of_status(error, request, status)
    if isinstance(error, ProtocolError):
        made = _made(APIResponseValidationError, error, str(error), request)
        vars(made).update(response=None, status_code=None)
        return made
    if isinstance(error, ConfigurationError):
        return _made(OpenAIError, error, str(error))
    if status is None:  # cut off, or never answered
        return _made(APIConnectionError, error, str(error), request)
    return _of_stream(error, request)


def _body(error: G4FSyncError) -> Any:
    """What the service sent with a refusal: JSON, else text."""
    text: str = getattr(error, "complete_body", "").strip()
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _of_status(error: G4FSyncError, request: Request | None, status: int) -> OpenAIError:
    body = _body(error)
    message = f"Error code: {status}"
    inside = body.get("error", body) if isinstance(body, Mapping) else None
    words = inside.get("message") if isinstance(inside, Mapping) else None
    if isinstance(words, str) and words:
        message += f" - {words}"
    kind = _BY_STATUS.get(status, InternalServerError if status >= 500 else APIStatusError)
    response = Response(
        status,
        headers=getattr(error, "headers", {}),
        content=getattr(error, "complete_body", "").encode("utf-8", "replace"),
        request=request,
    )
    made = _made(kind, error, message, request, body if inside is None else inside)
    made._answered(response)
    return made


def _of_stream(error: G4FSyncError, request: Request | None) -> OpenAIError:
    """The error in a stream, or the answer's own reason for ending."""
    value = _body(error)
    inner = value.get("error") or value if isinstance(value, Mapping) else None
    if inner is None:
        return _made(APIError, error, str(error), request)
    words = inner.get("message") if isinstance(inner, Mapping) else None
    message = words if isinstance(words, str) and words else "An error occurred during streaming"
    return _made(APIError, error, message, request, inner)


def _refused_here(error: G4FSyncError, request: Request | None) -> OpenAIError:
    made = _made(BadRequestError, error, str(error), request)
    made._answered(Response(400, request=request))
    return made


def _made(
    kind: type[_E], error: G4FSyncError, message: str, request: Any = None, body: Any = None
) -> _E:
    made = both(kind, error, message)
    if isinstance(made, APIError):
        made._fill(message, request, body)
    return made

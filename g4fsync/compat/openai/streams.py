"""Answers as they come, value by value: what stands behind ``create``, streamed or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from ...errors import G4FSyncError, ProtocolError, ServerError, StreamTruncated
from ..records import Record
from .errors import OpenAIError, translated
from .http import Request, Response

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on

    from ...call.stream import ChatStream
    from .wire import Wire

_T = TypeVar("_T")
_END = object()


class Source(Protocol):
    """Where an answer's values come from."""

    @property
    def answer(self) -> ChatStream: ...
    @property
    def request(self) -> Request: ...
    def head(self) -> Response | None:
        """The head of the answer, ``None`` before it has come."""

    def values(self) -> Iterator[Mapping[str, Any]]:
        """The values of a stream; raises our errors."""

    def complete(self) -> Mapping[str, Any]:
        """The answer in one piece; raises our errors."""


class WireSource:
    """An answer of OpenAI's protocol: its values are those that were sent."""

    def __init__(self, answer: ChatStream, wire: Wire) -> None:
        self.answer, self._wire = answer, wire

    @property
    def request(self) -> Request:
        return self._wire.request

    def head(self) -> Response | None:
        head = self._wire.answered
        if head is None:
            return None
        value = self._wire.complete
        content = b"" if value is None else _text(value).encode()
        return Response(head.status, headers=head.headers, content=content, request=self.request)

    def values(self) -> Iterator[Mapping[str, Any]]:
        values = self._wire.values
        try:
            for _ in self.answer.items():
                while values:
                    yield values.popleft()
        except G4FSyncError:
            while values:  # they came before it
                yield values.popleft()
            raise
        while values:
            yield values.popleft()

    def complete(self) -> Mapping[str, Any]:
        with self.answer:
            self.answer.result()
        value = self._wire.complete
        if not isinstance(value, Mapping):
            raise ProtocolError("expected a JSON object", evidence=repr(value))
        return value


def _text(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


class Stream(Generic[_T]):
    """A streamed answer: iterate for its chunks.

    An answer that was cut short raises at its end, whatever came; with ``strict=False`` at
    the client it ends like a complete one.  :meth:`cancel` may be called from any thread.
    """

    def __init__(self, source: Source, read: Callable[[Any], _T], *, strict: bool = True) -> None:
        self._source = source
        self._read = read
        self._strict = strict
        self._error: OpenAIError | None = None
        self._values = source.values()
        self._head: list[Mapping[str, Any]] = []
        self._open()

    def _open(self) -> None:
        """Wait for the first value, so that a refusal is raised where the request is made."""
        try:
            first = self._next()
        except OpenAIError as error:
            if self._source.head() is None:
                raise
            self._error = error  # of the answer, so it is raised while that is read
        else:
            self._head = [] if first is _END else [first]

    def _next(self) -> Any:
        if self._error is not None:
            raise self._error
        try:
            return next(self._values, _END)
        except G4FSyncError as exc:
            if not self._strict and _is_cut(exc):
                return _END
            self._error = translated(exc, self._source.request)
            raise self._error from exc

    def __next__(self) -> _T:
        value = self._head.pop() if self._head else self._next()
        if value is _END:
            raise StopIteration
        return self._read(value)

    def __iter__(self) -> Iterator[_T]:
        return self

    @property
    def response(self) -> Response:
        """The head of the answer; empty where it is no HTTP."""
        return self._source.head() or Response(200, request=self._source.request)

    @property
    def answer(self) -> ChatStream:
        """The stream of ours behind it: text so far, attempts, clocks."""
        return self._source.answer

    def cancel(self) -> None:
        """End the call at once, from any thread."""
        self._source.answer.cancel()

    def close(self) -> None:
        """Free the connection; what has not been read is lost."""
        self._source.answer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is_cut(error: G4FSyncError) -> bool:
    """Whether *error* is only that the end was missing, or that a reason tells of a failure."""
    is_reason = isinstance(error, ServerError) and error.status == 200 and not error.body
    return isinstance(error, StreamTruncated) or is_reason


class RawResponse(Generic[_T]):
    """An answer with its status and headers; :meth:`parse` gives what ``create`` would."""

    def __init__(self, response: Response, parsed: _T, retries_taken: int) -> None:
        self.http_response = response
        self.retries_taken = retries_taken
        self._parsed = parsed
        self._read: Callable[[Any], Any] | None = None

    def parse(self) -> _T:
        """What the call gives without ``with_raw_response``; raises what it raises."""
        if self._read is not None:
            self._parsed, self._read = self._read(self._parsed), None
        return self._parsed

    def read_by(self, read: Callable[[Any], Any]) -> Self:
        """The same answer, to be read into the caller's types when it is parsed."""
        self._read = read
        return self

    def __getattr__(self, name: str) -> Any:
        if name in ("headers", "status_code", "text", "content", "url"):
            return getattr(self.http_response, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def json(self) -> Any:
        """The body, when it was not streamed."""
        return self.http_response.json()

    @property
    def request_id(self) -> str | None:
        """The service's own name for the request."""
        return self.http_response.headers.get("x-request-id")

    @property
    def http_request(self) -> Request | None:
        """What was asked."""
        return self.http_response.request

    @property
    def method(self) -> str:
        """Its HTTP method."""
        return self.http_response.request.method if self.http_response.request else ""


def complete(source: Source, kind: type[Any]) -> Any:
    """The answer in one piece, as *kind*; raises openai's errors."""
    try:
        value = source.complete()
    except G4FSyncError as exc:
        raise translated(exc, source.request) from exc
    record: Record = kind.of(value)
    head = source.head()
    if head is not None:
        object.__setattr__(record, "_request_id", head.headers.get("x-request-id"))
    return record


def raw(source: Source, parsed: _T) -> RawResponse[_T]:
    """*parsed* with the head of its answer."""
    head = source.head() or Response(200, request=source.request)
    return RawResponse(head, parsed, max(0, len(source.answer.attempts) - 1))

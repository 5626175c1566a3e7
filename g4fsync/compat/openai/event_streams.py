"""What the streams of parsed events have in common, of completions and of responses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on

    from .http import Response
    from .streams import Stream


class EventStream:
    """Iterate for *events*, which are made of what *raw_stream* gives."""

    def __init__(self, raw_stream: Stream[Any], events: Iterator[Any]) -> None:
        self._raw_stream, self._events = raw_stream, events

    def __next__(self) -> Any:
        return next(self._events)

    def __iter__(self) -> Iterator[Any]:
        return self

    def until_done(self) -> Self:
        """Read the stream to its end."""
        for _ in self:
            pass
        return self

    @property
    def response(self) -> Response:
        """The head of the answer."""
        return self._raw_stream.response

    def close(self) -> None:
        """Free the connection."""
        self._raw_stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_S = TypeVar("_S", bound=EventStream)


class StreamManager(Generic[_S]):
    """Makes the request when its ``with`` block is entered, and frees the connection at its end."""

    def __init__(self, begin: Callable[[], _S]) -> None:
        self._begin = begin
        self._stream: _S | None = None

    def __enter__(self) -> _S:
        self._stream = self._begin()
        return self._stream

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()

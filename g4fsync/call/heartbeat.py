"""Reading that never keeps its caller waiting for long: :func:`beats`.

Rules of this file:

* A thread of its own reads the stream, one item at a time and only when the caller
  wants one.  So the clocks run as they do without it: what the caller does between
  two items is its own time, and nothing is read ahead.
* Leaving cancels first and joins then, as everywhere: the connection is free when
  the generator has been closed.
* The caller's generator may be finalized in any thread, in the reading one too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from time import monotonic
from typing import Protocol, TypeAlias

from ..errors import InvalidRequest
from ..events import Event
from ..scope import CancelScope
from ..scope.watchdog import LONGEST_WAIT
from ..settings import is_number

Item: TypeAlias = "str | Event"


class Readable(Protocol):
    """What of a :class:`~.stream.ChatStream` is needed here."""

    @property
    def scope(self) -> CancelScope: ...
    def items(self) -> Iterator[Item]: ...
    def cancel(self) -> None: ...
    def close(self) -> None: ...


def beats(stream: Readable, seconds: float) -> Generator[Item | None, None, None]:
    """The items of *stream*, and ``None`` each time *seconds* pass without one."""
    return _beats(stream, checked_seconds(seconds), lambda item: True)


def text_beats(stream: Readable, seconds: float) -> Generator[Item | None, None, None]:
    """The text of *stream*, and ``None`` each time *seconds* pass without any."""
    return _beats(stream, checked_seconds(seconds), lambda item: isinstance(item, str))


def checked_seconds(seconds: float) -> float:
    """*seconds*; ``InvalidRequest`` when they are no number above 0."""
    if not is_number(seconds) or seconds <= 0:
        raise InvalidRequest(f"heartbeat must be seconds above 0, got {seconds!r:.80}")
    return seconds


def _beats(
    stream: Readable, seconds: float, is_wanted: Callable[[Item], bool]
) -> Generator[Item | None, None, None]:
    reader = _Reader(stream)
    try:
        until = monotonic() + seconds
        while True:
            # Asked each time: what is not wanted may come faster than one can wait.
            left = until - monotonic()
            if left <= 0 or not reader.wait(left):
                yield None
                until = monotonic() + seconds
                continue
            try:
                item = reader.take()
            except StopIteration:
                return
            if is_wanted(item):
                yield item
                until = monotonic() + seconds
    finally:
        reader.close()


class _Reader:
    """Reads a stream in a thread, each item when it is asked for."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        # Each is held until there is something to do: a bare lock is passed on fastest.
        self._asked, self._answered = threading.Lock(), threading.Lock()
        self._asked.acquire()
        self._answered.acquire()
        self._is_asked = False  # and the answer has not been taken
        self._is_closed = False
        self._item: Item | None = None
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def wait(self, seconds: float) -> bool:
        """Whether an item, or the end, is there within *seconds*."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="g4fsync-heartbeat", daemon=True)
            self._thread.start()
        if not self._is_asked:
            self._is_asked = True
            self._asked.release()
        if self._answered.acquire(timeout=min(seconds, LONGEST_WAIT)):
            return True
        if not self._thread.is_alive():  # a forked child's: it stayed with the parent
            self._stream.scope.check()
        return False

    def take(self) -> Item:
        """What :meth:`wait` has found; raises what reading raised, at last ``StopIteration``."""
        self._is_asked = False
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # it holds this frame
        if self._item is None:
            raise StopIteration
        return self._item

    def close(self) -> None:
        """End the stream and the thread."""
        self._is_closed = True
        if self._thread is not None:
            if self._is_asked:
                self._stream.cancel()  # it may be blocked
            with suppress(RuntimeError):  # asked, and the thread has not seen it yet
                self._asked.release()
            if self._thread is not threading.current_thread():
                self._thread.join()
        self._stream.close()

    def _run(self) -> None:
        items = self._stream.items()
        while True:
            self._asked.acquire()
            if self._is_closed:
                return
            try:
                self._item = next(items, None)
            except BaseException as error:  # noqa: BLE001 - the caller raises it
                self._error = error
            self._answered.release()

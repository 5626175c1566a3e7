"""The one thread mechanism: each lane's stream is run by a worker, its items meet in one queue.

Rules of this file:

* The queue is bounded.  A slow reader slows the workers, and through them the
  connections, down; memory does not grow.
* Leaving cancels first and joins then: cancelling shuts every lane's socket and
  wakes every wait, so the join takes as long as a thread needs to notice.
* A lane that fails is a value.  Nothing a lane does raises in the reader's
  thread but an exception that is no ``G4FSyncError``: that is a bug, and loud.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from time import monotonic
from typing import TypeAlias

from ..call.stream import ChatStream
from ..errors import Cancelled, G4FSyncError, InvalidRequest
from ..events import Event
from ..messages import ChatResult
from ..scope import process
from ..scope.watchdog import longest_wait
from ..settings import is_count

# Beyond so many items for each lane, of all lanes together, the lanes wait for the
# reader; it may have taken as many that it has not read yet.  With fewer, hundreds
# of lanes wait and fight for room while the last of them are still being started.
QUEUED_ITEMS = 32


class Lane(str):
    """One of several answers, under way or done; the ``str`` is its label.

    The label is the model as it was asked for, with ``#2`` and so on behind it
    when it was asked for before.  ``position`` counts from 0 in the order asked,
    ``stream`` is the lane's :class:`ChatStream` (don't iterate it), ``result``
    is ``None`` while it runs, then a ``ChatResult`` or the error it ended with.
    """

    position: int
    stream: ChatStream
    result: ChatResult | G4FSyncError | None

    @classmethod
    def of(cls, position: int, label: str, stream: ChatStream) -> Lane:
        """A lane at *position* that has not begun."""
        lane = cls(label)
        lane.position, lane.stream, lane.result = position, stream, None
        return lane


def lanes_of(streams: Sequence[tuple[str, ChatStream]]) -> list[Lane]:
    """A lane for each label and stream, labels made unique."""
    lanes: list[Lane] = []
    for position, (label, stream) in enumerate(streams):
        unique, count = label, 1
        while unique in lanes:
            count += 1
            unique = f"{label}#{count}"
        lanes.append(Lane.of(position, unique, stream))
    return lanes


def start_total(lanes: Sequence[Lane]) -> None:
    """Let the ``total`` clock of all *lanes* run from now on, also of those that start later."""
    now = monotonic()
    for lane in lanes:
        scope = lane.stream.scope
        if scope.timeout.total is not None:
            scope.total = min(scope.total, now + scope.timeout.total)


def check_executor(executor: object) -> None:
    """``InvalidRequest`` when *executor* is neither ``None`` nor one; any ``submit()`` will do."""
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise InvalidRequest(
            f"executor must be a concurrent.futures.Executor, got {type(executor).__name__}"
        )


class Ended:
    """The last item of a lane: its ``result`` is there."""


Item: TypeAlias = "str | Event | Ended"


class Workers:
    """Workers for lanes.  Use it as a context manager; leaving frees everything.

    *executor* may be any :class:`concurrent.futures.Executor` whose workers
    share this process's memory; it is left open.  Without one, a pool of named
    threads is made, *max_workers* of them, by default one per lane.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        *,
        max_workers: int | None = None,
        executor: Executor | None = None,
    ) -> None:
        if max_workers is not None and not is_count(max_workers):
            raise InvalidRequest(f"max_workers must be 1 or more, got {max_workers!r:.80}")
        check_executor(executor)
        self._lanes = lanes
        self._max_workers = max_workers or max(1, len(lanes))
        self._executor = executor
        self._own_pool: ThreadPoolExecutor | None = None
        self._futures: list[Future[None]] = []
        self._taken: deque[tuple[Lane, Item]] = deque()  # the reader's, out of the queue
        self._queue: deque[tuple[Lane, Item]] = deque()
        lock = threading.RLock()  # guards all below, _own_pool and _futures
        self._not_empty = threading.Condition(lock)
        self._not_full = threading.Condition(lock)
        self._woken = False  # the reader is to look around, even if it was not waiting yet
        self._maxsize = QUEUED_ITEMS * len(lanes)
        self._closed = False
        self._bug: BaseException | None = None
        _living.add(self)

    def start(self, lane: Lane) -> None:
        """Let a worker run *lane*; nothing happens once :meth:`close` was called."""
        with self._not_empty:
            if self._closed:
                return
            executor = self._executor or self._own_pool
            if executor is None:
                executor = self._own_pool = ThreadPoolExecutor(
                    self._max_workers, thread_name_prefix="g4fsync-lane"
                )
            self._futures.append(executor.submit(self._run, lane))

    def items(
        self, timeout: Callable[[], float | None] = lambda: None
    ) -> Iterator[tuple[Lane, Item] | None]:
        """Items of all lanes as they come, for ever, the order within a lane kept.

        *timeout* is asked how many seconds to wait for the next one; when they
        pass in silence, after :meth:`wake`, and now and then, the item is ``None``.
        """
        while True:
            while self._taken:  # another iterator may have left some
                yield self._taken.popleft()
            with self._not_empty:
                if not (self._queue or self._woken or self._bug):
                    self._not_empty.wait(longest_wait(timeout()))
                self._woken = False
                if self._bug is not None:
                    raise self._bug
                # All at once: who has to win the lock against hundreds of workers
                # for each item falls behind.
                self._taken, self._queue = self._queue, self._taken
                self._not_full.notify_all()
            if not self._taken:
                yield None

    def wake(self) -> None:
        """Let the reader, and workers waiting for room, look around."""
        with self._not_empty:
            self._woken = True
            self._not_empty.notify_all()
            self._not_full.notify_all()

    def close(self) -> None:
        """Cancel all lanes, then wait for their workers."""
        with self._not_empty:
            self._closed = True
        for future in self._futures:
            future.cancel()
        for lane in self._lanes:
            if lane.result is None:
                lane.stream.cancel()
        self.wake()
        wait(self._futures)
        if self._own_pool is not None:
            self._own_pool.shutdown()
        for lane in self._lanes:
            if lane.result is None:  # no worker ever took it
                lane.stream.close()
                lane.result = Cancelled("left before it was started")
        _living.discard(self)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, lane: Lane) -> None:
        """In a worker: the whole life of *lane*."""
        try:
            with lane.stream as stream, stream.scope.aborting(self.wake):
                for item in stream.items():
                    self._put(lane, item)
                lane.result = stream.result()
        except G4FSyncError as error:
            lane.result = error
        except BaseException as exc:
            with self._not_empty:
                self._bug = exc
                self._not_empty.notify()
            raise
        self._put(lane, Ended())

    def _put(self, lane: Lane, item: Item) -> None:
        """Queue *item*; waits while the queue is full and *lane* has not been ended."""
        with self._not_empty:
            while (
                len(self._queue) >= self._maxsize
                and not self._closed
                and lane.stream.scope.ended is None
            ):
                self._not_full.wait()
            self._queue.append((lane, item))
            self._not_empty.notify()


_living: weakref.WeakSet[Workers] = weakref.WeakSet()


def _close_all() -> None:
    """At the interpreter's end: it would wait for the pools' workers for as long as they run."""
    for workers in tuple(_living):
        workers.close()


process.before_threads_join(_close_all)

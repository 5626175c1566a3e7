"""The one thread mechanism: each lane's stream is run by a worker, its items meet in one queue.

Rules of this file:

* The queue is bounded.  A slow reader slows the workers, and through them the
  connections, down; memory does not grow.
* Waking the reader is what is dear: it costs more than a token, and hands the
  interpreter from thread to thread.  So it says for how many items it wants to be
  woken, who has put the last of them wakes it, and no lock is taken for the others.
* Leaving cancels first and joins then: cancelling shuts every lane's socket and
  wakes every wait, so the join takes as long as a thread needs to notice.
* A lane that fails is a value.  Nothing a lane does raises in the reader's
  thread but an exception that is no ``G4FSyncError``: that is a bug, and loud.
"""

from __future__ import annotations

import math
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import partial
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
# reader.  With fewer, hundreds of lanes wait and fight for room while the last of them
# are still being started.
QUEUED_ITEMS = 32
# While more than two items come in this time, the reader looks for them so often and is
# woken for none: to wake a thread costs more than several tokens, and lanes side by side
# seldom speak at the same moment.  Python lets a thread wait as long for another.
FLOW_SECONDS = 0.005
_NEVER = sys.maxsize


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
        self._queue: deque[tuple[Lane, Item] | None] = deque()
        self._maxsize = QUEUED_ITEMS * len(lanes)
        self._awaited = _NEVER  # so many items in the queue ring the bell
        self._bell = threading.Lock()  # guards nothing: free once the reader is to look around
        self._bell.acquire()
        self._room = threading.Condition(threading.RLock())  # guards _own_pool and _futures too
        self._is_crowded = False  # somebody may wait for room
        self._closed = False
        self._bug: BaseException | None = None
        _living.add(self)

    def start(self, lane: Lane) -> None:
        """Let a worker run *lane*; nothing happens once :meth:`close` was called."""
        with self._room:
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
        queue, half = self._queue, self._maxsize // 2
        latest = -math.inf  # when the queue was emptied
        is_flowing = False
        while True:
            if is_flowing:
                self._wait(half, FLOW_SECONDS)
            else:
                self._wait(1, longest_wait(timeout()))
            found = len(queue)
            while queue and self._bug is None:
                item = queue.popleft()
                if self._is_crowded and len(queue) <= half:
                    self._make_room()
                yield item
            if self._bug is not None:
                raise self._bug
            if found:
                now = monotonic()
                is_flowing, latest = found * FLOW_SECONDS > 2 * (now - latest), now
            else:
                is_flowing = False
                yield None

    def wake(self) -> None:
        """Let the reader, and workers waiting for room, look around."""
        self._ring()
        self._make_room()

    def close(self) -> None:
        """Cancel all lanes, then wait for their workers."""
        with self._room:
            self._closed = True
        self._queue.append(None)  # what the lanes say of being cancelled comes behind it
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
            self._bug = exc
            self._ring()
            raise
        self._put(lane, Ended())

    def _put(self, lane: Lane, item: Item) -> None:
        """Queue *item*; waits while the queue is full and *lane* has not been ended."""
        if len(self._queue) >= self._maxsize:
            with self._room:
                self._room.wait_for(partial(self._has_room_for, lane))
        self._queue.append((lane, item))
        if len(self._queue) >= self._awaited:
            self._ring()

    def _has_room_for(self, lane: Lane) -> bool:
        self._is_crowded = True  # before the look, or the reader might miss who waits
        is_full = len(self._queue) >= self._maxsize
        return not is_full or self._closed or lane.stream.scope.ended is not None

    def _make_room(self) -> None:
        with self._room:
            self._is_crowded = False
            self._room.notify_all()

    def _wait(self, count: int, seconds: float) -> None:
        """In the reader: wait for *count* items, or the bell."""
        self._awaited = count  # before the look, as above
        if len(self._queue) < count:
            self._bell.acquire(timeout=seconds)
        self._awaited = _NEVER

    def _ring(self) -> None:
        """Wake the reader; when it is awake, its next wait is none."""
        self._awaited = _NEVER
        with suppress(RuntimeError):  # it was free already
            self._bell.release()


_living: weakref.WeakSet[Workers] = weakref.WeakSet()


def _close_all() -> None:
    """At the interpreter's end: it would wait for the pools' workers for as long as they run."""
    for workers in tuple(_living):
        workers.close()


process.before_threads_join(_close_all)

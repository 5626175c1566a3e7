"""Many prompts: asked by a pool of workers, as fast as limits allow.

Prompts are taken from their iterable only when there is room for their outcome,
so it may be endless.  A task is a plain function's picklable argument, so any
executor will do: threads, processes, a Dask cluster.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from typing import Any, Generic, Protocol, TypeVar

from ..call.stream import ChatStream
from ..errors import ConfigurationError, G4FSyncError, InvalidRequest
from ..messages import ChatResult
from ..scope import process
from ..settings import is_count, is_number
from .workers import check_executor

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")


class Asking(Protocol):
    """A client, as it is sent to a worker."""

    @property
    def closed(self) -> bool: ...
    @property
    def chat(self) -> Callable[..., ChatStream]: ...


class Asker:
    """What a client's ``map()`` sends to a worker: ask one prompt, never raise our errors."""

    def __init__(self, client: Asking, *, is_paced: bool = False) -> None:
        self._client = client
        self._is_paced = is_paced  # who sends the tasks keeps the client's rate
        self._running: weakref.WeakSet[ChatStream] = weakref.WeakSet()
        self._stopped = False

    def __call__(
        self, task: tuple[object, str | None, Mapping[str, Any]]
    ) -> ChatResult | G4FSyncError:
        prompt, model, arguments = task
        if self._client.closed:  # else an endless map would fail without end
            raise ConfigurationError("the client is closed")
        try:
            with self._client.chat(prompt, model=model, **arguments) as stream:
                self._running.add(stream)
                if self._is_paced:
                    stream.leave_pace_to_caller()
                if self._stopped:
                    stream.cancel()
                return stream.result()
        except G4FSyncError as error:
            return error

    def stop(self) -> None:
        """End what runs in this process."""
        self._stopped = True
        for stream in tuple(self._running):
            stream.cancel()

    def __reduce__(self) -> tuple[Callable[..., Asker], tuple[Asking, bool]]:
        return _asker, (self._client, self._is_paced)


def _asker(client: Asking, is_paced: bool) -> Asker:
    return Asker(client, is_paced=is_paced)


def outcomes(
    work: Callable[[Task], Outcome],
    tasks: Iterable[Task],
    *,
    max_workers: int,
    ordered: bool,
    rate: float | None,
    executor: Executor | None,
    stop: Callable[[], None],
) -> Iterator[tuple[int, Outcome]]:
    """``(index, work(task))`` for each task: *ordered* by index, else as they are done.

    *rate* is how many tasks are started per second at most.  No more than
    *max_workers* tasks run at a time; ordered, as many again may be done and
    waiting for an earlier one.  When taking a task fails, the outcomes of those
    started come before that error.  Leaving the loop calls *stop*, which is to end
    what runs in this process, and waits for it; what an executor of other
    processes runs can only be kept from starting.
    """
    if not is_count(max_workers):
        raise InvalidRequest(f"max_workers must be 1 or more, got {max_workers!r:.80}")
    if rate is not None and not (is_number(rate) and rate > 0):
        raise InvalidRequest(f"rate must be tasks per second above 0, got {rate!r:.80}")
    check_executor(executor)
    pool = executor or ThreadPoolExecutor(max_workers, thread_name_prefix="g4fsync-map")
    starter = _Starter(work, iter(tasks), pool, max_workers, rate)
    return _outcomes(starter, pool, executor is None, ordered, stop)


def _outcomes(
    starter: _Starter[Task, Outcome],
    pool: Executor,
    own: bool,
    ordered: bool,
    stop: Callable[[], None],
) -> Iterator[tuple[int, Outcome]]:
    started = starter.started
    _running.add(stop)
    try:
        while True:
            pause = starter.start_what_is_due()
            if not started:
                if pause is None:
                    if starter.failure is not None:
                        raise starter.failure
                    return
                sleep(pause)
                continue
            future = starter.next_done(ordered=ordered)
            if future is None:
                # Ordered, also a later one that ends makes room.
                starter.wait(pause)
            else:
                yield started.pop(future), future.result()
    finally:
        _running.discard(stop)
        for future in started:
            future.cancel()
        stop()
        if own:
            pool.shutdown()


_running: set[Callable[[], None]] = set()  # what ends the tasks of each map under way


@contextmanager
def ended_at_exit(stop: Callable[[], None]) -> Iterator[None]:
    """Within the block *stop* is called at the interpreter's end, before threads are joined."""
    _running.add(stop)
    try:
        yield
    finally:
        _running.discard(stop)


def _stop_all() -> None:
    """At the interpreter's end: it would wait for the pools' workers for as long as they run."""
    for stop in tuple(_running):
        stop()


process.before_threads_join(_stop_all)


class _Starter(Generic[Task, Outcome]):
    """Starts tasks when there is room and the rate allows.

    What ends says so itself: to look through all that run, or to wait at each of them
    (``concurrent.futures.wait``), costs more than a call once there are many.
    """

    def __init__(
        self,
        work: Callable[[Task], Outcome],
        tasks: Iterator[Task],
        pool: Executor,
        max_workers: int,
        rate: float | None,
    ) -> None:
        self.started: dict[Future[Outcome], int] = {}  # oldest first; the reader takes them out
        self.failure: Exception | None = None  # what ended the tasks before their end
        self._work = work
        self._ended: SimpleQueue[Future[Outcome]] = SimpleQueue()  # put there as they end
        self._done: deque[Future[Outcome]] = deque()  # not ordered: taken out, not handed out
        self._running = 0
        self._tasks: Iterator[Task] | None = tasks
        self._pool = pool
        self._max_workers = max_workers
        self._gap = 1 / rate if rate else 0.0
        self._count = 0
        self._next_start = monotonic()

    def start_what_is_due(self) -> float | None:
        """Start tasks; the seconds until the next, ``None`` when only a result can tell."""
        while self._tasks is not None and self._has_room():
            pause = self._next_start - monotonic()
            if pause > 0:
                return pause
            try:
                task = next(self._tasks)
            except StopIteration:
                self._tasks = None
                break
            except Exception as exc:  # noqa: BLE001 - whatever the caller's own iterable raises
                # What was asked before it has been paid for: its outcomes come first.
                self._tasks, self.failure = None, exc
                break
            future = self._pool.submit(self._work, task)
            self.started[future] = self._count
            self._count += 1
            self._running += 1
            future.add_done_callback(self._ended.put)
            self._next_start = max(self._next_start, monotonic() - self._gap) + self._gap
        return None

    def next_done(self, *, ordered: bool) -> Future[Outcome] | None:
        """The next one whose outcome is there to be handed out."""
        if ordered:
            oldest = next(iter(self.started))
            return oldest if oldest.done() else None
        self._note_ended()
        return self._done.popleft() if self._done else None

    def wait(self, seconds: float | None) -> None:
        """Wait until one ends, *seconds* at most."""
        with suppress(Empty):
            self._note(self._ended.get(timeout=seconds))

    def _has_room(self) -> bool:
        self._note_ended()
        return self._running < self._max_workers and len(self.started) < 2 * self._max_workers

    def _note_ended(self) -> None:
        while not self._ended.empty():
            self._note(self._ended.get_nowait())

    def _note(self, future: Future[Outcome]) -> None:
        self._running -= 1
        self._done.append(future)

"""Many prompts: asked by a pool of workers, as fast as limits allow.

Prompts are taken from their iterable only when there is room for their outcome,
so it may be endless.  A task is a plain function's picklable argument, so any
executor will do: threads, processes, a Dask cluster.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from queue import Empty
from time import monotonic, sleep
from typing import Any, Generic, Protocol

from ..call.asking import new_parent, together
from ..call.stream import ChatStream
from ..errors import ConfigurationError, G4FSyncError, InvalidRequest
from ..messages import ChatResult
from ..scope import process
from ..scope.watchdog import longest_wait
from ..settings import is_count, is_number
from .jobs import InExecutor, Job, Outcome, OwnThreads, Task, Workers
from .workers import check_executor


class Asking(Protocol):
    """A client, as it is sent to a worker."""

    @property
    def closed(self) -> bool: ...
    @property
    def observers(self) -> Sequence[object]: ...
    @property
    def chat(self) -> Callable[..., ChatStream]: ...


class Asker:
    """What a client's ``map()`` sends to a worker: ask one prompt, never raise our errors."""

    def __init__(
        self, client: Asking, *, is_paced: bool = False, parent: str | None = None
    ) -> None:
        self._client = client
        self._parent = parent or new_parent(client.observers)  # of all that is asked
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
            with together(self._parent):
                asked = self._client.chat(prompt, model=model, **arguments)
            with asked as stream:
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

    def __reduce__(self) -> tuple[Callable[..., Asker], tuple[Asking, bool, str | None]]:
        return _asker, (self._client, self._is_paced, self._parent)


def _asker(client: Asking, is_paced: bool, parent: str | None) -> Asker:
    return Asker(client, is_paced=is_paced, parent=parent)


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
    workers: Workers[Task, Outcome] = (
        OwnThreads(work, "g4fsync-map") if executor is None else InExecutor(work, executor)
    )
    starter = _Starter(workers, iter(tasks), max_workers, rate, ordered=ordered)
    return _outcomes(starter, workers, stop)


def _outcomes(
    starter: _Starter[Task, Outcome],
    workers: Workers[Task, Outcome],
    stop: Callable[[], None],
) -> Iterator[tuple[int, Outcome]]:
    started = starter.started
    at_exit = (stop, workers.dismiss)
    _running.update(at_exit)
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
            job = starter.next_done()
            if job is None:
                # Ordered, also a later one that ends makes room.
                starter.wait(pause)
            else:
                yield job.index, job.outcome()
                del job  # it is as long as its answer
    finally:
        _running.difference_update(at_exit)
        for job in started.values():
            workers.cancel(job)
        stop()
        workers.close()


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
    """Starts tasks when there is room and the rate allows."""

    def __init__(
        self,
        workers: Workers[Task, Outcome],
        tasks: Iterator[Task],
        max_workers: int,
        rate: float | None,
        *,
        ordered: bool,
    ) -> None:
        self.started: dict[int, Job[Task, Outcome]] = {}  # by index; those not handed out
        self.failure: Exception | None = None  # what ended the tasks before their end
        self._workers = workers
        self._ordered = ordered
        self._handed_out = 0
        self._done: deque[Job[Task, Outcome]] = deque()  # of started; not when ordered
        self._running = 0
        self._tasks: Iterator[Task] | None = tasks
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
            job: Job[Task, Outcome] = Job(self._count, task)
            self._workers.start(job)
            self.started[job.index] = job
            self._count += 1
            self._running += 1
            self._next_start = max(self._next_start, monotonic() - self._gap) + self._gap
        return None

    def next_done(self) -> Job[Task, Outcome] | None:
        """Take out the next one whose outcome is to be handed out, if it is there."""
        if self._ordered:
            job = self.started[self._handed_out]
            if not job.is_done:
                return None
        elif self._done:
            job = self._done.popleft()
        else:
            return None
        self._handed_out += 1
        return self.started.pop(job.index)

    def wait(self, seconds: float | None) -> None:
        """Wait for one that ends, *seconds* at most, and not for long."""
        with suppress(Empty):
            self._note(self._workers.ended.get(timeout=longest_wait(seconds)))

    def _has_room(self) -> bool:
        ended = self._workers.ended
        while not ended.empty():
            self._note(ended.get())
        return self._running < self._max_workers and len(self.started) < 2 * self._max_workers

    def _note(self, job: Job[Task, Outcome]) -> None:
        self._running -= 1
        if not self._ordered:
            self._done.append(job)

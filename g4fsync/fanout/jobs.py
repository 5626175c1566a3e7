"""Who does the tasks of a map: threads of our own, or an executor of the caller's.

To :mod:`.mapping` both are alike: a job is started, and comes back through one queue when it
has ended.  So nobody looks through all that run, or waits at each of them
(``concurrent.futures.wait``), which costs more than a call once there are many.

A ``ThreadPoolExecutor`` would do for our own threads too.  But around each task it makes
a future with its condition, and takes two locks and a semaphore: forty Python calls in
two threads, which are handed the interpreter at each of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")


class Job(Generic[Task, Outcome]):
    """One task, and how it ended."""

    __slots__ = ("_error", "_outcome", "future", "index", "is_done", "task")

    def __init__(self, index: int, task: Task) -> None:
        self.index = index
        self.task = task
        self.is_done = False
        self.future: Future[Outcome] | None = None  # in an executor
        self._outcome: Outcome | None = None
        self._error: BaseException | None = None

    def end(self, outcome: Callable[..., Outcome], *arguments: object) -> None:
        """Keep what *outcome* returns or raises."""
        try:
            self._outcome = outcome(*arguments)
        except BaseException as error:  # noqa: BLE001 - the reader raises it
            self._error = error
        self.is_done = True

    def outcome(self) -> Outcome:
        """What the task gave; raises what it has failed with."""
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # it holds this frame
        return self._outcome  # type: ignore[return-value]  # it may be None by itself


class Workers(Protocol[Task, Outcome]):
    """As :mod:`.mapping` knows them; who has ended stands in ``ended``."""

    @property
    def ended(self) -> SimpleQueue[Job[Task, Outcome]]: ...
    def start(self, job: Job[Task, Outcome]) -> None: ...
    def cancel(self, job: Job[Task, Outcome]) -> None:
        """Do not begin *job*, if that is still possible."""

    def dismiss(self) -> None:
        """Let go whoever is idle, from any thread."""

    def close(self) -> None:
        """Wait until all have ended."""


class OwnThreads(Generic[Task, Outcome]):
    """Threads called *name*, begun when a job finds all others busy."""

    def __init__(self, work: Callable[[Task], Outcome], name: str) -> None:
        self.ended: SimpleQueue[Job[Task, Outcome]] = SimpleQueue()
        self._work = work
        self._name = name
        self._jobs: SimpleQueue[Job[Task, Outcome] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle: list[None] = []  # as many as threads wait; changed by one step each

    def start(self, job: Job[Task, Outcome]) -> None:
        if self._idle:
            self._idle.pop()
        else:
            name = f"{self._name}_{len(self._threads)}"
            thread = threading.Thread(target=self._run, name=name)
            thread.start()
            self._threads.append(thread)
        self._jobs.put(job)

    def cancel(self, job: Job[Task, Outcome]) -> None:
        pass  # a thread was there for it: it has begun

    def dismiss(self) -> None:
        for _ in self._threads:
            self._jobs.put(None)

    def close(self) -> None:
        self.dismiss()
        for thread in self._threads:
            if thread is not threading.current_thread():  # which may drop the map's last reference
                thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.end(self._work, job.task)
            self._idle.append(None)
            self.ended.put(job)
            del job  # the reader may be done with it long before the next one comes


class InExecutor(Generic[Task, Outcome]):
    """The threads or processes of *executor*, which is left open."""

    def __init__(self, work: Callable[[Task], Outcome], executor: Executor) -> None:
        self.ended: SimpleQueue[Job[Task, Outcome]] = SimpleQueue()
        self._work = work
        self._executor = executor

    def start(self, job: Job[Task, Outcome]) -> None:
        job.future = self._executor.submit(self._work, job.task)
        job.future.add_done_callback(partial(self._end, job))

    def cancel(self, job: Job[Task, Outcome]) -> None:
        if job.future is not None:
            job.future.cancel()

    def dismiss(self) -> None:
        pass  # they are the caller's

    def close(self) -> None:
        pass

    def _end(self, job: Job[Task, Outcome], future: Future[Outcome]) -> None:
        job.end(future.result)
        self.ended.put(job)

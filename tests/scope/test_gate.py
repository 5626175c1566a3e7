"""The gate: how many at a time, in which order, and how waiting ends."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from g4fsync.errors import Cancelled, DeadlineExceeded
from g4fsync.scope import CancelScope
from g4fsync.scope.gate import Gate
from tests.support.timing import FREED, MS, OWN_ALARM, PATIENCE, Worker

pytestmark = pytest.mark.usefixtures("no_leaks")


@contextmanager
def held(gate: Gate, scope: CancelScope | None = None) -> Iterator[None]:
    with gate.slot(scope or CancelScope()):
        yield


def started(timeout: float | None = None) -> CancelScope:
    scope = CancelScope(timeout)
    scope.start()
    return scope


def test_no_more_hold_a_slot_than_the_limit() -> None:
    gate, lock, holding, most = Gate(3), threading.Lock(), 0, 0

    def work() -> None:
        nonlocal holding, most
        with held(gate):
            with lock:
                holding += 1
                most = max(most, holding)
            time.sleep(0.002)
            with lock:
                holding -= 1

    for worker in [Worker(work) for _ in range(30)]:
        worker.result()
    assert most == 3


def test_who_waits_is_served_in_order() -> None:
    gate, order = Gate(1), list[int]()

    def work(number: int) -> None:
        with held(gate):
            order.append(number)

    with held(gate):
        workers = []
        for number in range(5):
            workers.append(Worker(partial(work, number)))
            workers[-1].blocks()
    for worker in workers:
        worker.result()
    assert order == [0, 1, 2, 3, 4]


def test_waiting_ends_with_the_call() -> None:
    gate, scope = Gate(1), started()
    with held(gate):
        worker = Worker(lambda: held(gate, scope).__enter__())
        worker.blocks()
        cancelled = time.monotonic()
        scope.cancel()
        worker.failure(Cancelled)
        assert worker.ended_at - cancelled < FREED
    with held(gate):  # the slot was not lost
        pass


def test_waiting_counts_against_the_total_clock() -> None:
    gate = Gate(1)
    with held(gate), pytest.raises(DeadlineExceeded), held(gate, started(50 * MS)):
        pass
    with held(gate):
        pass


def test_a_turn_that_comes_together_with_the_end_goes_to_the_next() -> None:
    for _ in range(200):
        gate, scope = Gate(1), started()
        slot = held(gate)
        slot.__enter__()

        def wait(gate: Gate = gate, scope: CancelScope = scope) -> None:
            with held(gate, scope):
                pass

        ending, next_one = Worker(wait), Worker(held(gate).__enter__)
        canceller = Worker(scope.cancel)
        slot.__exit__(None, None, None)
        canceller.finish()
        ending.finish()
        next_one.result()


def test_an_error_in_the_block_gives_the_slot_back() -> None:
    gate = Gate(1)
    with pytest.raises(ZeroDivisionError), held(gate):
        raise ZeroDivisionError
    with held(gate, started(PATIENCE)):
        pass


@OWN_ALARM
def test_a_signal_handler_of_the_waiting_thread_may_cancel() -> None:
    # Again and again, so that the signal also comes while the wait begins and ends.
    for attempt in range(120):
        gate, scope = Gate(1), started()
        before = signal.signal(signal.SIGALRM, lambda *_, scope=scope: scope.cancel())
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.00005 + attempt * 0.000005)
            with held(gate), pytest.raises(Cancelled), held(gate, scope):
                pass
        finally:
            signal.signal(signal.SIGALRM, before)

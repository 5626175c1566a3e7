from __future__ import annotations

import gc
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from g4fsync.errors import Cancelled, DeadlineExceeded, InvalidRequest
from g4fsync.scope import CancelScope, cancel as scope_module
from g4fsync.scope.watchdog import Flag, Watchdog, watchdog
from g4fsync.settings import Timeout
from tests.support.timing import FREED, MS, OWN_ALARM, PATIENCE, Worker, eventually

NONE = Timeout(None, None, None, None)
CLOCKS = ("connect", "first_token", "idle", "total")

pytestmark = pytest.mark.usefixtures("no_leaks")


def limited(clock: str, seconds: float) -> Timeout:
    return Timeout(**{**dict.fromkeys(CLOCKS), clock: seconds})


def run_clock(scope: CancelScope, clock: str) -> None:
    """Let *clock* run, as a call does."""
    scope.start()
    if clock == "connect":
        scope.start_connect()
    elif clock == "first_token":
        scope.start_first_token()
    elif clock == "idle":
        scope.progress()
        scope.start_idle()


# -- Timeout ------------------------------------------------------------


def test_defaults_are_the_contract() -> None:
    assert Timeout() == Timeout(connect=10, first_token=120, idle=60, total=600)


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("value", [0, -1, math.nan, True, "5", b"5", [1]])
def test_a_limit_is_a_number_above_0(clock: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Timeout(**{clock: value})
    assert str(caught.value) == (
        f"timeout {clock} must be a number of seconds above 0 or None, got {value!r}"
    )


def test_a_plain_number_is_the_total() -> None:
    default = Timeout(1, 2, 3, 4)
    assert Timeout.of(7, default) == Timeout(1, 2, 3, 7)
    assert Timeout.of(None, default) is default
    assert Timeout.of(NONE, default) is NONE


# -- clocks -------------------------------------------------------------


def test_no_clock_runs_before_it_is_started() -> None:
    scope = CancelScope(Timeout(1, 1, 1, 1))
    assert scope.next_deadline() == math.inf
    assert scope.remaining() is None
    assert scope.elapsed() == 0.0
    scope.start_idle()
    assert scope.next_deadline() == math.inf


@pytest.mark.parametrize("clock", CLOCKS)
def test_each_clock_ends_the_call_and_says_so(clock: str) -> None:
    scope = CancelScope(limited(clock, 0.000_001))
    run_clock(scope, clock)
    with pytest.raises(DeadlineExceeded) as caught:
        while True:
            scope.check()
    assert caught.value.clock == clock
    assert "1e-06 s" in str(caught.value)
    assert isinstance(caught.value, TimeoutError)


@pytest.mark.parametrize("clock", CLOCKS)
def test_each_clock_wakes_a_sleeper(clock: str) -> None:
    scope = CancelScope(limited(clock, 20 * MS))
    run_clock(scope, clock)
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded) as caught:
        scope.sleep(PATIENCE)
    assert caught.value.clock == clock
    assert 20 * MS <= time.monotonic() - started < 20 * MS + FREED


@pytest.mark.parametrize("clock", CLOCKS)
def test_each_clock_runs_the_abort_of_a_blocked_owner(clock: str) -> None:
    scope = CancelScope(limited(clock, 20 * MS))
    aborted = threading.Event()
    run_clock(scope, clock)
    with scope.aborting(aborted.set):
        assert aborted.wait(PATIENCE)
    with pytest.raises(DeadlineExceeded):
        scope.check()


@pytest.mark.parametrize("clock", ["connect", "idle"])
def test_a_clock_started_while_the_owner_is_registered_wakes_it(clock: str) -> None:
    scope = CancelScope(limited(clock, 20 * MS))
    aborted = threading.Event()
    scope.start()
    scope.progress()
    with scope.aborting(aborted.set):
        run_clock(scope, clock)
        assert aborted.wait(PATIENCE)


def test_the_earliest_deadline_counts() -> None:
    scope = CancelScope(Timeout(connect=100, first_token=200, idle=300, total=400))
    scope.start()
    left = [scope.remaining()]
    scope.start_first_token()
    left.append(scope.remaining())
    scope.start_connect()
    left.append(scope.remaining())
    scope.stop_connect()
    left.append(scope.remaining())
    assert [math.ceil(each or 0) for each in left] == [400, 200, 100, 200]


def test_start_counts_once() -> None:
    scope = CancelScope(5)
    scope.start()
    total = scope.total
    scope.start()
    assert scope.total == total


def test_a_shared_deadline_bounds_the_total() -> None:
    deadline = time.monotonic() + 5
    scope = CancelScope(100, deadline=deadline)
    scope.start()
    assert scope.total == deadline


def test_a_child_has_the_start_and_the_bound_of_its_parent_but_its_own_end() -> None:
    parent = CancelScope(Timeout(1, 2, 3, 400))
    parent.start()
    child = parent.child()
    assert (child.timeout, child.started, child.total) == (
        parent.timeout,
        parent.started,
        parent.total,
    )
    child.cancel()
    parent.check()


def test_the_first_token_stops_its_clock_for_good() -> None:
    scope = CancelScope(limited("first_token", 100))
    scope.start()
    scope.start_first_token()
    scope.progress()
    scope.progress()
    assert scope.next_deadline() == math.inf


def test_idle_does_not_run_while_the_caller_is_busy() -> None:
    scope = CancelScope(limited("idle", 100))
    scope.start()
    scope.progress()
    assert scope.remaining() is None
    scope.start_idle()
    assert 99 < (scope.remaining() or 0) <= 100
    scope.progress()  # what came is given to the caller
    assert scope.remaining() is None


def test_idle_goes_on_when_what_came_was_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(scope_module, "monotonic", lambda: now)
    scope = CancelScope(limited("idle", 10))
    scope.start()
    scope.progress()
    for _ in range(3):  # a keep-alive every 3 s
        scope.start_idle()
        now += 3
    scope.start_idle()
    assert scope.remaining() == 1.0
    now += 1
    with pytest.raises(DeadlineExceeded, match="nothing new from the provider for 10 s"):
        scope.check()


def test_progress_gives_idle_its_full_time_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(scope_module, "monotonic", lambda: now)
    scope = CancelScope(limited("idle", 10))
    scope.start()
    scope.progress()
    scope.start_idle()
    now += 9
    scope.progress()
    scope.start_idle()
    assert scope.remaining() == 10


@pytest.mark.parametrize(
    ("idle", "limit", "left"),
    [(None, 1.0, 1.0), (5.0, 1.0, 1.0), (0.5, 1.0, 0.5), (5.0, None, 5.0)],
)
def test_a_wait_can_be_limited_below_the_idle_clock(
    idle: float | None, limit: float | None, left: float
) -> None:
    scope = CancelScope(Timeout(None, None, idle, None))
    scope.start()
    scope.limit_idle(0.1)
    scope.limit_idle(limit)
    scope.start_idle()
    assert left - 0.1 < (scope.remaining() or 0) <= left


def test_a_bounded_idle_of_nobody_names_the_time_given() -> None:
    scope = CancelScope(NONE)
    scope.limit_idle(0.000_001)
    scope.start_idle()
    with pytest.raises(DeadlineExceeded, match="for the time given"):
        while True:
            scope.check()


def test_remaining_is_never_below_0(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(scope_module, "monotonic", lambda: now)
    scope = CancelScope(5)
    scope.start()
    now += 9
    assert scope.remaining() == 0.0
    assert scope.socket_timeout() == 0.001


def test_patience_is_what_a_socket_may_have_as_its_timeout() -> None:
    scope = CancelScope(Timeout(connect=10, first_token=None, idle=None, total=100))
    assert scope.socket_timeout() == scope.socket_timeout(overall=True) == 86_400
    scope.start()
    scope.start_connect()
    assert 9 < scope.socket_timeout() <= 10
    assert 99 < scope.socket_timeout(overall=True) <= 100


def test_an_infinite_limit_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    scope = CancelScope(Timeout(*[float("inf")] * 4))
    for clock in CLOCKS:
        run_clock(scope, clock)
    assert scope.remaining() is None
    scope.sleep(0)


# -- cancelling ---------------------------------------------------------


def test_cancel_from_another_thread_wakes_a_sleeper_at_once() -> None:
    scope = CancelScope(NONE)
    sleeper = Worker(lambda: scope.sleep(PATIENCE))
    sleeper.blocks()
    cancelled_at = time.monotonic()
    scope.cancel("enough")
    error = sleeper.failure(Cancelled)
    assert str(error) == "enough"
    assert sleeper.ended_at - cancelled_at < FREED


def test_cancel_before_the_wait_raises_without_waiting() -> None:
    scope = CancelScope(NONE)
    scope.cancel()
    with pytest.raises(Cancelled, match="cancelled by the caller"):
        scope.sleep(PATIENCE)


def test_the_first_end_stands() -> None:
    scope = CancelScope(0.000_001)
    scope.cancel("first")
    scope.cancel("second")
    scope.start()
    with pytest.raises(Cancelled, match="first"):
        scope.check()


def test_each_check_raises_an_error_of_its_own() -> None:
    scope = CancelScope(NONE)
    scope.cancel()
    errors = []
    for _ in range(2):
        with pytest.raises(Cancelled) as caught:
            scope.check()
        errors.append(caught.value)
    assert errors[0] is not errors[1]


def test_a_finished_sleep_returns() -> None:
    scope = CancelScope(NONE)
    started = time.monotonic()
    scope.sleep(10 * MS)
    assert time.monotonic() - started >= 10 * MS
    scope.sleep(0)
    scope.sleep(-1)


def test_a_wait_ends_with_its_event() -> None:
    scope = CancelScope(NONE)
    event = threading.Event()
    waiter = Worker(lambda: scope.wait(event))
    waiter.blocks()
    event.set()
    assert waiter.result() is True
    assert scope.wait(threading.Event(), 0.001) is False


class Slowly(threading.Event):
    """Notes how long it is waited for, and is set by the second time."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        if len(self.waits) == 2:
            self.set()
        return self.is_set()


def test_the_main_thread_looks_for_signals_while_it_waits() -> None:
    # One that comes in the instant before a wait is handled when the wait ends.
    event = Slowly()
    assert CancelScope(NONE).wait(event)
    assert event.waits == [1.0, 1.0]
    event = Slowly()
    assert Worker(lambda: CancelScope(NONE).wait(event)).result()
    assert min(event.waits) > 3600  # signals are not its business


def test_every_registered_abort_is_run_once_and_failures_do_not_stop_the_next() -> None:
    scope = CancelScope(NONE)
    run: list[str] = []

    def failing(error: type[Exception]) -> Callable[[], None]:
        def abort() -> None:
            run.append(error.__name__)
            raise error("the socket is gone")

        return abort

    with (
        scope.aborting(failing(OSError)),
        scope.aborting(failing(RuntimeError)),
        scope.aborting(failing(ValueError)),
        scope.aborting(lambda: run.append("last")),
    ):
        scope.cancel()
        scope.cancel()
    assert run == ["OSError", "RuntimeError", "ValueError", "last"]


def test_an_abort_is_not_run_after_its_block_was_left() -> None:
    scope = CancelScope(NONE)
    run: list[str] = []
    with scope.aborting(lambda: run.append("inner")):
        pass
    key = scope.register(lambda: run.append("registered"))
    scope.unregister(key)
    scope.unregister(key)
    scope.cancel()
    assert run == []


@pytest.mark.parametrize("ends", ["cancelled", "late"])
def test_an_abort_is_never_running_when_its_block_has_been_left(ends: str) -> None:
    """Many races between leaving and ending: the abort may run or not, but not afterwards."""
    for _ in range(300):
        scope = CancelScope(0.000_2 if ends == "late" else None)
        left = threading.Event()
        wrong: list[str] = []

        def abort(left: threading.Event = left, wrong: list[str] = wrong) -> None:
            if left.is_set():
                wrong.append("after leaving")

        canceller = Worker(scope.cancel) if ends == "cancelled" else None
        scope.start()
        try:
            with scope.aborting(abort):
                pass
        except (Cancelled, DeadlineExceeded):
            pass
        left.set()
        if canceller is not None:
            canceller.finish()
        assert wrong == []


def test_leaving_waits_for_an_abort_under_way() -> None:
    scope = CancelScope(NONE)
    entered, go, aborted = threading.Event(), threading.Event(), threading.Event()

    def abort() -> None:
        entered.set()
        assert go.wait(PATIENCE)
        aborted.set()

    key = scope.register(abort)
    canceller = Worker(scope.cancel)
    assert entered.wait(PATIENCE)

    def leave() -> bool:
        scope.unregister(key)
        return aborted.is_set()

    leaver = Worker(leave)
    leaver.blocks()
    go.set()
    canceller.finish()
    assert leaver.result() is True


def test_an_ended_scope_takes_no_abort_and_keeps_none() -> None:
    scope = CancelScope(NONE)
    scope.cancel()
    run: list[int] = []
    with pytest.raises(Cancelled):
        scope.register(lambda: run.append(1))
    assert scope not in watchdog._scopes
    assert run == []


def test_an_abort_may_use_the_scope_it_belongs_to() -> None:
    scope = CancelScope(NONE)
    seen: list[float | None] = []

    def abort() -> None:
        scope.cancel("again")
        seen.append(scope.remaining())
        scope.unregister(key)

    key = scope.register(abort)
    scope.cancel("once")
    assert seen == [None]
    with pytest.raises(Cancelled, match="once"):
        scope.check()


def test_a_chain_of_scopes_ends_together() -> None:
    parent = CancelScope(NONE)
    child = parent.child()
    with parent.aborting(child.cancel):
        sleeper = Worker(lambda: child.sleep(PATIENCE))
        sleeper.blocks()
        parent.cancel()
        sleeper.failure(Cancelled)


# -- signals ------------------------------------------------------------


@pytest.fixture
def alarm() -> Iterator[Callable[[Callable[[], None]], None]]:
    if not hasattr(signal, "SIGALRM"):
        pytest.skip("no SIGALRM here")
    before = signal.getsignal(signal.SIGALRM)

    def install(act: Callable[[], None]) -> None:
        def handler(number: int, frame: FrameType | None) -> None:
            act()

        signal.signal(signal.SIGALRM, handler)

    yield install
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@OWN_ALARM
def test_a_signal_handler_may_cancel_the_sleep_it_interrupts(
    alarm: Callable[[Callable[[], None]], None],
) -> None:
    for i in range(50):
        scope = CancelScope(NONE)
        alarm(scope.cancel)
        signal.setitimer(signal.ITIMER_REAL, (0.5 + i / 5) * MS)
        with pytest.raises(Cancelled):
            scope.sleep(PATIENCE)


TRACED = ("g4fsync.scope.cancel", "g4fsync.scope.watchdog", "threading", "contextlib")


def interrupt(step: int, work: Callable[[], object], act: Callable[[], None]) -> float | None:
    """Run *act* between two steps of *work*, as a signal would; when that was, if ever."""
    steps = 0
    acted: list[float] = []

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal steps
        if frame.f_globals.get("__name__") not in TRACED:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            steps += 1
            if steps == step:
                sys.settrace(None)
                acted.append(time.monotonic())
                act()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except Cancelled:
        pass
    finally:
        sys.settrace(before)
    return acted[0] if acted else None


@pytest.mark.skipif(
    sys.version_info[:2] == (3, 12), reason="this Python tells a tracer of lines, not instructions"
)
def test_cancel_between_any_two_steps_of_a_sleep_ends_it() -> None:
    """Every instruction in turn is where the signal comes: none may deadlock or lose it."""
    seconds = 200 * MS
    for step in range(1, 2000):
        scope = CancelScope(NONE)
        started = time.monotonic()
        acted = interrupt(step, lambda s=scope: s.sleep(seconds), scope.cancel)  # type: ignore[misc]
        ended = time.monotonic()
        assert acted is not None
        if acted - started >= seconds:  # it had slept before it came to this step
            break
        assert scope.ended is not None
        assert ended - acted < seconds / 2, f"slept on after step {step}"
    assert step > 100


def test_a_finalizer_may_cancel_a_scope_in_the_thread_that_holds_its_lock() -> None:
    scope = CancelScope(NONE)

    class Finalized:
        def __del__(self) -> None:
            scope.cancel("collected")

    cycle: list[Any] = [Finalized()]
    cycle.append(cycle)
    del cycle

    def collect() -> None:
        gc.collect()

    with scope.aborting(collect):
        scope.cancel("first")
    with pytest.raises(Cancelled, match="first"):
        scope.check()


# -- flags --------------------------------------------------------------


def test_a_flag_stays_set() -> None:
    flag = Flag()
    assert not flag.is_set()
    assert not flag.wait(0.001)
    flag.set()
    flag.set()
    assert flag.is_set()
    assert flag.wait(PATIENCE)
    assert flag.wait(0.001)
    flag.set()


# -- the watchdog -------------------------------------------------------


def test_one_watchdog_serves_many_scopes_each_in_its_time() -> None:
    late: list[tuple[float, float]] = []

    def sleep(seconds: float) -> None:
        scope = CancelScope(seconds)
        aborted = threading.Event()
        scope.start()
        with scope.aborting(aborted.set):
            assert aborted.wait(PATIENCE)
        late.append((seconds, scope.elapsed()))

    # Later deadlines first, so that each newcomer is the next to expire.
    sleepers = [Worker(lambda s=(90 - i) * MS: sleep(s)) for i in range(60)]  # type: ignore[misc]
    watchdogs = {t for t in threading.enumerate() if t.name == "g4fsync-watchdog"}
    for sleeper in sleepers:
        sleeper.result()
    assert len(watchdogs) == 1
    assert len(late) == 60
    for limit, elapsed in late:
        assert limit <= elapsed < limit + FREED


def test_a_scope_without_an_end_does_not_keep_the_watchdog_busy() -> None:
    ends = CancelScope(10 * MS)
    other = CancelScope(NONE)
    with other.aborting(lambda: None):
        ends.start()
        with pytest.raises(DeadlineExceeded):
            ends.sleep(PATIENCE)
        eventually(lambda: watchdog.wake_at == math.inf)


def test_the_watchdog_forgets_who_is_not_blocked() -> None:
    scope = CancelScope(100)
    scope.start()
    with scope.aborting(lambda: None), scope.aborting(lambda: None):
        assert scope in watchdog._scopes
    assert scope not in watchdog._scopes


def test_the_watchdog_forgets_who_has_ended() -> None:
    scope = CancelScope(1 * MS)
    scope.start()
    with scope.aborting(lambda: None):
        eventually(lambda: scope not in watchdog._scopes)
    with pytest.raises(DeadlineExceeded):
        scope.check()


def test_without_a_watchdog_thread_a_sleep_still_keeps_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scope_module, "watchdog", Watchdog())

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    scope = CancelScope(10 * MS)
    scope.start()
    with pytest.raises(DeadlineExceeded):
        scope.sleep(PATIENCE)


# -- fork ---------------------------------------------------------------


def in_child(work: Callable[[], object]) -> None:
    """Run *work* in a forked child, which must return true."""
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if work() else 2
        finally:
            os._exit(status)
    until = time.monotonic() + PATIENCE
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the child hangs")
        time.sleep(0.005)
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_a_watchdog_of_its_own() -> None:
    warm = CancelScope(NONE)
    with warm.aborting(lambda: None):
        pass

    def work() -> bool:
        scope = CancelScope(20 * MS)
        aborted = threading.Event()
        scope.start()
        with scope.aborting(aborted.set):
            return aborted.wait(PATIENCE)

    in_child(work)


def test_renewing_takes_the_blocked_calls_away_from_the_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the child of a fork does, seen without one."""
    inherited = Watchdog()
    monkeypatch.setattr(scope_module, "watchdog", inherited)
    monkeypatch.setattr(inherited, "_start", lambda: None)
    scope, idle = CancelScope(NONE), CancelScope(NONE)
    run: list[int] = []
    key = scope.register(lambda: run.append(1))
    scope_module._leave_calls_to_parent()
    assert not inherited._scopes
    scope.cancel()
    with pytest.raises(Cancelled, match="this call belongs to the parent process"):
        scope.check()
    scope.unregister(key)
    assert (run, scope.forked, idle.forked) == ([], True, False)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_leaves_the_calls_of_its_parent_alone() -> None:
    scope = CancelScope(NONE)
    read, write = os.pipe()
    locked, go = threading.Event(), threading.Event()

    def hold_lock() -> None:
        with scope._lock:
            locked.set()
            assert go.wait(PATIENCE)

    def work() -> bool:
        scope.cancel()
        scope.unregister(key)
        try:
            scope.check()
        except Cancelled as error:
            return scope.forked and str(error) == "this call belongs to the parent process"
        return False

    def abort() -> None:
        os.write(write, b"aborted")

    key = scope.register(abort)
    holder = Worker(hold_lock)
    assert locked.wait(PATIENCE)
    try:
        in_child(work)
    finally:
        go.set()
        holder.finish()
    assert not scope.forked
    scope.unregister(key)
    os.close(write)
    assert os.read(read, 10) == b""
    os.close(read)

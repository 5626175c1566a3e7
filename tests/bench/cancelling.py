"""How long a caller waits after ``cancel()`` while a tool blocks.

Each time another thread cancels at a random moment of the tool's run; a tool that sleeps,
and one that computes without end in Python, which holds the interpreter lock.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from statistics import median, quantiles

from g4fsync import Client
from g4fsync.errors import Cancelled
from tests.support.scripted_provider import ScriptedProvider, call, calling


def waits(times: int) -> dict[str, float]:
    """Milliseconds from ``cancel()`` to the caller's exception."""
    chance = random.Random(1)
    found: dict[str, float] = {}
    for name, busy in (("blocked", False), ("busy", True)):
        late = sorted(_wait(chance.uniform(0, 0.02), is_busy=busy) for _ in range(times))
        found[f"{name}_p50_ms"] = median(late)
        found[f"{name}_p99_ms"] = quantiles(late, n=100)[98]
        found[f"{name}_max_ms"] = late[-1]
    return found


def _wait(pause: float, *, is_busy: bool) -> float:
    begun, release = threading.Event(), threading.Event()
    work = _busy_until(release) if is_busy else _blocked_until(release)

    def tool() -> None:
        begun.set()
        work()

    stream = Client().chat("?", provider=ScriptedProvider(calling(call("tool"))), tools=[tool])
    ended: list[float] = []

    def read() -> None:
        try:
            stream.result()
        except Cancelled:
            ended.append(time.perf_counter())

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(10)
    time.sleep(pause)
    cancelled = time.perf_counter()
    stream.cancel()
    reader.join(10)
    release.set()
    return (ended[0] - cancelled) * 1000


def _blocked_until(release: threading.Event) -> Callable[[], None]:
    def work() -> None:
        release.wait(20)

    return work


def _busy_until(release: threading.Event) -> Callable[[], None]:
    def work() -> None:
        until = time.monotonic() + 20
        while not release.is_set() and time.monotonic() < until:
            sum(range(100))

    return work

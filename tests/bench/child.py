"""One measurement in a process of its own: ``python -m tests.bench.child '{"task": ...}'``.

Prints what it found as JSON.  CPU seconds are those of the whole process, its
threads and the kernel's work for it included.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from statistics import median, quantiles
from typing import Any

Found = dict[str, float]


def drain(ask: Callable[[], Iterable[str]], tokens: int) -> tuple[float, float]:
    """CPU and wall seconds of one answer, which must be whole."""
    cpu, wall = time.process_time(), time.perf_counter()
    count = sum(1 for _ in ask())
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    assert count >= tokens, f"{count} of {tokens} tokens"
    return cpu, wall


def stream(client: str, protocol: str, server: str, tokens: int, us: int = 0) -> Found:
    """A long answer by a client that has answered a short one before."""
    from .clients import CLIENTS
    from .server import base_url

    drain(CLIENTS[client](base_url(server, 1000), protocol), 1000)
    ask = CLIENTS[client](base_url(server, tokens, us), protocol)
    cpu, wall = drain(ask, tokens)
    return {"cpu_us": cpu / tokens * 1e6, "wall_us": wall / tokens * 1e6}


def archived(client: str, server: str, tokens: int, us: int, rounds: int) -> Found:
    """What an archive adds: the same paced answer in turns without and with one."""
    from .clients import CLIENTS
    from .server import base_url

    url = base_url(server, tokens, us)
    asks = [CLIENTS[name](url, "openai") for name in (client, "archived")]
    for ask in asks:
        drain(ask, tokens)
    found = [[drain(ask, tokens) for ask in asks] for _ in range(rounds)]
    plain, kept = (
        median(cpu / wall * 100 for cpu, wall in (each[which] for each in found))
        for which in (0, 1)
    )
    return {"plain_percent": plain, "archived_percent": kept, "added_percent": kept - plain}


def requests(client: str, server: str, times: int, cold: bool = False, tls: bool = False) -> Found:
    """Answers of one token each, one after the other on one connection.

    *cold*: by a new client each, so on a new connection.
    """
    from .clients import CLIENTS
    from .server import base_url, tls_relay

    if client == "aiohttp":
        from .aio import requests as with_tasks

        return with_tasks(server, times)
    with tls_relay(server) if tls else nullcontext(server) as at:
        url = base_url(at, 1)
        ask = CLIENTS[client](url, "openai")
        for _ in range(50):
            drain(ask, 1)
        costs = []
        for _ in range(times):
            cpu, wall = time.process_time(), time.perf_counter()
            if cold:
                ask = CLIENTS[client](url, "openai")
            drain(ask, 1)
            costs.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu, wall = (sum(each) / times * 1e6 for each in zip(*costs, strict=True))
    return {"cpu_us": cpu, "wall_us": wall}


def calls(client: str, server: str, times: int, workers: int) -> Found:
    """Many answers of one token each, at most *workers* at a time: a batch."""
    from .clients import BATCHES
    from .server import base_url

    if client == "aiohttp":
        from .aio import calls as with_tasks

        return with_tasks(server, times, workers)
    run = BATCHES[client](base_url(server, 1), workers)
    run(workers)
    cpu, wall = time.process_time(), time.perf_counter()
    run(times)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"cpu_us": cpu / times * 1e6, "wall_us": wall / times * 1e6}


def batch(client: str, server: str, rows: int) -> Found:
    """What a batch costs of its own; see :mod:`.batch`."""
    from .batch import own_cost

    return own_cost(client, server, rows)


def batch_http(client: str, server: str, rows: int, workers: int) -> Found:
    """A batch over HTTP, or what one writes by hand in its place."""
    from .batch import over_http

    return over_http(client, server, rows, workers)


def values(client: str, server: str, kind: str, count: int, rounds: int) -> Found:
    """Elements of a list while its text comes; see :mod:`.values`."""
    from .values import cost

    return cost(kind, count, rounds)


def cancelling(client: str, server: str, times: int) -> Found:
    """How long a caller waits after a cancel while a tool blocks; see :mod:`.cancelling`."""
    import logging

    from .cancelling import waits

    logging.disable()  # each tells of a thread that is left
    return waits(times)


def lanes(client: str, server: str, streams: int, tokens: int, us: int) -> Found:
    """Some paced answers at a time: by ``compare``, or by a thread for each."""
    from .fanout import compare, in_threads
    from .server import base_url

    run = compare if client == "g4fsync" else in_threads("g4fsync")
    seen = [0] * streams

    def see(number: int, text: str) -> None:
        seen[number] += 1

    run(base_url(server, 10, us), streams, see)
    seen = [0] * streams
    cpu = time.process_time()
    run(base_url(server, tokens, us), streams, see)
    cpu = time.process_time() - cpu
    assert seen == [tokens] * streams
    return {"cpu_us": cpu / (tokens * streams) * 1e6}


def crowd(
    client: str, server: str, streams: int, tokens: int, us: int, gevent: bool = False
) -> Found:
    """Many paced answers at a time, a thread each; *gevent* makes greenlets of the threads."""
    if gevent:
        from .clients import module

        module("gevent.monkey").patch_all()
    _many_files()
    if client == "aiohttp":
        from .aio import crowd as with_tasks

        return with_tasks(server, streams, tokens, us)
    from .clients import CLIENTS
    from .server import base_url

    drain(CLIENTS[client](base_url(server, 100), "openai"), 100)
    ask = CLIENTS[client](base_url(server, tokens, us), "openai")
    late: list[list[int]] = [[] for _ in range(streams)]

    def read(mine: list[int]) -> None:
        for text in ask():
            mine.append(time.monotonic_ns() - int(text))

    threads = [threading.Thread(target=read, args=(mine,)) for mine in late]
    cpu, wall = time.process_time(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return crowd_found(late, cpu, wall, tokens, us)


def archived_crowd(client: str, server: str, streams: int, tokens: int, us: int) -> Found:
    """The same with an archive, but for the client "no archive"."""
    return crowd("archived" if client == "g4fsync" else client, server, streams, tokens, us)


def crowd_found(late: list[list[int]], cpu: float, wall: float, tokens: int, us: int) -> Found:
    delays = [each / 1e6 for mine in late for each in mine]
    return {
        "unfinished": sum(len(mine) < tokens for mine in late),
        "cpu_s": cpu,
        "wall": wall / (tokens * us / 1e6),
        "p99_ms": quantiles(delays, n=100)[98],
    }


def live(client: str, server: str, streams: int) -> Found:
    """Memory of answers that have begun and go on."""
    from .clients import CLIENTS
    from .server import base_url

    _many_files()
    ask = CLIENTS[client](base_url(server, 10_000, 50_000), "openai")
    running = [_begun(ask) for _ in range(20)]
    gc.collect()
    before = resident_bytes()
    running += [_begun(ask) for _ in range(streams)]
    return {"kb": (resident_bytes() - before) / streams / 1000}


def _begun(ask: Callable[[], Iterable[str]]) -> Any:
    answer = iter(ask())
    next(answer)
    return answer


def long(client: str, server: str, tokens: int) -> Found:
    """How memory and the cost of a token change over one very long answer."""
    from .clients import CLIENTS
    from .server import base_url

    marks: list[tuple[float, int]] = []
    characters = 0
    answer = CLIENTS[client](base_url(server, tokens), "openai")()
    for i, text in enumerate(answer):
        characters += len(text)
        if i % (tokens // 5) == tokens // 10:
            gc.collect()
            marks.append((time.process_time(), resident_bytes()))
    kept: str = getattr(answer, "text", "")  # put together here, if it is kept at all
    assert len(kept) in (0, characters)
    (begin, small), *_, (before, _), (end, big) = marks
    grown = big - small
    each = tokens // 5
    return {
        "bytes": grown / (4 * each),
        "slowing": (end - before) / (marks[1][0] - begin),
        "text_bytes": sys.getsizeof(kept) / tokens,
    }


def imported(module: str) -> Found:
    """Memory of the process with *module* imported."""
    from .clients import module as by_name

    by_name(module)
    return {"mb": resident_bytes() / 1e6}


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


TASKS: dict[str, Callable[..., Found]] = {
    each.__name__: each
    for each in (
        *(stream, requests, calls, lanes, crowd, live, long, imported),
        *(archived, archived_crowd, batch, batch_http, values, cancelling),
    )
}

if __name__ == "__main__":
    arguments = json.loads(sys.argv[1])
    print(json.dumps(TASKS[arguments.pop("task")](**arguments)))

"""Plain blocking code in all places where programs are: threads, forks, loops, greenlets, exits."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Mapping

import pytest

from g4fsync import Client
from g4fsync.emulator import Emulator, Pace, Stall
from g4fsync.providers.base import Provider
from g4fsync.scope.watchdog import watchdog
from tests.support.timing import MS, PATIENCE, SLOWNESS, Worker, eventually

pytestmark = pytest.mark.usefixtures("no_leaks")

ProviderAt = Callable[..., Provider]
ALL = ("koala", "flowgpt", "myshell", "openassistant")
QUESTION = "one two three four five six seven eight"


# -- threads ------------------------------------------------------------


def test_32_threads_share_one_client(client: Client, emulator: Emulator, at: ProviderAt) -> None:
    for side in emulator.far_sides.values():
        side.pace = Pace(tokens_per_second=100, jitter=0.5)
    providers = {name: at(name) for name in ALL}
    gate = threading.Barrier(32)

    def ask(i: int) -> list[str]:
        gate.wait(PATIENCE)
        provider = providers[ALL[i % 4]]
        return [client.ask(f"thread {i} call {j}", provider=provider).text for j in range(3)]

    workers = [Worker(lambda i=i: ask(i)) for i in range(32)]  # type: ignore[misc]
    for i, worker in enumerate(workers):
        assert worker.result() == [f"You said: thread {i} call {j}" for j in range(3)]
    assert emulator.openassistant.chats == ()


def test_a_stream_may_go_from_thread_to_thread(client: Client, at: ProviderAt) -> None:
    stream = client.chat(QUESTION, provider=at("myshell"))
    tokens = []
    for _ in range(4):
        tokens.append(Worker(lambda: next(stream)).result())
    assert "".join(tokens) + "".join(stream) == f"You said: {QUESTION}"


# -- asyncio ------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_a_coroutine_may_call_it_directly(name: str, client: Client, at: ProviderAt) -> None:
    """It blocks the loop, of course, but it works: there is no second loop to quarrel with."""

    async def main() -> str:
        before = client.ask("Hi", provider=at(name)).text
        await asyncio.sleep(0)
        return before + await asyncio.to_thread(lambda: client.ask("Hi", provider=at(name)).text)

    assert asyncio.run(main()) == "You said: HiYou said: Hi"


# -- fork ---------------------------------------------------------------

FORK = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


def in_child(work: Callable[[], object]) -> None:
    """Run *work* in a forked child; it must return true, and leaves by ``os._exit``."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if work() else 2
        finally:
            os._exit(status)
    ended: list[int] = []

    def is_over() -> bool:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            ended.append(os.waitstatus_to_exitcode(status))
        return bool(done)

    try:
        eventually(is_over, "the child ends")
    except AssertionError:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    assert ended == [0]


class TestFork:
    pytestmark = FORK

    @pytest.mark.parametrize("name", ALL)
    def test_parent_and_child_both_go_on(self, name: str, client: Client, at: ProviderAt) -> None:
        provider = at(name)
        assert client.ask("warm", provider=provider).text == "You said: warm"
        in_child(lambda: client.ask("child", provider=provider).text == "You said: child")
        assert client.ask("parent", provider=provider).text == "You said: parent"

    @pytest.mark.parametrize("name", ALL)
    def test_a_child_that_closes_the_client_leaves_the_parents_stream_alone(
        self, name: str, client: Client, emulator: Emulator, at: ProviderAt
    ) -> None:
        emulator.far_sides[name].pace = Pace(tokens_per_second=50)
        stream = client.chat(QUESTION, provider=at(name))
        first = next(stream)

        def close() -> bool:
            client.close()
            stream.close()
            return True

        in_child(close)
        assert first + "".join(stream) == f"You said: {QUESTION}"

    def test_locks_that_another_thread_holds_do_not_stop_the_child(
        self, client: Client, at: ProviderAt
    ) -> None:
        held, go = threading.Event(), threading.Event()

        def hold() -> None:
            with client._lock, client._reach._lock, watchdog._changed:
                held.set()
                assert go.wait(PATIENCE)

        holder = Worker(hold)
        assert held.wait(PATIENCE)
        provider = at("myshell")
        try:
            in_child(lambda: client.ask("child", provider=provider).text == "You said: child")
        finally:
            go.set()
            holder.finish()

    def test_a_child_of_a_busy_process_is_not_stuck(
        self, client: Client, emulator: Emulator, at: ProviderAt
    ) -> None:
        """Other threads are inside calls, and may hold any lock, while it is forked off."""
        emulator.koala.fault = Stall(20)
        streams = [client.chat("Hi", provider=at("koala")) for _ in range(8)]
        workers = [Worker(lambda s=stream: list(s)) for stream in streams]  # type: ignore[misc]
        eventually(lambda: all(stream.text for stream in streams))
        flowgpt = at("flowgpt")
        for _ in range(5):
            in_child(lambda: client.ask("child", provider=flowgpt).text == "You said: child")
        for stream, worker in zip(streams, workers, strict=True):
            assert worker.is_alive()
            stream.cancel()
            worker.finish()


# -- other processes ----------------------------------------------------


def run(script: str, urls: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run *script* in an interpreter of its own, which shows every warning."""
    head = f"""
        import sys, threading, time
        from g4fsync import Client, Retry, Timeout
        from g4fsync.providers.myshell import Myshell
        urls = {dict(urls)!r}
        def provider(name):
            return Myshell(urls["myshell"], settle=0) if name == "myshell" else name
    """
    source = textwrap.dedent(head) + textwrap.dedent(script)
    if script.lstrip().startswith("from gevent"):  # it must come first
        first, rest = textwrap.dedent(script).lstrip().split("\n", 1)
        source = f"{first}\n{textwrap.dedent(head)}{rest}"
    environment = {**os.environ, "G4FSYNC_PLUGINS": "0"}
    return subprocess.run(
        [sys.executable, "-W", "always", "-c", source, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("name", ["koala", "myshell"])
@pytest.mark.parametrize(
    "ending",
    [
        "",
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in ("sys.exit(0)", "client.close()", "del stream", "stream.result")
        ),
    ],
)
def test_an_interpreter_that_ends_with_a_live_stream_makes_no_noise(
    ending: str, name: str, emulator: Emulator
) -> None:
    emulator.far_sides[name].pace = Pace(tokens_per_second=5)
    script = f"""
        client = Client(base_urls=urls)
        stream = client.chat({QUESTION!r}, provider=provider({name!r}))
        print(next(stream))
        {ending}
    """
    started = time.monotonic()
    done = run(script, emulator.base_urls)
    assert (done.returncode, done.stdout, done.stderr) == (0, "You\n", "")
    assert time.monotonic() - started < 8 * SLOWNESS
    assert emulator.far_sides[name].wait_ended()[0].ended == "client gone"


def test_an_interpreter_that_ends_while_a_daemon_thread_reads_makes_no_noise(
    emulator: Emulator,
) -> None:
    emulator.koala.fault = Stall(20)
    script = """
        client = Client("koala", base_urls=urls)
        stream = client.chat("Hi")
        got = threading.Event()
        def read():
            for token in stream:
                got.set()
        threading.Thread(target=read, daemon=True).start()
        got.wait(20)
        print(stream.text)
    """
    done = run(script, emulator.base_urls)
    assert (done.returncode, done.stdout, done.stderr) == (0, "You\n", "")


def test_an_open_assistant_chat_is_deleted_when_the_interpreter_ends(emulator: Emulator) -> None:
    emulator.openassistant.pace = Pace(tokens_per_second=5)
    cookies = {"openassistant": dict(emulator.cookies("openassistant"))}
    script = f"""
        client = Client("openassistant", base_urls=urls, cookies={cookies!r})
        stream = client.chat({QUESTION!r})
        print(next(stream))
    """
    done = run(script, emulator.base_urls)
    assert (done.returncode, done.stdout, done.stderr) == (0, "You\n", "")
    assert emulator.openassistant.chats == ()


def test_a_call_at_exit_still_works(emulator: Emulator) -> None:
    """Threads can't be started then, so there is no watchdog."""
    script = """
        import atexit
        client = Client("koala", base_urls=urls)
        atexit.register(lambda: print(client.ask("Hi").text))
    """
    done = run(script, emulator.base_urls)
    assert (done.returncode, done.stdout, done.stderr) == (0, "You said: Hi\n", "")


@pytest.mark.parametrize("name", ["koala", pytest.param("myshell", marks=pytest.mark.slow)])
def test_greenlets_take_turns(name: str, emulator: Emulator) -> None:
    """Patched by gevent the same blocking code is cooperative: ten answers take as long as one."""
    pytest.importorskip("gevent")
    emulator.far_sides[name].pace = Pace(tokens_per_second=10)  # 10 tokens: a second each
    script = f"""
        from gevent import monkey; monkey.patch_all()
        import gevent, json
        client = Client(base_urls=urls, timeout=Timeout(20, 20, 20, 20))
        started = time.monotonic()
        asked = [
            gevent.spawn(lambda: client.ask({QUESTION!r}, provider=provider({name!r})).text)
            for _ in range(10)
        ]
        gevent.joinall(asked)
        seconds = time.monotonic() - started
        late = client.chat({QUESTION!r}, provider=provider({name!r}), timeout=0.3)
        try:
            late.result()
        except TimeoutError as error:
            clock = error.clock
        stream = client.chat({QUESTION!r}, provider=provider({name!r}))
        reader = gevent.spawn(lambda: list(stream))
        while not stream.text:
            gevent.sleep(0.01)
        cancelled = time.monotonic()
        stream.cancel()
        gevent.wait([reader])
        freed = time.monotonic() - cancelled
        kind = type(reader.exception).__name__
        print(json.dumps([[each.value for each in asked], seconds, clock, freed, kind]))
        sys.stdout.flush()
    """
    done = run(script, emulator.base_urls)
    assert done.returncode == 0, done.stderr
    texts, seconds, clock, freed, kind = json.loads(done.stdout.splitlines()[0])
    assert texts == [f"You said: {QUESTION}"] * 10
    assert seconds < 4 * SLOWNESS  # one after the other would be ten
    assert clock == "total"
    assert freed < 250 * MS
    assert "Cancelled" in kind + done.stderr


def test_greenlets_beat_side_by_side(emulator: Emulator) -> None:
    """Under gevent the thread that reads for a heartbeat is a greenlet, and blocks no other."""
    pytest.importorskip("gevent")
    emulator.koala.fault = Stall(after_bytes=40)  # for ever
    script = """
        from gevent import monkey; monkey.patch_all()
        import gevent, json
        client = Client("koala", base_urls=urls)
        streams = [client.chat("one two") for _ in range(10)]
        def read(stream):
            seen = []
            for item in stream.heartbeat(0.2):
                seen.append(item)
                if seen[-3:] == [None] * 3:
                    return seen
        started = time.monotonic()
        readers = [gevent.spawn(read, stream) for stream in streams]
        gevent.joinall(readers)
        seconds = time.monotonic() - started
        left = [each.name for each in threading.enumerate() if "heartbeat" in each.name]
        print(json.dumps([[each.value for each in readers], seconds, left]))
        sys.stdout.flush()
    """
    done = run(script, emulator.base_urls)
    assert done.returncode == 0, done.stderr
    seen, seconds, left = json.loads(done.stdout.splitlines()[0])
    texts = [[item for item in items if item is not None] for items in seen]
    assert texts == [["You", " said:"]] * 10  # a busy machine beats before the first, too
    assert seconds < 3 * SLOWNESS  # one after the other it would be six
    assert left == []

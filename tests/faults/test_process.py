"""Fork, signals, garbage collection and the end of the process, with answers under way."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from g4fsync import Client, Retry
from g4fsync.errors import Cancelled
from tests.faults.cells import Cell, in_turn
from tests.faults.farside import Far, Reader, talk
from tests.faults.protocols import KOALA, MYSHELL, OPENAI, PROMPT, TEXT, TOKENS, Protocol
from tests.support.leaks import Census
from tests.support.servers import Server
from tests.support.timing import OWN_ALARM, PATIENCE, SLOWNESS, eventually

ROOT = Path(__file__).parent.parent.parent


def stall(far: Far) -> None:
    far.open()
    far.send(far.protocol.event(TOKENS[0]))
    far.hold()


def whole(far: Far) -> None:
    far.open(*() if far.protocol.is_socket else ("Connection: close",))
    for token in TOKENS:
        far.send(far.protocol.event(token))
    far.mark()


# -- fork ---------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("protocol", in_turn(0, (KOALA, MYSHELL, OPENAI)))
def test_a_fork_in_the_middle_of_an_answer_disturbs_neither_side(
    protocol: Protocol, cell: Cell
) -> None:
    """The child asks anew with the same client; the parent's answer goes on."""
    reader = Reader()

    def script(far: Far) -> None:
        far.open()
        far.tokens()
        far.mark()
        far.hold()

    with (
        Server(talk(protocol, script, reader)) as server,
        Client(retry=Retry(1), timeout=PATIENCE) as client,
    ):
        given = protocol.arguments(server.url)
        stream = client.chat(PROMPT, **given)
        assert next(stream) == TOKENS[0]
        child = os.fork()
        if child == 0:  # pragma: no cover - nobody counts in there
            code = 1
            try:
                try:
                    stream.result()
                except Cancelled:
                    del stream
                    gc.collect()
                    code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        reader.left()
        assert [TOKENS[0], *stream] == list(TOKENS)


def _ask_in_worker(url: str) -> list[str]:
    client = Client(retry=Retry(1), timeout=PATIENCE)
    return [client.ask(PROMPT, **protocol.arguments(url)).text for protocol in (KOALA, KOALA)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_pool_works_while_the_parent_streams(cell: Cell) -> None:
    with (
        Server(cell.talk(KOALA, whole)) as server,
        Server(cell.talk(KOALA, stall)) as slow,
        Client(retry=Retry(1), timeout=PATIENCE) as client,
    ):
        stream = client.chat(PROMPT, **KOALA.arguments(slow.url))
        assert next(stream) == TOKENS[0]
        with multiprocessing.get_context("fork").Pool(2) as pool:
            found = pool.map(_ask_in_worker, [server.url] * 4)
        assert found == [[TEXT, TEXT]] * 4
        stream.cancel()


# -- signals ------------------------------------------------------------


@OWN_ALARM
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no interval timer")
@pytest.mark.parametrize("protocol", [KOALA, MYSHELL, OPENAI], ids=repr)
def test_a_signal_handler_may_cancel_the_stream_it_interrupts(
    protocol: Protocol, cell: Cell, no_leaks: None
) -> None:
    with (
        Server(cell.talk(protocol, stall)) as server,
        Client(retry=Retry(1), timeout=PATIENCE) as client,
    ):
        stream = client.chat(PROMPT, **protocol.arguments(server.url))
        assert next(stream) == TOKENS[0]
        before = signal.signal(signal.SIGALRM, lambda *_: stream.cancel())
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(Cancelled) as caught:
                next(stream)
        finally:
            signal.signal(signal.SIGALRM, before)
        assert caught.value.partial == TOKENS[0]


@OWN_ALARM
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no interval timer")
@pytest.mark.parametrize("protocol", [KOALA, MYSHELL], ids=repr)
def test_a_signal_handler_may_ask_while_another_answer_comes(
    protocol: Protocol, cell: Cell
) -> None:
    answers: list[str] = []
    with (
        Server(cell.talk(protocol, stall)) as slow,
        Server(cell.talk(protocol, whole)) as server,
        Client(retry=Retry(1), timeout=PATIENCE) as client,
    ):
        stream = client.chat(PROMPT, **protocol.arguments(slow.url))
        assert next(stream) == TOKENS[0]

        def handler(*_: object) -> None:
            answers.append(client.ask(PROMPT, **protocol.arguments(server.url)).text)
            stream.cancel()

        before = signal.signal(signal.SIGALRM, handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(Cancelled):
                next(stream)
        finally:
            signal.signal(signal.SIGALRM, before)
    assert answers == [TEXT]


# -- garbage collection -------------------------------------------------


@pytest.mark.parametrize("protocol", in_turn(0))
def test_a_stream_in_a_circle_of_garbage_frees_its_connection(
    protocol: Protocol, cell: Cell
) -> None:
    with Client(retry=Retry(1), timeout=PATIENCE) as client:
        census = Census()
        with Server(cell.talk(protocol, stall)) as server:
            circle: list[Any] = [client.chat(PROMPT, **protocol.arguments(server.url))]
            assert next(circle[0]) == TOKENS[0]
            circle.append(circle)
            del circle
            gc.collect()
            eventually(lambda: any(peer.left.is_set() for peer in server.peers))
        eventually(lambda: not census.newcomers())


@pytest.mark.parametrize("protocol", [KOALA, MYSHELL], ids=repr)
def test_a_collection_in_the_middle_of_another_answer_is_no_deadlock(
    protocol: Protocol, cell: Cell
) -> None:
    """Finalizers run between any two steps of a thread that may hold a lock."""
    with (
        Server(cell.talk(protocol, stall)) as slow,
        Server(cell.talk(protocol, whole)) as server,
        Client(retry=Retry(1), timeout=PATIENCE) as client,
    ):
        threshold = gc.get_threshold()
        gc.set_threshold(7, 2, 2)  # nearly always
        try:
            for _ in range(10):
                circle: list[Any] = [client.chat(PROMPT, **protocol.arguments(slow.url))]
                assert next(circle[0]) == TOKENS[0]
                circle.append(circle)
                del circle
                assert client.ask(PROMPT, **protocol.arguments(server.url)).text == TEXT
        finally:
            gc.set_threshold(*threshold)


# -- the end of the process ---------------------------------------------

ENDINGS = {
    "compare": """
        comparison = client.compare("Hi", [at(0), at(1)])
        lanes = iter(comparison)
        next(lanes)
    """,
    "compare, entered": """
        comparison = client.compare("Hi", [at(0), at(1)]).__enter__()
        lanes = iter(comparison)
        next(lanes)
    """,
    "race": """
        stream = client.race("Hi", [at(0), at(1)])
        next(stream)
    """,
    "race until complete": """
        stream = client.race("Hi", [at(0), at(1)], until="complete")
        threading.Thread(target=quietly(stream), daemon=True).start()
        time.sleep(0.3)
    """,
    "map": """
        Koala.base_url = urls[0]
        found = client.map(["a", "b", "c"], "koala")
        threading.Thread(target=quietly(found), daemon=True).start()
        time.sleep(0.3)
    """,
    "in atexit": """
        import atexit
        atexit.register(lambda: print(next(client.chat("Hi", provider=at(0)))))
    """,
    "a stream in a global circle": """
        circle = [client.chat("Hi", provider=at(0))]
        circle.append(circle)
        next(circle[0])
    """,
    "an exception": """
        stream = client.chat("Hi", provider=at(0))
        next(stream)
        sys.exit(3)
    """,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_process_that_ends_with_answers_under_way_ends_at_once_and_quietly(
    ending: str, cell: Cell
) -> None:
    head = """
        import contextlib, sys, threading, time
        from g4fsync import Client
        from g4fsync.providers import Koala
        urls = sys.argv[1:]
        def at(i):
            return Koala(urls[i])
        client = Client(timeout=60)
        def quietly(items):
            def read():
                with contextlib.suppress(Exception):  # what it is told then is not looked at
                    list(items)
            return read
    """
    source = textwrap.dedent(head) + textwrap.dedent(ENDINGS[ending])
    with Server(cell.talk(KOALA, stall)) as one, Server(cell.talk(KOALA, stall)) as two:
        done = subprocess.run(
            [sys.executable, "-W", "always", "-c", source, one.url, two.url],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=10 * SLOWNESS,
            check=False,
        )
    assert done.stderr == ""
    assert done.returncode == (3 if ending == "an exception" else 0)


def test_thousands_of_greenlets_need_no_thread_each(cell: Cell) -> None:
    pytest.importorskip("gevent")
    source = """
        from gevent import monkey; monkey.patch_all()
        import sys, gevent
        from g4fsync import Client
        from g4fsync.providers import Koala
        client = Client(timeout=30)
        ask = lambda: client.ask("Hi", provider=Koala(sys.argv[1])).text
        found = [gevent.spawn(ask) for _ in range(50)]
        gevent.joinall(found)
        stuck = client.chat("Hi", provider=Koala(sys.argv[2]), timeout=0.3)
        try:
            stuck.result()
        except TimeoutError as error:
            print(len({each.value for each in found}), error.clock)
    """
    with Server(cell.talk(KOALA, whole)) as server, Server(cell.talk(KOALA, stall)) as slow:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(source), server.url, slow.url],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=15 * SLOWNESS,
            check=False,
        )
    assert (done.stdout, done.stderr) == ("1 total\n", "")

"""Everything that could grow has a limit, which its error names; memory stays where it was."""

from __future__ import annotations

import gc
import multiprocessing
import subprocess
import sys
import threading
import time
import zlib
from functools import partial
from pathlib import Path

import pytest

from g4fsync.codecs import chunked, engineio, inflate, lines, sse
from g4fsync.errors import ProtocolError
from g4fsync.settings import Limits
from g4fsync.transport import frames
from tests.faults.cells import Cell, Fault, Outcome, ask
from tests.faults.farside import Far, HttpFar, Reader, frame, talk
from tests.faults.protocols import FLOWGPT, KOALA, MYSHELL, OPENAI, Protocol
from tests.faults.test_bodies import bomb, bomb_in_an_error, endless
from tests.faults.test_heads import endless_body, repeat
from tests.faults.test_websocket import endless_fragments, tiny_fragments
from tests.support.servers import Server

ROOT = Path(__file__).parent.parent.parent
MAX_GROWTH_BYTES = 16 * 2**20
_PAGE_BYTES = 4096


def resident_bytes() -> int:
    """Memory of this process that is in use, on Linux."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


def endless_trailers(far: HttpFar) -> None:
    far.open()
    far.token(0)
    far.peer.send(b"0\r\n")
    while far.peer.send(b"X-A: 1\r\n" * 999):
        pass


def endless_size(far: HttpFar) -> None:
    far.open()
    far.token(0)
    while far.peer.send(b"1" * 99):
        pass


def long_json(far: HttpFar) -> None:
    far.head(media_type="application/json")
    while far.send(b" " * 2**20):
        pass


def event_of_many_lines(far: HttpFar) -> None:
    far.open()
    far.token(0)
    while far.send(b"data: a\n" * 9999):
        pass


BOUNDS = [
    ("line", KOALA, partial(endless, b"a" * 65_536), lines.MAX_LINE_BYTES),
    ("record", FLOWGPT, partial(endless, b"a" * 65_536), lines.MAX_LINE_BYTES),
    ("event", KOALA, event_of_many_lines, sse.MAX_EVENT_BYTES),
    ("JSON answer", KOALA, long_json, Limits().json),
    ("chunk head", OPENAI, endless_size, chunked.MAX_HEAD_BYTES),
    ("trailers", OPENAI, endless_trailers, chunked.MAX_TRAILER_BYTES),
    (
        "head",
        OPENAI,
        partial(repeat, b"HTTP/1.1 200 OK\r\n", b"X-A: %b\r\n" % (b"a" * 9999)),
        Limits().head,
    ),
    ("ratio", OPENAI, bomb, inflate.MAX_RATIO),
    ("message", MYSHELL, partial(endless, b"a" * 65_536), Limits().message),
    ("fragments", MYSHELL, tiny_fragments, frames.MAX_FRAGMENTS),
    (
        "handshake",
        MYSHELL,
        partial(repeat, b"HTTP/1.1 101 Up\r\n", b"X-A: 1\r\n" * 99),
        frames.MAX_HANDSHAKE_BYTES,
    ),
]


@pytest.mark.parametrize(
    ("name", "protocol", "script", "limit"), BOUNDS, ids=[bound[0] for bound in BOUNDS]
)
def test_what_is_over_a_limit_is_refused_by_its_name(
    name: str, protocol: Protocol, script: object, limit: int, cell: Cell
) -> None:
    with Server(cell.talk(protocol, script)) as server:  # type: ignore[arg-type]
        seen = cell.ask(f"bound: {name}", protocol, server, Outcome(ProtocolError))
    assert isinstance(seen.error, ProtocolError)
    assert str(limit) in str(seen.error)


# -- memory -------------------------------------------------------------


def huge_tokens(far: Far) -> None:
    """Right in form, each at the limit, and never an end."""
    far.open()
    event = far.protocol.event("a" * 3_000_000)
    for _ in range(3):
        far.send(event)
    far.finish()


def pings(far: Far) -> None:
    far.open()
    for _ in range(2000):
        far.peer.send(frame(b"2") * 500)
    far.finish()


def noops(far: Far) -> None:
    """Packets without a payload, which take memory all the same."""
    far.open()
    for _ in range(2000):
        far.peer.send(frame(b"6") * 500)
    far.finish()


def comments(far: HttpFar) -> None:
    far.open()
    for _ in range(2000):
        far.send(b":" + b"a" * 65_536 + b"\n\n")
    far.finish()


HOSTILE = [
    Fault("memory: an endless line", partial(endless, b"a" * 65_536), Outcome(), (KOALA, FLOWGPT)),
    Fault("memory: an endless event", event_of_many_lines, Outcome(), (KOALA, OPENAI)),
    Fault(
        "memory: an endless head",
        partial(repeat, b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n" * 99),
        Outcome(),
        (KOALA,),
    ),
    Fault("memory: an endless error", endless_body, Outcome(), (KOALA, FLOWGPT)),
    Fault("memory: a bomb", bomb, Outcome(), (KOALA, FLOWGPT, OPENAI)),
    Fault("memory: a bomb in an error", bomb_in_an_error, Outcome(), (OPENAI,)),
    Fault("memory: 128 MiB of comments", comments, Outcome(), (KOALA, OPENAI)),
    Fault("memory: endless fragments", endless_fragments, Outcome(), (MYSHELL,)),
    Fault("memory: an endless message", partial(endless, b"a" * 65_536), Outcome(), (MYSHELL,)),
    Fault("memory: a million pings", pings, Outcome(), (MYSHELL,)),
    Fault("memory: a million noops", noops, Outcome(), (MYSHELL,)),
]


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize(
    ("fault", "protocol"),
    [(fault, protocol) for fault in HOSTILE for protocol in fault.protocols],
    ids=[f"{fault.name}-{protocol.name}" for fault in HOSTILE for protocol in fault.protocols],
)
def test_memory_does_not_grow_in_a_hostile_case(fault: Fault, protocol: Protocol) -> None:
    """In a process of its own, as freed memory need not go back to the system."""
    program = (
        f"from tests.faults.test_bounds import grow_by;grow_by({fault.name!r}, {protocol.name!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < MAX_GROWTH_BYTES


def grow_by(fault_name: str, protocol_name: str) -> None:
    """Print by how many bytes this process grew at most; the server is a child of it."""
    fault = next(each for each in HOSTILE if each.name == fault_name)
    protocol = next(each for each in fault.protocols if each.name == protocol_name)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_serve, args=(fault, protocol, theirs), daemon=True)
    child.start()
    url = ours.recv()
    ask(protocol, url + "/", Outcome())  # whatever is imported and built once
    gc.collect()
    before = resident_bytes()
    highest = [before]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            highest[0] = max(highest[0], resident_bytes())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    ask(protocol, url, Outcome())
    done.set()
    watcher.join()
    child.terminate()
    child.join()
    print(highest[0] - before)


def _serve(fault: Fault, protocol: Protocol, pipe: object) -> None:
    reader = Reader()
    reader.left()
    served = 0

    def first_is_refused(peer: object) -> None:
        nonlocal served
        served += 1
        chosen = _refuse if served == 1 else fault.script
        talk(protocol, chosen, reader)(peer)  # type: ignore[arg-type]

    with Server(first_is_refused) as server:
        pipe.send(server.url)  # type: ignore[attr-defined]
        time.sleep(100)


def _refuse(far: Far) -> None:
    far.peer.answer(b"no", "Connection: close", status="400 No")


# -- speed --------------------------------------------------------------


def test_a_line_of_64_mib_is_refused_and_not_chewed() -> None:
    decoder = sse.SSEDecoder()
    block = b"a" * 65_536
    fed = 0
    began = time.process_time()
    with pytest.raises(ProtocolError, match=str(lines.MAX_LINE_BYTES)):
        for _ in range(1024):
            list(decoder.feed(block))
            fed += len(block)
    assert fed <= lines.MAX_LINE_BYTES
    assert time.process_time() - began < 1.0


def test_an_engine_io_heartbeat_has_a_limit() -> None:
    assert engineio.MAX_PING_SECONDS == 86_400.0
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = packer.compress(b"\n" * 2**22) + packer.flush()
    with pytest.raises(ProtocolError, match=str(inflate.MAX_RATIO)):
        for _ in inflate.Inflater("gzip").feed(packed):
            pass

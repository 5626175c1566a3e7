"""However an answer is left, nothing stays behind: no thread, no socket, no chat at the server."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable

import pytest

from g4fsync import Cancelled, ChatStream, Client, G4FSyncError, Retry
from g4fsync.emulator import (
    AlreadyFinished,
    At,
    Challenge,
    Cut,
    Emulator,
    Fault,
    Garbage,
    HangBeforeHeaders,
    InBandError,
    NoEndMark,
    Pace,
    Refuse,
    Stall,
    Status,
)
from g4fsync.errors import RateLimited
from g4fsync.providers.base import Provider
from g4fsync.providers.openassistant import OpenAssistant
from tests.support.leaks import Census
from tests.support.proxies import relay
from tests.support.servers import Peer, Server
from tests.support.signals import heeding_interrupts
from tests.support.timing import FREED, MS, Worker, eventually

pytestmark = pytest.mark.usefixtures("no_leaks")

ProviderAt = Callable[..., Provider]
ALL = ("koala", "flowgpt", "myshell", "openassistant")
SLOWLY = Pace(tokens_per_second=10)
# Bytes of the answer: behind its first token, inside its second.
INSIDE = {"koala": 20, "flowgpt": 50, "myshell": 180, "openassistant": 220}
QUESTION = "one two three four five six seven eight nine ten"


def left_by_break(stream: ChatStream) -> None:
    for _ in stream:
        break


def left_by_break_from_events(stream: ChatStream) -> None:
    for _ in stream.events():
        break


def dropped(stream: ChatStream) -> None:
    next(stream)


def closed(stream: ChatStream) -> None:
    next(stream)
    stream.close()


def left_by_an_exception(stream: ChatStream) -> None:
    with pytest.raises(KeyError), stream:
        for _ in stream:
            raise KeyError("the caller's own")


def cancelled_between_tokens(stream: ChatStream) -> None:
    next(stream)
    stream.cancel()
    with pytest.raises(Cancelled):
        list(stream)


WAYS = [
    left_by_break,
    left_by_break_from_events,
    dropped,
    closed,
    left_by_an_exception,
    cancelled_between_tokens,
]


@pytest.mark.parametrize("leave", WAYS)
@pytest.mark.parametrize("name", ALL)
def test_leaving_frees_the_connection_at_once(
    name: str,
    leave: Callable[[ChatStream], None],
    client: Client,
    emulator: Emulator,
    at: ProviderAt,
) -> None:
    side = emulator.far_sides[name]
    side.pace = SLOWLY
    leave(client.chat(QUESTION, provider=at(name)))
    left_at = time.monotonic()
    records = [record for record in side.wait_ended() if record.call == side.answering]
    assert [record.ended for record in records] == ["client gone"]
    assert (records[0].ended_at or 0) - left_at < FREED
    assert emulator.openassistant.chats == ()


@pytest.mark.parametrize("name", ALL)
def test_a_stream_that_was_left_never_looks_complete(
    name: str, client: Client, emulator: Emulator, at: ProviderAt
) -> None:
    emulator.far_sides[name].pace = SLOWLY
    stream = client.chat(QUESTION, provider=at(name))
    left_by_break(stream)
    assert stream.text == "You"
    for again in (stream.result, lambda: next(stream), lambda: list(stream.events())):
        with pytest.raises(Cancelled) as caught:
            again()
        assert caught.value.partial == "You"


@pytest.mark.parametrize("name", ALL)
def test_cancel_from_another_thread_frees_the_reader(
    name: str, client: Client, emulator: Emulator, at: ProviderAt
) -> None:
    side = emulator.far_sides[name]
    side.fault = Stall(0)
    stream = client.chat("Hi", provider=at(name))
    reader = Worker(lambda: list(stream))
    eventually(lambda: [r for r in side.requests if r.call == side.answering])
    reader.blocks()
    cancelled_at = time.monotonic()
    stream.cancel()
    reader.failure(Cancelled)
    assert reader.ended_at - cancelled_at < FREED
    assert {record.ended for record in side.wait_ended()} <= {"client gone", "complete"}
    assert emulator.openassistant.chats == ()


@pytest.mark.parametrize("name", ALL)
def test_cancel_ends_the_back_off_sleep(
    name: str, client: Client, emulator: Emulator, at: ProviderAt
) -> None:
    side = emulator.far_sides[name]
    side.fault = Status(503)
    stream = client.chat("Hi", provider=at(name), retry=Retry(5, 60, 60))
    reader = Worker(lambda: list(stream))
    eventually(lambda: stream.attempts)
    reader.blocks()
    cancelled_at = time.monotonic()
    stream.cancel()
    error = reader.failure(Cancelled)
    assert reader.ended_at - cancelled_at < FREED
    assert type(error.__cause__).__name__ == "ServerError"


def test_cancel_ends_the_settling_wait_of_myshell(client: Client, emulator: Emulator) -> None:
    stream = client.chat("Hi", provider="myshell")  # settle=5.0
    reader = Worker(lambda: list(stream))
    eventually(lambda: emulator.myshell.requests)
    reader.blocks()
    cancelled_at = time.monotonic()
    stream.cancel()
    reader.failure(Cancelled)
    assert reader.ended_at - cancelled_at < FREED


# -- Open Assistant's chats ---------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        None,
        Status(500),
        Status(429),
        Challenge(),
        Refuse(),
        Cut(0),
        Cut(220),
        Cut(220, reset=True),
        Garbage(60),
        InBandError(),
        NoEndMark(),
        AlreadyFinished(),
        AlreadyFinished("aborted_by_worker"),
        At("prompter_message", Refuse()),
        At("prompter_message", Status(500)),
        At("assistant_message", Refuse()),
        At("assistant_message", Status(429)),
        At("message", Status(500)),
    ],
    ids=repr,
)
def test_a_chat_is_deleted_whatever_happened(
    fault: Fault | None, client: Client, emulator: Emulator
) -> None:
    emulator.openassistant.fault = fault
    try:
        client.ask("Hi", model="openassistant")
    except G4FSyncError:
        assert fault is not None
    assert emulator.openassistant.chats == ()
    calls = [record.call for record in emulator.openassistant.requests]
    assert (calls[0], calls[-1], calls.count("delete")) == ("create", "delete", 1)


@pytest.mark.parametrize("fault", [Refuse(), Status(500)], ids=repr)
def test_a_deletion_that_fails_hides_neither_answer_nor_error(
    fault: Fault, client: Client, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.openassistant.fault = At("delete", fault)
    assert client.ask("Hi", model="openassistant").text == "You said: Hi"
    emulator.openassistant.fault = (At("delete", fault), InBandError("no more"))
    with pytest.raises(G4FSyncError, match="no more") as caught:
        client.ask("Hi", model="openassistant")
    assert caught.value.__cause__ is None
    assert caplog.text.count("openassistant: clean-up failed") == 2


def test_a_deletion_that_hangs_ends_in_its_own_time(
    client: Client, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from g4fsync.transport.live import LiveTransport

    cleanup = LiveTransport.cleanup
    monkeypatch.setattr(LiveTransport, "cleanup", lambda self, seconds: cleanup(self, 60 * MS))
    emulator.openassistant.fault = At("delete", HangBeforeHeaders())
    started = time.monotonic()
    assert client.ask("Hi", model="openassistant").text == "You said: Hi"
    assert time.monotonic() - started < 60 * MS + 2 * FREED


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_chat_is_deleted_on_a_server_that_closes_behind_a_500(attempts: int) -> None:
    """As uvicorn does when its application fails: keep-alive, a 500, and then the end.

    So Open-Assistant's real server tells its rate limit; the end comes when the
    clean-up is on its way already.
    """
    chats: set[str] = set()

    def talk(peer: Peer) -> None:
        while (asked := peer.request()) is not None:
            method, target, _ = asked.line.split(" ")
            if method == "DELETE":
                if len(peer.server.requests) < 5:
                    return
                chats.discard(target)
                peer.answer(b"", status="204 No Content")
            elif target == "/chats":
                chats.add("/chats/c1")
                peer.answer(b'{"id": "c1"}')
            elif target.endswith("/prompter_message"):
                peer.answer(b'{"id": "m1"}')
            else:
                peer.answer(b"Internal Server Error", status="500 Internal Server Error")

    with (
        Server(talk) as server,
        Client(retry=Retry(attempts, initial=0, maximum=0)) as client,
        pytest.raises(RateLimited),
    ):
        client.ask("Hi", provider=OpenAssistant(server.url, face="inference"), api_key="k")
    assert chats == set()
    assert [each.line.split(" ")[0] for each in server.requests] == [*["POST"] * 3, *["DELETE"] * 2]


# -- Ctrl-C -------------------------------------------------------------


def interrupt_once(holds: Callable[[], object]) -> float:
    """In a thread: send Ctrl-C a moment after *holds*; when that was."""
    eventually(holds)
    time.sleep(50 * MS)  # the caller is waiting for more by then
    sent = time.monotonic()
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    return sent


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="threads get no signals here")
@pytest.mark.parametrize("phase", ["before the answer", "inside the answer"])
@pytest.mark.parametrize("name", ALL)
def test_ctrl_c_ends_the_call_cleans_up_and_keeps_the_text(
    name: str,
    phase: str,
    client: Client,
    emulator: Emulator,
    at: ProviderAt,
) -> None:
    side = emulator.far_sides[name]
    is_inside = phase == "inside the answer"
    side.fault = Stall(INSIDE[name]) if is_inside else HangBeforeHeaders()
    stream = client.chat(QUESTION, provider=at(name))
    with heeding_interrupts(), pytest.raises(KeyboardInterrupt):
        interrupter = Worker(
            lambda: interrupt_once(lambda: stream.text if is_inside else side.requests)
        )
        if is_inside:
            assert next(stream) == "You"
        list(stream)
    assert time.monotonic() - interrupter.result() < 2 * FREED
    assert stream.text == ("You" if is_inside else "")
    assert {record.ended for record in side.wait_ended()} <= {"client gone", "complete"}
    assert emulator.openassistant.chats == ()
    side.fault = None
    assert client.ask("Hi", provider=at(name)).text == "You said: Hi"


# -- connections --------------------------------------------------------


@pytest.mark.parametrize("name", ["koala", "flowgpt", "openassistant"])
def test_a_connection_is_used_again_after_a_whole_answer(
    name: str, client: Client, emulator: Emulator, at: ProviderAt
) -> None:
    address = ("127.0.0.1", int(emulator.base_urls[name].split(":")[2].split("/")[0]))

    def talk(peer: Peer) -> None:
        relay(peer, address)

    with Server(talk) as server:
        path = emulator.base_urls[name].split("/", 3)[3]
        provider = at(name, f"{server.url}/{path}")
        for _ in range(3):
            assert client.ask("Hi", provider=provider).text == "You said: Hi"
        client.close()
        assert len(server.peers) == (2 if name == "openassistant" else 1)


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(
    client: Client, at: ProviderAt
) -> None:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.answer(b'data: "Hi"\n\n')

    with Server(talk) as server:
        provider = at("koala", server.url)
        for count in (1, 2, 3):
            assert client.ask("Hi", provider=provider).text == "Hi"
            server.wait_closed()
            assert len(server.peers) == count


def test_a_loop_of_calls_keeps_no_more_sockets_than_one(
    client: Client, emulator: Emulator, at: ProviderAt
) -> None:
    for name in ALL:
        assert client.ask("Hi", provider=at(name)).text == "You said: Hi"
    for side in emulator.far_sides.values():
        side.wait_ended(0)
    eventually(lambda: not [t for t in threading.enumerate() if t.name == "g4fsync-heartbeat"])
    census = Census()
    for _ in range(10):
        for name in ALL:
            client.ask("Hi", provider=at(name))
    eventually(lambda: len(census.newcomers()) <= 2)


@pytest.mark.parametrize(
    "fault", [Cut(30), Cut(30, reset=True), Status(500), Garbage(13), HangBeforeHeaders()], ids=repr
)
@pytest.mark.parametrize("name", ALL)
def test_an_error_that_is_kept_keeps_no_connection(
    name: str, fault: Fault, client: Client, emulator: Emulator, at: ProviderAt
) -> None:
    """With its traceback it holds every frame of the call."""
    side = emulator.far_sides[name]
    side.fault = fault
    with pytest.raises(G4FSyncError) as kept:
        client.ask("Hi", provider=at(name), timeout=500 * MS)
    client.close()
    side.wait_ended()
    assert kept.value.__traceback__ is not None
    eventually(lambda: not client_sockets(emulator))


def client_sockets(emulator: Emulator) -> list[str]:
    """Connections that the emulator still serves."""
    return [t.name for t in threading.enumerate() if re.match("g4fsync-emulator.*[0-9]$", t.name)]

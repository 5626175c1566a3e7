from __future__ import annotations

import logging
import os
import threading
from collections.abc import Generator
from itertools import pairwise
from time import monotonic
from typing import Any

import pytest

from g4fsync import Client, InvalidRequest, ObservedCall, Observer
from g4fsync.call.journal import Journal
from g4fsync.call.observing import CallContext, Observation, calling, new_id
from g4fsync.call.stream import ChatStream
from g4fsync.call.ticker import ticker
from g4fsync.emulator import Cut, Emulator, Stall, Status
from g4fsync.errors import Cancelled, StreamInterrupted
from g4fsync.events import Event, Finish
from g4fsync.scope import CancelScope
from tests.support.timing import PATIENCE, eventually


class Notebook(Observer):
    """Notes down what it hears, and in which thread."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.calls: dict[str, ObservedCall] = {}
        self.threads: set[str] = set()
        self.flushes = 0

    def _note(self, what: str, call: ObservedCall) -> None:
        self.heard.append((what, call.text))
        self.calls[call.id] = call
        self.threads.add(f"{what} {threading.current_thread().name}")

    def call_started(self, call: ObservedCall) -> None:
        self._note("started", call)

    def text_came(self, call: ObservedCall) -> None:
        self._note("text", call)

    def call_ended(self, call: ObservedCall) -> None:
        self._note("ended", call)

    def flush(self) -> None:
        self.flushes += 1

    @property
    def call(self) -> ObservedCall:
        (call,) = self.calls.values()
        return call

    @property
    def edges(self) -> list[tuple[str, str]]:
        return [(what, text) for what, text in self.heard if what != "text"]


def observed(emulator: Emulator, *observers: Observer, **settings: Any) -> Client:
    urls = {name: emulator.base_urls[name] for name in ("koala", "openai")}
    keys = {"openai": emulator.api_key}
    return Client(
        "openai:gpt-4o-mini", base_urls=urls, api_keys=keys, observers=observers, **settings
    )


def test_a_call_is_started_and_ended_when_ask_has_returned(emulator: Emulator) -> None:
    book = Notebook()
    result = observed(emulator, book).ask("Hi", temperature=0.5)
    assert book.edges == [("started", ""), ("ended", result.text)]
    call = book.call
    assert [m.content for m in call.messages] == ["Hi"]
    assert (call.provider, call.model, dict(call.options)) == (
        "openai",
        "gpt-4o-mini",
        {"temperature": 0.5},
    )
    assert call.is_complete
    assert call.error is None
    assert (call.usage, call.finish_reason) == (result.usage, result.finish_reason)
    assert (call.seconds, call.attempts) == (result.seconds, result.attempts)
    assert (call.parent, call.conversation, call.dropped, call.cached) == (None, None, 0, False)


def test_text_comes_in_a_thread_of_its_own_while_the_answer_is_coming(emulator: Emulator) -> None:
    emulator.openai.fault = Stall(after_bytes=700)
    book = Notebook()
    stream = observed(emulator, book).chat("Tell me a long story, please")
    first = next(stream)
    eventually(lambda: any(what == "text" and text for what, text in book.heard))
    assert book.heard[0] == ("started", "")
    assert next(text for what, text in book.heard if text).startswith(first)
    assert "text g4fsync-observer" in book.threads
    eventually(lambda: book.flushes > 0)
    stream.close()
    assert book.heard[-1] == ("ended", stream.text)
    assert isinstance(book.call.error, Cancelled)
    assert not book.call.is_complete


def test_nothing_is_heard_of_a_stream_that_nobody_reads(emulator: Emulator) -> None:
    book = Notebook()
    observed(emulator, book).chat("Hi").close()
    assert book.heard == []


def test_a_dropped_stream_ends_at_once(emulator: Emulator) -> None:
    emulator.openai.fault = Stall(after_bytes=700)
    book = Notebook()
    stream = observed(emulator, book).chat("Hi")
    next(stream)
    del stream
    assert [what for what, _ in book.edges] == ["started", "ended"]


def test_a_failure_is_heard_with_its_error_and_what_came(emulator: Emulator) -> None:
    emulator.openai.fault = Cut(after_bytes=700)
    book = Notebook()
    with pytest.raises(StreamInterrupted) as caught:
        observed(emulator, book).ask("Tell me")
    assert book.call.error is caught.value
    assert book.call.text == caught.value.partial


def test_an_answer_of_a_fallback_says_who_gave_it(emulator: Emulator) -> None:
    emulator.openai.fault = Status(500)
    book = Notebook()
    client = observed(emulator, book, fallback=["koala"], retry=1)
    client.ask("Hi")
    assert (book.call.provider, len(book.call.attempts)) == ("koala", 2)


def test_an_observer_that_fails_costs_a_warning_and_no_answer(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Observer):
        def call_started(self, call: ObservedCall) -> None:
            raise ZeroDivisionError

        def call_ended(self, call: ObservedCall) -> None:
            raise ZeroDivisionError

    book = Notebook()
    with caplog.at_level(logging.WARNING, "g4fsync.observers"):
        result = observed(emulator, Broken(), book).ask("Hi")
    assert result.text
    assert [what for what, _ in book.edges] == ["started", "ended"]
    assert [r.getMessage() for r in caplog.records] == ["an observer has failed"] * 2


def test_what_does_not_observe_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"^observers must be Observer objects, got str$"):
        Client(observers=["x"])  # type: ignore[list-item]


def test_lanes_of_a_race_are_calls_of_their_own(emulator: Emulator) -> None:
    book = Notebook()
    with observed(emulator, book).race("Hi", ["openai:gpt-4o", "openai:gpt-4o-mini"]) as stream:
        stream.result()
    eventually(lambda: sum(what == "ended" for what, _ in book.heard) == 2)
    assert {call.model for call in book.calls.values()} == {"gpt-4o", "gpt-4o-mini"}


def test_a_call_belongs_to_the_context_it_was_made_in(emulator: Emulator) -> None:
    book = Notebook()
    client = observed(emulator, book)
    with calling(CallContext(parent="P", conversation="C")):
        stream = client.chat("Hi")
    stream.result()
    assert (book.call.parent, book.call.conversation) == ("P", "C")
    client.ask("Hi")
    assert {c.parent for c in book.calls.values()} == {"P", None}


def test_keys_are_known_to_observers_so_that_they_can_leave_them_out(emulator: Emulator) -> None:
    book = Notebook()
    observed(emulator, book).ask("Hi")
    assert emulator.api_key in book.call.secrets[0]
    assert emulator.api_key not in repr(book.call)


def test_text_is_said_to_come_at_most_five_times_a_second() -> None:
    times: list[float] = []

    class Clock(Observer):
        def text_came(self, call: ObservedCall) -> None:
            times.append(monotonic())

    def run(scope: CancelScope, journal: Journal) -> Generator[str | Event, None, None]:
        scope.start()
        journal.reach_first_token(0.0)
        yield "a"
        until = monotonic() + 1.0
        while monotonic() < until:
            yield "b"
            journal._watched.first_token()  # type: ignore[union-attr]  # kicks do not hurry it
        yield Finish("stop")

    journal = Journal(watch=Observation((), [Clock()]))
    ChatStream(run, CancelScope(), journal).result()
    assert 2 <= len(times) <= 6
    assert all(later - earlier >= 0.19 for earlier, later in pairwise(times))


def test_a_forked_child_says_nothing_of_its_parents_calls(emulator: Emulator) -> None:
    emulator.openai.fault = Stall(after_bytes=700)
    book = Notebook()
    stream = observed(emulator, book).chat("Hi")
    next(stream)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        stream.close()
        said = ",".join(what for what, _ in book.heard if what == "ended")
        os.write(writing, f"{said};{len(ticker._calls)}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 99) == b";0"
    stream.close()
    assert [what for what, _ in book.edges] == ["started", "ended"]


def test_an_id_sorts_by_its_time() -> None:
    ids = [new_id()]
    until = monotonic() + PATIENCE
    while len(ids) < 3 and monotonic() < until:
        new = new_id()
        if new[:10] != ids[-1][:10]:
            ids.append(new)
    assert ids == sorted(ids)
    assert {len(each) for each in ids} == {26}

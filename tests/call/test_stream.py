from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from g4fsync.call.journal import Journal
from g4fsync.call.stream import ChatStream
from g4fsync.errors import Cancelled, G4FSyncError, InvalidRequest, StreamInterrupted
from g4fsync.events import Attempt, Event, Finish, ProviderData, Reasoning, Text, ToolCall, Usage
from g4fsync.messages import ChatResult, Message, as_messages
from g4fsync.scope import CancelScope

STOP = Finish("stop")
Item = str | Event | BaseException


class Engine:
    """Stands in for the engine: yields items, raises errors; ``freed`` is set at its end."""

    def __init__(self, *items: Item) -> None:
        self.items = items
        self.started = False
        self.freed = threading.Event()

    def __call__(self, scope: CancelScope, journal: Journal) -> Generator[str | Event, None, None]:
        self.started = True
        scope.start()
        journal.provider, journal.model = "p", "m"
        try:
            for item in self.items:
                scope.check()
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self.freed.set()


def streamed(*items: Item) -> tuple[ChatStream, Engine]:
    engine = Engine(*items)
    return ChatStream(engine, CancelScope()), engine


# -- the three ways to read -------------------------------------------------


def test_iterating_gives_text_alone() -> None:
    stream, _ = streamed(Reasoning("Hm"), "Hel", Usage(1), "lo", STOP)
    assert list(stream) == ["Hel", "lo"]


def test_next_gives_text_alone_and_then_ends_for_good() -> None:
    stream, _ = streamed(Reasoning("Hm"), "Hi", STOP)
    assert next(stream) == "Hi"
    for _ in range(2):
        with pytest.raises(StopIteration):
            next(stream)
    assert list(stream) == []


def test_events_gives_text_as_events_too() -> None:
    stream, _ = streamed(Reasoning("Hm"), "Hi", STOP)
    assert list(stream.events()) == [Reasoning("Hm"), Text("Hi"), STOP]


def test_items_gives_both_as_they_are() -> None:
    stream, _ = streamed("Hi", STOP)
    assert list(stream.items()) == ["Hi", STOP]


def test_result_has_all_that_was_told() -> None:
    call, usage = ToolCall("1", "f", "{}"), Usage(1, 2, 3)
    stream, _ = streamed(Reasoning("H"), Reasoning("m"), "Hel", "lo", call, usage, STOP)
    result = stream.result()
    assert result == ChatResult(
        text="Hello",
        reasoning="Hm",
        tool_calls=(call,),
        usage=usage,
        finish_reason="stop",
        provider="p",
        model="m",
        seconds=stream.seconds,
    )
    assert str(result) == "Hello"


def test_result_after_some_reading_has_the_whole_text() -> None:
    stream, _ = streamed("Hel", "lo", STOP)
    assert next(stream) == "Hel"
    assert stream.result().text == stream.result().text == "Hello"


def test_nothing_begins_before_the_first_next() -> None:
    stream, engine = streamed("Hi", STOP)
    assert not engine.started
    assert (stream.text, stream.provider, stream.usage, stream.finish_reason) == (
        "",
        None,
        None,
        None,
    )
    assert (stream.attempts, stream.first_token_seconds, stream.seconds) == ((), None, 0.0)
    stream.close()


def test_what_has_come_so_far_can_be_read_while_it_comes() -> None:
    stream, _ = streamed("a", "b", "c", STOP)
    seen = [(token, stream.text) for token in stream]
    assert seen == [("a", "a"), ("b", "ab"), ("c", "abc")]


def test_text_read_by_another_thread_is_always_a_beginning_of_the_whole() -> None:
    pieces = [f"{n} " for n in range(5000)]
    stream, _ = streamed(*pieces, STOP)
    reader = threading.Thread(target=stream.result)
    reader.start()
    seen = []
    while reader.is_alive():
        seen.append(stream.text)
    reader.join()
    assert stream.text == "".join(pieces)
    assert all(stream.text.startswith(text) for text in seen)


def test_pace_is_counted_by_the_provider_when_it_tells() -> None:
    stream, _ = streamed("a", "b", Usage(output_tokens=10), STOP)
    stream.result()
    stream._journal.first_token_seconds, stream._journal.seconds = 1.0, 3.0
    assert stream.tokens_per_second == 5.0
    stream._journal.usage = None
    assert stream.tokens_per_second == 1.0


@pytest.mark.parametrize(
    ("items", "state"), [(("Hi", STOP), "complete"), (("Hi", StreamInterrupted()), "failed")]
)
def test_repr_says_how_it_stands(items: tuple[Item, ...], state: str) -> None:
    stream, _ = streamed(*items)
    assert repr(stream) == "<ChatStream None None: running, 0 characters>"
    assert next(stream) == "Hi"
    assert repr(stream) == "<ChatStream p m: running, 2 characters>"
    for _ in range(2):
        next_or_none(stream)
    assert repr(stream) == f"<ChatStream p m: {state}, 2 characters>"


def next_or_none(stream: ChatStream) -> str | None:
    try:
        return next(stream, None)
    except G4FSyncError:
        return None


# -- failing ----------------------------------------------------------------

READERS: list[Callable[[ChatStream], object]] = [
    list,
    next,
    ChatStream.result,
    lambda stream: list(stream.events()),
    lambda stream: list(stream.items()),
]


@pytest.mark.parametrize("read", READERS)
def test_a_failed_stream_raises_again_whatever_is_asked(
    read: Callable[[ChatStream], object],
) -> None:
    error = StreamInterrupted("cut")
    stream, engine = streamed("Hi", error)
    for _ in range(2):
        with pytest.raises(StreamInterrupted) as caught:
            for _ in range(2):
                read(stream)
        assert caught.value is error
    assert engine.freed.is_set()


def test_an_error_tells_whose_it_is_and_what_came_before() -> None:
    stream, _ = streamed("Hel", "lo", StreamInterrupted("cut"))
    with pytest.raises(StreamInterrupted, match=r"^p: cut$") as caught:
        stream.result()
    error = caught.value
    assert (error.provider, error.model, error.partial) == ("p", "m", "Hello")


def test_an_error_that_knows_whose_it_is_keeps_it() -> None:
    stream, _ = streamed(StreamInterrupted("cut", provider="q", model="n"))
    with pytest.raises(StreamInterrupted) as caught:
        stream.result()
    assert (caught.value.provider, caught.value.model) == ("q", "n")


def test_an_error_has_the_attempts() -> None:
    attempt = Attempt(1, "p", "m", "stream", 0.1)

    def run(scope: CancelScope, journal: Journal) -> Generator[str | Event, None, None]:
        journal.attempts.append(attempt)
        yield "a"
        raise StreamInterrupted

    with pytest.raises(StreamInterrupted) as caught:
        ChatStream(run, CancelScope()).result()
    assert caught.value.attempts == (attempt,)


@pytest.mark.parametrize("read", READERS)
def test_after_ctrl_c_a_part_never_passes_for_the_whole(
    read: Callable[[ChatStream], object],
) -> None:
    stream, engine = streamed("Hi", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        stream.result()
    assert engine.freed.is_set()
    with pytest.raises(Cancelled, match=r"^p: the stream was left before its end$"):
        read(stream)


# -- leaving ----------------------------------------------------------------


def test_break_frees() -> None:
    stream, engine = streamed("a", "b", STOP)
    for _ in stream:
        break
    assert engine.freed.is_set()
    with pytest.raises(Cancelled, match=r"^p: the stream was closed before its end$") as caught:
        stream.result()
    assert caught.value.partial == "a"


def test_break_out_of_events_frees() -> None:
    stream, engine = streamed("a", "b", STOP)
    for _ in stream.events():
        break
    assert engine.freed.is_set()


def test_leaving_the_block_frees() -> None:
    stream, engine = streamed("a", "b", STOP)
    with stream as entered:
        assert entered is stream
        assert next(stream) == "a"
    assert engine.freed.is_set()
    with pytest.raises(Cancelled):
        next(stream)


def test_dropping_the_stream_frees_at_once() -> None:
    stream, engine = streamed("a", "b", STOP)
    assert next(stream) == "a"
    gc.disable()  # a reference cycle would keep the connection until some later collection
    try:
        del stream
        assert engine.freed.is_set()
    finally:
        gc.enable()


def test_closing_a_complete_stream_changes_nothing() -> None:
    stream, _ = streamed("Hi", STOP)
    with stream:
        result = stream.result()
    stream.close()
    assert stream.result() == result


def test_closing_before_the_start_sends_nothing() -> None:
    stream, engine = streamed("Hi", STOP)
    stream.close()
    stream.close()
    assert not engine.started
    with pytest.raises(Cancelled):
        stream.result()


def test_cancel_before_the_start_is_seen_at_the_first_next() -> None:
    stream, engine = streamed("Hi", STOP)
    stream.cancel()
    with pytest.raises(Cancelled, match=r"^p: cancelled by the caller$"):
        stream.result()
    assert engine.freed.is_set()


# -- other threads ----------------------------------------------------------


@pytest.fixture
def in_thread() -> Iterator[Callable[[Callable[[], object]], list[object]]]:
    """Run a function in a thread; the list holds its result or error once it has ended."""
    threads: list[threading.Thread] = []

    def start(function: Callable[[], object]) -> list[object]:
        outcome: list[object] = []

        def run() -> None:
            try:
                outcome.append(function())
            except BaseException as error:
                outcome.append(error)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return outcome

    start.threads = threads  # type: ignore[attr-defined]  # for join()
    yield start
    join(start)


def join(start: Any) -> None:
    for thread in start.threads:
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize("end", [ChatStream.close, ChatStream.cancel])
def test_another_thread_can_end_a_blocked_stream(
    end: Callable[[ChatStream], None], in_thread: Callable[[Callable[[], object]], list[object]]
) -> None:
    blocked = threading.Event()

    def run(scope: CancelScope, journal: Journal) -> Generator[str | Event, None, None]:
        yield "a"
        blocked.set()
        scope.wait(threading.Event())

    stream = ChatStream(run, CancelScope())
    outcome = in_thread(stream.result)
    assert blocked.wait(10)
    end(stream)
    join(in_thread)
    [error] = outcome
    assert isinstance(error, Cancelled)
    assert error.partial == "a"


def test_reading_while_another_thread_closes_is_cancelled(
    in_thread: Callable[[Callable[[], object]], list[object]],
) -> None:
    cleaning, done = threading.Event(), threading.Event()

    def run(scope: CancelScope, journal: Journal) -> Generator[str | Event, None, None]:
        try:
            yield "a"
        finally:
            cleaning.set()
            done.wait(10)

    stream = ChatStream(run, CancelScope())
    reader = iter(stream)
    next(reader)
    outcome = in_thread(stream.close)
    assert cleaning.wait(10)
    for read in [
        lambda: next(reader),
        lambda: next(stream),
        stream.result,
        stream.events().__next__,
    ]:
        with pytest.raises(Cancelled, match="closed before its end"):
            read()
    done.set()
    join(in_thread)
    assert outcome == [None]


def test_closing_in_the_moment_another_thread_goes_on_cancels() -> None:
    class Busy:
        """A generator that another thread entered after it was seen at rest."""

        gi_running = False

        def close(self) -> None:
            raise ValueError("generator already executing")

    stream, _ = streamed("a", STOP)
    stream._items = Busy()  # type: ignore[assignment]  # the race can't be staged
    stream.close()
    with pytest.raises(Cancelled):
        stream.scope.check()


def test_two_readers_at_once_are_told_so_and_the_first_goes_on(
    in_thread: Callable[[Callable[[], object]], list[object]],
) -> None:
    blocked, go = threading.Event(), threading.Event()

    def run(scope: CancelScope, journal: Journal) -> Generator[str | Event, None, None]:
        yield "a"
        blocked.set()
        go.wait(10)
        yield STOP

    stream = ChatStream(run, CancelScope())
    outcome = in_thread(stream.result)
    assert blocked.wait(10)
    for read in [lambda: list(stream), lambda: next(stream), stream.result]:
        with pytest.raises(InvalidRequest, match="another thread is reading this stream"):
            read()
    go.set()
    join(in_thread)
    [result] = outcome
    assert isinstance(result, ChatResult)
    assert result.text == "a"


def test_there_is_no_pace_before_the_second_token() -> None:
    stream, _ = streamed("a", STOP)
    stream.result()
    assert stream.tokens_per_second is None


# -- the answer as a turn of the history ------------------------------------

THINKING = ProviderData("p", "block", {"type": "thinking"})
SIGNED = ProviderData("p", "block", {"type": "signed"})


def test_what_the_provider_wants_back_knows_its_place_in_the_answer() -> None:
    call = ToolCall("1", "f", "{}")
    first = ProviderData("p", "part", {}, 0, 0)
    stream, _ = streamed(THINKING, "Hel", "lo", SIGNED, call, SIGNED, first, STOP)
    kept = (
        ProviderData("p", "block", {"type": "thinking"}, 0, 0),
        ProviderData("p", "block", {"type": "signed"}, 5, 0),
        ProviderData("p", "block", {"type": "signed"}, 5, 1),
        first,
    )
    result = stream.result()
    assert stream.provider_data == result.provider_data == kept
    assert result.message == Message("assistant", "Hello", tool_calls=(call,), provider_data=kept)
    assert stream.message == result.message
    assert as_messages([stream, result]) == (result.message, result.message)


def test_what_the_provider_wants_back_is_no_event_for_a_caller() -> None:
    stream, _ = streamed(THINKING, "Hi", SIGNED, STOP)
    assert list(stream.events()) == [Text("Hi"), STOP]


def test_an_answer_that_is_still_to_come_is_no_turn() -> None:
    stream, _ = streamed("Hel", "lo", STOP)
    for _ in range(2):
        with pytest.raises(InvalidRequest, match=r"^the answer is not complete yet: read the"):
            as_messages([stream])
        next(stream)


def test_an_answer_that_failed_is_no_turn() -> None:
    stream, _ = streamed("Hel", StreamInterrupted("reset"))
    with pytest.raises(StreamInterrupted):
        list(stream)
    with pytest.raises(StreamInterrupted):
        as_messages([stream])

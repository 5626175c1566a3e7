from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from g4fsync.call import engine
from g4fsync.call.attempt import AFTER_FINISH_SECONDS, Call
from g4fsync.call.stream import ChatStream
from g4fsync.errors import (
    AllFailed,
    Cancelled,
    ConnectionFailed,
    ContentFiltered,
    DeadlineExceeded,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    RateLimited,
    ServerError,
    StreamInterrupted,
    StreamTruncated,
)
from g4fsync.events import Attempt, Event, Finish, Reasoning, Text, ToolCall, Usage
from g4fsync.messages import ChatRequest, Message
from g4fsync.providers.base import Provider
from g4fsync.scope import CancelScope
from g4fsync.scope.gate import Gate
from g4fsync.settings import Retry, Timeout
from g4fsync.testing import ScriptedTransport
from g4fsync.transport.base import Transport

AT_ONCE = Retry(attempts=3, initial=0.0, maximum=0.0)
STOP = Finish("stop")

Step = str | Event | BaseException | Callable[[Transport], object]


def send(transport: Transport) -> None:
    transport.post("/ask", json=transport.random.random())


class Player(Provider):
    """Plays a list of steps per attempt: yields text and events, raises errors, calls the rest."""

    name = "player"
    base_url = "http://player.test"
    models: Mapping[str, str] = {"m": "m"}

    def __init__(self, *plays: list[Step], has_end_mark: bool = True, name: str = "player") -> None:
        super().__init__()
        self.name = name  # type: ignore[misc]  # several players in one test need several names
        self.has_end_mark = has_end_mark
        self.plays = iter(plays)
        self.opened: list[ScriptedTransport] = []
        self.left = 0  # how many attempts ran their clean-up

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        try:
            for step in next(self.plays):
                if isinstance(step, BaseException):
                    raise step
                if callable(step):
                    step(transport)
                else:
                    yield step
        finally:
            self.left += 1

    def open(self, scope: CancelScope) -> ScriptedTransport:
        self.opened.append(ScriptedTransport({"POST /ask": b""}, seed=len(self.opened)))
        return self.opened[-1]

    def call(self, gate: Gate | None = None) -> Call:
        request = ChatRequest((Message("user", "Hi"),), "m")
        return Call(self, "m", request, self.open, gate)


def ask(
    *players: Player, retry: Retry = AT_ONCE, timeout: Timeout | float | None = None
) -> ChatStream:
    calls = [player.call() for player in players]
    return ChatStream(partial(engine.answer, calls, retry), CancelScope(timeout))


def items(stream: ChatStream) -> list[str | Event]:
    return [event.text if isinstance(event, Text) else event for event in stream.events()]


def refused() -> ConnectionFailed:
    return ConnectionFailed("refused")


# -- retries ----------------------------------------------------------------


def test_a_failure_before_the_first_token_is_tried_again() -> None:
    player = Player([refused()], [send, ServerError("busy")], [send, "Hi", STOP])
    stream = ask(player)
    assert stream.result().text == "Hi"
    assert [(a.number, a.provider, a.model, a.phase) for a in stream.attempts] == [
        (1, "player", "m", "connect"),
        (2, "player", "m", "first_token"),
        (3, "player", "m", "stream"),
    ]
    assert [str(a.error) for a in stream.attempts] == ["player: refused", "player: busy", "None"]


def test_events_tell_of_failed_attempts_before_the_first_token() -> None:
    error = refused()
    told = items(ask(Player([error], ["Hi", STOP])))
    assert told[1:] == ["Hi", STOP]
    assert isinstance(told[0], Attempt)
    assert told[0].error is error


def test_each_attempt_has_a_transport_of_its_own_and_builds_its_request_anew() -> None:
    player = Player([send, ServerError()], [send, "Hi", STOP])
    ask(player).result()
    first, second = player.opened
    assert first.sent != second.sent
    assert (first.closed, second.closed) == ("abruptly", "gracefully")


@pytest.mark.parametrize("token", ["Hi", Reasoning("Hm")])
def test_a_failure_after_the_first_token_is_not_tried_again(token: str | Event) -> None:
    stream = ask(Player([token, StreamInterrupted("cut")], ["again", STOP]))
    with pytest.raises(StreamInterrupted, match=r"^player: cut$"):
        stream.result()
    assert len(stream.attempts) == 1


@pytest.mark.parametrize("early", ["", Usage(input_tokens=3)])
def test_progress_and_usage_are_no_first_token(early: str | Event) -> None:
    assert ask(Player([early, refused()], ["Hi", STOP])).result().text == "Hi"


def test_an_error_that_is_not_worth_it_is_not_tried_again() -> None:
    stream = ask(Player([ContentFiltered("no")], ["Hi", STOP]))
    with pytest.raises(ContentFiltered, match=r"^player: no$"):
        stream.result()


def test_the_last_error_is_raised_when_the_attempts_are_used_up() -> None:
    last = ServerError("third")
    stream = ask(Player([refused()], [refused()], [last]))
    with pytest.raises(ServerError) as caught:
        stream.result()
    assert caught.value is last
    assert (last.provider, last.model, last.attempts) == ("player", "m", stream.attempts)
    assert [a.number for a in last.attempts] == [1, 2, 3]


def test_an_attempt_that_could_not_be_opened_is_noted_too() -> None:
    player = Player(["Hi", STOP])
    openings = iter([refused()])

    def open_(scope: CancelScope) -> ScriptedTransport:
        for error in openings:
            raise error
        return player.open(scope)

    call = Call(player, "m", player.call().request, open_)
    stream = ChatStream(partial(engine.answer, [call], AT_ONCE), CancelScope())
    assert stream.result().text == "Hi"
    assert [a.phase for a in stream.attempts] == ["connect", "stream"]


def test_retry_after_is_obeyed_when_it_fits() -> None:
    stream = ask(Player([RateLimited(retry_after=0.02)], ["Hi", STOP]), timeout=30)
    assert stream.result().seconds >= 0.02


def test_retry_after_that_does_not_fit_is_raised_at_once() -> None:
    stream = ask(Player([RateLimited("slow", retry_after=60)], ["Hi", STOP]), timeout=30)
    with pytest.raises(RateLimited, match=r"^player: slow$") as caught:
        stream.result()
    assert caught.value.retry_after == 60
    assert stream.seconds < 5


PATIENT = Retry(attempts=3, initial=60.0, maximum=60.0)


def test_cancel_ends_the_backoff_and_is_raised_from_the_last_error() -> None:
    error = refused()
    stream = ask(Player([error]), retry=PATIENT)
    timer = threading.Timer(0.02, stream.cancel)
    timer.start()
    with pytest.raises(Cancelled, match=r"^player: cancelled by the caller$") as caught:
        stream.result()
    timer.join()
    assert caught.value.__cause__ is error
    assert stream.seconds < 5


def test_a_backoff_that_does_not_fit_is_not_begun() -> None:
    error = refused()
    stream = ask(Player([error]), retry=PATIENT, timeout=30)
    with pytest.raises(ConnectionFailed) as caught:
        stream.result()
    assert caught.value is error
    assert stream.seconds < 5


def test_a_deadline_that_passes_in_the_backoff_is_raised_from_the_last_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    error = refused()
    stream = ask(Player([error]), retry=PATIENT)

    def sleep(scope: CancelScope, seconds: float) -> None:
        raise DeadlineExceeded("too late")

    monkeypatch.setattr(CancelScope, "sleep", sleep)
    with pytest.raises(DeadlineExceeded, match=r"^player: too late$") as caught:
        stream.result()
    assert caught.value.__cause__ is error


def test_the_pause_grows_to_its_maximum_with_jitter() -> None:
    retry = Retry(initial=0.5, maximum=8.0)
    for attempt, longest in [(1, 0.5), (2, 1.0), (3, 2.0), (5, 8.0), (6, 8.0), (5000, 8.0)]:
        pauses = {retry.pause(attempt, refused()) for _ in range(50)}
        assert 0.75 * longest <= min(pauses) < max(pauses) <= longest


def test_the_pause_asked_for_is_never_cut_short() -> None:
    pauses = {Retry().pause(1, RateLimited(retry_after=30.0)) for _ in range(50)}
    assert 30.0 <= min(pauses) < max(pauses) <= 31.0


@pytest.mark.parametrize(
    "arguments",
    [
        {"attempts": 0},
        {"attempts": 2.5},
        {"initial": -1.0},
        {"initial": 9.0},
        {"initial": float("nan")},
        {"initial": "1"},
        {"maximum": None},
    ],
)
def test_wrong_retry_settings_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest, match=r"^retry "):
        Retry(**arguments)  # type: ignore[arg-type]  # that is the point


# -- fallback ---------------------------------------------------------------


def test_the_next_model_is_asked_when_one_fails() -> None:
    first, second, third = (
        Player([ProviderError("no")], name="first"),
        Player(["Hi", STOP], name="second"),
        Player(["Ho", STOP], name="third"),
    )
    stream = ask(first, second, third)
    assert stream.result().text == "Hi"
    assert (stream.provider, stream.model) == ("second", "m")
    assert [(a.number, a.provider) for a in stream.attempts] == [(1, "first"), (2, "second")]
    assert third.opened == []


def test_events_tell_of_the_models_that_failed() -> None:
    told = items(
        ask(
            Player([refused()], [refused()], name="a"),
            Player(["Hi", STOP], name="b"),
            retry=Retry(2, 0, 0),
        )
    )
    assert [a.provider for a in told if isinstance(a, Attempt)] == ["a", "a"]
    assert told[2:] == ["Hi", STOP]


def test_all_failed_holds_one_error_per_model_in_order() -> None:
    errors = [ProviderError("no"), ContentFiltered("never")]
    stream = ask(Player([errors[0]], name="a"), Player([errors[1]], name="b"))
    with pytest.raises(AllFailed) as caught:
        stream.result()
    assert list(caught.value.errors) == errors
    assert str(caught.value).startswith("none of 2 models answered")
    assert (caught.value.provider, caught.value.model) == (None, None)
    assert [a.provider for a in caught.value.attempts] == ["a", "b"]


def test_no_other_model_is_asked_after_the_first_token() -> None:
    other = Player(["Ho", STOP])
    stream = ask(Player(["Hi", StreamInterrupted("cut")]), other)
    with pytest.raises(StreamInterrupted) as caught:
        stream.result()
    assert caught.value.partial == "Hi"
    assert other.opened == []


def test_the_first_token_clock_of_one_model_does_not_end_the_others() -> None:
    def wait(transport: Transport) -> None:
        raise DeadlineExceeded(clock="first_token")

    slow, quick = Player([wait]), Player(["Hi", STOP])
    assert ask(slow, quick, timeout=Timeout(first_token=1e-9)).result().text == "Hi"


def test_a_flowing_answer_is_not_ended_by_the_first_token_clock() -> None:
    def outlast(transport: Transport) -> None:
        threading.Event().wait(0.06)

    player = Player(["a", outlast, "b", STOP])
    assert ask(player, Player(), timeout=Timeout(first_token=0.02)).result().text == "ab"


def test_first_token_seconds_count_from_the_start_of_the_call() -> None:
    stream = ask(Player([RateLimited(retry_after=0.05)], [ProviderError()]), Player(["Hi", STOP]))
    stream.result()
    assert stream.first_token_seconds is not None
    assert 0.05 <= stream.first_token_seconds <= stream.seconds


def test_the_total_clock_ends_the_whole_fallback() -> None:
    def outlast(transport: Transport) -> None:
        stream.scope.wait(threading.Event())

    other = Player(["Hi", STOP])
    stream = ask(Player([outlast]), other, timeout=0.03)
    with pytest.raises(DeadlineExceeded) as caught:
        stream.result()
    assert caught.value.clock == "total"
    assert other.opened == []


def test_cancel_ends_the_whole_fallback() -> None:
    other = Player(["Hi", STOP])
    stream = ask(Player([lambda t: stream.cancel(), "Hi"]), other)
    with pytest.raises(Cancelled, match=r"cancelled by the caller$"):
        stream.result()
    assert other.opened == []


# -- completeness -----------------------------------------------------------


def test_an_answer_without_its_end_mark_is_truncated() -> None:
    stream = ask(Player(["Hel", "lo"]))
    with pytest.raises(
        StreamTruncated, match=r"^player: the answer ended without its end mark$"
    ) as caught:
        stream.result()
    assert caught.value.partial == "Hello"


def test_a_protocol_without_end_mark_may_just_end() -> None:
    player = Player(["Hello"], has_end_mark=False)
    result = ask(player).result()
    assert (result.text, result.finish_reason) == ("Hello", None)
    assert player.opened[0].closed == "gracefully"


@pytest.mark.parametrize("play", [[], [""]])
def test_an_empty_answer_without_end_mark_is_truncated(play: list[Step]) -> None:
    with pytest.raises(StreamTruncated, match=r"^player: the answer is empty$"):
        ask(Player(play, has_end_mark=False)).result()


def test_an_empty_answer_with_its_end_mark_is_whole() -> None:
    assert items(ask(Player([STOP]))) == [STOP]


def test_usage_after_the_end_mark_is_told_before_it() -> None:
    usage = Usage(output_tokens=1)
    stream = ask(Player(["Hi", STOP, usage]))
    assert items(stream) == ["Hi", usage, STOP]
    assert stream.usage == usage


@pytest.mark.parametrize(
    "trouble",
    [
        StreamInterrupted(),
        StreamTruncated(),
        ProtocolError(),
        DeadlineExceeded(clock="idle"),
        DeadlineExceeded(clock="total"),
        KeyError("shape"),
    ],
)
def test_trouble_after_the_end_mark_does_not_matter(trouble: Exception) -> None:
    player = Player(["Hi", STOP, trouble])
    assert items(ask(player)) == ["Hi", STOP]
    assert player.opened[0].closed == "gracefully"


@pytest.mark.parametrize("error", [Cancelled(), ServerError("overloaded")])
def test_the_callers_end_and_the_providers_no_count_after_the_end_mark(
    error: G4FSyncError,
) -> None:
    with pytest.raises(type(error)) as caught:
        ask(Player(["Hi", STOP, error])).result()
    assert caught.value is error


CONTINUES = Finish("stop", "stop", may_continue=True)


def seconds_left(*play: Step) -> float:
    """What is left of the idle clock of 30 s when the provider waits behind *play*."""
    left: list[float | None] = []

    def wait(transport: Transport) -> None:
        stream.scope.start_idle()
        left.append(stream.scope.remaining())

    stream = ask(Player([*play, wait, STOP]), timeout=Timeout(None, None, 30.0, None))
    stream.result()
    assert left[0] is not None
    return left[0]


def test_a_provider_has_a_short_time_after_a_finish() -> None:
    assert seconds_left("Hi", STOP) <= AFTER_FINISH_SECONDS


@pytest.mark.parametrize(
    "play",
    [
        ["Hi", CONTINUES],
        ["Hi", STOP, " there"],
        ["Hi", STOP, ""],
        ["Hi", STOP, Reasoning("Hm")],
        ["Hi", STOP, ToolCall("c", "f", "{}")],
        ["Hi", STOP, CONTINUES],
    ],
)
def test_where_more_may_follow_only_the_idle_clock_ends_the_wait(play: list[Step]) -> None:
    assert 25 < seconds_left(*play) <= 30


def test_usage_after_a_finish_is_no_sign_of_more() -> None:
    assert seconds_left("Hi", STOP, Usage(1)) <= AFTER_FINISH_SECONDS


def test_what_comes_after_a_finish_belongs_to_the_answer_and_the_last_reason_counts() -> None:
    length = Finish("length", "length")
    assert items(ask(Player(["I am", STOP, " a model", Usage(1), length]))) == [
        "I am",
        " a model",
        Usage(1),
        length,
    ]


def test_the_end_of_the_body_ends_an_answer_that_went_on_behind_its_finish() -> None:
    assert items(ask(Player(["I am", CONTINUES, " a model"]))) == ["I am", " a model", CONTINUES]


@pytest.mark.parametrize("play", [["I am", CONTINUES], ["I am", STOP, " a"], ["I am", STOP, ""]])
@pytest.mark.parametrize(
    "trouble",
    [
        StreamInterrupted(),
        StreamTruncated(),
        ProtocolError(),
        DeadlineExceeded(clock="total"),
    ],
)
def test_trouble_where_more_may_follow_is_a_cut_answer(
    play: list[Step], trouble: G4FSyncError
) -> None:
    player = Player([*play, trouble])
    with pytest.raises(type(trouble)) as caught:
        ask(player).result()
    assert caught.value is trouble
    assert player.opened[0].closed == "abruptly"


def test_the_idle_clock_ends_an_answer_whose_finish_came_with_text() -> None:
    idle = DeadlineExceeded(clock="idle")
    assert items(ask(Player(["Hi", CONTINUES, idle]))) == ["Hi", CONTINUES]


def test_the_idle_clock_cuts_an_answer_that_went_on_behind_its_finish() -> None:
    with pytest.raises(DeadlineExceeded) as caught:
        ask(Player(["Hi", CONTINUES, " there", DeadlineExceeded(clock="idle")])).result()
    assert caught.value.partial == "Hi there"


def test_an_end_that_is_marked_without_a_reason_is_complete() -> None:
    stream = ask(Player(["Hi", Finish("")]))
    assert items(stream) == ["Hi", Finish("")]
    assert stream.finish_reason is None


# -- what a provider may yield ----------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["\ud83d", "\ude42"], "🙂"),
        (["a\ud83d", "\ude42b"], "a🙂b"),
        (["a\ud83d", "b"], "a\ufffdb"),
        (["a\ud83d"], "a\ufffd"),
        (["\ude42"], "\ufffd"),
        (["\ud83d", "\ud83d", "\ude42"], "\ufffd🙂"),
        (["Привет"], "Привет"),
    ],
)
def test_halves_of_a_character_are_put_together(tokens: list[Step], text: str) -> None:
    assert ask(Player([*tokens, STOP])).result().text == text


def test_an_event_between_two_halves_does_not_part_them() -> None:
    told = items(ask(Player(["\ud83d", Reasoning("Hm"), "\ude42", STOP])))
    assert told == [Reasoning("Hm"), "🙂", STOP]


@pytest.mark.parametrize(
    ("steps", "reasoning"),
    [
        (["\ud83d", "\ude42 hm"], "🙂 hm"),
        (["a\ud83d", "b"], "a\ufffdb"),
        (["a\ud83d"], "a\ufffd"),
        (["Привет"], "Привет"),
    ],
)
def test_halves_of_a_character_in_the_reasoning_are_put_together(
    steps: list[str], reasoning: str
) -> None:
    result = ask(Player([*map(Reasoning, steps), "Hi", STOP])).result()
    assert (result.reasoning, result.text) == (reasoning, "Hi")


def test_a_thought_of_half_a_character_is_no_event_yet() -> None:
    events = items(ask(Player([Reasoning("\ud83d"), Reasoning("\ude42"), "Hi", STOP])))
    assert events == [Reasoning("🙂"), "Hi", STOP]


@pytest.mark.parametrize(
    ("arguments", "complete"),
    [
        ('{"a":"\ud83d\ude42"}', '{"a":"🙂"}'),
        ('{"a":"\ud83d"}', '{"a":"\ufffd"}'),
        ('{"a":"\ud83d', '{"a":"\ufffd'),
        ('{"a":"é"}', '{"a":"é"}'),
    ],
)
def test_halves_of_a_character_in_a_call_are_put_together(arguments: str, complete: str) -> None:
    result = ask(Player([ToolCall("c", "f", arguments), STOP])).result()
    assert result.tool_calls == (ToolCall("c", "f", complete),)


@given(st.text(), st.lists(st.integers(min_value=0), max_size=5))
@settings(deadline=None, max_examples=50)
def test_any_cutting_into_utf16_units_gives_the_same_text(text: str, cuts: list[int]) -> None:
    units = text.encode("utf-16-le")
    edges = sorted(2 * (cut % (len(units) // 2 + 1)) for cut in cuts)
    spans = zip([0, *edges], [*edges, len(units)], strict=True)
    tokens: list[Step] = [units[a:b].decode("utf-16-le", "surrogatepass") for a, b in spans]
    assert ask(Player([*tokens, STOP])).result().text == text


class Shout(str):
    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


@pytest.mark.parametrize("token", [Text("Hi"), Shout("Hi")])
def test_text_in_another_guise_is_not_lost(token: str | Event) -> None:
    stream = ask(Player([token, STOP]))
    assert list(stream) == ["Hi"]
    assert stream.text == "Hi"


@pytest.mark.parametrize(
    "wrong",
    [5, None, ["Hi"], Reasoning(None), Text(5)],  # type: ignore[arg-type]  # what JSON may hold
)
def test_anything_but_text_and_events_is_a_protocol_error(wrong: object) -> None:
    with pytest.raises(ProtocolError, match=r"^player: the answer has another shape than expected"):
        ask(Player(["Hi", wrong, STOP])).result()  # type: ignore[list-item]  # that is the point


@pytest.mark.parametrize(
    "error",
    [KeyError("text"), TypeError("t"), ValueError("v"), IndexError("i"), AttributeError("a")],
)
def test_a_failed_look_up_is_a_protocol_error_with_evidence(error: Exception) -> None:
    def read(transport: Transport) -> None:
        list(transport.post("/ask").records())

    player = Player([read, error])
    transport = ScriptedTransport({"POST /ask": b'{"odd": 1}\n'})
    call = Call(player, "m", player.call().request, lambda scope: transport)
    stream = ChatStream(partial(engine.answer, [call], AT_ONCE), CancelScope())
    with pytest.raises(ProtocolError) as caught:
        stream.result()
    assert str(caught.value) == (
        f"player: the answer has another shape than expected ({type(error).__name__}: {error})"
    )
    assert caught.value.evidence == "{'odd': 1}"
    assert caught.value.__cause__ is error


def misspelt(transport: Any) -> None:
    transport.websocket("/ws")


def unimported(transport: Any) -> None:
    jsonlib.loads("{}")  # type: ignore[name-defined]  # noqa: F821 - that is the point


def uncalled(transport: Any) -> None:
    transport.post("/ask").json["text"]


def overfilled(transport: Any) -> None:
    transport.post("/ask", "text")


@pytest.mark.parametrize("before", [[], ["Hi"], ["Hi", STOP]], ids=["", "text", "the end"])
@pytest.mark.parametrize(
    ("mistake", "kind", "message"),
    [
        (misspelt, AttributeError, "'ScriptedTransport' object has no attribute 'websocket'"),
        (unimported, NameError, "name 'jsonlib' is not defined"),
        (uncalled, TypeError, "'method' object is not subscriptable"),
        (overfilled, TypeError, "takes 2 positional arguments but 3 "),
    ],
)
def test_a_mistake_in_a_provider_reaches_its_author_as_it_is(
    before: list[Step], mistake: Callable[[Any], None], kind: type[Exception], message: str
) -> None:
    player = Player([*before, mistake], ["Hi", STOP])
    stream = ask(player)
    with pytest.raises(kind, match=re.escape(message)) as caught:
        stream.result()
    assert type(caught.value) is kind
    assert any(entry.name == mistake.__name__ for entry in caught.traceback)
    assert stream.text == "".join(str(each) for each in before if isinstance(each, str))
    assert repr(stream).startswith("<ChatStream player m: failed, ")
    assert player.left == 1, "it is not tried again"
    assert player.opened[0].closed
    with pytest.raises(Cancelled):
        stream.result()


def test_a_provider_may_return_a_bare_iterator() -> None:
    class Bare(Player):
        def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
            return iter(["Hi", STOP])

    assert items(ask(Bare())) == ["Hi", STOP]


def test_a_stream_that_returns_nothing_is_a_protocol_error() -> None:
    class Nothing(Player):
        def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
            return None  # type: ignore[return-value]  # a forgotten yield

    with pytest.raises(ProtocolError):
        ask(Nothing()).result()


def test_a_provider_may_know_better_what_an_error_means() -> None:
    class Knowing(Player):
        def failure(self, error: G4FSyncError) -> G4FSyncError:
            return ContentFiltered("it is the prompt") if isinstance(error, ServerError) else error

    original = ServerError("HTTP 500")
    with pytest.raises(ContentFiltered) as caught:
        ask(Knowing([original], ["Hi", STOP])).result()
    assert caught.value.__cause__ is original


# -- ending early -----------------------------------------------------------


def test_cancel_is_seen_between_two_tokens() -> None:
    player = Player(["a", "b", STOP])
    stream = ask(player)
    assert next(stream) == "a"
    stream.cancel()
    with pytest.raises(Cancelled) as caught:
        next(stream)
    assert caught.value.partial == "a"
    assert (player.left, player.opened[0].closed) == (1, "abruptly")


@pytest.mark.parametrize("before", [[], ["Hi"]])
def test_ctrl_c_passes_through_and_frees(before: list[Step]) -> None:
    player = Player([*before, KeyboardInterrupt()], ["again", STOP])
    stream = ask(player)
    with pytest.raises(KeyboardInterrupt):
        stream.result()
    assert (player.left, [t.closed for t in player.opened]) == (1, ["abruptly"])


def test_an_interrupted_attempt_is_no_answer() -> None:
    stream = ask(Player([send, KeyboardInterrupt()]))
    with pytest.raises(KeyboardInterrupt):
        stream.result()
    [attempt] = stream.attempts
    assert attempt.phase == "first_token"
    assert isinstance(attempt.error, Cancelled)


def test_leaving_early_runs_the_providers_clean_up_then_frees() -> None:
    player = Player(["a", "b", STOP])
    for _ in ask(player):
        break
    assert (player.left, player.opened[0].closed) == (1, "abruptly")


def test_a_clean_up_that_fails_does_not_keep_the_connection() -> None:
    class Clumsy(Player):
        def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
            try:
                yield "a"
            finally:
                raise ServerError("in the clean-up")

    player = Clumsy()
    stream = ask(player)
    next(stream)
    with pytest.raises(ServerError, match="in the clean-up"):
        stream.close()
    assert player.opened[0].closed == "abruptly"


def test_times_are_those_of_the_scope() -> None:
    stream = ask(Player([RateLimited(retry_after=0.02)], ["Hi", STOP]))
    result = stream.result()
    failed, answered = result.attempts
    assert failed.seconds >= 0
    assert answered.seconds >= 0
    assert failed.seconds + 0.02 <= result.seconds
    assert result.first_token_seconds is not None
    assert 0.02 <= result.first_token_seconds <= result.seconds


def test_a_gate_is_held_until_the_answer_has_ended() -> None:
    gate = Gate(1)
    waiting = CancelScope(Timeout(None, None, None, 0.01))
    waiting.start()
    call = Player(["Hi", STOP]).call(gate)
    stream = ChatStream(partial(engine.answer, [call], AT_ONCE), CancelScope())
    next(stream)
    with pytest.raises(DeadlineExceeded), gate.slot(waiting):
        pass
    stream.close()
    with gate.slot(CancelScope()):
        pass

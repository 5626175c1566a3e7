"""Whatever goes wrong: the right error, with what came before, in time."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from g4fsync import (
    AuthenticationError,
    CaptchaRequired,
    Client,
    ConnectionFailed,
    DeadlineExceeded,
    G4FSyncError,
    ProtocolError,
    ProviderError,
    RateLimited,
    Retry,
    ServerError,
    StreamInterrupted,
    StreamTruncated,
    Timeout,
)
from g4fsync.emulator import (
    AlreadyFinished,
    At,
    Captcha,
    Challenge,
    Cut,
    Disconnect,
    Emulator,
    Fault,
    Garbage,
    HangBeforeHeaders,
    InBandError,
    InvalidUTF8,
    JSONAnswer,
    MessageReplied,
    Refuse,
    RefuseNamespace,
    Silence,
    Stall,
    Status,
    Trickle,
)
from g4fsync.providers.base import Provider
from tests.support.timing import FREED, MS

pytestmark = pytest.mark.usefixtures("no_leaks")

ProviderAt = Callable[..., Provider]
ALL = ("koala", "flowgpt", "myshell", "openassistant")
HTTP = ("koala", "flowgpt", "openassistant")
WHOLE = "You said: one two three"

Row = tuple[tuple[str, ...], Fault, type[G4FSyncError], str]
FAULTS: list[Row] = [
    (ALL, Refuse(reset=True), ConnectionFailed, ""),
    (ALL, Refuse(reset=False), ConnectionFailed, ""),
    (ALL, Status(400), ProviderError, "HTTP 400: the emulator was asked to say no"),
    (ALL, Status(401), AuthenticationError, "HTTP 401"),
    (ALL, Status(403), AuthenticationError, "HTTP 403"),
    (ALL, Status(404), ProviderError, "HTTP 404"),
    (ALL, Status(429, retry_after=3), RateLimited, "HTTP 429"),
    (ALL, Status(503), ServerError, "HTTP 503"),
    (ALL, Status(307, headers={"Location": "http://elsewhere.test/"}), ProviderError, "redirect"),
    (ALL, Challenge(), CaptchaRequired, "HTTP 403: a page that checks for a human"),
    (("koala", "flowgpt"), Challenge(code=200), CaptchaRequired, "HTTP 200: a page that checks"),
    (ALL, Captcha(), CaptchaRequired, ""),
    (HTTP, Cut(30), StreamInterrupted, ""),
    (HTTP, Cut(30, reset=True), StreamInterrupted, "broke"),
    (("myshell",), Cut(90), StreamInterrupted, "broke"),
    (("koala",), Garbage(13), ProtocolError, "expected JSON, got '{]"),
    (("openassistant",), Garbage(60), ProtocolError, "expected JSON, got '"),
    (("flowgpt",), Garbage(60, b"{]\n"), ProtocolError, "JSON"),
    (("myshell",), Garbage(60, b"{]"), ProtocolError, "expected an Engine.IO packet"),
    (("koala", "myshell"), InvalidUTF8(1), ProtocolError, "UTF-8"),
    (("flowgpt",), InvalidUTF8(1), ProtocolError, "expected JSON, got b'"),
    (("koala",), InBandError("no more"), ProviderError, "no more"),
    (("openassistant",), InBandError("no more"), ProviderError, "no more"),
    (("openassistant",), InBandError("Timeout"), ServerError, "Timeout"),
    (("openassistant",), AlreadyFinished("aborted_by_worker"), ProviderError, "aborted_by_work"),
    (("openassistant",), At("create", Status(500)), ServerError, "HTTP 500"),
    (("openassistant",), At("prompter_message", Status(413)), ProviderError, "HTTP 413"),
    (("openassistant",), At("assistant_message", Status(503)), ServerError, "HTTP 503"),
    (("myshell",), RefuseNamespace("full"), ProviderError, "namespace /chat refused: full"),
    (("myshell",), RefuseNamespace("full", bare=True), ProviderError, "refused: full"),
    (("myshell",), Disconnect(1), StreamTruncated, "closed the socket before its final frame"),
    (("myshell",), MessageReplied(), ProviderError, "the service replied without a stream"),
]


@pytest.mark.parametrize(
    ("name", "fault", "error", "message"),
    [
        pytest.param(name, fault, error, message, id=f"{name}-{fault!r}")
        for names, fault, error, message in FAULTS
        for name in names
    ],
)
def test_each_fault_is_the_right_error(
    name: str,
    fault: Fault,
    error: type[G4FSyncError],
    message: str,
    client: Client,
    emulator: Emulator,
    at: ProviderAt,
) -> None:
    emulator.far_sides[name].fault = fault
    stream = client.chat("one two three", provider=at(name))
    with pytest.raises(G4FSyncError) as caught:
        stream.result()
    failure = caught.value
    assert type(failure) is error, failure
    assert message in str(failure)
    assert str(failure).startswith(name)
    assert (failure.provider, failure.model) == (name, stream.model)
    assert failure.partial == stream.text
    assert WHOLE.startswith(failure.partial)
    assert len(failure.attempts) == 1
    assert emulator.openassistant.chats == ()


@pytest.mark.parametrize(
    ("name", "fault"), [("openassistant", AlreadyFinished()), ("koala", JSONAnswer())]
)
def test_other_forms_of_a_whole_answer_are_one(
    name: str, fault: Fault, client: Client, emulator: Emulator, at: ProviderAt
) -> None:
    emulator.far_sides[name].fault = fault
    assert client.ask("one two three", provider=at(name)).text == WHOLE
    assert emulator.openassistant.chats == ()


LIMIT = 150 * MS
# Bytes of the answer: behind its first token, inside its second.
INSIDE = {"koala": 20, "flowgpt": 50, "myshell": 180, "openassistant": 220}


SILENCES = [
    *((name, HangBeforeHeaders(), "first_token", False) for name in HTTP),
    *((name, HangBeforeHeaders(), "total", False) for name in ALL),
    *((name, Stall(0), "first_token", False) for name in ALL),
    *((name, Stall(0, keepalive=True), "first_token", False) for name in ALL),
    *((name, Stall(INSIDE[name]), "idle", True) for name in ALL),
    *((name, Stall(INSIDE[name], keepalive=True), "idle", True) for name in ALL),
    *((name, Stall(INSIDE[name]), "total", True) for name in ALL),
    *((name, Trickle(5 * MS), "total", None) for name in ALL),
    ("myshell", Silence(), "first_token", False),
    ("openassistant", At("create", HangBeforeHeaders()), "first_token", False),
]


@pytest.mark.parametrize(
    ("name", "fault", "clock", "partial"),
    [
        pytest.param(*each, marks=[pytest.mark.slow] if place % 3 else [])
        for place, each in enumerate(SILENCES)
    ],
)
def test_each_silence_ends_with_its_clock(
    name: str,
    fault: Fault,
    clock: str,
    partial: bool | None,
    client: Client,
    emulator: Emulator,
    at: ProviderAt,
) -> None:
    side = emulator.far_sides[name]
    side.fault = fault
    side.keepalive_seconds = 20 * MS
    if name == "myshell":
        emulator.myshell.ping_interval = 20 * MS
    others: dict[str, float | None] = {"connect": 20, "first_token": 20, "idle": 20, "total": 20}
    stream = client.chat(
        "one two three", provider=at(name), timeout=Timeout(**{**others, clock: LIMIT})
    )
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded) as caught:
        stream.result()
    elapsed = time.monotonic() - started
    assert caught.value.clock == clock
    assert caught.value.partial == stream.text
    assert partial is None or bool(stream.text) is partial
    assert LIMIT <= elapsed < LIMIT + 2 * FREED
    assert emulator.openassistant.chats == ()
    assert {record.ended for record in side.wait_ended()} <= {"client gone", "complete"}


def test_a_pause_of_the_caller_is_not_the_providers_silence(
    client: Client, emulator: Emulator, at: ProviderAt
) -> None:
    emulator.koala.pace = type(emulator.koala.pace)(tokens_per_second=100)
    tokens = []
    for token in client.chat("a b c", provider=at("koala"), timeout=Timeout(idle=40 * MS)):
        tokens.append(token)
        time.sleep(60 * MS)  # the caller is busy
    assert "".join(tokens) == "You said: a b c"


def test_a_deadline_in_the_back_off_sleep_ends_it_and_tells_what_had_failed(
    client: Client, emulator: Emulator, at: ProviderAt
) -> None:
    emulator.koala.fault = Status(503)
    stream = client.chat("Hi", provider=at("koala"), retry=Retry(3, 30, 30), timeout=20)
    with pytest.raises(ServerError):
        stream.result()  # the wait would not fit the time that is left: told at once
    assert stream.seconds < 5


@pytest.mark.parametrize("name", ALL)
def test_what_failed_before_the_first_token_is_tried_again(
    name: str, client: Client, emulator: Emulator, at: ProviderAt
) -> None:
    side = emulator.far_sides[name]
    side.faults = [Refuse(), Status(503), None]
    result = client.ask("one two three", provider=at(name), retry=Retry(3, 0, 0))
    assert result.text == WHOLE
    assert [type(a.error).__name__ for a in result.attempts] == [
        "ConnectionFailed",
        "ServerError",
        "NoneType",
    ]
    assert emulator.openassistant.chats == ()

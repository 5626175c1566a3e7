"""What a call says in the log, and how long an uncaught error is."""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from types import MappingProxyType

import pytest

from g4fsync import (
    AllFailed,
    ChatRequest,
    Client,
    ConnectionFailed,
    G4FSyncError,
    ProtocolError,
    Provider,
    Retry,
    ServerError,
    StreamInterrupted,
    Transport,
)
from g4fsync.call import logs
from g4fsync.emulator import Cut, Emulator, HangBeforeHeaders, Status
from g4fsync.events import Event
from g4fsync.testing import ScriptedTransport, chat
from tests.support.timing import MS

SOON = Retry(attempts=3, initial=0.01, maximum=0.01)
LONGEST = 30  # lines of an uncaught error


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="g4fsync")
    return caplog


def messages(log: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in log.records if r.name == "g4fsync.call"]


def test_a_retry_is_logged_with_its_reason_and_the_seconds(
    emulator: Emulator, log: pytest.LogCaptureFixture
) -> None:
    emulator.koala.faults = [Status(503)]
    with Client("koala", base_urls=emulator.base_urls, retry=SOON) as client:
        client.ask("Hi")
    retry, end = (r for r in log.records if r.name == "g4fsync.call")
    assert retry.levelno == end.levelno == logging.INFO
    assert retry.getMessage().startswith("koala:gpt-4o-mini: attempt 1 of 3: HTTP 503")
    assert retry.getMessage().endswith("; again in 0.0 s")
    assert 0 < vars(retry)["seconds"] <= 0.01
    assert end.getMessage().startswith("koala:gpt-4o-mini: end after 0.")


def test_the_end_is_logged_with_seconds_and_tokens(
    emulator: Emulator, log: pytest.LogCaptureFixture
) -> None:
    keys = {"openai": emulator.api_key}
    with Client("openai:gpt-4o", base_urls=emulator.base_urls, api_keys=keys) as client:
        result = client.ask("One secret prompt")
    (end,) = messages(log)
    assert end.startswith("openai:gpt-4o: stop after 0.")
    assert result.usage
    assert end.endswith(
        f", tokens: {result.usage.input_tokens} in, {result.usage.output_tokens} out"
    )
    assert "secret" not in log.text
    assert emulator.api_key not in log.text


def test_a_failure_is_logged_once_without_its_label_twice(
    emulator: Emulator, log: pytest.LogCaptureFixture
) -> None:
    emulator.koala.fault = Status(404)
    with Client("koala", base_urls=emulator.base_urls) as client, pytest.raises(G4FSyncError):
        client.ask("Hi")
    (end,) = messages(log)
    assert end.startswith("koala:gpt-4o-mini: failed after 0.")
    assert end.count("koala:") == 1


def test_another_model_in_place_of_a_failed_one_is_a_warning(
    emulator: Emulator, log: pytest.LogCaptureFixture
) -> None:
    urls = {**emulator.base_urls, "koala": emulator.refusing_url}
    with Client("koala", fallback=["flowgpt"], base_urls=urls, retry=1) as client:
        client.ask("Hi")
    (warning,) = (r for r in log.records if r.levelno == logging.WARNING)
    assert warning.name == "g4fsync.call"
    assert warning.getMessage().startswith(
        "koala:gpt-4o-mini failed (ConnectionFailed: connection to 127.0.0.1:"
    )
    assert warning.getMessage().endswith("; asking flowgpt:gpt-3.5-turbo in its place")


def test_a_hedge_is_logged(emulator: Emulator, log: pytest.LogCaptureFixture) -> None:
    emulator.koala.fault = HangBeforeHeaders()
    with Client(base_urls=emulator.base_urls) as client:
        client.race("Hi", ["koala", "flowgpt"], hedge_after=20 * MS).result()
    assert messages(log)[0].startswith("flowgpt joins the race after ")


# -- how long an uncaught error is ----------------------------------------


def printed(error: BaseException) -> list[str]:
    return "".join(traceback.format_exception(error)).splitlines()


SCRIPT = """
import sys
from g4fsync import Client, Retry
urls = {sys.argv[1].split(":")[0]: sys.argv[2]}
client = Client(sys.argv[1], base_urls=urls, retry=Retry(2, 0.01, 0.01))
"""
ASK = "client.ask('Hi')"
LOOP = "for chunk in client.chat('Hi'): pass"


@pytest.mark.parametrize("how", [ASK, LOOP])
@pytest.mark.parametrize("model", ["koala", "openai:m", "myshell"])
def test_an_uncaught_error_is_short(emulator: Emulator, model: str, how: str) -> None:
    url = emulator.refusing_url
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT + how, model, url], capture_output=True, text=True
    )
    lines = done.stderr.splitlines()
    assert len(lines) <= LONGEST, done.stderr
    assert lines[-1].startswith("g4fsync.errors.ConnectionFailed: ")
    assert sum(line.startswith("Traceback") for line in lines) == 1
    assert "urllib3" not in done.stderr
    assert "tenacity" not in done.stderr


def test_a_broken_answer_is_short_too_and_shows_the_providers_line(emulator: Emulator) -> None:
    emulator.koala.fault = Cut(after_bytes=40)
    client = Client("koala", base_urls=emulator.base_urls)
    with client, pytest.raises(StreamInterrupted) as caught:
        client.ask("one two three")
    text = printed(caught.value)
    assert len(text) <= LONGEST, text
    assert any("providers/koala.py" in line for line in text)
    assert caught.value.origin is not caught.value
    assert caught.value.__cause__ is None


class Odd(Provider):
    name = "odd"
    base_url = "http://odd.test"
    default_model = "m"
    models = MappingProxyType({"m": "m"})

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        for record in transport.post("/ask").records():
            yield record["no such member"]


def test_a_failed_look_up_shows_the_providers_own_line() -> None:
    transport = ScriptedTransport({"POST /ask": b'{"odd": 1}\n'})
    with pytest.raises(ProtocolError) as caught:
        chat(Odd(), "Hi", transport).result()
    text = printed(caught.value)
    assert len(text) <= LONGEST, "\n".join(text)
    assert any('yield record["no such member"]' in line for line in text)


def test_all_failed_is_short_and_names_each_model_once(emulator: Emulator) -> None:
    url = emulator.refusing_url
    urls = {"koala": url, "flowgpt": url}
    client = Client("koala", fallback=["flowgpt"], base_urls=urls, retry=SOON)
    with client, pytest.raises(AllFailed) as all_failed:
        client.ask("Hi")
    assert len(printed(all_failed.value)) <= LONGEST
    for line in str(all_failed.value).splitlines()[1:]:
        assert line.count("koala:") + line.count("flowgpt:") == 1


def test_debug_keeps_every_frame_and_logs_the_origin(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="g4fsync")
    client = Client("koala", base_urls={"koala": emulator.refusing_url}, retry=1)
    with client, pytest.raises(ConnectionFailed) as caught:
        client.ask("Hi")
    text = "".join(traceback.format_tb(caught.value.__traceback__))
    assert "call/attempt.py" in text
    assert "ConnectionRefusedError" in caplog.text


def test_an_error_pickles_without_its_origin() -> None:
    error = ServerError("HTTP 500", status=500)
    error.origin = OSError(socket := subprocess.PIPE, "x")
    error.partial = "so far"
    copied = pickle.loads(pickle.dumps(error))
    assert (copied.status, copied.partial, copied.origin) == (500, "so far", None)
    assert socket == subprocess.PIPE


def test_nothing_of_it_is_imported_with_the_client() -> None:
    code = "import sys; from g4fsync import Client; print('logging' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert logs.log.name == "g4fsync.call"

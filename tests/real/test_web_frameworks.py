"""Flask and Django under gunicorn: streamed, and freed when the browser leaves."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import quote

import pytest

from g4fsync.codecs.sse import SSEDecoder
from g4fsync.emulator import Emulator, Pace, Stall
from tests.support.chromium import browser, executable
from tests.support.timing import PATIENCE, eventually

from .conftest import Installed
from .processes import free_port, running

ROOT = Path(__file__).parents[2]
QUESTION = "one two three four five six seven eight nine ten"
HEARTBEAT = 15.0  # seconds, as the examples have it
FRAMEWORKS = ("flask", "django")

Serve = Callable[[str], int]


@pytest.fixture
def serve(installed_python: Installed, emulator: Emulator, tmp_path: Path) -> Iterator[Serve]:
    """Run a framework's example in gunicorn; the port it listens on."""
    command = installed_python("web").command
    environment = {
        "BASE_URLS": json.dumps(emulator.base_urls),
        "G4FSYNC_PLUGINS": "0",
        "PYTHONPATH": str(ROOT),
    }
    with ExitStack() as stack:

        def start(framework: str) -> int:
            port = free_port()
            application = f"tests.real.servers.web_apps:{framework}_application"
            options = ["--worker-class", "gthread", "--threads", "8", "--bind", f"127.0.0.1:{port}"]
            gunicorn = [*command, "-m", "gunicorn", "--no-control-socket", *options, application]
            stack.enter_context(
                running(gunicorn, port=port, folder=tmp_path, environment=environment)
            )
            return port

        yield start


@contextmanager
def asking(port: int) -> Iterator[HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4 * PATIENCE)
    try:
        connection.request("GET", f"/chat?question={quote(QUESTION)}")
        with connection.getresponse() as response:
            yield response
    finally:
        connection.close()


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_example_runs_as_it_is(installed_python: Installed, name: str) -> None:
    command = [*installed_python("web").command, f"examples/{name}_app.py"]
    environment = {"PYTHONPATH": str(ROOT), "G4FSYNC_PLUGINS": "0"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert 'data: {"text":" blue"}' in done.stdout


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_each_piece_arrives_when_it_was_made(serve: Serve, emulator: Emulator, name: str) -> None:
    emulator.koala.pace = Pace(tokens_per_second=10)
    decoder, arrived, texts = SSEDecoder(), [], []
    with asking(serve(name)) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        while piece := response.read1():
            for event in decoder.feed(piece):
                arrived.append(time.monotonic())
                texts.append(json.loads(event.data).get("text", ""))
    assert "".join(texts) == f"You said: {QUESTION}"
    assert arrived[-2] - arrived[0] > 0.5  # eleven pauses of a tenth of a second


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_visitor_who_leaves_frees_the_provider_within_two_heartbeats(
    serve: Serve, emulator: Emulator, name: str
) -> None:
    emulator.koala.fault = Stall(after_bytes=40)
    with asking(serve(name)) as response:
        assert b"You" in response.read1()
    left = time.monotonic()
    (request,) = emulator.koala.wait_ended(seconds=3 * HEARTBEAT)
    assert request.ended == "client gone"
    assert (request.ended_at or left) - left < 2 * HEARTBEAT + 5


@pytest.mark.skipif(executable() is None, reason="chromium is not installed")
def test_the_page_of_the_flask_example_shows_the_answer_and_asks_once(
    serve: Serve, emulator: Emulator
) -> None:
    emulator.koala.pace = Pace(tokens_per_second=50)
    with browser() as tab:
        tab.open(f"http://127.0.0.1:{serve('flask')}/", width=800)
        tab.run(f"document.querySelector('input').value = {QUESTION!r}")
        tab.run("document.querySelector('button').click()")
        expected = f"You said: {QUESTION}"
        eventually(lambda: tab.run("document.querySelector('pre').textContent") == expected)
        # An EventSource that is not closed would ask again after three seconds.
        time.sleep(4)
        assert tab.run("document.querySelector('pre').textContent") == expected
        assert len(emulator.koala.requests) == 1

        emulator.koala.fault = Stall(after_bytes=40)
        tab.run("document.querySelector('button').click()")
        eventually(lambda: tab.run("document.querySelector('pre').textContent") == "You said:")

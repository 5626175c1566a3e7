"""The emulator itself: ports, threads, pace, records."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from g4fsync.emulator import SHOWCASE, Emulator, Pace, Stall, Status, echo, words
from g4fsync.emulator.encoding import INVALID, compact, spaced
from g4fsync.emulator.replies import unflatten

Ask = Callable[..., requests.Response]
Connect = Callable[[str, bytes], socket.socket]


def threads() -> set[str]:
    return {t.name for t in threading.enumerate() if t.name.startswith("g4fsync-emulator")}


def test_close_joins_all_threads_at_once(tcp: Connect, koala_request: bytes) -> None:
    """Paced, stalled, idle and half-sent connections, and an open WebSocket."""
    assert threads() == set()
    opening = (
        b"GET /ws/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: KuyMMzhTB332X63/WwX+aQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\nUser-Agent: Mozilla/5.0 (X11)\r\n\r\n"
    )
    with Emulator(reply=lambda messages: itertools.repeat("x"), tokens_per_second=100) as emulator:
        koala, myshell = emulator.base_urls["koala"], emulator.base_urls["myshell"]
        emulator.koala.faults.extend([None, Stall(3)])
        paced = [tcp(koala, koala_request) for _ in range(2)]
        for connection in paced:
            assert connection.recv(1) == b"H"
        upgraded = tcp(myshell, opening)
        assert upgraded.recv(1) == b"H"
        others = [tcp(koala, b""), tcp(koala, koala_request[:50]), tcp(myshell, b"GET ")]
        while len(threads()) < 8:
            time.sleep(0)  # the accepting threads are on their way
        begun = time.monotonic()
    assert time.monotonic() - begun < 1.0
    assert threads() == set()
    assert {record.ended for record in emulator.koala.requests} == {"emulator closed"}
    assert {record.ended for record in emulator.myshell.requests} == {"emulator closed"}
    for connection in [*paced, upgraded, *others]:
        assert ended(connection)


def ended(connection: socket.socket) -> bool:
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def test_close_leaves_no_socket(koala_request: bytes, tcp: Connect) -> None:
    table = Path("/proc/self/fd")
    if not table.exists():
        pytest.skip("this system does not list open files")

    def use() -> None:
        with Emulator() as emulator:
            assert emulator.refusing_url
            connection = tcp(emulator.base_urls["koala"], koala_request)
            assert connection.recv(1) == b"H"
        connection.close()

    use()
    before = len(list(table.iterdir()))
    for _ in range(5):
        use()
    assert len(list(table.iterdir())) == before


def test_ports_are_on_loopback_and_free_again() -> None:
    with Emulator() as emulator:
        where = urlsplit(emulator.base_urls["koala"])
        assert where.hostname == "127.0.0.1"
        assert set(emulator.base_urls) == set(emulator.far_sides)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((where.hostname, where.port or 0), timeout=10)
    emulator.close()
    with pytest.raises(RuntimeError, match="before it is started"):
        _ = emulator.base_urls
    with pytest.raises(RuntimeError, match="before it is started"):
        _ = emulator.refusing_url


def test_it_can_be_started_again_but_not_twice(koala_request: bytes, tcp: Connect) -> None:
    emulator = Emulator()
    for _ in range(2):
        with emulator:
            with pytest.raises(RuntimeError, match="already"):
                emulator.start()
            assert tcp(emulator.base_urls["koala"], koala_request).recv(15) == b"HTTP/1.1 200 OK"


def test_unknown_far_side_is_404(emulator: Emulator) -> None:
    base = emulator.base_urls["koala"].removesuffix("/koala")
    for path in ("", "/", "/nobody/x"):
        answer = requests.get(f"{base}{path}", timeout=10)
        assert answer.status_code == 404
        assert "no far side" in answer.json()["message"]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"Transfer-Encoding: chunked", b"411"),
        (b"Content-Length: x", b"413"),
        (b"Content-Length: 999999999999", b"413"),
    ],
)
def test_body_without_a_usable_length_is_refused(
    emulator: Emulator, tcp: Connect, header: bytes, status: bytes
) -> None:
    request = b"POST /koala/api/gpt/ HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n"
    assert tcp(emulator.base_urls["koala"], request).recv(65536)[9:12] == status


def test_connection_is_kept_for_the_next_request(
    emulator: Emulator, tcp: Connect, koala_request: bytes
) -> None:
    connection = tcp(emulator.base_urls["koala"], koala_request * 2)
    content = b""
    while content.count(b"0\r\n\r\n") < 2:
        content += connection.recv(65536)
    assert [record.ended for record in emulator.koala.wait_ended(2)] == ["complete", "complete"]


def test_pipelined_request_does_not_end_the_wait(tcp: Connect, koala_request: bytes) -> None:
    with Emulator(reply=lambda messages: ["a", "b"], tokens_per_second=100) as emulator:
        connection = tcp(emulator.base_urls["koala"], koala_request)
        content = connection.recv(1)  # it waits for its first token now
        connection.sendall(koala_request)
        while content.count(b"0\r\n\r\n") < 2:
            content += connection.recv(65536)
        assert emulator.koala.requests[0].problem is None


def test_pace_and_latency(koala: Ask, emulator: Emulator) -> None:
    emulator.koala.pace = Pace(tokens_per_second=100)
    emulator.koala.latency = 0.05
    emulator.koala.reply = lambda messages: ["x"] * 5
    begun = time.monotonic()
    koala()
    assert time.monotonic() - begun >= 0.05 + 5 * 0.01


def test_jitter_is_the_same_for_the_same_seed() -> None:
    class Turn:
        number = 3

        def __init__(self) -> None:
            self.waited: list[float] = []

        def wait(self, seconds: float) -> None:
            self.waited.append(seconds)

        def find(self, kind: object) -> None:
            return None

    def gaps(seed: int) -> Iterator[float]:
        emulator = Emulator(tokens_per_second=1000, jitter=0.5, seed=seed)
        return itertools.islice(emulator.koala._gaps(3), 50)

    first, again, other = list(gaps(1)), list(gaps(1)), list(gaps(2))
    assert first == again != other
    assert all(0.0005 <= gap <= 0.0015 for gap in first)
    turn = Turn()
    emulator = Emulator(tokens_per_second=1000)
    assert list(emulator.koala.tokens(turn, [{"role": "user", "content": "a b"}]))
    # The times are kept on the whole, not from token to token.
    assert turn.waited[-1] == pytest.approx(0.004, abs=0.001)


def test_reply_that_fails_is_recorded(
    emulator: Emulator, koala: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    def reply(messages: list[dict[str, str]]) -> Iterator[str]:
        yield "a"
        raise ValueError("no more")

    emulator.koala.reply = reply
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        koala()
    (record,) = emulator.koala.wait_ended()
    assert record.problem == "the emulator failed: ValueError('no more')"
    assert record.ended == "cut"
    assert "koala: the answer failed" in caplog.text


def test_clear_forgets_all_but_settings(emulator: Emulator, koala: Ask) -> None:
    koala()
    emulator.koala.fault = Status(500)
    emulator.koala.faults.append(Status(501))
    emulator.koala.noise = True
    emulator.clear()
    assert emulator.koala.requests == []
    assert emulator.koala.noise
    assert koala().status_code == 200
    assert emulator.koala.wait_ended()[0].number == 2


def test_wait_ended_gives_up(emulator: Emulator) -> None:
    with pytest.raises(TimeoutError):
        emulator.koala.wait_ended(1, seconds=0.01)


def test_cookies_and_key() -> None:
    emulator = Emulator(api_key="k")
    assert emulator.api_key == "k"
    assert emulator.cookies("koala") == {}
    assert list(emulator.cookies("openassistant")) == ["next-auth.session-token"]
    with pytest.raises(KeyError):
        emulator.cookies("nobody")


def test_without_websockets_http_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("g4fsync.emulator.server._make_myshell", lambda reply, pace: None)
    with Emulator() as emulator:
        assert "myshell" not in emulator.base_urls
        assert "koala" in emulator.base_urls
        with pytest.raises(ImportError, match=r'pip install "g4fsync\[emulator\]"'):
            _ = emulator.myshell


def test_default_reply() -> None:
    assert list(echo([{"role": "user", "content": " a\nb "}])) == [
        "You",
        " said:",
        "  a",
        "\nb",
        " ",
    ]
    many = [{"role": "user", "content": "x"}] * 3
    assert "".join(echo(many)) == "You said: x\n(message 3 of our conversation)"
    assert SHOWCASE in "".join(echo([{"role": "user", "content": "Showcase!"}]))
    assert "".join(words(SHOWCASE)) == SHOWCASE


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("Hi", [("user", "Hi")]),
        ("Hi\nAssistant:", [("user", "Hi\nAssistant:")]),
        ("User: a\nAssistant: b", [("user", "User: a\nAssistant: b")]),
        ("System: x\nUser: a\n\nb\nAssistant:", [("system", "x"), ("user", "a\n\nb")]),
    ],
)
def test_unflatten(text: str, messages: list[tuple[str, str]]) -> None:
    assert [(m["role"], m["content"]) for m in unflatten(text)] == messages


def test_json_of_half_a_character_is_escaped() -> None:
    assert compact({"a": "\ud83d", "b": "🙂"}) == '{"a":"\\ud83d","b":"🙂"}'.encode()
    assert compact(f"x{INVALID}") == b'"x\xff\xfe"'
    assert spaced({"a": f"Ж{INVALID}"}) == b'{"a": "\\u0416\xff\xfe"}'


def test_a_reply_that_fails_before_its_answer_is_a_500(emulator: Emulator) -> None:
    failure = ValueError("no words")

    def reply(messages: list[dict[str, str]]) -> list[str]:
        raise failure

    emulator.openai.reply = reply
    answer = requests.post(
        f"{emulator.base_urls['openai']}/chat/completions",
        json={"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]},
        headers={"Authorization": f"Bearer {emulator.api_key}"},
        timeout=10,
    )
    message = "the emulator failed: ValueError('no words')"
    assert answer.status_code == 500
    assert answer.json()["error"]["message"] == message
    assert answer.headers["X-Emulator-Problem"] == message
    (record,) = emulator.openai.wait_ended()
    assert (record.problem, record.failure, record.ended) == (message, failure, "complete")


def test_a_body_nested_too_deep_is_refused(emulator: Emulator) -> None:
    answer = requests.post(
        f"{emulator.base_urls['ollama']}/api/chat", data="[" * 100_000, timeout=10
    )
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("body: no JSON: ")

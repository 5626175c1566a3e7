"""Keys, cookies and prompts reach the origin asked and nobody else, and stand in no message.

That no error of the matrix tells one is looked at in each of its cells.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from g4fsync import Client, Retry
from g4fsync.errors import ConfigurationError, G4FSyncError, InvalidRequest
from g4fsync.providers.openassistant import OpenAssistant
from tests.faults.cells import Cell, Fault, Outcome, params
from tests.faults.farside import Far, SocketFar
from tests.faults.protocols import (
    ANTHROPIC,
    COOKIE,
    EVERY,
    GEMINI,
    HTTP,
    KEY,
    MYSHELL,
    OLLAMA,
    OPENAI,
    OPENASSISTANT,
    PROMPT,
    Protocol,
)
from tests.support.servers import Peer, Server

KEYED = (OPENAI, ANTHROPIC, GEMINI, OLLAMA)


@pytest.mark.parametrize("protocol", EVERY, ids=repr)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_brings_another_origin_nothing(
    cell: Cell, protocol: Protocol, status: int
) -> None:
    def elsewhere(peer: Peer) -> None:
        peer.hold()

    with Server(elsewhere) as other:

        def script(far: Far) -> None:
            where = f"Location: http://127.0.0.1:{other.port}{far.protocol.path}"
            far.peer.answer(b"", where, "Connection: close", status=f"{status} Away")

        with Server(cell.talk(protocol, script)) as server:
            outcome = Outcome(tokens=0)
            seen = cell.ask(f"secrets: redirect {status}", protocol, server, outcome)
        assert isinstance(seen.error, G4FSyncError)
        assert other.peers == []


@pytest.mark.parametrize("protocol", HTTP, ids=repr)
def test_cookies_set_by_one_answer_go_to_no_other_call(cell: Cell, protocol: Protocol) -> None:
    def script(far: Any) -> None:
        far.open("Set-Cookie: theirs=1; Path=/", "Set-Cookie: wide=1; Domain=127.0.0.1; Path=/")
        far.whole()

    with Server(cell.talk(protocol, script)) as server:
        for _ in range(2):
            cell.ask("secrets: Set-Cookie", protocol, server, Outcome())
        cookies = [each.headers.get("cookie", "") for each in server.requests]
    assert not any("theirs" in each or "wide" in each for each in cookies[:1])
    second = [r.headers.get("cookie", "") for r in server.requests if protocol.is_ask(r)][1]
    assert "theirs" not in second
    assert "wide" not in second


def test_cookies_set_by_a_websocket_go_to_no_other_call(cell: Cell) -> None:
    def script(far: SocketFar) -> None:
        far.open(f"Set-Cookie: theirs={COOKIE}; Domain=127.0.0.1; Path=/")
        far.whole()

    with Server(cell.talk(MYSHELL, script)) as server:
        for _ in range(2):
            cell.ask("secrets: Set-Cookie", MYSHELL, server, Outcome())
    assert [each.headers.get("cookie") for each in server.requests] == [None, None]


# -- what a server echoes -----------------------------------------------


def echo(status: int, far: Far) -> None:
    """A refusal that quotes all it was sent."""
    sent = "; ".join(f"{name}: {value}" for name, value in far.request.headers.items())
    body = f'{{"error": {{"message": "not with {sent}"}}}}'.replace('"v', "v").encode()
    far.peer.answer(
        body, "Connection: close", "Content-Type: application/json", status=f"{status} No"
    )


def echo_in_band(far: Far) -> None:
    far.open()
    far.token(0)
    message = f"Incorrect API key provided: {KEY}".encode()
    far.send(far.protocol.error.replace(b"out of order", message))
    far.finish()


def echo_out_of_form(far: Far) -> None:
    far.open()
    far.token(0)
    far.send(f"garbage {KEY}\n\ndata: garbage {KEY}\n\n".encode())
    far.finish()


def failed(protocol: Protocol) -> Outcome:
    return Outcome(tokens=1)


ECHOES = [
    *(
        Fault(f"secrets: echoed with {status}", partial(echo, status), failed)
        for status in (400, 401, 403, 429, 500)
    ),
    Fault("secrets: echoed in the stream", echo_in_band, failed),
    Fault("secrets: echoed as garbage", echo_out_of_form, failed),
]


@pytest.mark.parametrize(
    ("fault", "protocol"),
    [each for each in params(ECHOES) if each.values[1] in KEYED],
)
def test_an_echoed_key_is_blotted_out(cell: Cell, fault: Fault, protocol: Protocol) -> None:
    with Server(cell.talk(protocol, fault.script)) as server:
        seen = cell.ask(fault.name, protocol, server, Outcome())
    assert isinstance(seen.error, G4FSyncError)


# -- injection ----------------------------------------------------------

BREAKS = ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\0b", "a\x7fb", "a\u2028b", "世界"]


def refused_before_sending(attempt: Callable[[str, Client], object]) -> None:
    """*attempt* must fail as the caller's mistake, and open nothing."""

    def talk(peer: Peer) -> None:
        peer.hold()

    with Server(talk) as server, Client(retry=Retry(1), timeout=5) as client:
        with pytest.raises((InvalidRequest, ConfigurationError)) as caught:
            attempt(server.url, client)
        assert server.peers == []
    assert "SECRET" not in str(caught.value) + repr(caught.value)
    before = caught.value.__cause__ or caught.value.__context__
    assert "SECRET" not in repr(before)


@pytest.mark.parametrize("bad", BREAKS)
@pytest.mark.parametrize("protocol", KEYED, ids=repr)
def test_a_key_that_breaks_its_header_is_refused(
    protocol: Protocol, bad: str, no_proxy_variables: None
) -> None:
    def attempt(url: str, client: Client) -> None:
        given = protocol.arguments(url) | {"api_key": "SECRET" + bad}
        client.ask(PROMPT, **given)

    refused_before_sending(attempt)


@pytest.mark.parametrize("bad", [*BREAKS, "a; b=1"])
def test_a_cookie_that_breaks_its_header_is_refused(bad: str, no_proxy_variables: None) -> None:
    def attempt(url: str, client: Client) -> None:
        given = OPENASSISTANT.arguments(url) | {"cookies": {"name": "SECRET" + bad}}
        client.ask(PROMPT, **given)

    refused_before_sending(attempt)


@pytest.mark.parametrize("bad", BREAKS)
@pytest.mark.parametrize("protocol", KEYED, ids=repr)
def test_a_header_of_the_callers_that_breaks_out_is_refused(
    protocol: Protocol, bad: str, no_proxy_variables: None
) -> None:
    def by_value(url: str, client: Client) -> None:
        headers = {"X-Mine": bad + "SECRET"}
        client.ask(PROMPT, extra_headers=headers, **protocol.arguments(url))

    refused_before_sending(by_value)


@pytest.mark.parametrize("bad", [*BREAKS, " X", "X ", "X:", "X: 1", "", "X\t"])
@pytest.mark.parametrize("protocol", KEYED, ids=repr)
def test_a_header_name_that_is_none_is_refused(
    protocol: Protocol, bad: str, no_proxy_variables: None
) -> None:
    def attempt(url: str, client: Client) -> None:
        client.ask(PROMPT, extra_headers={bad: "1"}, **protocol.arguments(url))

    refused_before_sending(attempt)


@pytest.mark.parametrize(
    "model",
    ["../../admin", "a/b", "m?key=1", "m#x", "m%2f..", "m\r\nHost: evil", "..", "m:other", "模型"],
)
def test_a_model_name_can_not_leave_its_path(model: str, no_proxy_variables: None) -> None:
    def talk(peer: Peer) -> None:
        if peer.request() is not None:
            peer.answer(b"{}", "Connection: close", status="404 No")

    with Server(talk) as server, Client(retry=Retry(1), timeout=5) as client:
        with pytest.raises(G4FSyncError):
            client.ask(PROMPT, **GEMINI.arguments(server.url) | {"model": model})
        for request in server.requests:
            path, _, query = request.target.partition("?")
            assert path.startswith("/v1beta/models/")
            assert path.endswith(":streamGenerateContent")
            assert path.count("/") == 3
            assert query == "alt=sse"
            assert "host" in request.headers
            assert "evil" not in request.headers["host"]


@pytest.mark.parametrize("id", ["../admin", "a/b?c=d#e", "a\r\nX: 1", "..", "%2e%2e"])
def test_an_id_from_the_server_can_not_leave_its_path(id: str, no_proxy_variables: None) -> None:
    def talk(peer: Peer) -> None:
        while peer.request() is not None:
            peer.answer(json.dumps({"id": id}).encode())

    with Server(talk) as server, Client(retry=Retry(1), timeout=5) as client:
        with pytest.raises(G4FSyncError):
            client.ask(PROMPT, provider=OpenAssistant(server.url, face="inference"))
        allowed = {"prompter_message", "assistant_message", "events", ""}
        for request in server.requests[1:]:
            path = request.target.partition("?")[0]
            assert path.startswith("/chats/")
            assert path.rpartition("/")[2] in allowed or path.count("/") in (2, 4)
            assert "/../" not in path + "/"
            assert "/./" not in path + "/"


@pytest.mark.parametrize(
    "url", ["http://a\r\nb", "http://a b", "http://[", "ftp://a", "http://a/?x=1", "http://a/#x"]
)
@pytest.mark.parametrize("protocol", EVERY, ids=repr)
def test_a_base_url_that_is_none_is_refused(protocol: Protocol, url: str) -> None:
    with pytest.raises((InvalidRequest, ConfigurationError)):
        protocol.arguments(url)

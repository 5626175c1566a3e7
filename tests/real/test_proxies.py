"""The client through nginx, HAProxy, tinyproxy and Dante, with the emulator behind them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from g4fsync import Client, Retry
from g4fsync.emulator import Emulator, words
from g4fsync.emulator.faults import Cut, Fault, Framing, HangBeforeHeaders, Stall
from g4fsync.errors import (
    ConnectionFailed,
    G4FSyncError,
    ProtocolError,
    ProviderError,
    ServerError,
    StreamInterrupted,
    StreamTruncated,
)
from g4fsync.messages import ChatResult
from g4fsync.providers.myshell import Myshell
from tests.support.timing import PATIENCE

from . import proxies
from .proxies import PASSWORD, USER, Behind

trustme = pytest.importorskip("trustme")

QUESTION = "Grüße 🦙, wie geht es dir heute, und was macht der Nebel\u2028am See?"
ANSWER = f"You said: {QUESTION}"
APIS = ("openai", "anthropic", "gemini", "ollama")
#: Provider -> how it is asked.
MODELS = {
    "openai": "openai:gpt-5",
    "anthropic": "anthropic:claude-opus-4-1",
    "gemini": "gemini:gemini-2.5-pro",
    "ollama": "ollama:llama3.2:latest",
    "koala": "koala",
    "flowgpt": "flowgpt",
    "openassistant": "openassistant",
    "myshell": "myshell",
}
#: All ways to the emulator: reverse proxies by their face, forward proxies by their target.
ROUTES = (
    "nginx tls",
    "nginx gzip",
    "nginx buffered",
    "haproxy tls",
    "haproxy gzip",
    "tinyproxy plain",
    "tinyproxy tls",
    "dante plain",
    "dante tls",
)
FORWARD = ("tinyproxy plain", "tinyproxy tls", "dante plain", "dante tls")
#: Those that pass on each piece at once; HAProxy's compression does so mostly, not always.
UNBUFFERED = tuple(route for route in ROUTES if route not in ("nginx buffered", "haproxy gzip"))

pytestmark = pytest.mark.usefixtures("no_proxy_variables")


def reply(messages: list[dict[str, str]]) -> list[str]:
    return words(f"You said: {messages[-1]['content']}")


@dataclass
class Lab:
    """The emulator, and the proxies, each started when it is first asked for."""

    emulator: Emulator
    folder: Path
    stack: contextlib.ExitStack
    _running: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def authority(self) -> str:
        """The path of the private CA's certificate."""
        self.behind  # noqa: B018  # makes it
        return str(self.folder / "authority.pem")

    @cached_property
    def behind(self) -> Behind:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.folder / "authority.pem"))
        issued = authority.issue_cert("127.0.0.1", "localhost")
        certificate, key = self.folder / "certificate.pem", self.folder / "key.pem"
        for blob in issued.cert_chain_pems:
            blob.write_to_path(str(certificate), append=True)
        issued.private_key_pem.write_to_path(str(key))
        urls = self.emulator.base_urls
        return Behind(
            http_port=urlsplit(urls["openai"]).port or 0,
            websocket_port=urlsplit(urls["myshell"]).port or 0,
            refusing_port=urlsplit(self.emulator.refusing_url).port or 0,
            certificate=certificate,
            key=key,
        )

    def proxy(self, name: str) -> Any:
        """The ports of a reverse proxy, the port of another; skips when it is not installed."""
        if name not in self._running:
            executable = {"dante": "danted"}.get(name, name)
            if proxies.program(executable) is None:
                package = proxies.PACKAGES[executable]
                pytest.skip(f"{name} is not installed: apt-get install {package}")
            if name == "dante" and (reason := proxies.why_no_dante()):
                pytest.skip(reason)
            folder = self.folder / name
            folder.mkdir(exist_ok=True)
            start: Callable[..., Any] = getattr(proxies, name)
            arguments = (folder, self.behind) if name in ("nginx", "haproxy") else (folder,)
            self._running[name] = self.stack.enter_context(start(*arguments))
        return self._running[name]

    def origin(self, name: str, face: str) -> str:
        """Where a face of a reverse proxy is."""
        port = self.proxy(name)[face]
        return f"{'https' if face == 'tls' else 'http'}://127.0.0.1:{port}"

    def base_urls(self, origin: str | None) -> Mapping[str, str]:
        """The emulator's, moved to *origin*."""
        urls = self.emulator.base_urls
        if origin is None:
            return urls
        return {name: origin + urlsplit(url).path for name, url in urls.items()}

    def proxy_url(self, name: str, password: str | None = None) -> str:
        """For ``Client(proxy=)``."""
        right = {"tinyproxy": "secret1", "dante": PASSWORD}[name]
        scheme = {"tinyproxy": "http", "dante": "socks5h"}[name]
        secret = quote(right if password is None else password, safe="")
        return f"{scheme}://{USER}:{secret}@127.0.0.1:{self.proxy(name)}"

    def client(self, route: str, **settings: Any) -> Client:
        """A client that takes *route* to the emulator, and tries once."""
        name, face = route.split()
        arguments: dict[str, Any] = {
            "retry": Retry(attempts=1),
            "timeout": PATIENCE,
            "verify": self.authority,
            "api_keys": dict.fromkeys(APIS, self.emulator.api_key),
            "cookies": {"openassistant": self.emulator.cookies("openassistant")},
        }
        if name in ("tinyproxy", "dante"):
            arguments["proxy"] = self.proxy_url(name)
            # What is behind TLS is nginx again, so that CONNECT leads to a private CA.
            origin = self.origin("nginx", "tls") if face == "tls" else None
        else:
            origin = self.origin(name, face)
        return Client(**{"base_urls": self.base_urls(origin), **arguments, **settings})


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with contextlib.ExitStack() as stack:
        emulator = stack.enter_context(Emulator(reply))
        yield Lab(emulator, tmp_path_factory.mktemp("proxies"), stack)


@pytest.fixture
def lab(started: Lab) -> Iterator[Lab]:
    """Without the faults of the test before."""
    started.emulator.clear()
    yield started
    for side in started.emulator.far_sides.values():
        side.fault = None
        side.faults.clear()


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("provider", [name for name in MODELS if name != "myshell"])
def test_the_exact_text(lab: Lab, route: str, provider: str) -> None:
    with lab.client(route) as client:
        result = client.ask(QUESTION, model=MODELS[provider])
    assert result.text == ANSWER


@pytest.mark.parametrize("route", UNBUFFERED)
@pytest.mark.parametrize("provider", ["openai", "ollama", "flowgpt"])
def test_tokens_are_not_held_back(lab: Lab, route: str, provider: str) -> None:
    lab.emulator.far_sides[provider].fault = Stall(after_bytes=400, seconds=1.0)
    with lab.client(route) as client:
        stream = client.chat(QUESTION * 20, model=MODELS[provider])
        assert stream.result().text == f"You said: {QUESTION * 20}"
    assert stream.seconds is not None
    assert stream.seconds > 1
    assert stream.first_token_seconds is not None
    assert stream.seconds - stream.first_token_seconds > 0.5


@pytest.mark.parametrize("route", [route for route in ROUTES if route != "nginx buffered"])
def test_a_websocket(lab: Lab, route: str) -> None:
    with lab.client(route) as client:
        name, face = route.split()
        origin = None
        if face != "plain":
            origin = lab.origin("nginx" if name in ("tinyproxy", "dante") else name, face)
        provider = Myshell(lab.base_urls(origin)["myshell"], settle=0)
        assert client.ask(QUESTION, provider=provider).text == ANSWER


# -- cuts ---------------------------------------------------------------------


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("after_bytes", [900, 1501])
def test_a_cut_answer_is_never_complete(
    lab: Lab, route: str, provider: str, reset: bool, after_bytes: int
) -> None:
    question = QUESTION * 5
    lab.emulator.far_sides[provider].fault = Cut(after_bytes, reset=reset)
    with lab.client(route) as client, pytest.raises(G4FSyncError) as caught:
        client.ask(question, model=MODELS[provider])
    assert_cut(caught.value, f"You said: {question}")


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("provider", ["openai", "ollama"])
def test_an_answer_cut_where_the_connection_ends_the_body(
    lab: Lab, route: str, provider: str
) -> None:
    """Nothing in HTTP tells that this is no end."""
    question = QUESTION * 5
    lab.emulator.far_sides[provider].fault = (Framing("close"), Cut(900))
    with lab.client(route) as client, pytest.raises(G4FSyncError) as caught:
        client.ask(question, model=MODELS[provider])
    assert_cut(caught.value, f"You said: {question}")


def assert_cut(error: G4FSyncError, complete: str) -> None:
    # HAProxy 2.6 sends the last piece uncompressed when its server is cut: a ProtocolError.
    # A buffering proxy may find the cut before it has sent a byte: ServerError.
    kinds = (StreamInterrupted, StreamTruncated, ProtocolError, ConnectionFailed, ServerError)
    assert isinstance(error, kinds), repr(error)
    assert complete.startswith(error.partial)
    assert error.partial != complete


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize("busy_seconds", [0, 1])
def test_haproxys_uncompressed_last_piece_costs_no_text(
    lab: Lab, provider: str, busy_seconds: float
) -> None:
    """What came before the damage is handed out, also when both came while the caller was busy."""
    question = QUESTION * 20
    pauses = (Stall(after_bytes=1000, seconds=0.3), Stall(after_bytes=1600, seconds=0.3))
    lab.emulator.far_sides[provider].fault = (*pauses, Cut(2400))
    with lab.client("haproxy gzip") as client:
        stream = client.chat(question, model=MODELS[provider])
        next(stream)
        time.sleep(busy_seconds)
        with pytest.raises(G4FSyncError) as caught:
            list(stream)
    assert_cut(caught.value, f"You said: {question}")
    assert caught.value.partial.startswith(f"You said: {QUESTION[:12]}")


# -- what proxies say themselves ----------------------------------------------


@pytest.mark.parametrize(
    ("name", "fault", "status"),
    [
        ("nginx", None, 502),
        ("haproxy", None, 503),
        ("nginx", HangBeforeHeaders(), 504),
        ("haproxy", HangBeforeHeaders(), 504),
    ],
)
@pytest.mark.parametrize("provider", APIS)
def test_a_gateway_without_a_server(
    lab: Lab, name: str, fault: Fault | None, status: int, provider: str
) -> None:
    lab.emulator.far_sides[provider].fault = fault
    with lab.client(f"{name} {'hasty' if fault else 'down'}") as client:
        with pytest.raises(ServerError) as caught:
            client.ask(QUESTION, model=MODELS[provider])
        assert caught.value.status == status
        assert caught.value.retryable
        assert f"HTTP {status}" in str(caught.value)
        assert "<html" not in str(caught.value)


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
@pytest.mark.parametrize("provider", APIS)
def test_a_gateway_that_tires_of_a_silent_stream(lab: Lab, name: str, provider: str) -> None:
    lab.emulator.far_sides[provider].fault = Stall(after_bytes=900)
    with lab.client(f"{name} hasty") as client, pytest.raises(StreamInterrupted) as caught:
        client.ask(QUESTION * 5, model=MODELS[provider])
    assert_cut(caught.value, f"You said: {QUESTION * 5}")
    assert caught.value.partial


def test_a_second_try_after_a_bad_gateway(lab: Lab) -> None:
    lab.emulator.openai.faults.append(HangBeforeHeaders())
    with lab.client("nginx hasty", retry=Retry(attempts=2, initial=0.01)) as client:
        result = client.ask(QUESTION, model=MODELS["openai"])
    assert result.text == ANSWER
    assert [type(attempt.error) for attempt in result.attempts] == [ServerError, type(None)]


def test_a_request_too_long_for_the_gateway(lab: Lab) -> None:
    """nginx refuses a body of more than 1 MB while it is being sent."""
    with lab.client("nginx tls") as client, pytest.raises(ProviderError) as caught:
        client.ask("x" * 3_000_000, model=MODELS["openai"])
    assert caught.value.status == 413


# -- connections --------------------------------------------------------------


def connections(lab: Lab, path: str) -> list[int]:
    """nginx's numbers of the connections that requests of *path* came by."""
    log = (lab.folder / "nginx" / "access.log").read_text().splitlines()
    return [int(line.split()[0]) for line in log if path in line]


def test_a_connection_is_used_again(lab: Lab) -> None:
    with lab.client("nginx tls") as client:
        client.ask(QUESTION, model=MODELS["openai"])
        before = len(connections(lab, "/openai/"))
        for _ in range(4):
            assert client.ask(QUESTION, model=MODELS["openai"]).text == ANSWER
    numbers = connections(lab, "/openai/")[before - 1 :]
    assert len(numbers) == 5
    assert len(set(numbers)) == 1


def test_a_connection_that_the_gateway_has_closed_is_not_used(lab: Lab) -> None:
    with lab.client("nginx tls") as client:
        for _ in range(2):
            result = client.ask(QUESTION, model=MODELS["openai"])
            assert (result.text, len(result.attempts)) == (ANSWER, 1)
            time.sleep(1.3)  # the gateway keeps it for a second


@pytest.mark.parametrize("route", ROUTES)
def test_side_by_side(lab: Lab, route: str) -> None:
    models = [MODELS[name] for name in APIS] * 3
    with lab.client(route) as client, client.compare(QUESTION, models) as comparison:
        for _ in comparison:
            pass
    texts = [r.text if isinstance(r, ChatResult) else r for r in comparison.results]
    assert texts == [ANSWER] * len(models)


@pytest.mark.parametrize("route", ["nginx tls", "haproxy tls", "tinyproxy tls", "dante tls"])
def test_an_authority_that_is_not_trusted(lab: Lab, route: str) -> None:
    with lab.client(route, verify=True) as client, pytest.raises(ConnectionFailed) as caught:
        client.ask(QUESTION, model=MODELS["openai"])
    assert "certificate" in str(caught.value)


@pytest.mark.parametrize("route", ["nginx tls", "tinyproxy tls"])
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_an_authority_from_the_environment(
    lab: Lab, route: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, lab.authority)
    with lab.client(route, verify=True) as client:
        assert client.ask(QUESTION, model=MODELS["openai"]).text == ANSWER


# -- proxies with a password --------------------------------------------------


@pytest.mark.parametrize("route", FORWARD)
@pytest.mark.parametrize("provider", ["openai", "myshell"])
def test_a_wrong_password(lab: Lab, route: str, provider: str) -> None:
    name = route.split()[0]
    wrong = lab.proxy_url(name, "wr@ng:guess")
    with lab.client(route, proxy=wrong) as client, pytest.raises(G4FSyncError) as caught:
        client.ask(QUESTION, model=MODELS[provider])
    error = caught.value
    if (route, provider) == ("tinyproxy plain", "openai"):
        # To a plain request tinyproxy 1.11 says 401 as if it were the server.
        assert str(error) == "openai: HTTP 401: an HTML page in place of an answer"
    else:
        assert isinstance(error, ConnectionFailed)
        assert "the proxy at 127.0.0.1" in str(error)
    assert "ng:guess" not in f"{error!r} {error.__cause__!r}"
    assert "ng%3Aguess" not in f"{error!r} {error.__cause__!r}"


@pytest.mark.parametrize("route", ["tinyproxy plain", "dante plain"])
def test_no_password(lab: Lab, route: str) -> None:
    name = route.split()[0]
    bare = lab.proxy_url(name).replace(lab.proxy_url(name).split("//")[1].split("@")[0] + "@", "")
    with lab.client(route, proxy=bare) as client, pytest.raises(G4FSyncError) as caught:
        client.ask(QUESTION, model=MODELS["openai"])
    assert "proxy" in str(caught.value).lower()


@pytest.mark.parametrize("route", ["tinyproxy plain", "dante plain"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nobody_listens_behind_the_proxy(lab: Lab, route: str, scheme: str) -> None:
    url = lab.emulator.refusing_url.replace("http", scheme)
    with (
        lab.client(route, base_urls={"openai": url}) as client,
        pytest.raises((ConnectionFailed, ServerError)) as caught,
    ):
        client.ask(QUESTION, model=MODELS["openai"])
    assert caught.value.retryable


def test_a_proxy_from_the_environment(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", lab.proxy_url("tinyproxy"))
    with lab.client("nginx tls") as client:
        assert client.ask(QUESTION, model=MODELS["openai"]).text == ANSWER

"""g4fsync/doctor/: each step of a checkup, and servers told apart by what they say."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from g4fsync.doctor import discovery, ports as places
from g4fsync.doctor.checkup import Checkup, Step
from g4fsync.doctor.choosing import cheapest
from g4fsync.doctor.discovery import Server, find_servers
from g4fsync.emulator import Emulator, HangBeforeHeaders
from g4fsync.errors import ConfigurationError, DeadlineExceeded, InvalidRequest
from g4fsync.transport.adapter import Adapter
from g4fsync.urls import without_password
from tests.support import proxies
from tests.support.proxies import http_proxy, relay
from tests.support.servers import Peer, full_listener
from tests.support.timing import MS, Worker

if TYPE_CHECKING:
    import ssl

    from .conftest import Serve

SECRET = "sk-test-sEcReT-0123456789-9f3a"  # its mask is sk-…9f3a
VARIABLES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "OLLAMA_HOST", "LLAMA_API_KEY")

pytestmark = pytest.mark.usefixtures("no_proxy_variables")


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("G4FSYNC_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("G4FSYNC_PLUGINS", "0")
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def steps(model: str, **arguments: Any) -> list[Step]:
    return list(Checkup(model, **arguments).steps())


def last(model: str, **arguments: Any) -> Step:
    """The step that fails, after others that do not."""
    *good, bad = steps(model, **arguments)
    assert all(step.ok and not step.advice for step in good)
    assert not bad.ok
    return bad


# -- a checkup ----------------------------------------------------------


def test_all_is_well(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", emulator.api_key)
    url = emulator.base_urls["openai"]
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    made = steps("openai")
    assert [(step.name, step.ok, step.message) for step in made] == [
        ("URL", True, url),
        ("proxy", True, "none"),
        ("DNS", True, "127.0.0.1 needs no look-up"),
        ("TCP", True, url.split("/")[2]),
        ("key", True, "… from OPENAI_API_KEY"),
        ("models", True, f"{len(emulator.openai.models)} models"),
        ("token", True, "'You' from gpt-5-mini"),
    ]
    assert all(0 <= step.seconds < 5 for step in made)


def test_the_key_of_the_file_is_named_and_masked(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from g4fsync.access import keys

    keys.set_key("openai", SECRET)
    monkeypatch.setenv("OPENAI_BASE_URL", emulator.base_urls["openai"])
    made = steps("openai")
    assert made[4].message == f"sk-…9f3a from the key file {str(keys.keys_path())!r}"
    assert (made[5].ok, made[5].message) == (False, "HTTP 401: Incorrect API key provided")
    assert made[5].advice.startswith("replace the key from the key file")
    assert SECRET not in repr(made)


def test_a_key_given_beats_the_others(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    url = emulator.base_urls["openai"]
    made = steps("openai", base_url=url, api_key=emulator.api_key)
    assert made[4].message == "… from the argument"
    assert made[-1].ok


def test_a_missing_key_names_its_variable(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", emulator.base_urls["openai"])
    step = last("openai")
    assert (step.name, step.message) == ("key", "no API key")
    assert step.advice.startswith("run g4fsync keys set openai, or set OPENAI_API_KEY; ")
    assert not emulator.openai.requests


def test_a_broken_key_file_is_told_by_its_name(emulator: Emulator) -> None:
    from g4fsync.access import keys

    keys.keys_path().parent.mkdir()
    keys.keys_path().write_text("{")
    keys.keys_path().chmod(0o600)
    step = last("openai", base_url=emulator.base_urls["openai"])
    assert step.name == "key"
    assert str(keys.keys_path()) in step.message
    assert step.advice == "correct it there (g4fsync keys path tells the file)"


def test_a_key_is_not_sent_where_it_does_not_belong(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    refusing = web({}, status="401 Unauthorized", otherwise=b'{"error": "no key"}')
    with_server = serve(refusing)
    made = steps("openai", base_url=with_server.url)
    assert made[4].message == "not sent: the one from OPENAI_API_KEY belongs elsewhere"
    assert made[5].message == "HTTP 401: no key"
    assert made[5].advice == "to send the key there, set OPENAI_BASE_URL in place of --base-url"
    assert SECRET not in repr(with_server.requests)


def test_missing_cookies_end_it(emulator: Emulator) -> None:
    step = last("openassistant", base_url=emulator.base_urls["openassistant"])
    assert step.name == "cookies"
    assert "put openassistant.txt into" in step.message


def test_a_missing_base_url_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_OPENAI_ENDPOINT", "AZURE_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    step = last("azure")
    assert (step.name, step.message) == ("URL", "no base URL")
    assert step.advice == "say where it is: --base-url URL, or set AZURE_OPENAI_ENDPOINT"


def test_nobody_listens(emulator: Emulator) -> None:
    step = last("ollama", base_url=emulator.refusing_url)
    place = emulator.refusing_url.removeprefix("http://")
    assert step.name == "TCP"
    assert step.message == f"connection to {place} refused: nothing listens there"
    assert step.advice.startswith("start the server, or say where it is: --base-url URL")


def test_an_unknown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    step = last("openai", base_url="http://nowhere.invalid/v1")
    assert (step.name, step.message) == ("DNS", "the name nowhere.invalid can't be resolved")
    assert step.advice.startswith("check the host's spelling")


@pytest.mark.parametrize("first", ["refuses", "is silent"])
def test_a_name_with_several_addresses_is_tried_at_each(
    first: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(web({"/v1/models": {"data": []}}))
    opened = Adapter.open_socket

    def open_socket(adapter: Adapter, handle: Any, url: str, **options: Any) -> Any:
        if "127.0.0.9" in url and first == "is silent":
            raise DeadlineExceeded("silent")
        return opened(adapter, handle, url, **options)

    monkeypatch.setattr(Adapter, "open_socket", open_socket)
    real = socket.getaddrinfo

    def several(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        if host != "name.test":
            return real(host, port, *args, **kwargs)
        if kwargs.get("flags"):
            raise socket.gaierror
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("127.0.0.9", port)), (*kind, ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", several)
    made = steps("openai", base_url=f"http://name.test:{server.port}")
    assert made[2].message == "name.test is 127.0.0.9 and 1 more"
    assert (made[3].ok, made[3].message) == (True, f"127.0.0.1:{server.port}")


@pytest.fixture(params=["TCP", "TLS", "models", "token"])
def stuck(
    request: pytest.FixtureRequest, serve: Serve, server_tls: ssl.SSLContext, emulator: Emulator
) -> Iterator[tuple[str, str]]:
    """A step, and the URL of a server where it takes for ever."""
    where: str = request.param
    if where == "TCP":
        with full_listener() as port:
            yield where, f"http://127.0.0.1:{port}"
    elif where == "TLS":
        yield where, serve(Peer.hold, tls=server_tls, raw=True).url
    elif where == "models":
        yield where, serve(Peer.hold).url
    else:
        emulator.ollama.fault = HangBeforeHeaders()
        yield where, emulator.base_urls["ollama"]


def test_each_step_has_its_clock(no_leaks: None, stuck: tuple[str, str]) -> None:
    where, url = stuck
    started = time.monotonic()
    step = last("ollama", base_url=url, seconds=200 * MS)
    assert step.name == where
    assert step.message == f"no answer within {step.seconds:.1f} s"
    assert step.seconds > 150 * MS
    assert time.monotonic() - started < 3000 * MS


def test_tls_is_told_with_its_certificate(
    serve: Serve, server_tls: ssl.SSLContext, authority: str
) -> None:
    server = serve(web({"/v1/models": {"data": [{"id": "m"}]}}), tls=server_tls)
    made = steps("openai", base_url=server.url, verify=authority)
    assert [step.name for step in made if step.ok][-3:] == ["TLS", "key", "models"]
    tls = next(step for step in made if step.name == "TLS")
    assert tls.ok
    version, rest = tls.message.split(", ")
    assert version.startswith("TLSv1.")
    assert re.fullmatch(r"certificate valid until \d{4}-\d\d-\d\d \(\d+ days\)", rest)
    for step in Checkup("openai", base_url=server.url, verify=False).steps():
        if step.name == "TLS":
            assert step.message == f"{version}, certificate not verified"
            break


def test_an_untrusted_certificate(serve: Serve, server_tls: ssl.SSLContext) -> None:
    step = last("openai", base_url=serve(web({}), tls=server_tls).url)
    assert step.name == "TLS"
    assert "is not trusted" in step.message
    assert 'Client(verify="ca.pem")' in step.advice


def test_tls_to_a_plain_port(serve: Serve) -> None:
    server = serve(refuse)
    step = last("openai", base_url=f"https://127.0.0.1:{server.port}")
    assert step.name == "TLS"
    assert "plain http://?" in step.advice


@pytest.mark.parametrize("given", [True, False], ids=["option", "variable"])
def test_the_proxy_that_applies_is_named_without_its_password(
    given: bool,
    serve: Serve,
    server_tls: ssl.SSLContext,
    authority: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve(web({"/v1/models": {"data": [{"id": "m"}]}}), tls=server_tls)
    proxy = serve(http_proxy)
    url = f"http://user:PaSsWoRd@127.0.0.1:{proxy.port}"
    real = socket.getaddrinfo

    def resolved(host: str, *args: Any, **kwargs: Any) -> Any:
        assert host != "name.test", "the proxy looks the provider's name up"
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setattr(
        proxies, "relay", lambda peer, address: relay(peer, ("127.0.0.1", address[1]))
    )
    if not given:
        monkeypatch.setenv("HTTPS_PROXY", url)
    made = steps(
        "openai",
        base_url=f"https://name.test:{server.port}",
        verify=authority,
        proxy=url if given else None,
    )
    source = "--proxy" if given else "HTTPS_PROXY"
    assert made[1].message == f"http://127.0.0.1:{proxy.port} ({source})"
    assert made[3].message == f"127.0.0.1:{proxy.port}"
    assert [step.name for step in made if step.ok][-2:] == ["key", "models"]
    assert proxy.requests[0].target == f"name.test:{server.port}"
    assert "PaSsWoRd" not in repr(made)


def test_a_proxy_that_refuses(serve: Serve) -> None:
    proxy = serve(refuse)
    step = last("openai", base_url="https://name.test", proxy=proxy.url)
    assert step.name == "TLS"
    assert step.message == (
        f"the proxy at 127.0.0.1:{proxy.port} did not connect to name.test: "
        "Tunnel connection failed: 407 Proxy Authentication Required; "
        "it wants a user and password: http://user:password@host:port"
    )
    assert "407" in step.message
    assert step.advice.startswith("check the proxy that --proxy names")


def refuse(peer: Peer) -> None:
    peer.receive()
    peer.answer(b"", status="407 Proxy Authentication Required")


def test_a_variable_that_holds_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:PaSsWoRd@:0")
    step = last("openai")
    assert (step.name, step.message) == ("proxy", "what HTTPS_PROXY holds is no URL of a proxy")


def test_variables_that_do_not_apply_are_told(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.test")
    made = steps("ollama", base_url=emulator.refusing_url)
    assert made[1].message == "none for 127.0.0.1, though ALL_PROXY and HTTPS_PROXY set"


def test_a_password_in_the_base_url_is_not_shown(serve: Serve) -> None:
    server = serve(web({}, status="500 Oops"))
    made = steps("openai", base_url=f"http://user:PaSsWoRd@127.0.0.1:{server.port}/v1")
    assert made[0].message == f"http://127.0.0.1:{server.port}/v1"
    assert "PaSsWoRd" not in repr(made)
    assert without_password("https://host/a@b") == "https://host/a@b"


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("openai:gpt-9", "'gpt-9' not among them"),
        ("openai", "The model `gpt-5-mini-which-is-gone`"),
    ],
)
def test_a_model_the_server_does_not_have(
    emulator: Emulator, model: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if model == "openai":
        monkeypatch.setattr(emulator.openai, "check_model", _refused(emulator))
    *_, listed, step = steps(model, base_url=emulator.base_urls["openai"], api_key=emulator.api_key)
    assert (step.name, step.ok) == ("token", False)
    assert told in listed.message + step.message
    assert step.advice == (
        "choose another model: g4fsync models openai, then g4fsync doctor openai:MODEL"
    )


def _refused(emulator: Emulator) -> Callable[[str], None]:
    real = emulator.openai.check_model
    return lambda model: real(f"{model}-which-is-gone")


def test_a_server_without_models(emulator: Emulator) -> None:
    emulator.ollama.models = ()
    step = last("ollama", base_url=emulator.base_urls["ollama"])
    assert (step.name, step.message) == ("token", "the server has no model to ask")
    assert "g4fsync doctor ollama:MODEL" in step.advice


@pytest.mark.parametrize(
    ("status", "advice"),
    [(429, "wait a little"), (503, "try again later"), (400, "check the base URL and the model")],
)
@pytest.mark.parametrize("name", ["models", "token"])
def test_a_refusal_has_its_own_advice(serve: Serve, name: str, status: int, advice: str) -> None:
    listed = {"/v1/models": models("a")} if name == "token" else {}
    server = serve(web(listed, status=f"{status} No", otherwise=b'{"error": "this is why"}'))
    step = last("openai", base_url=server.url)
    assert (step.name, step.message) == (name, f"HTTP {status}: this is why")
    assert step.advice.startswith(advice)


def test_a_page_in_place_of_an_answer(serve: Serve) -> None:
    step = last("openai", base_url=serve(web({}, otherwise=PAGE)).url)
    assert step.name == "models"
    assert step.message == "HTTP 200: an HTML page in place of an answer"
    assert step.advice.startswith("check the base URL")


CHAT = {
    "/v1/chat/completions": {
        "object": "chat.completion",
        "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
    }
}


@pytest.mark.parametrize(
    "status",
    ["404 Not Found", "405 Method Not Allowed", "501 Not Implemented", "400 Bad Request"],
)
def test_a_server_that_lists_no_models_is_asked_for_the_one_named(
    status: str, serve: Serve
) -> None:
    server = serve(web({"/v1/models": (status, {"error": "no such path"}), **CHAT}))
    made = steps("openai:gpt-4o", base_url=f"{server.url}/v1")
    assert [(step.name, step.ok, step.message) for step in made[-2:]] == [
        ("models", True, f"this server lists none (HTTP {status[:3]}); 'gpt-4o' will be asked"),
        ("token", True, "'Hi' from gpt-4o"),
    ]


def test_without_a_model_the_list_is_missed(serve: Serve) -> None:
    server = serve(web({"/v1/models": ("404 Not Found", {"error": "no such path"}), **CHAT}))
    step = last("openai", base_url=f"{server.url}/v1")
    assert (step.name, step.message) == ("models", "HTTP 404: no such path")


def test_where_neither_list_nor_chat_is_there_the_base_url_is_wrong(serve: Serve) -> None:
    step = last("openai:gpt-4o", base_url=serve(web({})).url)
    assert (step.name, step.message) == ("token", "HTTP 404: Not Found")
    assert step.advice.startswith("check the base URL (most end in /v1) and the model")


@pytest.mark.parametrize("status", ["500 Error", "400 Bad Request"])
def test_a_server_that_may_have_missed_a_key_is_told_of_none_sent(
    status: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = (status, {"error": {"message": "No module named 'prisma'"}})
    server = serve(web({"/v1/models": answer}))
    step = last("openai", base_url=f"{server.url}/v1")
    assert (step.name, step.message) == ("models", f"HTTP {status[:3]}: No module named 'prisma'")
    assert step.advice.endswith(
        "; no key was sent; if the server wants one, set OPENAI_BASE_URL in place of --base-url, "
        "and run g4fsync keys set openai, or set OPENAI_API_KEY"
    )
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    step = last("openai", base_url=f"{server.url}/v1")
    assert step.advice.endswith("wants one, set OPENAI_BASE_URL in place of --base-url")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    assert "no key was sent" not in last("openai").advice


def test_litellms_words_for_a_wrong_key_are_understood(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = {"error": {"message": "No connected db.", "type": "no_db_connection", "code": "400"}}
    server = serve(web({"/v1/models": ("400 Bad Request", error)}))
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    step = last("openai")
    assert (step.name, step.message) == ("models", "HTTP 400: No connected db.")
    assert step.advice.startswith("replace the key from OPENAI_API_KEY")


def test_a_retired_site_is_no_puzzle(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "site is retired" in last("koala").advice


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"model": "opnai"}, InvalidRequest),
        ({"model": "openai", "seconds": 0}, InvalidRequest),
        ({"model": "openai", "seconds": -1}, InvalidRequest),
        ({"model": "openai", "proxy": "nonsense"}, InvalidRequest),
        ({"model": "openai", "base_url": "nonsense"}, ConfigurationError),
    ],
)
def test_what_can_not_be_looked_at_is_refused_at_once(
    arguments: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        Checkup(**arguments)


def test_leaving_a_checkup_leaves_nothing_behind(no_leaks: None, emulator: Emulator) -> None:
    for step in Checkup("ollama", base_url=emulator.base_urls["ollama"]).steps():
        if step.name == "TCP":
            break


@pytest.mark.parametrize(
    ("models", "chosen"),
    [
        ([], None),
        (["one"], "one"),
        (["text-embedding-3-small"], "text-embedding-3-small"),
        (["whisper-1", "gpt-5-pro", "gpt-4o-mini-tts", "gpt-5-nano"], "gpt-5-nano"),
        (["llama3:70b", "llama3.2:1b"], "llama3.2:1b"),
        (["big", "bigger"], "big"),
    ],
)
def test_a_model_that_chats_and_sounds_small(models: list[str], chosen: str | None) -> None:
    assert cheapest(models) == chosen


# -- discovery ----------------------------------------------------------

PAGE = b"<!doctype html><title>A web app</title>"
LLAMA_ERROR = b'{"error":{"message":"File Not Found","type":"not_found_error","code":404}}'


def web(
    answers: Mapping[str, Any],
    *fields: str,
    status: str = "404 Not Found",
    otherwise: bytes = b'{"detail":"Not Found"}',
) -> Callable[[Peer], None]:
    """Answer each path with its JSON, or with a status and its JSON; all else *otherwise*."""
    if otherwise == PAGE:
        status, fields = "200 OK", (*fields, "Content-Type: text/html")

    def talk(peer: Peer) -> None:
        while (request := peer.request()) is not None:
            answer = answers.get(request.target)
            code, body = status, otherwise
            if answer is not None:
                code, value = answer if isinstance(answer, tuple) else ("200 OK", answer)
                body = value if isinstance(value, bytes) else json.dumps(value).encode()
            head = [f"HTTP/1.1 {code}", f"Content-Length: {len(body)}", *fields, "", ""]
            # In one piece: two would wait for the client's delayed acknowledgement.
            peer.send("\r\n".join(head).encode() + body)

    return talk


def models(*names: str, **more: Any) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": each, "object": "model", **more} for each in names]}


def trickling(peer: Peer) -> None:
    peer.request()
    peer.head("Content-Length: 9999")
    peer.trickle(b" ", 20 * MS)


def garbage(peer: Peer) -> None:
    peer.request()
    peer.send(b"\x15\x03\x01\x00\x02\x02\x0a\r\n\r\n")


def closing(peer: Peer) -> None:
    peer.request()


REFUSED = ("401 Unauthorized", {"error": {"message": "no key"}})

# What each answers, and what is to be told of it.
SERVERS: dict[str, tuple[Callable[[Peer], None], dict[str, Any]]] = {
    "llama.cpp": (
        web(
            {"/v1/models": {"models": [{"name": "m"}], **models("tiny", owned_by="llamacpp")}},
            "Server: llama.cpp",
            otherwise=LLAMA_ERROR,
        ),
        {"name": "llama.cpp", "provider": "llamacpp", "models": ("tiny",)},
    ),
    "llama.cpp, loading": (
        web(
            {"/v1/models": ("503 Loading", {"error": {"type": "unavailable_error"}})},
            "Server: llama.cpp",
        ),
        {"name": "llama.cpp", "provider": "llamacpp", "remark": "still loading its model"},
    ),
    "llama.cpp, key": (
        web({"/v1/models": REFUSED}, "Server: llama.cpp"),
        {"name": "llama.cpp", "provider": "llamacpp", "needs_key": True},
    ),
    "Ollama": (
        web({"/v1/models": models("llama3.2:1b"), "/api/version": {"version": "0.5.1"}}),
        {"name": "Ollama", "provider": "ollama", "version": "0.5.1", "models": ("llama3.2:1b",)},
    ),
    "Ollama, old": (
        web({"/api/version": {"version": "0.1.20"}}),
        {"name": "Ollama", "provider": "ollama", "version": "0.1.20"},
    ),
    "KoboldCpp": (
        web(
            {
                "/v1/models": models("koboldcpp/x"),
                "/api/version": {"version": "0.7.0"},
                "/api/extra/version": {"result": "KoboldCpp", "version": "1.80"},
            }
        ),
        {
            "name": "KoboldCpp",
            "provider": "openai",
            "version": "1.80",
            "models": ("koboldcpp/x",),
        },
    ),
    "LocalAI": (
        web(
            {
                "/v1/models": models("phi"),
                "/.well-known/localai.json": {"version": 1},
                "/version": {"version": "v2.1"},
            }
        ),
        {"name": "LocalAI", "provider": "localai", "version": "v2.1", "models": ("phi",)},
    ),
    "LM Studio": (
        web(
            {
                "/v1/models": models("qwen"),
                "/api/v1/models": {"models": [{"type": "llm", "key": "qwen"}]},
            }
        ),
        {"name": "LM Studio", "provider": "lmstudio", "models": ("qwen",)},
    ),
    "LM Studio, old": (
        web({"/v1/models": models("qwen"), "/api/v0/models": models("qwen", type="llm")}),
        {"name": "LM Studio", "provider": "lmstudio", "models": ("qwen",)},
    ),
    "text-generation-webui": (
        web({"/v1/models": REFUSED, "/v1/internal/health": {"status": "ok"}}),
        {"name": "text-generation-webui", "provider": "openai", "needs_key": True},
    ),
    "SGLang": (
        web({"/v1/models": models("m", owned_by="sglang")}, "Server: uvicorn"),
        {"name": "SGLang", "provider": "sglang", "models": ("m",)},
    ),
    "LMDeploy": (
        web({"/v1/models": models("m", owned_by="lmdeploy")}),
        {"name": "LMDeploy", "provider": "lmdeploy", "models": ("m",)},
    ),
    "Lemonade": (
        web({"/v1/models": models("m", owned_by="lemonade")}),
        {"name": "Lemonade", "provider": "lemonade", "models": ("m",)},
    ),
    "TGI": (
        web(
            {
                "/v1/models": models("m"),
                "/info": {"model_id": "m", "max_total_tokens": 4096, "version": "3.3"},
            }
        ),
        {"name": "TGI", "provider": "tgi", "version": "3.3", "models": ("m",)},
    ),
    "Docker Model Runner": (
        web(
            {"/v1/models": models("ai/m"), "/": b"Docker Model Runner\n\nThe service is running.\n"}
        ),
        {"name": "Docker Model Runner", "provider": "docker", "models": ("ai/m",)},
    ),
    "vLLM": (
        web({"/v1/models": models("m", owned_by="vllm"), "/version": {"version": "0.9"}}),
        {"name": "vLLM", "provider": "vllm", "version": "0.9", "models": ("m",)},
    ),
    "vLLM, without a version": (
        web({"/v1/models": models("m", owned_by="vllm")}),
        {"name": "vLLM", "provider": "vllm", "models": ("m",)},
    ),
    "LiteLLM without a database": (
        web(
            {
                "/v1/models": (
                    "400 Bad Request",
                    {"error": {"message": "No connected db.", "type": "no_db_connection"}},
                ),
                "/health/liveliness": "I'm alive!",
            }
        ),
        {"name": "LiteLLM", "provider": "litellm", "needs_key": True},
    ),
    "LiteLLM that fails for want of a key": (
        web(
            {
                "/v1/models": ("500 Error", {"error": {"message": "No module named 'prisma'"}}),
                "/health/liveliness": "I'm alive!",
            }
        ),
        {"name": "LiteLLM", "provider": "litellm", "needs_key": True},
    ),
    "a server that says with 400 that it wants a key": (
        web({"/v1/models": ("400 Bad Request", {"error": "Missing API key"})}),
        {"name": "OpenAI-compatible, unknown", "provider": "openai", "needs_key": True},
    ),
    "LiteLLM": (
        web({"/v1/models": REFUSED, "/health/liveliness": "I'm alive!"}),
        {"name": "LiteLLM", "provider": "litellm", "needs_key": True},
    ),
    "g4f": (
        web({"/v1/models": models("gpt-4o", provider="x", image=False, vision=True)}),
        {"name": "g4f", "provider": "g4f", "models": ("gpt-4o",)},
    ),
    "llama-cpp-python": (
        web({"/v1/models": models("x.gguf", owned_by="me", permissions=[])}, "Server: uvicorn"),
        {"name": "llama-cpp-python", "provider": "openai", "models": ("x.gguf",)},
    ),
    "GPT4All": (
        web({"/v1/models": models("Phi", owned_by="humanity")}),
        {"name": "GPT4All", "provider": "openai", "models": ("Phi",)},
    ),
    "Jan": (
        web({"/v1/models": REFUSED, "/openapi.json": {"info": {"title": "Jan API"}}}),
        {"name": "Jan", "provider": "openai", "needs_key": True},
    ),
    "unknown": (
        web({"/v1/models": models("a", "b")}),
        {"name": "OpenAI-compatible, unknown", "provider": "openai", "models": ("a", "b")},
    ),
    "unknown, key": (
        web({"/v1/models": ("403 Forbidden", {})}),
        {"name": "OpenAI-compatible, unknown", "provider": "openai", "needs_key": True},
    ),
    "the same list everywhere": (
        web({}, status="200 OK", otherwise=json.dumps(models("a", type="llm")).encode()),
        {"name": "OpenAI-compatible, unknown", "provider": "openai", "models": ("a",)},
    ),
    "odd entries": (
        web({"/v1/models": {"data": [7, None, {"id": ["x"]}]}}),
        {"name": "OpenAI-compatible, unknown", "provider": "openai"},
    ),
    "pages everywhere": (
        web({}, otherwise=PAGE),
        {"remark": "a web server that answers with pages, no chat server"},
    ),
    "pages for strangers": (
        web({}, "Content-Type: text/html", status="401 Unauthorized", otherwise=b"<html>Log in"),
        {"remark": "a web server that answers with pages, no chat server"},
    ),
    "an API of another kind": (
        web({}),
        {"remark": "a web server (HTTP 404 for its models), no chat server"},
    ),
    "AirPlay": (
        web({}, "Server: AirTunes/870.14.1", status="403 Forbidden", otherwise=b""),
        {"remark": "a web server (HTTP 403 for its models), no chat server"},
    ),
    "a redirect": (
        web({}, "Location: http://192.0.2.1/", status="302 Found", otherwise=b""),
        {"remark": "a web server (HTTP 302 for its models), no chat server"},
    ),
    "silent": (Peer.hold, {"remark": "something listens, and is silent"}),
    "trickling": (trickling, {"remark": "something listens, and is silent"}),
    "garbage": (garbage, {"remark": "something listens that does not speak HTTP"}),
    "closing": (closing, {"remark": "something listens, and closes the connection"}),
}


def quickly(*ports: int) -> list[Server]:
    return find_servers(ports, connect=300 * MS, read=300 * MS)


@pytest.mark.parametrize("kind", SERVERS)
def test_servers_are_told_apart_by_what_they_say(no_leaks: None, kind: str, serve: Serve) -> None:
    talk, told = SERVERS[kind]
    server = serve(talk)
    assert quickly(server.port) == [Server(server.url, **told)]
    assert all("authorization" not in request.headers for request in server.requests)


def test_ports_are_asked_at_the_same_time_and_told_in_order(serve: Serve) -> None:
    silent = [serve(Peer.hold) for _ in range(4)]
    unknown = serve(SERVERS["unknown"][0])
    started = time.monotonic()
    found = quickly(*(each.port for each in silent), unknown.port)
    assert [each.url for each in found] == [*(each.url for each in silent), unknown.url]
    assert time.monotonic() - started < 1500 * MS


def test_a_server_is_found_where_its_variable_says_it_is(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(SERVERS["unknown"][0])
    monkeypatch.setattr(discovery, "PORTS", (server.port + 1,))
    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{server.port}")
    assert discovery.usual_ports() == (server.port + 1, server.port)
    assert server.url in [each.url for each in find_servers(connect=300 * MS, read=300 * MS)]
    monkeypatch.setenv("OLLAMA_HOST", "http://192.0.2.1:11434")  # not on this machine
    assert discovery.usual_ports() == (server.port + 1,)


def test_a_port_where_nobody_listens_is_not_told(emulator: Emulator) -> None:
    port = int(emulator.refusing_url.rpartition(":")[2])
    assert find_servers([port]) == []


def test_a_port_that_never_connects_is_not_told() -> None:
    with full_listener() as port:
        assert find_servers([port], connect=100 * MS, read=100 * MS) == []


def test_a_server_that_answers_slowly_is_bounded_as_a_whole(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "PORT_SECONDS", 400 * MS)

    def slow(peer: Peer) -> None:
        request = peer.request()
        if request is not None and request.target == "/v1/models":
            peer.answer(json.dumps(models("a")).encode())
        else:
            peer.hold()

    started = time.monotonic()
    (found,) = quickly(serve(slow).port)
    assert found.name == "OpenAI-compatible, unknown"
    assert time.monotonic() - started < 1500 * MS


def test_no_proxy_is_used(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(http_proxy)
    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    server = serve(SERVERS["unknown"][0])
    assert find_servers([server.port], hosts=["127.0.0.1"])[0].name
    assert not proxy.peers


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Waiting for a port's result raises ``KeyboardInterrupt`` once the event is set."""
    from concurrent.futures import Future

    pressed = threading.Event()

    def result(future: object) -> object:
        pressed.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr(Future, "result", result)
    yield pressed
    pressed.set()


def test_ctrl_c_frees_all_threads_at_once(
    no_leaks: None, serve: Serve, interrupted: threading.Event
) -> None:
    server = serve(Peer.hold)
    worker = Worker(lambda: find_servers([server.port], connect=60, read=60))
    assert server.reached.wait(10)
    started = time.monotonic()
    interrupted.set()
    worker.failure(KeyboardInterrupt)
    assert time.monotonic() - started < 500 * MS


@pytest.mark.skipif(not socket.has_ipv6 or os.name != "posix", reason="needs ::1")
def test_a_numeric_ipv6_host_is_written_in_brackets() -> None:
    with socket.socket(socket.AF_INET6) as bound:
        try:
            bound.bind(("::1", 0))
        except OSError:
            pytest.skip("no ::1 here")
        assert find_servers([bound.getsockname()[1]], hosts=["::1"]) == []

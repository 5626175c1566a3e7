from __future__ import annotations

import copy
import gc
import os
import pickle
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest

import g4fsync
from g4fsync import Client, Limits, Retry, Timeout, registry
from g4fsync.access import homes
from g4fsync.emulator import Emulator, HangBeforeHeaders, Received, Refuse, Status
from g4fsync.errors import (
    AuthenticationError,
    Cancelled,
    ConfigurationError,
    ConnectionFailed,
    InvalidRequest,
    ProtocolError,
    ServerError,
)
from g4fsync.messages import ChatResult, Message
from g4fsync.providers.flowgpt import FlowGpt
from g4fsync.providers.koala import Koala
from g4fsync.providers.myshell import Myshell
from g4fsync.providers.openai import OpenAI
from tests.support.leaks import Census
from tests.support.proxies import http_proxy
from tests.support.servers import Peer, Server
from tests.support.timing import FREED, PATIENCE, Worker, eventually

pytestmark = pytest.mark.usefixtures("no_leaks", "no_proxy_variables")

ONCE = Retry(attempts=1)
NOWHERE = {"koala": "http://127.0.0.1:9"}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    with Client(base_urls=emulator.base_urls, retry=ONCE) as client:
        yield client


def asked(emulator: Emulator) -> list[Received]:
    return [each for side in emulator.far_sides.values() for each in side.requests]


# -- making one ---------------------------------------------------------


def test_making_a_client_opens_nothing() -> None:
    census = Census()
    client = Client("koala", proxy="http://proxy.test:1", verify="/nowhere.pem")
    assert census.newcomers() == []
    assert repr(client) == "Client('koala')"
    client.close()
    client.close()


@pytest.mark.parametrize(
    "proxy",
    [
        "",
        "localhost:3128",
        "proxy.test",
        "ftp://proxy.test",
        "http://",
        "http://:3128",
        "http://proxy.test:0",
        "http://proxy.test:99999",
        "http://[::1",
        b"http://proxy.test",
        7,
    ],
)
@pytest.mark.parametrize("where", ["client", "call"])
def test_a_proxy_must_be_a_url_of_a_known_kind_and_is_not_repeated(where: str, proxy: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Client(proxy=proxy) if where == "client" else Client("koala").chat("Hi", proxy=proxy)
    message = "proxy must be a URL like http://host:port or socks5h://host:port"
    assert str(caught.value) == message


def test_a_wrong_proxy_does_not_tell_its_password() -> None:
    with pytest.raises(InvalidRequest) as caught:
        Client(proxy="htp://user:pass-word@proxy.test")
    assert "pass-word" not in repr(caught.value)


_NO_PROXY = "proxy must be a URL like http://host:port or socks5h://host:port"
_WRONG_ANYWHERE = [
    ({"timeout": "5"}, "timeout total must be a number of seconds above 0 or None, got '5'"),
    ({"retry": "x"}, "retry must be a Retry or a number of attempts, got 'x'"),
    ({"retry": 1.5}, "retry must be a Retry or a number of attempts, got 1.5"),
    ({"retry": True}, "retry must be a Retry or a number of attempts, got True"),
    ({"retry": 0}, "retry attempts must be 1 or more, got 0"),
]
_WRONG = [
    *(("Client", given, message) for given, message in _WRONG_ANYWHERE),
    ("Client", {"model": 3}, "model must be a str, got int"),
    ("Client", {"model": Koala}, "model must be a str, got ABCMeta"),
    ("Client", {"fallback": 3}, "fallback must be a list of models, got int"),
    ("Client", {"fallback": {"a": 1}}, "fallback must be a list of models, got dict"),
    ("Client", {"fallback": ["koala", 3]}, "a model of fallback must be a str, got int"),
    ("Client", {"proxy": 3}, _NO_PROXY),
    ("Client", {"verify": None}, "verify must be True, False or the path of a CA bundle, got None"),
    ("Client", {"verify": 1}, "verify must be True, False or the path of a CA bundle, got 1"),
    ("Client", {"cookies": 3}, "cookies must be a mapping from a provider's name"),
    ("Client", {"cookies": {"a": 3}}, "cookies['a'] must be a mapping or a file's path, got int"),
    ("Client", {"api_keys": "sk-"}, "api_keys must be a mapping from a provider's name"),
    ("Client", {"api_keys": {"a": b"sk-"}}, "api_keys['a'] must be a str, got bytes"),
    (
        "Client",
        {"api_keys": {3: "sk-"}},
        "api_keys must be a mapping from a provider's name, not 3",
    ),
    ("Client", {"base_urls": ["u"]}, "base_urls must be a mapping from a provider's name"),
    ("Client", {"base_urls": {"a": 3}}, "base_urls['a'] must be a str, got int"),
    ("Client", {"max_concurrent": 3}, "max_concurrent must be a mapping from a provider's name"),
    ("Client", {"max_concurrent": {"a": "3"}}, "max_concurrent must be 1 or more, got '3'"),
    ("Client", {"limits": 5}, "limits must be Limits, got int"),
    *(("chat", given, message) for given, message in _WRONG_ANYWHERE),
    ("chat", {"model": 3}, "model must be a str, got int"),
    ("chat", {"system": 3}, "system: content must be a str or a list of parts, got int"),
    ("chat", {"proxy": 3}, _NO_PROXY),
    ("chat", {"cookies": 3}, "cookies must be a mapping or the path of a file, got int"),
    ("chat", {"api_key": 3}, "api_key must be a str, got int"),
    *(("compare", given, message) for given, message in _WRONG_ANYWHERE),
    ("compare", {"models": None}, "models must be a list of one model or more, got NoneType"),
    ("compare", {"models": 3}, "models must be a list of one model or more, got int"),
    ("compare", {"models": "koala"}, "models must be a list of one model or more, got str"),
    ("compare", {"models": {"a": 1}}, "models must be a list of one model or more, got dict"),
    ("compare", {"models": []}, "models must be a list of one model or more"),
    ("compare", {"models": iter(())}, "models must be a list of one model or more"),
    (
        "compare",
        {"models": [3]},
        "provider must be a name, a Provider class or object, got 3",
    ),
    ("compare", {"max_workers": 0}, "max_workers must be 1 or more, got 0"),
    ("compare", {"max_workers": "2"}, "max_workers must be 1 or more, got '2'"),
    ("compare", {"executor": 3}, "executor must be a concurrent.futures.Executor, got int"),
    *(("race", given, message) for given, message in _WRONG_ANYWHERE),
    ("race", {"models": None}, "models must be a list of one model or more, got NoneType"),
    (
        "race",
        {"until": "x"},
        'until is "first_token", "complete" or a predicate on the result, got \'x\'',
    ),
    ("race", {"hedge_after": -1}, "hedge_after must be seconds from 0, got -1"),
    ("race", {"hedge_after": "1"}, "hedge_after must be seconds from 0, got '1'"),
    ("race", {"executor": 3}, "executor must be a concurrent.futures.Executor, got int"),
    *(("map", given, message) for given, message in _WRONG_ANYWHERE),
    ("map", {"prompts": "Hello"}, "prompts must be an iterable of prompts, got str"),
    ("map", {"prompts": b"Hello"}, "prompts must be an iterable of prompts, got bytes"),
    ("map", {"prompts": {"a": 1}}, "prompts must be an iterable of prompts, got dict"),
    ("map", {"prompts": None}, "prompts must be an iterable of prompts, got NoneType"),
    ("map", {"prompts": 3}, "prompts must be an iterable of prompts, got int"),
    ("map", {"models": 3}, "models must be a list of one model or more, got int"),
    ("map", {"models": []}, "models must be a list of one model or more"),
    ("map", {"models": [Koala]}, f"models must be a list of str, got {Koala!r} in it"),
    ("map", {"max_workers": 0}, "max_workers must be 1 or more, got 0"),
    ("map", {"max_workers": None}, "max_workers must be 1 or more, got None"),
    ("map", {"rate": 0}, "rate must be tasks per second above 0, got 0"),
    ("map", {"rate": "1"}, "rate must be tasks per second above 0, got '1'"),
    ("map", {"executor": 3}, "executor must be a concurrent.futures.Executor, got int"),
]


@pytest.mark.parametrize(("method", "given", "message"), _WRONG)
def test_an_argument_of_a_wrong_type_is_refused_at_once_by_its_name(
    method: str, given: dict[str, Any], message: str
) -> None:
    client = Client("koala", base_urls=NOWHERE)
    right: dict[str, dict[str, Any]] = {
        "Client": {},
        "chat": {"messages": "Hi"},
        "compare": {"messages": "Hi", "models": ["koala"]},
        "race": {"messages": "Hi", "models": ["koala"]},
        "map": {"prompts": ["Hi"]},
    }
    with pytest.raises(InvalidRequest) as caught:
        call = Client if method == "Client" else getattr(client, method)
        call(**{**right[method], **given})
    assert str(caught.value) == message


def test_a_number_is_the_attempts_of_the_default_retry(emulator: Emulator) -> None:
    assert Client(retry=3).retry == Retry(3)
    emulator.koala.fault = Status(503)
    client = Client("koala", base_urls=emulator.base_urls, retry=Retry(5, initial=0, maximum=0))
    with pytest.raises(ServerError) as caught:
        client.ask("Hi", retry=3)
    assert [attempt.number for attempt in caught.value.attempts] == [1, 2, 3]
    assert len(emulator.koala.requests) == 3


def test_prompts_and_models_may_be_any_iterable(client: Client) -> None:
    class Rows:
        """A sequence of the old kind, without ``__iter__``."""

        def __getitem__(self, index: int) -> str:
            return ["a", "b"][index]

    rows: Any = Rows()
    assert [str(each) for each in client.map(rows, ("koala",))] == ["You said: a", "You said: b"]
    lanes = client.compare("Hi", iter(["koala", "koala"])).lanes  # type: ignore[arg-type]
    assert lanes == ("koala", "koala#2")


@pytest.mark.parametrize("ordered", [True, False])
def test_a_prompt_that_can_not_be_made_costs_no_answer_before_it(
    client: Client, ordered: bool
) -> None:
    def rows() -> Iterator[str]:
        for number in range(20):
            yield f"{number}"
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "row 20")

    answers = []
    given: Any = {"ordered": ordered}
    outcomes: Any = client.map(rows(), "koala", **given)
    with pytest.raises(UnicodeDecodeError, match="row 20"):
        for each in outcomes:
            answers.append(str(each if ordered else each[1]))
    expected = [f"You said: {number}" for number in range(20)]
    assert answers == expected if ordered else sorted(answers) == sorted(expected)


def test_a_bare_models_name_sends_the_prompt_nowhere(
    client: Client, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    default = Client("gpt-4o", base_urls=emulator.base_urls)
    for call in (partial(client.ask, model="gpt-4o"), default.ask):
        with pytest.raises(InvalidRequest) as caught:
            call("secret")
        assert str(caught.value) == "unknown provider or model 'gpt-4o'; write 'openai:gpt-4o'"
    assert asked(emulator) == []


@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h", "socks4", "HTTP"])
def test_known_kinds_of_proxies_are_taken(scheme: str) -> None:
    Client(proxy=f"{scheme}://user:secret@proxy.test:3128")


@pytest.mark.parametrize("timeout", [0, -1, True, "5", float("nan")])
@pytest.mark.parametrize("where", ["client", "call"])
def test_a_timeout_is_a_number_above_0(where: str, timeout: Any) -> None:
    with pytest.raises(InvalidRequest, match="timeout total must be a number of seconds above 0"):
        if where == "client":
            Client(timeout=timeout)
        else:
            Client("koala").chat("Hi", timeout=timeout)


def test_a_number_is_the_total_of_the_default_timeout() -> None:
    assert Client(timeout=5).timeout == Timeout(total=5)
    assert Client(timeout=Timeout(idle=1)).timeout == Timeout(idle=1)
    assert Client().timeout == Timeout()


@pytest.mark.parametrize("name", ["cookies", "api_keys", "base_urls"])
@pytest.mark.parametrize("given", ["koala", ["koala"], 7])
def test_what_is_by_provider_must_be_a_mapping(name: str, given: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Client(**{name: given})
    assert str(caught.value) == f"{name} must be a mapping from a provider's name"


# -- whom to ask --------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "provider", "told"),
    [
        ("koala", None, ("koala", "gpt-4o-mini")),
        ("KOALA", None, ("koala", "gpt-4o-mini")),
        ("koala:gpt-4o", None, ("koala", "gpt-4o")),
        ("koala:open:name", None, ("koala", "open:name")),
        ("koala:", None, ("koala", "gpt-4o-mini")),
        ("flow_gpt", None, ("flowgpt", "gpt-3.5-turbo")),
        ("Flow-GPT:gemini-pro", None, ("flowgpt", "google-gemini")),
        ("gemini-pro", "flowgpt", ("flowgpt", "google-gemini")),
        (None, "koala", ("koala", "gpt-4o-mini")),
        ("gpt-4o", "Koala", ("koala", "gpt-4o")),
        ("gpt-4o", Koala, ("koala", "gpt-4o")),
        (None, FlowGpt, ("flowgpt", "gpt-3.5-turbo")),
    ],
)
def test_a_model_and_a_provider_say_whom_to_ask(
    model: str | None, provider: Any, told: tuple[str, str], client: Client
) -> None:
    result = client.ask("Hi", model=model, provider=provider)
    assert (result.provider, result.model) == told
    assert result.text.startswith("You said: Hi")


def test_a_provider_may_be_an_object_with_a_base_url_of_its_own(emulator: Emulator) -> None:
    koala = Koala(emulator.base_urls["koala"], real_time_data=True)
    assert Client(base_urls=NOWHERE).ask("Hi", provider=koala).text == "You said: Hi"
    (request,) = emulator.koala.requests
    assert request.headers["flag-real-time-data"] == "true"


def test_a_provider_object_without_a_base_url_is_asked_at_the_clients(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else the key that is for the client's would have gone to the provider's own host.
    monkeypatch.setenv("OPENAI_BASE_URL", NOWHERE["koala"])
    client = Client(base_urls=emulator.base_urls, api_keys={"openai": emulator.api_key})
    result = client.ask("Hi", model="gpt-5", provider=OpenAI(api="responses"))
    assert result.text == "You said: Hi"
    assert emulator.openai.requests[0].path == "/v1/responses"


def test_the_clients_model_is_the_default(emulator: Emulator) -> None:
    client = Client("koala:gpt-4o", base_urls=emulator.base_urls)
    assert client.ask("Hi").model == "gpt-4o"
    assert client.ask("Hi", model="flowgpt").provider == "flowgpt"


@pytest.mark.parametrize("name", ["koala", "Koala", "KO_ALA", "ko-ala"])
def test_mappings_are_by_the_providers_name_as_names_are_matched(
    name: str, emulator: Emulator
) -> None:
    client = Client("koala", base_urls={name: emulator.base_urls["koala"]})
    assert client.ask("Hi").text == "You said: Hi"


@pytest.mark.parametrize("name", ["openassistant", "Open_Assistant", "open-assistant"])
def test_cookies_are_by_name_or_for_one_call(name: str, emulator: Emulator) -> None:
    jar = emulator.cookies("openassistant")
    client = Client("openassistant", base_urls=emulator.base_urls, cookies={name: jar})
    assert client.ask("Hi").text == "You said: Hi"
    bare = Client("openassistant", base_urls=emulator.base_urls)
    assert bare.ask("Hi", cookies=jar).text == "You said: Hi"


def test_api_keys_are_by_name_or_for_one_call(emulator: Emulator) -> None:
    session = next(iter(emulator.cookies("openassistant").values()))
    urls = {"openassistant": emulator.base_urls["openassistant"]}
    cookie = {"openassistant": {"other": "1"}}
    client = Client("openassistant", base_urls=urls, api_keys={"Open-Assistant": session})
    with pytest.raises(AuthenticationError):
        client.ask("Hi", cookies=cookie["openassistant"], retry=ONCE)
    sent = emulator.openassistant.requests[0].headers["authorization"]
    assert sent == f"Bearer {session}"


# -- nothing is sent ----------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {},
            ConfigurationError,
            'no model: say Client("openai:gpt-4o") or chat(..., model="openai:gpt-4o"); there are',
        ),
        ({"model": 7}, InvalidRequest, "model must be a str, got int"),
        ({"model": "coala"}, InvalidRequest, "unknown provider or model 'coala'; did you mean 'k"),
        ({"provider": "coala"}, InvalidRequest, "unknown provider 'coala'; did you mean 'koala'?"),
        ({"provider": 7}, InvalidRequest, "provider must be a name, a Provider class or object, "),
        ({"provider": int}, InvalidRequest, "provider must be a name, a Provider class or object"),
        ({"model": "flowgpt:gpt-9"}, InvalidRequest, "unknown model 'gpt-9'; it has gpt-3.5-tur"),
        ({"model": "koala", "temperature": 1}, InvalidRequest, "koala has no option 'temperatu"),
        (
            {"model": "flowgpt", "temprature": 1},
            InvalidRequest,
            "flowgpt has no option 'temprature'; did you mean 'temperature'?",
        ),
        (
            {"model": "flowgpt", "temperature": -1},
            InvalidRequest,
            "option temperature must be a number from 0, got -1",
        ),
        ({"model": "koala", "system": 7}, InvalidRequest, "content must be a str or a list of pa"),
        ({"model": "koala", "proxy": "x"}, InvalidRequest, "proxy must be a URL"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    arguments: Mapping[str, Any],
    error: type[Exception],
    message: str,
    client: Client,
    emulator: Emulator,
) -> None:
    with pytest.raises(error) as caught:
        client.chat("Hi", **arguments)
    assert type(caught.value) is error
    assert message in str(caught.value)
    assert asked(emulator) == []


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "messages must not be empty"),
        ("", "the last message has no content"),
        (" \n", "the last message has no content"),
        (7, "messages must be a str or a sequence of messages, got int"),
        ({"role": "user", "content": "Hi"}, "messages must be a str or a sequence"),
        ([{"role": "boss", "content": "Hi"}], "messages[0]: role must be one of"),
        ([{"role": "user"}], "messages[0] has no content"),
        (["Hi"], "messages[0] must be a mapping or a Message, got str"),
        ([{"role": "tool", "content": "Hi"}], "messages[0]: koala does not take role 'tool'"),
    ],
)
def test_messages_are_checked_before_anything_is_sent(
    messages: Any, message: str, client: Client, emulator: Emulator
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        client.chat(messages, model="koala")
    assert message in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert asked(emulator) == []


def test_a_stream_that_is_not_iterated_sends_nothing(client: Client, emulator: Emulator) -> None:
    stream = client.chat("Hi", model="koala")
    assert (stream.text, stream.attempts, stream.first_token_seconds) == ("", (), None)
    stream.close()
    assert asked(emulator) == []


def test_missing_cookies_are_told_before_the_first_byte(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]
) -> None:
    monkeypatch.setenv("G4FSYNC_CONFIG", str(tmp_path))
    client = Client("openassistant", base_urls=emulator.base_urls)
    with pytest.raises(AuthenticationError, match=r"no cookies for 127\.0\.0\.1") as caught:
        client.ask("Hi")
    assert caught.value.provider == "openassistant"
    assert asked(emulator) == []


# -- asking -------------------------------------------------------------


def test_ask_is_chat_drained(client: Client) -> None:
    result = client.ask("Hi there", model="koala")
    assert isinstance(result, ChatResult)
    assert str(result) == result.text == "You said: Hi there"
    (attempt,) = result.attempts
    assert (attempt.number, attempt.provider, attempt.phase) == (1, "koala", "stream")
    assert result.first_token_seconds is not None
    assert result.seconds >= result.first_token_seconds


def test_system_stands_before_the_messages(client: Client, emulator: Emulator) -> None:
    client.ask([Message("user", "Hi")], model="flowgpt", system="Be brief.")
    (request,) = emulator.flowgpt.requests
    assert request.body["system"] == "Be brief."


def test_settings_of_a_call_win(emulator: Emulator) -> None:
    emulator.koala.fault = Status(503)
    client = Client("koala", base_urls=emulator.base_urls, retry=ONCE)
    retry = Retry(attempts=3, initial=0, maximum=0)
    with pytest.raises(g4fsync.ServerError) as caught:
        client.ask("Hi", retry=retry)
    assert len(caught.value.attempts) == 3
    emulator.koala.fault = HangBeforeHeaders()
    with pytest.raises(g4fsync.DeadlineExceeded) as late:
        client.ask("Hi", timeout=0.05)
    assert late.value.clock == "total"


def test_a_proxy_of_one_call_is_used_for_that_call_only(emulator: Emulator) -> None:
    with Server(http_proxy) as proxy:
        client = Client("koala", base_urls=emulator.base_urls)
        assert client.ask("Hi", proxy=proxy.url).text == "You said: Hi"
        assert client.ask("Hi").text == "You said: Hi"
        assert len(proxy.requests) == 1
        client.close()


@pytest.mark.parametrize("provider", ["koala", "myshell"])
def test_a_clients_proxy_is_for_http_and_websocket(provider: str, emulator: Emulator) -> None:
    with Server(http_proxy) as proxy:
        with Client(base_urls=emulator.base_urls, proxy=proxy.url) as client:
            chosen: Any = (
                Myshell(emulator.base_urls["myshell"], settle=0)
                if provider == "myshell"
                else "koala"
            )
            assert client.ask("Hi", provider=chosen).text == "You said: Hi"
        assert len(proxy.requests) == 1


@pytest.mark.parametrize("fallback", [("flowgpt",), ["flowgpt"], "flowgpt"])
def test_fallbacks_are_asked_in_order_unless_a_call_names_its_provider(
    fallback: Any, emulator: Emulator
) -> None:
    emulator.koala.fault = Refuse()
    urls = emulator.base_urls
    client = Client("koala", fallback=fallback, base_urls=urls, retry=ONCE)
    assert client.ask("Hi").provider == "flowgpt"
    assert client.ask("Hi", model="koala").provider == "flowgpt"
    with pytest.raises(ConnectionFailed):
        client.ask("Hi", provider="koala")


def test_a_calls_cookies_do_not_go_to_its_fallback(emulator: Emulator) -> None:
    cookies = emulator.cookies("openassistant")
    emulator.openassistant.fault = Refuse()
    client = Client(fallback=["koala"], base_urls=emulator.base_urls, retry=ONCE)
    result = client.ask("Hi", model="openassistant", cookies=cookies)
    assert result.provider == "koala"
    (request,) = emulator.koala.requests
    assert "cookie" not in {name.lower() for name in request.headers}


def test_a_fallback_may_take_longer_than_the_first_tokens_clock(emulator: Emulator) -> None:
    emulator.koala.fault = HangBeforeHeaders()
    emulator.flowgpt.pace = g4fsync.emulator.Pace(tokens_per_second=10)
    client = Client("koala", fallback="flowgpt", base_urls=emulator.base_urls, retry=ONCE)
    result = client.ask("one two three", timeout=Timeout(first_token=0.25))
    assert result.provider == "flowgpt"
    assert result.text.startswith("You said: one two three")
    assert result.seconds > 0.5


@pytest.mark.parametrize(
    ("provider", "expected"),
    [("koala", "koala: connection to {host} reset"), (None, "koala: connection to {host} reset")],
)
def test_messages_of_errors_begin_with_the_provider(
    provider: str | None, expected: str, emulator: Emulator
) -> None:
    emulator.koala.fault = Refuse()
    client = Client("koala", base_urls=emulator.base_urls, retry=ONCE)
    with pytest.raises(ConnectionFailed) as caught:
        client.ask("Hi", provider=provider)
    host = emulator.base_urls["koala"].split("/")[2]
    assert str(caught.value) == expected.format(host=host)
    assert (caught.value.provider, caught.value.model) == ("koala", "gpt-4o-mini")
    assert caught.value.partial == ""
    assert [attempt.phase for attempt in caught.value.attempts] == ["first_token"]


# -- ending -------------------------------------------------------------


def test_a_closed_client_takes_no_call(client: Client, emulator: Emulator) -> None:
    stream = client.chat("Hi", model="koala")
    client.close()
    for act in (lambda: client.chat("Hi", model="koala"), lambda: client.ask("Hi", model="koala")):
        with pytest.raises(ConfigurationError, match="the client is closed"):
            act()
    with pytest.raises(Cancelled):
        next(stream)
    assert asked(emulator) == []


def test_closing_a_client_frees_whoever_is_blocked(client: Client, emulator: Emulator) -> None:
    emulator.koala.fault = HangBeforeHeaders()
    workers = [Worker(lambda: client.ask("Hi", model="koala")) for _ in range(4)]
    eventually(lambda: len(emulator.koala.requests) == 4)
    for worker in workers:
        worker.blocks()
    closer = Worker(client.close)
    closer.result()
    for worker in workers:
        worker.failure(Cancelled)
        assert worker.ended_at - closer.ended_at < FREED
    ends = {record.ended for record in emulator.koala.wait_ended(4)}
    assert ends == {"client gone"}


def test_closing_a_client_ends_a_stream_that_is_being_looked_at(
    client: Client, emulator: Emulator
) -> None:
    emulator.koala.pace = g4fsync.emulator.Pace(tokens_per_second=50)
    stream = client.chat("one two three four five six", model="koala")
    assert next(stream) == "You"
    client.close()
    with pytest.raises(Cancelled):
        next(stream)
    assert emulator.koala.wait_ended()[0].ended == "client gone"


def test_a_signal_handler_may_close_the_client_that_its_thread_is_using(client: Client) -> None:
    """Its thread may hold the client's lock: that one must be re-entrant."""
    with client._lock:
        client.close()


@pytest.mark.parametrize("leave", ["drained", "left early", "failed"])
def test_a_provider_alone_frees_everything(leave: str) -> None:
    """Its client is nobody's: the connection goes with the stream, kept for reuse or not."""

    def talk(peer: Peer) -> None:
        while peer.request() is not None:
            peer.head("Transfer-Encoding: chunked")
            peer.chunk(b'data: "Hi"\n\n')
            if leave == "failed":
                peer.left.set()
                return
            if leave == "drained":
                peer.send(b"0\r\n\r\n")

    with Server(talk) as server:
        koala = Koala(server.url)
        census = Census()
        if leave == "drained":
            assert koala.chat("Hi").result().text == "Hi"
        elif leave == "left early":
            for piece in koala.chat("Hi", timeout=5):
                assert piece == "Hi"
                break
        else:
            with pytest.raises(ConnectionFailed):
                koala.chat("Hi").result()
        gc.collect()
        server.wait_left()
        server.wait_closed()
        eventually(lambda: not [each for each in census.newcomers() if "test-server" not in each])


def test_a_dropped_client_is_collected(emulator: Emulator) -> None:
    client = Client("koala", base_urls=emulator.base_urls)
    assert client.ask("Hi").text == "You said: Hi"
    reference = weakref.ref(client)
    del client
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("count", [32])
def test_many_threads_share_a_client(count: int, client: Client) -> None:
    gate = threading.Barrier(count)

    def ask(i: int) -> str:
        gate.wait(PATIENCE)
        return client.ask(f"number {i}", model="koala").text

    asks: list[Callable[[], str]] = [lambda i=i: ask(i) for i in range(count)]  # type: ignore[misc]
    workers = [Worker(each) for each in asks]
    texts = [worker.result() for worker in workers]
    assert texts == [f"You said: number {i}" for i in range(count)]


def test_a_missing_ca_bundle_is_named_before_anything_is_sent(emulator: Emulator) -> None:
    client = Client("koala", base_urls=emulator.base_urls, verify="missing.pem")
    with pytest.raises(ConfigurationError, match=r"there is no CA bundle 'missing\.pem'"):
        client.ask("Hi")
    assert not emulator.koala.requests


@pytest.mark.parametrize(
    ("limits", "told"),
    [(Limits(head=40), "longer than 40 bytes"), (Limits(event=5), "longer than 5 bytes")],
)
def test_limits_bound_what_a_provider_may_send(
    limits: Limits, told: str, emulator: Emulator
) -> None:
    client = Client("koala", base_urls=emulator.base_urls, limits=limits)
    with pytest.raises(ProtocolError, match=told):
        client.ask("Hi")


@pytest.mark.parametrize("host", ["127.0.0.1.evil.test", "127.evil.test", "localhost.evil.test"])
def test_a_host_that_only_begins_like_this_machine_gets_no_key_from_the_environment(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = registry.provider_class("litellm")
    monkeypatch.setenv(provider.key_variables[0], "secret")
    assert homes.is_at_home(provider("http://127.0.0.1:4001"))
    assert not homes.is_at_home(provider(f"http://{host}:4000"))


# -- copies -------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_keeps_keys_cookies_and_passwords(copied: Callable[[Client], Client]) -> None:
    def talk(peer: Peer) -> None:
        while peer.request() is not None:
            peer.answer(b'{"data": [{"id": "m"}]}')

    with Server(talk) as server:
        with Client(
            "openai:m",
            retry=Retry(attempts=1),
            api_keys={"openai": "sk-secret-key"},
            base_urls={"openai": server.url},
        ) as client:
            twin = copied(client)
            assert (twin.model, twin.retry) == (client.model, client.retry)
        with twin:  # the other one is closed, and that is no matter
            assert twin.models("openai") == ["m"]
        assert server.requests[0].headers["authorization"] == "Bearer sk-secret-key"
        with pickle.loads(pickle.dumps(twin)) as other:
            assert "sk-secret-key" not in repr(vars(other._reach))


def test_deep_copies_of_what_holds_a_client_hold_one_copy() -> None:
    client = Client("koala")
    first, second = copy.deepcopy([client, client])
    assert first is second
    assert first is not client

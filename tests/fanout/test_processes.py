"""Workers that share no memory: pickling, process pools, a cluster, a fork."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from g4fsync import (
    ChatResult,
    Client,
    ConfigurationError,
    G4FSyncError,
    InvalidRequest,
    RateLimited,
    Retry,
    Timeout,
)
from g4fsync.emulator import Emulator, HangBeforeHeaders, Status
from g4fsync.fanout.mapping import Asker
from tests.conftest import Serve
from tests.support.servers import Peer
from tests.support.timing import PATIENCE, Worker, eventually

SECRETS = {"key": "sk-open-sesame", "cookie": "c00kie-monster", "password": "hunter22"}


def full_of_secrets() -> Client:
    return Client(
        "openai:gpt-4o",
        api_keys={"openai": SECRETS["key"]},
        cookies={"openassistant": {"session": SECRETS["cookie"]}},
        proxy="http://me:hunter22@127.0.0.1:9",
        base_urls={"koala": "http://me:hunter22@127.0.0.1:1/koala"},
        timeout=Timeout(total=7),
        retry=Retry(attempts=2),
        fallback=["koala"],
        max_concurrent={"koala": 1},
    )


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_secret_is_pickled(protocol: int) -> None:
    client = full_of_secrets()
    for each in (client, Asker(client)):
        pickled = pickle.dumps(each, protocol)
        assert not [name for name, secret in SECRETS.items() if secret.encode() in pickled]


def test_all_but_the_secrets_is_pickled() -> None:
    client = pickle.loads(pickle.dumps(full_of_secrets()))
    assert (client.model, client.fallback) == ("openai:gpt-4o", ("koala",))
    assert (client.timeout, client.retry) == (Timeout(total=7), Retry(attempts=2))
    provider, _ = client._resolve("koala", None)
    assert provider.base_url == "http://127.0.0.1:1/koala"
    assert client._reach.gate(provider) is not None


@pytest.mark.parametrize(
    ("model", "base_urls", "advice"),
    [
        ("openai:m", {}, "set OPENAI_API_KEY here, or give"),
        (
            "openai:m",
            {"openai": "https://llm.example/v1"},
            "set OPENAI_API_KEY and OPENAI_BASE_URL=https://llm.example/v1 here, or give",
        ),
        ("llamacpp:m", {}, "set LLAMA_API_KEY here, or give"),
        ("llamacpp:m", {"llamacpp": "https://llm.example/v1"}, "give"),
    ],
)
def test_a_pickled_client_says_which_variable_its_key_must_be_in(
    monkeypatch: pytest.MonkeyPatch, model: str, base_urls: dict[str, str], advice: str
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "LLAMA_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    keys = {"OpenAI": SECRETS["key"], "llamacpp": SECRETS["key"], "groq": ""}
    original = Client(model, base_urls=base_urls, api_keys=keys, proxy="http://127.0.0.1:9")
    # Twice: a task may be sent on by the worker that got it.
    for client in (pickle.loads(pickle.dumps(original)), pickle.loads(pickle.dumps(original))):
        with pytest.raises(ConfigurationError) as caught:
            pickle.loads(pickle.dumps(client)).ask("Hi")
        provider = model.partition(":")[0]
        assert str(caught.value) == (
            f"{provider}: a pickled client has no API key in it; {advice} api_key= with the call"
        )


def test_a_key_in_the_other_process_is_all_a_pickled_client_wants(
    monkeypatch: pytest.MonkeyPatch, emulator: Emulator
) -> None:
    url = emulator.base_urls["openai"]
    original = Client("openai:gpt-4o", api_keys={"openai": "given here"}, base_urls={"openai": url})
    client = pickle.loads(pickle.dumps(original))
    assert client.ask("Hi", api_key=emulator.api_key).text == "You said: Hi"
    monkeypatch.setenv("OPENAI_API_KEY", emulator.api_key)
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    assert client.ask("Hi").text == "You said: Hi"


def test_a_proxy_is_not_forgotten_with_its_password(emulator: Emulator, serve: Serve) -> None:
    def refuse(peer: Peer) -> None:
        if (request := peer.request()) is not None:
            peer.server.noted.append(request.headers.get("proxy-authorization", "nobody"))
            peer.answer(b"", status="407 Proxy Authentication Required")

    # To go another way than by the proxy would tell the far side who we are.
    proxy = serve(refuse)
    original = Client(
        "koala",
        base_urls={"koala": emulator.base_urls["koala"]},
        proxy=f"http://me:hunter22@127.0.0.1:{proxy.port}",
    )
    with pickle.loads(pickle.dumps(original)) as client, pytest.raises(G4FSyncError):
        client.ask("Hi", timeout=PATIENCE, retry=Retry(attempts=1))
    assert proxy.noted == ["nobody"]
    assert emulator.koala.requests == []


METHODS = [m for m in ("spawn", "fork") if m in multiprocessing.get_all_start_methods()]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_pool_gives_typed_results(emulator: Emulator, method: str) -> None:
    emulator.flowgpt.fault = Status(429, retry_after=9)
    context = multiprocessing.get_context(method)
    with (
        Client(base_urls=emulator.base_urls, retry=Retry(attempts=1)) as client,
        ProcessPoolExecutor(2, mp_context=context) as pool,
    ):
        found = list(client.map(["a", ""], ["koala", "flowgpt"], executor=pool))
    whole, limited, *wrong = found
    assert isinstance(whole, ChatResult)
    assert (whole.text, whole.provider, whole.attempts[0].phase) == (
        "You said: a",
        "koala",
        "stream",
    )
    assert isinstance(limited, RateLimited)
    assert (limited.retry_after, limited.provider, limited.attempts[0].number) == (9, "flowgpt", 1)
    assert [type(each) for each in wrong] == [InvalidRequest] * 2


@pytest.mark.timeout(60)
def test_a_worker_finds_its_key_in_its_own_environment(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", emulator.base_urls["openai"])
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    context = multiprocessing.get_context("spawn")
    client = Client("openai:gpt-4o-mini", api_keys={"openai": emulator.api_key})
    assert str(client.ask("Hi")) == "You said: Hi"
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        (error,) = client.map(["Hi"], executor=pool)
        assert isinstance(error, ConfigurationError)
        (result,) = client.map(["Hi"], executor=pool, api_key=emulator.api_key)
        assert str(result) == "You said: Hi"
    monkeypatch.setenv("OPENAI_API_KEY", emulator.api_key)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        (result,) = client.map(["Hi"], executor=pool)
        assert str(result) == "You said: Hi"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_turn_taken_by_the_parent_does_not_block_a_forked_child(emulator: Emulator) -> None:
    emulator.koala.faults = [HangBeforeHeaders()]
    with Client("koala", base_urls=emulator.base_urls, max_concurrent={"koala": 1}) as client:
        stream = client.chat("Hi")
        worker = Worker(lambda: list(stream))
        eventually(lambda: emulator.koala.requests)
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if str(client.ask("Hi", timeout=PATIENCE / 2)) else 1)
            except BaseException:
                os._exit(2)
        _, status = os.waitpid(child, 0)
        stream.cancel()
        worker.finish()
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.timeout(120)
def test_a_cluster_s_killed_worker_costs_no_answer(emulator: Emulator) -> None:
    """Two worker processes of a Dask cluster; one is killed while it asks."""
    pytest.importorskip("distributed", reason='needs pip install "g4fsync[cluster]"')
    emulator.koala.latency = 0.1
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("cluster.py"), emulator.base_urls["koala"]],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["kinds"] == ["ChatResult"]
    assert told["texts"] == [f"You said: prompt {n}" for n in range(40)]
    assert told["indices"] == list(range(40))
    assert told["workers"] == 2
    asked = [record.body["input"] for record in emulator.koala.wait_ended(seconds=PATIENCE)]
    assert len(asked) > 40, "the killed worker's prompts have been asked again"

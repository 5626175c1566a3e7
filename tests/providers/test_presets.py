"""The presets, and whose key goes where."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from g4fsync import Client, registry
from g4fsync.access.reach import Overrides, Reach
from g4fsync.errors import AuthenticationError, ConfigurationError, InvalidRequest, ProtocolError
from g4fsync.providers.anthropic import Anthropic
from g4fsync.providers.base import Provider
from g4fsync.providers.gemini import Gemini
from g4fsync.providers.koala import Koala
from g4fsync.providers.ollama import Ollama
from g4fsync.providers.openai import OpenAI, body
from g4fsync.providers.presets import PRESETS, PROVIDERS, Preset
from g4fsync.scope import CancelScope
from g4fsync.testing import request
from tests.support.servers import Peer, Server, Talk

ALL: list[type[Provider]] = [OpenAI, Anthropic, Gemini, Ollama, *PROVIDERS.values()]

Serve = Callable[..., Server]


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_proxy_variables: None
) -> None:
    for each in ALL:
        for variable in (*each.key_variables, *each.base_url_variables):
            monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("G4FSYNC_CONFIG", str(tmp_path))


def resolved(
    name: str | Provider, base_url: str | None = None, model: str | None = None
) -> Provider:
    base_urls = None if base_url is None else {str(name): base_url}
    found, _ = registry.resolve(model, name, Reach(base_urls=base_urls).base_urls)
    return found


def key_sent(
    name: str | Provider,
    base_url: str | None = None,
    *,
    explicit: str | None = None,
) -> str | None:
    """The key a request would carry."""
    reach = Reach(
        base_urls=None if base_url is None else {str(name): base_url},
        api_keys=None if explicit is None else {str(name): explicit},
    )
    provider, _ = registry.resolve(None, name, reach.base_urls)
    transport = reach.transport_factory(provider, Overrides())(CancelScope())
    return transport.api_key


# -- data -------------------------------------------------------------------


def test_the_registry_names_the_presets() -> None:
    assert tuple(PROVIDERS) == registry.PRESETS
    assert registry.provider_names()[: len(registry.PRESETS) + 8][8:] == list(registry.PRESETS)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda each: each.name)
def test_a_preset_is_a_provider_by_its_name(preset: Preset) -> None:
    found = registry.provider_class(preset.name.upper())
    assert issubclass(found, OpenAI)
    assert found is registry.provider_class(preset.name)
    provider = found(preset.base_url or "https://h.test")
    assert provider.name == preset.name
    assert provider.base_url == preset.base_url or not preset.base_url
    assert preset.name in str(found.__doc__)
    assert all(name.isupper() for name in (*found.key_variables, *found.base_url_variables))
    assert found.needs_key is not preset.is_local


def test_the_models_name_may_hold_anything() -> None:
    for text, name in [
        ("openrouter:meta-llama/llama-3.3-70b:free", "meta-llama/llama-3.3-70b:free"),
        ("ollama:llama3.2:1b", "llama3.2:1b"),
    ]:
        found, model = registry.split(text)
        assert (found.name, model) == (text.partition(":")[0], name)


@pytest.mark.parametrize("name", ["llamacpp", "g4f"])
def test_a_server_that_takes_any_name_needs_none(name: str) -> None:
    assert request(resolved(name), "Hi").model == "default"


@pytest.mark.parametrize("name", ["groq", "vllm", "anthropic", "gemini", "ollama"])
def test_without_a_model_the_message_says_how_to_name_one(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f'{name}: no default model; say "{name}:MODEL"'):
        Client(name).chat("Hi")


def test_mistrals_quirks() -> None:
    provider = PROVIDERS["mistral"]()
    value = body(request(provider, "Hi", model="m", seed=1, max_tokens=2), provider)
    assert {name: value[name] for name in value if name not in ("model", "messages")} == {
        "stream": True,
        "random_seed": 1,
        "max_tokens": 2,
    }


@pytest.mark.parametrize(
    ("name", "url", "base"),
    [
        ("groq", "https://api.groq.com", "https://api.groq.com/openai/v1"),
        ("deepseek", "https://api.deepseek.com/", "https://api.deepseek.com"),
        ("azure", "https://x.openai.azure.com", "https://x.openai.azure.com/openai/v1"),
        ("llamacpp", "http://h:9931", "http://h:9931/v1"),
    ],
)
def test_what_a_bare_host_gets(name: str, url: str, base: str) -> None:
    assert resolved(name, url).base_url == base


def test_azure() -> None:
    provider = PROVIDERS["azure"]("https://x.openai.azure.com")
    value = body(request(provider, "Hi", model="m", max_tokens=2), provider)
    assert value["max_completion_tokens"] == 2
    assert isinstance(provider, OpenAI)
    assert provider.key_header == "api-key"
    with pytest.raises(ConfigurationError) as caught:
        resolved("azure")
    assert str(caught.value) == (
        "azure: no base URL; set AZURE_OPENAI_ENDPOINT, or give Client(base_urls={'azure': ...})"
    )


# -- base URLs from the environment -----------------------------------------


@pytest.mark.parametrize(
    ("name", "variable", "value", "base"),
    [
        ("openai", "OPENAI_BASE_URL", "http://h:1", "http://h:1/v1"),
        ("openai", "OPENAI_API_BASE", " http://h:1/x/ ", "http://h:1/x"),
        ("anthropic", "ANTHROPIC_BASE_URL", "http://h:1/v1", "http://h:1"),
        ("gemini", "GEMINI_API_BASE", "http://h:1", "http://h:1/v1beta"),
        ("ollama", "OLLAMA_HOST", "0.0.0.0", "http://127.0.0.1:11434"),
        ("azure", "AZURE_OPENAI_ENDPOINT", "https://x.test", "https://x.test/openai/v1"),
        ("groq", "GROQ_BASE_URL", "https://x.test", "https://x.test/openai/v1"),
    ],
)
def test_a_variable_moves_a_provider(
    monkeypatch: pytest.MonkeyPatch, name: str, variable: str, value: str, base: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert resolved(name).base_url == base
    assert resolved(name, "http://own:1/x").base_url.startswith("http://own:1/x")


def test_the_recommended_variable_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_BASE", "http://old/v1")
    assert resolved("openai").base_url == "http://old/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://new/v1")
    assert resolved("openai").base_url == "http://new/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    assert resolved("openai").base_url == "http://old/v1"


def test_a_variable_moves_an_object_that_was_given_no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = OpenAI(think_tags=True)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://h/v1")
    moved = resolved(provider)
    assert isinstance(moved, OpenAI)
    assert (moved.base_url, moved.think_tags) == ("http://h/v1", True)
    assert provider.base_url == "https://api.openai.com/v1"
    given = OpenAI("http://own/v1")
    assert resolved(given) is given


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "nonsense")
    with pytest.raises(ConfigurationError, match=r"got 'nonsense' in OPENAI_BASE_URL$"):
        resolved("openai")


# -- keys -------------------------------------------------------------------


@pytest.mark.parametrize("provider", [each for each in ALL if each.needs_key and each.base_url])
def test_without_a_key_nothing_is_sent(provider: type[Provider]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        key_sent(provider.name)
    assert str(caught.value) == (
        f"{provider.name}: no API key; set {provider.key_variables[0]}, "
        f"or give Client(api_keys={{{provider.name!r}: ...}})"
    )


@pytest.mark.parametrize("name", ["llamacpp", "vllm", "lmstudio", "localai", "litellm", "ollama"])
def test_a_local_server_needs_no_key(name: str) -> None:
    assert key_sent(name) is None


def test_the_environments_key_goes_to_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-env")
    assert key_sent("openai") == "sk-env"
    assert key_sent("openai", "https://api.openai.com:443/v2") == "sk-env"
    assert key_sent("openai", explicit="sk-arg") == "sk-arg"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com.evil.test/v1",
        "http://api.openai.com/v1",
        "https://api.openai.com:8443/v1",
        "http://127.0.0.1:8080/v1",
        "https://gateway.test/v1",
    ],
)
def test_the_environments_key_goes_to_nobody_else(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-env")
    assert key_sent("openai", url) is None
    assert key_sent(OpenAI(url)) is None
    assert key_sent("openai", url, explicit="sk-arg") == "sk-arg"


def test_the_environments_key_goes_where_its_own_variable_points(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-env")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.test/v1")
    assert key_sent("openai") == "sk-env"
    assert key_sent("openai", "https://other.test/v1") is None
    monkeypatch.setenv("OPENAI_BASE_URL", "nonsense")
    assert key_sent("openai", "https://other.test/v1") is None
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://x.openai.azure.com")
    assert key_sent("azure") == "k"
    assert key_sent("azure", "https://y.openai.azure.com") is None


def test_a_local_servers_key_goes_to_any_port_of_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LLAMA_API_KEY", "k")
    assert key_sent("llamacpp") == "k"
    assert key_sent("llamacpp", "http://localhost:9931") == "k"
    assert key_sent("llamacpp", "http://[::1]:8080") == "k"
    assert key_sent("llamacpp", "http://gpu.test:8080") is None
    assert key_sent("llamacpp", "http://127.0.0.1.evil.test:8080") is None


def test_ollamas_key_goes_to_ollama_com_not_to_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "k")
    assert key_sent("ollama") is None
    assert key_sent("ollama", "ollama.com") == "k"
    monkeypatch.setenv("OLLAMA_HOST", "http://gpu.test")
    assert key_sent("ollama") == "k"


def test_the_key_files_key_obeys_the_same_rule(tmp_path: Path) -> None:
    from g4fsync.access import keys

    keys.set_key("openai", "sk-file")
    assert key_sent("openai") == "sk-file"
    assert key_sent("openai", "https://gateway.test/v1") is None


# -- asking for the models --------------------------------------------------


def answering(value: object, status: str = "200 OK") -> Talk:
    def talk(peer: Peer) -> None:
        peer.request()
        peer.answer(json.dumps(value).encode(), "Content-Type: application/json", status=status)

    return talk


def test_a_server_is_asked_for_its_models(serve: Serve) -> None:
    url = serve(answering({"data": [{"id": "a"}, {"id": "b"}]})).url
    with Client("llamacpp", base_urls={"llamacpp": url}) as client:
        assert client.models() == ["a", "b"]


def test_models_known_here_need_no_server() -> None:
    assert Client().models("koala") == list(Koala.models)
    assert Client("koala:gpt-4o").models() == list(Koala.models)
    assert Client().models(Koala) == list(Koala.models)


def test_a_refused_key_says_what_to_set(serve: Serve) -> None:
    error = {"error": {"message": "Invalid API Key", "type": "authentication_error", "code": 401}}
    server = serve(answering(error, "401 Unauthorized"))
    with pytest.raises(AuthenticationError) as caught:
        Client(base_urls={"llamacpp": server.url}).models("llamacpp", api_key="k")
    assert str(caught.value) == (
        "llamacpp: HTTP 401: Invalid API Key (give Client(api_keys={'llamacpp': ...}))"
    )
    assert server.requests[0].headers["authorization"] == "Bearer k"


def test_a_list_of_another_shape_is_a_protocol_error(serve: Serve) -> None:
    url = serve(answering({"models": [{"size": 1}]})).url
    with pytest.raises(ProtocolError, match="ollama: the list of models has another shape"):
        Client(base_urls={"ollama": url}).models("ollama")


def test_without_a_provider_there_are_no_models() -> None:
    with pytest.raises(ConfigurationError, match="no model: say"):
        Client().models()
    with pytest.raises(InvalidRequest, match="unknown provider 'opnai'"):
        Client().models("opnai")

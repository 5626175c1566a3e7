"""The presets, and whose key goes where."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from g4fsync import Client, registry
from g4fsync.access.reach import Overrides, Reach
from g4fsync.errors import (
    AuthenticationError,
    ConfigurationError,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
)
from g4fsync.providers.anthropic import Anthropic
from g4fsync.providers.base import Provider
from g4fsync.providers.gemini import Gemini
from g4fsync.providers.koala import Koala
from g4fsync.providers.ollama import Ollama
from g4fsync.providers.openai import OpenAI
from g4fsync.providers.preset_row import PresetRow
from g4fsync.providers.preset_rows import PRESET_ROWS as ROWS
from g4fsync.providers.presets import PROVIDERS
from g4fsync.providers.reasoning import WAYS
from g4fsync.scope import CancelScope
from g4fsync.settings import Rate
from g4fsync.testing import ScriptedTransport, request
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


def test_the_registry_names_the_presets_without_importing_a_provider() -> None:
    names = [row.name for row in ROWS]
    assert registry.provider_names()[8 : 8 + len(names)] == names
    assert list(PROVIDERS) == [name.replace("-", "") for name in names]
    assert len(PROVIDERS) == len(set(names)) > 70
    code = (
        "import sys; from g4fsync import provider_names; provider_names();"
        "print([m for m in sys.modules if m.startswith('g4fsync.providers.op')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("row", ROWS, ids=lambda each: each.name)
def test_a_row_is_complete(row: PresetRow) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)?", row.name)
    assert re.fullmatch(r"[MAYPCFLDR]( [MAYPCFLDR])*", row.source)
    assert row.url.startswith("https://")
    assert row.reasoning in WAYS
    assert row.limits in ("", "openai", "anthropic", "openrouter", "mistral")
    assert row.key_variables
    for name in (*row.key_variables, *row.base_url_variables):
        assert re.fullmatch("[A-Z0-9_]+", name)
    assert row.base_url or row.base_url_variables
    scheme = "http://127.0.0.1:" if row.status == "local" else "https://"
    assert row.base_url.startswith(scheme) or not row.base_url
    assert not row.base_url.endswith("/")
    assert (row.group == "local servers") == (row.status == "local")
    assert row.rate is None or row.status == "keyless"


@pytest.mark.parametrize("row", ROWS, ids=lambda each: each.name)
def test_a_preset_is_a_provider_by_its_name(row: PresetRow) -> None:
    found = registry.provider_class(row.name.upper())
    assert issubclass(found, Anthropic if row.protocol == "anthropic" else OpenAI)
    assert found is registry.provider_class(row.name.replace("-", "_"))
    provider = found(row.base_url or "https://h.test")
    assert (provider.name, provider.status) == (row.name, row.status)
    assert provider.base_url == row.base_url or not row.base_url
    assert row.name in str(found.__doc__)
    assert found.needs_key is (row.status == "active")


def test_another_host_has_the_api_at_the_same_path() -> None:
    for row in ROWS:
        if row.protocol == "openai" and row.base_url and "{" not in row.base_url:
            moved = PROVIDERS[row.name.replace("-", "")]("https://h.test")
            _, _, path = row.base_url.partition("://")[2].partition("/")
            assert moved.base_url == f"https://h.test/{path}".rstrip("/")


# -- account ids and regions --------------------------------------------------


@pytest.mark.parametrize(
    ("name", "variables", "base_url"),
    [
        (
            "cloudflare",
            {"CLOUDFLARE_ACCOUNT_ID": "a1b2"},
            "https://api.cloudflare.com/client/v4/accounts/a1b2/ai/v1",
        ),
        (
            "databricks",
            {"DATABRICKS_HOST": "https://adb-1.2.azuredatabricks.net/"},
            "https://adb-1.2.azuredatabricks.net/ai-gateway/mlflow/v1",
        ),
        (
            "snowflake",
            {"SNOWFLAKE_ACCOUNT": "org-account"},
            "https://org-account.snowflakecomputing.com/api/v2/cortex/v1",
        ),
        (
            "bedrock",
            {"AWS_DEFAULT_REGION": "eu-west-1"},
            "https://bedrock-mantle.eu-west-1.api.aws/openai/v1",
        ),
    ],
)
def test_a_url_is_filled_from_the_environment_and_the_key_goes_there(
    monkeypatch: pytest.MonkeyPatch, name: str, variables: dict[str, str], base_url: str
) -> None:
    wanted = next(iter(variables)).replace("AWS_DEFAULT_REGION", "AWS_REGION")
    monkeypatch.delenv(wanted, raising=False)
    with pytest.raises(ConfigurationError, match=f"{name}: no base URL; set {wanted}, or give"):
        resolved(name)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert resolved(name).base_url == base_url
    monkeypatch.setenv(PROVIDERS[name].key_variables[0], "secret")
    assert key_sent(name) == "secret"
    assert key_sent(name, "https://elsewhere.test") is None


def test_a_variable_that_holds_more_than_a_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("a/b", "a@b", "a b", "é", "a?b", "{X}"):
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", value)
        with pytest.raises(ConfigurationError, match="CLOUDFLARE_ACCOUNT_ID must hold a name"):
            resolved("cloudflare")


# -- what differs from service to service -------------------------------------


def fields(name: str, **options: Any) -> dict[str, Any]:
    provider = PROVIDERS[name](None if PROVIDERS[name].base_url else "https://h.test")
    return provider.body(request(provider, "Hi", model="m", **options))


@pytest.mark.parametrize(
    ("name", "effort", "sent"),
    [
        ("groq", "low", {"reasoning_effort": "low"}),
        ("cohere", "high", {"reasoning_effort": "high"}),
        ("moonshot", "none", {"thinking": {"type": "disabled"}}),
        ("zai", "high", {"thinking": {"type": "enabled"}}),
        ("deepseek", "max", {"reasoning_effort": "max"}),
        ("deepseek", "none", {"thinking": {"type": "disabled"}}),
        ("dashscope", "none", {"enable_thinking": False}),
        ("friendli", "high", {"chat_template_kwargs": {"enable_thinking": True}}),
        ("baseten", "high", {"chat_template_args": {"enable_thinking": True}}),
        ("openrouter", "minimal", {"reasoning": {"effort": "minimal"}}),
        ("deepinfra", "none", {"reasoning": {"enabled": False}}),
        ("deepseekanthropic", "low", {
            "thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}
        }),
    ],
)  # fmt: skip
def test_reasoning_effort_is_written_in_each_services_words(
    name: str, effort: str, sent: dict[str, Any]
) -> None:
    plain = fields(name)
    value = fields(name, reasoning_effort=effort)
    assert {key: each for key, each in value.items() if key not in plain} == sent


@pytest.mark.parametrize(
    ("name", "effort", "words"),
    [
        ("cohere", "low", "cohere turns thinking on or off: write 'high' or 'none', not 'low'"),
        ("zai", "medium", "zai turns thinking on or off"),
        ("poe", "low", "poe has no field for it; what it has instead goes into extra_body"),
    ],
)
def test_an_effort_that_has_no_place_is_refused(name: str, effort: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=f"option reasoning_effort: {words}"):
        fields(name, reasoning_effort=effort)


def test_the_responses_api_where_it_is_spoken_and_nowhere_else() -> None:
    for row in ROWS:
        found = PROVIDERS[row.name.replace("-", "")]
        if not issubclass(found, OpenAI):
            continue
        assert found("https://h.test").api == "auto"
        if row.has_responses:
            assert found("https://h.test", api="responses").api == "responses"
        else:
            with pytest.raises(InvalidRequest, match=f"{row.name} is not known to speak the Resp"):
                found("https://h.test", api="responses")


def test_minimax_tells_its_thoughts_in_tags() -> None:
    found = PROVIDERS["minimax"]
    assert issubclass(found, OpenAI)
    assert (found().think_tags, found(think_tags=False).think_tags) == (True, False)
    assert found(api="responses").api == "responses"


def test_minimax_takes_a_bearer_token_in_anthropics_protocol() -> None:
    sent = headers_sent("minimax-anthropic", "k", ["POST /v1/messages", b""])
    assert sent["Authorization"] == "Bearer k"
    assert "x-api-key" not in sent
    assert headers_sent("deepseek-anthropic", "k", ["POST /v1/messages", b""])["x-api-key"] == "k"


def headers_sent(name: str, key: str | None, answer: list[Any]) -> Mapping[str, str]:
    provider = registry.provider_class(name)()
    transport = ScriptedTransport({answer[0]: answer[1]}, api_key=key)
    with suppress(G4FSyncError):
        list(provider.stream(request(provider, "Hi", model="m"), transport))
    return transport.requests[0].headers


def test_without_a_key_a_keyless_host_gets_none_or_the_guests() -> None:
    ask = ["POST /chat/completions", b""]
    assert "Authorization" not in headers_sent("ovhcloud", None, ask)
    assert headers_sent("ovhcloud", "k", ask)["Authorization"] == "Bearer k"
    assert headers_sent("aihorde", None, ask)["Authorization"] == "Bearer 0000000000"
    assert headers_sent("aihorde", "k", ask)["Authorization"] == "Bearer k"
    assert key_sent("kilo") is None


def test_without_a_key_a_keyless_host_is_asked_within_its_documented_rate() -> None:
    def rate(reach: Reach, name: str = "ovhcloud", **overrides: Any) -> Rate | None:
        pace = reach.pace(resolved(name), Overrides(**overrides))
        return None if pace is None else pace.rate

    assert rate(Reach()) == Rate(2, per=60)
    assert rate(Reach(), "kilo") == Rate(200, per=3600)
    assert rate(Reach(), "groq") is None
    assert rate(Reach(), api_key="k") is None
    assert rate(Reach(api_keys={"ovhcloud": "k"})) is None
    assert rate(Reach(rate={"ovhcloud": Rate(1)})) == Rate(1)


def test_the_horde_answers_at_once_and_without_tools() -> None:
    value = fields("aihorde", stop="x")
    assert value == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": False,
        "stop": ["x"],
    }
    with pytest.raises(InvalidRequest, match="aihorde has no option 'tools'"):
        fields("aihorde", tools=[])


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
    value = provider.body(request(provider, "Hi", model="m", seed=1, max_tokens=2))
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
    value = provider.body(request(provider, "Hi", model="m", max_tokens=2))
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


@pytest.mark.parametrize(
    "provider",
    [each for each in ALL if each.needs_key and each.base_url and "{" not in each.base_url],
)
def test_without_a_key_nothing_is_sent(
    provider: type[Provider], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in re.findall(r"\{([A-Z_]+)", provider.base_url):
        monkeypatch.setenv(variable, "x")
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

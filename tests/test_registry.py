from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from g4fsync import registry
from g4fsync.access.names import folded
from g4fsync.errors import ConfigurationError, InvalidRequest
from g4fsync.events import Event
from g4fsync.messages import ChatRequest
from g4fsync.providers.base import Provider
from g4fsync.providers.flowgpt import FlowGpt
from g4fsync.providers.koala import Koala
from g4fsync.providers.myshell import Myshell
from g4fsync.transport.base import Transport


class Echo(Provider):
    name = "Echo_One"
    base_url = "http://echo.test"
    models: Mapping[str, str] = {"loud": "LOUD"}

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        yield request.last.content


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    monkeypatch.delenv("G4FSYNC_PLUGINS", raising=False)


Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Install:
    """Install a plug-in: entry points name -> value, and the module they point to."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "g4fsync_plugin", raising=False)

    def put(source: str = "", **points: str) -> None:
        (tmp_path / "g4fsync_plugin.py").write_text(source)
        found = [EntryPoint(name, value, "g4fsync.providers") for name, value in points.items()]

        def entry_points(*, group: str) -> list[EntryPoint]:
            return [each for each in found if each.group == group]

        monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)

    return put


PLUGIN = """
from g4fsync import Provider

class Parrot(Provider):
    name = "parrot"
    base_url = "http://parrot.test"

    def stream(self, request, transport):
        yield request.last.content
"""


# -- names ------------------------------------------------------------------


def test_the_built_in_names_come_first() -> None:
    assert registry.provider_names()[:4] == ["koala", "flowgpt", "myshell", "openassistant"]


@pytest.mark.parametrize("name", ["koala", "Koala", "KOALA", "ko_ala", "ko-ala"])
def test_names_are_matched_without_case_and_dashes(name: str) -> None:
    assert registry.provider_class(name) is Koala


@pytest.mark.parametrize("name", [*registry._BUILT_IN])
def test_a_built_in_provider_is_known_by_its_own_name(name: str) -> None:
    assert folded(registry.provider_class(name).name) == name


@pytest.mark.parametrize(
    ("name", "offer"),
    [("koalla", "did you mean 'koala'?"), ("Flow-GTP", "did you mean 'flowgpt'?")],
)
def test_a_near_miss_is_offered_the_name(name: str, offer: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        registry.provider_class(name)
    assert str(caught.value) == f"unknown provider {name!r}; {offer}"


def test_without_a_near_name_three_are_named() -> None:
    with pytest.raises(InvalidRequest) as caught:
        registry.provider_class("zzzzzz")
    assert str(caught.value) == (
        "unknown provider 'zzzzzz'; there are openai, anthropic, ollama and more "
        '("g4fsync providers" lists them)'
    )


def test_listing_names_imports_no_provider() -> None:
    code = (
        "import sys, g4fsync; g4fsync.provider_names();"
        "names = [m for m in sys.modules if m.startswith('g4fsync.providers.')];"
        "print([m for m in names if 'row' not in m])"  # the rows of presets are data
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "['g4fsync.providers.base']"


# -- "provider:model" -------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("koala", (Koala, None)),
        ("Koala:gpt-4o", (Koala, "gpt-4o")),
        ("koala:a:b", (Koala, "a:b")),
        ("koala:", (Koala, "")),
        ("myshell:samantha", (Myshell, "samantha")),
        ("FLOW-gpt:gemini-pro", (FlowGpt, "gemini-pro")),
    ],
)
def test_a_model_is_found_behind_its_provider(
    model: str, found: tuple[type[Provider], str | None]
) -> None:
    assert registry.split(model) == found


@pytest.mark.parametrize("model", ["", "zzzzzz", "zzzzzz:gpt-4", ":gpt-4", "/", "a/", "/a"])
def test_an_unknown_model_is_refused(model: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        registry.split(model)
    assert str(caught.value) == (
        f"unknown provider or model {model!r}; write PROVIDER:MODEL; there are openai, anthropic, "
        'ollama and more ("g4fsync providers" lists them)'
    )
    assert caught.value.model == model


@pytest.mark.parametrize(
    ("model", "advice"),
    [
        ("gpt-4o", "write 'openai:gpt-4o'"),
        ("gpt-5", "write 'openai:gpt-5'"),
        ("GPT-4", "write 'openai:GPT-4'"),
        ("gpt-3.5-turbo", "write 'openai:gpt-3.5-turbo'"),
        ("chatgpt-4o-latest", "write 'openai:chatgpt-4o-latest'"),
        ("o1", "write 'openai:o1'"),
        ("o4-mini", "write 'openai:o4-mini'"),
        ("gpt", "write 'openai:MODEL'"),
        ("claude", "write 'anthropic:MODEL'"),
        ("claude-instant", "write 'anthropic:claude-instant'"),
        ("claude-sonnet-4-5", "write 'anthropic:claude-sonnet-4-5'"),
        ("gemini-pro", "write 'gemini:gemini-pro'"),
        ("gemma-3-27b-it", "write 'gemini:gemma-3-27b-it'"),
        ("gemma3:4b", "write 'ollama:gemma3:4b'"),
        ("deepseek-chat", "write 'deepseek:deepseek-chat'"),
        ("deepseek-r1:7b", "write 'ollama:deepseek-r1:7b'"),
        ("mistral-large-latest", "write 'mistral:mistral-large-latest'"),
        ("ministral-8b", "write 'mistral:ministral-8b'"),
        ("codestral-latest", "write 'mistral:codestral-latest'"),
        ("open-mixtral-8x7b", "write 'mistral:open-mixtral-8x7b'"),
        ("mixtral:8x7b", "write 'ollama:mixtral:8x7b'"),
        ("grok-4", "write 'xai:grok-4'"),
        ("llama3.2", "write 'ollama:llama3.2'"),
        ("llama3.2:1b", "write 'ollama:llama3.2:1b'"),
        ("qwen3:8b", "write 'ollama:qwen3:8b'"),
        ("phi4", "write 'ollama:phi4'"),
        ("gpt-oss:20b", "write 'ollama:gpt-oss:20b'"),
        ("openai/gpt-5", "write 'openai:gpt-5'"),
        ("OpenAI/gpt-5", "write 'openai:gpt-5'"),
        ("anthropic/claude-3.5", "write 'anthropic:claude-3.5'"),
        ("google/gemini-2.5-pro", "write 'gemini:gemini-2.5-pro'"),
        ("models/gemini-2.5-pro", "write 'gemini:gemini-2.5-pro'"),
        ("x-ai/grok-4", "write 'xai:grok-4'"),
        ("koala/gpt-4o", "write 'koala:gpt-4o'"),
        ("openrouter/meta-llama/llama-3", "write 'openrouter:meta-llama/llama-3'"),
        (
            "meta-llama/llama-3-70b",
            "write 'openrouter:meta-llama/llama-3-70b' or 'together:meta-llama/llama-3-70b'",
        ),
        ("kaola:gpt-4o", "did you mean 'koala:gpt-4o'?"),
        ("opnai:gpt-4o", "did you mean 'openai:gpt-4o'?"),
        ("llama.cpp:x", "did you mean 'llamacpp:x'?"),
        ("samantha", f"write PROVIDER:MODEL; {registry.SOME}"),
        ("OA_SFT_Llama_30B_6", f"write PROVIDER:MODEL; {registry.SOME}"),
    ],
)
def test_a_model_without_its_provider_is_refused_with_what_to_write(
    model: str, advice: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        registry.split(model)
    assert str(caught.value) == f"unknown provider or model {model!r}; {advice}"


def test_no_model_alone_is_looked_for_at_a_built_in_provider() -> None:
    for name in registry._BUILT_IN:
        offering = registry.provider_class(name)
        for model in {*offering.models, *offering.model_aliases} - {*registry._BUILT_IN}:
            with pytest.raises(InvalidRequest, match=r"^unknown provider or model "):
                registry.split(model)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("gpt-4o", "did you mean 'openai'?"),
        ("claude", "did you mean 'anthropic'?"),
        ("openai:gpt-4o", "write model='openai:gpt-4o'"),
    ],
)
def test_a_model_given_as_provider_is_refused_with_what_to_write(name: str, advice: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        registry.provider_class(name)
    assert str(caught.value) == f"unknown provider {name!r}; {advice}"


# -- register() -------------------------------------------------------------


def test_a_registered_class_is_known_by_its_name() -> None:
    assert registry.register(Echo) is Echo
    assert registry.provider_class("echo-one") is Echo
    assert registry.split("ECHOONE:loud") == (Echo, "loud")
    assert "echoone" in registry.provider_names()


def test_a_registered_class_offers_its_models_too() -> None:
    registry.register(Echo)
    assert registry.split("loud") == (Echo, "loud")


def test_a_registered_class_that_is_retired_is_asked_by_its_name_only() -> None:
    class Old(Echo):
        status = "retired"

    registry.register(Old)
    assert registry.split("echoone:loud") == (Old, "loud")
    with pytest.raises(InvalidRequest, match=r"^unknown provider or model 'loud'; "):
        registry.split("loud")


def test_registering_a_name_again_replaces_the_class() -> None:
    class Other(Echo):
        name = "echo-one"

    registry.register(Echo)
    registry.register(Other)
    assert registry.provider_class("echo_one") is Other


class Nameless(Echo):
    name = ""


class Dashes(Echo):
    name = "-_-"


class Colon(Echo):
    name = "a:b"


class Number(Echo):
    name = 5  # type: ignore[assignment]  # that is the point


class Impostor(Echo):
    name = "KO-ALA"


class Unwritten(Provider):
    name = "unwritten"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Nameless, "Nameless needs a name without a colon"),
        (Dashes, "Dashes needs a name without a colon"),
        (Colon, "Colon needs a name without a colon"),
        (Number, "Number needs a name without a colon"),
        (Impostor, "the name 'KO-ALA' belongs to a built-in provider"),
        (Unwritten, "Unwritten has no method stream()"),
        (str, "register() takes a Provider class, got <class 'str'>"),
        ("koala", "register() takes a Provider class, got 'koala'"),
    ],
)
def test_what_cannot_be_registered_is_refused(wrong: type[Provider], message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        registry.register(wrong)
    assert str(caught.value) == message


def test_an_object_cannot_be_registered() -> None:
    with pytest.raises(InvalidRequest, match=r"^register\(\) takes a Provider class, got Koala\("):
        registry.register(Koala())  # type: ignore[type-var]  # that is the point


# -- plug-ins ---------------------------------------------------------------


def test_a_plug_in_is_loaded_when_it_is_asked_for(install: Install) -> None:
    install(PLUGIN, Par_Rot="g4fsync_plugin:Parrot")
    assert "parrot" in registry.provider_names()
    assert "g4fsync_plugin" not in sys.modules
    assert registry.provider_class("PARROT").name == "parrot"
    assert registry.split("parrot:m")[1] == "m"


def test_a_plug_in_cannot_take_a_built_in_name(install: Install) -> None:
    install(PLUGIN, koala="g4fsync_plugin:Parrot")
    assert registry.provider_class("koala") is Koala


def test_a_registered_class_goes_before_a_plug_in(install: Install) -> None:
    install(PLUGIN, echoone="g4fsync_plugin:Parrot")
    registry.register(Echo)
    assert registry.provider_class("echoone") is Echo
    assert registry.provider_names().count("echoone") == 1


def test_plug_ins_can_be_turned_off(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install(PLUGIN, parrot="g4fsync_plugin:Parrot")
    monkeypatch.setenv("G4FSYNC_PLUGINS", "0")
    assert "parrot" not in registry.provider_names()
    with pytest.raises(InvalidRequest, match="unknown provider 'parrot'"):
        registry.provider_class("parrot")


@pytest.mark.parametrize(
    ("source", "value", "message"),
    [
        ("raise RuntimeError('broken')", "g4fsync_plugin:Parrot", "can't be loaded: broken"),
        (
            "",
            "g4fsync_plugin:Parrot",
            "can't be loaded: module 'g4fsync_plugin' has no attribute 'Parrot'",
        ),
        ("", "g4fsync_missing:Parrot", "can't be loaded: No module named 'g4fsync_missing'"),
        ("Parrot = str", "g4fsync_plugin:Parrot", "is not a Provider class"),
        ("Parrot = 5", "g4fsync_plugin:Parrot", "is not a Provider class"),
    ],
)
def test_a_broken_plug_in_is_reported_by_its_name_when_it_is_asked_for(
    source: str, value: str, message: str, install: Install
) -> None:
    install(source, parrot=value)
    assert "parrot" in registry.provider_names()
    assert registry.provider_class("koala") is Koala
    with pytest.raises(ConfigurationError) as caught:
        registry.provider_class("parrot")
    assert str(caught.value) == f"the plug-in {value!r} {message}"

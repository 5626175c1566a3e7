"""What every provider in the registry promises, whatever its protocol."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from g4fsync import registry
from g4fsync.errors import (
    ConfigurationError,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    StreamTruncated,
)
from g4fsync.events import ProviderData
from g4fsync.messages import ROLES, ChatResult, Message
from g4fsync.providers.base import Provider
from g4fsync.testing import Reply, ScriptedTransport, SocketEvent, chat, request

NAMES = [*registry._BUILT_IN]

# How each provider's far side says "Hello"; a cut body ends inside or before the last piece.
_END = b'data: {"event_type": "message", "message": {"state": "complete", "content": "Hello"}}\n\n'


def _openai(text: str, reason: str | None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()


def _anthropic(text: str) -> bytes:
    delta = {"type": "text_delta", "text": text}
    event = {"type": "content_block_delta", "index": 0, "delta": delta}
    return f"data: {json.dumps(event)}\n\n".encode()


HELLO: Mapping[str, Mapping[str, Any]] = {
    "koala": {"POST /api/gpt/": [b'data: "Hel"\n\n', b'data: "lo"\n\n']},
    "flowgpt": {
        "POST /v3/chat-anonymous": [
            b'{"event": "text", "data": "Hel"}\n',
            b'{"event": "text", "data": "lo"}\n',
        ]
    },
    "myshell": {
        "SOCKETIO /ws/": [
            SocketEvent("text_stream", ({"data": {"text": "Hel", "isFinal": False}},)),
            SocketEvent("text_stream", ({"data": {"text": "lo", "isFinal": True}},)),
        ]
    },
    "openassistant": {
        "POST /api/chat": {"id": "C"},
        "POST /api/chat/prompter_message": {"id": "P"},
        "POST /api/chat/assistant_message": {"id": "A"},
        "POST /api/chat/events": [
            b'data: {"event_type": "token", "text": "Hel"}\n\n',
            b'data: {"event_type": "token", "text": "lo"}\n\n' + _END,
        ],
        "DELETE /api/chat": b"",
    },
    "openai": {"POST /chat/completions": [_openai("Hel", None), _openai("lo", "stop")]},
    "anthropic": {
        "POST /v1/messages": [
            _anthropic("Hel"),
            _anthropic("lo") + b'data: {"type": "message_delta", "delta": '
            b'{"stop_reason": "end_turn"}}\n\ndata: {"type": "message_stop"}\n\n',
        ]
    },
    "gemini": {
        "POST /models/some-model:streamGenerateContent": [
            b'data: {"candidates": [{"content": {"parts": [{"text": "Hel"}]}}]}\n\n',
            b'data: {"candidates": [{"content": {"parts": [{"text": "lo"}]}, '
            b'"finishReason": "STOP"}]}\n\n',
        ]
    },
    "ollama": {
        "POST /api/chat": [
            b'{"message": {"content": "Hel"}, "done": false}\n',
            b'{"message": {"content": "lo"}, "done": true, "done_reason": "stop"}\n',
        ]
    },
}


def provider(name: str) -> Provider:
    return registry.provider_class(name)()


def model_of(name: str) -> str:
    return provider(name).default_model or next(iter(provider(name).models), "some-model")


class Everywhere(ScriptedTransport):
    """Gives the same answer to whatever is asked."""

    def __init__(self, body: bytes) -> None:
        super().__init__({}, api_key="key")
        self.body = body

    def reply_to(self, key: str) -> Reply:
        if key.startswith("SOCKETIO"):
            return Reply([SocketEvent("text_stream", (self.body.decode("latin-1"),))])
        return Reply(self.body)


# -- what is declared -----------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_names_and_addresses_are_declared(name: str) -> None:
    each = provider(name)
    assert registry.provider_class(each.name) is type(each)
    if each.base_url:  # Azure has none: everybody's is another
        assert each.base_url.startswith(("https://", "http://"))
    assert not each.base_url.endswith("/")
    assert type(each).__doc__
    assert each.status
    assert each.roles <= set(ROLES)
    assert "user" in each.roles
    assert repr(each) == f"{type(each).__name__}(base_url={each.base_url!r})"


@pytest.mark.parametrize("name", NAMES)
def test_the_default_model_is_a_model(name: str) -> None:
    each = provider(name)
    if each.default_model is None:
        assert each.open_models
        with pytest.raises(ConfigurationError, match="no default model"):
            each.model_name(None)
    else:
        assert each.model_name(None) == each.model_name("") == each.default_model
        assert each.default_model in each.models or each.open_models


@pytest.mark.parametrize("name", NAMES)
def test_aliases_resolve_to_models(name: str) -> None:
    each = provider(name)
    for alias, model in each.model_aliases.items():
        assert alias not in each.models
        assert each.model_name(alias) == model
        assert model in each.models or each.open_models
    for model, wire in each.models.items():
        assert each.wire_model(model) == wire


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_model_is_passed_on_or_refused_with_the_list(name: str) -> None:
    each = provider(name)
    if each.open_models:
        assert each.wire_model("no such model") == "no such model"
        return
    with pytest.raises(InvalidRequest) as caught:
        each.wire_model("no such model")
    shown, rest = [*each.models][:3], len(each.models) - 3
    more = f" and {rest} more" if rest > 0 else ""
    assert str(caught.value).endswith(f"; it has {', '.join(shown)}{more}")


@pytest.mark.parametrize("name", NAMES)
def test_a_role_that_is_not_taken_is_refused_by_index(name: str) -> None:
    for role in set(ROLES) - provider(name).roles:
        turns = [{"role": role, "content": "a"}, {"role": "user", "content": "Hi"}]
        with pytest.raises(InvalidRequest, match=rf"messages\[0\]: .* role '{role}'$"):
            request(provider(name), turns, model=model_of(name))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "url", ["ftp://h", "http://h?a=1", "http://h#a", "http://h:0", "http://[::1"]
)
def test_a_wrong_base_url_is_refused(name: str, url: str) -> None:
    with pytest.raises(ConfigurationError):
        registry.provider_class(name)(url)


@pytest.mark.parametrize("name", NAMES)
def test_a_base_url_may_have_a_path_and_loses_its_slash(name: str) -> None:
    each = registry.provider_class(name)("http://127.0.0.1:9000/koala/")
    # Some add the version that users leave out.
    assert each.base_url.startswith("http://127.0.0.1:9000/koala")
    assert not each.base_url.endswith("/")


# -- how it answers ---------------------------------------------------------------


def test_each_protocol_has_its_hello() -> None:
    modules = {registry.provider_class(name).__module__ for name in [*NAMES]}
    presets = {"g4fsync.providers.presets"}  # they speak OpenAI's
    assert {registry.provider_class(name).__module__ for name in HELLO} == modules - presets


@pytest.mark.parametrize("name", HELLO)
def test_the_answer_comes_through(name: str) -> None:
    transport = ScriptedTransport(HELLO[name])
    result = chat(provider(name), "Hi", transport, model=model_of(name)).result()
    assert (result.text, result.provider, result.model) == ("Hello", name, model_of(name))
    assert transport.closed == "gracefully"


@pytest.mark.parametrize("name", HELLO)
def test_a_cut_stream_raises(name: str) -> None:
    for key, body in HELLO[name].items():
        if isinstance(body, list):
            *begun, last = body
            half = [last[: len(last) // 2]] if isinstance(last, bytes) else []
            transport = ScriptedTransport({**HELLO[name], key: [*begun, *half]})
            with pytest.raises(StreamTruncated) as caught:
                chat(provider(name), "Hi", transport, model=model_of(name)).result()
            assert caught.value.partial.startswith("Hel")
            assert transport.closed == "abruptly"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "garbage", [b"\xff\xfe\n\n", b'data: {"a": NaN}\n\n\xff\n', b"\x00\xff" * 50 + b"\n\n"]
)
def test_garbage_is_a_protocol_error(name: str, garbage: bytes) -> None:
    transport = Everywhere(garbage)
    with pytest.raises(ProtocolError) as caught:
        chat(provider(name), "Hi", transport, model=model_of(name)).result()
    assert caught.value.provider == provider(name).name
    assert transport.closed == "abruptly"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]\n", b'""', b"data: 5\n\n", b"data: []\n\n", b'{"a": 1}\n']
)
def test_whatever_comes_only_our_errors_leave(name: str, body: bytes) -> None:
    with pytest.raises(G4FSyncError):
        chat(provider(name), "Hi", Everywhere(body), model=model_of(name)).result()


@pytest.mark.parametrize("name", HELLO)
def test_leaving_early_cleans_up(name: str) -> None:
    transport = ScriptedTransport(HELLO[name])
    for token in chat(provider(name), "Hi", transport, model=model_of(name)):
        assert token == "Hel"
        break
    assert transport.closed == "abruptly"
    undone = [key for key in HELLO[name] if key.startswith("DELETE")]
    assert [
        f"{method} {path}" for method, path, _ in transport.sent if method == "DELETE"
    ] == undone


@pytest.mark.parametrize("name", HELLO)
def test_an_answer_leaves_no_trace_in_module_class_or_object(name: str) -> None:
    each = provider(name)
    module = importlib.import_module(type(each).__module__)

    def state() -> list[dict[str, str]]:
        return [
            {k: repr(v) for k, v in vars(owner).items()} for owner in (module, type(each), each)
        ]

    before = state()
    for _ in range(2):
        chat(each, "Hi", ScriptedTransport(HELLO[name]), model=model_of(name)).result()
    assert state() == before


# -- what the caller gives is sent or refused -----------------------------------

SEEDS = ("koala", "flowgpt", "myshell", "openassistant")
CACHE = {"type": "ephemeral"}


@pytest.mark.parametrize("name", SEEDS)
@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"content": "Hi", "cache_control": CACHE}, "'cache_control'"),
        ({"content": "Hi", "name": "Ann"}, "'name'"),
        (
            {"content": [{"type": "text", "text": "Hi", "cache_control": CACHE}]},
            "'cache_control'",
        ),
        (
            {"content": ["Hi", {"type": "input_audio", "input_audio": {}}]},
            "parts like 'input_audio'",
        ),
        ({"content": ["Hi", {"inlineData": {"data": ""}}]}, "parts like 'inlineData'"),
    ],
)
def test_a_site_refuses_what_it_has_no_word_for(
    name: str, given: Mapping[str, Any], what: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        request(provider(name), [{"role": "user", **given}])
    assert str(caught.value) == f"messages[0]: {name} does not take {what}"


@pytest.mark.parametrize("name", SEEDS)
def test_a_site_takes_the_answer_of_another_provider(name: str) -> None:
    data = (ProviderData("anthropic", "block", {"type": "thinking", "signature": "s"}, 0, 0),)
    answer = ChatResult("Hello", provider_data=data)
    messages = [{"role": "user", "content": "Hi"}, answer, {"role": "user", "content": "so?"}]
    assert request(provider(name), messages).contents("user") == ["Hi", "so?"]


@pytest.mark.parametrize("name", NAMES)
def test_members_that_are_null_count_as_missing(name: str) -> None:
    null = dict.fromkeys(("annotations", "audio", "function_call", "name", "refusal"))
    messages = [{"role": "user", "content": "Hi", **null}]
    model = None if provider(name).default_model else "m"
    assert request(provider(name), messages, model=model).last == Message("user", "Hi")

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from g4fsync.errors import (
    AuthenticationError,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    RateLimited,
    StreamTruncated,
)
from g4fsync.providers.flowgpt import FlowGpt, body, signature
from g4fsync.testing import Reply, ScriptedTransport, chat, request

ASK = "POST /v3/chat-anonymous"
GREETING = {"role": "assistant", "content": "Hello, how can I help you today?"}
TOKENS = ["Bl", "ue.", " \n", "Небо\u2028🙂"]
LINES = [json.dumps({"event": "text", "data": t}, ensure_ascii=False).encode() for t in TOKENS]
BODY = b"".join(line + b"\n" for line in LINES)


def turns(*pairs: str) -> list[dict[str, str]]:
    return [dict(zip(("role", "content"), pair.split(" ", 1), strict=True)) for pair in pairs]


# -- the request ------------------------------------------------------------


@pytest.mark.parametrize(
    ("timestamp", "nonce", "authorization", "signed"),
    [
        (
            "1700000000",
            "0123456789abcdef0123456789abcdef",
            "Bearer null",
            "14364f59379955fd3332f08d295b5712",
        ),
        (
            "1713380400",
            "ffffffffffffffffffffffffffffffff",
            "Bearer null",
            "b2221a1b929ad10fbc9e7aadf1753cc1",
        ),
        (
            "1760000000",
            "a1b2c3d4e5f60718293a4b5c6d7e8f90",
            "Bearer null",
            "61e29bb0705a37d24a11a31843de4234",
        ),
        (
            "1700000000",
            "0123456789abcdef0123456789abcdef",
            "Bearer abc.def",
            "4586c3143739c9eda63705c930b7b730",
        ),
    ],
)
def test_signature(timestamp: str, nonce: str, authorization: str, signed: str) -> None:
    assert signature(timestamp, nonce, authorization) == signed


def test_the_request_exactly() -> None:
    transport = ScriptedTransport({ASK: BODY}, now=1_700_000_000.9)
    conversation = turns(
        "system Answer in one word.",
        "user What is the sky like by day?",
        "assistant Blue.",
        "user And at night?",
    )
    asked = request(FlowGpt(), conversation, model="claude-instant")
    assert list(FlowGpt().stream(asked, transport)) == TOKENS
    expected = {
        "model": "claude-instant",
        "nsfw": False,
        "question": "And at night?",
        "history": [
            GREETING,
            {"role": "user", "content": "What is the sky like by day?"},
            {"role": "assistant", "content": "Blue."},
        ],
        "system": "Answer in one word.",
        "temperature": 0.7,
        "promptId": "model-claude-instant",
        "documentIds": [],
        "chatFileDocumentIds": [],
        "generateImage": False,
        "generateAudio": False,
    }
    assert transport.sent == [("POST", "/v3/chat-anonymous", expected)]
    headers = transport.requests[0].headers
    assert set(headers) == {
        "Authorization",
        "x-flow-device-id",
        "x-nonce",
        "x-signature",
        "x-timestamp",
    }
    assert headers["Authorization"] == "Bearer null"
    assert headers["x-timestamp"] == "1700000000"
    assert re.fullmatch("f-[a-z0-9]{19}", headers["x-flow-device-id"])
    assert re.fullmatch("[0-9a-f]{32}", headers["x-nonce"])
    assert headers["x-signature"] == signature("1700000000", headers["x-nonce"], "Bearer null")


def test_the_headers_of_every_request() -> None:
    assert dict(FlowGpt.headers) == {
        "User-Agent": "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:122.0) "
        "Gecko/20100101 Firefox/122.0",
        "Accept": "*/*",
        "Accept-Language": "en-US;q=0.7,en;q=0.3",
        "Accept-Encoding": "gzip, deflate",
        "Referer": "https://flowgpt.com/",
        "Origin": "https://flowgpt.com",
        "Sec-Fetch-Dest": "empty",
        "Sec-Fetch-Mode": "cors",
        "Sec-Fetch-Site": "same-site",
        "TE": "trailers",
    }


def test_each_attempt_is_signed_anew() -> None:
    first = ScriptedTransport({ASK: Reply(status=500)}, seed=1)
    second = ScriptedTransport({ASK: BODY}, seed=2, now=1_700_000_007.0)
    chat(FlowGpt(), "Hi", first, second).result()
    one, two = (transport.requests[0].headers for transport in (first, second))
    for name in ("x-flow-device-id", "x-nonce", "x-signature", "x-timestamp"):
        assert one[name] != two[name]


# -- the mapping of messages -------------------------------------------------

SYSTEM = "You are helpful assistant. Follow the user's instructions carefully."


@pytest.mark.parametrize(
    ("messages", "question", "system", "history"),
    [
        (turns("user Hi"), "Hi", SYSTEM, []),
        (
            turns(
                "system Отвечай кратко.",
                'user Привет, "мир" 🙂',
                "assistant Здравствуйте!\nЧем помочь?",
                "system Second rule",
                "user Что такое #hash?",
            ),
            "Что такое #hash?",
            "Отвечай кратко.\nSecond rule",
            turns('user Привет, "мир" 🙂', "assistant Здравствуйте!\nЧем помочь?"),
        ),
        (turns("user a", "system s"), "s", "s", turns("user a")),
        (turns("developer d", "user a"), "a", "d", []),
        (turns("system ", "user a"), "a", SYSTEM, []),
        (turns("user a", "assistant b"), "b", SYSTEM, turns("user a")),
    ],
)
def test_messages_become_a_question_a_system_text_and_a_history(
    messages: object, question: str, system: str, history: list[dict[str, str]]
) -> None:
    made = body(request(FlowGpt(), messages))
    assert (made["question"], made["system"]) == (question, system)
    assert made["history"] == [GREETING, *history]


@pytest.mark.parametrize(
    ("extra", "name"),
    [({"name": "Ann"}, "name"), ({"id": 1}, "id"), ({"cache_control": {"a": 1}}, "cache_control")],
)
def test_members_that_the_site_has_no_word_for_are_refused(extra: Any, name: str) -> None:
    messages = [{"role": "user", "content": "a", **extra}, *turns("user b")]
    with pytest.raises(InvalidRequest, match=rf"messages\[0\]: flowgpt does not take '{name}'$"):
        request(FlowGpt(), messages)


def test_the_temperature_is_the_only_option() -> None:
    assert body(request(FlowGpt(), "Hi", temperature=0))["temperature"] == 0
    with pytest.raises(
        InvalidRequest, match=r"^flowgpt has no option 'seed'; it takes temperature$"
    ):
        request(FlowGpt(), "Hi", seed=1)


# -- models ------------------------------------------------------------------


def test_the_known_models() -> None:
    assert list(FlowGpt.models) == [
        "gpt-3.5-turbo",
        "gpt-3.5-long",
        "gpt-4-turbo",
        "google-gemini",
        "claude-instant",
        "claude-v1",
        "claude-v2",
        "llama2-13b",
        "mythalion-13b",
        "pygmalion-13b",
        "chronos-hermes-13b",
        "Mixtral-8x7B",
        "Dolphin-2.6-8x7B",
    ]


@pytest.mark.parametrize(
    ("model", "wire"),
    [
        (None, "gpt-3.5-turbo"),
        ("", "gpt-3.5-turbo"),
        ("gemini", "google-gemini"),
        ("gemini-pro", "google-gemini"),
        ("Mixtral-8x7B", "Mixtral-8x7B"),
    ],
)
def test_aliases_are_resolved(model: str | None, wire: str) -> None:
    asked = request(FlowGpt(), "Hi", model=model)
    assert (asked.model, body(asked)["promptId"]) == (wire, f"model-{wire}")


@pytest.mark.parametrize(
    ("model", "meant"),
    [
        ("mixtral-8x7b", "did you mean 'Mixtral-8x7B'?"),
        ("gpt-4", "did you mean 'gpt-4-turbo'?"),
        ("zzz", "it has gpt-3.5-turbo, gpt-3.5-long, gpt-4-turbo and 10 more"),
    ],
)
def test_an_unknown_model_is_refused_with_what_may_be_meant(model: str, meant: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        request(FlowGpt(), "Hi", model=model)
    assert str(caught.value) == f"flowgpt: unknown model {model!r}; {meant}"


# -- the answer --------------------------------------------------------------


@pytest.mark.parametrize("cut", range(len(BODY) + 1))
def test_any_cutting_gives_the_same_tokens(cut: int) -> None:
    transport = ScriptedTransport({ASK: [BODY[:cut], BODY[cut:]]})
    assert list(FlowGpt().stream(request(FlowGpt(), "Hi"), transport)) == TOKENS


@pytest.mark.parametrize(
    "extra",
    [
        b"\n",
        b"\r\n",
        b"{}\n",
        b'{"event": "ping"}\n',
        b'{"event": "ping", "data": 5}\n',
        b'{"data": "not mine"}\n',
        b'{"event": "text", "data": ""}\n',
    ],
)
def test_other_lines_are_skipped(extra: bytes) -> None:
    transport = ScriptedTransport({ASK: extra + BODY + extra})
    assert chat(FlowGpt(), "Hi", transport).result().text == "".join(TOKENS)


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/json", "text/event-stream"])
def test_the_content_type_does_not_matter(media_type: str) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    transport = ScriptedTransport({ASK: Reply(BODY, headers=headers)})
    assert chat(FlowGpt(), "Hi", transport).result().text == "".join(TOKENS)


EDGES = {len(b"".join(line + b"\n" for line in LINES[:i])) for i in range(len(LINES))}
EDGES |= {edge - 1 for edge in EDGES} | {len(BODY) - 1}  # a complete line needs no line end


@pytest.mark.parametrize("cut", sorted(set(range(len(BODY))) - EDGES))
def test_half_a_line_is_a_cut_answer(cut: int) -> None:
    with pytest.raises(StreamTruncated) as caught:
        chat(FlowGpt(), "Hi", ScriptedTransport({ASK: BODY[:cut]})).result()
    assert "".join(TOKENS).startswith(caught.value.partial)


def test_a_last_line_without_its_end_is_complete() -> None:
    transport = ScriptedTransport({ASK: BODY[:-1]})
    assert chat(FlowGpt(), "Hi", transport).result().text == "".join(TOKENS)


@pytest.mark.parametrize("answer", [b"", b"\n", b"{}\n"])
def test_an_answer_without_text_is_a_cut_answer(answer: bytes) -> None:
    with pytest.raises(StreamTruncated, match=r"^flowgpt: the answer is empty"):
        chat(FlowGpt(), "Hi", ScriptedTransport({ASK: answer})).result()


@pytest.mark.parametrize(
    "line", [b"hello", b"[1]", b'"a"', b"5", b'{"event": "text"}', b'{"event": "text", "data": 5}']
)
def test_a_line_of_another_shape_is_a_protocol_error(line: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        chat(FlowGpt(), "Hi", ScriptedTransport({ASK: BODY + line + b"\n"})).result()
    assert caught.value.partial == "".join(TOKENS)
    assert caught.value.evidence


# -- errors ------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", [b'{"error": "no more"}', b'{"event": "error", "error": {"message": "no more"}}']
)
def test_an_error_inside_the_answer_is_raised(line: bytes) -> None:
    with pytest.raises(ProviderError, match=r"^flowgpt: no more$"):
        chat(FlowGpt(), "Hi", ScriptedTransport({ASK: BODY + line + b"\n"})).result()


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("answer", [{"message": "stale"}, {"error": "stale"}])
def test_a_refused_signature(status: int, answer: dict[str, str]) -> None:
    transport = ScriptedTransport({ASK: Reply(answer, status=status)})
    with pytest.raises(AuthenticationError, match=rf"^flowgpt: HTTP {status}: stale$"):
        chat(FlowGpt(), "Hi", transport).result()


def test_a_rate_limit() -> None:
    with pytest.raises(RateLimited, match=r"^flowgpt: HTTP 429$"):
        chat(FlowGpt(), "Hi", ScriptedTransport({ASK: Reply(status=429)})).result()

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from g4fsync.errors import (
    CaptchaRequired,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    RateLimited,
    StreamTruncated,
)
from g4fsync.messages import ChatRequest
from g4fsync.providers.koala import Koala, body
from g4fsync.testing import Reply, ScriptedTransport, chat, request

ASK = "POST /api/gpt/"
TOKENS = ["Hel", 'lo "you"\n', " ", "Привет\u2028🙂"]
BODY = "".join(f"data: {json.dumps(t, ensure_ascii=False)}\n\n" for t in TOKENS).encode()


def asked(messages: object, model: str | None = None) -> ChatRequest:
    return request(Koala(), messages, model=model)


def turns(*pairs: str) -> list[dict[str, str]]:
    return [dict(zip(("role", "content"), pair.split(" ", 1), strict=True)) for pair in pairs]


# -- the request ------------------------------------------------------------


def test_the_request_exactly() -> None:
    transport = ScriptedTransport({ASK: BODY})
    assert list(Koala().stream(asked("Hello"), transport)) == TOKENS
    assert transport.sent == [
        (
            "POST",
            "/api/gpt/",
            {"input": "Hello", "inputHistory": [], "outputHistory": [], "model": "gpt-4o-mini"},
        )
    ]
    [sent] = transport.requests
    assert sent.params == {}
    assert {**sent.headers, "Visitor-ID": "..."} == {
        "Flag-Real-Time-Data": "false",
        "Visitor-ID": "...",
    }


def test_the_headers_of_every_request() -> None:
    assert dict(Koala.headers) == {
        "User-Agent": "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:122.0) "
        "Gecko/20100101 Firefox/122.0",
        "Accept": "text/event-stream",
        "Accept-Language": "de,en-US;q=0.7,en;q=0.3",
        "Accept-Encoding": "gzip, deflate",
        "Referer": "https://koala.sh/chat",
        "Origin": "https://koala.sh",
        "Alt-Used": "koala.sh",
        "Sec-Fetch-Dest": "empty",
        "Sec-Fetch-Mode": "cors",
        "Sec-Fetch-Site": "same-origin",
        "TE": "trailers",
    }


def visitor(seed: int) -> str:
    transport = ScriptedTransport({ASK: BODY}, seed=seed)
    list(Koala().stream(asked("Hello"), transport))
    return transport.requests[0].headers["Visitor-ID"]


def test_the_visitor_id_is_twenty_random_characters() -> None:
    assert re.fullmatch("[a-z0-9]{20}", visitor(0))
    assert visitor(0) != visitor(1)


def test_each_attempt_has_a_visitor_id_of_its_own() -> None:
    first = ScriptedTransport({ASK: Reply(status=503)}, seed=1)
    second = ScriptedTransport({ASK: BODY}, seed=2)
    assert chat(Koala(), "Hello", first, second).result().text == "".join(TOKENS)
    assert first.sent == second.sent
    assert first.requests[0].headers["Visitor-ID"] != second.requests[0].headers["Visitor-ID"]


def test_real_time_data_is_a_flag_in_a_header() -> None:
    transport = ScriptedTransport({ASK: BODY})
    list(Koala(real_time_data=True).stream(asked("Hello"), transport))
    assert transport.requests[0].headers["Flag-Real-Time-Data"] == "true"


# -- the mapping of messages -------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "input_", "asked_before", "answered"),
    [
        (turns("user Hello"), "Hello", [], []),
        (turns("user a", "assistant b", "user c"), "c", ["a"], ["b"]),
        (
            turns(
                "system Отвечай кратко.",
                'user Привет, "мир" 🙂',
                "assistant Здравствуйте!\nЧем помочь?",
                "system Second rule",
                "user Что такое #hash?",
            ),
            "Что такое #hash? Отвечай кратко. Second rule",
            ['Привет, "мир" 🙂'],
            ["Здравствуйте!\nЧем помочь?"],
        ),
        (
            turns("user Where?", "assistant In Crete.", "user And?"),
            "And?",
            ["Where?"],
            ["In Crete."],
        ),
        # Its text goes in twice, as the web client has it.
        (turns("user a", "system s"), "s s", ["a"], [""]),
        (turns("developer d", "user a"), "a d", [], []),
        (turns("system ", "user a"), "a", [], []),
    ],
)
def test_messages_become_an_input_and_two_histories(
    messages: object, input_: str, asked_before: list[str], answered: list[str]
) -> None:
    assert body(asked(messages, "m")) == {
        "input": input_,
        "inputHistory": asked_before,
        "outputHistory": answered,
        "model": "m",
    }


@pytest.mark.parametrize(
    ("messages", "asked_before", "answered"),
    [
        (turns("user a", "user b", "assistant c", "user d"), ["a\nb"], ["c"]),
        (turns("assistant a", "user b"), [""], ["a"]),
        (turns("user a", "assistant b", "assistant c", "user d"), ["a"], ["b\nc"]),
        (turns("user a", "user b"), ["a"], [""]),
        (turns("user a", "assistant b"), ["a"], ["b"]),
        (turns("user a", "assistant b", "assistant c"), ["a"], ["b\nc"]),
        (turns("assistant a", "assistant b", "user c"), [""], ["a\nb"]),
        (turns("user a", "system s", "user b", "user c"), ["a\nb"], [""]),
    ],
)
def test_the_histories_have_the_same_length(
    messages: object, asked_before: list[str], answered: list[str]
) -> None:
    made = body(asked(messages))
    assert (made["inputHistory"], made["outputHistory"]) == (asked_before, answered)


# -- models and options ------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "wire"),
    [(None, "gpt-4o-mini"), ("", "gpt-4o-mini"), ("gpt-4.1", "gpt-4.1"), ("new-9", "new-9")],
)
def test_any_model_is_passed_on(model: str | None, wire: str) -> None:
    assert asked("Hello", model).model == wire


def test_the_known_models() -> None:
    assert set(Koala.models) == {
        "gpt-4o-mini",
        "gpt-3.5-turbo",
        "gpt-4o",
        "claude-3.7-sonnet",
        "gpt-4.1-mini",
        "gpt-4.1",
    }


def test_no_option_is_taken() -> None:
    with pytest.raises(InvalidRequest, match=r"^koala has no option 'temperature'; it takes none$"):
        request(Koala(), "Hello", temperature=1)


@pytest.mark.parametrize(
    "turn",
    [
        {"role": "tool", "content": "a"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": ""}}],
        },
    ],
)
def test_tools_are_refused_before_anything_is_sent(turn: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match=r"^messages\[0\]: koala does not take "):
        request(Koala(), [turn, {"role": "user", "content": "Hi"}])


# -- the answer --------------------------------------------------------------


@pytest.mark.parametrize("cut", range(len(BODY) + 1))
def test_any_cutting_gives_the_same_tokens(cut: int) -> None:
    transport = ScriptedTransport({ASK: [BODY[:cut], BODY[cut:]]})
    assert list(Koala().stream(asked("Hello"), transport)) == TOKENS


@pytest.mark.parametrize(
    "answer",
    [
        b'data: "Hi"\r\n\r\n',
        b'data:"Hi"\n\n',
        b': ping\n\ndata: "Hi"\n\n',
        b'id: 1\nevent: message\nretry: 5\ndata: "Hi"\n\n',
        b'data:\ndata: "Hi"\n\n',
        b'data: "H"\n\ndata: ""\n\ndata: "i"\n\n',
        b'data: "\\u0048i"\n\n',
        b'data: {"output": "Hi"}\n\n',
    ],
)
def test_the_whole_grammar_of_events_is_read(answer: bytes) -> None:
    transport = ScriptedTransport(
        {ASK: Reply(answer, headers={"content-type": "text/event-stream"})}
    )
    assert chat(Koala(), "Hello", transport).result().text == "Hi"


def test_one_json_object_in_place_of_a_stream_is_a_whole_answer() -> None:
    transport = ScriptedTransport({ASK: {"output": "Hello"}})
    result = chat(Koala(), "Hello", transport).result()
    assert (result.text, result.finish_reason, result.usage) == ("Hello", None, None)


BOUNDARIES = {BODY.index(b"\n\n", i) + 2 for i in range(len(BODY) - 1)} | {0}


@pytest.mark.parametrize("cut", sorted(set(range(len(BODY))) - BOUNDARIES))
def test_a_half_event_is_a_cut_answer(cut: int) -> None:
    transport = ScriptedTransport({ASK: BODY[:cut]})
    with pytest.raises(
        StreamTruncated, match=r"^koala: the event stream ended inside an event$"
    ) as caught:
        chat(Koala(), "Hello", transport).result()
    assert "".join(TOKENS).startswith(caught.value.partial)


def test_an_empty_body_is_a_cut_answer() -> None:
    with pytest.raises(StreamTruncated, match=r"^koala: the answer is empty: no event in it$"):
        chat(Koala(), "Hello", ScriptedTransport({ASK: b""})).result()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("5", "5"),
        ("null", "None"),
        ("[1]", "[1]"),
        ('{"a": 1}', "{'a': 1}"),
        ('{"output": 5}', "5"),
    ],
)
def test_what_is_no_text_is_a_protocol_error(value: str, shown: str) -> None:
    transport = ScriptedTransport({ASK: f'data: "Hi"\n\ndata: {value}\n\n'.encode()})
    with pytest.raises(ProtocolError) as caught:
        chat(Koala(), "Hello", transport).result()
    assert str(caught.value) == f"koala: expected a JSON string, got {shown}"
    assert (caught.value.evidence, caught.value.partial) == (shown, "Hi")


def test_what_is_no_json_is_a_protocol_error() -> None:
    transport = ScriptedTransport({ASK: b"data: hello\n\n"})
    with pytest.raises(ProtocolError, match=r"^koala: expected JSON, got 'hello'$"):
        chat(Koala(), "Hello", transport).result()


# -- errors ------------------------------------------------------------------


def test_an_error_inside_a_stream_is_raised() -> None:
    transport = ScriptedTransport(
        {ASK: b'data: "Hi"\n\ndata: {"error": {"message": "no more"}}\n\n'}
    )
    with pytest.raises(ProviderError, match=r"^koala: no more$") as caught:
        chat(Koala(), "Hello", transport).result()
    assert (caught.value.status, caught.value.partial) == (200, "Hi")


def test_an_error_in_place_of_a_stream_is_raised() -> None:
    with pytest.raises(ProviderError, match=r"^koala: no$"):
        chat(Koala(), "Hello", ScriptedTransport({ASK: {"error": "no"}})).result()


def test_a_rate_limit() -> None:
    reply = Reply(b"slow down", status=429, headers={"Retry-After": "7"})
    with pytest.raises(RateLimited, match=r"^koala: HTTP 429: slow down$") as caught:
        chat(Koala(), "Hello", ScriptedTransport({ASK: reply})).result()
    assert caught.value.retry_after == 7


@pytest.mark.parametrize(
    "page", [b"<title>Just a moment...</title>", b'<html><div id="cf-please-wait">']
)
@pytest.mark.parametrize("status", [200, 403])
@pytest.mark.parametrize("headers", [{"Content-Type": "text/html"}, {}])
def test_a_challenge_page_wants_a_human(page: bytes, status: int, headers: dict[str, str]) -> None:
    reply = Reply(page, status=status, headers=headers)
    with pytest.raises(CaptchaRequired):
        chat(Koala(), "Hello", ScriptedTransport({ASK: reply})).result()

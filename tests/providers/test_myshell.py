from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest

from g4fsync.errors import (
    CaptchaRequired,
    ConnectionFailed,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    RateLimited,
    StreamInterrupted,
    StreamTruncated,
)
from g4fsync.events import Finish
from g4fsync.providers.myshell import Myshell, agent_hash, signature, visitor_id
from g4fsync.testing import Connection, Reply, ScriptedTransport, SocketEvent, chat, request

OPEN = "SOCKETIO /ws/"
AGENT = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/111.0.0.0 Safari/537.36"
)
CHAT = "User: a\nAssistant: b\nc\nUser: Привет\nAssistant:"


def piece(text: object, final: object = False) -> SocketEvent:
    return SocketEvent("text_stream", ({"data": {"text": text, "isFinal": final}, "reqId": "r"},))


ANSWER: list[bytes | SocketEvent | BaseException] = [piece("Hel"), piece("lo"), piece("", True)]


# -- signing -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("milliseconds", "timestamp"),
    [
        (1700000000123, "1700000000121"),
        (1696507507999, "1696507507991"),
        (1732143600000, "1732143600003"),
        (1760000000555, "1760000000550"),
        (999999999999, "999999999993"),
    ],
)
def test_the_timestamp_ends_in_a_check_digit(milliseconds: int, timestamp: str) -> None:
    assert signature("hi", now=milliseconds / 1000)["timestamp"] == timestamp


@pytest.mark.parametrize(
    ("text", "signed"),
    [
        ("Hello", "816444321a70cc06e9ce037063cd2bf5"),
        ("", "ef839d5ea9592c0620e0c15c2aa5a7e9"),
        ("Привет, как дела?", "f9ea4c86a11308477e75bddee71bb732"),
        ("User: Hi\nAssistant:", "d2ba0df489dd57a3c4a02ccf58072a87"),
        ('emoji 🙂 "q" #hash#', "185880859c983f6324bb47ac1eacbb35"),
        (CHAT, "dfea44ae9ab0256afc56e8ff080b6ee8"),
    ],
)
def test_signature(text: str, signed: str) -> None:
    assert signature(text, now=1700000000.123) == {
        "signature": signed,
        "timestamp": "1700000000121",
        "version": "v1.0.0",
    }


@pytest.mark.parametrize(
    ("agent", "hashed"),
    [
        ("", "0"),
        ("A", "41"),
        ("AB", "4142"),
        ("ABCD", "41424344"),
        ("ABCDE", "41424301"),
        ("aaaaaaaa", "0"),
        ("é", "e9"),
        ("Агент", "1033357f"),
        (AGENT, "1e525634"),
        (AGENT.replace("111", "117"), "18525634"),
        (AGENT.replace("111", "118"), "17525634"),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/107.0.0.0 Safari/537.36",
            "10462c6d",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/123.0.0.0 Safari/537.36",
            "26001a51",
        ),
    ],
)
def test_the_hash_of_the_user_agent(agent: str, hashed: str) -> None:
    assert agent_hash(agent) == hashed


@pytest.mark.parametrize(
    ("milliseconds", "turns", "fraction", "visitor"),
    [
        (1700000000123, 1000, 0.5, "18bcfe5687b3e8-80000000000000-1e525634-1fa400-18bcfe5687b3e8"),
        (1700000000123, 7, 0.001, "18bcfe5687b7-4189374bc6a7-1e525634-1fa400-18bcfe5687b7"),
        (
            1760000000555,
            65535,
            0.999999,
            "199c82cc22bffff-ffffef39085f48-1e525634-1fa400-199c82cc22bffff",
        ),
    ],
)
def test_visitor_id(milliseconds: int, turns: int, fraction: float, visitor: str) -> None:
    assert visitor == visitor_id(AGENT, milliseconds=milliseconds, turns=turns, fraction=fraction)


# -- the request ------------------------------------------------------------


def test_the_conversation_with_the_server_exactly() -> None:
    transport = ScriptedTransport({OPEN: ANSWER}, now=1_700_000_000.123)
    items = list(Myshell().stream(request(Myshell(), "Hello", model="gpt-4"), transport))
    assert items == ["Hel", "lo", Finish("stop")]
    [connection] = transport.connections
    visitor = connection.auth["visitorId"]
    assert connection == Connection("/ws/", "/chat", {"token": None, "visitorId": visitor})
    assert re.fullmatch("(18bcfe5687b[0-9a-f]{1,5})-[0-9a-f]{1,14}-1e525634-1fa400-\\1", visitor)
    assert transport.slept == [5.0]
    [(kind, name, (question,))] = transport.sent
    assert (kind, name) == ("EMIT", "text_chat")
    assert str(UUID(question["reqId"], version=4)) == question["reqId"]
    assert question == {
        "reqId": question["reqId"],
        "botUid": "01c8de4fbfc548df903712b0922a4e01",
        "sourceFrom": "myshellWebsite",
        "text": "Hello",
        **signature("Hello", now=1_700_000_005.123),
    }


def test_the_headers_of_every_connection() -> None:
    assert dict(Myshell.headers) == {
        "User-Agent": AGENT,
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate",
    }


def test_header_and_visitor_id_are_of_the_same_user_agent() -> None:
    class Newer(Myshell):
        headers = {"User-Agent": AGENT.replace("111", "117")}  # noqa: RUF012 - as in any provider

    transport = ScriptedTransport({OPEN: ANSWER})
    chat(Newer(), "Hello", transport).result()
    assert transport.connections[0].auth["visitorId"].split("-")[2] == "18525634"


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([("user", "Hi")], "Hi"),
        ([("system", "Be brief"), ("user", "Hi")], "System: Be brief\nUser: Hi\nAssistant:"),
        ([("user", "a"), ("assistant", "b\nc"), ("user", "Привет")], CHAT),
    ],
)
def test_messages_become_one_text_and_that_is_signed(
    messages: list[tuple[str, str]], text: str
) -> None:
    transport = ScriptedTransport({OPEN: ANSWER})
    turns = [{"role": role, "content": content} for role, content in messages]
    chat(Myshell(settle=0), turns, transport).result()
    question = transport.sent[0][2][0]
    assert question["text"] == text
    assert question["signature"] == signature(text, now=transport.now())["signature"]


def test_the_wait_after_connecting_can_be_set() -> None:
    transport = ScriptedTransport({OPEN: ANSWER})
    chat(Myshell(settle=0.5), "Hello", transport).result()
    assert transport.slept == [0.5]


def test_each_attempt_is_signed_anew() -> None:
    first = ScriptedTransport({OPEN: [StreamInterrupted("cut")]}, seed=1)
    second = ScriptedTransport({OPEN: ANSWER}, seed=2, now=1_700_000_060.0)
    chat(Myshell(), "Hello", first, second).result()
    one, two = (transport.sent[0][2][0] for transport in (first, second))
    for name in ("reqId", "signature", "timestamp"):
        assert one[name] != two[name]
    assert first.connections != second.connections


# -- models and options ------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "uid"),
    [
        (None, "1e3be7fe89e94a809408b1154a2ee3e1"),
        ("", "1e3be7fe89e94a809408b1154a2ee3e1"),
        ("samantha", "1e3be7fe89e94a809408b1154a2ee3e1"),
        ("gpt-3.5-turbo", "8077335db7cd47e29f7de486612cc7fd"),
        ("gpt-4", "01c8de4fbfc548df903712b0922a4e01"),
    ],
)
def test_each_model_is_a_bot(model: str | None, uid: str) -> None:
    assert request(Myshell(), "Hello", model=model).model == uid


@pytest.mark.parametrize("model", ["GPT-4", "gpt-5"])
def test_an_unknown_model_is_refused_with_a_near_one(model: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        request(Myshell(), "Hello", model=model)
    assert str(caught.value) == (f"myshell: unknown model {model!r}; did you mean 'gpt-4'?")


def test_no_option_is_taken() -> None:
    with pytest.raises(InvalidRequest, match=r"^myshell has no option 'seed'; it takes none$"):
        request(Myshell(), "Hello", seed=1)


# -- the answer --------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "text"),
    [
        ([piece("Hello"), piece("", True)], "Hello"),
        ([piece("Hel"), piece("lo", True)], "Hello"),
        ([piece("Hello", True)], "Hello"),
        ([piece(""), piece("Hello"), piece("", True)], "Hello"),
        ([piece("", True)], ""),
        ([SocketEvent("hello"), SocketEvent("x", (1, 2)), piece("Hello", True)], "Hello"),
        ([piece("Hello", True), SocketEvent("message_replied")], "Hello"),
        ([piece("Hello", True), StreamInterrupted("cut")], "Hello"),
    ],
)
def test_the_final_frame_is_the_end(
    events: list[bytes | SocketEvent | BaseException], text: str
) -> None:
    result = chat(Myshell(), "Hello", ScriptedTransport({OPEN: events})).result()
    assert (result.text, result.finish_reason) == (text, "stop")


def failure(*events: bytes | SocketEvent | BaseException) -> G4FSyncError:
    with pytest.raises(G4FSyncError) as caught:
        chat(Myshell(), "Hello", ScriptedTransport({OPEN: [piece("Hel"), *events]})).result()
    assert caught.value.partial == "Hel"
    return caught.value


def test_a_socket_closed_before_the_final_frame_is_a_cut_answer() -> None:
    error = failure()
    assert type(error) is StreamTruncated
    assert str(error) == "myshell: the service closed the socket before its final frame"


def test_a_reply_in_place_of_a_stream_is_an_error() -> None:
    error = failure(SocketEvent("message_replied", ({"a": 1},)))
    assert type(error) is ProviderError
    assert str(error) == "myshell: the service replied without a stream"
    assert error.code == "message_replied"


def test_a_captcha_is_never_worked_around() -> None:
    error = failure(SocketEvent("need_verify_captcha"))
    assert type(error) is CaptchaRequired
    assert (str(error), error.code, error.retryable) == (
        "myshell: the service wants a captcha",
        "need_verify_captcha",
        False,
    )


@pytest.mark.parametrize(
    "event",
    [
        SocketEvent("text_stream"),
        SocketEvent("text_stream", (5,)),
        SocketEvent("text_stream", ({},)),
        SocketEvent("text_stream", ({"data": {"text": ""}},)),
        SocketEvent("text_stream", ({"data": {"isFinal": True}},)),
        piece(5),
        piece(None, True),
    ],
)
def test_a_frame_of_another_shape_is_a_protocol_error(event: SocketEvent) -> None:
    error = failure(event)
    assert type(error) is ProtocolError
    assert error.evidence == repr(event)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Reply(b'"Unsupported protocol version"', status=400), ProviderError),
        (Reply(status=429), RateLimited),
        (
            Reply(b"<title>Just a moment", status=403, headers={"Content-Type": "text/html"}),
            CaptchaRequired,
        ),
        (ProviderError("namespace /chat refused: no"), ProviderError),
        (ConnectionFailed("refused"), ConnectionFailed),
    ],
)
def test_a_refused_connection_is_its_error_and_nothing_was_sent(
    answer: Any, kind: type[G4FSyncError]
) -> None:
    transport = ScriptedTransport({OPEN: answer})
    stream = chat(Myshell(), "Hello", transport)
    with pytest.raises(kind) as caught:
        stream.result()
    assert type(caught.value) is kind
    assert (transport.sent, transport.slept) == ([], [])
    assert stream.attempts[0].phase == "connect"

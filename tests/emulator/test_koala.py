"""The far side of Koala."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from g4fsync.emulator import SHOWCASE, Emulator, InBandError, InvalidUTF8, JSONAnswer, NoEndMark

Ask = Callable[..., requests.Response]


def test_happy_path_byte_for_byte(emulator: Emulator, koala: Ask) -> None:
    emulator.koala.reply = lambda messages: ["Hel", 'lo "you"\n', "\u2028Ж🙂", ""]
    answer = koala()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.content == (
        b'data: "Hel"\n\ndata: "lo \\"you\\"\\n"\n\ndata: "'
        + "\u2028Ж🙂".encode()
        + b'"\n\ndata: ""\n\n'
    )


def test_request_is_recorded(emulator: Emulator, koala: Ask) -> None:
    koala()
    (record,) = emulator.koala.wait_ended()
    assert (record.method, record.path, record.call) == ("POST", "/api/gpt/", "chat")
    assert record.headers["visitor-id"] == "0123456789abcdefghij"
    assert ("Visitor-ID", "0123456789abcdefghij") in record.raw_headers
    assert record.body["input"] == "Hi"
    assert (record.problem, record.ended) == (None, "complete")
    assert record.ended_at is not None
    assert record.ended_at >= record.started_at


def test_reply_gets_the_conversation(emulator: Emulator, koala: Ask) -> None:
    seen: list[dict[str, str]] = []

    def reply(messages: list[dict[str, str]]) -> list[str]:
        seen.extend(messages)
        return ["ok"]

    emulator.koala.reply = reply
    koala({"inputHistory": ["a", "c"], "outputHistory": ["b", ""], "input": "d"})
    assert seen == [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
        {"role": "user", "content": "d"},
    ]


def test_default_reply_repeats_the_question(koala: Ask) -> None:
    answer = koala({"input": "a  showcase"}).content.decode()
    assert answer.startswith(
        'data: "You"\n\ndata: " said:"\n\ndata: " a"\n\ndata: "  showcase"\n\n'
    )
    assert "Привет" in answer
    assert "🙂" in answer
    assert "🙂" in SHOWCASE


@pytest.mark.parametrize(
    "name",
    [
        "User-Agent",
        "Accept",
        "Accept-Language",
        "Referer",
        "Flag-Real-Time-Data",
        "Visitor-ID",
        "Origin",
        "Alt-Used",
        "Sec-Fetch-Dest",
        "Sec-Fetch-Mode",
        "Sec-Fetch-Site",
    ],
)
def test_every_header_is_wanted(emulator: Emulator, koala: Ask, name: str) -> None:
    answer = koala(headers={name: "wrong"})
    assert 400 <= answer.status_code < 500
    assert name.lower() in answer.json()["message"]
    assert answer.headers["X-Emulator-Problem"] == answer.json()["message"]
    assert emulator.koala.requests[0].problem == answer.json()["message"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"input": ""}, 'body.input: expected text, got ""'),
        ({"input": ...}, "body.input: missing"),
        ({"inputHistory": [1]}, "body.inputHistory: expected strings, got [1]"),
        ({"stream": True}, "body.stream: unknown"),
        (
            {"inputHistory": ["a"]},
            "body: inputHistory and outputHistory must have the same length, not 1 and 0",
        ),
    ],
)
def test_body_is_checked(koala: Ask, change: dict[str, Any], problem: str) -> None:
    answer = koala(change)
    assert (answer.status_code, answer.json()) == (400, {"message": problem})


def test_body_must_be_json(emulator: Emulator, koala: Ask) -> None:
    assert koala(headers={"Content-Type": "application/json; charset=utf-8"}).status_code == 415
    koala()  # fills in the other headers for the next one
    headers = dict(emulator.koala.requests[-1].raw_headers)
    del headers["Content-Length"]
    url = f"{emulator.base_urls['koala']}/api/gpt/"
    answer = requests.post(url, data=b"{]", headers=headers, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("body: no JSON: ")
    assert emulator.koala.requests[-1].body == b"{]"


def test_path_and_method_are_checked(emulator: Emulator) -> None:
    base = emulator.base_urls["koala"]
    assert requests.post(f"{base}/api/gpt", timeout=10).status_code == 404
    assert requests.get(f"{base}/api/gpt/", timeout=10).status_code == 405
    assert [record.problem for record in emulator.koala.requests] == [
        "no such path: /api/gpt",
        "GET /api/gpt/: only POST",
    ]


def test_plain_form_with_a_key(emulator: Emulator, koala: Ask) -> None:
    emulator.koala.reply = lambda messages: ["Hi", " there"]
    url = f"{emulator.base_urls['koala']}/api/gpt/"
    body = {"input": "Hi", "inputHistory": [], "outputHistory": [], "model": "gpt-4o"}
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    answer = requests.post(url, json=body, headers=headers, timeout=10)
    assert answer.json() == {"output": "Hi there"}
    emulator.koala.fault = JSONAnswer()
    assert koala().json() == {"output": "Hi there"}


def test_noise_is_what_an_event_stream_allows(emulator: Emulator, koala: Ask) -> None:
    emulator.koala.reply = lambda messages: ["a", "b", "c"]
    emulator.koala.noise = True
    assert koala().content == (
        b': keep-alive\n\ndata: "a"\n\n'
        b'event: status\nid: 7\nretry: 3000\n\ndata: "b"\n\n'
        b'data:""\r\n\r\ndata: "c"\n\n'
    )


def test_token_faults(emulator: Emulator, koala: Ask) -> None:
    emulator.koala.reply = lambda messages: ["a", "b"]
    emulator.koala.faults.extend([NoEndMark(), InBandError("no"), InvalidUTF8(token=1), None])
    assert koala().content == b'data: "a"\n\ndata: "b"'
    assert koala().content == b'data: "a"\n\ndata: {"error":"no"}\n\n'
    assert koala().content == b'data: "a"\n\ndata: "b\xff\xfe"\n\n'
    assert koala().content == b'data: "a"\n\ndata: "b"\n\n'

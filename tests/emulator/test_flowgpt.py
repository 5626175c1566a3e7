"""The far side of FlowGpt."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from g4fsync.emulator import Emulator, InBandError, JSONAnswer, NoEndMark

Ask = Callable[..., requests.Response]
GREETING = {"role": "assistant", "content": "Hello, how can I help you today?"}


def test_happy_path_byte_for_byte(emulator: Emulator, flowgpt: Ask) -> None:
    emulator.flowgpt.reply = lambda messages: ["Bl", "ue.\n", "Ж🙂"]
    answer = flowgpt()
    assert answer.status_code == 200
    assert "Content-Type" not in answer.headers
    assert answer.content == (
        b'{"event":"text","data":"Bl"}\n{"event":"text","data":"ue.\\n"}\n'
        b'{"event":"text","data":"' + "Ж🙂".encode() + b'"}\n'
    )
    assert emulator.flowgpt.wait_ended()[0].problem is None


def test_reply_gets_the_conversation(emulator: Emulator, flowgpt: Ask) -> None:
    seen: list[dict[str, str]] = []

    def reply(messages: list[dict[str, str]]) -> list[str]:
        seen.extend(messages)
        return ["ok"]

    emulator.flowgpt.reply = reply
    flowgpt({"history": [GREETING, {"role": "user", "content": "a"}]})
    assert seen == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "a"},
        {"role": "user", "content": "Hi"},
    ]


def test_known_signature_is_accepted(emulator: Emulator, flowgpt: Ask) -> None:
    emulator.flowgpt.now = lambda: 1700000000.9
    nonce = "0123456789abcdef0123456789abcdef"
    headers = {"x-timestamp": "1700000000", "x-nonce": nonce}
    headers["x-signature"] = "14364f59379955fd3332f08d295b5712"
    assert flowgpt(headers=headers).status_code == 200


def test_replay_is_refused(flowgpt: Ask) -> None:
    nonce = "0" * 32
    assert flowgpt(headers={"x-nonce": nonce}).status_code == 200
    answer = flowgpt(headers={"x-nonce": nonce})
    assert answer.status_code == 401
    assert answer.json() == {"message": f"header x-nonce: {nonce} has been used before"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-signature", "0" * 32),
        ("x-signature", ...),
        ("x-nonce", "A" * 32),
        ("x-timestamp", "1700000000"),
        ("x-timestamp", str(int(time.time() * 1000))),
        ("x-flow-device-id", "f-0123"),
        ("Authorization", "Bearer "),
    ],
)
def test_signing_headers_are_checked(flowgpt: Ask, name: str, value: Any) -> None:
    answer = flowgpt(headers={name: value})
    assert answer.status_code == 401
    assert answer.json()["message"].startswith(f"header {name.lower()}: ")


@pytest.mark.parametrize("name", ["User-Agent", "Accept", "Referer", "Origin"])
def test_browser_headers_are_wanted(flowgpt: Ask, name: str) -> None:
    answer = flowgpt(headers={name: "wrong"})
    assert answer.status_code in (400, 403)
    assert answer.json()["message"].startswith(f"header {name.lower()}: ")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"model": "gpt-5"}, "body.model: unknown: 'gpt-5'"),
        ({"promptId": "model-x"}, "body.promptId: expected 'model-' and the model: 'model-x'"),
        ({"history": []}, "body.history[0]: expected the greeting, got None"),
        (
            {"history": [GREETING, {"role": "system", "content": "x"}]},
            "body.history[1].role: system text belongs into body.system",
        ),
        (
            {"history": [GREETING, {"role": "user", "content": "x", "name": "y"}]},
            "body.history[1].name: unknown",
        ),
        ({"temperature": True}, "body.temperature: expected number, got true"),
        ({"documentIds": [1]}, "body.documentIds: expected empty array, got [1]"),
        ({"nsfw": ...}, "body.nsfw: missing"),
    ],
)
def test_body_is_checked(flowgpt: Ask, change: dict[str, Any], problem: str) -> None:
    answer = flowgpt(change)
    assert (answer.status_code, answer.json()) == (400, {"message": problem})


def test_token_faults_and_noise(emulator: Emulator, flowgpt: Ask) -> None:
    emulator.flowgpt.reply = lambda messages: ["a", "b"]
    emulator.flowgpt.faults.extend([NoEndMark(), InBandError("no"), JSONAnswer()])
    a, b = b'{"event":"text","data":"a"}\n', b'{"event":"text","data":"b"}\n'
    assert flowgpt().content == a + b[:-1]
    assert flowgpt().content == a + b'{"event":"error","data":"no"}\n'
    assert flowgpt().json() == {"event": "text", "data": "ab"}
    emulator.flowgpt.noise = True
    assert flowgpt().content == b"\n" + a + b'{"event":"status","data":{"n":1}}\n' + b

"""The runner itself, with a folder made on the spot: it must see what differs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.recordings import contract
from tests.recordings.__main__ import main
from tests.recordings.comparison import differences
from tests.recordings.recording import Recording, load, odd_pieces, single_bytes
from tests.recordings.replay import replay, replay_over_socket
from tests.support import responses

STREAM = b"".join(
    b"data: %b\n\n" % json.dumps(value, ensure_ascii=False).encode()
    for value in (
        {"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]},
        {"choices": [{"index": 0, "delta": {"content": "Grüß "}}]},
        {"choices": [{"index": 0, "delta": {"content": "Gott"}, "finish_reason": "eos"}]},
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}},
    )
)
CALL = {
    "message": {
        "content": "",
        "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}],
    },
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 4,
    "eval_count": 2,
}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def answer(text: str = "", reasoning: str = "", **fields: Any) -> dict[str, Any]:
    expected = {
        "text_sha256": digest(text),
        "text_chars": len(text),
        "reasoning_sha256": digest(reasoning),
        "reasoning_chars": len(reasoning),
        "tool_calls": [],
        "finish_reason": "stop",
        "usage": {},
        "error": None,
    }
    return expected | fields


GREETING = answer(
    "Grüß Gott", "hm", finish_reason="eos", usage={"input": 3, "output": 2, "total": 5}
)


class Folder:
    """A folder of recordings in the making."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []

    def add(self, body: bytes, expect: dict[str, Any], **fields: Any) -> Recording:
        file = f"{len(self.rows)}.body"
        (self.path / file).write_bytes(body)
        row = {
            "file": file,
            "service": "somebody",
            "kind": "openai.chat",
            "provider": "openai",
            "form": "stream",
            "status": 200,
            "content_type": "text/event-stream",
            "headers": {},
            "expect": expect,
            "part": 0,
        }
        self.rows.append(row | fields)
        (self.path / "index.json").write_text(json.dumps(self.rows))
        return load(self.path)[-1]


@pytest.fixture
def made(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_an_exact_stream_has_no_differences(made: Folder) -> None:
    recording = made.add(STREAM + b"data: [DONE]\n\n", GREETING)
    assert differences(recording, replay(recording)) == []
    assert differences(recording, replay(recording, single_bytes(recording))) == []
    assert differences(recording, replay_over_socket(recording)) == []


def test_odd_pieces_are_the_whole_body_and_the_same_for_one_seed(made: Folder) -> None:
    recording = made.add(STREAM, GREETING)
    pieces = list(odd_pieces(recording, 1))
    assert b"".join(pieces) == STREAM
    assert max(map(len, pieces)) <= 17
    assert pieces == list(odd_pieces(recording, 1)) != list(odd_pieces(recording, 2))


def test_each_field_that_differs_is_named(made: Folder) -> None:
    expect = answer(
        "Grüß Gott!",
        tool_calls=[["id", "f", {}]],
        finish_reason="length",
        usage={"input": 4, "cached": 1},
    )
    recording = made.add(STREAM, expect)
    assert differences(recording, replay(recording)) == [
        "text: expected 10 characters, got 9: 'Grüß Gott'",
        "reasoning: expected 0 characters, got 2: 'hm'",
        "number of tool calls: expected 1, got 0",
        "usage.input_tokens: expected 4, got 3",
        "usage.output_tokens: expected None, got 2",
        "usage.total_tokens: expected None, got 5",
        "usage.cached_tokens: expected 1, got None",
        "finish reason on the wire: expected 'length', got 'eos'",
        "finish reason: expected 'length', got 'stop'",
    ]


def test_an_answer_in_place_of_an_error_differs_and_the_other_way_round(made: Folder) -> None:
    refusal = {"class": "RateLimited", "status": 429, "message": "slow down", "code": "x"}
    recording = made.add(STREAM, refusal, form="err")
    assert differences(recording, replay(recording)) == [
        "error: expected RateLimited, got an answer"
    ]
    recording = made.add(b'data: {"error": {"message": "no", "code": "7"}}\n\n', GREETING)
    assert "error: expected none, got ProviderError: openai: no" in differences(
        recording, replay(recording)
    )


def test_a_refusal_with_its_class_status_code_message_and_wait(made: Folder) -> None:
    body = json.dumps({"error": {"message": "slow\ndown", "code": "limit"}}).encode()
    expect = {"class": "RateLimited", "status": 429, "message": "slow\ndown", "code": "limit"}
    fields = {"form": "err", "status": 429, "content_type": "application/json"}
    recording = made.add(body, expect, headers={"retry-after": "3"}, **fields)
    assert differences(recording, replay(recording)) == []
    assert differences(recording, replay_over_socket(recording)) == []
    wrong = {"class": "ServerError", "status": 500, "message": "hurry", "code": None}
    recording = made.add(body, wrong, **fields)
    assert differences(recording, replay(recording)) == [
        "class: expected 'ServerError', got 'RateLimited'",
        "status: expected 500, got 429",
        "code: expected None, got 'limit'",
        "message: expected 'hurry' in 'openai: HTTP 429: slow\\ndown'",
    ]


def test_an_id_and_a_sum_that_were_not_sent_are_made(made: Folder) -> None:
    expect = answer(tool_calls=[["", "f", {"a": 1}]], usage={"input": 4, "output": 2})
    ollama = {"kind": "ollama.chat", "provider": "ollama", "content_type": "application/x-ndjson"}
    recording = made.add(json.dumps(CALL).encode() + b"\n", expect, **ollama)
    found = differences(recording, replay(recording))
    assert found in ([], ["usage.total_tokens: expected 6, got None"])


def test_an_unknown_provider_is_read_by_its_kind_and_an_unknown_kind_by_no_one(
    made: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    known = made.add(STREAM, GREETING, provider="brand-new")
    assert differences(known, replay(known)) == []
    strange = made.add(STREAM, GREETING, kind="brand.new")
    assert strange.provider_class() is None
    wrong = made.add(STREAM, answer("Grüß Gott", "hm", finish_reason="eos"), service="other")
    assert main([str(made.path)]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in printed if "by the contract" not in line] == [
        f"{strange.file}: skipped, no provider speaks brand.new",
        f"{wrong.file} (openai, stream)",
        "    usage.input_tokens: expected None, got 3",
        "    usage.output_tokens: expected None, got 2",
        "    usage.total_tokens: expected None, got 5",
        "recordings: 1 of 2 exact",
        "other 0 of 1, somebody 1 of 1",
    ]


@pytest.mark.parametrize("kind", ["openai.responses", "responses"])
@pytest.mark.parametrize("provider", ["openai", "xai", "anthropic", "brand-new"])
def test_answers_of_the_responses_api(made: Folder, kind: str, provider: str) -> None:
    item = responses.call()
    body = responses.stream(
        {"type": "response.reasoning_text.delta", "delta": "hm"},
        responses.text("Grüß Gott"),
        responses.done(item, 1),
        responses.final(item, usage=responses.usage(3, 2)),
    )
    expect = answer(
        "Grüß Gott",
        "hm",
        tool_calls=[["call_1", "f", {"a": 1}]],
        finish_reason="completed",
        usage={"input": 3, "output": 2, "total": 5, "cached": 0, "reasoning": 0},
    )
    recording = made.add(body, expect, kind=kind, provider=provider)
    assert differences(recording, replay(recording)) == []
    assert differences(recording, replay_over_socket(recording)) == []


def test_the_rows_that_the_contract_decides_are_named_by_its_rules(made: Folder) -> None:
    made.add(STREAM, GREETING)
    failed = answer("Grüß Gott", finish_reason="network_error", usage={"input": 0, "output": 0})
    made.add(STREAM, failed)
    made.add(STREAM, answer(finish_reason=None, tool_calls=[["", "f", {}]]))
    raw = {"error": {"message": "no", "metadata": {"raw": '{"error": {"message": "because"}}'}}}
    refusal = {"class": "ProviderError", "status": 400, "message": "no", "code": None}
    recording = made.add(json.dumps(raw).encode(), refusal, form="err", status=400)
    usage = {"input": 291, "output": 26, "reasoning": 189, "total": 506}
    apart = made.add(STREAM, answer(usage=usage))
    assert contract.output_tokens(apart) == 215
    assert contract.upstream_reason(recording) == "because"
    assert list(contract.rows(load(made.path)).values()) == [
        ["1.body"],
        ["2.body"],
        ["3.body"],
        ["1.body"],
        ["4.body"],
        ["2.body"],
    ]


@pytest.mark.parametrize(
    ("tail", "usage", "is_complete"),
    [
        (b"data: [DONE]\n\n", {"input": 3, "output": 2, "total": 5}, True),
        (b"data: [DONE]\n\n", {}, False),
        (b"", {"input": 3, "output": 2, "total": 5}, False),
    ],
)
def test_without_a_finish_reason_usage_and_done_are_the_end(
    made: Folder, tail: bytes, usage: dict[str, int], is_complete: bool
) -> None:
    recording = made.add(STREAM + tail, answer(finish_reason=None, usage=usage))
    assert contract.is_complete(recording) is is_complete


def test_a_form_that_is_not_known_is_refused(made: Folder) -> None:
    with pytest.raises(ValueError, match="the form must be one of"):
        made.add(STREAM, GREETING, form="socket")

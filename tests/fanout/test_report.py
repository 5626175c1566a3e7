"""A comparison as a file: each form holds what was asked and what came."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from g4fsync import Client
from g4fsync.emulator import Cut, Emulator
from g4fsync.errors import InvalidRequest, ServerError
from g4fsync.events import Finish, Reasoning, ToolCall, Usage
from g4fsync.fanout.comparison import Comparison
from g4fsync.fanout.progress import MOST_POINTS
from g4fsync.messages import as_messages
from tests.fanout.lanes import Play
from tests.support.pages import Page

CALL = ToolCall("1", "look", '{"at":"sky"}')
IMAGE = b"\x89PNG\r\n\x1a\n"


def compared(*plays: Play, messages: object = "Why?", **options: Any) -> Comparison:
    streams = [("m", play.stream) for play in plays]
    return Comparison(streams, messages=as_messages(messages), options=options)


def both() -> Comparison:
    complete = Play(Reasoning("Hm"), "Hel", "lo", CALL, Usage(3, 2, 5, 1), Finish("stop"))
    return compared(complete, Play("x", ServerError("oh", status=503)), temperature=0, seed=None)


def test_as_a_mapping_it_is_json_and_waits_for_all() -> None:
    found = both().to_dict()
    assert json.loads(json.dumps(found)) == found
    assert found["messages"] == [{"role": "user", "content": "Why?"}]
    assert found["options"] == {"temperature": 0}
    assert found["date"][:2] == "20"
    complete, failed = found["lanes"]
    assert (complete["lane"], complete["state"], complete["text"]) == ("m", "complete", "Hello")
    assert complete["usage"]["input_tokens"] == 3
    assert complete["tool_calls"][0]["arguments"] == CALL.arguments
    assert (failed["lane"], failed["state"], failed["text"]) == ("m#2", "ServerError", "x")
    assert failed["error"] == {
        "error": "ServerError",
        "message": "p: oh",
        "retryable": True,
        "status": 503,
    }


def test_neither_keys_nor_pictures_are_in_it() -> None:
    question = [{"role": "user", "content": ["What is it?", IMAGE]}]
    headers = {"X-Api-Key": "sk-open-sesame"}

    def look_up(at: str) -> str:
        return at

    found = compared(
        Play("a"), messages=question, extra_headers=headers, tools=[look_up], timeout=3
    ).to_dict()
    assert found["messages"] == [{"role": "user", "content": "What is it?", "images": 1}]
    assert found["options"]["extra_headers"] == {"X-Api-Key": "..."}
    assert found["options"]["tools"] == [look_up.__qualname__]
    assert "sesame" not in json.dumps(found)


def test_markdown_has_a_heading_for_each_and_no_answer_swallows_the_next() -> None:
    open_block = compared(Play("```python\nx = 1"), Play("two"), messages="One|two\nthree")
    text = open_block.to_markdown()
    assert text.startswith("# One|two\n\n> One|two\n> three\n\n- date: 20")
    assert "\n\n## m\n\n```python\nx = 1\n```\n\n## m#2\n\ntwo\n" in text
    assert "\n| model | state | first token |" in text


def test_a_row_of_csv_for_each_lane(tmp_path: Path) -> None:
    path = both().save(tmp_path / "a.csv")
    with path.open(encoding="utf-8", newline="") as file:
        complete, failed = csv.DictReader(file)
    assert (complete["text"], complete["input_tokens"], complete["error"]) == ("Hello", "3", "")
    assert (failed["text"], failed["error"], failed["question"]) == ("x", "p: oh", "Why?")


def test_a_line_of_json_for_each_lane(tmp_path: Path) -> None:
    lines = both().save(str(tmp_path / "a.jsonl")).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["Hello", "x"]


def test_json_is_the_mapping(tmp_path: Path) -> None:
    comparison = both()
    path = comparison.save(tmp_path / "a.JSON")
    assert json.loads(path.read_text(encoding="utf-8")) == comparison.to_dict()


def test_the_page_has_question_date_options_usage_and_answers(tmp_path: Path) -> None:
    page = Page(both().save(tmp_path / "a.html").read_text(encoding="utf-8"))
    assert page.title == "Why?"
    for text in ("date", "temperature", "tokens in", "cached", "Hm", "Hello", "ServerError: p: oh"):
        assert text in page.text
    assert 'look({"at":"sky"})' in page.text
    assert "reasoning" not in page.text  # no provider counted any


@pytest.mark.parametrize("name", ["a", "a.pdf", ".html.gz", "html"])
def test_another_ending_is_refused_before_anything_is_asked(tmp_path: Path, name: str) -> None:
    play = Play("a")
    with pytest.raises(InvalidRequest, match=r"its form: one of \.html, \.md, \.json, \.jsonl"):
        compared(play).save(tmp_path / name)
    assert not play.begun.is_set()
    assert list(tmp_path.iterdir()) == []


def test_half_a_character_does_not_spoil_a_file(tmp_path: Path) -> None:
    for ending in ("html", "md", "json", "jsonl", "csv"):
        path = compared(Play("a\ud83d")).save(tmp_path / f"a.{ending}")
        assert "a\\ud83d" in path.read_text(encoding="utf-8")


def test_of_a_long_answer_few_points_are_kept() -> None:
    comparison = compared(Play(*["ab"] * 5000))
    _ = comparison.results
    points = comparison._progress[comparison.lanes[0]].points
    assert MOST_POINTS <= len(points) < 2 * MOST_POINTS
    assert [count for _, count in points] == sorted(count for _, count in points)
    assert 9900 < points[-1][1] <= 10000


def test_a_client_tells_its_comparison_what_was_asked(emulator: Emulator, tmp_path: Path) -> None:
    emulator.flowgpt.fault = Cut(after_bytes=40)
    with Client(base_urls=emulator.base_urls, retry=1) as client:
        turns = iter([{"role": "user", "content": "one two"}])
        comparison = client.compare(turns, ["koala", "flowgpt"], system="Be brief.", timeout=9)
        found = comparison.to_dict()
    assert [each["content"] for each in found["messages"]] == ["Be brief.", "one two"]
    assert found["options"] == {"timeout": 9}
    assert [each["state"] for each in found["lanes"]] == ["complete", "StreamInterrupted"]
    page = Page(comparison.save(tmp_path / "a.html").read_text(encoding="utf-8"))
    assert "Be brief." in page.text
    assert page.tags.count("article") == 2

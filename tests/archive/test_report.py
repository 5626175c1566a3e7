from __future__ import annotations

import errno
import io
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from g4fsync import Archive, Client, InvalidRequest
from g4fsync.emulator import Cut, Emulator
from g4fsync.errors import StreamInterrupted
from tests.archive.instant import Instant

MakeClient = Callable[..., Client]


def exported(archive: Archive) -> list[dict[str, object]]:
    file = io.StringIO()
    assert archive.export(file) == len(file.getvalue().splitlines())
    return [json.loads(line) for line in file.getvalue().splitlines()]


def test_an_export_can_be_asked_again_as_a_batch(
    client_of: MakeClient, archive: Archive, emulator: Emulator, tmp_path: Path
) -> None:
    client = client_of(archive)
    client.ask("One", system="Be brief")
    client.ask("Two")
    lines = exported(archive)
    assert [line["model"] for line in lines] == ["openai:gpt-4o-mini"] * 2
    source = tmp_path / "calls.jsonl"
    with source.open("w") as file:
        archive.export(file)
    rows = list(client.batch(source, out=tmp_path / "out.jsonl", key="id"))
    assert {row.key for row in rows} == {line["id"] for line in lines}
    asked = [r.body["messages"] for r in emulator.openai.requests[2:]]
    assert sorted(messages[-1]["content"] for messages in asked) == ["One", "Two"]
    again = client_of(archive).conversation(id=str(lines[0]["conversation"]))
    assert [message.content for message in again.messages][:2] == ["Be brief", "One"]


def test_an_export_has_failures_with_what_came(
    client_of: MakeClient, archive: Archive, emulator: Emulator
) -> None:
    emulator.openai.fault = Cut(after_bytes=900)
    with pytest.raises(StreamInterrupted) as caught:
        client_of(archive).ask("Tell me something that is long enough to be cut")
    (line,) = exported(archive)
    assert (line["state"], line["text"], line["error_class"]) == (
        "failed",
        caught.value.partial,
        "StreamInterrupted",
    )


def test_costs_are_sums_of_what_was_counted(archive: Archive) -> None:
    client = Client(archive=archive)
    for model in ("instant:a", "instant:b", "instant:a"):
        client.ask("Hi", provider=Instant(), model=model.partition(":")[2])
    prices = {"a": (1.0, 2.0), "instant:b": (10.0, 20.0)}
    a, b = archive.cost(prices=prices)
    assert (a.key, a.calls, a.counted, a.input_tokens, a.output_tokens) == (
        "instant:a",
        2,
        2,
        6,
        10,
    )
    assert a.usd == pytest.approx((6 * 1.0 + 10 * 2.0) / 1e6)
    assert b.usd == pytest.approx((3 * 10.0 + 5 * 20.0) / 1e6)
    (day,) = archive.cost(by="day", prices=prices)
    assert (day.key, day.calls) == (date.today().isoformat(), 3)
    assert day.usd == pytest.approx((a.usd or 0) + (b.usd or 0))
    assert archive.cost(by="day", prices={"a": (1.0, 2.0)})[0].usd is None
    with pytest.raises(InvalidRequest) as caught:
        archive.cost(by="week")  # type: ignore[arg-type]
    assert str(caught.value) == 'by must be "model" or "day", got \'week\''


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("sky", ["Why is the sky blue?"]),
        ("SKY blue?", ["Why is the sky blue?"]),
        ("sk", []),
        ("天气", ["今天天气怎么样?"]),
        ("100%", ["Is 100% enough?"]),
        ("brief", ["Is 100% enough?", "今天天气怎么样?", "Why is the sky blue?"]),
        ('"', []),
        ("sky sea", []),
    ],
)
def test_words_are_found_in_questions_answers_and_what_came_before(
    archive: Archive, words: str, found: list[str]
) -> None:
    client = Client(archive=archive)
    for question in ("Why is the sky blue?", "今天天气怎么样?", "Is 100% enough?"):
        client.ask(question, system="Be brief", provider=Instant())
    assert [call.question for call in archive.search(words)] == found


def test_search_is_bounded_by_model_time_and_number(archive: Archive) -> None:
    client = Client(archive=archive)
    for number in range(3):
        client.ask(f"q {number}", provider=Instant())
    assert [call.question for call in archive.search("q", limit=2)] == ["q 2", "q 1"]
    assert archive.search("q", model="other") == []
    assert len(archive.search("q", model="instant:m")) == 3
    now = datetime.now(timezone.utc)
    assert len(archive.search("q", since=now - timedelta(hours=1))) == 3
    assert archive.search("q", since=now + timedelta(hours=1)) == []
    for wrong in ({"limit": -1}, {"since": "yesterday"}):
        with pytest.raises(InvalidRequest):
            archive.search("q", **wrong)


def test_without_fts5_words_are_parts_of_the_text(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("g4fsync.archive.schema.has_full_text", lambda connection: False)
    Client(archive=archive).ask("Why is the sky blue?", provider=Instant())
    assert [call.question for call in archive.search("sk")] == ["Why is the sky blue?"]


def test_an_export_makes_a_new_file_of_a_path_and_replaces_none(
    archive: Archive, tmp_path: Path
) -> None:
    Client(archive=archive).ask("Hi", provider=Instant())
    target = tmp_path / "calls.jsonl"
    assert archive.export(target) == 1
    assert json.loads(target.read_text())["text"] == "HI "
    with pytest.raises(FileExistsError):
        archive.export(target)


class Full(io.StringIO):
    """A disk without room."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_failure_of_the_file_that_is_written_is_none_of_the_archive(archive: Archive) -> None:
    Client(archive=archive).ask("Hi", provider=Instant())
    with pytest.raises(OSError, match="No space left on device") as caught:
        archive.export(Full())
    assert type(caught.value) is OSError


def test_a_closed_client_leaves_one_file_and_the_archive_can_be_read(path: Path) -> None:
    with Client(archive=path) as client:
        client.ask("Hi", provider=Instant())
    assert sorted(each.name for each in path.parent.iterdir()) == ["chats.db"]
    assert client.archive is not None
    assert [call.question for call in client.archive.calls()] == ["Hi"]

"""A comparison as a file: what was asked and what came, in five forms.

This is the one place in the library that writes a file of a name the caller chose.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import G4FSyncError, InvalidRequest
from ..messages import ChatResult, Message
from ..report.markdown import closed
from ..report.page import AnswerPart, Document, page
from ..report.plain import plain
from ..report.visible import visible
from .progress import HEADINGS, row, state
from .workers import Lane

Points = Sequence[tuple[float, int]]


@dataclass(frozen=True, slots=True)
class Report:
    """What was asked, when (seconds since 1970), how, and the lanes with when their text came."""

    messages: tuple[Message, ...]
    options: Mapping[str, Any]
    date: float
    lanes: tuple[Lane, ...]
    points: Mapping[Lane, Points]

    @property
    def question(self) -> str:
        """The text of the last message."""
        return self.messages[-1].content if self.messages else ""

    @property
    def local_date(self) -> str:
        """Year to second, with the distance from UTC."""
        return datetime.fromtimestamp(self.date).astimezone().isoformat(" ", "seconds")


def as_dict(report: Report) -> dict[str, Any]:
    """All of it as JSON has it."""
    return {
        "date": report.local_date,
        "messages": [_message(each) for each in report.messages],
        "options": _options(report.options),
        "lanes": [lane_dict(lane) for lane in report.lanes],
    }


def lane_dict(lane: Lane) -> dict[str, Any]:
    """A lane's result, or its error and the part that came."""
    stream, result = lane.stream, lane.result
    head = {"lane": str(lane), "state": state(lane)}
    if isinstance(result, ChatResult):
        return {**head, **plain(result)}
    return {
        **head,
        "error": plain(result),
        "text": stream.text,
        "reasoning": stream.reasoning,
        "provider": stream.provider,
        "model": stream.model,
        "attempts": plain(stream.attempts),
        "first_token_seconds": stream.first_token_seconds,
        "seconds": stream.seconds,
    }


def as_markdown(report: Report) -> str:
    """The question, a table and the answers, for an issue or a notebook."""
    table = [HEADINGS, ("---",) * len(HEADINGS), *map(row, report.lanes)]
    lines = [f"| {' | '.join(map(_cell, each))} |" for each in table]
    facts = [f"- {name}: {value}" for name, value in _facts(report).items()]
    parts = [f"# {_title(report)}", "\n".join(facts), "\n".join(lines)]
    if report.question.strip() != _title(report):
        quoted = "\n".join(f"> {line}" for line in visible(report.question).splitlines())
        parts.insert(1, quoted)
    for lane in report.lanes:
        parts.append(f"## {visible(lane)}")
        answer = _answer(lane, ())
        # An open code block would swallow the answers that follow.
        parts += [closed(visible(answer.text))] if answer.text else []
        parts += [f"```\n{visible(call)}\n```" for call in answer.calls]
        parts += [f"**{visible(answer.error)}**"] if answer.error else []
    return "\n\n".join(parts) + "\n"


def as_html(report: Report) -> str:
    """A page to be read without a network."""
    return page(document(report))


def document(report: Report) -> Document:
    """What the page shows."""
    answers = (_answer(lane, report.points.get(lane, ())) for lane in report.lanes)
    headings, rows = _numbers(report.lanes)
    return Document(report.question, _facts(report), headings, rows, tuple(answers))


def as_json(report: Report) -> str:
    """:func:`as_dict` as text."""
    return json.dumps(as_dict(report), ensure_ascii=False, indent=2) + "\n"


def as_json_lines(report: Report) -> str:
    """A line for each lane, with the question in it."""
    asked = {"date": report.local_date, "question": report.question}
    lines = ({**asked, **lane_dict(lane)} for lane in report.lanes)
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)


def as_csv(report: Report) -> str:
    """A row for each lane; a text is as it came, so it may begin with ``=``."""
    written = io.StringIO(newline="")
    columns = (
        *("date", "question", "lane", "state", "provider", "model", "finish_reason"),
        *("first_token_seconds", "seconds", "input_tokens", "output_tokens", "text", "error"),
    )
    writer = csv.DictWriter(written, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for lane in report.lanes:
        fields = lane_dict(lane)
        fields.update(fields.pop("usage", None) or {})
        error = fields.pop("error", None)
        writer.writerow(
            {
                "date": report.local_date,
                "question": report.question,
                **fields,
                "error": error["message"] if error else "",
            }
        )
    return written.getvalue()


FORMS: Mapping[str, Callable[[Report], str]] = {
    ".html": as_html,
    ".md": as_markdown,
    ".json": as_json,
    ".jsonl": as_json_lines,
    ".csv": as_csv,
}


def checked_path(path: object) -> Path:
    """*path*; ``InvalidRequest`` when its ending is none of :data:`FORMS`."""
    found = Path(str(path))
    if found.suffix.lower() not in FORMS:
        endings = ", ".join(FORMS)
        raise InvalidRequest(f"{found}: the file's ending says its form: one of {endings}")
    return found


def save(report: Report, path: Path) -> None:
    """Write *path* in the form of its ending, in UTF-8."""
    text = FORMS[path.suffix.lower()](report)
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.write(text)


def _answer(lane: Lane, points: Points) -> AnswerPart:
    stream, result = lane.stream, lane.result
    error = f"{type(result).__name__}: {result}" if isinstance(result, G4FSyncError) else ""
    last = ((stream.seconds, len(stream.text)),) if points else ()
    return AnswerPart(
        label=str(lane),
        text=stream.text,
        reasoning=stream.reasoning,
        calls=tuple(f"{call.name}({call.arguments})" for call in stream.tool_calls),
        error=error,
        seconds=stream.seconds,
        first_token_seconds=stream.first_token_seconds,
        points=(*points, *last),
    )


def _numbers(lanes: Sequence[Lane]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The table with all that the providers counted; without columns that nobody filled."""
    counts = {
        "tokens in": "input_tokens",
        "cached": "cached_tokens",
        "tokens out": "output_tokens",
        "reasoning": "reasoning_tokens",
    }
    head = (*HEADINGS[:5], *counts, *HEADINGS[6:], "ended by")
    rows = []
    for lane in lanes:
        cells, stream = row(lane), lane.stream
        counted = (getattr(stream.usage, name, None) for name in counts.values())
        shown = ("" if each is None else str(each) for each in counted)
        rows.append((*cells[:5], *shown, *cells[6:], stream.finish_reason or ""))
    filled = [i for i in range(len(head)) if i < 2 or any(cells[i] for cells in rows)]
    return tuple(head[i] for i in filled), tuple(tuple(cells[i] for i in filled) for cells in rows)


def _facts(report: Report) -> dict[str, str]:
    """When and how it was asked."""
    facts = {"date": report.local_date, "models": ", ".join(map(str, report.lanes))}
    before = report.messages[:-1]
    if before and before[0].role == "system":
        facts["system"] = before[0].content
        before = before[1:]
    if before:
        facts["earlier messages"] = str(len(before))
    if report.messages and (images := report.messages[-1].images):
        facts["images"] = str(len(images))
    for name, value in _options(report.options).items():
        facts[name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return facts


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in options.items() if value is not None}
    if isinstance(headers := given.get("extra_headers"), Mapping):
        # A header may be a key; which ones were sent says enough.
        given["extra_headers"] = dict.fromkeys(headers, "...")
    return {name: plain(value) for name, value in given.items()}


def _message(message: Message) -> dict[str, Any]:
    # Their bytes would be most of the file.
    images = len(message.images)
    bare = plain(replace(message, parts=()))
    fields = {name: value for name, value in bare.items() if value not in (None, "", [], {})}
    fields["content"] = message.content
    return {**fields, "images": images} if images else fields


def _title(report: Report) -> str:
    return visible(Document(report.question, {}, (), (), ()).title)


def _cell(text: str) -> str:
    return visible(text).replace("|", "\\|").replace("\n", " ")

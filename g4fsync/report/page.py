"""Several answers as one page, to be read without a network: :func:`page`.

Nothing a provider sent can act in it: its text is escaped or rendered by
:mod:`.markdown`, and a policy in the head lets the page load nothing and run one
script, this module's own, known by its hash.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape

from .markdown import rendered
from .style import SCRIPT, STYLE
from .visible import visible

# Okabe and Ito's, which those who see fewer colours can tell apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a7d00", "#777777")
_WIDTH, _HEIGHT = 720, 180  # units of the picture, stretched to what room there is
_MOST_IN_TITLE = 80  # characters


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """One answer of a page; times are seconds, ``points`` are seconds and characters so far."""

    label: str
    text: str
    reasoning: str = ""
    calls: tuple[str, ...] = ()
    error: str = ""
    seconds: float = 0.0
    first_token_seconds: float | None = None
    points: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """What a page shows: the question, how it was asked, a table, and the answers."""

    question: str
    facts: Mapping[str, str]
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    answers: tuple[AnswerPart, ...]

    @property
    def title(self) -> str:
        """The first line of the question, cut where it is long."""
        line = next((each.strip() for each in self.question.splitlines() if each.strip()), "")
        line = line or "Answers"
        return line if len(line) <= _MOST_IN_TITLE else f"{line[: _MOST_IN_TITLE - 1]}…"


def head(title: str, policy: str) -> str:
    """How each page begins: *policy* says what it may do, *title* is HTML already."""
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1 dir="auto">{title}</h1>
"""


def page(document: Document) -> str:
    """The page, in HTML."""
    digest = b64encode(sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    title = safe(document.title)
    return f"""\
{head(title, policy)}\
{_facts(document.facts)}
{_question(document)}
<h2>Answers</h2>
<div class="answers">
{_joined(_answer(i, each) for i, each in enumerate(document.answers))}
</div>
<h2>Numbers</h2>
<div class="scroll" tabindex="0">{table(document.headings, document.rows)}</div>
<h2>Seconds until the first token (light) and until the end</h2>
{_bars(document.answers)}
<h2>Characters over time</h2>
{_curves(document.answers)}
</main>
<script>{SCRIPT}</script>
</body>
</html>
"""


def fragment(document: Document) -> str:
    """The table and the answers, for a page of somebody else's, such as a notebook."""
    return table(document.headings, document.rows) + _joined(
        f"<h4>{safe(each.label)}</h4>\n{answer_html(each)}" for each in document.answers
    )


def answer_html(answer: AnswerPart) -> str:
    """An answer's body, which needs no style sheet."""
    parts = [f'<div dir="auto">{rendered(answer.text)}</div>']
    parts += [f"<pre><code>{safe(call)}</code></pre>" for call in answer.calls]
    if answer.error:
        parts.append(f"<p><strong>{safe(answer.error)}</strong></p>")
    return _joined(parts)


def safe(text: str) -> str:
    """*text* as it may stand in a page, in an attribute too."""
    return escape(visible(text))


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """*rows* under *headings*; each cell knows its heading, for where there is no room."""
    head = "".join(f'<th scope="col">{safe(each)}</th>' for each in headings)
    body = _joined(
        "<tr>"
        + "".join(
            f'<td data-label="{safe(heading)}">{safe(cell)}</td>'
            for heading, cell in zip(headings, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _facts(facts: Mapping[str, str]) -> str:
    rows = _joined(f"<dt>{safe(name)}</dt><dd>{safe(value)}</dd>" for name, value in facts.items())
    return f"<dl>\n{rows}\n</dl>"


def _question(document: Document) -> str:
    """The question, where the title does not say all of it."""
    if document.question.strip() == document.title:
        return ""
    return f'<h2>Asked</h2>\n<pre class="lines" dir="auto">{safe(document.question)}</pre>'


def _answer(position: int, answer: AnswerPart) -> str:
    parts = []
    if answer.reasoning:
        parts.append(
            "<details><summary>Reasoning</summary>"
            f'<div class="lines">{safe(answer.reasoning)}</div></details>'
        )
    parts.append(f'<div class="text" dir="auto">\n{rendered(answer.text)}\n</div>')
    parts += [f"<pre><code>{safe(call)}</code></pre>" for call in answer.calls]
    if answer.error:
        parts.append(f'<p class="error">{safe(answer.error)}</p>')
    # A line end after the tag of a textarea belongs to the tag.
    raw = f"<textarea hidden readonly>\n{safe(answer.text)}</textarea>"
    button = '<button type="button" class="copy" hidden>Copy</button>' if answer.text else ""
    return (
        f'<article style="--lane: {_colour(position)}">'
        f"<header><h3>{safe(answer.label)}</h3>{button}{raw if button else ''}</header>\n"
        f"{_joined(parts)}\n</article>"
    )


def _bars(answers: Sequence[AnswerPart]) -> str:
    longest = max((each.seconds for each in answers), default=0.0) or 1.0
    rows = []
    for i, each in enumerate(answers):
        first = each.seconds if each.first_token_seconds is None else each.first_token_seconds
        light, full = (100 * part / longest for part in (first, max(0.0, each.seconds - first)))
        rows.append(
            f'<div class="bar"><span>{safe(each.label)}</span><span class="track">'
            f'<i style="width: {light:.2f}%; background: {_colour(i)}; opacity: .4"></i>'
            f'<i style="width: {full:.2f}%; background: {_colour(i)}"></i></span>'
            f"<span>{each.seconds:.2f} s</span></div>"
        )
    return f'<div class="bars">\n{_joined(rows)}\n</div>'


def _curves(answers: Sequence[AnswerPart]) -> str:
    points = [point for each in answers for point in each.points]
    across = max((seconds for seconds, _ in points), default=0.0) or 1.0
    up = max((count for _, count in points), default=0) or 1
    lines = []
    for i, each in enumerate(answers):
        drawn = " ".join(
            f"{seconds / across * _WIDTH:.1f},{_HEIGHT - count / up * (_HEIGHT - 4):.1f}"
            for seconds, count in each.points
        )
        lines.append(
            f'<polyline points="{drawn}" fill="none" stroke="{_colour(i)}" stroke-width="2" '
            f'vector-effect="non-scaling-stroke"><title>{safe(each.label)}</title></polyline>'
        )
    label = f"Characters over time, up to {up} characters and {across:.2f} seconds"
    return (
        f'<div class="curves"><div class="up">{up}</div>\n'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}">\n{_joined(lines)}\n</svg>\n'
        f'<div class="across"><span>0</span><span>{across:.2f} s</span></div></div>'
    )


def _colour(position: int) -> str:
    return COLOURS[position % len(COLOURS)]


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(parts)

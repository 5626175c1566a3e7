"""``g4fsync compare --save``: one page with everything in it, to be read without a network.

It has no script and loads nothing: a policy in its head forbids both, so that
nothing a provider sent can act.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from ..errors import G4FSyncError
from ..fanout.comparison import HEADINGS, row
from ..fanout.workers import Lane
from .terminal import visible
from .wording import at_prompt

# Okabe and Ito's, which those who see fewer colours can tell apart.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a7d00", "#777777")
_WIDTH, _BAR, _CURVES, _LABEL = 720, 26, 180, 170  # pixels
_MOST_POINTS = 200  # of one curve

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>g4fsync compare</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; }}
body {{ padding: 0 1rem; }}
h2 {{ font-size: 1rem; margin: 2rem 0 .5rem; }}
pre {{ font: inherit; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }}
.answers {{ display: grid; gap: 1rem; }}
.answers {{ grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); }}
article {{ border: 1px solid #8888; border-radius: 4px; padding: 1rem; }}
article {{ border-top: 4px solid var(--lane); }}
h3 {{ font-size: 1rem; margin: 0 0 .5rem; }}
.error {{ color: #c0392b; margin-top: .5rem; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .2rem 1rem .2rem 0; text-align: left; }}
th {{ border-bottom: 1px solid #8888; }}
svg {{ max-width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: currentColor; }}
</style>
</head>
<body>
<h1>g4fsync compare</h1>
<h2>Asked</h2>
<pre>{prompt}</pre>
<h2>Answers</h2>
<div class="answers">
{answers}
</div>
<h2>Times</h2>
{table}
<h2>Seconds until the first token (light) and until the end</h2>
{bars}
<h2>Characters over time</h2>
{curves}
</body>
</html>
"""


def report(
    prompt: str, lanes: Sequence[Lane], arrivals: Mapping[Lane, Sequence[tuple[float, int]]]
) -> str:
    """The page; *arrivals* tells when each lane's text came: seconds, characters so far."""
    return _PAGE.format(
        prompt=_safe(prompt),
        answers="\n".join(map(_answer, lanes)),
        table=_table(lanes),
        bars=_bars(lanes),
        curves=_curves(lanes, arrivals),
    )


def _safe(text: str) -> str:
    return escape(visible(text))


def _colour(lane: Lane) -> str:
    return _COLOURS[lane.position % len(_COLOURS)]


def _answer(lane: Lane) -> str:
    error = ""
    if isinstance(lane.result, G4FSyncError):
        told = _safe(f"{type(lane.result).__name__}: {at_prompt(str(lane.result))}")
        error = f'<pre class="error">{told}</pre>'
    return (
        f'<article style="--lane: {_colour(lane)}"><h3>{_safe(lane)}</h3>'
        f"<pre>{_safe(lane.stream.text)}</pre>{error}</article>"
    )


def _table(lanes: Sequence[Lane]) -> str:
    head = "".join(f"<th>{cell}</th>" for cell in HEADINGS)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in row(lane)) + "</tr>\n"
        for lane in lanes
    )
    return f"<table>\n<tr>{head}</tr>\n{rows}</table>"


def _bars(lanes: Sequence[Lane]) -> str:
    longest = max((lane.stream.seconds for lane in lanes), default=0.0) or 1.0
    scale = (_WIDTH - _LABEL - 60) / longest
    parts = []
    for lane in lanes:
        y = lane.position * _BAR
        whole = lane.stream.seconds * scale
        first = lane.stream.first_token_seconds
        wait = whole if first is None else first * scale
        parts.append(
            f'<text x="0" y="{y + 16}">{_safe(lane[:26])}</text>'
            f'<rect x="{_LABEL}" y="{y + 4}" width="{wait:.1f}" height="16" '
            f'fill="{_colour(lane)}" opacity="0.35"/>'
            f'<rect x="{_LABEL + wait:.1f}" y="{y + 4}" width="{max(0.0, whole - wait):.1f}" '
            f'height="16" fill="{_colour(lane)}"/>'
            f'<text x="{_LABEL + whole + 6:.1f}" y="{y + 16}">{lane.stream.seconds:.2f} s</text>'
        )
    return _svg(len(lanes) * _BAR, parts)


def _curves(lanes: Sequence[Lane], arrivals: Mapping[Lane, Sequence[tuple[float, int]]]) -> str:
    points = [point for lane in lanes for point in arrivals[lane]]
    across = max((seconds for seconds, _ in points), default=0.0) or 1.0
    up = max((count for _, count in points), default=0) or 1
    parts = [
        f'<text x="0" y="12">{up}</text><text x="0" y="{_CURVES}">0</text>',
        f'<text x="{_WIDTH}" y="{_CURVES + 16}" text-anchor="end">{across:.2f} s</text>',
    ]
    for lane in lanes:
        step = len(arrivals[lane]) // _MOST_POINTS + 1
        kept = [*arrivals[lane][::step], *arrivals[lane][-1:]]
        places = (
            (40 + seconds / across * (_WIDTH - 40), _CURVES - count / up * (_CURVES - 4))
            for seconds, count in kept
        )
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{_colour(lane)}" stroke-width="2">'
            f"<title>{_safe(lane)}</title></polyline>"
        )
    return _svg(_CURVES + 20, parts)


def _svg(height: int, parts: Sequence[str]) -> str:
    inside = "\n".join(parts)
    return f'<svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img">\n{inside}\n</svg>'

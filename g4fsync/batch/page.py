"""A batch as a page to look at: errors grouped, times, tokens."""

from __future__ import annotations

from ..report.page import head, safe, table
from .digest import FileDigest

_BARS = 20
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(found: FileDigest) -> str:
    """The page, in HTML; nothing in it acts, and it loads nothing."""
    title = safe(f"Batch {found.path.rpartition('/')[2]}")
    return f"""\
{head(title, _POLICY)}\
{_facts(found)}
<h2>Errors</h2>
{_errors(found)}
<h2>Seconds a row</h2>
{_times(found)}
<h2>Models</h2>
{_counts(("model", "rows"), found.models)}
<h2>Why answers ended</h2>
{_counts(("reason", "rows"), found.reasons)}
</main>
</body>
</html>
"""


def facts(found: FileDigest) -> dict[str, str]:
    """The figures, by what they are of."""
    rows = f"{found.rows:,}: {found.complete:,} complete, {found.failed:,} failed"
    shown = {"rows": rows, "calls": f"{found.calls:,}"}
    if found.input_tokens or found.output_tokens:
        shown["tokens"] = f"{found.input_tokens:,} sent, {found.output_tokens:,} received"
    if (median := found.quantile(0.5)) is not None:
        slow = found.quantile(0.95) or 0.0
        shown["seconds a row"] = f"{median:.2f} in the middle, {slow:.2f} at 95 %"
    if found.lost:
        shown["calls without a line"] = f"{found.lost:,} (under way when a run ended, or now)"
    return shown


def _facts(found: FileDigest) -> str:
    pairs = "".join(f"<dt>{safe(n)}</dt><dd>{safe(v)}</dd>\n" for n, v in facts(found).items())
    return f"<dl>\n{pairs}</dl>"


def _errors(found: FileDigest) -> str:
    if not found.errors:
        return "<p>None.</p>"
    rows = [
        (f"{group.count:,}", group.name, group.message, ", ".join(group.keys))
        for group in found.errors
    ]
    return _scroll(table(("rows", "error", "message", "keys, the first ones"), rows), "words")


def _times(found: FileDigest) -> str:
    """Bars: how many rows took how long."""
    if not found.seconds:
        return "<p>No complete rows.</p>"
    longest = found.seconds[-1] or 1.0
    counts = [0] * _BARS
    for each in found.seconds:
        counts[min(_BARS - 1, int(each / longest * _BARS))] += 1
    most = max(counts)
    bars = [
        f'<div class="bar"><span>up to {(i + 1) * longest / _BARS:.2f} s</span>'
        f'<span class="track"><i style="width: {100 * count / most:.1f}%; background: #0072b2">'
        f"</i></span><span>{count:,}</span></div>"
        for i, count in enumerate(counts)
    ]
    return '<div class="bars">\n' + "\n".join(bars) + "\n</div>"


def _counts(headings: tuple[str, str], counted: dict[str, int]) -> str:
    rows = sorted(counted.items(), key=lambda pair: -pair[1])
    return _scroll(table(headings, [(name, f"{count:,}") for name, count in rows]))


def _scroll(text: str, *classes: str) -> str:
    names = " ".join(("scroll", *classes))
    return f'<div class="{names}" tabindex="0">{text}</div>'

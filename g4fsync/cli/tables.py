"""Tables that fit: in columns where there is room, one below the other where there is not."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

_GAP = 2
_NARROWEST = 12  # columns left for the last cell, below which rows are stacked


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    """*rows* under *headings*, no line longer than *width*."""
    lines = [headings, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headings))]
    room = width - sum(widths[:-1]) - _GAP * (len(headings) - 1)
    if room >= min(widths[-1], _NARROWEST):
        return "\n".join(_in_columns(line, widths, room) for line in lines)
    between = "\n" if len(headings) == 2 else "\n\n"
    return between.join(_stacked(headings, row, width) for row in rows)


def _in_columns(cells: Sequence[str], widths: Sequence[int], room: int) -> str:
    *cells, last = cells
    start = "".join(f"{cell:{size + _GAP}}" for cell, size in zip(cells, widths, strict=False))
    wrapped = textwrap.wrap(last, room) or [""]
    return f"\n{' ' * len(start)}".join([start + wrapped[0], *wrapped[1:]]).rstrip()


def _stacked(headings: Sequence[str], row: Sequence[str], width: int) -> str:
    first, *rest = row
    lines = [*textwrap.wrap(first, width)]
    for heading, cell in zip(headings[1:], rest, strict=True):
        if cell:
            label = f"  {heading.lower()}: "
            lines += textwrap.wrap(label + cell, width, subsequent_indent="    ")
    return "\n".join(lines)

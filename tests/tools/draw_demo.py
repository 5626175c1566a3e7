"""Draw the README's picture of the live view: ``python -m tests.tools.draw_demo [FILE]``.

It is a frame of what ``g4fsync demo`` shows at 100 columns, taken while the
answers come, without the fonts that rich would load from elsewhere.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from g4fsync.cli.columns import live_frame
from g4fsync.cli.demo import LIVING, PROMPT, demo_client, emulated_reply
from g4fsync.emulator import Emulator

PICTURE = Path(__file__).parents[2] / "examples" / "demo.svg"
COLUMNS = 100
CHARACTERS = 300  # of all answers together, when the picture is taken


def draw() -> str:
    """The picture as SVG."""
    nowhere = io.StringIO()
    console = Console(record=True, width=COLUMNS, height=30, file=nowhere, force_terminal=True)
    with (
        Emulator(emulated_reply, tokens_per_second=15, jitter=0.5) as emulator,
        demo_client(emulator) as client,
        client.compare(PROMPT, LIVING) as comparison,
    ):
        characters = 0
        for _, chunk in comparison:
            characters += len(chunk)
            if characters >= CHARACTERS:
                console.print(live_frame(console, comparison.lanes, " (emulated)"))
                break
    outside = re.compile(r"@font-face \{\{.*?\}\}\s*|<!--.*?-->\s*", re.DOTALL)
    plain = outside.sub("", CONSOLE_SVG_FORMAT)
    return console.export_svg(title="g4fsync demo", code_format=plain)


if __name__ == "__main__":
    (Path(sys.argv[1]) if sys.argv[1:] else PICTURE).write_text(draw(), encoding="utf-8")

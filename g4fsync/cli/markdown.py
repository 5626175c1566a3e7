"""``--markdown``: an answer rendered on a terminal by rich, once it has come."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

from ..call.stream import ChatStream
from ..errors import ConfigurationError, G4FSyncError
from ..events import Event
from .output import PrintedAnswer
from .terminal import is_terminal, visible


def form() -> type[PrintedAnswer]:
    """How to show markdown here: as it comes where nobody looks, rendered on a terminal."""
    if find_spec("rich") is None:
        raise ConfigurationError('--markdown needs rich: pip install "g4fsync[cli]"')
    return Markdown if is_terminal(sys.stdout) else PrintedAnswer


class Markdown(PrintedAnswer):
    """The answer rendered: headings, lists, code in colours; links are shown, not made."""

    def event(self, event: Event) -> None:
        pass

    def completed(self, stream: ChatStream) -> None:
        self._render(stream)
        super().completed(stream)

    def failed(self, stream: ChatStream, error: G4FSyncError) -> None:
        self._render(stream)
        super().failed(stream, error)

    def _render(self, stream: ChatStream) -> None:
        from rich.console import Console
        from rich.markdown import Markdown as Rendered

        if not stream.text:
            return
        self.terminal.status("")
        console = Console(
            file=sys.stdout,
            highlight=False,
            emoji=False,
            color_system=None if os.environ.get("NO_COLOR") else "auto",
        )
        # A link's address must be seen by who follows it.
        console.print(Rendered(visible(stream.text), hyperlinks=False))

"""``g4fsync compat check``: which parts of ``openai`` and ``g4f`` a code base uses."""

from __future__ import annotations

import argparse

from ..compat.checking import Use, check
from .exits import SOME_FAILED
from .options import add_action, add_actions
from .terminal import Terminal, visible

EPILOG = """\
Only the code is read, nothing of it is imported or run. A line for each use:
where it is, what it is, and "covered" or what to do. For what is covered it is
enough to write g4fsync.compat.openai for openai in the import, and
g4fsync.compat.g4f for g4f.

exit status: 0 all is covered, 5 part of it
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    actions = add_actions(parser)
    action = add_action(actions, "check", "list what a code base uses, and what is covered")
    action.add_argument("path", help="a Python file, or a folder of them")


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Run ``compat check``."""
    uses = check(arguments.path)
    for use in uses:
        terminal.line(visible(_line(use)))
    missing = sum(not use.is_covered for use in uses)
    if not uses:
        terminal.note("g4fsync: neither openai nor g4f is used there")
    elif missing:
        terminal.note(f"g4fsync: {len(uses) - missing} of {len(uses)} uses are covered")
    else:
        terminal.note("g4fsync: everything used there is covered")
    return SOME_FAILED if missing else 0


def _line(use: Use) -> str:
    return f"{use.path}:{use.line}: {use.name}: {use.advice or 'covered'}"

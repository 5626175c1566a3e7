"""``g4fsync completion``: commands, options and models at the press of a key, by argcomplete."""

from __future__ import annotations

import argparse
import os
from importlib.util import find_spec

from ..errors import ConfigurationError
from . import verbs
from .terminal import Terminal

EPILOG = """\
Put it where your shell begins:
  ~/.bashrc                    eval "$(g4fsync completion bash)"
  ~/.zshrc, after compinit     eval "$(g4fsync completion zsh)"
  ~/.config/fish/config.fish   g4fsync completion fish | source

It needs the extra cli: pip install "g4fsync[cli]"
"""
SHELLS = ("bash", "zsh", "fish")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("shell", choices=SHELLS, help="the shell")


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Print the script for a shell."""
    if find_spec("argcomplete") is None:
        raise ConfigurationError('completion needs argcomplete: pip install "g4fsync[cli]"')
    from argcomplete.shell_integration import shellcode

    terminal.line(shellcode(["g4fsync"], shell=arguments.shell).rstrip())
    return 0


def complete() -> None:
    """Answer a shell that asks for completions, and end the process."""
    if find_spec("argcomplete") is None:
        raise SystemExit(1)
    from argcomplete import autocomplete

    autocomplete(_parser(os.environ.get("COMP_LINE", "")), always_complete_options=False)


def _parser(line: str) -> argparse.ArgumentParser:
    """The commands, or, where the line begins with an option, those of asking."""
    words = line.split()
    if len(words) > 1 and words[1] not in verbs.VERBS and words[1].startswith("-"):
        parser = verbs.verb_parser("ask")
        parser.add_argument("--version", action="store_true")  # what may stand there, too
        return parser
    return verbs.complete_parser()

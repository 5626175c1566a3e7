"""The commands: one table, one module for each, and only the typed one is imported.

A verb's module has ``arguments(parser)``, which declares what can be typed after
it, and ``run(arguments, terminal)``, which does it and returns the exit code.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast

if TYPE_CHECKING:
    from .terminal import Terminal

VERBS = {  # verb -> the module in this folder, and what it does
    "ask": ("ask", "ask one provider (the default command)"),
    "chat": ("chat", "talk at the terminal, turn by turn"),
    "compare": ("compare", "ask several models at once, side by side"),
    "batch": ("batch", "ask a file of prompts, going on where it stopped"),
    "providers": ("providers", "list the providers, their status and what they need"),
    "models": ("models", "list the models, of all providers or of one"),
    "keys": ("keys", "store API keys, list or remove them"),
    "config": ("config", "set a default model, aliases, and endpoints of your own"),
    "log": ("log", "keep what is asked and answered, list it, search it"),
    "doctor": ("doctor", "find out why a provider does not answer, or what runs here"),
    "compat": ("compat", "see whether code written for openai or g4f runs here"),
    "demo": ("demo", "see all providers stream, emulated on this machine"),
    "completion": ("completion", "print what makes a shell complete these commands"),
    "emulate": ("emulate", "run local stand-ins of the providers until Ctrl-C"),
}

EPILOG = """\
A first word that is no command is a prompt: g4fsync "Why is the sky blue?"
is short for g4fsync ask "Why is the sky blue?".

exit status:
  0 ok                 1 provider error
  2 usage or set-up    3 timeout
  4 answer cut short   5 some failed
  6 budget used up
  130 Ctrl-C           141 pipe closed
"""


class Verb(Protocol):
    """A module of the table."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare what can be typed; may set ``parser.epilog``."""

    def run(self, arguments: argparse.Namespace, terminal: Terminal) -> int:
        """Do it; the exit code."""


def module(verb: str) -> Verb:
    """The module of *verb*."""
    return cast("Verb", import_module(f".{VERBS[verb][0]}", __package__))


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments as a namespace; leaves by ``SystemExit`` for ``--help`` and bad usage.

    Its ``verb`` names the command; ``g4fsync PROMPT`` is ``g4fsync ask PROMPT``.
    """
    argv = list(argv)
    first = argv[0] if argv else ""
    if first == "help" and (len(argv) == 1 or (len(argv) == 2 and argv[1] in VERBS)):
        argv = [*argv[1:], "--help"]
        first = argv[0]
    if argv == ["version"]:
        first, argv = "--version", ["--version"]
    if first in ("-h", "--help", "--version"):
        _overview()[0].parse_args(argv)
    from .options import joined_options  # --help and --version do without

    implied = first not in VERBS
    verb = "ask" if implied else first
    parser = verb_parser(verb)
    rest = argv if implied else argv[1:]
    if any(word.startswith("-") and " " in word for word in rest):
        parser.remark = 'a text that begins with a dash goes behind --: g4fsync -- "- this"\n'
    arguments = parser.parse_args(joined_options(rest, parser.get_default("option_flags") or ()))
    if implied:
        _check_for_verb(parser, arguments.prompt)
    return arguments


class Parser(argparse.ArgumentParser):
    """Says what is wrong in a line or two: the usage of some commands would fill a window."""

    remark = ""

    def error(self, message: str) -> NoReturn:
        help_line = f"{self.prog} --help shows what can be typed\n"
        self.exit(2, f"{self.prog}: error: {message}\n{self.remark}{help_line}")


def verb_parser(verb: str) -> Parser:
    """The parser of one command, for what follows its name."""
    return _completed(Parser(prog=f"g4fsync {verb}", **_texts(verb)), verb)


def complete_parser() -> argparse.ArgumentParser:
    """One parser of all commands: for whoever has to know them all."""
    parser, parsers = _overview()
    for verb, each in parsers.items():
        _completed(each, verb)
    return parser


def _completed(parser: Parser, verb: str) -> Parser:
    from .options import add_debug

    parser.set_defaults(verb=verb, debug=False)
    add_debug(parser)
    module(verb).arguments(parser)
    return parser


def _texts(verb: str) -> dict[str, Any]:
    what = VERBS[verb][1]
    return {
        "description": f"{what[0].upper()}{what[1:]}.",
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from .. import __version__

        print(f"g4fsync {__version__}")
        parser.exit()


def _overview() -> tuple[Parser, dict[str, Parser]]:
    """What ``g4fsync --help`` shows, made without importing a verb; and a parser for each."""
    parser = Parser(
        prog="g4fsync",
        description="Chat with many providers from the command line.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", title="commands", required=True)
    parsers = {
        verb: verbs.add_parser(verb, help=what, **_texts(verb)) for verb, (_, what) in VERBS.items()
    }
    return parser, parsers


# What people type who mean a command that is called otherwise here.
_MEANT = {
    "auth": "keys",
    "login": "keys",
    "key": "keys",
    "apikey": "keys",
    "list": "models",
    "ls": "models",
    "settings": "config",
    "aliases": "config",
    "check": "doctor",
    "status": "doctor",
    "run": "ask",
    "prompt": "ask",
    "help": "--help",
    "version": "--version",
}


def _check_for_verb(parser: argparse.ArgumentParser, prompt: list[str]) -> None:
    """A mistyped command must not be sent to somebody as a prompt."""
    word = prompt[0].lower() if prompt else ""
    if not word.isalpha() or (len(prompt) > 1 and word not in VERBS):
        return
    from difflib import get_close_matches

    others = [verb for verb in VERBS if verb != "ask"]
    near = word if word in VERBS else _MEANT.get(word)
    near = near or next(iter(get_close_matches(word, others, 1, cutoff=0.75)), None)
    if near:
        parser.error(
            f"did you mean the command: g4fsync {near}\n"
            f"(to send the word as a prompt: g4fsync ask {prompt[0]})"
        )

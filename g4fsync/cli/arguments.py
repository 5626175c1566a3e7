"""What can be typed; ``g4fsync "prompt"`` stands for ``g4fsync ask "prompt"``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

VERBS = ("ask", "compare", "providers", "models", "keys", "doctor", "demo", "emulate")

EPILOG = """\
A first word that is no command is a prompt: g4fsync "Why is the sky blue?"
is short for g4fsync ask "Why is the sky blue?".

exit status:
  0 ok                 1 provider error
  2 usage or set-up    3 timeout
  4 answer cut short   5 some failed
  130 Ctrl-C           141 pipe closed
"""

ASK_EPILOG = """\
Standard input, when it is not a terminal, is read to its end and follows the
prompt after a blank line:  g4fsync "Summarise this:" < notes.txt

The answer goes to standard output, everything else to standard error. Control
characters in an answer are shown as \\x1b and the like; --json and --events
are exact.
"""

COMPARE_EPILOG = """\
On a terminal the answers fill side by side (with rich: pip install
"g4fsync[cli]"), elsewhere they follow one another under headings.

exit status:
  0 all answered       5 some failed        1 all failed
"""

MODELS_EPILOG = """\
Of one provider the server is asked, where it can tell its models. Of all, the
names known here are listed.
"""

KEYS_EPILOG = """\
A key in the environment wins over the file; g4fsync providers names the
variables. Only you may read the file. A key is typed, unseen, or piped in:
  g4fsync keys set openai < key.txt
"""

DOCTOR_EPILOG = """\
Each provider is looked at step by step, a line per step, up to its first
failure. One token of an answer is asked for at the end; a service may charge
for it. Without a provider, local servers are looked for on their usual ports.

exit status:
  0 all is well, or a local server was found
  1 a step failed, or no local server was found
  2 usage
"""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments as a namespace; leaves by ``SystemExit`` for ``--help`` and bad usage."""
    argv = list(argv)
    implied = not argv or argv[0] not in (*VERBS, "-h", "--help", "--version")
    parser = _parser()
    arguments = parser.parse_args(["ask", *argv] if implied else argv)
    if implied:
        _check_for_verb(parser, arguments.prompt)
    return arguments


def _check_for_verb(parser: argparse.ArgumentParser, prompt: list[str]) -> None:
    """A mistyped command must not be sent to somebody as a prompt."""
    if len(prompt) != 1 or not prompt[0].isalpha():
        return
    from difflib import get_close_matches

    near = get_close_matches(prompt[0].lower(), VERBS[1:], 1, cutoff=0.75)
    if near:
        parser.error(
            f"did you mean the command: g4fsync {near[0]}\n"
            f"(to send the word as a prompt: g4fsync ask {prompt[0]})"
        )


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from .. import __version__

        print(f"g4fsync {__version__}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="g4fsync",
        description="Chat with many providers from the command line.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(debug=False)
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", title="commands", required=True)
    _add_ask(verbs)
    _add_compare(verbs)
    _add(verbs, "providers", "list the providers, their status and what they need")
    models = _add(verbs, "models", "list the models, of all providers or of one", MODELS_EPILOG)
    models.add_argument("provider", nargs="?", help="a provider's name")
    models.add_argument("--base-url", metavar="URL", help="where the provider is")
    models.add_argument("--timeout", type=float, metavar="SECONDS", help="default: 30")
    _add_ca(models)
    _add_keys(verbs)
    _add_doctor(verbs)
    demo = _add(verbs, "demo", "see all providers stream, emulated on this machine")
    demo.add_argument("prompt", nargs="*", metavar="PROMPT", help="what to ask")
    demo.add_argument(
        "--tokens-per-second", type=_rate, default=15.0, metavar="N", help="default: 15"
    )
    emulate = _add(verbs, "emulate", "run local stand-ins of the providers until Ctrl-C")
    emulate.add_argument(
        "--tokens-per-second",
        type=_rate,
        default=None,
        metavar="N",
        help="default: as fast as can be",
    )
    return parser


def _add_ask(verbs: Any) -> None:
    ask = _add(verbs, "ask", "ask one provider (the default command)", epilog=ASK_EPILOG)
    ask.add_argument("prompt", nargs="*", metavar="PROMPT", help="what to ask, as one argument")
    ask.add_argument(
        "-m",
        "--model",
        metavar="MODEL",
        help="PROVIDER, PROVIDER:MODEL or a model's name; default: $G4FSYNC_MODEL",
    )
    ask.add_argument("-s", "--system", metavar="TEXT", help="instructions that precede the prompt")
    ask.add_argument(
        "-o",
        "--option",
        dest="options",
        nargs=2,
        action="append",
        default=[],
        metavar=("KEY", "VALUE"),
        help="an option of the provider, such as: -o temperature 0.2 (VALUE is JSON or text)",
    )
    ask.add_argument("--timeout", type=float, metavar="SECONDS", help="for the whole answer")
    ask.add_argument("--proxy", metavar="URL", help="http://, https:// or socks5h://")
    _add_ca(ask)
    ask.add_argument("--cookies", metavar="FILE", help="cookies.txt, a JSON export or a HAR file")
    ask.add_argument("--base-url", metavar="URL", help="where the provider is, if not at its site")
    form = ask.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object at the end")
    form.add_argument("--events", action="store_true", help="print each event as a line of JSON")
    form.add_argument("--no-stream", action="store_true", help="print the answer once it ends")


def _add_compare(verbs: Any) -> None:
    compare = _add(verbs, "compare", "ask several models at once, side by side", COMPARE_EPILOG)
    compare.add_argument("prompt", nargs="*", metavar="PROMPT", help="what to ask, as one argument")
    compare.add_argument(
        "-m",
        "--model",
        dest="models",
        action="append",
        default=[],
        metavar="MODEL",
        help="PROVIDER, PROVIDER:MODEL or a model's name; once for each",
    )
    compare.add_argument("-s", "--system", metavar="TEXT", help="instructions before the prompt")
    compare.add_argument(
        "-o",
        "--option",
        dest="options",
        nargs=2,
        action="append",
        default=[],
        metavar=("KEY", "VALUE"),
        help="an option that all of them take (VALUE is JSON or text)",
    )
    compare.add_argument("--timeout", type=float, metavar="SECONDS", help="for all together")
    compare.add_argument("--proxy", metavar="URL", help="http://, https:// or socks5h://")
    _add_ca(compare)
    for option, value, what in (
        ("--cookies", "PROVIDER=FILE", "cookies.txt, a JSON export or a HAR file"),
        ("--base-url", "PROVIDER=URL", "where a provider is, if not at its site"),
    ):
        compare.add_argument(
            option, action="append", type=_named, default=[], metavar=value, help=what
        )
    compare.add_argument("--race", action="store_true", help="only the answer that begins first")
    compare.add_argument("--save", metavar="FILE", help="write a page with all answers (HTML)")
    form = compare.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object at the end")
    form.add_argument("--jsonl", action="store_true", help="print each event as a line of JSON")


def _add_keys(verbs: Any) -> None:
    keys = _add(verbs, "keys", "store API keys, list or remove them", epilog=KEYS_EPILOG)
    actions = keys.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    for name, what in (
        ("set", "store a provider's key: typed unseen, or piped in"),
        ("list", "list where keys are, the keys masked"),
        ("path", "tell where the key file is"),
        ("remove", "take a provider's key out of the file"),
    ):
        action = _add(actions, name, what)
        if name in ("set", "remove"):
            action.add_argument("provider", help="a provider's name")
        if name == "set":  # taken so that it can be refused without being repeated
            action.add_argument("surplus", nargs="*", help=argparse.SUPPRESS)


def _add_doctor(verbs: Any) -> None:
    doctor = _add(verbs, "doctor", "find out why a provider does not answer", DOCTOR_EPILOG)
    doctor.add_argument(
        "providers", nargs="*", metavar="PROVIDER", help="a provider's name, or PROVIDER:MODEL"
    )
    doctor.add_argument("--base-url", metavar="URL", help="where the provider is")
    doctor.add_argument("--proxy", metavar="URL", help="http://, https:// or socks5h://")
    _add_ca(doctor)
    doctor.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="per step; default: 5, a token 15"
    )
    doctor.add_argument("--json", action="store_true", help="print one JSON object at the end")


def _add_ca(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ca",
        metavar="FILE",
        help="authorities to trust (PEM), if not the usual ones",
    )


def _add(verbs: Any, name: str, what: str, epilog: str | None = None) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    # Not set where it is not given, or "keys --debug list" would lose it.
    parser.add_argument(
        "--debug",
        action="store_true",
        default=argparse.SUPPRESS,
        help="show the log, and tracebacks",
    )
    return parser


def _named(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not (name and mark and value):
        raise argparse.ArgumentTypeError(f"must look like PROVIDER=..., got {text!r}")
    return name, value


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {text!r}")
    return value


def option_value(text: str) -> Any:
    """JSON where it is JSON, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text

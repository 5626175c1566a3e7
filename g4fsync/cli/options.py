"""Options that several commands take, each declared once."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..errors import InvalidRequest


def add_debug(parser: argparse.ArgumentParser) -> None:
    # Not set where it is not given, or "keys --debug list" would lose it.
    parser.add_argument(
        "--debug",
        action="store_true",
        default=argparse.SUPPRESS,
        help="show the log, and tracebacks",
    )


def add_actions(parser: argparse.ArgumentParser) -> Any:
    """The place for a command's own commands; :func:`add_action` fills it."""
    return parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)


def add_action(actions: Any, name: str, what: str) -> argparse.ArgumentParser:
    """A command of a command, such as ``keys list``."""
    parser: argparse.ArgumentParser = actions.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_debug(parser)
    return parser


def add_prompt(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompt", nargs="*", metavar="PROMPT", help="what to ask, as one argument")


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-m",
        "--model",
        metavar="MODEL",
        help="PROVIDER, PROVIDER:MODEL or an alias; default: $G4FSYNC_MODEL, else the settings'",
    )


def add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-m",
        "--model",
        dest="models",
        action="append",
        default=[],
        metavar="MODEL",
        help="PROVIDER, PROVIDER:MODEL or a model's name; once for each",
    )


def add_request(parser: argparse.ArgumentParser) -> None:
    """What shapes the answer: system text and options of the provider."""
    parser.add_argument(
        "-s", "--system", metavar="TEXT", help="instructions that precede the prompt"
    )
    parser.add_argument(
        "-o",
        "--option",
        dest="options",
        nargs=2,
        action="append",
        default=[],
        metavar=("KEY", "VALUE"),
        help="an option of the provider, such as: -o temperature 0.2 (VALUE is JSON or text)",
    )


def add_timeout(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help=what)


def add_network(parser: argparse.ArgumentParser) -> None:
    """How the provider is reached: ``--proxy`` and ``--ca``."""
    parser.add_argument("--proxy", metavar="URL", help="http://, https:// or socks5h://")
    add_ca(parser)


def add_ca(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ca", metavar="FILE", help="authorities to trust (PEM), if not the usual ones"
    )


def add_base_url(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--base-url", metavar="URL", help="where the provider is, if not at its site"
    )


def add_cookies(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cookies", metavar="FILE", help="cookies.txt, a JSON export or a HAR file"
    )


def add_by_provider(parser: argparse.ArgumentParser) -> None:
    """``--cookies`` and ``--base-url`` where there are several providers."""
    for option, value, what in (
        ("--cookies", "PROVIDER=FILE", "cookies.txt, a JSON export or a HAR file"),
        ("--base-url", "PROVIDER=URL", "where a provider is, if not at its site"),
    ):
        parser.add_argument(
            option, action="append", type=named, default=[], metavar=value, help=what
        )


def add_rate(parser: argparse.ArgumentParser, default: float | None, what: str) -> None:
    parser.add_argument(
        "--tokens-per-second", type=rate, default=default, metavar="N", help=f"default: {what}"
    )


def named(text: str) -> tuple[str, str]:
    """``PROVIDER=VALUE`` as a pair."""
    name, mark, value = text.partition("=")
    if not (name and mark and value):
        raise argparse.ArgumentTypeError(f"must look like PROVIDER=..., got {text!r}")
    return name, value


def rate(text: str) -> float:
    """A number above 0."""
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


def options_from(pairs: list[list[str]]) -> dict[str, Any]:
    """What ``-o KEY VALUE`` gave, for ``chat(**options)``."""
    from ..client import Client

    # The names of the client's own arguments; as options they would replace those.
    taken = {"self", "messages", "models"}
    for method in (Client.chat, Client.compare, Client.race):
        taken.update(method.__kwdefaults__ or ())
    for name, _ in pairs:
        if name in taken:
            raise InvalidRequest(f"-o {name}: not an option of a provider; see --help")
    return {name: option_value(value) for name, value in pairs}

"""Options that several commands take, each declared once."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from .. import registry
from ..access.names import folded
from ..errors import ConfigurationError, InvalidRequest


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
    parser.add_argument(
        "prompt",
        nargs="*",
        metavar="PROMPT",
        help="what to ask, as one argument; @FILE is a file's text, - is standard input; "
        "behind -- it may begin with a dash",
    )
    parser.add_argument(
        "-f",
        "--file",
        dest="files",
        action="append",
        default=[],
        metavar="FILE",
        help="a text that follows the prompt after a blank line (may be repeated)",
    )
    parser.add_argument(
        "-a",
        "--attach",
        dest="attachments",
        action="append",
        default=[],
        metavar="FILE|URL",
        help="an image that goes with the prompt, - from standard input (may be repeated)",
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-m",
        "--model",
        metavar="MODEL",
        help="PROVIDER, PROVIDER:MODEL or an alias; default: $G4FSYNC_MODEL, else the settings'",
    ).completer = model_names  # type: ignore[attr-defined]  # for argcomplete


def add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-m",
        "--model",
        dest="models",
        action="extend",
        type=model_list,
        default=[],
        metavar="MODEL[,MODEL]",
        help="PROVIDER, PROVIDER:MODEL or an alias; several with commas, or repeated",
    ).completer = model_names  # type: ignore[attr-defined]  # for argcomplete


def provider_names(**_: object) -> list[str]:
    """What a provider's name may be, for argcomplete."""
    return registry.provider_names()


def model_names(**_: object) -> list[str]:
    """What ``-m`` may begin with: providers, aliases, and the models known here."""
    from ..access import config

    names = [*registry.provider_names(), *config.load().aliases]
    for name in registry.provider_names():
        with suppress(ConfigurationError):  # a broken plug-in or endpoint
            names += [f"{name}:{model}" for model in registry.provider_class(name).models]
    return names


def add_request(parser: argparse.ArgumentParser) -> None:
    """What shapes the answer: system text, options of the provider, retries."""
    parser.add_argument(
        "-s", "--system", metavar="TEXT|@FILE", help="instructions that precede the prompt"
    )
    add_options(parser, "-o", "--option")
    parser.add_argument(
        "--retries", type=count, metavar="N", help="before the first token; default: 2"
    )


def add_options(parser: argparse.ArgumentParser, *flags: str) -> None:
    """Options of the provider, under *flags*, in both forms: see :func:`joined_options`."""
    parser.set_defaults(option_flags=flags)
    parser.add_argument(
        *flags,
        dest="options",
        type=option_pair,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"an option of the provider, such as {flags[0]} temperature=0.2, also: "
        f"{flags[0]} temperature 0.2 (VALUE is JSON or text)",
    )


def add_timeout(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--timeout", type=above_0, metavar="SECONDS", help=what)


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
        "--base-url",
        dest="base_urls",
        action="append",
        default=[],
        metavar="[PROVIDER=]URL",
        help="where the provider is, if not at its site; with several say which",
    )


def add_cookies(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cookies",
        action="append",
        default=[],
        metavar="[PROVIDER=]FILE",
        help="cookies.txt, a JSON export or a HAR file",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_rate(parser: argparse.ArgumentParser, default: float | None, what: str) -> None:
    parser.add_argument(
        "--tokens-per-second", type=above_0, default=default, metavar="N", help=f"default: {what}"
    )


def joined_options(argv: Sequence[str], flags: Sequence[str]) -> list[str]:
    """*argv* with ``-o KEY VALUE`` written as ``-o KEY=VALUE``, for each of *flags*."""
    found: list[str] = []
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        found.append(word)
        if word == "--":
            return found + rest
        if word in flags and len(rest) > 1 and "=" not in rest[0]:
            key, value = rest.pop(0), rest.pop(0)
            found.append(f"{key}={value}")
    return found


def option_pair(text: str) -> tuple[str, str]:
    """``KEY=VALUE`` as a pair."""
    name, mark, value = text.partition("=")
    if not (name and mark):
        raise argparse.ArgumentTypeError(f"must look like KEY=VALUE or KEY VALUE, got {text!r}")
    return name, value


def model_list(text: str) -> list[str]:
    """Models with commas between them."""
    return [each.strip() for each in text.split(",") if each.strip()]


def count(text: str) -> int:
    """A whole number from 0."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"must be a whole number from 0, got {text!r}")
    return int(text)


def retry_from(retries: int | None) -> int | None:
    """What ``--retries`` gave, for ``retry=``, which counts the first attempt too."""
    return None if retries is None else retries + 1


def by_provider(
    option: str, values: Sequence[str], providers: Sequence[str], *, others_later: bool = False
) -> dict[str, str]:
    """``VALUE`` or ``PROVIDER=VALUE`` by the provider's name; alone it is for the only one.

    *providers* are those that are asked; one that is not is refused, unless it may be later.
    """
    known = {folded(each) for each in (*registry.provider_names(), *providers)}
    found = {}
    for text in values:
        name, mark, value = text.partition("=")
        if not (mark and folded(name) in known):
            if len({*providers}) != 1:
                raise InvalidRequest(f"{option}: say for which provider: PROVIDER={text}")
            name, value = providers[0], text
        if not others_later and folded(name) not in {folded(each) for each in providers}:
            raise InvalidRequest(f"{option} {text}: {name} is not asked")
        if not value:
            raise InvalidRequest(f"{option} {text}: nothing stands behind the provider's name")
        found[name] = value
    return found


def above_0(text: str) -> float:
    """A number above 0: of seconds, or of tokens a second."""
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


def options_from(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """What ``-o KEY=VALUE`` gave, for ``chat(**options)``."""
    from ..client import Client

    # The names of the client's own arguments; as options they would replace those.
    taken = {"self", "messages", "models"}
    for method in (Client.chat, Client.compare, Client.race):
        taken.update(method.__kwdefaults__ or ())
    for name, _ in pairs:
        if name in taken:
            raise InvalidRequest(f"-o {name}: not an option of a provider; see --help")
    return {name: option_value(value) for name, value in pairs}

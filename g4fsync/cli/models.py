"""``g4fsync models``: the names that ``-m`` takes, as a table."""

from __future__ import annotations

import argparse

from .. import registry
from ..client import Client
from ..errors import InvalidRequest
from ..providers.base import Provider
from . import options
from .listings import installed
from .tables import table
from .terminal import Terminal, visible, width

SECONDS = 30.0
EPILOG = """\
Of one provider the server is asked, where it can tell its models. Of all, the
names known here are listed.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument(
        "provider", nargs="?", help="a provider's name"
    ).completer = options.provider_names  # type: ignore[attr-defined]  # for argcomplete
    options.add_base_url(parser)
    options.add_timeout(parser, f"default: {SECONDS:g}")
    options.add_ca(parser)
    options.add_json(parser)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """One row per model, in the form that ``-m`` takes."""
    if arguments.provider is None:
        network = (arguments.base_urls or None, arguments.timeout, arguments.ca)
        if any(each is not None for each in network):
            raise InvalidRequest("--base-url, --timeout and --ca go with a provider's name")
        rows = [row for each in installed(terminal) for row in _rows(each)]
    else:
        provider = registry.provider_class(arguments.provider)
        rows = _asked(provider, arguments) if provider.lists_models else _rows(provider())
    if arguments.json:
        terminal.json({"models": [{"model": model, "notes": notes} for model, notes in rows]})
        return 0
    if not rows:
        terminal.note(f"g4fsync: {provider.name}: the server has no models")
        return 0
    terminal.line(table(("MODEL", "NOTES"), rows, width()))
    return 0


def _asked(provider: type[Provider], arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """A row per model that the provider's server tells."""
    base_urls = options.by_provider("--base-url", arguments.base_urls, [provider.name])
    timeout = SECONDS if arguments.timeout is None else arguments.timeout
    verify = arguments.ca or True
    with Client(base_urls=base_urls, timeout=timeout, verify=verify) as client:
        names = client.models(provider.name)
    # Made visible here, since the table counts characters.
    return [
        (f"{provider.name}:{visible(each)}", "default" if each == provider.default_model else "")
        for each in names
    ]


def _rows(provider: Provider) -> list[tuple[str, str]]:
    rows = []
    for model in provider.models:
        notes = ["default"] if model == provider.default_model else []
        notes += [f"alias {a}" for a, name in provider.model_aliases.items() if name == model]
        rows.append((f"{provider.name}:{model}", ", ".join(notes)))
    if provider.open_models:
        ask = f"g4fsync models {provider.name} asks the server"
        note = ask if provider.lists_models else "any other name is passed on"
        rows.append((f"{provider.name}:...", note))
    return rows

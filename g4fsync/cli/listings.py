"""``g4fsync providers`` and ``g4fsync models``: what can be asked, as tables."""

from __future__ import annotations

import argparse
from urllib.parse import urlsplit

from .. import registry
from ..client import Client
from ..errors import ConfigurationError, InvalidRequest
from ..providers.base import Provider
from .tables import table
from .terminal import Terminal, visible, width

MODELS_SECONDS = 30.0

_RETIRED = (
    "retired: the site has closed or no longer answers this protocol; "
    "g4fsync emulate runs a local stand-in for --base-url."
)


def providers(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """One row per provider."""
    rows = [
        (each.name, each.status, each.default_model or "", _count(each), _needs(each))
        for each in _all(terminal)
    ]
    terminal.line(table(("NAME", "STATUS", "DEFAULT MODEL", "MODELS", "NEEDS"), rows, width()))
    if any(row[1] == "retired" for row in rows):
        terminal.note(f"\n{_RETIRED}")
    return 0


def models(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """One row per model, in the form that ``-m`` takes."""
    if arguments.provider is None:
        options = (arguments.base_url, arguments.timeout, arguments.ca)
        if any(each is not None for each in options):
            raise InvalidRequest("--base-url, --timeout and --ca go with a provider's name")
        rows = [row for each in _all(terminal) for row in _rows(each)]
    else:
        provider = registry.provider_class(arguments.provider)
        rows = _asked(provider, arguments) if provider.lists_models else _rows(provider())
    if not rows:
        terminal.note(f"g4fsync: {provider.name}: the server has no models")
        return 0
    terminal.line(table(("MODEL", "NOTES"), rows, width()))
    return 0


def _asked(provider: type[Provider], arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """A row per model that the provider's server tells."""
    base_urls = {} if arguments.base_url is None else {provider.name: arguments.base_url}
    timeout = MODELS_SECONDS if arguments.timeout is None else arguments.timeout
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
        told = ask if provider.lists_models else "any other name is passed on"
        rows.append((f"{provider.name}:...", told))
    return rows


def _all(terminal: Terminal) -> list[Provider]:
    found = []
    for name in registry.provider_names():
        try:
            found.append(registry.provider_class(name)())
        except ConfigurationError as error:  # a broken plug-in must not hide the others
            terminal.note(f"g4fsync: {name}: {error}")
    return found


def _count(provider: Provider) -> str:
    if not provider.open_models:
        return str(len(provider.models))
    return f"{len(provider.models)} and any other" if provider.models else "any"


def _needs(provider: Provider) -> str:
    needs = []
    if provider.status == "self-hosted" or not provider.base_url:
        needs.append(" or ".join(["--base-url", *provider.base_url_variables[:1]]))
    if provider.status == "local":
        needs.append(f"a server at {urlsplit(provider.base_url).netloc}")
    if provider.needs_cookies:
        needs.append("cookies")
    if provider.needs_key:
        needs.append(f"a key ({provider.key_variables[0]})")
    return ", ".join(needs) or "nothing"
